"""Fine-tune a network on a few labelled windows: all of it, or its last blocks."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from timm.models import group_parameters
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from .errors import ParameterError, SplitError
from .splits import split_by
from .windowing import Windows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FineTuned", "Reader", "Recipe", "depths", "fine_tune"]


class Reader(nn.Module):
    """A network that reads motion: `prepare` without gradients, then a `body` that can learn.

    Attributes
    ----------
    body : nn.Module
        What is fine-tuned; its parameters are graded by depth, see `depths`.
    """

    body: nn.Module

    def prepare(self, signal: Tensor) -> Tensor:
        """Signals float [N, C, T] to what the body takes (pictures, or resampled signals)."""
        return signal

    def forward(self, prepared: Tensor) -> Tensor:
        """To features [N, D]."""
        return self.body(prepared)


@dataclass(frozen=True)
class Recipe:
    """How a network is fine-tuned. Every value is our choice.

    Parameters
    ----------
    epochs, batch_size : int
        A batch holds at least two windows, so the last ones are spread evenly.
    rate : float
        Learning rate of the new head (AdamW, warm-up over a tenth of the steps, then cosine).
    body, decay : float
        The deepest block learns at ``rate * body``, each block nearer the input at `decay` times
        the rate of the next.
    blocks : int, optional
        How many of the last blocks learn; None is all of them, 0 the head alone.
    batch_norm : {"frozen", "measured", "batch"}
        Statistics of batch norm: those the network came with; measured once on the training
        windows, then frozen; or those of each batch, noisy where it is tiny.
    weight_decay : float
    smoothing : float
        Label smoothing.
    shift, noise : float
        Each window is turned in time by up to this share of its length, and gets white noise of
        this share of the axis's standard deviation within a window.
    held_out : float
        Share of the training groups (subjects) on which the number of epochs is chosen before
        training on all; 0 trains for `epochs`. Test subjects are never asked.
    """

    epochs: int = 40
    batch_size: int = 32
    rate: float = 3e-3
    body: float = 0.2
    decay: float = 0.8
    blocks: int | None = None
    batch_norm: str = "frozen"
    weight_decay: float = 0.01
    smoothing: float = 0.1
    shift: float = 1.0
    noise: float = 0.05
    held_out: float = 0.0

    def __post_init__(self) -> None:
        good = {
            "epochs": self.epochs >= 1,
            "batch_size": self.batch_size >= 2,
            "rate": self.rate > 0,
            "body": self.body >= 0,
            "decay": 0 < self.decay <= 1,
            "blocks": self.blocks is None or self.blocks >= 0,
            "batch_norm": self.batch_norm in ("frozen", "measured", "batch"),
            "weight_decay": self.weight_decay >= 0,
            "smoothing": 0 <= self.smoothing < 1,
            "shift": 0 <= self.shift <= 1,
            "noise": self.noise >= 0,
            "held_out": 0 <= self.held_out < 1,
        }
        for name in [name for name, fine in good.items() if not fine]:
            raise ParameterError(
                f"{name} is {getattr(self, name)!r}, which a recipe cannot have",
                where="Recipe",
                remedy="See its docstring for what each value means.",
            )

    def from_scratch(self) -> Recipe:
        """The same for random weights: every block at the full rate, statistics of batches."""
        return replace(self, body=1.0, decay=1.0, blocks=None, batch_norm="batch")


@dataclass(eq=False)
class FineTuned:
    """What came out of `fine_tune`.

    Attributes
    ----------
    reader, head : nn.Module
    classes : tuple of str
    history : DataFrame
        One row an epoch: phase (``"choose"`` on held-out groups, ``"train"``), loss, held_out.
    trained : int
        Number of parameters that learned.
    """

    reader: Reader
    head: nn.Module
    classes: tuple[str, ...]
    history: pd.DataFrame
    trained: int

    def predict(self, windows: Windows, batch_size: int = 256) -> np.ndarray:
        """Class of each window, str [N]."""
        self.reader.eval(), self.head.eval()
        device = next(self.head.parameters()).device
        with torch.inference_mode():
            codes = [
                self.head(self.reader(self.reader.prepare(part.to(device)))).argmax(dim=1).cpu()
                for part in torch.from_numpy(windows.signal).split(batch_size)
            ]
        return np.array(self.classes, dtype=object)[torch.cat(codes).numpy()]


def fine_tune(
    reader: Reader,
    windows: Windows,
    *,
    recipe: Recipe | None = None,
    groups: np.ndarray | None = None,
    seed: int = 0,
    device: str | torch.device = "cpu",
) -> FineTuned:
    """Fine-tune a copy of a network on labelled windows.

    Parameters
    ----------
    reader : Reader
    windows : Windows
        The few that are labelled, all of them for training.
    recipe : Recipe, optional
    groups : array [N], optional
        Who must not be shared where the recipe holds some out. Default: the subjects. Where no
        split of them has every class on both sides, nobody is held out.
    seed : int
        Of the order, the augmentation and the groups held out. The global random state is
        neither used nor changed.
    device : str or torch.device

    Returns
    -------
    FineTuned

    Notes
    -----
    Features are standardised by their statistics over the training windows before the linear
    head, which starts at zero: so one learning rate suits every network. Slower rates nearer the
    input keep what is general [1]_.

    References
    ----------
    .. [1] J. Howard and S. Ruder, "Universal language model fine-tuning for text classification",
       ACL 2018 (discriminative rates).
    """
    import pandas as pd

    recipe = recipe or Recipe()
    groups = windows.subject if groups is None else np.asarray(groups, dtype=object)
    epochs, rows = recipe.epochs, []
    devices = [torch.cuda.current_device()] if torch.device(device).type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        if recipe.held_out:
            try:
                kept, held = split_by(groups, windows.label, test=recipe.held_out, seed=seed)
            except SplitError:
                held = []
            if len(held):
                copied = copy.deepcopy(reader).to(device)
                chosen = _train(copied, windows[kept], recipe, recipe.epochs, held=windows[held])
                rows = [{"phase": "choose"} | row for row in chosen[2]]
                epochs = 1 + int(np.argmin([row["held_out"] for row in rows]))
        copied = copy.deepcopy(reader).to(device)
        head, trained, history = _train(copied, windows, recipe, epochs)
    rows += [{"phase": "train"} | row for row in history]
    return FineTuned(copied, head, windows.classes, pd.DataFrame(rows), trained)


def depths(body: nn.Module) -> dict[str, int]:
    """Depth of each parameter, from 0 at the input.

    timm's models say it themselves (stem, then stages); of others each child counts as one block.

    Examples
    --------
    >>> depths(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)))
    {'0.weight': 0, '0.bias': 0, '2.weight': 2, '2.bias': 2}
    """
    if hasattr(body, "group_matcher"):
        found = group_parameters(body, body.group_matcher(coarse=True), reverse=True)
        return {name: int(depth) for name, depth in found.items()}
    order = [name for name, _ in body.named_children()]
    place = {name: i for i, name in enumerate(order)}
    return {name: place.get(name.split(".")[0], 0) for name, _ in body.named_parameters()}


def _train(reader, windows, recipe, epochs, held=None) -> tuple[nn.Module, int, list[dict]]:
    """Train in place; the rates fall as if it went on to the recipe's last epoch."""
    device = next(reader.parameters()).device
    signal, codes = _tensors(windows, windows.classes, device)
    steps = math.ceil(len(signal) / recipe.batch_size)
    if recipe.batch_norm == "measured":
        _measure(reader, signal, recipe.batch_size)
    head = _head(reader, signal, len(windows.classes), recipe.batch_size)
    groups = _graded(reader, head, signal, recipe)
    optimizer = torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)
    total = steps * recipe.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _pace(step, total))
    spread = signal.std(dim=2).square().mean(dim=0).sqrt()[:, None]  # [C, 1]
    rows = []
    for epoch in range(epochs):
        _learning(reader, head, recipe)
        losses = []
        for index in torch.randperm(len(signal)).tensor_split(steps):
            batch = reader.prepare(_augment(signal[index], spread, recipe))
            loss = F.cross_entropy(
                head(reader(batch)), codes[index], label_smoothing=recipe.smoothing
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()) * len(index))
        rows.append({"epoch": epoch, "loss": sum(losses) / len(signal), "held_out": math.nan})
        if held is not None:
            rows[-1]["held_out"] = _loss(reader, head, held, windows.classes, recipe)
    trained = sum(parameter.numel() for group in groups for parameter in group["params"])
    return head, trained, rows


