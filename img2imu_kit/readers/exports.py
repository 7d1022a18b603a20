"""What an app exports: files that are sensors of one recording, and files that are no motion.

Phones and watches write a file for each sensor. They differ in little that matters here: the
sensor stands in the file's name or in its columns, and whatever else the name says (device, day,
session) is the same in the files that belong together. So no app has code of its own;
``docs/exports.md`` lists the layouts.
"""

from __future__ import annotations

import gzip
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath

import pandas as pd

from ..errors import FormatError
from .columns import parse_name, sensor_in
from .csv import sniff

__all__ = ["Part", "find_parts", "is_apart", "unpack_workbook", "unpack_zip"]

#: Words of a file's name that tell the sensor, or differ between sensors of one recording.
_SENSOR_WORDS = re.compile(
    r"acc(el\w*)?|acel\w*|beschleunigung\w*|gyr\w*|giro\w*|mag(net\w*)?|campo|field|angular"
    r"|velocity|winkelgeschw\w*|drehrate|rotation|rate|lin(ear)?|user|total|gravity|(un)?calibrated"
    r"|raw|data"
)
#: What else phones and watches write down; some of it has axes x, y, z too, and some no header.
_OTHERS = re.compile(
    r"orientation|vector|quaternion|euler|attitude|baro\w*|pressure|location|gps|compass"
    r"|light|proximity|brightness|battery|humidity|temp\w*|network|wifi|bluetooth|microphone|audio"
    r"|sound|camera|pedometer|steps?|heart|hr|ibi|bvp|eda|ecg|ppg|tags|markers?|annotations?"
    r"|metadata|activity|info|readme"
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_RATE = re.compile(r"[\d.]+ ?hz", re.IGNORECASE)
_TEXT = (".csv", ".tsv", ".txt", ".dat", ".log", ".gz")

#: First lines of a file -> units that its maker publishes and the file does not repeat.
_PUBLISHED = {
    # https://github.com/tszheichoi/awesome-sensor-logger, UNITS.md; a wrist may count in g or m/s2
    r"time,seconds_elapsed,": dict.fromkeys(("acc", "linacc", "gravity"), "m/s2")
    | {"gyro": "rad/s"},
    r"time,seconds_elapsed,.*rotationRate": {"gyro": "rad/s"},
    # Android's own units: https://developer.android.com/reference/android/hardware/SensorEvent
    r"Timestamp,(Unix Timestamp,)?Milliseconds,X,Y,Z": {"acc": "m/s2", "gyro": "rad/s"},
    r"\s*time[,;]gFx[,;]": {"acc": "g", "gyro": "rad/s"},  # Physics Toolbox (Vieyra Software)
    # user manuals of Movella DOT and of Xsens MT Manager
    r"(sep=.\s*)?DeviceTag:": {"acc": "m/s2", "linacc": "m/s2", "gyro": "deg/s"},
    r"//.*(\s*//.*)*\s*PacketCounter": {"acc": "m/s2", "linacc": "m/s2", "gyro": "rad/s"},
    # https://www.movesense.com/docs/esw/api_reference: accelerations are m/s2, turns deg/s
    r"Timestamp,AccX,AccY,AccZ,GyroX,GyroY,GyroZ,MagnX,": {"acc": "m/s2", "gyro": "deg/s"},
    r"TimeStamp,.*RAW_TP9,.*Gyro_X": {"acc": "g", "gyro": "deg/s"},  # https://mind-monitor.com
}
#: Sensor Logger's Accelerometer and WristMotion have no gravity in them, unlike everyone else's.
_NO_GRAVITY = ("Accelerometer", "WristMotion", "Headphone")

#: A zip that unpacks to more is damage or malice: a watch at 100 Hz writes 3 GB of text a week.
_MOST_BYTES, _MOST_FILES = 8 << 30, 10_000


@dataclass(frozen=True)
class Part:
    """Files of one recording.

    Attributes
    ----------
    name : str
        What the names of its files have in common, perhaps nothing.
    files : tuple of Path
        Accelerometer before gyroscope.
    sensors, units : tuple of str, tuple of dict
        What each file holds: ``"acc"``, ``"linacc"`` and perhaps ``"gravity"``, ``"gyro"``,
        ``"mag"``, or ``""`` where only reading it tells; and sensor -> unit where an app's maker
        says so and the file does not.
    left_out : tuple of Path
        Other sensors of the recording.
    """

    name: str
    files: tuple[Path, ...]
    sensors: tuple[str, ...] = ("",)
    units: tuple[dict[str, str], ...] = ({},)
    left_out: tuple[Path, ...] = ()


def is_apart(place: PurePath) -> bool:
    """Whether a file is not the user's: hidden, a Mac's double in a zip, phyphox's ``meta``."""
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in place.parts)
    return hidden or place.match("meta/device.csv") or place.match("meta/time.csv")


