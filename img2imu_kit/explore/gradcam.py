"""Explore where a network looks, in seconds and Hz."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import ipywidgets as widgets
import numpy as np

from ..explain.gradcam import ATTRIBUTIONS, directions
from ..models.backbone import Backbone
from ..pictures.image import to_image
from ..pictures.params import SpectrogramParams, resolve
from ..signals.windows import Windows
from .base import Explorer, control
from .gradcam_view import GradCamState, render
from .spectrogram import settings_of

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
        if directions is None:
            images = to_image(windows, params=resolve(params, **overrides))
            directions = probe_directions(backbone, images, windows.label, layer, pool)
        layers = backbone.layers()
        layer %= len(layers)
        preset, changes = settings_of(params, overrides)
        state = GradCamState(
            backbone,
            windows,
            directions,
            target=windows.label[0] if windows.label[0] in directions else next(iter(directions)),
            layer=layer,
            at=layer,
            pool=pool,
            method="grad-cam" if pool == "gap" else "hires-cam",
            preset=preset,
            changes=changes,
        )
        named = [
            (f"{i}: {row.module}, stride {row.stride}", i)
            for i, row in enumerate(layers.itertuples())
            if i <= layer
        ]
        controls = {
            "point": control(
                widgets.IntSlider, "window", "The window that is looked at", max=len(windows) - 1
            ),
            "target": control(
                widgets.Dropdown, "class", "What it is asked about", options=list(directions)
            ),
            "at": control(
                widgets.Dropdown, "layer", "Whose map is looked at: early is fine", options=named
            ),
            "method": control(
                widgets.Dropdown, "method", "Weights by channel or place", options=ATTRIBUTIONS
            ),
            "strength": control(
                widgets.FloatSlider, "overlay", "Strength of the overlay", max=1, step=0.05
            ),
        }
        for name, widget in controls.items():
            widget.value = getattr(state, name)
        self.controls = controls
        super().__init__(state, list(controls.values()), "grad-cam")
        for name, widget in controls.items():
            widget.observe(
                lambda change, name=name: self.draw(replace(self.state, **{name: change["new"]})),
                "value",
            )


def probe_directions(
    backbone: Backbone, images: np.ndarray, labels: np.ndarray, layer: int, pool: str
) -> dict[str, np.ndarray]:
    """Directions of a linear probe on the features of these pictures."""
    return directions(backbone.features(images, layer=layer, pool=pool), labels)
