"""Explore learned features: who lies beside whom, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import ipywidgets as widgets
import numpy as np
import pandas as pd
from jscatter import Scatter
from jscatter.color_maps import glasbey_dark
from sklearn.preprocessing import StandardScaler

from ..errors import SignalError
from ..explain import embedding as embed
from ..pictures.params import SpectrogramParams
from ..plots.style import COLOURS
from ..signals.windows import Windows
from .base import Explorer, control
from .embedding_view import EmbeddingState, render
from .spectrogram import settings_of

__all__ = ["EmbeddingExplorer"]

_LAYOUTS = {
    "t-SNE": lambda each: embed.tsne(each, perplexity=max(1.0, min(30.0, (len(each) - 1) / 3))),
    "PCA": embed.pca,
}


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
        Further ways to colour points, for instance ``{"prediction": guessed}``.
    layout : {"t-SNE", "PCA"}
    params, **overrides
        Of the pictures, as in `resolve`.

    Attributes
    ----------
    state : EmbeddingState
    quality : dict of name -> dict
        As from `embed.quality`, of the maps that are shown.

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
        named = features if isinstance(features, Mapping) else {"the network": features}
        ways = {"class": windows.label, "subject": windows.subject, "recording": windows.recording}
        self._ways = ways | dict(colours or {})
        for name, values in {**named, **self._ways}.items():
            if len(values) != len(windows):
                raise SignalError(
                    f"{len(values)} rows, but there are {len(windows)} windows", where=name
                )
        self._features = {
            name: StandardScaler().fit_transform(np.asarray(each)).astype(np.float32)
            for name, each in named.items()
        }
        self._places: dict[tuple[str, str], np.ndarray] = {}
        self.quality: dict[str, dict[str, float]] = {}
        self._linking = False
        self.layout_by = control(
            widgets.Dropdown, "layout", "How points are placed", options=list(_LAYOUTS)
        )
        self.layout_by.value = layout
        self.colour = control(
            widgets.Dropdown, "colour by", "What a colour means", options=list(self._ways)
        )
        self.point = control(
            widgets.IntSlider, "point", "The window that is looked at", max=len(windows) - 1
        )
        self.group = control(
            widgets.Dropdown,
            "select class",
            "All windows of a class",
            options=["", *windows.classes],
        )
        titles = {name: widgets.HTML() for name in named}
        frame = pd.DataFrame({way: np.asarray(v).astype(str) for way, v in self._ways.items()})
        self._frame = frame.astype("category")
        self.maps = {
            name: Scatter(
                data=self._frame.assign(x=xy[:, 0], y=xy[:, 1]),
                x="x",
                y="y",
                height=380,
                axes=False,
                legend=True,
                size=5,
                camera_distance=1.1,
            )
            for name, xy in ((name, self._place(name)) for name in named)
        }
        self._titles = titles
        self._paint()
        self._judge()
        preset, changes = settings_of(params, overrides)
        state = EmbeddingState(windows, self._features, preset=preset, changes=changes)
        columns = [
            widgets.VBox([titles[name], each.widget], layout={"flex": "1 1 420px"})
            for name, each in self.maps.items()
        ]
        above = widgets.Box(columns, layout={"flex_flow": "row wrap", "grid_gap": "8px"})
        controls = [self.layout_by, self.colour, self.point, self.group]
        super().__init__(state, controls, "embedding", above=(above,))
        for each in self.maps.values():
            each.widget.observe(self._hovered, "hovering")
            each.widget.observe(self._selected, "selection")
        self.point.observe(self._chosen, "value")
        self.group.observe(self._class_chosen, "value")
        self.colour.observe(lambda _change: self._paint(), "value")
        self.layout_by.observe(self._replace, "value")

    def select(self, index: np.ndarray) -> None:
        """Select points, in all maps."""
        index = np.asarray(index, dtype=int)
        point = int(index[0]) if len(index) == 1 else self.state.point
        self._linking = True
        for each in self.maps.values():
            each.widget.selection = index
        self.point.value = point
        self._linking = False
        self.draw(replace(self.state, selected=index, point=point))

    def _place(self, name: str) -> np.ndarray:
        """Positions by the present layout; computed once."""
        key = (name, self.layout_by.value)
        if key not in self._places:
            self._places[key] = _LAYOUTS[key[1]](self._features[name])
        return self._places[key]

    def _paint(self) -> None:
        """Colour all maps."""
        way = self.colour.value
        few = len(set(map(str, self._ways[way]))) <= len(COLOURS)
        for each in self.maps.values():
            each.color(by=way, map=list(COLOURS) if few else glasbey_dark)

    def _judge(self) -> None:
        """Measure the maps, and say so above them."""
        labels = self._ways["class"]
        count = len(labels)
        near = min(10, max(1, (count - 1) // 2 - 1))
        for name, title in self._titles.items():
            found = embed.quality(self._features[name], self._place(name), labels, neighbours=near)
            self.quality[name] = found
            title.value = (
                f"<b>{name}</b>: trustworthiness {found['trustworthiness']:.2f}, kNN accuracy "
                f"{found['knn_features']:.2f} in the features, {found['knn_xy']:.2f} in the map"
            )

    def _replace(self, _change: dict) -> None:
        self.screen.tell(f"Laying out {len(self.state.windows)} points by {self.layout_by.value} …")
        for name, each in self.maps.items():
            xy = self._place(name)
            each.data(self._frame.assign(x=xy[:, 0], y=xy[:, 1]), reset_scales=True)
        self._judge()
        self.draw(self.state)

    def _hovered(self, change: dict) -> None:
        if change["new"] is not None and change["new"] >= 0:
            self.draw(replace(self.state, point=int(change["new"])))

    def _selected(self, change: dict) -> None:
        if not self._linking:
            self.select([] if change["new"] is None else change["new"])

    def _chosen(self, change: dict) -> None:
        if not self._linking:
            self.draw(replace(self.state, point=change["new"]))

    def _class_chosen(self, change: dict) -> None:
        self.select(np.flatnonzero(self._ways["class"] == change["new"]) if change["new"] else [])
