"""How a map of features becomes a vector: where on the frequency axis, or no matter where."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ParameterError

__all__ = ["SignalNetwork", "pool_maps"]


class SignalNetwork(nn.Module):
    """A network that reads signals: `prepare` without gradients, then a `body` that can learn.

    Parameters
    ----------
    body : nn.Module
        What is fine-tuned.
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


def pool_maps(maps: torch.Tensor, pool: str, *, rows: int = 8, columns: int = 1) -> torch.Tensor:
    """Average feature maps over time, frequency or both.

    Parameters
    ----------
    maps : float [N, C, F, S]
        Channels, frequency rows (high frequency first), time columns.
    pool : {"gap", "time", "grid"}
        Global average; average over time alone, so that each frequency row stays apart; or a
        grid of at most `rows` x `columns` cells.

    Returns
    -------
    float [N, C * cells]
        By channel, then row, then column.

    Examples
    --------
    >>> maps = torch.zeros(2, 16, 12, 8)
    >>> [tuple(pool_maps(maps, pool).shape) for pool in ("gap", "time", "grid")]
    [(2, 16), (2, 192), (2, 128)]
    """
    height, width = maps.shape[2:]
    grids = {
        "gap": (1, 1),
        "time": (height, 1),
        "grid": (min(rows, height), min(columns, width)),
    }
    if pool not in grids or min(grids[pool]) < 1:
        raise ParameterError(
            f"pool is {pool!r} with {rows} rows and {columns} columns",
            remedy='Expected "gap", "time" or "grid", rows and columns of 1 or more.',
        )
    return functional.adaptive_avg_pool2d(maps, grids[pool]).flatten(1)
