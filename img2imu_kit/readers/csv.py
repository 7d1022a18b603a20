"""Text of a table: how it is spelled, and which line is to blame when it cannot be read.

The good case is one call of pandas' C parser; lines are walked only to explain a failure.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
import math
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple, TextIO

import pandas as pd

from ..errors import FormatError, NoSignalError, ParameterError
from .columns import parse_name
from .preamble import Facts, empatica, not_motion, read_facts
from .timestamps import is_time_name, unit_of_time, words

__all__ = ["Dialect", "decode", "known_dialect", "line_of", "read_table", "sniff"]

_DELIMITERS = (",", ";", "\t", "|", r"\s+")
_COMMENT = re.compile(r"^(#|%|//)\s*")
_HEAD_BYTES, _SCORED_LINES = 1 << 16, 60
#: A cell that is a number or a date, and no name.
_VALUE = re.compile(r"[+-]?[\d.,:/ T-]*\d[\d.,:/ T-]*[\W_]*$")
#: Excel's note of the delimiter, as Movella DOT and Shimmer Consensys write it.
_SEPARATOR = re.compile(r"\W?sep=(.|\\t)\W?", re.IGNORECASE)
#: SisFall and WISDM end each record of comma-separated cells in `;`, WISDM some lines after two.
_ENDS = re.compile(r"[^;]+;\s*|((?:[^;,]*,){2,}[^;,]*;\s*)+")
_NUMBER = {
    ".": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(nan|inf)", re.IGNORECASE),
    ",": re.compile(r"[+-]?(\d+(,\d+)?|,\d+)(e[+-]?\d+)?|[+-]?(nan|inf)", re.IGNORECASE),
}
_REPAIR = (
    "Repair or delete the line; if columns were split wrongly, give delimiter= or decimal=, and if "
    "lines above the table are in the way, skip_lines=."
)
_RENAME = (
    "Rename the columns in the file, or give header=False and choose columns=[...] by position."
)
_FILL = f"If the cells at the ends of lines are missing, give header=True. {_RENAME}"


@dataclass(frozen=True)
class Dialect:
    r"""How a text file spells a table.

    Attributes
    ----------
    encoding, delimiter, decimal : str
        The delimiter ``"\\s+"`` is any run of blanks.
    comment : str or None
        From this character to the end of a line nothing is data; ``;`` ends a record, and another
        may follow it on the same line.
    header_line, data_line : int
        Line numbers from 1; header line 0 means that there is none.
    names : tuple of str
        One for each column, with its unit in brackets where a row of units tells it; its position
        where it has no name.
    doubts : tuple of str
        Guesses that might have gone the other way.
    facts : Facts
        What the lines above the table tell.
    scales : tuple of float
        What a count of each column is worth, 1 for plain numbers.
    shortest : int
        Cells that a line has at least; those that it lacks at its end are empty.
    """

    encoding: str
    delimiter: str
    decimal: str
    comment: str | None
    header_line: int
    data_line: int
    names: tuple[str, ...]
    doubts: tuple[str, ...] = ()
    facts: Facts = field(default_factory=Facts)
    scales: tuple[float, ...] = ()
    shortest: int = 0


def sniff(
    path: Path,
    *,
    delimiter: str | None = None,
    decimal: str | None = None,
    header: bool | str = "infer",
    skip_lines: int = 0,
) -> Dialect:
    """Find delimiter, decimal sign, comments and header from the first lines of a file.

    The spelling that turns the largest share of cells into numbers wins; data begin at the first
    block of lines with as many cells, and the header is the line straight above it.
    """
    if not isinstance(header, bool) and header != "infer":
        raise ParameterError(f'header is {header!r}, expected True, False or "infer"')
    if decimal not in (None, ".", ","):
        raise ParameterError(f'decimal is {decimal!r}, expected "." or ","')
    if isinstance(skip_lines, bool) or not isinstance(skip_lines, int) or skip_lines < 0:
        raise ParameterError(f"skip_lines is {skip_lines!r}, expected a number of lines")
    delimiter = r"\s+" if delimiter == " " else delimiter
    if delimiter is not None and delimiter != r"\s+" and len(delimiter) != 1:
        raise ParameterError(f"delimiter is {delimiter!r}, expected one character")
    if delimiter is not None and delimiter == decimal:
        raise ParameterError(f"delimiter and decimal are both {decimal!r}")
    lines, encoding = _head(path)
    if delimiter is None and (noted := _SEPARATOR.fullmatch(lines[0].strip())):
        delimiter = noted[1].replace("\\t", "\t")
        lines[0] = ""
    lines[:skip_lines] = [""] * min(skip_lines, len(lines))
    body = [line for line in lines if line.strip() and not _COMMENT.match(line)]
    if not body:
        what = f"no data below the {skip_lines} lines skipped" if skip_lines else "only comments"
        raise NoSignalError(f"{what}, no data", where=str(path))
    only_line = len(body) == 1
    # The end of the head: a preamble stands above it.
    body = body[len(body) // 2 :][-_SCORED_LINES:]
    stop = ";" if all(map(_ENDS.fullmatch, body)) else None
    best = (False, -1.0, 0)
    for mark in _DELIMITERS if delimiter is None else (delimiter,):
        comment = stop if mark != ";" else None
        table = [_cells(line, mark, comment) for line in body]
        width = Counter(map(len, table)).most_common(1)[0][0]
        table = [row for row in table if len(row) == width]
        # A delimiter that ends each line, or an empty SampleTimeFine of Xsens: columns of nothing.
        filled = sum(any(column) for column in zip(*table, strict=True))
        for point in (".", ",") if decimal is None else (decimal,):
            numbers = [[bool(_NUMBER[point].fullmatch(cell)) for cell in row] for row in table]
            share = sum(map(sum, numbers)) / (len(body) * max(1, filled))
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
    head = _header(_Lines(path, lines, rows, numeric, point), header)
    names, data, facts = head.names, head.data, head.facts
    samples = [[_number(cell, point) for cell in row] for row in rows[data : data + _SCORED_LINES]]
    if facts.refused:
        remedy = "Export raw data: samples, not epochs."
        raise NoSignalError(facts.refused, where=str(path), remedy=remedy)
    known = empatica(samples) if head.title is None and all(numeric) else None
    beats = len(numeric) == 2 and any(row[1:] == ["IBI"] for row in rows[:data])
    if beats or (known and len(numeric) != 3):
        what = f"of an Empatica E4, and {not_motion('IBI' if beats else path.name)}"
        raise NoSignalError(what, where=str(path), remedy="The accelerometer is in ACC.csv.")
    if known:
        facts, data, samples = known, data + 2, samples[2:]
    names, scales, doubts = _apply(facts, names, samples)
    if comment is None:  # lines above the data are not parsed, whatever they hold
        comment = next((c for c in "#%" if any(line.startswith(c) for line in lines[data:])), None)
    return Dialect(
        *(encoding, mark, point, comment),
        header_line=0 if head.title is None else head.title + 1,
        data_line=data + 1,
        names=_filled(names, head.title is not None),
        doubts=(*head.doubts, *facts.doubts, *doubts),
        facts=facts,
        scales=scales,
        shortest=head.shortest,
    )


def known_dialect(path: Path, *, width: int | None = None, comment: str | None = None) -> Dialect:
    """Comma-separated values whose first line is the header, or which are `width` columns.

    Nothing is sniffed: for files whose layout is published, where a deviation is damage.
    """
    lines, encoding = _head(path)
    if width:
        return Dialect(encoding, ",", ".", comment, 0, 1, _filled([""] * width, False))
    title = next(number for number, line in enumerate(lines) if line.strip())
    rows = [_cells(line, ",", comment) for line in lines[: title + 1]]
    _, names, _ = _titles(path, rows, [title], len(rows[title]))
    return Dialect(encoding, ",", ".", comment, title + 1, title + 2, _filled(names, True))


def read_table(path: Path, dialect: Dialect, *, whole: bool = False) -> pd.DataFrame:
    """Parse the whole file with pandas' C parser, or name the line that cannot be parsed."""
    frame, failure = None, ""
    try:
        with _text(path, dialect.encoding) as text, warnings.catch_warnings():
            # A first row with too many fields only warns, and loses them.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            for _ in range(dialect.data_line - 1):
                text.readline()
            ends = dialect.comment == ";"
            # In pieces, for memory; columns whose pieces differ in kind must be read again whole,
            # or a class "01" would be 1 where its piece holds numbers only.
            warnings.simplefilter("error", pd.errors.DtypeWarning)
            frame = pd.read_csv(
                _Records(text) if ends else text,
                sep=dialect.delimiter,
                decimal=dialect.decimal,
                comment=None if ends else dialect.comment,
                names=list(dialect.names),
                header=None,
                index_col=False,
                skipinitialspace=True,
                keep_default_na=False,  # a class may be called "None" or "null"
                na_values=["", "nan", "NaN"],
                low_memory=not whole,
            )
    except pd.errors.DtypeWarning:
        return read_table(path, dialect, whole=True)
    except pd.errors.EmptyDataError:
        raise NoSignalError("a header but no rows of data", where=str(path)) from None
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        failure = str(error).strip()
    if frame is not None and frame.empty:
        raise NoSignalError("a header but no rows of data", where=str(path))
    if frame is None or frame.iloc[:, -1].isna().any():  # pandas fills up a line that ends early
        _blame(path, dialect)
    if frame is None:
        raise FormatError(f"malformed: {failure}", where=str(path))
    for name, worth in zip(dialect.names, dialect.scales, strict=False):
        if worth != 1 and pd.api.types.is_numeric_dtype(frame[name]):
            frame[name] = frame[name] * worth
    # A delimiter that ends each line adds a column with neither name nor values.
    nameless = [name for name in frame if re.fullmatch(r"(unnamed )?\d+", name)]
    empty = [name for name in nameless if pd.isna(frame[name].iat[0]) and frame[name].isna().all()]
    return frame.drop(columns=empty) if empty else frame


