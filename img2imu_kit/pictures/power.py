"""From motion to power over frequency and time, whichever transform, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import ClockError, ParameterError, SignalError, unknown_name
from ..signals.recording import Recording, check_rate, default_axes
from ..signals.windows import Windows
from . import scalogram, stft
from .grid import Grid
from .params import CHOICES, SpectrogramParams, resolve

__all__ = ["FLOOR", "TRANSFORMS", "Spectrograms", "make_grid", "scaled", "spectrogram", "to_signal"]

#: Transforms, by what `SpectrogramParams.transform` calls them. Each is a module with
#: ``make_grid(length, rate, params)``, ``windows_at_once(channels, grid, params)``,
#: ``to_power(signal, grid, params)``, ``from_power(power, grid, params, iterations)`` and
#: ``noise_db(grid, params)``, as in `stft`.
TRANSFORMS = {"stft": stft, "cwt": scalogram}

#: Least power a logarithm is taken of: -120 dB, a sine of 1.4e-6 m/s2, below any sensor's noise.
FLOOR = 1e-12


@dataclass(frozen=True, eq=False)
class Spectrograms:
    """Power over frequency and time, and the settings it was made with.

    Attributes
    ----------
    power : float32 [N, C, F, S]
        One-sided, scaled so that bins are mean squares: a sine of amplitude A in the middle of a
        bin shows A^2 / 2, a constant c shows c^2 (at 0 Hz), in the square of the signal's unit.
        With ``scale="signed"`` the bands themselves, in the signal's unit.
    grid : Grid
        Where rows and columns lie, in Hz and s.
    axes : tuple of str [C]
    params : SpectrogramParams

    Examples
    --------
    >>> spectra = spectrogram(np.zeros((2, 3, 128), np.float32), rate=32)
    >>> spectra.power.shape[:2], spectra.axes
    ((2, 3), ('acc_x', 'acc_y', 'acc_z'))
    """

    power: np.ndarray | Tensor
    grid: Grid
    axes: tuple[str, ...]
    params: SpectrogramParams

    @property
    def freqs_hz(self) -> np.ndarray:
        """Centres of rows, float64 [F]."""
        return self.grid.freqs_hz

    @property
    def times_s(self) -> np.ndarray:
        """Centres of columns, float64 [S]."""
        return self.grid.times_s

    @property
    def rate(self) -> float:
        """Hz, of the signal."""
        return self.grid.rate


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
    >>> spectra = spectrogram(3 * np.sin(2 * np.pi * 8 * t), rate=64)
    >>> spectra.power.shape, float(spectra.freqs_hz[8]), round(float(spectra.power[0, 0, 8, 0]), 3)
    ((1, 1, 33, 65), 8.0, 4.5)
    """
    params = resolve(params, **overrides)
    batch, rate, axes, _ = as_batch(signal, rate, device)
    count, channels, length = batch.shape
    grid = make_grid(length, rate, params, axes=channels)
    power = torch.empty((count, channels, *grid.shape), device=batch.device)  # [N, C, F, S]
    by_blocks(batch, grid, params, power.__setitem__)
    kept = power if isinstance(signal, Tensor) else power.cpu().numpy()
    return Spectrograms(kept, grid, axes, params)


def to_signal(
    signal: np.ndarray | Tensor | Windows | Recording | Spectrograms,
    rate: float | None = None,
    params: str | SpectrogramParams | None = None,
    *,
    iterations: int = 64,
    **overrides,
) -> np.ndarray:
    """A signal with nearly the same spectrogram: what is heard when the phase is forgotten.

    A spectrogram loses when within a frame a frequency peaks, the sign of the signal (which way
    gravity points), all bins outside the band, and with `detrend` the offset. Griffin and Lim's
    algorithm looks for a phase that fits, starting from 0: a steady offset comes back positive.

    Bands with their sign (``"motion-signed"``) have kept phase and offset: they give the signal
    itself up to their highest frequency, by least squares. The power of bands (``"motion"``) has
    no way back.

    Parameters
    ----------
    signal : Spectrograms, or as in `spectrogram`
        Power, or the motion to take it from.
    rate, params, **overrides
        As in `spectrogram`; not for `Spectrograms`, which know their own.
    iterations : int
        Of Griffin-Lim; bands need none.

    Returns
    -------
    float32 [N, C, T]
        From the first frame to the end of the last: T is ``n_fft + (S - 1) * hop``, or
        ``(S - 1) * hop`` with ``center=True``; of bands ``S * hop``.

    Raises
    ------
    ParameterError
        Settings for `Spectrograms`, fewer than one iteration, or the power of bands.
    SignalError, ClockError
        As in `spectrogram`.

    References
    ----------
    D. Griffin and J. Lim, Signal estimation from modified short-time Fourier transform, IEEE
    Transactions on Acoustics, Speech, and Signal Processing 32 (1984).

    Examples
    --------
    >>> t = np.arange(256) / 64
    >>> again = to_signal(np.sin(2 * np.pi * 8 * t), rate=64)
    >>> again.shape, round(float(again.std()), 1)
    ((1, 1, 256), 0.7)
    """
    if not isinstance(iterations, int) or iterations < 1:
        raise ParameterError(f"iterations is {iterations!r}, expected a whole number, 1 or more")
    if isinstance(signal, Spectrograms):
        if rate is not None or params is not None or overrides:
            raise ParameterError("spectrograms know their rate and settings: give no others")
        spectra = signal
    else:
        spectra = spectrogram(signal, rate, params, **overrides)
    transform = TRANSFORMS[spectra.params.transform]
    power = np.asarray(torch.as_tensor(spectra.power).cpu())
    return transform.from_power(power, spectra.grid, spectra.params, iterations)


