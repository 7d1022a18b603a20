"""Tables in, recordings out: text, pandas and Parquet."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ..errors import FormatError, GuessWarning
from ..recording import Recording
from .csv_text import Dialect, line_of, read_table, sniff
from .layout import Layout, find_layout
from .samples import to_recordings, with_time
from .stamps import to_seconds

__all__ = ["SPELLING", "describe_csv", "from_frame", "read_csv", "read_parquet", "stem"]

#: Options that only a text has; options of `to_recordings`.
SPELLING, _CLOCK = ("delimiter", "decimal", "header"), ("rate", "gap", "longest_gap_s", "name")
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
        Column of time stamps: numbers, or dates in ISO 8601. False: there is none.
    time_unit : {"s", "ms", "us", "ns"}, optional
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
    """
    path = Path(path)
    dialect = sniff(path, delimiter=delimiter, decimal=decimal, header=header)
    roles = {
        "columns": columns,
        "axes": axes,
        "unit": unit,
        "time": time,
        "time_unit": time_unit,
        "label": label,
        "subject": subject,
    }
    clock = {
        "rate": rate,
        "gap": gap,
        "longest_gap_s": longest_gap_s,
        "name": stem(path.name) if name is None else name,
    }
    return _recordings(read_table(path, dialect), roles, clock, str(path), dialect)


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
    """
    path = Path(path)
    dialect = sniff(path, **{key: options.pop(key) for key in SPELLING if key in options})
    frame = read_table(path, dialect)
    roles = {key: value for key, value in options.items() if key not in _CLOCK}
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
    roles = {
        "columns": columns,
        "axes": axes,
        "unit": unit,
        "time": time,
        "time_unit": time_unit,
        "label": label,
        "subject": subject,
    }
    clock = {"rate": rate, "gap": gap, "longest_gap_s": longest_gap_s, "name": name}
    return _recordings(frame, roles, clock, where)


def read_parquet(path: Path, **options: Any) -> list[Recording]:
    """Read a Parquet file; options as in `from_frame`."""
    try:
        frame = pd.read_parquet(path)
    except Exception:  # pyarrow raises errors of many kinds for a damaged file
        raise FormatError("damaged, or not a Parquet file", where=str(path)) from None
    roles = {key: value for key, value in options.items() if key not in _CLOCK}
    clock = {key: value for key, value in options.items() if key in _CLOCK}
    if clock.get("name") is None:
        clock["name"] = stem(path.name)
    return _recordings(frame, roles, clock, str(path))


def stem(name: str) -> str:
    """A file's name without its suffix, ``.csv.gz`` being one."""
    return re.sub(r"\.[^./]*(\.gz)?$", "", name)


def _recordings(
    frame: pd.DataFrame,
    roles: dict[str, Any],
    clock: dict[str, Any],
    where: str,
    dialect: Dialect | None = None,
) -> list[Recording]:
    """Find the layout, show the guesses, convert; a text has lines where a table has rows."""

    def place(row: int) -> str:
        at = f"line {line_of(Path(where), dialect, row)}" if dialect else f"row {row}"
        return f"{where}, {at}"

    frame, time = with_time(frame, roles.get("time"), where)
    layout = find_layout(frame, where=where, **{**roles, "time": time})
    if _log.isEnabledFor(logging.INFO):
        _log.info(_report(frame, dialect, layout, where))
    doubts = (dialect.doubts if dialect else ()) + layout.doubts
    if doubts:
        warnings.warn(f"{where}: guessed: {'; '.join(doubts)}", GuessWarning, stacklevel=3)
    subject = roles.get("subject") or ""
    return to_recordings(frame, layout, place, where=where, subject=subject, **clock)


def _report(frame: pd.DataFrame, dialect: Dialect | None, layout: Layout, where: str) -> str:
    lines = [f"{where}: {len(frame):,} rows"]
    if dialect:
        header = f"header in line {dialect.header_line}" if dialect.header_line else "no header"
        lines.append(f"text: split at {dialect.delimiter!r}, decimal {dialect.decimal!r}, {header}")
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
