"""Usual augmentations of vision that no sensor could cause, for comparison with the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn import functional as F

from .change import Augmentation, Parameters, uniform
from .operations import reverse_frequency

__all__ = ["Shear", "Solarize", "Turn", "VerticalFlip", "implausible"]


def implausible() -> tuple[Augmentation, ...]:
    """All of them; none is in MoCo v2's set."""
    return VerticalFlip(), Turn(), Shear(), Solarize()


@dataclass(frozen=True)
class VerticalFlip(Augmentation):
    """Mirror top and bottom."""

    label: ClassVar[str] = "vertical flip"
    meaning: ClassVar[str] = "nothing: frequencies f become rate / 2 - f"
    plausible: ClassVar[bool] = False

    def _apply(self, images) -> torch.Tensor:
        return images.flip(2)

    def twin(self, signal, scale) -> torch.Tensor:
        """``(-1)^t x``: exact on the full band, and nothing that happens to a sensor."""
        return reverse_frequency(signal)


@dataclass(frozen=True)
class Turn(Augmentation):
    """Rotate the picture by up to `degrees`; black comes in."""

    degrees: float = 30.0
    label: ClassVar[str] = "rotation"
    meaning: ClassVar[str] = "nothing: time and frequency would mix"
    plausible: ClassVar[bool] = False

    def sample(self, shape, generator) -> Parameters:
        """Angles [N], degrees."""
        return {"degrees": uniform(shape[:1], generator, -self.degrees, self.degrees)}

    def _apply(self, images, degrees) -> torch.Tensor:
        cos, sin = (degrees * math.pi / 180).cos(), (degrees * math.pi / 180).sin()
        return _affine(images, cos, -sin, sin, cos)


@dataclass(frozen=True)
class Shear(Augmentation):
    """Shift each row sideways by up to `slope` times its height above the middle."""

    slope: float = 0.3
    label: ClassVar[str] = "shear"
    meaning: ClassVar[str] = "nothing: high frequencies would arrive later than low ones"
    plausible: ClassVar[bool] = False

    def sample(self, shape, generator) -> Parameters:
        """Slopes [N]."""
        return {"slope": uniform(shape[:1], generator, -self.slope, self.slope)}

    def _apply(self, images, slope) -> torch.Tensor:
        one = torch.ones_like(slope)
        return _affine(images, one, slope, torch.zeros_like(slope), one)


@dataclass(frozen=True)
class Solarize(Augmentation):
    """Invert what is brighter than `threshold`."""

    threshold: float = 0.5
    label: ClassVar[str] = "solarize"
    meaning: ClassVar[str] = "nothing: strong would become weak"
    plausible: ClassVar[bool] = False

    def _apply(self, images) -> torch.Tensor:
        return torch.where(images >= self.threshold, 1 - images, images)


def _affine(images: torch.Tensor, xx, xy, yx, yy) -> torch.Tensor:
    """Pictures read at ``(xx x + xy y, yx x + yy y)``, from the middle, black outside."""
    zero = torch.zeros_like(xx)
    matrix = torch.stack([xx, xy, zero, yx, yy, zero], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)
