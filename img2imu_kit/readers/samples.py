"""A table whose columns have their roles becomes recordings on an even clock."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from ..clock import from_samples
from ..errors import ClockError, FormatError, Img2ImuError, SignalError
from ..recording import Recording, as_texts
from .layout import Layout
from .stamps import to_seconds

__all__ = ["to_recordings", "with_time"]


def to_recordings(
    frame: pd.DataFrame,
    layout: Layout,
    place: Callable[[int], str],
    *,
    where: str,
    name: str,
    subject: str = "",
    rate: float | None = None,
    gap: str = "raise",
    longest_gap_s: float = 0.5,
) -> list[Recording]:
    """Recordings of a table, one for each person and unbroken stretch.

    Parameters
    ----------
    frame : DataFrame
    layout : Layout
        Role of each column.
    place : callable
        Row from 0 -> where it is, in words.
    where, name, subject : str
        What errors name; name of the recordings; who it is if no column tells.
    rate, gap, longest_gap_s
        As in `from_samples`.
    """
    signal = np.stack([_numbers(frame[column], place) for column in layout.columns], axis=1)
    labels = None if layout.label is None else _texts(frame[layout.label], where)
    people = np.full(len(frame), subject, dtype=object)
    if layout.subject is not None:
        people = _texts(frame[layout.subject], where)
    if layout.time is None and rate is None:
        raise ClockError(
            f"no rate, and no column of time among {', '.join(map(repr, frame))}",
            where=where,
            remedy="Give rate=<Hz>, or time=<column> and time_unit=.",
        )
    recordings: list[Recording] = []
    for person in dict.fromkeys(people):
        rows = np.flatnonzero(people == person)
        about = {
            "axes": layout.axes,
            "unit": layout.unit,
            "subject": person,
            "name": name if len(rows) == len(frame) else f"{name}/{person}".strip("/"),
            "labels": None if labels is None else labels[rows],
        }
        clock = {"rate": rate, "gap": gap, "longest_gap_s": longest_gap_s}
        try:
            if layout.time is None:
                recordings.append(Recording(signal[rows], rate, **about))
            else:
                times_s = _seconds(frame[layout.time].iloc[rows], layout.time_unit, rows, place)
                recordings += from_samples(signal[rows], times_s, **clock, **about)
        except Img2ImuError as error:  # raised from arrays, which know no file
            at = error.where if error.where.startswith(where) else where
            raise type(error)(error.what, where=at, remedy=error.remedy) from None
    return recordings


def with_time(
    frame: pd.DataFrame, time: str | int | bool | None, where: str
) -> tuple[pd.DataFrame, str | int | bool | None]:
    """Columns with texts for names; dates in the index, or a named index, as a column."""
    if frame.empty:
        raise FormatError(f"no rows or no columns (shape {frame.shape})", where=where)
    if frame.columns.nlevels > 1:
        remedy = "Give them one name each."
        raise FormatError("columns with names of several levels", where=where, remedy=remedy)
    frame = frame.rename(columns=str)
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        found = f"several columns are called {twice[0]!r}"
        raise FormatError(found, where=where, remedy="Rename them.")
    if isinstance(frame.index, pd.DatetimeIndex | pd.TimedeltaIndex) and time is None:
        seconds = (frame.index - frame.index[0]) / pd.Timedelta(seconds=1)
        return frame.assign(**{"index (s)": seconds.to_numpy()}), "index (s)"
    if isinstance(frame.index.name, str) and frame.index.name not in frame:
        frame = frame.reset_index()
    return frame, time


def _numbers(values: pd.Series, place: Callable[[int], str]) -> np.ndarray:
    """A column as float64, or an error that names the first cell that is no finite number."""
    numbers = values
    if not pd.api.types.is_numeric_dtype(values):
        numbers = pd.to_numeric(values.astype(str), errors="coerce").where(values.notna())
    array = numbers.to_numpy(np.float64, na_value=np.nan)
    bad = np.flatnonzero(~np.isfinite(array))
    texts = bad[values.iloc[bad].notna() & ~np.isinf(array[bad])]
    if len(texts):
        found = f"column {values.name!r} holds {values.iloc[texts[0]]!r}, expected a number"
        remedy = "Repair the cell, choose other columns=, or give decimal=."
        raise FormatError(found, where=place(int(texts[0])), remedy=remedy)
    if len(bad):
        found = f"column {values.name!r} is {array[bad[0]]} ({len(bad)} such cells)"
        remedy = "Drop the rows, or fill them with pandas interpolate() and use from_frame."
        raise SignalError(found, where=place(int(bad[0])), remedy=remedy)
    return array


def _seconds(
    stamps: pd.Series, unit: str, rows: np.ndarray, place: Callable[[int], str]
) -> np.ndarray:
    """Seconds since the first stamp, or a `ClockError` with the place of the first bad stamp."""
    times_s = to_seconds(stamps, unit)
    bad = np.flatnonzero(~np.isfinite(times_s))
    if len(bad):
        found = f"time stamp {str(stamps.iloc[bad[0]])!r} in column {stamps.name!r} cannot be read"
        raise ClockError(found, where=place(int(rows[bad[0]])), remedy="Repair or drop the row.")
    back = np.flatnonzero(np.diff(times_s) < 0)
    if len(back):
        before, after = stamps.iloc[back[0]], stamps.iloc[back[0] + 1]
        found = f"time runs backwards in column {stamps.name!r}: {after} after {before}"
        remedy = "Sort the rows by time, or give rate= and time=False."
        raise ClockError(found, where=place(int(rows[back[0] + 1])), remedy=remedy)
    return times_s


def _texts(values: pd.Series, where: str) -> np.ndarray:
    """A column as text: ``"1"`` for 1.0, ``""`` where it is empty."""
    try:
        codes, found = pd.factorize(values)
    except TypeError:
        found = f"column {values.name!r} holds {values.iloc[0]!r}, expected texts or numbers"
        raise FormatError(found, where=where) from None
    return as_texts([*found, ""])[codes]  # an empty cell has code -1
