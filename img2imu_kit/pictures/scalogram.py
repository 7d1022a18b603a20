"""A bank of Morlet bands on a logarithmic axis, above the slow movement that carries gravity.

Human motion lives below 10 Hz, most of it below 3: bins of one width give that a tenth of a
picture's rows, bands of one *ratio* give it half. A band that is an octave higher is twice as
broad in Hz and half as long in seconds, so a movement done faster is the same pattern further up.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import ParameterError, SignalError
from .grid import Grid
from .params import SpectrogramParams

__all__ = [
    "cone_of_influence",
    "from_power",
    "make_grid",
    "morlet_bank",
    "noise_db",
    "to_power",
    "windows_at_once",
]

#: Numbers in a block of bands (2 MiB): it stays in the cache, a window on its own (a moved slider)
#: is not made to wait for many that are empty, and an hour-long recording goes window by window.
_BLOCK = 2**19

#: Highest band as a share of half the rate: its upper flank must fit below.
_HEADROOM = 0.95


def make_grid(length: int, rate: float, params: SpectrogramParams) -> Grid:
    """Bands between `fmin_hz` and `fmax_hz`, and columns of `hop` samples, or an error.

    Where `fmax_hz` is above 95 % of half the rate, the highest band is there instead.
    """
    if length < max(4, params.hop):
        raise SignalError(f"{length} sample(s), too few for a picture", where="signal")
    freqs_hz = _centres(rate, params)
    fmax_hz = freqs_hz[-1]
    if fmax_hz <= params.fmin_hz:
        raise ParameterError(
            f"fmin_hz is {params.fmin_hz:g}, and at {rate:g} Hz bands end at {fmax_hz:.3g} Hz",
            remedy="Choose a lower fmin_hz.",
        )
    # Bands meet half-way on the logarithmic axis; the outer ones reach as far out as in.
    step = (fmax_hz / params.fmin_hz) ** (1 / (params.bands - 1))
    edges_hz = np.append(freqs_hz / math.sqrt(step), fmax_hz * math.sqrt(step))
    if params.low_rows:  # slow movement: from rest to where the lowest band begins
        slow_hz = np.linspace(0, edges_hz[0], params.low_rows + 1)
        freqs_hz = np.concatenate([(slow_hz[1:] + slow_hz[:-1]) / 2, freqs_hz])
        edges_hz = np.concatenate([slow_hz[:-1], edges_hz])
    time_edges_s = np.arange(length // params.hop + 1) * params.hop / rate
    times_s = (time_edges_s[1:] + time_edges_s[:-1]) / 2
    return Grid(rate, freqs_hz, times_s, edges_hz, time_edges_s, length / rate)


def windows_at_once(channels: int, grid: Grid, params: SpectrogramParams) -> int:
    """Windows whose bands fit into a block: a multiple of 4, for `image.resized`, or 1."""
    numbers = 2 * channels * len(grid.freqs_hz) * len(grid.times_s) * params.hop
    return max(1, _BLOCK // numbers // 4 * 4)


def to_power(signal: Tensor, grid: Grid, params: SpectrogramParams) -> Tensor:
    """Power [n, C, F, S] of signals [n, C, T]; with ``scale="signed"`` the bands themselves.

    A sine of amplitude A in the middle of a band shows A^2 / 2 there: mean squares, as
    `stft.to_power` has them. A constant c shows c |c| in the rows of slow movement, its square
    with its sign, for which way gravity points is most of what they tell. Signed, bands show
    A sin(...) and slow movement c.
    """
    length = signal.shape[-1]
    # Mirrored once, a window is periodic with 2 T - 2 samples, so that one FFT of that length
    # filters the endless hall of mirrors without a seam.
    mirrored = torch.cat([signal, signal[..., 1:-1].flip(-1)], dim=-1)
    period = mirrored.shape[-1]
    bands, slow = morlet_bank(period, grid.rate, params)
    spectrum = torch.fft.rfft(mirrored)  # [n, C, period // 2 + 1]
    if params.scale == "signed":
        rows = torch.fft.irfft(spectrum[:, :, None] * bands.to(signal), n=period)[..., :length]
    else:
        # Without its negative frequencies a band is analytic, A / 2 e^(i ...): twice its length is
        # the amplitude A at each instant, and its mean square A^2 / 2 twice the square:
        #     y[t] = 1 / P sum_f G(f) X(f) e^(2 pi i f t / P)
        # X is real, for what is mirrored reads the same from both ends. So the conjugate of y, as
        # long at each instant, is the FFT of real numbers: half the price, and T numbers come out.
        rows = (spectrum.real / period)[:, :, None] * bands.to(signal)  # [n, C, K, ...]: all bands
        analytic = torch.fft.rfft(rows, n=period)  # [n, C, K, T]
        squares = torch.view_as_real(analytic).square_()
        rows = (squares[..., 0] + squares[..., 1]).mul_(2)  # sum(-1) of two is far slower
    # Columns are means of `hop` samples, taken before any logarithm.
    rows = _column_means(rows, params.hop)
    if params.low_rows:
        still = torch.fft.irfft(spectrum * slow.to(signal), n=period)[..., None, :length]
        still = still if params.scale == "signed" else still * still.abs()
        still = _column_means(still, params.hop).expand(-1, -1, params.low_rows, -1)
        rows = torch.cat([still, rows], dim=2)
    return rows


def _column_means(rows: Tensor, hop: int) -> Tensor:
    """Means of `hop` samples after another: [n, C, F, T] to [n, C, F, T // hop]."""
    if hop > 8:
        return F.avg_pool1d(rows.flatten(0, 1), hop).unflatten(0, rows.shape[:2])
    # the same sums, five times as fast as torch's pooling where there are few to add
    end = rows.shape[-1] // hop * hop
    return sum(rows[..., k:end:hop] for k in range(hop)) / hop


def from_power(
    power: np.ndarray, grid: Grid, params: SpectrogramParams, iterations: int
) -> np.ndarray:
    """A signal float32 [N, C, S * hop], from signed bands alone: they keep the phase."""
    if params.scale != "signed" or not params.low_rows:
        raise ParameterError(
            "there is no way back from the power of bands, which forgets their phase",
            remedy='Use scale="signed" with low_rows, or transform="stft".',
        )
    # Least squares in the frequency domain: X = sum_k G_k Y_k / sum_k G_k^2, wherever any band
    # hears anything. Columns are drawn out to samples again first.
    rows = torch.from_numpy(np.ascontiguousarray(power)).repeat_interleave(params.hop, dim=-1)
    length = rows.shape[-1]
    rows = torch.cat([rows, rows[..., 1:-1].flip(-1)], dim=-1)
    bands, slow = morlet_bank(rows.shape[-1], grid.rate, params)
    gains = torch.cat([slow[None], bands])
    spectrum = torch.fft.rfft(rows[:, :, params.low_rows - 1 :])  # slow movement counts once
    heard = gains.square().sum(0)
    merged = (spectrum * gains).sum(2) / heard.clamp_min(1e-3 * float(heard.max()))
    return torch.fft.irfft(merged, n=rows.shape[-1])[..., :length].numpy()


def noise_db(grid: Grid, params: SpectrogramParams) -> np.ndarray:
    """White noise of unit variance as it shows in each row, dB: float64 [F].

    Its expected mean square is what a row's gains let through, by Parseval over the mirrored
    window of P samples::

        E[power_k] = 2 / P * sum_f G_k(f)^2,

    so that it rises by 3 dB an octave with the breadth of the bands. Signed rows are means of
    `hop` samples before any square, and lose what varies within a column.
    """
    # The mirrored window is no white noise, every sample stands in it twice; but that doubles the
    # power at 0 Hz, which a one-sided sum would count once, and leaves the other frequencies.
    period = 2 * round(grid.frame_s * grid.rate) - 2
    bands, slow = morlet_bank(period, grid.rate, params)
    gains = torch.cat([slow.expand(params.low_rows, -1), bands]).double().numpy()  # [F, P // 2 + 1]
    if params.scale == "signed":  # the mean of hop samples is a filter, Dirichlet's kernel
        f = np.fft.rfftfreq(period)  # cycles a sample
        gains *= np.sinc(params.hop * f) / np.sinc(f)
    return 10 * np.log10(2 / period * np.square(gains).sum(axis=1))


@lru_cache(maxsize=32)
def morlet_bank(period: int, rate: float, params: SpectrogramParams) -> tuple[Tensor, Tensor]:
    """Gains of the bands and of slow movement at the frequencies of a real FFT.

    Band k is a Gaussian about its centre, of which another about 0 Hz is taken so that the band is
    deaf to a constant (the Morlet wavelet's admissibility)::

        G_k(f) = exp(-(f - f_k)^2 / (2 s^2)) - exp(-(f_k^2 + f^2) / (2 s^2)),   s = f_k / cycles

    Slow movement is what a Gaussian of `fmin_hz` lets through, gravity first of all.

    Returns
    -------
    bands : float32 [K, period // 2 + 1]
        1 in the middle of each band, lowest first.
    slow : float32 [period // 2 + 1]

    References
    ----------
    C. Torrence and G. P. Compo, A practical guide to wavelet analysis, Bulletin of the American
    Meteorological Society 79 (1998), table 1.
    """
    f = np.fft.rfftfreq(period, 1 / rate)
    centre = _centres(rate, params)[:, None]
    spread = centre / params.cycles
    bands = np.exp(-((f - centre) ** 2) / (2 * spread**2))
    bands -= np.exp(-(centre**2 + f**2) / (2 * spread**2))
    slow = np.exp(-(f**2) / (2 * params.fmin_hz**2))
    return torch.from_numpy(bands).float(), torch.from_numpy(slow).float()


def cone_of_influence(grid: Grid, params: SpectrogramParams) -> np.ndarray:
    """Seconds from either end within which a band hears the mirror: float64 [F].

    sqrt(2) standard deviations of the band's Gaussian in time, ``cycles / (2 pi f)``: there the
    echo of the edge has fallen to 1 / e^2 in power (Torrence and Compo 1998, section 3g). Where
    both ends meet in the middle, this frequency cannot be seen in the window. All rows of slow
    movement are one Gaussian of `fmin_hz`, ``1 / (2 pi fmin_hz)`` long.
    """
    spread_hz = grid.freqs_hz / params.cycles
    spread_hz[: params.low_rows] = params.fmin_hz
    return math.sqrt(2) / (2 * math.pi * spread_hz)


def _centres(rate: float, params: SpectrogramParams) -> np.ndarray:
    """Hz in the middle of each band, lowest first, evenly spaced in log frequency: float64 [K]."""
    top_hz = _HEADROOM * rate / 2
    fmax_hz = top_hz if params.fmax_hz is None else min(params.fmax_hz, top_hz)
    return np.geomspace(params.fmin_hz, fmax_hz, params.bands)
