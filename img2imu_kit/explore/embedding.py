"""Explore learned features: who lies beside whom, and why."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ipywidgets import Box, Button, FileUpload, IntSlider, Text
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from .._files import package_folder, write_csv
from ..errors import ParameterError, SignalError, SplitError, unknown_name
from ..evaluate.image_readout import ImageReadout
from ..evaluate.probes import logistic
from ..evaluate.scores import few_label
from ..evaluate.stats import summarize
from ..explain.embedding import (
    Embedding,
    fit_pca,
    fit_tsne,
    fit_umap,
    nearest_distance,
    quality,
)
from ..models.backbone import Backbone, load_backbone
from ..pictures.params import SpectrogramParams, resolve
from ..plots.maps import write_map
from ..signals.recording import Recording
from ..signals.resampling import resample
from ..signals.splits import k_shot
from ..signals.windows import Windows, concat, sliding_windows
from .base import Explorer
from .controls import choice, control
from .embedding_picture import EmbeddingState, render
from .points import PointMap
from .sources import Given, find_source, find_windows, uploaded

__all__ = ["EmbeddingExplorer", "cross_predict"]

#: Name -> function of features [N, D], of the perplexity and of a seed that lays them out. The
#: perplexity is held down here, so that nobody is warned of a choice that he did not make.
LAYOUTS: dict[str, Callable[[np.ndarray, int, int], Embedding]] = {
    "t-SNE": lambda x, near, seed: fit_tsne(
        x, perplexity=max(1.0, min(near, (len(x) - 1) / 3)), seed=seed
    ),
    "PCA": lambda x, near, seed: fit_pca(x, seed=seed),
    "UMAP": lambda x, near, seed: fit_umap(x, neighbours=near, seed=seed),
}
if package_folder("umap") is None:  # optional: offered where it is installed
    del LAYOUTS["UMAP"]

#: What a network reads where nobody says otherwise.
_READOUT = ImageReadout(pictures=("motion",), layers=(3,), pixels=())
#: New windows farther from all known ones than this share of the known are from each other's
#: people belong nowhere in the map.
_FAR = 0.99
_SHOTS = 5


def cross_predict(
    features: np.ndarray, windows: Windows, *, shots: int = _SHOTS, seed: int = 0
) -> np.ndarray:
    """What a few labels of other people say each window is: str [N], ``""`` where unlabelled.

    People are split in five (or as many as there are); each part is predicted by a linear probe
    that has seen `shots` windows of each class of the others.

    Raises
    ------
    SplitError
        One person, or one class.

    Examples
    --------
    >>> X = np.repeat(np.eye(3)[[0, 1]], 4, axis=0)[:, :, None] + np.zeros((8, 3, 5))
    >>> windows = Windows.from_numpy(X, [*"aaaabbbb"], groups=[0, 1] * 4, rate=5)
    >>> print(*cross_predict(windows.signal.mean(axis=2), windows, shots=1))
    a a a a b b b b
    """
    labels = windows.label.astype(str)
    rows = np.flatnonzero(labels != "")
    people = sorted(set(windows.subject[rows]))
    if len(people) < 2 or len(set(labels[rows])) < 2:
        raise SplitError(
            f"{len(people)} person(s) and {len(set(labels[rows]))} class(es) have labels, "
            "expected two of both",
            remedy="Read recordings with labels of several people.",
        )
    predicted = np.full(len(labels), "", dtype=object)
    folds = GroupKFold(min(5, len(people)), shuffle=True, random_state=seed)
    with threadpool_limits(limits=1):
        for others, mine in folds.split(rows, groups=windows.subject[rows]):
            pool = rows[others]
            fewest = min(np.unique(labels[pool], return_counts=True)[1])
            train = pool[k_shot(labels[pool], min(shots, int(fewest)), seed=seed)]
            probe = logistic(seed).fit(features[train], labels[train])
            predicted[rows[mine]] = probe.predict(features[rows[mine]])
    return predicted


class EmbeddingExplorer(Explorer):
    """A map of features: pan, zoom, hover, click, draw around points, and drop new ones in.

    Hover over a point or click it to see its signal, its picture and its neighbours; choose the
    lasso and draw around points to see their classes and their mean picture, give them another
    label, and score the features again. Maps of several networks stand side by side and share
    what is selected. By keyboard: choose a point by its number, and a group by its class.

    Parameters
    ----------
    source : optional
        Recordings or windows, the name of a data set, or a path: read by `network`. Or features
        float [N, D] of `windows`, or a dict of name -> features of several networks. Default:
        300 windows of the shoulder exercises.
    windows : Windows, optional
        What features describe.
    network : Backbone, optional
        What reads the pictures. Default: ``"img2imu:walk-sensor"``, which has seen no motion.
    readout : ImageReadout, optional
        How. Default: layer 3 of a picture of bands.
    colours : dict of name -> array [N], optional
        Further ways to colour points: of text classes, of numbers a scale.
    layout : {"t-SNE", "PCA", "UMAP"}
        UMAP where umap-learn is installed (``pip install "img2imu_kit[maps]"``).
    perplexity : int
        How many neighbours a point attends to, in t-SNE and UMAP.
    seed : int
    seconds, most, reading
        Of the windows cut from a source, as in `find_windows`.
    params, **overrides
        Of the pictures shown, as in `resolve`.

    Attributes
    ----------
    state : EmbeddingState
    windows : Windows
        With the labels that they have now.
    quality : dict of name -> dict
        As from `explain.quality`, of the maps that are shown; agreement only of what has labels.

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
        source: Given | np.ndarray | Mapping[str, np.ndarray] = None,
        windows: Windows | None = None,
        *,
        network: Backbone | None = None,
        readout: ImageReadout | None = None,
        colours: Mapping[str, np.ndarray] | None = None,
        layout: str = "t-SNE",
        perplexity: int = 30,
        seed: int = 0,
        seconds: float = 4.0,
        most: int = 300,
        reading: Mapping[str, Any] | None = None,
        params: str | SpectrogramParams | None = None,
        **overrides,
    ) -> None:
        self._readout, self._network = readout or _READOUT, network
        if layout not in LAYOUTS:
            raise unknown_name("layout", layout, LAYOUTS)
        if isinstance(source, Mapping) or (isinstance(source, np.ndarray) and windows is not None):
            raw = source if isinstance(source, Mapping) else {"the network": source}
            if windows is None:
                raise ParameterError("features without the windows that they describe")
        else:
            windows = find_windows(source, reading, seconds=seconds, most=most, unlabelled=True)
            self._network = network or load_backbone(weights="img2imu:walk-sensor")
            raw = self._readout.read(windows, self._network)
            params = params or "motion"
        self._columns = {
            "class": windows.label,
            "person": windows.subject,
            "recording": windows.recording,
            "start (s)": windows.start_s,
            **(colours or {}),
        }
        for name, values in {**raw, **self._columns}.items():
            if len(values) != len(windows):
                raise SignalError(
                    f"{len(values)} rows, but there are {len(windows)} windows", where=name
                )
        self._given = windows.label
        self._raw = {name: np.asarray(values, dtype=np.float32) for name, values in raw.items()}
        self._scalers = {name: StandardScaler().fit(values) for name, values in self._raw.items()}
        scaled = {
            name: self._scalers[name].transform(values).astype(np.float32)
            for name, values in self._raw.items()
        }
        self._fitted: dict[tuple, Embedding] = {}
        self._computed: dict[str, np.ndarray] = {}  # columns that take a moment
        self.quality: dict[str, dict[str, float]] = {}
        self._make_controls(layout, perplexity, seed, windows)
        # Mouse and picture must be in sight of each other: several maps share one row.
        self.maps = {name: PointMap() for name in raw}
        maps = Box([*self.maps.values()], _dom_classes=["ik-maps"])
        groups = {
            "map": [self.controls[n] for n in ("layout", "perplexity", "seed", "colour")],
            "window": [self.controls[n] for n in ("point", "group")],
            "labels": [self.controls[n] for n in ("label", "relabel", "score")],
            "new and export": [self.controls[n] for n in ("upload", "file", "export")],
        }
        state = EmbeddingState(
            windows, scaled, params=resolve(params, **overrides), known=len(windows)
        )
        self.state = state
        self._lay_out()
        super().__init__(state, groups, "embedding", above=(maps,))
        for points in self.maps.values():
            points.observe(self._hovered, "hovered")
            points.observe(self._selected, "selected")
        answers = {
            "point": self._changed,
            "group": self._class_chosen,
            "colour": self._colour_chosen,
            "upload": self._file_given,
            **dict.fromkeys(("layout", "perplexity", "seed"), self._layout_chosen),
        }
        for name, answer in answers.items():
            self.controls[name].observe(answer, "value")
        self.controls["relabel"].on_click(lambda _: self.relabel(self.controls["label"].value))
        self.controls["score"].on_click(lambda _: self.score())
        self.controls["export"].on_click(lambda _: self._export())

    @property
    def windows(self) -> Windows:
        """All windows, with the labels that they have now."""
        return self.state.windows

    def select(self, index: np.ndarray) -> None:
        """Select points, in all maps."""
        index = np.asarray(index, dtype=int)
        point = int(index[0]) if len(index) == 1 else self.state.point
        with self.quietly():  # each map that is told says so again
            for points in self.maps.values():
                points.selected = index.tolist()
            self.controls["point"].value = point
        self.draw(replace(self.state, selected=index, point=point))

    def relabel(self, label: str) -> None:
        """Give the selected windows another label; ``""`` takes theirs away."""
        selected = self.state.selected
        if len(selected) == 0:
            self.screen.explain("Nothing is selected. Draw around points with the lasso first.")
            return
        labels = self.windows.label.copy()
        labels[selected] = label.strip()
        self._computed.pop("prediction", None)  # it was learned from other labels
        windows = replace(self.windows, label=labels)
        with self.quietly():
            self.controls["group"].options = ["", *windows.classes]
        self.state = replace(self.state, windows=windows)

        def job() -> None:
            self._lay_out()  # the places stay; what is said of labels is measured anew
            self.draw(self.state)

        self.later(f"{len(selected)} windows get another label …", job)

    def score(self, shots: int = _SHOTS, draws: int = 5) -> None:
        """Score the features with the present labels: few of them, and other people tested."""

        def job() -> None:
            known = np.arange(self.state.known)
            rows = known[self.windows.label[known] != ""]
            windows = self.windows[rows]
            people = len(set(windows.subject))
            if len(windows.classes) < 2:
                raise SplitError(
                    f"{len(windows.classes)} class(es) to tell apart, expected two",
                    remedy="Select points and relabel them, or read labels.",
                )
            table = few_label(
                {name: values[rows] for name, values in self._raw.items()},
                windows,
                shots=shots,
                seeds=draws,
                by="subject" if people > 1 else "recording",
            )
            parts = [
                f"{row.method} {100 * row.macro_f1:.0f} % ({100 * row.low:.0f} to "
                f"{100 * row.high:.0f})"
                for row in summarize(table).itertuples()
            ]
            whom = "other people" if people > 1 else "other recordings"
            text = f"macro-F1 on {whom}, {shots} labels a class: {', '.join(parts)}"
            before = self.state.score.split("; before")[0].removeprefix(text.split(":")[0] + ": ")
            self.draw(replace(self.state, score=text + (f"; before {before}" if before else "")))

        self.later(f"Scoring {shots} labels a class in {draws} draws …", job)

    def place(self, source: Given, features: Mapping[str, np.ndarray] | None = None) -> np.ndarray:
        """Drop new recordings into the maps, which stand still.

        Parameters
        ----------
        source
            Recordings or windows, or where they are.
        features : dict of name -> float [M, D], optional
            Of windows, where the explorer was given features and has no network.

        Returns
        -------
        bool [M]
            Which lie far from everything: farther from the nearest known window than 99 of 100
            known windows lie from those of other people.

        Raises
        ------
        Img2ImuError
            Other axes than the map's, recordings shorter than a window, no network.
        """
        return self._place(find_source(source), features)

    def _place(self, found, features=None) -> np.ndarray:
        windows, known = self.windows, self.state.known
        new = _as_known(found, windows)
        if features is None:
            if self._network is None:
                raise ParameterError(
                    "no network to read new recordings with",
                    remedy="Give network=, or place(windows, features).",
                )
            features = self._readout.read(new, self._network)
        self._raw = {n: np.concatenate([v, features[n]]) for n, v in self._raw.items()}
        scaled = {
            name: self._scalers[name].transform(values).astype(np.float32)
            for name, values in self._raw.items()
        }
        windows = concat([windows, new])
        self._computed.clear()  # distances and predictions of fewer windows
        far = self._distances()[known:] > self._limit()
        rows = frozenset((np.flatnonzero(far) + known).tolist())
        with self.quietly():
            for points in self.maps.values():
                points.selected = []  # what is not selected is faint, and the new should be seen
            self.controls["point"].max = len(windows) - 1
            self.controls["group"].options = ["", *windows.classes]
        self.state = replace(self.state, windows=windows, features=scaled, far=rows)
        self._show_maps()
        none = np.empty(0, int)
        self.draw(replace(self.state, point=len(windows) - len(new), selected=none))
        return far[-len(new) :]

    def table(self) -> pd.DataFrame:
        """One row a window: what it is, its label now and as it was given, and its places.

        ``distance`` is to the nearest known window of other people, see `nearest_distance`.
        """
        windows, known = self.windows, self.state.known
        table = windows.frame()
        table.insert(1, "label_given", np.append(self._given, windows.label[known:]))
        table["new"] = np.arange(len(windows)) >= known
        table["distance"] = self._distances()
        table["far"] = [i in self.state.far for i in range(len(windows))]
        for name in self.maps:
            suffix = f" {name}" if len(self.maps) > 1 else ""
            table[[f"x{suffix}", f"y{suffix}"]] = self._places(name)
        return table.rename_axis("window")

    def save_table(self, path: str | os.PathLike) -> Path:
        """Write `table` as CSV, whole or not at all."""
        return write_csv(path, self.table(), index=True)

    def export(self, path: str | os.PathLike, over=None) -> Path:
        """As `Explorer.export`; ``.html`` without `over` is the first map, to hover over."""
        if Path(path).suffix == ".html" and not over:
            name = next(iter(self.maps))
            title = f"Map of {len(self.windows)} windows, {name}"
            xy = self._places(name)
            return write_map(path, xy, self.windows, params=self.state.params, title=title)
        return super().export(path, over)

    def _make_controls(self, layout: str, perplexity: int, seed: int, windows: Windows) -> None:
        slow = ["prediction"] if len(windows.classes) > 1 and len(set(windows.subject)) > 1 else []
        ways = [*self._columns, *slow, "distance"]
        near = {"min": 2, "max": max(100, perplexity), "value": perplexity}
        drag = {"continuous_update": False}  # a map takes a second: drawn when the hand lets go
        self.controls = {
            "layout": choice("layout", "How points are placed", LAYOUTS, value=layout),
            "perplexity": control(
                IntSlider, "perplexity", "Neighbours that a point attends to", **near, **drag
            ),
            "seed": control(IntSlider, "seed", "Another map as good", max=20, value=seed, **drag),
            "colour": choice("colour by", "What a colour means", ways),
            "point": control(IntSlider, "point", "The window looked at", max=len(windows) - 1),
            "group": choice("select class", "All windows of a class", ["", *windows.classes]),
            "label": control(Text, "new label", "What the selected windows are"),
            "relabel": control(Button, "Relabel selection", "Give them the new label"),
            "score": control(Button, "Score again", f"{_SHOTS} labels of each class, other people"),
            "upload": control(
                FileUpload, "Drop recordings in", "Placed in the map, which stands still",
                multiple=True,
            ),
            "file": control(Text, "file", "Where the table goes", value="embedding.csv"),
            "export": control(Button, "Export table", "Labels and places of all windows, as CSV"),
        }  # fmt: skip
        self._bound(layout)

    def _bound(self, layout: str) -> None:
        self.controls["perplexity"].disabled = layout == "PCA"
        self.controls["seed"].disabled = layout == "PCA"

    def _read(self) -> EmbeddingState:
        return replace(self.state, point=self.controls["point"].value)

    def _key(self) -> tuple:
        return tuple(self.controls[name].value for name in ("layout", "perplexity", "seed"))

    def _places(self, name: str) -> np.ndarray:
        """Positions of all windows [N, 2] by the present layout, computed once."""
        key = (name, *self._key())
        known = self.state.known
        if key not in self._fitted:
            layout, near, seed = self._key()
            self._fitted[key] = LAYOUTS[layout](self._raw[name][:known], near, seed)
        fitted = self._fitted[key]
        if len(self._raw[name]) == known:
            return fitted.xy
        return np.concatenate([fitted.xy, fitted.place(self._raw[name][known:])])

    def _distances(self) -> np.ndarray:
        """From each window to the nearest known one of other people, by the first features."""
        if "distance" not in self._computed:
            raw, known = next(iter(self._raw.values())), self.state.known
            people = self.windows.subject[:known]
            groups = people if len(set(people)) > 1 else None
            distance = nearest_distance(raw[:known], groups=groups)
            if len(raw) > known:
                distance = np.append(distance, nearest_distance(raw[:known], raw[known:]))
            self._computed["distance"] = distance
        return self._computed["distance"]

    def _limit(self) -> float:
        return float(np.quantile(self._distances()[: self.state.known], _FAR))

    def _values(self) -> np.ndarray:
        """What the chosen colour stands for, of all windows."""
        chosen = self.controls["colour"].value
        windows, known = self.windows, self.state.known
        now = {"class": windows.label, "person": windows.subject, "recording": windows.recording}
        if chosen in now:
            return now[chosen]
        if chosen == "distance":
            return self._distances()
        if chosen == "prediction":
            if chosen not in self._computed:
                first = next(iter(self._raw.values()))
                self._computed[chosen] = cross_predict(first[:known], windows[:known])
            values = self._computed[chosen]
        else:
            values = windows.start_s[:known] if chosen == "start (s)" else self._columns[chosen]
        values = np.asarray(values)
        if len(values) == len(windows):
            return values
        more = len(windows) - len(values)  # of new windows nothing is known
        blank = (
            np.full(more, np.nan) if values.dtype.kind in "iuf" else np.full(more, "new", object)
        )
        return np.concatenate([values.astype(blank.dtype), blank])

    def _lay_out(self) -> None:
        """Compute the maps, measure them, and show them."""
        windows, known = self.windows, self.state.known
        labelled = np.flatnonzero(windows.label[:known] != "")
        labels = windows.label[labelled]
        for name in self.maps:
            features, xy = self.state.features[name][:known], self._places(name)[:known]
            self.quality[name] = _measure(features, xy, None)
            # Without two classes an agreement of 1.00 would praise the lack of labels.
            if len(set(labels)) > 1 and len(labels) > 4:
                of_labels = _measure(features[labelled], xy[labelled], labels)
                self.quality[name] |= {k: v for k, v in of_labels.items() if "knn" in k}
        self._show_maps()

    def _show_maps(self) -> None:
        values, known = self._values(), self.state.known
        chosen = self.controls["colour"].value
        for name, points in self.maps.items():
            measured = self.quality[name]
            title = f"{name}: trustworthiness {measured['trustworthiness']:.2f}"
            if "knn_xy" in measured:
                title += (
                    f", neighbours agree {100 * measured['knn_features']:.0f} % "
                    f"(in the map {100 * measured['knn_xy']:.0f} %)"
                )
            new = len(self.windows) - known
            alt = f"Map of {known} windows by {self.controls['layout'].value}, coloured by {chosen}"
            alt += f"; {new} new ones, {len(self.state.far)} far from everything" if new else ""
            points.show(
                self._places(name),
                values,
                known=known,
                far=sorted(self.state.far),
                title=title,
                alt=f"{alt}. {title}",
            )

    def draw(self, state: EmbeddingState) -> None:
        """Show a new state as soon as possible, and the point that it looks at."""
        super().draw(state)
        for points in self.maps.values():
            points.point = state.point

    def _layout_chosen(self, _change: dict) -> None:
        layout = self.controls["layout"].value
        self._bound(layout)

        def job() -> None:
            self._lay_out()
            self.draw(self.state)

        self.later(f"Laying out {self.state.known} points by {layout} …", job)

    def _colour_chosen(self, change: dict) -> None:
        def job() -> None:
            self._show_maps()
            self.draw(self.state)

        self.later(f"Colouring by {change['new']} …", job)

    def _file_given(self, change: dict) -> None:
        files = change["new"]
        if not files:
            return

        def job() -> None:
            far = []
            for file in files:
                found = uploaded(file["name"], bytes(file["content"]))
                far.append(self._place(found))
            all_far = np.concatenate(far)
            news = f"{len(all_far)} new windows, as crosses"
            news += f"; {all_far.sum()} are far from everything" if all_far.any() else ""
            self.draw(replace(self.state, news=news))

        self.later(f"Reading {len(files)} file(s) …", job)

    def _export(self) -> None:
        def job() -> None:
            path = self.save_table(self.controls["file"].value or "embedding.csv")
            self.screen.tell(f"{len(self.windows)} rows are in {path.resolve()}")

        self.later("Writing …", job)

    def _hovered(self, change: dict) -> None:
        # The slider stays: it would send the hovered point back to the browser, late.
        if 0 <= change["new"] < len(self.windows):
            self.draw(replace(self.state, point=int(change["new"])))

    def _selected(self, change: dict) -> None:
        if not self._quiet:
            self.select(change["new"])

    def _class_chosen(self, change: dict) -> None:
        if not self._quiet:
            chosen = change["new"]
            self.select(np.flatnonzero(self.windows.label == chosen) if chosen else [])


def _as_known(found, windows: Windows) -> Windows:
    """New recordings cut as the known windows are: their rate, axes, units and length."""
    if found.given is not None:
        return found.given.select(windows.axes)
    alike = []
    for recording in found.recordings:
        chosen: Recording = recording.select(windows.axes)
        alike.append(chosen if chosen.rate == windows.rate else resample(chosen, windows.rate))
    return sliding_windows(alike, windows.seconds, purity=0.51, unlabelled=True)


def _measure(features: np.ndarray, xy: np.ndarray, labels: np.ndarray | None) -> dict[str, float]:
    # Ten neighbours, and of few points fewer: trustworthiness asks for less than half of them.
    near = min(10, max(1, (len(xy) - 1) // 2 - 1))
    return quality(features, xy, labels, neighbours=near)
