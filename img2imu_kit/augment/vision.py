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
from typing import Any, ClassVar

import torch
from torch.nn import functional as F

from .base import Augmentation, Compose, Parameters, RandomApply, uniform
from .functional import mix, reverse_frequency, rotations, shift_rows, stretch_time, warp_time
from .scale import LINEAR, PictureKind, PictureScale
from .signal import TimeFlip

__all__ = [
    "ColorJitter",
    "GaussianBlur",
    "Grayscale",
    "HorizontalFlip",
    "RandomResizedCrop",
    "RandomRotation",
    "Shear",
    "Solarize",
    "TranslateY",
    "VerticalFlip",
    "implausible",
    "moco_v2",
]

#: Weights of red, green and blue in grey (ITU-R BT.601, as in torchvision).
GREY = (0.299, 0.587, 0.114)

#: A quarter turn of hue: RGB to YIQ (NTSC), (I, Q) to (Q, -I), and back; Y, the grey, stays.
_TO_YIQ = torch.tensor([GREY, (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112)])
_QUARTER = torch.tensor([[0.0, 0, 0], [0, 0, 1], [0, -1, 0]])
_TURN = torch.linalg.inv(_TO_YIQ) @ _QUARTER @ _TO_YIQ


def moco_v2() -> Compose:
    """The set of MoCo v2 [1]_, for pictures in [0, 1] or uint8 [N, 3, H, W].

    The order of the four colour changes is fixed here and random there; see `ColorJitter` for what
    else differs.

    Examples
    --------
    >>> import torch
    >>> moco_v2()(torch.rand(4, 3, 64, 64), generator=0).shape
    torch.Size([4, 3, 64, 64])
    """
    # In the order and with the values of the authors' main_moco.py (--aug-plus).
    return Compose(
        (
            RandomResizedCrop(area=(0.2, 1.0)),
            RandomApply(ColorJitter(0.4, 0.4, 0.4, 0.1), 0.8),
            RandomApply(Grayscale(), 0.2),
            RandomApply(GaussianBlur(sigma=(0.1, 2.0)), 0.5),  # pixels, there of 224
            RandomApply(HorizontalFlip(), 0.5),
        )
    )


