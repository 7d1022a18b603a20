"""Motion made audible: the ear finds a rhythm that the eye looks for."""

from __future__ import annotations

import io
import wave

import numpy as np
import torch

from ..errors import SignalError
from ..pictures.params import resolve
from ..pictures.scalogram import morlet_bank
from ..signals.recording import Recording

__all__ = ["PITCH", "as_wav"]

#: How many times as high a movement sounds: 1 Hz as 200 Hz, the g below the middle c.
PITCH = 200
#: Samples of sound in a second: 20 Hz of motion becomes 4 kHz.
_RATE = 12_000


def as_wav(motion: Recording) -> bytes:
    """The motion along its main direction as sound, `PITCH` times as high and no faster.

    Played 200 times as fast, ten seconds would be a click. So each of 24 Morlet bands from .3 to
    20 Hz keeps its time and its strength, and its phase alone turns 200 times as fast.

    Parameters
    ----------
    motion : Recording
        The axes of one sensor.

    Returns
    -------
    bytes
        A WAV file, 16 bits, mono, as long as the motion, and as loud for a weak one as a strong.

    Raises
    ------
    SignalError
        A motion too short or too slowly sampled to hold a band.

    Examples
    --------
    >>> t = np.arange(500) / 50
    >>> as_wav(Recording(np.sin(2 * np.pi * t), rate=50))[:4]
    b'RIFF'
    """
    top_hz = min(20.0, 0.45 * motion.rate)
    if len(motion) < 16 or top_hz < 0.6:
        raise SignalError(
            f"{len(motion)} samples at {motion.rate:g} Hz hold nothing to be heard",
            where=motion.name or "motion",
            remedy="Choose a longer window.",
        )
    # The direction in which most happens, [T]: a length would have twice the frequency.
    centred = motion.signal - motion.signal.mean(axis=0)
    main = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
    mirrored = torch.from_numpy(np.concatenate([main, main[-2:0:-1]]).astype(np.float32))
    params = resolve("motion", fmax_hz=top_hz, low_rows=0)
    bands, _ = morlet_bank(len(mirrored), motion.rate, params)
    # Analytic bands A(t) e^(i phase(t)), [24, T], become A(t) cos(200 phase(t)).
    analytic = torch.fft.ifft(2 * torch.fft.rfft(mirrored) * bands, n=len(mirrored)).numpy()
    times_s = np.arange(len(main)) / motion.rate
    heard_s = np.arange(round(motion.seconds * _RATE)) / _RATE
    sound = np.zeros(len(heard_s))
    for band in analytic[:, : len(main)]:
        phase = np.interp(heard_s, times_s, np.unwrap(np.angle(band)))
        sound += np.interp(heard_s, times_s, np.abs(band)) * np.cos(PITCH * phase)
    ramp = np.minimum(1, np.minimum(heard_s, heard_s[-1] - heard_s) / 0.02)  # no click at the ends
    sound *= 0.8 * ramp / max(np.abs(sound).max(), 1e-9)
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes((32767 * sound).astype("<i2").tobytes())
    return content.getvalue()
