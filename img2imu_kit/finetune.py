"""Fine-tune a network on a few labelled windows: all of it, or its last blocks."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .errors import SplitError
from .recipe import Reader, Recipe, augment, graded, learning, measure, pace
from .splits import split_by
from .windowing import Windows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FineTuned", "Reader", "Recipe", "fine_tune"]


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

    reader: Reader
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

    recipe = recipe or Recipe()
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
    reader: Reader,
    windows: Windows,
    recipe: Recipe,
    device: torch.device,
    epochs: int,
    held: Windows | None = None,
) -> tuple[Reader, nn.Module, list[dict]]:
    """A trained copy and head; rates fall as if it went on to the recipe's last epoch."""
    classes = windows.classes
    reader = copy.deepcopy(reader).to(device)
    signal, codes = torch.from_numpy(windows.signal).to(device), _codes(windows, classes, device)
    if recipe.batch_norm == "measured":
        measure(reader, signal, recipe.batch_size)
    head = _head(reader, signal, len(classes), recipe.batch_size)
    optimizer = torch.optim.AdamW(
        graded(reader, head, signal, recipe), weight_decay=recipe.weight_decay
    )
    steps = math.ceil(len(signal) / recipe.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: pace(step, steps * recipe.epochs_on(len(signal)))
    )
    spread = signal.std(dim=2).square().mean(dim=0).sqrt()[:, None]
    rows = []
    for epoch in range(epochs):
        learning(reader, head, recipe)
        total = 0.0
        for index in torch.randperm(len(signal)).to(device).tensor_split(steps):
            prepared = reader.prepare(augment(signal[index], recipe, spread))
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


def _head(reader: Reader, signal: Tensor, classes: int, batch_size: int) -> nn.Module:
    """Standardise by the training windows, then a linear layer that starts at zero."""
    features = _scores(reader, nn.Identity(), signal, batch_size)
    scale = nn.BatchNorm1d(features.shape[1], affine=False)
    scale.running_mean.copy_(features.mean(dim=0))
    scale.running_var.copy_(features.var(dim=0, correction=0))
    linear = nn.Linear(features.shape[1], classes)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return nn.Sequential(scale, linear).to(features.device)


def _scores(reader: Reader, head: nn.Module, signal: Tensor, batch_size: int) -> Tensor:
    """In evaluation mode, without gradients."""
    reader.eval(), head.eval()
    device = next(reader.parameters()).device
    with torch.no_grad():
        parts = signal.split(batch_size)
        return torch.cat([head(reader(reader.prepare(part.to(device)))) for part in parts])


def _codes(windows: Windows, classes: tuple[str, ...], device: torch.device) -> Tensor:
    codes = np.searchsorted(np.array(classes, dtype=str), windows.label.astype(str))
    return torch.from_numpy(codes).to(device)
