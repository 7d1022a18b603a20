"""Figures of results: scores with their intervals, and features in two dimensions.

Figures of a table of scores: learning curves, differences, ranks, confusions, losses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import offset_copy

from ..errors import ParameterError, SignalError
from ..evaluate.few_labels import summarize
from ..evaluate.stats import confusions, ranks, summarize_table
from .style import COLOURS, MARKERS, axes_or_new, set_alt_text

__all__ = [
    "plot_confusion",
    "plot_curves",
    "plot_differences",
    "plot_embedding",
    "plot_losses_of_table",
    "plot_ranks",
    "plot_scores",
    "plot_table",
]


def plot_scores(table: pd.DataFrame, *, metric: str = "macro_f1", ax: Axes | None = None) -> Axes:
    """Draw mean scores with their 95 % intervals: side by side, or over the number of shots.

    Parameters
    ----------
    table : DataFrame
        From `few_label`, or its `summarize`.
    metric : str
    ax : Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    means = summarize(table, metric) if "seed" in table else table
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
    return set_alt_text(ax, f"{name}, mean and 95 % interval. {'; '.join(told)}")


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
    return set_alt_text(ax, f"{len(xy)} points in two dimensions: {counts}")


def plot_curves(
    table: pd.DataFrame, methods: Sequence[str] | None = None, metric: str = "macro_f1"
) -> Figure:
    """Draw the learning curve of each method over shots, one panel a task.

    Parameters
    ----------
    table : DataFrame
        From `few_label_table`, one protocol.
    methods : sequence of str, optional
        Which are drawn, in this order; at most seven can be told apart by colour.
    metric : str
    """
    methods = list(table.method.unique()) if methods is None else list(methods)
    tasks, means = list(table.task.unique()), summarize_table(table, metric)
    figure, axes = plt.subplots(
        1, len(tasks), figsize=(3.2 * len(tasks), 3.6), layout="constrained", squeeze=False
    )
    for ax, task in zip(axes[0], tasks, strict=True):
        ends = []
        for i, method in enumerate(methods):
            some = means[(means.task == task) & (means.method == method)].sort_values("shots")
            half = (some.high - some[metric]).to_numpy()
            ax.errorbar(
                some.shots * (1 + 0.012 * (i - len(methods) / 2)),  # intervals side by side
                some[metric],
                half,
                color=COLOURS[i % len(COLOURS)],
                marker=MARKERS[i % len(MARKERS)],
                linestyle="-" if i < len(COLOURS) else "--",
                capsize=2,
                lw=1.5,
                label=method,
            )
            ends.append(f"{method} {some[metric].iloc[-1]:.2f}")
        shots = sorted(table.shots.unique())
        ax.set(xscale="log", xlabel="shots of each class", title=task)
        ax.set_xticks(shots, [str(count) for count in shots])
        ax.minorticks_off()
        set_alt_text(ax, f"{_named(metric)} on {task} at {shots[-1]} shots: {', '.join(ends)}")
    axes[0, 0].set_ylabel(_named(metric))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.suptitle("Learning curves, 95 % intervals")
    return figure


def plot_table(table: pd.DataFrame, shots: int, metric: str = "macro_f1") -> Figure:
    """Draw every method's mean and 95 % interval at one number of shots, one panel a task.

    Methods are ordered by their mean over the tasks, the best on top.
    """
    means = summarize_table(table[table.shots == shots], metric)
    order = means.groupby("method")[metric].mean().sort_values().index
    family = table.drop_duplicates("method").set_index("method").family
    families = list(dict.fromkeys(table.family))
    tasks = list(table.task.unique())
    figure, axes = plt.subplots(
        1,
        len(tasks),
        figsize=(2 + 2.3 * len(tasks), 1.4 + 0.24 * len(order)),
        sharey=True,
        layout="constrained",
        squeeze=False,
    )
    for ax, task in zip(axes[0], tasks, strict=True):
        some = means[means.task == task].set_index("method").reindex(order)
        for name in families:
            part = some[family.reindex(order) == name]
            code = families.index(name)
            ax.errorbar(
                part[metric],
                [order.get_loc(method) for method in part.index],
                xerr=part.high - part[metric],
                fmt=MARKERS[code % len(MARKERS)],
                color=COLOURS[code % len(COLOURS)],
                capsize=2,
                label=name,
            )
        ax.set(title=task, xlabel=_named(metric))
        ax.set_yticks(range(len(order)), order)
        ax.grid(axis="x", lw=0.4)
        top = some[metric].sort_values(ascending=False)
        listed = ", ".join(f"{method} {value:.2f}" for method, value in top.items())
        set_alt_text(ax, f"{_named(metric)} on {task} at {shots} shots: {listed}")
    handles = axes[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(families))
    figure.suptitle(f"{_named(metric)} with {shots} shots of each class, 95 % intervals")
    return figure


