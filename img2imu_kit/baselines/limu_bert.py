"""Masked reconstruction: fill in the spans of a window that were blotted out (LIMU-BERT)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..augment.base import uniform

__all__ = ["LimuBert"]


class LimuBertEncoder(nn.Module):
    """A small transformer: signals [N, 3, T] to the mean of its tokens, [N, 72].

    Hidden size 72, feed-forward 144, 4 heads, and one layer applied 4 times (shared weights). A
    token is the mean of two samples: 25 Hz, near the 20 Hz of the paper, so that a span of
    masked samples lasts as long as there.
    """

    features = 72
    longest = 150  # tokens with a position of their own

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(3, 72)
        self.position = nn.Embedding(self.longest, 72)
        self.norm = nn.LayerNorm(72)
        self.layer = nn.TransformerEncoderLayer(
            72, nhead=4, dim_feedforward=144, dropout=0.0, activation="gelu", batch_first=True
        )

    def forward(self, signals: Tensor) -> Tensor:
        """Mean of the tokens."""
        return self.read(tokens(signals)).mean(dim=1)

    def stages(self, signals: Tensor) -> list[Tensor]:
        """Maps [N, 72, L]: the embedded tokens, then those after each of the four rounds."""
        return [hidden.transpose(1, 2) for hidden in self.rounds(tokens(signals))]

    def read(self, x: Tensor) -> Tensor:
        """Tokens [N, L, 3] to [N, L, 72]."""
        return self.rounds(x)[-1]

    def rounds(self, x: Tensor) -> list[Tensor]:
        """Tokens [N, L, 3] to [N, L, 72] before the first round and after each."""
        place = self.position(torch.arange(x.shape[1], device=x.device))  # [L, 72]
        # one norm, used twice as published
        hidden = [self.norm(self.norm(self.embed(x)) + place)]
        for _ in range(4):  # the same layer: a quarter of the weights, for small devices
            hidden.append(self.layer(hidden[-1]))
        return hidden


class LimuBert(nn.Module):
    """Reconstruct 15 % of a window, blotted out in spans, from the rest.

    The loss is the mean squared error on masked tokens, in units of g squared.

    References
    ----------
    Xu, Zhou, Tan, Li and Shen, "LIMU-BERT: Unleashing the potential of unlabeled data for IMU
    sensing applications", SenSys 2021: sizes, shared layers, accelerations in g, span masking
    (geometric lengths with p 0.2 up to 10 tokens; 8 of 10 windows masked by zeros, the others
    left as they are), Adam with learning rate 0.001, batches of 128. The mean as a feature is
    ours: the paper's classifier reads all tokens by a recurrent network.
    """

    optimizer_settings = {"batch_size": 128, "lr": 1e-3, "weight_decay": 0.0}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.encoder = LimuBertEncoder()
        self.decoder = nn.Sequential(
            nn.Linear(72, 72), nn.GELU(), nn.LayerNorm(72), nn.Linear(72, 3)
        )

    def forward(self, signals: Tensor, generator: torch.Generator) -> tuple[Tensor, dict]:
        """Loss of a batch [N, 3, T]."""
        x = tokens(signals)  # [N, L, 3]
        mask = spans(*x.shape[:2], generator).to(x.device)  # [N, L]
        # In 2 of 10 windows the masked tokens stay as they are, so that the encoder meets what
        # it will be read on; the loss counts them all the same.
        hide = uniform((len(x), 1, 1), generator).to(x.device) < 0.8
        rebuilt = self.decoder(self.encoder.read(x.masked_fill(mask[..., None] & hide, 0)))
        # 1/|M| sum over masked places of (x_hat - x)^2
        return F.mse_loss(rebuilt[mask], x[mask]), {}

    def chance(self, batch_size: int) -> None:
        """The loss of a guess depends on how the windows move."""
        return


def tokens(signals: Tensor) -> Tensor:
    """Signals [N, 3, T] to the means of neighbouring samples [N, T // 2, 3]."""
    return F.avg_pool1d(signals, 2).transpose(1, 2)


def spans(
    n: int, length: int, generator: torch.Generator, *, share: float = 0.15, longest: int = 10
) -> Tensor:
    """Masks [N, L] of which ``share`` of each row is True, in spans of random place and length.

    A span has 1 to `longest` places with probability ``0.2 * 0.8^(l-1)``, made to sum to 1. Spans
    are laid until the goal is reached; the last one is cut to meet it.

    Examples
    --------
    >>> mask = spans(2, 100, torch.Generator().manual_seed(0))
    >>> mask.sum(dim=1)
    tensor([15, 15])
    """
    goal = max(1, round(share * length))
    # 4 spans a masked place: enough of them, however short and however much they overlap.
    weights = 0.8 ** torch.arange(longest)
    lengths = torch.multinomial(
        weights.expand(n, -1).to(generator.device), 4 * goal, replacement=True, generator=generator
    )
    starts = (uniform((n, 4 * goal), generator) * length).long()
    place = torch.arange(length, device=starts.device)
    covers = (place >= starts[..., None]) & (place <= (starts + lengths)[..., None])
    # Laid one after another until the goal is met, without a loop: a place ranks by the first
    # span [N, 4 goal] that covers it, then by its position, and the `goal` lowest are taken.
    first = torch.where(covers, torch.arange(4 * goal, device=starts.device)[:, None], 4 * goal)
    order = (first.amin(dim=1) * length + place).argsort(dim=1)
    return torch.zeros(n, length, dtype=torch.bool, device=starts.device).scatter_(
        1, order[:, :goal], True
    )
