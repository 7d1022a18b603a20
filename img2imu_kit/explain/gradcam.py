"""Where on a picture the network looks, in seconds and Hz: Grad-CAM through captum."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
import torch
from captum.attr import LayerGradCam, LayerGradientXActivation
from scipy.signal import ShortTimeFFT
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from torch import nn
from torch.nn import functional

from ..errors import ParameterError, SignalError
from ..models.backbone import Backbone
from ..models.readout import evaluation_mode, layer_maps, read_layers
from ..pictures.params import SpectrogramParams, resolve
from ..pictures.power import make_grid

__all__ = ["ATTRIBUTIONS", "directions", "focus", "grad_cam", "salient_signal"]

ATTRIBUTIONS = ("grad-cam", "hires-cam")


def grad_cam(
    backbone: Backbone,
    images: np.ndarray,
    direction: int | np.ndarray,
    *,
    layer: int | None = None,
    at: int | None = None,
    pool: str = "gap",
    rows: int = 8,
    columns: int = 1,
    method: str = "grad-cam",
) -> np.ndarray:
    """How much each place of a picture speaks for a class.

    Parameters
    ----------
    backbone : Backbone
        A network whose layers have places: convolutional, or a transformer of windows (Swin).
    images : uint8 [N, 3, H, W]
    direction : int or float [D]
        What is scored: a class of the network's own classifier, or ``features @ direction``, as a
        linear probe scores a class (see `directions`).
    layer, pool, rows, columns
        Which features, as in `Backbone.features`.
    at : int, optional
        The layer whose map is looked at, `layer` or one before it, which is the finer one.
        Default: `layer`.
    method : {"grad-cam", "hires-cam"}
        Weigh each channel of the map by the mean of its gradients [1]_, or each place of each
        channel by its own [2]_. The latter is faithful where features keep places apart
        (``pool="grid"`` or ``"time"``), whose weights the mean would mix.

    Returns
    -------
    float32 [N, H, W]
        0 or more; of the size of the pictures.

    Raises
    ------
    ParameterError
        A layer that is none, comes after the score, or has no places; an unknown method.
    SignalError
        Images of another shape than the network takes, a direction of another length.

    References
    ----------
    .. [1] Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based
       localization", ICCV 2017.
    .. [2] Draelos and Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of
       convolutional neural networks", arXiv 2011.08891.

    Examples
    --------
    >>> from img2imu_kit import load_backbone
    >>> network = load_backbone("mobilenetv3_small_050")
    >>> images = np.random.default_rng(0).integers(0, 256, (2, 3, 64, 64), dtype=np.uint8)
    >>> grad_cam(network, images, np.ones(8), layer=1).shape
    (2, 64, 64)
    """
    if method not in ATTRIBUTIONS:
        raise ParameterError(f"method is {method!r}, expected one of {', '.join(ATTRIBUTIONS)}")
    images = backbone.check_images(images)
    model, own = backbone.model, isinstance(direction, int | np.integer)
    (read,) = backbone.indices(None if own else layer)
    (seen,) = backbone.indices(read if at is None else at)
    if seen > read:
        raise ParameterError(f"layer {seen} comes after layer {read}, of which features are made")
    batch = backbone.to_batch(images)  # [N, 3, H, W] on the network's scale
    weights = None if own else torch.as_tensor(np.asarray(direction), dtype=batch.dtype)

    def score(batch: torch.Tensor) -> torch.Tensor:
        """The score y of each picture, [N]; its gradient with respect to a map is what counts."""
        if weights is None:
            return model(batch)[:, direction]
        [features] = read_layers(model, batch, [read], pool, rows, columns)
        if weights.shape != features.shape[1:]:
            raise SignalError(
                f"a direction of {tuple(weights.shape)}, but there are {features.shape[1]} features"
            )
        return features @ weights.to(features.device)

    try:
        module = model.get_submodule(model.feature_info[seen]["module"])
    except AttributeError:  # timm names a part that the network lacks (MViTv2, HRNet)
        raise _without_places(backbone, seen) from None
    with evaluation_mode(model), _channels_first(backbone, module, seen, batch[:1]) as maps_of:
        if method == "grad-cam":
            # Equations 1 and 2 of [1]_: alpha_k = mean over places of dy/dA_k for each channel k
            # of the map A [N, K, F, S], and L = ReLU(sum over k of alpha_k A_k), [N, 1, F, S].
            maps = LayerGradCam(score, maps_of).attribute(batch, relu_attributions=True)
        else:
            # HiResCAM [2]_ takes no mean: L = ReLU(sum over k of dy/dA_k A_k), place by place.
            maps = LayerGradientXActivation(score, maps_of).attribute(batch)
    # What speaks against the class is left out: the question is where evidence for it lies.
    maps = maps.sum(dim=1, keepdim=True).relu().detach().float()
    maps = functional.interpolate(maps, images.shape[2:], mode="bilinear", align_corners=False)
    return maps[:, 0].cpu().numpy()


@contextmanager
def _channels_first(
    backbone: Backbone, module: nn.Module, layer: int, batch: torch.Tensor
) -> Iterator[nn.Module]:
    """A module that gives out the layer's map as [N, K, F, S], whatever order the layer has.

    Swin and its like keep channels last, [N, F, S, K]: weights of "channels" would be weights of
    places, and a heat map of them nonsense that looks like one.
    """
    with torch.no_grad():
        (expected,) = layer_maps(backbone.model, batch, [layer])  # timm says it channels first
        found: list[torch.Tensor] = []
        handle = module.register_forward_hook(lambda _module, _given, out: found.append(out))
        backbone.model.forward_features(batch)
        handle.remove()
    given = found[-1] if found and isinstance(found[-1], torch.Tensor) else None
    if given is not None and given.shape == expected.shape and torch.equal(given, expected):
        yield module
        return
    moved = given.permute(0, 3, 1, 2) if given is not None and given.ndim == 4 else None
    if moved is None or moved.shape != expected.shape or not torch.equal(moved, expected):
        raise _without_places(backbone, layer)
    # A detour of the same numbers: channels first, through a module to look at, and back.
    first = nn.Identity()
    handle = module.register_forward_hook(
        lambda _module, _given, out: first(out.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    )
    try:
        yield first
    finally:
        handle.remove()


def _without_places(backbone: Backbone, layer: int) -> ParameterError:
    return ParameterError(
        f"layer {layer} of {backbone.name} has no places: no part of it gives out its map",
        remedy="Use another layer, or a convolutional network.",
    )


def directions(features: np.ndarray, labels: np.ndarray, *, seed: int = 0) -> dict[str, np.ndarray]:
    """For each class the direction in which features speak for it, against the others.

    The weights of a logistic regression on standardised features, in units of the features.

    Parameters
    ----------
    features : float [N, D]
    labels : str [N]
    seed : int

    Returns
    -------
    dict of class -> float32 [D]

    Examples
    --------
    >>> towards = directions(np.array([[0.0, 1], [1, 0], [0, 2], [2, 0]]), np.array([*"abab"]))
    >>> bool(towards["b"][0] > 0 > towards["b"][1])
    True
    """
    features, labels = np.asarray(features), np.asarray(labels).astype(str)
    classes = np.unique(labels)
    if len(classes) < 2 or len(features) != len(labels):
        raise SignalError(
            f"{len(features)} rows of features, {len(labels)} labels of {len(classes)} class(es), "
            "expected a label for each row and two classes or more"
        )
    scaler = StandardScaler().fit(features)
    with threadpool_limits(limits=1):
        probe = LogisticRegression(max_iter=1000, random_state=seed)
        probe.fit(scaler.transform(features), labels)
    # Of two classes scikit-learn keeps one row, which speaks for the second.
    weights = probe.coef_ if len(classes) > 2 else np.concatenate([-probe.coef_, probe.coef_])
    # w . (x - mean) / scale = (w / scale) . x + constant: no scaler is needed to score features.
    return dict(zip(classes.tolist(), (weights / scaler.scale_).astype(np.float32), strict=True))


def focus(
    maps: np.ndarray,
    *,
    rate: float,
    seconds: float,
    params: str | SpectrogramParams | None = None,
    **overrides,
) -> pd.DataFrame:
    """Where maps lie, in seconds and Hz.

    Parameters
    ----------
    maps : float [N, H, W]
        0 or more, as from `grad_cam`.
    rate, seconds : float
        Of the windows.
    params, **overrides
        With which the pictures were made.

    Returns
    -------
    DataFrame
        One row a map: ``time_s`` and ``frequency_hz``, the middle of its mass;
        ``time_spread_s`` and ``frequency_spread_hz``, its standard deviations. NaN where a map
        is 0 everywhere. On a logarithmic axis both are taken on that axis, as the eye does, and
        the spread is half of what lies within a deviation to either side.

    Examples
    --------
    >>> maps = np.zeros((1, 96, 96))
    >>> maps[0, 90:, :48] = 1  # low frequencies, first half
    >>> focus(maps, rate=50, seconds=5).round(1)
       time_s  frequency_hz  time_spread_s  frequency_spread_hz
    0     1.5           0.4            0.5                  0.5
    """
    maps = np.asarray(maps, dtype=float)
    params = resolve(params, **overrides)
    grid = make_grid(round(seconds * rate), rate, params).resized(*maps.shape[1:])
    table = {}
    rows = np.arange(len(grid.freqs_hz)) + 0.5  # their middles, from the bottom
    heights = grid.freqs_hz if grid.rows_are_even else rows
    for name, unit, values, axis in (
        ("time", "s", grid.times_s, 1),
        ("frequency", "hz", heights[::-1], 2),  # the bottom row is the last
    ):
        mass = maps.sum(axis=axis)  # [N, W] or [N, H]: marginals, for time and frequency apart
        with np.errstate(invalid="ignore"):
            share = mass / mass.sum(axis=1, keepdims=True)
        middle = share @ values  # [N], the centre of mass
        spread = np.sqrt((share * (values - middle[:, None]) ** 2).sum(1))
        if name == "frequency" and not grid.rows_are_even:  # from rows to Hz, at last
            places = np.stack([middle - spread, middle, middle + spread])
            low, middle, high = np.interp(places, np.append(0, rows + 0.5), grid.freq_edges_hz)
            spread = (high - low) / 2
        table[f"{name}_{unit}"] = middle
        table[f"{name}_spread_{unit}"] = spread
    return pd.DataFrame(table)[["time_s", "frequency_hz", "time_spread_s", "frequency_spread_hz"]]


def salient_signal(
    signal: np.ndarray,
    maps: np.ndarray,
    rate: float,
    params: str | SpectrogramParams | None = None,
    **overrides,
) -> np.ndarray:
    """The part of a signal that lies where maps of its pictures are bright: what was looked at.

    A short-time Fourier transform of the signal, weighed by the map and turned back: a map that
    is 1 everywhere gives the signal, one that is bright in a few rows the motion in that band.

    Parameters
    ----------
    signal : float [N, C, T]
    maps : float [N, H, W]
        From 0 to 1, of pictures of the signal made with the same settings.
    rate : float
        Hz.
    params, **overrides
        With which the pictures were made.

    Returns
    -------
    float32 [N, C, T]

    Raises
    ------
    SignalError
        Shapes that do not fit.

    Notes
    -----
    Frames of a third of the window, as pictures have them. Rows that a picture does not show,
    and times before its first column, count as the nearest that it does (our choice).

    Examples
    --------
    >>> tones = np.sin(np.arange(200) / 50 * 2 * np.pi * np.array([[2], [15]]))  # Hz
    >>> maps = np.zeros((1, 96, 96))
    >>> maps[0, 48:] = 1  # the lower half of the picture, up to 12.5 Hz
    >>> kept = salient_signal(tones[None], maps, rate=50)
    >>> kept[0].std(axis=1).round(1)
    array([0.7, 0.1], dtype=float32)
    """
    signal, maps = np.asarray(signal, dtype=float), np.asarray(maps, dtype=float)
    if signal.ndim != 3 or maps.ndim != 3 or len(signal) != len(maps):
        raise SignalError(
            f"signal {signal.shape} and maps {maps.shape}, expected [N, C, T] and [N, H, W]",
            where="salient_signal",
        )
    count = signal.shape[2]
    grid = make_grid(count, rate, resolve(params, **overrides)).resized(*maps.shape[1:])
    frame = max(8, count // 3)
    hop = max(1, frame // 8)
    transform = ShortTimeFFT(np.hanning(frame + 2)[1:-1], hop, rate)
    # Mirrored at its ends: a jump from zero to gravity would be motion that nobody made.
    spectrum = transform.stft(signal, padding="even")  # [N, C, F', S']
    # The pixel of the picture below each bin and frame; edges of rows need not be even in Hz.
    row = _pixel(grid.freq_edges_hz, transform.f)
    column = _pixel(grid.time_edges_s, transform.t(count))
    weights = maps[:, ::-1][
        :, row[:, None], column[None]
    ]  # the bottom row is the last: [N, F', S']
    return transform.istft(spectrum * weights[:, None], k1=count).astype(np.float32)


def _pixel(edges: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Which pixel between edges each value falls into; the first or last for those outside."""
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
