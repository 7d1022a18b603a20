"""A column of time stamps: which column it is, what it counts in, and the seconds it tells."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from ..errors import ClockError, FormatError, ParameterError

__all__ = [
    "TIME_UNITS",
    "find_clock",
    "is_counter",
    "is_time_name",
    "join_clock",
    "split_name",
    "stamp_seconds",
    "to_seconds",
    "unit_of_time",
    "words",
]

#: Unit of time stamps -> seconds; dates are counted in nanoseconds.
TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0, "date": 1e-9}
#: Tenths of a microsecond, which .NET counts since the year 1 and Windows since 1601.
TIME_UNITS["ticks"] = 1e-7

_TIME_NAMES = {"time", "timestamp", "timestamps", "datetime", "date", "epoch", "elapsed", "uptime"}
_TIME_NAMES |= {"epoc"}  # as MetaBase spells it
_TIME_NAMES |= {"zeit", "zeitstempel", "datum", "temps", "tiempo", "tempo", "hora", "fecha"}
#: One word for two: unixtime, systime, timems, sampletime; but a lifetime or daytime is no clock.
_FUSED = re.compile(
    r"(unix|posix|epoch|sys(tem)?|utc|gps|boot|wall|local|host|phone|device|sensor|sample|packet|"
    r"real|run|rel|abs)?time(stamp)?(s|sec|ms|us|ns|millis|micros|nanos)?"
)
#: Short names, which mean time only where nothing but a unit stands beside them: ``acc_t``, ``aT``
#: and ``(uT)`` are a total and a magnetic field.
_SHORT_NAMES = {"t", "ts"}
_UNIT_WORDS = {
    "s": {"s", "sec", "secs", "second", "seconds", "sek", "sekunden"},
    "ms": {"ms", "msec", "msecs", "millis", "milliseconds", "millisecond"},
    "us": {"us", "µs", "μs", "usec", "usecs", "micros", "microseconds", "microsecond"},
    "ns": {"ns", "nsec", "nanos", "nanoseconds", "nanosecond"},
    "min": {"min", "mins", "minute", "minutes"},
    "h": {"h", "hr", "hrs", "hour", "hours"},
}
_ANY_UNIT = set().union(*_UNIT_WORDS.values())
#: What a column that is called by its unit alone counts in; the letter s could be anything.
_ALONE = set().union(*(_UNIT_WORDS[unit] for unit in ("s", "ms", "us", "ns"))) - {"s"}
#: Rates in Hz of motion sensors. They span four decades and units lie three apart, so that from
#: 1 to 10 Hz in one unit it could be 1,000 to 10,000 Hz in a finer one. 0.99: a clock of 10 Hz
#: is often a little slow.
_SLOWEST, _FASTEST = 1.0, 0.99 * 10_000.0
#: Years 2000 to 2100 in seconds since 1970, and those to 1970 from the years 1 and 1601.
_EPOCH_S = (946_684_800, 4_102_444_800)
_OLDER_S = (62_135_596_800, 11_644_473_600)
#: A rate that is asked for may be thinner or denser than the clock's own by as much.
_NEAR = 10.0
_HEAD = 2000
_REMEDY = 'Give time_unit= ("s", "ms", "us" or "ns"), or time=False and rate=<Hz>.'

#: 14/05/2016 11:17:09.123, 5-14-2016 1:07 PM, 11:17:09:123: dates, times of day, or both.
_DATE = r"(?:(?P<a>\d{1,4})[-/.](?P<b>\d{1,2})[-/.](?P<c>\d{1,4}))?"
_CLOCK = r"(?:(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2})(?:[.,:](?P<f>\d{1,9}))?)?)?"
_WRITTEN = re.compile(rf"\s*{_DATE}[\sT,_]*{_CLOCK}\s*(?P<half>[AaPp])?(?:\.?[Mm]\.?)?\s*")


def find_clock(
    frame: pd.DataFrame,
    time: str | bool | None,
    unit: str | None,
    where: str,
    doubts: list[str],
    rate: float | None = None,
) -> tuple[str | None, str]:
    """Name and unit of the column of time; `time` is its name, None to look for it, or False.

    Of several columns named after time, the finest that never falls wins: phones write a date
    with a resolution of one second beside a counter of nanoseconds. A `rate` in Hz settles a unit
    that the stamps leave open.
    """
    if unit not in (None, *TIME_UNITS):
        remedy = f"Known: {', '.join(TIME_UNITS)}."
        raise ParameterError(f"unknown time_unit {unit!r}", where=where, remedy=remedy)
    if time is False:
        return None, ""
    # any other rate is refused where a recording takes it
    rate = float(rate) if isinstance(rate, int | float) and rate > 0 else None
    if isinstance(time, str):
        return time, _unit(frame[time], unit, where, doubts, rate)
    bare = all(name.isdigit() for name in frame)
    names = [name for name in frame if is_time_name(name)]
    if bare and _runs_forward(frame.iloc[:_HEAD, 0]):
        names = [frame.columns[0]]
    clocks, failure = [], None
    for name in names:
        remarks = [f"column {name} is time (time=)"] if bare else []
        try:
            counted_in = _unit(frame[name], unit, where, remarks, rate)
        except FormatError as error:
            # Words are no stamps; digits that nobody can read may be, and without them gaps vanish
            if re.search(r"\d", str(frame[name].iloc[0])):
                failure = failure or error
            continue
        except ClockError as error:
            failure = failure or error
            continue
        stamps = to_seconds(frame[name].iloc[:_HEAD], counted_in)
        back, distinct = bool((np.diff(stamps) < 0).any()), len(np.unique(stamps))
        # Neither milliseconds that begin again each second nor the day alone are a clock.
        if (back and _only_units(name)) or _kind(frame[name].iloc[0]) == "day":
            continue
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


def join_clock(frame: pd.DataFrame, time: str | bool | None = None) -> pd.DataFrame:
    """A clock that is written in several columns, joined in one of them as dates.

    Hours, minutes and seconds; a day beside a time of day; or whole seconds beside milliseconds
    (micro-, nanoseconds) that begin again each second. Other tables come back as they are.
    """
    if time is False or frame.empty:
        return frame
    called = {" ".join(words(split_name(name)[0])): name for name in frame}
    hms = [next((called[w] for w in _UNIT_WORDS[u] if w in called), "") for u in ("h", "min", "s")]
    kinds = {n: _kind(frame[n].iloc[0]) for n in frame if is_time_name(n)}
    days = [name for name, kind in kinds.items() if kind == "day"]
    times = [name for name, kind in kinds.items() if kind == "time of day"]
    fraction, unit = _fraction(frame)
    whole, since = None, None  # the column to replace, and its nanoseconds
    if all(hms) and all(pd.api.types.is_numeric_dtype(frame[name]) for name in hms):
        whole, (hours, minutes, seconds) = hms[2], (frame[name] for name in hms)
        since = _after_midnight(hours * 3600.0 + minutes * 60.0 + seconds.astype("float64")) * 1e9
    elif days and times:
        whole = times[0]
        since = _nanos(_dates(frame[days[0]].astype(str) + " " + frame[whole].astype(str)))
    elif fraction:
        for name in kinds:
            since = _whole_seconds(frame[name]) if name != fraction else None
            if since is not None:
                whole = name
                break
    if whole is None or (isinstance(time, str) and time != whole):
        return frame
    since = np.asarray(since, dtype=np.float64)
    if fraction and not (since[np.isfinite(since)] % 1e9).any():
        exact = (
            since + frame[fraction].to_numpy(np.float64, na_value=np.nan) * TIME_UNITS[unit] * 1e9
        )
        # a fraction of another clock, out of step with the seconds, would run back in each of them
        since = exact if not (np.diff(exact) < 0).any() else since
    return frame.assign(**{whole: pd.to_datetime(pd.Series(since, frame.index).round(), utc=True)})


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
        # the last stamp tells with the first whether day or month comes first
        return _dates(stamps.iloc[[0, -1]]).iloc[0].timestamp()
    return float(pd.to_numeric(stamps.iloc[:1]).iloc[0]) * TIME_UNITS[unit]


def is_counter(values: pd.Series) -> bool:
    """Whether a column only counts its rows."""
    if not pd.api.types.is_numeric_dtype(values):
        return False
    steps = np.diff(values.iloc[:_HEAD].to_numpy(np.float64, na_value=np.nan))
    return len(steps) > 0 and bool((steps == 1).all())


def is_time_name(name: str) -> bool:
    """Whether a column is named after time, its unit in brackets left aside.

    Examples
    --------
    >>> [is_time_name(name) for name in ("Time (s)", "t_ms", "uptimeNanos", "Milliseconds")]
    [True, True, True, True]
    >>> [is_time_name(name) for name in ("Magnetometer X (uT)", "aT", "acc_t", "s")]
    [False, False, False, False]
    """
    stem = split_name(name)[0]
    if _only_units(name) or any(w in _TIME_NAMES or _FUSED.fullmatch(w) for w in words(stem)):
        return True
    parts = re.findall(r"[^\W_]+", stem.lower())  # not split at capitals: aT is no t
    return bool(parts) and parts[0] in _SHORT_NAMES and set(parts[1:]) <= _ANY_UNIT


def unit_of_time(name: str) -> str:
    """The last word that is a unit of time: of ``uptimeNanos``, ``Time (s)``, ``""`` for none."""
    for text in (str(name).lower(), str(name)):  # "mSecs" is no m and seconds
        named = [u for word in words(text) for u, known in _UNIT_WORDS.items() if word in known]
        if named:
            return named[-1]
    return ""


def split_name(name: str) -> tuple[str, str]:
    """A column's name and what stands in brackets at its end, usually a unit.

    Examples
    --------
    >>> split_name("Beschleunigung (ohne g) x (m/(s^2))")
    ('Beschleunigung (ohne g) x', 'm/(s^2)')
    """
    stem, bracket = re.fullmatch(
        r"(.*?)\s*(?:[(\[]((?:[^()\[\]]|\([^()]*\))*)[)\]])?", name.strip(), re.DOTALL
    ).groups()
    return stem, bracket or ""


def words(name: str) -> list[str]:
    """Lower-case words of a column's name: ``"uptimeNanos (ns)"`` has uptime, nanos, ns."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.findall(r"[^\W_]+", name.lower())


