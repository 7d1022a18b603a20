"""Tables of labelled intervals: a label a row, from a start to an end.

Layouts as published: Audacity's label track (manual, "Importing and exporting labels"), ELAN's
tab-delimited text (manual, "Tab-delimited text file"), Label Studio's time series (its template
"Time series labeling") and Sensor Logger's ``Annotation.csv`` (its list of units).
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import FormatError, ParameterError
from ..signals.recording import as_texts
from .csv import decode
from .timestamps import TIME_UNITS, words

__all__ = ["UNIX_S", "read_intervals", "to_intervals"]

#: What columns are called, as `words` spells it; of labels, the first of these that is there.
_START = r"\b(start|begin|onset|from|xmin|tmin)\b"
_END = r"\b(end|stop|offset|until|to|xmax|tmax)\b"
_COUNT = r"\b(samples?|frames?|index|idx|rows?|lines?)\b"
_DURATION = r"^dur(ation)?\b"
_POINT = r"\b(time|timestamp|datetime|date)\b"
_ELAN = r"^(begin time|end time|duration|file name|file path)\b"
_RECORDING = r"^(recording|file|filename|file name|file path)$"
_LABELS = (
    *("label", "labels", "activity", "class", "annotation", "annotations", "text", "value"),
    *("event", "behavior", "behaviour", "state", "description", "trial type", "category"),
)
#: Unit -> seconds, and the words in a column's name that mean it.
_UNITS = {unit: TIME_UNITS[unit] for unit in ("s", "ms", "us", "ns")}
_UNIT_WORDS = {"sec": "s", "seconds": "s", "msec": "ms", "milliseconds": "ms"}
_UNIT_WORDS |= {unit: unit for unit in _UNITS}
#: A time in seconds from here on is Unix time (1e8 s: 1973), and tells its unit by its size.
UNIX_S = 1e8
_SIZES = (("ns", 1e17), ("us", 1e14), ("ms", 1e11))

_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:[.,]\d*)?)")  # 1:02:03.5
_FRAMES = re.compile(r"\d+:\d+:\d+[:;]\d+")  # 00:00:01:12, which counts frames of a film
_DATA = re.compile(r"\.(csv|tsv|txt|json|parquet)$")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def read_intervals(path: str | Path, *, labels_unit: str | None = None) -> pd.DataFrame:
    """Read a table of labelled intervals, to look at it or change it before it labels anything.

    Parameters
    ----------
    path : path
        A table in text with a header (``start, end, label`` or a synonym of each, ``duration``
        for an end), Audacity's label track, ELAN's tab-delimited text, Label Studio's export of a
        time series (JSON, JSON-MIN, CSV), or Sensor Logger's ``Annotation.csv``.
    labels_unit
        As in `label_intervals`.

    Returns
    -------
    DataFrame
        ``start``, ``end`` in seconds (dates: Unix time), ``label``; where the file tells them,
        ``recording``, and ``tier``: ELAN's tier, Label Studio's control and annotator. A point
        ends where it starts.

    Raises
    ------
    FormatError
        With file and row.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "labels.csv"
    >>> table = pd.DataFrame({"start": [0, 2.5], "end": [2.5, 4], "label": ["walk", "sit"]})
    >>> table.to_csv(path, index=False)
    >>> read_intervals(path).label.tolist()
    ['walk', 'sit']
    """
    path = Path(path)
    where = str(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise FormatError(f"cannot be read ({error.strerror})", where=where) from None
    text, _ = decode(raw)
    if path.suffix.lower() == ".json":
        return _label_studio(_tasks(text, where), labels_unit, where)
    rows = _cells(text)
    if not rows:
        raise FormatError("no rows", where=where)
    if any(_is_time(cell) for cell in rows[0]):  # a header has none
        return to_intervals(_nameless(rows, where), labels_unit, where, since="start")
    head, *rows = rows
    frame = pd.DataFrame([dict(zip(head, row, strict=False)) for row in rows], columns=head)
    frame = frame.fillna("")
    if "timeserieslabels" in text:  # Label Studio: a task a row, its spans in a cell
        tasks = [([*row], _json(cell, where)) for row in rows for cell in row if cell[:1] == "["]
        return _label_studio(tasks, labels_unit, where)
    return to_intervals(frame, labels_unit, where)


def to_intervals(
    frame: pd.DataFrame, unit: str | None, where: str, *, since: str | None = None
) -> pd.DataFrame:
    """Columns as from `read_intervals`; ``attrs["since"]`` as `labels_since`, None if unknown."""
    if unit not in (None, *_UNITS):
        known = f"Known: {', '.join(map(repr, _UNITS))}."
        raise ParameterError(f"labels_unit is {unit!r}", where=where, remedy=known)
    frame = frame.rename(columns=str)
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        what = f"{(frame.columns == twice).sum()} columns are called {twice!r}"
        raise FormatError(what, where=where, remedy="Rename them in the file.")
    spelt = {name: " ".join(words(name)) for name in frame}

    def named(pattern: str) -> str | None:
        names = (name for name, text in spelt.items() if re.search(pattern, text))
        # ELAN writes a time in several formats: frames of a film are none to read.
        seen = (name for name in names if not frame[name].astype(str).map(_FRAMES.fullmatch).any())
        return next(seen, None)

    start, end, lasts, recording = map(named, (_START, _END, _DURATION, _RECORDING))
    start = start or named(_POINT)
    elan = spelt.get(start, "").startswith("begin time")  # whose tiers may have any name
    known = _ELAN if elan else "|".join((_START, _END, _DURATION, _RECORDING, "^tier$"))
    taken = (start, end, lasts, recording)
    rest = [n for n, text in spelt.items() if n not in taken and not re.search(known, text)]
    label = next((n for usual in _LABELS for n in rest if spelt[n] == usual), None)
    if elan and rest:  # a column for each tier
        about = frame[[name for name in frame if name not in rest]]
        tiers = [about.assign(tier=name, label=frame[name])[frame[name] != ""] for name in rest]
        frame, label = pd.concat(tiers, ignore_index=True), "label"
    elif label is None and len(rest) == 1:
        label = rest[0]
    if frame.empty or start is None or label is None:
        missing = "rows" if frame.empty else "start" if start is None else "label"
        what = f"no {missing} in a table of labels with columns {', '.join(map(repr, spelt))}"
        raise FormatError(what, where=where, remedy="Name its columns start, end, label.")
    if unit is None and re.search(_COUNT, spelt[start]):
        remedy = 'Divide start and end by the rate in Hz, or give labels_unit="s".'
        raise FormatError(f"column {start!r} does not count time", where=where, remedy=remedy)
    starts = _seconds(frame[start], unit, where)
    ends = starts if end is None else _seconds(frame[end], unit, where)
    if end is None and lasts is not None:
        ends = starts + _seconds(frame[lasts], unit, where)
    bad = np.flatnonzero(~(starts <= ends))
    if len(bad):
        what = f"row {bad[0] + 1} starts at {starts[bad[0]]:.10g} and ends at {ends[bad[0]]:.10g}"
        raise FormatError(what, where=where, remedy="Every row needs a start and a later end.")
    table = pd.DataFrame({"start": starts, "end": ends, "label": as_texts(frame[label])})
    for name, column in (("tier", "tier"), ("recording", recording)):
        if column in frame:
            table[name] = as_texts(frame[column])
    is_unix = starts.max() >= UNIX_S
    table.attrs["since"] = "clock" if is_unix else frame.attrs.get("since", since)
    return table


def _cells(text: str) -> list[list[str]]:
    """Rows of a text table, without comments and without the frequencies that Audacity adds."""
    lines = [line for line in text.splitlines() if line.strip() and line.lstrip('"')[:1] != "#"]
    first = lines[0] if lines else ""
    mark = "\t" if "\t" in first else max(",;", key=first.count)
    rows = ([cell.strip() for cell in row] for row in csv.reader(lines, delimiter=mark))
    return [row for row in rows if row[0] != "\\"]


def _nameless(rows: list[list[str]], where: str) -> pd.DataFrame:
    """Rows without a header: Audacity's start, end, label; ELAN's tier, times, label.

    ELAN writes begin, end and perhaps duration, each in up to three formats: 00:00:01.500, 1.5,
    1500.
    """
    width, intervals = max(map(len, rows)), []
    for count, row in enumerate(rows, start=1):
        *cells, label = row + [""] * (width - len(row))  # a label of Audacity may be missing
        times = [cell for cell in cells if _is_time(cell)]
        first = cells.index(times[0]) if times else 0
        others = [c for c in cells[first:] if c and not _is_time(c) and not _FRAMES.fullmatch(c)]
        spelt = [cell for cell in times if ":" in cell]
        numbers = [_number(cell) for cell in times]
        if others:
            what = f"row {count}: is {others[0]!r} the label, or {label!r}?"
            remedy = "Give the table a header: start, end, label."
            raise FormatError(what, where=where, remedy=remedy)
        if len(spelt) > 1:
            start, end = spelt[:2]
        elif len(times) >= 4 and abs(numbers[1] - 1000 * numbers[0]) < 1:
            start, end = times[0], times[2]  # seconds, milliseconds, seconds, ...
        elif len(times) == 2 or (
            len(times) == 3 and abs(numbers[1] - numbers[0] - numbers[2]) < 0.01
        ):
            start, end = times[:2]
        elif len(times) == 1 and width == 2:
            start, end = times[0], times[0]
        else:
            what = f"row {count}: {len(times)} times before the label, expected start and end"
            remedy = "Give the table a header: start, end, label."
            raise FormatError(what, where=where, remedy=remedy)
        tier = cells[0] if first else ""  # ELAN: the tier, then a participant
        intervals.append({"start": start, "end": end, "label": label, "tier": tier})
    frame = pd.DataFrame(intervals)
    return frame if frame["tier"].any() else frame.drop(columns="tier")


def _tasks(text: str, where: str) -> list[tuple[list, list]]:
    """Facts and spans of each task, in Label Studio's JSON (annotations) or JSON-MIN (a field)."""
    content = _json(text, where)
    tasks = []
    for task in content if isinstance(content, list) else [content]:
        task = task if isinstance(task, dict) else {}
        facts = [task.get("file_upload"), *task.get("data", task).values()]
        done = task.get("annotations", task.get("completions"))  # its name until version 1
        if done is None:
            tasks += [(facts, value) for value in task.values() if isinstance(value, list)]
            continue
        done = [each for each in done if not each.get("was_cancelled")]
        for each in done:
            by = f" by {each.get('completed_by', each.get('id'))}" if len(done) > 1 else ""
            results = each.get("result", [])
            spans = [{**r["value"], "tier": f"{r.get('from_name')}{by}"} for r in results]
            tasks.append((facts, spans))
    return tasks


