"""What rows of scores say: means, paired differences with intervals, confusions, the claim.

Every function takes rows of `few_label` or `few_label_table`, one a draw.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from ..errors import ParameterError, unknown_name

__all__ = [
    "claims",
    "compare",
    "confusions",
    "format_points",
    "macro_f1",
    "paired_difference",
    "pretraining_gains",
    "ranks",
    "select_protocol",
    "summarize",
    "voter_gains",
]

#: Metrics from 0 to 1.
_SHARES = ("macro_f1", "accuracy")


def summarize(table: pd.DataFrame, metric: str = "macro_f1") -> pd.DataFrame:
    """Mean of a metric over the draws, with its 95 % t-interval.

    Parameters
    ----------
    table : DataFrame
        From `few_label` or `few_label_table`.
    metric : str

    Returns
    -------
    DataFrame
        One row for each method and shots (of a large table: for each task, protocol, method and
        shots): ``method, shots, <metric>, low, high, draws``. The interval is
        mean -/+ t(0.975, n - 1) s / sqrt(n), NaN for a single draw; of a score it ends at 0 and 1.

    See Also
    --------
    paired_difference : differences are sharper than two intervals side by side.

    Notes
    -----
    Draws share subjects, so the interval speaks of this collection of people and of the luck of
    the draw, not of people in general.

    Examples
    --------
    >>> scores = [0.8, 0.7, 0.9, 0.7, 0.7, 0.6]
    >>> table = pd.DataFrame({"method": ["a", "b"] * 3, "shots": 5, "seed": [0, 0, 1, 1, 2, 2]})
    >>> table["macro_f1"] = scores
    >>> summarize(table)[["method", "macro_f1", "draws"]]
      method  macro_f1  draws
    0      a  0.800000      3
    1      b  0.666667      3
    """
    keys = [name for name in ("task", "protocol", "method", "shots") if name in table]
    rows = []
    for key, group in table.groupby(keys, sort=False):
        values = group[metric].to_numpy()
        # Five draws are few: t(0.975, 4) is 2.78, where a normal interval would take 1.96.
        count, mean, half = len(values), values.mean(), np.nan
        if count > 1:
            half = stats.t.ppf(0.975, count - 1) * values.std(ddof=1) / np.sqrt(count)
        low, high = mean - half, mean + half
        if metric in _SHARES:
            low, high = max(low, 0.0), min(high, 1.0)  # NaN stays: it is less than nothing
        rows.append((*key, mean, low, high, count))
    return pd.DataFrame(rows, columns=[*keys, metric, "low", "high", "draws"])


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

    See Also
    --------
    compare : where rows hold confusions, subjects are resampled too.

    Examples
    --------
    >>> scores = [0.8, 0.7, 0.9, 0.7, 0.7, 0.6]
    >>> table = pd.DataFrame({"method": ["a", "b"] * 3, "shots": 5, "seed": [0, 0, 1, 1, 2, 2]})
    >>> table["macro_f1"] = scores
    >>> paired_difference(table, "a", "b").difference.round(3).tolist()
    [0.133]
    """
    for method in (a, b):
        if method not in set(table["method"]):
            raise unknown_name("method", method, table["method"].unique(), where="table")
    scores = table.pivot(index=["shots", "seed"], columns="method", values=metric)
    generator = np.random.default_rng(seed)
    rows = []
    for shots, group in (scores[a] - scores[b]).dropna().groupby(level="shots"):
        values = group.to_numpy()
        # One hard draw lowers both methods alike; the difference does not see it.
        means = generator.choice(values, (10_000, len(values))).mean(axis=1)
        interval = _interval(means).values()
        rows.append((shots, values.mean(), *interval, (values > 0).mean(), len(values)))
    return pd.DataFrame(rows, columns=["shots", "difference", "low", "high", "wins", "draws"])


