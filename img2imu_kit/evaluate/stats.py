"""What a table of scores says: summaries, paired differences with intervals, confusions.

The paper's claim, asked of a table: above what, by how much, how sure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from ..errors import ParameterError
from . import few_labels as evaluate

__all__ = [
    "claims",
    "compare",
    "confusions",
    "of_protocol",
    "points",
    "ranks",
    "summarize_table",
    "worth",
]


def of_protocol(table: pd.DataFrame, protocol: str) -> pd.DataFrame:
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
    """
    free = table[~table.fixed]
    known = free.protocol.unique()
    if protocol not in known:
        raise ParameterError(
            f"no protocol {protocol!r} in the table", remedy=f"There are: {', '.join(known)}."
        )
    mine = free[free.protocol == protocol]
    fixed = table[table.fixed & table.shots.isin(mine.shots)]
    return pd.concat([mine, fixed]).sort_index().reset_index(drop=True)


def summarize_table(table: pd.DataFrame, metric: str = "macro_f1") -> pd.DataFrame:
    """Mean over the draws with its 95 % t-interval, for each task, protocol, method and shots.

    Each task by `summarize`, which says what the interval means.
    """
    parts = []
    for (task, protocol), group in table.groupby(["task", "protocol"], sort=False):
        part = evaluate.summarize(group, metric)
        part.insert(0, "protocol", protocol)
        part.insert(0, "task", task)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


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
        From `few_label_table`, one protocol, see `of_protocol`.
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
    """
    if against not in ("mean", "best") or not others:
        raise ParameterError(
            f"against is {against!r} with {len(others)} other methods",
            remedy='Give "mean" or "best" and at least one method.',
        )
    rows = []
    for shots, some in table.groupby("shots"):
        samples = []
        for place, (task, group) in enumerate(some.groupby("task", sort=False)):
            generator = np.random.default_rng([seed, place])
            point, drawn = _resampled(group, [ours, *others], resamples, generator)
            best = max(others, key=point.__getitem__)
            chosen = [best] if against == "best" else others
            theirs = np.mean([drawn[name] for name in chosen], axis=0)
            samples.append(drawn[ours] - theirs)
            rows.append(
                {
                    "task": task,
                    "shots": shots,
                    "difference": point[ours] - np.mean([point[name] for name in chosen]),
                    **_interval(samples[-1]),
                    "ours": point[ours],
                    "theirs": np.mean([point[name] for name in chosen]),
                    "best": best,
                }
            )
        mean = pd.DataFrame(rows[-len(samples) :])[["difference", "ours", "theirs"]].mean()
        average = {"task": "average", "shots": shots} | mean.to_dict() | {"best": ""}
        rows.append(average | _interval(np.mean(samples, axis=0)))
    columns = ["task", "shots", "difference", "low", "high", "ours", "theirs", "best"]
    return pd.DataFrame(rows)[columns]


def confusions(table: pd.DataFrame, task: str, method: str) -> pd.DataFrame:
    """Counts of test windows over all draws: true classes down, guessed classes across.

    Parameters
    ----------
    table : DataFrame
        From `few_label_table`; choose shots and protocol beforehand.
    task, method : str
    """
    rows = table[(table.task == task) & (table.method == method)]
    if rows.empty:
        raise ParameterError(f"no rows of {method!r} on {task!r} in the table")
    total = sum(counts.sum(axis=0) for counts in map(_counts, rows.itertuples()))
    classes = pd.Index(rows.classes.iloc[0], name="guessed")
    return pd.DataFrame(total, index=classes.rename("true"), columns=classes)


def ranks(table: pd.DataFrame, metric: str = "macro_f1") -> pd.DataFrame:
    """Mean rank of each method over the draws, 1 the best: methods down, tasks across.

    The last column, ``"average"``, is the mean over tasks; rows are sorted by it.
    """
    places = table.groupby(["task", "shots", "seed"])[metric].rank(ascending=False)
    ranked = table.assign(rank=places)
    tasks = list(dict.fromkeys(table.task))
    by_task = ranked.pivot_table(index="method", columns="task", values="rank")[tasks]
    return by_task.assign(average=by_task.mean(axis=1)).sort_values("average")


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """Macro-F1 of confusion matrices [..., C, C], over the classes that occur.

    Examples
    --------
    >>> float(macro_f1(np.array([[3, 1, 0], [0, 2, 0], [0, 0, 0]])).round(3))
    0.829
    """
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    true, guessed = counts.sum(axis=-1), counts.sum(axis=-2)
    f1 = 2 * hits / np.maximum(true + guessed, 1)
    return (f1 * (true > 0)).sum(axis=-1) / np.maximum((true > 0).sum(axis=-1), 1)


def _resampled(
    table: pd.DataFrame, methods: Sequence[str], resamples: int, generator: np.random.Generator
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Of each method the mean over draws, and that mean in each resample of draws and groups."""
    draws = {name: table[table.method == name].set_index("seed") for name in methods}
    seeds = sorted(set(table.seed))
    for name, rows in draws.items():
        if sorted(rows.index) != seeds:
            raise ParameterError(
                f"{name!r} has rows of the draws {sorted(rows.index)}, others of {seeds}",
                remedy="Compare methods of one table and one protocol.",
            )
    scores = {name: np.empty((len(seeds), resamples)) for name in methods}
    for i, weights in enumerate(_weights(draws[methods[0]].loc[seeds], resamples, generator)):
        for name in methods:
            counts = _counts(draws[name].loc[seeds[i]])
            flat = weights @ counts.reshape(len(counts), -1)
            scores[name][i] = macro_f1(flat.reshape(-1, *counts.shape[1:]))
    draw = generator.integers(len(seeds), size=(len(seeds), resamples))
    which = generator.integers(resamples, size=(len(seeds), resamples))
    means = {name: values[draw, which].mean(axis=0) for name, values in scores.items()}
    return {name: float(rows.macro_f1.mean()) for name, rows in draws.items()}, means