def line_of(path: Path, dialect: Dialect, row: int) -> int:
    """Number of the line, from 1, that holds a row of the table, counted from 0."""
    return next(n for i, (n, _) in enumerate(_data_lines(path, dialect)) if i == row)


def _blame(path: Path, dialect: Dialect) -> None:
    """Raise for the first line with a wrong number of columns, if there is one."""
    width = len(dialect.names)
    for number, line in _data_lines(path, dialect):
        _check_width(path, number, _cells(line, dialect.delimiter, None), width, dialect.shortest)


def _check_width(path: Path, number: int, row: list[str], width: int, shortest: int = 0) -> None:
    if not (shortest or width) <= len(row) <= width:
        what = f"malformed line: {len(row)} column(s), expected {width}"
        raise FormatError(what, where=f"{path}, line {number}", remedy=_REPAIR)


def _data_lines(path: Path, dialect: Dialect) -> Iterator[tuple[int, str]]:
    """Number and text of the lines that become rows of the table."""
    skip = dialect.comment if dialect.comment in ("#", "%") else "\n"
    with _text(path, dialect.encoding) as text:
        for number, line in enumerate(text, start=1):
            if number < dialect.data_line or line.startswith(skip):
                continue
            for record in line.split(";") if dialect.comment == ";" else [line]:
                if record.strip():
                    yield number, record.rstrip("\n")


