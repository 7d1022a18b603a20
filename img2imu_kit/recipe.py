"""How a network is fine-tuned on few labels: what learns, how fast, and on which changes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from timm.models import group_parameters
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .errors import ParameterError

__all__ = [
    "Reader",
    "Recipe",
    "augment",
    "depths",
    "graded",
    "learning",
    "measure",
    "pace",
    "parts_used",
]


class Reader(nn.Module):
    """A network that reads motion: `prepare` without gradients, then a `body` that can learn.

    Parameters
    ----------
    body : nn.Module
        What is fine-tuned; its parameters are graded by depth, see `depths`.
    """

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

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
        Windows are spread evenly over the batches of an epoch.
    most_steps : int
        Updates after which no further epoch begins: a larger training set gets fewer epochs, but
        one at least.
    rate : float
        Learning rate of the new head (AdamW; warm-up over a tenth of the steps, then cosine).
    body, decay : float
        The deepest block learns at ``rate * body``, each block nearer the input at `decay` times
        the rate of the next.
    blocks : int, optional
        How many of the last blocks learn: None is all of them, 0 the head alone.
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

    Examples
    --------
    >>> Recipe(blocks=2).batch_norm
    'frozen'
    """

    epochs: int = 40
    batch_size: int = 32
    most_steps: int = 100
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
            "most_steps": self.most_steps >= 1,
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
                f"{name} is {getattr(self, name)!r}",
                where="Recipe",
                remedy="Its docstring says what is possible.",
            )

    def epochs_on(self, count: int) -> int:
        """Epochs on so many windows.

        Examples
        --------
        >>> Recipe().epochs_on(30), Recipe().epochs_on(270)
        (40, 11)
        """
        batches = math.ceil(count / self.batch_size)
        return max(1, min(self.epochs, self.most_steps // batches))

    def from_scratch(self) -> Recipe:
        """The same for random weights: every block at the full rate, statistics of batches."""
        return replace(self, body=1.0, decay=1.0, blocks=None, batch_norm="batch")


def depths(body: nn.Module) -> dict[str, int]:
    """Depth of each parameter, from 0 at the input.

    timm's models say it themselves (stem, then stages); of others each child counts as a block.

    Examples
    --------
    >>> depths(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)))
    {'0.weight': 0, '0.bias': 0, '2.weight': 2, '2.bias': 2}
    """
    if hasattr(body, "group_matcher"):
        found = group_parameters(body, body.group_matcher(coarse=True), reverse=True)
        return {name: int(depth) for name, depth in found.items()}
    place = {name: i for i, (name, _) in enumerate(body.named_children())}
    return {name: place.get(name.split(".")[0], 0) for name, _ in body.named_parameters()}


def parts_used(reader: Reader, signal: Tensor) -> dict[str, nn.Parameter]:
    """Parameters of the body that its features depend on, by name.

    A network that is read at an early block has deeper ones that take no part.
    """
    reader.eval()
    reader.body.requires_grad_(True)
    with torch.enable_grad():
        reader(reader.prepare(signal[:2])).sum().backward()
    used = {name: p for name, p in reader.body.named_parameters() if p.grad is not None}
    reader.zero_grad(set_to_none=True)
    return used


def graded(reader: Reader, head: nn.Module, signal: Tensor, recipe: Recipe) -> list[dict]:
    """Groups of parameters with a rate for each depth; what does not learn is switched off.

    Parameters
    ----------
    reader, head : nn.Module
    signal : float [N, C, T]
        Windows to try the network on, see `parts_used`.
    recipe : Recipe

    Returns
    -------
    list of dict
        For an optimiser: ``params``, ``lr``. The head comes first, then the deepest block.
    """
    used, depth = parts_used(reader, signal), depths(reader.body)
    levels = sorted({depth[name] for name in used}, reverse=True)[: recipe.blocks]
    groups = [{"params": list(head.parameters()), "lr": recipe.rate}]
    for above, level in enumerate(levels if recipe.body else []):
        some = [p for name, p in used.items() if depth[name] == level]
        groups.append({"params": some, "lr": recipe.rate * recipe.body * recipe.decay**above})
    reader.body.requires_grad_(False)
    for group in groups:
        for parameter in group["params"]:
            parameter.requires_grad_(True)
    return groups


def augment(signal: Tensor, recipe: Recipe, spread: Tensor) -> Tensor:
    """Turn each window in time, and add noise in shares of `spread` [C, 1]."""
    count, _, length = signal.shape
    start = (torch.rand(count, 1) * recipe.shift * length).long()
    index = ((torch.arange(length) + start) % length).to(signal.device)
    turned = signal.gather(2, index[:, None].expand_as(signal))
    return turned + recipe.noise * spread * torch.randn(signal.shape).to(signal.device)


def learning(reader: Reader, head: nn.Module, recipe: Recipe) -> None:
    """Training mode, but for statistics of batch norm that are to stay as they are."""
    reader.train(), head.train()
    for norm in [*_norms(reader), *_norms(head)]:
        stays = norm.affine and not any(p.requires_grad for p in norm.parameters())
        norm.train(recipe.batch_norm == "batch" and not stays)


def measure(reader: Reader, signal: Tensor, batch_size: int) -> None:
    """Put statistics of batch norm over these windows in place of those it came with."""
    reader.eval()
    for norm in _norms(reader):
        norm.reset_running_stats()
        norm.momentum, norm.training = None, True  # None: the plain average over batches
    with torch.no_grad():
        for part in signal.tensor_split(math.ceil(len(signal) / batch_size)):
            reader(reader.prepare(part))


def pace(step: int, total: int) -> float:
    """Share of the full rate: linear warm-up over a tenth of the steps, then half a cosine.

    Examples
    --------
    >>> [round(pace(step, 40), 2) for step in (0, 3, 4, 22, 40)]
    [0.25, 1.0, 1.0, 0.5, 0.0]
    """
    warm = max(1, total // 10)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


def _norms(module: nn.Module) -> Iterator[nn.Module]:
    return (part for part in module.modules() if isinstance(part, _BatchNorm))