def _weights(
    rows: pd.DataFrame, resamples: int, generator: np.random.Generator
) -> Iterator[np.ndarray]:
    """For each draw how often each group occurs in each resample [resamples, groups]."""
    for groups in rows.groups:
        yield generator.multinomial(len(groups), np.full(len(groups), 1 / len(groups)), resamples)


def _counts(row) -> np.ndarray:
    return np.reshape(row.confusion, (len(row.groups), len(row.classes), len(row.classes)))


def _interval(samples: np.ndarray) -> dict[str, float]:
    low, high = np.quantile(samples, [0.025, 0.975])
    return {"low": float(low), "high": float(high)}


def claims(table: pd.DataFrame, ours: str) -> dict[str, pd.DataFrame]:
    """One method against sensor baselines, statistics by hand, and other weights.

    Parameters
    ----------
    table : DataFrame
        From `few_label_table` with methods of `lineup`, one protocol.
    ours : str

    Returns
    -------
    dict of what it is compared with -> DataFrame, see `readings.compare`
        What the table does not hold is left out.
    """
    family = table.drop_duplicates("method").set_index("method").family
    sensors = list(family.index[family == "sensor"])
    parts = {
        f"mean of sensor baselines, {kind}": ([n for n in sensors if n.endswith(kind)], "mean")
        for kind in ("corpus", "own windows")
    }
    parts["best sensor baseline"] = (sensors, "best")
    single = [name for name in family.index if name.startswith(("by hand", "random weights"))]
    single += list(family.index[family == "vision"])
    parts |= {name: ([name], "mean") for name in single if name != ours}
    return {
        name: compare(table, ours, others, against=against)
        for name, (others, against) in parts.items()
        if others
    }


def points(row) -> str:
    """A difference of macro-F1 with its interval, in points.

    Examples
    --------
    >>> points(pd.Series({"difference": 0.096, "low": 0.05, "high": 0.13}))
    '+9.6 (+5.0 to +13.0)'
    """
    return f"{100 * row.difference:+.1f} ({100 * row.low:+.1f} to {100 * row.high:+.1f})"


def worth(table: pd.DataFrame, shots: int) -> pd.DataFrame:
    """What pre-training is worth to each sensor baseline: points above its own random weights.

    Returns
    -------
    DataFrame
        One row for each baseline: ``method``, a column for each task and ``average`` with
        `points`, and ``tasks won``.
    """
    some = table[table.shots == shots]
    rows = []
    for name in some.method[some.family == "sensor"].unique():
        random = f"{name.split(',')[0]}, random weights"
        if random not in set(some.method):
            continue
        found = compare(some, name, [random])
        above = (found.difference[found.task != "average"] > 0).sum()
        shown = {row.task: points(row) for row in found.itertuples()}
        rows.append({"method": name} | shown | {"tasks won": f"{above} of {len(found) - 1}"})
    return pd.DataFrame(rows)
