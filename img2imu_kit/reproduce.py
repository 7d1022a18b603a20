"""The evaluation with one call: baselines trained, every row scored, a report written."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import joblib
import pandas as pd
import torch

from . import backbone as backbones
from . import table_report
from .baselines import METHODS, OwnWindows, SignalEncoder, corpus, pretrain_signals
from .errors import ParameterError, WeightsError
from .methods import ByHand, Lens, Method, Vision
from .table import PROTOCOLS, few_label_table
from .tasks import TASKS, load_task
from .weights import find, read_card
from .windowing import Windows

__all__ = ["PRESETS", "Preset", "reproduce", "sensor_methods", "vision_methods"]


@dataclass(frozen=True)
class Preset:
    """How much is computed. Every value is our choice.

    Attributes
    ----------
    shots, seeds, protocols
        As in `few_label_table`.
    corpus_steps, own_steps : int
        Updates of each sensor baseline on the corpus, and on a draw's own training windows.
    """

    shots: tuple[int, ...]
    seeds: int
    protocols: tuple[str, ...]
    corpus_steps: int
    own_steps: int


PRESETS = {
    "small": Preset((5, 10), 5, ("linear",), corpus_steps=300, own_steps=60),
    "full": Preset((1, 5, 10, 20), 10, tuple(PROTOCOLS), corpus_steps=5000, own_steps=1000),
}


def reproduce(
    preset: str | Preset = "small",
    folder: str | Path = "results",
    *,
    data: str | Path | None = None,
    imagenet: str | Path | None = None,
    vision: str | Path | None = None,
    sensor_aware: str | Path | None = None,
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
        How all vision networks read motion.
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
    folder, data = Path(folder), Path(data) if data else None
    weights = {"IMG2IMU": sensor_aware, "contrastive, vision set": vision, "ImageNet": imagenet}
    pictures = vision_methods(weights, backbone, lens or Lens())
    windows = {
        name: load_task(name, data and data / TASKS[name].dataset).select("acc") for name in tasks
    }
    learned, histories = _pretrained(settings, folder, data, baselines, workers, progress)
    sensors = sensor_methods(learned, settings.own_steps, folder / "cache" / "own")
    table = few_label_table(
        windows,
        pictures | sensors | others(),
        shots=settings.shots,
        seeds=settings.seeds,
        protocols=settings.protocols,
        by={name: TASKS[name].by for name in tasks},
        folder=folder / "cache",
        workers=workers,
        device=device,
        progress=progress,
    )
    return table_report.write(
        table,
        folder,
        ours=next(iter(pictures)),
        missing=[name for name, path in weights.items() if path is None],
        tasks={name: TASKS[name] for name in tasks},
        windows=windows,
        settings=settings,
        lens=lens or Lens(),
        histories=histories,
        minutes=(time.time() - began) / 60,
    )


def vision_methods(
    weights: Mapping[str, str | Path | None], backbone: str, lens: Lens
) -> dict[str, Method]:
    """Vision networks behind a lens, and the same architectures with random weights.

    Parameters
    ----------
    weights : dict of name -> path or None
        None is left out.
    backbone : str
        Architecture where a card names none.
    lens : Lens
    """
    given = {name: path for name, path in weights.items() if path is not None}
    methods: dict[str, Method] = {}
    untrained: dict[str, Method] = {}
    for name, path in given.items():
        architecture = read_card(find(path)).get("architecture", backbone)
        network = backbones.load(architecture, path)
        methods[name] = Vision(network, lens)
        # The two differ in nothing but their weights.
        other = backbones.load(architecture, pad_type=network.card.get("pad_type"))
        other.mean, other.std = network.mean, network.std
        random = f"random weights, {architecture}"
        untrained.setdefault(random, Vision(other, lens, family="scratch", scratch=True))
    if not given:
        network = backbones.load(backbone)
        untrained[f"random weights, {backbone}"] = Vision(
            network, lens, family="scratch", scratch=True
        )
    return methods | untrained


def sensor_methods(
    learned: Mapping[str, SignalEncoder], own_steps: int, folder: Path | None
) -> dict[str, Method]:
    """Each baseline three times: from the corpus, from a draw's own windows, and random.

    Parameters
    ----------
    learned : dict of name -> SignalEncoder
        Pre-trained on the corpus.
    own_steps, folder
        As in `baselines.OwnWindows`.
    """
    corpora = {f"{name}, corpus": encoder for name, encoder in learned.items()}
    own = {f"{name}, own windows": OwnWindows(name, own_steps, folder) for name in learned}
    untrained = {f"{name}, random weights": SignalEncoder(name) for name in learned}
    return corpora | own | untrained


def others() -> dict[str, Method]:
    """Statistics chosen by people, and a 1-D network that learns from the labels alone."""
    network = SignalEncoder("conv1d")
    network.only = "full"
    return {
        "by hand + forest": ByHand(),
        "by hand + logistic": ByHand(only=None),
        "1-D CNN, from scratch": network,
    }


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
