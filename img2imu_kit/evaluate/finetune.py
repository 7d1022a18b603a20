"""How a network is fine-tuned on few labels: what learns, how fast, and on which changes.

Fine-tune a network on a few labelled windows: all of it, or its last blocks.
"""

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

from ..errors import ParameterError, SplitError
from ..models.readout import SignalNetwork
from ..signals.splits import split_by
from ..signals.windows import Windows

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FineTuneConfig",
    "FineTuned",
    "augment_signal",
    "fine_tune",
    "layer_decay_groups",
    "layer_depths",
    "parts_used",
    "recalibrate_batch_norm",
    "set_training_mode",
    "warmup_cosine",
]


@dataclass(frozen=True)
class FineTuneConfig:
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

    def from_scratch(self) -> FineTuneConfig:
        """The same for random weights: every block at the full rate, statistics of batches."""
        return replace(self, body=1.0, decay=1.0, blocks=None, batch_norm="batch")


def layer_depths(body: nn.Module) -> dict[str, int]:
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


def parts_used(reader: SignalNetwork, signal: Tensor) -> dict[str, nn.Parameter]:
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


def layer_decay_groups(
    reader: SignalNetwork, head: nn.Module, signal: Tensor, recipe: FineTuneConfig
) -> list[dict]:
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
    used, depth = parts_used(reader, signal), layer_depths(reader.body)
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


def augment_signal(signal: Tensor, recipe: FineTuneConfig, spread: Tensor) -> Tensor:
    """Turn each window in time, and add noise in shares of `spread` [C, 1]."""
    count, _, length = signal.shape
    start = (torch.rand(count, 1) * recipe.shift * length).long()
    index = ((torch.arange(length) + start) % length).to(signal.device)
    turned = signal.gather(2, index[:, None].expand_as(signal))
    return turned + recipe.noise * spread * torch.randn(signal.shape).to(signal.device)


def set_training_mode(reader: SignalNetwork, head: nn.Module, recipe: FineTuneConfig) -> None:
    """Training mode, but for statistics of batch norm that are to stay as they are."""
    reader.train(), head.train()
    for norm in [*_norms(reader), *_norms(head)]:
        stays = norm.affine and not any(p.requires_grad for p in norm.parameters())
        norm.train(recipe.batch_norm == "batch" and not stays)


def recalibrate_batch_norm(reader: SignalNetwork, signal: Tensor, batch_size: int) -> None:
    """Put statistics of batch norm over these windows in place of those it came with."""
    reader.eval()
    for norm in _norms(reader):
        norm.reset_running_stats()
        norm.momentum, norm.training = None, True  # None: the plain average over batches
    with torch.no_grad():
        for part in signal.tensor_split(math.ceil(len(signal) / batch_size)):
            reader(reader.prepare(part))


def warmup_cosine(step: int, total: int) -> float:
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


@dataclass(eq=False)
class FineTuned:
    """What came out of `fine_tune`.

    Attributes
    ----------
    reader, head : nn.Module
    classes : tuple of str
    history : DataFrame
        One row an epoch: ``phase`` (``"choose"`` while others are held out, then ``"train"``),
        ``epoch``, ``loss``, ``held_out`` (loss on those held out).
    trained : int
        Number of parameters that learned.
    """

    reader: SignalNetwork
    head: nn.Module
    classes: tuple[str, ...]
    history: pd.DataFrame
    trained: int

    def predict(self, windows: Windows, batch_size: int = 256) -> np.ndarray:
        """Class of each window, str [N] (object)."""
        signal = torch.from_numpy(windows.signal)
        codes = _scores(self.reader, self.head, signal, batch_size).argmax(dim=1)
        return np.array(self.classes, dtype=object)[codes.cpu().numpy()]


