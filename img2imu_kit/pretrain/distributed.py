"""A batch in parts: on one device as if on eight, on several processes as if on one."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn

__all__ = ["gather", "part_sizes", "share", "split_batch_norm", "world"]


def world() -> tuple[int, int]:
    """Number of this process, and of all processes."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def gather(x: Tensor) -> Tensor:
    """Rows of all processes, in their order; gradients find their way back."""
    return _Gather.apply(x) if world()[1] > 1 else x


def share(x: Tensor) -> Tensor:
    """This process's part of gathered rows."""
    rank, processes = world()
    return x.chunk(processes)[rank]


def part_sizes(count: int, splits: int, least: int = 8) -> list[int]:
    """Sizes of `splits` nearly equal parts of a batch, fewer where one would be below `least`."""
    splits = max(1, min(splits, count // least))
    return [count // splits + (part < count % splits) for part in range(splits)]


def split_batch_norm(network: nn.Module, splits: int) -> nn.Module:
    """Let every batch norm of a network, in place, normalise `splits` parts of a batch apart.

    With 1 each is again what it was; weights and their names stay.
    """
    for module in network.modules():
        if isinstance(module, _SplitNorm):
            module.__class__ = type(module).__bases__[1]
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and splits > 1:
            kind = type(module)
            module.__class__ = type(f"Split{kind.__name__}", (_SplitNorm, kind), {})
            module.splits = splits
    return network


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        rows = [
            torch.empty_like(x, memory_format=torch.contiguous_format) for _ in range(world()[1])
        ]
        dist.all_gather(rows, x.contiguous())
        return torch.cat(rows)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        gradient = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(gradient)  # every process has a loss that depends on these rows
        return share(gradient)


class _SplitNorm:
    """Goes before the class of a batch norm."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        normalise = super().forward
        return torch.cat([normalise(part) for part in x.split(part_sizes(len(x), self.splits))])