def _only_units(name: str) -> bool:
    """Whether a name is a unit and no more: ``Milliseconds``, ``millis``, but not the letter s."""
    parts = words(split_name(name)[0])
    return len(parts) == 1 and parts[0] in _ALONE


def _unit(
    stamps: pd.Series, unit: str | None, where: str, doubts: list[str], rate: float | None
) -> str:
    """What a column of time counts in: as asked for, as named, or as its stamps and rate tell."""
    head, name = stamps.iloc[:_HEAD], stamps.name
    numbers = pd.to_numeric(head, errors="coerce") if head.dtype.kind != "M" else None
    if numbers is None or numbers.notna().mean() < 0.5:
        if _dates(head).notna().mean() < 0.5:
            raise FormatError(
                f"column {name!r} holds {str(head.iloc[0])!r}, neither number nor date",
                where=where,
                remedy="Convert it with pandas.to_datetime(..., format=...) and use from_frame, or "
                "give time=False and rate=<Hz> (gaps are then not seen).",
            )
        return "date"
    if unit:
        return unit
    numbers, named = numbers.dropna(), unit_of_time(name)
    steps = np.diff(numbers)
    if not (steps > 0).any():
        if named:
            return named
        raise ClockError(f"time stands still in column {name!r}", where=where, remedy=_REMEDY)
    # Mean without the gaps: a coarse clock stands still between its ticks.
    tick = float(steps[(steps >= 0) & (steps <= 10 * np.median(steps[steps > 0]))].mean())
    if named:
        if (hertz := 1 / (tick * TIME_UNITS[named])) >= _FASTEST:
            doubts.append(f"{name!r} counts in {named}: {hertz:g} Hz (time_unit=)")
        return named
    rates = {u: 1 / (tick * TIME_UNITS[u]) for u in ("s", "ms", "us", "ns")}
    # A date counted since 1970 has one size in each unit, and a sensor no pause between samples.
    since_1970 = [u for u in rates if _is_epoch(numbers.iloc[0] * TIME_UNITS[u]) and rates[u] > 0.5]
    if since_1970:
        return since_1970[0]
    if any(_is_epoch(numbers.iloc[0] * TIME_UNITS["ticks"] - older) for older in _OLDER_S):
        return "ticks"
    if rate:
        nearest = min(rates, key=lambda u: abs(np.log(rates[u] / rate)))
        # Steps of 1 at 100 Hz are rows. Within 10: the rate asked for need not be the clock's own.
        if 1 / _NEAR < rates[nearest] / rate < _NEAR and not (steps == 1).all():
            return nearest
        if abs(rates[nearest] / rate - 1) < 0.01:
            return nearest
    if (steps == 1).all():
        what = f"column {name!r} counts in steps of 1: milliseconds, seconds or rows?"
        raise ClockError(what, where=where, remedy=_REMEDY)
    likely = [u for u in rates if _SLOWEST <= rates[u] < _FASTEST]
    if len(likely) != 1:
        could = " or ".join(f"{rates[u]:.4g} Hz in {u}" for u in likely)
        what = f"column {name!r} has steps of {tick:g}, {could or 'a likely rate in no unit'}"
        raise ClockError(what, where=where, remedy=_REMEDY)
    return likely[0]


