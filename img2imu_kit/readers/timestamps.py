"""A column of time stamps: which column it is, what it counts in, and the seconds it tells."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from ..errors import ClockError, FormatError, ParameterError

__all__ = ["TIME_UNITS", "find_clock", "is_counter", "stamp_seconds", "to_seconds", "words"]

#: Unit of time stamps -> seconds; dates are counted in nanoseconds.
TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "date": 1e-9}

_TIME_NAMES = {"t", "ts", "time", "timestamp", "datetime", "epoch", "elapsed", "uptime"}
_TIME_NAMES |= {"zeit", "zeitstempel", "temps", "tiempo", "tempo"}  # phones speak their owners'
_UNIT_WORDS = {
    "s": {"s", "sec", "secs", "second", "seconds"},
    "ms": {"ms", "msec", "millis", "milliseconds"},
    "us": {"us", "µs", "μs", "micros", "microseconds"},
    "ns": {"ns", "nanos", "nanoseconds"},
}
#: Rates in Hz among which exactly one unit is found; beyond the third, another is likely too.
_LIKELY_RATES = (10.0, 10_000.0, 1000.0)
_HEAD = 2000


def find_clock(
    frame: pd.DataFrame, time: str | bool | None, unit: str | None, where: str, doubts: list[str]
) -> tuple[str | None, str]:
    """Name and unit of the column of time; `time` is its name, None to look for it, or False.

    Of several columns named after time, the finest that never falls wins: phones write a date
    with a resolution of one second beside a counter of nanoseconds.
    """
    if unit not in (None, *TIME_UNITS):
        remedy = f"Known: {', '.join(TIME_UNITS)}."
        raise ParameterError(f"unknown time_unit {unit!r}", where=where, remedy=remedy)
    if time is False:
        return None, ""
    if isinstance(time, str):
        return time, _unit(frame[time], unit, where, doubts)
    bare = all(name.isdigit() for name in frame)
    names = [name for name in frame if _TIME_NAMES & set(words(name))]
    if bare and _runs_forward(frame.iloc[:_HEAD, 0]):
        names = [frame.columns[0]]
    clocks, failure = [], None
    for name in names:
        remarks = [f"column {name} is time (time=)"] if bare else []
        try:
            counted_in = _unit(frame[name], unit, where, remarks)
        except FormatError:  # text that is no date is no clock
            continue
        except ClockError as error:
            failure = failure or error
            continue
        stamps = to_seconds(frame[name].iloc[:_HEAD], counted_in)
        back, distinct = bool((np.diff(stamps) < 0).any()), len(np.unique(stamps))
        clocks.append((back, -distinct, len(clocks), name, counted_in, stamps[-1], remarks))
    if failure and not clocks:
        raise failure
    if not clocks:
        return None, ""
    # the order of the key: never back, most distinct stamps, first in the table
    *_, name, unit, span, remarks = min(clocks)
    doubts += remarks
    # Two clocks that disagree about the length of the recording: one of them is none.
    for *_, other, _, other_span, _ in clocks:
        if not abs(other_span - span) < 1 + 0.05 * span:
            doubts.append(f"{name!r} is the clock, {other!r} is not (time=)")
    return name, unit


def to_seconds(stamps: pd.Series, unit: str) -> np.ndarray:
    """Seconds since the first stamp, float64; NaN where a stamp cannot be read."""
    if unit == "date":
        dates = _dates(stamps)
        since = (dates - dates.iloc[0]).astype("timedelta64[ns]")
        return (since / pd.Timedelta(seconds=1)).to_numpy(np.float64)
    numbers = pd.to_numeric(stamps, errors="coerce")
    if numbers.dtype.kind == "u":
        numbers = numbers.astype("int64")
    # Whole numbers are subtracted as such: float64 counts 1.7e18 ns in steps of 256 ns.
    since = numbers - numbers.iloc[0]
    return since.to_numpy(np.float64, na_value=np.nan) * TIME_UNITS[unit]


def stamp_seconds(stamps: pd.Series, unit: str) -> float:
    """The first stamp on its own clock, in seconds: Unix time of a date."""
    if unit == "date":
        return _dates(stamps.iloc[:1]).iloc[0].timestamp()
    return float(pd.to_numeric(stamps.iloc[:1]).iloc[0]) * TIME_UNITS[unit]


def is_counter(values: pd.Series) -> bool:
    """Whether a column only counts its rows."""
    if not pd.api.types.is_numeric_dtype(values):
        return False
    steps = np.diff(values.iloc[:_HEAD].to_numpy(np.float64, na_value=np.nan))
    return len(steps) > 0 and bool((steps == 1).all())


def words(name: str) -> list[str]:
    """Lower-case words of a column's name: ``"uptimeNanos (ns)"`` has uptime, nanos, ns."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.findall(r"[^\W_]+", name.lower())


def _unit(stamps: pd.Series, unit: str | None, where: str, doubts: list[str]) -> str:
    """What a column of time counts in: as asked for, as named, or the unit with a likely rate."""
    head, name = stamps.iloc[:_HEAD], stamps.name
    numbers = pd.to_numeric(head, errors="coerce") if head.dtype.kind != "M" else None
    if numbers is None or numbers.notna().mean() < 0.5:
        if _dates(head).notna().mean() < 0.5:
            raise FormatError(
                f"column {name!r} holds {str(head.iloc[0])!r}, neither number nor ISO 8601 date",
                where=where,
                remedy="Convert it with pandas.to_datetime(..., format=...) and use from_frame.",
            )
        return "date"
    # "uptimeNanos", "Time (s)": the last word that is a unit
    named = [u for word in words(str(name)) for u, known in _UNIT_WORDS.items() if word in known]
    if unit or named:
        return unit or named[-1]
    steps = np.diff(numbers.dropna())
    low, high, sure = _LIKELY_RATES
    if not (steps > 0).any():
        raise ClockError(f"time stands still in column {name!r}", where=where, remedy=_REMEDY)
    if (steps == 1).all():
        what = f"column {name!r} counts in steps of 1: milliseconds, seconds or rows?"
        raise ClockError(what, where=where, remedy=_REMEDY)
    # Mean without the gaps: a coarse clock stands still between its ticks.
    tick = float(steps[(steps >= 0) & (steps <= 10 * np.median(steps[steps > 0]))].mean())
    # In one unit at most three decades of rates are likely, so that nearly always one unit fits.
    rates = {u: 1 / (tick * factor) for u, factor in TIME_UNITS.items() if u != "date"}
    likely = [u for u, rate in rates.items() if low <= rate < high]
    if not likely:
        what = f"column {name!r} has steps of {tick:g}, a likely rate in no unit"
        raise ClockError(what, where=where, remedy=_REMEDY)
    if rates[likely[0]] >= sure:
        doubts.append(f"{name!r} counts in {likely[0]}: {rates[likely[0]]:g} Hz (time_unit=)")
    return likely[0]


_REMEDY = "Give time_unit=, or time=False and rate=<Hz>."


def _dates(values: pd.Series) -> pd.Series:
    if values.dtype.kind == "M":
        return values
    return pd.to_datetime(values.astype(str), format="ISO8601", utc=True, errors="coerce")


def _runs_forward(values: pd.Series) -> bool:
    """Whether a nameless column could be a clock: it never falls, and does not count rows."""
    if not pd.api.types.is_numeric_dtype(values):
        return bool(_dates(values).notna().all())
    steps = np.diff(values.to_numpy(np.float64, na_value=np.nan))
    forward = len(steps) > 1 and (steps >= 0).all() and (steps > 0).mean() > 0.3
    return bool(forward) and not is_counter(values)
