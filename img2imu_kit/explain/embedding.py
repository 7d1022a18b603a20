"""Features in two dimensions: maps that can place new points, and how far to trust them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import openTSNE
import torch
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from ..errors import Img2ImuWarning, ParameterError, SignalError
from ..pretrain.metrics import knn_votes

__all__ = [
    "Embedding",
    "fit_pca",
    "fit_tsne",
    "fit_umap",
    "nearest_distance",
    "pca",
    "quality",
    "tsne",
]

#: Below this many points Barnes-Hut is faster than interpolation, and exact neighbours than
#: approximate ones.
_LARGE = 10_000

#: Iterations of openTSNE: points drawn together harder than they are to stay, then as they are.
_EARLY, _LATE = 250, 500


@dataclass(frozen=True, eq=False)
class Embedding:
    """A map that stands still while new points are placed in it; made by `fit_tsne` and others.

    Attributes
    ----------
    xy : float32 [N, 2]

    Examples
    --------
    >>> features = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    >>> fixed = fit_tsne(features, perplexity=5)
    >>> fixed.xy.shape, fixed.place(features[:2]).shape
    ((30, 2), (2, 2))
    """

    xy: np.ndarray
    _reduce: Pipeline  # features [M, D] to what the map was made of
    _put: Callable[[np.ndarray], np.ndarray]  # from there to positions [M, 2]
    _threads: int = 1

    def place(self, features: np.ndarray) -> np.ndarray:
        """Positions of new features [M, D] among the old ones, float32 [M, 2].

        Each new point is drawn to its neighbours of old; the old points do not move. So it always
        lands somewhere: `nearest_distance` says whether it belongs there.
        """
        features = _check(features, least=1)
        if features.shape[1] != self._reduce.n_features_in_:
            raise SignalError(
                f"{features.shape[1]} features, but the picture was made of "
                f"{self._reduce.n_features_in_}",
                where="embedding",
            )
        with threadpool_limits(limits=self._threads):
            return np.asarray(self._put(self._reduce.transform(features)), dtype=np.float32)


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
        Fewer than 4 points or 2 features, NaN or infinity, features that never vary.
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
    features = _check(features, least=4, width=2)
    if not perplexity >= 1:  # nor NaN
        raise ParameterError(f"perplexity is {perplexity}, expected 1 or more")
    highest = (len(features) - 1) / 3  # openTSNE looks at three times as many neighbours
    if perplexity > highest:
        warnings.warn(
            f"perplexity {perplexity:g} is lowered to {highest:.3g}, all that "
            f"{len(features)} points allow",
            Img2ImuWarning,
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
        reduce = _components(features, seed)
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
    # A new point holds on to its neighbours of old alone; openTSNE takes five of them.
    few = min(5.0, highest)
    return Embedding(
        np.asarray(points, dtype=np.float32),
        reduce,
        lambda reduced: points.transform(reduced, perplexity=few),
        threads,
    )


def tsne(features: np.ndarray, **options) -> np.ndarray:
    """Positions of features [N, D] in a t-SNE picture, float32 [N, 2]; options as `fit_tsne`.

    Examples
    --------
    >>> features = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    >>> tsne(features, perplexity=5).shape
    (30, 2)
    """
    return fit_tsne(features, **options).xy


def fit_pca(features: np.ndarray, *, seed: int = 0) -> Embedding:
    """Features [N, D], standardised, on their two main axes; new ones are projected on the same.

    Raises
    ------
    SignalError
        Fewer than 2 points or features, NaN or infinity, features that never vary.

    Examples
    --------
    >>> features = np.random.default_rng(0).normal(size=(40, 8))
    >>> fitted = fit_pca(features)
    >>> bool(np.allclose(fitted.place(features[:3]), fitted.xy[:3], atol=1e-5))
    True
    """
    features = _check(features, least=2, width=2)
    with threadpool_limits(limits=1):
        reduce = make_pipeline(StandardScaler(), PCA(2, random_state=seed))
        xy = reduce.fit_transform(features).astype(np.float32)
    return Embedding(xy, reduce, lambda reduced: reduced)


def pca(features: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Positions of features [N, D], standardised, on their two main axes, float32 [N, 2].

    Examples
    --------
    >>> pca(np.random.default_rng(0).normal(size=(40, 8))).shape
    (40, 2)
    """
    return fit_pca(features, seed=seed).xy


