"""A backbone and its classifier as one ONNX file, which any device can run without Python."""

from __future__ import annotations

import copy
import io
import json
import math
import os
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from scipy.signal import detrend
from sklearn.base import ClassifierMixin
from torch import Tensor, nn
from torch.nn import functional

from .._files import atomic_write
from ..errors import ParameterError, SignalError, WeightsError, first_line
from ..pictures.image import painted, to_image
from ..pictures.params import SpectrogramParams, resolve
from ..pictures.power import make_grid
from ..pictures.scalogram import morlet_bank
from ..pictures.stft import taper
from ..signals.axes import channel_index
from ..signals.windows import Windows
from .backbone import Backbone
from .readout import layer_maps, normalize, pool_maps

__all__ = ["to_onnx"]

_CHECKED = 16  # pictures that both must agree on
_LEVELS = 2  # of 255, that a picture may be off: one by rounding, two where bicubic overshoots
_LONGEST = 2000  # samples of a window whose bands are matrices: 48 MB


def to_onnx(
    backbone: Backbone,
    images: np.ndarray | Windows,
    path: str | os.PathLike,
    *,
    head: ClassifierMixin | None = None,
    layer: int | tuple[int, ...] | None = None,
    pool: str = "gap",
    rows: int = 8,
    columns: int = 1,
    tolerance: float = 1e-3,
    params: str | SpectrogramParams | None = None,
    **overrides,
) -> float:
    """Write a network that goes from pictures, or motion, to class probabilities, and check it.

    Before anything is written, onnxruntime reads the network and must give the same numbers as
    PyTorch and scikit-learn do.

    Parameters
    ----------
    backbone : Backbone
    images : uint8 [N, 3, H, W], or Windows
        Some real pictures: they fix the size, and up to 16 of them are what both must agree on.
        Of windows the file draws the pictures itself, for their rate, length and axes.
    path : path
        ``"....onnx"``; written whole or not at all.
    head : scikit-learn classifier, optional
        Fitted to features of this `layer` and `pool`, linear, with ``predict_proba``: a logistic
        regression, or a pipeline of scaling, PCA and one (`probes.logistic`).
    layer, pool, rows, columns
        Which features, as in `Backbone.features`.
    tolerance : float
        Largest difference allowed, as a share of the largest number.
    params, **overrides
        Of windows: how their pictures are drawn, as in `to_image`.

    Returns
    -------
    float
        The largest difference that was found.

    Raises
    ------
    WeightsError
        The two disagree, or ONNX has no such operation.
    OutputError
        The file cannot be written.
    ParameterError
        A head that is not fitted, not linear or of other features; no such layer or pooling;
        settings for pictures that are drawn already; bands of windows longer than 2000 samples.
    SignalError
        Images of another type, shape or size than the network takes.

    Notes
    -----
    Input ``images``: uint8 [N, 3, H, W], any N; the statistics of the pixels are inside. Output
    ``probabilities``, float32 [N, classes], or without a head ``features`` [N, D]. The file's
    metadata tell ``classes`` (JSON), ``architecture``, ``layer`` and ``pool``.

    Of windows, input ``signal``: float32 [N, C, T], and a second output ``images``, pictures that
    are, but for single levels of 255, those of `to_image`; the metadata tell ``rate``, ``axes`` and
    ``params``. The exporter knows no FFT, and none is needed: for windows of one length it is a
    matrix.

    PyTorch's older exporter is used: it is many times as fast as the newer, and folds batch norm.

    Examples
    --------
    >>> import tempfile
    >>> from img2imu_kit import load_backbone
    >>> images = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32), dtype=np.uint8)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "walk.onnx"
    ...     network = load_backbone("mobilenetv3_small_050")
    ...     to_onnx(network, images, file, layer=1) < 1e-3, file.exists()
    (True, True)
    """
    options = {"pool": pool, "rows": rows, "columns": columns}
    facts = {"architecture": backbone.name, "pool": json.dumps(options)}
    picture = None
    if isinstance(images, Windows):
        windows, params = images[:_CHECKED], resolve(params, **overrides)
        sample, inputs = to_image(windows, params=params), {"signal": windows.signal}
        picture = _Picture(windows, params)
        facts |= {"rate": f"{windows.rate:g}", "axes": json.dumps(windows.axes)}
        facts["params"] = json.dumps(asdict(params))
    elif params is not None or overrides:
        raise ParameterError(
            "settings of pictures, but the pictures are drawn already",
            remedy="Give the windows in their place, or no settings.",
        )
    else:
        sample = np.ascontiguousarray(np.asarray(images)[:_CHECKED])
        inputs = {"images": sample}

    def expected(images: np.ndarray) -> np.ndarray:
        features = backbone.features(images, layer=layer, **options)
        return features if head is None else head.predict_proba(features)

    features = backbone.features(sample, layer=layer, **options)
    reader = _ExportedNetwork(backbone, sample, layer, options, picture)
    output, classes = "features", []
    if head is not None:
        reader.linear = _linear(head, features)
        output, classes = "probabilities", [str(name) for name in head.classes_]
    content = _exported(reader, inputs, output, backbone.name)
    facts |= {"layer": json.dumps(reader.layers), "classes": json.dumps(classes)}
    model = onnx.load_from_string(content)
    onnx.helper.set_model_props(model, facts)
    content = model.SerializeToString()
    difference, largest = _difference(content, inputs, sample, expected)
    if not difference <= tolerance * max(1.0, largest):
        raise WeightsError(
            f"the exported network differs by up to {difference:.2g} from the one in memory",
            where=str(path),
            remedy="Nothing was written. "
            + ("Only linear heads can be exported." if head is not None else "Is tolerance tiny?"),
        )
    atomic_write({Path(path): content})
    return difference


