"""Figures with axes in seconds and Hz, colours that everybody can tell apart, and alt text."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .errors import ParameterError, SignalError
from .evaluate import summary
from .params import SpectrogramParams, resolve
from .recording import Recording, axis_index
from .spectrograms import grid, scaled, spectrogram
from .windowing import Windows

if TYPE_CHECKING:
    from IPython.display import Image

__all__ = [
    "alt_text",
    "plot_embedding",
    "plot_image",
    "plot_images",
    "plot_scores",
    "plot_signal",
    "plot_spectrogram",
    "save",
    "show",
]

#: Okabe and Ito's colours, told apart with every kind of colour vision (yellow left out: too pale
#: on white), and markers, so that no class is known by its colour alone.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000")
_MARKERS = "os^Dv*P"

_ALT: WeakKeyDictionary[Axes, str] = WeakKeyDictionary()


def plot_signal(signal: Recording | Windows, index: int = 0, *, ax: Axes | None = None) -> Axes:
    """Draw a recording, or one of several windows, axis by axis over time in seconds."""
    ax = _axes(ax)
    if isinstance(signal, Windows):
        _inside(index, len(signal))
        values, label = signal.signal[index].T, signal.label[index]
        times_s = signal.start_s[index] + np.arange(len(values)) / signal.rate
    else:
        values, label, times_s = signal.signal, ", ".join(signal.classes), signal.times_s
    for i, name in enumerate(signal.axes):
        ax.plot(times_s, values[:, i], color=_COLOURS[i % len(_COLOURS)], lw=1, label=name)
    units = [unit for unit in dict.fromkeys(signal.unit) if unit]
    ax.set(xlabel="time (s)", ylabel=f"({', '.join(units)})" if units else "value", title=label)
    ax.margins(x=0)
    ax.legend(ncols=3, fontsize="small", loc="upper right")
    return _describe(
        ax,
        f"Lines over {times_s[0]:.1f} to {times_s[-1]:.1f} s of {', '.join(signal.axes)}"
        f"{f' while {label}' if label else ''}, between {values.min():.3g} and "
        f"{values.max():.3g} {' and '.join(units)}".rstrip(),
    )


def plot_spectrogram(
    signal: Recording | Windows | np.ndarray,
    index: int = 0,
    *,
    axis: int | str = 0,
    rate: float | None = None,
    params: str | SpectrogramParams | None = None,
    ax: Axes | None = None,
    **overrides,
) -> Axes:
    """Draw the power of one axis of one window in dB, over seconds and Hz.

    Parameters
    ----------
    signal, rate, params, **overrides
        As in `spectrogram`. Fixed limits in dB become the ends of the colour bar.
    index : int
        Which window.
    axis : int or str
        Which axis, by position or name.
    ax : Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    if isinstance(signal, Windows):
        _inside(index, len(signal))
        signal, index = signal[[index]], 0  # nothing is computed for the others
    found = spectrogram(signal, rate, params, **overrides)
    _inside(index, len(found.power))
    if isinstance(axis, str):
        axis = axis_index(found.axes, axis, where="axis")[0]
    _inside(axis, len(found.axes))
    decibels = scaled(np.asarray(found.power[index, axis]), "db")
    settings = found.params
    fixed = settings.scale == "db" and not isinstance(settings.range, str)
    low, high = settings.range if fixed else (decibels.min(), decibels.max())
    ax = _axes(ax)
    picture = ax.pcolormesh(
        found.times_s, found.freqs_hz, decibels, shading="nearest", vmin=low, vmax=high
    )
    ax.figure.colorbar(picture, ax=ax, label="power (dB)")
    ax.set(xlabel="time (s)", ylabel="frequency (Hz)", title=found.axes[axis])
    peak_hz = found.freqs_hz[decibels.mean(axis=1).argmax()]
    return _describe(
        ax,
        f"Spectrogram of {found.axes[axis]}, {found.times_s[0]:.2g} to {found.times_s[-1]:.3g} s, "
        f"{found.freqs_hz[0]:.3g} to {found.freqs_hz[-1]:.3g} Hz, {low:.0f} to {high:.0f} dB; "
        f"on average strongest at {peak_hz:.3g} Hz",
    )


