"""Which columns of a table are axes, which is the label: by name, else by their numbers.

What could have gone the other way is a doubt, which `readers` shows as a `GuessWarning`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from ..errors import FormatError, ParameterError, unknown_name
from ..signals.axes import GRAVITY, convert, default_axes
from .timestamps import find_clock, is_counter, words

__all__ = ["Layout", "find_layout", "parse_name"]

_LABELS = {"label", "labels", "activity", "activity label", "class", "ground truth", "target"}
_SUBJECTS = {"subject", "subject id", "participant", "participant id", "person", "user id"}
#: sensor -> what its columns are called, letters and digits only (``giro`` and ``acel`` abroad).
_SENSORS = {
    "linacc": "linear.*(ac|beschl)|ac.*linear|^linacc|useracc",
    "acc": "^a$|acc(?!ura)|acel|beschleunigung",
    "gyro": "^[gw]$|g[iy]r|rotationrate|angularvel|winkelgeschw|drehrate",
    "mag": "^mag$|magnet",
}
_SPELLINGS = {
    "m/s2": "m/s2 m/s^2 m/s² m/s/s m/(s2) m/(s^2) ms-2 ms^-2 mps2",
    "g": "g gs",
    "mg": "mg",
    "rad/s": "rad/s rads rad/sec radps",
    "deg/s": "deg/s °/s dps degs deg/sec degrees/s",
}
_UNITS = {word: unit for unit, spellings in _SPELLINGS.items() for word in spellings.split()}
_ACCELERATION, _ANGULAR_VELOCITY = ("m/s2", "g", "mg"), ("rad/s", "deg/s")
_MEASURED_IN = {"acc": _ACCELERATION, "linacc": _ACCELERATION, "gyro": _ANGULAR_VELOCITY}


@dataclass(frozen=True)
class Layout:
    """Role of each column.

    Attributes
    ----------
    columns, axes, unit : tuple of str
        Columns of the signal, the axis that each one is, its unit (``""`` if unknown).
    time : str or None
        Column of time stamps, counted in `time_unit` (``"date"``: dates and times of day).
    label, subject : str or None
        Columns of classes and of people.
    doubts : tuple of str
        Guesses that might have gone the other way, with the argument that overrides each.
    """

    columns: tuple[str, ...]
    axes: tuple[str, ...]
    unit: tuple[str, ...]
    time: str | None
    time_unit: str
    label: str | None
    subject: str | None
    doubts: tuple[str, ...]


def find_layout(
    frame: pd.DataFrame,
    *,
    where: str,
    columns: Sequence[str | int] | None = None,
    axes: Sequence[str] | None = None,
    unit: str | Sequence[str] | None = None,
    time: str | int | Literal[False] | None = None,
    time_unit: str | None = None,
    label: str | int | Literal[False] | None = None,
    subject: str | None = None,
) -> Layout:
    """Role of each column: as asked for, else the likely one. Parameters as in `read_csv`."""
    doubts: list[str] = []
    if time is not None and not isinstance(time, bool):
        time = _column(frame, time, "time", where)
    # The clock first: what is time, label or person is no axis.
    clock, time_unit = find_clock(frame, time, time_unit, where, doubts)
    if label is None:
        label = _known(frame, _LABELS) or _find_label(frame, doubts)
    else:
        label = None if label is False else _column(frame, label, "label", where)
    subject = subject if subject in frame else None if subject else _known(frame, _SUBJECTS)
    if columns is None:
        taken = {clock, label, subject}
        chosen, names = _find_axes(frame, taken, where, doubts)
    else:
        columns = [columns] if isinstance(columns, str | int) else columns
        chosen = [_column(frame, column, "columns", where) for column in columns]
        names = _axis_names(chosen)
    if not chosen:
        listed = f"There are: {', '.join(map(repr, frame))}."
        raise FormatError("columns=[] chooses none", where=where, remedy=listed)
    if axes is not None:
        names = (axes,) if isinstance(axes, str) else tuple(axes)
        doubts = [doubt for doubt in doubts if "(axes=)" not in doubt]
        if len(names) != len(chosen):
            what = f"{len(chosen)} columns {tuple(chosen)} but {len(names)} axis names {names}"
            raise FormatError(what, where=where, remedy="Choose the columns with columns=[...].")
    units = _units(frame[chosen], names, unit, where, doubts)
    return Layout(tuple(chosen), names, units, clock, time_unit, label, subject, tuple(doubts))


def parse_name(name: str) -> tuple[str, str, str]:
    """Sensor, axis and unit that a column's name tells, each ``""`` where it is silent.

    Examples
    --------
    >>> parse_name("Acceleration x (m/s^2)"), parse_name("GYRO_2"), parse_name("id")
    (('acc', 'x', 'm/s2'), ('gyro', 'z', ''), ('', '', ''))
    """
    # "Acceleration x (m/s^2)" -> "Acceleration x", "m/s^2"
    stem, bracket = re.fullmatch(r"(.*?)\s*(?:[(\[](.*)[)\]])?", name.strip(), re.DOTALL).groups()
    unit = _UNITS.get((bracket or "").lower().replace(" ", ""), "")
    parts = words(stem)
    if not unit and len(parts) > 2 and parts[-1] in _UNITS:  # acc_x_g, but not gyro_g
        unit = _UNITS[parts.pop()]
    for place, word in enumerate(parts):
        # accx, gyroy; a digit for a letter only at the end: GYRO_2; or x, y, z alone
        fused = re.fullmatch("(a|g|w|acc.*|acel.*|gyr.*|mag)([xyz])", word)
        digit = word in ("0", "1", "2") and 0 < place == len(parts) - 1
        if fused or digit or word in ("x", "y", "z"):
            axis = fused[2] if fused else "xyz"[int(word)] if digit else word
            rest = "".join([*parts[:place], fused[1] if fused else "", *parts[place + 1 :]])
            rest = rest.replace("axis", "")
            sensor = _sensor(rest)
            # "position x" names something else, and is no axis of ours
            return (sensor, axis, unit) if sensor or not rest else ("", "", "")
    return "", "", ""


def _sensor(text: str) -> str:
    return next((sensor for sensor, known in _SENSORS.items() if re.search(known, text)), "")


def _find_axes(
    frame: pd.DataFrame, taken: set[str | None], where: str, doubts: list[str]
) -> tuple[list[str], tuple[str, ...]]:
    """Columns named after an accelerometer and a gyroscope, x before y before z; else numbers."""
    by_axis: dict[tuple[str, str], list[str]] = {}  # (sensor, axis) -> its columns
    for name in frame:
        sensor, axis, _ = parse_name(name)
        if axis and name not in taken:
            by_axis.setdefault((sensor, axis), []).append(name)
    sensors = {sensor for sensor, _ in by_axis}
    # One accelerometer (one that feels gravity first) and one gyroscope, else a magnetometer
    wanted = [s for s in ("acc", "linacc", "") if s in sensors][:1]
    wanted += [s for s in ("gyro",) if s in sensors]
    wanted = wanted or [s for s in ("mag",) if s in sensors]
    chosen: list[str] = []
    names: list[str] = []
    for sensor in wanted:
        kind = sensor or _sensor("".join(words(Path(where).name)))
        if not kind:
            doubts.append("axes x, y, z are taken for an accelerometer (axes=)")
        known = [axis for axis in "xyz" if (sensor, axis) in by_axis]
        if len(known) < 3:
            doubts.append(f"{kind or 'acc'} has no axis but {' and '.join(known)} (columns=)")
        for axis in known:
            columns = by_axis[sensor, axis]
            if len(columns) > 1:
                text = " and ".join(map(repr, columns))
                several = f"{len(columns)} columns could be {kind or 'acc'}_{axis}: {text}"
                raise FormatError(several, where=where, remedy="Choose with columns=[...].")
            chosen += columns
            names.append(f"{kind or 'acc'}_{axis}")
    if chosen:
        return chosen, tuple(names)
    # No name tells: the columns of numbers that are left, if they are whole sensors.
    rest = [name for name in frame if name not in taken and _is_signal(frame[name])]
    if len(rest) not in (1, 3, 6, 9):
        listed = ", ".join(map(repr, frame))
        raise FormatError(
            f"no column is named after an axis, and {len(rest)} columns of numbers are left",
            where=where,
            remedy=f"Choose the axes with columns=[...] from: {listed}.",
        )
    names = _axis_names(rest)
    pairs = ", ".join(f"{column!r} is {axis}" for column, axis in zip(rest, names, strict=True))
    doubts.append(f"column {pairs} (columns=, axes=)")
    return rest, names


def _axis_names(columns: Sequence[str]) -> tuple[str, ...]:
    """Axis that each column is by its name, else the name itself."""
    if all(column.isdigit() for column in columns):
        return default_axes(len(columns))
    parsed = [parse_name(column) for column in columns]
    names = tuple(f"{sensor}_{axis}" for sensor, axis, _ in parsed if sensor and axis)
    return names if len(set(names)) == len(columns) else tuple(columns)


def _units(
    signal: pd.DataFrame,
    axes: Sequence[str],
    given: str | Sequence[str] | None,
    where: str,
    doubts: list[str],
) -> tuple[str, ...]:
    """Unit of each axis: given, in the name of its column, or (acceleration) by its size."""
    given = (given,) if isinstance(given, str) else tuple(given or ())
    for unit in given:
        if unit:
            convert(1.0, unit, unit)  # an unknown unit is an error that lists the known ones
    units = []
    for column, axis in zip(signal, axes, strict=True):
        named = parse_name(column)[2]
        measured_in = _MEASURED_IN.get(axis.split("_")[0], (*given, named))
        fitting = [unit for unit in (*given, named) if unit in measured_in]
        units.append(fitting[0] if fitting else "")
    unused = set(given) - set(units) - {""}
    if unused:
        what = f"no axis of {', '.join(axes)} is measured in {unused.pop()!r}"
        raise ParameterError(what, where=where, remedy="Name the axes with axes=.")
    acc = [axes.index(f"acc_{axis}") for axis in "xyz" if f"acc_{axis}" in axes]
    if not given and len(acc) == 3 and not any(units[i] for i in acc):
        likely = _acceleration_unit(signal.iloc[:: len(signal) // 2000 + 1, acc], doubts)
        units = [likely if i in acc else unit for i, unit in enumerate(units)]
    return tuple(units)


def _acceleration_unit(signal: pd.DataFrame, doubts: list[str]) -> str:
    """Unit in which the median length of the vector is about one gravity, else ``""``."""
    numbers = signal.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    # At rest and in most motion an accelerometer reads g: 9.8 in m/s2, 1 in g.
    length = float(np.median(np.linalg.norm(numbers, axis=1)))
    if 0.85 < length / GRAVITY < 1.15:
        return "m/s2"
    if 0.85 < length < 1.15:
        doubts.append(f"acceleration is in g: its median length is {length:.2f} (unit=)")
        return "g"
    return ""


def _find_label(frame: pd.DataFrame, doubts: list[str]) -> str | None:
    """The last of four or more nameless columns, if it is text or whole numbers that stay."""
    name = frame.columns[-1]
    if len(frame.columns) < 4 or not all(column.isdigit() for column in frame):
        return None
    if pd.api.types.is_numeric_dtype(frame[name]):  # classes stay for a while, signals do not
        values = frame[name].to_numpy(np.float64, na_value=np.nan)
        if not (values == values.round()).all() or (np.diff(values) != 0).mean() > 0.05:
            return None
    doubts.append(f"column {name} is the label (label=)")
    return name


def _is_signal(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not is_counter(values)


def _known(frame: pd.DataFrame, names: set[str]) -> str | None:
    return next((name for name in frame if " ".join(words(name)) in names), None)


def _column(frame: pd.DataFrame, wanted: str | int, argument: str, where: str) -> str:
    """Name of a column given by name or position, or a `FormatError` with the likely ones."""
    names = list(frame)
    if wanted in names:
        return wanted
    if isinstance(wanted, int | np.integer) and 0 <= wanted < len(names):
        return names[wanted]
    listed = map(repr, names)
    place = f"{where}, {argument}=" if where else f"{argument}="
    raise unknown_name("column", wanted, names, FormatError, where=place, listed=listed)
