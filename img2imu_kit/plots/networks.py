"""What a vision network sees in a picture of motion: its first filters' answers, its evidence."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn

from ..errors import SignalError
from ..explain.gradcam import focus
from ..models.backbone import Backbone
from ..pictures.params import SpectrogramParams
from .signals import plot_image
from .style import set_alt_text

__all__ = ["plot_filters", "plot_heat"]


def plot_filters(
    backbone: Backbone, images: Mapping[str, np.ndarray], *, filters: int = 5
) -> Figure:
    """Draw some filters of a network's first layer, and their answers to pictures.

    Those are drawn that answer the last picture most unevenly, each unlike the others.

    Parameters
    ----------
    backbone : Backbone
        Whose first layer is a convolution of three colours.
    images : dict of name -> uint8 [3, H, W]
        A row each.
    filters : int

    Returns
    -------
    matplotlib Figure
        The filters on top. An answer below zero is blue, above zero red.

    Raises
    ------
    SignalError
        No pictures, or not of three colours and one size.

    Examples
    --------
    >>> from img2imu_kit import load_backbone
    >>> from img2imu_kit.plots import alt_text
    >>> grey = np.full((3, 32, 32), 128, np.uint8)
    >>> alt_text(plot_filters(load_backbone("mobilenetv3_small_050", seed=0), {"rest": grey}))
    'Five filters of the first layer of mobilenetv3_small_050, 3 x 3 pixels. Their answers to rest'
    """
    if len({np.shape(image) for image in images.values()}) != 1:
        raise SignalError("pictures of no or several sizes, expected one (3, H, W)")
    first = next(part for part in backbone.model.modules() if isinstance(part, nn.Conv2d))
    batch = backbone.to_batch(backbone.check_images(np.stack(list(images.values()))))
    with torch.no_grad():
        answers = first(batch).contiguous()  # [pictures, filters, h, w]
    chosen = _unlike(answers[-1].flatten(1), filters)
    weights, answers = first.weight.detach()[chosen], answers[:, chosen]
    rows, height = len(images), 1.5
    figure, panels = plt.subplots(
        rows + 1,
        filters + 1,
        figsize=(1.9 * (filters + 1), 1.2 + height * rows),
        height_ratios=[0.6] + [1] * rows,
        layout="constrained",
    )
    for ax in panels.flat:
        ax.set(xticks=[], yticks=[])
    panels[0, 0].set_axis_off()
    limits = weights.abs().amax((1, 2, 3), keepdim=True)  # of each filter: mid-grey is zero
    for ax, weight in zip(panels[0, 1:], weights / limits, strict=True):
        ax.imshow(0.5 + weight.permute(1, 2, 0) / 2)
    panels[0, 1].set_ylabel("filter", rotation=0, ha="right", va="center")
    for row, (name, image), answer in zip(panels[1:], images.items(), answers, strict=True):
        row[0].imshow(np.asarray(image).transpose(1, 2, 0))
        row[0].set_ylabel(name)
        for ax, values in zip(row[1:], answer - answer.mean((1, 2), keepdim=True), strict=True):
            limit = max(float(values.abs().quantile(0.99)), 1e-6)
            ax.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit)
        set_alt_text(row[0], f"Their answers to {name}")
    size = " x ".join(str(side) for side in weights.shape[2:])
    count = {1: "One filter", 5: "Five filters"}.get(filters, f"{filters} filters")
    set_alt_text(panels[0, 0], f"{count} of the first layer of {backbone.name}, {size} pixels")
    return figure


def _unlike(answers: torch.Tensor, count: int) -> list[int]:
    """Filters whose answers [filters, places] vary most, none much like one taken before."""
    centred = answers - answers.mean(1, keepdim=True)
    spread = centred.norm(dim=1)
    unit = centred / spread.clamp(min=1e-12)[:, None]
    alike = (unit @ unit.T).abs()
    chosen: list[int] = []
    for limit in (0.6, 0.9, 1.1):  # as strict as there are filters enough
        for i in spread.argsort(descending=True).tolist():
            if len(chosen) < count and i not in chosen and (alike[i, chosen] < limit).all():
                chosen.append(i)
    return chosen


def plot_heat(
    heat: np.ndarray,
    *,
    rate: float,
    seconds: float,
    params: str | SpectrogramParams | None = None,
    ax: Axes | None = None,
    **overrides,
) -> Axes:
    """Draw what speaks for a class on a picture, from `explain.grad_cam`, over seconds and Hz.

    Parameters
    ----------
    heat : float [H, W]
        0 or more; drawn as shares of its largest value.
    rate, seconds, params, ax, **overrides
        As in `plot_image`.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from img2imu_kit.plots import alt_text
    >>> heat = np.zeros((96, 96))
    >>> heat[60:70] = 1
    >>> alt_text(plot_heat(heat, rate=50, seconds=4, params="motion"))
    'Evidence over 4 s, around 0.54 Hz'
    """
    share = heat / max(float(heat.max()), 1e-12)
    grey = np.broadcast_to((255 * share).astype(np.uint8), (3, *share.shape))
    ax = plot_image(grey, rate=rate, seconds=seconds, params=params, ax=ax, **overrides)
    drawn = (ax.collections or ax.images)[-1]
    rows = share[::-1] if ax.collections else share  # a mesh begins at the lowest row
    drawn.set_array(np.ascontiguousarray(rows))
    drawn.set(cmap="cividis", clim=(0, 1))
    middle = focus(np.asarray(heat)[None], rate=rate, seconds=seconds, params=params, **overrides)
    where = f", around {middle.frequency_hz.item():.2g} Hz" if heat.any() else ""
    return set_alt_text(ax, f"Evidence over {seconds:g} s{where}")