def plot_image(
    image: np.ndarray,
    *,
    rate: float,
    seconds: float,
    params: str | SpectrogramParams | None = None,
    ax: Axes | None = None,
    **overrides,
) -> Axes:
    """Draw a picture made by `to_image`, with the seconds and Hz that its pixels stand for.

    Parameters
    ----------
    image : uint8 [3, H, W]
    rate, seconds : float
        Of the window that it shows.
    params, **overrides
        With which it was made.
    ax : Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[0] != 3:
        raise SignalError(
            f"image is {image.dtype} {image.shape}, expected uint8 (3, H, W)",
            where="plot_image",
            remedy="Of a batch, choose one: images[0].",
        )
    params = resolve(params, **overrides)
    _, freqs_hz, times_s = grid((1, 1, round(seconds * rate)), rate, params)
    column_s, row_hz = params.hop / rate, rate / params.n_fft  # of which half lies to each side
    extent = (
        times_s[0] - column_s / 2,
        times_s[-1] + column_s / 2,
        freqs_hz[0] - row_hz / 2,
        freqs_hz[-1] + row_hz / 2,
    )
    ax = _axes(ax)
    ax.imshow(image.transpose(1, 2, 0), extent=extent, aspect="auto", interpolation="nearest")
    ax.set(xlabel="time (s)", ylabel="frequency (Hz)")
    colours = {"magnitude": "in grey"}.get(params.channels, "red x, green y, blue z")
    if isinstance(params.channels, tuple):
        pairs = zip(("red", "green", "blue"), params.channels, strict=True)
        colours = ", ".join(f"{colour} {name}" for colour, name in pairs)
    return _describe(
        ax,
        f"Spectrogram picture of {params.channels if colours[0] != 'i' else 'magnitude'} over "
        f"{seconds:.3g} s, {freqs_hz[0]:.3g} to {freqs_hz[-1]:.3g} Hz, low frequency at the "
        f"bottom; {colours}; mean brightness {image.mean() / 2.55:.0f} %",
    )


def plot_images(
    images: np.ndarray,
    labels: Sequence[str] | np.ndarray,
    *,
    per_class: int = 6,
    seed: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """Draw a gallery: a row for each class, a few pictures of it drawn at random.

    Parameters
    ----------
    images : uint8 [N, 3, H, W]
    labels : str [N]
    per_class, seed : int
    ax : Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    images, labels = np.asarray(images), np.asarray(labels).astype(str)
    if images.ndim != 4 or len(images) != len(labels) or len(images) == 0 or per_class < 1:
        raise SignalError(
            f"images {images.shape}, {len(labels)} labels, {per_class} of a class, expected "
            "(N, 3, H, W), N labels and 1 or more"
        )
    generator = np.random.default_rng(seed)
    classes = sorted(set(labels))
    gap = 4
    height, width = (side + gap for side in images.shape[2:])
    mosaic = np.full((len(classes) * height - gap, per_class * width - gap, 3), 255, np.uint8)
    for row, name in enumerate(classes):
        drawn = generator.permutation(np.flatnonzero(labels == name))[:per_class]
        for column, i in enumerate(drawn):
            top, left = row * height, column * width
            mosaic[top : top + height - gap, left : left + width - gap] = images[i].transpose(
                1, 2, 0
            )
    ax = _axes(ax, size=(1 + 1.1 * per_class, 0.4 + 1.1 * len(classes) * height / width))
    ax.imshow(mosaic, interpolation="nearest")
    ax.set_yticks((np.arange(len(classes)) + 0.5) * height - gap / 2, classes)
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("time runs right, frequency up, in each picture")
    return _describe(
        ax, f"Gallery of spectrogram pictures, up to {per_class} of each: {', '.join(classes)}"
    )