def _json(text: str, where: str):
    try:
        return json.loads(text)
    except ValueError as error:
        raise FormatError(f"damaged JSON ({error})", where=where) from None


def _label_studio(tasks: list[tuple[list, list]], unit: str | None, where: str) -> pd.DataFrame:
    """A row for each label of each span; the file of its task is the recording."""
    rows = [
        {
            "start": str(span["start"]),
            "end": str(span["end"]),
            "label": label,
            "tier": span.get("tier", ""),
            "recording": next((f for f in facts if _DATA.search(str(f))), ""),
        }
        for facts, spans in tasks
        for span in spans
        if isinstance(span, dict)
        for label in span.get("timeserieslabels", [])
    ]
    if not rows:
        remedy = "Export the annotations of a time series: JSON, JSON-MIN or CSV."
        raise FormatError("no labelled spans of a time series", where=where, remedy=remedy)
    frame = pd.DataFrame(rows)
    # The only task is about the recording at hand, whatever it was called on its way.
    frame = frame.drop(columns=[n for n in ("tier", "recording") if frame[n].nunique() < 2])
    # Without a time column Label Studio counts rows, and a table of labels knows no rate.
    whole = frame["start"].str.fullmatch(r"\d+(\.0)?").all()
    if whole and unit is None and frame["start"].astype(float).max() < _SIZES[-1][1]:
        raise FormatError(
            f"Label Studio's whole numbers ({frame['start'][0]}, ...): rows, or time stamps?",
            where=where,
            remedy='Of stamps give labels_unit="s" (or "ms", "us", "ns"). Of rows make seconds: '
            'table = img2imu_kit.readers.read_intervals(path, labels_unit="s"); '
            'table[["start", "end"]] /= <Hz>; then give labels=table, labels_since="start".',
        )
    return to_intervals(frame, unit, where, since="clock")


