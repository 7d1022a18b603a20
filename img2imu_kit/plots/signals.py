"""Every figure, alt text with each; here those of motion, their axes in seconds and Hz."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from ..errors import ParameterError, SignalError
from ..pictures.params import SpectrogramParams, resolve
from ..pictures.stft import grid, scaled, spectrogram
from ..signals.recording import Recording, axis_index
from ..signals.windows import Windows
from .style import COLOURS, axes_or_new, set_alt_text

__all__ = ["plot_image", "plot_images", "plot_signal", "plot_spectrogram"]


def plot_signal(signal: Recording | Windows, index: int = 0, *, ax: Axes | None = None) -> Axes:
    """Draw a recording, or one of several windows, axis by axis over time in seconds."""
    ax = axes_or_new(ax)
    if isinstance(signal, Windows):
        _inside(index, len(signal))
        values, label = signal.signal[index].T, signal.label[index]
        times_s = signal.start_s[index] + np.arange(len(values)) / signal.rate
    else:
        values, label, times_s = signal.signal, ", ".join(signal.classes), signal.times_s
    for i, name in enumerate(signal.axes):
        ax.plot(times_s, values[:, i], color=COLOURS[i % len(COLOURS)], lw=1, label=name)
    units = [unit for unit in dict.fromkeys(signal.unit) if unit]
    ax.set(
        xlabel="time (s)", ylabel=f"signal ({', '.join(units)})" if units else "signal", title=label
    )
    ax.margins(x=0, y=0.15)  # room for the legend
    ax.legend(ncols=3, fontsize="small", loc="upper right")
    return set_alt_text(
        ax,
        f"Lines over {times_s[0]:.1f} to {times_s[-1]:.1f} s of {', '.join(signal.axes)}"
        f"{f' while {label}' if label else ''}, between {values.min():.3g} and "
        f"{values.max():.3g} {' and '.join(units)}".rstrip(),
    )


def plot_spectrogram(
    signal: Recording | Windows | np.ndarray,
    index: int = 0,
    *,
    axis: int | str = 0,
    rate: float | None = None,
    params: str | SpectrogramParams | None = None,
    ax: Axes | None = None,
    **overrides,
) -> Axes:
    """Draw the power of one axis of one window in dB, over seconds and Hz.

    Parameters
    ----------
    signal, rate, params, **overrides
        As in `spectrogram`. Fixed limits in dB become the ends of the colour bar.
    index : int
        Which window.
    axis : int or str
        Which axis, by position or name.
    ax : Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    if isinstance(signal, Windows):
        _inside(index, len(signal))
        signal, index = signal[[index]], 0  # nothing is computed for the others
    found = spectrogram(signal, rate, params, **overrides)
    _inside(index, len(found.power))
    if isinstance(axis, str):
        axis = axis_index(found.axes, axis, where="axis")[0]
    _inside(axis, len(found.axes))
    decibels = scaled(np.asarray(found.power[index, axis]), "db")
    settings = found.params
    fixed = settings.scale == "db" and not isinstance(settings.range, str)
    low, high = settings.range if fixed else (decibels.min(), decibels.max())
    ax = axes_or_new(ax)
    picture = ax.pcolormesh(
        found.times_s, found.freqs_hz, decibels, shading="nearest", vmin=low, vmax=high
    )
    ax.figure.colorbar(picture, ax=ax, label="power (dB)")
    ax.set(xlabel="time (s)", ylabel="frequency (Hz)", title=found.axes[axis])
    peak_hz = found.freqs_hz[decibels.mean(axis=1).argmax()]
    return set_alt_text(
        ax,
        f"Spectrogram of {found.axes[axis]}, {found.times_s[0]:.2g} to {found.times_s[-1]:.3g} s, "
        f"{found.freqs_hz[0]:.3g} to {found.freqs_hz[-1]:.3g} Hz, {low:.0f} to {high:.0f} dB; "
        f"on average strongest at {peak_hz:.3g} Hz",
    )


