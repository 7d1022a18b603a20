"""What the explorer of features draws: a window, its neighbours, and a group and what it shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..errors import ParameterError
from ..pictures.image import to_image
from ..pictures.params import SpectrogramParams
from ..plots.style import COLOURS
from ..signals.axes import channel_index
from ..signals.windows import Windows
from .base import WIDE
from .canvas import INK, Drawing, blank, write
from .panels import legend, picture_edges, picture_panel, signal_panel, window_recording

__all__ = ["EmbeddingState", "neighbours", "render"]

_NEAR = 6
#: A mean picture is that of at most so many windows.
_MOST = 256


@dataclass(frozen=True, eq=False)
class EmbeddingState:
    """All that a picture of the explorer depends on."""

    windows: Windows  # those that made the map, then those placed in it
    features: Mapping[str, np.ndarray]  # name of a network -> float32 [N, D], standardised
    point: int = 0  # the window that is looked at
    selected: np.ndarray = field(default_factory=lambda: np.empty(0, int))  # [M], a group of them
    params: SpectrogramParams = field(default_factory=SpectrogramParams)
    known: int | None = None  # how many made the map; None: all
    far: frozenset[int] = frozenset()  # of the new ones, those that lie far from everything
    score: str = ""  # of few labels, when asked for
    news: str = ""  # of the recordings that were dropped in last, told with new windows


def render(state: EmbeddingState, width: int = WIDE) -> Drawing:
    """Draw a window with its neighbours, and a group with its classes and mean picture.

    Raises
    ------
    ParameterError
        No such window.
    """
    windows, params, point = state.windows, state.params, state.point
    if not 0 <= point < len(windows):
        raise ParameterError(f"point {point}, expected 0 to {len(windows) - 1}")
    recording = window_recording(windows, point)
    label = windows.label[point] or "unlabelled"
    side, inner = (150, 84) if width > 800 else (116, 60)  # pictures of windows, of neighbours
    known = len(windows) if state.known is None else state.known
    pixels = blank(width, side + 98 + (inner + 62) * len(state.features) + 226)
    title = f"window {point}: {label}, {recording.subject}"
    chosen = channel_index(windows.axes, params.channels)
    left = width - side - 76
    wide = width > 800  # else the legend stands below
    signal_panel(pixels, (66, 24, left - 90, side), recording, chosen, title, names=wide)
    if not wide:
        legend(pixels, 320, side + 62, [recording.axes[i] for i in chosen])
    (image,) = _pictures(windows, [point], params)
    edges = picture_edges(recording, params)
    picture_panel(pixels, (left + 60, 24, side, side), image, "its picture", edges)

    said, top = [], side + 102
    for name, features in state.features.items():
        near = neighbours(features, point, min(_NEAR, width // (inner + 22)), known)
        same = windows.label[near] == windows.label[point]
        said.append(f"{name}: {same.sum()} of the {len(near)} nearest are {label}")
        write(pixels, 20, top - 22, f"nearest in the features of {name}"[: width // 7])
        images = _pictures(windows, near, params)
        step = (width - 30) // len(near)
        for column, (index, image) in enumerate(zip(near, images, strict=True)):
            x = 20 + step * column
            picture_panel(pixels, (x, top, inner, inner), image)
            colour = INK if same[column] else COLOURS[3]
            texts = (windows.label[index] or "unlabelled", windows.subject[index], f"no. {index}")
            beside = step > inner + 80  # what they are: right of the pictures, or below them
            for line, text in enumerate(texts if beside else texts[:2]):
                place = (x + inner + 6, top + 18 * line) if beside else (x, top + inner + 16 * line)
                room = (step - inner - 8 if beside else step - 2) // 7
                write(pixels, *place, str(text)[:room], colour)
        top += inner + 62
    said.append(_group(pixels, state, top))
    if point >= known:
        far = "far from everything: no known window is like it" if point in state.far else ""
        said.insert(0, f"new, {far}" if far else "new, among known ones")
        write(pixels, 20, top + 190, f"This window is {said[0]}.", COLOURS[3] if far else INK)
    if state.score:
        said.append(state.score)
        write(pixels, 20, top + 208, state.score[: width // 7])
    news = [state.news] if state.news and point >= known else []
    note = "; ".join([*news, f"window {point}: {label}, {recording.name}", *said])
    alt = (
        f"{title}: its signal, its spectrogram picture, and the pictures of its neighbours. "
        f"{'. '.join(said)}."
    )
    return Drawing(pixels, alt, note)


def neighbours(
    features: np.ndarray, point: int, count: int = _NEAR, known: int | None = None
) -> np.ndarray:
    """The nearest other rows, of the first `known` ones, nearest first.

    Examples
    --------
    >>> neighbours(np.array([[0.0], [5.0], [1.0], [2.0]]), 0, count=2)
    array([2, 3])
    """
    among = features[:known]
    distances = ((among - features[point]) ** 2).sum(axis=1)  # [N]
    if point < len(among):
        distances[point] = np.inf  # nobody is his own neighbour
    return np.argsort(distances, kind="stable")[: min(count, len(features) - 1, len(among))]


def _group(pixels: np.ndarray, state: EmbeddingState, top: int) -> str:
    """Classes and mean picture of the selected windows; what is said about them."""
    selected, windows = np.asarray(state.selected, dtype=int), state.windows
    width = pixels.shape[1]
    if len(selected) == 0:
        write(pixels, 20, top, "Lasso: draw around points to see what they share."[: width // 7])
        return "nothing selected"
    classes, counts = np.unique(windows.label[selected].astype(str), return_counts=True)
    order = np.argsort(-counts, kind="stable")[:8]
    write(pixels, 20, top - 4, f"{len(selected)} selected")
    side = 130
    right = width - side - 16  # where the mean picture begins
    bar = min(right - 250, 400)
    for row, i in enumerate(order):
        y, length = top + 18 + 19 * row, max(1, round(bar * counts[i] / counts.max()))
        pixels[y : y + 14, 160 : 160 + length] = (0, 114, 178)
        write(pixels, 152, y, (classes[i] or "unlabelled")[:19], align=1)
        write(pixels, 166 + length, y, str(counts[i]))
    # Evenly from the selection, so that a large one does not hold up the hand that draws.
    few = selected[np.linspace(0, len(selected) - 1, min(len(selected), _MOST)).astype(int)]
    mean = _pictures(windows, few, state.params).mean(axis=0).round().astype(np.uint8)
    (start, stop), up = picture_edges(window_recording(windows, selected[0]), state.params)
    begin = windows.start_s[selected[0]]  # time within the window: they begin at different times
    title = "mean picture" + (f" of {len(few)}" if len(few) < len(selected) else "")
    edges, xlabel = ((start - begin, stop - begin), up), "time in the window (s)"
    picture_panel(pixels, (right, top + 16, side, side), mean, title, edges, xlabel=xlabel)
    named = ", ".join(f"{counts[i]} {classes[i] or 'unlabelled'}" for i in order)
    return f"{len(selected)} selected: {named}"


def _pictures(windows: Windows, index, params: SpectrogramParams) -> np.ndarray:
    """uint8 [n, H, W, 3]"""
    return to_image(windows[np.asarray(index)], params=params).transpose(0, 2, 3, 1)
