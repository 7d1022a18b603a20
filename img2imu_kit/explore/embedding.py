"""Explore learned features: who lies beside whom, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from ipywidgets import HTML, Box, IntSlider, VBox
from jscatter import Scatter
from jscatter.color_maps import glasbey_dark
from sklearn.preprocessing import StandardScaler

from ..errors import ParameterError, SignalError
from ..explain.embedding import pca, quality, tsne
from ..pictures.image import to_image
from ..pictures.params import SpectrogramParams, resolve
from ..plots.style import COLOURS
from ..signals.axes import channel_index
from ..signals.windows import Windows
from .base import WIDE, Explorer
from .canvas import INK, Drawing, blank, write
from .controls import choice, control
from .panels import picture_edges, picture_panel, signal_panel, window_recording

__all__ = ["EmbeddingExplorer", "EmbeddingState", "neighbours", "render"]

#: Name -> function of features [N, D] that gives positions [N, 2]. The perplexity is lowered here,
#: so that nobody is warned of a choice that he did not make.
_LAYOUTS = {
    "t-SNE": lambda x: tsne(x, perplexity=max(1.0, min(30.0, (len(x) - 1) / 3))),
    "PCA": pca,
}

_NEAR = 6
#: A mean picture is that of at most so many windows.
_MOST = 256


@dataclass(frozen=True, eq=False)
class EmbeddingState:
    """All that a picture of the explorer depends on."""

    windows: Windows
    features: Mapping[str, np.ndarray]  # name of a network -> float32 [N, D], standardised
    point: int = 0  # the window that is looked at
    selected: np.ndarray = field(default_factory=lambda: np.empty(0, int))  # [M], a group of them
    params: SpectrogramParams = field(default_factory=SpectrogramParams)


def render(state: EmbeddingState, width: int = WIDE) -> Drawing:
    """Draw a window with its neighbours, and a group with its classes and mean picture.

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


