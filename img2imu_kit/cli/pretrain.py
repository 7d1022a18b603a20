"""``img2imu pretrain``: the function's settings as flags, or in a TOML file."""

from __future__ import annotations

import inspect
import tomllib
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ..errors import FormatError, ParameterError, unknown_name

__all__ = ["pretrain"]


def pretrain(
    images: Annotated[str | None, typer.Option(help="Folder, tar shards or timm data set.")] = None,
    folder: Annotated[Path | None, typer.Option(help="For checkpoint, history, backbone.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file of settings; flags win.")] = None,
    backbone: Annotated[str | None, typer.Option(help="timm model.")] = None,
    method: Annotated[str | None, typer.Option(help="moco or simclr.")] = None,
    augmentation: Annotated[str | None, typer.Option(help="sensor_aware or vision.")] = None,
    size: Annotated[int | None, typer.Option(help="Side of a picture in pixels.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the pictures.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Of all processes together.")] = None,
    lr: Annotated[float | None, typer.Option(help="Highest learning rate, for 256.")] = None,
    momentum: Annotated[float | None, typer.Option(help="Of SGD.")] = None,
    weight_decay: Annotated[float | None, typer.Option()] = None,
    warmup: Annotated[int | None, typer.Option(help="Epochs.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Of the contrastive loss.")] = None,
    dim: Annotated[int | None, typer.Option(help="Length of the vectors compared.")] = None,
    queue: Annotated[int | None, typer.Option(help="Negatives of MoCo.")] = None,
    key_momentum: Annotated[float | None, typer.Option(help="Of MoCo's key encoder.")] = None,
    splits: Annotated[int | None, typer.Option(help="Parts with own batch statistics.")] = None,
    weights: Annotated[str | None, typer.Option(help="To start from.")] = None,
    freeze: Annotated[list[str] | None, typer.Option(help="Layer to keep; repeat.")] = None,
    probe_every: Annotated[int | None, typer.Option(help="Epochs between kNN scores.")] = None,
    resume: Annotated[bool | None, typer.Option(help="Continue a run found in --folder.")] = None,
    checkpoint_every: Annotated[int | None, typer.Option(help="Steps.")] = None,
    seed: Annotated[int | None, typer.Option()] = None,
    precision: Annotated[str | None, typer.Option(help="no, bf16 or fp16.")] = None,
    channels_last: Annotated[bool | None, typer.Option(help="Memory layout.")] = None,
    accumulate: Annotated[int | None, typer.Option(help="Portions of a batch.")] = None,
    compile: Annotated[bool | None, typer.Option(help="torch.compile.")] = None,
    max_steps: Annotated[int | None, typer.Option(help="Stop here; resume later.")] = None,
    max_seconds: Annotated[float | None, typer.Option(help="Stop then; resume later.")] = None,
    probe_classes: Annotated[int, typer.Option(help="Classes of the kNN monitor, 0: none.")] = 30,
) -> None:
    """Contrastive pre-training of a backbone on ordinary pictures.

    Settings that are not given have the defaults of `img2imu_kit.pretrain.pretrain`. The kNN
    monitor scores up to 60 pictures of each of the commonest labels, where the pictures have any.
    Ctrl-C finishes the step and saves; the same command continues. Several processes:
    `torchrun --nproc_per_node 2 -m img2imu_kit pretrain ...`.

    Example: `img2imu pretrain --images photos/ --backbone mobilenetv3_small_050 --size 64
    --epochs 20 --folder runs/first`
    """
    settings = {name: value for name, value in locals().items() if value not in (None, [])}
    del settings["probe_classes"]
    from ..plots import signals as plot
    from ..plots.training import plot_history
    from ..pretrain.images import load_images
    from ..pretrain.train import pretrain_images as run

    settings = _from_file(settings.pop("config", None), inspect.signature(run)) | settings
    if "images" not in settings:
        raise ParameterError("nothing to learn from", remedy="Give --images, or images= in TOML.")
    settings["folder"] = Path(settings.get("folder", "runs/pretrain"))
    settings["freeze"] = tuple(settings.get("freeze", ()))
    pictures = load_images(settings.pop("images"), settings.get("size", 64))
    if probe_classes and pictures.labels is not None:
        settings["probe"] = pictures[_commonest(pictures.labels, probe_classes, 60)]
    made = run(pictures, **settings)
    figure = plot.save_figure(plot_history(made.history), settings["folder"] / "history.png")
    last, state = made.history.iloc[-1], "Finished" if made.finished else "Stopped"
    typer.echo(
        f"{state} at step {last.step:.0f}: loss {last.loss:.3f} "
        f"(chance {made.history.attrs['chance']:.3f})\n"
        f"Backbone: {settings['folder'] / 'backbone'}\nCurve:    {figure}"
    )


def _commonest(labels: np.ndarray, classes: int, each: int) -> np.ndarray:
    """Positions of the first pictures of the classes that have most of them."""
    labels = labels.astype(str)
    names, counts = np.unique(labels[labels != ""], return_counts=True)
    chosen = names[np.argsort(-counts, kind="stable")[:classes]]
    return np.sort(np.concatenate([np.flatnonzero(labels == name)[:each] for name in chosen]))


def _from_file(path: Path | None, signature: inspect.Signature) -> dict:
    if path is None:
        return {}
    try:
        settings = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise FormatError(f"cannot be read as TOML ({error})", where=str(path)) from None
    for name in settings:
        if name not in signature.parameters:
            raise unknown_name("setting", name, signature.parameters, where=str(path))
    return settings
