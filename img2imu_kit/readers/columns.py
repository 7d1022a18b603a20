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

from ..errors import FormatError, NoSignalError, ParameterError, unknown_name
from ..signals.axes import GRAVITY, UNITS, default_axes, find_unit, quantity
from .timestamps import find_clock, is_counter, is_time_name, split_name, to_seconds, words

__all__ = ["Layout", "find_devices", "find_layout", "parse_name", "sensor_in"]

#: Names of columns of classes and of people; of several, the first: a name says more than its id.
_LABELS = (
    *("label", "labels", "activity", "activity label", "activity name", "class", "class label"),
    *("gesture", "exercise", "ground truth", "target", "activity id", "label id", "class id"),
)
_SUBJECTS = ("subject", "subject id", "participant", "participant id", "person", "user id")
#: sensor -> what its columns are called, letters and digits only (``giro`` and ``acel`` abroad).
#: Xsens calls acceleration without gravity FreeAcc, UCI HAR body_acc, a German phyphox "ohne g";
#: WitMotion calls angular speed As and the magnetic field H.
_SENSORS = {
    "gravity": "^(?!.*acc).*(gravity|schwerkraft|gravitation)",
    "linacc": "linear.*(ac|beschl)|ac.*linear|^linacc|useracc|freeacc|bodyacc|withoutg|ohneg",
    "acc": "^a$|acc(?!ura)|acel|beschleunigung|gforce",
    "gyro": "^([gw]|as)$|g[iy]r|rotationrate|ang(ular)?vel|winkelgeschw|drehrate",
    "mag": "^[bhm]$|^magn?$|magnet",
}
#: Of several accelerometers, the one that says that it feels gravity (gFx of Physics Toolbox,
#: whose ax is without; accelerationIncludingGravity of a browser).
_WITH_GRAVITY = re.compile("gforce|includinggravity|withg|totalacc")
#: Quantities of three axes that are no motion of a sensor, and what only sums up three axes.
_NO_SENSOR = set(
    words(
        "position pos orientation euler angle quaternion quat attitude direction location "
        "coordinate gps lat lon latitude longitude altitude velocity speed offset bias accuracy "
        "error vector total abs absolute norm magnitude resultant length mean max min std rms"
    )
)
#: What a column of devices is called, and one that counts the rows of a packet.
_DEVICES = set(
    words(
        "device sensor mac node imu address serial location position placement side limb hand foot "
        "source tag mote id identifier kind type name channel board"
    )
)
_COUNTS = set(words("sample index idx i n no nr num number count counter seq sequence row frame"))
_MOST_DEVICES = 32
#: Units that say that a number has none.
_RAW = {"", "raw", "counts", "count", "lsb", "adc", "digit", "digits", "bits", "int16", "unitless"}
_ACCELERATION = tuple(unit for unit, (what, _) in UNITS.items() if what == "acceleration")
_ANGULAR_VELOCITY = tuple(unit for unit, (what, _) in UNITS.items() if what == "angular velocity")
_MEASURED_IN = {"acc": _ACCELERATION, "linacc": _ACCELERATION, "gravity": _ACCELERATION}
_MEASURED_IN |= {"gyro": _ANGULAR_VELOCITY, "mag": ("uT",)}


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
    rate: float | None = None,
) -> Layout:
    """Role of each column: as asked for, else the likely one. Parameters as in `read_csv`."""
    doubts: list[str] = []
    if time is not None and not isinstance(time, bool):
        time = _column(frame, time, "time", where)
    # The clock first: what is time, label or person is no axis.
    clock, time_unit = find_clock(frame, time, time_unit, where, doubts, rate)
    told = label is not None
    if not told:
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
    if label is None and not told:
        candidates = _label_candidates(frame, {*chosen, clock, subject})
        doubts += [f"column {name!r} might be the label (label=)" for name in candidates[:1]]
    second = _rows_a_second(frame, clock, time_unit, rate)
    units = _units(frame[chosen], names, unit, second, where, doubts)
    return Layout(tuple(chosen), names, units, clock, time_unit, label, subject, tuple(doubts))


