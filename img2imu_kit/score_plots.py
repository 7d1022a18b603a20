"""Figures of results: scores with their intervals, and features in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from .errors import ParameterError, SignalError
from .evaluate import summary
from .figures import COLOURS, MARKERS, axes_or_new, describe

__all__ = ["plot_embedding", "plot_scores"]


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
    if missing := {"method", "shots", metric, "low", "high"} - {*means.columns}:
        raise ParameterError(
            f"the table has no {', '.join(sorted(missing))}",
            remedy="Give what few_label() or summary(table, metric) return.",
        )
    methods, shots = list(dict.fromkeys(means["method"])), sorted(set(means["shots"]))
    name = {"macro_f1": "macro-F1"}.get(metric, metric)
    ax = axes_or_new(ax, size=(6.4, 4.2) if len(shots) > 1 else (6.4, 1 + 0.45 * len(methods)))
    for i, method in enumerate(methods):
        rows = means[means["method"] == method].sort_values("shots")
        style = {"color": COLOURS[i % 7], "marker": MARKERS[i % 7], "capsize": 3, "ms": 7}
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
        ax.set_xlabel(f"{name} at {shots[0]} shots a class")
    ax.grid(alpha=0.3)
    ax.set_title(f"{name}, mean and 95 % interval")
    told = []
    for row in means.itertuples():
        interval = "" if np.isnan(row.low) else f" ({row.low:.2f} to {row.high:.2f})"
        told.append(f"{row.method}, shots {row.shots}: {getattr(row, metric):.2f}{interval}")
    return describe(ax, f"{name}, mean and 95 % interval. {'; '.join(told)}")


def plot_embedding(
    xy: np.ndarray, labels: Sequence[str] | np.ndarray, *, ax: Axes | None = None
) -> Axes:
    """Draw points [N, 2], each class with a colour and a marker of its own.

    No scale is drawn: directions and far distances in a t-SNE picture mean nothing.

    Examples
    --------
    >>> from img2imu_kit.figures import alt_text
    >>> alt_text(plot_embedding(np.eye(2), ["sit", "walk"]))
    '2 points in two dimensions: 1 sit, 1 walk'
    """
    xy, labels = np.asarray(xy), np.asarray(labels).astype(str)
    if xy.ndim != 2 or xy.shape[1] != 2 or len(xy) != len(labels):
        raise SignalError(f"xy {xy.shape}, {len(labels)} labels, expected (N, 2) and N labels")
    classes = sorted(set(labels))
    # seven colours with seven markers, both new from class to class while they last
    looks = sorted(product(range(7), range(7)), key=lambda look: (look[1] - look[0]) % 7)
    columns = -(-len(classes) // 14)
    ax = axes_or_new(ax, size=(5 + 2.4 * columns, 5))
    for i, name in enumerate(classes):
        colour, marker = looks[i % len(looks)]
        x, y = xy[labels == name].T
        ax.scatter(x, y, s=16, c=COLOURS[colour], marker=MARKERS[marker], lw=0, label=name)
    ax.set(xticks=[], yticks=[], title=f"{len(xy):,} points in two dimensions")
    ax.set_aspect("equal", adjustable="datalim")  # the box keeps its place beside the legend
    ax.legend(
        loc="center left", bbox_to_anchor=(1, 0.5), ncols=columns, fontsize="small", markerscale=1.5
    )
    counts = ", ".join(f"{(labels == name).sum()} {name}" for name in classes)
    return describe(ax, f"{len(xy)} points in two dimensions: {counts}")
