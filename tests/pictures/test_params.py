"""Settings: named, taken from JSON, and refused when they make no sense."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from img2imu_kit.errors import ClockError, Img2ImuError, ParameterError
from img2imu_kit.pictures.image import to_image
from img2imu_kit.pictures.params import CHOICES, SpectrogramParams, presets, resolve
from img2imu_kit.pictures.power import TRANSFORMS

RATE = 50.0


@pytest.mark.parametrize(
    "bad",
    [
        {"n_fft": 3},
        {"transform": "fft"},
        {"n_fft": 64.0},
        {"n_fft": True},
        {"n_fft": "64"},
        {"hop": 0},
        {"hop": 65},
        {"window": "hanning"},
        {"window": None},
        {"window": np.hanning(64)},
        {"center": 1},
        {"detrend": "mean"},
        {"scale": "dB"},
        {"range": "per_axis"},
        {"range": (20, -50)},
        {"range": (0, np.nan)},
        {"range": (0, 1, 2)},
        {"range": None},
        {"fmin_hz": -1},
        {"fmin_hz": None},
        {"fmin_hz": 5, "fmax_hz": 5},
        {"fmax_hz": np.inf},
        {"size": 96},
        {"size": (96, 0)},
        {"size": (96.0, 96)},
        {"interpolation": "area"},
        {"channels": "accelerometer"},
        {"channels": ("x", "y")},
        {"channels": (0, 1, 2)},
    ],
)
def test_bad_settings_are_named(bad):
    with pytest.raises(ParameterError, match=f"(?s)^{list(bad)[-1]} is .*expected"):
        SpectrogramParams(**bad)


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.just((1, 2))
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "n_fft": st.integers(-1, 70) | anything,
            "hop": st.integers(-1, 70) | anything,
            "window": st.sampled_from(CHOICES["window"]) | anything,
            "center": st.booleans() | anything,
            "detrend": st.sampled_from(CHOICES["detrend"]) | anything,
            "scale": st.sampled_from(CHOICES["scale"]) | anything,
            "range": st.sampled_from(["per-axis", "per-window", (-50, 20), [0, 1e-3]]) | anything,
            "fmin_hz": st.floats(0, 26) | anything,
            "fmax_hz": st.floats(0, 26) | anything,
            "size": st.sampled_from([None, (1, 1), [7, 200]]) | anything,
            "interpolation": st.sampled_from(CHOICES["interpolation"]) | anything,
            "channels": st.sampled_from(["acc", "magnitude", ["acc_z", "acc_x", "acc_x"]]),
        },
    )
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_settings_give_a_picture_or_an_error_of_ours(options):
    x = np.random.default_rng(0).normal(size=(2, 3, 64))
    try:
        image = to_image(x, RATE, **options)
    except Img2ImuError:
        return
    assert image.dtype == np.uint8
    assert image.shape[:2] == (2, 3)
    assert options.get("size", (96, 96)) is None or image.shape[2:] == tuple(
        options.get("size", (96, 96))
    )


def test_settings_from_a_name_from_seconds_and_from_json():
    assert resolve(None) == presets()["default"] == SpectrogramParams()
    assert resolve("fine-time", hop=3) == replace(presets()["fine-time"], hop=3)
    assert resolve(SpectrogramParams(n_fft=32), hop=2) == SpectrogramParams(n_fft=32, hop=2)
    for params in presets().values():
        assert SpectrogramParams(**{**asdict(params), "size": list(params.size)}) == params
    app = presets()["img2imu-app"]
    assert (app.n_fft, app.hop, app.center, app.detrend) == (128, 12, False, None)
    made = SpectrogramParams.for_rate(100, window_s=0.5, hop_s=0.001, scale="power")
    assert (made.n_fft, made.hop, made.scale) == (50, 1, "power")
    for bad in ({"window_s": 0, "hop_s": 1}, {"window_s": 1, "hop_s": "1"}):
        with pytest.raises(ParameterError):
            SpectrogramParams.for_rate(100, **bad)
    with pytest.raises(ClockError):
        SpectrogramParams.for_rate(0, 1, 1)


def test_every_transform_has_a_name_and_every_name_a_transform():
    assert set(TRANSFORMS) == set(CHOICES["transform"])
