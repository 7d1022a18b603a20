"""A batch in parts: on one device as if on eight, on several processes as if on one."""

from __future__ import annotations

import torch
import torch.distributed as dist
from timm.layers import BatchNormAct2d
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..errors import ParameterError

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


class _Gather(torch.autograd.Function):
    """`torch.distributed.all_gather` with a gradient, which it has not."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        # [N, ...] of each of P processes -> [P * N, ...] on all of them
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


def part_sizes(count: int, parts: int, least: int = 8) -> list[int]:
    """Sizes of `parts` nearly equal parts of a batch, fewer where one would be below `least`.

    Examples
    --------
    >>> part_sizes(100, 8), part_sizes(20, 8)
    ([13, 13, 13, 13, 12, 12, 12, 12], [10, 10])
    """
    parts = max(1, min(parts, count // least))
    return [count // parts + (part < count % parts) for part in range(parts)]


class _InParts:
    """Goes before a class of batch norm: each part of a batch has statistics of its own."""

    parts = 1

    def forward(self, x: Tensor) -> Tensor:
        normalize = super().forward
        if not self.training:  # running statistics, which are the same for all parts
            return normalize(x)
        return torch.cat([normalize(part) for part in x.split(part_sizes(len(x), self.parts))])


class SplitBatchNorm1d(_InParts, nn.BatchNorm1d):
    """`torch.nn.BatchNorm1d` of the parts of a batch."""


class SplitBatchNorm2d(_InParts, nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d` of the parts of a batch."""


class SplitBatchNormAct2d(_InParts, BatchNormAct2d):
    """timm's batch norm with activation, of the parts of a batch."""


_SPLIT = {
    nn.BatchNorm1d: SplitBatchNorm1d,
    nn.BatchNorm2d: SplitBatchNorm2d,
    BatchNormAct2d: SplitBatchNormAct2d,
}
_PLAIN = {split: plain for plain, split in _SPLIT.items()}


def split_batch_norm(network: nn.Module, parts: int) -> nn.Module:
    """Replace every batch norm of a network by one that normalises `parts` of a batch apart.

    As `torch.nn.SyncBatchNorm.convert_sync_batchnorm` does: the new modules stand in the same
    places and hold the same parameters and buffers, so names of weights stay and an optimiser
    keeps its hold of them. With 1 part each is again of the class it was. Returns the network,
    or what replaces it where it is itself a batch norm.
    """
    for name, child in network.named_children():
        network.add_module(name, split_batch_norm(child, parts))
    if not isinstance(network, _BatchNorm):
        return network
    plain = _PLAIN.get(type(network), type(network))
    if parts > 1 and plain not in _SPLIT:
        raise ParameterError(
            f"a {plain.__name__} cannot be split", remedy="Use splits=1, or another backbone."
        )
    kind = _SPLIT[plain] if parts > 1 else plain
    if type(network) is not kind:
        old = network
        network = kind(old.num_features, old.eps, old.momentum, old.affine, old.track_running_stats)
        held = [
            *old.named_parameters(recurse=False),
            *old.named_buffers(recurse=False),
            *old.named_children(),  # of BatchNormAct2d: the activation
        ]
        for name, value in held:
            setattr(network, name, value)
        network.training = old.training
    network.parts = parts
    return network
