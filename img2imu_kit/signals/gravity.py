"""Acceleration without gravity: what an accelerometer feels besides the movement."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from scipy.signal import butter, sosfiltfilt

from ..errors import ParameterError, SignalError
from .axes import UNITS, measured
from .recording import Recording
from .windows import Windows

__all__ = ["remove_gravity"]

Motion = TypeVar("Motion", Recording, Windows)


def remove_gravity(motion: Motion, below_hz: float = 0.3) -> Motion:
    """Accelerations without what changes more slowly than `below_hz`; other axes as they are.

    An accelerometer feels gravity as 9.8 m/s2 upwards, shared among its axes by how it is held. A
    body turns slowly and moves quickly, so that a high-pass filter parts the two: of second order
    (Butterworth), run forwards and backwards so that nothing is delayed.

    Parameters
    ----------
    motion : Recording or Windows
        A recording is better: at the ends of a window the filter has to guess.
    below_hz : float
        Half the power is left there. 0.3 Hz is usual for the human body.

    Returns
    -------
    Recording or Windows

    Raises
    ------
    ParameterError
        Not between 0 and half the rate.
    SignalError
        Fewer samples than the filter needs, or no acceleration.

    References
    ----------
    V. van Hees et al., "Separating movement and gravity components in an acceleration signal",
    PLoS ONE 8(4), 2013.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(1000) / 50
    >>> held = Recording(np.stack([np.sin(2 * np.pi * 2 * t), 0 * t, 0 * t + 9.8], axis=1), rate=50)
    >>> remove_gravity(held).signal.std(axis=0).round(2), remove_gravity(held).signal[0, 2].round(2)
    (array([0.71, 0.  , 0.  ], dtype=float32), np.float32(0.0))
    """
    slowest = motion.rate * 1e-6  # of what is slower still the filter has no digits left
    if not slowest <= below_hz < motion.rate / 2:
        raise ParameterError(
            f"below_hz is {below_hz}, expected from {slowest:g} to below {motion.rate / 2:g}, half "
            "the rate"
        )
    chosen = [
        i
        for i, (axis, unit) in enumerate(zip(motion.axes, motion.unit, strict=True))
        if (UNITS[unit][0] if unit in UNITS else measured(axis)) == "acceleration"
    ]
    if not chosen:
        raise SignalError(f"no acceleration among {', '.join(motion.axes)}", where="remove_gravity")
    time = 0 if isinstance(motion, Recording) else 2  # [T, C] or [N, C, T]
    at = (slice(None), chosen)  # axes are the second of both
    signal = motion.signal.copy()
    if signal.shape[time] <= 9:  # what the filter mirrors at either end
        raise SignalError(f"{signal.shape[time]} samples, expected 10 or more", where="gravity")
    sections = butter(2, below_hz, "highpass", fs=motion.rate, output="sos")
    signal[at] = sosfiltfilt(sections, signal[at], axis=time)
    return replace(motion, signal=signal)
