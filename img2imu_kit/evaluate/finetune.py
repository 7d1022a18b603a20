"""Fine-tune a network on a few labelled windows: all of it, or its last blocks."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.pipeline import Pipeline
from timm.models import group_parameters
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from .._memory import fits_in_memory, reuse_memory
from ..augment.functional import mix, rotations, shift_time
from ..errors import ParameterError, SplitError
from ..models.readout import SignalNetwork
from ..pretrain.loop import warmup_cosine
from ..signals.splits import split_by
from ..signals.windows import Windows
from .probes import logistic

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FineTuneConfig",
    "FineTuned",
    "FusedHead",
    "augment_signal",
    "fine_tune",
    "layer_decay_groups",
    "layer_depths",
    "recalibrate_batch_norm",
    "start_head",
    "trainable_parameters",
]


#: Where memory ends.
_SMALLER = {
    "where": "fine-tuning",
    "remedy": "Choose a smaller batch_size, or train fewer blocks: FineTuneConfig(blocks=1).",
}


@dataclass(frozen=True)
class FineTuneConfig:
    """How a network is fine-tuned. Every value is our choice.

    Parameters
    ----------
    epochs, batch_size : int
        Windows are spread evenly over the batches of an epoch.
    max_steps : int
        Updates after which no further epoch begins: a larger training set gets fewer epochs, but
        one at least.
    lr, layer_decay : float
        Learning rate of the deepest block (AdamW; warm-up over a tenth of the steps, then cosine);
        each block nearer the input learns at `layer_decay` times the rate of the next.
    start : {"probe", "zero"}
        Where the head starts: at the fused linear probes of the frozen network [1]_, or at zero,
        one linear layer for all voters.
    alpha : float
        The weights that are kept lie this far from the start, on the line to where training
        ended: 1 is there. Half way they have what was learned and forget less [2]_. What counts
        for people held out, too, is measured there.
    head_scale : float
        The head learns at ``lr * head_scale``; 0 leaves it where it starts, and the network learns
        to be read by it. Probes are fitted to their end already: a step of AdamW moves each of
        their thousands of weights by the same amount, which unlearns more than it adds.
    blocks : int, optional
        How many of the last blocks learn: None is all of them, 0 the head alone.
    batch_norm : {"frozen", "measured", "batch"}
        Statistics of batch norm: those the network came with; measured once on the training
        windows, then frozen; or those of each batch, noisy where it is tiny.
    weight_decay, label_smoothing : float
    shift, noise : float
        Each window is turned in time by up to this share of its length, and gets white noise of
        this share of the axis's standard deviation within a window.
    rotation, gain : float
        Its three axes are turned by up to so many degrees about a random axis, and grow or shrink
        by up to this share: another way of wearing the sensor.
    held_out : float
        Share of the training groups (subjects) on which the number of epochs is chosen before
        training on all, none at all among the choices: then the probes stay as they were. 0 trains
        for `epochs`. Test subjects are never asked.

    References
    ----------
    .. [1] A. Kumar et al., "Fine-tuning can distort pretrained features and underperform
       out-of-distribution", ICLR 2022 (LP-FT).
    .. [2] M. Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022 (WiSE-FT).

    Examples
    --------
    >>> FineTuneConfig(blocks=2).batch_norm
    'frozen'
    """

    epochs: int = 40
    batch_size: int = 32
    max_steps: int = 60
    lr: float = 1e-4
    layer_decay: float = 0.8
    start: str = "probe"
    alpha: float = 0.5
    head_scale: float = 0.0
    blocks: int | None = None
    batch_norm: str = "frozen"
    weight_decay: float = 0.01
    label_smoothing: float = 0.0
    shift: float = 1.0
    noise: float = 0.05
    rotation: float = 20.0
    gain: float = 0.1
    held_out: float = 0.0

    def __post_init__(self) -> None:
        valid = {
            "epochs": self.epochs >= 1,
            "batch_size": self.batch_size >= 2,
            "max_steps": self.max_steps >= 1,
            "lr": self.lr > 0,
            "layer_decay": 0 < self.layer_decay <= 1,
            "alpha": 0 < self.alpha <= 1,
            # what starts at zero, or has no network behind it that learns, must learn itself
            "head_scale": self.head_scale > 0
            or (self.head_scale == 0 and self.start != "zero" and self.blocks != 0),
            "blocks": self.blocks is None or self.blocks >= 0,
            "batch_norm": self.batch_norm in ("frozen", "measured", "batch"),
            "weight_decay": self.weight_decay >= 0,
            "label_smoothing": 0 <= self.label_smoothing < 1,
            "shift": 0 <= self.shift <= 1,
            "noise": self.noise >= 0,
            "start": self.start in ("probe", "zero"),
            "rotation": self.rotation >= 0,
            "gain": 0 <= self.gain < 1,
            "held_out": 0 <= self.held_out < 1,
        }
        for name in [name for name, fine in valid.items() if not fine]:
            raise ParameterError(
                f"{name} is {getattr(self, name)!r}",
                where="FineTuneConfig",
                remedy="Its docstring says what is possible.",
            )

    def epochs_on(self, count: int) -> int:
        """Epochs on so many windows.

        Examples
        --------
        >>> FineTuneConfig().epochs_on(30), FineTuneConfig().epochs_on(270)
        (40, 6)
        """
        batches = math.ceil(count / self.batch_size)
        return max(1, min(self.epochs, self.max_steps // batches))

    def from_scratch(self) -> FineTuneConfig:
        """The same for random weights: every block at a full rate, statistics of batches.

        Their features are about to change altogether, so the head starts at zero too, and nothing
        of the start is worth keeping.
        """
        changes = {"head_scale": 1.0, "layer_decay": 1.0, "blocks": None, "batch_norm": "batch"}
        return replace(self, start="zero", alpha=1.0, lr=max(self.lr, 3e-3), **changes)


@dataclass(eq=False)
class FineTuned:
    """What came out of `fine_tune`.

    Attributes
    ----------
    network, head : nn.Module
    classes : tuple of str
    history : DataFrame
        One row an epoch: ``phase`` (``"choose"`` while others are held out, then ``"train"``),
        ``epoch`` (-1: before the first), ``loss``, ``held_out`` (loss on those held out).
    trained : int
        Number of parameters that learned.

    Examples
    --------
    >>> from img2imu_kit.baselines import SignalEncoder
    >>> rng = np.random.default_rng(0)
    >>> label, subject = np.repeat(["run", "walk"], 20), np.tile(np.arange(4), 10)
    >>> signal = rng.normal(size=(40, 3, 100))
    >>> windows = Windows.from_numpy(signal, label, subject, rate=50, unit="m/s2")
    >>> network = SignalEncoder("conv1d").network(windows)
    >>> tuned = fine_tune(network, windows, config=FineTuneConfig(epochs=1))
    >>> list(tuned.history.columns)[:2]
    ['phase', 'epoch']
    """

    network: SignalNetwork
    head: nn.Module
    classes: tuple[str, ...]
    history: pd.DataFrame
    trained: int

    def predict(self, windows: Windows, batch_size: int = 256) -> np.ndarray:
        """Class of each window, str [N] (object)."""
        signal = torch.from_numpy(windows.signal)
        codes = _logits(self.network, self.head, signal, batch_size).argmax(dim=1)
        return np.array(self.classes, dtype=object)[codes.cpu().numpy()]


def fine_tune(
    network: SignalNetwork,
    windows: Windows,
    *,
    config: FineTuneConfig | None = None,
    groups: np.ndarray | None = None,
    seed: int = 0,
    device: str | torch.device = "cpu",
) -> FineTuned:
    """Fine-tune a copy of a network on labelled windows.

    Parameters
    ----------
    network : SignalNetwork
        ``ImageMethod(backbone).network(windows)`` or ``SignalEncoder(...).network(windows)``.
    windows : Windows
        The few that are labelled, all of them for training.
    config : FineTuneConfig, optional
    groups : array [N], optional
        Who must not be shared where the config holds some out. Default: the subjects. Where no
        split of them has every class on both sides, nobody is held out.
    seed : int
        Of the order, the changes of windows and who is held out. The global random state is
        neither used nor changed.
    device : str or torch.device

    Returns
    -------
    FineTuned

    Raises
    ------
    SplitError
        Fewer than two classes.

    Notes
    -----
    Features are standardised by their statistics over the training windows before the linear
    head, so one learning rate suits every network. Slower rates nearer the input keep what is
    general [1]_.

    References
    ----------
    .. [1] J. Howard and S. Ruder, "Universal language model fine-tuning for text classification",
       ACL 2018 (discriminative rates).

    Examples
    --------
    >>> from img2imu_kit.baselines import SignalEncoder
    >>> rng = np.random.default_rng(0)
    >>> label, subject = np.repeat(["run", "walk"], 20), np.tile(np.arange(4), 10)
    >>> signal = rng.normal(size=(40, 3, 100))
    >>> windows = Windows.from_numpy(signal, label, subject, rate=50, unit="m/s2")
    >>> network = SignalEncoder("conv1d").network(windows)
    >>> tuned = fine_tune(network, windows, config=FineTuneConfig(epochs=1))
    >>> tuned.classes, tuned.predict(windows).shape
    (('run', 'walk'), (40,))
    """
    import pandas as pd

    reuse_memory()
    config = config or FineTuneConfig()
    if len(windows.classes) < 2:
        raise SplitError(
            f"{len(windows)} training windows of {len(windows.classes)} class(es)",
            remedy="Give windows of at least two classes.",
        )
    groups = windows.subject if groups is None else np.asarray(groups, dtype=object)
    device, epochs, rows = torch.device(device), config.epochs_on(len(windows)), []
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        if sides := _hold_out(groups, windows.label, config.held_out, seed):
            kept, held = (windows[side] for side in sides)
            torch.manual_seed(seed)
            _, _, history = _train(network, kept, config, device, config.epochs_on(len(kept)), held)
            rows = [{"phase": "choose"} | row for row in history]
            # the first row is from before any training: place 0 is the choice of no epoch
            epochs = min(epochs, int(np.argmin([row["held_out"] for row in rows])))
        # From the start again, on everybody, for as long as was best for those held out.
        torch.manual_seed(seed)
        tuned, head, history = _train(network, windows, config, device, epochs)
    rows += [{"phase": "train"} | row for row in history]
    learned = [p for p in [*tuned.parameters(), *head.parameters()] if p.requires_grad]
    trained = sum(parameter.numel() for parameter in learned)
    return FineTuned(tuned, head, windows.classes, pd.DataFrame(rows), trained)


def layer_depths(body: nn.Module) -> dict[str, int]:
    """Depth of each parameter, from 0 at the input.

    timm's models say it themselves (stem, then stages); of others each child counts as a block.

    Examples
    --------
    >>> layer_depths(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)))
    {'0.weight': 0, '0.bias': 0, '2.weight': 2, '2.bias': 2}
    """
    if hasattr(body, "group_matcher"):
        depths = group_parameters(body, body.group_matcher(coarse=True), reverse=True)
        return {name: int(depth) for name, depth in depths.items()}
    place = {name: i for i, (name, _) in enumerate(body.named_children())}
    return {name: place.get(name.split(".")[0], 0) for name, _ in body.named_parameters()}


def trainable_parameters(network: SignalNetwork, signal: Tensor) -> dict[str, nn.Parameter]:
    """Parameters of the body that its features depend on, by name.

    A network that is read at an early block has deeper ones that take no part. Which they are
    is asked of autograd: what gets no gradient from the features of two windows, takes none.
    """
    network.eval()
    network.body.requires_grad_(True)
    with torch.enable_grad():
        network(network.prepare(signal[:2])).sum().backward()
    used = {name: p for name, p in network.body.named_parameters() if p.grad is not None}
    network.zero_grad(set_to_none=True)
    return used


def layer_decay_groups(
    network: SignalNetwork, head: nn.Module, signal: Tensor, config: FineTuneConfig
) -> list[dict]:
    """Groups of parameters with a rate for each depth; what does not learn is switched off.

    Parameters
    ----------
    network, head : nn.Module
    signal : float [N, C, T]
        Windows to try the network on, see `trainable_parameters`.
    config : FineTuneConfig

    Returns
    -------
    list of dict
        For an optimiser: ``params``, ``lr``. The head comes first if it learns, then the deepest
        block.

    Notes
    -----
    Block l of the L that are read learns at ``lr * layer_decay^(L - 1 - l)``. timm's
    ``param_groups_layer_decay`` counts depth from the classifier instead: a network that is
    read at its first block would learn at ``layer_decay^5`` there, and it takes the weight decay
    off biases and norms, which is another training.
    """
    # depth of every parameter, then of those that the features depend on, the deepest first
    used, depth = trainable_parameters(network, signal), layer_depths(network.body)
    levels = sorted({depth[name] for name in used}, reverse=True)[: config.blocks]
    groups = []
    if config.head_scale:
        groups.append({"params": list(head.parameters()), "lr": config.lr * config.head_scale})
    for above, level in enumerate(levels):
        params = [p for name, p in used.items() if depth[name] == level]
        groups.append({"params": params, "lr": config.lr * config.layer_decay**above})
    # Frozen parameters cost no gradient, and tell _set_training_mode which norms stay.
    network.body.requires_grad_(False), head.requires_grad_(False)
    for group in groups:
        for parameter in group["params"]:
            parameter.requires_grad_(True)
    return groups


def augment_signal(signal: Tensor, config: FineTuneConfig, spread: Tensor) -> Tensor:
    """Wear each window [C, T] otherwise: time, orientation, gain, and noise of `spread` [C, 1].

    As `augment.TimeShift`, `Rotation`, `Scaling` and `Jitter` do, but with the spread of all
    training windows: noise in shares of its own window would leave a resting axis without any.
    """
    count, axes, length = signal.shape
    device = signal.device
    start = (torch.rand(count, 1) * config.shift * length).long()[:, 0]  # whole samples
    signal = shift_time(signal, -start.to(device) / length)
    if config.rotation and axes % 3 == 0:
        axis, angle = torch.randn(count, 3), (2 * torch.rand(count) - 1) * config.rotation
        turn = rotations(F.normalize(axis, dim=1), torch.deg2rad(angle)).to(device)  # [N, 3, 3]
        signal = mix(signal, turn)
    gain = 1 + config.gain * (2 * torch.rand(count, 1, 1) - 1)
    noise = config.noise * spread * torch.randn(signal.shape).to(device)
    return signal * gain.to(device) + noise


def recalibrate_batch_norm(network: SignalNetwork, signal: Tensor, batch_size: int) -> None:
    """Put statistics of batch norm over these windows in place of those it came with."""
    network.eval()
    for norm in _norms(network):
        norm.reset_running_stats()
        norm.momentum, norm.training = None, True  # None: the plain average over batches
    with torch.no_grad():
        for part in signal.tensor_split(math.ceil(len(signal) / batch_size)):
            network(network.prepare(part))


def _train(
    network: SignalNetwork,
    windows: Windows,
    config: FineTuneConfig,
    device: torch.device,
    epochs: int,
    held: Windows | None = None,
) -> tuple[SignalNetwork, nn.Module, list[dict]]:
    """A trained copy and head; rates fall as if it went on to the config's last epoch."""
    classes = windows.classes
    network = copy.deepcopy(network).to(device)  # the next draw starts from the same weights
    signal, codes = torch.from_numpy(windows.signal).to(device), _codes(windows, classes, device)
    if config.batch_norm == "measured":
        recalibrate_batch_norm(network, signal, config.batch_size)
    head = start_head(network, signal, windows.label.astype(str), config)
    groups = layer_decay_groups(network, head, signal, config)
    optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay)
    steps = math.ceil(len(signal) / config.batch_size)
    total_steps = steps * config.epochs_on(len(signal))
    warmup = max(1, total_steps // 10)
    # One factor for all groups: their rates keep the ratios of layer_decay_groups.
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: warmup_cosine(step, total_steps, warmup)
    )
    # Standard deviation within a window, root mean square over the windows [C, 1].
    spread = signal.std(dim=2).square().mean(dim=0).sqrt()[:, None]
    rows, both = [], nn.ModuleList([network, head])
    start = copy.deepcopy(both.state_dict())

    def held_loss() -> float:
        here = copy.deepcopy(both.state_dict())
        _move(both, start, config.alpha)
        logits = _logits(network, head, torch.from_numpy(held.signal), config.batch_size)
        both.load_state_dict(here)  # training goes on from where it was
        return float(F.cross_entropy(logits, _codes(held, classes, device)))

    if held is not None:
        rows.append({"epoch": -1, "loss": math.nan, "held_out": held_loss()})
    for epoch in range(epochs):
        _set_training_mode(network, head, config)
        total = 0.0
        # batches of almost equal size: none of one window, which batch norm cannot take
        for index in torch.randperm(len(signal)).to(device).tensor_split(steps):
            # [B, C, T] to pictures [B, P, 3, H, W] or pieces [B, P, 3, 100], to voters, to [B, K]
            with fits_in_memory(f"a batch of {len(index)} windows", **_SMALLER):
                prepared = network.prepare(augment_signal(signal[index], config, spread))
                logits = head(network, prepared)
                loss = F.cross_entropy(logits, codes[index], label_smoothing=config.label_smoothing)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(index)  # so that the mean is over windows
        outside = math.nan if held is None else held_loss()
        rows.append({"epoch": epoch, "loss": total / len(signal), "held_out": outside})
    _move(both, start, config.alpha)
    return network, head, rows