def parse_name(name: str) -> tuple[str, str, str]:
    """Sensor, axis and unit that a column's name tells, each ``""`` where it is silent.

    Examples
    --------
    >>> parse_name("Acceleration x (m/s^2)"), parse_name("GYRO_2"), parse_name("id")
    (('acc', 'x', 'm/s2'), ('gyro', 'z', ''), ('', '', ''))
    """
    stem, bracket = split_name(name)
    stem, force = _spell_out(stem)
    unit = find_unit(bracket) or "g" * force
    parts = words(stem)
    # acc_x_g, acc_x_m_s2 and gyro_x_deg_s, but not gyro_g
    for tail in () if unit else (2, 1):
        if len(parts) > 1 + tail and find_unit("/".join(parts[-tail:])):
            unit = find_unit("/".join(parts[-tail:]))
            parts = parts[:-tail]
            break
    for place, word in enumerate(parts):
        # accx, gyroy; a digit for a letter only at the end: GYRO_2; or x, y, z alone
        fused = re.fullmatch("(a|g|w|b|h|m|acc.*|acel.*|gyr.*|mag)([xyz])", word)
        digit = word in ("0", "1", "2") and 0 < place == len(parts) - 1
        if fused or digit or word in ("x", "y", "z"):
            axis = fused[2] if fused else "xyz"[int(word)] if digit else word
            rest = "".join([*parts[:place], fused[1] if fused else "", *parts[place + 1 :]])
            rest = rest.replace("axis", "")
            sensor = sensor_in(rest)
            # "position x" names something else, and is no axis of ours
            return (sensor, axis, unit) if sensor or not rest else ("", "", "")
    return "", "", ""


def sensor_in(text: str) -> str:
    """Sensor that a text names (letters and digits only), ``""`` for none.

    Examples
    --------
    >>> sensor_in("gyroscope"), sensor_in("linearacceleration"), sensor_in("gps")
    ('gyro', 'linacc', '')
    """
    return next((sensor for sensor, known in _SENSORS.items() if re.search(known, text)), "")


def find_devices(frame: pd.DataFrame, layout: Layout, times_s: np.ndarray | None) -> str:
    """The column that tells devices apart whose rows alternate, else ``""``.

    Rows of one stamp then hold the same two or more values in nearly all stamps; where stamps are
    not shared, the column is named after devices and changes with every few rows.
    """
    taken = {*layout.columns, layout.time, layout.label, layout.subject}
    shared = np.diff(times_s) == 0 if times_s is not None else np.array([False])
    for name in frame:
        column, called = frame[name], set(words(name))
        if name in taken or is_time_name(name) or pd.api.types.is_float_dtype(column):
            continue
        if pd.api.types.is_datetime64_any_dtype(column):
            continue
        if not 2 <= column.head(2000).nunique() <= _MOST_DEVICES:  # cheap, before all is counted
            continue
        codes, values = pd.factorize(column, use_na_sentinel=False)
        if not 2 <= len(values) <= _MOST_DEVICES:
            continue
        if shared.mean() > 0.1 and not (called & _COUNTS and not called & _DEVICES):
            first = np.flatnonzero(np.diff(times_s, prepend=-np.inf))
            # one bit a value: which of them each stamp holds
            held = np.bitwise_or.reduceat(1 << codes.astype(np.int64), first)
            held = held[np.diff([*first, len(codes)]) > 1]
            sets, often = np.unique(held, return_counts=True)
            if often.max() >= 0.9 * len(held) and int(sets[often.argmax()]).bit_count() > 1:
                return name
        if called & _DEVICES and (np.diff(codes) != 0).mean() > 0.2:
            return name
    return ""


def _spell_out(stem: str) -> tuple[str, bool]:
    """``gFx`` of Physics Toolbox as ``gforce x``; whether a name is that of a force in g."""
    spelled, forces = re.subn(r"\b[gG](?:F|[-_ ]?[fF]orce)[-_ ]*(?=[xyzXYZ]\b)", "gforce ", stem)
    return spelled, forces > 0