class _Records:
    """A text in which ``;`` ends a line, for pandas, which reads it in pieces."""

    def __init__(self, text: TextIO) -> None:
        self.text = text

    def read(self, size: int = -1) -> str:
        return self.text.read(size).replace(";", "\n")

    def __iter__(self) -> Iterator[str]:
        return iter(self.read().splitlines())


class _Head(NamedTuple):
    """Where the table begins: indices of its header and its first sample, and what they say."""

    title: int | None
    data: int
    names: list[str]
    shortest: int
    doubts: tuple[str, ...]
    facts: Facts


@dataclass(frozen=True)
class _Lines:
    """The first lines of a file, each split into cells, and what kind each is."""

    path: Path
    lines: list[str]
    rows: list[list[str]]
    numeric: list[bool]  # [columns]
    point: str

    def is_sample(self, i: int) -> bool:
        """Whether numbers stand where the columns of numbers are; the line may be cut."""
        number = _NUMBER[self.point].fullmatch
        cells = [c for c, numbers in zip(self.rows[i], self.numeric, strict=False) if numbers and c]
        return 2 * sum(bool(number(cell)) for cell in cells) > len(cells)

    def is_whole(self, i: int) -> bool:
        return len(self.rows[i]) == len(self.numeric) and self.is_sample(i)

    def is_comment(self, i: int) -> bool:
        return bool(_COMMENT.match(self.lines[i]))

    def is_title(self, i: int, straight: bool) -> bool:
        """Whether a line names columns: padding does not, nor do values or prose.

        Straight above the samples any text of as many cells does.
        """
        row, width = self.rows[i], len(self.numeric)
        known, values = sum(map(_is_name, row)), sum(bool(_VALUE.match(cell)) for cell in row)
        prose = any(re.search(r"\w[,.:;!]$", cell) for cell in row[:-1])  # of words, not of cells
        prose = prose or (not known and any(len(cell.split()) > 2 for cell in row))
        plain = straight and not (values or prose) and abs(len(row) - width) <= 1
        filled = 2 * sum(map(bool, row)) > width or (len(row) == width and _is_units(row))
        return (plain or known > values + prose) and filled and not self.is_sample(i)


