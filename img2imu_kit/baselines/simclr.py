"""SimCLR for activity recognition: two changed views of a window find each other in the batch."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..augment.base import Compose
from ..augment.signal import Rotation, Scaling
from ..pretrain.contrastive import nt_xent
from .encoder import TPN

__all__ = ["SignalSimCLR"]


class SignalSimCLR(nn.Module):
    """Contrastive learning of windows under random rotation and scaling.

    The trunk is `TPN`; the head that pre-training alone needs has layers of 256, 128 and 50
    units; the temperature is 0.1.

    References
    ----------
    Tang, Perez-Pozuelo, Spathis and Mascolo, "Exploring contrastive learning in human activity
    recognition for healthcare", 2020, arXiv 2011.11542: trunk, head, temperature, and pairs out
    of eight transformations as views (rotation came out best; with scaling it is our choice).
    """

    optimizer_settings = {"batch_size": 256, "lr": 1e-3, "weight_decay": 1e-4}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.encoder = TPN()
        self.head = nn.Sequential(
            *(nn.Linear(TPN.features, 256), nn.ReLU()),
            *(nn.Linear(256, 128), nn.ReLU()),
            nn.Linear(128, 50),
        )
        self.views = Compose((Rotation(), Scaling()))

    def forward(self, signals: Tensor, generator: torch.Generator) -> tuple[Tensor, dict]:
        """Loss of a batch [N, 3, T], ``ln(2N - 1)`` where nothing is told apart."""
        # Both views in one batch [2 N, 3, T], row i and row N + i of one window.
        views = torch.cat([self.views(signals, generator), self.views(signals, generator)])
        z = F.normalize(self.head(self.encoder(views)), dim=1)
        z1, z2 = z.chunk(2)
        # -log( exp(z_i.z_j / 0.1) / sum over k != i of exp(z_i.z_k / 0.1) ), j the other view of i
        return nt_xent(z1, z2, temperature=0.1), {}

    def chance(self, batch_size: int) -> float:
        """Loss of an encoder that tells nothing apart."""
        return math.log(2 * batch_size - 1)
