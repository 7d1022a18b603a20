"""Scores from few labels: every method on the same draws of subjects and shots."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score, f1_score
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from ..errors import Img2ImuWarning, ParameterError, SignalError, SplitError
from ..errors import strict as strictly
from ..models.backbone import Backbone, load_backbone
from ..signals.features import handcrafted_features
from ..signals.splits import k_shot, split_by, split_randomly
from ..signals.windows import Windows
from . import probes
from .image_readout import ImageReadout

__all__ = ["Draw", "draws", "few_label", "score_predictions", "score_task", "split_windows"]

Probe = str | Callable[[int], ClassifierMixin]


class Draw(NamedTuple):
    """Who trains and who is tested, as positions among the windows.

    Attributes
    ----------
    seed, shots : int
    pool : int [.]
        All windows of the training groups, those without a label in hand too.
    train : int [.]
        The `shots` of each class that are labelled, drawn from the pool.
    test : int [.]
        All windows of the test groups.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> label, subject = np.repeat(["run", "walk"], 20), np.tile(np.arange(4), 10)
    >>> windows = Windows.from_numpy(rng.normal(size=(40, 3, 100)), label, subject, rate=50)
    >>> [draw] = draws(windows, shots=2, seeds=1)
    >>> len(draw.train), set(windows.subject[draw.train]) & set(windows.subject[draw.test])
    (4, set())
    """

    seed: int
    shots: int
    pool: np.ndarray
    train: np.ndarray
    test: np.ndarray


def draws(
    windows: Windows,
    shots: int | Sequence[int],
    seeds: int | Sequence[int],
    *,
    by: str | np.ndarray = "subject",
    test: float = 0.3,
    cap: bool = False,
) -> Iterator[Draw]:
    """Split by group, then draw shots, for each seed and number of shots.

    The single source of splits: `few_label` and `few_label_table` read their windows from here.
    Parameters and errors are those of `few_label`.

    Yields
    ------
    Draw
        Seed by seed; the split of a seed is the same for all its numbers of shots.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> label, subject = np.repeat(["run", "walk"], 20), np.tile(np.arange(4), 10)
    >>> windows = Windows.from_numpy(rng.normal(size=(40, 3, 100)), label, subject, rate=50)
    >>> [len(draw.train) for draw in draws(windows, shots=[1, 5], seeds=1)]
    [2, 10]
    """
    shots, seeds = _numbers(shots, "shots", 1), _numbers(seeds, "seeds", 0)
    labels = np.asarray(windows.label).astype(str)
    if (labels == "").any():
        raise SplitError(
            f"{(labels == '').sum()} of {len(labels)} windows have no label",
            remedy='Leave them out: windows[windows.label != ""].',
        )
    if len(set(labels)) < 2:
        raise SplitError(f"{len(set(labels))} class(es) of windows, expected two to tell apart")
    for seed in seeds:
        # By group: windows of one person look alike, and with overlap share the very samples.
        pool, tested = split_windows(windows, by, test, seed)
        for count in shots:
            # k_shot nests: 5 shots of a seed are among its 10 shots, so curves add windows only.
            yield Draw(seed, count, pool, pool[_k_shot(labels[pool], count, seed, cap)], tested)


def few_label(
    methods: Mapping[str, np.ndarray | tuple[np.ndarray, Probe]] | np.ndarray,
    windows: Windows,
    *,
    shots: int | Sequence[int] = (10,),
    seeds: int | Sequence[int] = 5,
    by: str | np.ndarray = "subject",
    test: float = 0.3,
    probe: Probe = "logistic",
    cap: bool = False,
    strict: bool = False,
    progress: bool = False,
) -> pd.DataFrame:
    """Score features by a simple classifier trained on a few windows of each class.

    Each seed draws test subjects, then `shots` training windows of each class from the other
    subjects. Every method sees the same draws, so differences between methods are paired.

    Parameters
    ----------
    methods : dict of name -> features [N, D], or -> (features, probe); or features [N, D] alone
        Row i describes ``windows[i]``. A probe of its own lets hand-crafted statistics meet a
        random forest: ``{"by hand": (handcrafted_features(windows), "forest")}``.
    windows : Windows
        Labelled; of them only labels and origins are used.
    shots : int or sequence of int
        Training windows of each class.
    seeds : int or sequence of int
        How many draws, or their seeds.
    by : {"subject", "recording", "random"} or array [N]
        What training and test must not share. ``"random"`` leaks and warns.
    test : float
        Share of the subjects (or groups) that are tested.
    probe : {"logistic", "svm", "knn", "forest"} or function of a seed -> classifier
        Of the methods that bring none, see `probes`.
    cap : bool
        Whether a class with fewer training windows than `shots` gives all it has, with a
        warning, where it would otherwise be an error.
    strict : bool
        Whether a warning (of what leaks, of too few windows) is an error.
    progress : bool
        Show a progress bar.

    Returns
    -------
    DataFrame
        One row for each shots, seed and method: ``method, shots, seed, macro_f1, accuracy,
        train_windows, test_windows, seconds`` (to fit and to predict).

    Raises
    ------
    SplitError
        Too few subjects, or windows of a class; windows without a label.
    SignalError
        Features of another length than the windows, or not finite.
    StrictError
        Under `strict`, what is a warning without.

    See Also
    --------
    summarize, paired_difference : what the rows say.

    Notes
    -----
    Macro-F1 is the mean over all classes; a class never predicted counts as 0. Probes compute on
    one thread, so the same seeds give the same table.

    Examples
    --------
    >>> from img2imu_kit import Recording, sliding_windows
    >>> people = [
    ...     Recording(np.full((64, 3), i), 32, labels=label, subject=who, name=who + label)
    ...     for who in "abcd"
    ...     for i, label in enumerate(["sit", "walk"])
    ... ]
    >>> cut = sliding_windows(people, seconds=0.5)
    >>> few_label({"mean": cut.signal.mean(axis=2)}, cut, shots=2, seeds=2).macro_f1.tolist()
    [1.0, 1.0]
    """
    labels = np.asarray(windows.label).astype(str)
    if not isinstance(methods, Mapping):
        methods = {"features": methods}
    probed = {name: _probed(name, method, len(labels), probe) for name, method in methods.items()}
    # All draws first: too few windows are said before an hour of scoring, not after.
    with strictly(strict):
        plan = list(draws(windows, shots, seeds, by=by, test=test, cap=cap))
    steps = tqdm(
        product(plan, probed.items()),
        total=len(plan) * len(probed),
        disable=not progress,
        unit="score",
    )
    rows = []
    with threadpool_limits(limits=1):  # sums in another order would round differently
        for draw, (name, (features, make_probe)) in steps:
            steps.set_description(f"{name}, {draw.shots} shots, seed {draw.seed}")
            start = time.perf_counter()
            classifier = make_probe(draw.seed).fit(features[draw.train], labels[draw.train])
            predicted = classifier.predict(features[draw.test])
            seconds = time.perf_counter() - start
            rows.append(
                {"method": name, "shots": draw.shots, "seed": draw.seed}
                | score_predictions(labels, predicted, draw)
                | {"seconds": seconds}
            )
    return pd.DataFrame(rows)


def score_predictions(labels: np.ndarray, predicted: np.ndarray, draw: Draw) -> dict:
    """Macro-F1, accuracy and numbers of windows: `labels` of all, `predicted` of those tested."""
    true = labels[draw.test]
    # F1_c = 2 TP / (2 TP + FP + FN) of each class, averaged with equal weight: a rare class
    # counts as much as a common one.
    macro_f1 = f1_score(true, predicted, labels=np.unique(labels), average="macro", zero_division=0)
    return {
        "macro_f1": float(macro_f1),
        "accuracy": float(accuracy_score(true, predicted)),
        "train_windows": len(draw.train),
        "test_windows": len(draw.test),
    }


def split_windows(
    windows: Windows, by: str | np.ndarray, test: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the training and the test windows of a seed, see `few_label`."""
    if isinstance(by, str) and by == "random":
        return split_randomly(windows.subject, windows.label, test=test, seed=seed)
    if isinstance(by, str) and by not in ("subject", "recording"):
        raise ParameterError(f'by is {by!r}, expected "subject", "recording", "random" or an array')
    groups = getattr(windows, by) if isinstance(by, str) else np.asarray(by)
    return split_by(groups, windows.label, test=test, seed=seed)


