"""Figures of results: scores with their intervals, differences, ranks, confusions, embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import offset_copy

from ..errors import ParameterError, SignalError
from ..evaluate.stats import ranks, summarize
from .style import (
    COLOURS,
    axes_or_new,
    class_style,
    literal,
    metric_name,
    series_style,
    set_alt_text,
)

__all__ = [
    "plot_confusion",
    "plot_curves",
    "plot_differences",
    "plot_embedding",
    "plot_ranks",
    "plot_scores",
    "plot_table",
    "plot_voters",
]


def plot_scores(
    table: pd.DataFrame,
    *,
    metric: str = "macro_f1",
    chance: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw mean scores with their 95 % intervals: side by side, or over the number of shots.

    Parameters
    ----------
    table : DataFrame
        From `few_label`, or its `summarize`.
    metric : str
    chance : float, optional
        The score of a guess, drawn as a dotted line.
    ax : Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ParameterError
        A table without means or draws of this metric.

    Examples
    --------
    >>> scores = pd.DataFrame({"method": ["a", "b"] * 3, "shots": 5, "seed": [0, 0, 1, 1, 2, 2]})
    >>> scores["macro_f1"] = [0.8, 0.7, 0.9, 0.7, 0.7, 0.6]
    >>> ax = plot_scores(scores)
    """
    means = summarize(table, metric) if "seed" in table else table
    if missing := {"method", "shots", metric, "low", "high"} - {*means.columns}:
        raise ParameterError(
            f"the table has no {', '.join(sorted(missing))}",
            remedy="Give what few_label() or summarize(table, metric) return.",
        )
    methods, shots = list(dict.fromkeys(means["method"])), sorted(set(means["shots"]))
    name = metric_name(metric)
    if len(shots) > 1:
        many = len(methods) > 4  # a legend of many lines would hide the curves
        ax = axes_or_new(ax, size=(9, 5) if many else (6.4, 4.2))
        _draw_curves(ax, means, methods, metric)
        ax.set(xlabel="labelled windows of each class", ylabel=name)
        beside = {"loc": "center left", "bbox_to_anchor": (1, 0.5)} if many else {}
        ax.legend(fontsize="small", **beside)
    else:
        # one number of shots has no curve: a row for each method, room for its name at the left
        ax = axes_or_new(ax, size=(6.4, 1 + 0.45 * len(methods)))
        for i, row in enumerate(means.set_index("method").loc[methods].itertuples()):
            value = getattr(row, metric)
            error = [[abs(row.low - value)], [abs(row.high - value)]]  # NaN of one draw: no bar
            ax.errorbar([value], [i], xerr=error, capsize=3, ms=7, **series_style(i))
            ax.annotate(f"{value:.2f}", (value, i), (0, 7), textcoords="offset points", ha="center")
        ax.set_yticks(range(len(methods)), [*map(literal, methods)])
        ax.set_ylim(len(methods) - 0.4, -0.8)
        ax.set_xlabel(f"{name} at {shots[0]} shots a class")
    if chance is not None:
        (ax.axhline if len(shots) > 1 else ax.axvline)(chance, color="0.5", ls=":", lw=1)
    ax.grid(alpha=0.3)
    ax.set_title(f"{name}, mean and 95 % interval" + (" (dotted: a guess)" if chance else ""))
    texts = []
    for row in means.itertuples():
        interval = "" if np.isnan(row.low) else f" ({row.low:.2f} to {row.high:.2f})"
        texts.append(f"{row.method}, shots {row.shots}: {getattr(row, metric):.2f}{interval}")
    return set_alt_text(ax, f"{name}, mean and 95 % interval. {'; '.join(texts)}")


