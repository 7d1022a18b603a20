"""A file by its suffix, all the recordings of a folder, and what an app packed into one file."""

from __future__ import annotations

import itertools
import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from tqdm.auto import tqdm

from ..errors import (
    ClockError,
    FormatError,
    GuessWarning,
    Img2ImuError,
    NoSignalError,
    ParameterError,
)
from ..errors import strict as strictly
from ..signals.axes import find_unit, measured, quantity
from ..signals.merging import merge
from ..signals.recording import Recording
from .arrays import NUMPY_OPTIONS, read_numpy
from .exports import Part, find_parts, is_apart, unpack_workbook, unpack_zip
from .labels import annotate, find_labels, label_intervals, path_rule, tell_by_paths
from .tables import SPELLING, read_csv, read_parquet, stem

__all__ = ["READABLE", "Unread", "find_recordings", "read"]

_WORKBOOKS = (".xlsx", ".xls", ".ods")
#: Ends of the names of files that `read` understands.
READABLE = (
    *(".csv", ".txt", ".tsv", ".dat", ".log", ".csv.gz", ".txt.gz", ".tsv.gz"),
    *(".npz", ".npy", ".mat", ".parquet", ".zip", *_WORKBOOKS),
)
_ACTIPY = (
    "or from Python, with Java and the package actipy (for academic use): "
    "data, info = actipy.read_device(path, lowpass_hz=None, calibrate_gravity=False, "
    "detect_nonwear=False, resample_hz=None), then "
    'img2imu_kit.readers.from_frame(data[["x", "y", "z"]], axes=["acc_x", "acc_y", "acc_z"], '
    'unit="g", gap="split").'
)
#: Binary files of watches -> what to do with them.
_BINARY = {
    ".gt3x": f"Export it as raw CSV in ActiLife or CentrePoint, {_ACTIPY}",
    ".cwa": f"Export it as resampled CSV in OmGui (Axivity), {_ACTIPY}",
    ".bin": f"If a GENEActiv wrote it, convert it to raw CSV in its PC software, {_ACTIPY}",
}
_log = logging.getLogger(__name__)


def read(
    path: str | Path,
    *,
    labels: str | Path | pd.DataFrame | Literal[False] | None = None,
    labels_unit: str | None = None,
    labels_since: str | None = None,
    subject: str | None = None,
    failed: dict[Path, Img2ImuError] | None = None,
    strict: bool = False,
    progress: bool = False,
    **options: Any,
) -> list[Recording]:
    r"""Read a file by its suffix, or every recording of a folder and its subfolders.

    An export of a phone or watch is one recording, be it a folder, a ``.zip`` or a workbook: its
    accelerometer and gyroscope are merged onto one clock, and files that hold no motion are left
    aside with a note in the log. ``docs/exports.md`` lists the apps.

    Parameters
    ----------
    path : path
        Text tables (``.csv``, ``.txt``, ``.tsv``, ``.dat``, ``.log``, the first three also
        ``.gz``), ``.npz``, ``.npy``, ``.mat``, ``.parquet``, workbooks (``.xlsx``, ``.xls``,
        ``.ods``), a ``.zip`` or a folder of them.
    labels : str, path or DataFrame, optional
        Classes told beside the files, in place of a column `label` in them. ``"folder"``: the name
        of the folder around each recording; ``"file"``: the name of its file (or of its folder, if
        that is the export); a regular expression with one group, searched in its path below the
        folder that is read (of a single file: the path as given), without suffix. Or a table of
        intervals, as `label_intervals` takes it. False: no labels, not even an app's notes.
    labels_unit : {"s", "ms", "us", "ns"}, optional
        What start and end of such a table count, if neither their size nor their names tell.
    labels_since : {"start", "clock"}, optional
        Whether they count from the start of the recording's file or are stamps of its clock, if
        both could be.
    subject : str, optional
        Who was recorded, or the name of the column that tells; ``"folder"``, ``"file"`` or an
        expression as for `labels`: ``r"p(\d+)"``.
    failed : dict, optional
        Takes the error of each file in a folder that cannot be read, and the others are read all
        the same. Default: the first error is raised.
    strict : bool
        Whether what would be a warning is an error: nothing is guessed.
    progress : bool
        Show a progress bar over the recordings of a folder.
    **options
        As in `read_csv`; an option that a format has no use for (``delimiter`` for Parquet) is
        ignored. ``.npy`` and ``.mat`` need ``rate``. ``.npz`` holds the fields of `Recording` by
        name, as `save_npz` writes them. With ``columns`` or ``axes`` each file is a recording.

    Returns
    -------
    list of Recording
        In a folder, names are paths relative to it, without suffix and without what only tells
        the sensor: ``anna/Accelerometer.csv`` and ``anna/Gyroscope.csv`` are ``anna``.

    Raises
    ------
    FormatError, ClockError, SignalError
        With file and line, or file and sample.
    StrictError
        Under `strict`, what is a warning without.

    Warns
    -----
    GuessWarning
        What was guessed, what was cut off by merging, and which files could not be read as motion.

    See Also
    --------
    label_intervals, read_intervals : labels from a table; ``docs/labels.md`` lists the layouts.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> import numpy as np
    >>> import pandas as pd
    >>> path = Path(mkdtemp()) / "walk.csv"
    >>> table = pd.DataFrame({"time_s": np.arange(100) / 50, "acc_x": 0.1, "acc_y": 0.2,
    ...     "acc_z": 9.8})
    >>> table.to_csv(path, index=False)
    >>> [walk] = read(path)
    >>> walk.name, walk.rate, walk.axes
    ('walk', 50.0, ('acc_x', 'acc_y', 'acc_z'))
    """
    path = Path(path)
    rules, table, options = _told_beside(path, labels, subject, options)
    with strictly(strict):
        recordings = _read(path, options | {"failed": failed, "progress": progress})
        recordings = _tell(recordings, path, options, rules)
        if table is not None:
            about = {"labels_unit": labels_unit, "labels_since": labels_since}
            recordings = label_intervals(recordings, table, **about)
    return recordings


