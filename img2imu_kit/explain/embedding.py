"""Features in two dimensions: t-SNE that can place new points, PCA, and how far to trust them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import openTSNE
import torch
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from ..errors import ParameterError, SignalError
from ..pretrain.metrics import knn_votes

__all__ = ["Embedding", "fit_tsne", "pca", "quality", "tsne"]

#: Below this many points Barnes-Hut is faster than interpolation, and exact neighbours than
#: approximate ones.
_LARGE = 10_000

#: Iterations of openTSNE: points drawn together harder than they are to stay, then as they are.
_EARLY, _LATE = 250, 500


@dataclass(frozen=True, eq=False)
class Embedding:
    """A t-SNE picture that stands still while new points are placed in it.

    Attributes
    ----------
    xy : float32 [N, 2]
    """

    xy: np.ndarray
    _reduce: Pipeline
    _points: openTSNE.TSNEEmbedding
    _threads: int

    def place(self, features: np.ndarray) -> np.ndarray:
        """Positions of new features [M, D] among the old ones, float32 [M, 2].

        Each new point is drawn to its neighbours of old; the old points do not move.
        """
        features = _check(features, least=1)
        if features.shape[1] != self._reduce.n_features_in_:
            raise SignalError(
                f"{features.shape[1]} features, but the picture was made of "
                f"{self._reduce.n_features_in_}",
                where="embedding",
            )
        with threadpool_limits(limits=self._threads):
            reduced = self._reduce.transform(features)
            # A new point holds on to its neighbours of old alone; openTSNE takes five of them.
            perplexity = min(5.0, (len(self.xy) - 1) / 3)
            xy = self._points.transform(reduced, perplexity=perplexity)
        return np.asarray(xy, dtype=np.float32)


def fit_tsne(
    features: np.ndarray,
    *,
    perplexity: float = 30.0,
    seed: int = 0,
    threads: int = 1,
    progress: bool = False,
) -> Embedding:
    """Lay features out by t-SNE, and keep what is needed to place new ones.

    Parameters
    ----------
    features : float [N, D]
    perplexity : float
        How many neighbours a point attends to, roughly; lowered with a warning where there are
        not three times as many points.
    seed : int
    threads : int
        One is fastest on a busy machine.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Embedding

    Raises
    ------
    SignalError
        Fewer than 4 points, NaN or infinity, features that never vary.
    ParameterError
        A perplexity below 1.

    Notes
    -----
    Features are standardised, reduced to 50 principal components and start from the first two,
    so that the coarse layout is that of the data (our choice, after [2]_). Distances between
    far clusters, their sizes and the directions of the axes mean nothing.

    References
    ----------
    .. [1] L. van der Maaten, "Accelerating t-SNE using tree-based algorithms", JMLR 2014.
    .. [2] D. Kobak and P. Berens, "The art of using t-SNE for single-cell transcriptomics",
       Nature Communications 2019.
    .. [3] P. G. Policar et al., "openTSNE: a modular Python library for t-SNE dimensionality
       reduction and embedding", Journal of Statistical Software 2024.

    Examples
    --------
    >>> features = np.random.default_rng(0).normal(size=(40, 8))
    >>> fit_tsne(features, perplexity=10).place(features[:2]).shape
    (2, 2)
    """
    features = _check(features, least=4)
    if not perplexity >= 1:  # nor NaN
        raise ParameterError(f"perplexity is {perplexity}, expected 1 or more")
    highest = (len(features) - 1) / 3  # openTSNE looks at three times as many neighbours
    if perplexity > highest:
        warnings.warn(
            f"perplexity {perplexity:g} is lowered to {highest:.3g}, all that "
            f"{len(features)} points allow",
            stacklevel=2,
        )
        perplexity = highest
    large = len(features) >= _LARGE
    bar = tqdm(total=_EARLY + _LATE, desc="t-SNE", unit="step", disable=not progress)

    def step(*_) -> None:  # a true value would end the fit
        bar.update(10)

    with threadpool_limits(limits=threads), bar:
        # [N, D] -> [N, 50]: what is left out is mostly noise, and distances in 50 dimensions are
        # cheap. t-SNE then moves points in 2 to minimise KL(P || Q) of neighbourhoods in 50 and 2
        # [1]_; started from the principal axes, not at random, it keeps the coarse layout.
        reduce = make_pipeline(StandardScaler(), PCA(min(50, *features.shape), random_state=seed))
        points = openTSNE.TSNE(
            perplexity=perplexity,
            initialization="pca",
            negative_gradient_method="fft" if large else "bh",
            neighbors="auto" if large else "exact",
            early_exaggeration_iter=_EARLY,
            n_iter=_LATE,
            n_jobs=threads,
            random_state=seed,
            callbacks=step if progress else None,
            callbacks_every_iters=10,
        ).fit(reduce.fit_transform(features))
    return Embedding(np.asarray(points, dtype=np.float32), reduce, points, threads)


def tsne(features: np.ndarray, **options) -> np.ndarray:
    """Positions of features [N, D] in a t-SNE picture, float32 [N, 2]; options as `fit_tsne`."""
    return fit_tsne(features, **options).xy


def pca(features: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Positions of features [N, D], standardised, on their two main axes, float32 [N, 2].

    Examples
    --------
    >>> pca(np.random.default_rng(0).normal(size=(40, 8))).shape
    (40, 2)
    """
    features = _check(features, least=2)
    if features.shape[1] < 2:
        raise SignalError("one feature has no second axis", where="pca")
    with threadpool_limits(limits=1):
        reduce = make_pipeline(StandardScaler(), PCA(2, random_state=seed))
        return reduce.fit_transform(features).astype(np.float32)


