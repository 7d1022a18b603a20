"""Pre-training: a sensor's walk over a photograph, a run's loss against chance, several losses."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..pictures.params import resolve
from ..pretrain.metrics import COLLAPSE
from ..pretrain.walks import Walks, draw_signals, random_paths, whitening
from ..signals.recording import Recording
from .signals import plot_image, plot_signal
from .style import COLOURS, axes_or_new, set_alt_text

__all__ = ["plot_history", "plot_losses", "plot_walk"]


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

    Examples
    --------
    >>> history = pd.DataFrame({"step": [0, 1, 2], "epoch": [0, 1, 2], "loss": [4.0, 3.0, 2.0]})
    >>> ax = plot_history(history.assign(feature_std=0.9, knn=[0.1, 0.2, 0.3]))
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

    Examples
    --------
    >>> history = pd.DataFrame({"step": [0, 1, 2], "epoch": [0, 1, 2], "loss": [4.0, 3.0, 2.0]})
    >>> ax = plot_losses({"SimCLR": history})
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


def plot_walk(photograph: np.ndarray, *, seconds: float = 4.0, seed: int = 0) -> Figure:
    """Draw a walk of a sensor over a photograph: the way, what two twins feel, their pictures.

    Parameters
    ----------
    photograph : uint8 [H, W, 3]
    seconds : float
        How long the walk takes.
    seed : int
        Of the way and of the difference between the twins, see `pretrain.Walks`.

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> from img2imu_kit.plots import alt_text
    >>> noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    >>> alt_text(plot_walk(noise))[:39]
    'The way of a sensor over a photograph, '
    """
    walks, signed = Walks(), resolve("motion-signed")
    pixels = np.ascontiguousarray(photograph.transpose(2, 0, 1)[None])  # [1, 3, H, W]
    image, rate = torch.from_numpy(pixels).float() / 255, walks.steps / seconds
    times_s = (torch.arange(walks.steps)[None] / walks.steps - 0.5) * seconds
    way = random_paths(1, torch.Generator().manual_seed(seed))(times_s)[0]  # what is drawn first
    twins = walks.signals(image, seconds, torch.Generator().manual_seed(seed), whitening(pixels))
    figure = plt.figure(figsize=(13, 4), layout="constrained")
    panels = figure.subplot_mosaic(
        [["way", "signal 1", "picture 1"], ["way", "signal 2", "picture 2"]],
        width_ratios=(1.7, 1.4, 1),
    )
    panels["way"].imshow(photograph)
    # A way that leaves the photograph is mirrored at its edge: -1 to 1, and back.
    place = (2 - (2 - (way + 1) % 4).abs()) / 2 * torch.tensor(photograph.shape[1::-1])
    panels["way"].plot(*place.T, color="white", lw=4)
    panels["way"].plot(*place.T, color="black", lw=1.5)
    panels["way"].plot(*place[0], "o", color="black", mec="white", ms=9)
    panels["way"].set(title="A sensor walks over a photograph", xticks=[], yticks=[])
    set_alt_text(panels["way"], f"The way of a sensor over a photograph, {seconds:g} s")
    for i, signal in enumerate(twins, 1):
        ax = panels[f"signal {i}"]
        recording = Recording(
            signal[0].numpy().T, rate, axes=("acc x", "acc y", "acc z"), unit="m/s2"
        )
        plot_signal(recording, ax=ax).set_title(f"twin {i}: what it feels")
        ax.get_legend().remove()
        drawn = draw_signals(signal, rate, signed)[0].numpy()
        about = {"rate": rate, "seconds": seconds, "params": signed}
        plot_image(drawn, **about, ax=panels[f"picture {i}"]).set_title(f"twin {i}: its picture")
    for name in ("signal 1", "picture 1"):
        panels[name].set_xlabel("")
    return figure
