"""``img2imu map``: a t-SNE map of own recordings as a figure, a page and a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from .._files import write_csv
from .options import (
    IMG2IMU,
    BackboneFlag,
    WeightsFlag,
    check_output,
    reader_flags,
    takes,
    watched,
    window_flags,
)
from .recordings import check_paths, windows_of

__all__ = ["map_recordings", "show_map"]


@takes(reading=reader_flags(), cutting=window_flags(leave=("unlabelled",), seconds=4.0, purity=0.0))
def show_map(
    paths: Annotated[list[Path], typer.Argument(help="Recordings, or folders of them.")],
    reading: dict,
    cutting: dict,
    out: Annotated[Path, typer.Option(help="Folder for map.png, map.html, map.csv.")] = Path("map"),
    sensor: Annotated[str, typer.Option(help="What the network sees: acc or gyro.")] = "acc",
    weights: WeightsFlag = IMG2IMU,
    backbone: BackboneFlag = None,
    most: Annotated[int, typer.Option(help="Of more windows some are left out, evenly.")] = 3000,
    seed: Annotated[int, typer.Option(help="Seed of the map.")] = 0,
) -> None:
    """Lay out what a network sees in your recordings: near windows are alike (t-SNE).

    Hover over a point of `map.html` to see its picture, its signal and where it comes from.

    Example: `img2imu map walks/ --label activity --out map`
    """
    page = map_recordings(
        paths,
        out,
        reading=reading,
        cutting=cutting,
        sensor=sensor,
        weights=weights,
        backbone=backbone,
        most=most,
        seed=seed,
        progress=watched(),
    )
    typer.echo(f"Figure: {page.with_suffix('.png')}\nTable:  {page.with_suffix('.csv')}")
    typer.echo(f"Page:   {page}   (open it in a browser)")


def map_recordings(
    paths: Sequence[str | Path],
    out: str | Path,
    *,
    reading: dict[str, Any] | None = None,
    cutting: dict[str, Any] | None = None,
    sensor: str = "acc",
    weights: str = IMG2IMU,
    backbone: str | None = None,
    most: int = 3000,
    seed: int = 0,
    progress: bool = False,
) -> Path:
    """Write ``map.png``, ``map.html`` and ``map.csv`` of recordings to a folder.

    Parameters
    ----------
    paths : sequence of path
        Files and folders.
    out : path
    reading, cutting : dict
        Options of `read` and of `sliding_windows`.
    sensor : str
        Prefix of the axes that the network sees.
    weights, backbone
        As in `load_backbone`.
    most : int
        Of more windows, evenly spread ones are shown.
    seed : int
    progress : bool
        Show progress bars.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    Img2ImuError
        Recordings or weights that cannot be used.

    Examples
    --------
    >>> page = map_recordings(["walks/"], "map", reading={"labels": "folder"})  # doctest: +SKIP
    """
    page, paths = Path(out) / "map.html", [Path(path) for path in paths]
    check_paths(paths)
    check_output(page)
    from ..evaluate.image_readout import ImageReadout
    from ..explain.embedding import tsne
    from ..models.backbone import load_backbone
    from ..plots.maps import write_map
    from ..plots.scores import plot_embedding
    from ..plots.style import save_figure

    network = load_backbone(backbone, weights)
    cutting = {"seconds": 4.0, "purity": 0.0} | (cutting or {})
    cutting |= {"unlabelled": True}
    windows = windows_of(paths, reading or {}, cutting, sensor, progress=progress)
    kept = np.unique(np.linspace(0, len(windows) - 1, min(most, len(windows))).astype(int))
    windows = windows[kept]
    # one layer of one picture, where neighbours are best at agreeing: many voters would need a
    # probe each, and a map has no labels to fit them to
    readout = ImageReadout(pictures=("motion",), layers=(3,), pixels=())
    [features] = readout.read(windows, network, progress=progress).values()
    perplexity = max(1.0, min(30.0, (len(features) - 1) / 3))
    xy = tsne(features, perplexity=perplexity, seed=seed, progress=progress)
    # what tells points apart best: classes, or people, or files
    shown = next(
        (values for values in (windows.label, windows.subject) if len({*values}) > 1),
        windows.recording,
    )
    title = f"{len(windows):,} windows of {windows.seconds:g} s as the network sees them (t-SNE)"
    ax = plot_embedding(xy, np.where(shown == "", "unlabelled", shown))
    ax.set_title(title)
    save_figure(ax, page.with_suffix(".png"))
    table = windows.frame().assign(x=xy[:, 0], y=xy[:, 1])
    write_csv(page.with_suffix(".csv"), table)
    return write_map(page, xy, windows, title=title, progress=progress)
