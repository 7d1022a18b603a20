"""Few labels, honest numbers: every method on the same draws of subjects and shots.

What a backbone scores on a task.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score, f1_score
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from ..errors import ParameterError, SignalError, SplitError
from ..models.backbone import load_backbone
from ..pictures.image import to_image
from ..pictures.params import SpectrogramParams, resolve
from ..signals.features import handcrafted_features
from ..signals.splits import k_shot, split_by, split_randomly
from ..signals.windows import Windows
from . import probes

__all__ = ["few_label", "paired_difference", "score_task", "summarize"]

Probe = str | Callable[[int], ClassifierMixin]


def few_label(
    methods: Mapping[str, np.ndarray | tuple[np.ndarray, Probe]],
    windows: Windows,
    *,
    shots: int | Sequence[int] = (10,),
    seeds: int | Sequence[int] = 5,
    by: str | np.ndarray = "subject",
    test: float = 0.3,
    probe: Probe = "logistic",
    cap: bool = False,
    progress: bool = False,
) -> pd.DataFrame:
    """Score features by a simple classifier trained on a few windows of each class.

    Each seed draws test subjects, then `shots` training windows of each class from the other
    subjects. Every method sees the same draws, so differences between methods are paired.

    Parameters
    ----------
    methods : dict of name -> features [N, D], or -> (features, probe)
        Row i describes ``windows[i]``. A probe of its own lets hand-crafted statistics meet a
        random forest: ``{"by hand": (describe(windows), "forest")}``.
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

    Notes
    -----
    Macro-F1 is the mean over all classes; a class never predicted counts as 0. Probes compute on
    one thread, so the same seeds give the same table.

    Examples
    --------
    >>> from img2imu_kit import Recording, windows
    >>> people = [
    ...     Recording(np.full((64, 3), i), 32, labels=label, subject=who, name=who + label)
    ...     for who in "abcd"
    ...     for i, label in enumerate(["sit", "walk"])
    ... ]
    >>> cut = windows(people, seconds=0.5)
    >>> few_label({"mean": cut.signal.mean(axis=2)}, cut, shots=2, seeds=2).macro_f1.tolist()
    [1.0, 1.0]
    """
    shots, seeds = _several(shots, "shots", 1), _several(seeds, "seeds", 0)
    labels = np.asarray(windows.label).astype(str)
    if (labels == "").any():
        raise SplitError(
            f"{(labels == '').sum()} of {len(labels)} windows have no label",
            remedy='Leave them out: windows[windows.label != ""].',
        )
    classes = np.unique(labels)
    readers = {name: _reader(name, method, len(labels), probe) for name, method in methods.items()}
    rows = []
    steps = tqdm(total=len(shots) * len(seeds) * len(readers), disable=not progress, unit="score")
    with steps, threadpool_limits(limits=1):
        for seed in seeds:
            train, tested = _split(windows, labels, by, test, seed)
            for count in shots:
                drawn = train[_draw(labels[train], count, seed, cap)]
                for name, (features, make) in readers.items():
                    steps.set_description(f"{name}, {count} shots, seed {seed}")
                    start = time.perf_counter()
                    classifier = make(seed).fit(features[drawn], labels[drawn])
                    guessed = classifier.predict(features[tested])
                    seconds = time.perf_counter() - start
                    macro_f1 = f1_score(
                        labels[tested], guessed, labels=classes, average="macro", zero_division=0
                    )
                    rows.append(
                        {
                            "method": name,
                            "shots": count,
                            "seed": seed,
                            "macro_f1": float(macro_f1),
                            "accuracy": float(accuracy_score(labels[tested], guessed)),
                            "train_windows": len(drawn),
                            "test_windows": len(tested),
                            "seconds": seconds,
                        }
                    )
                    steps.update()
    return pd.DataFrame(rows)


def summarize(table: pd.DataFrame, metric: str = "macro_f1") -> pd.DataFrame:
    """Mean of a metric over the draws, with its 95 % t-interval.

    Parameters
    ----------
    table : DataFrame
        From `few_label`.
    metric : str

    Returns
    -------
    DataFrame
        One row for each method and shots: ``method, shots, <metric>, low, high, draws``. The
        interval is mean -/+ t(0.975, n - 1) s / sqrt(n), NaN for a single draw.

    Notes
    -----
    Draws share subjects, so the interval speaks of this collection of people and of the luck of
    the draw, not of people in general.
    """
    rows = []
    for (method, shots), group in table.groupby(["method", "shots"], sort=False):
        values = group[metric].to_numpy()
        count, mean, half = len(values), values.mean(), np.nan
        if count > 1:
            half = stats.t.ppf(0.975, count - 1) * values.std(ddof=1) / np.sqrt(count)
        rows.append((method, shots, mean, mean - half, mean + half, count))
    return pd.DataFrame(rows, columns=["method", "shots", metric, "low", "high", "draws"])


def paired_difference(
    table: pd.DataFrame, a: str, b: str, metric: str = "macro_f1", *, seed: int = 0
) -> pd.DataFrame:
    """How much method a is above method b on the same draws, with a 95 % bootstrap interval.

    Parameters
    ----------
    table : DataFrame
        From `few_label`.
    a, b : str
        Methods.
    metric : str
    seed : int
        Of the 10,000 resamples of the draws.

    Returns
    -------
    DataFrame
        One row for each shots: ``shots, difference, low, high, wins`` (share of the draws in
        which a is above b) and ``draws``.

    Raises
    ------
    ParameterError
        A method that is not in the table.
    """
    for method in (a, b):
        if method not in set(table["method"]):
            known = ", ".join(map(repr, table["method"].unique()))
            raise ParameterError(f"no method {method!r} in the table", remedy=f"There are {known}.")
    scores = table.pivot(index=["shots", "seed"], columns="method", values=metric)
    generator = np.random.default_rng(seed)
    rows = []
    for shots, group in (scores[a] - scores[b]).dropna().groupby(level="shots"):
        values = group.to_numpy()
        means = generator.choice(values, (10_000, len(values))).mean(axis=1)
        low, high = np.quantile(means, [0.025, 0.975])
        rows.append((shots, values.mean(), low, high, (values > 0).mean(), len(values)))
    return pd.DataFrame(rows, columns=["shots", "difference", "low", "high", "wins", "draws"])


def _several(value: int | Sequence[int], name: str, least: int) -> list[int]:
    """Shots as a list; a number of seeds becomes that many seeds."""
    if isinstance(value, (int, np.integer)):
        value = range(value) if name == "seeds" else [value]
    value = [int(v) for v in value]
    if not value or min(value) < least:
        raise ParameterError(f"{name} is {value}, expected whole numbers of {least} or more")
    return value


def _reader(name: str, method, count: int, probe: Probe) -> tuple[np.ndarray, Callable]:
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


def _split(windows: Windows, labels: np.ndarray, by, test: float, seed: int):
    if isinstance(by, str) and by == "random":
        return split_randomly(windows.subject, labels, test=test, seed=seed)
    if isinstance(by, str) and by not in ("subject", "recording"):
        raise ParameterError(f'by is {by!r}, expected "subject", "recording", "random" or an array')
    groups = getattr(windows, by) if isinstance(by, str) else np.asarray(by)
    return split_by(groups, labels, test=test, seed=seed)


def _draw(labels: np.ndarray, shots: int, seed: int, cap: bool) -> np.ndarray:
    """As `k_shot`; under `cap` a class that has fewer windows is taken whole."""
    if not cap:
        return k_shot(labels, shots, seed=seed)
    names, counts = np.unique(labels, return_counts=True)
    rare = np.isin(labels, names[counts < shots])
    if rare.any():
        warnings.warn(
            f"{', '.join(np.unique(labels[rare]))}: fewer than {shots} training windows, "
            "all of them are used",
            stacklevel=3,
        )
    if rare.all():
        return np.arange(len(labels))
    drawn = np.flatnonzero(~rare)[k_shot(labels[~rare], shots, seed=seed)]
    return np.sort(np.concatenate([np.flatnonzero(rare), drawn]))


def score_task(
    labelled: Windows,
    backbone: str = "mobilenetv2_100",
    weights: str | Path | None = None,
    *,
    by: str = "subject",
    shots: int | Sequence[int] = (10,),
    seeds: int | Sequence[int] = 5,
    sensor: str = "acc",
    params: str | SpectrogramParams | None = None,
    layer: int | None = 1,
    pool: str = "grid",
    progress: bool = False,
    **overrides,
) -> pd.DataFrame:
    """Few-label scores: these weights, random weights, and hand-crafted statistics.

    Parameters
    ----------
    labelled : Windows
    backbone, weights
        As in `load_backbone`; without weights only the random network is read.
    by, shots, seeds
        As in `few_label`.
    sensor : str
        Prefix of the axes that all methods see: ``"acc"`` or ``"gyro"``.
    params, **overrides
        The picture, as in `to_image`.
    layer, pool
        As in `Backbone.features`. An early layer, pooled so that frequency is kept, is our
        choice: global averages throw away where on the frequency axis something happened.
    progress : bool
        Show progress bars.

    Returns
    -------
    DataFrame
        As from `few_label`.
    """
    labelled = labelled.select(sensor)
    images = to_image(labelled, params=resolve(params, **{"channels": sensor} | overrides))
    network = load_backbone(backbone, weights)
    networks = {} if weights is None else {f"weights: {Path(weights).name}": network}
    networks["random weights"] = network.untrained()
    methods: dict = {
        name: network.features(images, layer=layer, pool=pool, progress=progress)
        for name, network in networks.items()
    }
    methods["hand-crafted + random forest"] = (handcrafted_features(labelled), "forest")
    return few_label(methods, labelled, shots=shots, seeds=seeds, by=by, progress=progress)
