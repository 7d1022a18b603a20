"""A random change: its parameters are drawn once, and applied to a picture or to a signal.

A change of a signal and a change of its picture are **twins** when the second is what the first
looks like. Let P draw a signal x as a picture. For an augmentation A of pictures with parameters p,
its twin B is the change of signals for which ::

    A_p(P(x))  is like  P(B_p(x))        for the same p.

The better they agree, the more A shows what a sensor could have measured; `fidelity` measures it.
A gain is exact (+6 dB, a brighter picture), a turned device an approximation (a picture has no
phases), and some changes of pictures have no twin at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from ..errors import ParameterError

if TYPE_CHECKING:
    from .scale import PictureScale

__all__ = ["Augmentation", "Compose", "Parameters", "RandomApply"]

#: What `Augmentation.sample` draws: tensors whose first axis is the sample of the batch.
Parameters = dict[str, Any]


class Augmentation:
    """A random change of a batch: `sample` draws its parameters, `apply` carries them out.

    Called with a batch and a generator it does both. Every sample of the batch gets parameters
    of its own. Drawing apart from applying is what lets a picture and the signal below it suffer
    *the same* shift or rotation, and so lets the two be compared.

    A batch is float images [N, 3, H, W] in [0, 1] or signals [N, C, T]; uint8 images are
    converted once and back; numpy in, numpy out. `generator` is a `torch.Generator` (parameters
    are drawn on its device, then moved to the batch's) or an int seed.

    A subclass writes `sample`, ``_apply``, which may overwrite its input, and `twin` if there is
    one.

    Attributes
    ----------
    label, meaning : str
        Name in tables; what happens to the sensor.
    plausible : bool
        Whether that can happen to a sensor.
    twin : callable or None
        ``twin(signal, scale, **parameters)``: the change of a signal [N, C, T] that this change
        of its picture depicts, given the picture's `PictureScale`; None where there is none.
    idle : dict
        Values of the parameters that change nothing, where there are such.
    limits : dict
        Least and largest value of a strength.

    Examples
    --------
    >>> import torch
    >>> from img2imu_kit.augment import Gain
    >>> gain, images = Gain(0.1), torch.full((2, 3, 8, 8), 0.5)
    >>> drawn = gain.sample(tuple(images.shape), torch.Generator().manual_seed(0))
    >>> torch.equal(gain.apply(images, **drawn), gain(images, generator=0))
    True
    """

    label: ClassVar[str] = ""
    meaning: ClassVar[str] = ""
    plausible: ClassVar[bool] = True
    twin: ClassVar[Callable[..., torch.Tensor] | None] = None
    idle: ClassVar[dict[str, Any]] = {}
    limits: ClassVar[dict[str, tuple[float, float]]] = {}

    def __post_init__(self) -> None:
        for name, (low, high) in self.limits.items():
            check_between(low, high, **{name: getattr(self, name)})

    def sample(self, shape: tuple[int, ...], generator: torch.Generator) -> Parameters:
        """Draw parameters for a batch of this shape; by default there are none."""
        return {}

    def apply(self, x: torch.Tensor, **parameters) -> torch.Tensor:
        """Carry out the change that `parameters` describe, on a copy."""
        return self._apply(x.clone(), **parameters)

    def _apply(self, x: torch.Tensor, **parameters) -> torch.Tensor:
        return x  # a subclass's may overwrite x: fresh memory costs more than most changes do

    def in_units(self, scale: PictureScale) -> dict[str, float]:
        """Strengths in physical units, where the picture has the scale of a spectrogram."""
        return {}

    def __call__(self, x, generator: torch.Generator | int, *, inplace: bool = False):
        """Draw and apply: a new batch of the same shape, dtype and kind.

        With `inplace` a float tensor may be overwritten, which saves a copy.
        """
        if isinstance(x, np.ndarray):
            return self(torch.from_numpy(np.array(x)), generator, inplace=True).numpy()
        if not isinstance(generator, torch.Generator):
            generator = torch.Generator().manual_seed(generator)
        _check(x)
        # Once for a whole Compose, which calls its steps' _apply: bytes [N, 3, H, W] -> [0, 1].
        if x.dtype == torch.uint8:
            changed = self(x.to(torch.float32).div_(255), generator, inplace=True)
            return changed.mul_(255).add_(0.5).clamp_(0, 255).to(torch.uint8)
        parameters = _to(self.sample(tuple(x.shape), generator), x.device)
        return self._apply(x if inplace else x.clone(), **parameters)


@dataclass(frozen=True)
class Compose(Augmentation):
    """One change after the other.

    Examples
    --------
    >>> import torch
    >>> from img2imu_kit.augment import Gain, TranslateX
    >>> both = Compose((TranslateX(0.5), Gain(0.1)))
    >>> both(torch.full((8, 3, 64, 64), 0.5), generator=0).shape
    torch.Size([8, 3, 64, 64])
    """

    steps: tuple[Augmentation, ...]
    label: ClassVar[str] = "all together"

    @property
    def plausible(self) -> bool:
        """Whether every one of them can happen to a sensor."""
        return all(part.plausible for part in self.parts())

    def parts(self) -> list[Augmentation]:
        """The single changes it is made of, each without its probability."""
        return [step.step if isinstance(step, RandomApply) else step for step in self.steps]

    def sample(self, shape, generator) -> Parameters:
        """One dict of parameters for each step."""
        return {"draws": [step.sample(shape, generator) for step in self.steps]}

    def _apply(self, x, draws) -> torch.Tensor:
        for step, parameters in zip(self.steps, draws, strict=True):
            x = step._apply(x, **parameters)
        return x

    def twin(self, signal, scale, draws) -> torch.Tensor:
        """The twins of those steps that have one, in their order."""
        # A2(A1(P(x))) is like A2(P(B1(x))), which is like P(B2(B1(x))): twins compose as they are.
        for step, parameters in zip(self.steps, draws, strict=True):
            signal = step.twin(signal, scale, **parameters) if step.twin else signal
        return signal


@dataclass(frozen=True)
class RandomApply(Augmentation):
    """A change that befalls each sample with probability `p`; the others stay as they are.

    Examples
    --------
    >>> import torch
    >>> from img2imu_kit.augment import Gain
    >>> images = torch.full((100, 3, 8, 8), 0.5)
    >>> changed = RandomApply(Gain(0.1), p=0.3)(images, generator=0)
    >>> int((changed != images).flatten(1).any(1).sum())
    35
    """

    step: Augmentation
    p: float = 0.5
    limits: ClassVar[dict[str, tuple[float, float]]] = {"p": (0, 1)}

    def sample(self, shape, generator) -> Parameters:
        """Which samples of the batch are changed (None: all, some of them idly), and how."""
        chosen = uniform((shape[0],), generator) < self.p
        # Two ways to leave a sample out. A cheap change runs on the batch, with parameters that do
        # nothing (a shift of 0) for those left out: no gather, no scatter. A costly one, which has
        # no idle parameters, sees the chosen samples only.
        if not self.step.idle:
            chosen = chosen.nonzero().squeeze(1)
            inner = self.step.sample((len(chosen), *shape[1:]), generator)
            return {"chosen": chosen, "inner": inner}
        inner = self.step.sample(shape, generator)
        for name, idle in self.step.idle.items():
            inner[name][~chosen] = torch.as_tensor(idle).to(inner[name])
        return {"chosen": None, "inner": inner}

    def _apply(self, x, chosen, inner) -> torch.Tensor:
        if chosen is None:
            return self.step._apply(x, **inner)
        if len(chosen) == 0:
            return x
        return x.index_copy_(0, chosen, self.step._apply(x[chosen], **inner))

    def twin(self, signal, scale, chosen, inner) -> torch.Tensor:
        """Change the chosen signals, where the step has a twin."""
        if self.step.twin is None or (chosen is not None and len(chosen) == 0):
            return signal
        if chosen is None:
            return self.step.twin(signal, scale, **inner)
        return signal.index_copy(0, chosen, self.step.twin(signal[chosen], scale, **inner))


def uniform(
    shape: tuple[int, ...], generator: torch.Generator, low: float = 0.0, high: float = 1.0
) -> torch.Tensor:
    """Uniform in [low, high), on the generator's device."""
    draw = torch.rand(shape, generator=generator, device=generator.device)
    return low + (high - low) * draw


def normal(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    """Standard normal, on the generator's device."""
    return torch.randn(shape, generator=generator, device=generator.device)


def random_interval(n: int, widest: float, generator: torch.Generator) -> Parameters:
    """Intervals [start, stop) inside [0, 1], of widths uniform up to `widest`."""
    # As in SpecAugment: first the width, then a place where all of it fits.
    width = uniform((n,), generator, 0, widest)
    start = uniform((n,), generator) * (1 - width)
    return {"start": start, "stop": start + width}


def check_between(low: float, high: float, **strength: float) -> None:
    """A `ParameterError` that names a strength outside [low, high]."""
    for name, value in strength.items():
        if not low <= value <= high:
            raise ParameterError(f"{name} is {value}, expected {low:g} to {high:g}")


def _check(x: torch.Tensor) -> None:
    if x.ndim not in (3, 4) or (x.ndim == 4 and x.shape[1] != 3) or 0 in x.shape:
        raise ParameterError(
            f"shape {tuple(x.shape)}, expected images [N, 3, H, W] or signals [N, C, T]",
            remedy="Add the batch axis with x[None].",
        )
    if not (x.is_floating_point() or (x.dtype == torch.uint8 and x.ndim == 4)):
        raise ParameterError(f"dtype {x.dtype}, expected float, or uint8 for images")


def _to(parameters: Any, device: torch.device) -> Any:
    """Tensors among nested parameters on the batch's device."""
    if isinstance(parameters, torch.Tensor):
        return parameters.to(device, non_blocking=True)
    if isinstance(parameters, dict):
        return {name: _to(value, device) for name, value in parameters.items()}
    if isinstance(parameters, list):
        return [_to(value, device) for value in parameters]
    return parameters