def _augment(signal: Tensor, spread: Tensor, recipe: Recipe) -> Tensor:
    """Turn each window in time, and add noise."""
    count, _, length = signal.shape
    start = (torch.rand(count, 1) * recipe.shift * length).long()
    index = ((torch.arange(length) + start) % length).to(signal.device)
    turned = signal.gather(2, index[:, None].expand_as(signal))
    return turned + recipe.noise * spread * torch.randn(signal.shape).to(signal.device)


def _graded(reader: Reader, head: nn.Module, signal: Tensor, recipe: Recipe) -> list[dict]:
    """Parameter groups with a rate for each depth; what does not learn is switched off."""
    reader.eval()
    reader.body.requires_grad_(True)
    reader(reader.prepare(signal[:2])).sum().backward()
    depth = depths(reader.body)
    # a network that is read at an early block has deeper ones that take no part
    used = {n: p for n, p in reader.body.named_parameters() if p.grad is not None}
    reader.zero_grad(set_to_none=True)
    levels = sorted({depth[name] for name in used})
    learning = levels if recipe.blocks is None else levels[len(levels) - recipe.blocks :]
    learning = learning if recipe.blocks != 0 and recipe.body > 0 else []
    groups = [{"params": list(head.parameters()), "lr": recipe.rate}]
    for name, parameter in reader.body.named_parameters():
        parameter.requires_grad_(name in used and depth[name] in learning)
    for above, level in enumerate(reversed(learning)):
        some = [p for name, p in used.items() if depth[name] == level]
        groups.append({"params": some, "lr": recipe.rate * recipe.body * recipe.decay**above})
    return groups


