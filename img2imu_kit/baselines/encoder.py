"""Encoders of signals: the networks that the baselines pre-train, and one from labels alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._memory import reuse_memory
from ..errors import ParameterError, WeightsError, unknown_name
from ..models.readout import SignalNetwork
from ..models.weights import find_weights, read_card, read_weights, write_weights
from ..signals.windows import Windows
from .cpc import CPCEncoder
from .limu_bert import LimuBertEncoder
from .preprocessing import to_encoder_input

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ENCODERS", "TPN", "Conv1d", "EncoderNetwork", "SignalEncoder", "build_seeded"]

Module = TypeVar("Module", bound=nn.Module)


class TPN(nn.Sequential):
    """Trunk of the transformation prediction network: signals [N, 3, T] to features [N, 96].

    Three convolutions of 32, 64 and 96 filters with kernels of 24, 16 and 8 samples, each with
    ReLU and dropout of 0.1, then the maximum over time.

    References
    ----------
    Saeed, Ozcelebi and Lukkien, "Multi-task self-supervised learning for human activity
    detection", IMWUT 3(2), 2019 (network architecture); the same sizes in Tang et al., 2020.

    Examples
    --------
    >>> TPN()(torch.zeros(2, 3, 100)).shape
    torch.Size([2, 96])
    """

    features = 96

    def __init__(self) -> None:
        # No padding: 100 samples become 77, 62, then 55, each of which has seen 46 (almost 1 s).
        super().__init__(
            *(nn.Conv1d(3, 32, kernel_size=24), nn.ReLU(), nn.Dropout(0.1)),
            *(nn.Conv1d(32, 64, kernel_size=16), nn.ReLU(), nn.Dropout(0.1)),
            *(nn.Conv1d(64, 96, kernel_size=8), nn.ReLU(), nn.Dropout(0.1)),
        )

    def forward(self, signals: Tensor) -> Tensor:
        """Signals [N, 3, T] to features [N, 96]; T is 46 samples or more."""
        return super().forward(signals).amax(dim=2)

    def stages(self, signals: Tensor) -> list[Tensor]:
        """Maps [N, C, L] of each convolution: 32, 64 and 96 channels."""
        return _rectified(self, signals)


class Conv1d(nn.Sequential):
    """Fully convolutional network: signals [N, 3, T] to features [N, 128].

    Three convolutions of 128, 256 and 128 filters with kernels of 8, 5 and 3 samples, each with
    batch norm and ReLU, then the mean over time.

    References
    ----------
    Wang, Yan and Oates, "Time series classification from scratch with deep neural networks: a
    strong baseline", IJCNN 2017.

    Examples
    --------
    >>> Conv1d()(torch.zeros(2, 3, 100)).shape
    torch.Size([2, 128])
    """

    features = 128

    def __init__(self) -> None:
        super().__init__(
            *(nn.Conv1d(3, 128, 8, padding=4), nn.BatchNorm1d(128), nn.ReLU()),
            *(nn.Conv1d(128, 256, 5, padding=2), nn.BatchNorm1d(256), nn.ReLU()),
            *(nn.Conv1d(256, 128, 3, padding=1), nn.BatchNorm1d(128), nn.ReLU()),
        )

    def forward(self, signals: Tensor) -> Tensor:
        """Mean over time of the last layer."""
        return super().forward(signals).mean(dim=2)

    def stages(self, signals: Tensor) -> list[Tensor]:
        """Maps [N, C, L] of each convolution: 128, 256 and 128 channels."""
        return _rectified(self, signals)


#: name -> network from signals [N, 3, 100] to features [N, D]
ENCODERS: dict[str, type[nn.Module]] = {
    "simclr": TPN,
    "multitask": TPN,
    "cpc": CPCEncoder,
    "limu-bert": LimuBertEncoder,
    "conv1d": Conv1d,
}


@dataclass(init=False, repr=False, eq=False)
class SignalEncoder:
    """The encoder of a baseline, with random weights from a seed.

    `pretrain_signals` returns one that has learned, `SignalEncoder.load` reads one from disk.

    Parameters
    ----------
    method : {"simclr", "multitask", "cpc", "limu-bert", "conv1d"}
    seed : int
        Of the random weights. The global random state is neither used nor changed.

    Attributes
    ----------
    model : torch.nn.Module
        Signals float [N, 3, 100] as of `to_encoder_input` to features [N, D].
    card : dict
        Facts that travel with the weights.
    history : DataFrame or None
        Of the pre-training: step, epoch, loss, lr, windows_per_s, accuracy where there is one;
        ``history.attrs["chance"]`` is the loss of a guess.
    finished : bool
        False if pre-training was stopped early.

    Examples
    --------
    >>> encoder = SignalEncoder("simclr", seed=1)
    >>> encoder.features(np.zeros((4, 3, 180)), rate=30, unit="g").shape
    (4, 96)
    """

    method: str
    model: nn.Module
    card: dict
    history: pd.DataFrame | None = field(compare=False)  # says how, not what
    finished: bool = field(compare=False)

    def __init__(self, method: str, seed: int = 0) -> None:
        check_name(method, ENCODERS)
        self.method, self.model = method, build_seeded(ENCODERS[method], seed).eval()
        self.card = {"method": method, "seed": seed, "steps": 0}
        self.history, self.finished = None, True

    def __repr__(self) -> str:
        count = sum(parameter.numel() for parameter in self.model.parameters())
        steps = self.card["steps"]
        state = f"{steps} steps on {self.card['corpus']}" if steps else "random weights"
        return f"SignalEncoder({self.method!r}, {count / 1e6:.2f} M parameters, {state})"

    @property
    def scratch(self) -> bool:
        """Whether the weights are random."""
        return not self.card["steps"]

    def features(
        self,
        windows: Windows | np.ndarray,
        rate: float | None = None,
        unit: str | None = None,
        *,
        batch_size: int = 256,
    ) -> np.ndarray:
        """Read windows; the features of a long one are the mean over its pieces.

        Parameters
        ----------
        windows, rate, unit
            As in `to_encoder_input`.
        batch_size : int
            Windows at a time.

        Returns
        -------
        float32 [N, D]
        """
        if batch_size < 1:
            raise ParameterError(f"batch_size is {batch_size}, expected 1 or more")
        pieces = torch.from_numpy(to_encoder_input(windows, rate, unit))
        device = next(self.model.parameters()).device
        self.model.eval()
        reuse_memory()
        with torch.inference_mode():
            parts = [read_pieces(self.model, part.to(device)) for part in pieces.split(batch_size)]
        return torch.cat(parts).cpu().numpy()

    def voters(
        self,
        windows: Windows | np.ndarray,
        rate: float | None = None,
        unit: str | None = None,
        *,
        columns: int = 4,
        batch_size: int = 256,
    ) -> dict[str, np.ndarray]:
        """Read the signal itself, every layer, and the features, each for a probe of its own.

        What the layers of a vision network get, see `ImageReadout`, those of an encoder get too.

        Parameters
        ----------
        windows, rate, unit
            As in `to_encoder_input`.
        columns : int
            Cells of time in which a layer is averaged.
        batch_size : int
            Windows at a time.

        Returns
        -------
        dict of name -> float32 [N, D]
            ``"signal"``, ``"layer 0"`` and so on, ``"features"``; of a long window the mean over
            its pieces.

        Examples
        --------
        >>> voters = SignalEncoder("simclr").voters(np.zeros((4, 3, 180)), rate=30, unit="g")
        >>> {name: values.shape[1] for name, values in voters.items()}
        {'signal': 300, 'layer 0': 128, 'layer 1': 256, 'layer 2': 384, 'features': 96}
        """
        pieces = torch.from_numpy(to_encoder_input(windows, rate, unit))
        device = next(self.model.parameters()).device
        self.model.eval()
        reuse_memory()
        with torch.inference_mode():
            read = [
                read_voters(self.model, p.to(device), columns) for p in pieces.split(batch_size)
            ]
        return {name: torch.cat([part[name] for part in read]).cpu().numpy() for name in read[0]}

    def network(self, windows: Windows) -> EncoderNetwork:
        """What can be fine-tuned on windows of this rate, axes and unit, see `fine_tune`."""
        acc = windows[:0].select("acc")
        index = [windows.axes.index(axis) for axis in acc.axes]
        return EncoderNetwork(self.model, windows.rate, index, acc.unit[0])

    def save(self, folder: str | os.PathLike, **card) -> Path:
        """Write ``model.safetensors`` and ``card.json``, whole or not at all."""
        write_weights(Path(folder), self.model.state_dict(), self.card | card)
        return Path(folder)

    @classmethod
    def load(cls, folder: str | os.PathLike) -> SignalEncoder:
        """Read what `save` has written, or what comes with the package: ``"img2imu:cpc"``.

        Raises
        ------
        WeightsError
            No such file, damaged, or of another network.
        """
        path = find_weights(folder)
        card = read_card(path)
        if card.get("method") not in ENCODERS:
            raise WeightsError(
                f"the card names the method {card.get('method')!r}",
                where=str(path.parent),
                remedy=f"Known are {', '.join(ENCODERS)}.",
            )
        encoder = cls(card["method"])
        try:
            encoder.model.load_state_dict(read_weights(path))
        except RuntimeError as error:
            what = f"weights do not fit {card['method']} ({str(error).splitlines()[-1].strip()})"
            raise WeightsError(what, where=str(path)) from None
        encoder.card, encoder.finished = card, card.get("finished", True)
        return encoder


class EncoderNetwork(SignalNetwork):
    """An encoder (shared, not copied) behind its preprocessing, for signals of one rate in Hz.

    `axes` are the places of the accelerometer, whose `unit` is known.
    """

    def __init__(self, encoder: nn.Module, rate: float, axes: Sequence[int], unit: str) -> None:
        super().__init__(encoder)
        self.rate, self.axes, self.unit = rate, list(axes), unit

    def prepare(self, signal: Tensor) -> Tensor:
        """Signals float [N, C, T] to pieces [N, P, 3, 100]."""
        signals = signal[:, self.axes].cpu().numpy()
        return torch.from_numpy(to_encoder_input(signals, self.rate, self.unit)).to(signal.device)

    def forward(self, prepared: Tensor) -> Tensor:
        """Pieces to features [N, D]."""
        return read_pieces(self.body, prepared)

    def voters(self, prepared: Tensor) -> list[Tensor]:
        """Pieces to the signal, every layer and the features, as of `SignalEncoder.voters`."""
        return list(read_voters(self.body, prepared).values())


def _rectified(layers: nn.Sequential, signals: Tensor) -> list[Tensor]:
    """The signals after each ReLU on their way through the layers."""
    maps = []
    for layer in layers:
        signals = layer(signals)
        if isinstance(layer, nn.ReLU):
            maps.append(signals)
    return maps


def build_seeded(kind: Callable[[], Module], seed: int) -> Module:
    """A network whose random weights come from a seed; the global random state stays."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # the CPU's alone
        return kind()


def check_name(method: str, known: Collection[str]) -> None:
    """A `ParameterError` with the names that there are."""
    if method not in known:
        raise unknown_name("baseline", method, known)


def read_pieces(encoder: nn.Module, pieces: Tensor) -> Tensor:
    """Pieces [N, P, 3, 100] to features [N, D], the mean over pieces."""
    features = encoder(pieces.flatten(0, 1))  # [N * P, D]
    return features.unflatten(0, pieces.shape[:2]).mean(dim=1)


def read_voters(encoder: nn.Module, pieces: Tensor, columns: int = 4) -> dict[str, Tensor]:
    """Pieces [N, P, 3, 100] to the signal, every layer in cells of time, and the features."""
    flat = pieces.flatten(0, 1)  # [N * P, 3, 100]
    read = {"signal": flat.flatten(1)}
    for index, maps in enumerate(encoder.stages(flat)):  # [N * P, C, L]
        read[f"layer {index}"] = F.adaptive_avg_pool1d(maps, columns).flatten(1)
    read["features"] = encoder(flat)
    # [N * P, D] -> [N, D]
    return {name: x.unflatten(0, pieces.shape[:2]).mean(dim=1) for name, x in read.items()}