def select_protocol(table: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """Rows of one protocol, and with as many shots those of methods that know but one of their own.

    Parameters
    ----------
    table : DataFrame
        From `few_label_table`.
    protocol : str

    Raises
    ------
    ParameterError
        A protocol that is not in the table.

    Examples
    --------
    >>> table = pd.DataFrame({"method": ["a", "a", "b"], "protocol": ["linear", "full", "forest"]})
    >>> table = table.assign(shots=5, fixed=[False, False, True])
    >>> select_protocol(table, "linear").method.tolist()
    ['a', 'b']
    """
    # The forest has one probe of its own; it stands beside the others under every protocol.
    free = table[~table.fixed]
    if protocol not in set(free.protocol):
        raise unknown_name("protocol", protocol, free.protocol.unique(), where="table")
    chosen = free[free.protocol == protocol]
    fixed = table[table.fixed & table.shots.isin(chosen.shots)]
    return pd.concat([chosen, fixed]).sort_index().reset_index(drop=True)


def compare(
    table: pd.DataFrame,
    ours: str,
    others: Sequence[str],
    *,
    against: str = "mean",
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """How much one method is above others in macro-F1, on the same draws, with 95 % intervals.

    Parameters
    ----------
    table : DataFrame
        From `few_label_table`, one protocol, see `select_protocol`.
    ours : str
    others : sequence of str
        Methods compared with.
    against : {"mean", "best"}
        Their mean, or the one whose mean over the draws is highest in that task with that many
        shots: chosen in hindsight, so the comparison is hard on us.
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        ``task, shots, difference, low, high, ours, theirs, best``; for each number of shots one
        row a task, then one for the plain average over tasks (``"average"``).

    Raises
    ------
    ParameterError
        A method that is not in the table, or draws that the methods do not share.

    Notes
    -----
    Draws are resampled with replacement and, within each, the groups (subjects) that it tests;
    the same for all methods. Macro-F1 of a resample is over the classes that occur in it. The
    draws share subjects and training data are not resampled, so the intervals speak of this
    collection of people; with the two or three test subjects of a small data set they are rough.

    Examples
    --------
    >>> import img2imu_kit as ik
    >>> from img2imu_kit.evaluate import Handcrafted, few_label_table
    >>> people = ik.load_dataset("synthetic", subjects=3, seconds=6, classes=["still", "walk",
    ...     "run"])
    >>> windows = ik.sliding_windows(people, seconds=2)
    >>> methods = {"ours": Handcrafted("logistic"), "other": Handcrafted("knn")}
    >>> table = few_label_table({"moves": windows}, methods, shots=[1], seeds=2, workers=1,
    ...     progress=False)
    >>> list(compare(table, "ours", ["other"], resamples=50).task)
    ['moves', 'average']
    """
    if against not in ("mean", "best") or not others:
        raise ParameterError(
            f"against is {against!r} with {len(others)} other methods",
            remedy='Give "mean" or "best" and at least one method.',
        )
    rows = []
    for shots, same_shots in table.groupby("shots"):
        samples = []
        for place, (task, group) in enumerate(same_shots.groupby("task", sort=False)):
            generator = np.random.default_rng([seed, place])
            point, resampled = _resample(group, [ours, *others], resamples, generator)
            # the best on these very draws, which flatters the other side, never ours
            best = max(others, key=point.__getitem__)
            chosen = [best] if against == "best" else others
            theirs = np.mean([point[name] for name in chosen])
            samples.append(resampled[ours] - np.mean([resampled[name] for name in chosen], axis=0))
            row = {"task": task, "shots": shots, "difference": point[ours] - theirs}
            row |= _interval(samples[-1]) | {"ours": point[ours], "theirs": theirs, "best": best}
            rows.append(row)
        mean = pd.DataFrame(rows[-len(samples) :])[["difference", "ours", "theirs"]].mean()
        average = {"task": "average", "shots": shots} | mean.to_dict() | {"best": ""}
        # Tasks are resampled apart (other people), so their errors average out.
        rows.append(average | _interval(np.mean(samples, axis=0)))
    columns = ["task", "shots", "difference", "low", "high", "ours", "theirs", "best"]
    return pd.DataFrame(rows)[columns]


def claims(table: pd.DataFrame, ours: str) -> dict[str, pd.DataFrame]:
    """The paper's claim, asked of a table: one method against sensor baselines and the others.

    Parameters
    ----------
    table : DataFrame
        From `few_label_table` with methods of `methods`, one protocol.
    ours : str

    Returns
    -------
    dict of what it is compared with -> DataFrame, see `compare`
        What the table does not hold is left out.

    Examples
    --------
    >>> import img2imu_kit as ik
    >>> from img2imu_kit.evaluate import Handcrafted, few_label_table
    >>> people = ik.load_dataset("synthetic", subjects=3, seconds=6, classes=["still", "walk",
    ...     "run"])
    >>> windows = ik.sliding_windows(people, seconds=2)
    >>> methods = {"ours": Handcrafted("logistic"), "other": Handcrafted("knn")}
    >>> table = few_label_table({"moves": windows}, methods, shots=[1], seeds=2, workers=1,
    ...     progress=False)
    >>> list(claims(table, "ours"))
    ['other']
    """
    family = table.drop_duplicates("method").set_index("method").family
    sensors = list(family.index[family == "sensor"])
    rivals = {
        f"mean of sensor baselines, {kind}": ([n for n in sensors if n.endswith(kind)], "mean")
        for kind in ("corpus", "own windows")
    }
    rivals["best sensor baseline"] = (sensors, "best")
    single = [name for name in family.index if name.startswith("random weights")]
    single += [name for name in family.index if family[name] in ("by hand", "vision")]
    rivals |= {name: ([name], "mean") for name in single if name != ours}
    return {
        name: compare(table, ours, others, against=against)
        for name, (others, against) in rivals.items()
        if others
    }


def pretraining_gains(table: pd.DataFrame, shots: int) -> pd.DataFrame:
    """What pre-training is worth to each sensor baseline: points above its own random weights.

    Returns
    -------
    DataFrame
        One row for each baseline: ``method``, a column for each task and ``average`` with
        `format_points`, and ``tasks won``.

    Examples
    --------
    >>> import img2imu_kit as ik
    >>> from img2imu_kit.evaluate import Handcrafted, few_label_table
    >>> people = ik.load_dataset("synthetic", subjects=3, seconds=6, classes=["still", "walk",
    ...     "run"])
    >>> windows = ik.sliding_windows(people, seconds=2)
    >>> names = ("simclr, corpus", "simclr, random weights")
    >>> methods = {name: Handcrafted("logistic") for name in names}
    >>> table = few_label_table({"moves": windows}, methods, shots=[1], seeds=2, workers=1,
    ...     progress=False)
    >>> pretraining_gains(table.assign(family="sensor"), shots=1)["tasks won"].tolist()
    ['0 of 1', '0 of 1']
    """
    table = table[table.shots == shots]
    rows = []
    for name in table.method[table.family == "sensor"].unique():
        random = f"{name.split(',')[0]}, random weights"
        if random not in set(table.method):
            continue
        gains = compare(table, name, [random])
        won = (gains.difference[gains.task != "average"] > 0).sum()
        shown = {row.task: format_points(row) for row in gains.itertuples()}
        rows.append({"method": name} | shown | {"tasks won": f"{won} of {len(gains) - 1}"})
    return pd.DataFrame(rows)


def voter_gains(table: pd.DataFrame, method: str) -> pd.DataFrame:
    """What each voter of a method is worth: alone, and to the others.

    Parameters
    ----------
    table : DataFrame
        From `few_label_table`; choose shots and protocol beforehand.
    method : str
        One with several voters, as `ImageMethod` has.

    Returns
    -------
    DataFrame
        ``task, voter, alone`` (macro-F1) and ``gain`` (macro-F1 of all minus that of all others
        without it), means over the draws.

    Raises
    ------
    ParameterError
        A method that is not in the table or has one voter.

    Examples
    --------
    >>> import img2imu_kit as ik
    >>> from img2imu_kit.evaluate import Handcrafted, Jury, few_label_table
    >>> people = ik.load_dataset("synthetic", subjects=3, seconds=6, classes=["still", "walk",
    ...     "run"])
    >>> windows = ik.sliding_windows(people, seconds=2)
    >>> methods = {"jury": Jury({"a": Handcrafted("logistic"), "b": Handcrafted("knn")})}
    >>> table = few_label_table({"moves": windows}, methods, shots=[1], seeds=2, workers=1,
    ...     progress=False)
    >>> voter_gains(table, "jury").voter.tolist()
    ['a: statistics', 'b: statistics']
    """
    rows = table[table.method == method]
    if rows.empty or "voters" not in rows or rows.voters.isna().any():
        raise ParameterError(f"no rows with several voters of {method!r} in the table")
    each = rows[["task", "macro_f1", "voters", "alone", "without"]].explode(
        ["voters", "alone", "without"]
    )
    each = each.rename(columns={"voters": "voter"}).assign(
        alone=each.alone.astype(float), gain=(each.macro_f1 - each.without).astype(float)
    )
    return each.groupby(["task", "voter"], sort=False)[["alone", "gain"]].mean().reset_index()


def format_points(row) -> str:
    """A difference of macro-F1 with its interval, in points.

    Examples
    --------
    >>> format_points(pd.Series({"difference": 0.096, "low": 0.05, "high": 0.13}))
    '+9.6 (+5.0 to +13.0)'
    """
    return f"{100 * row.difference:+.1f} ({100 * row.low:+.1f} to {100 * row.high:+.1f})"


def confusions(table: pd.DataFrame, task: str, method: str) -> pd.DataFrame:
    """Counts of test windows over all draws: true classes down, predicted classes across.

    Parameters
    ----------
    table : DataFrame
        From `few_label_table`; choose shots and protocol beforehand.
    task, method : str

    Examples
    --------
    >>> import img2imu_kit as ik
    >>> from img2imu_kit.evaluate import Handcrafted, few_label_table
    >>> people = ik.load_dataset("synthetic", subjects=3, seconds=6, classes=["still", "walk",
    ...     "run"])
    >>> windows = ik.sliding_windows(people, seconds=2)
    >>> methods = {"ours": Handcrafted("logistic"), "other": Handcrafted("knn")}
    >>> table = few_label_table({"moves": windows}, methods, shots=[1], seeds=2, workers=1,
    ...     progress=False)
    >>> confusions(table, "moves", "ours").shape
    (3, 3)
    """
    rows = table[(table.task == task) & (table.method == method)]
    if rows.empty:
        raise ParameterError(f"no rows of {method!r} on {task!r} in the table")
    total = sum(counts.sum(axis=0) for counts in map(_counts, rows.itertuples()))
    classes = pd.Index(rows.classes.iloc[0], name="predicted")
    return pd.DataFrame(total, index=classes.rename("true"), columns=classes)


def ranks(table: pd.DataFrame, metric: str = "macro_f1") -> pd.DataFrame:
    """Mean rank of each method over the draws, 1 the best: methods down, tasks across.

    The last column, ``"average"``, is the mean over tasks; rows are sorted by it.

    Examples
    --------
    >>> import img2imu_kit as ik
    >>> from img2imu_kit.evaluate import Handcrafted, few_label_table
    >>> people = ik.load_dataset("synthetic", subjects=3, seconds=6, classes=["still", "walk",
    ...     "run"])
    >>> windows = ik.sliding_windows(people, seconds=2)
    >>> methods = {"ours": Handcrafted("logistic"), "other": Handcrafted("knn")}
    >>> table = few_label_table({"moves": windows}, methods, shots=[1], seeds=2, workers=1,
    ...     progress=False)
    >>> list(ranks(table).columns)
    ['moves', 'average']
    """
    # within a draw: a rank cannot be moved by one easy task, a mean of scores can
    places = table.groupby(["task", "shots", "seed"])[metric].rank(ascending=False)
    ranked = table.assign(rank=places)
    tasks = list(dict.fromkeys(table.task))
    by_task = ranked.pivot_table(index="method", columns="task", values="rank")[tasks]
    return by_task.assign(average=by_task.mean(axis=1)).sort_values("average")


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """Macro-F1 of confusion matrices [..., true, predicted], over the classes that occur.

    Examples
    --------
    >>> float(macro_f1(np.array([[3, 1, 0], [0, 2, 0], [0, 0, 0]])).round(3))
    0.829
    """
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    f1 = 2 * hits / np.maximum(true + predicted, 1)  # 2 TP / (2 TP + FN + FP)
    # classes absent from a resample are left out, not counted as 0
    return (f1 * (true > 0)).sum(axis=-1) / np.maximum((true > 0).sum(axis=-1), 1)


def _resample(
    table: pd.DataFrame, methods: Sequence[str], resamples: int, generator: np.random.Generator
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Of each method the mean over draws, and that mean in each resample [R] of draws and groups.

    A bootstrap of two levels. Confusions are counted for each group (subject) of a test, so a
    resample of groups is a sum of confusions with multiplicities, and nothing is predicted anew.
    """
    draws = {name: table[table.method == name].set_index("seed") for name in methods}
    seeds = sorted(set(table.seed))
    for name, rows in draws.items():
        if sorted(rows.index) != seeds:
            raise ParameterError(
                f"{name!r} has rows of the draws {sorted(rows.index)}, others of {seeds}",
                remedy="Compare methods of one table and one protocol.",
            )
    scores = {name: np.empty((len(seeds), resamples)) for name in methods}
    for i, seed in enumerate(seeds):
        groups = len(draws[methods[0]].loc[seed].groups)
        # How often each group occurs in each resample [R, G]: the same for all methods.
        times = generator.multinomial(groups, np.full(groups, 1 / groups), resamples)
        for name in methods:
            counts = _counts(draws[name].loc[seed])  # [G, C, C]
            summed = times @ counts.reshape(groups, -1)  # [R, C * C]
            scores[name][i] = macro_f1(summed.reshape(-1, *counts.shape[1:]))
    # Then the draws: [S, R] picks of a draw, each with one of its resamples of groups.
    draw = generator.integers(len(seeds), size=(len(seeds), resamples))
    which = generator.integers(resamples, size=(len(seeds), resamples))
    means = {name: values[draw, which].mean(axis=0) for name, values in scores.items()}
    return {name: float(rows.macro_f1.mean()) for name, rows in draws.items()}, means


def _counts(row) -> np.ndarray:
    """The confusions of a row [groups, true class, predicted class]."""
    return np.reshape(row.confusion, (len(row.groups), len(row.classes), len(row.classes)))


def _interval(samples: np.ndarray) -> dict[str, float]:
    low, high = np.quantile(samples, [0.025, 0.975])
    return {"low": float(low), "high": float(high)}