def plot_curves(
    table: pd.DataFrame, methods: Sequence[str] | None = None, *, metric: str = "macro_f1"
) -> Figure:
    """Draw the learning curve of each method over shots, one panel a task.

    Parameters
    ----------
    table : DataFrame
        From `few_label_table`, one protocol.
    methods : sequence of str, optional
        Which are drawn, in this order; at most seven can be told apart by colour.
    metric : str

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> scores = pd.DataFrame({"method": ["a", "b"] * 3, "shots": [1, 1, 5, 5, 9, 9], "seed": 0,
    ...     "task": "moves"})
    >>> scores["macro_f1"] = [0.8, 0.7, 0.9, 0.7, 0.7, 0.6]
    >>> figure = plot_curves(scores)
    """
    methods = list(table.method.unique()) if methods is None else list(methods)
    name, means = metric_name(metric), summarize(table, metric)
    figure, axes = _panel_per_task(table, size=(3.2 * table.task.nunique(), 3.6))
    for task, ax in axes.items():
        last = _draw_curves(ax, means[means.task == task], methods, metric)
        shots = max(table.shots)
        ax.set(xlabel="shots of each class", title=literal(task))
        ends = ", ".join(f"{method} {score:.2f}" for method, score in last.items())
        set_alt_text(ax, f"{name} on {task} at {shots} shots: {ends}")
    first = next(iter(axes.values()))
    first.set_ylabel(name)
    figure.legend(*first.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.suptitle("Learning curves, 95 % intervals")
    return figure


def plot_table(table: pd.DataFrame, shots: int, *, metric: str = "macro_f1") -> Figure:
    """Draw every method's mean and 95 % interval at one number of shots, one panel a task.

    Methods are ordered by their mean over the tasks, the best on top; each family of methods has a
    colour and a marker.

    Examples
    --------
    >>> scores = pd.DataFrame({"method": ["a", "b"] * 3, "task": "moves", "family": "vision",
    ...     "shots": 5, "seed": [0, 0, 1, 1, 2, 2]})
    >>> scores["macro_f1"] = [0.8, 0.7, 0.9, 0.7, 0.7, 0.6]
    >>> figure = plot_table(scores, shots=5)
    """
    means, name = summarize(table[table.shots == shots], metric), metric_name(metric)
    order = means.groupby("method")[metric].mean().sort_values().index
    family = table.drop_duplicates("method").set_index("method").family.reindex(order)
    families = list(dict.fromkeys(table.family))
    size = (2 + 2.3 * table.task.nunique(), 1.4 + 0.24 * len(order))
    figure, axes = _panel_per_task(table, size, sharey=True)
    for task, ax in axes.items():
        scores = means[means.task == task].set_index("method").reindex(order)
        for i, kin in enumerate(families):
            members = scores[family == kin]
            places = [order.get_loc(method) for method in members.index]
            reach = np.abs(members[["low", "high"]].to_numpy().T - members[metric].to_numpy())
            style = {"ls": "none", "capsize": 2} | series_style(i)
            ax.errorbar(members[metric], places, xerr=reach, label=kin, **style)
        ax.set(title=task, xlabel=name)
        ax.set_yticks(range(len(order)), order)
        ax.grid(axis="x", lw=0.4)
        best_first = scores[metric].sort_values(ascending=False)
        listed = ", ".join(f"{method} {value:.2f}" for method, value in best_first.items())
        set_alt_text(ax, f"{name} on {task} at {shots} shots: {listed}")
    handles = next(iter(axes.values())).get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(families))
    figure.suptitle(f"{name} with {shots} shots of each class, 95 % intervals")
    return figure