@dataclass(frozen=True)
class RandomResizedCrop(Augmentation):
    """Enlarge a part of the picture, of a random area and aspect ratio, to the whole.

    Bilinear. The result has the size of the picture, so a crop is never shrunk and there is
    nothing to antialias.

    Examples
    --------
    >>> images = torch.rand(2, 3, 32, 32)
    >>> RandomResizedCrop()(images, generator=0).shape
    torch.Size([2, 3, 32, 32])
    """

    area: tuple[float, float] = (0.2, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    label: ClassVar[str] = "crop and resize"
    meaning: ClassVar[str] = "nothing; nearest is a slower recording, which lowers frequencies"
    plausible: ClassVar[bool] = False

    def sample(self, shape, generator) -> Parameters:
        """Boxes: left, top, width, height [N], fractions of the picture.

        The first of 10 random boxes that fits, else the whole picture, as in torchvision.
        """
        n, (height, width) = shape[0], shape[2:]
        area = uniform((n, 10), generator, *self.area) * height * width
        # The logarithm is uniform, so that 3:4 is as likely as 4:3.
        low, high = (math.log(ratio) for ratio in self.ratio)
        ratio = uniform((n, 10), generator, low, high).exp()
        w, h = (area * ratio).sqrt() / width, (area / ratio).sqrt() / height
        # Ten boxes [N, 10] at once in place of a loop that ends at the first that fits.
        first = ((w <= 1) & (h <= 1)).float().argmax(dim=1, keepdim=True)
        w, h = (side.gather(1, first).squeeze(1) for side in (w, h))
        fits = (w <= 1) & (h <= 1)
        w, h = (torch.where(fits, side, 1.0) for side in (w, h))
        left, top = (uniform((n,), generator) * (1 - side) for side in (w, h))
        return {"left": left, "top": top, "width": w, "height": h}

    def _apply(self, images, left, top, width, height) -> torch.Tensor:
        x = _places(left, width, images.shape[3])[:, None, :, None]
        y = _places(top, height, images.shape[2])[:, :, None, None]
        shape = (len(images), *images.shape[2:], 1)
        places = torch.cat([x.expand(shape), y.expand(shape)], dim=3)
        return F.grid_sample(images, places, padding_mode="border", align_corners=False)

    def twin(self, signal, scale, left, top, width, height) -> torch.Tensor:
        """Play the same stretch of time slower, so that it fills the window."""

        # Time alone can be stretched: a signal played slower by s has all its frequencies divided
        # by s, while the crop's height enlarges them about an edge of its own.
        def slower(x):
            place = (torch.arange(x.shape[-1], device=x.device) + 0.5) / x.shape[-1]
            return warp_time(x, (left[:, None] + place * width[:, None]) * x.shape[-1] - 0.5)

        return scale.within(signal, slower)

    def in_units(self, scale: PictureScale) -> dict[str, float]:
        """Shortest time that is stretched to the whole width, in seconds."""
        return {"crop_s": math.sqrt(self.area[0] * self.ratio[0]) * scale.seconds}


@dataclass(frozen=True)
class ColorJitter(Augmentation):
    """Random brightness, contrast, saturation and hue, in this order.

    All four are linear in the colours, so they are one matrix product. Two things differ from
    torchvision for speed: black and white cut off once, at the end, and hue turns about the grey
    axis in YIQ, not HSV.

    Examples
    --------
    >>> images = torch.rand(2, 3, 32, 32)
    >>> ColorJitter()(images, generator=0).shape
    torch.Size([2, 3, 32, 32])
    """

    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    hue: float = 0.1
    label: ClassVar[str] = "colour jitter"
    meaning: ClassVar[str] = "nothing; nearest is a gain, and a turn about the (1, 1, 1) axis"
    plausible: ClassVar[bool] = False
    idle: ClassVar[dict[str, Any]] = dict(brightness=1.0, contrast=1.0, saturation=1.0, hue=0.0)
    limits: ClassVar[dict[str, tuple[float, float]]] = {
        **dict.fromkeys(("brightness", "contrast", "saturation"), (0, 1)),
        "hue": (0, 0.5),
    }

    def sample(self, shape, generator) -> Parameters:
        """Factors [N] around 1, and a shift of hue [N] around 0 (a full circle is 1)."""
        n = shape[:1]
        strengths = {name: getattr(self, name) for name in ("brightness", "contrast", "saturation")}
        factors = {name: uniform(n, generator, 1 - s, 1 + s) for name, s in strengths.items()}
        return {**factors, "hue": uniform(n, generator, -self.hue, self.hue)}

    def _apply(self, images, brightness, contrast, saturation, hue) -> torch.Tensor:
        # With grey g(c) = the luma of colour c on all three channels [3, 3]:
        #   brightness b: b c            saturation s: g + s (c - g)
        #   contrast k:   k c + (1 - k) mean(g)      hue: (c - g) turned by the angle
        grey = torch.tensor(GREY, device=images.device).expand(3, 3)
        colour = torch.eye(3, device=images.device) - grey
        saturation, angle = saturation.view(-1, 1, 1), hue.view(-1, 1, 1) * 2 * math.pi
        turn = _TURN.to(images.device)
        matrix = (grey + angle.cos() * colour + angle.sin() * turn) @ (grey + saturation * colour)
        matrix = matrix * (contrast * brightness).view(-1, 1, 1)
        mean = images.mean(dim=(2, 3)) @ grey[0]  # [N], of the picture before the change
        offset = ((1 - contrast) * brightness * mean).view(-1, 1, 1)
        return torch.baddbmm(offset, matrix, images.flatten(2)).view_as(images).clamp_(0, 1)

    def twin(self, signal, scale, brightness, contrast, saturation, hue) -> torch.Tensor:
        """The gain of a mid-grey under `brightness`, and a turn about (1, 1, 1) by `hue`."""
        # Brightness multiplies decibels: no gain, but for one grey, and 0.5 stands for all.
        gain_db = (brightness - 1) * 0.5 * scale.range_db
        diagonal = torch.full((len(signal), 3), 3**-0.5, device=signal.device)
        turned = mix(signal, rotations(diagonal, hue * 2 * math.pi))
        return turned * 10 ** (gain_db.view(-1, 1, 1) / 20)

    def in_units(self, scale: PictureScale) -> dict[str, float]:
        """Largest gain of a mid-grey in dB, largest turn in degrees."""
        return {
            "gain_db": self.brightness * 0.5 * scale.range_db,
            "rotation_deg": self.hue * 360,
        }


@dataclass(frozen=True)
class Grayscale(Augmentation):
    """The three channels become one grey.

    Examples
    --------
    >>> images = torch.rand(2, 3, 32, 32)
    >>> grey = Grayscale()(images, generator=0)
    >>> torch.equal(grey[:, 0], grey[:, 2])
    True
    """

    label: ClassVar[str] = "grayscale"
    meaning: ClassVar[str] = "nothing; nearest is a sensor with its axes merged into one"
    plausible: ClassVar[bool] = False

    def _apply(self, images) -> torch.Tensor:
        return images.copy_(_grey(images))

    def twin(self, signal, scale) -> torch.Tensor:
        """Every axis measures the same mixture of the three (incoherent powers add)."""
        merge = torch.tensor(GREY, device=signal.device).sqrt()
        return mix(signal, merge.expand(len(signal), 3, 3))


@dataclass(frozen=True)
class GaussianBlur(Augmentation):
    """Blur by a random standard deviation in pixels, mirrored at the edges.

    Examples
    --------
    >>> images = torch.rand(2, 3, 32, 32)
    >>> bool(GaussianBlur((2, 2))(images, generator=0).std() < images.std())
    True
    """

    sigma: tuple[float, float] = (0.1, 2.0)
    label: ClassVar[str] = "blur"
    meaning: ClassVar[str] = "nothing: a sensor cannot blur time and frequency at once"
    plausible: ClassVar[bool] = False

    def sample(self, shape, generator) -> Parameters:
        """Standard deviations [N], pixels."""
        return {"sigma": uniform(shape[:1], generator, *self.sigma)}

    def _apply(self, images, sigma) -> torch.Tensor:
        # Each picture has a kernel of its own, so the blur is two batched matrix products: rows
        # [N, H, H] from the left, columns [N, W, W] from the right.
        reach = math.ceil(3 * self.sigma[1])
        rows, columns = (_blurring(sigma, side, reach) for side in images.shape[2:])
        blurred = torch.einsum("nij,ncjw->nciw", rows, images)
        return (blurred.flatten(1, 2) @ columns.transpose(1, 2)).view_as(images)


@dataclass(frozen=True)
class HorizontalFlip(TimeFlip):
    """Mirror left and right.

    Examples
    --------
    >>> images = torch.rand(2, 3, 32, 32)
    >>> torch.equal(HorizontalFlip()(images, generator=0), images.flip(-1))
    True
    """

    label: ClassVar[str] = "horizontal flip"
    meaning: ClassVar[str] = "the movement run backwards"
    plausible: ClassVar[bool] = False

    def twin(self, signal, scale) -> torch.Tensor:
        """Time reversed: exact, as power has no direction in time."""
        return scale.within(signal, self.apply)


def _grey(images: torch.Tensor) -> torch.Tensor:
    red, green, blue = images.unbind(1)
    return (GREY[0] * red).add_(green, alpha=GREY[1]).add_(blue, alpha=GREY[2]).unsqueeze(1)


def _places(start: torch.Tensor, length: torch.Tensor, size: int) -> torch.Tensor:
    """Where a part of `size` pixels is read to fill all of them [N, size]; -1 and 1 are edges."""
    length = (length * size).round().clamp(min=1)[:, None]
    start = torch.minimum((start * size).round()[:, None], size - length)
    pixel = (torch.arange(size, device=start.device) + 0.5) * length / size
    pixel = torch.minimum(pixel.clamp(min=0.5), length - 0.5)  # not beyond the middle of the last
    return (start + pixel) * 2 / size - 1


def _blurring(sigma: torch.Tensor, size: int, reach: int) -> torch.Tensor:
    """Matrices [N, size, size] that blur `size` pixels, mirrored at the ends."""
    offset = torch.arange(-reach, reach + 1, device=sigma.device)
    kernel = torch.exp(-0.5 * (offset / sigma[:, None]).square())
    kernel = kernel / kernel.sum(dim=1, keepdim=True)
    # Mirrored at 0 by abs, at size - 1 likewise; beyond a second reflection the end is held.
    source = (torch.arange(size, device=sigma.device) + offset[:, None]).abs()
    source = (size - 1 - (size - 1 - source).abs()).clamp_(min=0)
    spread = F.one_hot(source, size).to(kernel.dtype)  # [offset, size, size]
    return torch.einsum("nk,kij->nij", kernel, spread)


def implausible(kind: PictureKind = LINEAR) -> tuple[Augmentation, ...]:
    """Usual augmentations that no sensor could cause; none is in MoCo v2's set.

    Examples
    --------
    >>> [change.label for change in implausible()]
    ['vertical flip', 'rotation', 'shear', 'solarize', 'translate-y']
    """
    return VerticalFlip(), RandomRotation(), Shear(), Solarize(), TranslateY(kind=kind)


@dataclass(frozen=True)
class VerticalFlip(Augmentation):
    """Mirror top and bottom.

    Examples
    --------
    >>> images = torch.rand(2, 3, 32, 32)
    >>> torch.equal(VerticalFlip()(images, generator=0), images.flip(-2))
    True
    """

    label: ClassVar[str] = "vertical flip"
    meaning: ClassVar[str] = "nothing: frequencies f become rate / 2 - f"
    plausible: ClassVar[bool] = False

    def _apply(self, images) -> torch.Tensor:
        return images.flip(2)

    def twin(self, signal, scale) -> torch.Tensor:
        """``(-1)^t x``: exact on the full band, and nothing that happens to a sensor."""
        # Why plausibility is a criterion of its own: a perfect twin alone proves nothing.
        return reverse_frequency(signal)


@dataclass(frozen=True)
class RandomRotation(Augmentation):
    """Rotate the picture by up to `degrees`; black comes in.

    Examples
    --------
    >>> images = torch.rand(2, 3, 32, 32)
    >>> RandomRotation(30)(images, generator=0).shape
    torch.Size([2, 3, 32, 32])
    """

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
    """Shift each row sideways by up to `slope` times its height above the middle.

    Examples
    --------
    >>> images = torch.rand(2, 3, 32, 32)
    >>> Shear(0.3)(images, generator=0).shape
    torch.Size([2, 3, 32, 32])
    """

    slope: float = 0.3
    label: ClassVar[str] = "shear"
    meaning: ClassVar[str] = "nothing: high frequencies would arrive later than low ones"
    plausible: ClassVar[bool] = False

    def sample(self, shape, generator) -> Parameters:
        """Slopes [N]."""
        return {"slope": uniform(shape[:1], generator, -self.slope, self.slope)}

    def _apply(self, images, slope) -> torch.Tensor:
        ones = torch.ones_like(slope)
        return _affine(images, ones, slope, torch.zeros_like(slope), ones)


@dataclass(frozen=True)
class Solarize(Augmentation):
    """Invert what is brighter than `threshold`.

    Examples
    --------
    >>> images = torch.rand(2, 3, 32, 32)
    >>> bool(Solarize(0.5)(images, generator=0).max() <= 0.5)
    True
    """

    threshold: float = 0.5
    label: ClassVar[str] = "solarize"
    meaning: ClassVar[str] = "nothing: strong would become weak"
    plausible: ClassVar[bool] = False

    def _apply(self, images) -> torch.Tensor:
        return torch.where(images >= self.threshold, 1 - images, images)


@dataclass(frozen=True)
class TranslateY(Augmentation):
    """Move along the frequency axis by up to `shift` of the bands' height; the edge is mirrored.

    On a logarithmic axis a faster movement does so, but its times grow shorter as well: `Tempo`
    does both.

    Examples
    --------
    >>> images = torch.rand(2, 3, 32, 32)
    >>> TranslateY(0.05)(images, generator=0).shape
    torch.Size([2, 3, 32, 32])
    """

    shift: float = 0.05
    kind: PictureKind = LINEAR
    label: ClassVar[str] = "translate-y"
    meaning: ClassVar[str] = "nothing; nearest is a faster movement, which takes less time"
    plausible: ClassVar[bool] = False
    idle: ClassVar[dict[str, Any]] = {"shift": 0.0}
    limits: ClassVar[dict[str, tuple[float, float]]] = {"shift": (0, 1)}

    def sample(self, shape, generator) -> Parameters:
        """Shifts [N] upwards, fractions of the bands' height."""
        return {"shift": uniform(shape[:1], generator, -self.shift, self.shift)}

    def _apply(self, images, shift) -> torch.Tensor:
        bands = self.kind.bands(images)
        bands.copy_(shift_rows(bands, shift))
        return images

    def twin(self, signal, scale, shift) -> torch.Tensor:
        """The tempo that does so to the frequency half-way up; on octaves, to all of them."""
        slow = scale.kind.slow
        middle = torch.full_like(shift, (1 + slow) / 2)
        tempo = scale.hz(middle + shift * (1 - slow)) / scale.hz(middle)
        return scale.within(signal, stretch_time, tempo=tempo)


def _affine(images: torch.Tensor, xx, xy, yx, yy) -> torch.Tensor:
    """Pictures read at ``(xx x + xy y, yx x + yy y)``, from the middle, black outside."""
    # affine_grid asks where a pixel comes from, the inverse of where it goes; sides are -1 and 1.
    zero = torch.zeros_like(xx)
    matrix = torch.stack([xx, xy, zero, yx, yy, zero], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)
