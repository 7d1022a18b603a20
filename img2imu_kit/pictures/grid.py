"""Where the pixels of a picture lie, in seconds and Hz."""

from __future__ import annotations

from dataclasses import dataclass, replace

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

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.freqs_hz), len(self.times_s)

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left and right edge in s, bottom and top in Hz, as matplotlib's ``extent``."""
        ends = self.time_edges_s[[0, -1]], self.freq_edges_hz[[0, -1]]
        return tuple(float(end) for pair in ends for end in pair)

    def resized(self, height: int, width: int) -> Grid:
        """The grid of the same picture brought to another size."""
        # Pixel j of `width` reaches from j / width to (j + 1) / width of the way across; where that
        # is in s, old edges say. So is its centre, half a pixel on.
        freq_edges_hz, freqs_hz = _divide(self.freq_edges_hz, height)
        time_edges_s, times_s = _divide(self.time_edges_s, width)
        return replace(
            self,
            freqs_hz=freqs_hz,
            times_s=times_s,
            freq_edges_hz=freq_edges_hz,
            time_edges_s=time_edges_s,
        )


def _divide(edges: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Edges [count + 1] and centres [count] of so many pixels over the same span."""
    whole = np.linspace(0, 1, len(edges))
    return (
        np.interp(np.arange(count + 1) / count, whole, edges),
        np.interp((np.arange(count) + 0.5) / count, whole, edges),
    )