def find_parts(files: Iterable[Path]) -> tuple[list[Part], list[Path]]:
    """Recordings of one folder in the order of their files, and the files that hold no motion.

    Files whose names differ only in the sensor are one recording: as `read_csv` does with columns,
    it takes one accelerometer (one that feels gravity, else linear acceleration, with the gravity
    of a file beside it) and one gyroscope, else a magnetometer. A file that names no axis is put
    aside only if its name says what else it holds.
    """
    contents = {file: _contents(file) for file in files}
    motion = any(held not in ((), ("",)) for held, _ in contents.values())
    groups: dict[str, list[Path]] = {}
    others = []
    for file, (held, _) in contents.items():
        if motion and held in ((), ("",)) and any(map(_OTHERS.fullmatch, _words(file))):
            others.append(file)
        elif len(held) == 1 and held[0]:
            groups.setdefault(_common(file), []).append(file)
        else:  # several sensors in one file, or nobody knows: it stands for itself
            groups[f"/{file}"] = [file]
    parts = []
    for name, group in _joined(groups, contents).items():
        parts += _parts(name, group, contents)
    return parts, others


def _joined(groups: dict[str, list[Path]], contents: dict[Path, tuple]) -> dict[str, list[Path]]:
    """``accelerometer_1`` and ``gyroscope_2``: numbers that tell sensors, not recordings, apart."""
    bare = {
        name: re.sub(r"\d", "", name).strip(" _.-")
        for name, files in groups.items()
        if all(map(_named, files))
    }
    for common in dict.fromkeys(bare.values()):
        names = [name for name in groups if bare.get(name) == common]
        files = [file for name in names for file in groups[name]]
        if len(names) > 1 and len({contents[file][0] for file in files}) == len(files):
            groups = {name: group for name, group in groups.items() if name not in names}
            groups[common] = files
    return groups


def _parts(name: str, group: list[Path], contents: dict[Path, tuple]) -> list[Part]:
    """The sensors of a recording that are read; a second file of one is a recording of its own."""
    held = {file: contents[file][0][0] if contents[file][0] else "" for file in group}
    # What is uncalibrated has a calibrated twin, and is the other choice.
    twins = [file for file in group if "uncalibrated" in _words(file)]
    order = [*(file for file in group if file not in twins), *twins]
    first = {sensor: next(f for f in order if held[f] == sensor) for sensor in held.values()}
    # Android and iPhone alike: acceleration is linear acceleration and gravity
    acc = ("acc",) if "acc" in first else ("linacc", "gravity") if "linacc" in first else ()
    chosen = [first[s] for s in (*acc, "gyro") if s in first] or order[:1]
    second = [file for file in group if file not in (*first.values(), *twins)]
    part = Part(
        group[0].name if name.startswith("/") else name,
        files=tuple(chosen),
        sensors=tuple(held[file] for file in chosen),
        units=tuple(contents[file][1] for file in chosen),
        left_out=tuple(file for file in group if file not in (*chosen, *second)),
    )
    return [part, *(Part(f.name, (f,), (held[f],), (contents[f][1],)) for f in second)]


