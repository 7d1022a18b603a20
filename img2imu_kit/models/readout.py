"""From pictures to features: normalise pixels, run a network to a layer, pool its maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ParameterError

__all__ = [
    "SignalNetwork",
    "evaluation_mode",
    "layer_maps",
    "normalize",
    "pool_maps",
    "read_layers",
]


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

    def voters(self, prepared: Tensor) -> list[Tensor]:
        """To the features [N, D] of each voter: what a probe of its own can read."""
        return [self(prepared)]


def normalize(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Pixels [N, C, H, W] from 0 to 255 to the scale that a network was trained on.

    Parameters
    ----------
    images : uint8 or float [N, C, H, W]
    mean, std : float [C]
        Statistics of each channel, for pixels from 0 to 1.

    Returns
    -------
    float32 [N, C, H, W]
        ``(images / 255 - mean) / std``
    """
    # The statistics are scaled, not the pixels: [C, 1, 1] numbers in place of [N, C, H, W].
    mean, std = (
        torch.tensor(values, device=images.device).mul(255).view(-1, 1, 1) for values in (mean, std)
    )
    return (images.float() - mean) / std


def layer_maps(network: nn.Module, images: Tensor, layers: Sequence[int]) -> list[Tensor]:
    """Maps [N, C, F, S] of some layers of a timm model; nothing after the deepest is computed.

    C channels and the step of a map differ from layer to layer: deeper ones have more channels
    and fewer frequency rows F and time columns S.
    """
    return network.forward_intermediates(
        images, indices=list(layers), stop_early=True, intermediates_only=True
    )


def pool_maps(maps: Tensor, pool: str, *, rows: int = 8, columns: int = 1) -> Tensor:
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

    Raises
    ------
    ParameterError
        Another name, or fewer than one row or column.

    Examples
    --------
    >>> maps = torch.zeros(2, 16, 12, 8)
    >>> [tuple(pool_maps(maps, pool).shape) for pool in ("gap", "time", "grid")]
    [(2, 16), (2, 192), (2, 128)]
    """
    height, width = maps.shape[2:]
    # A photograph's object may be anywhere, so vision networks average over both axes. A row of a
    # spectrogram is a frequency: walking and running differ by the row alone, and "gap" forgets it.
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
    # [N, C, F, S] -> [N, C, rows, columns] -> [N, C * rows * columns]
    return functional.adaptive_avg_pool2d(maps, grids[pool]).flatten(1)


def read_layers(
    network: nn.Module,
    images: Tensor,
    layers: Sequence[int],
    pool: str = "gap",
    rows: int = 8,
    columns: int = 1,
) -> list[Tensor]:
    """Normalised pictures [N, C, H, W] to the pooled maps of some layers, [N, D] each."""
    return [
        pool_maps(maps, pool, rows=rows, columns=columns)
        for maps in layer_maps(network, images, layers)
    ]


@contextmanager
def evaluation_mode(network: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; then each part gets its own mode back.

    ``network.train()`` would not do: parts that stay frozen are in evaluation mode among others.
    """
    modes = [(part, part.training) for part in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
