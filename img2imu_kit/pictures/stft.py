"""The short-time Fourier transform: frames of one length, bins of one width, and the way back."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from scipy.signal import windows as tapers
from torch import Tensor
from torch.nn import functional as F

from ..errors import ParameterError, SignalError
from .grid import Grid
from .params import SpectrogramParams

__all__ = ["from_power", "make_grid", "noise_db", "taper", "to_power", "windows_at_once"]

#: Numbers in a block of frames (2 MiB): it stays in the cache, and the overlapping frames of an
#: hour-long recording are never in memory all at once.
_BLOCK = 2**19


def make_grid(length: int, rate: float, params: SpectrogramParams) -> Grid:
    """Bins that are kept and frames that fit into `length` samples, or an error."""
    n_fft, hop = params.n_fft, params.hop
    least = n_fft // 2 + 1 if params.center else n_fft  # mirrored once, never twice
    if length < least:
        raise SignalError(
            f"{length} samples ({length / rate:.3g} s), shorter than the {least} that "
            f"n_fft={n_fft} needs",
            where="signal",
            remedy=f"Use longer windows, or n_fft={length} at most.",
        )
    freqs_hz = np.arange(n_fft // 2 + 1) * rate / n_fft
    fmax_hz = rate / 2 if params.fmax_hz is None else params.fmax_hz
    freqs_hz = freqs_hz[(freqs_hz >= params.fmin_hz) & (freqs_hz <= fmax_hz)]
    if fmax_hz > rate / 2 or len(freqs_hz) == 0:
        raise ParameterError(
            f"the band {params.fmin_hz:g} to {fmax_hz:g} Hz does not fit bins every "
            f"{rate / n_fft:.3g} Hz up to {rate / 2:g} Hz, half the rate",
            remedy="Choose another fmin_hz and fmax_hz, or a longer n_fft.",
        )
    # A frame's power belongs to its middle, n_fft / 2 samples after its first; where the signal
    # is mirrored, half a frame lies before sample 0.
    span, first = (length, 0.0) if params.center else (length - n_fft, n_fft / 2)
    times_s = (first + hop * np.arange(span // hop + 1)) / rate
    sides = {"bin_hz": rate / n_fft, "hop_s": hop / rate, "frame_s": n_fft / rate}
    return Grid.even(rate, freqs_hz, times_s, **sides)


def windows_at_once(channels: int, grid: Grid, params: SpectrogramParams) -> int:
    """Windows whose frames fit into a block: a multiple of 4, for `image.resized`, or 1."""
    return max(1, _BLOCK // (channels * params.n_fft * len(grid.times_s)) // 4 * 4)


def to_power(signal: Tensor, grid: Grid, params: SpectrogramParams) -> Tensor:
    """Power [n, C, F, S] of signals [n, C, T], see `spectrogram`."""
    n_fft, bins = params.n_fft, _bins(grid, params)
    window, trends = taper(params).to(signal), _trends(params).to(signal)
    if params.center:
        signal = F.pad(signal, (n_fft // 2,) * 2, mode="reflect")
    frames_at_once = max(1, _BLOCK // (signal.shape[1] * n_fft))  # one window may be an hour
    parts = []
    # unfold is a view: [n, C, T] -> [n, C, S, n_fft] copies nothing until the taper is applied.
    for frames in signal.unfold(-1, n_fft, params.hop).split(frames_at_once, dim=2):
        for trend in trends:  # orthonormal: what lies along a line is its inner product with it
            frames = frames - (frames * trend).sum(-1, keepdim=True) * trend
        spectrum = torch.fft.rfft(frames * window)[..., bins]
        squares = torch.view_as_real(spectrum).square_()  # abs() would take a root first
        parts.append(squares[..., 0] + squares[..., 1])
    power = torch.cat(parts, dim=2) if len(parts) > 1 else parts[0]
    # One-sided: each bin stands for its mirror image at -f, too (the 2 is in the taper). 0 Hz
    # and half the rate have none.
    if bins.start == 0:
        power[..., 0] /= 2
    if n_fft % 2 == 0 and bins.stop == n_fft // 2 + 1:
        power[..., -1] /= 2
    return power.transpose(2, 3)  # [n, C, S, F] -> [n, C, F, S]


def from_power(
    power: np.ndarray, grid: Grid, params: SpectrogramParams, iterations: int
) -> np.ndarray:
    """A signal float32 [N, C, T] of this power [N, C, F, S], see `to_signal`."""
    import librosa

    n_fft, hop, bins = params.n_fft, params.hop, _bins(grid, params)
    # As they leave the transform: nothing outside the band, and 0 Hz and half the rate doubled
    # again.
    full = np.zeros((*power.shape[:2], n_fft // 2 + 1, power.shape[3]), dtype=np.float32)
    full[:, :, bins] = power
    full[:, :, [0, -1] if n_fft % 2 == 0 else [0]] *= 2
    # The taper hides the outer samples of the outer frames, and dividing by it would blow them up:
    # both ends are held for half a frame, and what lies beyond is cut off again.
    held = -(-(n_fft + 1) // 2 // hop)
    # Griffin and Lim's LSEE-MSTFTM: the signal whose transform is nearest to these magnitudes with
    # some phase (least squares: an overlap-add with squared tapers), then the phase of its own
    # transform, and so on; the distance never grows. `init=None` begins at phase 0.
    signal = librosa.griffinlim(
        np.pad(np.sqrt(full), ((0, 0), (0, 0), (0, 0), (held, held)), mode="edge"),
        n_iter=iterations,
        hop_length=hop,
        n_fft=n_fft,
        window=taper(params).numpy(),
        pad_mode="reflect",
        init=None,
    )
    start = held * hop - (0 if params.center else n_fft // 2)
    length = (power.shape[3] - 1) * hop + (0 if params.center else n_fft)
    return signal[:, :, start : start + length]


def noise_db(grid: Grid, params: SpectrogramParams) -> np.ndarray:
    """White noise of unit variance as it shows in each row, dB: float64 [F].

    The power of the scaled taper, by Parseval, the same in every bin.
    """
    level = 10 * float(taper(params).square().sum().log10())
    return np.full(len(grid.freqs_hz), level)


@lru_cache(maxsize=32)
def taper(params: SpectrogramParams) -> Tensor:
    """Window [n_fft] (not to be written to), scaled: a bin's square is a one-sided mean square.

    Divided by its sum, a constant c shows as c whatever the window's shape; sqrt(2) stands for
    negative frequencies: a sine of amplitude A is two of A / 2, ``2 (A / 2)^2 = A^2 / 2``.
    """
    name = params.window.removesuffix("_periodic")
    window = tapers.get_window(name, params.n_fft, fftbins=name != params.window)
    return torch.from_numpy(np.sqrt(2) / window.sum() * window).float()


@lru_cache(maxsize=32)
def _trends(params: SpectrogramParams) -> Tensor:
    """Orthonormal straight lines [0, 1 or 2, n_fft] to be taken off each frame."""
    degree = {None: 0, "constant": 1, "linear": 2}[params.detrend]
    lines = np.vander(np.arange(params.n_fft), 2, increasing=True)[:, :degree]
    return torch.from_numpy(np.linalg.qr(lines.astype(float))[0].T.copy()).float()


def _bins(grid: Grid, params: SpectrogramParams) -> slice:
    """Which of the n_fft // 2 + 1 bins are the rows of the grid."""
    first = round(grid.freqs_hz[0] * params.n_fft / grid.rate)
    return slice(first, first + len(grid.freqs_hz))