def fit_umap(features: np.ndarray, *, neighbours: int = 15, seed: int = 0) -> Embedding:
    """Lay features out by UMAP, from the same principal components as `fit_tsne`.

    Parameters
    ----------
    features : float [N, D]
    neighbours : int
        How many a point attends to; of few points fewer.
    seed : int

    Raises
    ------
    ParameterError
        umap-learn is not installed; fewer than two neighbours.
    SignalError
        As `fit_tsne`.

    References
    ----------
    .. [1] L. McInnes, J. Healy and J. Melville, "UMAP: uniform manifold approximation and
       projection for dimension reduction", arXiv 1802.03426.

    Examples
    --------
    >>> fixed = fit_umap(features, neighbours=15)  # doctest: +SKIP
    >>> fixed.place(new_features)  # doctest: +SKIP
    """
    features = _check(features, least=4, width=2)
    if neighbours < 2:
        raise ParameterError(f"neighbours is {neighbours}, expected 2 or more")
    try:
        import umap
    except ImportError:
        remedy = 'pip install "img2imu_kit[maps]"'
        raise ParameterError("UMAP needs umap-learn", remedy=remedy) from None
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a seed means one thread, which is what we want
        reduce = _components(features, seed)
        fitted = umap.UMAP(
            n_neighbors=min(neighbours, len(features) - 1), random_state=seed, n_jobs=1
        ).fit(reduce.fit_transform(features))
    return Embedding(fitted.embedding_.astype(np.float32), reduce, fitted.transform)


def nearest_distance(
    known: np.ndarray, new: np.ndarray | None = None, groups: np.ndarray | None = None
) -> np.ndarray:
    """How far each row is from the nearest known one: far ones lie where nothing was learned.

    Parameters
    ----------
    known : float [N, D]
        Features.
    new : float [M, D], optional
        Default: the known ones themselves, each without its own group.
    groups : array [N], optional
        Who: a person's windows are alike, so that of a person who is known the next one says
        nothing about a person who is not. Default: each row is a group of its own.

    Returns
    -------
    float64 [M]
        On features standardised by the known ones, divided by the root of their number.

    Raises
    ------
    SignalError
        Shapes that do not fit, NaN or infinity, a single group.

    References
    ----------
    .. [1] Y. Sun, Y. Ming, X. Zhu and Y. Li, "Out-of-distribution detection with deep nearest
       neighbors", ICML 2022.

    Examples
    --------
    >>> known = np.array([[0.0, 0], [0, 1], [4, 0], [4, 1]])
    >>> nearest_distance(known).round(2)
    array([1.41, 1.41, 1.41, 1.41])
    >>> nearest_distance(known, groups=[*"aabb"]).round(2)  # the other group is twice as far
    array([1.41, 1.41, 1.41, 1.41])
    >>> nearest_distance(known, [[4, 1], [40, 1]]).round(1)
    array([ 0. , 12.7])
    """
    known = _check(known, least=2)
    scaler = StandardScaler().fit(known)
    width = np.sqrt(known.shape[1])
    scaled = scaler.transform(known) / width
    if new is not None:
        new = _check(new, least=1)
        if new.shape[1] != known.shape[1]:
            raise SignalError(
                f"{new.shape[1]} features, but {known.shape[1]} are known", where="nearest_distance"
            )
        return _nearest(scaled, scaler.transform(new) / width)
    groups = np.arange(len(known)) if groups is None else np.asarray(groups)
    if len(groups) != len(known) or len(set(groups.tolist())) < 2:
        raise SignalError(
            f"{len(set(groups.tolist()))} group(s) of {len(groups)} for {len(known)} rows, "
            "expected two or more",
            where="nearest_distance",
        )
    # One search for each group, among all others: exact, and as quick as one for all.
    distance = np.empty(len(known))
    for group in set(groups.tolist()):
        mine = groups == group
        distance[mine] = _nearest(scaled[~mine], scaled[mine])
    return distance


def _nearest(known: np.ndarray, rows: np.ndarray) -> np.ndarray:
    with threadpool_limits(limits=1):
        search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(known)
        return search.kneighbors(rows)[0][:, 0]


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


def _components(features: np.ndarray, seed: int) -> Pipeline:
    """Features [N, D] to 50 principal components, or as many as there are."""
    return make_pipeline(StandardScaler(), PCA(min(50, *features.shape), random_state=seed))


def _check(features: np.ndarray, least: int, width: int = 1) -> np.ndarray:
    features = np.asarray(features)
    if features.dtype.kind not in "fiub":
        raise SignalError(f"features are {features.dtype}, expected numbers", where="embedding")
    if features.ndim != 2 or len(features) < least or features.shape[1] == 0:
        raise SignalError(
            f"features of shape {features.shape}, expected [N, D] with N of {least} or more",
            where="embedding",
        )
    if features.shape[1] < width:
        raise SignalError("one feature has no second axis", where="embedding")
    with np.errstate(over="ignore"):  # squares of what is beyond float32 would overflow
        finite = np.isfinite(features.astype(np.float32)).all()
    if not finite:
        raise SignalError("features hold NaN, infinity or numbers near it", where="embedding")
    # What is too small for float32 is 0: its spread would be, too, and is divided by.
    faint = (np.abs(features) < np.finfo(np.float32).tiny) & (features != 0)
    if faint.any():
        features = np.where(faint, 0, features)
    if least > 1 and (features == features[0]).all():
        raise SignalError("all points are the same", where="embedding")
    return features
