"""Figures of a table of scores: learning curves, differences, ranks, confusions, losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import offset_copy

from .figures import COLOURS, MARKERS, axes_or_new, describe
from .readings import confusions, ranks, summary

__all__ = [
    "plot_confusion",
    "plot_curves",
    "plot_differences",
    "plot_losses",
    "plot_ranks",
    "plot_table",
]


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
    tasks, means = list(table.task.unique()), summary(table, metric)
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
        describe(ax, f"{_named(metric)} on {task} at {shots[-1]} shots: {', '.join(ends)}")
    axes[0, 0].set_ylabel(_named(metric))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.suptitle("Learning curves, 95 % intervals")
    return figure


def plot_table(table: pd.DataFrame, shots: int, metric: str = "macro_f1") -> Figure:
    """Draw every method's mean and 95 % interval at one number of shots, one panel a task.

    Methods are ordered by their mean over the tasks, the best on top.
    """
    means = summary(table[table.shots == shots], metric)
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
        describe(ax, f"{_named(metric)} on {task} at {shots} shots: {listed}")
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
    return describe(ax, f"{ours} on average over tasks: {'; '.join(text)}")


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
    return describe(ax, f"Mean ranks, the best first: {listed}")


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
    return describe(
        ax,
        f"Confusion of {method} on {task}: right in {100 * np.diag(share).mean():.0f} % of the "
        f"windows of a class on average; most often {true} is taken for {guessed}, "
        f"{100 * off.max():.0f} %",
    )


def plot_losses(histories: Mapping[str, pd.DataFrame], *, ax: Axes | None = None) -> Axes:
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
    return describe(ax, f"Pre-training losses as shares of a guess's, at the end: {listed}")


def _named(metric: str) -> str:
    return {"macro_f1": "macro-F1"}.get(metric, metric)
