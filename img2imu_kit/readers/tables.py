"""Tables in, recordings out: text, pandas and Parquet.

A table whose columns have their roles becomes recordings on an even clock.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from ..errors import ClockError, FormatError, GuessWarning, Img2ImuError, SignalError
from ..signals.recording import Recording, as_texts
from ..signals.resampling import from_samples, spread_equal
from .columns import Layout, find_devices, find_layout
from .csv import Dialect, line_of, read_table, sniff
from .preamble import Facts
from .timestamps import join_clock, stamp_seconds, to_seconds

__all__ = [
    "describe_csv",
    "from_frame",
    "read_csv",
    "read_parquet",
    "stem",
    "to_numbers",
]

#: Options that only a text has.
SPELLING = ("delimiter", "decimal", "header", "skip_lines")
_log = logging.getLogger(__name__)


def read_csv(
    path: str | Path,
    *,
    columns: Sequence[str | int] | None = None,
    axes: Sequence[str] | None = None,
    unit: str | Sequence[str] | None = None,
    time: str | int | Literal[False] | None = None,
    time_unit: str | None = None,
    rate: float | None = None,
    label: str | int | Literal[False] | None = None,
    subject: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    header: bool | str = "infer",
    skip_lines: int = 0,
    gap: str = "raise",
    longest_gap_s: float = 0.5,
    name: str | None = None,
) -> list[Recording]:
    """Read a text table of samples, one a line, however it is spelled.

    Whatever is not given is guessed: the spelling from the first lines, the role of each column
    from its name, the unit of time from the steps of the stamps. `describe_csv` shows the
    guesses; one that could have gone the other way also raises a `GuessWarning` that names the
    argument to give.

    Parameters
    ----------
    path : path
        The file, plain or gzip.
    columns : sequence of str or int, optional
        The axes, by name or position from 0. Default: accelerometer and gyroscope, each x, y, z.
    axes : sequence of str, optional
        Name of each axis, as in `Recording`.
    unit : str or sequence of str, optional
        ``"g"`` or ``("g", "deg/s")``: each goes to the axes that it measures. ``""`` for none.
    time : str, int or False, optional
        Column of time stamps: numbers, or dates in ISO 8601, day/month/year or month/day/year.
        Times of day beside a day, or milliseconds beside whole seconds, are joined. False: there
        is none.
    time_unit : {"s", "ms", "us", "ns", "min", "h"}, optional
        What the stamps count.
    rate : float, optional
        Hz of the even clock that the samples are put on. Required where there are no stamps;
        default: the mean rate of the stamps.
    label : str, int or False, optional
        Column of classes. False: there is none.
    subject : str, optional
        Who was recorded, or the name of the column that tells; each person is a recording.
    delimiter, decimal, header : str, str, bool, optional
        ``" "`` is any run of blanks; ``decimal=","`` is the decimal comma.
    skip_lines : int
        Lines at the top of the file to leave unread. By default the header is the line straight
        above the samples, and rate, start and units that stand above it in so many words are used.
    gap, longest_gap_s
        What to do about a silence in the stamps, as in `from_samples`.
    name : str, optional
        Name of the recording. Default: name of the file without suffix.

    Returns
    -------
    list of Recording
        Several where a gap splits the file, or it holds several people.

    Raises
    ------
    FormatError
        Empty or binary file, malformed line (with its number), missing column, text for a number.
    SignalError
        NaN or infinity, with line and column.
    ClockError
        No rate and no time stamps, a gap, time that runs backwards.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> import numpy as np
    >>> import pandas as pd
    >>> path = Path(mkdtemp()) / "walk.csv"
    >>> table = pd.DataFrame({"t": np.arange(100) / 50, "ax": 0.1, "ay": 0.2, "az": 9.8})
    >>> table.to_csv(path, index=False)
    >>> [walk] = read_csv(path, time="t", time_unit="s", columns=["ax", "ay", "az"], unit="m/s2")
    >>> walk.signal.shape, walk.unit
    ((100, 3), ('m/s2', 'm/s2', 'm/s2'))
    """
    path = Path(path)
    dialect = sniff(
        path, delimiter=delimiter, decimal=decimal, header=header, skip_lines=skip_lines
    )
    return _recordings(
        read_table(path, dialect),
        str(path),
        dialect,
        columns=columns,
        axes=axes,
        unit=unit,
        time=time,
        time_unit=time_unit,
        rate=rate,
        label=label,
        subject=subject,
        gap=gap,
        longest_gap_s=longest_gap_s,
        name=stem(path.name) if name is None else name,
    )


def describe_csv(path: str | Path, **options: Any) -> str:
    """What `read_csv` makes of a file, in words, without reading it into recordings.

    Parameters
    ----------
    path : path
    **options
        As in `read_csv`.

    Returns
    -------
    str
        A few lines to print.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> import numpy as np
    >>> import pandas as pd
    >>> path = Path(mkdtemp()) / "walk.csv"
    >>> table = pd.DataFrame({"time_s": np.arange(100) / 50, "acc_x": 0.1, "acc_y": 0.2,
    ...     "acc_z": 9.8})
    >>> table.to_csv(path, index=False)
    >>> print(describe_csv(path).splitlines()[1])
      text: split at ',', decimal '.', header in line 1
    """
    path = Path(path)
    dialect = sniff(path, **{key: options.pop(key) for key in SPELLING if key in options})
    frame = read_table(path, dialect)
    roles = {k: v for k, v in options.items() if k not in ("gap", "longest_gap_s", "name")}
    frame, roles["time"] = _with_time(frame, roles.get("time"), str(path))
    return _report(frame, dialect, find_layout(frame, where=str(path), **roles), str(path))


def from_frame(
    frame: pd.DataFrame,
    *,
    columns: Sequence[str | int] | None = None,
    axes: Sequence[str] | None = None,
    unit: str | Sequence[str] | None = None,
    time: str | int | Literal[False] | None = None,
    time_unit: str | None = None,
    rate: float | None = None,
    label: str | int | Literal[False] | None = None,
    subject: str | None = None,
    gap: str = "raise",
    longest_gap_s: float = 0.5,
    name: str = "",
) -> list[Recording]:
    """Recordings from a pandas DataFrame, one sample a row.

    Parameters
    ----------
    frame : DataFrame
        Dates in its index are the time unless `time` is given; a named index is a column.
    columns, axes, unit, time, time_unit, rate, label, subject, gap, longest_gap_s, name
        As in `read_csv`.

    Returns
    -------
    list of Recording

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> stamps = pd.date_range("2024-05-01", periods=128, freq="20ms")
    >>> from_frame(pd.DataFrame(np.zeros((128, 3)), stamps, ["ax", "ay", "az"]), unit="g")
    [Recording('', 2.6 s at 50 Hz, acc_x acc_y acc_z, subject '')]
    """
    where = name or "frame"
    if not isinstance(frame, pd.DataFrame):
        raise FormatError(f"a {type(frame).__name__}, expected a pandas DataFrame", where=where)
    return _recordings(
        frame,
        where,
        columns=columns,
        axes=axes,
        unit=unit,
        time=time,
        time_unit=time_unit,
        rate=rate,
        label=label,
        subject=subject,
        gap=gap,
        longest_gap_s=longest_gap_s,
        name=name,
    )


def read_parquet(path: Path, **options: Any) -> list[Recording]:
    """Read a Parquet file; options as in `from_frame`."""
    try:
        frame = pd.read_parquet(path)
    except Exception:  # pyarrow raises errors of many kinds for a damaged file
        raise FormatError("damaged, or not a Parquet file", where=str(path)) from None
    name = options.pop("name", None)
    return _recordings(frame, str(path), name=stem(path.name) if name is None else name, **options)


def stem(name: str) -> str:
    """A file's name without its suffix, ``.csv.gz`` being one."""
    return re.sub(r"\.[^./]*(\.gz)?$", "", name)


