"""A stretch of IMU signal with its clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import ClockError, ParameterError, SignalError

__all__ = ["GRAVITY", "Recording", "convert"]

#: Standard gravity in m/s2 (CGPM 1901), the factor between g and m/s2.
GRAVITY = 9.80665

#: unit -> (quantity, factor to the SI unit of that quantity)
_UNITS = {
    "m/s2": ("acceleration", 1.0),
    "g": ("acceleration", GRAVITY),
    "mg": ("acceleration", GRAVITY / 1000),
    "rad/s": ("angular velocity", 1.0),
    "deg/s": ("angular velocity", np.pi / 180),
}

#: Rates outside this band are taken for a mistake of unit (Hz expected).
_PLAUSIBLE_RATE = (0.5, 100_000.0)


@dataclass(frozen=True, eq=False)
class Recording:
    """An evenly sampled multi-axis signal, and who and what was recorded.

    Parameters
    ----------
    signal : array_like, float32 [T, C]
        One row a sample, one column an axis.
    rate : float
        Sampling rate in Hz.
    axes : sequence of str, optional
        C names such as ``"acc_x"`` or ``"gyro_z"``. Default: ``acc_x, acc_y, acc_z`` and, with six
        columns, ``gyro_x, gyro_y, gyro_z``.
    unit : str or sequence of str
        Unit of every axis, or one an axis (``"m/s2"``, ``"g"``, ``"rad/s"``, ``"deg/s"``, ``""``).
    subject, name : str
        Who was recorded; a name unique within the data set (file or trial).
    labels : str or sequence of str [T], optional
        Class of each sample, ``""`` where unlabelled; one string labels the whole recording.
        Numbers become text (1.0 is ``"1"``), None and NaN ``""``.
    start_s : float
        Seconds between the start of the file and the first sample here (a gap splits a file).

    Raises
    ------
    SignalError
        NaN or infinity (with axis and sample), wrong shape, no samples, labels of another length.
    ClockError
        A rate that is missing, negative or implausible.

    Examples
    --------
    >>> import numpy as np
    >>> Recording(np.zeros((128, 3)), rate=64, labels="still", subject="s01")
    Recording('', 2.0 s at 64 Hz, acc_x acc_y acc_z, subject 's01', still)
    """

    signal: np.ndarray
    rate: float
    axes: tuple[str, ...] = ()
    unit: tuple[str, ...] = ()
    subject: str = ""
    name: str = ""
    labels: np.ndarray | None = None
    start_s: float = 0.0

    def __post_init__(self) -> None:
        where = self.name or "recording"
        signal = check_signal(self.signal, where=where)
        length, channels = signal.shape
        axes = (self.axes,) if isinstance(self.axes, str) else tuple(self.axes)
        axes = axes or default_axes(channels)
        if len(axes) != channels:
            raise SignalError(
                f"{channels} columns but {len(axes)} axis names {axes}",
                where=where,
                remedy="Give one name for each column, or choose columns.",
            )
        if len(set(axes)) != channels:
            raise SignalError(f"axes with the same name: {', '.join(axes)}", where=where)
        unit = (self.unit,) * channels if isinstance(self.unit, str) else tuple(self.unit)
        unit = unit or ("",) * channels
        if len(unit) != channels:
            raise SignalError(f"{channels} axes but {len(unit)} units {unit}", where=where)
        labels = self.labels
        if isinstance(labels, str):
            labels = np.full(length, labels, dtype=object)
        elif labels is not None:
            labels = as_texts(labels)
            if labels.shape != (length,):
                raise SignalError(
                    f"{length} samples but labels of shape {labels.shape}",
                    where=where,
                    remedy="Give one label for each sample, or one string for all.",
                )
        for field, value in {
            "signal": signal,
            "rate": check_rate(self.rate, where=where),
            "axes": axes,
            "unit": unit,
            "labels": labels,
            "subject": str(self.subject),
            "name": str(self.name),
        }.items():
            object.__setattr__(self, field, value)

    def __len__(self) -> int:
        return len(self.signal)

    def __repr__(self) -> str:
        text = f"{self.name!r}, {self.seconds:.1f} s at {self.rate:g} Hz, {' '.join(self.axes)}"
        classes = ", ".join(self.classes)
        return f"Recording({text}, subject {self.subject!r}{', ' if classes else ''}{classes})"

    @property
    def seconds(self) -> float:
        """Duration in seconds: samples / rate."""
        return len(self.signal) / self.rate

    @property
    def times_s(self) -> np.ndarray:
        """Time of each sample in seconds since the start of the file, float64 [T]."""
        return self.start_s + np.arange(len(self.signal)) / self.rate

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels that occur, sorted, without ``""``."""
        return () if self.labels is None else tuple(sorted(set(self.labels) - {""}))

    def cut(self, start: int, stop: int) -> Recording:
        """Samples ``start`` to ``stop`` (exclusive) as a recording of their own."""
        labels = None if self.labels is None else self.labels[start:stop]
        start_s = self.start_s + start / self.rate
        return replace(self, signal=self.signal[start:stop], labels=labels, start_s=start_s)

    def select(self, axes: str | Iterable[str]) -> Recording:
        """Some of the axes, by name or by common prefix (``"acc"``), in the order asked for.

        Examples
        --------
        >>> import numpy as np
        >>> Recording(np.zeros((64, 6)), rate=64).select("gyro").axes
        ('gyro_x', 'gyro_y', 'gyro_z')
        """
        index = axis_index(self.axes, axes, where=self.name or "recording")
        unit = tuple(self.unit[i] for i in index)
        axes = tuple(self.axes[i] for i in index)
        return replace(self, signal=self.signal[:, index], axes=axes, unit=unit)

    def to_unit(self, *units: str) -> Recording:
        """Convert the axes whose quantity a unit measures: ``r.to_unit("m/s2", "rad/s")``."""
        factors, names = np.ones(len(self.axes)), list(self.unit)
        for target in units:
            quantity = _unit(target)[0]
            for i, unit in enumerate(self.unit):
                if unit in _UNITS and _UNITS[unit][0] == quantity:
                    factors[i], names[i] = convert(1.0, unit, target), target
        signal = (self.signal * factors).astype(np.float32)
        return replace(self, signal=signal, unit=tuple(names))


