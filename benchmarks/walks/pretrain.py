"""Teach MobileNetV2 on photographs, as they are or walked over: one recipe or many.

    python pretrain.py PICTURES.tar START.safetensors OUT --recipe walk-long/sensor --steps 1200

PICTURES.tar is made by ``pack.py``; START holds ImageNet's weights. Each recipe leaves
``OUT/RECIPE.safetensors`` (float16, with the heads that probes can read) and
``OUT/RECIPE.json`` (settings, losses, versions); "/" in its name becomes "-". Needs torch, timm,
safetensors, numpy and Pillow, not the kit.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import math
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import timm
import torch
from network import Body, Head, cells, save
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from views import SIZE, Strength, Walk, sensor_view, vision_view

QUEUE, KEY_MOMENTUM = 16384, 0.99


@dataclass(frozen=True)
class Recipe:
    """What a run does. The defaults are those that most recipes share."""

    source: str = "photo"  # photo, walk, mix (half of each)
    views: str = "sensor"  # sensor, vision
    loss: str = "simclr"  # simclr, moco
    where: str = "read"  # read: cells of the layers that probes read; last: mean of the last one
    lr: float = 3e-4
    decay: float = 1.0  # of the learning rate by block, towards the stem
    freeze: int = 0  # the stem and so many blocks stay as they were
    train_norm: bool = False  # whether batch norm learns and counts
    distill: float = 0.0  # weight of staying at the start's features
    augself: float = 0.0  # weight of telling how the two views differ
    average: float = 0.0  # of the weights over the steps (0: the last ones)
    start: str = "imagenet"  # or random
    strength: Strength = field(default_factory=Strength)
    batch: int = 512
    temperature: float = 0.1
    stretch: float = 1.0  # steps as a multiple of --steps
    layers: int = 4
    heads: tuple[int, ...] = (2, 3)
    seed: int = 0


STRONG = Strength(rotation=60.0, invert=0.25, gain=0.4, noise=0.1, permute=0.5, mask=0.5)
GENTLE = Strength(rotation=15.0, invert=0.03, permute=0.15)
LONG = Recipe(source="walk", lr=1e-3, layers=5, heads=(2, 3, 4))

#: Each of these twice: the pair differs in the set of augmentations alone.
PAIRS = {
    # photographs as they are: six ways of not forgetting
    "naive": Recipe(where="last", lr=5e-4, train_norm=True, layers=5, heads=(4,)),
    "last-gentle": Recipe(where="last", lr=1e-4, decay=0.6, layers=5, heads=(4,)),
    "read": Recipe(decay=0.7),
    "read-frozen2": Recipe(freeze=2),
    "read-distill": Recipe(decay=0.7, distill=1.0),
    "read-moco": Recipe(decay=0.7, loss="moco", average=0.99, temperature=0.2),
    # photographs that a sensor walks over
    "walk": Recipe(source="walk", decay=0.7),
    "walk-bn": Recipe(source="walk", decay=0.7, train_norm=True),
    "walk-distill": Recipe(source="walk", decay=0.7, distill=1.0),
    # the long runs: `data/checkpoints/walk-sensor` and `walk-vision`
    "walk-long": LONG,
}
RECIPES = {
    f"{name}/{views}": replace(recipe, views=views)
    for name, recipe in PAIRS.items()
    for views in ("sensor", "vision")
} | {
    "walk-strong/sensor": Recipe(source="walk", decay=0.7, strength=STRONG),
    "walk-fast/sensor": Recipe(source="walk", lr=1e-3),
    "walk-augself/sensor": Recipe(source="walk", decay=0.7, augself=1.0),
    "walk-scratch/sensor": Recipe(source="walk", lr=1e-3, train_norm=True, start="random"),
    "mix-distill/sensor": Recipe(source="mix", decay=0.7, distill=0.3),
    "read-strong/sensor": Recipe(decay=0.7, strength=STRONG),
    "walk-long-augself/sensor": replace(LONG, augself=1.0, strength=GENTLE, stretch=1.36),
    "walk-long-scratch/sensor": replace(LONG, start="random", train_norm=True),
}


def read_photographs(path: Path, most: int | None = None) -> Tensor:
    """The crops of a tar of mosaics, uint8 [N, 3, 64, 64]."""

    def crops(item):
        name, data = item
        count = int(name.split("_")[1].split(".")[0])
        mosaic = np.asarray(Image.open(io.BytesIO(data)))
        g = len(mosaic) // 64
        tiles = mosaic.reshape(g, 64, g, 64, 3).transpose(0, 2, 4, 1, 3)
        return tiles.reshape(-1, 3, 64, 64)[:count]

    with tarfile.open(path) as tar:
        items = [(member.name, tar.extractfile(member).read()) for member in tar]
    if most:
        items = items[: math.ceil(most / 256)]
    with ThreadPoolExecutor() as pool:
        return torch.from_numpy(np.concatenate(list(pool.map(crops, items)))[:most])


def info_nce(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """SimCLR's loss of two views [N, D]: each must find its twin among 2N - 1 others."""
    n = len(a)
    z = torch.cat([a, b])
    logits = z @ z.T / temperature
    logits.fill_diagonal_(-1e4)  # not itself
    twin = torch.cat([torch.arange(n, 2 * n), torch.arange(n)]).to(z.device)
    return functional.cross_entropy(logits, twin)