def plot_differences(
    compared: Mapping[str, pd.DataFrame], ours: str, *, ax: Axes | None = None
) -> Axes:
    """Draw what `compare` found: difference in points with its interval, by task and shots.

    Parameters
    ----------
    compared : dict of what we are compared with -> DataFrame from `compare`
    ours : str
    ax : Axes, optional
    """
    count = len(next(iter(compared.values())))
    ax = axes_or_new(ax, (7, 1.4 + 0.2 * count * len(compared)))
    text = []
    for i, (name, found) in enumerate(compared.items()):
        places = np.arange(count) + 0.7 * (i + 0.5) / len(compared) - 0.35
        points = 100 * found[["difference", "low", "high"]].to_numpy()
        ax.errorbar(
            points[:, 0],
            places,
            xerr=[points[:, 0] - points[:, 1], points[:, 2] - points[:, 0]],
            fmt=MARKERS[i % len(MARKERS)],
            color=COLOURS[i % len(COLOURS)],
            capsize=2,
            label=f"minus {name}",
        )
        average = found[found.task == "average"].iloc[-1]
        text.append(f"minus {name} {100 * average.difference:+.1f} points at {average.shots} shots")
    rows = found.itertuples()
    ax.set_yticks(range(count), [f"{row.task}, {row.shots} shots" for row in rows])
    ax.invert_yaxis()
    ax.axvline(0, color="black", lw=0.8)
    ax.grid(axis="x", lw=0.4)
    ax.set(
        xlabel="difference of macro-F1 in points, same draws", title=f"{ours}, above zero: better"
    )
    below = offset_copy(ax.transAxes, ax.figure, y=-36, units="points")  # the label of the axis
    ax.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=below)
    return set_alt_text(ax, f"{ours} on average over tasks: {'; '.join(text)}")


def plot_ranks(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the mean rank of each method over all draws: of each task small, of all large."""
    ranked = ranks(table)
    ax = axes_or_new(ax, (6, 1.2 + 0.26 * len(ranked)))
    places = np.arange(len(ranked))
    for i, task in enumerate(ranked.columns[:-1]):
        ax.plot(ranked[task], places, MARKERS[i % 7], c=COLOURS[i % 7], ms=4, label=task)
    ax.plot(ranked.average, places, "|", c="black", ms=14, mew=2.5, label="average")
    ax.set_yticks(places, ranked.index)
    ax.invert_yaxis()
    ax.grid(axis="x", lw=0.4)
    ax.set(xlabel="mean rank (1 is the best)", title="Ranks of the methods")
    ax.legend(fontsize="small", loc="lower left", ncols=1)
    listed = ", ".join(f"{name} {rank:.1f}" for name, rank in ranked.average.items())
    return set_alt_text(ax, f"Mean ranks, the best first: {listed}")


def plot_confusion(table: pd.DataFrame, task: str, method: str, *, ax: Axes | None = None) -> Axes:
    """Draw which classes are taken for which: shares of each true class, over all draws."""
    counts = confusions(table, task, method)
    share = counts.div(counts.sum(axis=1), axis=0).fillna(0)
    ax = axes_or_new(ax)
    picture = ax.imshow(share, vmin=0, vmax=1, cmap="cividis")
    ax.figure.colorbar(picture, ax=ax, label="share of the true class", shrink=0.8)
    small = {"fontsize": 8 if len(share) < 10 else 5}
    ax.set_xticks(range(len(share)), share.columns, rotation=90, **small)
    ax.set_yticks(range(len(share)), share.index, **small)
    ax.set(title=f"{task}, {method}", xlabel="guessed", ylabel="true")
    if len(share) < 10:
        for (row, column), value in np.ndenumerate(share.to_numpy()):
            colour = "black" if value > 0.6 else "white"
            ax.text(column, row, f"{100 * value:.0f}", ha="center", va="center", c=colour, **small)
    off = share.where(~np.eye(len(share), dtype=bool), 0).stack()
    true, guessed = off.idxmax()
    return set_alt_text(
        ax,
        f"Confusion of {method} on {task}: right in {100 * np.diag(share).mean():.0f} % of the "
        f"windows of a class on average; most often {true} is taken for {guessed}, "
        f"{100 * off.max():.0f} %",
    )


def plot_losses_of_table(histories: Mapping[str, pd.DataFrame], *, ax: Axes | None = None) -> Axes:
    """Draw pre-training losses as shares of what a guess would lose, or of the first loss.

    Parameters
    ----------
    histories : dict of name -> DataFrame
        ``epoch`` and ``loss``; where ``attrs["chance"]`` is set, it is 1 in the figure.
    ax : Axes, optional
    """
    ax = axes_or_new(ax, (6, 3.6))
    ends = []
    for i, (name, history) in enumerate(histories.items()):
        kept = history.dropna(subset="loss")
        unit = history.attrs.get("chance") or kept.loss.iloc[0]
        style = "-" if i < 7 else "--"
        ax.plot(kept.epoch, kept.loss / unit, style, c=COLOURS[i % 7], lw=1.5, label=name)
        ends.append(f"{name} {kept.loss.iloc[-1] / unit:.2f}")
    ax.set(xlabel="epoch", ylabel="loss / loss of a guess", title="Pre-training on motion")
    ax.legend(fontsize="small")
    listed = ", ".join(ends)
    return set_alt_text(ax, f"Pre-training losses as shares of a guess's, at the end: {listed}")


def _named(metric: str) -> str:
    return {"macro_f1": "macro-F1"}.get(metric, metric)
