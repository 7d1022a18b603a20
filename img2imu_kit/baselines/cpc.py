"""Contrastive predictive coding: tell a window's own future from that of others."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..augment.base import uniform

__all__ = ["CPC"]


class CPCEncoder(nn.Module):
    """Signals [N, 3, T] to local codes and contexts; features [N, 256] are the mean context.

    Three convolutions of 32, 64 and 128 filters (kernel 3, reflected edges) give a code for each
    sample; two layers of a gated recurrent unit sum up the codes so far in 256 numbers.
    """

    features = 256

    def __init__(self) -> None:
        super().__init__()
        sizes = (3, 32, 64, 128)
        blocks = [
            nn.Sequential(
                nn.Conv1d(a, b, 3, padding=1, padding_mode="reflect", bias=False),
                nn.ReLU(),
                nn.Dropout(0.2),
            )
            for a, b in itertools.pairwise(sizes)
        ]
        self.local = nn.Sequential(*blocks)
        self.summary = nn.GRU(128, 256, num_layers=2, dropout=0.2, batch_first=True)

    def forward(self, signals: Tensor) -> Tensor:
        """Mean over time of the contexts (the last alone, in the paper)."""
        codes = self.local(signals).transpose(1, 2)  # z_t of each sample [N, T, 128]
        # The paper reads the last context; at our pieces of 2 s the mean sees all of them.
        return self.summary(codes)[0].mean(dim=1)  # c_t [N, T, 256] to [N, 256]

    def stages(self, signals: Tensor) -> list[Tensor]:
        """Maps [N, C, T] of each convolution (32, 64, 128 channels), and the contexts (256)."""
        maps = []
        for block in self.local:
            signals = block(signals)
            maps.append(signals)
        contexts = self.summary(signals.transpose(1, 2))[0]
        return [*maps, contexts.transpose(1, 2)]


class CPC(nn.Module):
    """Predict the codes of the next `steps` samples from the context at a random time.

    One linear map a step turns the context into a prediction; among the codes of all windows of
    the batch at that time, the prediction must find its own (InfoNCE, ``ln N`` for a guess).

    References
    ----------
    Haresamudram, Essa and Plötz, "Contrastive predictive coding for human activity recognition",
    IMWUT 5(2), 2021: sizes, random time, Adam with learning rate 0.0005, 28 steps at 50 Hz (of
    the authors' implementation).
    """

    optimizer_settings = {"batch_size": 64, "lr": 5e-4, "weight_decay": 0.0}  # noqa: RUF012

    def __init__(self, steps: int = 28) -> None:
        super().__init__()
        self.encoder = CPCEncoder()
        self.predict = nn.ModuleList(nn.Linear(256, 128) for _ in range(steps))

    def forward(self, signals: Tensor, generator: torch.Generator) -> tuple[Tensor, dict]:
        """Loss of a batch [N, 3, T] and the share of predictions that find their own code."""
        codes = self.encoder.local(signals).transpose(1, 2)  # z_t [N, T, 128]
        steps = len(self.predict)
        # One time for the batch, early enough that all K steps after it exist.
        now = int(uniform((1,), generator) * (signals.shape[2] - steps))
        context = self.encoder.summary(codes[:, : now + 1])[0][:, -1]  # c_t [N, 256], past alone
        future = codes[:, now + 1 : now + 1 + steps]  # z_(t+1) ... z_(t+K) [N, K, 128]
        predicted = torch.stack([predict(context) for predict in self.predict], dim=1)  # W_k c_t
        return prediction_loss(predicted, future)

    def chance(self, batch_size: int) -> float:
        """Loss of an encoder that tells nothing apart."""
        return math.log(batch_size)


def prediction_loss(predicted: Tensor, future: Tensor) -> tuple[Tensor, dict]:
    """InfoNCE over the batch, averaged over windows and steps.

    ``-log( exp(p_i.z_i) / sum_j exp(p_i.z_j) )`` for predictions p and codes z, both [N, K, D].
    """
    # For each step k the scores of prediction i with the codes of all windows j [K, N, N]: others
    # at the same time are the negatives, so what all windows share at a time tells nothing apart.
    scores = torch.einsum("ikd,jkd->kij", predicted, future)
    own = torch.arange(len(predicted), device=scores.device).expand(len(scores), -1)
    loss = F.cross_entropy(scores.flatten(0, 1), own.flatten())
    return loss, {"accuracy": (scores.argmax(dim=2) == own).float().mean()}
