"""Sensor-aware augmentation: changes of a picture that depict changes of a sensor.

An augmentation is sensor-aware when it is the picture of a physically plausible change of the
sensor, under the map from signal to spectrogram picture: it has a plausible twin (see `base`).
Applied to photographs, the set teaches a network what to ignore before it has seen any motion.

The greys of a spectrogram picture are decibels: grey g stands for a power of
``10 ** (g * range_db / 10)`` times that of black. Pictures of bands have signed rows as well,
where a grey stands for a value: see `PictureKind`, which every change that cares bears as `kind`.

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
from ..pictures.params import SpectrogramParams
from .base import (
    Augmentation,
    Compose,
    Parameters,
    RandomApply,
    check_between,
    normal,
    random_interval,
    uniform,
)
from .functional import hold_time, mix, remove_band, shift_rows, stretch_time, warp_time
from .scale import LINEAR, PictureKind, PictureScale, kind_of
from .signal import Dropout, Permutation, Rotation, TimeShift

__all__ = [
    "FrequencyMask",
    "Gain",
    "Hue",
    "Invert",
    "Noise",
    "PermuteX",
    "Tempo",
    "TimeMask",
    "TranslateX",
    "mix_power",
    "sensor_aware",
]

#: How far a band hears its neighbours, as a share of its frequency: 1.5 standard deviations.
_SPILL = 1 / 2

#: Mean of the logarithm of exponentially distributed power of mean 1: minus Euler's constant.
_MEAN = -0.5772


def sensor_aware(
    strength: float = 1.0, params: str | SpectrogramParams | PictureKind | None = None
) -> Compose:
    """The sensor-aware set of a kind of picture, for images in [0, 1] or uint8 [N, 3, H, W].

    On a logarithmic axis a tempo is a translation, and signed rows tell an axis from its
    negative: pictures of bands have two changes more. All act on what greys stand for.

    Parameters
    ----------
    strength : float
        0 changes nothing, 1 is our default, at most 2.
    params : optional
        What the pictures are: settings as in `to_image`, or a `PictureKind` (`PictureScale` has
        that of a picture). Photographs count as what they stand in for.

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
    >>> [step.label for step in sensor_aware(params="motion").parts()][2:5]
    ['tempo', 'hue', 'invert']
    """
    check_between(0, 2, strength=strength)
    kind = kind_of(params)
    if kind.octaves:
        return _of_bands(strength, kind)
    # Cheap changes that may come out as nothing need no probability of their own. Geometry first,
    # then power, masks last: what was lost stays lost.
    return Compose(
        (
            RandomApply(PermuteX(segments=1 + round(3 * strength)), 0.5),
            TranslateX(shift=0.5 * strength),
            RandomApply(Hue(degrees=60 * strength, kind=kind), 0.8),
            Gain(gain=0.1 * strength, kind=kind),
            RandomApply(Noise(floor=0.4 * strength, kind=kind), 0.5),
            RandomApply(TimeMask(gap=0.25 * strength, kind=kind), 0.5),
            RandomApply(FrequencyMask(band=0.25 * strength, kind=kind), 0.5),
        )
    )


def _of_bands(strength: float, kind: PictureKind) -> Compose:
    """The set for bands above slow movement."""
    # The strengths of the twins in docs/walks.md: a picture that shows which way gravity points
    # is not that of a sensor turned by 60 degrees. In signed greys noise is a distance from
    # mid-grey, in greys of power a height above black.
    floor = 0.05 if kind.signed else 0.4
    return Compose(
        (
            RandomApply(PermuteX(segments=1 + round(3 * strength)), 0.3),
            TranslateX(shift=0.25 * strength),
            Tempo(octaves=0.3 * strength, kind=kind),
            Hue(degrees=20 * strength, kind=kind),
            Invert(share=0.1 * strength, kind=kind),
            Gain(gain=0.03 * strength, kind=kind),
            RandomApply(Noise(floor=floor * strength, kind=kind), 0.5),
            RandomApply(TimeMask(gap=0.2 * strength, kind=kind), 0.3),
            RandomApply(FrequencyMask(band=0.2 * strength, kind=kind), 0.3),
        )
    )


@dataclass(frozen=True)
class TranslateX(TimeShift):
    """Move along the time axis by up to `shift` of the width.

    What enters at the other side is mirrored (``edge="reflect"``), which leaves no jump in the
    signal, or wrapped around. Exact but for the columns whose frame sees the edge, some
    ``n_fft / hop`` of them.

    Examples
    --------
    >>> images = torch.rand(2, 3, 32, 32)
    >>> moved = TranslateX(0.1)(images, generator=0)
    >>> moved.shape
    torch.Size([2, 3, 32, 32])
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

    Examples
    --------
    >>> images = torch.rand(2, 3, 32, 32)
    >>> mixed = PermuteX(4)(images, generator=0)
    >>> torch.allclose(mixed.sum(), images.sum())
    True
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
class Tempo(Augmentation):
    """Play up to so many octaves faster or slower, about the middle of the window.

    Played c times as fast, frequencies are c times as high and times c times as short. On a
    logarithmic axis the one is a translation of the rows by log2(c) octaves, on a linear one a
    stretch from 0 Hz; the other is a stretch of the columns. Either alone is no movement's
    picture. What enters at an edge is mirrored; rows of slow movement keep their height.

    Examples
    --------
    >>> images = torch.rand(2, 3, 32, 32)
    >>> Tempo(0.3, kind_of("motion"))(images, generator=0).shape
    torch.Size([2, 3, 32, 32])
    """

    octaves: float = 0.3
    kind: PictureKind = LINEAR
    label: ClassVar[str] = "tempo"
    meaning: ClassVar[str] = "the same movement, done faster or slower"
    idle: ClassVar[dict[str, Any]] = {"octaves": 0.0}
    limits: ClassVar[dict[str, tuple[float, float]]] = {"octaves": (0, 3)}

    def sample(self, shape, generator) -> Parameters:
        """Tempos [N], octaves; above 0 is faster."""
        return {"octaves": uniform(shape[:1], generator, -self.octaves, self.octaves)}

    def _apply(self, images, octaves) -> torch.Tensor:
        bands, tempo = self.kind.bands(images), torch.exp2(octaves)
        if self.kind.octaves:
            bands.copy_(shift_rows(bands, octaves / self.kind.octaves))
        else:
            height = torch.arange(bands.shape[2], device=bands.device) + 0.5  # from 0 Hz
            upwards = bands.transpose(2, 3).flip(3)
            moved = warp_time(upwards, height / tempo[:, None] - 0.5)
            bands.copy_(moved.flip(3).transpose(2, 3))
        return stretch_time(images, tempo)

    def twin(self, signal, scale, octaves) -> torch.Tensor:
        """Resample about the middle of the window."""
        return scale.within(signal, stretch_time, tempo=torch.exp2(octaves))

    def in_units(self, scale: PictureScale) -> dict[str, float]:
        """Largest tempo in octaves."""
        return {"tempo_octaves": self.octaves}


