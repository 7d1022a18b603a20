"""Sensor-aware augmentation: changes of a picture that depict changes of a sensor.

An augmentation is sensor-aware when it is the picture of a physically plausible change of the
sensor, under the map from signal to spectrogram picture: it has a plausible twin (see `base`).
Applied to photographs, the set teaches a network what to ignore before it has seen any motion.

The greys of a spectrogram picture are decibels: grey g stands for a power of
``10 ** (g * range_db / 10)`` times that of black.

The idea is the paper's [1]_; this definition, the list and the strengths are our choice. Masks
are those of SpecAugment [2]_.

References
----------
.. [1] Yoon et al., IMG2IMU, arXiv 2209.00945, IEEE TMC 2024.
.. [2] Park et al., "SpecAugment: a simple data augmentation method for automatic speech
   recognition", Interspeech 2019.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
import torch
from torch.nn import functional as F

from ..errors import ParameterError
from .base import (
    Augmentation,
    Compose,
    Parameters,
    RandomApply,
    check_between,
    random_interval,
    uniform,
)
from .functional import hold_time, mix, remove_band
from .scale import PictureScale
from .signal import Dropout, Permutation, Rotation, TimeShift

__all__ = [
    "RANGE_DB",
    "FrequencyMask",
    "Gain",
    "Hue",
    "Noise",
    "PermuteX",
    "TimeMask",
    "TranslateX",
    "mix_power",
    "sensor_aware",
]

#: dB from black to white in pictures of the default settings; photographs count as such.
RANGE_DB = 70.0

#: Mean of the logarithm of exponentially distributed power of mean 1: minus Euler's constant.
_MEAN = -0.5772


def sensor_aware(strength: float = 1.0, *, range_db: float = RANGE_DB) -> Compose:
    """The sensor-aware set, for pictures in [0, 1] or uint8 [N, 3, H, W].

    Parameters
    ----------
    strength : float
        0 changes nothing, 1 is our default, at most 2.
    range_db : float
        dB from black to white. A photograph has none: by default it counts as deep as the
        pictures of the default settings.

    Returns
    -------
    Compose
        ``augmentation(images, generator)``; each picture is changed in its own way.

    Examples
    --------
    >>> images = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8)
    >>> views = sensor_aware()(images, generator=0)
    >>> views.shape, views.dtype
    (torch.Size([4, 3, 64, 64]), torch.uint8)
    >>> [step.label for step in sensor_aware().parts()]
    ['permute-x', 'translate-x', 'hue', 'gain', 'noise', 'time mask', 'frequency mask']
    """
    check_between(0, 2, strength=strength)
    # Cheap changes that may come out as nothing need no probability of their own. Geometry first,
    # then power, masks last: what was lost stays lost.
    return Compose(
        (
            RandomApply(PermuteX(segments=1 + round(3 * strength)), 0.5),
            TranslateX(shift=0.5 * strength),
            RandomApply(Hue(degrees=60 * strength, range_db=range_db), 0.8),
            Gain(gain=0.1 * strength),
            RandomApply(Noise(floor=0.4 * strength, range_db=range_db), 0.5),
            RandomApply(TimeMask(gap=0.25 * strength), 0.5),
            RandomApply(FrequencyMask(band=0.25 * strength), 0.5),
        )
    )


@dataclass(frozen=True)
class TranslateX(TimeShift):
    """Move along the time axis by up to `shift` of the width.

    What enters at the other side is mirrored (``edge="reflect"``), which leaves no jump in the
    signal, or wrapped around. Exact but for the columns whose frame sees the edge, some
    ``n_fft / hop`` of them.
    """

    edge: str = "reflect"
    label: ClassVar[str] = "translate-x"
    meaning: ClassVar[str] = "the window was cut earlier or later"
    idle: ClassVar[dict[str, Any]] = {"shift": 0.0}

    def twin(self, signal, scale, shift) -> torch.Tensor:
        """The same move of the samples."""
        # Both move by a fraction of what is drawn: S columns of hop samples, S * hop samples.
        return scale.within(signal, self.apply, shift=shift)

    def in_units(self, scale: PictureScale) -> dict[str, float]:
        """Largest shift in seconds."""
        return {"shift_s": self.shift * scale.seconds}


@dataclass(frozen=True)
class PermuteX(Permutation):
    """Shuffle 2 to `segments` equal blocks of columns.

    Exact but for ``n_fft / hop`` columns at each seam.
    """

    label: ClassVar[str] = "permute-x"
    meaning: ClassVar[str] = "the same events in another order"
    idle: ClassVar[dict[str, Any]] = {"segments": 1}

    def twin(self, signal, scale, segments, keys) -> torch.Tensor:
        """The same shuffle of the samples."""
        return scale.within(signal, self.apply, segments=segments, keys=keys)

    def in_units(self, scale: PictureScale) -> dict[str, float]:
        """Length of the shortest block in seconds."""
        return {"block_s": scale.seconds / self.segments}


@dataclass(frozen=True)
class TimeMask(Dropout):
    """Blacken columns, up to `gap` of the width."""

    gap: float = 0.25
    label: ClassVar[str] = "time mask"
    meaning: ClassVar[str] = "samples were lost"
    idle: ClassVar[dict[str, Any]] = {"start": 0.0, "stop": 0.0}

    def _apply(self, images, start, stop) -> torch.Tensor:
        # SpecAugment fills with the mean; black is what a value that stands still looks like, which
        # has no power but at 0 Hz.
        return images.mul_(_outside(start, stop, images.shape[3])[:, None, None, :])

    def twin(self, signal, scale, start, stop) -> torch.Tensor:
        """Hold the last value through the gap."""
        # A column goes black when its frame has lost nearly all its weight, so the gap is wider
        # than the black by 3/8 of a frame at each side: the outer eighths of a Hann taper hold
        # 0.3 % of its power.
        wider = torch.where(stop > start, 3 / 8 * scale.frame_s, 0.0)
        edges = (
            scale.start_s + start * scale.seconds - wider,
            scale.start_s + stop * scale.seconds + wider,
        )
        return hold_time(signal, *(edge * scale.rate for edge in edges))

    def in_units(self, scale: PictureScale) -> dict[str, float]:
        """Longest black in seconds."""
        return {"gap_s": self.gap * scale.seconds}


@dataclass(frozen=True)
class FrequencyMask(Augmentation):
    """Blacken rows, up to `band` of the height."""

    band: float = 0.25
    label: ClassVar[str] = "frequency mask"
    meaning: ClassVar[str] = "a band that the sensor or its filter does not pass"
    idle: ClassVar[dict[str, Any]] = {"start": 0.0, "stop": 0.0}
    limits: ClassVar[dict[str, tuple[float, float]]] = {"band": (0, 1)}

    def sample(self, shape, generator) -> Parameters:
        """Edges of the band [N], fractions of the height above the bottom."""
        return random_interval(shape[0], self.band, generator)

    def _apply(self, images, start, stop) -> torch.Tensor:
        upwards = _outside(start, stop, images.shape[2])  # row 0 of a picture is its top
        return images.mul_(upwards.flip(1)[:, None, :, None])

    def twin(self, signal, scale, start, stop) -> torch.Tensor:
        """Filter the band out, a bin wider at each side: that far its neighbours spill into it."""
        # Of a tapered sine, 4 bins wide with a Hann taper, that leaves the outer skirts.
        wider = torch.where(stop > start, 1 / scale.frame_s, 0.0)
        low, high = scale.hz(start) - wider, scale.hz(stop) + wider
        return remove_band(signal, low / (scale.rate / 2), high / (scale.rate / 2))

    def in_units(self, scale: PictureScale) -> dict[str, float]:
        """Widest band in Hz."""
        return {"band_hz": self.band * scale.height_hz}


def _outside(start: torch.Tensor, stop: torch.Tensor, length: int) -> torch.Tensor:
    """1 outside the intervals [start, stop) and 0 inside, float [N, length]."""
    place = torch.arange(length, device=start.device)
    first, last = ((edge * length).round()[:, None] for edge in (start, stop))
    return ((place < first) | (place >= last)).float()


def mix_power(power, rotation):
    """Power of the turned device, if its axes are incoherent: mixed by R o R (entries squared).

    ``|sum_j R_ij X_j|^2`` is ``sum_j R_ij^2 |X_j|^2`` plus cross terms ``2 R_ij R_ik Re(X_j X_k*)``
    that vanish on average when the axes have no fixed phase to one another. A power spectrogram
    forgets phases, so this is the best that a picture can do.

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
    # Rows of R have length 1, so rows of R o R sum to 1, and columns, too: no power is lost.
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
    limits: ClassVar[dict[str, tuple[float, float]]] = {"degrees": (0, 180)}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.on not in ("picture", "power"):
            raise ParameterError(f'on is {self.on!r}, expected "picture" or "power"')

    @property
    def label(self) -> str:
        """Name in tables."""
        return "hue" if self.on == "picture" else "hue on power"

    def _apply(self, images, rotation) -> torch.Tensor:
        if self.on == "picture":
            return mix_power(images, rotation)
        # grey -> nepers -> power -> mixed -> nepers -> grey
        steepness = _steepness(self.range_db)
        return mix_power(images.mul_(steepness).exp_(), rotation).log_().div_(steepness)

    def twin(self, signal, scale, rotation) -> torch.Tensor:
        """Turn the device: x -> R x in every triad of axes."""
        return mix(signal, rotation)

    def in_units(self, scale: PictureScale) -> dict[str, float]:
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
    limits: ClassVar[dict[str, tuple[float, float]]] = {"gain": (0, 1)}

    def sample(self, shape, generator) -> Parameters:
        """Offsets [N], fractions of the range."""
        return {"gain": uniform(shape[:1], generator, -self.gain, self.gain)}

    def _apply(self, images, gain) -> torch.Tensor:
        return images.add_(gain.view(-1, 1, 1, 1)).clamp_(0, 1)

    def twin(self, signal, scale, gain) -> torch.Tensor:
        """Multiply by that many dB."""
        # 20, not 10: decibels are of power, and the signal is an amplitude.
        return signal * 10 ** (gain.view(-1, 1, 1) * scale.range_db / 20)

    def in_units(self, scale: PictureScale) -> dict[str, float]:
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
    limits: ClassVar[dict[str, tuple[float, float]]] = {"floor": (0, 1)}

    def sample(self, shape, generator) -> Parameters:
        """Floors [N], fractions of the range; noise in nepers, and a seed for the twin's."""
        # -log(u) of a uniform u is exponentially distributed, as |X|^2 of a complex normal X is.
        power = uniform((shape[0], 3, *self.GRAIN), generator).clamp_(min=1e-7).log_().neg_()
        seed = torch.randint(2**31, (1,), generator=generator, device=generator.device)
        floor = uniform(shape[:1], generator, 0, self.floor)
        return {"floor": floor, "noise": power.log_(), "seed": int(seed)}

    def _apply(self, images, floor, noise, seed) -> torch.Tensor:
        height, width = images.shape[2:]
        rows = _smooth(self.GRAIN[0], height).to(images)
        columns = _smooth(self.GRAIN[1], width).to(images)
        # [24, 12] -> [H, W]: rows [H, 24], columns [W, 12]. The noise has mean 0 here, and its own
        # mean comes back with the floor: smoothing keeps the variance, not the mean.
        steepness = _steepness(self.range_db)
        level = rows @ ((noise - _MEAN) / steepness @ columns.T)
        level += (_raising(floor, steepness).log() + _MEAN).view(-1, 1, 1, 1) / steepness
        # log(e^a + e^b) ~ max(a, b), at most 3 dB off where both are equal (MIXMAX [1]_).
        return torch.maximum(images, level, out=images).clamp_(max=1)

    def twin(self, signal, scale, floor, noise, seed) -> torch.Tensor:
        """Add white noise of that power."""
        # A variance of 1 shows as noise_db in a bin; `unit` is the variance that shows as black.
        unit = 10 ** ((scale.black_db - scale.noise_db) / 10)
        variance = unit * _raising(floor, _steepness(scale.range_db))
        noise = torch.randn(signal.shape, generator=torch.Generator().manual_seed(seed))
        return signal + variance.sqrt().view(-1, 1, 1) * noise.to(signal.device)

    def in_units(self, scale: PictureScale) -> dict[str, float]:
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
    # A weighted sum of independent values has the variance sum(w^2): rows of length 1 keep it.
    weights = F.interpolate(torch.eye(few)[None], many, mode="linear")[0].T
    return F.normalize(weights, dim=1)
