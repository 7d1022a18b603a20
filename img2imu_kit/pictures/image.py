"""From power to RGB pictures."""

from __future__ import annotations

import math
import warnings
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import ConstantAxisWarning, ParameterError, SignalError
from ..signals.axes import channel_index
from ..signals.recording import Recording
from ..signals.windows import Windows
from .params import UNITS_OF_LIMITS, SpectrogramParams, presets, resolve
from .power import Spectrograms, as_batch, by_blocks, make_grid, scaled, side_by_side

__all__ = ["power_to_image", "to_image"]

#: What an axis that never changes is drawn in.
_MID_GREY = 128

#: Windows painted at once by `power_to_image`.
_AT_ONCE = 64


def to_image(
    signal: np.ndarray | Tensor | Windows | Recording,
    rate: float | None = None,
    params: str | SpectrogramParams | None = None,
    *,
    device: str | torch.device | None = None,
    **overrides,
) -> np.ndarray | Tensor:
    """Windows of motion as RGB spectrogram pictures.

    Parameters
    ----------
    signal : Windows, Recording, or array or tensor [N, C, T], [C, T] or [T]
        A recording is taken as one window. A single axis becomes a grey picture. Axes of an array
        without names count as x, y, z of the accelerometer, then of the gyroscope.
    rate : float, optional
        Hz; needed for arrays, known for windows and recordings.
    params, **overrides
        As in `resolve`. Fixed limits in ``range`` are absolute: the default's are meant for m/s2
        and rad/s, and nothing is converted (`Recording.to_unit` does).
    device : optional
        Where to compute. Default: where a tensor is, else the CPU.

    Returns
    -------
    uint8 [N, 3, H, W]
        Low frequency in the bottom row, time from left to right. An array for arrays, windows and
        recordings, a tensor on `device` for tensors. A window's picture does not depend on the
        windows beside it.

    Raises
    ------
    SignalError, ClockError, ParameterError
        As in `spectrogram`; also where the axes that `channels` asks for are not there.

    Warns
    -----
    ConstantAxisWarning
        An axis never changes within a window; it is drawn mid-grey.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(1, 3, 600))
    >>> to_image(x, rate=64).shape
    (1, 3, 96, 96)
    >>> to_image(x, rate=64, params="img2imu-app", size=None).shape  # 65 bins, 40 frames
    (1, 3, 65, 40)
    """
    params = resolve(params, **overrides)
    batch, rate, axes, unit = as_batch(signal, rate, device)
    grid = make_grid(batch.shape[2], rate, params, axes=batch.shape[1])
    chosen = channel_index(axes, params.channels)  # red, green, blue
    _warn_of_units(tuple(unit[i] for i in chosen if unit), params)
    batch = batch[:, chosen]
    if params.channels == "magnitude":
        batch, axes, chosen = batch.norm(dim=1, keepdim=True), ("magnitude",), [0]
    size = params.size or grid.shape
    images = torch.empty((len(batch), 3, *size), dtype=torch.uint8, device=batch.device)
    flat = batch.amax(dim=2) == batch.amin(dim=2)  # [N, C]

    def paint(part: slice, power: Tensor) -> None:
        # A single channel is repeated on assignment: [n, 1, H, W] -> [n, 3, H, W], grey.
        images[part] = painted(power, flat[part], params)

    # A block is painted while its power is still in the cache, and only its bytes are kept.
    by_blocks(batch, grid, params, paint)
    _warn_of_flat(flat, [axes[i] for i in chosen])
    return images if isinstance(signal, Tensor) else images.cpu().numpy()


def power_to_image(
    spectrograms: Spectrograms, params: str | SpectrogramParams | None = None, **overrides
) -> np.ndarray | Tensor:
    """Paint power that was computed, and perhaps changed, before.

    ``power_to_image(spectrogram(x, rate))`` equals ``to_image(x, rate)``, but that an axis which
    never changes is only noticed where its power is the same in every bin and frame.

    Parameters
    ----------
    spectrograms : Spectrograms
        Power [N, C, F, S], array or tensor.
    params, **overrides
        As in `resolve`. Default: the settings that the power was made with. What concerns frames
        and bins (`n_fft`, `fmin_hz` and so on) is past changing and ignored.

    Returns
    -------
    uint8 [N, 3, H, W]
        As in `to_image`.

    Raises
    ------
    SignalError
        Power that does not fit its axes.
    ParameterError
        As in `resolve`, or the magnitude of several axes, which their power does not tell.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from img2imu_kit import spectrogram
    >>> spectra = spectrogram(np.random.default_rng(0).normal(size=(2, 3, 300)), rate=50)
    >>> louder = replace(spectra, power=spectra.power * 10)  # + 10 dB
    >>> bool((power_to_image(louder) >= power_to_image(spectra)).all())
    True
    """
    params = resolve(spectrograms.params if params is None else params, **overrides)
    power = torch.as_tensor(spectrograms.power)
    if power.ndim != 4 or power.shape[1] != len(spectrograms.axes):
        raise SignalError(
            f"power of shape {tuple(power.shape)}, expected [N, {len(spectrograms.axes)}, F, S]"
        )
    if params.channels == "magnitude" and power.shape[1] != 1:
        raise ParameterError(
            "the length of a vector cannot be had from the power of its axes",
            remedy='Use to_image(signal, channels="magnitude").',
        )
    chosen = channel_index(spectrograms.axes, params.channels) if power.shape[1] > 1 else [0]
    power = power[:, chosen]
    flat = power.amax(dim=(2, 3)) == power.amin(dim=(2, 3))
    size = params.size or tuple(power.shape[2:])
    images = torch.empty((len(power), 3, *size), dtype=torch.uint8, device=power.device)

    def paint(start: int) -> None:
        part = slice(start, start + _AT_ONCE)
        images[part] = painted(power[part], flat[part], params)

    side_by_side(paint, range(0, len(power), _AT_ONCE), power.device)
    _warn_of_flat(flat, [spectrograms.axes[i] for i in chosen])
    return images if isinstance(spectrograms.power, Tensor) else images.numpy()