def _move(module: nn.Module, start: dict[str, Tensor], alpha: float) -> None:
    """Weights and statistics to start + alpha (here - start)."""
    with torch.no_grad():
        for name, here in module.state_dict().items():
            if here.is_floating_point():
                here.copy_(torch.lerp(start[name], here, alpha))


def _set_training_mode(network: SignalNetwork, head: nn.Module, config: FineTuneConfig) -> None:
    """Training mode, but for statistics of batch norm that are to stay as they are."""
    network.train(), head.train()
    for norm in [*_norms(network), *_norms(head)]:
        # A block that does not learn keeps its statistics too; the head's norm has no weights.
        stays = norm.affine and not any(p.requires_grad for p in norm.parameters())
        norm.train(config.batch_norm == "batch" and not stays)


class FusedHead(nn.ModuleList):
    """`FusedProbe` as a part of a network: a linear layer for each voter, log-softmax averaged.

    The class is that of the sum; but nine voters of one network are hardly nine opinions, and a
    loss of the sum would be near zero before any of them has learned. With a single part the
    voters of the network are joined before it.
    """

    def forward(self, network: SignalNetwork, prepared: Tensor) -> Tensor:
        """What a network prepared, to the mean of log-probabilities [N, classes]."""
        voters = network.voters(prepared) if len(self) > 1 else [network(prepared)]
        votes = zip(self, voters, strict=True)
        return torch.stack([part(x).log_softmax(dim=1) for part, x in votes]).mean(dim=0)


