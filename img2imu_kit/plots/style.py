"""What every figure has: colours that everybody can tell apart, alt text, and a way to a file.

A notebook needs nothing more: figures show at the end of their cell, as matplotlib's do, and carry
their alt text there too.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from weakref import WeakKeyDictionary

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .._files import atomic_write
from ..errors import ParameterError

__all__ = [
    "COLOURS",
    "MARKERS",
    "XYZ",
    "alt_text",
    "axes_or_new",
    "class_style",
    "literal",
    "metric_name",
    "save_figure",
    "series_style",
    "set_alt_text",
]

#: Okabe and Ito's colours, told apart with every kind of colour vision (yellow left out: too pale
#: on white), and markers, so that no class is known by its colour alone.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000")
MARKERS = "os^Dv*P"

#: Colour and dashes of x, y and z as lines: those of the channels red, green and blue that they
#: become in a picture, told apart without colour by being whole, dashed and dotted. Dashes are
#: pixels drawn and left out.
XYZ = (("#D55E00", ()), ("#009E73", (9, 4)), ("#0072B2", (3, 3)))

# Weak keys: a text lives as long as its axes, and matplotlib's own classes stay as they are.
_ALT: WeakKeyDictionary[Axes, str] = WeakKeyDictionary()


def axes_or_new(ax: Axes | None, size: tuple[float, float] | None = None) -> Axes:
    """The axes given, or those of a new figure of `size` inches."""
    return plt.subplots(figsize=size, layout="constrained")[1] if ax is None else ax


def series_style(i: int) -> dict[str, str]:
    """Colour and marker of the i-th series of a figure; after seven series they come again.

    Examples
    --------
    >>> series_style(8)
    {'color': '#E69F00', 'marker': 's'}
    """
    return {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]}


def class_style(i: int) -> tuple[str, str]:
    """Colour and marker of the i-th class: 49 pairs, for figures where markers stand alone.

    Examples
    --------
    >>> class_style(0), class_style(7)
    (('#0072B2', 'o'), ('#0072B2', 's'))
    """
    # along diagonals of the table of 7 by 7: both are new from class to class
    turn, step = divmod(i % 49, 7)
    return COLOURS[step], MARKERS[(step + turn) % 7]


def literal(name: object) -> str:
    """A name from anywhere as matplotlib shows it letter by letter.

    Text between two ``$`` would be mathematics, or stop the drawing where it is none; and what
    begins with ``_`` is left out of legends.

    Examples
    --------
    >>> literal("5 $ a day"), literal("walk")
    ('5 \\\\$ a day', 'walk')
    """
    text = str(name).replace("$", r"\$")
    return f"\u200b{text}" if text.startswith("_") else text  # a blank of no width


def metric_name(metric: str) -> str:
    """A column of scores as it is written beside an axis."""
    return {"macro_f1": "macro-F1"}.get(metric, metric)


def set_alt_text(ax: Axes, text: str) -> Axes:
    """Note what axes show, for `alt_text`, files and notebooks.

    Examples
    --------
    >>> alt_text(set_alt_text(axes_or_new(None), "A line that rises").figure)
    'A line that rises'
    """
    _ALT[ax] = text
    return ax


def alt_text(target: Axes | Figure) -> str:
    """What a figure shows, for those who cannot see it; of several axes one after the other.

    Examples
    --------
    >>> figure, ax = plt.subplots()
    >>> set_alt_text(ax, "an empty pair of axes")
    <Axes: >
    >>> alt_text(figure)
    'an empty pair of axes'
    """
    axes = target.axes if isinstance(target, Figure) else [target]
    return ". ".join(_ALT[ax] for ax in axes if _ALT.get(ax))


def save_figure(target: Axes | Figure, path: str | os.PathLike, *, dpi: int = 150) -> Path:
    """Write a figure as PNG, SVG or PDF with its alt text inside; the folder is made.

    The text is PNG's ``Description``, SVG's ``title`` and PDF's ``Subject``.

    Raises
    ------
    ParameterError
        A file name with another ending.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> figure, ax = plt.subplots()
    >>> path = save_figure(set_alt_text(ax, "nothing yet"), Path(mkdtemp()) / "new" / "empty.png")
    >>> path.name
    'empty.png'
    """
    path = Path(path)
    figure = target if isinstance(target, Figure) else target.figure
    text = alt_text(figure)
    metadata = {
        ".png": {"Description": text},
        # without dates the same figure is the same bytes
        ".svg": {"Title": text, "Description": text, "Date": None},
        ".pdf": {"Subject": text, "CreationDate": None},
    }.get(path.suffix.lower())
    if metadata is None:
        raise ParameterError(f"cannot write {path.name!r}", remedy="Use .png, .svg or .pdf.")
    content = io.BytesIO()
    with plt.rc_context({"svg.hashsalt": "img2imu_kit"}):  # nor are SVG's ids drawn at random
        figure.savefig(content, format=path.suffix[1:].lower(), dpi=dpi, metadata=metadata)
    atomic_write({path: content.getbuffer()})
    return path


def _image_metadata(figure: Figure) -> tuple[dict, dict]:
    """Data and metadata that are added to a figure shown in a notebook: no data, its alt text."""
    text = alt_text(figure)
    kinds = ("image/png", "image/jpeg", "image/svg+xml") if text else ()
    return {}, {kind: {"alt": text} for kind in kinds}


def _describe_in_notebooks() -> None:
    """Where this is a notebook, its images of figures get their alt text.

    The inline backend draws the pixels and registers itself for them, now or later; metadata come
    from a formatter of their own (`mimebundle`), so neither overwrites the other.
    """
    ipython = sys.modules.get("IPython")  # a plain program need not import it
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        shell.display_formatter.mimebundle_formatter.for_type(Figure, _image_metadata)


_describe_in_notebooks()
