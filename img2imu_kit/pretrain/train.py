"""Contrastive pre-training of a backbone on pictures."""

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

from ..augment.image import sensor_aware
from ..augment.vision import moco_v2
from ..errors import ParameterError
from ..models.backbone import Backbone, load_backbone, save_backbone
from .contrastive import MoCo, ProjectionEncoder, SimCLR
from .distributed import split_batch_norm
from .images import ImageSet, load_images
from .loop import make_accelerator, train_loop
from .metrics import knn_probe, representation_metrics
from .views import TwoViews

if TYPE_CHECKING:
    import pandas as pd

    from ..signals.windows import Windows

__all__ = ["Pretrained", "pretrain_images"]

_SETS = {"sensor_aware": sensor_aware, "vision": moco_v2}


@dataclass(frozen=True, eq=False)
class Pretrained:
    """What a run has made.

    Attributes
    ----------
    backbone : Backbone
        Without the head that only pre-training needs; its card says how it was made.
    history : DataFrame
        step, epoch, loss, lr, images_per_s, feature_std, alignment, uniformity, knn;
        `monitor.plot_history` draws it.
    finished : bool
        False if the run was stopped before its last epoch; called again, it continues.
    folder : Path or None
        Holds ``checkpoint.pt``, ``history.csv`` and, for `load_backbone`, ``backbone/``.
    """

    backbone: Backbone
    history: pd.DataFrame
    finished: bool
    folder: Path | None