def _learning(reader: Reader, head: nn.Module, recipe: Recipe) -> None:
    """Training mode, but for the statistics that stay as they are."""
    reader.train(), head.train()
    for module in [*_norms(reader), *_norms(head)]:
        learns = any(p.requires_grad for p in module.parameters()) or not module.affine
        module.train(recipe.batch_norm == "batch" and learns)


def _measure(reader: Reader, signal: Tensor, batch_size: int) -> None:
    """Statistics of batch norm over these windows in place of those it came with."""
    reader.eval()
    for norm in _norms(reader):
        norm.reset_running_stats()
        norm.momentum, norm.training = None, True  # None: the plain average over batches
    with torch.no_grad():
        for part in signal.tensor_split(math.ceil(len(signal) / batch_size)):
            reader(reader.prepare(part))


def _head(reader: Reader, signal: Tensor, classes: int, batch_size: int) -> nn.Module:
    """Standardise by the training windows, then a linear layer from zero."""
    reader.eval()
    with torch.no_grad():
        parts = [reader(reader.prepare(part)) for part in signal.split(batch_size)]
    features = torch.cat(parts).float()
    scale = nn.BatchNorm1d(features.shape[1], affine=False)
    scale.running_mean.copy_(features.mean(dim=0))
    scale.running_var.copy_(features.var(dim=0, correction=0))
    linear = nn.Linear(features.shape[1], classes)
    nn.init.zeros_(linear.weight), nn.init.zeros_(linear.bias)
    return nn.Sequential(scale, linear).to(features.device)


def _loss(reader, head, held: Windows, classes: tuple[str, ...], recipe: Recipe) -> float:
    reader.eval(), head.eval()
    signal, codes = _tensors(held, classes, next(head.parameters()).device)
    with torch.no_grad():
        parts = [head(reader(reader.prepare(part))) for part in signal.split(recipe.batch_size)]
        return float(F.cross_entropy(torch.cat(parts), codes))


def _tensors(windows: Windows, classes: tuple[str, ...], device) -> tuple[Tensor, Tensor]:
    codes = np.searchsorted(classes, windows.label.astype(str))
    return torch.from_numpy(windows.signal).to(device), torch.from_numpy(codes).to(device)


def _pace(step: int, total: int) -> float:
    """Share of the full rate: linear warm-up over a tenth of the steps, then half a cosine."""
    warm = max(1, total // 10)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


def _norms(module: nn.Module) -> Iterator[nn.Module]:
    return (part for part in module.modules() if isinstance(part, _BatchNorm))
