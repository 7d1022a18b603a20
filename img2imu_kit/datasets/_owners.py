"""Find and read the owners' files; what is wrong with one is said with its name and line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import DatasetError, FormatError, Img2ImuError
from ..readers.csv import known_dialect, line_of, read_table
from ..readers.tables import to_numbers

__all__ = ["find_files", "read_columns"]


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
    # A Mac's archives hold a twin of every file under this name, which is not the file.
    paths = (path for path in folder.resolve().rglob("*") if "__MACOSX" not in path.parts)
    pairs = [(path, re.match(f".*/{pattern}$", path.as_posix())) for path in paths]
    pairs = [(path, match) for path, match in pairs if match and path.is_file()]
    if not pairs:
        what = f"no file of {name} is in this folder (looked for .../{pattern})"
        raise DatasetError(what, where=str(folder), remedy=remedy)
    return sorted(pairs, key=lambda pair: _natural(pair[0].as_posix()))


def read_columns(
    path: Path,
    numbers: Sequence[str],
    texts: Sequence[str] = (),
    *,
    width: int | None = None,
    comment: str | None = None,
) -> pd.DataFrame:
    """Columns of a comma-separated file, checked: every number a number, no field missing.

    Parameters
    ----------
    path : Path
    numbers, texts : sequence of str
        Columns to read by name; ``"0"``, ``"1"``, ... if the file has no header.
    width : int, optional
        Number of columns of a file without a header.
    comment : str, optional
        From this character to the end of a line nothing is data.

    Returns
    -------
    DataFrame
        Numbers as float64, then texts.

    Raises
    ------
    FormatError
        Empty, not text, a column missing, or a malformed line, with its number.
    """
    try:
        dialect = known_dialect(path, width=width, comment=comment)
        frame = read_table(path, dialect)

        def place(row: int) -> str:
            return f"{path}, line {line_of(path, dialect, row)}"

        missing = [column for column in (*numbers, *texts) if column not in frame]
        if missing:
            raise FormatError(f"no column {', '.join(missing)}", where=str(path))
        for column in texts:
            if (empty := np.flatnonzero(frame[column].isna())).size:
                what = f"column {column!r} is empty, expected text"
                raise FormatError(what, where=place(int(empty[0])))
        columns = {column: to_numbers(frame[column], place) for column in numbers}
    except Img2ImuError as error:  # a reader advises on its options, which a known file has not
        remedy = "The file is cut or damaged: fetch it again, or mend the line."
        raise FormatError(error.what, where=error.where, remedy=remedy) from None
    return pd.DataFrame({**columns, **{column: frame[column] for column in texts}})


# Numbers compare as such, and after text: s2 before s10.
def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]
