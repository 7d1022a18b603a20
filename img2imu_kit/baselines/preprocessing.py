"""The one form in which every baseline receives its windows.

Accelerometer x, y, z in g at 50 Hz, in pieces of 2 s (100 samples). The papers used 50 Hz (20 Hz
for LIMU-BERT, which reads pairs of samples) and windows of 1 to 8 s; the length is our choice. The
gyroscope is left out because one corpus has none. In g, because a constant factor keeps amplitude
and gravity, where statistics of each axis would carry the corpus's way of wearing the device into
every task.
"""

from __future__ import annotations

import numpy as np

from ..errors import ClockError, SignalError
from ..signals.axes import convert
from ..signals.recording import check_rate
from ..signals.resampling import resample_array
from ..signals.windows import Windows

__all__ = ["RATE", "SECONDS", "to_encoder_input"]

RATE = 50.0  # Hz
SECONDS = 2.0
LENGTH = round(RATE * SECONDS)


def to_encoder_input(
    windows: Windows | np.ndarray, rate: float | None = None, unit: str | None = None
) -> np.ndarray:
    """Windows of any rate, length and unit as pieces that the baselines read.

    A longer window becomes several pieces, evenly spaced with half of each seen again by the
    next, so that all of it is read. A shorter one is continued by its mirror image.

    Parameters
    ----------
    windows : Windows, or float [N, C, T]
        With ``acc_*`` axes; of an array the first three axes are taken.
    rate : float, optional
        Hz; taken from Windows.
    unit : str, optional
        ``"g"`` or ``"m/s2"``; taken from Windows, needed for arrays.

    Returns
    -------
    float32 [N, P, 3, 100]
        P pieces a window, 1 for windows up to 2 s.

    Raises
    ------
    SignalError
        Wrong shape, fewer than three axes, NaN, or no unit.
    ClockError
        No rate.

    Examples
    --------
    >>> to_encoder_input(np.ones((4, 3, 180)), rate=30, unit="g").shape
    (4, 5, 3, 100)
    >>> to_encoder_input(np.ones((4, 6, 64)), rate=64, unit="g").shape
    (4, 1, 3, 100)
    """
    if isinstance(windows, Windows):
        windows = windows.select("acc")
        rate, unit, signal = windows.rate, unit or windows.unit[0], windows.signal
    else:
        signal = np.asarray(windows, dtype=np.float32)
    if rate is None:
        raise ClockError("no rate", where="to_encoder_input", remedy="Give rate=<Hz>, or Windows.")
    rate = check_rate(rate, where="to_encoder_input")
    if signal.ndim != 3 or signal.shape[1] < 3 or 0 in signal.shape:
        raise SignalError(
            f"windows of shape {signal.shape}, expected [N, 3 or more, T]",
            where="to_encoder_input",
            remedy="The baselines read the three axes of an accelerometer.",
        )
    if not unit:
        raise SignalError(
            "accelerations without a unit",
            where="to_encoder_input",
            remedy='Give unit="g" or unit="m/s2".',
        )
    if not np.isfinite(signal).all():
        raise SignalError("NaN or infinity among the windows", where="to_encoder_input")
    signal = convert(signal[:, :3], unit, "g")  # [N, 3, T]
    signal = resample_array(signal, rate, RATE)
    length = signal.shape[2]
    if length < LENGTH:
        signal = np.pad(signal, ((0, 0), (0, 0), (0, LENGTH - length)), mode="symmetric")
    spare = signal.shape[2] - LENGTH
    # P starts about half a piece apart: the first at 0, the last so that it ends with the window.
    starts = np.linspace(0, spare, 1 + round(2 * spare / LENGTH)).round().astype(int)
    if spare and len(starts) == 1:  # a little longer than a piece: its middle
        starts = np.array([spare // 2])
    pieces = [signal[:, :, start : start + LENGTH] for start in starts]
    return np.ascontiguousarray(np.stack(pieces, axis=1), dtype=np.float32)
