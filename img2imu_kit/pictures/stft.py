"""From motion to frequency over time: the power spectrogram of each axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.signal import windows as tapers
from torch import Tensor
from torch.nn import functional as F

from ..errors import ClockError, ParameterError, SignalError
from ..signals.recording import Recording, check_rate, default_axes
from ..signals.windows import Windows
from .params import SpectrogramParams, resolve

__all__ = ["FLOOR", "Spectrograms", "scaled", "spectrogram"]

#: Least power a logarithm is taken of: -120 dB, a sine of 1.4e-6 m/s2, below any sensor's noise.
FLOOR = 1e-12

#: Numbers in a block of frames (2 MiB): it stays in the cache, and the overlapping frames of an
#: hour-long recording are never in memory all at once.
_BLOCK = 2**19


@dataclass(frozen=True, eq=False)
class Spectrograms:
    """Power over frequency and time, and the settings it was made with.

    Attributes
    ----------
    power : float32 [N, C, F, S]
        One-sided, scaled so that bins are mean squares: a sine of amplitude A in the middle of a
        bin shows A^2 / 2, a constant c shows c^2 (at 0 Hz), in the square of the signal's unit.
    freqs_hz, times_s : float64 [F], [S]
        Centres of bins, and of frames (``n_fft / 2`` samples after a frame's first).
    axes : tuple of str [C]
    rate : float
        Hz, of the signal.
    params : SpectrogramParams
    """

    power: np.ndarray | Tensor
    freqs_hz: np.ndarray
    times_s: np.ndarray
    axes: tuple[str, ...]
    rate: float
    params: SpectrogramParams


def spectrogram(
    signal: np.ndarray | Tensor | Windows | Recording,
    rate: float | None = None,
    params: str | SpectrogramParams | None = None,
    *,
    device: str | torch.device | None = None,
    **overrides,
) -> Spectrograms:
    """Power spectrogram of every axis.

    Parameters
    ----------
    signal : Windows, Recording, or array or tensor [N, C, T], [C, T] or [T]
        A recording is taken as one window.
    rate : float, optional
        Hz; needed for arrays, known for windows and recordings.
    params, **overrides
        As in `resolve`. `scale`, `range`, `size`, `interpolation` and `channels` concern pictures
        only, see `to_image`.
    device : optional
        Where to compute. Default: where a tensor is, else the CPU.

    Returns
    -------
    Spectrograms
        Arrays for arrays, tensors on `device` for tensors.

    Raises
    ------
    SignalError
        NaN (with window, axis and sample), wrong shape, shorter than one frame.
    ClockError
        The rate is missing or implausible.
    ParameterError
        As in `resolve`, or no bin lies in the band asked for.

    Notes
    -----
    ``power[k] = c |sum_t w[t] x[t] exp(-2 pi i k t / n_fft)|^2 / (sum_t w[t])^2`` with c = 2, or 1
    for 0 Hz and half the rate: scipy's ``scaling="spectrum"``, ``mode="psd"``. Computed in float32:
    rounding leaves a floor about 130 dB under the strongest bin of a frame.

    Examples
    --------
    >>> t = np.arange(320) / 64
    >>> found = spectrogram(3 * np.sin(2 * np.pi * 8 * t), rate=64)
    >>> found.power.shape, float(found.freqs_hz[8]), round(float(found.power[0, 0, 8, 0]), 3)
    ((1, 1, 33, 65), 8.0, 4.5)
    """
    params = resolve(params, **overrides)
    batch, rate, axes, _ = as_batch(signal, rate, device)
    _, freqs_hz, times_s = grid(batch.shape, rate, params)
    shape = (*batch.shape[:2], len(freqs_hz), len(times_s))
    power = torch.empty(shape, device=batch.device)
    by_blocks(batch, rate, params, power.__setitem__)
    kept = power if isinstance(signal, Tensor) else power.cpu().numpy()
    return Spectrograms(kept, freqs_hz, times_s, axes, rate, params)


def scaled(power: np.ndarray | Tensor, scale: str) -> np.ndarray | Tensor:
    """Power on another scale: ``"db"``, ``"log10"``, ``"power"`` or ``"magnitude"`` (root).

    Logarithms see at least `FLOOR`.

    Examples
    --------
    >>> scaled(np.array([100.0, 0.0]), "db")
    array([  20., -120.])
    """
    values = torch.as_tensor(power)
    if scale in ("db", "log10"):
        values = values.clamp_min(FLOOR).log10_()
        values = values.mul_(10) if scale == "db" else values
    elif scale == "magnitude":
        values = values.sqrt()
    elif scale != "power":
        raise ParameterError(f"unknown scale {scale!r}")
    return values if isinstance(power, Tensor) else values.numpy()


def as_batch(
    signal: np.ndarray | Tensor | Windows | Recording,
    rate: float | None,
    device: str | torch.device | None = None,
) -> tuple[Tensor, float, tuple[str, ...], tuple[str, ...]]:
    """Any accepted input as float32 [N, C, T], with its rate, names of axes and units, checked."""
    axes: tuple[str, ...] = ()
    unit: tuple[str, ...] = ()
    if isinstance(signal, Windows | Recording):
        if rate is not None and float(rate) != signal.rate:
            raise ClockError(
                f"rate is {rate} Hz, but the signal's own is {signal.rate:g} Hz",
                remedy="Leave rate out, or bring the recording to another rate with resample().",
            )
        rate, axes, unit = signal.rate, signal.axes, signal.unit
        signal = signal.signal if isinstance(signal, Windows) else signal.signal.T
    rate = check_rate(rate, where="signal")
    if not isinstance(signal, Tensor):
        try:
            array = np.asarray(signal).astype(np.float32, casting="same_kind", copy=False)
            signal = torch.from_numpy(np.require(array, requirements=["C", "W"]))
        except (TypeError, ValueError) as error:
            raise SignalError(f"not an array of numbers ({error})", where="signal") from None
    elif signal.is_complex():
        raise SignalError("the numbers are complex, expected real ones", where="signal")
    shape = tuple(signal.shape)
    if signal.ndim not in (1, 2, 3) or 0 in shape:
        raise SignalError(f"shape is {shape}, expected [N, C, T], [C, T] or [T]", where="signal")
    batch = signal.detach().float().reshape((1,) * (3 - signal.ndim) + shape)
    try:
        batch = batch.to(device or batch.device)
    except (RuntimeError, AssertionError) as error:  # torch raises either for a missing driver
        raise ParameterError(f"device {device!r} cannot be used: {error}") from None
    if not torch.isfinite(batch.amax(dim=2) - batch.amin(dim=2)).all():  # NaN survives both
        finite = torch.isfinite(batch)
        window, axis, sample = (~finite).nonzero()[0].tolist()
        raise SignalError(
            f"{int((~finite).sum())} value(s) not finite, the first in window {window} on axis "
            f"{axes[axis] if axes else axis} at sample {sample} ({batch[window, axis, sample]})",
            where="signal",
            remedy="Drop those windows, or fill the samples, for example by interpolation.",
        )
    return batch, rate, axes or default_axes(batch.shape[1]), unit


def grid(shape: tuple[int, ...], rate: float, params: SpectrogramParams):
    """Bins kept (a slice), their frequencies in Hz and the centres of frames in s, or an error."""
    n_fft, length = params.n_fft, shape[2]
    least = n_fft // 2 + 1 if params.center else n_fft
    if length < least:
        turned = (
            f" Or turn it: {shape[1]} axes of {length} samples are unlikely, [N, C, T] expected."
        )
        raise SignalError(
            f"{length} samples ({length / rate:.3g} s), shorter than the {least} that "
            f"n_fft={n_fft} needs",
            where="signal",
            remedy=f"Use longer windows, or n_fft={length} at most."
            + (turned if shape[1] > length else ""),
        )
    freqs_hz = np.arange(n_fft // 2 + 1) * rate / n_fft
    fmax_hz = rate / 2 if params.fmax_hz is None else params.fmax_hz
    kept = np.flatnonzero((freqs_hz >= params.fmin_hz) & (freqs_hz <= fmax_hz))
    if fmax_hz > rate / 2 or len(kept) == 0:
        raise ParameterError(
            f"the band {params.fmin_hz:g} to {fmax_hz:g} Hz does not fit bins every "
            f"{rate / n_fft:.3g} Hz up to {rate / 2:g} Hz, half the rate",
            remedy="Choose another fmin_hz and fmax_hz, or a longer n_fft.",
        )
    span, first = (length, 0.0) if params.center else (length - n_fft, n_fft / 2)
    times_s = (first + params.hop * np.arange(span // params.hop + 1)) / rate
    return slice(kept[0], kept[-1] + 1), freqs_hz[kept], times_s


def by_blocks(
    batch: Tensor, rate: float, params: SpectrogramParams, keep: Callable[[slice, Tensor], None]
) -> None:
    """Hand the power [n, C, F, S] of some windows after others to `keep`, with their positions.

    Every block is computed at the same shape, the last one filled up with zeros: fast transforms
    may take another path for another count, and a window's last bit would hang on its company.
    """
    bins, _, times_s = grid(batch.shape, rate, params)
    (total, channels, length), n_fft = batch.shape, params.n_fft
    room = max(1, _BLOCK // (channels * n_fft))  # frames in a block
    at_once, frames_at_once = max(1, room // len(times_s) // 4 * 4), min(room, len(times_s))
    window, trends = taper(params).to(batch), _trends(params).to(batch)

    def compute(start: int) -> None:
        chosen = slice(start, min(start + at_once, total))
        signal = batch.new_zeros((at_once, channels, length))
        signal[: chosen.stop - start] = batch[chosen]
        if params.center:
            signal = F.pad(signal, (n_fft // 2,) * 2, mode="reflect")
        parts = []
        for frames in signal.unfold(-1, n_fft, params.hop).split(frames_at_once, dim=2):
            for trend in trends:
                frames = frames - (frames * trend).sum(-1, keepdim=True) * trend
            spectrum = torch.fft.rfft(frames * window)[..., bins]
            squares = torch.view_as_real(spectrum).square_()
            parts.append(squares[..., 0] + squares[..., 1])
        power = torch.cat(parts, dim=2) if len(parts) > 1 else parts[0]
        if bins.start == 0:  # 0 Hz and half the rate have no mirror image to stand in for
            power[..., 0] /= 2
        if n_fft % 2 == 0 and bins.stop == n_fft // 2 + 1:
            power[..., -1] /= 2
        keep(chosen, power[: chosen.stop - start].transpose(2, 3))

    side_by_side(compute, range(0, total, at_once), batch.device)


def side_by_side(work: Callable[[Any], None], parts: Sequence[Any], device: torch.device) -> None:
    """Work on several parts at a time, each on one thread of the CPU.

    Sharing out whole parts beats sharing out each of their many small steps, and numbers cannot
    depend on how many threads there are.
    """
    threads = torch.get_num_threads()
    if device.type != "cpu" or threads == 1:
        for part in parts:
            work(part)
        return
    try:
        if len(parts) == 1:  # one window of an explorer: a pool would cost more than the work
            torch.set_num_threads(1)
            work(parts[0])
            return
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            list(pool.map(work, parts))
    finally:
        torch.set_num_threads(threads)


def taper(params: SpectrogramParams) -> Tensor:
    """Window [n_fft], scaled so that the square of a bin is a one-sided mean square."""
    name = params.window.removesuffix("_periodic")
    window = tapers.get_window(name, params.n_fft, fftbins=name != params.window)
    return torch.from_numpy(np.sqrt(2) / window.sum() * window).float()


def _trends(params: SpectrogramParams) -> Tensor:
    """Orthonormal straight lines [0, 1 or 2, n_fft] to be taken off each frame."""
    degree = {None: 0, "constant": 1, "linear": 2}[params.detrend]
    lines = np.vander(np.arange(params.n_fft), 2, increasing=True)[:, :degree]
    return torch.from_numpy(np.linalg.qr(lines.astype(float))[0].T.copy()).float()
