"""How the losses of several baselines fell, on one scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_losses"]


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
    from ..figures import COLOURS, axes_or_new, describe

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
    return describe(ax, f"Pre-training losses over steps; shares at the end: {', '.join(ends)}")
