"""What the spectrogram explorer shows, as values: the window, its settings, their consequences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..pictures.params import SpectrogramParams
from ..pictures.stft import grid, taper
from ..signals.recording import Recording

__all__ = ["SpectrogramState", "code", "extent", "spread"]


@dataclass(frozen=True, eq=False)
class SpectrogramState:
    """All that a picture of the explorer depends on.

    Parameters
    ----------
    recording : Recording
    start_s, seconds : float
        The window: where it begins, from the first sample, and how long it lasts.
    preset : str
        Name of the settings to begin with.
    changes : mapping
        Settings that differ from the preset's. They are checked when they are drawn, so that a
        state can hold a contradiction until it is resolved.
    origin : str
        Python expression for the recording, for `code`.
    remark : str
        What else is to be said about the recording: guesses made when it was read.
    """

    recording: Recording
    start_s: float = 0.0
    seconds: float = 10.0
    preset: str = "default"
    changes: Mapping[str, object] = field(default_factory=dict)
    origin: str = "recording"
    remark: str = ""

    def bounds(self) -> tuple[int, int]:
        """First sample of the window, and the first after it."""
        start = math.floor(self.start_s * self.recording.rate + 1e-6)
        return start, start + round(self.seconds * self.recording.rate)


def code(state: SpectrogramState) -> str:
    """Python that makes the RGB picture of a state, as ``image``.

    Examples
    --------
    >>> from img2imu_kit import synthetic
    >>> walk = synthetic(1, classes=["walk"])[0]
    >>> origin = 'ik.datasets.synthetic(1, classes=["walk"])[0]'
    >>> print(code(SpectrogramState(walk, 5, 10, changes={"n_fft": 128}, origin=origin)))
    import img2imu_kit as ik
    <BLANKLINE>
    recording = ik.datasets.synthetic(1, classes=["walk"])[0]
    window = recording.cut(250, 750)  # 5 to 15 s
    image = ik.to_image(window, params="default", n_fft=128)[0]  # uint8 [3, H, W]
    """
    start, stop = state.bounds()
    settings = "".join(f", {name}={value!r}" for name, value in state.changes.items())
    settings = settings.replace("'", '"')
    first = state.start_s + state.recording.start_s
    return (
        f"import img2imu_kit as ik\n\nrecording = {state.origin}\n"
        f"window = recording.cut({start}, {stop})  # {first:g} to {first + state.seconds:g} s\n"
        f'image = ik.to_image(window, params="{state.preset}"{settings})[0]  # uint8 [3, H, W]'
    )


def spread(params: SpectrogramParams, rate: float) -> tuple[float, float]:
    """Widths in s and Hz within which a frame cannot tell two events apart.

    Twice the standard deviations of the taper's energy, in time and in frequency. Their product is
    at least 1 / pi (Gabor's form of Heisenberg's inequality), whatever the taper.

    References
    ----------
    D. Gabor, "Theory of communication", Journal of the IEE 93 (1946).

    Examples
    --------
    >>> seconds, hz = spread(SpectrogramParams(n_fft=64), rate=50)
    >>> round(seconds, 2), round(hz, 2), round(seconds * hz * np.pi, 2)
    (0.36, 0.92, 1.03)
    """
    window = taper(params).numpy().astype(float)
    energy = np.abs(np.fft.fft(window, 8 * len(window))) ** 2  # finer than bins
    return (
        2 * _deviation(np.arange(len(window)) / rate, window**2),
        2 * _deviation(np.fft.fftfreq(len(energy), 1 / rate), energy),
    )


def extent(
    window: Recording, params: SpectrogramParams
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Edges of a window's picture in seconds of the file and in Hz."""
    _, freqs_hz, times_s = grid((1, 1, len(window)), window.rate, params)
    step_s, bin_hz = params.hop / window.rate / 2, window.rate / params.n_fft / 2
    times_s = times_s + window.start_s
    return (
        (times_s[0] - step_s, times_s[-1] + step_s),
        (freqs_hz[0] - bin_hz, freqs_hz[-1] + bin_hz),
    )


def _deviation(values: np.ndarray, weights: np.ndarray) -> float:
    mean = np.average(values, weights=weights)
    return float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))