def _seconds(values: pd.Series, unit: str | None, where: str) -> np.ndarray:
    """Times of the rows in seconds; an error names the first that cannot be read."""
    texts = as_texts(values)
    numbers = np.array([_number(text) for text in texts])
    if not np.isnan(numbers).any():
        largest = np.abs(numbers).max(initial=0)
        sized = next((name for name, least in _SIZES if largest >= least), "s")
        return numbers * _UNITS[unit or _named_unit(values.name) or sized]
    clocks = [_CLOCK.fullmatch(text) for text in texts]
    if all(clocks):
        parts = [[_number(part) for part in clock.groups("0")] for clock in clocks]
        return np.array(parts) @ [3600.0, 60.0, 1.0]
    dates = pd.to_datetime(pd.Series(texts), format="ISO8601", utc=True, errors="coerce")
    bad = [i for i, text in enumerate(texts) if not _is_time(text)] or np.flatnonzero(dates.isna())
    if len(bad):
        what = f"row {bad[0] + 1}, column {values.name!r}: {texts[bad[0]]!r} is no time"
        remedy = "Write seconds, hh:mm:ss, or dates in ISO 8601."
        raise FormatError(what, where=where, remedy=remedy)
    since = dates - pd.Timestamp(0, tz="UTC")
    return (since / pd.Timedelta(seconds=1)).to_numpy(np.float64)


def _named_unit(name: str) -> str | None:
    """The unit at the end of a column's name: ``start_ms``, ``End Time - msec``."""
    spelt = words(name)
    if spelt[-2:] == ["ss", "msec"]:  # ELAN's seconds with three decimals
        return "s"
    return next((_UNIT_WORDS[word] for word in reversed(spelt) if word in _UNIT_WORDS), None)


def _is_time(cell: str) -> bool:
    return bool(_CLOCK.fullmatch(cell) or _DATE.match(cell)) or not np.isnan(_number(cell))


def _number(cell: str) -> float:
    """A number with a decimal point or comma; NaN for anything else."""
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return np.nan
