"""One window among many, and a group of them: who is near, and what they look like."""

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
from .canvas import INK, Drawing, blank, write
from .panels import picture_edges, picture_panel, signal_panel, window_recording

__all__ = ["EmbeddingState", "neighbours", "render"]

_NEAR = 6
#: A mean picture is that of at most so many windows.
_MOST = 256


@dataclass(frozen=True, eq=False)
class EmbeddingState:
    """All that a picture of the explorer depends on.

    Parameters
    ----------
    windows : Windows
    features : dict of name -> float32 [N, D]
        Standardised; of one network or of several.
    point : int
        The window that is looked at.
    selected : int [M]
        The group that is looked at.
    params : SpectrogramParams
        Of the pictures.
    """

    windows: Windows
    features: Mapping[str, np.ndarray]
    point: int = 0
    selected: np.ndarray = field(default_factory=lambda: np.empty(0, int))
    params: SpectrogramParams = field(default_factory=SpectrogramParams)


def render(state: EmbeddingState) -> Drawing:
    """Draw a window with its neighbours, and a group with its classes and mean picture.

    Parameters
    ----------
    state : EmbeddingState

    Returns
    -------
    Drawing

    Raises
    ------
    ParameterError
        No such window.
    """
    windows, params = state.windows, state.params
    if not 0 <= state.point < len(windows):
        raise ParameterError(f"point {state.point}, expected 0 to {len(windows) - 1}")
    recording = window_recording(windows, state.point)
    label = windows.label[state.point] or "unlabelled"
    pixels = blank(1080, 280 + 130 * len(state.features) + 230)
    title = f"window {state.point}: {label}, subject {recording.subject}, {recording.name}"
    chosen = channel_index(windows.axes, params.channels)
    signal_panel(pixels, (66, 24, 640, 178), recording, chosen, title)
    (image,) = _pictures(windows, [state.point], params)
    edges = picture_edges(recording, params)
    picture_panel(pixels, (800, 24, 260, 178), image, "its picture", edges)

    said = []
    top = 285
    for name, features in state.features.items():
        near = neighbours(features, state.point)
        same = windows.label[near] == windows.label[state.point]
        said.append(f"{name}: {same.sum()} of the {len(near)} nearest are {label}")
        write(pixels, 20, top - 22, f"nearest in the features of {name}")
        images = _pictures(windows, near, params)
        for column, (index, image) in enumerate(zip(near, images, strict=True)):
            left = 20 + 176 * column
            picture_panel(pixels, (left, top, 84, 84), image)
            colour = INK if same[column] else COLOURS[3]
            texts = (windows.label[index], windows.subject[index], f"window {index}")
            for line, text in enumerate(texts):
                write(pixels, left + 90, top + 18 * line, str(text)[:12], colour)
        top += 130
    said.append(_group(pixels, state, top))
    note = "; ".join([f"window {state.point}: {label}", *said])
    alt = (
        f"{title}: its signal, its spectrogram picture, and the pictures of its neighbours. "
        f"{'. '.join(said)}."
    )
    return Drawing(pixels, alt, note)


def neighbours(features: np.ndarray, point: int, count: int = _NEAR) -> np.ndarray:
    """The nearest other rows, nearest first.

    Examples
    --------
    >>> neighbours(np.array([[0.0], [5.0], [1.0], [2.0]]), 0, count=2)
    array([2, 3])
    """
    distances = ((features - features[point]) ** 2).sum(axis=1)  # [N]
    distances[point] = np.inf  # nobody is his own neighbour
    return np.argsort(distances, kind="stable")[: min(count, len(features) - 1)]


def _group(pixels: np.ndarray, state: EmbeddingState, top: int) -> str:
    """Classes and mean picture of the selected windows; what is said about them."""
    selected, windows = np.asarray(state.selected, dtype=int), state.windows
    if len(selected) == 0:
        write(pixels, 20, top, "Choose the lasso and draw around points to see what they share.")
        return "nothing selected"
    classes, counts = np.unique(windows.label[selected].astype(str), return_counts=True)
    order = np.argsort(-counts, kind="stable")[:9]
    write(pixels, 20, top - 4, f"{len(selected)} selected")
    for row, i in enumerate(order):
        y, length = top + 18 + 19 * row, max(1, round(360 * counts[i] / counts.max()))
        pixels[y : y + 14, 180 : 180 + length] = (0, 114, 178)
        write(pixels, 172, y, classes[i][:22] or "unlabelled", align=1)
        write(pixels, 186 + length, y, str(counts[i]))
    # Evenly from the selection, so that a large one does not hold up the hand that draws.
    few = selected[np.linspace(0, len(selected) - 1, min(len(selected), _MOST)).astype(int)]
    mean = _pictures(windows, few, state.params).mean(axis=0).round().astype(np.uint8)
    (start, stop), up = picture_edges(window_recording(windows, selected[0]), state.params)
    begin = windows.start_s[selected[0]]  # time within the window: they begin at different times
    title = "mean picture" + (f" of {len(few)} of them" if len(few) < len(selected) else "")
    edges, xlabel = ((start - begin, stop - begin), up), "time in the window (s)"
    picture_panel(pixels, (800, top + 16, 260, 160), mean, title, edges, xlabel=xlabel)
    named = ", ".join(f"{counts[i]} {classes[i] or 'unlabelled'}" for i in order)
    return f"{len(selected)} selected: {named}"


def _pictures(windows: Windows, index, params: SpectrogramParams) -> np.ndarray:
    """uint8 [n, H, W, 3]"""
    return to_image(windows[np.asarray(index)], params=params).transpose(0, 2, 3, 1)