class EmbeddingExplorer(Explorer):
    """A map of features: pan, zoom, hover, click, and draw around points.

    Hover over a point or click it to see its signal, its picture and its neighbours; choose the
    lasso and draw around points to see their classes and their mean picture. Maps of several
    networks stand side by side and share what is selected. By keyboard: choose a point by its
    number, and a group by its class.

    Parameters
    ----------
    features : float [N, D], or dict of name -> float [N, D]
        Of one network, or of several, for instance before and after pre-training.
    windows : Windows
        What the features describe.
    colours : dict of name -> array [N], optional
        Further ways to colour points, for instance ``{"prediction": predicted}``.
    layout : {"t-SNE", "PCA"}
    params, **overrides
        Of the pictures, as in `resolve`.

    Attributes
    ----------
    state : EmbeddingState
    quality : dict of name -> dict
        As from `explain.quality`, of the maps that are shown.

    Examples
    --------
    >>> from img2imu_kit import load_dataset, sliding_windows
    >>> cut = sliding_windows(load_dataset("synthetic", subjects=2, seconds=20), seconds=4)
    >>> explorer = EmbeddingExplorer({"mean": cut.signal.mean(axis=2)}, cut, layout="PCA")
    >>> sorted(explorer.quality["mean"])
    ['knn_features', 'knn_xy', 'trustworthiness']
    """

    render = staticmethod(render)

    def __init__(
        self,
        features: np.ndarray | Mapping[str, np.ndarray],
        windows: Windows,
        *,
        colours: Mapping[str, np.ndarray] | None = None,
        layout: str = "t-SNE",
        params: str | SpectrogramParams | None = None,
        **overrides,
    ) -> None:
        if not isinstance(features, Mapping):
            features = {"the network": features}
        colour_by = {
            **{"class": windows.label, "subject": windows.subject, "recording": windows.recording},
            **(colours or {}),
        }
        for name, values in {**features, **colour_by}.items():
            if len(values) != len(windows):
                raise SignalError(
                    f"{len(values)} rows, but there are {len(windows)} windows", where=name
                )
        self._labels = windows.label
        self._colour_by = pd.DataFrame(
            {name: np.asarray(values).astype(str) for name, values in colour_by.items()},
            dtype="category",
        )
        self._features = {
            name: StandardScaler().fit_transform(np.asarray(values)).astype(np.float32)
            for name, values in features.items()
        }
        self._xy: dict[tuple[str, str], np.ndarray] = {}
        self.quality: dict[str, dict[str, float]] = {}
        self.controls = {
            "layout": choice("layout", "How points are placed", _LAYOUTS, value=layout),
            "colour": choice("colour by", "What a colour means", self._colour_by),
            "point": control(IntSlider, "point", "The window looked at", max=len(windows) - 1),
            "group": choice("select class", "All windows of a class", ["", *windows.classes]),
        }
        self._titles = {name: HTML() for name in features}
        # Axes of a t-SNE picture mean nothing: none are drawn.
        look = {"height": 380, "axes": False, "legend": True, "size": 5, "camera_distance": 1.1}
        self.maps = {
            name: Scatter(data=self._points(name), x="x", y="y", **look) for name in features
        }
        self._paint()
        self._judge()
        columns = [
            VBox([self._titles[name], scatter.widget], layout={"flex": "1 1 420px"})
            for name, scatter in self.maps.items()
        ]
        maps = Box(columns, layout={"flex_flow": "row wrap", "grid_gap": "8px"})
        state = EmbeddingState(windows, self._features, params=resolve(params, **overrides))
        super().__init__(state, {"map": [*self.controls.values()]}, "embedding", above=(maps,))
        for scatter in self.maps.values():
            scatter.widget.observe(self._hovered, "hovering")
            scatter.widget.observe(self._selected, "selection")
        self.controls["point"].observe(self._changed, "value")
        self.controls["group"].observe(self._class_chosen, "value")
        self.controls["colour"].observe(lambda _change: self._paint(), "value")
        self.controls["layout"].observe(self._layout_chosen, "value")

    def select(self, index: np.ndarray) -> None:
        """Select points, in all maps."""
        index = np.asarray(index, dtype=int)
        point = int(index[0]) if len(index) == 1 else self.state.point
        with self.quietly():  # each map that is told says so again
            for scatter in self.maps.values():
                scatter.widget.selection = index
            self.controls["point"].value = point
        self.draw(replace(self.state, selected=index, point=point))

    def _read(self) -> EmbeddingState:
        return replace(self.state, point=self.controls["point"].value)

    def _points(self, name: str) -> pd.DataFrame:
        """What a map shows: positions by the present layout, computed once, and all colours."""
        layout = self.controls["layout"].value
        if (name, layout) not in self._xy:
            self._xy[name, layout] = _LAYOUTS[layout](self._features[name])
        xy = self._xy[name, layout]  # [N, 2]
        return self._colour_by.assign(x=xy[:, 0], y=xy[:, 1])

    def _paint(self) -> None:
        """Colour all maps."""
        chosen = self.controls["colour"].value
        few = self._colour_by[chosen].nunique() <= len(COLOURS)
        for scatter in self.maps.values():
            scatter.color(by=chosen, map=list(COLOURS) if few else glasbey_dark)

    def _judge(self) -> None:
        """Measure the maps, and say so above them."""
        # Ten neighbours, and of few points fewer: trustworthiness asks for less than half of them.
        near = min(10, max(1, (len(self._labels) - 1) // 2 - 1))
        for name, title in self._titles.items():
            xy = self._points(name)[["x", "y"]].to_numpy()
            values = quality(self._features[name], xy, self._labels, neighbours=near)
            self.quality[name] = values
            title.value = (
                f"<b>{name}</b>: trustworthiness {values['trustworthiness']:.2f}, kNN accuracy "
                f"{values['knn_features']:.2f} in the features, {values['knn_xy']:.2f} in the map"
            )

    def _layout_chosen(self, change: dict) -> None:
        self.screen.tell(f"Laying out {len(self._labels)} points by {change['new']} …")
        for name, scatter in self.maps.items():
            scatter.data(self._points(name), reset_scales=True)
        self._judge()
        self.draw(self.state)

    def _hovered(self, change: dict) -> None:
        # The slider stays: it would send the hovered point back to the browser, late.
        if change["new"] is not None and change["new"] >= 0:
            self.draw(replace(self.state, point=int(change["new"])))

    def _selected(self, change: dict) -> None:
        if not self._quiet:
            self.select([] if change["new"] is None else change["new"])

    def _class_chosen(self, change: dict) -> None:
        self.select(np.flatnonzero(self._labels == change["new"]) if change["new"] else [])
