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
}


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


def quantity(unit: str) -> tuple[str, float]:
    """What a unit measures, and how many SI units it is."""
    if unit not in UNITS:
        raise ParameterError(f"unknown unit {unit!r}", remedy=f"Known: {', '.join(UNITS)}.")
    return UNITS[unit]


def convert(values, unit: str, to: str):
    """Convert between units of acceleration or of angular velocity.

    Parameters
    ----------
    values : float or array
    unit, to : {"m/s2", "g", "mg", "rad/s", "deg/s"}
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
    (measured, factor), (wanted, target) = quantity(unit), quantity(to)
    if measured != wanted:
        raise ParameterError(f"{unit!r} is a unit of {measured}, {to!r} of {wanted}")
    # One factor, so that an array is multiplied once and float32 stays float32.
    return values * (factor / target)
