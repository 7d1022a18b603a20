"""How a vision network reads motion: which pictures, which layers, in which cells."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm.auto import tqdm

from ..errors import ParameterError
from ..models.backbone import Backbone
from ..models.readout import SignalNetwork, normalize, pool_maps, read_layers
from ..pictures.image import to_image
from ..pictures.params import SpectrogramParams, resolve
from ..signals.axes import channel_index
from ..signals.windows import Windows

__all__ = ["ImageNetwork", "ImageReadout", "PatchPicture", "StftPicture"]


@dataclass(frozen=True)
class StftPicture:
    """A spectrogram whose frames are given in seconds, for tasks of many rates and lengths.

    Parameters
    ----------
    frame_s, hop_s : float, optional
        Length of a frame, at most half a window, and step to the next. Default: a third and a
        sixtieth of the window, so that the picture of a short window has columns too.
    settings : SpectrogramParams or name of a preset
        All else.

    Examples
    --------
    >>> StftPicture(frame_s=1.28, hop_s=0.08).params(rate=50, seconds=4).n_fft
    64
    """

    frame_s: float | None = None
    hop_s: float | None = None
    settings: SpectrogramParams | str = "default"

    def params(self, rate: float, seconds: float) -> SpectrogramParams:
        """Settings of the picture for windows of `seconds` at `rate` Hz."""
        # In seconds, because a method meets tasks of 30 to 200 Hz: n samples would be another
        # picture of each. A third of the window resolves 3 / seconds Hz.
        frame_s = seconds / 3 if self.frame_s is None else min(self.frame_s, seconds / 2)
        hop_s = seconds / 60 if self.hop_s is None else min(self.hop_s, frame_s)
        frame, hop = round(frame_s * rate), max(1, round(hop_s * rate))
        return replace(resolve(self.settings), n_fft=frame, hop=min(hop, frame))


@dataclass(frozen=True)
class PatchPicture:
    """The signal itself, cut into patches that are laid one below the other, without a spectrum.

    Each axis is scaled by its median and interquartile range; a patch is as long as the root of
    the window and overlaps the next by nine tenths.

    Parameters
    ----------
    size : (int, int)
        Height and width in pixels.

    References
    ----------
    S. Roschmann et al., Time series representations for classification lie hidden in pretrained
    vision transformers, 2025 (TiViT; there one grey picture an axis, here an axis a colour).

    Examples
    --------
    >>> ImageReadout(pictures=(PatchPicture(),)).pictures[0].size
    (96, 96)
    """

    size: tuple[int, int] = (96, 96)

    def draw(self, signal: np.ndarray) -> np.ndarray:
        """Signals float [N, 3, T] to pictures uint8 [N, 3, H, W]."""
        low, middle, high = np.percentile(signal, [25, 50, 75], axis=2, keepdims=True)
        scaled = (signal - middle) / np.maximum(high - low, 1e-6)  # [N, 3, T]
        patch = math.isqrt(signal.shape[2])
        rows = np.lib.stride_tricks.sliding_window_view(scaled, patch, axis=2)
        rows = rows[:, :, :: max(1, patch // 10)]  # [N, 3, patches, samples of a patch]
        grey = 127.5 + 127.5 * np.clip(rows / 3, -1, 1)  # three ranges from the median is white
        maps = F.interpolate(torch.from_numpy(np.ascontiguousarray(grey)), self.size)
        return maps.round().byte().numpy()


#: Windows that are drawn and read together: a long list shows how far it is, and fits in memory.
_AT_ONCE = 128

Picture = str | SpectrogramParams | StftPicture | PatchPicture


@dataclass(frozen=True)
class ImageReadout:
    """How a vision network reads motion. Chosen on the development sets, see ``docs/results.md``.

    Every layer of every picture is a voter: its map averaged in cells of frequency and time, a
    probe of its own, see `fuse`. So may be the picture itself, the layer before the first.

    Parameters
    ----------
    pictures : tuple of preset names, SpectrogramParams, StftPicture or PatchPicture
    layers : tuple of int
        Of the backbone, counted from 0, see `Backbone.layers`.
    pixels : tuple of int
        Those of the pictures whose pixels are read too, counted from 0.
    pool, rows, columns
        How a map becomes a vector, see `pool_maps`. Only ``"time"`` and ``"grid"`` keep where on
        the frequency axis something happened.

    Examples
    --------
    >>> ImageReadout(layers=(2, 3)).names
    ('motion pixels', 'motion 2', 'motion 3', 'motion-signed 2', 'motion-signed 3')
    """

    pictures: tuple[Picture, ...] = ("motion", "motion-signed")
    layers: tuple[int, ...] = (1, 2, 3, 4)
    pixels: tuple[int, ...] = (0,)
    pool: str = "grid"
    rows: int = 16
    columns: int = 4

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(sorted(self.layers)))
        known = range(len(self.pictures))
        if not self.voters or any(index not in known for index in self.pixels):
            raise ParameterError(
                f"{len(self.pictures)} pictures, layers {self.layers}, pixels {self.pixels}",
                where="ImageReadout",
                remedy="Give a picture and a layer; pixels are numbers of pictures, from 0.",
            )

    @property
    def voters(self) -> list[tuple[int, int | None]]:
        """Picture and layer of each voter; None is the picture itself."""
        return [
            (index, layer)
            for index in range(len(self.pictures))
            for layer in (None, *self.layers)
            if layer is not None or index in self.pixels
        ]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the voters."""
        shown = [p if isinstance(p, str) else f"picture {i}" for i, p in enumerate(self.pictures)]
        return tuple(
            f"{shown[index]} {'pixels' if layer is None else layer}" for index, layer in self.voters
        )

    @property
    def cells(self) -> dict:
        """How maps are pooled, as `pool_maps` takes it."""
        return {"pool": self.pool, "rows": self.rows, "columns": self.columns}

    def draw(self, windows: Windows) -> Iterator[np.ndarray]:
        """The pictures uint8 [N, 3, H, W], one kind after the other."""
        for picture in self.pictures:
            fitted = _fit(picture, windows.rate, windows.seconds)
            if isinstance(fitted, PatchPicture):
                axes = channel_index(windows.axes, _channels(fitted))
                yield fitted.draw(windows.signal[:, axes])
            else:
                yield to_image(windows, params=fitted)

    def read(
        self, windows: Windows, backbone: Backbone | None, *, progress: bool = False
    ) -> dict[str, np.ndarray]:
        """Voter -> features float32 [N, D]; without a backbone the pixels alone."""
        starts = range(0, max(1, len(windows)), _AT_ONCE)
        bar = tqdm(total=len(windows), desc="reading", unit="window", disable=not progress)
        parts = []
        with bar:
            for start in starts:
                parts.append(self._read(windows[start : start + _AT_ONCE], backbone))
                bar.update(len(windows[start : start + _AT_ONCE]))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _read(self, windows: Windows, backbone: Backbone | None) -> dict[str, np.ndarray]:
        read: dict = {}
        for index, images in enumerate(self.draw(windows)):
            if index in self.pixels:
                pixels = torch.from_numpy(images).float()
                read[index, None] = pool_maps(pixels, **self.cells).numpy()
            if backbone is not None and self.layers:
                layers = backbone.layer_features(images, self.layers, **self.cells)
                read |= {(index, layer): features for layer, features in layers.items()}
        voters = zip(self.names, self.voters, strict=True)
        return {name: read[voter] for name, voter in voters if voter in read}


