"""Two settings of a picture side by side: how they differ, and what each is worth to a network."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np

from ..errors import FormatError, ParameterError, SplitError
from ..evaluate.image_readout import ImageReadout
from ..evaluate.probes import fuse
from ..evaluate.scores import few_label
from ..models.backbone import Backbone, load_backbone
from ..pictures.params import SpectrogramParams, resolve
from ..plots.style import COLOURS
from ..signals.gravity import remove_gravity
from .canvas import INK, panel, rgb, write
from .sources import Source

__all__ = ["READERS", "Score", "Setting", "differences", "score_panel", "score_setting"]

#: Who reads the pictures that are scored: a name to weights, or to none.
READERS = {"pixels, no network": None, "img2imu:walk-sensor": "img2imu:walk-sensor"}
#: At most so many windows are scored, evenly from all: it is waited for.
_MOST, _AT_ONCE, _DRAWS = 600, 64, 5


@dataclass(frozen=True, eq=False)
class Setting:
    """What becomes of a window: a preset, what differs from it, and whether gravity stays."""

    preset: str = "default"
    changes: Mapping[str, object] = field(default_factory=dict)
    gravity: bool = True

    def params(self) -> SpectrogramParams:
        """The settings of the picture, or a `ParameterError` for a contradiction."""
        return resolve(self.preset, **self.changes)

    def to_json(self) -> str:
        """As text that `from_json` reads.

        Examples
        --------
        >>> Setting("motion", {"cycles": 5.0}).to_json()
        '{"preset": "motion", "changes": {"cycles": 5.0}, "gravity": true}'
        """
        return json.dumps(vars(self) | {"changes": dict(self.changes)})

    @classmethod
    def from_json(cls, text: str | bytes, where: str = "settings") -> Setting:
        """A setting that was saved.

        Raises
        ------
        FormatError
            Not JSON, or JSON of something else.
        ParameterError
            A preset or a setting that does not exist, or a value out of range.
        """
        try:
            content = json.loads(text)
        except ValueError:
            raise FormatError("not JSON", where=where, remedy=_SAVED) from None
        known = [entry.name for entry in fields(cls)]
        if not isinstance(content, dict) or not {"preset"} <= set(content) <= set(known):
            expected = f"JSON, but not an object of {', '.join(known)}"
            raise FormatError(expected, where=where, remedy=_SAVED)
        changes, gravity = content.get("changes", {}), content.get("gravity", True)
        if not isinstance(changes, dict) or not isinstance(gravity, bool):
            raise FormatError("changes is no object or gravity no truth", where=where)
        # Lists, as JSON has them, are tuples here.
        changes = {k: tuple(v) if isinstance(v, list) else v for k, v in changes.items()}
        try:
            resolve(content["preset"], **changes)
        except ParameterError as error:
            error.where = where
            raise
        return cls(content["preset"], changes, gravity)


_SAVED = "Choose a file that was saved here."


def differences(a: Setting, b: Setting) -> list[str]:
    """What differs from one setting to another.

    Examples
    --------
    >>> differences(Setting(), Setting("fine-time", gravity=False))
    ['n_fft 64 → 24', 'hop 4 → 2', 'gravity kept → removed']
    """
    # The transform first: from one to the other nearly all else differs, too.
    before, after = (
        {"transform": "", **vars(each.params()), "gravity": "kept" if each.gravity else "removed"}
        for each in (a, b)
    )
    return [
        f"{name} {_words(before[name])} \N{RIGHTWARDS ARROW} {_words(after[name])}"
        for name in after
        if before[name] != after[name]
    ]


@dataclass(frozen=True, eq=False)
class Score:
    """Macro-F1 of pictures by few labels."""

    values: np.ndarray  # float [draws]
    chance: float
    about: str  # whose, of how many windows

    @property
    def mean(self) -> float:
        """Over the draws of people and labels."""
        return float(self.values.mean())


def score_setting(
    source: Source,
    setting: Setting,
    seconds: float,
    reader: str = "pixels, no network",
    shots: int = 5,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Score:
    """What a picture is worth: people are held out, and few windows of each class are labelled.

    Parameters
    ----------
    source : Source
        Its recordings are cut into windows; those that have a label count.
    setting : Setting
    seconds : float
        Length of a window.
    reader : str
        A key of `READERS`.
    shots : int
        Labels of each class.
    tell : callable
        Called with the number of windows that were read, and of all.

    Raises
    ------
    Img2ImuError
        Why no score can be had: no labels, one person, classes or windows too few.
    """
    params = setting.params()
    recordings = source.recordings
    labelled = [each for each in recordings if each.classes]
    if not labelled:
        raise SplitError(
            "no score: none of the recordings has a label",
            remedy="Read them with labels, in a cell: SpectrogramExplorer(path, "
            'reading={"labels": "folder"}).',
        )
    people = {each.subject for each in labelled}
    if source.given is not None:
        people = set(source.given.subject[source.given.label != ""])
    if len(people) < 2:
        raise SplitError(
            f"no score: all labels are of one person ({next(iter(people)) or 'unnamed'})",
            remedy="Who trains must not be tested: add recordings of somebody else, with "
            'subjects (in a cell: reading={"subject": ...}).',
        )
    moved = source if setting.gravity else without_gravity(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of short recordings and rare classes: said in `about`
        windows = moved.cut(seconds)
        windows = windows[windows.label != ""]
        windows = windows[np.unique(np.linspace(0, len(windows) - 1, _MOST).astype(int))]
        readout = ImageReadout(pictures=(params,), layers=(1, 2, 3, 4))
        backbone = _network(READERS[reader])
        parts = []
        for start in range(0, len(windows), _AT_ONCE):
            tell(start, len(windows))
            parts.append(readout.read(windows[start : start + _AT_ONCE], backbone))
        tell(len(windows), len(windows))
        voters = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        table = few_label({"it": fuse(voters)}, windows, shots=shots, seeds=_DRAWS, cap=True)
    classes = len(windows.classes)
    about = f"{len(windows)} windows of {len(people)} people, {classes} classes"
    return Score(table.macro_f1.to_numpy(), 1 / classes, about)


def without_gravity(source: Source) -> Source:
    """The same motion, without what an accelerometer feels at rest."""
    recordings = tuple(remove_gravity(each) for each in source.recordings)
    given = None if source.given is None else remove_gravity(source.given)
    return replace(source, recordings=recordings, given=given)


def score_panel(
    pixels: np.ndarray, box: tuple[int, int, int, int], scores: Mapping[str, Score], title: str
) -> None:
    """Draw scores as bars, each draw as a dot, and chance as a line."""
    height = box[3]
    drawn = panel(pixels, box, (0, 1), (0, 1), title=title, xlabel="macro-F1")
    step = height // max(len(scores), 1)
    for i, (name, score) in enumerate(scores.items()):
        (end, chance), row = drawn.columns(score.mean, score.chance), i * step
        drawn.pixels[row + 3 : row + step - 3, :end] = rgb("#9ecae1" if i else "#c6c6c6")
        for column in drawn.columns(*score.values):
            drawn.pixels[row + step // 2 - 2 : row + step // 2 + 3, column : column + 4] = rgb(INK)
        drawn.pixels[row + 3 : row + step - 3, chance : chance + 2] = rgb(COLOURS[3])
        write(drawn.pixels, 6, row + step // 2 - 8, f"{name} {score.mean:.2f}")


_networks: dict[str, Backbone] = {}


def _network(weights: str | None) -> Backbone | None:
    """A network, loaded once."""
    if weights is None:
        return None
    if weights not in _networks:
        _networks[weights] = load_backbone(weights=weights)
    return _networks[weights]


def _words(value: object) -> str:
    if isinstance(value, tuple):
        return " to ".join(map(_words, value))
    if value is None:
        return "none"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text.replace("-", "\N{MINUS SIGN}") if isinstance(value, float | int) else text