def _recordings(
    frame: pd.DataFrame,
    where: str,
    dialect: Dialect | None = None,
    *,
    name: str,
    rate: float | None = None,
    gap: str = "raise",
    longest_gap_s: float = 0.5,
    **roles: Any,
) -> list[Recording]:
    """Find the layout, tell its doubts, convert: one for each person and unbroken stretch."""

    kept = np.arange(len(frame))  # rows of the table that hold samples

    def place(row: int) -> str:  # a text has lines where a table has rows
        row = int(kept[row])
        at = f"line {line_of(Path(where), dialect, row)}" if dialect else f"row {row}"
        return f"{where}, {at}"

    facts = dialect.facts if dialect else Facts()

    frame, roles["time"] = _with_time(frame, roles.get("time"), where)
    rate_told = facts.rate if rate is None else rate
    layout = find_layout(frame, where=where, rate=rate_told, **roles)
    if _log.isEnabledFor(logging.INFO):
        _log.info(_report(frame, dialect, layout, where))
    doubts = (dialect.doubts if dialect else ()) + layout.doubts
    if layout.time is not None:  # a line that only marks an event holds no sample
        holds = frame[list(layout.columns)].notna().any(axis=1).to_numpy()
        if holds.any() and not holds.all():
            kept, frame = np.flatnonzero(holds), frame[holds]
            doubts += (f"{(~holds).sum()} rows without a sample are left out",)
    if doubts:
        warnings.warn(f"{where}: guessed: {'; '.join(doubts)}", GuessWarning, stacklevel=3)
    if layout.time is None and (rate := facts.rate if rate is None else rate) is None:
        raise ClockError(
            f"no rate, and no column of time among {', '.join(map(repr, frame))}",
            where=where,
            remedy="Give rate=<Hz>, or time=<column> and time_unit=.",
        )
    # C columns of T rows -> [T, C]
    signal = np.empty((len(frame), len(layout.columns)), np.float32)
    for axis, column in enumerate(layout.columns):
        signal[:, axis] = to_numbers(frame[column], place)
    labels = None if layout.label is None else _texts(frame[layout.label], where)
    people = np.full(len(frame), roles.get("subject") or "", dtype=object)
    if layout.subject is not None:
        people = _texts(frame[layout.subject], where)
    recordings: list[Recording] = []
    for person in dict.fromkeys(people):
        # Rows of several people may alternate: each has a clock of their own.
        rows = np.flatnonzero(people == person)
        alone = len(rows) == len(frame)  # then nothing is copied
        part, samples = (frame, signal) if alone else (frame.iloc[rows], signal[rows])
        about = {
            "axes": layout.axes,
            "unit": layout.unit,
            "subject": person,
            "name": name if alone else f"{name}/{person}".strip("/"),
            "labels": None if labels is None else labels[rows],
        }
        try:
            times_s = None
            if layout.time is not None:
                times_s = _seconds(part[layout.time], layout.time_unit, rows, place)
            if devices := find_devices(part, layout, times_s):
                told = part[devices].drop_duplicates().head(3)
                raise ClockError(
                    f"rows of several devices alternate: column {devices!r} holds "
                    f"{', '.join(map(repr, told.tolist()))}",
                    where=where,
                    remedy=f"Give subject={devices!r} for a recording of each.",
                )
            if times_s is None:
                recordings.append(Recording(samples, rate, clock_s=facts.start_s, **about))
            else:
                # packets, or a clock of whole seconds: no two samples at once
                own, times_s, note = spread_equal(samples, times_s, longest_gap_s, where=where)
                if note:
                    warnings.warn(f"{where}: guessed: {note}", GuessWarning, stacklevel=3)
                if len(own) < len(rows):  # rows that only repeat the one before
                    samples, rows = samples[own], rows[own]
                    about["labels"] = None if labels is None else labels[rows]
                clock = {"rate": rate, "gap": gap, "longest_gap_s": longest_gap_s}
                about["clock_s"] = stamp_seconds(part[layout.time], layout.time_unit)
                recordings += from_samples(samples, times_s, **clock, **about)
        except Img2ImuError as error:  # raised from arrays, which know no file
            at = error.where if error.where.startswith(where) else where
            raise type(error)(error.what, where=at, remedy=error.remedy) from None
    if layout.time is not None and rate is None and facts.rate is not None:
        measured = recordings[0].rate
        if not 0.9 < measured / facts.rate < 1.1:
            denied = f"{measured:.4g} Hz by the stamps, not the {facts.rate:g} Hz above the table"
            warnings.warn(f"{where}: guessed: {denied} (rate=)", GuessWarning, stacklevel=3)
    return recordings