def start_head(
    network: SignalNetwork, signal: Tensor, labels: np.ndarray, config: FineTuneConfig
) -> FusedHead:
    """The head that training begins with, see `FineTuneConfig.start`."""
    device = next(network.parameters()).device
    network.eval()
    with torch.no_grad():
        batches = [network.prepare(part) for part in signal.split(config.batch_size)]
        if config.start == "zero":
            features = torch.cat([network(batch) for batch in batches])  # [N, D]
            return FusedHead([_zero_part(features, len(np.unique(labels)))]).to(device)
        parts = zip(*(network.voters(batch) for batch in batches), strict=True)
        voters = [torch.cat(part).cpu().numpy() for part in parts]  # [N, D] each
    return FusedHead([_probe_part(logistic(0).fit(x, labels)) for x in voters]).to(device)


def _zero_part(features: Tensor, classes: int) -> nn.Sequential:
    """Standardise by the training windows, then a linear layer that starts at zero."""
    scale = nn.BatchNorm1d(features.shape[1], affine=False)
    scale.running_mean.copy_(features.mean(dim=0))
    scale.running_var.copy_(features.var(dim=0, correction=0))
    linear = nn.Linear(features.shape[1], classes)
    nn.init.zeros_(linear.weight)  # the first loss is ln(classes), whatever the features
    nn.init.zeros_(linear.bias)
    return nn.Sequential(scale, linear)


