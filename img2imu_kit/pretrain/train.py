"""Contrastive pre-training of a backbone on pictures: settings to weights with a card."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..augment.image import sensor_aware
from ..augment.vision import moco_v2
from ..errors import ParameterError
from ..models.backbone import Backbone, load_backbone, save_backbone
from ..models.readout import layer_maps
from .config import PretrainConfig
from .contrastive import LayerEncoder, MoCo, ProjectionEncoder, SimCLR
from .distributed import split_batch_norm
from .images import ImageSet, load_images
from .loop import make_accelerator, train_loop
from .metrics import knn_probe, representation_metrics
from .views import TwoViews, changed_twice
from .walks import Walks

if TYPE_CHECKING:
    import pandas as pd

    from ..signals.windows import Windows

__all__ = ["Pretrained", "pretrain_images"]

_AUGMENTATIONS = {"sensor_aware": sensor_aware, "moco_v2": moco_v2, "walks": Walks}


@dataclass(frozen=True, eq=False)
class Pretrained:
    """What a run has made.

    Attributes
    ----------
    backbone : Backbone
        Without the head that only pre-training needs; its card says how it was made.
    history : DataFrame
        step, epoch, loss, lr, images_per_s, feature_std, alignment, uniformity, knn;
        `plots.plot_history` draws it.
    finished : bool
        False if the run was stopped before its last epoch; called again, it continues.
    folder : Path or None
        Holds ``checkpoint.pt``, ``history.csv`` and, for `load_backbone`, ``backbone/``.

    Examples
    --------
    >>> images = np.random.default_rng(0).integers(0, 256, (64, 3, 32, 32), dtype=np.uint8)
    >>> run = pretrain_images(images, size=32, epochs=1, batch_size=16, max_steps=2, progress=False)
    >>> run.finished, run.folder
    (False, None)
    """

    backbone: Backbone
    history: pd.DataFrame
    finished: bool
    folder: Path | None


def pretrain_images(
    images: ImageSet | np.ndarray | str | Path,
    backbone: str | None = None,
    config: PretrainConfig | None = None,
    *,
    probe: ImageSet | Windows | None = None,
    folder: str | Path | None = None,
    resume: bool = True,
    progress: bool = True,
    **settings,
) -> Pretrained:
    """Train a backbone to recognise a picture through two random changes of it.

    Runs on whatever `accelerate` finds: the CPU, a GPU, or several processes that share each
    batch, under ``accelerate launch``, ``accelerate.notebook_launcher`` or ``torchrun`` (on CPUs).

    Parameters
    ----------
    images : ImageSet, uint8 [N, 3, H, W], path or name
        Pictures, or what `load_images` makes pictures of ``config.size`` from.
    backbone : str, optional
        timm architecture; that of `config` unless given.
    config : PretrainConfig, optional
        All that decides the result. Its docstring says what can be set.
    probe : ImageSet with labels, or Windows, optional
        Labelled samples for the kNN monitor; windows become pictures of the default settings,
        and their neighbours are sought among other subjects.
    folder, resume, progress
        As in `train_loop`.
    **settings
        Settings in place of those of `config`, by name: ``epochs=20, method="moco"``.

    Returns
    -------
    Pretrained

    Raises
    ------
    ParameterError
        Settings unknown, out of range, or other than those of the checkpoint to resume from.
    WeightsError
        Weights that do not fit; a checkpoint that cannot be read.
    OutputError
        The folder cannot be written.
    DatasetError, FormatError
        As in `load_images`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> images = rng.integers(0, 256, (64, 3, 32, 32), dtype=np.uint8)
    >>> short = {"size": 32, "epochs": 1, "batch_size": 16, "max_steps": 2}
    >>> run = pretrain_images(images, **short, progress=False)
    >>> run.finished, run.backbone
    (False, Backbone('mobilenetv3_small_050', 0.57 M parameters))
    """
    if backbone is not None:
        settings["backbone"] = backbone
    config = (config or PretrainConfig()).updated(**settings)
    augment = _augmentation(config.augmentation)
    accelerator = make_accelerator(config.precision)
    if not isinstance(images, ImageSet):
        check_config(config)  # decoding a corpus may take hours
        with accelerator.main_process_first():  # the others find them in the cache
            images = load_images(images, config.size, progress=progress)
    config = replace(config, queue=_queue_size(config, len(images)))
    walks = isinstance(augment, Walks)
    pairs = augment.over(images.pixels) if walks else changed_twice(augment)
    side = augment.size[0] if walks else images.pixels.shape[-1]
    reader = load_backbone(config.backbone, config.weights, seed=config.seed)
    config = replace(config, layers=tuple(reader.indices(config.layers)) if config.layers else ())
    if config.weights is None:  # weights that were trained come with statistics of their own
        # pictures of motion lie about mid-grey, whatever the photographs were
        mean, std = ((0.5,) * 3,) * 2 if walks else (images.mean, images.std)
        reader = replace(reader, mean=mean, std=std)
    network = reader.model
    network.reset_classifier(0)
    _freeze(network, config.freeze)
    frozen = config.freeze + (() if config.train_norm else _freeze_norms(network))
    method = _method(network, config, side, accelerator.num_processes)
    layout = torch.channels_last if config.channels_last else torch.contiguous_format
    learner = TwoViews(method, pairs, reader.mean, reader.std, layout=layout, frozen=frozen).to(
        memory_format=layout
    )
    if config.compile:
        for part in method.children():
            part.compile()
    facts = config.identity() | {
        "corpus": images.source,
        "image_size": side,
        "architecture": config.backbone,
        "weights": None if config.weights is None else str(config.weights),
        "augmentation": getattr(augment, "__qualname__", repr(augment)),
    }
    history, finished = train_loop(
        learner,
        _near(images.pixels, accelerator.device),
        config,
        settings=facts,
        folder=folder,
        resume=resume,
        monitor=lambda vectors: representation_metrics(**vectors),
        probe=knn_probe(reader, probe) if probe is not None else None,
        progress=progress,
    )
    # the loss of an encoder that tells nothing apart: ln of the number of candidates, each time
    losses = max(1, len(config.layers))
    if config.method == "moco":
        full = math.ceil(config.queue / config.batch_size)  # step at which all keys are real ones
        history.attrs = {"chance": losses * math.log(1 + config.queue), "queue_full": full}
    else:
        views = 2 * (config.batch_size // config.accumulate)
        history.attrs = {"chance": losses * math.log(views - 1)}
    split_batch_norm(network, 1).eval().requires_grad_(True)
    reader.card.update(
        facts,
        num_classes=0,
        mean=reader.mean,
        std=reader.std,
        pictures=len(images),
        steps=int(history.step.iloc[-1]),
        finished=finished,
        versions={name: version(name) for name in ("img2imu-kit", "accelerate", "numpy")},
    )
    if folder and accelerator.is_main_process:
        save_backbone(reader, Path(folder) / "backbone")
    return Pretrained(reader, history, finished, Path(folder) if folder else None)


def check_config(config: PretrainConfig) -> None:
    """Raise for settings that name what is not there, before a picture is decoded.

    Raises
    ------
    ParameterError, WeightsError
        As `pretrain_images`.

    Examples
    --------
    >>> check_config(PretrainConfig(freeze=("conv_stim",)))
    Traceback (most recent call last):
    img2imu_kit.errors.ParameterError: freeze names 'conv_stim', which no layer has. ...
    """
    _augmentation(config.augmentation)
    reader = load_backbone(config.backbone, config.weights)
    reader.indices(config.layers or None)
    _freeze(reader.model, config.freeze)


def _augmentation(augmentation: str | Callable) -> Callable:
    if not isinstance(augmentation, str):
        return augmentation
    if augmentation not in _AUGMENTATIONS:
        raise ParameterError(
            f"augmentation is {augmentation!r}, "
            f"expected one of {sorted(_AUGMENTATIONS)} or a callable"
        )
    return _AUGMENTATIONS[augmentation]()


def _queue_size(config: PretrainConfig, pictures: int) -> int | None:
    """Length of MoCo's queue; SimCLR has none."""
    if config.method != "moco":
        return None
    if config.queue is None:
        # A quarter: a key must leave the queue well before its picture comes again, or the
        # picture would be its own negative.
        return min(65536, 2 ** max(0, int(math.log2(max(pictures, 4))) - 2))
    if config.queue >= pictures:
        raise ParameterError(
            f"a queue of {config.queue} keys for {pictures} pictures: each would be its own "
            "negative",
            remedy=f"Use at most a quarter, {pictures // 4}, or None to let it be chosen.",
        )
    return config.queue