def _is_epoch(seconds: float) -> bool:
    return _EPOCH_S[0] <= seconds < _EPOCH_S[1]


def _whole_seconds(stamps: pd.Series) -> np.ndarray | None:
    """Nanoseconds of dates, or of seconds since 1970, without a fraction; None for any other."""
    if pd.api.types.is_numeric_dtype(stamps):
        since = stamps.to_numpy(np.float64, na_value=np.nan) * 1e9
        known = _is_epoch(since[0] / 1e9) or unit_of_time(stamps.name) == "s"
    else:
        since = _nanos(_dates(stamps))
        known = np.isfinite(since).any()
    return since if known and not (since[np.isfinite(since)] % 1e9).any() else None


def _fraction(frame: pd.DataFrame) -> tuple[str, str]:
    """Name and unit of a column of what passed of a second, each ``""`` if there is none."""
    for name in frame:
        if not _only_units(name) or not pd.api.types.is_numeric_dtype(frame[name]):
            continue
        unit = next(u for u, known in _UNIT_WORDS.items() if words(split_name(name)[0])[0] in known)
        values = frame[name].to_numpy(np.float64, na_value=np.nan)
        begins_again = (np.diff(values) < 0).any()  # one that never does counts from the start
        within = values.min() >= 0 and values.max() * TIME_UNITS[unit] < 1
        if unit != "s" and begins_again and within:
            return name, unit
    return "", ""


