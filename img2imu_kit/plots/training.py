"""How a pre-training run went: its loss against chance, and the losses of several runs."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from ..pretrain.metrics import COLLAPSE
from .style import COLOURS, axes_or_new, set_alt_text

__all__ = ["plot_history", "plot_losses"]


def plot_history(history: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw a run's loss against its chance level, with the kNN monitor on a second axis.

    Parameters
    ----------
    history : DataFrame
        As of `pretrain_images`: ``step``, ``loss`` in nats, ``feature_std`` and ``knn``;
        ``history.attrs`` may hold ``chance`` (the loss of an encoder that tells nothing apart) and
        ``queue_full`` (the step at which no random key is left).
    ax : Axes, optional

    Returns
    -------
    matplotlib Axes
        A red band marks steps where the features have collapsed.
    """
    ax = axes_or_new(ax, size=(7, 4))
    loss = history.dropna(subset="loss")
    ax.plot(loss.step, loss.loss, lw=1, label="loss")
    text = f"Contrastive loss over {loss.step.max():.0f} steps, at the end {loss.loss.iloc[-1]:.2f}"
    # A loss that stays on this line has learned nothing, however much it moved before.
    if chance := history.attrs.get("chance"):
        ax.axhline(chance, ls="--", color="0.4", lw=1, label=f"chance, {chance:.2f}")
        text += f"; chance is {chance:.2f}"
    # Before the queue is full some negatives are random vectors, easier than real ones.
    if full := history.attrs.get("queue_full"):
        ax.axvline(full, ls=":", color="0.4", lw=1, label="queue full")
    # The loss may look well while all pictures share one vector; only their spread tells.
    collapsed = loss[loss.feature_std < COLLAPSE]
    if len(collapsed):
        ax.axvspan(collapsed.step.min(), collapsed.step.max(), color="tab:red", alpha=0.2)
        ax.set_title("the features have collapsed: all pictures look alike", color="tab:red")
        text += "; the features have collapsed"
    else:
        ax.set_title("Contrastive pre-training")
    ax.set(xlabel="step", ylabel="contrastive loss (nats)")
    ax.ticklabel_format(axis="y", useOffset=False)
    handles, labels = ax.get_legend_handles_labels()
    probed = history.dropna(subset="knn")
    if len(probed):
        right = ax.twinx()  # accuracy from 0 to 1, beside nats
        handles += right.plot(probed.step, probed.knn, "o-", ms=3, color="tab:green")
        labels += ["kNN accuracy"]
        right.set(ylabel="kNN accuracy", ylim=(0, None))
        text += f"; kNN accuracy from {probed.knn.iloc[0]:.2f} to {probed.knn.iloc[-1]:.2f}"
    ax.legend(handles, labels, frameon=False, loc="center right")
    return set_alt_text(ax, text)


def plot_losses(histories: Mapping[str, pd.DataFrame], *, ax: Axes | None = None) -> Axes:
    """Draw the losses of several runs on one scale, as shares of what a guess would lose.

    Parameters
    ----------
    histories : dict of name -> DataFrame
        ``epoch`` and ``loss``, as `SignalEncoder.history`. Where ``attrs["chance"]`` is not set
        (reconstruction has no chance level), the first loss stands in.
    ax : Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    ax = axes_or_new(ax, size=(6, 3.6))
    ends = []
    for i, (name, history) in enumerate(histories.items()):
        kept = history.dropna(subset="loss")
        # Nats of one method say nothing beside another's squared error; shares can be compared.
        share = kept.loss / (history.attrs.get("chance") or kept.loss.iloc[0])
        line = "-" if i < len(COLOURS) else "--"
        ax.plot(kept.epoch, share, line, c=COLOURS[i % len(COLOURS)], lw=1.5, label=name)
        ends.append(f"{name} {share.iloc[-1]:.2f}")
    ax.axhline(1, ls="--", color="0.4", lw=1)
    ax.set(
        xlabel="epoch", ylabel="loss / loss of a guess", ylim=(0, None), title="Pre-training losses"
    )
    ax.legend(fontsize="small")
    return set_alt_text(
        ax, f"Pre-training losses as shares of a guess's, the last {', '.join(ends)}"
    )
