"""What every figure has: colours that everybody can tell apart, alt text, and a way to a file."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .._files import atomic_write
from ..errors import ParameterError

if TYPE_CHECKING:
    from IPython.display import Image

__all__ = ["COLOURS", "MARKERS", "alt_text", "axes_or_new", "save_figure", "set_alt_text", "show"]

#: Okabe and Ito's colours, told apart with every kind of colour vision (yellow left out: too pale
#: on white), and markers, so that no class is known by its colour alone.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000")
MARKERS = "os^Dv*P"

_ALT: WeakKeyDictionary[Axes, str] = WeakKeyDictionary()


def axes_or_new(ax: Axes | None, size: tuple[float, float] | None = None) -> Axes:
    """The axes given, or those of a new figure of `size` inches."""
    return plt.subplots(figsize=size, layout="constrained")[1] if ax is None else ax


def set_alt_text(ax: Axes, text: str) -> Axes:
    """Note what axes show, for `alt_text`.

    Examples
    --------
    >>> alt_text(describe(axes_or_new(None), "A line that rises").figure)
    'A line that rises'
    """
    _ALT[ax] = text
    return ax


def alt_text(target: Axes | Figure) -> str:
    """What a figure shows, for those who cannot see it."""
    axes = target.axes if isinstance(target, Figure) else [target]
    return ". ".join(_ALT[ax] for ax in axes if ax in _ALT)


def save_figure(target: Axes | Figure, path: str | os.PathLike, *, dpi: int = 150) -> Path:
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
    content = io.BytesIO()
    with plt.rc_context({"svg.hashsalt": "img2imu_kit"}):  # the same figure, the same bytes
        figure.savefig(content, format=path.suffix[1:].lower(), dpi=dpi, metadata=metadata)
    atomic_write({path: content.getbuffer()})
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