@dataclass(frozen=True)
class Unread:
    """A recording that `find_recordings` has found, which any process can read when its turn comes.

    Attributes
    ----------
    name : str
        As `read` would name it; empty for a single file, which names itself.
    files : tuple of Path
    root : Path
        What was searched.
    part, options, rules
        What the files hold, options of a reader of one file, and what paths tell.

    Examples
    --------
    >>> for found in find_recordings("study"):  # doctest: +SKIP
    ...     recordings = found.read()
    """

    name: str
    files: tuple[Path, ...]
    root: Path
    part: Part = field(repr=False)
    options: dict[str, Any] = field(repr=False)
    rules: dict[str, Any] = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(file.stat().st_size for file in self.files)

    def read(self) -> list[Recording]:
        """The recording, in pieces where gaps split it, see `read`."""
        if self.root.is_dir():
            pieces = _read_named(self.part, self.name, self.options)
        else:  # names itself
            pieces = _read_part(self.part, self.options, packed=0)
        return _tell(pieces, self.root, self.options, self.rules)


def find_recordings(
    path: str | Path, *, labels: Any = None, subject: str | None = None, **options: Any
) -> list[Unread]:
    """The recordings of a folder without reading them: for more than fits in memory.

    Parameters
    ----------
    path, labels, subject, **options
        As in `read`, but labels from no table.

    Returns
    -------
    list of Unread
        In the order of `read`; ``entry.read()`` reads one.

    Raises
    ------
    FormatError
        No such path, or nothing in it that can be read.
    ParameterError
        Labels from a table of intervals, or an option that `read` does not have.

    Examples
    --------
    >>> import numpy as np
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("anna", "ben"):
    ...     table = pd.DataFrame(np.eye(100, 3), columns=["acc_x", "acc_y", "acc_z"])
    ...     table.to_csv(folder / f"{name}.csv", index=False)
    >>> found = find_recordings(folder, rate=50, time=False, unit="g")
    >>> [unread.name for unread in found]
    ['anna', 'ben']
    >>> found[1].read()[0].seconds
    2.0
    """
    path = Path(path)
    rules, table, options = _told_beside(path, labels, subject, options)
    if table is not None:
        raise ParameterError(
            "a table of labels tells of all recordings together",
            where=str(path),
            remedy="Use read, or keep classes in folders, file names or columns.",
        )
    if not path.exists():
        raise FormatError("no such file or folder", where=str(path))
    if path.is_dir():
        parts = _named_parts(path, _files_inside(path, options), path.resolve().name, options)
    else:
        parts = ((part, "") for part in _parts([path], options)[0])
    options = options | {"failed": None, "progress": False}  # of a zip's recordings
    return [Unread(name, part.files, path, part, options, rules) for part, name in parts]