class _ExportedNetwork(nn.Module):
    """Pictures to features as `Backbone.features`, in operations that ONNX has."""

    def __init__(
        self,
        backbone: Backbone,
        sample: np.ndarray,
        layer: int | tuple[int, ...] | None,
        options: dict,
        picture: _Picture | None,
    ) -> None:
        super().__init__()
        self.picture = picture
        self.model = copy.deepcopy(backbone.model).cpu().float().eval()
        self.mean, self.std = backbone.mean, backbone.std
        self.layers = backbone.indices(layer)
        self.linear = nn.Identity()
        with torch.no_grad():
            self.pools = [_averages(m, **options) for m in self._maps(torch.from_numpy(sample[:1]))]

    def _maps(self, images: Tensor) -> list[Tensor]:
        return layer_maps(self.model, normalize(images, self.mean, self.std), self.layers)

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        if self.picture is not None:
            images = self.picture(images)
        maps = zip(self._maps(images), self.pools, strict=True)
        # [rows, F] @ [N, C, F, S] @ [S, columns] -> [N, C, rows, columns] -> [N, D]
        features = [(up @ values @ across).flatten(1) for values, (up, across) in maps]
        result = self.linear(torch.cat(features, dim=1))
        return result if self.picture is None else (result, images)


class _Picture(nn.Module):
    """Motion to pictures as `to_image`, for windows of one rate and length.

    From signal to frames or bands all is linear, the FFT as well: matrices [T, ...] say it.
    """

    def __init__(self, windows: Windows, params: SpectrogramParams) -> None:
        super().__init__()
        length = windows.signal.shape[2]
        grid = make_grid(length, windows.rate, params)
        self.params, self.chosen = params, channel_index(windows.axes, params.channels)
        make = {"stft": _Frames, "cwt": _Bands}[params.transform]
        self.power = make(length, windows.rate, params)
        self.resize = None if params.size in (None, grid.shape) else _resize(grid.shape, params)

    def forward(self, signal: Tensor) -> Tensor:
        """Signals float [N, C, T] to uint8 [N, 3, H, W]."""
        signal = signal[:, self.chosen]
        if self.params.channels == "magnitude":
            signal = signal.square().sum(1, keepdim=True).sqrt()
        flat = signal.amax(dim=2) == signal.amin(dim=2)
        image = painted(self.power(signal), flat, replace(self.params, size=None))
        if self.resize is not None:
            up, across = self.resize  # bytes between the two, as where pictures are drawn
            image = (image.float() @ across + 0.5).floor().clamp(0, 255)
            image = (up @ image + 0.5).floor().clamp(0, 255).to(torch.uint8)
        return image.expand(-1, 3, -1, -1)


