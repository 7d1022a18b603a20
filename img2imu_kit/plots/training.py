"""How a pre-training run went.

How the losses of several baselines fell, on one scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from ..pretrain.metrics import _COLLAPSE
from .style import axes_or_new, set_alt_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_history", "plot_losses"]


def plot_history(history: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Loss against its chance level, with the kNN monitor on a second axis.

    Parameters
    ----------
    history : DataFrame
        As of `pretrain`; ``history.attrs`` holds ``chance`` (the loss of an encoder that tells
        nothing apart) and ``queue_full`` (the step at which no random key is left).
    ax : Axes, optional

    Returns
    -------
    Axes
        A red band marks steps where the features have collapsed.
    """
    ax = axes_or_new(ax, size=(7, 4))
    loss = history.dropna(subset="loss")
    ax.plot(loss.step, loss.loss, lw=1, label="loss")
    chance, full = history.attrs.get("chance"), history.attrs.get("queue_full")
    if chance:
        ax.axhline(chance, ls="--", color="0.4", lw=1, label=f"chance, {chance:.2f}")
    if full:
        ax.axvline(full, ls=":", color="0.4", lw=1, label="queue full")
    collapsed = loss[loss.feature_std < _COLLAPSE]
    if len(collapsed):
        ax.axvspan(collapsed.step.min(), collapsed.step.max(), color="tab:red", alpha=0.2)
        ax.set_title("the features have collapsed: all pictures look alike", color="tab:red")
    else:
        ax.set_title("Contrastive pre-training")
    ax.set(xlabel="step", ylabel="contrastive loss (nats)")
    ax.ticklabel_format(axis="y", useOffset=False)
    told = f"Contrastive loss over {loss.step.max():.0f} steps, at the end {loss.loss.iloc[-1]:.2f}"
    if chance:
        told += f"; chance is {chance:.2f}"
    if len(collapsed):
        told += "; the features have collapsed"
    probed = history.dropna(subset="knn")
    handles, labels = ax.get_legend_handles_labels()
    if len(probed):
        right = ax.twinx()
        handles += right.plot(probed.step, probed.knn, "o-", ms=3, color="tab:green")
        labels += ["kNN accuracy"]
        right.set(ylabel="kNN accuracy", ylim=(0, None))
        told += f"; kNN accuracy from {probed.knn.iloc[0]:.2f} to {probed.knn.iloc[-1]:.2f}"
    ax.legend(handles, labels, frameon=False, loc="center right")
    return set_alt_text(ax, told)


def plot_losses(histories: Mapping[str, pd.DataFrame], *, ax: Axes | None = None) -> Axes:
    """Draw pre-training losses as shares of the loss of a guess.

    Parameters
    ----------
    histories : dict of name -> DataFrame
        ``SignalEncoder.history`` of each. Where a method has no chance level (reconstruction),
        its first loss stands in.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    from .style import COLOURS, axes_or_new, set_alt_text

    ax = axes_or_new(ax)
    ends = []
    for colour, (name, history) in zip(COLOURS, histories.items(), strict=False):
        loss = history.dropna(subset="loss")
        guess = history.attrs.get("chance") or loss.loss.iloc[0]
        ax.plot(loss.step, loss.loss / guess, color=colour, lw=1, label=name)
        ends.append(f"{name} {loss.loss.iloc[-1] / guess:.2f}")
    ax.axhline(1, ls="--", color="0.4", lw=1)
    ax.set(xlabel="step", ylabel="loss / loss of a guess", ylim=(0, None))
    ax.legend(frameon=False)
    return set_alt_text(ax, f"Pre-training losses over steps; shares at the end: {', '.join(ends)}")
