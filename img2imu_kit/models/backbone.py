"""A timm model as a reader of pictures: loaded with a report, read at any of its layers."""

from __future__ import annotations

import difflib
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import timm
import torch
from timm.models import efficientnet
from torch import Tensor, nn
from tqdm.auto import tqdm

from .._memory import reuse_memory
from ..errors import (
    GuessWarning,
    ParameterError,
    SignalError,
    WeightsError,
    first_line,
    unknown_name,
)
from . import weights as files
from .readout import evaluation_mode, normalize, read_layers

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Backbone", "build_network", "load_backbone", "save_backbone"]

#: Networks that timm can build but has no name for.
_UNNAMED = {
    "mobilenetv1_025": partial(efficientnet._gen_mobilenet_v1, "mobilenetv1_100", 0.25),
}


def build_network(name: str, *, pretrained: bool = False, seed: int = 0, **settings) -> nn.Module:
    """Build a timm model that gives out its intermediate layers.

    Parameters
    ----------
    name : str
        timm architecture, or ``"mobilenetv1_025"`` (a quarter of the channels of MobileNet v1).
    pretrained : bool
        Whether timm fetches its published weights.
    seed : int
        Of the random weights. The global random state is neither used nor changed.
    **settings
        Further arguments of ``timm.create_model``; None means timm's default.

    Returns
    -------
    torch.nn.Module
        In training mode, convolutions in channels-last order (about twice as fast on a CPU).
        Transformers take any image size where timm can interpolate their positions.

    Raises
    ------
    ParameterError
        Unknown name, or a setting that the network does not have.
    WeightsError
        Published weights do not exist or cannot be fetched.

    Examples
    --------
    >>> model = build_network("resnet10t", num_classes=5)
    >>> model.num_classes
    5
    """
    if name not in _UNNAMED and not timm.is_model(name):
        known = [*timm.list_models(), *_UNNAMED]  # over a thousand: only those near are listed
        near = [*difflib.get_close_matches(name, known), "see timm.list_models()"]
        raise unknown_name("timm model", name, known, listed=near)
    settings = {key: value for key, value in settings.items() if value not in (None, "")}
    variants = [settings]  # tried in order, until the network takes one
    if name in _UNNAMED:
        if pretrained:
            raise WeightsError(f"timm publishes no weights for {name}", remedy="Give a file.")
        create = _UNNAMED[name]
    else:
        create = partial(timm.create_model, name, pretrained=pretrained)
        published = timm.get_pretrained_cfg(name)
        # A transformer knows one place for each patch of, say, 224 px; timm can interpolate them.
        if published and published.fixed_input_size:
            any_size = {"dynamic_img_size": True, "dynamic_img_pad": True}
            variants = [settings | any_size, settings]
    for variant in variants:
        try:
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(seed)  # the CPU's alone
                model = create(**variant)
            break
        except TypeError as error:
            problem = error
        except Exception as error:  # the libraries that download have errors of their own
            if not pretrained:
                raise
            raise WeightsError(
                f"timm could not load its published weights ({first_line(error)})",
                where=name,
                remedy="Check the connection, or give a .safetensors file or folder.",
            ) from None
    else:
        raise ParameterError(f"{name} cannot be built with {settings}: {problem}")
    if not hasattr(model, "forward_intermediates"):
        raise ParameterError(f"timm's {name} does not give out its intermediate layers")
    return model.to(memory_format=torch.channels_last)