def _method(network: nn.Module, config: PretrainConfig, side: int, processes: int) -> MoCo | SimCLR:
    """The contrastive method around a backbone, its new parts drawn from the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(config.seed)
        images = torch.zeros(1, 3, side, side)
        with torch.no_grad():
            if config.layers:
                read = LayerEncoder(network.eval(), config.layers, ()).read(images)  # [1, D] each
                features = [vectors.shape[1] for vectors in read]
                encoder = LayerEncoder(network, config.layers, features, config.dim)
            else:
                features = network.eval()(images).shape[1]  # [1, D]
                encoder = ProjectionEncoder(network, features, config.dim)
        if config.layers:
            _freeze_unread(network, config.layers, images)
        if config.method == "simclr":
            return SimCLR(encoder, temperature=config.temperature)
        return MoCo(
            encoder,
            queue=config.queue,
            # The key encoder follows once a portion: m^(1/n), n times, is m once a batch.
            momentum=config.key_momentum ** (1 / config.accumulate),
            temperature=config.temperature,
            splits=max(1, config.splits // processes),  # each process is a part already
        )


def _freeze(network: nn.Module, prefixes: tuple[str, ...]) -> None:
    for prefix in prefixes:
        frozen = [w for name, w in network.named_parameters() if name.startswith(f"{prefix}.")]
        if not frozen:
            names = [name for name, _ in network.named_children()]
            raise ParameterError(
                f"freeze names {prefix!r}, which no layer has",
                remedy=f"At the top are {', '.join(names)}.",
            )
        for weight in frozen:
            weight.requires_grad_(False)


def _freeze_norms(network: nn.Module) -> tuple[str, ...]:
    """Names of the batch norms, which no longer learn."""
    norms = {name: part for name, part in network.named_modules() if isinstance(part, _BatchNorm)}
    for norm in norms.values():
        norm.requires_grad_(False)
    return tuple(norms)


def _freeze_unread(network: nn.Module, layers: tuple[int, ...], images: torch.Tensor) -> None:
    """Keep the weights behind the deepest layer, to which no gradient flows."""
    # Processes that exchange gradients would wait for theirs.
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    read = sum(maps.sum() for maps in layer_maps(network, images, layers))
    gradients = torch.autograd.grad(read, weights, allow_unused=True)
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.requires_grad_(gradient is not None)


def _near(pixels: np.ndarray, device: torch.device) -> np.ndarray | torch.Tensor:
    """On the GPU, if it takes no more than a quarter of what is free there."""
    if device.type == "cuda" and pixels.nbytes < torch.cuda.mem_get_info(device)[0] / 4:
        return torch.from_numpy(np.ascontiguousarray(pixels)).to(device)
    return pixels
