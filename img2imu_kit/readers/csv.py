"""Text of a table: how it is spelled, and which line is to blame when it cannot be read.

The good case is one call of pandas' C parser; lines are walked only to explain a failure.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

import pandas as pd

from ..errors import FormatError, NoSignalError, ParameterError

__all__ = ["Dialect", "known_dialect", "line_of", "read_table", "sniff"]

_DELIMITERS = (",", ";", "\t", "|", r"\s+")
_COMMENT = re.compile(r"^(#|%|//)\s*")
_HEAD_BYTES, _SCORED_LINES = 1 << 16, 60
_NUMBER = {
    ".": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(nan|inf)", re.IGNORECASE),
    ",": re.compile(r"[+-]?(\d+(,\d+)?|,\d+)(e[+-]?\d+)?|[+-]?(nan|inf)", re.IGNORECASE),
}
_REPAIR = "Repair or delete the line; if columns were split wrongly, give delimiter= or decimal=."


@dataclass(frozen=True)
class Dialect:
    r"""How a text file spells a table.

    Attributes
    ----------
    encoding, delimiter, decimal : str
        The delimiter ``"\\s+"`` is any run of blanks.
    comment : str or None
        From this character to the end of a line nothing is data.
    header_line, data_line : int
        Line numbers from 1; header line 0 means that there is none.
    names : tuple of str
        One for each column; its position where it has no name.
    doubts : tuple of str
        Guesses that might have gone the other way.
    """

    encoding: str
    delimiter: str
    decimal: str
    comment: str | None
    header_line: int
    data_line: int
    names: tuple[str, ...]
    doubts: tuple[str, ...] = ()


def sniff(
    path: Path,
    *,
    delimiter: str | None = None,
    decimal: str | None = None,
    header: bool | str = "infer",
) -> Dialect:
    """Find delimiter, decimal sign, comments and header from the first lines of a file.

    The spelling that turns the largest share of cells into numbers wins; data begin at the first
    line of numbers, and the header is the first line above them with one name for each column.
    """
    if not isinstance(header, bool) and header != "infer":
        raise ParameterError(f'header is {header!r}, expected True, False or "infer"')
    if decimal not in (None, ".", ","):
        raise ParameterError(f'decimal is {decimal!r}, expected "." or ","')
    delimiter = r"\s+" if delimiter == " " else delimiter
    if delimiter is not None and delimiter != r"\s+" and len(delimiter) != 1:
        raise ParameterError(f"delimiter is {delimiter!r}, expected one character")
    if delimiter is not None and delimiter == decimal:
        raise ParameterError(f"delimiter and decimal are both {decimal!r}")
    lines, encoding = _head(path)
    body = [line for line in lines if line.strip() and not _COMMENT.match(line)]
    if not body:
        raise NoSignalError("only comments, no data", where=str(path))
    only_line = len(body) == 1
    # The second half of the head: a preamble stands above it.
    body = body[len(body) // 2 :][:_SCORED_LINES]
    # SisFall ends each line of comma-separated numbers in `;`: what follows it is not data.
    stop = ";" if all(re.fullmatch(r"[^;]+;\s*", line) for line in body) else None
    best = (False, -1.0, 0)
    for mark in _DELIMITERS if delimiter is None else (delimiter,):
        comment = stop if mark != ";" else None
        table = [_cells(line, mark, comment) for line in body]
        width = Counter(map(len, table)).most_common(1)[0][0]
        table = [row for row in table if len(row) == width]
        for point in (".", ",") if decimal is None else (decimal,):
            numbers = [[bool(_NUMBER[point].fullmatch(cell)) for cell in row] for row in table]
            share = sum(map(sum, numbers)) / (len(body) * width)
            # Several columns, then the share of numbers, then more columns; on a tie the first
            # spelling wins: a comma before blanks, a decimal point before a comma.
            score = (width > 1, round(share, 2), width)
            if point != mark and score > best:
                best, spelling = score, (mark, point, comment)
                # [columns]: whether most cells of the column are numbers
                numeric = [2 * sum(column) > len(table) for column in zip(*numbers, strict=True)]
    if not any(numeric):
        what = "a header but no rows of data" if only_line else "no column of numbers was found"
        raise NoSignalError(f"{what}; line 1 reads {lines[0][:60]!r}", where=str(path))
    mark, point, comment = spelling
    rows = [_cells(_COMMENT.sub("", line), mark, comment) for line in lines]
    title, data, doubts = _header(path, lines, rows, numeric, point, header)
    names = [""] * len(numeric) if title is None else _names(path, rows, title, len(numeric))
    if comment is None:  # lines above the data are not parsed, whatever they hold
        comment = next((c for c in "#%" if any(line.startswith(c) for line in lines[data:])), None)
    header_line, names = (0 if title is None else title + 1), _filled(names, title is not None)
    return Dialect(encoding, mark, point, comment, header_line, data + 1, names, doubts)


def known_dialect(path: Path, *, width: int | None = None, comment: str | None = None) -> Dialect:
    """Comma-separated values whose first line is the header, or which are `width` columns.

    Nothing is sniffed: for files whose layout is published, where a deviation is damage.
    """
    lines, encoding = _head(path)
    if width:
        return Dialect(encoding, ",", ".", comment, 0, 1, _filled([""] * width, False))
    title = next(number for number, line in enumerate(lines) if line.strip())
    rows = [_cells(line, ",", comment) for line in lines[: title + 1]]
    names = _filled(_names(path, rows, title, len(rows[title])), True)
    return Dialect(encoding, ",", ".", comment, title + 1, title + 2, names)


def read_table(path: Path, dialect: Dialect) -> pd.DataFrame:
    """Parse the whole file with pandas' C parser, or name the line that cannot be parsed."""
    frame, failure = None, ""
    try:
        with _text(path, dialect.encoding) as text, warnings.catch_warnings():
            # A first row with too many fields only warns, and loses them.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                text,
                sep=dialect.delimiter,
                decimal=dialect.decimal,
                comment=dialect.comment,
                names=list(dialect.names),
                header=None,
                index_col=False,
                skiprows=dialect.data_line - 1,
                skipinitialspace=True,
                keep_default_na=False,  # a class may be called "None" or "null"
                na_values=["", "nan", "NaN"],
                low_memory=False,
            )
    except pd.errors.EmptyDataError:
        raise NoSignalError("a header but no rows of data", where=str(path)) from None
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        failure = str(error).strip()
    if frame is None or frame.iloc[:, -1].isna().any():  # pandas fills up a line that ends early
        _blame(path, dialect)
    if frame is None:
        raise FormatError(f"malformed: {failure}", where=str(path))
    # A delimiter that ends each line adds a column with neither name nor values.
    nameless = [name for name in frame if re.fullmatch(r"(unnamed )?\d+", name)]
    empty = [name for name in nameless if pd.isna(frame[name].iat[0]) and frame[name].isna().all()]
    return frame.drop(columns=empty) if empty else frame


