"""Where the pixels of a picture lie, in seconds and Hz."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Grid"]


@dataclass(frozen=True, eq=False)
class Grid:
    """Rows and columns of a spectrogram: made once for a window, then passed along.

    Attributes
    ----------
    rate : float
        Hz, of the signal.
    freqs_hz, times_s : float64 [F], [S]
        Centres of rows, lowest first, and of columns, since the window's first sample.
    freq_edges_hz, time_edges_s : float64 [F + 1], [S + 1]
        Where one row or column ends and the next begins. Edges need not be even: a logarithmic
        axis has rows of growing height in Hz.
    frame_s : float
        Stretch of signal that a column depends on; frequencies 1 / frame_s Hz apart are told apart.

    Examples
    --------
    >>> from img2imu_kit.pictures import make_grid, resolve
    >>> grid = make_grid(320, 64, resolve("default"))  # 5 s at 64 Hz
    >>> grid.shape, grid.extent
    ((33, 65), (0.46875, 4.53125, -0.5, 32.5))
    >>> grid.resized(11, 13).freqs_hz[:2]  # three bins of 1 Hz to a pixel
    array([1., 4.])
    """

    rate: float
    freqs_hz: np.ndarray
    times_s: np.ndarray
    freq_edges_hz: np.ndarray
    time_edges_s: np.ndarray
    frame_s: float

    @classmethod
    def even(cls, rate: float, freqs_hz, times_s, *, bin_hz: float, hop_s: float, frame_s: float):
        """A grid of pixels of one size, from their centres."""
        # A bin stands for half a bin to either side: the row of 0 Hz begins below 0.
        freq_edges_hz = np.append(freqs_hz - bin_hz / 2, freqs_hz[-1] + bin_hz / 2)
        # Columns are a hop wide, though their frames are longer and overlap.
        time_edges_s = np.append(times_s - hop_s / 2, times_s[-1] + hop_s / 2)
        return cls(rate, freqs_hz, times_s, freq_edges_hz, time_edges_s, frame_s)

    def __repr__(self) -> str:
        left, right, bottom, top = self.extent
        rows = f"{len(self.freqs_hz)} rows, {bottom:.4g} to {top:.4g} Hz"
        return f"Grid({rows}; {len(self.times_s)} columns, {left:.4g} to {right:.4g} s)"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.freqs_hz), len(self.times_s)

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left and right edge in s, bottom and top in Hz, as matplotlib's ``extent``."""
        ends = self.time_edges_s[[0, -1]], self.freq_edges_hz[[0, -1]]
        return tuple(float(end) for pair in ends for end in pair)

    @property
    def rows_are_even(self) -> bool:
        """Whether every row is as high, in Hz, as every other."""
        return bool(np.ptp(np.diff(self.freq_edges_hz)) < 1e-6 * self.freq_edges_hz[-1])

    def resized(self, height: int, width: int) -> Grid:
        """The grid of the same picture brought to another size."""
        freqs_hz, freq_edges_hz = _divide(self.freq_edges_hz, height)
        times_s, time_edges_s = _divide(self.time_edges_s, width)
        return Grid(self.rate, freqs_hz, times_s, freq_edges_hz, time_edges_s, self.frame_s)


def _divide(edges: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Centres [count] and edges [count + 1] of so many pixels over the same span."""
    # Pixel j reaches from j / count to (j + 1) / count of the way; where that is, old edges say.
    half_pixels = np.arange(2 * count + 1) / (2 * count)
    places = np.interp(half_pixels, np.linspace(0, 1, len(edges)), edges)
    return places[1::2], places[::2]
