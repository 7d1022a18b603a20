"""Pictures as a step of a scikit-learn pipeline: same numbers, and scikit-learn's checks."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import img2imu_kit as ik
from img2imu_kit.errors import ClockError, ParameterError, SignalError, WeightsError
from img2imu_kit.evaluate import ImageFeatures, ImageReadout

RATE = 20.0
SMALL = ik.SpectrogramParams(n_fft=16, size=(16, 16))
NETWORK = "img2imu:walk-sensor"


@pytest.fixture(scope="module")
def cut():
    people = ik.load_dataset("synthetic", subjects=4, seconds=8)
    return ik.sliding_windows([person.select("acc") for person in people], seconds=4)


def test_features_are_those_of_the_readout(cut):
    windows = cut[:5]
    features = ImageFeatures(rate=cut.rate, axes=cut.axes).fit(windows.signal)
    voters = ImageReadout().read(windows, ik.load_backbone("mobilenetv2_100", NETWORK))
    expected = np.concatenate(list(voters.values()), axis=1)
    read = features.transform(windows.signal)
    np.testing.assert_array_equal(read, expected)
    assert read.dtype == np.float32
    assert features.widths_ == {name: values.shape[1] for name, values in voters.items()}
    names = features.get_feature_names_out()
    assert len(names) == read.shape[1]
    assert (names[0], names[-1]) == ("motion pixels 0", f"motion-signed 4 {values_of(voters) - 1}")


def values_of(voters):
    return list(voters.values())[-1].shape[1]


@pytest.mark.parametrize(
    "settings",
    [
        {"params": SMALL, "layers": (0,)},
        {"params": "motion", "layers": [2, 1], "pixels": ()},
        {"params": [SMALL, "motion"], "layers": (1,), "pixels": (1,), "pool": "gap"},
    ],
)
def test_settings_are_those_of_the_readout(cut, settings):
    windows = cut[:3]
    given = settings["params"]
    pictures = tuple(given) if isinstance(given, list) else (given,)
    rest = {k: tuple(v) if k != "pool" else v for k, v in settings.items() if k != "params"}
    readout = ImageReadout(pictures, **rest)
    backbone = ik.load_backbone("mobilenetv3_small_050")
    features = ImageFeatures(backbone, rate=cut.rate, **settings).fit_transform(windows.signal)
    expected = np.concatenate(list(readout.read(windows, backbone).values()), axis=1)
    np.testing.assert_array_equal(features, expected)


def test_nobody_is_in_training_and_test_of_a_pipeline(cut):
    model = make_pipeline(
        ImageFeatures(rate=cut.rate, params=SMALL, layers=(0, 1)),
        StandardScaler(),
        RidgeClassifier(),
    )
    folds = {"groups": cut.subject, "cv": GroupKFold(4)}
    predicted = cross_val_predict(model, cut.signal, cut.label, **folds)
    # Read once before: nothing is learned from the windows, so nothing can leak.
    features = model[0].fit_transform(cut.signal)
    again = cross_val_predict(make_pipeline(*model[1:]), features, cut.label, **folds)
    assert predicted.tolist() == again.tolist()
    assert (predicted == cut.label).mean() > 0.6  # four classes: chance is a quarter


def test_a_grid_search_tries_settings(cut):
    model = make_pipeline(
        ImageFeatures(rate=cut.rate, params=SMALL), RidgeClassifier(solver="lsqr")
    )
    grid = {"imagefeatures__layers": [(0,), (1,)]}
    found = GridSearchCV(model, grid, cv=GroupKFold(2), error_score="raise")
    found.fit(cut.signal, cut.label, groups=cut.subject)
    assert found.best_params_["imagefeatures__layers"] in [(0,), (1,)]


def test_a_fitted_step_survives_pickling_and_cloning(cut):
    fitted = ImageFeatures(rate=cut.rate, params=SMALL, layers=(0,)).fit(cut.signal)
    expected = fitted.transform(cut.signal[:4])
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(fitted)).transform(cut.signal[:4]), expected
    )
    np.testing.assert_array_equal(clone(fitted).fit_transform(cut.signal[:4]), expected)


def test_a_window_is_read_alike_alone_and_among_others(cut):
    fitted = ImageFeatures(rate=cut.rate, params=SMALL, layers=(0, 1)).fit(cut.signal)
    together = fitted.transform(cut.signal[:6])
    alone = np.concatenate([fitted.transform(window[None]) for window in cut.signal[:6]])
    np.testing.assert_allclose(alone, together, atol=1e-5)
    np.testing.assert_array_equal(fitted.transform(cut.signal[5::-1]), together[::-1])


def test_columns_have_names_in_pandas(cut):
    model = ImageFeatures(rate=cut.rate, params=SMALL, layers=(0,)).set_output(transform="pandas")
    frame = model.fit_transform(cut.signal[:2])
    assert next(iter(frame)) == "picture 0 pixels 0"


X = np.random.default_rng(0).normal(size=(4, 3, 80))


@pytest.mark.parametrize(
    ("settings", "signal", "error", "told"),
    [
        ({"rate": None}, X, ClockError, "Give rate=<Hz>"),
        ({}, X[0], SignalError, r"shape \(3, 80\), expected \[N, C, T\]"),
        ({}, X.transpose(0, 2, 1), SignalError, r"X.transpose\(0, 2, 1\)"),
        ({}, np.where(X > 2, np.nan, X), ValueError, "contains NaN"),
        ({"params": "nope"}, X, ParameterError, "nope"),
        ({"layers": (9,)}, X, ParameterError, "layer is"),
        ({"axes": ("a", "b")}, X, SignalError, "3 columns but 2 axis names"),
        ({"backbone": "img2imu:nope"}, X, WeightsError, "nope"),
    ],
)
def test_what_cannot_be_read_is_found_by_fit(settings, signal, error, told):
    with pytest.raises(error, match=told):
        ImageFeatures(**{"rate": RATE} | settings).fit(signal)


@pytest.mark.parametrize(
    ("signal", "told"),
    [
        (X[:, :1], "X has 1 features, but ImageFeatures is expecting 3 features"),
        (X[:, :, :60], "X has 60 samples, but ImageFeatures is expecting 80 samples"),
    ],
)
def test_windows_of_another_shape_than_those_fitted(signal, told):
    fitted = ImageFeatures(rate=RATE, params=SMALL, layers=(0,)).fit(X)
    with pytest.raises(SignalError, match=told):
        fitted.transform(signal)


class Flat(ImageFeatures):
    """Takes scikit-learn's test data [N, F] for windows that hold F still axes for a while."""

    def fit(self, X, y=None):
        return super().fit(self.hold(X), y)

    def transform(self, X):
        return super().transform(self.hold(X))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags

    @staticmethod
    def hold(X):
        sparse = hasattr(X, "tocsr")
        return X if sparse else np.repeat(np.asarray(X)[..., None], 64, axis=-1)


#: What does not apply: two checks of a message's wording about tables.
NOT_OF_STACKS = {
    "check_estimators_empty_data_messages": "names the shape of a table; ours is (N, 0, T)",
    "check_fit2d_predict1d": 'asks for the words "Reshape your data"; ours say how',
}


@pytest.mark.slow
def test_scikit_learns_checks():
    # The three axes' length, so that tables of any width have a picture.
    params = ik.SpectrogramParams(n_fft=16, size=(16, 16), channels="magnitude")
    step = Flat(params=params, rate=RATE, layers=(0,))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # still axes, skipped array API
        results = check_estimator(step, expected_failed_checks=NOT_OF_STACKS, on_fail=None)
    told = {
        kind: [r["check_name"] for r in results if r["status"] == kind]
        for kind in ("passed", "failed", "xfail", "skipped")
    }
    assert told["failed"] == []
    assert sorted(told["xfail"]) == sorted(NOT_OF_STACKS)
    assert set(told["skipped"]) <= {"check_array_api_input"}
    assert len(told["passed"]) > 40
