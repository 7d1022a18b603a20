"""Pre-training of the baselines on unlabelled motion, on the loop that pictures learn on."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection
from dataclasses import replace
from importlib.metadata import version
from os import PathLike
from pathlib import Path

import numpy as np
from torch import nn

from ..datasets.catalogue import load_dataset
from ..pretrain.config import LoopConfig
from ..pretrain.loop import steps_per_epoch, train_loop
from ..signals.recording import Recording
from ..signals.resampling import resample
from ..signals.windows import Windows, concat, sliding_windows
from .cpc import CPC
from .encoder import SignalEncoder, build_seeded, check_name
from .limu_bert import LimuBert
from .multitask import MultiTask
from .preprocessing import LENGTH, RATE, SECONDS, to_encoder_input
from .simclr import SignalSimCLR

__all__ = ["LEARNERS", "load_corpus", "pretrain_signals"]

#: name -> learner: an ``encoder``, a loss, the ``optimizer_settings`` of its paper
LEARNERS: dict[str, type[nn.Module]] = {
    "simclr": SignalSimCLR,
    "multitask": MultiTask,
    "cpc": CPC,
    "limu-bert": LimuBert,
}


def load_corpus(
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

    Examples
    --------
    >>> windows = load_corpus("DATA/chest_accelerometer", "DATA/sisfall")  # doctest: +SKIP
    """
    chest = [_calibrate(r) for r in load_dataset("chest_accelerometer", chest_accelerometer)]
    waist = [r.select("acc") for r in load_dataset("sisfall", sisfall)]
    parts = []
    for recordings in (chest, waist):
        kept = [replace(r, labels=None) for r in recordings if r.subject not in without]
        if kept:
            even = [resample(r.to_unit("g"), RATE) for r in kept]
            parts.append(sliding_windows(even, SECONDS, overlap=0.5))
    windows = concat(parts)
    spread_g = np.sqrt(windows.signal.var(axis=2).sum(axis=1))  # [N], gravity taken out
    return windows[spread_g >= least_g]


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
        Default: the method's ``optimizer_settings``. A corpus smaller than a batch is one batch.
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
    check_name(method, LEARNERS)
    encoder, learner = SignalEncoder(method, seed), build_seeded(LEARNERS[method], seed)
    pieces = to_encoder_input(windows, rate, unit).reshape(-1, 3, LENGTH)  # [N * P, 3, 100]
    given = {"batch_size": batch_size, "lr": lr}
    settings = learner.optimizer_settings | {k: v for k, v in given.items() if v is not None}
    settings["batch_size"] = min(settings["batch_size"], len(pieces))
    epochs = math.ceil(steps / steps_per_epoch(len(pieces), settings["batch_size"]))
    data = hashlib.sha256(pieces).hexdigest()  # a checkpoint goes on with its own windows only
    config = LoopConfig(
        epochs=epochs,
        warmup=epochs // 20,
        optimizer="adam",
        **settings,
        seed=seed,
        checkpoint_every=checkpoint_every,
        max_steps=max_steps,
        max_seconds=max_seconds,
    )
    history, finished = train_loop(
        learner,
        pieces,
        config,
        settings={"method": method, "corpus": corpus, "data": data},
        folder=folder,
        resume=resume,
        monitor=lambda tensors: {name: float(value) for name, value in tensors.items()},
        unit="windows",
        progress=progress,
    )
    history.attrs = {"chance": learner.chance(settings["batch_size"])}
    encoder.model = learner.encoder.eval().cpu()
    encoder.history, encoder.finished = history, finished
    encoder.card |= settings | {
        "steps": int(history.step.iloc[-1]),
        "epochs": epochs,
        "seed": seed,
        "corpus": corpus,
        "windows": len(pieces),
        "finished": finished,
        "versions": {name: version(name) for name in ("img2imu-kit", "torch", "numpy")},
    }
    if folder:
        encoder.save(folder)
    return encoder


def _calibrate(recording: Recording) -> Recording:
    """Counts of 0 to 4095 as g: a body at rest is most of the time near 1 g."""
    centred = recording.signal - 2048
    one_g = np.median(np.linalg.norm(centred, axis=1))
    return replace(recording, signal=centred / one_g, unit="g")
