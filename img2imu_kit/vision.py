"""The augmentation set of vision (MoCo v2's), and other usual ones: kept for the comparison.

Each names the nearest thing that could happen to a sensor, if there is one. Most have none:
enlarging a picture stretches time *and* frequency, while a signal played slower lasts longer at
lower frequencies.

References
----------
.. [1] Chen et al., "Improved baselines with momentum contrastive learning", arXiv 2003.04297.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn import functional as F

from .change import (
    Augmentation,
    Compose,
    Parameters,
    Scale,
    Sometimes,
    check_between,
    rotations,
    uniform,
)
from .operations import mix, reverse_frequency, warp_time
from .twins import TimeFlip

__all__ = [
    "ColorJitter",
    "GaussianBlur",
    "Grayscale",
    "HorizontalFlip",
    "RandomResizedCrop",
    "Shear",
    "Solarize",
    "Turn",
    "VerticalFlip",
    "others",
    "vision",
]

#: Weights of red, green and blue in grey (ITU-R BT.601, as in torchvision).
GREY = (0.2989, 0.587, 0.114)


def vision() -> Compose:
    """The set of MoCo v2, for pictures in [0, 1] or uint8 [N, 3, H, W].

    RandomResizedCrop of 0.2 to 1 of the area, ColorJitter(0.4, 0.4, 0.4, 0.1) with probability
    0.8, grayscale 0.2, Gaussian blur of 0.1 to 2 pixels 0.5, horizontal flip 0.5. It differs from
    the reference in the order of the four colour changes, which is fixed here and random there.

    Examples
    --------
    >>> import torch
    >>> vision()(torch.rand(4, 3, 64, 64), generator=0).shape
    torch.Size([4, 3, 64, 64])
    """
    return Compose(
        (
            RandomResizedCrop(),
            Sometimes(ColorJitter(), 0.8),
            Sometimes(Grayscale(), 0.2),
            Sometimes(GaussianBlur(), 0.5),
            Sometimes(HorizontalFlip(), 0.5),
        )
    )


def others() -> list[Augmentation]:
    """Usual augmentations of vision outside MoCo v2's set, for the comparison."""
    return [VerticalFlip(), Turn(), Shear(), Solarize()]


