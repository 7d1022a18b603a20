"""Sensor-aware augmentation: changes of a picture that depict changes of a sensor.

An augmentation is sensor-aware when it is the picture of a physically plausible change of the
sensor, under the map from signal to spectrogram picture. So each has a **twin**, the change of
the signal that it depicts; how well the two agree is measured in `img2imu_kit.fidelity`. Applied
to photographs, the set teaches a network what to ignore before it has seen any motion.

The idea is the paper's [1]_; this definition, the list and the strengths are our choice. Masks
are those of SpecAugment [2]_.

References
----------
.. [1] Yoon et al., IMG2IMU, arXiv 2209.00945, IEEE TMC 2024.
.. [2] Park et al., "SpecAugment: a simple data augmentation method for automatic speech
   recognition", Interspeech 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from .augment_power import RANGE_DB, Gain, Hue, Noise, mix_power
from .change import Augmentation, Compose, Parameters, Scale, Sometimes, check_between
from .operations import hold_time, remove_band
from .twins import Permutation, TimeShift, random_interval
from .vision import vision

__all__ = [
    "RANGE_DB",
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
    return Compose(
        (
            Sometimes(PermuteX(segments=1 + round(3 * strength)), 0.5),
            TranslateX(shift=0.5 * strength),
            Sometimes(Hue(degrees=60 * strength, range_db=range_db), 0.8),
            Gain(gain=0.1 * strength),
            Sometimes(Noise(floor=0.4 * strength, range_db=range_db), 0.5),
            Sometimes(TimeMask(gap=0.25 * strength), 0.5),
            Sometimes(FrequencyMask(band=0.25 * strength), 0.5),
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
    idle: ClassVar[dict[str, Any]] = {"segments": 1}

    def twin(self, signal, scale, segments, keys) -> torch.Tensor:
        """The same shuffle of the samples."""
        return scale.within(signal, self.apply, segments=segments, keys=keys)

    def in_units(self, scale: Scale) -> dict[str, float]:
        """Length of the shortest block in seconds."""
        return {"block_s": scale.seconds / self.segments}


@dataclass(frozen=True)
class TimeMask(Augmentation):
    """Blacken columns, up to `gap` of the width."""

    gap: float = 0.25
    label: ClassVar[str] = "time mask"
    meaning: ClassVar[str] = "samples were lost"
    idle: ClassVar[dict[str, Any]] = {"start": 0.0, "stop": 0.0}

    def __post_init__(self) -> None:
        check_between(0, 1, gap=self.gap)

    def sample(self, shape, generator) -> Parameters:
        """Edges of the gap [N], fractions of the width."""
        return random_interval(shape[0], self.gap, generator)

    def _apply(self, images, start, stop) -> torch.Tensor:
        # Black: a value that stands still has no power but at 0 Hz.
        return images.mul_(_outside(start, stop, images.shape[3])[:, None, None, :])

    def twin(self, signal, scale, start, stop) -> torch.Tensor:
        """Hold the last value through the gap.

        A column goes black when its frame has lost nearly all its weight, so the gap is wider
        than the black by 3/8 of a frame at each side: the outer eighths of a Hann taper hold
        0.3 % of its power.
        """
        wider = torch.where(stop > start, 3 / 8 * scale.frame_s, 0.0)
        edges = (
            scale.start_s + start * scale.seconds - wider,
            scale.start_s + stop * scale.seconds + wider,
        )
        return hold_time(signal, *(edge * scale.rate for edge in edges))

    def in_units(self, scale: Scale) -> dict[str, float]:
        """Longest black in seconds."""
        return {"gap_s": self.gap * scale.seconds}


@dataclass(frozen=True)
class FrequencyMask(Augmentation):
    """Blacken rows, up to `band` of the height."""

    band: float = 0.25
    label: ClassVar[str] = "frequency mask"
    meaning: ClassVar[str] = "a band that the sensor or its filter does not pass"
    idle: ClassVar[dict[str, Any]] = {"start": 0.0, "stop": 0.0}

    def __post_init__(self) -> None:
        check_between(0, 1, band=self.band)

    def sample(self, shape, generator) -> Parameters:
        """Edges of the band [N], fractions of the height above the bottom."""
        return random_interval(shape[0], self.band, generator)

    def _apply(self, images, start, stop) -> torch.Tensor:
        upwards = _outside(start, stop, images.shape[2])
        return images.mul_(upwards.flip(1)[:, None, :, None])

    def twin(self, signal, scale, start, stop) -> torch.Tensor:
        """Filter the band out, a bin wider at each side: that far its neighbours spill into it."""
        wider = torch.where(stop > start, 1 / scale.frame_s, 0.0)
        low, high = scale.hz(start) - wider, scale.hz(stop) + wider
        return remove_band(signal, low / (scale.rate / 2), high / (scale.rate / 2))

    def in_units(self, scale: Scale) -> dict[str, float]:
        """Widest band in Hz."""
        return {"band_hz": self.band * (scale.fmax_hz - scale.fmin_hz)}


def _outside(start: torch.Tensor, stop: torch.Tensor, length: int) -> torch.Tensor:
    """1 outside the intervals [start, stop) and 0 inside, float [N, length]."""
    place = torch.arange(length, device=start.device)
    first, last = ((edge * length).round()[:, None] for edge in (start, stop))
    return ((place < first) | (place >= last)).float()