@dataclass(frozen=True)
class TimeMask(Dropout):
    """Blacken columns, up to `gap` of the width; mid-grey is the black of signed bands.

    Rows of slow movement stay: a gap is short to them.

    Examples
    --------
    >>> images = torch.rand(2, 3, 32, 32)
    >>> masked = TimeMask(0.5)(images, generator=0)
    >>> bool((masked == 0).all(dim=(1, 2)).any())
    True
    """

    gap: float = 0.25
    kind: PictureKind = LINEAR
    label: ClassVar[str] = "time mask"
    meaning: ClassVar[str] = "samples were lost"
    idle: ClassVar[dict[str, Any]] = {"start": 0.0, "stop": 0.0}

    def _apply(self, images, start, stop) -> torch.Tensor:
        # SpecAugment fills with the mean; black is what a value that stands still looks like, which
        # has no power but at 0 Hz.
        _blacken(images, _outside(start, stop, images.shape[3])[:, None, None, :], self.kind)
        return images

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
    """Blacken rows, up to `band` of the bands' height; mid-grey is the black of signed bands.

    Examples
    --------
    >>> images = torch.rand(2, 3, 32, 32)
    >>> masked = FrequencyMask(0.5)(images, generator=0)
    >>> bool((masked == 0).all(dim=(1, 3)).any())
    True
    """

    band: float = 0.25
    kind: PictureKind = LINEAR
    label: ClassVar[str] = "frequency mask"
    meaning: ClassVar[str] = "a band that the sensor or its filter does not pass"
    idle: ClassVar[dict[str, Any]] = {"start": 0.0, "stop": 0.0}
    limits: ClassVar[dict[str, tuple[float, float]]] = {"band": (0, 1)}

    def sample(self, shape, generator) -> Parameters:
        """Edges of the band [N], fractions of the height of the bands above their bottom."""
        return random_interval(shape[0], self.band, generator)

    def _apply(self, images, start, stop) -> torch.Tensor:
        upwards = _outside(start, stop, self.kind.bands(images).shape[2])
        _blacken(images, upwards.flip(1)[:, None, :, None], self.kind)  # row 0 is the top
        return images

    def twin(self, signal, scale, start, stop) -> torch.Tensor:
        """Filter the band out, a bin wider at each side: that far its neighbours spill into it."""
        slow = scale.kind.slow
        low, high = (scale.hz(slow + (1 - slow) * edge) for edge in (start, stop))
        # Of a tapered sine, 4 bins wide with a Hann taper, that leaves the outer skirts. What is
        # told apart on a logarithmic axis grows with frequency.
        wide = (stop > start) * (_SPILL if scale.kind.octaves else 1 / scale.frame_s)
        below, above = (low, high) if scale.kind.octaves else (1, 1)
        low, high = low - wide * below, high + wide * above
        return remove_band(signal, low / (scale.rate / 2), high / (scale.rate / 2))

    def in_units(self, scale: PictureScale) -> dict[str, float]:
        """Widest band in Hz, or in octaves on a logarithmic axis."""
        if scale.kind.octaves:
            return {"band_octaves": self.band * scale.kind.octaves}
        return {"band_hz": self.band * scale.height_hz}


