"""Sensor-aware augmentation: changes of a picture that depict changes of a sensor.

An augmentation is sensor-aware when it is the picture of a physically plausible change of the
sensor, under the map from signal to spectrogram picture. So each has a **twin**, the change of
the signal that it depicts; how well the two agree is measured in `img2imu_kit.fidelity`. Applied
to photographs, the set teaches a network what to ignore before it has seen any motion.

The list follows the method's idea; the strengths are our choice.

References
----------
.. [1] Yoon et al., "IMG2IMU: Translating Knowledge from Large-Scale Images to IMU Sensing
   Applications", arXiv 2209.00945.
.. [2] Park et al., "SpecAugment", Interspeech 2019 (masks in time and in frequency).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from .change import Augmentation, Compose, Parameters, Scale, Sometimes, check_between, uniform
from .errors import ParameterError
from .operations import hold_time, mix, remove_band
from .twins import Permutation, Rotation, TimeShift, random_interval
from .vision import vision

__all__ = [
    "Augmentation",
    "Compose",
    "FrequencyMask",
    "Gain",
    "Hue",
    "Noise",
    "PermuteX",
    "Scale",
    "Sometimes",
    "TimeMask",
    "TranslateX",
    "mix_power",
    "sensor_aware",
    "vision",
]

#: From black to white, where a picture does not say (a photograph).
RANGE_DB = 70.0


def sensor_aware(strength: float = 1.0, *, range_db: float = RANGE_DB) -> Compose:
    """The sensor-aware set, for pictures in [0, 1] or uint8 [N, 3, H, W].

    Parameters
    ----------
    strength : float
        0 changes nothing, 1 is our default, up to 2.
    range_db : float
        dB from black to white. A photograph has none: our choice makes it as deep as the
        pictures of the default settings.

    Returns
    -------
    Compose
        ``augmentation(images, generator)``; each picture is changed in its own way.

    Examples
    --------
    >>> import torch
    >>> images = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8)
    >>> views = sensor_aware()(images, generator=0)
    >>> views.shape, views.dtype
    (torch.Size([4, 3, 64, 64]), torch.uint8)
    >>> [step.label for step in sensor_aware().parts()]
    ['permute-x', 'translate-x', 'hue', 'gain', 'noise', 'time mask', 'frequency mask']
    """
    check_between(0, 2, strength=strength)
    return Compose(
        (
            Sometimes(PermuteX(segments=1 + round(3 * strength)), 0.5),
            TranslateX(shift=min(0.5 * strength, 1.0)),
            Sometimes(Hue(degrees=60 * strength, range_db=range_db), 0.8),
            Gain(gain=0.1 * strength),
            Sometimes(Noise(floor=0.4 * strength, range_db=range_db), 0.5),
            Sometimes(TimeMask(gap=0.25 * strength), 0.5),
            Sometimes(FrequencyMask(band=0.25 * strength), 0.5),
        )
    )


def mix_power(power, rotation):
    """Power of the turned device, if its axes are incoherent: mixed by R o R.

    ``|sum_j R_ij X_j|^2`` is ``sum_j R_ij^2 |X_j|^2`` plus cross terms ``2 R_ij R_ik Re(X_j X_k*)``
    that vanish on average when the axes have no fixed phase to one another. A power spectrogram
    forgets the phases, so this is the best that a picture can do. Rows of R o R (the elementwise
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
class TranslateX(TimeShift):
    """Move along the time axis by up to `shift` of the width; the rest enters at the other side.

    Exact but for the columns whose frame sees both sides of the seam (``n_fft / hop`` of them).
    """

    label: ClassVar[str] = "translate-x"
    meaning: ClassVar[str] = "the window was cut earlier or later"

    def twin(self, signal, scale, shift) -> torch.Tensor:
        """The same move of the samples."""
        return scale.within(signal, self.apply, shift=shift)

    def in_units(self, scale: Scale) -> dict[str, float]:
        """Largest shift in seconds."""
        return {"shift_s": self.shift * scale.seconds}


@dataclass(frozen=True)
class PermuteX(Permutation):
    """Shuffle 2 to `segments` equal blocks of columns.

    Exact but for ``n_fft / hop`` columns at each seam.
    """

    label: ClassVar[str] = "permute-x"
    meaning: ClassVar[str] = "the same events in another order"

    def twin(self, signal, scale, segments, keys) -> torch.Tensor:
        """The same shuffle of the samples."""
        return scale.within(signal, self.apply, segments=segments, keys=keys)

    def in_units(self, scale: Scale) -> dict[str, float]:
        """Length of the shortest block in seconds."""
        return {"block_s": scale.seconds / self.segments}


@dataclass(frozen=True)
class Hue(Rotation):
    """Mix the channels as a rotation of the device by up to `degrees` mixes its axes.

    Parameters
    ----------
    degrees : float
    on : {"power", "picture"}
        Mix by R o R what the greys stand for (``"power"``, exact for incoherent axes, up to
        what black and white cut off), or the greys themselves, which is the usual hue change
        and an approximation.
    range_db : float
        dB from black to white, for ``on="power"``.
    """

    degrees: float = 60.0
    on: str = "power"
    range_db: float = RANGE_DB
    label: ClassVar[str] = "hue"
    meaning: ClassVar[str] = "the device is worn in another orientation"

    def __post_init__(self) -> None:
        check_between(0, 180, degrees=self.degrees)
        if self.on not in ("power", "picture"):
            raise ParameterError(f'on is {self.on!r}, expected "power" or "picture"')

    def apply(self, images, rotation) -> torch.Tensor:
        """Mix by R o R."""
        if self.on == "picture":
            return mix_power(images, rotation)
        steepness = _steepness(self.range_db)
        return mix_power(images.mul(steepness).exp_(), rotation).log_().div_(steepness)

    def twin(self, signal, scale, rotation) -> torch.Tensor:
        """Turn the device: x -> R x in every triad of axes."""
        return mix(signal, rotation)

    def in_units(self, scale: Scale) -> dict[str, float]:
        """Largest angle in degrees."""
        return {"rotation_deg": self.degrees}


@dataclass(frozen=True)
class Gain(Augmentation):
    """Brighten or darken by up to `gain` of the range: a factor is an offset in dB.

    Invisible where a picture is normalised by axis or by window.
    """

    gain: float = 0.1
    label: ClassVar[str] = "gain"
    meaning: ClassVar[str] = "another sensitivity, or a more vigorous movement"

    def __post_init__(self) -> None:
        check_between(0, 1, gain=self.gain)

    def sample(self, shape, generator) -> Parameters:
        """Offsets [N], fractions of the range."""
        return {"gain": uniform(shape[:1], generator, -self.gain, self.gain)}

    def apply(self, images, gain) -> torch.Tensor:
        """Add the offset; black and white cut off."""
        return (images + gain.view(-1, 1, 1, 1)).clamp_(0, 1)

    def twin(self, signal, scale, gain) -> torch.Tensor:
        """Multiply by that many dB."""
        return signal * 10 ** (gain.view(-1, 1, 1) * scale.range_db / 20)

    def in_units(self, scale: Scale) -> dict[str, float]:
        """Largest gain in dB."""
        return {"gain_db": self.gain * scale.range_db}


@dataclass(frozen=True)
class Noise(Augmentation):
    """Raise the floor to up to `floor` of the range: the power of white noise adds in every bin.

    Powers add, so bright parts stay while dark ones drown; the floor is as grainy as that of a
    spectrogram of noise (exponentially distributed power, smooth over overlapping frames).
    """

    floor: float = 0.4
    range_db: float = RANGE_DB
    label: ClassVar[str] = "noise"
    meaning: ClassVar[str] = "a noisier sensor"
    #: Independent values of the noise's power along frequency and time (our choice).
    GRAIN: ClassVar[tuple[int, int]] = (24, 12)

    def __post_init__(self) -> None:
        check_between(0, 1, floor=self.floor)

    def sample(self, shape, generator) -> Parameters:
        """Floors [N], the grain of the pictured noise, and a seed for the noise of the twin."""
        grain = uniform((shape[0], 3, *self.GRAIN), generator).clamp_(min=1e-7).log_().neg_()
        seed = torch.randint(2**31, (1,), generator=generator, device=generator.device)
        return {
            "floor": uniform(shape[:1], generator, 0, self.floor),
            "grain": grain,
            "seed": int(seed),
        }

    def apply(self, images, floor, grain, seed) -> torch.Tensor:
        """Add the power of the noise."""
        steepness = _steepness(self.range_db)
        grain = torch.nn.functional.interpolate(grain, images.shape[2:], mode="bilinear")
        noise = grain.mul_((floor * steepness).expm1().view(-1, 1, 1, 1))
        power = images.mul(steepness).exp_().add_(noise)
        return power.log_().div_(steepness).clamp_(max=1)

    def twin(self, signal, scale, floor, grain, seed) -> torch.Tensor:
        """Add white noise of that power."""
        above_black = (floor * _steepness(scale.range_db)).expm1()
        variance = above_black * 10 ** ((scale.black_db - scale.noise_db) / 10)
        noise = torch.randn(signal.shape, generator=torch.Generator().manual_seed(seed))
        return signal + variance.sqrt().view(-1, 1, 1) * noise.to(signal.device)

    def in_units(self, scale: Scale) -> dict[str, float]:
        """Highest floor in dB above black."""
        return {"floor_db": self.floor * scale.range_db}


@dataclass(frozen=True)
class TimeMask(Augmentation):
    """Blacken columns, up to `gap` of the width."""

    gap: float = 0.25
    label: ClassVar[str] = "time mask"
    meaning: ClassVar[str] = "samples were lost"

    def __post_init__(self) -> None:
        check_between(0, 1, gap=self.gap)

    def sample(self, shape, generator) -> Parameters:
        """Edges of the gap [N], fractions of the width."""
        return random_interval(shape[0], self.gap, generator)

    def apply(self, images, start, stop) -> torch.Tensor:
        """Black: a held value has no power but at 0 Hz."""
        return images * _outside(start, stop, images.shape[3]).view(len(images), 1, 1, -1)

    def twin(self, signal, scale, start, stop) -> torch.Tensor:
        """Hold the last value through the gap."""
        return scale.within(signal, hold_time, start=start, stop=stop)

    def in_units(self, scale: Scale) -> dict[str, float]:
        """Longest gap in seconds."""
        return {"gap_s": self.gap * scale.seconds}


@dataclass(frozen=True)
class FrequencyMask(Augmentation):
    """Blacken rows, up to `band` of the height."""

    band: float = 0.25
    label: ClassVar[str] = "frequency mask"
    meaning: ClassVar[str] = "a band that the sensor or its filter does not pass"

    def __post_init__(self) -> None:
        check_between(0, 1, band=self.band)

    def sample(self, shape, generator) -> Parameters:
        """Edges of the band [N], fractions of the height above the bottom."""
        return random_interval(shape[0], self.band, generator)

    def apply(self, images, start, stop) -> torch.Tensor:
        """Black."""
        upwards = _outside(start, stop, images.shape[2])
        return images * upwards.flip(1).view(len(images), 1, -1, 1)

    def twin(self, signal, scale, start, stop) -> torch.Tensor:
        """Filter the band out."""
        return remove_band(signal, scale.nyquists(start), scale.nyquists(stop))

    def in_units(self, scale: Scale) -> dict[str, float]:
        """Widest band in Hz."""
        return {"band_hz": self.band * (scale.fmax_hz - scale.fmin_hz)}


def _steepness(range_db: float) -> float:
    """Nepers of power from black to white: power is exp(steepness x grey), black is 1."""
    return range_db * math.log(10) / 10


def _outside(start: torch.Tensor, stop: torch.Tensor, length: int) -> torch.Tensor:
    """1 outside the intervals [start, stop) and 0 inside, float [N, length]."""
    place = torch.arange(length, device=start.device)
    first, last = ((edge * length).round()[:, None] for edge in (start, stop))
    return ((place < first) | (place >= last)).float()
