"""The evaluation with one call: every method scored on every task, a report written."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..baselines.encoder import SignalEncoder
from ..baselines.train import LEARNERS
from ..datasets.tasks import TASKS, find_task, load_task
from ..errors import ParameterError, WeightsError
from ..evaluate.methods import (
    ImageReadout,
    lever_methods,
    other_methods,
    sensor_methods,
    vision_methods,
)
from ..evaluate.table import few_label_table
from ..models.weights import find_weights
from ..signals.windows import Windows
from . import table_report

__all__ = ["PRESETS", "Preset", "reproduce"]


@dataclass(frozen=True)
class Preset:
    """How much is computed. Every value is our choice.

    Attributes
    ----------
    shots : dict of protocol -> tuple of int
        Labelled windows of each class. One number is common to all protocols.
    seeds : int
        Draws.
    own_steps : int
        Updates of each sensor baseline on a draw's own training windows.
    most_windows : int, optional
        Of a task with more, every second, third, ... window is kept.
    levers : bool
        Whether the levers of the lens are moved one at a time, on draws of their own.
    """

    shots: Mapping[str, tuple[int, ...]]
    seeds: int
    own_steps: int
    most_windows: int | None = None
    levers: bool = False

    def __post_init__(self) -> None:
        if not self._common():
            raise ParameterError(
                f"shots are {dict(self.shots)}",
                where="Preset",
                remedy="Give every protocol one number that all of them have.",
            )

    @property
    def common_shots(self) -> int:
        """The most that every protocol has: those of the claim."""
        return max(self._common())

    def _common(self) -> set[int]:
        return set.intersection(*map(set, self.shots.values())) if self.shots else set()


PRESETS = {
    "small": Preset({"linear": (5, 10)}, 5, own_steps=40, most_windows=1500),
    "full": Preset(
        {"linear": (1, 5, 10, 20), "knn": (1, 5, 10, 20), "full": (10,), "partial": (10,)},
        seeds=5,
        own_steps=100,
        most_windows=1500,
        levers=True,
    ),
}

#: All layers, a grid of frequency and time: chosen on two data sets that are none of the tasks, see
#: ``benchmarks/choose_lens.py``.
_LENS = ImageReadout(layer=(0, 1, 2, 3, 4), columns=8)

#: Draws on which the levers are moved, so that none is chosen on a draw that is reported.
_PILOT = range(1000, 1005)


def reproduce(
    preset: str | Preset = "small",
    folder: str | Path = "results",
    *,
    data: str | Path | None = None,
    imagenet: str | Path | None = None,
    vision: str | Path | None = "img2imu:vision",
    sensor_aware: str | Path | None = "img2imu:sensor-aware",
    backbone: str = "mobilenetv2_100",
    lens: ImageReadout | None = None,
    tasks: Sequence[str] = tuple(TASKS),
    baselines: str | Path | None = None,
    workers: int | None = None,
    device: str = "cpu",
    progress: bool = True,
) -> Path:
    """Measure every method on every task, and write tables, figures and a report.

    A call that was interrupted or killed continues where it stopped, in the same folder.

    Parameters
    ----------
    preset : {"small", "full"} or Preset
    folder : path
        Takes ``report.md``, ``report.html``, ``scores.csv`` (one row a draw), ``summary.csv``,
        ``differences.csv``, ``figures/``, and ``cache/``.
    data : path, optional
        Folder that holds the data sets by name (``swimming/``). Default: the cache, see `fetch`.
    imagenet, vision, sensor_aware : path, optional
        Weights as in `load_backbone`: supervised on ImageNet; contrastive with the augmentations
        of vision; contrastive with the sensor-aware ones, which is IMG2IMU. What is not given
        is left out of the table, and the report says so.
    backbone : str
        Architecture of weights whose card names none.
    lens : Lens, optional
        How all vision networks read motion. Default: five layers, by rows of frequency and
        columns of time.
    tasks : sequence of str
    baselines : path, optional
        Folder of sensor baselines that `pretrain_signals` wrote, by name (``simclr/``). Default:
        those that come with the repository, pre-trained on the sensor corpus.
    workers, device, progress
        As in `few_label_table`.

    Returns
    -------
    pathlib.Path
        The report.

    Raises
    ------
    ParameterError
        An unknown preset or task.
    DatasetError, WeightsError
        What is needed is not there or damaged.
    """
    began = time.time()
    if isinstance(preset, str) and preset not in PRESETS:
        raise ParameterError(f"no preset {preset!r}", remedy=f"There are: {', '.join(PRESETS)}.")
    settings = PRESETS[preset] if isinstance(preset, str) else preset
    folder, data, lens = Path(folder), Path(data) if data else None, lens or _LENS
    weights = {"IMG2IMU": sensor_aware, "contrastive, vision set": vision, "ImageNet": imagenet}
    pictures = vision_methods(weights, backbone, lens)
    windows = {name: _windows(name, data, settings.most_windows) for name in tasks}
    home = "img2imu:" if baselines is None else f"{baselines}/"
    learned = {name: _read(f"{home}{name}") for name in LEARNERS}
    sensors = sensor_methods(learned, settings.own_steps, folder / "cache" / "own")
    methods = pictures | sensors | other_methods()
    options = {
        "by": {name: TASKS[name].by for name in tasks},
        "folder": folder / "cache",
        "workers": workers,
        "device": device,
        "progress": progress,
    }
    table = few_label_table(
        windows,
        methods,
        shots=settings.shots,
        seeds=settings.seeds,
        protocols=tuple(settings.shots),
        **options,
    )
    levers = None
    if settings.levers:
        moved = lever_methods(next(iter(pictures.values())))
        levers = few_label_table(windows, moved, shots=(10,), seeds=_PILOT, **options)
    return table_report.write_report(
        table,
        folder,
        ours=next(iter(pictures)),
        missing=[name for name, path in weights.items() if path is None],
        tasks={name: TASKS[name] for name in tasks},
        windows=windows,
        settings=settings,
        lens=lens,
        levers=levers,
        histories={n: m.history for n, m in learned.items() if m.history is not None},
        minutes=(time.time() - began) / 60,
    )


def _windows(name: str, data: Path | None, most: int | None) -> Windows:
    """A task's windows, thinned evenly to at most so many."""
    every = load_task(name, data and data / find_task(name).dataset).select("acc")
    return every[:: math.ceil(len(every) / most)] if most else every


def _read(source: str) -> SignalEncoder:
    """A baseline that has learned, with the history of how it did if that is there."""
    encoder = SignalEncoder.load(source)
    if not encoder.finished:
        raise WeightsError(
            "its pre-training was stopped early",
            where=source,
            remedy="Let pretrain_signals finish it, or move the folder away.",
        )
    history = find_weights(source).parent / "history.csv"
    if history.is_file():
        encoder.history = pd.read_csv(history)
        chance = LEARNERS[encoder.method]().chance(encoder.card["batch_size"])
        encoder.history.attrs["chance"] = chance
    return encoder
