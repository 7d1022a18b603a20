"""What the sides and the greys of a spectrogram picture measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from ..errors import ParameterError
from ..pictures.grid import Grid
from ..pictures.power import TRANSFORMS, Spectrograms, scaled

__all__ = ["PictureScale", "scale_of"]


@dataclass(frozen=True, eq=False)
class PictureScale:
    """From fractions of a picture to seconds, Hz and dB.

    Strengths and parameters of augmentations are **fractions of the picture** (of its width,
    height, or way from black to white), so that one draw serves a photograph, a spectrogram and
    the signal below it. ``TranslateX(2 / scale.seconds)`` shifts by up to 2 s, and
    `Augmentation.in_units` says so.

    Attributes
    ----------
    grid : Grid
        Rows and columns in Hz and s.
    black_db, range_db : float
        Power at black, and from black to white.
    noise_db : float
        Power in one bin of white noise of unit variance.
    """

    grid: Grid
    black_db: float
    range_db: float
    noise_db: float

    @property
    def rate(self) -> float:
        """Sampling rate of the signal, Hz."""
        return self.grid.rate

    @property
    def start_s(self) -> float:
        """Left edge of the picture since the first sample: a frame's power is in its middle."""
        return float(self.grid.time_edges_s[0])

    @property
    def seconds(self) -> float:
        """Width of the picture."""
        return float(self.grid.time_edges_s[-1]) - self.start_s

    @property
    def frame_s(self) -> float:
        """Length of signal behind a column; its bins are 1 / frame_s Hz apart."""
        return self.grid.frame_s

    @property
    def height_hz(self) -> float:
        """From the bottom of the picture to its top."""
        return float(self.grid.freq_edges_hz[-1] - self.grid.freq_edges_hz[0])

    def hz(self, height: torch.Tensor) -> torch.Tensor:
        """Frequencies at fractions of the height; 0 is the bottom."""
        edges = self.grid.freq_edges_hz  # even or not
        hz = np.interp(height.cpu().numpy(), np.linspace(0, 1, len(edges)), edges)
        return torch.as_tensor(hz).to(height)

    def within(
        self, signal: torch.Tensor, change: Callable[..., torch.Tensor], **parameters
    ) -> torch.Tensor:
        """Apply a change to the samples that the picture shows; the margins stay as they are."""
        # Without centring the picture begins (n_fft - hop) / 2 samples late: a shift of its columns
        # is one of the samples below them, not of the margins that no column is centred on.
        length = signal.shape[-1]
        start = min(max(round(self.start_s * self.rate), 0), length - 1)
        stop = min(start + max(round(self.seconds * self.rate), 1), length)
        before, shown, after = signal.tensor_split((start, stop), dim=-1)
        return torch.cat([before, change(shown, **parameters), after], dim=-1)


def scale_of(spectrograms: Spectrograms) -> PictureScale:
    """What the sides and greys of a picture of these spectrograms measure.

    Where black and white are extremes of an axis or a window, their medians.

    Raises
    ------
    ParameterError
        Pictures that are not logarithmic.

    Examples
    --------
    >>> from img2imu_kit import spectrogram
    >>> spectra = spectrogram(np.random.default_rng(0).normal(size=(1, 3, 320)), rate=32)
    >>> scale = scale_of(spectra)
    >>> scale.seconds, scale.start_s, scale.range_db  # 65 frames of 4 samples, half a frame late
    (8.125, 0.9375, 70.0)
    """
    params = spectrograms.params
    if params.scale not in ("db", "log10"):
        raise ParameterError(
            f"pictures of {params.scale} have no range in dB", remedy='Use scale="db".'
        )
    if isinstance(params.range, str):
        decibels = scaled(spectrograms.power, "db")  # [N, C, F, S]
        black_db = float(np.median(decibels.min(axis=(2, 3))))
        white_db = float(np.median(decibels.max(axis=(2, 3))))
    else:
        black_db, white_db = params.range
    noise_db = TRANSFORMS[params.transform].noise_db(params)
    return PictureScale(spectrograms.grid, black_db, white_db - black_db, noise_db)