def convert(values, unit: str, to: str):
    """Convert between units of acceleration or of angular velocity.

    Examples
    --------
    >>> convert(1.0, "g", "m/s2")
    9.80665
    >>> round(convert(180.0, "deg/s", "rad/s"), 4)
    3.1416
    """
    (quantity, factor), (other, target) = _unit(unit), _unit(to)
    if quantity != other:
        raise ParameterError(f"{unit!r} is a unit of {quantity}, {to!r} of {other}")
    return values * (factor / target)


def as_texts(values) -> np.ndarray:
    """Values as texts (object array): 1.0 is ``"1"``, None and NaN are ``""``."""
    array = np.asarray(values, dtype=object)
    flat = array.ravel().tolist()
    if set(map(type, flat)) <= {str}:
        return array
    return np.array([_text(value) for value in flat], dtype=object).reshape(array.shape)


def _text(value) -> str:
    if isinstance(value, float | np.floating):
        value = None if np.isnan(value) else int(value) if value.is_integer() else value
    return "" if value is None else str(value).strip()


def check_signal(signal, *, where: str) -> np.ndarray:
    """Float32 [T, C] without NaN or infinity, or a `SignalError` that names the first culprit."""
    try:
        array = np.asarray(signal, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise SignalError(f"not an array of numbers ({error})", where=where) from None
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise SignalError(f"shape {array.shape}, expected [T, C] (samples, axes)", where=where)
    if array.size == 0:
        raise SignalError(f"no samples (shape {array.shape})", where=where)
    if not np.isfinite(array).all():
        sample, axis = (int(i) for i in np.argwhere(~np.isfinite(array))[0])
        bad = int((~np.isfinite(array)).sum())
        raise SignalError(
            f"{bad} value(s) not finite, the first on axis {axis} at sample {sample} "
            f"({array[sample, axis]})",
            where=where,
            remedy="Drop those rows or fill them, for example with pandas interpolate().",
        )
    return array


def check_rate(rate, *, where: str) -> float:
    """The rate as a float in Hz, or a `ClockError`."""
    try:
        value = float(rate)
    except (TypeError, ValueError):
        raise ClockError(f"rate is {rate!r}", where=where, remedy="Give rate=<Hz>.") from None
    low, high = _PLAUSIBLE_RATE
    if not low <= value <= high:
        raise ClockError(
            f"rate is {value:g} Hz, expected {low:g} to {high:g} Hz",
            where=where,
            remedy="Give rate= in Hz, or the right unit of the time column.",
        )
    return value


def default_axes(channels: int) -> tuple[str, ...]:
    """Conventional names: accelerometer x, y, z, then gyroscope x, y, z, then ``ch6``, ..."""
    names = [f"{sensor}_{axis}" for sensor in ("acc", "gyro") for axis in "xyz"]
    known = names[:channels] if channels in (3, 6) or channels > 6 else []
    return tuple(known + [f"ch{i}" for i in range(len(known), channels)])


def axis_index(axes: Sequence[str], wanted: str | Iterable[str], *, where: str) -> list[int]:
    """Positions of axes asked for by name or by prefix (``"acc"`` is every ``acc_*``)."""
    index: list[int] = []
    for want in [wanted] if isinstance(wanted, str) else wanted:
        found = [i for i, axis in enumerate(axes) if axis == want]
        found = found or [i for i, axis in enumerate(axes) if axis.startswith(f"{want}_")]
        if not found:
            remedy = f"There are: {', '.join(axes)}."
            raise ParameterError(f"no axis {want!r}", where=where, remedy=remedy)
        index += found
    return index


def _unit(name: str) -> tuple[str, float]:
    if name not in _UNITS:
        raise ParameterError(f"unknown unit {name!r}", remedy=f"Known: {', '.join(_UNITS)}.")
    return _UNITS[name]
