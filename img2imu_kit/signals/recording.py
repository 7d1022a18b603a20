"""A stretch of IMU signal with its clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from ..errors import ClockError, ParameterError, SignalError
from .axes import UNITS, axis_index, convert, default_axes, measured, quantity

__all__ = ["Recording", "as_texts", "check_labels", "check_rate", "check_signal"]

#: Rates in Hz outside this band are taken for a mistake of unit.
PLAUSIBLE_RATE = (0.5, 100_000.0)


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
    clock_s : float, optional
        What the file's own clock showed at its start, in seconds: Unix time where stamps are
        dates. None where the file has no clock.

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
    clock_s: float | None = None

    def __post_init__(self) -> None:
        where = self.name or "recording"
        signal = check_signal(self.signal, where=where)
        length, channels = signal.shape
        axes = (self.axes,) if isinstance(self.axes, str) else tuple(self.axes)
        axes = axes or default_axes(channels)  # C names
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
        checked = {
            "signal": signal,
            "rate": check_rate(self.rate, where=where),
            "axes": axes,
            "unit": unit,
            "labels": check_labels(self.labels, length, where=where),
            "subject": str(self.subject),
            "name": str(self.name),
        }
        for field, value in checked.items():
            object.__setattr__(self, field, value)  # the way into a frozen dataclass

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

    def to_unit(self, *units: str, unknown: str = "raise") -> Recording:
        """Convert the axes whose quantity a unit measures.

        Parameters
        ----------
        *units : str
            One for each quantity: ``"m/s2", "rad/s"``. Axes of another quantity stay as they are.
        unknown : {"raise", "keep"}
            What becomes of an accelerometer, a gyroscope or any other axis whose unit is not known:
            an error, or the axis as it is.

        Raises
        ------
        ParameterError
            A unit that is not known, or an axis of such a unit.

        Examples
        --------
        >>> import numpy as np
        >>> Recording(np.ones((64, 3)), rate=64, unit="g").to_unit("m/s2").signal[0, 0]
        np.float32(9.80665)
        """
        where = self.name or "recording"
        if unknown not in ("raise", "keep"):
            raise ParameterError(f'unknown is {unknown!r}, expected "raise" or "keep"', where=where)
        factors, names = np.ones(len(self.axes)), list(self.unit)
        for target in units:
            wanted, _ = quantity(target)
            for i, (axis, unit) in enumerate(zip(self.axes, self.unit, strict=True)):
                if unit in UNITS:  # an axis of another quantity stays as it is
                    if UNITS[unit][0] == wanted:
                        factors[i], names[i] = convert(1.0, unit, target), target
                elif unknown == "raise" and measured(axis) in (wanted, "" if unit else wanted):
                    raise ParameterError(
                        f"axis {axis} has the unit {unit!r}, which is not known, so that it cannot "
                        f"be converted to {target}",
                        where=where,
                        remedy=f"Read it with unit=, one of {', '.join(UNITS)}, or convert with "
                        'unknown="keep", which leaves it as it is.',
                    )
        # [T, C] * [C]: one factor an axis
        signal = (self.signal * factors).astype(np.float32)
        return replace(self, signal=signal, unit=tuple(names))


def as_texts(values) -> np.ndarray:
    """Values as texts (object array): 1.0 is ``"1"``, None and NaN are ``""``."""
    array = np.asarray(values, dtype=object)
    flat = array.ravel().tolist()
    if set(map(type, flat)) <= {str}:  # the usual case, millions of samples long
        return array
    return np.array([_text(value) for value in flat], dtype=object).reshape(array.shape)


def _text(value) -> str:
    if isinstance(value, float | np.floating):  # class 1 read as a float is still class 1
        value = None if np.isnan(value) else int(value) if value.is_integer() else value
    return "" if value is None else str(value).strip()


def check_labels(labels, length: int, *, where: str) -> np.ndarray | None:
    """Texts [T] (object), one string standing for all, or a `SignalError`; None stays None."""
    if labels is None:
        return None
    if isinstance(labels, str):
        return np.full(length, labels, dtype=object)
    texts = as_texts(labels)
    if texts.shape != (length,):
        raise SignalError(
            f"{length} samples but labels of shape {texts.shape}",
            where=where,
            remedy="Give one label for each sample, or one string for all.",
        )
    return texts


def check_signal(signal, *, where: str) -> np.ndarray:
    """Float32 [T, C] without NaN or infinity, or a `SignalError` that names the first culprit."""
    try:
        array = np.asarray(signal, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise SignalError(f"not an array of numbers ({error})", where=where) from None
    if array.ndim == 1:  # [T] is one axis: [T, 1]
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
    low, high = PLAUSIBLE_RATE
    if not low <= value <= high:
        raise ClockError(
            f"rate is {value:g} Hz, expected {low:g} to {high:g} Hz",
            where=where,
            remedy="Give rate= in Hz, or the right unit of the time column.",
        )
    return value