def fine_tune(
    reader: SignalNetwork,
    windows: Windows,
    *,
    recipe: FineTuneConfig | None = None,
    groups: np.ndarray | None = None,
    seed: int = 0,
    device: str | torch.device = "cpu",
) -> FineTuned:
    """Fine-tune a copy of a network on labelled windows.

    Parameters
    ----------
    reader : SignalNetwork
    windows : Windows
        The few that are labelled, all of them for training.
    recipe : Recipe, optional
    groups : array [N], optional
        Who must not be shared where the recipe holds some out. Default: the subjects. Where no
        split of them has every class on both sides, nobody is held out.
    seed : int
        Of the order, the changes of windows and who is held out. The global random state is
        neither used nor changed.
    device : str or torch.device

    Returns
    -------
    FineTuned

    Raises
    ------
    SplitError
        Fewer than two classes.

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

    recipe = recipe or FineTuneConfig()
    if len(windows.classes) < 2:
        raise SplitError(
            f"{len(windows)} training windows of {len(windows.classes)} class(es)",
            remedy="Give windows of at least two classes.",
        )
    groups = windows.subject if groups is None else np.asarray(groups, dtype=object)
    where, epochs, rows = torch.device(device), recipe.epochs_on(len(windows)), []
    with torch.random.fork_rng(devices=[where] if where.type == "cuda" else []):
        torch.manual_seed(seed)
        if sides := _hold_out(groups, windows.label, recipe.held_out, seed):
            kept, held = (windows[side] for side in sides)
            _, _, history = _train(reader, kept, recipe, where, recipe.epochs_on(len(kept)), held)
            rows = [{"phase": "choose"} | row for row in history]
            epochs = min(epochs, 1 + int(np.argmin([row["held_out"] for row in rows])))
        torch.manual_seed(seed)
        tuned, head, history = _train(reader, windows, recipe, where, epochs)
    rows += [{"phase": "train"} | row for row in history]
    learned = [p for p in [*tuned.parameters(), *head.parameters()] if p.requires_grad]
    trained = sum(parameter.numel() for parameter in learned)
    return FineTuned(tuned, head, windows.classes, pd.DataFrame(rows), trained)


def _hold_out(
    groups: np.ndarray, labels: np.ndarray, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray] | None:
    if share == 0:
        return None
    try:
        return split_by(groups, labels, test=share, seed=seed)
    except SplitError:  # so few shots that some class has a single subject
        return None


def _train(
    reader: SignalNetwork,
    windows: Windows,
    recipe: FineTuneConfig,
    device: torch.device,
    epochs: int,
    held: Windows | None = None,
) -> tuple[SignalNetwork, nn.Module, list[dict]]:
    """A trained copy and head; rates fall as if it went on to the recipe's last epoch."""
    classes = windows.classes
    reader = copy.deepcopy(reader).to(device)
    signal, codes = torch.from_numpy(windows.signal).to(device), _codes(windows, classes, device)
    if recipe.batch_norm == "measured":
        recalibrate_batch_norm(reader, signal, recipe.batch_size)
    head = _head(reader, signal, len(classes), recipe.batch_size)
    optimizer = torch.optim.AdamW(
        layer_decay_groups(reader, head, signal, recipe), weight_decay=recipe.weight_decay
    )
    steps = math.ceil(len(signal) / recipe.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: warmup_cosine(step, steps * recipe.epochs_on(len(signal)))
    )
    spread = signal.std(dim=2).square().mean(dim=0).sqrt()[:, None]
    rows = []
    for epoch in range(epochs):
        set_training_mode(reader, head, recipe)
        total = 0.0
        for index in torch.randperm(len(signal)).to(device).tensor_split(steps):
            prepared = reader.prepare(augment_signal(signal[index], recipe, spread))
            scores = head(reader(prepared))
            loss = F.cross_entropy(scores, codes[index], label_smoothing=recipe.smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(index)
        rows.append({"epoch": epoch, "loss": total / len(signal), "held_out": math.nan})
        if held is not None:
            scores = _scores(reader, head, torch.from_numpy(held.signal), recipe.batch_size)
            rows[-1]["held_out"] = float(F.cross_entropy(scores, _codes(held, classes, device)))
    return reader, head, rows


def _head(reader: SignalNetwork, signal: Tensor, classes: int, batch_size: int) -> nn.Module:
    """Standardise by the training windows, then a linear layer that starts at zero."""
    features = _scores(reader, nn.Identity(), signal, batch_size)
    scale = nn.BatchNorm1d(features.shape[1], affine=False)
    scale.running_mean.copy_(features.mean(dim=0))
    scale.running_var.copy_(features.var(dim=0, correction=0))
    linear = nn.Linear(features.shape[1], classes)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return nn.Sequential(scale, linear).to(features.device)


def _scores(reader: SignalNetwork, head: nn.Module, signal: Tensor, batch_size: int) -> Tensor:
    """In evaluation mode, without gradients."""
    reader.eval(), head.eval()
    device = next(reader.parameters()).device
    with torch.no_grad():
        parts = signal.split(batch_size)
        return torch.cat([head(reader(reader.prepare(part.to(device)))) for part in parts])


def _codes(windows: Windows, classes: tuple[str, ...], device: torch.device) -> Tensor:
    codes = np.searchsorted(np.array(classes, dtype=str), windows.label.astype(str))
    return torch.from_numpy(codes).to(device)
