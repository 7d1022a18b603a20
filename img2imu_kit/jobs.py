"""One row of the table: what decides it, and the work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from . import probes
from .evaluate import few_label
from .finetune import fine_tune
from .methods import Method
from .recipe import Reader, Recipe
from .rows import read_array, write_array, write_row
from .splits import split_by, split_randomly
from .windowing import Windows

__all__ = ["Job", "extract", "score", "unlabelled"]


@dataclass(frozen=True, eq=False)
class Job:
    """All that one row needs.

    Attributes
    ----------
    facts : dict
        What it is the row of: task, method, family, protocol, shots, seed, parameters.
    windows : Windows
        The task's.
    method : Method
    how : str or Recipe
        Probe of features, or recipe of fine-tuning.
    by, test, device
        As in `few_label_table`.
    row, features : Path
        Files of the row and of the method's features.
    """

    facts: dict
    windows: Windows
    method: Method
    how: str | Recipe
    by: str
    test: float
    device: str
    row: Path
    features: Path

    @property
    def groups(self) -> np.ndarray:
        """Who is not shared by training and test, str [N]."""
        return self.windows.recording if self.by == "recording" else self.windows.subject


def extract(job: Job) -> None:
    """Write the features of the task's windows."""
    write_array(job.features, _adapted(job).features(job.windows))


def score(job: Job) -> None:
    """Write the row.

    One call of `few_label` with positions for features, so that probes and fine-tuning share
    its draws and its scores.
    """
    if isinstance(job.how, str):
        classifier = _Probe(read_array(job.features), probes.find(job.how))
    else:
        classifier = _FineTune(_adapted(job).reader(job.windows), job)
    table = few_label(
        {"": (np.arange(len(job.windows))[:, None], classifier.begin)},
        job.windows,
        shots=job.facts["shots"],
        seeds=[job.facts["seed"]],
        by=job.by,
        test=job.test,
        cap=True,
    )
    scores = ["macro_f1", "accuracy", "train_windows", "test_windows", "seconds"]
    row = table[scores].iloc[0].to_dict()
    row |= {name: int(row[name]) for name in ("train_windows", "test_windows")}
    write_row(job.row, row | _confusion(job, classifier.asked, classifier.guessed))


def unlabelled(windows: Windows, by: str, test: float, seed: int) -> Windows:
    """The training windows of a draw without their labels, for pre-training.

    Examples
    --------
    >>> from img2imu_kit import synthetic, windows
    >>> cut = windows(synthetic(subjects=4, seconds=20), seconds=4)
    >>> seen = unlabelled(cut, "subject", test=0.3, seed=0)
    >>> len(set(seen.subject)), seen.classes
    (3, ())
    """
    if by == "random":
        train, _ = split_randomly(windows.subject, windows.label, test=test, seed=seed)
    else:
        train, _ = split_by(getattr(windows, by), windows.label, test=test, seed=seed)
    return replace(windows[train], label=np.full(len(train), "", dtype=object))


def _adapted(job: Job) -> Method:
    """The method, after it has seen the task's unlabelled windows if it wants to."""
    if not hasattr(job.method, "adapt"):
        return job.method
    seed = job.facts["seed"]
    method = job.method.adapt(unlabelled(job.windows, job.by, job.test, seed), seed)
    if not getattr(method, "finished", True):  # Ctrl-C: half-trained weights make no row
        raise KeyboardInterrupt
    return method


class _Probe:
    """A classifier of positions: looks up their features."""

    def __init__(self, features: np.ndarray, make: Callable) -> None:
        self.features, self.make = features, make

    def begin(self, seed: int) -> _Probe:
        self.model = self.make(seed)
        return self

    def fit(self, positions: np.ndarray, labels: np.ndarray) -> _Probe:
        self.model.fit(self.features[positions[:, 0]], labels)
        return self

    def predict(self, positions: np.ndarray) -> np.ndarray:
        self.asked = positions[:, 0]
        self.guessed = self.model.predict(self.features[self.asked])
        return self.guessed


class _FineTune:
    """A classifier of positions: fine-tunes on their windows."""

    def __init__(self, reader: Reader, job: Job) -> None:
        self.reader, self.job = reader, job

    def begin(self, seed: int) -> _FineTune:
        self.seed = seed
        return self

    def fit(self, positions: np.ndarray, labels: np.ndarray) -> _FineTune:
        drawn = positions[:, 0]
        self.model = fine_tune(
            self.reader,
            self.job.windows[drawn],
            recipe=self.job.how,
            groups=self.job.groups[drawn],
            seed=self.seed,
            device=self.job.device,
        )
        return self

    def predict(self, positions: np.ndarray) -> np.ndarray:
        self.asked = positions[:, 0]
        self.guessed = self.model.predict(self.job.windows[self.asked]).astype(str)
        return self.guessed


def _confusion(job: Job, asked: np.ndarray, guessed: np.ndarray) -> dict[str, list]:
    """Counts [groups, true class, guessed class], flattened, and their names."""
    groups, group = np.unique(job.groups[asked].astype(str), return_inverse=True)
    classes = np.array(job.windows.classes, dtype=str)
    true, guess = (
        np.searchsorted(classes, labels.astype(str))
        for labels in (job.windows.label[asked], guessed)
    )
    counts = np.zeros((len(groups), len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (group, true, guess), 1)
    names = {"classes": classes.tolist(), "groups": groups.tolist()}
    return names | {"confusion": counts.ravel().tolist()}
