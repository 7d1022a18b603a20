"""Who is compared: pictures, sensor baselines, statistics by hand, and what random weights do.

A method turns windows into features; some have a network that can be fine-tuned, and one learns
from a task's unlabelled windows first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from ..baselines.encoder import SignalEncoder
from ..baselines.train import pretrain_signals
from ..errors import SignalError
from ..models.backbone import Backbone, load_backbone
from ..models.readout import SignalNetwork
from ..models.weights import find_weights, read_card
from ..signals.features import catch22_features, handcrafted_features
from ..signals.windows import Windows
from .cache import cache_key
from .image_readout import ImageNetwork, ImageReadout, PatchPicture, StftPicture

__all__ = [
    "READOUT",
    "Handcrafted",
    "ImageMethod",
    "Jury",
    "Method",
    "OwnWindowsMethod",
    "Pixels",
    "RawSignal",
    "SignalMethod",
    "image_methods",
    "lever_methods",
    "other_methods",
    "picture_methods",
    "sensor_methods",
]

#: Baselines that read better with a vote for every layer, on the development sets: SimCLR .400
#: against .371 by its features alone. The others lose by it (multi-task .349 against .370, CPC .326
#: against .332) and are read by their features, so that each is seen at its best.
FUSED = ("simclr",)

#: All layers but the first of both pictures, and their pixels: chosen on development sets.
READOUT = ImageReadout()


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

    Examples
    --------
    >>> Method().probe("layer 3") is None, Method().family
    (True, 'vision')
    """

    family: str = "vision"
    only: str | None = None
    scratch: bool = False
    adapts: bool = False

    def adapt(self, windows: Windows, seed: int) -> Method:
        """The method after it has seen a draw's training windows, without their labels."""
        return self

    def voters(self, windows: Windows) -> dict[str, np.ndarray]:
        """What is read, by name: features float32 [N, D], each for a probe of its own (`fuse`)."""
        raise NotImplementedError

    def probe(self, voter: str) -> str | None:
        """The probe of a voter that does not take the protocol's."""
        return None

    def weights(self, voters: Collection[str]) -> dict[str, float]:
        """How much each of the voters counts, where it is not 1."""
        return {}

    def network(self, windows: Windows) -> SignalNetwork | None:
        """What can be fine-tuned on windows of this rate and these axes; None if nothing can."""
        return None


@dataclass(frozen=True, eq=False)
class ImageMethod(Method):
    """A vision backbone that reads pictures of motion.

    Parameters
    ----------
    backbone : Backbone
    readout : ImageReadout
    family, only, scratch
        As in `Method`.

    Examples
    --------
    >>> method = ImageMethod(load_backbone("resnet10t"))
    >>> method.readout.layers
    (1, 2, 3, 4)
    """

    backbone: Backbone
    readout: ImageReadout = READOUT
    family: str = "vision"
    only: str | None = None
    scratch: bool = False

    def voters(self, windows: Windows) -> dict[str, np.ndarray]:
        """Each layer of each picture."""
        return self.readout.read(windows, self.backbone)

    def network(self, windows: Windows) -> ImageNetwork:
        """Picture and backbone as one network for signals."""
        return ImageNetwork(self.backbone, self.readout, windows)


@dataclass(frozen=True)
class Pixels(Method):
    """The pictures without a network: what a network must be better than, or it adds nothing.

    Parameters
    ----------
    readout : ImageReadout
        Of it the pixels.

    Examples
    --------
    >>> Pixels().readout.pixels
    (0,)
    """

    readout: ImageReadout = READOUT
    family: str = "by hand"

    def voters(self, windows: Windows) -> dict[str, np.ndarray]:
        """The pixels of each picture, averaged in cells."""
        return self.readout.read(windows, None)


