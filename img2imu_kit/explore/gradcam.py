"""Explore where a network looks, in seconds and Hz."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from ipywidgets import Dropdown, FloatSlider, IntSlider

from ..explain.gradcam import ATTRIBUTIONS
from ..explain.gradcam import directions as probe_directions
from ..models.backbone import Backbone
from ..pictures.image import to_image
from ..pictures.params import SpectrogramParams, resolve
from ..signals.windows import Windows
from .base import Explorer
from .controls import control
from .gradcam_view import GradCamState, render

__all__ = ["GradCamExplorer"]


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
            "point": control(
                IntSlider, "window", "The window that is looked at", max=len(windows) - 1
            ),
            "target": control(
                Dropdown, "class", "What it is asked about", options=list(directions)
            ),
            "at": control(
                Dropdown, "layer", "Whose map is looked at: early is fine", options=named
            ),
            "method": control(
                Dropdown, "method", "Weights by channel or place", options=ATTRIBUTIONS
            ),
            "strength": control(
                FloatSlider, "overlay", "Strength of the overlay", max=1, step=0.05
            ),
        }
        for name, widget in self.controls.items():
            widget.value = getattr(state, name)
            widget.observe(self._changed, "value")
        super().__init__(state, [*self.controls.values()], "grad-cam")

    def _read(self) -> GradCamState:
        shown = {name: widget.value for name, widget in self.controls.items()}
        return replace(self.state, **shown)
