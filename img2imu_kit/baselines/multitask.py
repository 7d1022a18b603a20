"""Multi-task transformation prediction: has this window been changed, and how?"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..augment import signal as twins
from .encoder import TPN

__all__ = ["MultiTask"]


class MultiTask(nn.Module):
    """Eight binary questions, one a transformation: is this window original or changed?

    A trunk (`TPN`) serves all; each question has a head of 256 units. Changed windows answer
    yes, the originals no, in equal numbers; the loss is the mean of the eight cross-entropies,
    ``ln 2`` for a guess.

    References
    ----------
    Saeed, Ozcelebi and Lukkien, IMWUT 3(2), 2019: the eight transformations, trunk and heads,
    Adam with learning rate 0.0003.
    """

    optimizer_settings = {"batch_size": 64, "lr": 3e-4, "weight_decay": 1e-4}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.changes = (
            twins.Jitter(),
            twins.Scaling(),
            twins.Rotation(),
            twins.SignFlip(),
            twins.TimeFlip(),
            twins.Permutation(),
            twins.TimeWarp(),
            twins.ChannelShuffle(),
        )
        self.encoder = TPN()
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(TPN.features, 256), nn.ReLU(), nn.Linear(256, 1))
            for _ in self.changes
        )

    def forward(self, signals: Tensor, generator: torch.Generator) -> tuple[Tensor, dict]:
        """Loss of a batch [N, 3, T] and the share of right answers."""
        changed = [change(signals, generator) for change in self.changes]
        # One pass of the trunk over the originals and their 8 changed versions [9 N, 3, T].
        original, *changed = self.encoder(torch.cat([signals, *changed])).split(len(signals))
        logits = torch.stack(
            [
                torch.cat([head(original), head(features)])
                for head, features in zip(self.heads, changed, strict=True)
            ]
        )
        answers = torch.zeros_like(logits)  # [8, 2 N, 1]: N originals, then N changed
        answers[:, len(signals) :] = 1
        # Mean over tasks and windows of -[y log p + (1 - y) log(1 - p)]: equal task weights.
        loss = F.binary_cross_entropy_with_logits(logits, answers)
        return loss, {"accuracy": ((logits > 0) == answers.bool()).float().mean()}

    def chance(self, batch_size: int) -> float:
        """Loss of an encoder that tells nothing apart."""
        return math.log(2)
