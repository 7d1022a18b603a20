"""Contrastive pre-training of a backbone on pictures: one loop for both methods."""

from __future__ import annotations

import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState
from torch import nn
from tqdm.auto import tqdm

from .augment import sensor_aware, vision
from .backbone import Backbone, load, save
from .checkpoints import read_checkpoint, write_checkpoint
from .contrastive import Encoder, MoCo, SimCLR
from .errors import ParameterError
from .images import ImageSet, load_images
from .monitor import knn_accuracy, measures
from .views import Views

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Pretrained", "learning_rate", "pretrain"]

_LOG_EVERY = 10  # steps; reading a number makes a GPU wait
_SETS = {"sensor_aware": sensor_aware, "vision": vision}


@dataclass(frozen=True, eq=False)
class Pretrained:
    """What a run has made.

    Attributes
    ----------
    backbone : Backbone
        Without the head that only pre-training needs; its card says how it was made.
    history : DataFrame
        step, epoch, loss, lr, images_per_s, feature_std, alignment, uniformity, knn;
        ``monitor.plot_history`` draws it.
    finished : bool
        False if the run was stopped before its last epoch; called again, it continues.
    folder : Path or None
        Holds ``checkpoint.pt``, ``history.csv`` and ``backbone/``.
    """

    backbone: Backbone
    history: pd.DataFrame
    finished: bool
    folder: Path | None