def make_grid(length: int, rate: float, params: SpectrogramParams, *, axes: int = 1) -> Grid:
    """Rows and columns of the picture of a window of `length` samples.

    Parameters
    ----------
    length : int
    rate : float
        Hz.
    params : SpectrogramParams
    axes : int
        How many the window has, for the hint that it lies on its side.

    Raises
    ------
    SignalError, ParameterError
        The window is too short, or the band that is asked for empty.

    Examples
    --------
    >>> from img2imu_kit.pictures import resolve
    >>> grid = make_grid(200, 50.0, resolve("motion"))
    >>> grid.freqs_hz[-1].round(1).item(), len(grid.freqs_hz)
    (20.0, 30)
    """
    try:
        return TRANSFORMS[params.transform].make_grid(length, rate, params)
    except SignalError as error:
        if axes > length:
            turned = f"{axes} axes of {length} samples are unlikely, [N, C, T] expected."
            error.remedy += f" Or turn it: {turned}"
        raise


def scaled(power: np.ndarray | Tensor, scale: str) -> np.ndarray | Tensor:
    """Power on another scale: ``"db"``, ``"log10"``, ``"power"`` or ``"magnitude"`` (root).

    Logarithms see at least `FLOOR`. ``"signed"`` takes bands, not power: asinh is a line near 0
    and a logarithm of either sign further out.

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
    elif scale == "signed":
        values = values.asinh()
    elif scale != "power":
        raise unknown_name("scale", scale, CHOICES["scale"])
    return values if isinstance(power, Tensor) else values.numpy()


def as_batch(
    signal: np.ndarray | Tensor | Windows | Recording,
    rate: float | None,
    device: str | torch.device | None = None,
) -> tuple[Tensor, float, tuple[str, ...], tuple[str, ...]]:
    """Any accepted input as float32 [N, C, T], with its rate, names of axes and units, checked.

    The one door: what comes after trusts its arrays.
    """
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
            # Torch takes no negative strides and warns of memory that it must not write to.
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
    # NaN survives both extremes and infinity their difference: one number an axis is looked at,
    # and the samples only where something is wrong.
    if not torch.isfinite(batch.amax(dim=2) - batch.amin(dim=2)).all():
        finite = torch.isfinite(batch)
        window, axis, sample = (~finite).nonzero()[0].tolist()
        raise SignalError(
            f"{int((~finite).sum())} value(s) not finite, the first in window {window} on axis "
            f"{axes[axis] if axes else axis} at sample {sample} ({batch[window, axis, sample]})",
            where="signal",
            remedy="Drop those windows, or fill the samples, for example by interpolation.",
        )
    return batch, rate, axes or default_axes(batch.shape[1]), unit


def by_blocks(
    batch: Tensor, grid: Grid, params: SpectrogramParams, keep: Callable[[slice, Tensor], None]
) -> None:
    """Hand the power [n, C, F, S] of some windows after others to `keep`, with their positions."""
    transform = TRANSFORMS[params.transform]
    total = len(batch)
    at_once = transform.windows_at_once(batch.shape[1], grid, params)

    def compute(start: int) -> None:
        chosen = slice(start, min(start + at_once, total))
        keep(chosen, transform.to_power(batch[chosen], grid, params))

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
    with one_thread():
        if len(parts) == 1:  # one window of an explorer: a pool would cost more than the work
            work(parts[0])
            return
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            list(pool.map(work, parts))


@contextmanager
def one_thread() -> Iterator[None]:
    """Have torch work on the calling thread alone: what is small loses more by being shared out.

    On busy cores most of all, where a step of microseconds waits for its other half.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
