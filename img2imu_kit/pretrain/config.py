"""The settings of a pre-training run: function, command line, checkpoint and card share them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import ClassVar, Literal, Self

from ..errors import ParameterError, unknown_name

__all__ = ["LEAST_ROWS", "LoopConfig", "PretrainConfig"]

LEAST_ROWS = 8  # of a batch and of each of its portions: batch statistics of fewer are noise


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """How a learner is optimised by `train_loop`, and when it stops.

    Parameters
    ----------
    epochs : int
        Passes over the data.
    batch_size : int
        Rows of all processes together; the last batch of an epoch may be smaller.
    optimizer : {"adam", "sgd"}
        SGD with momentum, or Adam with decoupled weight decay (AdamW).
    lr : float, optional
        Highest learning rate; it falls as a cosine. By default 0.002 for Adam, 0.03 for SGD, each
        for a batch of 256.
    momentum : float
        Of SGD.
    weight_decay : float
        Share of the weights that decays, times the rate.
    warmup : int
        Epochs in which the rate rises first.
    accumulate : int
        Portions that a batch is computed in, to save memory.
    precision : str
        Mixed precision: no, bf16 or fp16. On a CPU bf16 helps ResNets and slows down depthwise
        convolutions.
    seed : int
        Of the order of the data and of all that is random in a step.
    probe_every : int
        Epochs between kNN scores.
    checkpoint_every : int
        Steps between checkpoints.
    max_steps : int, optional
        Stop early, at this step; resume later.
    max_seconds : float, optional
        Stop early, after this time in one call; resume later.

    Raises
    ------
    ParameterError
        A setting out of range.

    Examples
    --------
    >>> LoopConfig(optimizer="sgd").peak_lr
    0.03
    """

    epochs: int = 200
    batch_size: int = 256
    optimizer: Literal["adam", "sgd"] = "adam"
    lr: float | None = None
    momentum: float = 0.9
    weight_decay: float = 1e-4
    warmup: int = 0
    accumulate: int = 1
    precision: str = "no"
    seed: int = 0
    probe_every: int = 5
    checkpoint_every: int = 500
    max_steps: int | None = None
    max_seconds: float | None = None

    # settings that do not change what a step computes: a resumed run may have others
    _free: ClassVar[set[str]] = {"probe_every", "checkpoint_every", "max_steps", "max_seconds"}

    def __post_init__(self) -> None:
        least = {"epochs": 1, "accumulate": 1, "probe_every": 1, "checkpoint_every": 1}
        for name, bound in (least | {"batch_size": LEAST_ROWS}).items():
            if getattr(self, name) < bound:
                raise ParameterError(f"{name} is {getattr(self, name)}, expected {bound} or more")
        if self.batch_size // self.accumulate < LEAST_ROWS:
            raise ParameterError(
                f"accumulate={self.accumulate} leaves fewer than {LEAST_ROWS} of "
                f"{self.batch_size} rows in a portion"
            )
        if self.optimizer not in ("adam", "sgd") or (self.lr is not None and self.lr <= 0):
            raise ParameterError(
                f'lr={self.lr}, optimizer={self.optimizer!r}, expected above 0, "sgd" or "adam"'
            )

    @property
    def peak_lr(self) -> float:
        """The highest learning rate: `lr`, or the optimiser's own."""
        return {"adam": 0.002, "sgd": 0.03}[self.optimizer] if self.lr is None else self.lr

    def updated(self, **settings) -> Self:
        """A copy with other settings.

        Raises
        ------
        ParameterError
            A name that is no setting, or a value out of range.
        """
        known = [field.name for field in fields(self)]
        for name in settings:
            if name not in known:
                raise unknown_name("setting", name, known)
        return replace(self, **settings)

    def identity(self) -> dict:
        """What decides the weights: a resumed run must share it, and the card tells it."""
        names = [field.name for field in fields(self) if field.name not in self._free]
        return {name: getattr(self, name) for name in names} | {"lr": self.peak_lr}


@dataclass(frozen=True, kw_only=True)
class PretrainConfig(LoopConfig):
    """How `pretrain_images` trains a backbone: the settings of `LoopConfig`, and these.

    Defaults are our choice, for a small network and an hour of a small machine; MoCo v2's
    reference values are those of ``method="moco", optimizer="sgd"`` and need many more steps.

    Parameters
    ----------
    backbone : str
        timm architecture.
    weights : str or path, optional
        To start from, as in `load_backbone`: published ones ("timm"), or a file or folder.
    freeze : tuple of str
        Layers of the backbone to keep as they are, by the beginnings of their names (conv_stem,
        blocks.0).
    train_norm : bool
        Whether the backbone's batch norms learn and count, or stay as they are.
    layers : tuple of int
        Layers that get a loss each, counted from 0, read in 16 x 4 cells; by default the last
        one's mean alone.
    size : int
        Side in pixels of pictures that are still to be decoded.
    method : {"simclr", "moco"}
        What is contrasted: the other pictures of the batch, or a queue of past ones.
    augmentation : str or callable
        Random changes that make the views: sensor_aware or moco_v2; or walks, twins of a sensor
        that walks over the pictures (docs/walks.md). In Python also `Walks` of other strength, or
        a callable, augmentation(images, generator), on float images [n, 3, H, W] in [0, 1].
    temperature : float
        Of the contrastive loss.
    dim : int
        Length of the vectors that are compared.
    queue : int, optional
        Negatives of MoCo; by default the power of two that is at most a quarter of the pictures,
        and 65,536 at most. It must be smaller than the corpus.
    key_momentum : float
        How slowly MoCo's key encoder follows.
    splits : int
        Parts of a batch with batch statistics of their own, see `MoCo`.
    channels_last : bool
        Memory layout; up to four times as fast for depthwise convolutions on a CPU.
    compile : bool
        Whether torch.compile is used on the encoders.

    Examples
    --------
    >>> PretrainConfig(method="moco", optimizer="sgd").updated(epochs=20).epochs
    20
    """

    backbone: str = "mobilenetv3_small_050"
    weights: str | Path | None = None
    freeze: tuple[str, ...] = ()
    train_norm: bool = True
    layers: tuple[int, ...] = ()
    size: int = 64
    method: Literal["simclr", "moco"] = "simclr"
    augmentation: str | Callable = "sensor_aware"
    temperature: float = 0.2
    dim: int = 128
    queue: int | None = None
    key_momentum: float = 0.999
    splits: int = 8
    channels_last: bool = True
    compile: bool = False

    # of backbone and size, the card tells what came of them: architecture and image_size
    _free: ClassVar[set[str]] = LoopConfig._free | {"channels_last", "compile", "backbone", "size"}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.method not in ("moco", "simclr"):
            raise ParameterError(f'method is {self.method!r}, expected "moco" or "simclr"')