def _report(frame: pd.DataFrame, dialect: Dialect | None, layout: Layout, where: str) -> str:
    lines = [f"{where}: {len(frame):,} rows"]
    if dialect:
        header = f"header in line {dialect.header_line}" if dialect.header_line else "no header"
        lines.append(f"text: split at {dialect.delimiter!r}, decimal {dialect.decimal!r}, {header}")
        lines += dialect.facts.told
    time = "none"
    if layout.time is not None:
        span = to_seconds(frame[layout.time], layout.time_unit)[-1]
        time = f"{layout.time!r} in {layout.time_unit}, {span:.6g} s for {len(frame)} samples"
    lines.append(f"time: {time}")
    for axis, column, unit in zip(layout.axes, layout.columns, layout.unit, strict=True):
        lines.append(f"{axis}: {column!r} in {unit or 'an unknown unit'}")
    lines += [f"label: {layout.label!r}", f"subject: {layout.subject!r}"]
    used = {*layout.columns, layout.time, layout.label, layout.subject}
    lines.append(f"unused: {', '.join(repr(name) for name in frame if name not in used) or None}")
    doubts = (dialect.doubts if dialect else ()) + layout.doubts
    return "\n  ".join(lines + [f"guessed: {doubt}" for doubt in doubts])


def _with_time(
    frame: pd.DataFrame, time: str | int | bool | None, where: str
) -> tuple[pd.DataFrame, str | int | bool | None]:
    """Columns with texts for names; dates in the index, or a named index, as a column."""
    if frame.empty:
        raise FormatError(f"no rows or no columns (shape {frame.shape})", where=where)
    if frame.columns.nlevels > 1:
        remedy = "Give them one name each."
        raise FormatError("columns with names of several levels", where=where, remedy=remedy)
    frame = frame.rename(columns=str)  # a plain DataFrame numbers its columns
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        what = f"several columns are called {twice[0]!r}"
        raise FormatError(what, where=where, remedy="Rename them.")
    # The index of a time series is its clock; any other named index is one more column.
    if isinstance(frame.index, pd.DatetimeIndex | pd.TimedeltaIndex) and time is None:
        is_date = isinstance(frame.index, pd.DatetimeIndex)
        dates = frame.index if is_date else pd.Timestamp(0) + frame.index
        return frame.assign(**{"index (date)": dates}), "index (date)"
    if isinstance(frame.index.name, str) and frame.index.name not in frame:
        frame = frame.reset_index()
    return join_clock(frame, time), time


