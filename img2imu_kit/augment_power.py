"""Sensor-aware changes of power: another orientation, another sensitivity, a noisier sensor.

The greys of a spectrogram picture are decibels: grey g stands for a power of
``10 ** (g * range_db / 10)`` times that of black.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
import torch
from torch.nn import functional as F

from .change import Augmentation, Parameters, Scale, check_between, uniform
from .errors import ParameterError
from .operations import mix
from .twins import Rotation

__all__ = ["RANGE_DB", "Gain", "Hue", "Noise", "mix_power"]

#: dB from black to white in pictures of the default settings; photographs count as such.
RANGE_DB = 70.0

#: Mean of the logarithm of exponentially distributed power: minus Euler's constant.
_MEAN = -0.5772


def mix_power(power, rotation):
    """Power of the turned device, if its axes are incoherent: mixed by R o R.

    ``|sum_j R_ij X_j|^2`` is ``sum_j R_ij^2 |X_j|^2`` plus cross terms ``2 R_ij R_ik Re(X_j X_k*)``
    that vanish on average when the axes have no fixed phase to one another. A power spectrogram
    forgets phases, so this is the best that a picture can do. Rows of R o R (the elementwise
    square) sum to 1.

    Parameters
    ----------
    power : float array or tensor [N, C, F, S]
        Spectrograms of whole triads of axes (C is 3 or 6).
    rotation : float array or tensor [N, 3, 3]

    Returns
    -------
    float [N, C, F, S], of the kind of `power`

    Examples
    --------
    >>> quarter_turn = np.array([[[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]])
    >>> mix_power(np.array([4.0, 9, 1]).reshape(1, 3, 1, 1), quarter_turn).ravel()
    array([9., 4., 1.])
    """
    if isinstance(power, np.ndarray):
        rotation = torch.as_tensor(rotation, dtype=torch.from_numpy(power).dtype)
        return mix_power(torch.from_numpy(power), rotation).numpy()
    return mix(power, rotation.square())


@dataclass(frozen=True)
class Hue(Rotation):
    """Mix the channels as a turn of the device by up to `degrees` mixes its axes.

    Parameters
    ----------
    degrees : float
    on : {"picture", "power"}
        Mix the greys themselves by R o R: an approximation, cheap, and as good a picture as any
        where every axis has a range of its own. Or mix the powers they stand for: exact for
        incoherent axes, but for what black and white cut off.
    range_db : float
        dB from black to white, for ``on="power"``.
    """

    degrees: float = 60.0
    on: str = "picture"
    range_db: float = RANGE_DB
    meaning: ClassVar[str] = "the device is worn in another orientation"
    idle: ClassVar[dict[str, Any]] = {"rotation": torch.eye(3)}

    def __post_init__(self) -> None:
        check_between(0, 180, degrees=self.degrees)
        if self.on not in ("picture", "power"):
            raise ParameterError(f'on is {self.on!r}, expected "picture" or "power"')

    @property
    def label(self) -> str:
        """Name in tables."""
        return "hue" if self.on == "picture" else "hue on power"

    def _apply(self, images, rotation) -> torch.Tensor:
        if self.on == "picture":
            return mix_power(images, rotation)
        steepness = _steepness(self.range_db)
        return mix_power(images.mul_(steepness).exp_(), rotation).log_().div_(steepness)

    def twin(self, signal, scale, rotation) -> torch.Tensor:
        """Turn the device: x -> R x in every triad of axes."""
        return mix(signal, rotation)

    def in_units(self, scale: Scale) -> dict[str, float]:
        """Largest angle in degrees."""
        return {"rotation_deg": self.degrees}


@dataclass(frozen=True)
class Gain(Augmentation):
    """Brighten or darken by up to `gain` of the range: a factor is an offset in dB.

    It depicts nothing where each picture is normalised by axis or by window.
    """

    gain: float = 0.1
    label: ClassVar[str] = "gain"
    meaning: ClassVar[str] = "another sensitivity, or a more vigorous movement"
    idle: ClassVar[dict[str, Any]] = {"gain": 0.0}

    def __post_init__(self) -> None:
        check_between(0, 1, gain=self.gain)

    def sample(self, shape, generator) -> Parameters:
        """Offsets [N], fractions of the range."""
        return {"gain": uniform(shape[:1], generator, -self.gain, self.gain)}

    def _apply(self, images, gain) -> torch.Tensor:
        return images.add_(gain.view(-1, 1, 1, 1)).clamp_(0, 1)

    def twin(self, signal, scale, gain) -> torch.Tensor:
        """Multiply by that many dB."""
        return signal * 10 ** (gain.view(-1, 1, 1) * scale.range_db / 20)

    def in_units(self, scale: Scale) -> dict[str, float]:
        """Largest gain in dB."""
        return {"gain_db": self.gain * scale.range_db}


@dataclass(frozen=True)
class Noise(Augmentation):
    """Drown what is darker than a grainy floor, of up to `floor` of the range.

    White noise adds its power in every bin, and the sum of two powers in dB is nearly the larger
    of them [1]_. The power of noise is exponentially distributed, a standard deviation of 5.6 dB,
    and smooth over neighbouring bins and overlapping frames.

    References
    ----------
    .. [1] Nadas, Nahamoo and Picheny, "Speech recognition using noise-adaptive prototypes", IEEE
       Trans. Acoustics, Speech, and Signal Processing, 1989 (the "MIXMAX" model).
    """

    floor: float = 0.4
    range_db: float = RANGE_DB
    label: ClassVar[str] = "noise"
    meaning: ClassVar[str] = "a noisier sensor"
    #: Independent values of the noise along frequency and time: our choice.
    GRAIN: ClassVar[tuple[int, int]] = (24, 12)

    def __post_init__(self) -> None:
        check_between(0, 1, floor=self.floor)

    def sample(self, shape, generator) -> Parameters:
        """Floors [N], fractions of the range; the noise of the picture, a seed for its twin's.

        The noise is the logarithm of exponentially distributed power, in nepers.
        """
        power = uniform((shape[0], 3, *self.GRAIN), generator).clamp_(min=1e-7).log_().neg_()
        seed = torch.randint(2**31, (1,), generator=generator, device=generator.device)
        floor = uniform(shape[:1], generator, 0, self.floor)
        return {"floor": floor, "noise": power.log_(), "seed": int(seed)}

    def _apply(self, images, floor, noise, seed) -> torch.Tensor:
        height, width = images.shape[2:]
        rows, columns = (
            _smooth(few, many).to(images)
            for few, many in zip(self.GRAIN, (height, width), strict=True)
        )
        steepness = _steepness(self.range_db)
        level = rows @ ((noise - _MEAN) / steepness @ columns.T)
        level += (_raising(floor, steepness).log() + _MEAN).view(-1, 1, 1, 1) / steepness
        return torch.maximum(images, level, out=images).clamp_(max=1)

    def twin(self, signal, scale, floor, noise, seed) -> torch.Tensor:
        """Add white noise of that power."""
        unit = 10 ** ((scale.black_db - scale.noise_db) / 10)
        variance = unit * _raising(floor, _steepness(scale.range_db))
        noise = torch.randn(signal.shape, generator=torch.Generator().manual_seed(seed))
        return signal + variance.sqrt().view(-1, 1, 1) * noise.to(signal.device)

    def in_units(self, scale: Scale) -> dict[str, float]:
        """Highest floor in dB above black."""
        return {"floor_db": self.floor * scale.range_db}


def _steepness(range_db: float) -> float:
    """Nepers of power from black to white: power is exp(steepness x grey), that of black 1."""
    return range_db * math.log(10) / 10


def _raising(floor: torch.Tensor, steepness: float) -> torch.Tensor:
    """Power, in units of that of black, which raises black to grey `floor`."""
    return (floor * steepness).expm1()


@cache
def _smooth(few: int, many: int) -> torch.Tensor:
    """Linear interpolation [many, few] that keeps the variance of independent values."""
    weights = F.interpolate(torch.eye(few)[None], many, mode="linear")[0].T
    return F.normalize(weights, dim=1)
