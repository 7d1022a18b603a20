"""Explore where a network looks, in seconds and Hz."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from ipywidgets import FloatSlider, IntSlider

from ..errors import ParameterError
from ..explain.gradcam import ATTRIBUTIONS, focus, grad_cam
from ..explain.gradcam import directions as probe_directions
from ..models.backbone import Backbone
from ..pictures.image import to_image
from ..pictures.params import SpectrogramParams, resolve
from ..plots.style import COLOURS
from ..signals.axes import channel_index
from ..signals.windows import Windows
from .base import WIDE, Explorer
from .canvas import Drawing, blank, colour_map, panel
from .controls import choice, control
from .panels import picture_edges, picture_panel, signal_panel, window_recording

__all__ = ["GradCamExplorer", "GradCamState", "render"]


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

    pixels = blank(1080, 600)
    title = f"window {state.point}: {label}, subject {window.subject}"
    chosen = channel_index(windows.axes, params.channels)
    signal_panel(pixels, (66, 24, 994, 110), window, chosen, title)

    picture = image[0].transpose(1, 2, 0)  # [H, W, 3]
    warm = colour_map("inferno")[(level * 255).astype(np.uint8)]  # [H, W] -> [H, W, 3]
    share = (state.strength * level[:, :, None]).astype(np.float32)  # none where nothing is seen
    mixed = (picture + share * (warm.astype(np.float32) - picture)).astype(np.uint8)
    edges = picture_edges(window, params)
    drawn = {"its picture": picture, "and where it looks": mixed, f"for {state.target}": warm}
    for i, (title, shown) in enumerate(drawn.items()):
        box, ylabel = (66 + 334 * i, 220, 290, 220), "" if i else "frequency (Hz)"
        picture_panel(pixels, box, shown, title, edges, ylabel=ylabel)
    # Rows of the map run from high frequency to low: turned for a line from left to right.
    weights = {"time (s)": level.mean(axis=0), "frequency (Hz)": level.mean(axis=1)[::-1]}
    for left, scale, (xlabel, weight) in zip((66, 600), edges, weights.items(), strict=True):
        title = f"weight over {xlabel.split(' (')[0]}"
        ends = (0, max(weight.max(), 1e-6) * 1.1)
        box = (left, 510, 440, 46)
        panel(pixels, box, scale, ends, title=title, xlabel=xlabel).trace(weight, COLOURS[3])
    note = (
        f"window {state.point} ({label}) asked about {state.target}: looks at "
        f"{place.frequency_hz:.3g} Hz (spread {place.frequency_spread_hz:.2g}) and "
        f"{window.start_s + place.time_s:.4g} s (spread {place.time_spread_s:.2g})"
        if most > 0
        else f"window {state.point} ({label}): nothing speaks for {state.target}"
    )
    alt = (
        f"The signal of {window.seconds:.3g} s while {label}, its spectrogram picture, and a heat "
        f"map of where layer {state.at} speaks for {state.target}, also as weights over time and "
        f"over frequency. {note}."
    )
    return Drawing(pixels, alt, note)


class GradCamExplorer(Explorer):
    """See which seconds and frequencies of a window speak for a class.

    The class is that of a linear probe on the network's features, fitted to the windows, unless
    directions are given.

    Parameters
    ----------
    backbone : Backbone
        A convolutional network.
    windows : Windows
        Labelled.
    directions : dict of class -> float [D], optional
        As from `explain.directions`.
    layer, pool
        The features, as in `Backbone.features`.
    params, **overrides
        Of the pictures, as in `resolve`.

    Attributes
    ----------
    state : GradCamState
    """

    render = staticmethod(render)

    def __init__(
        self,
        backbone: Backbone,
        windows: Windows,
        *,
        directions: Mapping[str, np.ndarray] | None = None,
        layer: int = 1,
        pool: str = "gap",
        params: str | SpectrogramParams | None = None,
        **overrides,
    ) -> None:
        params = resolve(params, **overrides)
        if directions is None:
            images = to_image(windows, params=params)
            directions = probe_directions(
                backbone.features(images, layer=layer, pool=pool), windows.label
            )
        layers = backbone.layers()
        layer %= len(layers)
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
        for name, widget in self.controls.items():
            widget.value = getattr(state, name)
            widget.observe(self._changed, "value")
        super().__init__(state, {"network": [*self.controls.values()]}, "grad-cam")

    def _read(self) -> GradCamState:
        shown = {name: widget.value for name, widget in self.controls.items()}
        return replace(self.state, **shown)
