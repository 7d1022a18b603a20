"""``img2imu pretrain``: the settings of `PretrainConfig` as flags, or in a TOML file."""

from __future__ import annotations

import inspect
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Annotated, get_type_hints

import numpy as np
import typer

from ..errors import FormatError, ParameterError, unknown_name
from ..pretrain.config import LoopConfig, PretrainConfig
from .options import check_output, docs, flag, takes

__all__ = ["pretrain"]


def _flags() -> list[inspect.Parameter]:
    """A flag for each setting of `PretrainConfig`."""
    hints, told = get_type_hints(PretrainConfig), docs(LoopConfig, PretrainConfig)
    return [
        # None where the flag is not given, so that the TOML file can speak; help shows the default
        flag(
            field.name,
            hints[field.name],
            told.get(field.name, ("", ""))[1],
            show_default=False if field.default in (None, ()) else str(field.default),
        )
        for field in fields(PretrainConfig)
    ]


@takes(settings=_flags())
def pretrain(
    settings: dict,
    images: Annotated[str | None, typer.Option(help="Folder, tar shards or timm data set.")] = None,
    folder: Annotated[Path | None, typer.Option(help="For checkpoint, history, backbone.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file of settings; flags win.")] = None,
    resume: Annotated[bool | None, typer.Option(help="Continue a run found in --folder.")] = None,
    probe_classes: Annotated[int, typer.Option(help="Classes of the kNN monitor, 0: none.")] = 30,
) -> None:
    """Contrastive pre-training of a backbone on ordinary pictures.

    The kNN monitor scores up to 60 pictures of each of the commonest labels, where the pictures
    have any. Ctrl-C finishes the step and saves; the same command continues. Several processes:
    `torchrun --nproc_per_node 2 -m img2imu_kit pretrain ...`.

    Example: `img2imu pretrain --images photos/ --backbone mobilenetv3_small_050 --size 64
    --epochs 20 --folder runs/first`
    """
    from ..plots import plot_history, save_figure
    from ..pretrain.images import load_images
    from ..pretrain.train import check_config, pretrain_images

    settings |= {"images": images, "folder": folder, "resume": resume}
    settings = {name: value for name, value in settings.items() if value not in (None, [])}
    settings = (_read_settings(config) if config else {}) | settings
    if "images" not in settings:
        raise ParameterError(
            "nothing to learn from", remedy="Give --images, or images in the TOML file."
        )
    settings["folder"] = Path(settings.get("folder", "runs/pretrain"))
    for name in ("freeze", "layers"):
        settings[name] = tuple(settings.get(name, ()))
    check_output(settings["folder"] / "history.png")
    names = {field.name for field in fields(PretrainConfig)}
    check_config(PretrainConfig().updated(**{n: v for n, v in settings.items() if n in names}))
    pictures = load_images(settings.pop("images"), settings.get("size", PretrainConfig.size))
    if probe_classes and pictures.labels is not None:
        settings["probe"] = pictures[_commonest(pictures.labels, probe_classes, 60)]
    run = pretrain_images(pictures, **settings)
    figure = save_figure(plot_history(run.history), settings["folder"] / "history.png")
    last, state = run.history.iloc[-1], "Finished" if run.finished else "Stopped"
    typer.echo(
        f"{state} at step {last.step:.0f}: loss {last.loss:.3f} "
        f"(chance {run.history.attrs['chance']:.3f})\n"
        f"Backbone: {settings['folder'] / 'backbone'}\nCurve:    {figure}"
    )


def _read_settings(path: Path) -> dict:
    """Settings of a TOML file: names of the flags, in Python's spelling."""
    try:
        settings = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise FormatError(f"cannot be read as TOML ({error})", where=str(path)) from None
    known = [
        name
        for name in inspect.signature(pretrain).parameters
        if name not in ("config", "probe_classes")
    ]
    for name in settings:
        if name not in known:
            raise unknown_name("setting", name, known, where=str(path))
    return settings


def _commonest(labels: np.ndarray, classes: int, count: int) -> np.ndarray:
    """Positions of the first pictures, `count` of each, of the classes that have most of them."""
    labels = labels.astype(str)
    names, counts = np.unique(labels[labels != ""], return_counts=True)
    chosen = names[np.argsort(-counts, kind="stable")[:classes]]
    return np.sort(np.concatenate([np.flatnonzero(labels == name)[:count] for name in chosen]))