@dataclass(eq=False)
class Backbone:
    """A vision network that reads pictures, and what is known about its weights.

    Attributes
    ----------
    name : str
        Architecture.
    model : torch.nn.Module
        The timm model; train it, move it or open it as you like.
    mean, std : tuple of float
        Channel statistics for pixels in 0 to 1, subtracted and divided before the first layer.
    report : WeightsReport or None
        What became of each key of the file of weights; None without a file.
    card : dict
        Facts that travel with the weights through `save_backbone`.

    Examples
    --------
    >>> network = load_backbone("resnet10t")  # random weights
    >>> network.features(np.zeros((2, 3, 64, 64), np.uint8)).shape
    (2, 512)
    """

    name: str
    model: nn.Module
    mean: tuple[float, ...]
    std: tuple[float, ...]
    report: files.WeightsReport | None = None
    card: dict = field(default_factory=dict)

    def __repr__(self) -> str:
        count = sum(parameter.numel() for parameter in self.model.parameters())
        origin = f", {self.report}" if self.report else ""
        return f"Backbone({self.name!r}, {count / 1e6:.2f} M parameters{origin})"

    def layers(self) -> pd.DataFrame:
        """Layers that can be read: index for ``features(layer=)``, channels, stride in pixels."""
        import pandas as pd

        rows = [
            {"module": info["module"], "channels": info["num_chs"], "stride": info["reduction"]}
            for info in self.model.feature_info
        ]
        return pd.DataFrame(rows).rename_axis("layer")

    def features(
        self,
        images: np.ndarray,
        *,
        layer: int | Sequence[int] | None = None,
        pool: str = "gap",
        rows: int = 8,
        columns: int = 1,
        batch_size: int = 128,
        device: str | torch.device | None = None,
        progress: bool = False,
    ) -> np.ndarray:
        """Read pictures at one layer, or at several side by side.

        Parameters
        ----------
        images : uint8 [N, 3, H, W]
        layer : int or sequence of int, optional
            Index in `layers`; negative counts from the last. Several are joined in the order of
            depth. Nothing after the deepest is computed. Default: the last, or the deepest that
            the card says was trained (`pretrain_images` with ``layers=``): what follows that is
            as it began. Recordings scored by the command line, `score_task` and `ImageReadout`
            are read at layers 1 to 4 of two pictures instead, in a grid.
        pool, rows, columns
            How a map becomes a vector, see `pool_maps`.
        batch_size : int
            Pictures at a time; changes memory and speed, and the numbers by rounding alone.
        device : str or torch.device, optional
            Where to compute; the model is moved there and stays. Default: where it is.
        progress : bool
            Show a progress bar.

        Returns
        -------
        float32 [N, D]

        Raises
        ------
        SignalError
            Images of another type, shape or size than the network takes.
        ParameterError
            No such layer or pooling.

        Notes
        -----
        The network computes in evaluation mode without gradients; the training modes of its
        parts are put back afterwards.
        """
        maps = self.layer_features(
            images,
            layer,
            pool=pool,
            rows=rows,
            columns=columns,
            batch_size=batch_size,
            device=device,
            progress=progress,
        )
        return np.concatenate(list(maps.values()), axis=1)

    def layer_features(
        self,
        images: np.ndarray,
        layers: int | Sequence[int] | None = None,
        *,
        pool: str = "gap",
        rows: int = 8,
        columns: int = 1,
        batch_size: int = 128,
        device: str | torch.device | None = None,
        progress: bool = False,
    ) -> dict[int, np.ndarray]:
        """As `features`, with the layers apart: layer -> float32 [N, D], in the order of depth.

        Each can then have a probe of its own, see `img2imu_kit.evaluate.fuse`.
        """
        if batch_size < 1:
            raise ParameterError(f"batch_size is {batch_size}, expected 1 or more")
        images = self.check_images(images)
        chosen = self.indices(layers)
        if device is not None:
            self.model.to(device)
        reuse_memory()
        parts: dict[int, list[np.ndarray]] = {layer: [] for layer in chosen}
        with evaluation_mode(self.model), torch.inference_mode():
            for start in tqdm(range(0, len(images), batch_size), self.name, disable=not progress):
                batch = self.to_batch(images[start : start + batch_size])  # [B, 3, H, W]
                try:
                    # maps [B, C, F, S] of each layer, pooled to [B, D]
                    vectors = read_layers(self.model, batch, chosen, pool, rows, columns)
                # of a size that the network cannot take, or more than there is memory for
                except (AssertionError, RuntimeError, MemoryError) as error:
                    raise SignalError(
                        f"images of shape {images.shape} could not be read ({error})",
                        where=self.name,
                        remedy="Make pictures of another size, or lower batch_size to "
                        f"{max(1, batch_size // 2)} for memory.",
                    ) from None
                for layer, vector in zip(chosen, vectors, strict=True):
                    parts[layer].append(vector.float().cpu().numpy())
        return {layer: np.concatenate(vectors) for layer, vectors in parts.items()}

    def untrained(self, seed: int = 0) -> Backbone:
        """The same network with random weights: padding and pixel statistics are the same too."""
        channels = len(self.mean)
        # Padding and statistics are no weights: a comparison of weights must leave them alike.
        twin = load_backbone(
            self.name, pad_type=self.card.get("pad_type"), in_chans=channels, seed=seed
        )
        twin.mean, twin.std = self.mean, self.std
        return twin

    def check_images(self, images: np.ndarray) -> np.ndarray:
        """Images as an array that the network can take, uint8 [N, C, H, W] and not empty.

        Raises
        ------
        SignalError
            Another type or shape, or no image at all.
        """
        images = np.asarray(images)
        channels = len(self.mean)
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] != channels:
            raise SignalError(
                f"images are {images.dtype} {images.shape}, expected uint8 (N, {channels}, H, W)",
                where=self.name,
                remedy="Make them with to_image(); one picture is images[None].",
            )
        if len(images) == 0:
            raise SignalError("there are no images", where=self.name)
        return images

    def to_batch(self, images: np.ndarray) -> Tensor:
        """Images uint8 [N, C, H, W] as the network takes them: normalised, where it lies."""
        first = next(self.model.parameters())
        pixels = torch.from_numpy(np.array(images, order="C"))  # a copy: strides, read-only maps
        return normalize(pixels.to(first.device), self.mean, self.std).to(first.dtype)

    def indices(self, layer: int | Sequence[int] | None) -> list[int]:
        """Layers counted from 0, in order and each once; None is the deepest that was trained.

        Raises
        ------
        ParameterError
            No such layer.
        """
        count = len(self.model.feature_info)
        if layer is None:  # weights of a card without layers were trained to the end
            layer = max(self.card.get("layers") or [count - 1])
        chosen = np.atleast_1d(layer)
        if chosen.dtype.kind != "i" or (chosen < -count).any() or (chosen >= count).any():
            raise ParameterError(
                f"layer is {layer}, expected one or more of {-count} to {count - 1}",
                where=self.name,
                remedy="layers() lists them.",
            )
        return sorted({int(i) % count for i in chosen})