def _find_block(head: _Lines) -> tuple[list[int], int, list[int]]:
    """Rows of titles (the lowest first), the first sample, and all lines of text above it."""
    rows, width = head.rows, len(head.numeric)
    content = [i for i, line in enumerate(head.lines) if line.strip() and not head.is_comment(i)]
    # Three samples in a row: a line of settings may look like one.
    starts = (i for n, i in enumerate(content) if all(map(head.is_whole, content[n : n + 3])))
    data = next(starts, next(filter(head.is_whole, content), content[0]))
    above = [i for i in content if i < data and re.search(r"\w", head.lines[i])]
    stack: list[int] = []
    for i in reversed(above):
        straight = bool(stack) or all(map(head.is_comment, range(i + 1, data)))
        if head.is_title(i, straight) and not (stack and len(rows[i]) != width):
            stack.append(i)
        elif stack:
            break
        elif head.is_whole(i):  # the block begins higher, and is broken
            data = i
    above = [i for i in above if i < data]
    # Numbers between the header and the block are a sample that cannot be read.
    for i in [i for i in above if i > stack[0]] if stack else above[-1:]:
        if len(rows[i]) > max(1, width // 2) and head.is_sample(i):
            _check_width(head.path, i + 1, rows[i], width)
    if not stack:  # numpy.savetxt writes the names in a comment
        named = {
            i: sum(map(_is_name, rows[i]))
            for i in range(data)
            if head.is_comment(i) and len(rows[i]) == width
        }
        stack = [i for i in named if 2 * named[i] >= width]
        stack = sorted(stack, key=lambda i: (named[i], i))[-1:]
    return stack, data, above


def _header(head: _Lines, header: bool | str) -> _Head:
    """The block of samples, the header straight above it, and what else stands above."""
    rows, width = head.rows, len(head.numeric)
    stack, data, above = _find_block(head)
    first = _NUMBER[head.point].fullmatch(rows[data][0])
    doubts: tuple[str, ...] = ()
    if header is False:
        stack = []
    elif not stack and header is True:
        stack, data = [data], data + 1
    elif not stack and head.numeric[0] and width > 1 and not first:
        stack, data = [data], data + 1
        doubts = (f"line {data} is the header, though it holds numbers (header=)",)
    title, names, used = _titles(head.path, rows, stack, width)
    told = [(i + 1, rows[i]) for i in range(data) if i not in used and any(rows[i])]
    if title is not None and not head.is_comment(title):
        passed = [i for i in above if i > title and i not in used]
        passed = [i for i in passed if i not in stack or not _is_uniform(rows[i])]
        for i in passed[:1]:
            what = f"line {title + 1} is the header, line {i + 1} is not data (header=)"
            doubts = (*doubts, what)
    if len(names) > width:  # lines may end early, if others are as long as the header
        long = any(len(row) == len(names) for row in rows[data:])
        if not (long or header is True):
            what = f"the header names {len(names)} columns, but rows have {width}"
            raise FormatError(what, where=f"{head.path}, line {title + 1}", remedy=_FILL)
        lacking = ", ".join(map(repr, names[width:]))
        what = f"most lines end before column {lacking}, which is empty there (header=)"
        doubts = (*doubts, what)
    return _Head(title, data, names, width, doubts, read_facts(told))


def _titles(
    path: Path, rows: list[list[str]], stack: list[int], width: int
) -> tuple[int | None, list[str], set[int]]:
    """The row of names among rows of titles (the lowest first), the names, and the rows used.

    Names stand alone, or with a row of units, of kinds (``CAL``, ``RAW``), or of devices:
    Shimmer writes all four, pandas a row for each level.
    """
    if not stack:
        return None, [""] * width, set()
    units = [i for i in stack if len(stack) > 1 and _is_units(rows[i])][:1]
    naming = [i for i in stack if i not in units and not _is_uniform(rows[i])] or stack
    # The row that names axes or time; of several the lowest.
    title = max(naming, key=lambda i: (sum(map(_is_name, rows[i])), i))
    names, used = _names(path, rows, title, width), {title, *units}
    for other in stack:  # two levels: "acc" above "x", "CAL" below "Accelerometer X"
        if len(set(filter(None, names))) == len(list(filter(None, names))):
            break
        if other not in used and not _is_uniform(rows[other]):
            pairs = itertools.zip_longest(names, rows[other], fillvalue="")
            names = [" ".join(filter(None, pair)) for pair in pairs]
            used.add(other)
    for name, count in Counter(filter(None, names)).items():
        if count > 1:
            places = " and ".join(str(i) for i, other in enumerate(names) if other == name)
            what = f"{count} columns are called {name!r} (positions {places})"
            where = f"{path}, line {title + 1}"
            raise FormatError(what, where=where, remedy=_RENAME)
    for i in units:
        known = map(_unit, rows[i])
        pairs = itertools.zip_longest(names, known, fillvalue="")
        names = [f"{name} ({unit})" if name and unit else name for name, unit in pairs]
    return title, names, used


def _names(path: Path, rows: list[list[str]], title: int, width: int) -> list[str]:
    """Names of the columns; a delimiter that ends the line adds a nameless column."""
    names = rows[title]
    if len(names) == width + 1 and not names[-1]:
        names = names[:-1]
    elif len(names) == width - 1 and not any(row[-1] for row in rows[title + 1 :] if row[1:]):
        names = [*names, ""]
    if len(names) < width:
        what = f"the header names {len(names)} columns, but rows have {width}"
        raise FormatError(what, where=f"{path}, line {title + 1}", remedy=_RENAME)
    return names


def _apply(
    facts: Facts, names: list[str], samples: list[list[float]]
) -> tuple[list[str], tuple[float, ...], tuple[str, ...]]:
    """Names with what is known of the columns, the worth of a count of each, and doubts."""
    if len(names) in facts.names and not any(map(_is_name, names[-3:])):
        names = list(facts.names[len(names)])
    scales, doubts = [1.0] * len(names), []
    for i, name in enumerate(names):
        sensor, axis, unit = parse_name(name)
        if not axis or (unit and name not in facts.names.get(len(names), ())):
            continue
        values = [row[i] for row in samples if len(row) > i and math.isfinite(row[i])]
        counts = all(value == round(value) for value in values)
        fitting = {"acc": ("g", "mg"), "linacc": ("g", "mg"), "gyro": ("deg/s",)}.get(sensor, ())
        worth = next((u for u in fitting if u in facts.scales), "")
        if worth and counts:
            scales[i] = facts.scales[worth]
            if not unit:
                names[i] = f"{name} ({worth})"
                doubts.append(f"a count of {name!r} is {scales[i]:.6g} {worth} (skip_lines=)")
        elif sensor == "acc" and not unit and facts.unit:
            names[i] = f"{name} ({facts.unit})"
    return names, tuple(scales), tuple(doubts)


def _is_name(cell: str) -> bool:
    return bool(parse_name(cell)[1]) or is_time_name(cell)


def _is_uniform(row: list[str]) -> bool:
    """Whether a row repeats one text: the name of a device, or that all is calibrated."""
    return len(row) > 1 and len(set(filter(None, row))) == 1


def _is_units(row: list[str]) -> bool:
    """Whether a row holds units, at least as many as other texts."""
    known = [bool(_unit(cell)) for cell in row if cell.lower() not in ("", "-", "no units", "n/a")]
    return any(known) and 2 * sum(known) >= len(known)


def _unit(cell: str) -> str:
    """The unit that a cell names, as the names of columns spell it, or ``""``."""
    text = cell.lower().rstrip("*")  # Shimmer marks a calibration by default so
    text = text[1:-1] if re.fullmatch(r"\(.*\)|\[.*\]", text) else text
    motion = parse_name(f"acc_x ({text.replace('sec', 's')})")[2]
    return motion or (unit_of_time(text) if len(words(text)) == 1 else "")


def _number(cell: str, point: str) -> float:
    return float(cell.replace(point, ".")) if _NUMBER[point].fullmatch(cell) else float("nan")


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


def decode(raw: bytes, *, cut: bool = False) -> tuple[str, str]:
    """The text of a file, or of its head that may be cut within a letter, and its encoding."""
    boms = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    encoding = "utf-16" if raw.startswith(boms) else "utf-8-sig"
    try:
        return codecs.getincrementaldecoder(encoding)().decode(raw, final=not cut), encoding
    except UnicodeDecodeError:  # older Windows programs write m/s² and °/s this way
        return raw.decode("latin-1"), "latin-1"


def _head(path: Path) -> tuple[list[str], str]:
    """The first lines of a text file and its encoding."""
    with _open(path) as file:
        raw = file.read(_HEAD_BYTES)
    if not raw.strip():
        raise NoSignalError("the file is empty", where=str(path))
    text, encoding = decode(raw, cut=len(raw) == _HEAD_BYTES)
    if encoding != "utf-16" and b"\0" in raw:
        remedy = "Export it as CSV; .npz, .npy and .parquet files are known by their suffix."
        raise FormatError("binary data, expected a table in text", where=str(path), remedy=remedy)
    lines = re.split(r"\r\n|\r|\n", text)  # splitlines() would also split at \x0b and \u2028
    if len(raw) == _HEAD_BYTES and len(lines) > 1:
        lines.pop()  # it may be cut in the middle
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:  # of what is blank as text, but not as bytes
        raise NoSignalError("the file is empty", where=str(path))
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
