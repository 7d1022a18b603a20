"""What a step of pre-training costs beside its bare compute, and how fast pictures go through.

    python benchmarks/bench_pretrain.py [IMAGES] [--method ...] [--backbone ...] [--size ...]

Step: the whole of `pretrain_images` (order, reading, two views, loss, monitor) beside the networks
alone on a batch that is ready, in turn in one process. For MoCo these are query forward and
backward, key forward and optimiser, with whole-batch statistics and with those in 8 parts, which
are part of the method; for SimCLR forward and backward of both views, and optimiser. Pictures: the
loop beside the obvious pipeline, which is ImageFolder, torchvision's transforms for each sample, a
DataLoader with a worker for each core, and the same network, loss and optimiser. Wall-clock time,
the best round of each counts.
"""

from __future__ import annotations

import argparse
import os
import tarfile
import tempfile
import time
from pathlib import Path

import timm
import torch
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from img2imu_kit.pretrain.contrastive import MoCo, ProjectionEncoder, SimCLR
from img2imu_kit.pretrain.images import load_images
from img2imu_kit.pretrain.train import pretrain_images

BATCH, QUEUE = 256, 8192


def learner(
    method: str, backbone: str, size: int, splits: int = 1
) -> tuple[MoCo | SimCLR, torch.optim.Optimizer]:
    """The method around a backbone, and its optimiser."""
    network = timm.create_model(backbone, num_classes=0)
    with torch.no_grad():
        features = network.eval()(torch.zeros(1, 3, size, size)).shape[1]
    encoder = ProjectionEncoder(network, features)
    model = MoCo(encoder, queue=QUEUE, splits=splits) if method == "moco" else SimCLR(encoder)
    model.train().to(memory_format=torch.channels_last)
    weights = model.encoder.parameters()
    if method == "moco":
        return model, torch.optim.SGD(weights, 0.03, 0.9, weight_decay=1e-4)
    return model, torch.optim.AdamW(weights, 0.002, weight_decay=1e-4)


def bare(method: str, backbone: str, size: int, splits: int, steps: int) -> float:
    """Seconds a step of the networks alone."""
    model, optimizer = learner(method, backbone, size, splits)
    count = BATCH if method == "moco" else 2 * BATCH
    images = torch.rand(count, 3, size, size).contiguous(memory_format=torch.channels_last)
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        model.encoder(images).square().sum().backward()
        if method == "moco":
            with torch.no_grad():
                model.key_encoder(images)
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.perf_counter() - start)
    return min(times[1:])


def whole(images, method: str, backbone: str, augmentation: str, steps: int) -> float:
    """Seconds a step of `pretrain_images`, the best ten steps in a row."""
    made = pretrain_images(
        images,
        backbone,
        method=method,
        optimizer="sgd" if method == "moco" else "adam",
        augmentation=augmentation,
        queue=QUEUE,
        batch_size=BATCH,
        max_steps=steps,
        progress=False,
    )
    return BATCH / made.history.images_per_s.max()


class TwoCrops:
    """The obvious way to two views of a picture."""

    def __init__(self, size: int) -> None:
        self.transform = transforms.Compose(
            [
                transforms.RandomResizedCrop(size, scale=(0.2, 1.0)),
                transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
                transforms.RandomGrayscale(p=0.2),
                transforms.RandomApply([transforms.GaussianBlur(7, (0.1, 2.0))], p=0.5),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
            ]
        )

    def __call__(self, picture):
        return self.transform(picture), self.transform(picture)


def obvious(folder: Path, method: str, backbone: str, size: int, steps: int) -> float:
    """Seconds a step of the obvious pipeline; workers start before the clock does."""
    model, optimizer = learner(method, backbone, size, splits=8)
    loader = DataLoader(
        ImageFolder(folder, TwoCrops(size)),
        batch_size=BATCH,
        shuffle=True,
        drop_last=True,
        num_workers=os.cpu_count(),
        persistent_workers=True,
    )
    times, start = [], None
    while len(times) < steps:
        for (first, second), _ in loader:
            loss, _, _ = model(
                first.contiguous(memory_format=torch.channels_last),
                second.contiguous(memory_format=torch.channels_last),
                torch.randperm(BATCH),
            )
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            now = time.perf_counter()
            if start is not None:
                times.append(now - start)
            start = now
    steady = times[4:]  # what the workers had ready before is spent
    return sum(steady) / len(steady)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "images", type=Path, nargs="?", default=Path("../shared/images"), help="of tar shards"
    )
    parser.add_argument("--method", choices=("simclr", "moco"), default="simclr")
    parser.add_argument("--backbone", default="mobilenetv3_small_050")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=11)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    network = (options.method, options.backbone, options.size)
    steps = options.steps
    images = load_images(options.images, options.size)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(sorted(options.images.glob("*.tar*"))[0]) as shard:
            shard.extractall(Path(folder) / "all", filter="data")
        taken: dict[str, float] = {}
        for _ in range(options.rounds):
            for name, timed in {
                "networks alone": lambda: bare(*network, 1, steps),
                "networks alone, statistics in 8 parts": lambda: bare(*network, 8, steps),
                "pretrain, sensor-aware set": lambda: whole(
                    images, *network[:2], "sensor_aware", steps
                ),
                "pretrain, vision set": lambda: whole(images, *network[:2], "moco_v2", steps),
                "obvious pipeline, vision set": lambda: obvious(Path(folder), *network, steps),
            }.items():
                if options.method == "simclr" and "8 parts" in name:
                    continue
                seconds = timed()
                taken[name] = min(seconds, taken.get(name, seconds))
    print(f"{', '.join(map(str, network))} px, batch {BATCH}, {torch.get_num_threads()} threads")
    print(f"{'':40}{'ms a step':>12}{'images/s':>12}{'x networks':>12}")
    for name, seconds in taken.items():
        times = seconds / taken["networks alone"]
        print(f"{name:40}{seconds * 1e3:12.0f}{BATCH / seconds:12.0f}{times:12.2f}")


if __name__ == "__main__":
    main()