def _probe_part(probe: Pipeline) -> nn.Sequential:
    """A fitted `logistic` as layers: standardise, then what PCA and regression are together."""
    scaler, pca, regression = (step for _, step in probe.steps)
    # W (P (z - m)) + b = (W P) z + (b - W P m)
    weight = regression.coef_ @ pca.components_
    bias = regression.intercept_ - weight @ pca.mean_
    if len(weight) == 1:  # two classes: softmax of (0, s) is the logistic function of s
        weight, bias = (np.concatenate([np.zeros_like(x), x]) for x in (weight, bias))
    scale = nn.BatchNorm1d(weight.shape[1], eps=1e-12, affine=False)
    scale.running_mean.copy_(torch.from_numpy(scaler.mean_))
    scale.running_var.copy_(torch.from_numpy(scaler.scale_**2))
    linear = nn.Linear(*reversed(weight.shape))
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(weight))
        linear.bias.copy_(torch.from_numpy(bias))
    return nn.Sequential(scale, linear)


def _logits(network: SignalNetwork, head: FusedHead, signal: Tensor, batch_size: int) -> Tensor:
    """Outputs of the head, in evaluation mode, without gradients."""
    network.eval(), head.eval()
    device = next(network.parameters()).device
    with torch.no_grad():
        parts = signal.split(batch_size)
        return torch.cat([head(network, network.prepare(part.to(device))) for part in parts])


def _hold_out(
    groups: np.ndarray, labels: np.ndarray, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray] | None:
    if share == 0:
        return None
    try:
        return split_by(groups, labels, test=share, seed=seed)
    except SplitError:  # so few shots that some class has a single subject
        return None


def _codes(windows: Windows, classes: tuple[str, ...], device: torch.device) -> Tensor:
    # classes are sorted, so the place found is the index of the class
    codes = np.searchsorted(np.array(classes, dtype=str), windows.label.astype(str))
    return torch.from_numpy(codes).to(device)


def _norms(module: nn.Module) -> Iterator[nn.Module]:
    return (part for part in module.modules() if isinstance(part, _BatchNorm))
