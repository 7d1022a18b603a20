"""What the sides and the greys of a picture measure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..errors import ParameterError
from ..pictures.grid import Grid
from ..pictures.params import SpectrogramParams, resolve
from ..pictures.power import TRANSFORMS, Spectrograms, scaled
from ..pictures.scalogram import cone_of_influence

__all__ = ["LINEAR", "RANGE_DB", "PictureKind", "PictureScale", "kind_of", "scale_of"]

#: dB from black to white in pictures of the default settings; photographs count as such.
RANGE_DB = 70.0

#: Highest band, in Hz, of pictures whose settings leave that to the rate.
_FMAX_HZ = 20.0


@dataclass(frozen=True)
class PictureKind:
    """What rows and greys stand for; the default is the power of an STFT.

    Three kinds of pictures differ in two things. Rows are even in Hz, or in octaves above rows of
    slow movement. Greys g, from 0 to 1, are decibels of power, ``g * range_db`` above black, or
    signed values about mid-grey, ``sinh((2 g - 1) asinh(limit))``.

    Attributes
    ----------
    range_db : float
        dB from black to white in rows of power.
    octaves : float
        Height of the bands on a logarithmic axis; 0 is a linear one.
    slow : float
        Share of the height, from the bottom, that shows slow movement; signed in any kind.
    signed : bool
        Whether the bands above are signed as well.
    limit : float
        What is white in signed rows, in the signal's unit; its negative is black.

    Examples
    --------
    >>> PictureKind().range_db, kind_of("motion-signed").signed
    (70.0, True)
    """

    range_db: float = RANGE_DB
    octaves: float = 0.0
    slow: float = 0.0
    signed: bool = False
    limit: float = 12.0

    def bands(self, images: torch.Tensor) -> torch.Tensor:
        """Rows above slow movement, a view [N, 3, h, W]; row 0 is the highest."""
        height = images.shape[2]
        return images[:, :, : height - round(self.slow * height)]

    def value(self, grey: torch.Tensor) -> torch.Tensor:
        """What a signed grey stands for, in the signal's unit."""
        return ((2 * grey - 1) * math.asinh(self.limit)).sinh()

    def change(
        self,
        images: torch.Tensor,
        power: Callable[[torch.Tensor], torch.Tensor],
        values: Callable[[torch.Tensor], torch.Tensor],
    ) -> torch.Tensor:
        """Change greys of power by one function, and by another what signed greys stand for.

        Before asinh a signed picture is linear in the signal: what multiplies, mixes or adds up
        in a sensor does so in these values, exactly. Images may be overwritten.
        """
        bands = images[:, :, :0] if self.signed else self.bands(images)
        signed = images[:, :, bands.shape[2] :]
        if not signed.numel():
            return power(images)
        if bands.numel():
            bands.copy_(power(bands))
        steepness = 2 * math.asinh(self.limit)  # grey -> asinh -> value, and back
        after = values(signed.sub(0.5).mul_(steepness).sinh_())
        signed.copy_(after.asinh_().div_(steepness).add_(0.5).clamp_(0, 1))
        return images


#: The power of an STFT; photographs count as such, unless told otherwise.
LINEAR = PictureKind()


def kind_of(params: str | SpectrogramParams | PictureKind | None = None) -> PictureKind:
    """The kind of the pictures that some settings draw, before there is any signal.

    Parameters
    ----------
    params : optional
        As in `to_image`, or a kind, which is returned. Where black and white are extremes of a
        picture, it counts as deep as those of the default settings.

    Raises
    ------
    ParameterError
        Pictures that are neither logarithmic nor signed.

    Examples
    --------
    >>> kind_of("motion").signed, kind_of("motion-signed").signed
    (False, True)
    >>> round(kind_of("motion").slow, 3), round(kind_of("motion").octaves, 1)
    (0.2, 6.3)
    """
    if isinstance(params, PictureKind):
        return params
    params = resolve(params)
    signed = params.scale == "signed"
    if params.scale not in ("db", "log10", "signed"):
        raise ParameterError(
            f"pictures of {params.scale} have no range in dB", remedy='Use scale="db".'
        )
    decibels = not signed and not isinstance(params.range, str)
    kind = PictureKind(params.range[1] - params.range[0] if decibels else RANGE_DB)
    if params.transform != "cwt":
        return kind
    # The outer bands reach as far out as in: so many steps between bands, and one more.
    octaves = math.log2((params.fmax_hz or _FMAX_HZ) / params.fmin_hz)
    return replace(
        kind,
        octaves=octaves * params.bands / (params.bands - 1),
        slow=params.low_rows / (params.low_rows + params.bands),
        signed=signed,
        limit=params.range[1] if signed else params.low_limit,
    )


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
    kind : PictureKind
        What rows and greys stand for.
    black_db : float
        Power at black; NaN in a signed picture, where black is a value.
    noise_db : float
        Power of white noise of unit variance in a row; on a logarithmic axis, where it rises by
        3 dB an octave, in the highest one.
    frame_s : float
        Length of signal behind a column; on a logarithmic axis, behind a pixel half-way up.

    Examples
    --------
    >>> from img2imu_kit import spectrogram
    >>> scale = scale_of(spectrogram(np.random.default_rng(0).normal(size=(1, 3, 320)), rate=32))
    >>> scale.seconds, scale.kind.signed
    (8.125, False)
    """

    grid: Grid
    kind: PictureKind
    black_db: float
    noise_db: float
    frame_s: float

    @property
    def range_db(self) -> float:
        """From black to white, dB."""
        return self.kind.range_db

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
        Pictures that are neither logarithmic nor signed.

    Examples
    --------
    >>> from img2imu_kit import spectrogram
    >>> spectra = spectrogram(np.random.default_rng(0).normal(size=(1, 3, 320)), rate=32)
    >>> scale = scale_of(spectra)
    >>> scale.seconds, scale.start_s, scale.range_db  # 65 frames of 4 samples, half a frame late
    (8.125, 0.9375, 70.0)
    """
    params, grid = spectrograms.params, spectrograms.grid
    kind, frame_s, slow = kind_of(params), grid.frame_s, 0
    noise_db = TRANSFORMS[params.transform].noise_db(grid, params)  # [F]
    if kind.octaves:  # the rate may end the axis earlier than its settings
        slow = params.low_rows
        # Where half the rate cuts a band off, or columns average it, it would stay behind.
        noise_db = noise_db[slow:] + 10 * np.log10(grid.freqs_hz[-1] / grid.freqs_hz[slow:])
        edges_hz = grid.freq_edges_hz[slow:]
        kind = replace(kind, octaves=float(np.log2(edges_hz[-1] / edges_hz[0])))
        # A wavelet's envelope is e^-1 of its middle at the cone, and e^-4 twice as far out.
        frame_s = 4 * float(np.median(cone_of_influence(grid, params)[slow:]))
    if kind.signed:
        black_db = math.nan
    elif isinstance(params.range, str):
        decibels = scaled(spectrograms.power[:, :, slow:], "db")  # [N, C, F, S]
        black_db = float(np.median(decibels.min(axis=(2, 3))))
        white_db = float(np.median(decibels.max(axis=(2, 3))))
        kind = replace(kind, range_db=white_db - black_db)
    else:
        black_db = params.range[0]
    return PictureScale(grid, kind, black_db, float(noise_db.max()), frame_s)