def plot_differences(
    differences: Mapping[str, pd.DataFrame], title: str, *, ax: Axes | None = None
) -> Axes:
    """Draw paired differences of macro-F1 with their intervals, in points.

    Two bars that overlap may still differ on every draw, for some draws are hard for all methods:
    so what is drawn is the difference, not the scores.

    Parameters
    ----------
    differences : dict of str -> DataFrame
        What was compared, such as ``"minus random weights"``, and how, from `paired_difference` or
        `evaluate.compare`: ``difference``, ``low`` and ``high``, one row for each ``shots`` (and
        ``task``); the same rows in each.
    title : str
        Says above all what lies above zero.
    ax : Axes, optional

    Returns
    -------
    matplotlib Axes
        A place for each row and a colour for each comparison; where a comparison is one row only,
        a place for each, and a colour for intervals that hold 0 and for those that do not.

    Examples
    --------
    >>> facts = {"task": ["swimming", "average"], "shots": 10, "difference": 0.1, "low": 0.02,
    ...     "high": 0.2}
    >>> ax = plot_differences({"random weights": pd.DataFrame(facts)}, "IMG2IMU minus")
    """
    rows = pd.concat(differences, names=["compared", None]).reset_index("compared")
    count = len(next(iter(differences.values())))
    if count == 1:
        places, names = np.arange(len(rows)), list(differences)
        sure = (rows.low > 0) | (rows.high < 0)
        series = np.where(sure, "95 % interval without 0", "95 % interval with 0")
    else:
        width = 0.7 / len(differences)  # side by side within 0.7 of the way to the next row
        shift = width * (np.arange(len(differences)) + 0.5) - 0.35
        places = (np.arange(count) + shift[:, None]).ravel()
        names = [_row_name(row) for row in rows[:count].itertuples()]
        series = rows.compared.to_numpy()
    points = 100 * rows[["low", "difference", "high"]].to_numpy()  # [N, 3]
    ax = axes_or_new(ax, (8, 1.4 + 0.2 * max(len(rows), 4)))
    for i, name in enumerate(dict.fromkeys(series)):
        chosen = series == name
        low, middle, high = points[chosen].T
        style = {"ls": "none", "capsize": 2} | series_style(i)
        error = [middle - low, high - middle]
        ax.errorbar(middle, places[chosen], xerr=error, label=name, **style)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.axvline(0, color="black", lw=0.8)
    ax.grid(axis="x", lw=0.4)
    ax.set(xlabel="difference of macro-F1 in points, same draws", title=title)
    below = offset_copy(ax.transAxes, ax.figure, y=-36, units="points")  # the label of the axis
    ax.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=below)
    last = rows[rows.task == "average"] if "task" in rows else rows
    texts = [
        f"{row.compared} {100 * row.difference:+.1f} points at {row.shots} shots"
        for row in last.groupby("compared", sort=False).tail(1).itertuples()
    ]
    over = ", on average over tasks" if "task" in rows else ""
    return set_alt_text(ax, f"{title}{over}: {'; '.join(texts)}")


