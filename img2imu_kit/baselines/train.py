"""Unlabelled motion to pre-train on: two public data sets that are none of the four tasks.

Pre-training of the baselines: on the loop that pictures learn on, with its checkpoints.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from importlib.metadata import version
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ..augment import signal as twins
from ..datasets import catalogue as datasets
from ..evaluate.cache import cache_key
from ..models.readout import SignalNetwork
from ..pretrain import loop
from ..signals.recording import Recording
from ..signals.resampling import resample
from ..signals.windows import Windows, concat, sliding_windows
from . import cpc, limu_bert, multitask, simclr
from . import encoder as tpn
from . import preprocessing as contract
from .encoder import SignalEncoder, check
from .preprocessing import RATE, SECONDS, to_encoder_input

__all__ = ["LEARNERS", "OwnWindows", "corpus", "pretrain_signals"]


def corpus(
    chest_accelerometer: str | PathLike | None = None,
    sisfall: str | PathLike | None = None,
    *,
    without: Collection[str] = (),
    least_g: float = 0.05,
) -> Windows:
    """Windows of everyday activities at the chest and of falls at the waist, without labels.

    Parameters
    ----------
    chest_accelerometer, sisfall : path, optional
        Where the data sets lie. Default: the cache, see `load_dataset`.
    without : collection of str
        Subjects to leave out: those tested, where one of the two sets is itself the task. The
        subjects of the four tasks are in neither.
    least_g : float
        Windows that move less than this are dropped (root of the summed variance of the axes, in
        g): half of the chest set is people sitting still.

    Returns
    -------
    Windows
        Of 2 s at 50 Hz, each half seen twice, in g; every label is ``""``.

    Notes
    -----
    The chest set counts 0 to 4095 without calibration. Our choice: zero is the middle, 2048, and
    1 g is a subject's median distance from it.
    """
    chest = [
        _calibrated(each)
        for each in datasets.load_dataset("chest_accelerometer", chest_accelerometer)
    ]
    waist = [each.select("acc") for each in datasets.load_dataset("sisfall", sisfall)]
    parts = []
    for recordings in (chest, waist):
        kept = [replace(each, labels=None) for each in recordings if each.subject not in without]
        if kept:
            even = [resample(each.to_unit("g"), RATE) for each in kept]
            parts.append(sliding_windows(even, SECONDS, overlap=0.5))
    every = concat(parts)
    return every[np.sqrt(every.signal.var(axis=2).sum(axis=1)) >= least_g]


def _calibrated(recording: Recording) -> Recording:
    centred = recording.signal - 2048
    return replace(recording, signal=centred / np.median(np.linalg.norm(centred, axis=1)), unit="g")


#: name -> learner: an ``encoder``, a loss, the ``recipe`` of its paper
LEARNERS: dict[str, type[nn.Module]] = {
    "simclr": simclr.SignalSimCLR,
    "multitask": multitask.MultiTask,
    "cpc": cpc.CPC,
    "limu-bert": limu_bert.LimuBert,
}


def pretrain_signals(
    method: str,
    windows: Windows | np.ndarray,
    rate: float | None = None,
    unit: str | None = None,
    *,
    steps: int = 2000,
    batch_size: int | None = None,
    lr: float | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
    resume: bool = True,
    checkpoint_every: int = 500,
    max_steps: int | None = None,
    max_seconds: float | None = None,
    corpus: str = "windows",
    progress: bool = True,
) -> SignalEncoder:
    """Let a baseline learn from windows without labels.

    Parameters
    ----------
    method : {"simclr", "multitask", "cpc", "limu-bert"}
    windows, rate, unit
        As in `to_encoder_input`; every piece is a sample. Labels are not looked at.
    steps : int
        Updates, rounded up to whole epochs: the same budget for a large corpus and a small one.
    batch_size, lr : optional
        Default: the method's ``recipe``. A corpus smaller than a batch is one batch.
    seed : int
        Of the weights, the order and all that is random. `SignalEncoder` of the same seed is
        where it starts.
    folder, resume, checkpoint_every, max_steps, max_seconds, progress
        As in `train_loop`. The folder takes the encoder as well, for `SignalEncoder.load`.
    corpus : str
        Name of the windows, for the card.

    Returns
    -------
    SignalEncoder
        With its ``history``. The head that only pre-training needs is left behind.

    Raises
    ------
    ParameterError
        An unknown method, settings out of range or other than the checkpoint's.
    SignalError, ClockError
        As in `to_encoder_input`.

    Notes
    -----
    All learn by Adam with a cosine schedule and a short warm-up (our choice).

    Examples
    --------
    >>> walk = np.random.default_rng(0).normal(size=(16, 3, 200))
    >>> pretrain_signals("simclr", walk, rate=50, unit="g", steps=2, progress=False)
    SignalEncoder('simclr', 0.08 M parameters, 2 steps on windows)
    """
    check(method, LEARNERS)
    encoder = SignalEncoder(method, seed)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        learner = LEARNERS[method]()
    source = to_encoder_input(windows, rate, unit).reshape(-1, 3, contract.LENGTH)
    recipe = learner.recipe | {"batch_size": batch_size, "lr": lr}
    recipe = {name: learner.recipe[name] if v is None else v for name, v in recipe.items()}
    recipe["batch_size"] = min(recipe["batch_size"], len(source))
    epochs = math.ceil(steps / loop.steps_per_epoch(len(source), recipe["batch_size"]))
    history, finished = loop.train_loop(
        learner,
        source,
        epochs=epochs,
        warmup=epochs // 20,
        optimizer="adam",
        **recipe,
        seed=seed,
        settings={"method": method, "corpus": corpus, "data": cache_key(source)},
        folder=folder,
        resume=resume,
        checkpoint_every=checkpoint_every,
        monitor=lambda tensors: {name: float(value) for name, value in tensors.items()},
        max_steps=max_steps,
        max_seconds=max_seconds,
        unit="windows",
        progress=progress,
    )
    history.attrs = {"chance": learner.chance(recipe["batch_size"])}
    encoder.model = learner.encoder.eval().cpu()
    encoder.history, encoder.finished = history, finished
    encoder.card |= recipe | {
        "steps": int(history.step.iloc[-1]),
        "epochs": epochs,
        "seed": seed,
        "corpus": corpus,
        "windows": len(source),
        "finished": finished,
        "versions": {name: version(name) for name in ("img2imu-kit", "torch", "numpy")},
    }
    if folder:
        encoder.save(folder)
    return encoder


@dataclass(frozen=True)
class OwnWindows:
    """A baseline that pre-trains on a task's own unlabelled training windows, for a table.

    Parameters
    ----------
    method, steps
        As in `pretrain_signals`.
    folder : path, optional
        Keeps each encoder, so that it is trained once.
    """

    method: str
    steps: int = 500
    folder: str | Path | None = None
    family: str = "sensor"
    only: str | None = None
    scratch: bool = False

    def fingerprint(self) -> str:
        """Of the settings, and of the code that learns and reads."""
        code = [contract, tpn, simclr, multitask, cpc, limu_bert, twins, loop]
        return cache_key(self.method, self.steps, code)

    def adapt(self, windows: Windows, seed: int) -> SignalEncoder:
        """The encoder that has learned from these windows."""
        folder = self.folder
        if folder is not None:
            name = cache_key(windows, seed, self.fingerprint())
            folder = Path(folder) / f"{self.method}-{name}"
        return pretrain_signals(
            self.method,
            windows,
            steps=self.steps,
            seed=seed,
            folder=folder,
            corpus="own training windows",
            progress=False,
        )

    def reader(self, windows: Windows) -> SignalNetwork:
        """The encoder before it has learned, which tells the number of parameters."""
        return SignalEncoder(self.method).reader(windows)
