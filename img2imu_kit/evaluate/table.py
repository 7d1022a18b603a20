"""One row of the table: what decides it, and the work.

Every task, method, protocol, number of shots and draw: one row each, computed once.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import joblib
import numpy as np
import pandas as pd
import torch
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from ..errors import LeakageWarning, ParameterError
from ..models.readout import SignalNetwork
from ..signals import splits
from ..signals.splits import split_by, split_randomly
from ..signals.windows import Windows
from . import few_labels as evaluate
from . import finetune, probes
from . import finetune as recipe
from . import table as jobs
from .cache import cache_key, read_array, read_row, write_array, write_row
from .few_labels import few_label
from .finetune import FineTuneConfig, fine_tune, parts_used
from .methods import Method

__all__ = ["PROTOCOLS", "Job", "extract_features", "few_label_table", "score_row", "unlabelled"]


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
    how: str | FineTuneConfig
    by: str
    test: float
    device: str
    row: Path
    features: Path

    @property
    def groups(self) -> np.ndarray:
        """Who is not shared by training and test, str [N]."""
        return self.windows.recording if self.by == "recording" else self.windows.subject


def extract_features(job: Job) -> None:
    """Write the features of the task's windows."""
    write_array(job.features, _adapted(job).features(job.windows))


def score_row(job: Job) -> None:
    """Write the row.

    One call of `few_label` with positions for features, so that probes and fine-tuning share
    its draws and its scores.
    """
    if isinstance(job.how, str):
        classifier = _Probe(read_array(job.features), probes.find_probe(job.how))
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

    def __init__(self, reader: SignalNetwork, job: Job) -> None:
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


#: What is done with the few labels: a probe of frozen features, or a recipe of fine-tuning.
PROTOCOLS: dict[str, str | FineTuneConfig] = {
    "linear": "logistic",
    "knn": "knn",
    "full": FineTuneConfig(),
    "partial": FineTuneConfig(blocks=2),
}

#: Their versions are part of a row's name.
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "timm")


def few_label_table(
    tasks: Mapping[str, Windows],
    methods: Mapping[str, Method],
    *,
    shots: Sequence[int] | Mapping[str, Sequence[int]] = (5, 10),
    seeds: int | Sequence[int] = 5,
    protocols: Sequence[str] | Mapping[str, str | FineTuneConfig] = ("linear",),
    by: str | Mapping[str, str] = "subject",
    test: float = 0.3,
    folder: str | Path | None = None,
    workers: int | None = None,
    device: str = "cpu",
    progress: bool = True,
) -> pd.DataFrame:
    """Score methods on tasks with few labels, each row kept on disk as soon as it is known.

    Parameters
    ----------
    tasks : dict of name -> Windows
        Labelled.
    methods : dict of name -> Method
        See `methods`. One that has an `only` is scored by that protocol alone, and one without a
        `reader` takes no part in fine-tuning.
    shots : sequence of int, or dict of protocol -> sequence of int
        Labelled windows of each class; one with fewer training windows gives all it has. A method
        that has an `only` is scored with all of the numbers.
    seeds : int or sequence of int
        As in `few_label`: every method sees the same draws.
    protocols : names in `PROTOCOLS`, or dict of name -> probe or Recipe
        A recipe is changed by `Recipe.from_scratch` for methods with random weights.
    by : str, or dict of task -> str
        What training and test must not share, as in `few_label`.
    test : float
        Share of the subjects (or groups) that are tested.
    folder : path, optional
        Where rows and features are kept. A call that was interrupted continues there, and one
        that asks for more computes only what is new. A row's name follows from all that decides
        it: windows, method, protocol, draw, the code, and the versions of libraries.
    workers : int, optional
        Processes, of one thread each. Default: one for each core.
    device : str
        Where networks are fine-tuned.
    progress : bool
        Show progress bars with the time that is left.

    Returns
    -------
    DataFrame
        One row for each task, method, protocol, shots and seed: ``task, method, family, protocol,
        fixed`` (whether it is the only one that the method knows), ``shots, seed, parameters`` (of
        the network as far as it is read), ``macro_f1, accuracy, train_windows, test_windows,
        seconds`` (to fit and to predict), and ``classes, groups, confusion``: counts of test
        windows by group, true and guessed class, flattened; see `readings.confusions`.

    Raises
    ------
    SplitError
        Too few subjects or classes in a task.
    ParameterError
        An unknown protocol, or one that `shots` does not name, or a task that `by` does not.

    Notes
    -----
    On a CPU the same call gives the same numbers whatever the number of workers; only
    ``seconds`` differs.
    """
    options = {"shots": shots, "seeds": seeds, "protocols": protocols, "by": by, "test": test}
    if folder is None:
        with TemporaryDirectory() as temporary:
            options |= {"workers": workers, "device": device, "progress": progress}
            return few_label_table(tasks, methods, folder=temporary, **options)
    plan = list(_plan(tasks, methods, device, Path(folder), **options))
    missing = {job.row: job for job in plan if read_row(job.row) is None}.values()
    probed = {job.features: job for job in missing if isinstance(job.how, str)}
    absent = [job for path, job in probed.items() if read_array(path) is None]
    _run("features", extract_features, absent, workers, progress)
    _run("scores", score_row, missing, workers, progress)
    return pd.DataFrame([job.facts | read_row(job.row) for job in plan])


