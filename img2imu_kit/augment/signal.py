"""What happens to sensors: the signal-domain augmentations of activity recognition.

All take signals [N, C, T] (batch, axis, time) and a generator, and change every window in its own
way. They are the twins of the augmentations of pictures, and the views of baselines that learn
from sensor data.

References
----------
.. [1] Um et al., "Data augmentation of wearable sensor data for Parkinson's disease monitoring
   using convolutional neural networks", ICMI 2017: jitter, scaling, rotation, permutation, time
   warp, magnitude warp.
.. [2] Saeed, Ozcelebi and Lukkien, "Multi-task self-supervised learning for human activity
   detection", IMWUT 2019: sign flip, time flip, channel shuffle.
.. [3] Tang et al., "Exploring contrastive learning in human activity recognition for healthcare",
   2020: the same transformations as views for SimCLR.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn import functional as F

from ..errors import ParameterError
from . import functional
from .base import Augmentation, Parameters, normal, random_interval, uniform

__all__ = [
    "BandLimit",
    "ChannelShuffle",
    "Dropout",
    "Jitter",
    "MagnitudeWarp",
    "Permutation",
    "Rotation",
    "Scaling",
    "SignFlip",
    "TimeFlip",
    "TimeShift",
    "TimeWarp",
    "literature",
]


@dataclass(frozen=True)
class Jitter(Augmentation):
    """Sensor noise: white, `sigma` times the standard deviation of the axis in the window.

    Examples
    --------
    >>> x = torch.randn(4, 3, 200)
    >>> bool((Jitter(0.05)(x, generator=0) - x).std() < 0.1)
    True
    """

    sigma: float = 0.05

    def sample(self, shape, generator) -> Parameters:
        """Unit noise of the signal's shape."""
        return {"noise": normal(shape, generator)}

    def _apply(self, x, noise) -> torch.Tensor:
        # In shares of each axis [N, C, 1]: one sigma serves m/s2, g and rad/s.
        return x + self.sigma * x.std(dim=-1, correction=0, keepdim=True) * noise


@dataclass(frozen=True)
class Scaling(Augmentation):
    """Another sensitivity: one factor an axis, normal around 1.

    Examples
    --------
    >>> x = torch.randn(4, 3, 200)
    >>> Scaling(0.1)(x, generator=0).shape
    torch.Size([4, 3, 200])
    """

    sigma: float = 0.1

    def sample(self, shape, generator) -> Parameters:
        """Factors [N, C, 1]."""
        return {"factor": 1 + self.sigma * normal((*shape[:2], 1), generator)}

    def _apply(self, x, factor) -> torch.Tensor:
        return x * factor


@dataclass(frozen=True)
class Rotation(Augmentation):
    """Another orientation of the device: x -> R x, the same R for every triad of axes.

    Examples
    --------
    >>> x = torch.randn(4, 3, 200)
    >>> turned = Rotation(180)(x, generator=0)
    >>> torch.allclose(turned.norm(dim=1), x.norm(dim=1), atol=1e-4)  # lengths stay
    True
    """

    degrees: float = 180.0

    def sample(self, shape, generator) -> Parameters:
        """Rotation matrices [N, 3, 3]: any axis, angles up to `degrees`."""
        # A normal vector has no preferred direction: at length 1 it is uniform on the sphere.
        axis = F.normalize(normal((shape[0], 3), generator), dim=1)
        radians = uniform(shape[:1], generator, -1, 1) * math.radians(self.degrees)
        return {"rotation": functional.rotations(axis, radians)}

    def _apply(self, x, rotation) -> torch.Tensor:
        return functional.mix(x, rotation)


@dataclass(frozen=True)
class Permutation(Augmentation):
    """Another order of events: 2 to `segments` equal pieces, shuffled.

    Examples
    --------
    >>> x = torch.randn(4, 3, 200)
    >>> torch.equal(Permutation(4)(x, generator=0).sort().values, x.sort().values)  # another order
    True
    """

    segments: int = 4
    limits: ClassVar[dict[str, tuple[float, float]]] = {"segments": (1, 1000)}

    def sample(self, shape, generator) -> Parameters:
        """Number of pieces [N] and a sorting key for each [N, segments]."""
        count = uniform((shape[0],), generator, min(2, self.segments), self.segments + 1).long()
        # Sorting by independent keys is a uniform shuffle, and windows may differ in their count.
        return {"segments": count, "keys": uniform((shape[0], self.segments), generator)}

    def _apply(self, x, segments, keys) -> torch.Tensor:
        return functional.permute_time(x, segments, keys)


@dataclass(frozen=True)
class TimeWarp(Augmentation):
    """Another tempo: speed wanders smoothly around 1 (a spline through `knots` inner knots).

    Examples
    --------
    >>> x = torch.randn(4, 3, 200)
    >>> TimeWarp(0.2)(x, generator=0).shape
    torch.Size([4, 3, 200])
    """

    sigma: float = 0.2
    knots: int = 4

    def sample(self, shape, generator) -> Parameters:
        """Speeds at the knots [N, knots + 2]."""
        return {"speed": 1 + self.sigma * normal((shape[0], self.knots + 2), generator)}

    def _apply(self, x, speed) -> torch.Tensor:
        # Speed [N, T] is the derivative of time: summed up it is the place that is read. It never
        # runs backwards, and its ends are pinned to those of the window, as in Um et al.
        time = functional.splines(speed, x.shape[-1]).clamp(min=0.05).cumsum(dim=1)
        time = time - time[:, :1]
        return functional.warp_time(x, time / time[:, -1:].clamp(min=1e-9) * (x.shape[-1] - 1))