def score_task(
    labelled: Windows,
    networks: Mapping[str, Backbone] | None = None,
    *,
    by: str = "subject",
    shots: int | Sequence[int] = (10,),
    seeds: int | Sequence[int] = 5,
    test: float = 0.3,
    sensor: str = "acc",
    readout: ImageReadout | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Few-label scores of IMG2IMU, of the same network with random weights, and of statistics.

    The networks read two pictures at four depths, and each of these readings has a vote, as in
    the table of the evaluation. The statistics have a random forest.

    Parameters
    ----------
    labelled : Windows
    networks : dict of name -> Backbone, optional
        Default: ``"IMG2IMU"``, the weights ``"img2imu:walk-sensor"``, which have seen
        photographs only.
    by, shots, seeds, test
        As in `few_label`.
    sensor : str
        Prefix of the axes that all methods see: ``"acc"`` or ``"gyro"``.
    readout : ImageReadout, optional
        Of the networks.
    progress : bool
        Show progress bars.

    Returns
    -------
    DataFrame
        As from `few_label`.

    Raises
    ------
    SplitError
        Too few subjects, or windows of a class: said before a network reads anything.
    ParameterError
        No such sensor.

    Examples
    --------
    >>> table = score_task(load_task("gestures"), shots=5)  # doctest: +SKIP
    """
    shots, seeds = _numbers(shots, "shots", 1), _numbers(seeds, "seeds", 0)
    labelled = labelled.select(sensor)
    list(draws(labelled, shots, seeds, by=by, test=test))  # all of them exist
    networks = dict(networks or {"IMG2IMU": load_backbone(weights="img2imu:walk-sensor")})
    # The control: same architecture, padding and pixel statistics, and nothing learned.
    for network in tuple(networks.values()):
        networks.setdefault(f"random weights, {network.name}", network.untrained())
    readout = readout or ImageReadout()
    methods: dict = {
        name: probes.fuse(readout.read(labelled, network, progress=progress))
        for name, network in networks.items()
    }
    methods["statistics + forest"] = (handcrafted_features(labelled), "forest")
    options = {"shots": shots, "seeds": seeds, "by": by, "test": test, "progress": progress}
    return few_label(methods, labelled, **options)


def _numbers(value: int | Sequence[int], name: str, least: int) -> list[int]:
    """Shots as a list; a number of seeds becomes that many seeds."""
    if isinstance(value, (int, np.integer)):
        value = range(value) if name == "seeds" else [value]
    value = [int(v) for v in value]
    if not value or min(value) < least:
        raise ParameterError(f"{name} is {value}, expected whole numbers of {least} or more")
    return value


def _probed(name: str, method, count: int, probe: Probe) -> tuple[np.ndarray, Callable]:
    """A method's features, checked, and the function that makes its classifier."""
    features, own = method if isinstance(method, tuple) else (method, probe)
    features = np.asarray(features)
    if features.ndim != 2 or len(features) != count or features.shape[1] == 0:
        raise SignalError(
            f"features of shape {features.shape}, expected ({count}, D): one row for each window",
            where=name,
        )
    if not np.isfinite(features).all():
        raise SignalError("features hold NaN or infinity", where=name)
    return features, probes.find_probe(own)


def _k_shot(labels: np.ndarray, shots: int, seed: int, cap: bool) -> np.ndarray:
    """As `k_shot`; under `cap` a class that has fewer windows is taken whole."""
    if not cap:
        return k_shot(labels, shots, seed=seed)
    # Rare classes are set aside whole; the others are drawn as without them.
    names, counts = np.unique(labels, return_counts=True)
    rare = np.isin(labels, names[counts < shots])
    if rare.any():
        warnings.warn(
            f"{', '.join(np.unique(labels[rare]))}: fewer than {shots} training windows, "
            "all of them are used",
            Img2ImuWarning,
            stacklevel=4,
        )
    if rare.all():
        return np.arange(len(labels))
    drawn = np.flatnonzero(~rare)[k_shot(labels[~rare], shots, seed=seed)]
    return np.sort(np.concatenate([np.flatnonzero(rare), drawn]))