def _contents(file: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """Sensors that a file holds, none or ``""`` for unknown; and units that its layout implies."""
    named = _named(file)
    if not file.name.lower().endswith(_TEXT):  # arrays have no names for axes
        return ("",), {}
    try:
        with gzip.open(file) if file.suffix.lower() == ".gz" else open(file, "rb") as opened:
            head = opened.read(4096).decode("utf-8", "replace").replace('"', "")
    except (OSError, EOFError, zlib.error):  # what is wrong is told where the file is read
        return (named,), {}
    units = {}
    for layout, known in _PUBLISHED.items():
        units = known if re.match(layout, head) else units
    try:
        columns = sniff(file).names
    except FormatError:
        return (named,), units
    if "seconds_elapsed" in columns and _stem(file).endswith(_NO_GRAVITY):
        return ("linacc",), units
    axes = {sensor for sensor, axis, _ in map(parse_name, columns) if axis}
    if axes == {""} or all(column.isdigit() for column in columns):
        return (named,), units
    return tuple(sorted(axes - {""})), units


def _named(file: Path) -> str:
    """Sensor that a file's name tells, ``""`` for none."""
    return sensor_in("".join(word for word in _words(file) if _SENSOR_WORDS.fullmatch(word)))


def _words(file: Path) -> list[str]:
    return [word.lower() for word in _WORD.findall(_stem(file))]


def _stem(file: Path) -> str:
    return re.sub(r"\.[a-z]+(\.gz)?$", "", _RATE.sub("", file.name), flags=re.IGNORECASE)


def _common(file: Path) -> str:
    """A file's name without suffix, sensor and rate: what it shares with the other sensors."""
    rest = _WORD.sub(lambda w: "" if _SENSOR_WORDS.fullmatch(w[0].lower()) else w[0], _stem(file))
    return re.sub(r"([ _.-])[ _.-]*", r"\1", rest).strip(" _.-()")


def unpack_zip(path: Path, folder: Path, suffixes: tuple[str, ...]) -> None:
    """Unpack the files of these suffixes, and nothing outside the folder.

    Raises
    ------
    FormatError
        Damaged, locked by a password, larger than what sensors write, or with names that lead out
        of the folder.
    """
    remedy = "If you trust it, unpack it yourself and read the folder."
    try:
        with zipfile.ZipFile(path) as archive:
            wanted = [i for i in archive.infolist() if i.filename.lower().endswith(suffixes)]
            _check_size(path, wanted)
            for info in wanted:
                place = PurePosixPath(info.filename.replace("\\", "/"))
                if place.is_absolute() or ".." in place.parts or ":" in place.parts[0]:
                    what = f"holds {info.filename!r}, which leads out of it"
                    raise FormatError(what, where=str(path), remedy=remedy)
                if info.flag_bits & 1:
                    remedy = "Unpack it with its password and read the folder."
                    raise FormatError("locked by a password", where=str(path), remedy=remedy)
                target = folder / place
                target.parent.mkdir(parents=True, exist_ok=True)
                # No more is read than the size that was added up, whatever is packed; a link
                # becomes a file with the name of its target in it.
                with archive.open(info) as packed, open(target, "xb") as file:
                    shutil.copyfileobj(packed, file, 1 << 20)
    except FormatError:
        raise
    except Exception as error:  # zipfile, zlib and lzma have their own errors for damage
        raise FormatError(
            f"damaged, or not a zip file ({error})",
            where=str(path),
            remedy="Export it again, or unpack it yourself and read the folder.",
        ) from None


def _check_size(path: Path, files: list[zipfile.ZipInfo]) -> None:
    size = sum(info.file_size for info in files)
    if size > _MOST_BYTES or len(files) > _MOST_FILES:
        raise FormatError(
            f"unpacks to {len(files):,} files of {size / 1e9:,.1f} GB",
            where=str(path),
            remedy="If you trust it, unpack it yourself and read the folder.",
        )


def unpack_workbook(path: Path, folder: Path) -> None:
    """Write each sheet of an Excel workbook as a text table, for it is read as one."""
    try:
        if zipfile.is_zipfile(path):  # all but .xls
            with zipfile.ZipFile(path) as archive:
                _check_size(path, archive.infolist())
        sheets = pd.read_excel(path, sheet_name=None, header=None, engine="calamine")
    except FormatError:
        raise
    except Exception:  # calamine's errors are of a class for each format
        remedy = "Open it in a spreadsheet and save it again, as .xlsx or .csv."
        raise FormatError("not an Excel workbook", where=str(path), remedy=remedy) from None
    sheets = {name: sheet for name, sheet in sheets.items() if not sheet.empty}
    if not sheets:
        raise FormatError("no sheet with any cells", where=str(path))
    for name, sheet in sheets.items():
        # a single sheet is called Sheet1 or Tabelle1: the workbook's name tells more
        title = path.stem if len(sheets) == 1 else re.sub(r"[\\/:]", "_", name)
        sheet.to_csv(folder / f"{title}.csv", header=False, index=False)
