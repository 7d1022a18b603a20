"""Files and tables in, recordings out; what was guessed on the way is shown, not hidden."""

from __future__ import annotations

import logging
import warnings
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from .clock import from_samples
from .csv_text import Dialect, line_of, read_table, sniff
from .errors import ClockError, FormatError, GuessWarning, Img2ImuError, ParameterError, SignalError
from .layout import Layout, find_layout
from .recording import Recording
from .stamps import to_seconds

__all__ = ["READABLE", "describe_csv", "from_frame", "read", "read_csv", "save_npz"]

_TEXT = (".csv", ".txt", ".tsv", ".csv.gz", ".txt.gz", ".tsv.gz", ".gz")
#: Ends of the names of files that `read` understands.
READABLE = (*_TEXT, ".npz", ".npy", ".parquet")

_log = logging.getLogger(__name__)


def read(path: str | Path, **options: Any) -> list[Recording]:
    """Read a file by its suffix, or every readable file of a folder and its subfolders.

    Parameters
    ----------
    path : path
        Text tables (``.csv``, ``.txt``, ``.tsv``, each also ``.gz``), ``.npz``, ``.npy``,
        ``.parquet``, or a folder of them.
    **options
        As in `read_csv`; an option that a format has no use for (``delimiter`` for Parquet) is
        ignored. ``.npy`` needs ``rate``. ``.npz`` holds the fields of `Recording` by name, as
        `save_npz` writes them.

    Returns
    -------
    list of Recording
        In a folder, names are paths relative to it without suffix.

    Raises
    ------
    FormatError, ClockError, SignalError
        With file and line, or file and sample.
    """
    path = Path(path)
    known = set(read_csv.__annotations__) - {"path", "return"}
    if unknown := sorted(set(options) - known):
        listed = f"Known: {', '.join(sorted(known))}."
        raise ParameterError(f"read has no option {unknown[0]!r}", where=str(path), remedy=listed)
    if path.is_dir():
        files = [p for p in sorted(path.rglob("*")) if p.name.lower().endswith(READABLE)]
        if not files:
            found = f"no file with one of the suffixes {', '.join(READABLE)}"
            raise FormatError(found, where=str(path))
        names = [file.relative_to(path).as_posix() for file in files]
        named = [{"name": _stem(name), **options} for name in names]
        return [r for file, own in zip(files, named, strict=True) for r in read(file, **own)]
    if not path.exists():
        raise FormatError("no such file or folder", where=str(path))
    suffix = path.suffix.lower()
    if suffix in _TEXT:
        return read_csv(path, **options)
    if suffix in (".npz", ".npy"):
        return _read_numpy(path, **options)
    if suffix == ".parquet":
        spelling = ("delimiter", "decimal", "header")
        return _read_parquet(path, **{k: v for k, v in options.items() if k not in spelling})
    remedy = f"Readable are {', '.join(READABLE)}."
    raise FormatError(f"unknown suffix {suffix!r}", where=str(path), remedy=remedy)


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
    frame = read_table(path, dialect)
    roles = find_layout(
        frame,
        where=str(path),
        columns=columns,
        axes=axes,
        unit=unit,
        time=time,
        time_unit=time_unit,
        label=label,
        subject=subject,
    )
    _log.info("%s", _report(path, dialect, frame, roles))
    _warn(str(path), dialect.doubts + roles.doubts)
    return _recordings(
        frame,
        roles,
        where=str(path),
        place=lambda row: f"{path}, line {line_of(path, dialect, row)}",
        rate=rate,
        subject=subject,
        gap=gap,
        longest_gap_s=longest_gap_s,
        name=_stem(path.name) if name is None else name,
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
    """
    path = Path(path)
    spelling = ("delimiter", "decimal", "header")
    dialect = sniff(path, **{k: v for k, v in options.items() if k in spelling})
    frame = read_table(path, dialect)
    silent = (*spelling, "rate", "gap", "longest_gap_s", "name")
    roles = {k: v for k, v in options.items() if k not in silent}
    return _report(path, dialect, frame, find_layout(frame, where=str(path), **roles))


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
        A `DatetimeIndex` or `TimedeltaIndex` is its column of time unless `time` is given.
    columns, axes, unit, time, time_unit, rate, label, subject, gap, longest_gap_s, name
        As in `read_csv`.

    Returns
    -------
    list of Recording

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> stamps = pd.date_range("2024-05-01", periods=128, freq="20ms")
    >>> from_frame(pd.DataFrame(np.zeros((128, 2)), stamps, ["acc_x", "acc_y"]), unit="g")
    [Recording('', 2.6 s at 50 Hz, acc_x acc_y, subject '')]
    """
    where = name or "frame"
    if not isinstance(frame, pd.DataFrame):
        raise FormatError(f"{type(frame).__name__}, expected a pandas DataFrame", where=where)
    if frame.empty:
        raise FormatError(f"no rows or no columns (shape {frame.shape})", where=where)
    frame = frame.rename(columns=str)
    if isinstance(frame.index, pd.DatetimeIndex | pd.TimedeltaIndex) and time is None:
        time = "time (index)"
        stamps = frame.index - frame.index[0]
        frame.insert(len(frame.columns), time, stamps / pd.Timedelta(seconds=1))
        time_unit = "s"
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise FormatError(f"several columns are called {twice[0]!r}", where=where)
    roles = find_layout(
        frame,
        where=where,
        columns=columns,
        axes=axes,
        unit=unit,
        time=time,
        time_unit=time_unit,
        label=label,
        subject=subject,
    )
    _warn(where, roles.doubts)
    return _recordings(
        frame,
        roles,
        where=where,
        place=lambda row: f"{where}, row {row}",
        rate=rate,
        subject=subject,
        gap=gap,
        longest_gap_s=longest_gap_s,
        name=name,
    )
