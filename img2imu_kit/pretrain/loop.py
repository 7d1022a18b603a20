"""The training loop of self-supervised learners, on pictures or signals: stopped, killed, resumed.

Whatever is random in a step is a function of its number: the order of the data is drawn from
(seed, epoch), all else from (seed, step). Only weights, optimiser and the number of the step need
saving, and a run that was killed and resumed is the run undisturbed.
"""

from __future__ import annotations

import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState
from torch import Tensor, nn
from tqdm.auto import tqdm

from .._files import atomic_write
from .._memory import fits_in_memory, reuse_memory
from ..errors import ParameterError
from .checkpoint import read_checkpoint, write_checkpoint
from .config import LEAST_ROWS, LoopConfig

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["make_accelerator", "noted_signals", "steps_per_epoch", "train_loop", "warmup_cosine"]

_ORDER, _DRAWS, _DROPOUT = 1, 2, 3  # what a seed is for
_LOG_EVERY = 10  # steps; to read a number, a GPU must finish its work
_DIVERGED = (
    "Lower lr, or use warmup. The checkpoint is the last good one: with another lr begin anew "
    "(resume=False, or another folder)."
)


@contextmanager
def noted_signals() -> Iterator[list[int]]:
    """Collect SIGINT (Ctrl-C, a notebook's stop button) and SIGTERM; the second interrupts.

    Outside the main thread, where Python delivers no signals, nothing is collected.

    Examples
    --------
    >>> import signal
    >>> with noted_signals() as signals:
    ...     signal.raise_signal(signal.SIGINT)
    ...     print("still here")
    still here
    >>> signal.SIGINT in signals
    True
    """
    caught: list[int] = []

    def note(number, frame) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {kind: signal.signal(kind, note) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def train_loop(
    learner: nn.Module,
    source: np.ndarray | Tensor,
    config: LoopConfig,
    *,
    settings: dict | None = None,
    folder: str | Path | None = None,
    resume: bool = True,
    monitor: Callable[[dict[str, Tensor]], dict[str, float]] | None = None,
    probe: Callable[[], float] | None = None,
    unit: str = "images",
    progress: bool = True,
) -> tuple[pd.DataFrame, bool]:
    """Train a learner on rows of an array, on whatever `accelerate` finds.

    Parameters
    ----------
    learner : Module
        ``learner(batch, generator)`` returns a loss and a dict of tensors for `monitor`; all it
        draws, it draws from the generator (on the CPU, alike on all processes).
    source : array or tensor [N, ...]
        Indexed by arrays of row numbers; a memory map is read row by row.
    config : LoopConfig
    settings : dict, optional
        Further settings that a resumed run must share with the checkpoint.
    folder : path, optional
        Takes ``checkpoint.pt`` and ``history.csv``; nothing is saved without.
    resume : bool
        Continue from the checkpoint in `folder` if there is one.
    monitor : callable, optional
        Metrics of the learner's tensors for the history.
    probe : callable, optional
        Score of the learner (a kNN accuracy), taken every ``config.probe_every`` epochs.
    unit : str
        What a row is, in the bar and in the name of the column of speed.
    progress : bool
        Show a progress bar.

    Returns
    -------
    history : DataFrame
        step, epoch, loss, lr, images_per_s, knn, and the metrics of `monitor`.
    finished : bool
        False if stopped early. Ctrl-C finishes the step and saves; a second one stops at once.

    Raises
    ------
    ParameterError
        Settings other than the checkpoint's; a loss that is not finite.
    WeightsError, OutputError
        The checkpoint cannot be read; or written, and the previous one is kept.
    SystemExit
        After SIGTERM, when the step is finished and saved.

    Examples
    --------
    >>> class Mean(nn.Module):  # learns the mean of the rows
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.mean = nn.Parameter(torch.zeros(2))
    ...     def forward(self, batch, generator):
    ...         return (batch - self.mean).square().mean(), {}
    >>> config = LoopConfig(epochs=2, batch_size=8)
    >>> history, finished = train_loop(Mean(), torch.ones(16, 2), config, progress=False)
    >>> finished, history.step.iloc[-1]
    (True, np.int64(4))
    """
    reuse_memory()
    began = time.monotonic()
    batch_size, seed, accumulate = config.batch_size, config.seed, config.accumulate
    per_epoch = steps_per_epoch(len(source), batch_size)
    steps = config.epochs * per_epoch
    last = min(steps, steps if config.max_steps is None else config.max_steps)
    settings = config.identity() | (settings or {}) | {"rows": len(source)}
    accelerator = make_accelerator(config.precision)
    weights = [weight for weight in learner.parameters() if weight.requires_grad]
    decay = {"weight_decay": config.weight_decay}
    if config.optimizer == "sgd":
        optimizer = torch.optim.SGD(weights, config.peak_lr, config.momentum, **decay)
    else:
        optimizer = torch.optim.AdamW(weights, config.peak_lr, **decay)
    trained, optimizer = accelerator.prepare(learner, optimizer)
    folder = Path(folder) if folder else None
    step, rows = 0, []
    if folder and resume and (state := read_checkpoint(folder, settings)):
        learner.load_state_dict(state["learner"])
        optimizer.load_state_dict(state["optimizer"])
        step, rows = state["step"], state["history"]
        if accelerator.scaler:
            accelerator.scaler.load_state_dict(state["scaler"])
    accelerator.wait_for_everyone()  # to read, before the first of them writes

    def save() -> None:
        if folder and accelerator.is_main_process:
            state = {"learner": learner.state_dict(), "optimizer": optimizer.state_dict()}
            # A gradient that is infinite spoils the weights one step before a loss shows it.
            if not all(part.isfinite().all() for part in state["learner"].values()):
                what = f"the weights are not finite at step {step}"
                raise ParameterError(what, remedy=_DIVERGED)
            state |= {"step": step, "history": rows}
            if accelerator.scaler:
                state["scaler"] = accelerator.scaler.state_dict()
            write_checkpoint(folder, state, settings)
            atomic_write({folder / "history.csv": _frame(rows).to_csv(index=False).encode()})

    devices = [accelerator.device] if accelerator.device.type == "cuda" else []
    with torch.random.fork_rng(devices), noted_signals() as signals:
        if not rows:
            rows.append({"step": 0, "epoch": 0.0} | ({"knn": probe()} if probe else {}))
            save()  # a folder that cannot be written to is better known now
        bar = tqdm(
            desc="training", total=steps, initial=step, unit=f" {unit}", unit_scale=batch_size,
            smoothing=0.05, disable=not (progress and accelerator.is_main_process),
        )  # fmt: skip
        losses, since, clock = [], step, time.perf_counter()
        while step < last and not _stopping(accelerator, signals, began, config.max_seconds):
            rate = warmup_cosine(step, steps, config.warmup * per_epoch, config.peak_lr)
            for group in optimizer.param_groups:
                group["lr"] = rate
            learner.train()
            for part, chosen in enumerate(
                _portions(len(source), batch_size, step, seed, accumulate)
            ):
                # The portion's number seeds all that it draws, whatever was drawn before it.
                number = step * accumulate + part
                torch.manual_seed(_seed(_DROPOUT, seed, number))
                draws = torch.Generator().manual_seed(_seed(_DRAWS, seed, number))
                # Gradients of portions add up; processes exchange them once, after the last.
                wait = accelerator.no_sync(trained) if part + 1 < accumulate else nullcontext()
                with wait, _room(config):
                    batch = _take(source, chosen, accelerator)
                    loss, tensors = trained(batch, draws)
                    accelerator.backward(loss / accumulate)
                losses.append(loss.detach())
            optimizer.step()
            optimizer.zero_grad()
            step += 1
            bar.update()
            probing = probe and (step % (config.probe_every * per_epoch) == 0 or step == steps)
            saving = step % config.checkpoint_every == 0
            if step % _LOG_EVERY == 0 or probing or saving or step == last:
                loss = accelerator.reduce(torch.stack(losses).mean(), "mean").item()
                if not math.isfinite(loss):
                    _diverged(losses, since, accumulate)
                speed = (step - since) * batch_size / (time.perf_counter() - clock)
                row = {"step": step, "epoch": step / per_epoch, "loss": loss, "lr": rate}
                row |= {f"{unit}_per_s": speed} | (monitor(tensors) if monitor else {})
                rows.append(row | ({"knn": probe()} if probing else {}))
                bar.set_postfix(loss=f"{loss:.3f}")
                if saving:
                    save()
                losses, since, clock = [], step, time.perf_counter()
        bar.close()
        # stopped between two looks at the losses
        if losses and not accelerator.reduce(torch.stack(losses).mean(), "mean").isfinite():
            _diverged(losses, since, accumulate)
        save()
    if signal.SIGTERM in signals:
        sys.exit(128 + signal.SIGTERM)
    return _frame(rows), step == steps


def _diverged(losses: list[Tensor], since: int, accumulate: int) -> NoReturn:
    """Name the step whose loss was the first to be no number; the checkpoint is of one before."""
    bad = (i for i, loss in enumerate(losses) if not loss.isfinite())
    first = next(bad, len(losses) - 1)  # none of this process's: of another one's
    what = f"the loss is {losses[first].item()} at step {since + first // accumulate + 1}"
    raise ParameterError(what, remedy=_DIVERGED)


def _room(config: LoopConfig) -> AbstractContextManager[None]:
    """Where memory is full: which settings need less."""
    size, parts = config.batch_size, config.accumulate
    return fits_in_memory(
        f"a batch of {size} in {parts} portion(s)",
        where="pre-training",
        remedy=f"Compute the same batch in portions: accumulate={2 * parts}; or learn from "
        f"another: batch_size={max(LEAST_ROWS, size // 2)}.",
    )


def warmup_cosine(step: int, steps: int, warmup: int = 0, peak: float = 1.0) -> float:
    """Learning rate of a step: a linear rise over `warmup` steps, then half a cosine towards zero.

    Examples
    --------
    >>> [round(warmup_cosine(step, 8, warmup=2), 2) for step in range(8)]
    [0.5, 1.0, 1.0, 0.93, 0.75, 0.5, 0.25, 0.07]

    References
    ----------
    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017,
    equation 5 (without a restart); Goyal et al., "Accurate, large minibatch SGD", 2017 (warm-up).
    """
    if step < warmup:
        return peak * (step + 1) / warmup  # never 0: the first step learns too
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Batches in one pass over `count` rows.

    Examples
    --------
    >>> steps_per_epoch(1000, 256), steps_per_epoch(1030, 256)
    (4, 4)
    """
    whole, rest = divmod(count, batch_size)
    if count < LEAST_ROWS:
        raise ParameterError(f"there are {count} rows to learn from, expected {LEAST_ROWS} or more")
    return whole + (rest >= LEAST_ROWS)


def make_accelerator(precision: str = "no") -> Accelerator:
    """Devices and processes as `accelerate` finds them, for another precision if need be."""
    AcceleratorState._reset_state()  # it holds on to the precision of the first call
    try:
        return Accelerator(
            cpu=not torch.accelerator.is_available(),  # else it overlooks processes on CPUs
            mixed_precision=precision,
            kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
        )
    except (ValueError, RuntimeError, ImportError) as error:
        raise ParameterError(f"precision {precision!r} is not to be had here ({error})") from None


def _seed(*words: int) -> int:
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0])


def _portions(count: int, batch_size: int, step: int, seed: int, parts: int) -> list[np.ndarray]:
    """Row numbers of a step, in the portions it is computed in."""
    # Rows left over at the end of an epoch, fewer than LEAST_ROWS, wait for another one.
    epoch, index = divmod(step, steps_per_epoch(count, batch_size))
    return np.array_split(_order(count, seed, epoch)[index * batch_size :][:batch_size], parts)


@lru_cache(maxsize=1)
def _order(count: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng((_ORDER, seed, epoch)).permutation(count)


def _take(source: np.ndarray | Tensor, rows: np.ndarray, accelerator: Accelerator) -> Tensor:
    """This process's share of some rows, on its device; shares are equal."""
    share = len(rows) // accelerator.num_processes
    rows = rows[accelerator.process_index * share :][:share]
    if isinstance(source, Tensor):
        return source[torch.from_numpy(rows).to(source.device)].to(accelerator.device)
    return torch.from_numpy(np.ascontiguousarray(source[rows])).to(accelerator.device)


def _stopping(accelerator, signals, began: float, max_seconds: float | None) -> bool:
    """Whether to stop before the next step; processes agree, lest one wait for ever."""
    stop = bool(signals) or (max_seconds is not None and time.monotonic() - began > max_seconds)
    if accelerator.num_processes == 1:
        return stop
    return accelerator.reduce(torch.tensor(float(stop), device=accelerator.device)).item() > 0


def _frame(rows: list[dict]) -> pd.DataFrame:
    import pandas as pd

    columns = dict.fromkeys(["step", "epoch", "loss", "lr", *rows[-1], "knn"])
    return pd.DataFrame(rows, columns=list(columns))