def load_backbone(
    name: str | None = None,
    weights: str | os.PathLike | None = None,
    *,
    pad_type: str | None = None,
    in_chans: int = 3,
    seed: int = 0,
    allow_pickle: bool = False,
    strict: bool = True,
) -> Backbone:
    """Build a network by its timm name and fill it with weights.

    Parameters
    ----------
    name : str, optional
        timm architecture (``"mobilenetv2_100"``, ``"resnet18"``, ``"vit_tiny_patch16_224"``), or
        ``"mobilenetv1_025"``. Default: that on the card of the weights.
    weights : str or path, optional
        None: random, from `seed`. ``"timm"``: the published ones, downloaded once by timm.
        ``"imagenet:tf_efficientnet_lite0"``: ImageNet's, for the network of that name, offline
        from a package that this one requires. ``"img2imu:sensor-aware"``: pre-trained here, in the
        repository's ``data/checkpoints``. A ``.safetensors`` file, or a folder (``"local-dir:..."``
        too) that holds ``model.safetensors`` and a card: ``card.json``, timm's ``config.json`` or
        ``NOTE.md``.
    pad_type : str, optional
        Padding of convolutions (``"same"`` for weights that come from TensorFlow). No key of
        the file shows it, so it is taken from the card by default.
    in_chans : int
        Channels of the pictures.
    seed : int
        Of the random weights. The global random state is neither used nor changed.
    allow_pickle : bool
        Whether to open a file other than safetensors.
    strict : bool
        Whether keys that differ beyond the classifier are an error.

    Raises
    ------
    WeightsError
        A file that does not fit, is damaged or is a pickle; a download that failed.
    ParameterError
        An unknown name, none given or on a card, or a setting that the network does not have.

    Warns
    -----
    GuessWarning
        No card says which channel statistics the weights expect.

    Examples
    --------
    >>> import numpy as np
    >>> backbone = load_backbone("mobilenetv3_small_050")
    >>> backbone.features(np.zeros((2, 3, 64, 64), np.uint8), layer=1, pool="time").shape
    (2, 128)
    """
    # The card comes first: padding and number of classes must be known to build the network.
    path = None if weights is None or weights == "timm" else files.find_weights(weights)
    card = files.read_card(path) if path else {}
    name = card.get("architecture") if name is None else name
    if name is None:
        remedy = 'Give the backbone it was trained as, for instance "mobilenetv2_100".'
        where = str(path or "load_backbone")
        raise ParameterError("no card names an architecture", where=where, remedy=remedy)
    settings = {
        "in_chans": in_chans,
        "num_classes": card.get("num_classes"),
        "pad_type": card.get("pad_type") if pad_type is None else pad_type,
    }
    model = build_network(name, pretrained=weights == "timm", seed=seed, **settings)
    report = None
    if path:
        known = str(weights).startswith("imagenet:")  # a pickle, of a package that we require
        state = files.read_weights(path, allow_pickle=allow_pickle or known)
        report = files.fit_weights(
            model, state, source=f"{path.parent.name}/{path.name}", strict=strict
        )
        if "mean" not in card or "std" not in card:
            warnings.warn(
                f"{path}: no card gives the mean and std of the pixels these weights expect; "
                f"those timm notes for {name} are taken. Put them in a card.json beside "
                "model.safetensors",
                GuessWarning,
                stacklevel=2,
            )
    # a card or configuration has three channels; further ones repeat them
    mean, std = (
        tuple(float(v) for v in np.resize(card.get(key, model.pretrained_cfg[key]), in_chans))
        for key in ("mean", "std")
    )
    card = card | settings | {"architecture": name, "mean": mean, "std": std}
    card["num_classes"] = model.num_classes
    return Backbone(name, model, mean, std, report, card)


def save_backbone(backbone: Backbone, folder: str | os.PathLike, **card) -> Path:
    """Write ``model.safetensors`` and ``card.json`` to a folder, whole or not at all.

    Parameters
    ----------
    backbone : Backbone
    folder : path
    **card
        Further facts for the card (corpus, epochs, licence), anything JSON can hold.

    Returns
    -------
    pathlib.Path
        The folder, which `load_backbone` takes as `weights`. Without this package:
        ``timm.create_model(architecture, num_classes=..., pad_type=...)`` as the card says, then
        ``load_state_dict(safetensors.torch.load_file("model.safetensors"))``.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> folder = save_backbone(load_backbone("resnet10t"), mkdtemp(), corpus="none")
    >>> load_backbone(weights=folder).card["corpus"]
    'none'
    """
    versions = {"timm": timm.__version__, "torch": str(torch.__version__)}
    # what it reads pictures with now, whatever its card said when it was loaded
    now = {"mean": tuple(backbone.mean), "std": tuple(backbone.std)}
    facts = backbone.card | now | versions | card
    files.write_weights(Path(folder), backbone.model.state_dict(), facts)
    return Path(folder)
