"""Labels and people told beside a signal: by the names of folders and files, or in a table."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pandas as pd

from ..errors import ClockError, FormatError, GuessWarning, ParameterError
from ..signals.recording import Recording
from .intervals import UNIX_S, read_intervals, to_intervals
from .tables import stem

__all__ = ["label_intervals", "path_rule", "tell_by_path"]

Rule = str | re.Pattern
#: What Label Studio puts before the name of a file that was uploaded.
_UPLOAD = re.compile(r"^[0-9a-f]{8}-")


def label_intervals(
    recordings: Recording | Iterable[Recording],
    table: str | Path | pd.DataFrame,
    *,
    labels_unit: str | None = None,
    labels_since: str | None = None,
) -> Recording | list[Recording]:
    """Label the samples of recordings from a table of intervals.

    A sample at time t has the label of the row with start <= t < end, and ``""`` where there is
    none. Where all rows are points, a label holds until the next one, and a point without a text
    ends it; a `GuessWarning` says so.

    Parameters
    ----------
    recordings : Recording or iterable of Recording
    table : path or DataFrame
        A DataFrame has columns ``start``, ``end``, ``label`` and, if it is for several
        recordings, ``recording`` with their names; a file is what `read_intervals` reads.
    labels_unit : {"s", "ms", "us", "ns"}, optional
        What start and end count. Default: dates and hh:mm:ss as they are written, Unix time by
        its size, and else what the columns' names say (``start_ms``), or seconds.
    labels_since : {"start", "clock"}, optional
        Since the start of the recording's file, or as its own time stamps (`Recording.clock_s`).
        Default: the one under which they meet the recording.

    Returns
    -------
    Recording or list of Recording
        As given, with these labels in place of any before.

    Raises
    ------
    FormatError
        A table that cannot be read, rows that contradict each other or end before they start,
        no row that meets any recording.
    ClockError
        ``labels_since="clock"`` of a recording without one.

    Warns
    -----
    GuessWarning
        Points are held until the next; both readings of `labels_since` would fit; rows that
        label no sample.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> walk = Recording(np.zeros((50, 3)), rate=10, name="walk")
    >>> table = pd.DataFrame({"start": [0, 2.5], "end": [2.5, 4], "label": ["sit", "stand"]})
    >>> label_intervals(walk, table)
    Recording('walk', 5.0 s at 10 Hz, acc_x acc_y acc_z, subject '', sit, stand)
    """
    several = [recordings] if isinstance(recordings, Recording) else list(recordings)
    if labels_since not in (None, "start", "clock"):
        raise ParameterError(f'labels_since is {labels_since!r}, expected "start" or "clock"')
    clockless = [recording.name for recording in several if recording.clock_s is None]
    if labels_since == "clock" and clockless:
        remedy = 'Give time= when it is read, or labels_since="start".'
        raise ClockError("no clock in its file", where=clockless[0] or "recording", remedy=remedy)
    if isinstance(table, pd.DataFrame):
        where, rows = "table of labels", to_intervals(table, labels_unit, "table of labels")
    else:
        where, rows = str(table), read_intervals(table, labels_unit=labels_unit)
    if not several:
        return []
    points = len(rows) if (rows["start"] == rows["end"]).all() else 0
    rows = _hold(rows) if points else rows
    labelled, met = list(several), np.zeros(len(rows), dtype=bool)
    # The pieces of a file that was split at gaps share its clock, and are judged together.
    files = {}
    for index, recording in enumerate(several):
        files.setdefault((recording.name, recording.clock_s), []).append(index)
    names = sorted({name for name, _ in files})
    owners = _owners(rows, names, where) if "recording" in rows else None
    for (name, _), pieces in files.items():
        own = np.arange(len(rows)) if owners is None else np.flatnonzero(owners == name)
        since = _since(rows.iloc[own], [several[i] for i in pieces], labels_since, where)
        if since == "start" and len(names) > 1 and owners is None:
            raise FormatError(
                f"seconds since the start of which of {len(names)} recordings?",
                where=where,
                remedy=f"Add a column 'recording' with {', '.join(map(repr, names))}.",
            )
        for i in pieces:
            labels, touched = _fill(several[i], rows.iloc[own], since, where)
            labelled[i] = replace(several[i], labels=labels)
            met[own] |= touched
    if not met.any():
        raise _missed(rows, several, where)
    if points:
        warnings.warn(
            f"{where}: guessed: {points} points, each label holds until the next (give start and "
            "end)",
            GuessWarning,
            stacklevel=2,
        )
    if not met.all():
        first = rows[~met].iloc[0]
        warnings.warn(
            f"{where}: {(~met).sum()} of {len(met)} rows label no sample, the first {first.label!r}"
            f" from {first.start:g} to {first.end:g}",
            GuessWarning,
            stacklevel=2,
        )
    return labelled[0] if isinstance(recordings, Recording) else labelled


def path_rule(text: Any, option: str) -> Rule | None:
    """``"folder"``, ``"file"`` or an expression with one group; None for any other value."""
    if not isinstance(text, str) or (text not in ("folder", "file") and "(" not in text):
        return None
    if text in ("folder", "file"):
        return text
    try:
        rule = re.compile(text)
    except re.error as error:
        raise ParameterError(f"{option}={text!r} is no regular expression ({error})") from None
    if rule.groups != 1:
        raise ParameterError(
            f"{option}={text!r} has {rule.groups} groups, expected one",
            remedy=r'Put brackets round what is wanted: r"p(\d+)"; (?:...) is no group.',
        )
    return rule


def tell_by_path(place: str | PurePath, rule: Rule, option: str) -> str:
    """What the path of a recording says by a rule of `path_rule`.

    Examples
    --------
    >>> tell_by_path("anna/walking/run1.csv", "folder", "labels")
    'walking'
    >>> tell_by_path("anna/walking/run1.csv", re.compile("^([a-z]+)/"), "subject")
    'anna'
    """
    place = PurePath(place)
    if rule == "folder":
        if place.parent.name:
            return place.parent.name
        remedy = f'Read the folder above, or give {option}="file" or an expression.'
        raise ParameterError(
            "lies in no folder below the one read", where=str(place), remedy=remedy
        )
    if rule == "file":
        return stem(place.name)
    told = sorted({match[1] or "" for match in rule.finditer(place.as_posix())})
    if len(told) == 1:
        return told[0]
    what = f"tells {' and '.join(map(repr, told))}" if told else "matches nothing"
    remedy = r'Spell more of the path, as in r"/p(\d+)/".'
    raise ParameterError(f"{option}={rule.pattern!r} {what}", where=str(place), remedy=remedy)


def _hold(points: pd.DataFrame) -> pd.DataFrame:
    """Points as intervals: each ends at the next of the same tier and recording."""
    points = points.sort_values("start", kind="stable")
    by = [name for name in ("tier", "recording") if name in points]
    following = points.groupby(by)["start"].shift(-1) if by else points["start"].shift(-1)
    rows = points.assign(end=following.fillna(np.inf))
    return rows[rows["label"] != ""]  # whose only use was to end the one before


def _owners(rows: pd.DataFrame, names: list[str], where: str) -> np.ndarray:
    """Name of the recording that each row is about [R]: by its path, else by its file alone."""
    owners = {}
    for cell in dict.fromkeys(rows["recording"]):
        path = PurePath(cell.replace("\\", "/"))
        spelt = {str(path), str(path.with_suffix(""))} if path.name else set()
        bare = {_UPLOAD.sub("", name) for name in (path.name, path.stem)}
        fits = [name for name in names if name in spelt]
        fits = fits or [name for name in names if PurePath(name).name in bare]
        if len(fits) > 1:
            remedy = "Write the path as in these names."
            raise FormatError(f"{cell!r} could be {' or '.join(fits)}", where=where, remedy=remedy)
        owners[cell] = fits[0] if fits else None
    return rows["recording"].map(owners).to_numpy(object)


def _since(rows: pd.DataFrame, pieces: list[Recording], given: str | None, where: str) -> str:
    """Whether rows count from the start of the file or on its clock: where they meet it."""
    clock_s = pieces[0].clock_s
    given = given or rows.attrs.get("since")
    if clock_s is None or given:
        return "start" if clock_s is None else given
    first = min(piece.start_s for piece in pieces)
    last = max(piece.start_s + piece.seconds for piece in pieces)
    fits = {
        since: ((rows["start"] < zero + last) & (rows["end"] > zero + first)).any()
        for since, zero in (("start", 0.0), ("clock", clock_s))
    }
    if all(fits.values()) and abs(clock_s) * pieces[0].rate > 0.5:
        warnings.warn(
            f"{where}: guessed: start and end are time stamps of {pieces[0].name!r}, whose clock "
            f"begins at {clock_s:g} s, and not seconds since then (labels_since=)",
            GuessWarning,
            stacklevel=3,
        )
    return "clock" if fits["clock"] else "start"


def _fill(
    recording: Recording, rows: pd.DataFrame, since: str, where: str
) -> tuple[np.ndarray, np.ndarray]:
    """Labels of the samples [T], and which rows [R] label any."""
    labels = np.full(len(recording), "", dtype=object)
    owner = np.full(len(recording), -1)
    touched = np.zeros(len(rows), dtype=bool)
    zero_s = recording.start_s + (recording.clock_s or 0.0) * (since == "clock")
    for i, row in enumerate(rows.itertuples(index=False)):
        # The first sample not before a time; a thousandth of a sample is rounding.
        start, end = (
            int(np.clip(np.ceil((time - zero_s) * recording.rate - 1e-3), 0, len(labels)))
            for time in (row.start, row.end)
        )
        clash = np.flatnonzero((owner[start:end] >= 0) & (labels[start:end] != row.label))
        if len(clash):
            other = rows.iloc[owner[start + clash[0]]]
            raise FormatError(
                f"{other.label!r} ({other.start:g} to {other.end:g}) and {row.label!r} "
                f"({row.start:g} to {row.end:g}) label the same samples",
                where=where,
                remedy=_CHOOSE if "tier" in rows else "Give each time one label.",
            )
        labels[start:end], owner[start:end] = row.label, i
        touched[i] = end > start
    return labels, touched


_CHOOSE = (
    "Choose a tier: table = img2imu_kit.readers.read_intervals(path), then "
    'labels=table[table.tier == "..."].'
)


def _missed(rows: pd.DataFrame, recordings: list[Recording], where: str) -> FormatError:
    """Why no row labels any sample, and what to do."""
    first, spans = recordings[0], ""
    if "recording" in rows:
        told = ", ".join(map(repr, dict.fromkeys(rows["recording"])))
        what = f"rows about {told}, none about {', '.join(repr(r.name) for r in recordings)}"
        return FormatError(what, where=where, remedy="Write the names as they are here.")
    remedy = 'Give seconds since its start, or labels_unit= if they count "ms", "us" or "ns".'
    if first.clock_s is not None:
        spans = f", on its clock from {first.clock_s + first.start_s:.10g} s"
        if min(rows["start"].max(), first.clock_s) >= UNIX_S:  # dates of two days, or zones
            remedy = "Dates without a zone are taken for UTC: write 2024-05-01T11:00:00+02:00."
    what = (
        f"rows from {rows['start'].min():.10g} to {rows['end'].max():.10g} s, but {first.name!r} "
        f"lasts from {first.start_s:g} to {first.start_s + first.seconds:g} s{spans}"
    )
    return FormatError(what, where=where, remedy=remedy)


def find_labels(labels: Any, where: str) -> tuple[Rule | None, Path | pd.DataFrame | None]:
    """What `labels` of `read` means: a rule for paths, or a table of intervals."""
    if labels is None or labels is False or isinstance(labels, pd.DataFrame):
        return None, labels if isinstance(labels, pd.DataFrame) else None
    is_word = labels in ("folder", "file")
    if isinstance(labels, str | Path) and not is_word and Path(labels).is_file():
        return None, Path(labels)
    rule = path_rule(labels, "labels")
    if rule is None:
        raise ParameterError(
            f"labels={str(labels)!r} is no file, and no expression with a group",
            where=where,
            remedy='Give "folder", "file", an expression as r"_([a-z]+)", or a table of start, '
            "end and label; a column of classes is label=.",
        )
    return rule, None


def tell_by_paths(
    recordings: list[Recording], path: Path, name: str | None, **rules: Rule | None
) -> list[Recording]:
    """Recordings read from a path, with `labels` and `subject` as its rules tell them of each."""
    told = []
    for recording, place in zip(recordings, _places(recordings, path, name), strict=True):
        about = {
            field: tell_by_path(place, rule, field)
            for field, rule in rules.items()
            if rule is not None
        }
        told.append(replace(recording, **about))  # one text labels all samples
    return told


def annotate(recordings: list[Recording], notes: Path) -> list[Recording]:
    """Sensor Logger's notes, which lie beside its sensors, as labels: points that hold."""
    texts = notes.read_text(encoding="utf-8", errors="replace").split("\n", 1)
    if not texts[-1].strip() or any(r.labels is not None for r in recordings):
        return recordings  # a header alone: nothing was noted
    try:
        return label_intervals(recordings, notes)
    except FormatError as error:
        warnings.warn(f"{notes}: not taken for labels, {error.what}", GuessWarning, stacklevel=2)
        return recordings


def _places(recordings: list[Recording], path: Path, name: str | None) -> list[str]:
    """Path of each recording without suffix: below the folder that was read, else as given."""
    title = path.resolve().name if path.is_dir() else stem(path.name)
    # of a bare name, the folder around it is known all the same
    around = path.parent if path.parent.name else Path(path.resolve().parent.name)
    given, names = (around / title).as_posix(), [recording.name for recording in recordings]
    if path.is_file() and path.suffix.lower() != ".zip":
        return [given] * len(names)
    if path.is_file():
        return [given + place.removeprefix(name or title) for place in names]
    if set(names) == {title} and not _is_file(path / title):  # the folder itself is an export
        return [given] * len(names)
    # A table of several people adds the person to the name of its file.
    bare = [r.name.removesuffix(f"/{r.subject}") for r in recordings]
    return [
        short if _is_file(path / short) else full for short, full in zip(bare, names, strict=True)
    ]


def _is_file(place: Path) -> bool:
    """Whether a file has this path without its suffix."""
    folder = place.parent
    inside = folder.iterdir() if folder.is_dir() else ()
    return any(stem(file.name) == place.name and file.is_file() for file in inside)
