"""One window among many, and a group of them: who is near, and what they look like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..errors import ParameterError
from ..pictures.image import to_image
from ..pictures.params import resolve
from ..plots.style import COLOURS
from ..signals.axes import channel_index
from ..signals.recording import Recording
from ..signals.windows import Windows
from .canvas import Drawing, blank, panel, write
from .spectrogram_state import extent
from .spectrogram_view import legend, signal_panel

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
    preset : str
        Settings of the pictures.
    changes : mapping
        Settings that differ from the preset's.
    """

    windows: Windows
    features: Mapping[str, np.ndarray]
    point: int = 0
    selected: np.ndarray = field(default_factory=lambda: np.empty(0, int))
    preset: str = "default"
    changes: Mapping[str, object] = field(default_factory=dict)


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
    windows, params = state.windows, resolve(state.preset, **state.changes)
    if not 0 <= state.point < len(windows):
        raise ParameterError(f"point {state.point}, expected 0 to {len(windows) - 1}")
    one = windows[state.point]
    recording = Recording(
        one.signal[0].T, one.rate, axes=one.axes, unit=one.unit, start_s=float(one.start_s[0])
    )
    chosen = channel_index(one.axes, params.channels)
    label = one.label[0] or "unlabelled"
    pixels = blank(1080, 280 + 130 * len(state.features) + 230)
    title = f"window {state.point}: {label}, subject {one.subject[0]}, {one.recording[0]}"
    labels = {
        "xlabel": "time (s)",
        "ylabel": ", ".join(dict.fromkeys(recording.unit[i] for i in chosen)),
    }
    signal_panel(pixels, (66, 24, 640, 178), recording, chosen, title=title, **labels)
    legend(pixels, 706, 4, [one.axes[i] for i in chosen])
    across, up = extent(recording, params)
    labels = {"xlabel": "time (s)", "ylabel": "frequency (Hz)"}
    drawn = panel(pixels, (800, 24, 260, 178), across, up, title="its picture", **labels)
    drawn.image(_pictures(windows, [state.point], params)[0])

    told = []
    for row, (name, features) in enumerate(state.features.items()):
        near = neighbours(features, state.point)
        same = int((windows.label[near] == one.label[0]).sum())
        told.append(f"{name}: {same} of the {len(near)} nearest are {label}")
        top = 285 + 130 * row
        write(pixels, 20, top - 22, f"nearest in the features of {name}")
        for column, (index, image) in enumerate(
            zip(near, _pictures(windows, near, params), strict=True)
        ):
            left = 20 + 176 * column
            colour = "#262626" if windows.label[index] == one.label[0] else COLOURS[3]
            panel(pixels, (left, top, 84, 84), (0, 1), (0, 1)).image(image)
            for line, text in enumerate(
                (windows.label[index], windows.subject[index], f"window {index}")
            ):
                write(pixels, left + 90, top + 18 * line, str(text)[:12], colour)
    bottom = 285 + 130 * len(state.features)
    group = _group(pixels, state, params, bottom)
    note = "; ".join([f"window {state.point}: {label}", *told, group])
    alt = (
        f"{title}: its signal, its spectrogram picture, and the pictures of its neighbours. "
        f"{'. '.join(told)}. {group}."
    )
    return Drawing(pixels, alt, note)


def neighbours(features: np.ndarray, point: int, count: int = _NEAR) -> np.ndarray:
    """The nearest other rows, nearest first.

    Examples
    --------
    >>> neighbours(np.array([[0.0], [5.0], [1.0], [2.0]]), 0, count=2)
    array([2, 3])
    """
    distances = ((features - features[point]) ** 2).sum(axis=1)
    distances[point] = np.inf
    count = min(count, len(features) - 1)
    return np.argsort(distances, kind="stable")[:count]


def _group(pixels: np.ndarray, state: EmbeddingState, params, top: int) -> str:
    """Classes and mean picture of the selected windows; what is said about them."""
    selected = np.asarray(state.selected, dtype=int)
    if len(selected) == 0:
        write(pixels, 20, top, "Choose the lasso and draw around points to see what they share.")
        return "nothing selected"
    classes, counts = np.unique(state.windows.label[selected].astype(str), return_counts=True)
    order = np.argsort(-counts, kind="stable")[:9]
    write(pixels, 20, top - 4, f"{len(selected)} selected")
    widest = counts.max()
    for row, i in enumerate(order):
        y, length = top + 18 + 19 * row, max(1, round(360 * counts[i] / widest))
        pixels[y : y + 14, 180 : 180 + length] = (0, 114, 178)
        write(pixels, 172, y, classes[i][:22] or "unlabelled", align=1)
        write(pixels, 186 + length, y, str(counts[i]))
    few = selected[np.linspace(0, len(selected) - 1, min(len(selected), _MOST)).astype(int)]
    mean = _pictures(state.windows, few, params).mean(axis=0).round().astype(np.uint8)
    one = state.windows[int(selected[0])]
    across, up = extent(Recording(one.signal[0].T, one.rate), params)
    labels = {"xlabel": "time in the window (s)", "ylabel": "frequency (Hz)"}
    title = "mean picture" + (f" of {len(few)} of them" if len(few) < len(selected) else "")
    panel(pixels, (800, top + 16, 260, 160), across, up, title=title, **labels).image(mean)
    told = ", ".join(f"{counts[i]} {classes[i] or 'unlabelled'}" for i in order)
    return f"{len(selected)} selected: {told}"


def _pictures(windows: Windows, index, params) -> np.ndarray:
    """uint8 [n, H, W, 3]"""
    return to_image(windows[np.asarray(index)], params=params).transpose(0, 2, 3, 1)