def plot_image(
    image: np.ndarray,
    *,
    rate: float,
    seconds: float,
    params: str | SpectrogramParams | None = None,
    ax: Axes | None = None,
    **overrides,
) -> Axes:
    """Draw a picture made by `to_image`, with the seconds and Hz that its pixels stand for.

    Parameters
    ----------
    image : uint8 [3, H, W]
    rate, seconds : float
        Of the window that it shows.
    params, **overrides
        With which it was made.
    ax : Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[0] != 3:
        raise SignalError(
            f"image is {image.dtype} {image.shape}, expected uint8 (3, H, W)",
            where="plot_image",
            remedy="Of a batch, choose one: images[0].",
        )
    params = resolve(params, **overrides)
    _, freqs_hz, times_s = grid((1, 1, round(seconds * rate)), rate, params)
    half_s, half_hz = params.hop / rate / 2, rate / params.n_fft / 2  # of a column, of a row
    left, right = times_s[0] - half_s, times_s[-1] + half_s
    extent = (left, right, freqs_hz[0] - half_hz, freqs_hz[-1] + half_hz)
    ax = axes_or_new(ax)
    ax.imshow(image.transpose(1, 2, 0), extent=extent, aspect="auto", interpolation="nearest")
    title = f"{seconds:.3g} s as a picture"
    ax.set(xlabel="time (s)", ylabel="frequency (Hz)", title=title)
    return set_alt_text(
        ax,
        f"Spectrogram picture over {seconds:.3g} s, {freqs_hz[0]:.3g} to {freqs_hz[-1]:.3g} Hz, "
        f"low frequency at the bottom, {_colour_key(params.channels)}; mean brightness "
        f"{image.mean() / 2.55:.0f} %",
    )


def plot_images(
    images: np.ndarray,
    labels: Sequence[str] | np.ndarray,
    *,
    per_class: int = 6,
    seed: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """Draw a gallery: a row for each class, a few pictures of it drawn at random.

    Parameters
    ----------
    images : uint8 [N, 3, H, W]
    labels : str [N]
    per_class, seed : int
    ax : Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    images, labels = np.asarray(images), np.asarray(labels).astype(str)
    if images.ndim != 4 or len(images) != len(labels) or len(images) == 0 or per_class < 1:
        raise SignalError(
            f"images {images.shape}, {len(labels)} labels, {per_class} of a class, expected "
            "(N, 3, H, W), N labels and 1 or more"
        )
    generator = np.random.default_rng(seed)
    classes = sorted(set(labels))
    gap = 4
    height, width = (side + gap for side in images.shape[2:])
    mosaic = np.full((len(classes), per_class, 3, height, width), 255, np.uint8)
    for row, name in zip(mosaic, classes, strict=True):
        drawn = images[generator.permutation(np.flatnonzero(labels == name))[:per_class]]
        row[: len(drawn), :, :-gap, :-gap] = drawn
    mosaic = mosaic.transpose(0, 3, 1, 4, 2).reshape(len(classes) * height, per_class * width, 3)
    ax = axes_or_new(ax, size=(1 + 1.1 * per_class, 0.4 + 1.1 * len(classes) * height / width))
    ax.imshow(mosaic, interpolation="nearest")
    ax.set_yticks((np.arange(len(classes)) + 0.5) * height - gap / 2, classes)
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set(
        xlabel="time runs right, frequency up, in each picture",
        title=f"Up to {per_class} pictures of each class",
    )
    return set_alt_text(
        ax, f"Gallery of spectrogram pictures, up to {per_class} of each: {', '.join(classes)}"
    )


def _colour_key(channels: str | tuple[str, ...]) -> str:
    if channels == "magnitude":
        return "grey for the length of the acceleration vector"
    names = channels if isinstance(channels, tuple) else [f"{channels} {axis}" for axis in "xyz"]
    pairs = zip(("red", "green", "blue"), names, strict=True)
    return ", ".join(f"{colour} for {name}" for colour, name in pairs)


def _inside(index: int, count: int) -> None:
    if not -count <= index < count:
        raise ParameterError(f"index {index}, expected 0 to {count - 1}")