def line_of(path: Path, dialect: Dialect, row: int) -> int:
    """Number of the line, from 1, that holds a row of the table, counted from 0."""
    return next(n for i, (n, _) in enumerate(_data_lines(path, dialect)) if i == row)


def _blame(path: Path, dialect: Dialect) -> None:
    """Raise for the first line with a wrong number of columns, if there is one."""
    comment = ";" if dialect.comment == ";" else None
    for number, line in _data_lines(path, dialect):
        _check_width(path, number, _cells(line, dialect.delimiter, comment), len(dialect.names))


def _check_width(path: Path, number: int, row: list[str], width: int) -> None:
    if len(row) != width:
        what = f"malformed line: {len(row)} column(s), expected {width}"
        raise FormatError(what, where=f"{path}, line {number}", remedy=_REPAIR)


def _data_lines(path: Path, dialect: Dialect) -> Iterator[tuple[int, str]]:
    """Number and text of the lines that become rows of the table."""
    skip = dialect.comment if dialect.comment in ("#", "%") else "\n"
    with _text(path, dialect.encoding) as text:
        for number, line in enumerate(text, start=1):
            if number >= dialect.data_line and line.strip() and not line.startswith(skip):
                yield number, line.rstrip("\n")


def _header(
    path: Path,
    lines: list[str],
    rows: list[list[str]],
    numeric: list[bool],
    point: str,
    header: bool | str,
) -> tuple[int | None, int, tuple[str, ...]]:
    """Index of the header (if any), index of the first line of data, and doubts about both."""
    # Data begin at the first line with numbers where the columns of numbers are. Above it, a line
    # of as many cells is the header; for want of one a line that is a cell off, or a comment.
    width, above, remarks = len(numeric), [], []
    for index, (line, row) in enumerate(zip(lines, rows, strict=True)):
        cells = [cell for cell, number in zip(row, numeric, strict=False) if number and cell]
        numbers = sum(bool(_NUMBER[point].fullmatch(cell)) for cell in cells)
        if _COMMENT.match(line):
            remarks += [index] if len(row) == width else []
        elif numbers and 2 * numbers >= min(sum(numeric), len(row)):
            break
        elif line.strip() and abs(len(row) - width) <= 1:
            above.append(index)
    above = [i for i in above if len(rows[i]) == width] or above[-1:] or remarks[-1:]
    first = row[0]
    if header is False:
        title, doubts = None, ()
    elif above:
        title, doubts = above[0], ()
        if len(above) > 1:
            doubts = (f"line {title + 1} is the header, line {above[1] + 1} is not data (header=)",)
    elif header is True:
        return index, index + 1, ()
    elif numeric[0] and width > 1 and not _NUMBER[point].fullmatch(first):
        doubt = f"line {index + 1} is the header, though it holds numbers (header=)"
        return index, index + 1, (doubt,)
    else:
        title, doubts = None, ()
    _check_width(path, index + 1, row, width)
    return title, index, doubts


