"""MobileNetV2 up to the layers that are read, the heads of the contrastive loss, and files."""

from __future__ import annotations

import copy
from pathlib import Path

import timm
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

#: timm's blocks after which a layer is read: strides 2, 4, 8, 16, 32. The kit counts them 0 to 4.
ENDS = (0, 1, 2, 4, 6)
ROWS, COLUMNS = 16, 4


class Body(nn.Module):
    """timm's mobilenetv2_100 cut after its last layer that is read; gives the maps of all."""

    def __init__(self, layers: int = 5, seed: int = 0):
        super().__init__()
        torch.manual_seed(seed)
        # the weights come from TensorFlow, whose padding is not symmetric
        whole = timm.create_model("mobilenetv2_100", pad_type="same")
        self.ends = ENDS[:layers]
        self.conv_stem, self.bn1 = whole.conv_stem, whole.bn1
        self.blocks = whole.blocks[: self.ends[-1] + 1]

    def forward(self, x: Tensor) -> list[Tensor]:
        x, maps = self.bn1(self.conv_stem(x)), []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.ends:
                maps.append(x)
        return maps

    def take(self, state: dict[str, Tensor]) -> Body:
        """Fill with the tensors of a whole or a cut network; none of ours may be absent."""
        own = self.state_dict()
        picked = {k: state[k].to(own[k].dtype) for k in own if k in state}
        missing = [k for k in own if k not in picked and not k.endswith("num_batches_tracked")]
        if missing:
            raise KeyError(f"{len(missing)} tensors are missing, the first is {missing[0]}")
        self.load_state_dict(picked, strict=False)
        return self


class Head(nn.Module):
    """Features of one layer, standardised, to a point on the sphere.

    The first linear map (`inner`) can be read afterwards as a layer of its own: 256 features.
    """

    def __init__(self, width: int, hidden: int = 256, dim: int = 128):
        super().__init__()
        self.inner = nn.Sequential(
            nn.BatchNorm1d(width, affine=False), nn.Linear(width, hidden), nn.BatchNorm1d(hidden)
        )
        self.outer = nn.Sequential(nn.ReLU(), nn.Linear(hidden, dim))

    def forward(self, x: Tensor) -> Tensor:
        return functional.normalize(self.outer(self.inner(x)), dim=1)


def cells(maps: Tensor) -> Tensor:
    """Average a map in at most 16 x 4 cells (frequency x time): [N, C, F, T] to [N, C*16*4].

    Both the loss and the probes read layers so: what is trained is what is used.
    """
    grid = (min(ROWS, maps.shape[2]), min(COLUMNS, maps.shape[3]))
    return functional.adaptive_avg_pool2d(maps.float(), grid).flatten(1)


def halfway(start: Body, end: Body, share: float = 0.5) -> Body:
    """Weights on the line from the start (0) to the end (1).

    Wortsman et al., Robust fine-tuning of zero-shot models (WiSE-FT), CVPR 2022.
    """
    middle = copy.deepcopy(end)
    states = (body.state_dict().values() for body in (middle, start, end))
    with torch.no_grad():
        for m, s, e in zip(*states, strict=True):
            if m.is_floating_point():
                m.copy_(s + share * (e - s))
    return middle


def save(path: Path, body: Body, heads: nn.ModuleDict | None = None) -> None:
    """Body and heads in one float16 file, the heads' keys after ``heads.``"""
    state = body.state_dict()
    if heads is not None:
        state |= {f"heads.{key}": value for key, value in heads.state_dict().items()}
    save_file(
        {
            key: (value.half() if value.is_floating_point() else value).cpu().contiguous()
            for key, value in state.items()
            if not key.endswith("num_batches_tracked")
        },
        path,
    )


def load(path: Path) -> tuple[Body, dict[str, Head]]:
    """A file of `save`, or of the whole timm network; heads by the number of their layer."""
    state = load_file(path)
    body = Body(5 if any(key.startswith("blocks.6.") for key in state) else 4).take(state)
    heads = {}
    for layer in sorted({key.split(".")[1] for key in state if key.startswith("heads.")}):
        start = f"heads.{layer}."
        part = {k.removeprefix(start): v.float() for k, v in state.items() if k.startswith(start)}
        heads[layer] = Head(part["inner.1.weight"].shape[1])
        heads[layer].load_state_dict(part, strict=False)
        heads[layer].eval()
    return body.eval(), heads
