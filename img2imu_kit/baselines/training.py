"""Pre-training of the baselines: on the loop that pictures learn on, with its checkpoints."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import nn

from .. import loop, twins
from ..recipe import Reader
from ..rows import fingerprint
from ..windowing import Windows
from . import contract, cpc, limu_bert, multitask, simclr, tpn
from .contract import to_contract
from .encoder import SignalEncoder, check

__all__ = ["METHODS", "OwnWindows", "pretrain_signals"]

#: name -> learner: an ``encoder``, a loss, the ``recipe`` of its paper
METHODS: dict[str, type[nn.Module]] = {
    "simclr": simclr.SimCLR,
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
        As in `to_contract`; every piece is a sample. Labels are not looked at.
    steps : int
        Updates, rounded up to whole epochs: the same budget for a large corpus and a small one.
    batch_size, lr : optional
        Default: the method's ``recipe``. A corpus smaller than a batch is one batch.
    seed : int
        Of the weights, the order and all that is random. `SignalEncoder` of the same seed is
        where it starts.
    folder, resume, checkpoint_every, max_steps, max_seconds, progress
        As in `loop.run`. The folder takes the encoder as well, for `SignalEncoder.load`.
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
        As in `to_contract`.

    Notes
    -----
    All learn by Adam with a cosine schedule and a short warm-up (our choice).

    Examples
    --------
    >>> walk = np.random.default_rng(0).normal(size=(16, 3, 200))
    >>> pretrain_signals("simclr", walk, rate=50, unit="g", steps=2, progress=False)
    SignalEncoder('simclr', 0.08 M parameters, 2 steps on windows)
    """
    check(method, METHODS)
    encoder = SignalEncoder(method, seed)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        learner = METHODS[method]()
    source = to_contract(windows, rate, unit).reshape(-1, 3, contract.LENGTH)
    recipe = learner.recipe | {"batch_size": batch_size, "lr": lr}
    recipe = {name: learner.recipe[name] if v is None else v for name, v in recipe.items()}
    recipe["batch_size"] = min(recipe["batch_size"], len(source))
    epochs = math.ceil(steps / loop.steps_per_epoch(len(source), recipe["batch_size"]))
    history, finished = loop.run(
        learner,
        source,
        epochs=epochs,
        warmup=epochs // 20,
        optimizer="adam",
        **recipe,
        seed=seed,
        settings={"method": method, "corpus": corpus, "data": fingerprint(source)},
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
        return fingerprint(self.method, self.steps, code)

    def adapt(self, windows: Windows, seed: int) -> SignalEncoder:
        """The encoder that has learned from these windows."""
        folder = self.folder
        if folder is not None:
            name = fingerprint(windows, seed, self.fingerprint())
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

    def reader(self, windows: Windows) -> Reader:
        """The encoder before it has learned, which tells the number of parameters."""
        return SignalEncoder(self.method).reader(windows)