def _plan(
    tasks: Mapping[str, Windows],
    methods: Mapping[str, Method],
    device: str,
    folder: Path,
    *,
    shots: Sequence[int] | Mapping[str, Sequence[int]],
    seeds: int | Sequence[int],
    protocols: Sequence[str] | Mapping[str, str | FineTuneConfig],
    by: str | Mapping[str, str],
    test: float,
) -> Iterator[Job]:
    """The rows that were asked for, in order, each with the names of its files."""
    seeds = range(seeds) if isinstance(seeds, int) else seeds
    ways = _ways(protocols)
    counts = shots if isinstance(shots, Mapping) else dict.fromkeys(ways, shots)
    if unnamed := [name for name in ways if name not in counts]:
        raise ParameterError(f"shots has no entry for {unnamed}", remedy=f"It is {dict(counts)}.")
    every = sorted({count for name in ways for count in counts[name]})
    prints = {name: [type(m).__name__, m.fingerprint()] for name, m in methods.items()}
    versions = {name: version(name) for name in _LIBRARIES}
    common = cache_key(versions, evaluate, jobs, probes, splits)
    tuning = cache_key(device, finetune, recipe)
    for task, windows in tasks.items():
        group = by if isinstance(by, str) else by.get(task, "")
        if group not in ("subject", "recording", "random"):
            raise ParameterError(f"by has no entry for task {task!r}", remedy=f"It is {by}.")
        if group == "random":
            warnings.warn(
                f"{task}: windows are split at random, so scores are too high",
                LeakageWarning,
                stacklevel=3,
            )
        data = cache_key(windows)
        for name, method in methods.items():
            reader = method.reader(windows)
            parameters = _count(reader, windows) if reader is not None else 0
            for protocol, how in _own_ways(method, ways, reader is not None):
                for count in every if method.only else counts[protocol]:
                    for seed in seeds:
                        draw = [group, test, seed] if hasattr(method, "adapt") else []
                        features = cache_key(data, prints[name], draw)
                        again = cache_key(common, features, group, test, how, count, seed)
                        if isinstance(how, FineTuneConfig):
                            again = cache_key(again, tuning)
                        yield Job(
                            facts={
                                "task": task,
                                "method": name,
                                "family": method.family,
                                "protocol": protocol,
                                "fixed": method.only is not None,
                                "shots": int(count),
                                "seed": int(seed),
                                "parameters": parameters,
                            },
                            windows=windows,
                            method=method,
                            how=how,
                            by=group,
                            test=test,
                            device=device,
                            row=folder / "rows" / f"{again}.parquet",
                            features=folder / "features" / f"{features}.npy",
                        )


def _ways(
    protocols: Sequence[str] | Mapping[str, str | FineTuneConfig],
) -> dict[str, str | FineTuneConfig]:
    if isinstance(protocols, Mapping):
        return dict(protocols)
    unknown = [name for name in protocols if name not in PROTOCOLS]
    if unknown or isinstance(protocols, str):
        raise ParameterError(
            f"protocols are {protocols!r}", remedy=f"Give a list of {', '.join(PROTOCOLS)}."
        )
    return {name: PROTOCOLS[name] for name in protocols}


def _own_ways(
    method: Method, ways: dict[str, str | FineTuneConfig], learns: bool
) -> Iterator[tuple[str, str | FineTuneConfig]]:
    """The protocols that a method takes part in, its own where it has one."""
    if only := method.only:
        ways = {only: ways.get(only, PROTOCOLS.get(only, only))}
    for name, how in ways.items():
        if isinstance(how, FineTuneConfig) and learns:
            yield name, how.from_scratch() if method.scratch else how
        elif isinstance(how, str):
            yield name, how


def _count(reader, windows: Windows) -> int:
    used = parts_used(reader, torch.from_numpy(windows.signal[:2]))
    return sum(parameter.numel() for parameter in used.values())


def _run(
    what: str, work: Callable, jobs: Iterable[Job], workers: int | None, progress: bool
) -> None:
    """Do the jobs side by side, each on one thread."""
    jobs = list(jobs)
    workers = min(workers or joblib.cpu_count(), max(1, len(jobs)))
    parallel = joblib.Parallel(workers, return_as="generator_unordered")
    done = parallel(joblib.delayed(_alone)(work, job) for job in jobs)
    for _ in tqdm(done, what, total=len(jobs), disable=not (progress and jobs), unit="row"):
        pass


def _alone(work: Callable, job: Job) -> None:
    with _one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # small classes, constant axes: the rows tell
        work(job)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        torch.set_num_threads(before)