@dataclass(frozen=True, eq=False)
class SignalMethod(Method):
    """A sensor baseline: an encoder that reads the signal itself.

    Parameters
    ----------
    encoder : SignalEncoder
    only : str or None
        As in `Method`. Family and `scratch` follow from whether the encoder has learned.
    fused : bool
        Whether the signal and every layer vote too, as those of a vision network do, or the
        encoder's features alone are read.

    Examples
    --------
    >>> method = SignalMethod(SignalEncoder("conv1d"))
    >>> method.scratch, method.family
    (True, 'scratch')
    """

    encoder: SignalEncoder
    only: str | None = None
    fused: bool = False

    @property
    def scratch(self) -> bool:
        """Whether the weights are random."""
        return self.encoder.scratch

    @property
    def family(self) -> str:
        """Learned from sensors, or from scratch."""
        return "scratch" if self.scratch else "sensor"

    def voters(self, windows: Windows) -> dict[str, np.ndarray]:
        """The encoder's features, and all its layers if they are `fused`."""
        voters = self.encoder.voters(windows)
        return voters if self.fused else {"features": voters["features"]}

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
    fused
        As in `SignalMethod`.
    folder : path, optional
        Keeps each encoder, so that it is trained once.

    Examples
    --------
    >>> OwnWindowsMethod("simclr", steps=100).family
    'sensor'
    """

    baseline: str
    steps: int = 500
    fused: bool = False
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
        return SignalMethod(encoder, fused=self.fused)

    def network(self, windows: Windows) -> SignalNetwork:
        """The encoder before it has learned, which tells the number of parameters."""
        return SignalEncoder(self.baseline).network(windows)


@dataclass(frozen=True)
class Handcrafted(Method):
    """Statistics chosen by people, read by a classifier.

    Parameters
    ----------
    only : str or None
        Its probe, as in `few_label`; None: whichever the protocol says.
    statistics : {"ours", "catch22"}
        `handcrafted_features` or `catch22_features`.

    Examples
    --------
    >>> import img2imu_kit as ik
    >>> windows = ik.sliding_windows(ik.load_dataset("synthetic", subjects=2, seconds=8), seconds=2)
    >>> [features] = Handcrafted().voters(windows).values()
    >>> len(features) == len(windows)
    True
    """

    only: str | None = "forest"
    statistics: str = "ours"
    family: str = "by hand"

    def voters(self, windows: Windows) -> dict[str, np.ndarray]:
        """The statistics, one voter."""
        known = {"ours": handcrafted_features, "catch22": catch22_features}
        return {"statistics": known[self.statistics](windows)}


@dataclass(frozen=True)
class RawSignal(Method):
    """The signal as it is, for a classifier that makes features of its own.

    Parameters
    ----------
    only : str
        The classifier, ``"minirocket"`` or ``"hydra"``.

    Examples
    --------
    >>> RawSignal("hydra").family
    'by hand'
    """

    only: str = "minirocket"
    family: str = "by hand"

    def voters(self, windows: Windows) -> dict[str, np.ndarray]:
        """The samples of the three axes, float32 [N, 3 * T].

        Raises
        ------
        SignalError
            Other than three axes.
        """
        if len(windows.axes) != 3:
            raise SignalError(
                f"{len(windows.axes)} axes", where=self.only, remedy='Select three: select("acc").'
            )
        return {"signal": windows.signal.reshape(len(windows), -1)}


@dataclass(frozen=True, eq=False)
class Jury(Method):
    """Several methods whose voters are counted together; each method has one voice.

    Parameters
    ----------
    methods : dict of name -> Method
        Voters of one that has an `only` keep that probe.

    Examples
    --------
    >>> jury = Jury({"network": Pixels(), "statistics": Handcrafted()})
    >>> jury.weights(["network:a", "network:b", "statistics:c"])
    {'network:a': 0.5, 'network:b': 0.5, 'statistics:c': 1.0}
    """

    methods: Mapping[str, Method]
    family: str = "vision"

    def voters(self, windows: Windows) -> dict[str, np.ndarray]:
        """All voters of all methods, ``"method: voter"``."""
        return {
            f"{name}: {voter}": features
            for name, method in self.methods.items()
            for voter, features in method.voters(windows).items()
        }

    def probe(self, voter: str) -> str | None:
        """That of the method it comes from."""
        return self.methods[voter.split(":")[0]].only

    def weights(self, voters: Collection[str]) -> dict[str, float]:
        """One over the number of voters that the method has.

        On the development sets statistics beside the nine voters of a network gain nothing as a
        tenth vote (.457 against .454), and a point as half of the votes (.463).
        """
        methods = Counter(voter.split(":")[0] for voter in voters)
        return {voter: 1 / methods[voter.split(":")[0]] for voter in voters}


def image_methods(
    weights: Mapping[str, str | Path | None], backbone: str, readout: ImageReadout
) -> dict[str, Method]:
    """Vision networks that read pictures, and the same architectures with random weights.

    A name whose weights are None is left out; `backbone` is the architecture of a file without a
    card.

    Examples
    --------
    >>> list(image_methods({}, "resnet10t", READOUT))
    ['random weights, resnet10t']
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
    >>> list(methods)[:3], methods["layer 4"].readout.layers
    (['as it is', 'motion', 'motion-signed'], (4,))
    """
    readout = method.readout
    # One at a time: all combinations would be hundreds of tables.
    moves: dict[str, dict] = {"as it is": {}}
    for index, picture in enumerate(readout.pictures):
        name = picture if isinstance(picture, str) else f"picture {index}"
        moves[name] = {"pictures": (picture,), "pixels": (0,) if index in readout.pixels else ()}
    moves |= {f"layer {layer}": {"layers": (layer,)} for layer in readout.layers}
    moves |= {f"pool {pool}": {"pool": pool} for pool in ("gap", "time")}
    moves |= {f"rows {rows}": {"rows": rows} for rows in (4, 8, 16)}
    moves |= {f"columns {columns}": {"columns": columns} for columns in (1, 2, 4, 8)}
    return {
        name: replace(method, readout=replace(readout, **move))
        for name, move in moves.items()
        if not move or replace(readout, **move) != readout
    }


def sensor_methods(
    learned: Mapping[str, SignalEncoder], own_steps: int, folder: Path | None
) -> dict[str, Method]:
    """Each baseline three times: `learned` from the corpus, from a draw's own windows, and random.

    `own_steps` (0: without own windows) and `folder` as in `OwnWindowsMethod`.

    Examples
    --------
    >>> list(sensor_methods({"simclr": SignalEncoder("simclr")}, 0, None))
    ['simclr, corpus', 'simclr, random weights']
    """
    # The same encoder three times: what it is worth with much motion of others, with a little of
    # the task itself, and with none.
    methods: dict[str, Method] = {}
    for name, encoder in learned.items():
        fused = name in FUSED
        methods[f"{name}, corpus"] = SignalMethod(encoder, fused=fused)
        if own_steps:
            methods[f"{name}, own windows"] = OwnWindowsMethod(name, own_steps, fused, folder)
        methods[f"{name}, random weights"] = SignalMethod(SignalEncoder(name), fused=fused)
    return methods


def other_methods() -> dict[str, Method]:
    """Statistics chosen by people, random kernels, and a 1-D network from the labels alone.

    Examples
    --------
    >>> list(other_methods())[:2]
    ['by hand + forest', 'by hand + extra-trees']
    """
    methods: dict[str, Method] = {
        "by hand + forest": Handcrafted(),
        "by hand + extra-trees": Handcrafted("extra-trees"),
        "by hand + logistic": Handcrafted(only=None),
        "pixels, no network": Pixels(),
    }
    if _installed("pycatch22"):
        methods["catch22 + extra-trees"] = Handcrafted("extra-trees", "catch22")
    if _installed("aeon"):
        methods |= {"MiniRocket": RawSignal("minirocket"), "Hydra": RawSignal("hydra")}
    return methods | {"1-D CNN, from scratch": SignalMethod(SignalEncoder("conv1d"), only="full")}


def picture_methods(backbone: Backbone) -> dict[str, Method]:
    """The same network behind pictures of others: is it the picture, or the network?

    Examples
    --------
    >>> list(picture_methods(load_backbone("resnet10t")))
    ['ImageNet, linear STFT', "ImageNet, the app's picture", "ImageNet, TiViT's picture"]
    """
    app = StftPicture(frame_s=2.0, hop_s=0.1875, settings="img2imu-app")  # 128 and 12 at 64 Hz
    pictures = {
        "linear STFT": StftPicture(),
        "the app's picture": app,
        "TiViT's picture": PatchPicture(),
    }
    return {
        f"ImageNet, {name}": ImageMethod(backbone, ImageReadout((picture,)), only="logistic")
        for name, picture in pictures.items()
    }


def _installed(package: str) -> bool:
    """Whether it is installed; a folder that an uninstalled one left behind does not count."""
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False