def to_numbers(values: pd.Series, place: Callable[[int], str]) -> np.ndarray:
    """A column as float64, or an error that names the first cell that is no finite number."""
    numbers = values  # dates and texts go by their spelling, and empty cells stay empty
    if not pd.api.types.is_numeric_dtype(values):
        numbers = pd.to_numeric(values.astype(str), errors="coerce").where(values.notna())
    array = numbers.to_numpy(np.float64, na_value=np.nan)
    bad = np.flatnonzero(~np.isfinite(array))
    if not len(bad):
        return array
    # Of what is no finite number, a text comes before an empty cell: it tells more of the cause.
    texts = bad[values.iloc[bad].notna() & ~np.isinf(array[bad])]
    if len(texts):
        what = f"column {values.name!r} holds {values.iloc[texts[0]]!r}, expected a number"
        remedy = "Repair the cell, choose other columns=, or give decimal=."
        raise FormatError(what, where=place(int(texts[0])), remedy=remedy)
    what = f"column {values.name!r} is {array[bad[0]]} ({len(bad)} such cells)"
    remedy = "Drop the rows, or fill them with pandas interpolate() and use from_frame."
    raise SignalError(what, where=place(int(bad[0])), remedy=remedy)


def _seconds(
    stamps: pd.Series, unit: str, rows: np.ndarray, place: Callable[[int], str]
) -> np.ndarray:
    """Seconds since the first stamp, or a `ClockError` with the place of the first bad stamp."""
    times_s = to_seconds(stamps, unit)
    bad = np.flatnonzero(~np.isfinite(times_s))
    if len(bad):
        what = f"time stamp {str(stamps.iloc[bad[0]])!r} in column {stamps.name!r} cannot be read"
        raise ClockError(what, where=place(int(rows[bad[0]])), remedy="Repair or drop the row.")
    # Equal stamps are a batch, and no step back.
    back = np.flatnonzero(np.diff(times_s) < 0)
    if len(back):
        before, after = stamps.iloc[back[0]], stamps.iloc[back[0] + 1]
        what = f"time runs backwards in column {stamps.name!r}: {after} after {before}"
        remedy = "Sort the rows by time, or give rate= and time=False."
        raise ClockError(what, where=place(int(rows[back[0] + 1])), remedy=remedy)
    return times_s


def _texts(values: pd.Series, where: str) -> np.ndarray:
    """A column as text: ``"1"`` for 1.0, ``""`` where it is empty."""
    try:
        codes, distinct = pd.factorize(values)  # few classes, many rows: each is turned once
    except TypeError:
        what = f"column {values.name!r} holds {values.iloc[0]!r}, expected texts or numbers"
        raise FormatError(what, where=where) from None
    return as_texts([*distinct, ""])[codes]  # an empty cell has code -1, the last
