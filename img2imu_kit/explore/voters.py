"""Explore which layer of which picture tells motions apart: alone, and to all the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from ipywidgets import IntSlider
from threadpoolctl import threadpool_limits

from ..errors import ParameterError, unknown_name
from ..evaluate.image_readout import ImageReadout
from ..evaluate.probes import fuse
from ..evaluate.scores import Draw, draws, score_predictions
from ..evaluate.stats import voter_gains
from ..explain.embedding import fit_tsne
from ..models.backbone import Backbone, load_backbone
from ..signals.windows import Windows
from .base import WIDE, Explorer
from .canvas import INK, Drawing, blank, colour_map, panel, rgb, write
from .controls import choice, control
from .points import draw_legend, draw_points
from .sources import Given, find_windows

__all__ = ["VoterExplorer", "VoterState", "code", "render", "score_voters"]

_METHOD = "all voters"
#: What a point of the map can be coloured by: name -> field of the windows.
_COLOURS = {"class": "label", "person": "subject", "recording": "recording"}
_TOP, _ROW = 50, 34  # of the heat maps, in pixels


@dataclass(frozen=True, eq=False)
class VoterState:
    """All that a picture of the explorer depends on."""

    windows: Windows
    voters: tuple[str, ...]  # "motion 3": a picture and a layer of it
    table: pd.DataFrame  # one row a draw, as from `score_voters`
    voter: str  # whose map is seen
    xy: np.ndarray  # float [N, 2], that map
    shots: int = 5
    draws: int = 5  # that are wanted; the table grows up to them
    colour: str = "class"

    @property
    def gains(self) -> pd.DataFrame:
        """Means over the draws: ``alone`` and ``gain``, in percent, by voter."""
        return 100 * voter_gains(self.table, _METHOD).set_index("voter")[["alone", "gain"]]

    @property
    def cells(self) -> dict[str, tuple[int, int]]:
        """Voter -> row (pixels first, then the layers) and column (the picture)."""
        parts = {name: tuple(name.rsplit(" ", 1)) for name in self.voters}
        pictures = list(dict.fromkeys(picture for picture, _ in parts.values()))
        layers = sorted({layer for _, layer in parts.values()}, key=lambda x: (x.isdigit(), x))
        return {n: (layers.index(layer), pictures.index(p)) for n, (p, layer) in parts.items()}


def score_voters(
    voters: Mapping[str, np.ndarray], windows: Windows, plan: list[Draw]
) -> Iterator[pd.DataFrame]:
    """Fit a probe to each voter and fuse them, one draw after the other.

    Parameters
    ----------
    voters : dict of name -> features float [N, D]
    windows : Windows
    plan : list of Draw
        As from `evaluate.draws`.

    Yields
    ------
    DataFrame
        One row, as `evaluate.voter_gains` takes them: macro-F1 of all, of each voter ``alone``,
        and of all the others ``without`` it.

    Examples
    --------
    >>> from img2imu_kit.evaluate import draws
    >>> X = np.repeat(np.eye(3)[[0, 1]], 4, axis=0)[:, :, None] + np.zeros((8, 3, 5))
    >>> windows = Windows.from_numpy(X, [*"aaaabbbb"], groups=[0, 1] * 4, rate=5)
    >>> voters = {"motion 1": X.mean(axis=2), "motion 2": np.zeros((8, 2))}
    >>> for row in score_voters(voters, windows, list(draws(windows, 1, 1))):
    ...     print(row.macro_f1.item(), row.alone.item())
    1.0 [1.0, 0.3333333333333333]
    """
    if len(voters) < 2:
        raise ParameterError(f"{len(voters)} voter(s), expected two or more")
    features, make = fuse(voters)
    labels = windows.label.astype(str)
    for draw in plan:
        with threadpool_limits(limits=1):
            probe = make(draw.seed).fit(features[draw.train], labels[draw.train])
            votes = probe.votes(features[draw.test])  # log-probabilities [V, N, classes]

        def score(log_p: np.ndarray, draw=draw, classes=probe.classes_) -> float:
            return score_predictions(labels, classes[log_p.argmax(axis=1)], draw)["macro_f1"]

        total = votes.sum(axis=0)
        row = {
            "task": "", "method": _METHOD, "shots": draw.shots, "seed": draw.seed,
            "macro_f1": score(total), "voters": [*voters],
            "alone": [score(vote) for vote in votes],
            "without": [score(total - vote) for vote in votes],
        }  # fmt: skip
        yield pd.DataFrame([row])


def render(state: VoterState, width: int = WIDE) -> Drawing:
    """Draw what each voter is worth as two heat maps, and below them the map of one of them.

    Raises
    ------
    ParameterError
        No such voter.
    """
    if state.voter not in state.voters:
        raise unknown_name("voter", state.voter, state.voters)
    gains, cells = state.gains, state.cells
    rows = 1 + max(row for row, _ in cells.values())
    top = _TOP + rows * _ROW + 40
    side = 310
    pixels = blank(width, top + side + 14)
    alone, gain = gains.loc[[*cells], "alone"], gains.loc[[*cells], "gain"]
    bound = max(float(gain.abs().max()), 2.0)  # less than that is mostly chance, and pale
    for which, (values, low, high, colours, title, form) in enumerate(
        (
            (alone, alone.min(), alone.max(), "cividis", "macro-F1 alone (%)", "{:.0f}"),
            (gain, -bound, bound, "RdBu", "gain to the others (points)", "{:+.1f}"),
        )
    ):
        _heat(pixels, state, which, values, (low, high), colours, title, form)

    values = getattr(state.windows, _COLOURS[state.colour])
    across = min(width - 240, 640)
    title = f"t-SNE of {state.voter}: each point a window, coloured by {state.colour}"
    drawn = panel(pixels, (20, top, across, side), (0, 1), (0, 1), title=title[: width // 7])
    legend = draw_points(drawn, state.xy, values)
    room = side // 18
    below = draw_legend(pixels, (across + 34, top, width - across - 40), legend[:room])
    if len(legend) > room:
        write(pixels, across + 34, below, f"and {len(legend) - room} more")

    seen = len(state.table)
    every = 100 * state.table.macro_f1.mean()
    worth = gains.loc[state.voter]
    said = (
        f"{state.voter}: macro-F1 {worth.alone:.0f} % alone, adds {worth.gain:+.1f} points to the "
        f"others; all {len(state.voters)} together {every:.0f} %"
    )
    how = f"{seen} of {state.draws} draws of people, {state.shots} labels a class"
    best = gains.alone.idxmax()
    alt = (
        f"Two heat maps, layers down and pictures across: macro-F1 of each voter alone, the best "
        f"{best} with {gains.alone.max():.0f} %, and what all others gain by it. Below, a t-SNE "
        f"map of {len(state.xy)} windows by {state.voter}. {said}; {how}."
    )

    def read(x: int, y: int) -> str:
        voter = voter_at(state, width, x, y)
        if not voter:
            return ""
        one = gains.loc[voter]
        return f"{voter}: {one.alone:.1f} % alone, gain {one.gain:+.1f} points"

    return Drawing(pixels, alt, f"{said} ({how})", read)


def code(state: VoterState) -> str:
    """Python that scores the voters, given windows and a network."""
    return (
        "import img2imu_kit as ik\n\n"
        "voters = ik.evaluate.ImageReadout().read(windows, network)\n"
        'methods = {**voters, "all voters": ik.evaluate.fuse(voters)}\n'
        f"table = ik.few_label(methods, windows, shots={state.shots}, seeds={state.draws})\n"
        "ik.summarize(table)"
    )


def voter_at(state: VoterState, width: int, x: int, y: int) -> str:
    """The voter whose cell, in either heat map, lies at a pixel; ``""`` where none does."""
    for which in range(2):
        for name, box in _boxes(state, width, which).items():
            left, top, across, down = box
            if left <= x < left + across and top <= y < top + down:
                return name
    return ""


def _boxes(state: VoterState, width: int, which: int) -> dict[str, tuple[int, int, int, int]]:
    """Left, top, width and height of each cell of one of the two heat maps."""
    cells = state.cells
    columns = 1 + max(column for _, column in cells.values())
    half = min(width // 2, 480)
    across = (half - 70) // columns
    left = 62 + which * half
    return {
        name: (left + column * across, _TOP + row * _ROW, across - 2, _ROW - 2)
        for name, (row, column) in cells.items()
    }


def _heat(pixels, state, which, values, ends, colours, title, form) -> None:
    boxes = _boxes(state, pixels.shape[1], which)
    write(pixels, min(box[0] for box in boxes.values()) - 42, 4, title)
    low, high = ends
    for name, (left, top, across, down) in boxes.items():
        picture, layer = name.rsplit(" ", 1)
        _, column = state.cells[name]
        if column == 0:
            text = f"layer {layer}" if layer.isdigit() else layer
            write(pixels, left - 6, top + down // 2 - 8, text, align=1)
        if name == next(n for n, (_, c) in state.cells.items() if c == column):
            write(pixels, left + across // 2, _TOP - 20, picture[: across // 6], align=0.5)
        level = int(255 * np.clip((values[name] - low) / max(high - low, 1e-9), 0, 1))
        colour = colour_map(colours)[level]
        pixels[top : top + down, left : left + across] = colour
        ink = INK if colour @ (0.3, 0.59, 0.11) > 130 else "white"
        text = form.format(round(values[name], 1) + 0.0).replace("-", "\N{MINUS SIGN}")
        write(pixels, left + across // 2, top + down // 2 - 8, text, ink, align=0.5)
    left, top, across, down = boxes[state.voter]
    frame = pixels[top - 2 : top + down + 2, left - 2 : left + across + 2]
    for inset, tone in ((0, INK), (2, "white")):  # one of two frames is seen on any colour
        part = frame[inset : len(frame) - inset, inset : frame.shape[1] - inset]
        for edge in (part[:2], part[-2:], part[:, :2], part[:, -2:]):
            edge[:] = rgb(tone)


class VoterExplorer(Explorer):
    """See what each layer of each picture is worth, and click one to see its map.

    Every layer of every picture of `ImageReadout` is a voter with a probe of its own, and what
    the probes say is added up (`evaluate.fuse`). One heat map shows how good each is alone, the
    other what all the others gain by it: a voter may be good and yet say nothing new. Scores are
    of few labels and other people, and come in draw by draw.

    Parameters
    ----------
    source : optional
        Recordings or windows, the name of a data set, or a path, with labels. Or a dict of voter
        (``"motion 3"``) -> features [N, D] of `windows`. Default: the shoulder exercises.
    windows : Windows, optional
        What such features describe.
    network : Backbone, optional
        Default: ``"img2imu:walk-sensor"``.
    readout : ImageReadout, optional
        Pictures and layers.
    shots, draws : int
        Labels of each class, and how often people are drawn anew.
    seconds, most, reading
        Of the windows cut from a source, as in `find_windows`.

    Attributes
    ----------
    state : VoterState

    Examples
    --------
    >>> from img2imu_kit import load_dataset, sliding_windows
    >>> cut = sliding_windows(load_dataset("synthetic", subjects=3, seconds=12), 4).select("acc")
    >>> voters = {"motion 1": cut.signal.mean(axis=2), "motion 2": cut.signal.std(axis=2)}
    >>> explorer = VoterExplorer(voters, cut, shots=1, draws=2)
    >>> explorer.wait()
    >>> explorer.state.gains.index.tolist()
    ['motion 1', 'motion 2']
    """

    render = staticmethod(render)
    code = staticmethod(code)

    def __init__(
        self,
        source: Given | Mapping[str, np.ndarray] = None,
        windows: Windows | None = None,
        *,
        network: Backbone | None = None,
        readout: ImageReadout | None = None,
        shots: int = 5,
        draws: int = 5,
        seconds: float = 4.0,
        most: int = 300,
        reading: Mapping[str, Any] | None = None,
    ) -> None:
        if isinstance(source, Mapping):
            if windows is None:
                raise ParameterError("features without the windows that they describe")
            self._voters = {name: np.asarray(values) for name, values in source.items()}
        else:
            windows = find_windows(source, reading, seconds=seconds, most=most)
            network = network or load_backbone(weights="img2imu:walk-sensor")
            self._voters = (readout or ImageReadout()).read(windows, network)
        self._windows = windows
        self._rows: dict[tuple[int, int], pd.DataFrame] = {}  # by shots and seed, each drawn once
        self._xy: dict[tuple[str, int], np.ndarray] = {}
        # One draw and one map at once, so that there is something to see; the rest comes in.
        table = self._score(self._plan(shots, 1)[0])
        best = voter_gains(table, _METHOD).set_index("voter").alone.idxmax()
        near = int(max(2, min(30, (len(windows) - 1) // 3)))
        late = {"continuous_update": False}  # each value costs seconds
        self.controls = {  # by the names of what they set in the state
            "shots": control(
                IntSlider, "shots", "Labels of each class", min=1, max=20, value=shots, **late
            ),
            "draws": control(
                IntSlider, "draws", "Of people, and of labels", min=1, max=20, value=draws, **late
            ),
            "voter": choice("voter", "Whose map is seen; or click", self._voters, value=best),
            "colour": choice("colour by", "What a colour means", _COLOURS),
            "perplexity": control(
                IntSlider, "perplexity", "Neighbours of a point", min=2, max=60, value=near, **late
            ),
        }
        names = tuple(self._voters)
        state = VoterState(
            windows, names, table, best, self._map(best, near), shots=shots, draws=draws
        )
        groups = {
            "few labels": [self.controls["shots"], self.controls["draws"]],
            "map": [self.controls[name] for name in ("voter", "colour", "perplexity")],
        }
        super().__init__(state, groups, "voters")
        for name in ("shots", "draws"):
            self.controls[name].observe(self._asked, "value")
        for name in ("voter", "colour", "perplexity"):
            self.controls[name].observe(self._map_chosen, "value")
        self._asked()

    def _plan(self, shots: int, count: int) -> list[Draw]:
        people = len(set(self._windows.subject)) > 1
        return list(draws(self._windows, shots, count, by="subject" if people else "recording"))

    def _score(self, draw: Draw) -> pd.DataFrame:
        key = draw.shots, draw.seed
        if key not in self._rows:
            (self._rows[key],) = score_voters(self._voters, self._windows, [draw])
        return self._rows[key]

    def _map(self, voter: str, perplexity: int) -> np.ndarray:
        key = voter, perplexity
        if key not in self._xy:
            most = max(1.0, min(perplexity, (len(self._windows) - 1) / 3))
            self._xy[key] = fit_tsne(self._voters[voter], perplexity=most).xy
        return self._xy[key]

    def _asked(self, _change: dict | None = None) -> None:
        """Score as many draws as are wanted, and show each as it comes in."""
        shots, wanted = self.controls["shots"].value, self.controls["draws"].value

        def job() -> None:
            rows = []
            for draw in self._plan(shots, wanted):
                if (shots, wanted) != (self.controls["shots"].value, self.controls["draws"].value):
                    return  # the hand moved on: what comes next is another job
                known = (shots, draw.seed) in self._rows
                rows.append(self._score(draw))
                if not known or len(rows) == wanted:
                    table = pd.concat(rows, ignore_index=True)
                    self.draw(replace(self.state, table=table, shots=shots, draws=wanted))
                if len(rows) < wanted and not known:
                    self.screen.tell(f"Draw {len(rows)} of {wanted}, {shots} labels a class …")

        self.later(f"Scoring {shots} labels a class …", job)

    def _map_chosen(self, _change: dict | None = None) -> None:
        voter, near = self.controls["voter"].value, self.controls["perplexity"].value
        colour = self.controls["colour"].value
        if (voter, near) in self._xy:
            self.draw(replace(self.state, voter=voter, xy=self._map(voter, near), colour=colour))
            return

        def job() -> None:
            xy = self._map(voter, near)
            self.draw(replace(self.state, voter=voter, xy=xy, colour=colour))

        self.later(f"Laying out {len(self._windows)} windows by {voter} …", job)

    def _clicked(self, x: int, y: int) -> None:
        width = self.screen._drawing.pixels.shape[1]  # of the picture that was clicked
        voter = voter_at(self.state, width, x, y)
        if voter:
            self.controls["voter"].value = voter