def painted(power: Tensor, flat: Tensor, params: SpectrogramParams) -> Tensor:
    """Power [n, C, F, S] as uint8 [n, C, H, W]; mid-grey where `flat` [n, C]."""
    # dB is 10 log10, and a common factor cancels between the limits: one picture, a step less.
    scale = "log10" if params.scale == "db" else params.scale
    # Rows of slow movement below bands of power have a sign, and a scale of their own.
    slow = params.low_rows if params.transform == "cwt" and scale != "signed" else 0
    values = scaled(power[:, :, slow:], scale)
    if isinstance(params.range, str):
        # Extremes [n, C] of each axis; a flat one has none, "per-window" goes by the others.
        low = values.amin(dim=(2, 3)).masked_fill(flat, torch.inf)
        high = values.amax(dim=(2, 3)).masked_fill(flat, -torch.inf)
        if params.range == "per-window":
            low, high = low.amin(dim=1, keepdim=True), high.amax(dim=1, keepdim=True)
    else:
        low, high = (limit.to(values) for limit in _limits(params.range, scale))
    # level = 255 (value - low) / (high - low), as one multiplication and one addition. Black is
    # 0.5 and white 255.5, so that cutting off decimals rounds.
    grey = flat | ~(high > low)
    gain = torch.where(grey, 0, 255 / (high - low))
    offset = torch.where(grey, _MID_GREY, 0.5 - low * gain)
    level = torch.addcmul(offset[:, :, None, None], values, gain[:, :, None, None])
    if slow:  # c |c| -> c -> asinh, so that 0 is mid-grey and +- low_limit white and black
        square = power[:, :, :slow]
        still = (square.sign() * square.abs().sqrt()).asinh() / math.asinh(params.low_limit)
        level = torch.cat([_MID_GREY + 127.5 * still, level], dim=2)
    # Bin 0 is row 0 of the power; in a picture row 0 is on top, and low frequency at the bottom.
    return resized(level.clamp_(0, 255.5).to(torch.uint8).flip(2), params)


@lru_cache(maxsize=32)  # small steps, but a block of few windows feels them
def _limits(limits: tuple[float, float], scale: str) -> tuple[Tensor, Tensor]:
    """Black and white on a scale, float64 [1, 1] each; given in dB unless signed."""
    values = torch.tensor(limits, dtype=torch.float64)
    values = values if scale == "signed" else 10 ** (values / 10)  # dB to power
    low, high = scaled(values, scale)[:, None, None]
    return low, high


def resized(image: Tensor, params: SpectrogramParams) -> Tensor:
    """Bring uint8 [n, C, F, S] to the size asked for.

    On bytes, not floats: three times as fast on a CPU, at most a level of 255 away.
    """
    if params.size is None or params.size == tuple(image.shape[2:]):
        return image
    # As Pillow does it: "nearest-exact" takes the middle of a pixel, antialias averages all that a
    # smaller picture leaves out.
    smooth = params.interpolation != "nearest"
    mode = params.interpolation if smooth else "nearest-exact"
    if image.device.type != "cpu":  # no kernel for bytes
        resized = F.interpolate(image.float(), params.size, mode=mode, antialias=smooth)
        return resized.round_().clamp_(0, 255).to(torch.uint8)
    # The kernel takes four planes at a time: filling the fourth saves a quarter of the work.
    fours = image.shape[0] * image.shape[1] % 4 == 0
    planes = image.reshape(-1, 4, *image.shape[2:]) if fours else image.contiguous()
    resized = F.interpolate(planes, params.size, mode=mode, antialias=smooth)
    return resized.view(*image.shape[:2], *params.size)


def _warn_of_units(unit: tuple[str, ...], params: SpectrogramParams) -> None:
    odd = sorted(set(unit) - UNITS_OF_LIMITS - {""})
    if odd and params.range == presets()["default"].range:
        warnings.warn(
            f"range {params.range} dB is meant for m/s2 and rad/s, the signal is in "
            f'{" and ".join(odd)}: convert with Recording.to_unit("m/s2", "rad/s"), or choose '
            "another range",
            stacklevel=3,
        )


def _warn_of_flat(flat: Tensor, axes: list[str]) -> None:
    if flat.any():
        counts = zip(axes, flat.sum(dim=0).tolist(), strict=True)
        text = ", ".join(f"{axis} in {n} of {len(flat)} windows" for axis, n in counts if n)
        warnings.warn(f"constant: {text}; drawn mid-grey", ConstantAxisWarning, stacklevel=3)
