"""Figures of motion and of its pictures, their axes in seconds and Hz."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import AsinhNorm
from matplotlib.figure import Figure

from ..errors import ParameterError, SignalError
from ..pictures.grid import Grid
from ..pictures.params import SpectrogramParams, resolve
from ..pictures.power import make_grid, scaled, spectrogram
from ..signals.axes import axis_index
from ..signals.recording import Recording
from ..signals.windows import Windows
from .style import COLOURS, XYZ, alt_text, axes_or_new, literal, set_alt_text

__all__ = [
    "plot_image",
    "plot_image_grid",
    "plot_images",
    "plot_neighbours",
    "plot_signal",
    "plot_spectrogram",
]


def plot_signal(signal: Recording | Windows, index: int = 0, *, ax: Axes | None = None) -> Axes:
    """Draw a recording, or one of several windows, axis by axis over time in seconds.

    Examples
    --------
    >>> import img2imu_kit as ik
    >>> windows = ik.sliding_windows(ik.load_dataset("synthetic", subjects=2, seconds=8), seconds=4)
    >>> ax = plot_signal(windows, 0)
    """
    ax = axes_or_new(ax)
    if isinstance(signal, Windows):
        _inside(index, len(signal))
        values, label = signal.signal[index].T, signal.label[index]
        times_s = signal.start_s[index] + np.arange(len(values)) / signal.rate
    else:
        values, label, times_s = signal.signal, ", ".join(signal.classes), signal.times_s
    for i, name in enumerate(signal.axes):
        colour, dashes = XYZ["xyz".index(name[-1])] if name[-1:] in ("x", "y", "z") else (None, ())
        look = {"color": colour or COLOURS[i % len(COLOURS)], "ls": (0, dashes) if dashes else "-"}
        look |= {"lw": 1, "alpha": 1 if i < 3 else 0.55, "label": literal(name)}
        ax.plot(times_s, values[:, i], **look)
    units = [unit for unit in dict.fromkeys(signal.unit) if unit]  # m/s2 and rad/s, once each
    ylabel = f"signal ({', '.join(units)})" if units else "signal"
    ax.set(xlabel="time (s)", ylabel=literal(ylabel), title=literal(label))
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

    What has a sign, bands of ``scale="signed"`` and slow movement, has colours of its own in the
    unit of the signal, white at zero and compressed by asinh as in the picture.

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

    Raises
    ------
    ParameterError
        A window or an axis that is not there.

    Examples
    --------
    >>> import img2imu_kit as ik
    >>> windows = ik.sliding_windows(ik.load_dataset("synthetic", subjects=2, seconds=8), seconds=4)
    >>> ax = plot_spectrogram(windows, 0, axis="acc_z")
    """
    if isinstance(signal, Windows):
        _inside(index, len(signal))
        signal, index = signal[[index]], 0  # nothing is computed for the others
    spectra = spectrogram(signal, rate, params, **overrides)
    _inside(index, len(spectra.power))
    if isinstance(axis, str):
        axis = axis_index(spectra.axes, axis, where="axis")[0]
    _inside(axis, len(spectra.axes))
    values, params = np.asarray(spectra.power[index, axis]), spectra.params  # [F, S]
    signed = params.scale == "signed"
    # Slow movement below bands of power is c |c|: its sign and c are drawn, not decibels.
    slow = params.low_rows if params.transform == "cwt" and not signed else 0
    still = np.sign(values[:slow]) * np.sqrt(np.abs(values[:slow]))
    values = values[slow:] if signed else scaled(values[slow:], "db")
    fixed = params.scale in ("db", "signed") and not isinstance(params.range, str)
    low, high = params.range if fixed else (values.min(), values.max())
    freqs_hz, times_s, name = spectra.freqs_hz, spectra.times_s, spectra.axes[axis]
    ax = axes_or_new(ax)
    # A cell reaches between the edges of its frame and its bin, nothing is interpolated.
    times, edges = spectra.grid.time_edges_s, spectra.grid.freq_edges_hz
    unit_of = _unit_of(signal, axis)
    if signed:
        _draw_signed(ax, times, edges, values, high, f"band ({unit_of})")
    else:
        mesh = ax.pcolormesh(times, edges[slow:], values, vmin=low, vmax=high)
        ax.figure.colorbar(mesh, ax=ax, label="power (dB)")
    if slow:
        limit = params.low_limit
        _draw_signed(ax, times, edges[: slow + 1], still, limit, f"slow movement ({unit_of})")
    _scale_hz(ax, spectra.grid)
    ax.set(xlabel="time (s)", ylabel="frequency (Hz)", title=literal(name))
    # Gravity would outshine every band, so only bands are compared.
    skip = params.low_rows if signed else 0
    strength = np.abs(values if signed else values - low).mean(axis=1)
    peak_hz = freqs_hz[slow + skip + strength[skip:].argmax()]
    unit = f" {unit_of}" if signed else " dB"
    below = f"; slow movement below, on average {still.mean():.2g} {unit_of}" if slow else ""
    return set_alt_text(
        ax,
        f"Spectrogram of {name}, {times_s[0]:.2g} to {times_s[-1]:.3g} s, {freqs_hz[0]:.3g} to "
        f"{freqs_hz[-1]:.3g} Hz, {low:.0f} to {high:.0f}{unit}; on average strongest at "
        f"{peak_hz:.3g} Hz{below}",
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

    Raises
    ------
    SignalError
        Pixels of another kind or shape.

    Examples
    --------
    >>> import img2imu_kit as ik
    >>> windows = ik.sliding_windows(ik.load_dataset("synthetic", subjects=2, seconds=8), seconds=4)
    >>> [image] = ik.to_image(windows[:1], params="motion")
    >>> ax = plot_image(image, rate=windows.rate, seconds=windows.seconds, params="motion")
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[0] != 3:
        raise SignalError(
            f"image is {image.dtype} {image.shape}, expected uint8 (3, H, W)",
            where="plot_image",
            remedy="Of a batch, choose one: images[0].",
        )
    params = resolve(params, **overrides)
    grid = make_grid(round(seconds * rate), rate, params)
    ax = axes_or_new(ax)
    # [3, H, W] -> [H, W, 3]; the first row is the highest frequency, so it stands at the top, and
    # pixels are not smoothed: one is what the network gets, resampled from a few frames and bins
    if grid.rows_are_even:
        ax.imshow(
            image.transpose(1, 2, 0), extent=grid.extent, aspect="auto", interpolation="nearest"
        )
    else:  # rows stand for unequal Hz: each is drawn between its own edges
        pixels = grid.resized(*image.shape[1:])
        ax.pcolormesh(pixels.time_edges_s, pixels.freq_edges_hz, image.transpose(1, 2, 0)[::-1])
        _scale_hz(ax, grid)
    title = f"{seconds:.3g} s as a picture"
    ax.set(xlabel="time (s)", ylabel="frequency (Hz)", title=title)
    return set_alt_text(
        ax,
        f"Spectrogram picture over {seconds:.3g} s, {grid.freqs_hz[0]:.3g} to "
        f"{grid.freqs_hz[-1]:.3g} Hz, "
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

    Raises
    ------
    SignalError
        No pictures, or not a label for each.

    Examples
    --------
    >>> import img2imu_kit as ik
    >>> windows = ik.sliding_windows(ik.load_dataset("synthetic", subjects=2, seconds=8), seconds=4)
    >>> ax = plot_images(ik.to_image(windows), windows.label, per_class=2)
    """
    images, labels = np.asarray(images), np.asarray(labels).astype(str)
    if images.ndim != 4 or len(images) != len(labels) or len(images) == 0 or per_class < 1:
        raise SignalError(
            f"images {images.shape}, {len(labels)} labels, {per_class} of a class, expected "
            "(N, 3, H, W), N labels and 1 or more"
        )
    generator = np.random.default_rng(seed)
    classes = sorted(set(labels))
    gap = 4  # white pixels right of and below each picture
    height, width = (side + gap for side in images.shape[2:])
    mosaic = np.full((len(classes), per_class, 3, height, width), 255, np.uint8)
    for row, name in zip(mosaic, classes, strict=True):
        drawn = images[generator.permutation(np.flatnonzero(labels == name))[:per_class]]
        row[: len(drawn), :, :-gap, :-gap] = drawn
    # [class, picture, 3, H, W] -> [class, H, picture, W, 3] -> one image; one artist draws fast
    mosaic = mosaic.transpose(0, 3, 1, 4, 2).reshape(len(classes) * height, per_class * width, 3)
    ax = axes_or_new(ax, size=(1 + 1.1 * per_class, 0.4 + 1.1 * len(classes) * height / width))
    ax.imshow(mosaic, interpolation="nearest")
    ax.set_yticks((np.arange(len(classes)) + 0.5) * height - gap / 2, [*map(literal, classes)])
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


def plot_image_grid(
    images: Sequence[np.ndarray],
    titles: Sequence[str],
    *,
    columns: int | None = None,
    rate: float | None = None,
    seconds: float | None = None,
    params: Sequence[SpectrogramParams] | SpectrogramParams | str | None = None,
    **overrides,
) -> Figure:
    """Draw pictures side by side, each under its title.

    Parameters
    ----------
    images : sequence of uint8 [3, H, W]
        Their sizes may differ.
    titles : str [N]
    columns : int, optional
        Pictures in a row; by default all in one.
    rate, seconds : float, optional
        Of the windows that the pictures show. Photographs have neither, and get no axes.
    params, **overrides
        With which the pictures were made; a sequence has one for each.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    SignalError
        Not a title for each picture, or pixels of another kind or shape.

    Examples
    --------
    >>> from img2imu_kit.plots import alt_text
    >>> photo = np.zeros((3, 32, 32), np.uint8)
    >>> alt_text(plot_image_grid([photo, photo + 255], ["night", "snow"]))
    'Picture: night. Picture: snow'
    """
    if len(images) != len(titles) or len(images) == 0:
        raise SignalError(f"{len(images)} images, {len(titles)} titles, expected one for each")
    columns = columns or len(images)
    rows = -(-len(images) // columns)
    motion = rate is not None and seconds is not None
    width = min(3.2, 13 / columns)  # inches of a picture
    size = (width * columns, (0.9 * width + 0.2) * rows)
    figure, panels = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)
    own = isinstance(params, Sequence) and not isinstance(params, str)
    settings = params if own else [params] * len(images)
    for i, (ax, image, title) in enumerate(zip(panels.flat, images, titles, strict=False)):
        if motion:
            plot_image(image, rate=rate, seconds=seconds, params=settings[i], ax=ax, **overrides)
            ax.set_title(literal(title))
            # what the neighbour says already is left out; pictures of other settings begin and end
            # elsewhere, so they keep their ticks
            if not own:
                ax.label_outer()
            elif i % columns:
                ax.set_ylabel("")
            set_alt_text(ax, f"{title}: {alt_text(ax)}")
        else:
            ax.imshow(np.asarray(image).transpose(1, 2, 0))
            ax.set(title=literal(title), xticks=[], yticks=[])
            set_alt_text(ax, f"Picture: {title}")
    for ax in panels.flat[len(images) :]:
        ax.set_axis_off()
    return figure


def plot_neighbours(
    images: np.ndarray,
    names: Sequence[str] | np.ndarray,
    near: Mapping[str, Sequence[int]],
    *,
    rate: float,
    seconds: float,
    params: str | SpectrogramParams | None = None,
    **overrides,
) -> Figure:
    """Draw a window's picture and its neighbours, a row for each way to find them.

    Parameters
    ----------
    images : uint8 [N, 3, H, W]
    names : str [N]
        What stands above a picture, such as its label.
    near : dict of str -> int [1 + k]
        For each way the window itself, then its neighbours, the nearest first; as many in each.
    rate, seconds : float
        Of the windows.
    params, **overrides
        With which the pictures were made.

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> import img2imu_kit as ik
    >>> windows = ik.sliding_windows(ik.load_dataset("synthetic", subjects=2, seconds=8), seconds=4)
    >>> images = ik.to_image(windows[:3])
    >>> figure = plot_neighbours(images, windows.label[:3], {"pixels": [1, 2]}, rate=windows.rate,
    ...     seconds=4)
    """
    order = [i for row in near.values() for i in row]
    columns = len(order) // len(near)
    figure = plot_image_grid(
        [images[i] for i in order],
        [str(names[i]) for i in order],
        columns=columns,
        rate=rate,
        seconds=seconds,
        params=params,
        **overrides,
    )
    for ax in figure.axes:
        set_alt_text(ax, "")  # the first of each row names them all
    for ax, (way, (query, *others)) in zip(figure.axes[::columns], near.items(), strict=True):
        ax.set_ylabel(f"{literal(way)}\nfrequency (Hz)")
        listed = "; ".join(str(names[i]) for i in others)
        set_alt_text(ax, f"Neighbours of {names[query]} by {way}: {listed}")
    return figure


def _draw_signed(ax: Axes, times_s, edges_hz, values, limit: float, label: str) -> None:
    """Draw values [F, S] with their sign: zero is white, asinh keeps what is near it apart."""
    norm = AsinhNorm(linear_width=1, vmin=-limit, vmax=limit)
    mesh = ax.pcolormesh(times_s, edges_hz, values, cmap="RdBu_r", norm=norm)
    ticks = [tick for tick in (1, 3, 10, 30) if tick < 0.6 * limit]
    ticks = [-limit, *(-tick for tick in reversed(ticks)), 0, *ticks, limit]
    bar = ax.figure.colorbar(mesh, ax=ax, label=label, ticks=ticks, format="{x:g}")
    bar.minorticks_off()


def _unit_of(signal: Recording | Windows | np.ndarray, axis: int) -> str:
    units = signal.unit if isinstance(signal, Recording | Windows) else ()
    return (units[axis] if units else "") or "unit of the signal"


def _scale_hz(ax: Axes, grid: Grid) -> None:
    """Give rows of unequal height in Hz one height on the page."""
    if grid.rows_are_even:
        return
    edges, slow = grid.freq_edges_hz, 0
    if edges[0] > 0:
        ax.set_yscale("log")
    else:
        # Rows of slow movement below bands of one ratio: even up to an edge, logarithmic above it.
        even = np.isclose(np.diff(edges), edges[1] - edges[0])
        slow = int(even.cumprod().sum())
        decades = np.log10(edges[-1] / edges[slow]) / (len(edges) - 1 - slow)  # a row
        ax.set_yscale("symlog", linthresh=edges[slow], linscale=slow * decades)
    ticks = [hz for hz in (0.1, 0.3, 1, 3, 10, 30, 100) if edges[slow] <= hz <= edges[-1]]
    ticks = [0, *ticks] if slow else ticks
    ax.set_yticks(ticks, [f"{hz:g}" for hz in ticks])
    ax.set_yticks([], minor=True)
    ax.set_ylim(edges[0], edges[-1])


def _colour_key(channels: str | tuple[str, ...]) -> str:
    if channels == "magnitude":
        return "grey for the length of the acceleration vector"
    names = channels if isinstance(channels, tuple) else [f"{channels} {axis}" for axis in "xyz"]
    pairs = zip(("red", "green", "blue"), names, strict=True)
    return ", ".join(f"{colour} for {name}" for colour, name in pairs)


def _inside(index: int, count: int) -> None:
    if not -count <= index < count:
        raise ParameterError(f"index {index}, expected 0 to {count - 1}")
