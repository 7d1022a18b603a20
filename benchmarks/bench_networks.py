"""Rows d and e: a step of contrastive pre-training, and pictures to features.

d: the whole of `pretrain_images` (order, two views, loss, monitor) beside the networks alone on a
batch that lies ready: of SimCLR forward and backward of both views and the optimiser, of MoCo query
forward and backward, key forward and the optimiser, with batch statistics in 8 parts, which are
part of that method, and of the whole batch. The obvious pipeline is ImageFolder, transforms of each
picture by torchvision or lightly in a worker for each core, and the same network and optimiser.

e: `Backbone.features` beside timm on batches that are normalised already, and other ways to run the
same network. Freed memory is kept for all (`img2imu_kit._memory`).
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime
import timm
import torch
from PIL import Image
from race import OURS, Line, growth, race
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

import img2imu_kit as ik
from img2imu_kit.models.readout import normalize
from img2imu_kit.pretrain.contrastive import MoCo, ProjectionEncoder, SimCLR

BATCH, QUEUE, SIDE, PICTURES = 256, 1024, 64, 2048
CASES = (
    ("simclr", "mobilenetv3_small_050"),
    ("moco", "mobilenetv3_small_050"),
    ("simclr", "mobilenetv2_100"),
)


def step_rows() -> list[Line]:
    lines = []
    with tempfile.TemporaryDirectory() as place:
        folder, cache = Path(place, "pictures"), Path(place, "cache")
        paint(folder / "all")  # ImageFolder wants a folder for each class, and no other
        corpus = ik.pretrain.load_images(folder, SIDE, cache=cache, progress=False)
        for method, backbone in CASES:
            small = backbone == "mobilenetv3_small_050"
            steps = 12 if small else 4
            ways = {
                OURS: lambda m=method, b=backbone: whole(corpus, m, b, "sensor_aware"),
                "networks alone": lambda m=method, b=backbone, s=steps: bare(m, b, 8, s),
            }
            if method == "moco":
                whole_batch = lambda m=method, b=backbone, s=steps: bare(m, b, 1, s)  # noqa: E731
                ways["networks, statistics of a batch"] = whole_batch
            if small and method == "simclr":
                ways["vision set"] = lambda b=backbone: whole(corpus, "simclr", b, "moco_v2")
                ways["ImageFolder + torchvision"] = lambda b=backbone: obvious(
                    folder, b, vision_views()
                )
                ways["ImageFolder + lightly"] = (
                    (lambda b=backbone: obvious(folder, b, lightly_views()))
                    if importlib.util.find_spec("lightly")
                    else "not installed: pip install lightly"
                )
            lines += race(
                "d",
                f"step of {method}, {backbone}",
                ways,
                count=1,
                unit="images",
                rounds=3 if small else 2,
                clock=False,
                targets={"networks alone": ">= 0.91", "ImageFolder + torchvision": ">= 2"},
            )
    return lines


def paint(folder: Path) -> None:
    """Smooth coloured noise as JPEG, 128 pixels a side."""
    folder.mkdir(parents=True)
    coarse = np.random.default_rng(0).integers(0, 256, (PICTURES, 12, 12, 3), dtype=np.uint8)
    for i, pixels in enumerate(coarse):
        picture = Image.fromarray(pixels).resize((128, 128), Image.Resampling.BICUBIC)
        picture.save(folder / f"{i:04d}.jpg", quality=90)


def learner(method: str, backbone: str, parts: int = 1) -> tuple:
    """The method around a backbone, and its optimiser."""
    network = timm.create_model(backbone, num_classes=0)
    with torch.no_grad():
        features = network.eval()(torch.zeros(1, 3, SIDE, SIDE)).shape[1]
    encoder = ProjectionEncoder(network, features)
    model = MoCo(encoder, queue=QUEUE, splits=parts) if method == "moco" else SimCLR(encoder)
    model.train().to(memory_format=torch.channels_last)
    return model, torch.optim.AdamW(model.encoder.parameters(), 0.002, weight_decay=1e-4)


def bare(method: str, backbone: str, parts: int, steps: int) -> float:
    """Seconds a picture of the networks alone."""
    model, optimizer = learner(method, backbone, parts)
    count = BATCH if method == "moco" else 2 * BATCH
    images = torch.rand(count, 3, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
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
    return median(times[2:]) / BATCH


def whole(corpus, method: str, backbone: str, augmentation: str) -> float:
    """Seconds a picture of `pretrain_images`, of the ten steps after the first ten."""
    small = backbone == "mobilenetv3_small_050"
    settings = {"queue": QUEUE} if method == "moco" else {}
    made = ik.pretrain_images(
        corpus,
        backbone,
        method=method,
        augmentation=augmentation,
        batch_size=BATCH,
        max_steps=20 if small else 10,
        progress=False,
        **settings,
    )
    return 1 / made.history.images_per_s.iloc[-1]


def vision_views() -> transforms.Compose:
    """MoCo v2's changes of one picture, by torchvision."""
    return transforms.Compose(
        [
            transforms.RandomResizedCrop(SIDE, scale=(0.2, 1.0)),
            transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
            transforms.RandomGrayscale(p=0.2),
            transforms.RandomApply([transforms.GaussianBlur(7, (0.1, 2.0))], p=0.5),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )


def lightly_views():
    from lightly.transforms import SimCLRViewTransform

    return SimCLRViewTransform(input_size=SIDE, min_scale=0.2)


class Twice:
    """Two views of a picture."""

    def __init__(self, view) -> None:
        self.view = view

    def __call__(self, picture):
        return self.view(picture), self.view(picture)


def obvious(folder: Path, backbone: str, view, steps: int = 20) -> float:
    """Seconds a picture of the obvious pipeline; workers start before the clock does."""
    model, optimizer = learner("simclr", backbone)
    pictures = ImageFolder(folder, Twice(view), is_valid_file=lambda path: path.endswith("jpg"))
    loader = DataLoader(
        pictures,
        batch_size=BATCH,
        shuffle=True,
        drop_last=True,
        num_workers=os.cpu_count(),
        persistent_workers=True,
    )
    moments: list[float] = []
    for batch in endless(loader):
        views = (each.contiguous(memory_format=torch.channels_last) for each in batch)
        loss, *_ = model(*views, torch.randperm(BATCH))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        moments.append(time.perf_counter())
        if len(moments) == steps:  # what the workers had ready before the first is spent by half
            half = steps // 2
            return (moments[-1] - moments[half - 1]) / half / BATCH


def endless(loader: DataLoader) -> Iterator:
    while True:
        for views, _ in loader:
            yield views


def feature_rows(compiled: bool = False) -> list[Line]:
    lines = []
    generator = np.random.default_rng(0)
    for name, side, count in (("mobilenetv2_100", 96, 128), ("mobilenetv3_small_050", 64, 1024)):
        backbone = ik.load_backbone(name)
        images = generator.integers(0, 256, (count, 3, side, side), dtype=np.uint8)
        case = f"features of {name}, {side} px"
        ways = feature_ways(backbone, images, compiled)
        lines += race("e", case, ways, count=count, unit="images",
                      targets={"bare timm": ">= 0.95"})  # fmt: skip
    many = np.concatenate([images] * 2)
    sizes = [256, 512, 1024, 2048]
    lines += growth("e", case, lambda n: backbone.features(many[:n]), sizes, "image")
    return lines


def feature_ways(backbone, images: np.ndarray, compiled: bool) -> dict:
    model = backbone.model.eval()
    ready = normalize(torch.from_numpy(images), backbone.mean, backbone.std).split(128)

    def forward(pixels: torch.Tensor) -> torch.Tensor:
        return model.blocks(model.bn1(model.conv_stem(pixels))).mean((2, 3))

    def run(network, parts=ready) -> list[torch.Tensor]:
        with torch.inference_mode():
            return [network(part.contiguous(memory_format=torch.channels_last)) for part in parts]

    theirs = run(forward, ready[:1])[0].numpy()
    assert np.allclose(theirs, backbone.features(images[:128]), atol=1e-3), "not the same layer"
    ways = {OURS: lambda: backbone.features(images), "bare timm": lambda: run(forward)}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "network.onnx"
        ik.to_onnx(backbone, images[:16], path)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    starts = range(0, len(images), 128)
    ways["to_onnx + onnxruntime"] = lambda: [
        session.run(None, {"images": images[start : start + 128]}) for start in starts
    ]
    ways["bare timm, torch.compile"] = "with --long: compiling takes minutes"
    if compiled:
        network = torch.compile(forward)
        ways["bare timm, torch.compile"] = lambda: run(network)
    return ways
