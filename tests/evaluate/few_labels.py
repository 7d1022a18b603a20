"""People who move at speeds of their class, and a network that can learn to tell."""

import itertools

import numpy as np
import torch
from torch import nn

from img2imu_kit.evaluate.cache import cache_key
from img2imu_kit.models.readout import SignalNetwork
from img2imu_kit.signals.windows import Windows

CLASSES = ("fast", "slow", "still")


def people(subjects=6, each=8, seed=0) -> Windows:
    """Windows of 2 s at 32 Hz: 4 Hz, 1 Hz or nothing, and noise."""
    rng = np.random.default_rng(seed)
    count = subjects * each * len(CLASSES)
    label = np.tile(np.array(CLASSES, dtype=object), subjects * each)
    subject = np.repeat(
        np.array([f"s{i}" for i in range(subjects)], dtype=object), count // subjects
    )
    hz = np.array([4.0, 1.0, 0.0])[np.arange(count) % 3]
    phase = rng.uniform(0, 2 * np.pi, (count, 3, 1))
    swing = np.sin(2 * np.pi * hz[:, None, None] * np.arange(64) / 32 + phase)
    signal = swing * (hz > 0)[:, None, None] + 0.3 * rng.normal(size=(count, 3, 64))
    return Windows(
        signal=signal.astype(np.float32),
        rate=32.0,
        label=label,
        subject=subject,
        recording=subject + "/" + label,
        start_s=np.arange(count) * 2.0,
        axes=("acc_x", "acc_y", "acc_z"),
        unit=("m/s2",) * 3,
    )


class Blocks(nn.Sequential):
    """Three blocks with batch norm; features are the mean over time."""

    def __init__(self) -> None:
        sizes = (3, 8, 8, 16)
        super().__init__(
            *(
                nn.Sequential(nn.Conv1d(a, b, 7, padding=3), nn.BatchNorm1d(b), nn.ReLU())
                for a, b in itertools.pairwise(sizes)
            )
        )

    def forward(self, x):
        return super().forward(x).mean(dim=2)


def network(seed=0) -> SignalNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return SignalNetwork(Blocks()).eval()


class Moments:
    """Mean and spread of each axis as features; counts how often it is asked."""

    family, only, scratch = "by hand", None, False

    def __init__(self, name="moments"):
        self.name, self.asked = name, 0

    def fingerprint(self):
        return cache_key(self.name)

    def features(self, windows):
        self.asked += 1
        steps = np.abs(np.diff(windows.signal, axis=2)).mean(axis=2)
        return np.concatenate([windows.signal.std(axis=2), steps], axis=1)

    def reader(self, windows):
        return None


class Network(Moments):
    """Features of a random network, which can be fine-tuned."""

    family = "scratch"

    def __init__(self, name="network"):
        super().__init__(name)

    def features(self, windows):
        with torch.no_grad():
            return network()(torch.from_numpy(windows.signal)).numpy()

    def reader(self, windows):
        return network()
