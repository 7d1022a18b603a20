"""The spectrogram explorer's picture: a pure function of its state, and code that makes it."""

from dataclasses import replace

import numpy as np
import pytest

import img2imu_kit as ik
from img2imu_kit.errors import ParameterError, SignalError
from img2imu_kit.explore.panels import picture_edges
from img2imu_kit.explore.spectrogram import SpectrogramState, code, render, spread


@pytest.fixture(scope="module")
def recording():
    return ik.load_dataset("synthetic", subjects=1, seconds=12, transitions=True)[0]


def test_the_same_state_gives_the_same_bytes(recording):
    first = SpectrogramState(recording, 3, 5, changes={"n_fft": 32})
    again = replace(first)
    assert render(first).png() == render(again).png()


def test_the_picture_shown_is_the_one_the_network_sees(recording):
    state = SpectrogramState(recording, 3, 5, changes={"size": (95, 105)})
    image = ik.to_image(recording.cut(*state.bounds()), size=(95, 105))[0].transpose(1, 2, 0)
    shown = render(state).pixels[346:536, 850:1060]  # twice the size: each pixel four times
    np.testing.assert_array_equal(shown, image.repeat(2, axis=0).repeat(2, axis=1))


@pytest.mark.parametrize(
    "changes",
    [
        {"n_fft": 128},
        {"hop": 16},
        {"window": "boxcar"},
        {"center": True},
        {"detrend": "linear"},
        {"scale": "magnitude"},
        {"range": (-30, 20)},
        {"range": "per-axis"},
        {"range": "per-window"},
        {"fmin_hz": 2.0},
        {"fmax_hz": 10.0},
        {"channels": "gyro"},
        {"channels": "magnitude"},
        {"channels": ("gyro_x", "acc_y", "acc_x")},
        {"size": (32, 64)},
        {"size": None},
        {"interpolation": "nearest"},
    ],
    ids=str,
)
def test_every_setting_changes_the_picture_and_its_code_makes_it(recording, changes):
    state = SpectrogramState(recording, 3, 5, changes=changes)
    assert (render(state).pixels != render(replace(state, changes={})).pixels).any()
    names = {"recording": recording, "walk": recording}
    exec(code(replace(state, origin="walk")), names)
    np.testing.assert_array_equal(
        names["image"], ik.to_image(recording.cut(*state.bounds()), **changes)[0]
    )


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"changes": {"hop": 65}}, "hop is 65, expected 1 to n_fft"),
        ({"changes": {"n_fft": 512, "hop": 4}}, "n_fft=512"),
        ({"changes": {"fmin_hz": 10.0, "fmax_hz": 10.1}}, "does not fit bins"),
        ({"changes": {"range": (20, 20)}}, "low < high"),
        ({"changes": {"channels": ("acc_x", "acc_y", "nose")}}, "no axis 'nose'"),
        ({"start_s": 1e6}, "the recording lasts"),
        ({"start_s": -1.0}, "the recording lasts"),
        ({"seconds": 0.0}, "the recording lasts"),
        ({"preset": "best"}, "no preset"),
    ],
)
def test_contradictions_are_typed_errors(recording, state, words):
    with pytest.raises((ParameterError, SignalError), match=words):
        render(SpectrogramState(recording, **({"seconds": 5.0} | state)))


@pytest.mark.parametrize("taper", ["hann", "hamming", "blackman", "boxcar"])
@pytest.mark.parametrize("n_fft", [16, 65, 256])
def test_no_frame_beats_heisenberg(taper, n_fft):
    seconds, hz = spread(ik.SpectrogramParams(n_fft=n_fft, window=taper), rate=50)
    assert seconds * hz >= 1 / np.pi * 0.999
    twice, _ = spread(ik.SpectrogramParams(n_fft=2 * n_fft, window=taper), rate=50)
    assert twice / seconds == pytest.approx(2, rel=0.1)


def test_a_gaussian_would_reach_the_bound():
    # blackmanharris is nearly a Gaussian, boxcar leaks most
    near, far = (
        np.pi * np.prod(spread(ik.SpectrogramParams(window=name), 50))
        for name in ("blackmanharris", "boxcar")
    )
    assert near < 1.01 < 2 < far


def test_edges_of_the_picture_are_those_of_frames_and_bins(recording):
    across, up = picture_edges(recording.cut(100, 350), ik.SpectrogramParams(n_fft=50, hop=10))
    assert across == pytest.approx((2.5 - 0.1, 6.5 + 0.1))
    assert up == pytest.approx((-0.5, 25.5))


def test_an_axis_that_never_changes_is_named(recording):
    still = recording.signal.copy()
    still[:, 1] = 3
    with pytest.warns(ik.errors.ConstantAxisWarning):
        drawing = render(SpectrogramState(replace(recording, signal=still)))
    assert "acc_y never changes" in drawing.note


def test_alt_text_says_what_is_seen(recording):
    start = 20.0
    alt = render(SpectrogramState(recording, start, 5)).alt
    label = recording.labels[int((start + 2) * recording.rate)]
    assert f"window from 20 s of 5 s marked while {label}" in alt
    assert "96 x 96 pixels" in alt
