"""The evaluation with one call: every method scored on every task, a report written."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from ..baselines.encoder import SignalEncoder
from ..baselines.train import LEARNERS
from ..datasets.catalogue import load_dataset
from ..datasets.tasks import TASKS, find_task, load_task
from ..errors import ParameterError, WeightsError, unknown_name
from ..evaluate.finetune import FineTuneConfig
from ..evaluate.image_readout import ImageReadout
from ..evaluate.methods import (
    READOUT,
    Handcrafted,
    Jury,
    Method,
    image_methods,
    lever_methods,
    other_methods,
    picture_methods,
    sensor_methods,
)
from ..evaluate.table import PROTOCOLS, few_label_table
from ..models.weights import find_weights
from ..plots.scores import plot_differences
from ..plots.style import save_figure
from ..signals.windows import Windows, sliding_windows
from .report import export_report
from .results import Results, describe_machine, read_results

__all__ = ["PRESETS", "Preset", "load_results", "preview", "run_preset"]


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
        Updates of each sensor baseline on a draw's own training windows; 0 leaves that out.
    most_windows : int, optional
        Of a task with more, every second, third, ... window is kept.
    levers : bool
        Whether the levers of the readout are moved one at a time, on draws of their own.

    Examples
    --------
    >>> PRESETS["small"].seeds
    5
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
    "small": Preset({"linear": (5, 10)}, 5, own_steps=0, most_windows=1500),
    "curves": Preset({"linear": (1, 2, 5, 10, 20)}, 5, own_steps=0, most_windows=1500),
    "full": Preset(
        {"linear": (1, 2, 5, 10, 20), "knn": (1, 2, 5, 10, 20), "full": (10,)},
        seeds=5,
        own_steps=100,
        most_windows=1500,
        levers=True,
    ),
}

#: Draws on which the levers are moved, so that none is chosen on a draw that is reported.
_PILOT = range(1000, 1005)


def run_preset(
    preset: str | Preset = "small",
    folder: str | Path = "results",
    *,
    data: str | Path | None = None,
    imagenet: str | Path | None = "imagenet:tf_efficientnet_lite0",
    vision: str | Path | None = "img2imu:walk-vision",
    sensor_aware: str | Path | None = "img2imu:walk-sensor",
    backbone: str = "mobilenetv2_100",
    readout: ImageReadout | None = None,
    tasks: Sequence[str] = tuple(TASKS),
    baselines: str | Path | None = None,
    workers: int | None = None,
    device: str = "cpu",
    progress: bool = True,
) -> Path:
    """Measure every method on every task, and write tables, a figure and a report.

    A call that was interrupted or killed continues where it stopped, in the same folder.

    Parameters
    ----------
    preset : {"small", "curves", "full"} or Preset
        Linear probes with 5 and 10 shots; with 1 to 20; and baselines that learn from own
        windows, nearest neighbours, fine-tuning and the levers of the readout as well (hours).
    folder : path
        Takes ``report.html``, ``differences.png``, ``scores.csv`` (one row a draw),
        ``summary.csv``, ``differences.csv``, ``voters.csv``, what `load_results` reads, and
        ``cache/``.
    data : path, optional
        Folder that holds the data sets by name (``swimming/``). Default: the cache, see
        `load_dataset`.
    imagenet, vision, sensor_aware : path, optional
        Weights as in `load_backbone`: supervised on ImageNet; contrastive with the augmentations
        of vision; contrastive with the sensor-aware ones, which is IMG2IMU. What is not given
        is left out of the table, and the report says so.
    backbone : str
        Architecture of weights whose card names none.
    readout : ImageReadout, optional
        How all vision networks read motion. Default: the pixels and four layers of two pictures,
        each a voter.
    tasks : sequence of str
    baselines : path, optional
        Folder of sensor baselines that `pretrain_signals` wrote, by name (``simclr/``). Default:
        those that come with the package, pre-trained on the sensor corpus.
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

    Examples
    --------
    >>> page = run_preset("small", "results", data="DATASETS")  # doctest: +SKIP
    """
    began = time.time()
    if isinstance(preset, str) and preset not in PRESETS:
        raise unknown_name("preset", preset, PRESETS)
    settings = PRESETS[preset] if isinstance(preset, str) else preset
    folder, data, readout = Path(folder), Path(data) if data else None, readout or READOUT
    weights = {"IMG2IMU": sensor_aware, "vision set": vision, "ImageNet": imagenet}
    # the first that is given is the method of the claim
    pictures = image_methods(weights, backbone, readout)
    ours = next(iter(pictures))
    others = other_methods()
    if imagenet is not None:
        others |= picture_methods(pictures["ImageNet"].backbone)
    # what a user in a hurry should take: both kinds of knowledge vote
    by_hand = {"image": pictures[ours], "statistics": Handcrafted("extra-trees")}
    others[f"{ours} + extra-trees"] = Jury(by_hand)
    windows = {name: _load(name, data, settings.most_windows) for name in tasks}
    # the paper compares with baselines that learned from sensors: these are ours, by its kinds
    home = "img2imu:" if baselines is None else f"{baselines}/"
    learned = {name: _load_baseline(f"{home}{name}") for name in LEARNERS}
    sensors = sensor_methods(learned, settings.own_steps, folder / "cache" / "own")
    options = {
        "by": {name: TASKS[name].by for name in tasks},
        "folder": folder / "cache",
        "workers": workers,
        "device": device,
        "progress": progress,
    }
    table = _score(windows, pictures | sensors | others, settings, options)
    levers = None
    if settings.levers:
        moved = lever_methods(pictures[ours])
        levers = few_label_table(windows, moved, shots=(10,), seeds=_PILOT, **options)
    sources = {name: TASKS[name].dataset for name in tasks}
    facts = _facts(windows, sources, options["by"], settings, readout)
    facts |= {
        "ours": ours,
        "missing": [name for name, path in weights.items() if path is None],
        "minutes": round((time.time() - began) / 60, 1),
    }
    histories = {n: m.history for n, m in learned.items() if m.history is not None}
    results = Results(table, facts, levers, histories)
    results.write(folder)
    # the main figure alone as a file; all others are in the report
    protocol, differences = next(iter(results.claims.items()))
    rows = {
        f"minus {name}": rows[rows.shots == settings.common_shots]
        for name, rows in list(differences.items())[:4]
    }
    figure = plot_differences(rows, f"{ours}, {protocol}, above zero: better")
    save_figure(figure, folder / "differences.png")
    return export_report(folder)


def load_results(folder: str | Path | None = None) -> Results:
    """Read what `run_preset` has measured.

    Parameters
    ----------
    folder : path, optional
        Of the run. Default: a preview is measured now, a few methods on synthetic motion, in less
        than a minute: it shows what a report says, not how good a method is.

    Raises
    ------
    FormatError
        The folder holds no results, or damaged ones.

    Examples
    --------
    >>> results = load_results("results")  # doctest: +SKIP
    """
    return preview() if folder is None else read_results(Path(folder))


def preview() -> Results:
    """A small table of a few methods on synthetic motion."""
    began = time.time()
    settings = Preset({"linear": (1, 2)}, seeds=2, own_steps=2)
    readout = ImageReadout(layers=(1, 2))
    recordings = load_dataset("synthetic", subjects=6, seconds=12, seed=0)
    windows = {"synthetic": sliding_windows(recordings, seconds=4).select("acc")}
    weights = {"IMG2IMU": "img2imu:walk-sensor"}
    learned = {"simclr": _load_baseline("img2imu:simclr")}
    methods = image_methods(weights, "", readout) | {"by hand + forest": Handcrafted()}
    methods |= sensor_methods(learned, settings.own_steps, None)
    options = {"by": "subject", "workers": 1, "progress": False}
    table = _score(windows, methods, settings, options)
    facts = _facts(windows, {"synthetic": "synthetic"}, {"synthetic": "subject"}, settings, readout)
    facts |= {
        "ours": "IMG2IMU",
        "missing": ["vision set", "ImageNet"],
        "minutes": round((time.time() - began) / 60, 1),
    }
    histories = {n: m.history for n, m in learned.items() if m.history is not None}
    return Results(table, facts, histories=histories)


def _score(
    windows: Mapping[str, Windows],
    methods: Mapping[str, Method],
    settings: Preset,
    options: Mapping,
) -> pd.DataFrame:
    return few_label_table(
        windows,
        methods,
        shots=settings.shots,
        seeds=settings.seeds,
        protocols=tuple(settings.shots),
        **options,
    )


def _facts(
    windows: Mapping[str, Windows],
    sources: Mapping[str, str],
    by: Mapping[str, str],
    settings: Preset,
    readout: ImageReadout,
) -> dict:
    """Under which conditions rows are measured, as JSON can hold it."""
    conditions = asdict(settings) | {"seeds": f"0 to {settings.seeds - 1}"}
    conditions |= {f"readout, {key}": value for key, value in asdict(readout).items()}
    for name in settings.shots:
        way = PROTOCOLS[name]
        parts = asdict(way) if isinstance(way, FineTuneConfig) else {"probe": way}
        conditions |= {f"{name}, {key}": value for key, value in parts.items()}
    return {
        "shots": {name: list(counts) for name, counts in settings.shots.items()},
        "common_shots": settings.common_shots,
        "seeds": settings.seeds,
        "tasks": [
            {
                "task": name,
                "data set": sources[name],
                "windows": len(cut),
                "seconds": cut.seconds,
                "classes": len(cut.classes),
                "subjects": len(set(cut.subject)),
                "split by": by[name],
            }
            for name, cut in windows.items()
        ],
        "settings": {key: str(value) for key, value in conditions.items()},
        "machine": describe_machine(),
    }


def _load(name: str, data: Path | None, most: int | None) -> Windows:
    """A task's windows, thinned evenly to at most so many."""
    # thinned evenly: people and classes keep their shares, and overlapping neighbours go first
    windows = load_task(name, data and data / find_task(name).dataset).select("acc")
    return windows[:: math.ceil(len(windows) / most)] if most else windows


def _load_baseline(source: str) -> SignalEncoder:
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