@dataclass(frozen=True)
class MagnitudeWarp(Augmentation):
    """A sensitivity that drifts: each axis times a smooth curve around 1.

    Examples
    --------
    >>> x = torch.randn(4, 3, 200)
    >>> MagnitudeWarp(0.2)(x, generator=0).shape
    torch.Size([4, 3, 200])
    """

    sigma: float = 0.2
    knots: int = 4

    def sample(self, shape, generator) -> Parameters:
        """Factors at the knots [N, C, knots + 2]."""
        return {"factor": 1 + self.sigma * normal((*shape[:2], self.knots + 2), generator)}

    def _apply(self, x, factor) -> torch.Tensor:
        return x * functional.splines(factor, x.shape[-1])


@dataclass(frozen=True)
class ChannelShuffle(Augmentation):
    """Axes in another order.

    Examples
    --------
    >>> x = torch.randn(4, 3, 200)
    >>> torch.allclose(ChannelShuffle()(x, generator=0).sum(1), x.sum(1), atol=1e-5)
    True
    """

    def sample(self, shape, generator) -> Parameters:
        """An order of the axes [N, C]."""
        # Across sensors, too, as in Saeed et al.
        return {"order": uniform(shape[:2], generator).argsort(dim=1)}

    def _apply(self, x, order) -> torch.Tensor:
        return x.gather(1, order[:, :, None].expand_as(x))


@dataclass(frozen=True)
class SignFlip(Augmentation):
    """The sensor mounted backwards: -x.

    Examples
    --------
    >>> x = torch.randn(4, 3, 200)
    >>> torch.equal(SignFlip()(x, generator=0).abs(), x.abs())
    True
    """

    def _apply(self, x) -> torch.Tensor:
        return -x


@dataclass(frozen=True)
class TimeFlip(Augmentation):
    """The movement run backwards.

    Examples
    --------
    >>> x = torch.randn(4, 3, 200)
    >>> torch.equal(TimeFlip()(x, generator=0), x.flip(-1))
    True
    """

    def _apply(self, x) -> torch.Tensor:
        return x.flip(-1)


@dataclass(frozen=True)
class TimeShift(Augmentation):
    """A window cut earlier or later, by up to `shift` of its length; ends wrap or reflect.

    Examples
    --------
    >>> x = torch.randn(4, 3, 200)
    >>> torch.equal(TimeShift(0.5)(x, generator=0).sort().values, x.sort().values)  # it wraps
    True
    """

    shift: float = 0.5
    edge: str = "wrap"
    limits: ClassVar[dict[str, tuple[float, float]]] = {"shift": (0, 1)}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.edge not in ("wrap", "reflect"):
            raise ParameterError(f'edge is {self.edge!r}, expected "wrap" or "reflect"')

    def sample(self, shape, generator) -> Parameters:
        """Shifts [N], fractions of the length."""
        return {"shift": uniform(shape[:1], generator, -self.shift, self.shift)}

    def _apply(self, x, shift) -> torch.Tensor:
        return functional.shift_time(x, shift, self.edge)


@dataclass(frozen=True)
class Dropout(Augmentation):
    """Samples lost on the way: a gap of up to `gap` of the window, filled with the last value.

    Examples
    --------
    >>> x = torch.randn(4, 3, 200)
    >>> lost = Dropout(0.5)(x, generator=0)
    >>> bool((lost == lost.roll(1, -1)).any())  # the last value is held
    True
    """

    gap: float = 0.2
    limits: ClassVar[dict[str, tuple[float, float]]] = {"gap": (0, 1)}

    def sample(self, shape, generator) -> Parameters:
        """Edges of the gap [N], fractions of the length."""
        return random_interval(shape[0], self.gap, generator)

    def _apply(self, x, start, stop) -> torch.Tensor:
        return functional.hold_time(x, start * x.shape[-1], stop * x.shape[-1])


@dataclass(frozen=True)
class BandLimit(Augmentation):
    """A slower sensor: nothing above a cut-off between `lowest` and 1 times half the rate.

    Examples
    --------
    >>> x = torch.randn(4, 3, 200)
    >>> bool(BandLimit(0.5)(x, generator=0).std() <= x.std())
    True
    """

    lowest: float = 0.5

    def sample(self, shape, generator) -> Parameters:
        """Cut-offs [N], fractions of half the rate."""
        return {"cutoff": uniform(shape[:1], generator, self.lowest, 1)}

    def _apply(self, x, cutoff) -> torch.Tensor:
        return functional.remove_band(
            x, cutoff, torch.full_like(cutoff, 2)
        )  # 2: beyond the last bin


def literature() -> dict[str, Augmentation]:
    """All of them by name, at the strengths the literature uses where it names them.

    Examples
    --------
    >>> x = torch.randn(8, 3, 200)
    >>> views = {name: change(x, generator=0) for name, change in literature().items()}
    >>> len(views), {view.shape for view in views.values()}
    (12, {torch.Size([8, 3, 200])})
    """
    # Um et al. [1]_ name the first six, Saeed et al. [2]_ the next three; the last three are what a
    # window cutter, a radio link and a filter do. Strengths of ours where a paper names none.
    return {
        "jitter": Jitter(),
        "scaling": Scaling(),
        "rotation": Rotation(),
        "permutation": Permutation(),
        "time warp": TimeWarp(),
        "magnitude warp": MagnitudeWarp(),
        "channel shuffle": ChannelShuffle(),
        "sign flip": SignFlip(),
        "time flip": TimeFlip(),
        "time shift": TimeShift(),
        "dropout": Dropout(),
        "band limit": BandLimit(),
    }