class ImageNetwork(SignalNetwork):
    """Signals to pictures to features, with the same numbers as `ImageReadout.read`.

    The backbone is shared, not copied; signals have the rate, length and axes of `windows`.
    """

    def __init__(self, backbone: Backbone, readout: ImageReadout, windows: Windows) -> None:
        super().__init__(backbone.model)  # the timm model is the body: it learns, pictures stay
        self.readout, self.rate = readout, windows.rate
        self.pictures = [_fit(p, windows.rate, windows.seconds) for p in readout.pictures]
        self.axes = [channel_index(windows.axes, _channels(p)) for p in self.pictures]
        self.mean, self.std = backbone.mean, backbone.std

    def prepare(self, signal: Tensor) -> Tensor:
        """Signals float [N, C, T] to normalised pictures float [N, P, 3, H, W], all of one size."""
        pictures = []
        for picture, axes in zip(self.pictures, self.axes, strict=True):
            three = signal[:, axes]  # the axes that become colours, or the length of a vector
            if isinstance(picture, PatchPicture):
                images = torch.from_numpy(picture.draw(three.cpu().numpy())).to(signal.device)
            else:
                channels = "magnitude" if picture.channels == "magnitude" else "acc"
                images = to_image(three, self.rate, picture, channels=channels)
            pictures.append(normalize(images, self.mean, self.std))
        return torch.stack(pictures, dim=1)

    def forward(self, prepared: Tensor) -> Tensor:
        """Pictures to features [N, D], voter by voter."""
        return torch.cat(self.voters(prepared), dim=1)

    def voters(self, prepared: Tensor) -> list[Tensor]:
        """Pictures to the features [N, D] of each voter, in the order of `ImageReadout.voters`."""
        readout, shape = self.readout, prepared.shape[:2]
        flat = prepared.flatten(0, 1)  # all pictures in one pass [N * P, 3, H, W]
        layers = read_layers(self.body, flat, readout.layers, **readout.cells)
        read: dict = dict(zip(readout.layers, layers, strict=True))
        read[None] = pool_maps(flat, **readout.cells)  # the picture itself
        read = {layer: features.unflatten(0, shape) for layer, features in read.items()}
        return [read[layer][:, index] for index, layer in readout.voters]


def _fit(picture: Picture, rate: float, seconds: float) -> SpectrogramParams | PatchPicture:
    """A picture with its settings in samples, for windows of `seconds` at `rate` Hz."""
    if isinstance(picture, StftPicture):
        return picture.params(rate, seconds)
    return picture if isinstance(picture, PatchPicture) else resolve(picture)


def _channels(picture: SpectrogramParams | PatchPicture) -> str | tuple[str, str, str]:
    return "acc" if isinstance(picture, PatchPicture) else picture.channels
