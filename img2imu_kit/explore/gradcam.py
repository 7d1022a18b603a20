"""Explore where a network looks, in seconds and Hz, and in the signal itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from ipywidgets import FloatSlider, IntSlider

from ..errors import ParameterError, SignalError
from ..explain.gradcam import ATTRIBUTIONS, focus, grad_cam, salient_signal
from ..explain.gradcam import directions as probe_directions
from ..models.backbone import Backbone, load_backbone
from ..pictures.image import to_image
from ..pictures.params import SpectrogramParams, presets, resolve
from ..plots.style import COLOURS
from ..signals.axes import channel_index
from ..signals.windows import Windows
from .base import WIDE, Explorer
from .canvas import Drawing, blank, colour_map, panel
from .controls import choice, control
from .panels import picture_edges, picture_panel, signal_panel, window_recording
from .sources import Given, find_windows

__all__ = ["GradCamExplorer", "GradCamState", "code", "render"]

#: Settings of a caller that no preset has.
_GIVEN = "as given"
#: What time is shaded with where it counts most.
_SHADE = np.array([255, 200, 120])


@dataclass(frozen=True, eq=False)
class GradCamState:
    """All that a picture of the explorer depends on."""

    backbone: Backbone
    windows: Windows
    directions: Mapping[str, np.ndarray]  # class -> [D], as from `explain.directions`
    point: int = 0  # the window that is looked at
    target: str = ""  # the class that it is asked about
    layer: int = 1  # where features are read
    at: int = 1  # where the map is taken
    pool: str = "gap"
    method: str = "grad-cam"
    strength: float = 0.7  # of the overlay, 0 to 1
    params: SpectrogramParams = field(default_factory=SpectrogramParams)


def render(state: GradCamState, width: int = WIDE) -> Drawing:
    """Draw a window, its picture, and where that speaks for a class, over seconds and Hz.

    Raises
    ------
    Img2ImuError
        No such window, class or layer.
    """
    windows, params = state.windows, state.params
    if not 0 <= state.point < len(windows) or state.target not in state.directions:
        raise ParameterError(
            f"window {state.point} of {len(windows)}, class {state.target!r}",
            remedy=f"There are: {', '.join(state.directions)}.",
        )
    window = window_recording(windows, state.point)
    image = to_image(window, params=params)  # [1, 3, H, W]
    heat = grad_cam(
        state.backbone,
        image,
        state.directions[state.target],
        layer=state.layer,
        at=state.at,
        pool=state.pool,
        method=state.method,
    )  # [1, H, W]
    (place,) = focus(heat, rate=window.rate, seconds=window.seconds, params=params).itertuples()
    most = heat.max()
    level = heat[0] / most if most > 0 else heat[0]
    label = windows.label[state.point] or "unlabelled"
    # Rows of the map run from high frequency to low: turned for a line from left to right.
    weights = {"time (s)": level.mean(axis=0), "frequency (Hz)": level.mean(axis=1)[::-1]}

    narrow = width < 800
    across = width - 86  # what is left beside the numbers of an axis
    tall, square = (78, 128) if narrow else (100, 190)
    pixels = blank(width, 2 * (tall + 66) + square + 166)
    title = f"window {state.point}: {label}, {window.subject}"
    edges, chosen = picture_edges(window, params), channel_index(windows.axes, params.channels)
    title += "" if narrow else "; shaded where it looks"
    drawn = signal_panel(pixels, (66, 24, across, tall), window, chosen, title, names=not narrow)
    _shade(drawn.pixels, weights["time (s)"], edges[0], drawn.x)
    kept = salient_signal(window.signal.T[None], level[None], window.rate, params)[0].T
    seen = replace(window, signal=kept)
    top = tall + 90
    title = "the part where it looks" if narrow else "the part of it that lies where it looks"
    signal_panel(pixels, (66, top, across, tall), seen, chosen, title, names=narrow)

    picture = image[0].transpose(1, 2, 0)  # [H, W, 3]
    warm = colour_map("inferno")[(level * 255).astype(np.uint8)]  # [H, W] -> [H, W, 3]
    share = (state.strength * level[:, :, None]).astype(np.float32)  # none where nothing is seen
    mixed = (picture + share * (warm.astype(np.float32) - picture)).astype(np.uint8)
    shown = {"its picture": picture, "and where it looks": mixed, f"for {state.target}": warm}
    top += tall + 66
    step = (across + 22) // len(shown)
    for i, (title, each) in enumerate(shown.items()):
        box, ylabel = (66 + step * i, top, step - 28, square), "" if i else "frequency (Hz)"
        marks = edges if i == 0 or not narrow else None
        picture_panel(pixels, box, each, title[: step // 7], marks, ylabel=ylabel)
    top += square + 66
    half = (across - 30) // 2
    for i, (scale, (xlabel, weight)) in enumerate(zip(edges, weights.items(), strict=True)):
        title = f"weight over {xlabel.split(' (')[0]}"
        ends = (0, max(weight.max(), 1e-6) * 1.1)
        box = (66 + i * (half + 30), top, half, 40)
        panel(pixels, box, scale, ends, title=title, xlabel=xlabel).trace(weight, COLOURS[3])
    note = (
        f"window {state.point} ({label}) asked about {state.target}: looks at "
        f"{place.frequency_hz:.3g} Hz (spread {place.frequency_spread_hz:.2g}) and "
        f"{window.start_s + place.time_s:.4g} s (spread {place.time_spread_s:.2g})"
        if most > 0
        else f"window {state.point} ({label}): nothing speaks for {state.target}"
    )
    alt = (
        f"The signal of {window.seconds:.3g} s while {label}, shaded where it counts; the part of "
        f"it that counts; its spectrogram picture; and a heat map of where layer {state.at} speaks "
        f"for {state.target}, also as weights over time and over frequency. {note}."
    )
    return Drawing(pixels, alt, note)


def code(state: GradCamState) -> str:
    """Python that asks a network the same of all windows, given both."""
    differs = {
        name: value
        for name, value in vars(state.params).items()
        if value != getattr(SpectrogramParams(), name)
    }
    settings = "".join(f", {name}={value!r}" for name, value in differs.items())
    reading = f"layer={state.layer}, pool={state.pool!r}"
    return (
        "import img2imu_kit as ik\n\n"
        f"images = ik.to_image(windows{settings})\n"
        f"features = network.features(images, {reading})\n"
        "directions = ik.explain.directions(features, windows.label)\n"
        f"maps = ik.explain.grad_cam(network, images, directions[{state.target!r}], {reading}, "
        f"at={state.at}, method={state.method!r})"
    ).replace("'", '"')


def _shade(pixels: np.ndarray, weight: np.ndarray, span, scale) -> None:
    """Tint a panel [H, W, 3] behind its lines by weights [S] over a span of its scale."""
    x = np.linspace(scale[0], scale[-1], pixels.shape[1])
    steps = np.linspace(span[0], span[-1], len(weight))
    level = np.interp(x, steps, weight / max(weight.max(), 1e-9), left=0, right=0)
    tint = 255 - level[:, None] * (255 - _SHADE)  # [W, 3], white where nothing counts
    np.minimum(pixels, tint.astype(np.uint8)[None], out=pixels)  # lines are darker than any tint


class GradCamExplorer(Explorer):
    """See which seconds and frequencies of a window speak for a class.

    The class is that of a linear probe on the network's features, fitted to the windows, unless
    directions are given. The signal is shaded where the evidence lies, and below it stands what
    of the signal lies there (`explain.salient_signal`).

    Parameters
    ----------
    source : optional
        Labelled recordings or windows, the name of a data set, or a path. A `Backbone` may stand
        here and its windows behind it. Default: the shoulder exercises.
    windows : optional
        What a backbone in the first place reads: as `source`.
    backbone : Backbone, optional
        Default: ``"img2imu:walk-sensor"``.
    directions : dict of class -> float [D], optional
        As from `explain.directions`.
    layer, pool
        The features, as in `Backbone.features`. Default: layer 3 in a grid; of a backbone that is
        given layer 1, averaged.
    seconds, most, reading
        Of the windows cut from a source, as in `find_windows`.
    params, **overrides
        Of the pictures, as in `resolve`. Default: ``"motion"``; of a backbone that is given, that
        of `resolve`.

    Attributes
    ----------
    state : GradCamState

    Examples
    --------
    >>> import img2imu_kit as ik
    >>> windows = ik.sliding_windows(ik.load_dataset("synthetic", subjects=2, seconds=8), seconds=4)
    >>> explorer = GradCamExplorer(ik.load_backbone("resnet10t"), windows)
    """

    render = staticmethod(render)
    code = staticmethod(code)

    def __init__(
        self,
        source: Given | Backbone = None,
        windows: Given = None,
        *,
        backbone: Backbone | None = None,
        directions: Mapping[str, np.ndarray] | None = None,
        layer: int | None = None,
        pool: str | None = None,
        seconds: float = 4.0,
        most: int = 300,
        reading: Mapping[str, Any] | None = None,
        params: str | SpectrogramParams | None = None,
        **overrides,
    ) -> None:
        if isinstance(source, Backbone):
            source, backbone = windows, source
        if backbone is None:
            backbone = load_backbone(weights="img2imu:walk-sensor")
            layer, pool = 3 if layer is None else layer, pool or "grid"
            params = params or "motion"
        layer, pool = 1 if layer is None else layer, pool or "gap"
        windows = find_windows(source, reading, seconds=seconds, most=most)
        if isinstance(params, str) and not overrides:
            name, ways = params, [*presets()]
        else:
            name, ways = _GIVEN, [_GIVEN, *presets()]
        params = self._custom = resolve(params, **overrides)
        layers = backbone.layers()
        layer %= len(layers)
        self._read_at, self._windows, self._backbone = (layer, pool), windows, backbone
        self._directions = {name: directions} if directions is not None else {}
        directions = self._towards(name)
        state = GradCamState(
            backbone,
            windows,
            directions,
            target=windows.label[0] if windows.label[0] in directions else next(iter(directions)),
            layer=layer,
            at=layer,
            pool=pool,
            # Averaged over places, a channel has one weight; in a grid each place has its own.
            method="grad-cam" if pool == "gap" else "hires-cam",
            params=params,
        )
        # Nothing after the layer that is read has a say in the score.
        named = [
            (f"{i}: {row.module}, stride {row.stride}", i)
            for i, row in enumerate(layers[: layer + 1].itertuples())
        ]
        self.controls = {  # by the names of what they set in the state
            "point": control(IntSlider, "window", "The window looked at", max=len(windows) - 1),
            "target": choice("class", "What it is asked about", directions),
            "at": choice("layer", "Whose map is looked at: early is fine", named),
            "method": choice("method", "Weights by channel or place", ATTRIBUTIONS),
            "strength": control(FloatSlider, "overlay", "Of the heat map", max=1, step=0.05),
        }
        for key, widget in self.controls.items():
            widget.value = getattr(state, key)
            widget.observe(self._changed, "value")
        self.picture = choice("picture", "What the network reads", ways, value=name)
        self.picture.observe(self._picture_chosen, "value")
        groups = {
            "question": [self.controls["point"], self.controls["target"]],
            "read-out": [self.picture, *(self.controls[n] for n in ("at", "method", "strength"))],
        }
        super().__init__(state, groups, "grad-cam")

    def _params(self, name: str) -> SpectrogramParams:
        return self._custom if name == _GIVEN else resolve(name)

    def _towards(self, name: str) -> Mapping[str, np.ndarray]:
        """What speaks for each class in pictures of a kind: a probe fitted to them once."""
        if name not in self._directions:
            windows = self._windows[self._windows.label != ""]
            if len(windows.classes) < 2:
                raise SignalError(
                    f"{len(windows.classes)} class(es), and Grad-CAM asks what speaks for one of "
                    "several",
                    remedy="Read recordings with labels, or give directions.",
                )
            layer, pool = self._read_at
            images = to_image(windows, params=self._params(name))
            features = self._backbone.features(images, layer=layer, pool=pool)
            self._directions[name] = probe_directions(features, windows.label)
        return self._directions[name]

    def _picture_chosen(self, change: dict) -> None:
        name = change["new"]

        def job() -> None:
            towards = self._towards(name)
            self.draw(replace(self.state, params=self._params(name), directions=towards))

        self.later(f"Reading {len(self._windows)} pictures ({name}) …", job)

    def _read(self) -> GradCamState:
        shown = {name: widget.value for name, widget in self.controls.items()}
        return replace(self.state, **shown)
