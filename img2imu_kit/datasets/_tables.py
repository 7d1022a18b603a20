"""Find and read the owners' files; what is wrong with one is said with its name and line."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import DatasetError, FormatError

__all__ = ["ACC_GYRO", "find_files", "read_table"]

#: Axis names of an accelerometer and a gyroscope.
ACC_GYRO = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")

_MEND = "The file is cut or damaged: fetch it again, or mend the line."


def find_files(folder: str | PathLike, pattern: str, name: str) -> list[tuple[Path, re.Match]]:
    """Files below `folder` whose path matches, with the match, in natural order (2 before 10).

    Parameters
    ----------
    folder : path
        Any folder at or above the files, so an archive may be unpacked with or without its root.
    pattern : str
        Regular expression for the end of the path, from a folder boundary on, with ``/``.
    name : str
        Of the data set, for the error's remedy.

    Raises
    ------
    DatasetError
        No such folder, or no such file below it.
    """
    folder = Path(folder)
    remedy = (
        f"Fetch it with `img2imu datasets --fetch {name}` or ik.datasets.fetch_dataset({name!r})."
    )
    if not folder.is_dir():
        raise DatasetError(f"there is no such folder for {name}", where=str(folder), remedy=remedy)
    paths = (path for path in folder.resolve().rglob("*") if "__MACOSX" not in path.parts)
    found = [(path, re.match(f".*/{pattern}$", path.as_posix())) for path in paths]
    found = [(path, match) for path, match in found if match and path.is_file()]
    if not found:
        what = f"no file of {name} is in this folder (looked for .../{pattern})"
        raise DatasetError(what, where=str(folder), remedy=remedy)
    return sorted(found, key=lambda pair: _natural(pair[0].as_posix()))


def read_table(
    path: Path,
    numbers: Sequence[str | int],
    texts: Sequence[str] = (),
    *,
    width: int | None = None,
    drop: bytes = b"",
) -> pd.DataFrame:
    """Columns of a comma-separated file, checked: every number a number, no field missing.

    Parameters
    ----------
    path : Path
    numbers, texts : sequence
        Columns to read by name; by position if the file has no header. Others are ignored.
    width : int, optional
        Number of columns of a file without a header.
    drop : bytes
        Characters to remove first.

    Raises
    ------
    FormatError
        Empty, not text, a column missing, or a malformed line, with its number.
    """
    wanted, where = [*numbers, *texts], str(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FormatError(f"cannot be read ({error.strerror})", where=where) from None
    _check_fields(content, width, where)
    try:
        table = pd.read_csv(
            io.BytesIO(content.translate(None, drop)),
            header=0 if width is None else None,
            names=None if width is None else range(width),
            usecols=lambda column: column in wanted,
            skipinitialspace=True,
            index_col=False,
            low_memory=False,
        )
    except ValueError as error:  # pandas' ParserError and UnicodeDecodeError are both of them
        line = re.search(r"line (\d+)", str(error))
        where = f"{where}, line {line[1]}" if line else where
        what = f"not a table of comma-separated values ({error})"
        raise FormatError(what, where=where) from None
    missing = [str(column) for column in wanted if column not in table]
    if missing:
        raise FormatError(f"no column {', '.join(missing)}", where=where)
    if len(table) == 0:
        raise FormatError("the file has a header but no samples", where=where)
    sound = table[wanted].copy()
    for column in numbers:
        if sound[column].dtype.kind not in "iuf":
            sound[column] = pd.to_numeric(sound[column], errors="coerce")
    bad = sound.isna() | sound.isin([np.inf, -np.inf])
    if bad.to_numpy().any():
        row, column = (int(i) for i in np.argwhere(bad.to_numpy())[0])
        value = table[wanted[column]][row]
        found = "is missing" if pd.isna(value) else f"is {value}"
        expected = "text" if wanted[column] in texts else "a number"
        raise FormatError(
            f"column {wanted[column]} {found}, expected {expected}",
            where=f"{where}, line {_line(content, row, header=width is None)}",
            remedy=_MEND,
        )
    return sound


def _check_fields(content: bytes, width: int | None, where: str) -> None:
    """As many fields on every line as on the first: pandas fills short lines and cuts long ones."""
    if not content.strip():
        raise FormatError("the file is empty", where=where)
    commas = width - 1 if width else content.lstrip().split(b"\n", 1)[0].count(b",")
    lines = content.count(b"\n") + (not content.endswith(b"\n"))
    if content.count(b",") == lines * commas:
        return
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip() and line.count(b",") != commas:
            what = f"{line.count(b',') + 1} fields, expected {commas + 1}"
            raise FormatError(what, where=f"{where}, line {number}", remedy=_MEND)


def _line(content: bytes, row: int, *, header: bool) -> int:
    """Line number, from 1, of a row of the table: blank lines hold no row."""
    filled = [number for number, text in enumerate(content.splitlines(), 1) if text.strip()]
    return filled[min(row + header, len(filled) - 1)]


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]
