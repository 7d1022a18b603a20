"""A long day at a desk: what is used of memory, handles and threads must not grow.

Updates of an explorer, rows of a table that is kept, and trainings that are stopped and resumed,
in one process; every hundredth of each is measured. Draws the curves, and ends with 1 where memory
of the second half grew by more than 40 MB, or a handle or a thread was left behind.

    python benchmarks/soak.py --updates 10000 --rows 1000 --resumes 200 --plot docs/soak.png
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import torch

import img2imu_kit as ik
from img2imu_kit.evaluate import Handcrafted, few_label_table
from img2imu_kit.explore import EmbeddingExplorer, SpectrogramExplorer
from img2imu_kit.pretrain.config import LoopConfig
from img2imu_kit.pretrain.loop import train_loop

PROCESS = psutil.Process()
NAMES = {"rss_mb": "memory (MB)", "handles": "open files", "threads": "threads"}


@dataclass
class Watch:
    """Rows of what the process uses."""

    rows: list[dict] = field(default_factory=list)

    def look(self, stage: str, done: int) -> None:
        gc.collect()
        used = {"rss_mb": PROCESS.memory_info().rss / 2**20, "handles": PROCESS.num_fds()}
        self.rows.append({"stage": stage, "done": done} | used | {"threads": PROCESS.num_threads()})


def explore(watch: Watch, count: int) -> None:
    """Sliders that are dragged and points that are hovered over, as fast as they are drawn."""
    people = ik.load_dataset("synthetic", subjects=2, seconds=12)
    spectrogram = SpectrogramExplorer(people)
    windows = ik.sliding_windows(people, seconds=4).select("acc")
    embedding = EmbeddingExplorer({"mean": windows.signal.mean(axis=2)}, windows, layout="PCA")
    hop, points = spectrogram.settings.controls["hop"], next(iter(embedding.maps.values()))
    for i in range(count):
        if i % 2:
            hop.value = 1 + i % 16
            spectrogram.wait()
        else:
            points.hovered = i // 2 % len(windows)
            embedding.wait()
        if i % max(1, count // 100) == 0:
            watch.look("explorer updates", i)
    watch.look("explorer updates", count)


def table(watch: Watch, count: int, folder: Path) -> None:
    """Rows of few labels, each kept in a file of its own."""
    people = ik.load_dataset("synthetic", subjects=4, seconds=16, classes=["walk", "still"])
    windows = ik.sliding_windows(people, seconds=2)
    methods = {"by hand": Handcrafted("knn")}
    for done in range(0, count, 10):
        seeds = range(done, done + 10)
        ask = {"shots": [1], "seeds": seeds, "workers": 1, "progress": False}
        few_label_table({"moves": windows}, methods, folder=folder, **ask)
        if done % max(10, count // 100 // 10 * 10) == 0:
            watch.look("table rows", done)
    watch.look("table rows", count)


class Mean(torch.nn.Module):
    """Learns the mean of rows."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = torch.nn.Parameter(torch.zeros(512))

    def forward(self, batch, generator):
        return (batch - self.mean).square().mean(), {}


def resume(watch: Watch, count: int, folder: Path) -> None:
    """A training that is stopped after every step and goes on from its checkpoint."""
    rows = torch.ones(64, 512)
    for done in range(1, count + 1):
        config = LoopConfig(epochs=count, batch_size=64, max_steps=done)
        history, _ = train_loop(Mean(), rows, config, folder=folder, progress=False)
        assert history.step.iloc[-1] == done
        if done % max(1, count // 50) == 0:
            watch.look("resumes", done)


def grown(used: pd.DataFrame) -> dict[str, float]:
    """Medians of the last quarter less those of the second."""
    quarters = np.array_split(used[[*NAMES]].to_numpy(), 4)
    change = np.median(quarters[3], axis=0) - np.median(quarters[1], axis=0)
    return dict(zip(NAMES, change.round(1).tolist(), strict=True))


def plot(rows: pd.DataFrame, path: Path) -> None:
    import matplotlib.pyplot as plt

    stages = rows.stage.unique()
    axes = plt.subplots(
        len(NAMES), len(stages), figsize=(10, 6), sharex="col", sharey="row", layout="constrained"
    )[1]
    for column, stage in zip(axes.T, stages, strict=True):
        used = rows[rows.stage == stage]
        for ax, name in zip(column, NAMES, strict=True):
            ax.plot(used.done, used[name], lw=1.5)
            ax.set_ylim(0, 1.1 * rows[name].max())  # one scale in a row
            ax.grid(alpha=0.3)
        column[-1].set_xlabel(stage)
    for ax, name in zip(axes[:, 0], NAMES.values(), strict=True):
        ax.set_ylabel(name)
    text = f"Memory, open files and threads over {', '.join(stages)}: flat"
    ik.plots.save_figure(ik.plots.set_alt_text(axes[0, 0], text).figure, path, dpi=90)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--updates", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--resumes", type=int, default=200)
    parser.add_argument("--plot", type=Path)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    watch = Watch()
    with tempfile.TemporaryDirectory() as room:
        explore(watch, asked.updates)
        table(watch, asked.rows, Path(room) / "table")
        resume(watch, asked.resumes, Path(room) / "run")
    rows = pd.DataFrame(watch.rows)
    if asked.plot:
        plot(rows, asked.plot)
    bad = False
    for stage, used in rows.groupby("stage", sort=False):
        change, last = grown(used), used.iloc[-1]
        bad |= change["rss_mb"] > 40 or change["handles"] > 0 or change["threads"] > 0
        print(
            f"{stage}: {last.done + 1} done; {last.rss_mb:.0f} MB, {last.handles} handles, ", end=""
        )
        print(f"{last.threads} threads at the end; grown in the second half by {change}")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