def _told_beside(
    path: Path, labels: Any, subject: str | None, options: dict[str, Any]
) -> tuple[dict[str, Any], Any, dict[str, Any]]:
    """Rules for paths, a table of labels or None, and the options of a reader of one file."""
    # `read_csv` has every other option; a format heeds those that it has a use for
    known = set(read_csv.__annotations__) - {"path", "return"}
    if unknown := sorted(set(options) - known):
        listed = f"Known: {', '.join(sorted(known))}."
        raise ParameterError(f"read has no option {unknown[0]!r}", where=str(path), remedy=listed)
    rule, table = find_labels(labels, str(path))
    person = path_rule(subject, "subject")
    if labels is not None:
        if options.get("label"):
            raise ParameterError("label= and labels= both tell classes", where=str(path))
        # "labels" for the folder: a table in it is no recording, and an app's notes do not count
        options = options | {"label": False, "labels": labels}
    if person is None:
        options = options | {"subject": subject}
    return {"labels": rule, "subject": person}, table, options


def _tell(
    recordings: list[Recording], path: Path, options: dict[str, Any], rules: dict[str, Any]
) -> list[Recording]:
    """Recordings read from a path with what its rules tell, or without any labels."""
    if options.get("labels") is False:
        recordings = [replace(recording, labels=None) for recording in recordings]
    return tell_by_paths(recordings, path, options.get("name"), **rules)


def _read(path: Path, options: dict[str, Any], packed: int = 0) -> list[Recording]:
    """Recordings of a path that lies in so many packed files."""
    if path.is_dir():
        return _read_folder(path, options, path.resolve().name, packed)
    if not path.exists():
        raise FormatError("no such file or folder", where=str(path))
    suffix = path.suffix.lower()
    if suffix == ".zip" or suffix in _WORKBOOKS:
        return _read_packed(path, options, packed)
    if suffix in _BINARY:
        raise FormatError("a watch's own binary format", where=str(path), remedy=_BINARY[suffix])
    if not path.is_file():  # a pipe, which nobody may ever fill, or a device without an end
        raise FormatError("neither a file nor a folder", where=str(path))
    if not path.name.lower().endswith((*READABLE, ".gz")):
        remedy = f"Readable are {', '.join(READABLE)}; a text of another name by readers.read_csv."
        raise FormatError(f"unknown suffix {suffix!r}", where=str(path), remedy=remedy)
    (part,), _ = _parts([path], options)
    return _read_part(part, options, packed)


def _parts(files: list[Path], options: dict[str, Any]) -> tuple[list[Part], list[Path]]:
    """Recordings of one folder, and the files that hold no motion."""
    # who chooses from the columns of each file knows more than its name tells
    if {"columns", "axes"} & set(options):
        return [Part(file.name, (file,)) for file in files], []
    return find_parts(files)


def _read_file(path: Path, options: dict[str, Any]) -> list[Recording]:
    own = ("labels", "failed", "progress")  # of this module
    options = {key: value for key, value in options.items() if key not in own}
    suffix = path.suffix.lower()
    try:
        if suffix in (".npz", ".npy", ".mat"):
            return read_numpy(path, **{k: v for k, v in options.items() if k in NUMPY_OPTIONS})
        if suffix == ".parquet":
            return read_parquet(path, **{k: v for k, v in options.items() if k not in SPELLING})
        return read_csv(path, **options)
    except MemoryError:
        remedy = "Cut it into files of a day or so, or read it where there is more."
        raise FormatError("does not fit in memory", where=str(path), remedy=remedy) from None


