"""Changes of pictures beside the changes of a sensor that they depict."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..augment.base import Augmentation
from ..augment.scale import scale_of
from ..errors import ParameterError
from ..pictures.image import to_image
from ..pictures.params import SpectrogramParams, resolve
from ..pictures.power import spectrogram
from ..signals.recording import Recording
from ..signals.windows import Windows
from .signals import plot_image, plot_signal
from .style import axes_or_new, series_style, set_alt_text

__all__ = ["plot_fidelity", "plot_twins"]

#: Far below doing nothing it does not matter how far: such rows end at the edge of the figure.
_LEAST = -1.0


def plot_twins(
    windows: Windows,
    index: int,
    augmentation: Augmentation,
    params: str | SpectrogramParams | None = None,
    *,
    seed: int = 0,
) -> Figure:
    """Draw a window before and after one random change: its signal and both ways to the picture.

    Parameters
    ----------
    windows : Windows
        With three axes.
    index : int
        Which window.
    augmentation : Augmentation
        With a twin, and with the `kind` of these pictures if it has one, see `augment.kind_of`.
    params
        Of the pictures, as in `to_image`.
    seed : int
        Of the change.

    Returns
    -------
    matplotlib Figure
        On the right the picture that was changed, and that of the changed sensor.

    Raises
    ------
    ParameterError
        An augmentation without a twin.

    Examples
    --------
    >>> from img2imu_kit import load_dataset, sliding_windows
    >>> from img2imu_kit.augment import TranslateX
    >>> from img2imu_kit.plots import alt_text
    >>> recordings = load_dataset("synthetic", subjects=1, seconds=8, seed=0)
    >>> windows = sliding_windows(recordings, seconds=4).select("acc")
    >>> alt_text(plot_twins(windows, 0, TranslateX(), "motion-signed"))[:36]
    'translate-x on a window: the changed'
    """
    if augmentation.twin is None:
        raise ParameterError(f"{augmentation.label} is no change of a sensor: it has no twin")
    params, rate = resolve(params), windows.rate
    window = np.ascontiguousarray(windows.signal[[index]])  # [1, 3, T]
    scale = scale_of(spectrogram(window, rate, params))

    def picture(signal: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(to_image(signal, rate, params)).float() / 255

    before, generator = picture(window), torch.Generator().manual_seed(seed)
    drawn = augmentation.sample(tuple(before.shape), generator)
    changed = augmentation.apply(before, **drawn)
    signal = augmentation.twin(torch.from_numpy(window.copy()), scale, **drawn).numpy()
    figure, panels = plt.subplots(1, 5, figsize=(15, 2.9), layout="constrained")
    titles = ("signal", "sensor changed")
    for ax, values, title in zip(panels, (window, signal), titles, strict=False):
        recording = Recording(values[0].T, rate, axes=windows.axes, unit=windows.unit)
        plot_signal(recording, ax=ax).set_title(title)
        ax.get_legend().remove()
        set_alt_text(ax, "")
    low, high = min(window.min(), signal.min()), max(window.max(), signal.max())
    for ax in panels[:2]:  # on one scale, or a gain could not be seen
        ax.set_ylim(low - 0.1 * (high - low), high + 0.1 * (high - low))
    titles = ("its picture", "picture changed", "picture of sensor changed")
    shown = (before, changed, picture(signal))
    for ax, image, title in zip(panels[2:], shown, titles, strict=True):
        levels = (255 * image[0]).round().clamp(0, 255).byte().numpy()
        plot_image(levels, rate=rate, seconds=windows.seconds, params=params, ax=ax)
        ax.set(title=title, ylabel="frequency (Hz)" if ax is panels[2] else "")
        set_alt_text(ax, "")
    figure.suptitle(f"{augmentation.label}: {augmentation.meaning}")
    apart = 255 * float((shown[1] - shown[2]).abs().mean())
    moved = 255 * float((shown[0] - shown[2]).abs().mean())
    set_alt_text(
        panels[0],
        f"{augmentation.label} on a window: the changed picture is {apart:.1f} greys from that of "
        f"the changed sensor, the unchanged one {moved:.1f}",
    )
    return figure


def plot_fidelity(tables: Mapping[str, pd.DataFrame], *, ax: Axes | None = None) -> Axes:
    """Draw how much of a sensor's change each augmentation of a picture brings about.

    Parameters
    ----------
    tables : dict of picture -> DataFrame
        From `augment.fidelity_table`; a colour each.
    ax : Axes, optional

    Returns
    -------
    matplotlib Axes
        A row for each augmentation that has a twin. What is worse than -1 stands at -1.

    Examples
    --------
    >>> rows = {"set": ["sensor-aware", "vision"], "augmentation": ["gain", "grayscale"]}
    >>> table = pd.DataFrame(rows).assign(plausible=[True, False], explained=[0.9, 0.3])
    >>> ax = plot_fidelity({"motion": table})
    """
    rows = pd.concat(tables, names=["picture", None]).reset_index("picture")
    rows = rows.dropna(subset="explained")
    every = "the whole " + rows.set + " set"
    rows["name"] = rows.augmentation.where(rows.augmentation != "all together", every)
    rows["name"] += np.where(rows.plausible, "", " (implausible)")
    order = [name for part in ("other", "vision", "sensor-aware") for name in _ordered(rows, part)]
    ax = axes_or_new(ax, size=(8.5, 1 + 0.26 * len(order)))
    for i, picture in enumerate(tables):
        of = rows[rows.picture == picture]
        places = [order.index(key) for key in zip(of.set, of.name, strict=True)]
        shown = of.explained.clip(lower=_LEAST)
        ax.plot(shown, places, ls="none", ms=7, label=picture, alpha=0.85, **series_style(i))
    for i, (part, _) in enumerate(order):
        if i and part != order[i - 1][0]:
            ax.axhline(i - 0.5, color="0.7", lw=0.8)
    ax.axvline(0, color="0.4", ls="--", lw=1, label="as good as doing nothing")
    ax.axvline(1, color="0.4", ls=":", lw=1, label="perfect")
    ax.set_xticks([-1, -0.5, 0, 0.5, 1])
    ax.set_yticks(range(len(order)), [name for _, name in order])
    ax.set(xlim=(_LEAST - 0.1, 1.1), xlabel="share of the sensor's change that is explained")
    ax.set_title("Sensor-aware above, vision's in the middle, others below")
    ax.grid(axis="x", alpha=0.3)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small")
    last = rows[rows.picture == list(tables)[-1]]
    listed = "; ".join(f"{row.name} {row.explained:.2f}" for row in last.itertuples(index=False))
    return set_alt_text(
        ax, f"Share of the sensor's change explained on {list(tables)[-1]}: {listed}"
    )


def _ordered(rows: pd.DataFrame, part: str) -> list[tuple[str, str]]:
    """Names of a set, the best on top."""
    means = rows[rows.set == part].groupby("name").explained.mean().sort_values()
    return [(part, name) for name in means.index]