def quality(
    features: np.ndarray,
    xy: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    neighbours: int = 10,
    most: int = 3000,
    seed: int = 0,
) -> dict[str, float]:
    """How faithful a picture is to the features, and how well either tells classes apart.

    Parameters
    ----------
    features : float [N, D]
    xy : float [N, 2]
    labels : array [N], optional
    neighbours : int
        How many neighbours are looked at; fewer than half of the points.
    most, seed : int
        Of more points than `most` a sample is measured, for the cost grows with the square.

    Returns
    -------
    dict
        ``trustworthiness``: 1 where no point's neighbours in the picture are strangers among
        the (standardised) features [1]_. With labels, ``knn_features`` and ``knn_xy``: share of
        points whose label the majority of its neighbours carries; the gap is what the picture
        hides, or makes up.

    References
    ----------
    .. [1] J. Venna and S. Kaski, "Neighborhood preservation in nonlinear projection methods",
       ICANN 2001.

    Examples
    --------
    >>> line = np.arange(30.0)[:, None] * [1, 1, 1]
    >>> quality(line, line[:, :2])
    {'trustworthiness': 1.0}
    """
    features, xy = _check(features, least=4), _check(xy, least=4)
    if len(features) != len(xy) or (labels is not None and len(labels) != len(xy)):
        count = "" if labels is None else f", {len(labels)} labels"
        raise SignalError(f"{len(features)} features, {len(xy)} positions{count}", where="quality")
    # One sample for both measures, so that they speak of the same points.
    chosen = np.random.default_rng(seed).permutation(len(xy))[:most]
    if not 1 <= neighbours < len(chosen) / 2:
        raise ParameterError(
            f"neighbours is {neighbours}, expected 1 to below half of {len(chosen)} points"
        )
    # Features are standardised as they were for the picture; the picture has no scales to even out.
    features, xy = StandardScaler().fit_transform(features[chosen]), xy[chosen]
    with threadpool_limits(limits=1):
        measured = {"trustworthiness": float(trustworthiness(features, xy, n_neighbors=neighbours))}
        if labels is not None:
            codes = np.unique(np.asarray(labels).astype(str)[chosen], return_inverse=True)[1]
            measured["knn_features"] = _agreement(features, codes, neighbours)
            measured["knn_xy"] = _agreement(xy, codes, neighbours)
    return measured


def _agreement(points: np.ndarray, codes: np.ndarray, neighbours: int) -> float:
    """Share of points whose class wins the vote of their neighbours, themselves left out."""
    points, codes = torch.as_tensor(points, dtype=torch.float64), torch.from_numpy(codes)
    distance = torch.cdist(points, points).fill_diagonal_(torch.inf)  # [N, N]
    count = int(codes.max()) + 1
    votes = knn_votes(-distance, codes, count, neighbours, weigh=torch.ones_like)  # [N, count]
    return float((votes.argmax(dim=1) == codes).double().mean())


def _check(features: np.ndarray, least: int) -> np.ndarray:
    features = np.asarray(features)
    if features.ndim != 2 or len(features) < least or features.shape[1] == 0:
        raise SignalError(
            f"features of shape {features.shape}, expected [N, D] with N of {least} or more",
            where="embedding",
        )
    if not np.isfinite(features).all():
        raise SignalError("features hold NaN or infinity", where="embedding")
    if least > 1 and (features == features[0]).all():
        raise SignalError("all points are the same", where="embedding")
    return features
