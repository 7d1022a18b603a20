"""Where a network looks on one window's picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..errors import ParameterError
from ..explain.gradcam import focus, grad_cam
from ..models.backbone import Backbone
from ..pictures.image import to_image
from ..pictures.params import resolve
from ..plots.style import COLOURS
from ..signals.axes import channel_index
from ..signals.recording import Recording
from ..signals.windows import Windows
from .canvas import Drawing, blank, colour_map, panel
from .spectrogram_state import extent
from .spectrogram_view import legend, signal_panel

__all__ = ["GradCamState", "render"]


@dataclass(frozen=True, eq=False)
class GradCamState:
    """All that a picture of the explorer depends on.

    Parameters
    ----------
    backbone : Backbone
    windows : Windows
    directions : dict of class -> float [D]
        As from `explain.directions`.
    point : int
        The window that is looked at.
    target : str
        The class that it is asked about.
    layer, at : int
        Where features are read, and where the map is taken.
    pool, method : str
        As in `grad_cam`.
    strength : float
        Of the overlay, 0 to 1.
    preset : str
        Settings of the pictures.
    changes : mapping
        Settings that differ from the preset's.
    """

    backbone: Backbone
    windows: Windows
    directions: Mapping[str, np.ndarray]
    point: int = 0
    target: str = ""
    layer: int = 1
    at: int = 1
    pool: str = "gap"
    method: str = "grad-cam"
    strength: float = 0.7
    preset: str = "default"
    changes: Mapping[str, object] = field(default_factory=dict)


def render(state: GradCamState) -> Drawing:
    """Draw a window, its picture, and where that speaks for a class, over seconds and Hz.

    Parameters
    ----------
    state : GradCamState

    Returns
    -------
    Drawing

    Raises
    ------
    Img2ImuError
        No such window, class or layer.
    """
    windows, params = state.windows, resolve(state.preset, **state.changes)
    if not 0 <= state.point < len(windows) or state.target not in state.directions:
        raise ParameterError(
            f"window {state.point} of {len(windows)}, class {state.target!r}",
            remedy=f"There are: {', '.join(state.directions)}.",
        )
    one = windows[state.point]
    image = to_image(one, params=params)
    (heat,) = grad_cam(
        state.backbone,
        image,
        state.directions[state.target],
        layer=state.layer,
        at=state.at,
        pool=state.pool,
        method=state.method,
    )
    (place,) = focus(heat[None], rate=one.rate, seconds=one.seconds, params=params).itertuples()
    recording = Recording(one.signal[0].T, one.rate, axes=one.axes, start_s=float(one.start_s[0]))
    chosen = channel_index(one.axes, params.channels)
    across, up = extent(recording, params)
    label = one.label[0] or "unlabelled"

    pixels = blank(1080, 600)
    units = ", ".join(dict.fromkeys(one.unit[i] for i in chosen))
    labels = {"xlabel": "time (s)", "ylabel": units or "signal"}
    title = f"window {state.point}: {label}, subject {one.subject[0]}"
    signal_panel(pixels, (66, 24, 994, 110), recording, chosen, title=title, **labels)
    legend(pixels, 1060, 4, [one.axes[i] for i in chosen])

    picture = image[0].transpose(1, 2, 0)
    level = heat / heat.max() if heat.max() > 0 else heat
    warm = colour_map("inferno")[(level * 255).astype(np.uint8)]
    share = (state.strength * level[:, :, None]).astype(np.float32)
    mixed = (picture + share * (warm.astype(np.float32) - picture)).astype(np.uint8)
    labels = {"xlabel": "time (s)", "ylabel": "frequency (Hz)"}
    for left, title, shown in ((66, "its picture", picture), (400, "and where it looks", mixed)):
        panel(pixels, (left, 220, 290, 220), across, up, title=title, **labels).image(shown)
        labels = {"xlabel": "time (s)"}
    title = f"for {state.target}"
    panel(pixels, (734, 220, 290, 220), across, up, title=title, **labels).image(warm)
    for left, axis, scale, name in (
        (66, 0, across, "time (s)"),
        (600, 1, up, "frequency (Hz)"),
    ):
        mean = level.mean(axis=axis)
        drawn = panel(
            pixels,
            (left, 510, 440, 46),
            scale,
            (0, max(mean.max(), 1e-6) * 1.1),
            xlabel=name,
            title="weight over " + name.split(" (")[0],
        )
        drawn.trace(mean[::-1] if axis else mean, COLOURS[3])
    note = (
        f"window {state.point} ({label}) asked about {state.target}: looks at "
        f"{place.frequency_hz:.3g} Hz (spread {place.frequency_spread_hz:.2g}) and "
        f"{recording.start_s + place.time_s:.4g} s (spread {place.time_spread_s:.2g})"
        if heat.max() > 0
        else f"window {state.point} ({label}): nothing speaks for {state.target}"
    )
    alt = (
        f"The signal of {one.seconds:.3g} s while {label}, its spectrogram picture, and a heat map "
        f"of where layer {state.at} speaks for {state.target}, also as weights over time and "
        f"over frequency. {note}."
    )
    return Drawing(pixels, alt, note)
