"""Pictures and their reader as a step of a scikit-learn pipeline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from ..errors import SignalError
from ..models.backbone import Backbone, load_backbone
from ..signals.windows import Windows
from .image_readout import ImageReadout, Picture

__all__ = ["ImageFeatures"]


class ImageFeatures(TransformerMixin, BaseEstimator):
    """Windows to what a vision network sees in their pictures, for scikit-learn.

    The layers of every picture stand side by side, as `ImageReadout` reads them. Nothing is
    learned from the windows: `fit` loads the network and notes their shape, so that features
    computed once, before a cross-validation, are those of its every fold.

    Parameters
    ----------
    backbone : str, path or Backbone
        Weights with a card, as in `load_backbone`, or a network that is already loaded.
    params : picture or sequence of pictures
        As in `ImageReadout`: names of presets, SpectrogramParams, StftPicture, PatchPicture.
    rate : float
        Hz.
    axes : sequence of str [C], optional
        Names of the axes, as in `Recording`; a picture chooses its three by them.
    layers, pixels, pool, rows, columns
        As in `ImageReadout`.

    Attributes
    ----------
    backbone_ : Backbone
    widths_ : dict of str -> int
        Columns of each voter, in order: what `img2imu_kit.evaluate.fuse` would let vote apart.
    n_features_in_, length_ : int
        C and T of the windows seen by `fit`.

    See Also
    --------
    ImageReadout : the same for `Windows`, a voter at a time.

    Notes
    -----
    X is [N, C, T], window, axis, time, in m/s2 (and rad/s) for pictures of fixed limits, the
    default ones among them. Of scikit-learn's estimator checks those about X [N, F] do not apply.

    Examples
    --------
    >>> from sklearn.model_selection import GroupKFold, cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> from img2imu_kit import load_dataset, sliding_windows
    >>> from img2imu_kit.evaluate import logistic
    >>> cut = sliding_windows(load_dataset("synthetic", subjects=3, seconds=8), 4).select("acc")
    >>> model = make_pipeline(ImageFeatures(rate=cut.rate, layers=(2, 3)), logistic())
    >>> folds = {"groups": cut.subject, "cv": GroupKFold(3)}
    >>> cross_val_score(model, cut.signal, cut.label, **folds).shape
    (3,)
    """

    def __init__(
        self,
        backbone: str | Backbone = "img2imu:walk-sensor",
        params: Picture | Sequence[Picture] = ("motion", "motion-signed"),
        *,
        rate: float | None = None,
        axes: Sequence[str] = (),
        layers: Sequence[int] = (1, 2, 3, 4),
        pixels: Sequence[int] = (0,),
        pool: str = "grid",
        rows: int = 16,
        columns: int = 4,
    ) -> None:
        self.backbone, self.params, self.rate, self.axes = backbone, params, rate, axes
        self.layers, self.pixels = layers, pixels
        self.pool, self.rows, self.columns = pool, rows, columns

    def fit(self, X, y=None) -> ImageFeatures:
        """Load the network and read one window, so that a wrong setting is found here.

        Parameters
        ----------
        X : float [N, C, T]
        y : ignored

        Raises
        ------
        SignalError, ClockError
            As from `Windows.from_numpy`.
        """
        windows = self._windows(X, reset=True)
        several = isinstance(self.params, Sequence) and not isinstance(self.params, str)
        self.readout_ = ImageReadout(
            tuple(self.params) if several else (self.params,),
            tuple(self.layers),
            tuple(self.pixels),
            self.pool,
            self.rows,
            self.columns,
        )
        loaded = isinstance(self.backbone, Backbone)
        self.backbone_ = self.backbone if loaded else load_backbone(None, self.backbone)
        voters = self.readout_.read(windows[:1], self.backbone_)
        self.widths_ = {name: features.shape[1] for name, features in voters.items()}
        _, self.n_features_in_, self.length_ = windows.signal.shape
        return self

    def transform(self, X) -> np.ndarray:
        """Windows [N, C, T] to features float32 [N, D]."""
        check_is_fitted(self)
        windows = self._windows(X, reset=False)
        _, channels, length = windows.signal.shape
        fitted = ((channels, self.n_features_in_, "features"), (length, self.length_, "samples"))
        for here, seen, what in fitted:  # features are axes: scikit-learn's words
            if here != seen:
                name = type(self).__name__
                raise SignalError(
                    f"X has {here} {what}, but {name} is expecting {seen} {what} as input"
                )
        return np.concatenate([*self.readout_.read(windows, self.backbone_).values()], axis=1)

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """``"motion 2 0"``: the voter, then the number of its column."""
        check_is_fitted(self)
        names = [f"{name} {i}" for name, width in self.widths_.items() for i in range(width)]
        return np.array(names, dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.three_d_array = False, True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _windows(self, X, *, reset: bool) -> Windows:
        """X as `Windows`, after scikit-learn's own checks: finite, not sparse, not complex."""
        X = validate_data(self, X, reset=reset, ensure_2d=False, allow_nd=True, dtype=np.float32)
        return Windows.from_numpy(X, rate=self.rate, axes=self.axes)
