"""Who is compared: pictures, sensor baselines, statistics by hand, and what random weights do.

A method turns windows into features; some have a network that can be fine-tuned, and one learns
from a task's unlabelled windows first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from ..baselines.encoder import SignalEncoder
from ..baselines.train import pretrain_signals
from ..errors import ParameterError
from ..models.backbone import Backbone, load_backbone
from ..models.readout import SignalNetwork, normalize, read_layers
from ..models.weights import find_weights, read_card
from ..pictures.image import to_image
from ..pictures.params import SpectrogramParams
from ..signals.axes import channel_index
from ..signals.features import handcrafted_features
from ..signals.windows import Windows
from .cache import cache_key

__all__ = [
    "Handcrafted",
    "ImageMethod",
    "ImageNetwork",
    "ImageReadout",
    "Method",
    "OwnWindowsMethod",
    "SignalMethod",
    "image_methods",
    "lever_methods",
    "other_methods",
    "sensor_methods",
]


class Method:
    """What `few_label_table` asks of a method; subclass it as a data class.

    Its fields decide the name of a cached row, see `cache_key`; a field with ``compare=False``
    is left out.

    Attributes
    ----------
    family : {"vision", "sensor", "by hand", "scratch"}
        What it is counted as in the summary.
    only : str or None
        The one protocol that it takes part in, or a probe of its own (``"forest"``).
    scratch : bool
        Whether its weights are random, see `FineTuneConfig.from_scratch`.
    adapts : bool
        Whether `adapt` learns from the task's windows: features then differ from draw to draw.
    """

    family: str = "vision"
    only: str | None = None
    scratch: bool = False
    adapts: bool = False

    def adapt(self, windows: Windows, seed: int) -> Method:
        """The method after it has seen a draw's training windows, without their labels."""
        return self

    def features(self, windows: Windows) -> np.ndarray:
        """float32 [N, D]."""
        raise NotImplementedError

    def network(self, windows: Windows) -> SignalNetwork | None:
        """What can be fine-tuned on windows of this rate and these axes; None if nothing can."""
        return None


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
        How their maps become features, see `pool_maps`. Only ``"time"`` and ``"grid"`` keep
        where on the frequency axis something happened.

    Examples
    --------
    >>> ImageReadout(frame_s=1.28, hop_s=0.08).params(rate=50, seconds=4).n_fft
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
        # In seconds, because a method meets tasks of 30 to 200 Hz: n samples would be another lens
        # on each. A third of the window resolves 3 / seconds Hz.
        frame_s = seconds / 3 if self.frame_s is None else self.frame_s
        if frame_s > seconds:
            raise ParameterError(
                f"frame_s is {frame_s:g} s, longer than the window of {seconds:g} s",
                where="ImageReadout",
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
class ImageMethod(Method):
    """A vision backbone that reads pictures of motion.

    Parameters
    ----------
    backbone : Backbone
    readout : ImageReadout
    family, only, scratch
        As in `Method`.
    """

    backbone: Backbone
    readout: ImageReadout = ImageReadout()
    family: str = "vision"
    only: str | None = None
    scratch: bool = False

    def features(self, windows: Windows) -> np.ndarray:
        """float32 [N, D]."""
        readout = self.readout
        # windows [N, C, T] to pictures uint8 [N, 3, H, W], one axis a colour, to features [N, D]
        images = to_image(windows, params=readout.params(windows.rate, windows.seconds))
        return self.backbone.features(
            images,
            layer=readout.layer,
            pool=readout.pool,
            rows=readout.rows,
            columns=readout.columns,
        )

    def network(self, windows: Windows) -> ImageNetwork:
        """Picture and backbone as one network for signals."""
        return ImageNetwork(self.backbone, self.readout, windows)


class ImageNetwork(SignalNetwork):
    """Signals to pictures to features, with the same numbers as `ImageMethod.features`.

    The backbone is shared, not copied; signals have the rate, length and axes of `windows`.
    """

    def __init__(self, backbone: Backbone, readout: ImageReadout, windows: Windows) -> None:
        super().__init__(backbone.model)  # the timm model is the body: it learns, the picture stays
        self.readout, self.rate = readout, windows.rate
        self.picture = readout.params(windows.rate, windows.seconds)
        self.axes = channel_index(windows.axes, readout.channels)
        self.layers = backbone.indices(readout.layer)
        self.mean, self.std = backbone.mean, backbone.std

    def prepare(self, signal: Tensor) -> Tensor:
        """Signals float [N, C, T] to normalised pictures float [N, 3, H, W]."""
        channels = "magnitude" if self.readout.channels == "magnitude" else "acc"
        images = to_image(signal[:, self.axes], self.rate, self.picture, channels=channels)
        return normalize(images, self.mean, self.std)

    def forward(self, prepared: Tensor) -> Tensor:
        """Pictures to features [N, D]."""
        readout = self.readout
        return read_layers(
            self.body, prepared, self.layers, readout.pool, readout.rows, readout.columns
        )


@dataclass(frozen=True, eq=False)
class SignalMethod(Method):
    """A sensor baseline: an encoder that reads the signal itself.

    Parameters
    ----------
    encoder : SignalEncoder
    only : str or None
        As in `Method`. Family and `scratch` follow from whether the encoder has learned.
    """

    encoder: SignalEncoder
    only: str | None = None

    @property
    def scratch(self) -> bool:
        """Whether the weights are random."""
        return self.encoder.scratch

    @property
    def family(self) -> str:
        """Learned from sensors, or from scratch."""
        return "scratch" if self.scratch else "sensor"

    def features(self, windows: Windows) -> np.ndarray:
        """float32 [N, D]."""
        return self.encoder.features(windows)

    def network(self, windows: Windows) -> SignalNetwork:
        """The encoder behind the resampling it needs."""
        return self.encoder.network(windows)


@dataclass(frozen=True)
class OwnWindowsMethod(Method):
    """A sensor baseline that pre-trains on a task's own unlabelled training windows.

    Parameters
    ----------
    baseline, steps
        As in `pretrain_signals`.
    folder : path, optional
        Keeps each encoder, so that it is trained once.
    """

    baseline: str
    steps: int = 500
    folder: str | Path | None = field(default=None, compare=False)  # decides no number
    family: str = "sensor"
    adapts: bool = True

    def adapt(self, windows: Windows, seed: int) -> SignalMethod:
        """The encoder that has learned from these windows."""
        folder = self.folder
        if folder is not None:
            key = cache_key(windows, seed, self.baseline, self.steps)
            folder = Path(folder) / f"{self.baseline}-{key}"
        # Only the training side of the draw, and no labels: test people stay unseen.
        encoder = pretrain_signals(
            self.baseline,
            windows,
            steps=self.steps,
            seed=seed,
            folder=folder,
            corpus="own training windows",
            progress=False,
        )
        if not encoder.finished:  # Ctrl-C: half-trained weights make no row
            raise KeyboardInterrupt
        return SignalMethod(encoder)

    def network(self, windows: Windows) -> SignalNetwork:
        """The encoder before it has learned, which tells the number of parameters."""
        return SignalEncoder(self.baseline).network(windows)


@dataclass(frozen=True)
class Handcrafted(Method):
    """Statistics chosen by people, see `handcrafted_features`, read by a classifier.

    Parameters
    ----------
    only : str or None
        Its probe, as in `few_label`; None: whichever the protocol says.
    """

    only: str | None = "forest"
    family: str = "by hand"

    def features(self, windows: Windows) -> np.ndarray:
        """float32 [N, D]."""
        return handcrafted_features(windows)


def image_methods(
    weights: Mapping[str, str | Path | None], backbone: str, readout: ImageReadout
) -> dict[str, Method]:
    """Vision networks that read pictures, and the same architectures with random weights.

    A name whose weights are None is left out; `backbone` is the architecture of a file without a
    card.
    """
    given = {name: path for name, path in weights.items() if path is not None}
    networks = {
        name: load_backbone(read_card(find_weights(path)).get("architecture", backbone), path)
        for name, path in given.items()
    }
    methods: dict[str, Method] = {
        name: ImageMethod(network, readout) for name, network in networks.items()
    }
    # What the architecture is worth without any pre-training: every claim is above this.
    for network in list(networks.values()) or [load_backbone(backbone)]:
        random = f"random weights, {network.name}"
        if random not in methods:
            methods[random] = ImageMethod(
                network.untrained(), readout, family="scratch", scratch=True
            )
    return methods


def lever_methods(method: ImageMethod) -> dict[str, Method]:
    """The same network behind other readouts, each with one lever moved.

    Examples
    --------
    >>> methods = lever_methods(ImageMethod(load_backbone("resnet10t")))
    >>> list(methods)[:3], methods["layer 4"].readout.layer
    (['as it is', 'range per-axis', 'range per-window'], 4)
    """
    count = len(method.backbone.model.feature_info)
    # One at a time: all combinations would be hundreds of tables.
    moves = [("range", kind) for kind in ("per-axis", "per-window", (-50.0, 20.0))]
    moves += [("layer", layer) for layer in (*range(count), tuple(range(min(3, count))))]
    moves += [("pool", pool) for pool in ("gap", "time", "grid")]
    moves += [("columns", columns) for columns in (1, 4, 8)]
    moves += [("size", (side, side)) for side in (64, 96, 128)]
    moves += [("detrend", "constant")]
    readouts = {"as it is": method.readout}
    for name, value in moves:
        if getattr(method.readout, name) != value:
            shown = " x ".join(map(str, value)) if name == "size" else str(value)
            readouts[f"{name} {shown}"] = replace(method.readout, **{name: value})
    return {name: replace(method, readout=readout) for name, readout in readouts.items()}


def sensor_methods(
    learned: Mapping[str, SignalEncoder], own_steps: int, folder: Path | None
) -> dict[str, Method]:
    """Each baseline three times: `learned` from the corpus, from a draw's own windows, and random.

    `own_steps` and `folder` as in `OwnWindowsMethod`.
    """
    # The same encoder three times: what it is worth with much motion of others, with a little of
    # the task itself, and with none.
    corpora = {f"{name}, corpus": SignalMethod(encoder) for name, encoder in learned.items()}
    own = {f"{name}, own windows": OwnWindowsMethod(name, own_steps, folder) for name in learned}
    random = {f"{name}, random weights": SignalMethod(SignalEncoder(name)) for name in learned}
    return corpora | own | random


def other_methods() -> dict[str, Method]:
    """Statistics chosen by people, and a 1-D network that learns from the labels alone."""
    return {
        "by hand + forest": Handcrafted(),
        "by hand + logistic": Handcrafted(only=None),
        "1-D CNN, from scratch": SignalMethod(SignalEncoder("conv1d"), only="full"),
    }
