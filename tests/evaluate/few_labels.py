"""People who move at speeds of their class, and a network that can learn to tell."""

import itertools
import time
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from img2imu_kit.evaluate import table
from img2imu_kit.evaluate.methods import Method
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


@dataclass
class Moments(Method):
    """Spread and speed of each axis, a voter each; counts how often it is asked."""

    name: str = "moments"
    family: str = "by hand"
    asked: int = field(default=0, compare=False)

    def voters(self, windows):
        self.asked += 1
        steps = np.abs(np.diff(windows.signal, axis=2)).mean(axis=2)
        return {"spread": windows.signal.std(axis=2), "speed": steps}


@dataclass
class Network(Moments):
    """Features of a random network, which can be fine-tuned."""

    name: str = "network"
    family: str = "scratch"

    def voters(self, windows):
        with torch.no_grad():
            return {"last": network()(torch.from_numpy(windows.signal)).numpy()}

    def network(self, windows):
        return network()


def slow_table(folder, tell):
    """Run by a test in a process of its own, to be killed: twelve rows, each told by `tell`."""
    write = table.write_row

    def write_and_wait(path, row):
        write(path, row)
        tell.send("row")
        time.sleep(0.3)

    table.write_row = write_and_wait
    tasks, methods = {"t": people(each=4)}, {"m": Moments()}
    ask = {"shots": (1, 2, 3), "seeds": 4, "workers": 1, "progress": False}
    table.few_label_table(tasks, methods, folder=folder, **ask)