class Training:
    """A network, its heads and its optimiser, on a way through `total` steps."""

    def __init__(self, recipe: Recipe, start: Path, photographs: Tensor, walk: Walk, total: int):
        self.recipe, self.photographs, self.walk, self.total = recipe, photographs, walk, total
        self.device = photographs.device.type
        body = Body(recipe.layers, seed=recipe.seed)  # seeds torch, whatever was drawn before
        if recipe.start == "imagenet":
            body.take(load_file(start))
        self.body = body.to(self.device, memory_format=torch.channels_last)
        self.start = copy.deepcopy(self.body).eval().requires_grad_(False)
        with torch.no_grad():
            maps = self.start(torch.zeros(2, 3, SIZE, SIZE, device=self.device))
        self.heads = nn.ModuleDict(
            {str(k): Head(self.pooled(maps[k]).shape[1]) for k in recipe.heads}
        ).to(self.device)
        self.tellers = nn.ModuleDict()
        if recipe.augself:  # Lee et al. 2021: features keep what the augmentations changed
            for k in recipe.heads:
                layers = nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 6)
                self.tellers[str(k)] = nn.Sequential(*layers).to(self.device)
        self.optimizer, self.rates = self.make_optimizer()
        if recipe.loss == "moco":
            pair = nn.ModuleList([self.body, self.heads])
            self.key = copy.deepcopy(pair).requires_grad_(False)
            noise = {k: torch.randn(QUEUE, 128, device=self.device) for k in recipe.heads}
            self.queue = {k: functional.normalize(z, dim=1) for k, z in noise.items()}
            self.pointer = 0
        self.average = copy.deepcopy(self.body).requires_grad_(False) if recipe.average else None

    def pooled(self, maps: Tensor) -> Tensor:
        return maps.mean((2, 3)).float() if self.recipe.where == "last" else cells(maps)

    def make_optimizer(self) -> tuple[torch.optim.Optimizer, list[float]]:
        """AdamW; the learning rate falls by `decay` from block to block towards the stem."""
        r, groups = self.recipe, []
        parts = [nn.ModuleList([self.body.conv_stem, self.body.bn1]), *self.body.blocks]
        for depth, part in enumerate(parts):
            frozen = r.freeze > 0 and depth <= r.freeze
            for module in part.modules():
                norm = isinstance(module, nn.BatchNorm2d)
                for parameter in module.parameters(recurse=False):
                    parameter.requires_grad_(not frozen and (r.train_norm or not norm))
            learning = [p for p in part.parameters() if p.requires_grad]
            rate = r.lr * r.decay ** (len(parts) - 1 - depth)
            if learning:
                groups.append({"params": learning, "lr": rate})
        groups.append({"params": [*self.heads.parameters(), *self.tellers.parameters()]})
        fused = self.device == "cuda"
        optimizer = torch.optim.AdamW(groups, lr=2e-3, weight_decay=1e-4, fused=fused)
        return optimizer, [group["lr"] for group in optimizer.param_groups]

    def views(self) -> tuple[Tensor, Tensor, Tensor | None]:
        """Two views [B, 3, 96, 96] of a random batch, and how they differ where that is known."""
        r, twins = self.recipe, self.recipe.views == "sensor"
        pick = torch.randint(len(self.photographs), (r.batch,), device=self.device)
        photographs = self.photographs[pick].float().div_(255)
        how = None

        def view(x):
            return sensor_view(x, r.strength) if twins else vision_view(x)

        walked = {"photo": 0, "mix": r.batch // 2, "walk": r.batch}[r.source]
        a, b = photographs[:0], photographs[:0]
        if walked:
            a, b, how = self.walk.pair(photographs[:walked], r.strength, twins=twins)
            if not twins:  # both views come from the picture of one walk
                a, b = vision_view(a), vision_view(b)
        if walked < r.batch:
            rest, how = photographs[walked:], None
            one, other = view(rest), view(rest)
            a, b = (torch.cat([a, one]), torch.cat([b, other])) if walked else (one, other)
        return a, b, how

    def step(self, at: int) -> dict[str, float]:
        """One update; the parts of its loss."""
        r, device = self.recipe, self.device
        warm = min(1.0, (at + 1) / max(1, 0.1 * self.total))
        scale = warm * 0.5 * (1 + math.cos(math.pi * at / self.total))
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * scale
        with torch.no_grad():
            a, b, how = self.views()
            x = torch.cat([a, b]).sub_(0.5).div_(0.5).contiguous(memory_format=torch.channels_last)
        n = len(a)
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            maps = self.body(x[:n] if r.loss == "moco" else x)
            with torch.no_grad():
                key_maps = self.key[0](x[n:]) if r.loss == "moco" else None
                start_maps = self.start(x[: len(maps[0])]) if r.distill else None
        loss, parts, keys = 0.0, {}, {}
        for k in r.heads:  # the loss is taken in float32
            head, z = self.heads[str(k)], self.pooled(maps[k])
            if r.loss == "moco":
                query = head(z)
                with torch.no_grad():
                    keys[k] = self.key[1][str(k)](self.pooled(key_maps[k]))
                positive = (query * keys[k]).sum(1, keepdim=True)
                logits = torch.cat([positive, query @ self.queue[k].T], 1) / r.temperature
                first = torch.zeros(n, dtype=torch.long, device=device)
                part = functional.cross_entropy(logits, first)
            else:
                inner = head.inner(z)
                points = functional.normalize(head.outer(inner), dim=1)
                part = info_nce(points[:n], points[n:], r.temperature)
                if self.tellers and how is not None:
                    told = self.tellers[str(k)](torch.cat([inner[:n], inner[n:]], 1))
                    part = part + r.augself * functional.mse_loss(told, how)
            parts[f"layer {k}"] = part.detach()
            loss = loss + part
        if r.distill:
            away = sum(
                (cells(one) - cells(other)).square().mean()
                / cells(other).var(0).mean().clamp_min(1e-6)
                for one, other in zip(maps, start_maps, strict=True)
            )
            parts["away from the start"] = away.detach() / len(maps)
            loss = loss + r.distill * away
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.follow(keys, n)
        return {name: float(value) for name, value in parts.items()} if self.tells(at) else {}

    @torch.no_grad()
    def follow(self, keys: dict[int, Tensor], n: int) -> None:
        """What moves after the weights: MoCo's queue and key network, the average."""
        if self.recipe.loss == "moco":
            for k, key in keys.items():
                self.queue[k][self.pointer : self.pointer + n] = key
            self.pointer = (self.pointer + n) % QUEUE
            now = [*self.body.parameters(), *self.heads.parameters()]
            torch._foreach_lerp_(list(self.key.parameters()), now, 1 - KEY_MOMENTUM)
        if self.average is not None:
            mean, now = list(self.average.parameters()), list(self.body.parameters())
            torch._foreach_lerp_(mean, now, 1 - self.recipe.average)

    def tells(self, at: int) -> bool:
        """Every tenth of the way; reading the loss at each step would make the GPU wait."""
        return at % max(1, self.total // 10) == 0 or at == self.total - 1

    def run(self) -> list[dict[str, float]]:
        """All steps; the losses on the way."""
        self.body.train()
        if not self.recipe.train_norm:
            for module in self.body.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        if self.recipe.loss == "moco":
            self.key.eval()
            self.key[1].train()
        history = []
        for at in range(self.total):
            if parts := self.step(at):
                history.append({"step": at, **{k: round(v, 4) for k, v in parts.items()}})
        if self.average is not None:
            pairs = zip(self.average.buffers(), self.body.buffers(), strict=True)
            for mean, now in pairs:  # statistics of batch norm are averages already
                mean.copy_(now)
            self.body = self.average
        return history


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pictures", type=Path, help="tar of mosaics, by pack.py")
    parser.add_argument("start", type=Path, help="ImageNet's weights, .safetensors")
    parser.add_argument("out", type=Path, help="folder for weights and logs")
    parser.add_argument("--recipe", nargs="+", choices=RECIPES, default=[*RECIPES], metavar="NAME")
    parser.add_argument("--steps", type=int, default=165, help="updates of each recipe")
    parser.add_argument("--batch", type=int, help="pictures a step, 512 unless told otherwise")
    parser.add_argument("--most", type=int, help="photographs, for a trial")
    options = parser.parse_args()

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    options.out.mkdir(parents=True, exist_ok=True)
    photographs = read_photographs(options.pictures, options.most).to(device)
    walk = Walk(photographs)
    print(f"{len(photographs)} photographs, {device}", flush=True)
    for name in options.recipe:
        recipe = RECIPES[name]
        if options.batch:
            recipe = replace(recipe, batch=options.batch)
        steps = max(1, round(options.steps * recipe.stretch))
        begin = time.perf_counter()
        training = Training(recipe, options.start, photographs, walk, steps)
        history = training.run()
        seconds = round(time.perf_counter() - begin, 1)
        file = options.out / f"{name.replace('/', '-')}.safetensors"
        # a head on the mean of a layer is of no use to probes, which read cells
        save(file, training.body, training.heads if recipe.where == "read" else None)
        log = {
            "recipe": name,
            **asdict(recipe),
            "steps": steps,
            "pictures": len(photographs),
            "epochs": round(steps * recipe.batch / len(photographs), 1),
            "seconds": seconds,
            "machine": torch.cuda.get_device_name() if device == "cuda" else "CPU",
            "torch": str(torch.__version__),
            "timm": timm.__version__,
            "history": history,
        }
        file.with_suffix(".json").write_text(json.dumps(log, indent=1) + "\n")
        print(f"{name}: {seconds} s, {history[0]} -> {history[-1]}", flush=True)


if __name__ == "__main__":
    main()
