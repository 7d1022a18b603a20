"""Changes with given parameters, for signals and pictures alike.

Time is the last axis of a signal [N, C, T] and of a picture [N, 3, H, W], and channels are axis 1
of both, so one function serves both: the twin of an augmentation is often the very same function.
Every parameter is a tensor with one entry a sample of the batch.
"""

from __future__ import annotations

import numpy as np
import torch

from ..errors import ParameterError

__all__ = [
    "hold_time",
    "mix",
    "permute_time",
    "remove_band",
    "reverse_frequency",
    "rotations",
    "shift_rows",
    "shift_time",
    "splines",
    "stretch_time",
    "warp_time",
]


def shift_time(x: torch.Tensor, shift: torch.Tensor, edge: str = "wrap") -> torch.Tensor:
    """Move later by fractions `shift` [N] of the length; what leaves comes back, or is mirrored.

    Examples
    --------
    >>> shift_time(torch.arange(4.0).view(1, 1, 4), torch.tensor([0.25]))
    tensor([[[3., 0., 1., 2.]]])
    >>> shift_time(torch.arange(4.0).view(1, 1, 4), torch.tensor([0.5]), edge="reflect")
    tensor([[[1., 0., 0., 1.]]])
    """
    length = x.shape[-1]
    steps = (shift * length).round().long()
    # All of these are one gather: sample t of the result is read at source[n, t] [N, T].
    source = torch.arange(length, device=x.device) - steps[:, None]
    if edge == "reflect":  # 0 .. L-1, L-1 .. 0, and again: a period of 2 L
        source = source % (2 * length)
        return take(x, torch.minimum(source, 2 * length - 1 - source))
    return take(x, source % length)


def permute_time(x: torch.Tensor, segments: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """Cut into `segments` [N] equal pieces and sort them by their random `keys` [N, M].

    Examples
    --------
    >>> permute_time(torch.arange(4.0).view(1, 1, 4), torch.tensor([2]), torch.tensor([[0.9, 0.1]]))
    tensor([[[2., 3., 0., 1.]]])
    """
    length = x.shape[-1]
    # Every sample bears the key of its piece; a stable sort keeps order within pieces.
    piece = torch.arange(length, device=x.device) * segments[:, None] // length  # [N, T]
    return take(x, keys.gather(1, piece).argsort(dim=1, stable=True))


def warp_time(x: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
    """Read the signal at fractional samples `position` [N, T], by linear interpolation."""
    position = position.clamp(0, x.shape[-1] - 1)
    below = position.floor().long().clamp(max=max(x.shape[-1] - 2, 0))
    weight = (position - below).view(len(x), *(1,) * (x.ndim - 2), -1)
    return torch.lerp(take(x, below), take(x, (below + 1).clamp(max=x.shape[-1] - 1)), weight)


def stretch_time(x: torch.Tensor, tempo: torch.Tensor) -> torch.Tensor:
    """Play `tempo` [N] times as fast about the middle; what comes in at the ends is mirrored.

    Examples
    --------
    >>> stretch_time(torch.arange(4.0).view(1, 1, 4), torch.tensor([2.0]))
    tensor([[[0.5000, 0.5000, 2.5000, 2.5000]]])
    """
    length = x.shape[-1]
    place = torch.arange(length, device=x.device) + 0.5 - length / 2  # from the middle
    position = tempo[:, None] * place + length / 2  # [N, T], may lie beyond the ends
    position = position % (2 * length)
    return warp_time(x, torch.minimum(position, 2 * length - position) - 0.5)


def shift_rows(images: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Move rows up by fractions `shift` [N] of the height; what comes in is mirrored.

    Between two rows it interpolates. Row 0 of images [N, 3, H, W] is on top.
    """
    height = images.shape[2]
    position = torch.arange(height, device=images.device) + 0.5 + height * shift[:, None]
    position = position % (2 * height)
    position = torch.minimum(position, 2 * height - position) - 0.5
    return warp_time(images.transpose(2, 3), position).transpose(2, 3)


def hold_time(x: torch.Tensor, start: torch.Tensor, stop: torch.Tensor) -> torch.Tensor:
    """Lose the samples from `start` to `stop` [N] (exclusive): the last value is held.

    Examples
    --------
    >>> hold_time(torch.arange(4.0).view(1, 1, 4), torch.tensor([2]), torch.tensor([4]))
    tensor([[[0., 1., 1., 1.]]])
    """
    first, last = start.round().long()[:, None], stop.round().long()[:, None]
    time = torch.arange(x.shape[-1], device=x.device)
    held = torch.where((time >= first) & (time < last), first - 1, time)
    return take(x, held.clamp(0, x.shape[-1] - 1))


def take(x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Entries ``x[n, ..., index[n, t]]`` of the last axis."""
    index = index.view(len(x), *(1,) * (x.ndim - 2), -1)  # [N, T] -> [N, 1, T] or [N, 1, 1, T]
    return x.gather(-1, index.expand(*x.shape[:-1], index.shape[-1]))


def splines(values: torch.Tensor, length: int) -> torch.Tensor:
    """Cubic splines through `values` [..., K] at K even knots, drawn at `length` points."""
    from scipy.interpolate import CubicSpline

    # A spline is linear in its values: the splines through the K unit vectors, [K, length], are a
    # matrix that serves the batch, on any device.
    knots = values.shape[-1]
    basis = CubicSpline(np.linspace(0, 1, knots), np.eye(knots))(np.linspace(0, 1, length))
    return values @ torch.as_tensor(basis.T, dtype=values.dtype, device=values.device)


def mix(x: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """Channels mixed by `matrix` [N, 3, 3], in each group of three (accelerometer, gyroscope)."""
    if x.shape[1] % 3:
        raise ParameterError(
            f"{x.shape[1]} axes cannot be rotated",
            remedy="Give whole triads: x, y, z of the accelerometer, of the gyroscope.",
        )
    # [N, C, T] -> [N, C / 3, 3, T]; both sensors sit in one device, so one matrix turns both.
    triads = x.reshape(len(x), x.shape[1] // 3, 3, -1)
    return (matrix[:, None] @ triads).view_as(x)


def rotations(axis: torch.Tensor, radians: torch.Tensor) -> torch.Tensor:
    """Rotation matrices [N, 3, 3] about unit vectors [N, 3], by Rodrigues' formula."""
    # R = I + sin(a) K + (1 - cos(a)) K^2, where K v is the cross product of axis and v.
    x, y, z = axis.unbind(1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).view(-1, 3, 3)
    sin, versine = radians.sin().view(-1, 1, 1), (1 - radians.cos()).view(-1, 1, 1)
    return torch.eye(3, device=axis.device) + sin * cross + versine * (cross @ cross)


def remove_band(x: torch.Tensor, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """Filter out the band from `low` to `high` [N], in fractions of half the sampling rate."""
    spectrum = torch.fft.rfft(x)  # [N, C, T // 2 + 1], from 0 Hz to half the rate
    nyquists = torch.linspace(0, 1, spectrum.shape[-1], device=x.device)
    removed = (nyquists >= low[:, None]) & (nyquists <= high[:, None])
    return torch.fft.irfft(spectrum.masked_fill(removed[:, None], 0), n=x.shape[-1])


def reverse_frequency(x: torch.Tensor) -> torch.Tensor:
    """Swap low and high: ``(-1)^t x`` moves every frequency f to rate / 2 - f."""
    # (-1)^t = exp(i pi t) modulates by half the rate, and a real signal has -f where it has f.
    return x * (1 - 2 * (torch.arange(x.shape[-1], device=x.device) % 2))