def _blacken(images: torch.Tensor, kept: torch.Tensor, kind: PictureKind) -> None:
    """Take the bands to no power, or to no movement, where `kept` is 0 and not 1."""
    bands = kind.bands(images).mul_(kept)
    if kind.signed:
        bands.add_(0.5 * (1 - kept))


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
        Mix greys of power themselves by R o R: an approximation, cheap, and as good a picture as
        any where every axis has a range of its own. Or mix the powers they stand for: exact for
        incoherent axes, but for what black and white cut off.
    kind : PictureKind
        What greys stand for. What signed ones do is mixed by R itself, minus signs included:
        exact, but for what black and white cut off.

    Examples
    --------
    >>> images = torch.rand(2, 3, 32, 32)
    >>> turned = Hue(60)(images, generator=0)
    >>> turned.shape
    torch.Size([2, 3, 32, 32])
    """

    degrees: float = 60.0
    on: str = "picture"
    kind: PictureKind = LINEAR
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
        def turned_power(greys):
            if self.on == "picture":
                return mix_power(greys, rotation)
            # grey -> nepers -> power -> mixed -> nepers -> grey
            steepness = _steepness(self.kind.range_db)
            return mix_power(greys.mul_(steepness).exp_(), rotation).log_().div_(steepness)

        return self.kind.change(images, turned_power, lambda values: mix(values, rotation))

    def twin(self, signal, scale, rotation) -> torch.Tensor:
        """Turn the device: x -> R x in every triad of axes."""
        return mix(signal, rotation)

    def in_units(self, scale: PictureScale) -> dict[str, float]:
        """Largest angle in degrees."""
        return {"rotation_deg": self.degrees}


@dataclass(frozen=True)
class Invert(Augmentation):
    """Invert channels, each of them in a `share` of the pictures: red for cyan.

    Exact where greys are signed. Power is the same for an axis and its negative, so that bands of
    power and pictures of an STFT stay as they are.

    Examples
    --------
    >>> images = torch.rand(2, 3, 32, 32)
    >>> Invert(share=1.0, kind=kind_of("motion-signed"))(images, generator=0).shape
    torch.Size([2, 3, 32, 32])
    """

    share: float = 0.1
    kind: PictureKind = LINEAR
    label: ClassVar[str] = "invert"
    meaning: ClassVar[str] = "a sensor turned over, or an axis counted the other way"
    idle: ClassVar[dict[str, Any]] = {"sign": 1.0}
    limits: ClassVar[dict[str, tuple[float, float]]] = {"share": (0, 1)}

    def sample(self, shape, generator) -> Parameters:
        """Signs [N, 3], one a channel."""
        inverted = uniform((shape[0], 3), generator) < self.share
        return {"sign": 1.0 - 2.0 * inverted}

    def _apply(self, images, sign) -> torch.Tensor:
        return self.kind.change(
            images, lambda power: power, lambda values: values.mul_(sign[:, :, None, None])
        )

    def twin(self, signal, scale, sign) -> torch.Tensor:
        """The same signs on the axes."""
        return signal * sign[:, :, None]

    def in_units(self, scale: PictureScale) -> dict[str, float]:
        """Share of the channels."""
        return {"share": self.share}


@dataclass(frozen=True)
class Gain(Augmentation):
    """Brighten or darken by up to `gain` of the range: a factor is an offset in dB.

    Signed greys have no dB; what they stand for is multiplied by the factor. It depicts nothing
    where each picture is normalised by axis or by window.

    Examples
    --------
    >>> grey = torch.full((1, 3, 32, 32), 0.5)
    >>> louder = Gain(0.1)(grey, generator=0)
    >>> bool((louder - louder.mean()).abs().max() < 1e-6)  # one offset for the whole picture
    True
    """

    gain: float = 0.1
    kind: PictureKind = LINEAR
    label: ClassVar[str] = "gain"
    meaning: ClassVar[str] = "another sensitivity, or a more vigorous movement"
    idle: ClassVar[dict[str, Any]] = {"gain": 0.0}
    limits: ClassVar[dict[str, tuple[float, float]]] = {"gain": (0, 1)}

    def sample(self, shape, generator) -> Parameters:
        """Offsets [N], fractions of the range."""
        return {"gain": uniform(shape[:1], generator, -self.gain, self.gain)}

    def _apply(self, images, gain) -> torch.Tensor:
        gain = gain.view(-1, 1, 1, 1)
        # 20, not 10: decibels are of power, and the signal is an amplitude.
        factor = 10 ** (gain * self.kind.range_db / 20)
        return self.kind.change(
            images, lambda power: power.add_(gain).clamp_(0, 1), lambda values: values.mul_(factor)
        )

    def twin(self, signal, scale, gain) -> torch.Tensor:
        """Multiply by that many dB."""
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

    On a logarithmic axis bands grow broader and noise louder, by 3 dB an octave up to the floor;
    slow movement is averaged too long to show any. To signed bands noise is added as it is, with
    a root mean square of `floor`, counted from mid-grey.

    References
    ----------
    .. [1] Nadas, Nahamoo and Picheny, "Speech recognition using noise-adaptive prototypes", IEEE
       Trans. Acoustics, Speech, and Signal Processing, 1989 (the "MIXMAX" model).

    Examples
    --------
    >>> images = torch.rand(2, 3, 32, 32)
    >>> noisier = Noise(0.4)(images, generator=0)
    >>> bool(noisier.mean() > images.mean())
    True
    """

    floor: float = 0.4
    kind: PictureKind = LINEAR
    label: ClassVar[str] = "noise"
    meaning: ClassVar[str] = "a noisier sensor"
    #: Independent values of the noise along frequency and time: our choice.
    GRAIN: ClassVar[tuple[int, int]] = (24, 12)
    limits: ClassVar[dict[str, tuple[float, float]]] = {"floor": (0, 1)}

    def sample(self, shape, generator) -> Parameters:
        """Floors [N], fractions of the range; noise, in nepers of power; a seed for the twin's."""
        if self.kind.signed:  # no power to be smooth: it swings from column to column
            noise = normal((shape[0], 3, self.GRAIN[0], shape[3]), generator)
        else:
            # -log(u) of a uniform u is exponentially distributed, as |X|^2 of a complex normal X.
            power = uniform((shape[0], 3, *self.GRAIN), generator).clamp_(min=1e-7).log_().neg_()
            noise = power.log_()
        seed = torch.randint(2**31, (1,), generator=generator, device=generator.device)
        floor = uniform(shape[:1], generator, 0, self.floor)
        return {"floor": floor, "noise": noise, "seed": int(seed)}

    def _apply(self, images, floor, noise, seed) -> torch.Tensor:
        bands = self.kind.bands(images)  # none in slow movement
        rows = _smooth(noise.shape[2], bands.shape[2]).to(images)
        columns = _smooth(noise.shape[3], bands.shape[3]).to(images)
        # How much weaker than in the highest band: half the breadth, half the power, 3 dB.
        depth = (torch.arange(bands.shape[2]) + 0.5) / bands.shape[2]
        fall_db = (10 * math.log10(2) * self.kind.octaves * depth)[:, None].to(images)  # [h, 1]
        if self.kind.signed:
            level = rows @ (noise @ columns.T) * 10 ** (-fall_db / 20)
            level *= self.kind.value(0.5 + floor).view(-1, 1, 1, 1)
            level = F.pad(level, (0, 0, 0, images.shape[2] - bands.shape[2]))
            return self.kind.change(images, lambda power: power, lambda values: values.add_(level))
        # [24, 12] -> [H, W]: rows [H, 24], columns [W, 12]. The noise has mean 0 here, and its own
        # mean comes back with the floor: smoothing keeps the variance, not the mean.
        steepness = _steepness(self.kind.range_db)
        level = rows @ ((noise - _MEAN) / steepness @ columns.T)
        level += (_raising(floor, steepness).log() + _MEAN).view(-1, 1, 1, 1) / steepness
        level -= fall_db / self.kind.range_db
        # log(e^a + e^b) ~ max(a, b), at most 3 dB off where both are equal (MIXMAX [1]_).
        torch.maximum(bands, level, out=bands).clamp_(max=1)
        return images

    def twin(self, signal, scale, floor, noise, seed) -> torch.Tensor:
        """Add white noise of that power."""
        # A variance of 1 shows as noise_db in a bin; `unit` is the variance that shows as black.
        if scale.kind.signed:
            variance = scale.kind.value(0.5 + floor).square() * 10 ** (-scale.noise_db / 10)
        else:
            unit = 10 ** ((scale.black_db - scale.noise_db) / 10)
            variance = unit * _raising(floor, _steepness(scale.range_db))
        noise = torch.randn(signal.shape, generator=torch.Generator().manual_seed(seed))
        return signal + variance.sqrt().view(-1, 1, 1) * noise.to(signal.device)

    def in_units(self, scale: PictureScale) -> dict[str, float]:
        """Highest floor in dB above black, or the value that a signed grey stands for."""
        if scale.kind.signed:
            return {"noise": float(scale.kind.value(torch.tensor(0.5 + self.floor)))}
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
