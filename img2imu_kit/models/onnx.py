"""A backbone and its classifier as one ONNX file, which any device can run without Python."""

from __future__ import annotations

import copy
import io
import json
import os
import warnings
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from sklearn.base import ClassifierMixin
from torch import Tensor, nn

from .._files import atomic_write
from ..errors import ParameterError, SignalError, WeightsError
from .backbone import Backbone
from .readout import layer_maps, normalize, pool_maps

__all__ = ["to_onnx"]

_CHECKED = 16  # pictures that both must agree on


def to_onnx(
    backbone: Backbone,
    images: np.ndarray,
    path: str | os.PathLike,
    *,
    head: ClassifierMixin | None = None,
    layer: int | tuple[int, ...] | None = None,
    pool: str = "gap",
    rows: int = 8,
    columns: int = 1,
    tolerance: float = 1e-3,
) -> float:
    """Write a network that goes from pictures to class probabilities, and check it.

    Before anything is written, onnxruntime reads the network and must give the same numbers as
    PyTorch and scikit-learn do.

    Parameters
    ----------
    backbone : Backbone
    images : uint8 [N, 3, H, W]
        Some real pictures: they fix the size, and up to 16 of them are what both must agree on.
    path : path
        ``"....onnx"``; written whole or not at all.
    head : scikit-learn classifier, optional
        Fitted to features of this `layer` and `pool`, linear, with ``predict_proba``: a logistic
        regression, or a pipeline of scaling, PCA and one (`probes.logistic`).
    layer, pool, rows, columns
        Which features, as in `Backbone.features`.
    tolerance : float
        Largest difference allowed, as a share of the largest number.

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
        A head that is not fitted, not linear or of other features; no such layer or pooling.
    SignalError
        Images of another type, shape or size than the network takes.

    Notes
    -----
    Input ``images``: uint8 [N, 3, H, W], any N; the statistics of the pixels are inside. Output
    ``probabilities``, float32 [N, classes], or without a head ``features`` [N, D]. The file's
    metadata tell ``classes`` (JSON), ``architecture``, ``layer`` and ``pool``.

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
    sample = np.ascontiguousarray(np.asarray(images)[:_CHECKED])
    options = {"pool": pool, "rows": rows, "columns": columns}
    expected = backbone.features(sample, layer=layer, **options)
    reader = _ExportedNetwork(backbone, sample, layer, options)
    output, classes = "features", []
    if head is not None:
        reader.linear, expected = _linear(head, expected)
        output, classes = "probabilities", [str(name) for name in head.classes_]
    content = _exported(reader, sample, output, backbone.name)
    facts = {
        "architecture": backbone.name,
        "layer": json.dumps(reader.layers),
        "pool": json.dumps(options),
        "classes": json.dumps(classes),
    }
    model = onnx.load_from_string(content)
    onnx.helper.set_model_props(model, facts)
    content = model.SerializeToString()
    difference = _difference(content, sample, expected)
    if not difference <= tolerance * max(1.0, float(np.abs(expected).max())):
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

    def __init__(self, backbone: Backbone, sample: np.ndarray, layer, options: dict) -> None:
        super().__init__()
        self.model = copy.deepcopy(backbone.model).cpu().float().eval()
        self.mean, self.std = backbone.mean, backbone.std
        self.layers = backbone.indices(layer)
        self.linear = nn.Identity()
        with torch.no_grad():
            self.pools = [_averages(m, **options) for m in self._maps(torch.from_numpy(sample[:1]))]

    def _maps(self, images: Tensor) -> list[Tensor]:
        return layer_maps(self.model, normalize(images, self.mean, self.std), self.layers)

    def forward(self, images: Tensor) -> Tensor:
        maps = zip(self._maps(images), self.pools, strict=True)
        # [rows, F] @ [N, C, F, S] @ [S, columns] -> [N, C, rows, columns] -> [N, D]
        features = [(up @ values @ across).flatten(1) for values, (up, across) in maps]
        return self.linear(torch.cat(features, dim=1))


def _averages(maps: Tensor, pool: str, rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """Pooling as two matrices, for ONNX's own divides the map into equal cells only.

    ``up @ map @ across`` is `pool_maps` of a map; each is what pooling makes of unit vectors.
    """
    height, width = maps.shape[2:]
    # A mean over cells is linear and separable: matrices [rows, F] and [S, columns] say all of it.
    up = pool_maps(torch.eye(height).view(height, 1, height, 1), pool, rows=rows, columns=1)
    across = pool_maps(torch.eye(width).view(width, 1, 1, width), pool, rows=1, columns=columns)
    return up.T.clone(), across.clone()


def _linear(head: ClassifierMixin, features: np.ndarray) -> tuple[nn.Module, np.ndarray]:
    """A fitted linear classifier as a layer, and what it says of these features.

    Its decision is affine, so its values at a point and one step along each axis are all of it.
    The point is the middle of the features: float32 would not bear differences of large numbers.
    """
    middle = features.mean(axis=0, dtype=np.float64)
    try:
        expected = head.predict_proba(features)
        bias = head.decision_function(middle[None])
        # f(m + e_j) - f(m) = w_j: [D, D] points in one call -> [D, classes]
        weights = head.decision_function(middle + np.eye(len(middle))) - bias
    except (AttributeError, ValueError) as error:  # of another kind, not fitted, other features
        raise ParameterError(
            f"the head cannot be exported ({str(error).splitlines()[0]})",
            remedy="Fit a logistic regression to features of this layer and pool.",
        ) from None
    if weights.ndim == 1:  # two classes share one decision: softmax(0, d) = (1 - s(d), s(d))
        weights, bias = (np.stack([0 * part, part], axis=-1) for part in (weights, bias))
    layer = nn.Linear(*weights.shape)
    layer.weight.data = torch.from_numpy(weights.T).float()
    layer.bias.data = torch.from_numpy(bias[0]).float()
    return nn.Sequential(_Minus(middle), layer, nn.Softmax(dim=1)), expected


class _Minus(nn.Module):
    """Takes a fixed vector off."""

    def __init__(self, middle: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("middle", torch.from_numpy(middle).float())

    def forward(self, features: Tensor) -> Tensor:
        return features - self.middle


def _exported(reader: _ExportedNetwork, sample: np.ndarray, output: str, where: str) -> bytes:
    buffer = io.BytesIO()
    try:
        # It warns that it is the older one and that sizes are fixed, and prints graphs that fail.
        with warnings.catch_warnings(), redirect_stdout(None):
            warnings.simplefilter("ignore")
            torch.onnx.export(
                reader.eval(),
                (torch.from_numpy(sample),),
                buffer,
                dynamo=False,
                input_names=["images"],
                output_names=[output],
                dynamic_axes={"images": {0: "N"}, output: {0: "N"}},
            )
    except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
        raise WeightsError(
            f"ONNX has no form for this network ({str(error).splitlines()[0]})",
            where=where,
            remedy="Most convolutional networks have one.",
        ) from None
    return buffer.getvalue()


def _difference(content: bytes, sample: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, of all pictures at once and of the first alone."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    # Alone too: an export can bake the number of pictures of the sample into the graph.
    (first,) = session.run(None, {"images": sample[:1]})
    (exported,) = session.run(None, {"images": sample})
    if exported.shape != expected.shape:
        raise SignalError(f"exported shape {exported.shape}, expected {expected.shape}")
    return float(max(np.abs(exported - expected).max(), np.abs(first - expected[:1]).max()))