def _find_axes(
    frame: pd.DataFrame, taken: set[str | None], where: str, doubts: list[str]
) -> tuple[list[str], tuple[str, ...]]:
    """Columns named after an accelerometer and a gyroscope, x before y before z; else numbers."""
    by_axis: dict[tuple[str, str], list[str]] = {}  # (sensor, axis) -> its columns
    for name, read_as in _counted_from_zero(list(frame)).items():
        sensor, axis, _ = parse_name(read_as)
        if axis and name not in taken:
            by_axis.setdefault((sensor, axis), []).append(name)
    sensors = {sensor for sensor, _ in by_axis}
    # One accelerometer (one that feels gravity first) and one gyroscope, else a magnetometer
    wanted = [s for s in ("acc", "linacc", "") if s in sensors][:1]
    wanted += [s for s in ("gyro",) if s in sensors]
    wanted = wanted or [s for s in ("mag", "gravity") if s in sensors][:1]
    chosen: list[str] = []
    names: list[str] = []
    for sensor in wanted:
        kind = sensor or sensor_in("".join(words(Path(where).name)))
        if not kind:
            doubts.append("axes x, y, z are taken for an accelerometer (axes=)")
        known = [axis for axis in "xyz" if (sensor, axis) in by_axis]
        if len(known) < 3:
            doubts.append(f"{kind or 'acc'} has no axis but {' and '.join(known)} (columns=)")
        for axis in known:
            columns = by_axis[sensor, axis]
            heavy = [c for c in columns if _WITH_GRAVITY.search("".join(words(_spell_out(c)[0])))]
            columns = heavy if len(heavy) == 1 else columns
            # Shimmer writes counts (RAW) beside what they are worth (CAL)
            calibrated = [c for c in columns if not {"raw", "uncal"} & set(words(c))]
            columns = calibrated if len(calibrated) == 1 else columns
            if len(columns) > 1:
                text = " and ".join(map(repr, columns))
                several = f"{len(columns)} columns could be {kind or 'acc'}_{axis}: {text}"
                raise FormatError(several, where=where, remedy="Choose with columns=[...].")
            chosen += columns
            names.append(f"{kind or 'acc'}_{axis}")
    numbers = [name for name in frame if name not in taken and _is_signal(frame[name])]
    if chosen:
        if missed := _look_like_axes([name for name in numbers if name not in chosen]):
            doubts.append(f"{', '.join(map(repr, missed))} left out (columns=)")
        return chosen, tuple(names)
    # No name tells: the columns of numbers that are left, if they are whole sensors.
    rest = [name for name in numbers if not is_time_name(name)]
    if len(rest) not in (1, 3, 6, 9):
        remedy = f"Choose the axes with columns=[...] from: {', '.join(map(repr, frame))}."
        if len(rest) > 9 and all(name.isdigit() for name in rest):  # UCI HAR: a window a line
            remedy = (
                "If each line is a window, make Windows of them: "
                f"ik.Windows.from_numpy(X.reshape({len(frame)}, 1, {len(rest)}), y, groups, rate) "
                "with X = numpy.loadtxt(...), or a file for each axis stacked. If each is a "
                "sample, choose the axes with columns=[...] by position."
            )
        raise NoSignalError(
            f"no column is named after an axis, and {len(rest)} columns of numbers are left",
            where=where,
            remedy=remedy,
        )
    names = _axis_names(rest)
    pairs = ", ".join(f"{column!r} is {axis}" for column, axis in zip(rest, names, strict=True))
    doubts.append(f"column {pairs} (columns=, axes=)")
    return rest, names


def _counted_from_zero(names: Sequence[str]) -> dict[str, str]:
    """Each name, and what it is read as: acc_1, acc_2, acc_3 are x, y, z if there is no acc_0."""
    read_as, stems = {name: name for name in names}, {split_name(name)[0]: name for name in names}
    for stem in [stem[:-1] for stem in stems if stem.endswith("3")]:
        trio = {stems.get(f"{stem}{digit}"): axis for digit, axis in zip("123", "xyz", strict=True)}
        if None not in trio and f"{stem}0" not in stems and sensor_in("".join(words(stem))):
            read_as |= {n: f"{stem} {axis} ({split_name(n)[1]})" for n, axis in trio.items()}
    return read_as


def _look_like_axes(names: Sequence[str]) -> list[str]:
    """Of columns that are left out, those that could be axes of a motion sensor."""
    motion = {*_ACCELERATION, *_ANGULAR_VELOCITY}
    missed, stems = [], {split_name(name)[0] for name in names}
    for name in names:
        stem, bracket = split_name(name)
        known = parse_name(name)[1] or sensor_in(
            "".join(words(stem))
        )  # a sensor left out on purpose
        if known or set(words(stem)) & _NO_SENSOR or re.search(r"\b\w{1,2}T$", stem):
            continue
        # fx beside fy and fz; or pitch, roll and yaw in deg/s
        trio = any(
            {f"{stem[:i]}{axis}{stem[i + 1 :]}" for axis in case} <= stems
            for i, letter in enumerate(stem)
            for case in ("xyz", "XYZ")
            if letter in case
        )
        if trio or find_unit(bracket) in motion:
            missed.append(name)
    return missed


def _axis_names(columns: Sequence[str]) -> tuple[str, ...]:
    """Axis that each column is by its name, else the name itself."""
    if all(column.isdigit() for column in columns):
        return default_axes(len(columns))
    parsed = [parse_name(column) for column in columns]
    names = tuple(f"{sensor}_{axis}" for sensor, axis, _ in parsed if sensor and axis)
    return names if len(set(names)) == len(columns) else tuple(columns)


def _rows_a_second(frame: pd.DataFrame, clock: str | None, unit: str, rate: float | None) -> int:
    """About how many rows a second has, by the clock or the rate; 50 if neither tells."""
    seconds = 0.0
    if clock is not None:
        head = to_seconds(frame[clock].iloc[:2000], unit)
        seconds = float(np.nanmax(head)) if np.isfinite(head).any() else 0.0
    if seconds > 0:
        return max(1, round((len(head) - 1) / seconds))
    return max(1, round(rate)) if isinstance(rate, int | float) and rate > 0 else 50