def pretrain(
    images: ImageSet | np.ndarray | str | Path,
    backbone: str = "mobilenetv3_small_050",
    *,
    method: str = "moco",
    augmentation: str | Callable = "sensor_aware",
    epochs: int = 200,
    batch_size: int = 256,
    size: int = 64,
    lr: float = 0.03,
    momentum: float = 0.9,
    weight_decay: float = 1e-4,
    warmup: int = 0,
    temperature: float = 0.2,
    dim: int = 128,
    queue: int | None = None,
    key_momentum: float = 0.999,
    splits: int = 8,
    weights: str | Path | None = None,
    freeze: tuple[str, ...] = (),
    probe: ImageSet | tuple | None = None,
    probe_every: int = 5,
    folder: str | Path | None = None,
    resume: bool = True,
    checkpoint_every: int = 500,
    seed: int = 0,
    precision: str = "no",
    channels_last: bool = True,
    accumulate: int = 1,
    compile: bool = False,
    max_steps: int | None = None,
    max_seconds: float | None = None,
    progress: bool = True,
) -> Pretrained:
    """Train a backbone to recognise a picture through two random changes of it.
    """
    began = time.monotonic()
    settings = {
        name: value
        for name, value in locals().items()
        if name in _SETTINGS
    }
    AcceleratorState._reset_state()  # a notebook may ask for another precision than before
    accelerator = Accelerator(
        mixed_precision=precision,
        kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
    )
    if not isinstance(images, ImageSet):
        with accelerator.main_process_first():  # the others find it in the cache
            images = load_images(images, size, progress=progress)
    augment = _SETS[augmentation]() if isinstance(augmentation, str) else augmentation
    layout = torch.channels_last if channels_last else torch.contiguous_format
    reader = load(backbone, weights, seed=seed)
    if weights is None:
        reader.mean, reader.std = images.mean, images.std
    views = Views(
        _resident(images.pixels, accelerator.device),
        augment, reader.mean, reader.std, batch_size, seed, accumulate,
        accelerator.device, accelerator.process_index, accelerator.num_processes, layout,
    )
    queue = _queue(queue, len(images), batch_size)
    devices = [accelerator.device] if accelerator.device.type == "cuda" else []
    with torch.random.fork_rng(devices), _signals() as signals:
        torch.manual_seed(seed)
        reader.model.reset_classifier(0)
        with torch.no_grad():
            features = reader.model.eval()(torch.zeros(1, 3, *images.pixels.shape[2:])).shape[1]
        encoder = Encoder(reader.model, features, dim)
        if method == "moco":
            model = MoCo(encoder, queue=queue, momentum=key_momentum ** (1 / accumulate),
                         temperature=temperature, splits=max(1, splits // accelerator.num_processes))
            chance = math.log(1 + queue)
        else:
            model = SimCLR(encoder, temperature=temperature)
            chance = math.log(2 * (batch_size // accumulate) - 1)
        _freeze(encoder.backbone, freeze)
        model.to(memory_format=layout)
        if compile:
            for module in (model.encoder, getattr(model, "key_encoder", None)):
                module and module.compile()
        optimizer = torch.optim.SGD(
            [p for p in encoder.parameters() if p.requires_grad], lr, momentum, weight_decay=weight_decay
        )
        trained, optimizer = accelerator.prepare(model, optimizer)
        folder = Path(folder) if folder else None
        settings |= {"augmentation": repr(augment), "queue": queue, "corpus": f"{images.source}, {len(images)} pictures", "weights": str(weights)}
        state = read_checkpoint(folder, settings) if folder and resume else None
        step, rows = 0, []
        if state:
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
            step, rows = state["step"], state["rows"]
            if accelerator.scaler:
                accelerator.scaler.load_state_dict(state["scaler"])
        per_epoch = views.steps_per_epoch
        steps = epochs * per_epoch
        last = min(steps, max_steps or steps)

        def store():
            if folder and accelerator.is_main_process:
                write_checkpoint(folder, {
                    "model": model.state_dict(), "optimizer": optimizer.state_dict(),
                    "step": step, "rows": rows,
                    "scaler": accelerator.scaler.state_dict() if accelerator.scaler else {}}, settings)
                _frame(rows).to_csv(folder / "history.csv", index=False)

        if not rows:
            rows.append({"step": 0, "epoch": 0.0, "knn": _knn(reader, probe)})
            store()
        bar = tqdm(total=steps, initial=step, unit=" images", unit_scale=batch_size,
                   disable=not (progress and accelerator.is_main_process), smoothing=0.05)
        losses, clock, since = [], time.perf_counter(), step
        while step < last and not _stopping(accelerator, signals, began, max_seconds):
            rate = learning_rate(step, steps, lr, warmup * per_epoch)
            for group in optimizer.param_groups:
                group["lr"] = rate
            _train_mode(model, freeze)
            torch.manual_seed(seed + step)  # dropout
            for part, (first, second, order) in enumerate(views(step)):
                quiet = part + 1 < accumulate
                with accelerator.no_sync(trained) if quiet else nullcontext(), accelerator.autocast():
                    loss, query, key = trained(first, second, order)
                accelerator.backward(loss / accumulate)
                losses.append(loss.detach())
            optimizer.step()
            optimizer.zero_grad()
            step += 1
            bar.update()
            probed = step % (probe_every * per_epoch) == 0 or step == steps
            if step % _LOG_EVERY == 0 or probed or step == last:
                mean = accelerator.reduce(torch.stack(losses).mean(), "mean").item()
                speed = (step - since) * batch_size / (time.perf_counter() - clock)
                rows.append({"step": step, "epoch": step / per_epoch, "loss": mean, "lr": rate,
                             "images_per_s": speed, **measures(query, key)})
                if probed:
                    rows[-1]["knn"] = _knn(reader, probe)
                bar.set_postfix(loss=f"{mean:.3f}", knn=f"{rows[-1].get('knn', math.nan):.3f}")
                losses, clock, since = [], time.perf_counter(), step
            if step % checkpoint_every == 0:
                store()
        bar.close()
        store()
    history = _frame(rows)
    history.attrs = {"chance": chance, "queue_full": -(-queue // batch_size)}
    reader.model.eval()
    made = Backbone(backbone, reader.model, reader.mean, reader.std, None, {
        "architecture": backbone, "num_classes": 0, "mean": reader.mean, "std": reader.std,
        "trained": {**settings, "steps": step, "epochs_done": step / per_epoch,
        "versions": {n: version(n) for n in ("img2imu-kit", "torch", "timm", "numpy", "accelerate")}},
    })
    if folder and accelerator.is_main_process:
        save(made, folder / "backbone")
    if signal.SIGTERM in signals:
        sys.exit(128 + signal.SIGTERM)
    return Pretrained(made, history, step == steps, folder)


_SETTINGS = ("backbone", "method", "epochs", "batch_size", "lr", "momentum", "weight_decay",
             "warmup", "temperature", "dim", "key_momentum", "splits", "freeze", "seed", "precision", "accumulate")


def learning_rate(step: int, steps: int, highest: float, warmup: int = 0) -> float:
    """Linear warm-up, then half a cosine to zero."""
    if step < warmup:
        return highest * (step + 1) / warmup
    return highest * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def _queue(queue, count, batch_size):
    if queue is None:
        return min(65536, 2 ** int(math.log2(max(16, count // 4))))
    if queue + batch_size > count:
        raise ParameterError(f"a queue of {queue} and a batch of {batch_size} exceed the {count} pictures: their own old keys would be among their negatives", remedy="Use a smaller queue, or None to let it be chosen.")
    return queue


def _resident(pixels, device):
    if device.type == "cuda" and pixels.nbytes < torch.cuda.mem_get_info(device)[0] / 4:
        return torch.from_numpy(np.ascontiguousarray(pixels)).to(device)
    return pixels


def _freeze(network, prefixes):
    for prefix in prefixes:
        found = [p for name, p in network.named_parameters() if name.startswith(prefix)]
        if not found:
            raise ParameterError(f"freeze names {prefix!r}, no layer begins so", remedy=f"Layers: {', '.join(n for n, _ in network.named_children())}.")
        for parameter in found:
            parameter.requires_grad_(False)


def _train_mode(model, freeze):
    model.train()
    for encoder in (model.encoder, getattr(model, "key_encoder", model.encoder)):
        for name, module in encoder.backbone.named_modules():
            if freeze and name.startswith(freeze):
                module.eval()


def _knn(reader, probe):
    if probe is None:
        return math.nan
    pixels, labels, groups = probe.pixels, probe.labels, None
    return knn_accuracy(reader.features(pixels), labels, groups)


def _frame(rows):
    import pandas as pd
    columns = ["step", "epoch", "loss", "lr", "images_per_s", "feature_std", "alignment", "uniformity", "knn"]
    return pd.DataFrame(rows, columns=columns)


def _stopping(accelerator, signals, began, max_seconds):
    stop = bool(signals) or (max_seconds is not None and time.monotonic() - began > max_seconds)
    if accelerator.num_processes > 1:
        stop = accelerator.reduce(torch.tensor(float(stop), device=accelerator.device), "max") if False else accelerator.reduce(torch.tensor(float(stop), device=accelerator.device)).item() > 0
    return stop


@contextmanager
def _signals():
    caught = []

    def note(number, frame):
        if caught:
            raise KeyboardInterrupt
        caught.append(number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
