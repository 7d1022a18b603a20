"""Two views of a picture, in batches, where the pictures lie.

Three sources of pairs, pictures [N, 3, H, W] in 0 to 1:

- `sensor_view`: a picture changed as if its sensor had been worn otherwise;
- `vision_view`: MoCo v2's augmentations;
- `Walk`: a sensor that walks over a photograph, and the twins of its walk.

All random numbers come from torch's generators of the device, which `pretrain.py` seeds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from scalogram import P, S, draw
from torch import Tensor
from torch.nn import functional

SIZE = 96
#: Rows of one octave as a share of the height: 0.3 to 20 Hz are 6.06 octaves on four fifths.
OCTAVE = 0.8 / 6.06


@dataclass(frozen=True)
class Strength:
    """How far two twins may differ. All values are our choice."""

    rotation: float = 20.0  # degrees at most, of the axes (colours) about a random axis
    invert: float = 0.1  # probability of each axis
    shift: float = 0.25  # of the window, at most, either way
    tempo: float = 0.3  # octaves at most
    gain: float = 0.25  # natural logarithm
    noise: float = 0.05  # of the picture's range; twice that of a walk's loudness
    permute: float = 0.3  # probability
    mask: float = 0.3  # probability of each mask


def uniform(shape, low: float, high: float, device) -> Tensor:
    return torch.rand(shape, device=device) * (high - low) + low


def chance(n: int, p: float, device) -> Tensor:
    return torch.rand(n, device=device) < p


def rotations(n: int, degrees: float, device) -> tuple[Tensor, Tensor]:
    """Random rotations [n, 3, 3] by at most so many degrees, and their vectors [n, 3].

    Rodrigues: R = I + sin(a) K + (1 - cos(a)) K^2, with K the cross product with the axis.
    """
    axis = functional.normalize(torch.randn(n, 3, device=device), dim=1)
    angle = uniform(n, -degrees, degrees, device) * math.pi / 180
    x, y, z = axis.unbind(1)
    zero = torch.zeros_like(x)
    k = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).view(n, 3, 3)
    eye = torch.eye(3, device=device)
    s, c = angle.sin()[:, None, None], (1 - angle.cos())[:, None, None]
    return eye + s * k + c * (k @ k), axis * angle[:, None]


def resample(images, scale_x, scale_y, move_x, move_y) -> Tensor:
    """Crop, flip and shift (in half pictures) in one interpolation; mirrored beyond the edge."""
    n = len(images)
    theta = torch.zeros(n, 2, 3, device=images.device)
    theta[:, 0, 0], theta[:, 1, 1] = scale_x, scale_y
    theta[:, 0, 2], theta[:, 1, 2] = move_x, move_y
    grid = functional.affine_grid(theta, (n, 3, SIZE, SIZE), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def mix(x: Tensor, matrix: Tensor) -> Tensor:
    """Channels mixed by a matrix [N, 3, 3] of each picture."""
    return torch.bmm(matrix.to(x.dtype), x.flatten(2)).view_as(x)


# MoCo v2's set


def vision_view(images: Tensor) -> Tensor:
    """Crop and resize, flip, colour jitter, grayscale, blur (Chen et al. 2020)."""
    n, d = len(images), images.device
    area = uniform(n, 0.2, 1, d)
    ratio = torch.exp(uniform(n, math.log(3 / 4), math.log(4 / 3), d))
    sx, sy = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    flip = torch.where(chance(n, 0.5, d), -1.0, 1.0)
    mx, my = (1 - sx) * uniform(n, -1, 1, d), (1 - sy) * uniform(n, -1, 1, d)
    x = resample(images, sx * flip, sy, mx, my)
    # colour jitter .4 .4 .4 .1 with probability .8; torchvision draws the order, here it is fixed
    on = chance(n, 0.8, d).float()

    def factor(width):
        return (1 + on * uniform(n, -width, width, d)).view(n, 1, 1, 1)

    weights = x.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    x = (x * factor(0.4)).clamp(0, 1)  # brightness
    mean = (x * weights).sum(1, keepdim=True).mean((2, 3), keepdim=True)
    x = (mean + (x - mean) * factor(0.4)).clamp(0, 1)  # contrast
    grey = (x * weights).sum(1, keepdim=True)
    saturation = factor(0.4)
    no_colour = chance(n, 0.2, d).view(n, 1, 1, 1)  # grayscale is a saturation of zero
    saturation = torch.where(no_colour, torch.zeros_like(saturation), saturation)
    angle = on * uniform(n, -0.1, 0.1, d) * 2 * math.pi
    x = grey + saturation * _turn_hue(x - grey, angle)
    return _blur(x.clamp(0, 1))


def _turn_hue(chroma: Tensor, angle: Tensor) -> Tensor:
    """Turn colours without their luminance about the grey axis (in YIQ)."""
    to = chroma.new_tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
    back = torch.linalg.inv(to)
    c, s, one, o = angle.cos(), angle.sin(), torch.ones_like(angle), torch.zeros_like(angle)
    turn = torch.stack([one, o, o, o, c, -s, o, s, c], 1).view(-1, 3, 3)
    return mix(chroma, back @ turn @ to)


def _blur(x: Tensor, p: float = 0.5) -> Tensor:
    """Gaussian of .1 to 2 pixels; a kernel for each picture, rows and columns in turn."""
    n, d = len(x), x.device
    sigma = uniform(n, 0.1, 2.0, d)
    at = torch.arange(-4, 5, device=d, dtype=x.dtype)
    kernel = torch.exp(-(at**2) / (2 * sigma[:, None] ** 2))
    sharp = (at == 0).to(x.dtype)
    kernel = torch.where(chance(n, p, d)[:, None], kernel / kernel.sum(1, keepdim=True), sharp)
    for dim in (2, 3):
        pad = functional.pad(x, (0, 0, 4, 4) if dim == 2 else (4, 4, 0, 0), mode="reflect")
        x = sum(pad.narrow(dim, k, x.shape[dim]) * kernel[:, k].view(n, 1, 1, 1) for k in range(9))
    return x


# the sensor-aware set on a picture


def sensor_view(images: Tensor, s: Strength) -> Tensor:
    """Time, tempo, permutation, axes, gain, noise and masks, all on the picture."""
    n, d = len(images), images.device
    one = torch.ones(n, device=d)
    shift = 2 * uniform(n, -s.shift, s.shift, d)
    tempo = 2 * uniform(n, -s.tempo, s.tempo, d) * OCTAVE  # on a logarithmic axis a shift of rows
    x = _permute(resample(images, one, one, shift, tempo), s.permute) - 0.5
    turn, _ = rotations(n, s.rotation, d)
    sign = torch.where(torch.rand(n, 3, device=d) < s.invert, -1.0, 1.0)
    gain = torch.exp(uniform(n, -s.gain, s.gain, d))[:, None, None]
    x = mix(x, gain * sign[:, :, None] * turn)
    x = x + torch.randn_like(x) * uniform(n, 0, s.noise, d).view(n, 1, 1, 1)
    return (_mask(x, s.mask) + 0.5).clamp(0, 1)


def _permute(x: Tensor, p: float) -> Tensor:
    """Two, three or four blocks of columns in another order."""
    n, width, d = len(x), x.shape[3], x.device
    column = torch.arange(width, device=d)
    blocks = torch.randint(2, 5, (n, 1), device=d)
    blocks = torch.where(torch.rand(n, 1, device=d) < p, blocks, 1)
    each = width // blocks  # 96 divides by 2, 3 and 4
    rank = torch.rand(n, 4, device=d)
    rank = torch.where(torch.arange(4, device=d) < blocks, rank, 2.0).argsort(1)
    source = rank.gather(1, (column // each).clamp(max=3)) * each + column % each
    return x.gather(3, source[:, None, None, :].expand_as(x))


def _mask(x: Tensor, p: float) -> Tensor:
    """A span of rows and a span of columns, each up to a fifth, to zero (mid-grey)."""
    n, d = len(x), x.device
    for dim in (2, 3):
        size = x.shape[dim]
        start, width = uniform(n, 0, 1, d) * size, uniform(n, 0, 0.2, d) * size
        width = width * chance(n, p, d)
        at = torch.arange(size, device=d)
        keep = (at < start[:, None]) | (at >= (start + width)[:, None])
        x = x * keep.view(n, 1, size, 1) if dim == 2 else x * keep.view(n, 1, 1, size)
    return x


# a sensor that walks over photographs


class Walk:
    """Signals read along smooth paths over photographs, drawn as P and S.

    Photographs have what motion has: strength that falls with frequency, edges, repetition. Read
    along a path, three colours are a signal of three axes. Its twins are then those of a sensor
    and exact, because they are made in the signal: what a picture of a moved sensor *is*, not an
    imitation of it.

    Parameters
    ----------
    photographs : uint8 [N, 3, H, W]
        The corpus, of which some are taken to whiten the colours.
    steps : int
        Samples of a walk.
    """

    def __init__(self, photographs: Tensor, steps: int = 128):
        self.steps = steps
        # Red, green and blue rise and fall together; the axes of a sensor do not. Whitened by
        # the inverse root of their covariance they are incoherent, and of one variance.
        some = photographs[:: max(1, len(photographs) // 2000)].float() / 255
        colours = some.transpose(0, 1).reshape(3, -1)
        self.mean = colours.mean(1).view(1, 3, 1, 1)
        values, vectors = torch.linalg.eigh(torch.cov(colours).cpu().double())
        white = vectors @ torch.diag(values.rsqrt()) @ vectors.T
        self.white = white.float().to(photographs.device)

    def paths(self, n: int, d) -> dict[str, Tensor]:
        """A drift and two ellipses for each walk, and how its sensor is worn. Our choice."""
        return {
            "at": uniform((n, 2, 1), -0.5, 0.5, d),  # in half pictures, as grid_sample counts
            "drift": torch.randn(n, 2, 1, device=d) * 0.1,  # a second
            "radius": torch.exp(uniform((n, 2, 1), math.log(0.08), math.log(0.6), d)),
            "ratio": uniform((n, 2, 1), -1, 1, d),  # of the ellipse's axes, and its direction
            "hertz": torch.exp(uniform((n, 2, 1), math.log(0.3), math.log(2.5), d)),
            "phase": uniform((n, 2, 1), 0, 2 * math.pi, d),
            "turn": rotations(n, 180, d)[0],
            "loud": torch.exp(uniform((n, 1, 1), math.log(0.7), math.log(6), d)),  # m/s2
            "gravity": functional.normalize(torch.randn(n, 3, 1, device=d), dim=1) * 9.81,
        }

    def signal(self, images, w, seconds: float, shift: Tensor, tempo: Tensor) -> Tensor:
        """Acceleration [N, 3, steps] of walks `w`; shift in seconds, tempo as a factor."""
        t = torch.linspace(-0.5, 0.5, self.steps, device=images.device) * seconds
        t = t * tempo.view(-1, 1) + shift.view(-1, 1)  # [N, steps]
        xy = w["at"] + w["drift"] * t[:, None]  # [N, x and y, steps]
        angle = 2 * math.pi * w["hertz"] * t[:, None] + w["phase"]  # [N, two ellipses, steps]
        x = (w["radius"] * angle.cos()).sum(1)
        y = (w["radius"] * w["ratio"] * angle.sin()).sum(1)
        grid = torch.stack([xy[:, 0] + x, xy[:, 1] + y], -1)[:, None]  # [N, 1, steps, 2]
        read = functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
        colours = (read - self.mean)[:, :, 0]  # [N, 3, steps]
        colours = torch.einsum("ij,njt->nit", self.white, colours)
        return w["loud"] * torch.bmm(w["turn"], colours) + w["gravity"]

    def pair(
        self, images: Tensor, s: Strength, *, twins: bool = True
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Two pictures [N, 3, 96, 96] of each walk, and how the two differ [N, 6].

        Without `twins` both are the same picture, for `vision_view` to change. The first half
        of the batch is drawn as P, the second as S.
        """
        n, d = len(images), images.device
        # one length for the batch: the bank of bands depends on it
        seconds = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0)[int(torch.randint(6, (1,)))]
        rate = self.steps / seconds
        w, half = self.paths(n, d), n // 2

        def drawn(x):
            return torch.cat([draw(x[:half], rate, P), draw(x[half:], rate, S)])

        if not twins:
            still = torch.zeros(n, device=d)
            picture = drawn(self.signal(images, w, seconds, still, torch.ones_like(still)))
            return picture, picture, None
        signals, how = [], []
        for _ in range(2):
            shift = uniform(n, -s.shift, s.shift, d)
            octaves = uniform(n, -s.tempo, s.tempo, d)
            x = self.signal(images, w, seconds, shift * seconds, torch.exp2(octaves))
            turn, vector = rotations(n, s.rotation, d)
            sign = torch.where(torch.rand(n, 3, device=d) < s.invert, -1.0, 1.0)
            log_gain = uniform(n, -s.gain, s.gain, d)
            # gravity turns with the axes and grows with the gain, as it does in a sensor
            x = torch.bmm(log_gain.exp()[:, None, None] * sign[:, :, None] * turn, x)
            noise = torch.randn_like(x) * w["loud"]
            signals.append(x + noise * uniform(n, 0, 2 * s.noise, d).view(n, 1, 1))
            # brought to about one scale, for the loss that tells them
            settings = (shift[:, None] * 4, octaves[:, None] * 3, vector * 3, log_gain[:, None] * 4)
            how.append(torch.cat(settings, 1))
        a, b = (_mask(_permute(drawn(x), s.permute) - 0.5, s.mask) + 0.5 for x in signals)
        return a, b, how[0] - how[1]
