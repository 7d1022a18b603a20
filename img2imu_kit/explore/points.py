"""A map of points in the browser, and the same drawn as part of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import anywidget
import numpy as np
import traitlets
from PIL import Image, ImageDraw

from ..plots.maps import MARKS
from ..plots.style import class_style
from .canvas import INK, Panel, colour_map, rgb, write

__all__ = ["PointMap", "draw_legend", "draw_points", "kinds_of"]

_HERE = Path(__file__).parent
#: Values of a numeric column are told apart in so many steps.
_STEPS = 64


class PointMap(anywidget.AnyWidget):
    """Points [N, 2] to zoom into, hover over, click, and draw around.

    Each class has a colour and a mark, 49 pairs: a person among thirty is not known by a shade.
    A click on a class in the legend shows it alone. Points from `known` on came later and are
    crosses; those in `far` have a ring.

    Examples
    --------
    >>> points = PointMap()
    >>> points.show(np.array([[0, 0], [1, 2.0]]), np.array(["sit", "<b>walk"]))
    >>> [entry[0] for entry in points.legend]
    ['<b>walk', 'sit']
    """

    _esm = MARKS.read_text("utf-8") + (_HERE / "points.js").read_text("utf-8")
    _css = _HERE / "points.css"

    title = traitlets.Unicode().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    xy = traitlets.Bytes().tag(sync=True)  # float32 [N, 2]
    kinds = traitlets.Bytes().tag(sync=True)  # uint16 [N], places in the legend
    legend = traitlets.List().tag(sync=True)  # of [text, colour, mark]
    ends = traitlets.List().tag(sync=True)  # texts of a numeric scale's ends
    known = traitlets.Int().tag(sync=True)
    far = traitlets.List().tag(sync=True)
    point = traitlets.Int(0).tag(sync=True)
    hovered = traitlets.Int(-1).tag(sync=True)  # by the browser
    selected = traitlets.List().tag(sync=True)  # by both

    def show(
        self,
        xy: np.ndarray,
        values: np.ndarray,
        *,
        known: int | None = None,
        far: Sequence[int] = (),
        title: str = "",
        alt: str = "",
    ) -> None:
        """Show points with the colours and marks of their values, text or numbers [N]."""
        kinds, legend, ends = kinds_of(values)
        with self.hold_sync():
            self.xy = np.ascontiguousarray(xy, dtype="<f4").tobytes()
            self.kinds = kinds.astype("<u2").tobytes()
            self.known = len(xy) if known is None else known
            self.legend, self.ends, self.far = legend, ends, [int(i) for i in far]
            self.title, self.alt = title, alt


def kinds_of(values: np.ndarray) -> tuple[np.ndarray, list[list[str]], list[str]]:
    """How points are marked: places in a legend [N], its entries, and ends of a numeric scale.

    Examples
    --------
    >>> kinds_of(np.array(["walk", "sit"], dtype=object))
    (array([1, 0]), [['sit', '#0072B2', 'o'], ['walk', '#E69F00', 's']], [])
    >>> kinds_of(np.array([0.5, 2.5]))[2]
    ['0.5', '2.5']
    """
    values = np.asarray(values)
    if values.dtype.kind in "iuf":
        numbers = values.astype(float)
        finite = numbers[np.isfinite(numbers)]
        low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 1.0)
        steps = np.nan_to_num((numbers - low) / max(high - low, 1e-12)) * (_STEPS - 1)
        colours = colour_map()[np.linspace(0, 255, _STEPS).astype(int)]
        legend = [["", "#{:02x}{:02x}{:02x}".format(*colour), "o"] for colour in colours]
        return steps.round().astype(int), legend, [f"{low:.3g}", f"{high:.3g}"]
    names, kinds = np.unique(values.astype(str), return_inverse=True)
    legend = [[name or "unlabelled", *class_style(i)] for i, name in enumerate(names.tolist())]
    return kinds, legend, []


def draw_points(drawn: Panel, xy: np.ndarray, values: np.ndarray, radius: int = 4) -> list:
    """Draw points [N, 2] on a panel, with one scale for both axes; gives their legend."""
    kinds, legend, _ = kinds_of(values)
    height, width = drawn.pixels.shape[:2]
    middle = (xy.min(axis=0) + xy.max(axis=0)) / 2
    room = np.array([width, height]) - 4 * radius
    scale = (room / np.maximum(np.ptp(xy, axis=0), 1e-9)).min()
    places = (xy - middle) * scale * [1, -1] + [width / 2, height / 2]
    size = 4 * radius + 1
    for kind, (x, y) in zip(kinds, places.round().astype(int), strict=True):
        _, colour, mark = legend[kind]
        left, top = x - size // 2, y - size // 2
        if 0 <= left <= width - size and 0 <= top <= height - size:
            part = drawn.pixels[top : top + size, left : left + size]
            part[:] = part + 0.9 * _stamp(mark, radius)[..., None] * (rgb(colour) - part)
    return legend


@lru_cache(maxsize=64)
def _stamp(mark: str, radius: int) -> np.ndarray:
    """How much of each pixel a mark covers, float32 [4 r + 1, 4 r + 1]."""
    fine, size = 8, 4 * radius + 1  # drawn eight times as large, for smooth edges
    sheet = Image.new("L", (size * fine, size * fine))
    ink, middle, r = ImageDraw.Draw(sheet), size * fine / 2, radius * fine
    corners = {
        "^": ([1] * 3, -90),
        "v": ([1] * 3, 90),
        "D": ([1] * 4, 0),
        "*": ([1.2, 0.5] * 5, -90),
    }
    if mark == "o":
        ink.ellipse([middle - r, middle - r, middle + r, middle + r], fill=255)
    elif mark == "s":
        ink.rectangle([middle - 0.9 * r] * 2 + [middle + 0.9 * r] * 2, fill=255)
    elif mark == "P":
        for x, y in ((1, 1 / 3), (1 / 3, 1)):
            box = [middle - x * r, middle - y * r, middle + x * r, middle + y * r]
            ink.rectangle(box, fill=255)
    else:
        reaches, turn = corners[mark]
        angles = np.deg2rad(turn + 360 * np.arange(len(reaches)) / len(reaches))
        reach = 1.25 * r * np.array(reaches)
        corner = middle + np.stack([reach * np.cos(angles), reach * np.sin(angles)], axis=1)
        ink.polygon([tuple(each) for each in corner], fill=255)
    return np.asarray(sheet.resize((size, size), Image.Resampling.BOX), np.float32) / 255


def draw_legend(pixels: np.ndarray, box: tuple[int, int, int], legend: list) -> int:
    """Write a legend in a column (left, top, width); gives the row below it."""
    left, top, width = box
    for text, colour, mark in legend:
        cover = _stamp(mark, 4)
        size = len(cover)
        part = pixels[top : top + size, left : left + size]
        part[:] = part + cover[: len(part), :, None] * (rgb(colour) - part)
        write(pixels, left + size + 3, top, text[: max(1, (width - size) // 7)], INK)
        top += 18
    return top
