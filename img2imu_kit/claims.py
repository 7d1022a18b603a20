"""The paper's claim, asked of a table: above what, by how much, how sure."""

from __future__ import annotations

import pandas as pd

from .readings import compare

__all__ = ["claims", "points", "worth"]


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