@dataclass(frozen=True)
class RandomResizedCrop(Augmentation):
    """Enlarge a part of the picture, of a random area and aspect ratio, to the whole.

    Bilinear with antialiasing, as one matrix product for rows and one for columns. The result
    has the size of the picture, so a crop is never shrunk.
    """

    area: tuple[float, float] = (0.2, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    label: ClassVar[str] = "crop and resize"
    meaning: ClassVar[str] = "none: nearest is a slower recording, which lowers frequencies"

    def sample(self, shape, generator) -> Parameters:
        """Boxes: left, top, width, height [N], fractions of the picture.

        The first of 10 random boxes that fits, else the whole picture, as in torchvision.
        """
        n, (height, width) = shape[0], shape[2:]
        area = uniform((n, 10), generator, *self.area) * height * width
        low, high = (math.log(ratio) for ratio in self.ratio)
        ratio = uniform((n, 10), generator, low, high).exp()
        w, h = (area * ratio).sqrt() / width, (area / ratio).sqrt() / height
        first = ((w <= 1) & (h <= 1)).float().argmax(dim=1, keepdim=True)
        w, h = (side.gather(1, first).squeeze(1) for side in (w, h))
        fits = (w <= 1) & (h <= 1)
        w, h = (torch.where(fits, side, 1.0) for side in (w, h))
        left, top = (uniform((n,), generator) * (1 - side) for side in (w, h))
        return {"left": left, "top": top, "width": w, "height": h}

    def apply(self, images, left, top, width, height) -> torch.Tensor:
        """Crop to whole pixels and resize."""
        rows = _enlarging(top, height, images.shape[2])
        columns = _enlarging(left, width, images.shape[3])
        return rows[:, None] @ images @ columns.transpose(1, 2)[:, None]

    def twin(self, signal, scale, left, top, width, height) -> torch.Tensor:
        """Play the same stretch of time slower, so that it fills the window."""

        def slower(x):
            place = (torch.arange(x.shape[-1], device=x.device) + 0.5) / x.shape[-1]
            return warp_time(x, (left[:, None] + place * width[:, None]) * x.shape[-1] - 0.5)

        return scale.within(signal, slower)

    def in_units(self, scale: Scale) -> dict[str, float]:
        """Shortest time that is stretched to the whole width, in seconds."""
        return {"crop_s": math.sqrt(self.area[0] * self.ratio[0]) * scale.seconds}


@dataclass(frozen=True)
class ColorJitter(Augmentation):
    """Random brightness, contrast, saturation and hue, in this order."""

    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    hue: float = 0.1
    label: ClassVar[str] = "colour jitter"
    meaning: ClassVar[str] = "none: nearest is a gain, and a turn about the (1, 1, 1) axis"

    def __post_init__(self) -> None:
        check_between(0, 1, brightness=self.brightness, contrast=self.contrast)
        check_between(0, 1, saturation=self.saturation)
        check_between(0, 0.5, hue=self.hue)

    def sample(self, shape, generator) -> Parameters:
        """Factors [N] around 1, and a shift of hue [N] around 0 (a full circle is 1)."""
        n = shape[:1]
        factors = {
            name: uniform(n, generator, 1 - strength, 1 + strength)
            for name, strength in (
                ("brightness", self.brightness),
                ("contrast", self.contrast),
                ("saturation", self.saturation),
            )
        }
        return {**factors, "hue": uniform(n, generator, -self.hue, self.hue)}

    def apply(self, images, brightness, contrast, saturation, hue) -> torch.Tensor:
        """Change the colours; black and white cut off after each change."""
        brightness, contrast, saturation, hue = (
            factor.view(-1, 1, 1, 1) for factor in (brightness, contrast, saturation, hue)
        )
        images = (images * brightness).clamp_(0, 1)
        mean = _grey(images).mean(dim=(2, 3), keepdim=True)
        images = torch.lerp(mean, images, contrast).clamp_(0, 1)
        images = torch.lerp(_grey(images), images, saturation).clamp_(0, 1)
        return _shift_hue(images, hue)

    def twin(self, signal, scale, brightness, contrast, saturation, hue) -> torch.Tensor:
        """The gain of a mid-grey under `brightness`, and a turn about (1, 1, 1) by `hue`."""
        gain_db = (brightness - 1) * 0.5 * scale.range_db
        diagonal = torch.full((len(signal), 3), 3**-0.5, device=signal.device)
        turned = mix(signal, rotations(diagonal, hue * 2 * math.pi))
        return turned * 10 ** (gain_db.view(-1, 1, 1) / 20)

    def in_units(self, scale: Scale) -> dict[str, float]:
        """Largest gain of a mid-grey in dB, largest turn in degrees."""
        return {
            "gain_db": self.brightness * 0.5 * scale.range_db,
            "rotation_deg": self.hue * 360,
        }


@dataclass(frozen=True)
class Grayscale(Augmentation):
    """The three channels become one grey."""

    label: ClassVar[str] = "grayscale"
    meaning: ClassVar[str] = "none: nearest is a sensor with its axes merged into one"

    def apply(self, images) -> torch.Tensor:
        """Weighted mean of the channels, three times."""
        return _grey(images).expand_as(images)

    def twin(self, signal, scale) -> torch.Tensor:
        """Every axis measures the same mixture of the three (incoherent powers add)."""
        merge = torch.tensor(GREY, device=signal.device).sqrt()
        return mix(signal, merge.expand(len(signal), 3, 3))


@dataclass(frozen=True)
class GaussianBlur(Augmentation):
    """Blur by a random standard deviation in pixels, mirrored at the edges."""

    sigma: tuple[float, float] = (0.1, 2.0)
    label: ClassVar[str] = "blur"
    meaning: ClassVar[str] = "none: a sensor cannot blur time and frequency at once"

    def sample(self, shape, generator) -> Parameters:
        """Standard deviations [N], pixels."""
        return {"sigma": uniform(shape[:1], generator, *self.sigma)}

    def apply(self, images, sigma) -> torch.Tensor:
        """One matrix product for rows and one for columns."""
        reach = math.ceil(3 * self.sigma[1])
        rows, columns = (_blurring(sigma, side, reach) for side in images.shape[2:])
        return rows[:, None] @ images @ columns.transpose(1, 2)[:, None]


@dataclass(frozen=True)
class HorizontalFlip(TimeFlip):
    """Mirror left and right."""

    label: ClassVar[str] = "horizontal flip"
    meaning: ClassVar[str] = "the movement run backwards"

    def twin(self, signal, scale) -> torch.Tensor:
        """Time reversed: exact, as power has no direction in time."""
        return scale.within(signal, self.apply)


@dataclass(frozen=True)
class VerticalFlip(Augmentation):
    """Mirror top and bottom."""

    label: ClassVar[str] = "vertical flip"
    meaning: ClassVar[str] = "none: frequencies f become rate / 2 - f"

    def apply(self, images) -> torch.Tensor:
        """Reverse the rows."""
        return images.flip(2)

    def twin(self, signal, scale) -> torch.Tensor:
        """``(-1)^t x``: exact on the full band, and nothing that happens to a sensor."""
        return reverse_frequency(signal)


@dataclass(frozen=True)
class Turn(Augmentation):
    """Rotate the picture by up to `degrees`; black comes in."""

    degrees: float = 30.0
    label: ClassVar[str] = "rotation"
    meaning: ClassVar[str] = "none: time and frequency would mix"

    def sample(self, shape, generator) -> Parameters:
        """Angles [N], degrees."""
        return {"degrees": uniform(shape[:1], generator, -self.degrees, self.degrees)}

    def apply(self, images, degrees) -> torch.Tensor:
        """Counter-clockwise."""
        cos, sin = (degrees * math.pi / 180).cos(), (degrees * math.pi / 180).sin()
        return _affine(images, cos, -sin, sin, cos)


@dataclass(frozen=True)
class Shear(Augmentation):
    """Shift each row sideways by up to `slope` times its height above the middle."""

    slope: float = 0.3
    label: ClassVar[str] = "shear"
    meaning: ClassVar[str] = "none: high frequencies would arrive later than low ones"

    def sample(self, shape, generator) -> Parameters:
        """Slopes [N]."""
        return {"slope": uniform(shape[:1], generator, -self.slope, self.slope)}

    def apply(self, images, slope) -> torch.Tensor:
        """Black comes in."""
        one = torch.ones_like(slope)
        return _affine(images, one, slope, torch.zeros_like(slope), one)


@dataclass(frozen=True)
class Solarize(Augmentation):
    """Invert what is brighter than `threshold`."""

    threshold: float = 0.5
    label: ClassVar[str] = "solarize"
    meaning: ClassVar[str] = "none: strong would become weak"

    def apply(self, images) -> torch.Tensor:
        """Invert."""
        return torch.where(images >= self.threshold, 1 - images, images)


def _grey(images: torch.Tensor) -> torch.Tensor:
    red, green, blue = images.unbind(1)
    return (GREY[0] * red).add_(green, alpha=GREY[1]).add_(blue, alpha=GREY[2]).unsqueeze(1)


def _shift_hue(images: torch.Tensor, hue: torch.Tensor) -> torch.Tensor:
    """Hue moved by fractions of a circle [N, 1, 1, 1]; value and saturation (HSV) stay."""
    red, green, blue = images.unbind(1)
    value, chroma = images.amax(1), images.amax(1) - images.amin(1)
    safe = chroma.clamp(min=1e-8)
    sixth = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    offset = torch.tensor([5.0, 3.0, 1.0], device=images.device).view(1, 3, 1, 1)
    k = (offset + (sixth.unsqueeze(1) + 6 * hue)).remainder_(6)
    weight = torch.minimum(k, 4 - k).clamp_(0, 1)
    return torch.addcmul(value.unsqueeze(1), chroma.unsqueeze(1), weight, value=-1)


def _enlarging(start: torch.Tensor, length: torch.Tensor, size: int) -> torch.Tensor:
    """Matrices [N, size, size] that stretch a part of `size` pixels to all of them."""
    length = (length * size).round().clamp(min=1)
    start = (start * size).round().clamp(max=size - length)
    pixel = torch.arange(size, device=start.device)
    centre = start[:, None] + (pixel + 0.5) * (length / size)[:, None]
    weight = (1 - (pixel + 0.5 - centre[:, :, None]).abs()).clamp_(min=0)
    inside = (pixel >= start[:, None]) & (pixel < (start + length)[:, None])
    weight = weight * inside[:, None]
    return weight / weight.sum(dim=2, keepdim=True)


def _blurring(sigma: torch.Tensor, size: int, reach: int) -> torch.Tensor:
    """Matrices [N, size, size] that blur `size` pixels, mirrored at the ends."""
    offset = torch.arange(-reach, reach + 1, device=sigma.device)
    kernel = torch.exp(-0.5 * (offset / sigma[:, None]).square())
    kernel = kernel / kernel.sum(dim=1, keepdim=True)
    source = (torch.arange(size, device=sigma.device) + offset[:, None]).abs()
    source = (size - 1 - (size - 1 - source).abs()).clamp_(min=0)
    spread = F.one_hot(source, size).to(kernel.dtype)  # [offset, size, size]
    return torch.einsum("nk,kij->nij", kernel, spread)


def _affine(images: torch.Tensor, xx, xy, yx, yy) -> torch.Tensor:
    """Pictures read at ``(xx x + xy y, yx x + yy y)``, from the middle, black outside."""
    zero = torch.zeros_like(xx)
    matrix = torch.stack([xx, xy, zero, yx, yy, zero], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)