def _units(
    signal: pd.DataFrame,
    axes: Sequence[str],
    given: str | Sequence[str] | None,
    second: int,
    where: str,
    doubts: list[str],
) -> tuple[str, ...]:
    """Unit of each axis: given, in the name of its column, or (acceleration) by its size."""
    given = (given,) if isinstance(given, str) else tuple(given or ())
    given = tuple(find_unit(unit) or unit for unit in given)
    for unit in given:
        if unit:
            quantity(unit)  # an unknown unit is an error that lists the known ones
    units, strange = [], []
    for column, axis in zip(signal, axes, strict=True):
        named, bracket = parse_name(column)[2], split_name(column)[1]
        if not (given or find_unit(bracket) or bracket.lower() in _RAW):
            strange.append(bracket)
        measured_in = _MEASURED_IN.get(axis.split("_")[0], (*given, named))
        fitting = [unit for unit in (*given, named) if unit in measured_in]
        units.append(fitting[0] if fitting else "")
    if strange:
        doubts.append(f"{strange[0]!r} is no unit that is known, and is left out (unit=)")
    unused = set(given) - set(units) - {""}
    if unused:
        what = f"no axis of {', '.join(axes)} is measured in {unused.pop()!r}"
        raise ParameterError(what, where=where, remedy="Name the axes with axes=.")
    for sensor in ("acc", "gravity"):
        three = [axes.index(f"{sensor}_{axis}") for axis in "xyz" if f"{sensor}_{axis}" in axes]
        if not given and len(three) == 3 and not any(units[i] for i in three):
            likely = _acceleration_unit(signal.iloc[:, three], second, doubts)
            units = [likely if i in three else unit for i, unit in enumerate(units)]
    return tuple(units)


def _acceleration_unit(signal: pd.DataFrame, second: int, doubts: list[str]) -> str:
    """Unit in which the mean vector over a second is about one gravity, else ``""``.

    Gravity stays for a second and motion does not: the mean vector of an accelerometer is 9.8 long
    in m/s2 and 1 in g, and that of acceleration without gravity near 0, however large its samples.
    """
    second = min(second, len(signal))
    starts = np.linspace(0, len(signal) - second, min(len(signal) // second, 200)).astype(int)
    blocks = signal.iloc[(starts[:, None] + np.arange(second)).ravel()]
    numbers = blocks.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    mean = numbers.reshape(len(starts), second, 3).mean(axis=1)  # [seconds, 3]
    length = float(np.median(np.linalg.norm(mean, axis=1)))
    # Nothing else is 10 long for a second, so that a watch that is out of adjustment passes; a
    # car's acceleration without gravity is often near 1 m/s2.
    if 0.75 < length / GRAVITY < 1.3:
        return "m/s2"
    if 0.85 < length < 1.15:
        doubts.append(f"acceleration is in g: its mean vector is {length:.2f} long (unit=)")
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


def _label_candidates(frame: pd.DataFrame, taken: set[str | None]) -> list[str]:
    """Columns that hold a few texts which stay for a while, or numbers and a name of classes."""
    candidates = []
    for name in frame:
        spelt = {*words(name)}
        if name in taken or is_time_name(name) or spelt & _DEVICES:
            continue
        numeric = pd.api.types.is_numeric_dtype(frame[name])
        if numeric and not spelt & {*_LABELS}:
            continue
        codes, values = pd.factorize(frame[name])
        if 2 <= len(values) <= 50 and (np.diff(codes) != 0).mean() < 0.05:
            candidates.append(name)
    return candidates


def _is_signal(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not is_counter(values)


def _known(frame: pd.DataFrame, names: Sequence[str]) -> str | None:
    spelt = {" ".join(words(name)): name for name in reversed(frame.columns)}
    return next((spelt[name] for name in names if name in spelt), None)


def _column(frame: pd.DataFrame, wanted: str | int, argument: str, where: str) -> str:
    """Name of a column given by name or position, or a `FormatError` with the likely ones."""
    names = list(frame)
    if wanted in names:
        return wanted
    if isinstance(wanted, int | np.integer) and 0 <= wanted < len(names):
        return names[wanted]
    # a unit in brackets may stand in the name, or come from a row of units
    stems = [name for name in names if split_name(name)[0] == wanted]
    if len(stems) == 1:
        return stems[0]
    listed = map(repr, names)
    place = f"{where}, {argument}=" if where else f"{argument}="
    raise unknown_name("column", wanted, names, FormatError, where=place, listed=listed)
