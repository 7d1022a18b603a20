"""Which pictures a step sees, and the two random views of each: a function of the step's number.

Nothing here has a state to be saved. The order of an epoch is drawn from (seed, epoch), views and
shuffles from (seed, step); a batch is augmented in a fixed number of parts with a generator each,
so that one process and eight draw the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .errors import ParameterError

__all__ = ["Views", "generator"]

_ORDER, _SHUFFLE, _AUGMENT = 1, 2, 3  # what a generator is for
_SHARDS = 8
_LEAST = 8  # pictures; fewer left over at the end of an epoch wait for another one


@dataclass(frozen=True, eq=False)
class Views:
    """Two augmented views of each picture of a step, in `accumulate` equal portions.

    Attributes
    ----------
    pixels : uint8 [N, 3, H, W]
        Array (memory-mapped or not), or tensor on `device`.
    augment : callable
        ``augment(images, generator)`` on float images [n, 3, H, W] in [0, 1].
    mean, std : tuple of 3 floats
        Normalisation after the augmentation.
    batch_size, seed, accumulate : int
    device : torch.device
    rank, processes : int
        This process's number; every process works on its share of each portion.
    layout : torch.memory_format
    """

    pixels: np.ndarray | Tensor
    augment: Callable[[Tensor, torch.Generator], Tensor]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    batch_size: int
    seed: int
    accumulate: int = 1
    device: torch.device = torch.device("cpu")
    rank: int = 0
    processes: int = 1
    layout: torch.memory_format = torch.channels_last

    def __post_init__(self) -> None:
        if self.steps_per_epoch == 0:
            raise ParameterError(f"{len(self.pixels)} pictures, expected at least {_LEAST}")

    @property
    def steps_per_epoch(self) -> int:
        """Batches in one pass over the pictures; the last may be smaller."""
        whole, rest = divmod(len(self.pixels), self.batch_size)
        return whole + (rest >= _LEAST)

    def __call__(self, step: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Portions of a step: two views float [n, 3, H, W], and a shuffle of all processes' n."""
        epoch, index = divmod(step, self.steps_per_epoch)
        order = generator("cpu", _ORDER, self.seed, epoch)
        order = torch.randperm(len(self.pixels), generator=order).numpy()
        batch = order[index * self.batch_size :][: self.batch_size]
        for part, rows in enumerate(np.array_split(batch, self.accumulate)):
            rows = rows[: len(rows) // self.processes * self.processes]
            number = step * self.accumulate + part
            shuffle = generator("cpu", _SHUFFLE, self.seed, number)
            shuffle = torch.randperm(len(rows), generator=shuffle).to(self.device)
            yield *self._two_views(rows, number), shuffle

    def _two_views(self, rows: np.ndarray, number: int) -> tuple[Tensor, Tensor]:
        shards = max(1, min(_SHARDS, len(rows) // _LEAST) // self.processes)
        mine = np.split(rows, self.processes)[self.rank]
        first, second = [], []
        for shard, chosen in enumerate(np.array_split(mine, shards)):
            draw = generator(self.device, _AUGMENT, self.seed, number, self.rank * shards + shard)
            images = self.take(chosen)
            first.append(self.normalised(self.augment(images, draw)))
            second.append(self.normalised(self.augment(images, draw)))
        return torch.cat(first), torch.cat(second)

    def take(self, rows: np.ndarray) -> Tensor:
        """Pictures by number, float [n, 3, H, W] in [0, 1] on the device."""
        if isinstance(self.pixels, Tensor):
            chosen = self.pixels[torch.from_numpy(rows).to(self.pixels.device)]
        else:
            chosen = torch.from_numpy(self.pixels[rows])
        return chosen.to(self.device, torch.float32).div_(255)

    def normalised(self, images: Tensor) -> Tensor:
        """Float images in [0, 1] to the scale and memory layout that the network reads."""
        mean, std = (torch.tensor(v, device=self.device) for v in (self.mean, self.std))
        normal = (images - mean.view(-1, 1, 1)).div_(std.view(-1, 1, 1))
        return normal.contiguous(memory_format=self.layout)


def generator(device, purpose: int, seed: int, *numbers: int) -> torch.Generator:
    """A generator of its own for every purpose, seed and number of a step."""
    words = [purpose, seed, *numbers, 0, 0][:4]
    state = np.random.SeedSequence(words).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(state))