def plot_ranks(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the mean rank of each method over all draws: of each task small, of all large.

    Examples
    --------
    >>> scores = pd.DataFrame({"method": ["a", "b"] * 3, "task": "moves", "shots": 5, "seed": [0, 0,
    ...     1, 1, 2, 2]})
    >>> scores["macro_f1"] = [0.8, 0.7, 0.9, 0.7, 0.7, 0.6]
    >>> ax = plot_ranks(scores)
    """
    # A rank says who wins, not by how much: a task with low scores counts as much as any other.
    ranked = ranks(table)
    ax = axes_or_new(ax, (6, 1.2 + 0.26 * len(ranked)))
    places = np.arange(len(ranked))
    for i, task in enumerate(ranked.columns[:-1]):
        ax.plot(ranked[task], places, ls="none", ms=4, label=task, **series_style(i))
    ax.plot(ranked.average, places, "|", c="black", ms=14, mew=2.5, label="average")
    ax.set_yticks(places, ranked.index)
    ax.invert_yaxis()
    ax.grid(axis="x", lw=0.4)
    ax.set(xlabel="mean rank (1 is the best)", title="Ranks of the methods")
    ax.legend(fontsize="small", loc="lower left", ncols=1)
    listed = ", ".join(f"{name} {rank:.1f}" for name, rank in ranked.average.items())
    return set_alt_text(ax, f"Mean ranks, the best first: {listed}")


def plot_voters(gains: pd.DataFrame, title: str = "") -> Figure:
    """Draw what each layer of each picture is worth: alone, and to all the others.

    Parameters
    ----------
    gains : DataFrame
        From `evaluate.voter_gains`; of several tasks the mean is drawn.
    title : str
        Whose.

    Returns
    -------
    matplotlib Figure
        Layers down (the picture itself first), pictures across.

    Examples
    --------
    >>> gains = pd.DataFrame({"task": "moves", "voter": ["motion pixels", "motion 2",
    ...     "motion-signed 2"]})
    >>> figure = plot_voters(gains.assign(alone=[0.5, 0.6, 0.7], gain=[0.0, 0.01, 0.02]))
    """
    means = gains.groupby("voter", sort=False)[["alone", "gain"]].mean()
    # "motion-signed 2" is layer 2 of the picture motion-signed
    parts = means.index.str.rsplit(" ", n=1, expand=True)
    means.index = parts.set_names(["picture", "layer"])
    layers = sorted(set(means.index.unique("layer")), key=lambda name: (name != "pixels", name))
    pictures = list(means.index.unique("picture"))
    figure, axes = plt.subplots(1, 2, figsize=(7.5, 1.6 + 0.45 * len(layers)), layout="constrained")
    shown = {
        "alone": (100 * means.alone, "macro-F1 alone (%)", "cividis", None),
        "gain": (100 * means.gain, "points that the others lose without it", "RdBu", 0.0),
    }
    for ax, (values, label, cmap, centre) in zip(axes, shown.values(), strict=True):
        grid = values.unstack("picture").reindex(index=layers, columns=pictures)
        # zero is neutral where a voter may also do harm
        limit = None if centre is None else max(np.nanmax(np.abs(grid)), 0.1)
        limits = {} if limit is None else {"vmin": -limit, "vmax": limit}
        mesh = ax.imshow(grid, cmap=cmap, aspect="auto", **limits)
        figure.colorbar(mesh, ax=ax, label=label)
        ax.set_xticks(range(len(pictures)), pictures)
        ax.set_yticks(range(len(layers)), [f"layer {x}" if x.isdigit() else x for x in layers])
        for (row, column), value in np.ndenumerate(grid.to_numpy()):
            if np.isfinite(value):
                text = f"{value:.0f}" if limit is None else f"{value:+.1f}"
                box = {"boxstyle": "round", "fc": "white", "ec": "none", "alpha": 0.7, "pad": 0.15}
                ax.text(column, row, text, ha="center", va="center", fontsize="small", bbox=box)
    figure.suptitle(f"What each voter is worth{f': {title}' if title else ''}")
    best = means.gain.idxmax()
    listed = ", ".join(f"{' '.join(name)} {value:.2f}" for name, value in means.alone.items())
    set_alt_text(
        axes[0],
        f"Voters{f' of {title}' if title else ''}, macro-F1 alone: {listed}; the others would miss "
        f"{' '.join(best)} most, {100 * means.gain.max():.1f} points",
    )
    return figure


def plot_confusion(counts: pd.DataFrame, title: str = "", *, ax: Axes | None = None) -> Axes:
    """Draw which classes are taken for which, in percent of each true class.

    Parameters
    ----------
    counts : DataFrame
        Windows, true classes down, predicted classes across: from `evaluate.confusions`, or
        ``pandas.crosstab(true, predicted)``.
    title : str
        Whose, such as ``"forest on swimming"``.
    ax : Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> counts = pd.DataFrame([[8, 2], [1, 9]], index=["run", "walk"], columns=["run", "walk"])
    >>> ax = plot_confusion(counts, "Gestures")
    """
    classes = counts.index.union(counts.columns, sort=False)  # some are never predicted
    counts = counts.reindex(index=classes, columns=classes, fill_value=0)
    # each row by its sum: rare classes are as dark as common ones
    share = counts.div(counts.sum(axis=1), axis=0).fillna(0).to_numpy()
    ax = axes_or_new(ax)
    mesh = ax.imshow(share, vmin=0, vmax=1, cmap="cividis")
    ax.figure.colorbar(mesh, ax=ax, label="share of the true class", shrink=0.8)
    few = len(classes) < 10
    small = {"fontsize": 8 if few else 5}
    shown = [*map(literal, classes)]
    ax.set_xticks(range(len(classes)), shown, rotation=90, **small)
    ax.set_yticks(range(len(classes)), shown, **small)
    ax.set(title=literal(title), xlabel="predicted", ylabel="true")
    if few:
        for (row, column), value in np.ndenumerate(share):
            colour = "black" if value > 0.6 else "white"
            ax.text(column, row, f"{100 * value:.0f}", ha="center", va="center", c=colour, **small)
    wrong = np.where(np.eye(len(classes), dtype=bool), 0, share)
    true, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
    text = (
        f"Confusion{f' of {title}' if title else ''}: right in {100 * np.diag(share).mean():.0f} % "
    )
    text += "of the windows of a class on average"
    if wrong.any():
        text += f"; most often {classes[true]} is taken for {classes[predicted]}, "
        text += f"{100 * wrong.max():.0f} %"
    return set_alt_text(ax, text)


def plot_embedding(
    xy: np.ndarray, labels: Sequence[str] | np.ndarray, *, ax: Axes | None = None
) -> Axes:
    """Draw points [N, 2], each class with a colour and a marker of its own.

    No scale is drawn: directions and far distances in a t-SNE picture mean nothing.

    Raises
    ------
    SignalError
        Points of another shape, or not a label for each.

    Examples
    --------
    >>> from img2imu_kit.plots import alt_text
    >>> alt_text(plot_embedding(np.eye(2), ["sit", "walk"]))
    '2 points in two dimensions: 1 sit, 1 walk'
    """
    xy, labels = np.asarray(xy), np.asarray(labels).astype(str)
    if xy.ndim != 2 or xy.shape[1] != 2 or len(xy) != len(labels):
        raise SignalError(f"xy {xy.shape}, {len(labels)} labels, expected (N, 2) and N labels")
    classes = sorted(set(labels))
    columns = -(-len(classes) // 14)
    ax = axes_or_new(ax, size=(5 + 2.4 * columns, 5))
    for i, name in enumerate(classes):
        colour, marker = class_style(i)
        x, y = xy[labels == name].T
        ax.scatter(x, y, s=16, c=colour, marker=marker, lw=0, label=literal(name))
    ax.set(xticks=[], yticks=[], title=f"{len(xy):,} points in two dimensions")
    ax.set_aspect("equal", adjustable="datalim")  # the box keeps its place beside the legend
    ax.legend(
        loc="center left", bbox_to_anchor=(1, 0.5), ncols=columns, fontsize="small", markerscale=1.5
    )
    counts = ", ".join(f"{(labels == name).sum()} {name}" for name in classes)
    return set_alt_text(ax, f"{len(xy)} points in two dimensions: {counts}")


def _panel_per_task(
    table: pd.DataFrame, size: tuple[float, float], **options
) -> tuple[Figure, dict[str, Axes]]:
    tasks = list(table.task.unique())
    figure, axes = plt.subplots(
        1, len(tasks), figsize=size, layout="constrained", squeeze=False, **options
    )
    return figure, dict(zip(tasks, axes[0], strict=True))


def _draw_curves(
    ax: Axes, means: pd.DataFrame, methods: Sequence[str], metric: str
) -> dict[str, float]:
    """Mean scores over shots with their intervals; the last score of each method."""
    last = {}
    for i, method in enumerate(methods):
        rows = means[means["method"] == method].sort_values("shots")
        error = np.abs(rows[["low", "high"]].to_numpy().T - rows[metric].to_numpy())
        nudge = 1 + 0.02 * (i - (len(methods) - 1) / 2)  # so that intervals do not overlap
        line = "-" if i < len(COLOURS) else "--"
        style = {"ls": line, "capsize": 3, "ms": 6} | series_style(i)
        ax.errorbar(rows["shots"] * nudge, rows[metric], error, label=literal(method), **style)
        last[method] = rows[metric].iloc[-1]
    shots = sorted(set(means["shots"]))
    ax.set_xscale("log")  # from 1 to 2 labels is as far as from 5 to 10
    ax.set_xticks(shots, [str(count) for count in shots])
    ax.minorticks_off()
    return last


def _row_name(row) -> str:
    shots = f"{row.shots} shot{'' if row.shots == 1 else 's'}"
    return f"{row.task}, {shots}" if hasattr(row, "task") else shots
