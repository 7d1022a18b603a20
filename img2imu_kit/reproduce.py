"""The evaluation with one call: baselines trained, every row scored, a report written."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import joblib
import pandas as pd
import torch

from . import table_report
from .baselines import METHODS, SignalEncoder, corpus, pretrain_signals
from .errors import ParameterError, WeightsError
from .lineup import lever_methods, other_methods, sensor_methods, vision_methods
from .methods import Lens
from .table import PROTOCOLS, few_label_table
from .tasks import TASKS, find_task, load_task
from .windowing import Windows

__all__ = ["PRESETS", "Preset", "reproduce"]


@dataclass(frozen=True)
class Preset:
    """How much is computed. Every value is our choice.

    Attributes
    ----------
    shots, seeds, protocols
        As in `few_label_table`.
    corpus_steps, own_steps : int
        Updates of each sensor baseline on the corpus, and on a draw's own training windows.
    most_windows : int, optional
        Of a task with more, every second, third, ... window is kept.
    levers : bool
        Whether the levers of the lens are moved one at a time, on draws of their own.
    """

    shots: tuple[int, ...]
    seeds: int
    protocols: tuple[str, ...]
    corpus_steps: int
    own_steps: int
    most_windows: int | None = None
    levers: bool = False


PRESETS = {
    "small": Preset((5, 10), 5, ("linear",), corpus_steps=300, own_steps=40, most_windows=1500),
    "full": Preset((1, 5, 10, 20), 10, tuple(PROTOCOLS), 5000, 1000, levers=True),
}

#: All layers, each row of frequency on its own: chosen on two data sets that are none of the tasks,
#: see ``benchmarks/choose_lens.py``.
_LENS = Lens(layer=(0, 1, 2, 3, 4))

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
    lens: Lens | None = None,
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
        Weights as in `backbone.load`: supervised on ImageNet; contrastive with the augmentations
        of vision; contrastive with the sensor-aware ones, which is IMG2IMU. What is not given
        is left out of the table, and the report says so.
    backbone : str
        Architecture of weights whose card names none.
    lens : Lens, optional
        How all vision networks read motion. Default: five layers, by rows of frequency.
    tasks : sequence of str
    baselines : path, optional
        Folder of pre-trained sensor baselines by name (``simclr/``). What is not there is trained
        on the sensor corpus, into ``folder``.
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
    learned, histories = _pretrained(settings, folder, data, baselines, workers, progress)
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
        protocols=settings.protocols,
        **options,
    )
    levers = None
    if settings.levers:
        moved = lever_methods(next(iter(pictures.values())))
        levers = few_label_table(windows, moved, shots=(10,), seeds=_PILOT, **options)
    return table_report.write(
        table,
        folder,
        ours=next(iter(pictures)),
        missing=[name for name, path in weights.items() if path is None],
        tasks={name: TASKS[name] for name in tasks},
        windows=windows,
        settings=settings,
        lens=lens,
        levers=levers,
        histories=histories,
        minutes=(time.time() - began) / 60,
    )


def _windows(name: str, data: Path | None, most: int | None) -> Windows:
    """A task's windows, thinned evenly to at most so many."""
    every = load_task(name, data and data / find_task(name).dataset).select("acc")
    return every[:: math.ceil(len(every) / most)] if most else every


def _pretrained(
    settings: Preset,
    folder: Path,
    data: Path | None,
    given: str | Path | None,
    workers: int | None,
    progress: bool,
) -> tuple[dict[str, SignalEncoder], dict[str, pd.DataFrame]]:
    """The sensor baselines and the histories of those that were trained here."""
    learned = {
        name: _read(Path(given) / name)
        for name in METHODS
        if given and (Path(given) / name).is_dir()
    }
    absent = [name for name in METHODS if name not in learned]
    if absent:
        chest, falls = (data and data / name for name in ("chest_accelerometer", "sisfall"))
        seen = corpus(chest, falls)
        parallel = joblib.Parallel(min(workers or joblib.cpu_count(), len(absent)))
        trained = parallel(
            joblib.delayed(_pretrain)(name, seen, settings.corpus_steps, folder / "cache", progress)
            for name in absent
        )
        learned |= dict(zip(absent, trained, strict=True))
        if not all(encoder.finished for encoder in trained):
            raise KeyboardInterrupt
    histories = {name: found.history for name, found in learned.items()}
    return (
        {name: learned[name] for name in METHODS},
        {name: history for name, history in histories.items() if history is not None},
    )


def _read(folder: Path) -> SignalEncoder:
    encoder = SignalEncoder.load(folder)
    if not encoder.finished:
        raise WeightsError(
            "its pre-training was stopped early",
            where=str(folder),
            remedy="Let pretrain_signals finish it, or move the folder away.",
        )
    history = folder / "history.csv"
    if history.is_file():
        encoder.history = pd.read_csv(history)
        chance = METHODS[encoder.method]().chance(encoder.card["batch_size"])
        encoder.history.attrs["chance"] = chance
    return encoder


def _pretrain(
    name: str, windows: Windows, steps: int, folder: Path, progress: bool
) -> SignalEncoder:
    torch.set_num_threads(1)
    return pretrain_signals(
        name,
        windows,
        steps=steps,
        folder=folder / "corpus" / f"{name}-{steps}",
        corpus="sensor corpus",
        progress=progress,
    )