class _Bands(nn.Module):
    """`scalogram.to_power`, where a mirrored window is even and so its spectrum real."""

    def __init__(self, length: int, rate: float, params: SpectrogramParams) -> None:
        super().__init__()
        if length > _LONGEST:
            raise ParameterError(
                f"the bands of {length} samples would be {12e-6 * length**2:.0f} MB of matrices",
                remedy=f"Cut windows of {_LONGEST} samples at most, or export with pictures.",
            )
        self.params, period = params, 2 * length - 2
        self.bands, self.slow = morlet_bank(period, rate, params)  # [K, T], [T]
        unit = torch.eye(length, dtype=torch.float64)
        mirrored = torch.cat([unit, unit[:, 1:-1].flip(-1)], dim=-1)  # [T, period]
        self.spectrum = torch.fft.rfft(mirrored).real.float()  # [T, T], from samples to bins
        self.back = torch.fft.irfft(unit, n=period)[:, :length].float()  # and to samples again
        analytic = torch.fft.ifft(2 * unit, n=period)[:, :length]
        self.analytic = analytic.real.float(), analytic.imag.float()

    def forward(self, signal: Tensor) -> Tensor:
        """Signals [N, C, T] to power, or signed bands, [N, C, F, S]."""
        rest = signal.mean(-1, keepdim=True)  # which bands do not hear: no digits lost on gravity
        spectrum = (signal - rest) @ self.spectrum
        rows = spectrum[:, :, None] * self.bands  # [N, C, K, T]
        signed = self.params.scale == "signed"
        if signed:
            rows = rows @ self.back
        else:
            real, imaginary = (rows @ part for part in self.analytic)
            rows = (real.square() + imaginary.square()) / 2
        if self.params.low_rows:
            still = ((spectrum * self.slow) @ self.back + rest)[:, :, None]  # [N, C, 1, T]
            still = still if signed else still * still.abs()
            rows = torch.cat([still] * self.params.low_rows + [rows], dim=2)
        return functional.avg_pool2d(rows, (1, self.params.hop))


