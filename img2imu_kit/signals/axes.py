"""What a column of a signal is: the name of its axis, its unit, the colour it becomes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import pi

from ..errors import ParameterError, SignalError

__all__ = [
    "ACC_GYRO",
    "GRAVITY",
    "SI_UNITS",
    "UNITS",
    "axis_index",
    "channel_index",
    "convert",
    "default_axes",
    "find_unit",
    "measured",
    "quantity",
]

#: Standard gravity in m/s2 (CGPM 1901), the factor between g and m/s2.
GRAVITY = 9.80665

#: Axes of the usual IMU, and the SI units of each: x, y, z of either sensor.
ACC_GYRO = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
SI_UNITS = ("m/s2",) * 3 + ("rad/s",) * 3

#: unit -> (quantity, factor to the SI unit of that quantity)
UNITS = {
    "m/s2": ("acceleration", 1.0),
    "g": ("acceleration", GRAVITY),
    "mg": ("acceleration", GRAVITY / 1000),
    "rad/s": ("angular velocity", 1.0),
    "deg/s": ("angular velocity", pi / 180),
    "mdeg/s": ("angular velocity", pi / 180_000),
    "uT": ("magnetic field", 1e-6),
}

#: unit -> how makers of phones, loggers and libraries write it, as `find_unit` reduces it
_SPELLINGS = {
    "m/s2": "m/s2 m/s/s m/(s2) m/(sec2) m/sec2 m/sec/sec m/second2 ms-2 m.s-2 ms2 mps2 meter/s2 "
    "metre/s2 meters/s2 metres/s2 meter/second2 meters/second2 metres/second2 meter/sec2 "
    "meters/sec2 meterspersecondsquared metrespersecondsquared",
    "g": "g gs gn g0 gee gees gforce g-force gravity",
    "mg": "mg mgs milli-g millig milligs milli-gs mgn",
    "rad/s": "rad/s rads rad/sec rad/second radps rads-1 rad.s-1 radian/s radians/s radian/sec "
    "radians/sec radian/second radians/second radianspersecond radpersec",
    "deg/s": "deg/s °/s d/s dps degs deg/sec deg/second °/sec degs/s degs/sec degps degs-1 deg.s-1 "
    "°s-1 °.s-1 degree/s degrees/s degree/sec degrees/sec degree/second degrees/second grad/s "
    "degreepersecond degreespersecond degpersec",
    "mdeg/s": "mdeg/s mdps m°/s mdegs millidps millidegrees/s millidegrees/second mdeg/sec",
    "uT": "ut µt μt microt microtesla",
}
_UNIT_OF = {word: unit for unit, spellings in _SPELLINGS.items() for word in spellings.split()}
#: What the name of an axis says that it measures.
_MEASURES = {"acc": "acceleration", "lin": "acceleration", "gravity": "acceleration"}
_MEASURES |= {"gyr": "angular velocity", "mag": "magnetic field"}


def default_axes(channels: int) -> tuple[str, ...]:
    """Conventional names: accelerometer x, y, z, then gyroscope x, y, z, then ``ch6``, ..."""
    # Only three or six columns (and what follows six) are surely sensors of three axes each.
    known = ACC_GYRO[:channels] if channels in (3, 6) or channels > 6 else ()
    return (*known, *(f"ch{i}" for i in range(len(known), channels)))


def axis_index(axes: Sequence[str], wanted: str | Iterable[str], *, where: str) -> list[int]:
    """Positions of axes asked for by name or by prefix (``"acc"`` is every ``acc_*``)."""
    index: list[int] = []
    for want in [wanted] if isinstance(wanted, str) else wanted:
        named = [i for i, axis in enumerate(axes) if axis == want]
        named = named or [i for i, axis in enumerate(axes) if axis.startswith(f"{want}_")]
        if not named:
            remedy = f"There are: {', '.join(axes)}."
            raise ParameterError(f"no axis {want!r}", where=where, remedy=remedy)
        index += named
    return index


def channel_index(axes: tuple[str, ...], channels: str | tuple[str, ...]) -> list[int]:
    """Positions of the axes that become red, green and blue (or, if one, grey)."""
    # The length of acceleration is grey, and computed from the axes that would be coloured.
    sensor = "acc" if channels == "magnitude" else channels
    unnamed = axes == default_axes(len(axes))
    alone = len(axes) == 3 and not any(axis.startswith("acc") for axis in axes)
    if sensor == "acc" and (unnamed or alone):
        # Nothing else could be meant: three axes of any one sensor, or columns without names.
        index = list(range(len(axes)))[:3]
    else:
        index = axis_index(axes, sensor, where=f"channels={channels!r}")
        index = index if isinstance(sensor, tuple) else index[:3]
    if channels != "magnitude" and len(index) not in (1, 3):
        raise SignalError(
            f"{len(index)} axes ({', '.join(axes[i] for i in index)}) cannot become red, green "
            "and blue",
            where="signal",
            remedy='Give one axis or three, or choose channels="magnitude".',
        )
    return index


def find_unit(text: str) -> str:
    """A unit by any usual spelling, ``""`` for what is none.

    Examples
    --------
    >>> [find_unit(text) for text in ("m/s^2", "m·s⁻²", "°/s", "d/s", "Degrees / Second", "G")]
    ['m/s2', 'm/s2', 'deg/s', 'deg/s', 'deg/s', 'g']
    """
    plain = text.lower().translate(str.maketrans("º˚²⁻¹−⋅·*", "°°2-1-...", " ^_"))
    return _UNIT_OF.get(plain, "")


def measured(axis: str) -> str:
    """The quantity that an axis measures by its name, ``""`` if the name does not tell."""
    return next((what for start, what in _MEASURES.items() if axis.startswith(start)), "")


def quantity(unit: str) -> tuple[str, float]:
    """What a unit measures, and how many SI units it is."""
    if unit not in UNITS:
        raise ParameterError(f"unknown unit {unit!r}", remedy=f"Known: {', '.join(UNITS)}.")
    return UNITS[unit]


def convert(values, unit: str, to: str):
    """Convert between units of one quantity.

    Parameters
    ----------
    values : float or array
    unit, to : {"m/s2", "g", "mg", "rad/s", "deg/s", "mdeg/s", "uT"}
        Both of one quantity.

    Returns
    -------
    float or array
        Of the precision of `values`.

    Raises
    ------
    ParameterError
        An unknown unit, or units of two quantities.

    Examples
    --------
    >>> convert(1.0, "g", "m/s2")
    9.80665
    >>> round(convert(180.0, "deg/s", "rad/s"), 4)
    3.1416
    """
    (given, factor), (wanted, target) = quantity(unit), quantity(to)
    if given != wanted:
        raise ParameterError(f"{unit!r} is a unit of {given}, {to!r} of {wanted}")
    # One factor, so that an array is multiplied once and float32 stays float32.
    return values * (factor / target)