def pretrain_images(
    images: ImageSet | np.ndarray | str | Path,
    backbone: str = "mobilenetv3_small_050",
    *,
    method: str = "simclr",
    augmentation: str | Callable = "sensor_aware",
    size: int = 64,
    epochs: int = 200,
    batch_size: int = 256,
    optimizer: str = "adam",
    lr: float | None = None,
    momentum: float = 0.9,
    weight_decay: float = 1e-4,
    warmup: int = 0,
    temperature: float = 0.2,
    dim: int = 128,
    queue: int | None = None,
    key_momentum: float = 0.999,
    splits: int = 8,
    weights: str | Path | None = None,
    freeze: tuple[str, ...] = (),
    probe: ImageSet | Windows | None = None,
    probe_every: int = 5,
    folder: str | Path | None = None,
    resume: bool = True,
    checkpoint_every: int = 500,
    seed: int = 0,
    precision: str = "no",
    channels_last: bool = True,
    accumulate: int = 1,
    compile: bool = False,
    max_steps: int | None = None,
    max_seconds: float | None = None,
    progress: bool = True,
) -> Pretrained:
    """Train a backbone to recognise a picture through two random changes of it.

    Runs on whatever `accelerate` finds: the CPU, a GPU, or several processes that share each
    batch, under ``accelerate launch``, ``accelerate.notebook_launcher`` or ``torchrun`` (on CPUs).
    Defaults are our choice, for a small network and an hour of a small machine;
    ``method="moco", optimizer="sgd"`` gives the reference values of MoCo v2, which need many more
    steps.

    Parameters
    ----------
    images : ImageSet, uint8 [N, 3, H, W], path or name
        Pictures, or what `load_images` makes pictures of `size` from.
    backbone : str
        timm architecture.
    method : {"simclr", "moco"}
    augmentation : {"sensor_aware", "vision"} or callable
        ``augmentation(images, generator)`` on float images [n, 3, H, W] in [0, 1].
    size : int
        Side in pixels of pictures that are still to be decoded.
    epochs, batch_size : int
    optimizer : {"sgd", "adam"}
    lr : float, optional
        For a batch of 256; it falls as a cosine. Default: 0.002 for Adam, 0.03 for SGD.
    momentum, weight_decay : float
        The former is SGD's.
    warmup : int
        Epochs in which the rate rises first.
    temperature : float
    dim : int
        Length of the vectors compared.
    queue : int, optional
        Negatives of MoCo; by default the power of two that is at most a quarter of the pictures,
        and 65,536 at most. It must be smaller than the corpus.
    key_momentum : float
        How slowly MoCo's key encoder follows.
    splits : int
        Parts of a batch with batch statistics of their own, see `MoCo`.
    weights : str or path, optional
        To start from, as in `load_backbone`: published ones (``"timm"``), or a file or folder.
    freeze : tuple of str
        Layers of the backbone to keep as they are, by the beginnings of their names
        (``("conv_stem", "bn1", "blocks.0")``).
    probe : ImageSet with labels, or Windows, optional
        Labelled samples for the kNN monitor; windows become pictures of the default settings,
        and their neighbours are sought among other subjects.
    probe_every : int
        Epochs.
    folder, resume, checkpoint_every, max_steps, max_seconds, progress
        As in `train_loop`.
    seed : int
        Of the weights, the order of the data and the augmentation.
    precision : {"no", "bf16", "fp16"}
        Mixed precision. On a CPU bf16 helps ResNets and slows down depthwise convolutions.
    channels_last : bool
        Memory layout; up to four times as fast for depthwise convolutions on a CPU.
    accumulate : int
        Portions that a batch is computed in, to save memory.
    compile : bool
        Use ``torch.compile`` on the encoders.

    Returns
    -------
    Pretrained

    Raises
    ------
    ParameterError
        Settings out of range, or other than those of the checkpoint to resume from.
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
    >>> made = pretrain(images, size=32, epochs=1, batch_size=16, max_steps=2, progress=False)
    >>> made.finished, made.backbone
    (False, Backbone('mobilenetv3_small_050', 0.57 M parameters))
    """
    if method not in ("moco", "simclr"):
        raise ParameterError(f'method is {method!r}, expected "moco" or "simclr"')
    if isinstance(augmentation, str) and augmentation not in _SETS:
        raise ParameterError(
            f"augmentation is {augmentation!r}, expected one of {sorted(_SETS)} or a callable"
        )
    state = make_accelerator(precision)
    if not isinstance(images, ImageSet):
        with state.main_process_first():  # the others find them in the cache
            images = load_images(images, size, progress=progress)
    augment = _SETS[augmentation]() if isinstance(augmentation, str) else augmentation
    queue = _queue_size(queue, len(images))
    if lr is None:
        lr = 0.03 if optimizer == "sgd" else 0.002
    reader = load_backbone(backbone, weights, seed=seed)
    if weights is None:
        reader = replace(reader, mean=images.mean, std=images.std)
    network = reader.model
    network.reset_classifier(0)
    _freeze(network, freeze)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        with torch.no_grad():
            features = network.eval()(torch.zeros(1, 3, *images.pixels.shape[2:])).shape[1]
        encoder = ProjectionEncoder(network, features, dim)
        if method == "moco":
            model = MoCo(
                encoder,
                queue=queue,
                momentum=key_momentum ** (1 / accumulate),
                temperature=temperature,
                splits=max(1, splits // state.num_processes),
            )
        else:
            model = SimCLR(encoder, temperature=temperature)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    learner = TwoViews(model, augment, reader.mean, reader.std, layout=layout, frozen=freeze)
    learner.to(memory_format=layout)
    if compile:
        for part in model.children():
            part.compile()
    settings = {
        "corpus": images.source,
        "image_size": images.pixels.shape[-1],
        "architecture": backbone,
        "weights": None if weights is None else str(weights),
        "freeze": list(freeze),
        "method": method,
        "augmentation": getattr(augment, "__qualname__", repr(augment)),
        "queue": queue if method == "moco" else None,
        "key_momentum": key_momentum,
        "splits": splits,
        "temperature": temperature,
        "dim": dim,
    }
    optimisation = {
        "epochs": epochs, "batch_size": batch_size, "optimizer": optimizer, "lr": lr,
        "momentum": momentum, "weight_decay": weight_decay, "warmup": warmup,
        "accumulate": accumulate, "precision": precision, "seed": seed,
    }  # fmt: skip
    history, finished = train_loop(
        learner,
        _near(images.pixels, state.device),
        **optimisation,
        settings=settings,
        folder=folder,
        resume=resume,
        checkpoint_every=checkpoint_every,
        monitor=lambda vectors: representation_metrics(**vectors),
        probe=knn_probe(reader, probe) if probe is not None else None,
        probe_every=probe_every,
        max_steps=max_steps,
        max_seconds=max_seconds,
        progress=progress,
    )
    if method == "moco":
        history.attrs = {"chance": math.log(1 + queue), "queue_full": -(-queue // batch_size)}
    else:
        history.attrs = {"chance": math.log(2 * (batch_size // accumulate) - 1)}
    split_batch_norm(network, 1).eval().requires_grad_(True)
    reader.card.update(
        settings | optimisation,
        num_classes=0,
        mean=reader.mean,
        std=reader.std,
        pictures=len(images),
        steps=int(history.step.iloc[-1]),
        finished=finished,
        versions={name: version(name) for name in ("img2imu-kit", "accelerate", "numpy")},
    )
    if folder and state.is_main_process:
        save_backbone(reader, Path(folder) / "backbone")
    return Pretrained(reader, history, finished, Path(folder) if folder else None)


def _queue_size(queue: int | None, count: int) -> int:
    if queue is None:
        return min(65536, 2 ** max(0, int(math.log2(max(count, 4))) - 2))
    if queue >= count:
        raise ParameterError(
            f"a queue of {queue} keys for {count} pictures: each would be its own negative",
            remedy=f"Use at most a quarter, {count // 4}, or None to let it be chosen.",
        )
    return queue


def _freeze(network: nn.Module, prefixes: tuple[str, ...]) -> None:
    for prefix in prefixes:
        found = [w for name, w in network.named_parameters() if name.startswith(f"{prefix}.")]
        if not found:
            names = [name for name, _ in network.named_children()]
            raise ParameterError(
                f"freeze names {prefix!r}, which no layer has",
                remedy=f"At the top are {', '.join(names)}.",
            )
        for weight in found:
            weight.requires_grad_(False)


def _near(pixels: np.ndarray, device: torch.device) -> np.ndarray | torch.Tensor:
    """On the GPU, if it takes no more than a quarter of what is free there."""
    if device.type == "cuda" and pixels.nbytes < torch.cuda.mem_get_info(device)[0] / 4:
        return torch.from_numpy(np.ascontiguousarray(pixels)).to(device)
    return pixels
