"""What the table compares: each turns windows into features, and some can be fine-tuned.

Who is compared: pictures, sensor baselines, statistics by hand, and what random weights do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..baselines.encoder import SignalEncoder
from ..baselines.train import OwnWindows
from ..errors import ParameterError
from ..models import backbone
from ..models import backbone as backbones
from ..models import backbone as networks
from ..models import readout as pooling
from ..models.backbone import Backbone
from ..models.readout import SignalNetwork, pool_maps
from ..models.weights import find_weights, read_card
from ..pictures import image as pictures
from ..pictures import params
from ..pictures import stft as spectrograms
from ..pictures.image import to_image
from ..pictures.params import SpectrogramParams
from ..signals import features as features_by_hand
from ..signals.axes import channel_index
from ..signals.features import handcrafted_features
from ..signals.windows import Windows
from .cache import cache_key

__all__ = [
    "Handcrafted",
    "ImageMethod",
    "ImageReadout",
    "Method",
    "VisionReader",
    "lever_methods",
    "other_methods",
    "sensor_methods",
    "vision_methods",
]


class Method(Protocol):
    """What `few_label_table` asks of a method.

    Attributes
    ----------
    family : {"vision", "sensor", "by hand", "scratch"}
        What it is counted as in the summary.
    only : str or None
        The one protocol that it takes part in, or a probe of its own (``"forest"``).
    scratch : bool
        Whether its weights are random, see `Recipe.from_scratch`.
    """

    family: str
    only: str | None
    scratch: bool

    def fingerprint(self) -> str:
        """A name for all that decides its features."""

    def features(self, windows: Windows) -> np.ndarray:
        """float32 [N, D]."""

    def reader(self, windows: Windows) -> SignalNetwork | None:
        """What can be fine-tuned on windows of this rate and these axes; None if nothing can."""


@dataclass(frozen=True)
class ImageReadout:
    """How a vision network reads motion: the four levers, in seconds and pixels. Our choice.

    Parameters
    ----------
    frame_s, hop_s : float, optional
        Length of a frame of the spectrogram and step to the next, in seconds. Default: a third
        and a sixtieth of the window, so that the picture of a short window has columns too.
    range, scale, detrend, channels, fmax_hz, size
        As in `SpectrogramParams`. A fixed `range` keeps amplitude and the ratio between axes.
    layer : int or tuple of int
        Which layers of the backbone are read, see `Backbone.layers`.
    pool, rows, columns
        How their maps become features, see `pooling.pool_maps`. Only ``"time"`` and ``"grid"``
        keep where on the frequency axis something happened.

    Examples
    --------
    >>> Lens(frame_s=1.28, hop_s=0.08).params(rate=50, seconds=4).n_fft
    64
    """

    frame_s: float | None = None
    hop_s: float | None = None
    range: tuple[float, float] | str = (-50.0, 20.0)
    scale: str = "db"
    detrend: str | None = None
    channels: str | tuple[str, str, str] = "acc"
    fmax_hz: float | None = None
    size: tuple[int, int] = (96, 96)
    layer: int | tuple[int, ...] = 1
    pool: str = "grid"
    rows: int = 8
    columns: int = 1

    def params(self, rate: float, seconds: float) -> SpectrogramParams:
        """Settings of the picture for windows of `seconds` at `rate` Hz."""
        frame_s = seconds / 3 if self.frame_s is None else self.frame_s
        if frame_s > seconds:
            raise ParameterError(
                f"frame_s is {frame_s:g} s, longer than the window of {seconds:g} s",
                where="Lens",
                remedy="Give less, or None for a third of the window.",
            )
        picture = ("range", "scale", "detrend", "channels", "fmax_hz", "size")
        return SpectrogramParams.for_rate(
            rate,
            frame_s,
            seconds / 60 if self.hop_s is None else self.hop_s,
            **{name: getattr(self, name) for name in picture},
        )


@dataclass(frozen=True, eq=False)
class ImageMethod:
    """A vision backbone behind a lens.

    Parameters
    ----------
    backbone : Backbone
    lens : Lens
    family, only, scratch
        As in `Method`.
    """

    backbone: Backbone
    lens: ImageReadout = ImageReadout()
    family: str = "vision"
    only: str | None = None
    scratch: bool = False

    def fingerprint(self) -> str:
        """Of network, weights, pixel statistics, lens, and the code that paints and reads."""
        net = self.backbone
        code = [params, spectrograms, pictures, pooling, networks, backbone]
        return cache_key(net.name, net.model, net.mean, net.std, self.lens, code)

    def features(self, windows: Windows) -> np.ndarray:
        """float32 [N, D]."""
        images = to_image(windows, params=self.lens.params(windows.rate, windows.seconds))
        lens = self.lens
        return self.backbone.features(
            images, layer=lens.layer, pool=lens.pool, rows=lens.rows, columns=lens.columns
        )

    def reader(self, windows: Windows) -> VisionReader:
        """The backbone and the lens as one network for signals."""
        return VisionReader(self.backbone, self.lens, windows)


class VisionReader(SignalNetwork):
    """Signals to pictures to features, with the same numbers as `Vision.features`.

    Parameters
    ----------
    backbone : Backbone
        Shared, not copied.
    lens : Lens
    windows : Windows
        Whose rate, length and axes the signals have.
    """

    def __init__(self, backbone: Backbone, lens: ImageReadout, windows: Windows) -> None:
        super().__init__(backbone.model)
        self.lens, self.rate = lens, windows.rate
        self.picture = lens.params(windows.rate, windows.seconds)
        self.axes = channel_index(windows.axes, lens.channels)
        self.layers = backbone.indices(lens.layer)
        self.mean, self.std = backbone.mean, backbone.std

    def prepare(self, signal: Tensor) -> Tensor:
        """Signals float [N, C, T] to normalised pictures float [N, 3, H, W]."""
        channels = "magnitude" if self.lens.channels == "magnitude" else "acc"
        images = to_image(signal[:, self.axes], self.rate, self.picture, channels=channels)
        mean, std = (
            torch.tensor(values, device=signal.device).mul(255).view(-1, 1, 1)
            for values in (self.mean, self.std)
        )
        return (images - mean) / std

    def forward(self, prepared: Tensor) -> Tensor:
        """Pictures to features [N, D]."""
        maps = self.body.forward_intermediates(
            prepared, indices=self.layers, stop_early=True, intermediates_only=True
        )
        lens = self.lens
        vectors = [pool_maps(m, lens.pool, rows=lens.rows, columns=lens.columns) for m in maps]
        return torch.cat(vectors, dim=1)


@dataclass(frozen=True)
class Handcrafted:
    """Statistics chosen by people, see `handcrafted_features`, read by a classifier.

    Parameters
    ----------
    only : str or None
        Its probe, as in `few_label`; None: whichever the protocol says.
    """

    only: str | None = "forest"
    family: str = "by hand"
    scratch: bool = False

    def fingerprint(self) -> str:
        """Of the code that describes."""
        return cache_key(features_by_hand)

    def features(self, windows: Windows) -> np.ndarray:
        """float32 [N, D]."""
        return handcrafted_features(windows)

    def reader(self, windows: Windows) -> None:
        """There is nothing to fine-tune."""
        return


def vision_methods(
    weights: Mapping[str, str | Path | None], backbone: str, lens: ImageReadout
) -> dict[str, Method]:
    """Vision networks behind a lens, and the same architectures with random weights.

    Parameters
    ----------
    weights : dict of name -> path or None
        None is left out.
    backbone : str
        Architecture where a card names none.
    lens : Lens
    """
    given = {name: path for name, path in weights.items() if path is not None}
    networks = {
        name: backbones.load_backbone(
            read_card(find_weights(path)).get("architecture", backbone), path
        )
        for name, path in given.items()
    }
    methods: dict[str, Method] = {name: ImageMethod(net, lens) for name, net in networks.items()}
    untrained: dict[str, Method] = {}
    for network in list(networks.values()) or [backbones.load_backbone(backbone)]:
        random = f"random weights, {network.name}"
        if random not in untrained:
            untrained[random] = ImageMethod(
                network.untrained(), lens, family="scratch", scratch=True
            )
    return methods | untrained


def lever_methods(vision: ImageMethod) -> dict[str, Method]:
    """The same network behind other lenses, each with one lever moved.

    Examples
    --------
    >>> methods = lever_methods(Vision(backbones.load("resnet10t")))
    >>> list(methods)[:3], methods["layer 4"].lens.layer
    (['as it is', 'range per-axis', 'range per-window'], 4)
    """
    count = len(vision.backbone.model.feature_info)
    moves = [("range", kind) for kind in ("per-axis", "per-window", (-50.0, 20.0))]
    moves += [("layer", layer) for layer in (*range(count), tuple(range(min(3, count))))]
    moves += [("pool", pool) for pool in ("gap", "time", "grid")]
    moves += [("columns", columns) for columns in (1, 4, 8)]
    moves += [("size", (side, side)) for side in (64, 96, 128)]
    moves += [("detrend", "constant")]
    lenses = {"as it is": vision.lens}
    for name, value in moves:
        if getattr(vision.lens, name) != value:
            shown = " x ".join(map(str, value)) if name == "size" else str(value)
            lenses[f"{name} {shown}"] = replace(vision.lens, **{name: value})
    return {name: replace(vision, lens=lens) for name, lens in lenses.items()}


def sensor_methods(
    learned: Mapping[str, SignalEncoder], own_steps: int, folder: Path | None
) -> dict[str, Method]:
    """Each baseline three times: from the corpus, from a draw's own windows, and random.

    Parameters
    ----------
    learned : dict of name -> SignalEncoder
        Pre-trained on the corpus.
    own_steps, folder
        As in `baselines.OwnWindows`.
    """
    corpora = {f"{name}, corpus": encoder for name, encoder in learned.items()}
    own = {f"{name}, own windows": OwnWindows(name, own_steps, folder) for name in learned}
    untrained = {f"{name}, random weights": SignalEncoder(name) for name in learned}
    return corpora | own | untrained


def other_methods() -> dict[str, Method]:
    """Statistics chosen by people, and a 1-D network that learns from the labels alone."""
    network = SignalEncoder("conv1d")
    network.only = "full"
    return {
        "by hand + forest": Handcrafted(),
        "by hand + logistic": Handcrafted(only=None),
        "1-D CNN, from scratch": network,
    }