class _Frames(nn.Module):
    """`stft.to_power` as a convolution with the sines and cosines of each bin."""

    def __init__(self, length: int, rate: float, params: SpectrogramParams) -> None:
        super().__init__()
        n_fft, self.params = params.n_fft, params
        bins = np.rint(make_grid(length, rate, params).freqs_hz * n_fft / rate).astype(int)
        frames = np.eye(n_fft)
        if params.detrend is not None:
            frames = detrend(frames, axis=1, type=params.detrend)
        spectrum = np.fft.rfft(frames * taper(params).numpy())[:, bins]  # [n_fft, F]
        spectrum[:, (bins == 0) | (2 * bins == n_fft)] *= np.sqrt(0.5)  # have no mirror image
        parts = np.concatenate([spectrum.real, spectrum.imag], axis=1)  # [n_fft, 2 F]
        self.waves = torch.from_numpy(parts.T[:, None].copy()).float()  # [2 F, 1, n_fft]

    def forward(self, signal: Tensor) -> Tensor:
        """Signals [N, C, T] to power [N, C, F, S]."""
        if self.params.center:
            signal = functional.pad(signal, (self.params.n_fft // 2,) * 2, mode="reflect")
        # Axes one after the other, [N * C, 1, T]: each is heard by the same waves.
        channels = signal.shape[1]
        parts = functional.conv1d(signal.flatten(0, 1)[:, None], self.waves, stride=self.params.hop)
        power = sum(part.square() for part in parts.chunk(2, dim=1))  # [N * C, F, S]
        return power.unflatten(0, (-1, channels))


def _resize(shape: tuple[int, int], params: SpectrogramParams) -> tuple[Tensor, Tensor]:
    """Bringing a picture to its size as two matrices [H, F] and [S, W]: each side by itself."""
    smooth = params.interpolation != "nearest"
    mode = params.interpolation if smooth else "nearest-exact"
    sides = []
    for before, after in zip(shape, params.size, strict=True):
        unit = torch.eye(before, dtype=torch.float64)[None, None]  # each pixel of a side alone
        weights = functional.interpolate(unit, (after, before), mode=mode, antialias=smooth)[0, 0]
        # PyTorch resizes bytes with weights of 16 bits, and so with these to the last level.
        step = 2.0 ** -math.floor(math.log2((2**15 - 1) / float(weights.max())))
        sides.append(((weights / step).round() * step).float())
    up, across = sides
    return up, across.T.contiguous()


def _averages(maps: Tensor, pool: str, rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """Pooling as two matrices, for ONNX's own divides the map into equal cells only.

    ``up @ map @ across`` is `pool_maps` of a map; each is what pooling makes of unit vectors.
    """
    height, width = maps.shape[2:]
    # A mean over cells is linear and separable: matrices [rows, F] and [S, columns] say all of it.
    up = pool_maps(torch.eye(height).view(height, 1, height, 1), pool, rows=rows, columns=1)
    across = pool_maps(torch.eye(width).view(width, 1, 1, width), pool, rows=1, columns=columns)
    return up.T.clone(), across.clone()


def _linear(head: ClassifierMixin, features: np.ndarray) -> nn.Module:
    """A fitted linear classifier as a layer.

    Its decision is affine, so its values at a point and one step along each axis are all of it.
    The point is the middle of the features: float32 would not bear differences of large numbers.
    """
    middle = features.mean(axis=0, dtype=np.float64)
    try:
        head.predict_proba(features[:1])
        bias = head.decision_function(middle[None])
        # f(m + e_j) - f(m) = w_j: [D, D] points in one call -> [D, classes]
        weights = head.decision_function(middle + np.eye(len(middle))) - bias
    except (AttributeError, ValueError) as error:  # of another kind, not fitted, other features
        raise ParameterError(
            f"the head cannot be exported ({first_line(error)})",
            remedy="Fit a logistic regression to features of this layer and pool.",
        ) from None
    if weights.ndim == 1:  # two classes share one decision: softmax(0, d) = (1 - s(d), s(d))
        weights, bias = (np.stack([0 * part, part], axis=-1) for part in (weights, bias))
    layer = nn.Linear(*weights.shape)
    layer.weight.data = torch.from_numpy(weights.T).float()
    layer.bias.data = torch.from_numpy(bias[0]).float()
    return nn.Sequential(_Minus(middle), layer, nn.Softmax(dim=1))


class _Minus(nn.Module):
    """Takes a fixed vector off."""

    def __init__(self, middle: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("middle", torch.from_numpy(middle).float())

    def forward(self, features: Tensor) -> Tensor:
        return features - self.middle


def _exported(
    reader: _ExportedNetwork, inputs: dict[str, np.ndarray], output: str, where: str
) -> bytes:
    # ONNX has it since version 9 of its operations; this exporter does not know.
    torch.onnx.register_custom_op_symbolic("aten::asinh", lambda g, x: g.op("Asinh", x), 9)
    buffer = io.BytesIO()
    (name,), outputs = inputs, [output] if "images" in inputs else [output, "images"]
    try:
        # It warns that it is the older one and that sizes are fixed, and prints graphs that fail.
        with warnings.catch_warnings(), redirect_stdout(None):
            warnings.simplefilter("ignore")
            torch.onnx.export(
                reader.eval(),
                (torch.from_numpy(inputs[name]),),
                buffer,
                dynamo=False,
                input_names=[name],
                output_names=outputs,
                dynamic_axes={side: {0: "N"} for side in (name, *outputs)},
            )
    except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
        raise WeightsError(
            f"ONNX has no form for this network ({first_line(error)})",
            where=where,
            remedy="Most convolutional networks have one.",
        ) from None
    return buffer.getvalue()


def _difference(
    content: bytes,
    inputs: dict[str, np.ndarray],
    sample: np.ndarray,
    expect: Callable[[np.ndarray], np.ndarray],
) -> tuple[float, float]:
    """The largest difference, of all pictures at once and of the first alone; largest number."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    ((name, values),) = inputs.items()
    exported, *drawn = session.run(None, {name: values})
    # Alone too: an export can bake the number of pictures of the sample into the graph.
    first, *_ = session.run(None, {name: values[:1]})
    if drawn:  # what a level of grey does to features is not the network's fault
        levels = int(np.abs(drawn[0].astype(int) - sample).max())
        if levels > _LEVELS:
            raise WeightsError(
                f"the exported pictures differ by up to {levels} of 255 levels",
                remedy="Nothing was written. Give pictures in place of windows.",
            )
        sample = drawn[0]
    expected = expect(sample)
    if exported.shape != expected.shape:
        raise SignalError(f"exported shape {exported.shape}, expected {expected.shape}")
    difference = max(np.abs(exported - expected).max(), np.abs(first - expected[:1]).max())
    return float(difference), float(np.abs(expected).max())