def _read_packed(path: Path, options: dict[str, Any], packed: int) -> list[Recording]:
    """A zip file or workbook, unpacked to where only this process sees it."""
    title = options.get("name") or path.stem
    with tempfile.TemporaryDirectory() as temp, _told_of(temp, str(path)):
        folder = Path(temp)
        if path.suffix.lower() in _WORKBOOKS:
            unpack_workbook(path, folder)
        else:  # a zip of zips is an export of several recordings; deeper ones are a trap
            unpack_zip(path, folder, tuple(s for s in READABLE if s != ".zip" or not packed))
        # what is packed into one file is whole, or that file cannot be read
        recordings = _read_folder(folder, {**options, "failed": None}, "", packed + 1)
    alone = len({recording.name for recording in recordings}) == 1
    return [replace(r, name=title if alone else f"{title}/{r.name}".strip("/")) for r in recordings]


def _read_folder(folder: Path, options: dict[str, Any], title: str, packed: int) -> list[Recording]:
    """Every recording below a folder; a doubt about many files is shown once."""
    recordings: list[Recording] = []
    doubts: dict[str, list[str]] = {}  # what was guessed -> of which recordings
    parts = [*_named_parts(folder, _files_inside(folder, options), title, options)]
    for part, name in tqdm(parts, "recordings", disable=not options["progress"]):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", GuessWarning)
            try:
                recordings += _read_named(part, name, options, packed)
            except NoSignalError as error:
                failure = error
                warnings.warn(f"not read, {error.what}", GuessWarning, stacklevel=1)
            except Img2ImuError as error:
                if options["failed"] is None:
                    raise
                options["failed"][part.files[0]] = error
        for warning in caught:
            if issubclass(warning.category, GuessWarning):
                doubt = str(warning.message)
                for file in part.files:
                    doubt = doubt.removeprefix(f"{file}: ")
                doubts.setdefault(doubt, []).append(name)
            else:  # not ours to judge
                warnings.warn(warning.message, stacklevel=3)
    if not recordings and not options["failed"]:
        raise failure
    for doubt, names in doubts.items():
        others = f" and {len(names) - 1} more" if names[1:] else ""
        which = f", {names[0]}{others}" if names[0] else ""
        warnings.warn(f"{folder}{which}: {doubt}", GuessWarning, stacklevel=3)
    return recordings


def _files_inside(folder: Path, options: dict[str, Any]) -> dict[Path, list[Path]]:
    """Folder -> its files that can be read, for every folder below one."""
    inside: dict[Path, list[Path]] = {}
    labels = options.get("labels")
    table = Path(labels).resolve() if isinstance(labels, str | Path) else None
    for file in sorted(folder.rglob("*")):
        place = file.relative_to(folder)
        if file.resolve() == table:
            continue
        if file.name.lower().endswith(READABLE) and not is_apart(place) and file.is_file():
            inside.setdefault(file.parent, []).append(file)
    if not inside:
        raise FormatError(f"no file that ends in {', '.join(READABLE)}", where=str(folder))
    return inside


def _named_parts(
    folder: Path, inside: dict[Path, list[Path]], title: str, options: dict[str, Any]
) -> Iterator[tuple[Part, str]]:
    """The recordings of a folder, each with its name."""
    for parent, files in inside.items():
        parts, others = _parts(files, options)
        place = parent.relative_to(folder).as_posix().removeprefix(".")
        for part in parts:
            first = part.files[0].relative_to(folder).as_posix()
            # What is called after its sensor alone is named by its folder.
            own = part.name and len(part.files) + len(part.left_out) == 1
            yield part, stem(first) if own else f"{place}/{part.name}".strip("/") or title
            others += part.left_out
        if others:
            left = ", ".join(file.name for file in others)
            _log.info("%s: left aside: %s", place or title or "export", left)


def _read_named(part: Part, name: str, options: dict[str, Any], packed: int = 0) -> list[Recording]:
    """A recording under its name, with the notes that an app keeps beside its sensors."""
    pieces = _read_part(part, {**options, "name": name}, packed)
    notes = part.files[0].with_name("Annotation.csv")
    if options.get("labels") is None and notes.exists():
        pieces = annotate(pieces, notes)
    return pieces