def plot_scores(table: pd.DataFrame, *, metric: str = "macro_f1", ax: Axes | None = None) -> Axes:
    """Draw mean scores with their 95 % intervals: side by side, or over the number of shots.

    Parameters
    ----------
    table : DataFrame
        From `few_label`, or its `summary`.
    metric : str
    ax : Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    means = summary(table, metric) if "seed" in table else table
    methods, shots = list(dict.fromkeys(means["method"])), sorted(set(means["shots"]))
    name = {"macro_f1": "macro-F1"}.get(metric, metric)
    ax = _axes(ax, size=(6.4, 4.2) if len(shots) > 1 else (6.4, 1 + 0.45 * len(methods)))
    for i, method in enumerate(methods):
        rows = means[means["method"] == method].sort_values("shots")
        style = {"color": _COLOURS[i % 7], "marker": _MARKERS[i % 7], "capsize": 3, "ms": 7}
        error = np.abs(rows[["low", "high"]].to_numpy().T - rows[metric].to_numpy())
        if len(shots) > 1:
            nudge = 1 + 0.02 * (i - (len(methods) - 1) / 2)  # so that intervals do not overlap
            ax.errorbar(rows["shots"] * nudge, rows[metric], error, label=method, **style)
        else:
            ax.errorbar(rows[metric], [i], xerr=error, **style)
            value = rows[metric].item()
            ax.annotate(f"{value:.2f}", (value, i), (0, 7), textcoords="offset points", ha="center")
    if len(shots) > 1:
        ax.set_xscale("log")
        ax.set_xticks(shots, shots)
        ax.minorticks_off()
        ax.set(xlabel="labelled windows of each class", ylabel=name)
        ax.legend(fontsize="small")
    else:
        ax.set_yticks(range(len(methods)), methods)
        ax.set_ylim(len(methods) - 0.4, -0.8)
        ax.set_xlabel(f"{name} from {shots[0]} labelled windows of each class")
    ax.grid(alpha=0.3)
    told = [
        f"{row.method} at {row.shots} shots {getattr(row, metric):.2f} "
        f"({row.low:.2f} to {row.high:.2f})"
        for row in means.itertuples()
    ]
    return _describe(ax, f"{name}, mean and 95 % interval: {'; '.join(told)}")


def plot_embedding(
    xy: np.ndarray, labels: Sequence[str] | np.ndarray, *, ax: Axes | None = None
) -> Axes:
    """Draw points [N, 2], each class with a colour and a marker of its own.

    No scale is drawn: directions and far distances in a t-SNE picture mean nothing.
    """
    xy, labels = np.asarray(xy), np.asarray(labels).astype(str)
    if xy.ndim != 2 or xy.shape[1] != 2 or len(xy) != len(labels):
        raise SignalError(f"xy {xy.shape}, {len(labels)} labels, expected (N, 2) and N labels")
    classes = sorted(set(labels))
    # seven colours with seven markers, both new from class to class while they last
    looks = sorted(product(range(7), range(7)), key=lambda look: (look[1] - look[0]) % 7)
    ax = _axes(ax)
    for i, name in enumerate(classes):
        colour, marker = looks[i % len(looks)]
        x, y = xy[labels == name].T
        ax.scatter(x, y, s=16, c=_COLOURS[colour], marker=_MARKERS[marker], lw=0, label=name)
    ax.set(xticks=[], yticks=[], aspect="equal")
    columns = -(-len(classes) // 14)
    ax.legend(
        loc="center left", bbox_to_anchor=(1, 0.5), ncols=columns, fontsize="small", markerscale=1.5
    )
    counts = ", ".join(f"{(labels == name).sum()} {name}" for name in classes)
    return _describe(ax, f"{len(xy)} points in two dimensions: {counts}")


def alt_text(target: Axes | Figure) -> str:
    """What a figure shows, for those who cannot see it.

    Examples
    --------
    >>> alt_text(plot_embedding(np.eye(2), ["sit", "walk"]))
    '2 points in two dimensions: 1 sit, 1 walk'
    """
    axes = target.axes if isinstance(target, Figure) else [target]
    return ". ".join(_ALT[ax] for ax in axes if ax in _ALT)


def save(target: Axes | Figure, path: str | os.PathLike, *, dpi: int = 150) -> Path:
    """Write a figure as PNG, SVG or PDF with its alt text inside; the folder is made.

    The text is PNG's ``Description``, SVG's ``title`` and PDF's ``Subject``.
    """
    path = Path(path)
    figure = target if isinstance(target, Figure) else target.figure
    text = alt_text(figure)
    metadata = {
        ".png": {"Description": text},
        ".svg": {"Title": text, "Description": text, "Date": None},
        ".pdf": {"Subject": text, "CreationDate": None},
    }.get(path.suffix.lower())
    if metadata is None:
        raise ParameterError(f"cannot write {path.name!r}", remedy="Use .png, .svg or .pdf.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with plt.rc_context({"svg.hashsalt": "img2imu_kit"}):  # the same figure, the same bytes
        figure.savefig(path, dpi=dpi, metadata=metadata)
    return path


def show(target: Axes | Figure, *, dpi: int = 100) -> Image:
    """The figure as a notebook's output that carries its alt text; the figure is closed."""
    from io import BytesIO

    from IPython.display import Image

    figure = target if isinstance(target, Figure) else target.figure
    buffer = BytesIO()
    figure.savefig(buffer, dpi=dpi, format="png")
    plt.close(figure)
    return Image(buffer.getvalue(), format="png", alt=alt_text(figure))


def _axes(ax: Axes | None, size: tuple[float, float] | None = None) -> Axes:
    return plt.subplots(figsize=size, layout="constrained")[1] if ax is None else ax


def _describe(ax: Axes, text: str) -> Axes:
    _ALT[ax] = text
    return ax


def _inside(index: int, count: int) -> None:
    if not -count <= index < count:
        raise ParameterError(f"index {index}, expected 0 to {count - 1}")