def _dates(values: pd.Series) -> pd.Series:
    """Dates (UTC), NaT where a text is none: ISO 8601, else day, month, year and times of day."""
    if values.dtype.kind == "M":
        return values
    text = values.astype(str)
    if str(text.iloc[0]).endswith(
        "]"
    ):  # 2014-05-07 13:29:50.439+0100 [Europe/London], of UK Biobank
        text = text.str.replace(r"\s*\[[^\]]*\]$", "", regex=True)
    dates = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
    if dates.notna().mean() >= 0.5 or not _kind(text.iloc[0]):
        return dates
    return _rewritten(text)


def _rewritten(text: pd.Series) -> pd.Series:
    """Dates (UTC) of texts that are spelled as the first: rewritten to ISO 8601, and parsed so."""
    first = _WRITTEN.fullmatch(text.iloc[0].strip())
    afternoon = None
    if first["half"]:
        afternoon = text.str.contains(r"[Pp]\.?[Mm]?\.?\s*$", regex=True)
        text = text.str.replace(r"\s*[AaPp]\.?[Mm]?\.?\s*$", "", regex=True)
    if first["h"] and not text.iloc[0].rpartition(first["h"])[2].count("."):  # 10:01:23:456
        text = text.str.replace(r"(:\d{2}:\d{2})[,:](\d)", r"\1.\2", regex=True)
    day = r"^\s*(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})[\sT,_]*"
    if not first["c"]:
        orders = [("^", "1970-01-01T")]
    elif len(first["a"]) > 2:
        orders = [(day, r"\1-\2-\3T")]
    else:  # day or month first
        century = "20" if len(first["c"]) == 2 else ""
        orders = [(day, rf"{century}\3-\2-\1T"), (day, rf"{century}\3-\1-\2T")]
    read = []
    for pattern, iso in orders:
        iso = iso if first["h"] else iso.removesuffix("T")
        dates = text.str.strip().str.replace(pattern, iso, regex=True)
        dates = pd.to_datetime(dates, format="ISO8601", utc=True, errors="coerce")
        # 31/5 and 1/6 are neighbours in one of the orders only
        span = (dates.max() - dates.min()).total_seconds() if dates.notna().any() else 0.0
        read.append((int(dates.isna().sum()), span, len(read), dates))
    dates = min(read)[-1]
    if afternoon is not None:  # 12 AM is 0 h, 1 PM is 13 h
        hours = 12 * (afternoon & (dates.dt.hour < 12)).astype(int)
        dates += pd.to_timedelta(hours - 12 * (~afternoon & (dates.dt.hour == 12)), unit="h")
    if not first["c"]:
        dates = pd.to_datetime(_after_midnight(_nanos(dates) / 1e9) * 1e9, utc=True).to_series(
            text.index
        )
    return dates


def _kind(text: object) -> str:
    """``"day"``, ``"time of day"``, ``"date"`` (both), or ``""`` for any other text."""
    match = _WRITTEN.fullmatch(str(text).strip())
    if not match:
        return ""
    day, clock = match["c"], match["h"]
    return "date" if day and clock else "day" if day else "time of day" if clock else ""


def _after_midnight(seconds: pd.Series) -> np.ndarray:
    """Times of day in seconds, a day added wherever they fall by more than half of one."""
    times = np.asarray(seconds, dtype=np.float64)
    return times + 86_400.0 * np.cumsum(np.diff(times, prepend=times[:1]) < -43_200)


def _nanos(dates: pd.Series) -> np.ndarray:
    """Nanoseconds since 1970, NaN where there is no date."""
    since = dates - pd.Timestamp(0, tz=dates.dt.tz)
    return (since / pd.Timedelta(1)).to_numpy(np.float64)


def _runs_forward(values: pd.Series) -> bool:
    """Whether a nameless column could be a clock: it never falls, and does not count rows."""
    if not pd.api.types.is_numeric_dtype(values):
        return bool(_dates(values).notna().all())
    steps = np.diff(values.to_numpy(np.float64, na_value=np.nan))
    forward = len(steps) > 1 and (steps >= 0).all() and (steps > 0).mean() > 0.3
    return bool(forward) and not is_counter(values)