def _names(path: Path, rows: list[list[str]], title: int, width: int) -> list[str]:
    """Names of the columns; a delimiter that ends the line adds a nameless column."""
    names, where = rows[title], f"{path}, line {title + 1}"
    if len(names) == width + 1 and not names[-1]:
        names = names[:-1]
    elif len(names) == width - 1 and not any(row[-1] for row in rows[title + 1 :] if row[1:]):
        names = [*names, ""]
    if len(names) != width:
        what = f"the header names {len(names)} columns, but rows have {width}"
        raise FormatError(what, where=where, remedy=_REPAIR)
    for name, count in Counter(filter(None, names)).items():
        if count > 1:
            places = " and ".join(str(i) for i, other in enumerate(names) if other == name)
            what = f"{count} columns are called {name!r} (positions {places})"
            raise FormatError(what, where=where, remedy="Rename them in the file.")
    return names


def _filled(names: list[str], header: bool) -> tuple[str, ...]:
    """A name for each column: its position where it has none."""
    return tuple(
        name or (f"unnamed {column}" if header else str(column))
        for column, name in enumerate(names)
    )


def _cells(line: str, delimiter: str, comment: str | None) -> list[str]:
    if comment:
        line = line.split(comment)[0]
    if delimiter == r"\s+":
        return line.split() or [""]
    row = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    return [cell.strip() for cell in row] or [""]


def _head(path: Path) -> tuple[list[str], str]:
    """The first lines of a text file and its encoding."""
    with _open(path) as file:
        raw = file.read(_HEAD_BYTES)
    if not raw.strip():
        raise NoSignalError("the file is empty", where=str(path))
    encoding = "utf-8-sig"
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif b"\0" in raw:
        remedy = "Export it as CSV; .npz, .npy and .parquet files are known by their suffix."
        raise FormatError("binary data, expected a table in text", where=str(path), remedy=remedy)
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(raw)
    except UnicodeDecodeError:  # older Windows programs write m/s² and °/s this way
        encoding = "latin-1"
        text = raw.decode(encoding)
    lines = re.split(r"\r\n|\r|\n", text)  # splitlines() would also split at \x0b and \u2028
    if len(raw) == _HEAD_BYTES and len(lines) > 1:
        lines.pop()  # it may be cut in the middle
    while not lines[-1].strip():
        lines.pop()
    return lines, encoding


@contextmanager
def _text(path: Path, encoding: str) -> Iterator[TextIO]:
    """The text of a file, in which each newline is ``\\n``."""
    with _open(path) as file, io.TextIOWrapper(file, encoding, errors="replace") as text:
        yield text


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked if they are gzip; a failure says what is wrong with it."""
    try:
        with open(path, "rb") as file:
            yield gzip.GzipFile(fileobj=file) if file.peek(2)[:2] == b"\x1f\x8b" else file
    except FileNotFoundError:
        raise FormatError("no such file", where=str(path)) from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        remedy = "Copy or download it again."
        raise FormatError("gzip data are cut or damaged", where=str(path), remedy=remedy) from None
    except OSError as error:
        raise FormatError(f"cannot be read ({error.strerror})", where=str(path)) from None
