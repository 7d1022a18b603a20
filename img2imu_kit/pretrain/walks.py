"""A sensor that walks over photographs: pictures of motion without anybody's motion.

Photographs have what motion has: strength that falls with frequency, edges, repetition. Read along
a path, three colours become a signal of three axes. What another sensor would have felt on the
same way, turned, later, quicker, noisier, can then be done to the *signal* and drawn again: an
exact twin, where a change of a picture only imitates one. See docs/walks.md for what it brings.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..augment.base import Compose, RandomApply, check_between, normal, random_interval, uniform
from ..augment.functional import mix, remove_band
from ..augment.signal import Dropout, Permutation, Rotation
from ..errors import ParameterError
from ..pictures.image import painted
from ..pictures.params import SpectrogramParams, resolve
from ..pictures.power import TRANSFORMS, make_grid

__all__ = ["Paths", "Walks", "draw_signals", "random_paths", "read_colours", "whitening"]

#: Lengths of a window, s. All strengths, speeds and lengths in this module are our choice.
_SECONDS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
_GRAVITY = 9.81  # m/s2


class Paths(NamedTuple):
    """Ways over photographs, a drift and two ellipses each: float [N, 2, 1], in half pictures.

    A path starts `at` a place (0 is the middle, -1 and 1 the edges), drifts so far a second and
    turns `hertz` times a second on ellipses of these radii; `ratio` is an ellipse's other radius,
    below 0 where it runs the other way round.
    """

    at: Tensor
    drift: Tensor
    radius: Tensor
    ratio: Tensor
    hertz: Tensor
    phase: Tensor

    def __call__(self, t: Tensor) -> Tensor:
        """Where they are at times `t` [N, T], s: x to the right and y downwards, [N, T, 2]."""
        t = t[:, None]  # [N, 1, T]
        angle = 2 * math.pi * self.hertz * t + self.phase  # [N, two ellipses, T]
        x = (self.radius * angle.cos()).sum(1)
        y = (self.radius * self.ratio * angle.sin()).sum(1)
        return (self.at + self.drift * t).transpose(1, 2) + torch.stack([x, y], dim=2)


def random_paths(n: int, generator: torch.Generator) -> Paths:
    """Paths at the speeds of human motion: ellipses of 0.3 to 2.5 Hz, log-uniform."""

    def log_uniform(low: float, high: float) -> Tensor:
        return uniform((n, 2, 1), generator, math.log(low), math.log(high)).exp()

    return Paths(
        at=uniform((n, 2, 1), generator, -0.5, 0.5),
        drift=0.1 * normal((n, 2, 1), generator),
        radius=log_uniform(0.08, 0.6),
        ratio=uniform((n, 2, 1), generator, -1, 1),
        hertz=log_uniform(0.3, 2.5),
        phase=uniform((n, 2, 1), generator, 0, 2 * math.pi),
    )


def read_colours(images: Tensor, places: Tensor) -> Tensor:
    """Colours [N, 3, T] of images [N, 3, H, W] at places [N, T, 2]; mirrored beyond the edge."""
    grid = places[:, None]  # [N, 1, T, 2]: a picture one row high
    read = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    return read[:, :, 0]


def whitening(photographs: np.ndarray) -> tuple[Tensor, Tensor]:
    """Mean [3, 1] and matrix [3, 3] that bring colours (0 to 1) to unit, uncorrelated axes.

    Red, green and blue rise and fall together, the axes of a sensor do not. The inverse root of
    their covariance makes them so and turns them least (ZCA): red stays nearest to the first axis.

    Parameters
    ----------
    photographs : uint8 [N, 3, H, W]
        Some 2,000 of them are looked at.

    References
    ----------
    Bell and Sejnowski, "The independent components of natural scenes are edge filters", Vision
    Research 37, 1997.

    Examples
    --------
    >>> pixels = np.random.default_rng(0).integers(0, 256, (50, 3, 16, 16), dtype=np.uint8)
    >>> mean, matrix = whitening(pixels)
    >>> colours = torch.from_numpy(pixels).float().div(255).transpose(0, 1).flatten(1)
    >>> torch.allclose(torch.cov(matrix @ (colours - mean)), torch.eye(3), atol=1e-3)
    True
    """
    sample = np.asarray(photographs[:: -(-len(photographs) // 2000)], dtype=np.float64) / 255
    colours = sample.transpose(1, 0, 2, 3).reshape(3, -1)
    values, vectors = np.linalg.eigh(np.cov(colours))
    # A corpus in grey has one colour: what does not vary must not be blown up.
    matrix = vectors / np.sqrt(values.clip(1e-4)) @ vectors.T
    return torch.tensor(colours.mean(1)[:, None]).float(), torch.tensor(matrix).float()


def draw_signals(signal: Tensor, rate: float, params: SpectrogramParams) -> Tensor:
    """Pictures uint8 [N, 3, H, W] of signals [N, 3, T], as `to_image` draws them.

    In one go, where the signals are and unchecked: `to_image` would fill each small batch up to
    a full block.
    """
    grid = make_grid(signal.shape[2], rate, params)
    power = TRANSFORMS[params.transform].to_power(signal, grid, params)
    return painted(power, signal.amax(2) == signal.amin(2), params)


@dataclass(frozen=True)
class Walks:
    """Pairs of pictures of motion, each of two twins of one walk over a photograph.

    Parameters
    ----------
    strength : float
        How far twins may differ: 0 not at all, 1 as in docs/walks.md, at most 2.
    steps : int
        Samples of a walk.
    pictures : tuple of str
        Settings of `to_image` by name; a batch is divided among them.

    Examples
    --------
    >>> pixels = np.random.default_rng(0).integers(0, 256, (8, 3, 64, 64), dtype=np.uint8)
    >>> pairs = Walks().over(pixels)
    >>> first, second = pairs(
    ...     torch.from_numpy(pixels) / 255, torch.Generator().manual_seed(0), batch=0
    ... )
    >>> first.shape, second.shape
    (torch.Size([8, 3, 96, 96]), torch.Size([8, 3, 96, 96]))
    """

    strength: float = 1.0
    steps: int = 128
    pictures: tuple[str, ...] = ("motion", "motion-signed")

    def __post_init__(self) -> None:
        check_between(0, 2, strength=self.strength)
        check_between(16, math.inf, steps=self.steps)
        if len({resolve(name).size for name in self.pictures}) != 1:
            raise ParameterError(
                f"pictures are {self.pictures}, expected one or more of one size",
                remedy='Take presets such as ("motion", "motion-signed").',
            )

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures."""
        return resolve(self.pictures[0]).size

    def over(self, photographs: np.ndarray) -> Callable[..., tuple[Tensor, Tensor]]:
        """The source of pairs for `TwoViews`, with the colours of this corpus."""
        return partial(self.pairs, colours=whitening(photographs))

    def pairs(
        self,
        images: Tensor,
        generator: torch.Generator,
        batch: int,
        colours: tuple[Tensor, Tensor],
    ) -> tuple[Tensor, Tensor]:
        """Two pictures of one walk over each photograph.

        Parameters
        ----------
        images : float [N, 3, H, W]
            In [0, 1].
        generator : torch.Generator
            On the device of the images.
        batch : int
            A number of the whole batch: all its windows are of one length, or their negatives
            could be told by it.
        colours : tuple of Tensor
            Of `whitening`.

        Returns
        -------
        float [N, 3, S, S], twice
            In [0, 1].
        """
        seconds = _SECONDS[batch % len(_SECONDS)]
        # In full precision: of half as many digits gravity would leave steps of 0.06 m/s2.
        with torch.autocast(images.device.type, enabled=False):
            felt = self.signals(images, seconds, generator, colours)
            return tuple(self.drawn(signal, self.steps / seconds) for signal in felt)

    def signals(
        self,
        images: Tensor,
        seconds: float,
        generator: torch.Generator,
        colours: tuple[Tensor, Tensor],
    ) -> list[Tensor]:
        """What two sensors feel on the same ways: acceleration [N, 3, steps] in m/s2, twice."""
        n, device = len(images), images.device
        mean, white = (part.to(device) for part in colours)
        paths = random_paths(n, generator)
        # how the sensor is worn, and how much there is to feel: 0.7 to 6 m/s2
        turn = Rotation(180).sample((n, 3), generator)["rotation"]
        loud = uniform((n, 1, 1), generator, math.log(0.7), math.log(6)).exp()
        gravity = _GRAVITY * F.normalize(normal((n, 3, 1), generator), dim=1)
        t = torch.linspace(-0.5, 0.5, self.steps, device=device) * seconds
        felt = []
        for _ in range(2):
            # The same way, entered earlier or later by up to a quarter of the window, and gone
            # faster or slower by up to 0.3 octaves.
            shift = uniform((n, 1), generator, -0.25, 0.25) * self.strength * seconds
            tempo = torch.exp2(uniform((n, 1), generator, -0.3, 0.3) * self.strength)
            read = read_colours(images, paths(t * tempo + shift))  # [N, 3, steps]
            signal = loud * mix(white @ (read - mean), turn) + gravity
            felt.append(self.felt(signal, loud, seconds, generator))
        return felt

    def felt(
        self, signal: Tensor, loud: Tensor, seconds: float, generator: torch.Generator
    ) -> Tensor:
        """The signal [N, 3, T] as another sensor feels it, of another make and worn otherwise."""
        n, s = len(signal), self.strength
        # Gravity turns with the axes and grows with the gain, as it does in a sensor.
        turn = Rotation(min(180, 20 * s)).sample(signal.shape, generator)["rotation"]
        sign = 1 - 2 * (uniform((n, 3, 1), generator) < 0.1 * s).float()
        gain = (0.25 * s * uniform((n, 1, 1), generator, -1, 1)).exp()
        signal = gain * sign * mix(signal, turn)
        level = 0.1 * s * uniform((n, 1, 1), generator)
        signal = signal + level * loud * normal(signal.shape, generator)
        # Events in another order; samples lost; a band from 0.3 to 20 Hz that it does not pass,
        # up to a fifth of its octaves, for 3 in 10 each.
        changes = Compose(
            (
                RandomApply(Permutation(segments=1 + round(3 * s)), 0.3),
                RandomApply(Dropout(gap=0.2 * s), 0.3),
            )
        )
        signal = changes(signal, generator, inplace=True)
        half_rate = signal.shape[2] / seconds / 2
        band = random_interval(n, 0.2 * s, generator)
        low, high = (0.3 * (20 / 0.3) ** edge / half_rate for edge in band.values())
        passed = uniform((n,), generator) >= 0.3 * s
        return remove_band(signal, low.masked_fill(passed, 2), high)  # 2: beyond the last bin

    def drawn(self, signal: Tensor, rate: float) -> Tensor:
        """Pictures float [N, 3, S, S] in [0, 1]: first some as P, then some as S."""
        parts = signal.tensor_split(len(self.pictures))
        images = [
            draw_signals(part, rate, resolve(name))
            for part, name in zip(parts, self.pictures, strict=True)
            if len(part)
        ]
        return torch.cat(images).float().div_(255)