def _read_part(part: Part, options: dict[str, Any], packed: int) -> list[Recording]:
    """A recording from the files of its sensors: several where gaps split it."""
    sensors: list[list[Recording]] = []
    for file, sensor, units in zip(part.files, part.sensors, part.units, strict=True):
        if file.suffix.lower() in (".zip", *_WORKBOOKS):
            return _read(file, options, packed)
        of_sensor = {"unit": _units_of(sensor, options)} if part.files[1:] else {}
        pieces = _read_file(file, options | of_sensor)
        for i, piece in enumerate(pieces):
            # told by the file's name and layout, which its columns do not repeat
            axes = [f"lin{a}" if sensor == "linacc" and a[:4] == "acc_" else a for a in piece.axes]
            implied = [units.get(axis.split("_")[0], "") for axis in axes]
            unit = [own or known for own, known in zip(piece.unit, implied, strict=True)]
            pieces[i] = replace(piece, axes=axes, unit=unit)
        sensors.append(pieces)
    if len(sensors) == 1:
        return sensors[0]
    offsets_s = None
    if all(piece.clock_s is None for pieces in sensors for piece in pieces):
        offsets_s = [0.0] * len(sensors)
        told = "no clock tells when each sensor began: they are taken to begin together"
        warnings.warn(told, GuessWarning, stacklevel=2)
    merged, failure = [], None
    # Gaps split some of the sensors: each piece goes with all that it overlaps, of one person.
    together = [pieces for pieces in itertools.product(*sensors) if _overlap(pieces)]
    with warnings.catch_warnings():
        if len(together) > 1:  # that pieces are shorter than what they overlap goes without saying
            warnings.simplefilter("ignore", GuessWarning)
        for pieces in together or [[pieces[0] for pieces in sensors]]:
            try:
                merged.append(_feel_gravity(merge(pieces, offsets_s=offsets_s)))
            except ClockError as error:  # not two samples in common
                failure = error
    if not merged:
        names = " and ".join(file.name for file in part.files)
        raise ClockError(
            f"{names}: {failure.what}",
            where=str(part.files[0].parent),
            remedy="Read them one by one and give offsets_s= to img2imu_kit.merge.",
        )
    return merged


def _overlap(pieces: tuple[Recording, ...]) -> bool:
    begins_s = [(piece.clock_s or 0.0) + piece.start_s for piece in pieces]
    ends_s = [begin + piece.seconds for begin, piece in zip(begins_s, pieces, strict=True)]
    people = {piece.subject for piece in pieces} - {""}
    return len(people) < 2 and max(begins_s) < min(ends_s)


def _feel_gravity(recording: Recording) -> Recording:
    """Linear acceleration and gravity, if both are there, added up to what a sensor feels.

    So Android and iPhone define them; gravity in another unit, or in none, is left out.
    """
    if not any(axis.startswith("gravity_") for axis in recording.axes):
        return recording
    linear, gravity = recording.select("linacc"), recording.select("gravity")
    others = [axis for axis in recording.axes if axis not in (*linear.axes, *gravity.axes)]
    kept = recording.select([*linear.axes, *others])
    if linear.unit != gravity.unit or "" in linear.unit:
        return kept
    signal = kept.signal.copy()
    signal[:, : len(linear.axes)] += gravity.signal  # [T, 3], x, y, z of both
    return replace(kept, signal=signal, axes=[axis.removeprefix("lin") for axis in kept.axes])


def _units_of(sensor: str, options: dict[str, Any]) -> list[str] | None:
    """Of the units that the user gave for a recording, those of a sensor that has its own file."""
    unit = options.get("unit")
    given = [unit] if isinstance(unit, str) else unit or []
    return [u for u in given if not u or quantity(find_unit(u) or u)[0] == measured(sensor)] or None


@contextmanager
def _told_of(temp: str, path: str) -> Iterator[None]:
    """Errors and warnings about files in a temporary folder name what was unpacked to it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", GuessWarning)
        try:
            yield
        except Img2ImuError as error:
            texts = (text.replace(temp, path) for text in (error.what, error.where, error.remedy))
            what, where, remedy = texts
            raise type(error)(what, where=where, remedy=remedy) from None
    for warning in caught:
        told = str(warning.message).replace(temp, path)
        warnings.warn(told, warning.category, stacklevel=5)
