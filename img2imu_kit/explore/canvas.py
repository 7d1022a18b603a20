"""Figures painted with numpy and Pillow: a dragged slider cannot wait for a figure of matplotlib.

A figure of seven axes takes a few milliseconds, of matplotlib some hundred.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

__all__ = ["INK", "Drawing", "Panel", "blank", "colour_map", "panel", "rgb", "ticks", "write"]

#: Of text and frames: nearly black.
INK = "#262626"
_GRID, _FONT_PX = "#e1e1e1", 12
#: Half the thickness of a line in pixels.
_HALF = 0.7


Box = tuple[int, int, int, int]  # left, top, width, height in pixels
#: Growing values at even steps along a side: both ends of a linear scale, or all edges of rows
#: that are equally high on the page and not in Hz.
Scale = Sequence[float]


@dataclass(frozen=True, eq=False)
class Drawing:
    """A finished figure."""

    pixels: np.ndarray  # uint8 [H, W, 3]
    alt: str  # what it shows, for those who cannot see it
    note: str = ""  # a line to be shown with it
    #: From a pixel, counted from the left and from the top, to what lies there, in words.
    read: Callable[[int, int], str] = lambda x, y: ""

    def png(self) -> bytes:
        """As a PNG file, with the alt text inside.

        Examples
        --------
        >>> Drawing(blank(4, 2), alt="white").png()[1:4]
        b'PNG'
        """
        # Pillow tries five filters on each row. Unfiltered rows at zlib's lowest level are three
        # times as fast, and as small for pictures of flat colour.
        height, width, _ = self.pixels.shape
        rows = np.zeros((height, 1 + 3 * width), np.uint8)  # each begins with its filter: none
        rows[:, 1:] = self.pixels.reshape(height, -1)
        # A PNG is a signature and chunks of (length, kind, body, checksum): ISO/IEC 15948, 5.3.
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            for kind, body in (
                # 8 bits a sample, colour type 2 (RGB), the only compression and filter, no lace
                (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
                (b"iTXt", b"Description\0\0\0\0\0" + self.alt.encode()),  # UTF-8, as tEXt is not
                (b"IDAT", zlib.compress(rows, 1)),
                (b"IEND", b""),
            )
        )


@dataclass(frozen=True, eq=False)
class Panel:
    """A rectangle of a picture with a scale on each side, as `panel` gives it."""

    pixels: np.ndarray  # uint8 [H, W, 3], a view: what is drawn on it is drawn on the picture
    x: Scale  # values at the centres of the outermost columns
    y: Scale  # and rows

    def columns(self, *x: float) -> list[int]:
        """Pixel columns of values on the horizontal scale, held to the panel."""
        return _places(x, self.x, self.pixels.shape[1])

    def rows(self, *y: float) -> list[int]:
        """Pixel rows of values on the vertical scale, from the top, held to the panel."""
        height = self.pixels.shape[0]
        return [height - 1 - row for row in _places(y, self.y, height)]

    def image(self, image: np.ndarray) -> None:
        """Fill the panel with an image, uint8 [H, W, 3], enlarged without smoothing."""
        # Smoothing would invent detail that the network does not get.
        height, width, _ = self.pixels.shape
        self.pixels[:] = Image.fromarray(image).resize((width, height), Image.Resampling.NEAREST)

    def shade(self, x: Scale, colour: str, strength: float = 0.25) -> None:
        """Tint a stretch of the horizontal scale."""
        start, stop = self.columns(*x)
        part = self.pixels[:, start : max(stop, start + 1)]
        part[:] = part + strength * (rgb(colour) - part)

    def box(self, x: Scale, y: Scale, colour: str) -> None:
        """Outline a rectangle, two pixels wide, of at least five by five."""
        (left, right), (bottom, top) = self.columns(*x), self.rows(*y)
        right, top = max(right, left + 4), min(top, bottom - 4)
        part = self.pixels[max(top, 0) : bottom + 1, left : right + 1]
        part[:2] = part[-2:] = part[:, :2] = part[:, -2:] = rgb(colour)

    def trace(self, values: np.ndarray, colour: str, dashes: Sequence[int] = ()) -> None:
        """Draw evenly spaced values [T] as a line from the left edge to the right.

        Of `dashes`, pixels drawn and left out, it is whole if there are none.

        Each pixel column is filled from the least to the greatest value within it, so that a peak
        is seen however long the signal.
        """
        height, width, _ = self.pixels.shape
        lowest, highest = _envelope(values, width)  # [width] each
        low, high = self.y
        bottom, top = (
            ((high - value) / (high - low) * (height - 1) + 0.5).astype(np.float32)
            for value in (lowest, highest)
        )
        # How much of each pixel the line covers, [rows, width]: its edges are smooth that way.
        first = int(np.clip(top.min() - _HALF, 0, height))
        last = math.ceil(np.clip(bottom.max() + _HALF, 0, height))
        row = np.arange(first, last, dtype=np.float32)[:, None]  # those that it reaches
        cover = np.minimum(row + 1, bottom + _HALF) - np.maximum(row, top - _HALF)
        touched = cover > 0
        if dashes:
            touched[:, np.arange(width) % sum(dashes) >= dashes[0]] = False
        part = self.pixels[first:last]
        paper, cover = part[touched], cover[touched].clip(max=1)[:, None]
        part[touched] = paper + cover * (rgb(colour) - paper)


def blank(width: int, height: int) -> np.ndarray:
    """A white picture, uint8 [height, width, 3]."""
    return np.full((height, width, 3), 255, np.uint8)


def panel(
    pixels: np.ndarray, box: Box, x: Scale, y: Scale, *, title="", xlabel="", ylabel=""
) -> Panel:
    """Draw a frame with scales on a picture [H, W, 3], and give what is inside to draw on.

    Parameters
    ----------
    box : (left, top, width, height)
        Of the inside, in pixels; title and labels stand around it.
    x, y : (low, high), or more values
        Ends of the scales, or values at even steps from one end to the other.
    title, xlabel, ylabel : str
        A scale without a label has no numbers either.
    """
    left, top, width, height = box
    inside = Panel(pixels[top : top + height, left : left + width], x, y)
    pixels[top - 1 : top + height + 1, left - 1 : left + width + 1] = rgb(INK)
    inside.pixels[:] = 255
    write(pixels, left, top - 20, title)
    if xlabel:
        marks = _marks(x, width // 45)
        for value, column in zip(marks, inside.columns(*marks), strict=True):
            inside.pixels[:, column] = rgb(_GRID)
            pixels[top + height : top + height + 4, left + column] = rgb(INK)
            write(pixels, left + column, top + height + 5, _number(value), align=0.5)
        write(pixels, left + width // 2, top + height + 21, xlabel, align=0.5)
    if ylabel:
        marks = _marks(y, max(2, height // 32))
        for value, row in zip(marks, inside.rows(*marks), strict=True):
            inside.pixels[row] = rgb(_GRID)
            pixels[top + row, left - 4 : left] = rgb(INK)
            write(pixels, left - 7, top + row - 8, _number(value), align=1)
        turned = np.rot90(pixels, -1)  # a view: text on it runs upwards, clear of the numbers
        write(turned, pixels.shape[0] - top - height // 2, left - 64, ylabel, align=0.5)
    return inside


def write(
    pixels: np.ndarray, x: int, y: int, text: str, colour: str = INK, align: float = 0
) -> None:
    """Write on a picture [H, W, 3], x pixels from the left and y from the top.

    `align` says which part of the text stands at x: 0 its beginning, 0.5 its middle, 1 its end.
    What lies outside is cut off.
    """
    if text:
        cover = _letters(text)
        x, y = max(x - round(align * cover.shape[1]), 0), max(y, 0)
        part = pixels[y : y + cover.shape[0], x : x + cover.shape[1]]
        cover = cover[: part.shape[0], : part.shape[1], None]
        part[:] = part + cover * (rgb(colour) - part)


def ticks(low: float, high: float, most: int) -> list[float]:
    """At most so many round numbers, evenly spaced, from low to high.

    Examples
    --------
    >>> ticks(0.3, 10.2, 5)
    [2.0, 4.0, 6.0, 8.0, 10.0]
    """
    least = max(high - low, 1e-12) / max(most, 1)
    decade = 10.0 ** math.floor(math.log10(least))
    step = next(s * decade for s in (1, 2, 2.5, 5, 10) if s * decade >= least * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{k * step:.6g}") for k in range(first, last + 1)]


def _marks(scale: Scale, most: int) -> list[float]:
    """Numbers to stand beside a scale."""
    if len(scale) == 2:
        return ticks(*scale, most)
    # On a logarithmic axis 0, 1 and 10 come first, then 3 and 30, then 2 and 5, if there is room.
    wanted = [0.0, *(digit * 10.0**k for digit in (1, 3, 2, 5) for k in range(-2, 4))]
    wanted = [value for value in wanted if scale[0] <= value <= scale[-1]]
    marks: dict[float, float] = {}  # value -> its place, from 0 to `most`
    for value, place in zip(
        wanted, np.interp(wanted, scale, np.linspace(0, most, len(scale))), strict=True
    ):
        if all(abs(place - other) > 0.7 for other in marks.values()):
            marks[value] = place
    return list(marks)


def _places(values: Sequence[float], scale: Scale, size: int) -> list[int]:
    """Pixels of values on a scale along a side of so many, held to it."""
    if len(scale) == 2:  # most are: by hand it is four times as fast
        (low, high), last = scale, size - 1
        shares = [(value - low) / (high - low) for value in values]
        return [round(last * min(max(share, 0), 1)) for share in shares]
    places = np.linspace(0, size - 1, len(scale))
    return np.interp(values, scale, places).round().astype(int).tolist()


@cache
def colour_map(name: str = "cividis") -> np.ndarray:
    """The 256 colours of one of matplotlib's maps, uint8 [256, 3].

    Cividis by default: it looks nearly the same with every kind of colour vision.
    """
    return (mpl.colormaps[name](np.arange(256))[:, :3] * 255).round().astype(np.uint8)


def _envelope(values: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest value within each pixel column, neighbours joined."""
    sample = np.arange(len(values))
    # The line where it crosses the columns' edges: of few samples most columns hold none.
    edges = np.interp(np.linspace(0, len(values) - 1, width + 1), sample, values)
    lowest, highest = np.minimum(edges[:-1], edges[1:]), np.maximum(edges[:-1], edges[1:])
    column = np.minimum(sample * width // max(len(values) - 1, 1), width - 1)
    np.minimum.at(lowest, column, values)
    np.maximum.at(highest, column, values)
    return lowest, highest


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")


@cache
def rgb(colour: str) -> np.ndarray:
    """Red, green and blue from 0 to 255 of a colour by name."""
    return np.array(ImageColor.getrgb(colour))


@cache
def _font() -> ImageFont.FreeTypeFont:
    path = Path(mpl.get_data_path(), "fonts/ttf/DejaVuSans.ttf")
    return ImageFont.truetype(str(path), _FONT_PX)


@lru_cache(maxsize=1000)  # a moved slider writes the same labels again
def _letters(text: str) -> np.ndarray:
    """How much of each pixel a line of text covers, float32 [16, W]."""
    size = (math.ceil(_font().getlength(text)) + 1, _FONT_PX + 4)
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).text((0, 0), text, fill=255, font=_font())
    return np.asarray(mask, np.float32) / 255
