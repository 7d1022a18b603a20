"""Is a contrastive run learning, or has it collapsed? Metrics of vectors, votes of neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..errors import ParameterError
from ..pictures.image import to_image
from ..signals.windows import Windows

if TYPE_CHECKING:
    from ..models.backbone import Backbone
    from .images import ImageSet

__all__ = ["COLLAPSE", "knn_accuracy", "knn_probe", "knn_votes", "representation_metrics"]

#: A ``feature_std`` below this share of the most it can be is called a collapse (our choice).
COLLAPSE = 0.1


def representation_metrics(query: Tensor, key: Tensor) -> dict[str, float]:
    """Spread, alignment and uniformity of two views' unit vectors [N, D].

    Returns
    -------
    dict
        ``feature_std``: standard deviation of a coordinate over the batch times sqrt(D); 1 where
        vectors fill the sphere, 0 where all are one (collapse).
        ``alignment``: mean squared distance of partners, 0 is perfect.
        ``uniformity``: log of the mean Gaussian potential of all pairs, -4 is perfect, 0 collapse.

    References
    ----------
    Wang and Isola, "Understanding Contrastive Representation Learning through Alignment and
    Uniformity on the Hypersphere", ICML 2020.

    Examples
    --------
    >>> import torch
    >>> same = torch.nn.functional.normalize(torch.ones(4, 8), dim=1)
    >>> representation_metrics(same, same)
    {'feature_std': 0.0, 'alignment': 0.0, 'uniformity': 0.0}
    """
    query, key = query.detach().float(), key.detach().float()
    # Unit vectors all over a sphere have coordinates of variance 1 / D.
    spread = query.std(dim=0, correction=0).mean() * math.sqrt(query.shape[1])
    # equations 1 and 2, both with exponent 2 (t = 2)
    alignment = (query - key).square().sum(dim=1).mean()
    pairs = torch.pdist(query).square() if len(query) > 1 else query.new_zeros(1)
    uniformity = pairs.mul(-2).exp().mean().log()
    values = torch.stack([spread, alignment, uniformity]).tolist()
    return dict(zip(("feature_std", "alignment", "uniformity"), values, strict=True))


def knn_votes(
    nearness: Tensor, classes: Tensor, count: int, k: int, weigh: Callable[[Tensor], Tensor]
) -> Tensor:
    """Votes [M, count] that M queries get from the k nearest of N samples of `count` classes.

    Of `nearness` [M, N] more is nearer and -inf has no vote; `weigh` turns it into the weight of a
    vote. Where there are fewer than k samples all have one.

    Examples
    --------
    >>> near = torch.tensor([[0.9, 0.5, 0.4]])
    >>> knn_votes(near, torch.tensor([0, 1, 1]), 2, 3, weigh=torch.ones_like)
    tensor([[1., 2.]])
    """
    near, index = nearness.topk(min(k, nearness.shape[1]))  # [M, k]
    votes = near.new_zeros(len(near), count)
    return votes.scatter_add_(1, classes[index], weigh(near))


def knn_accuracy(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray | None = None, *, k: int = 20
) -> float:
    """Share of samples whose label their k nearest neighbours vote for.

    Parameters
    ----------
    features : float [N, D]
        Compared by cosine after each is centred on the corpus.
    labels : array [N]
    groups : array [N], optional
        Neighbours of the same group (a subject) have no vote; by default only the sample itself
        has none.
    k : int
        Fewer where there are fewer candidates.

    Returns
    -------
    float
        Accuracy averaged over classes.

    Examples
    --------
    >>> import numpy as np
    >>> two = np.array([[1.0, 0], [1, 0.1], [0, 1], [0.1, 1]])
    >>> knn_accuracy(two, np.array(["a", "a", "b", "b"]), k=1)
    1.0
    """
    if len(features) != len(labels) or len(labels) < 2:
        raise ParameterError(f"{len(features)} features and {len(labels)} labels, expected N >= 2")
    names, target = np.unique(np.asarray(labels).astype(str), return_inverse=True)
    if groups is None:
        groups = np.arange(len(labels))
    _, group = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    unit = torch.from_numpy(np.asarray(features, dtype=np.float32))
    # centred: after ReLU all features point into one corner, where every angle is small
    unit = torch.nn.functional.normalize(unit - unit.mean(dim=0), dim=1)
    target, group = torch.from_numpy(target), torch.from_numpy(group)
    right = torch.zeros(len(unit), dtype=torch.bool)
    for rows in torch.arange(len(unit)).split(1024):  # [1024, N] at a time, not [N, N]
        cosine = unit[rows] @ unit.T
        cosine[group[rows, None] == group[None]] = -torch.inf
        # exp(cosine / 0.2), the weight of the k nearest in the papers on contrastive learning
        votes = knn_votes(cosine, target, len(names), k, weigh=lambda near: near.mul(5).exp())
        right[rows] = votes.argmax(dim=1) == target[rows]
    return float(np.mean([right[target == c].float().mean() for c in range(len(names))]))


def knn_probe(backbone: Backbone, samples: ImageSet | Windows) -> Callable[[], float]:
    """A function that scores the backbone as it is by then on labelled samples.

    Parameters
    ----------
    backbone : Backbone
    samples : ImageSet with labels, or Windows
        Windows become pictures of the default settings; a subject's own windows have no vote.

    Returns
    -------
    callable
        Without arguments; returns `knn_accuracy` of the features in evaluation mode.

    Examples
    --------
    >>> from img2imu_kit.models.backbone import load_backbone
    >>> from img2imu_kit.pretrain.images import ImageSet
    >>> pixels = np.zeros((6, 3, 32, 32), np.uint8)
    >>> pixels[3:] = 255  # three black, three white
    >>> images = ImageSet(pixels, np.repeat(["black", "white"], 3), (0.5,) * 3, (0.2,) * 3)
    >>> score = knn_probe(load_backbone("resnet10t"), images)
    >>> 0 <= score() <= 1
    True
    """
    if isinstance(samples, Windows):
        pixels, labels, groups = to_image(samples), samples.label, samples.subject
    else:
        pixels, labels, groups = samples.pixels, samples.labels, None
    labelled = np.flatnonzero(labels != "") if labels is not None else []
    if len(labelled) < 2:
        raise ParameterError("the probe has no labels", remedy="Pass labelled pictures or windows.")
    pixels, labels = pixels[labelled], labels[labelled]
    groups = None if groups is None else groups[labelled]
    return lambda: knn_accuracy(backbone.features(pixels), labels, groups)
