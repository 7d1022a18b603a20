"""Recordings: what they hold, refuse and convert."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from img2imu_kit.errors import ParameterError, SignalError
from img2imu_kit.signals.axes import GRAVITY, convert
from img2imu_kit.signals.recording import Recording

UNITS = {"acceleration": ("m/s2", "g", "mg"), "angular velocity": ("rad/s", "deg/s")}


def six_axes(rng, **about):
    return Recording(rng.normal(size=(100, 6)), rate=50, unit=("g",) * 3 + ("deg/s",) * 3, **about)


def test_signal_becomes_float32_and_a_vector_one_axis():
    recording = Recording([0, 1, 2, 3], rate=2, axes="acc_x", unit="g")
    assert recording.signal.dtype == np.float32
    assert recording.signal.shape == (4, 1)
    assert (recording.axes, recording.unit) == (("acc_x",), ("g",))
    assert (len(recording), recording.seconds) == (4, 2.0)
    np.testing.assert_allclose(recording.times_s, [0, 0.5, 1, 1.5])


def test_axes_have_conventional_names():
    names = [Recording(np.zeros((2, c)), rate=50).axes for c in (2, 3, 6, 7)]
    assert names[0] == ("ch0", "ch1")
    assert names[1] == ("acc_x", "acc_y", "acc_z")
    assert names[2] == (*names[1], "gyro_x", "gyro_y", "gyro_z")
    assert names[3] == (*names[2], "ch6")


def test_labels_become_text():
    labels = [1.0, 2, "walk", None, float("nan"), 0.5, np.float32(3)]
    recording = Recording(np.zeros((7, 3)), rate=50, labels=labels)
    assert recording.labels.tolist() == ["1", "2", "walk", "", "", "0.5", "3"]
    assert recording.classes == ("0.5", "1", "2", "3", "walk")


@given(st.integers(1, 60), st.data())
def test_a_cut_keeps_signal_labels_and_time(length, data):
    start = data.draw(st.integers(0, length - 1))
    stop = data.draw(st.integers(start + 1, length))
    whole = Recording(np.arange(length * 3).reshape(-1, 3), 10, labels=np.arange(length), start_s=5)
    piece = whole.cut(start, stop)
    np.testing.assert_array_equal(piece.signal, whole.signal[start:stop])
    np.testing.assert_array_equal(piece.labels, whole.labels[start:stop])
    np.testing.assert_allclose(piece.times_s, whole.times_s[start:stop])


def test_axes_are_chosen_by_name_prefix_and_order(rng):
    recording = six_axes(rng)
    gyro = recording.select("gyro")
    np.testing.assert_array_equal(gyro.signal, recording.signal[:, 3:])
    assert gyro.unit == ("deg/s",) * 3
    swapped = recording.select(["acc_z", "acc_x"])
    np.testing.assert_array_equal(swapped.signal, recording.signal[:, [2, 0]])
    with pytest.raises(ParameterError, match=r"no axis 'ac'.*There are: acc_x"):
        recording.select("ac")


def test_units_convert_by_quantity(rng):
    recording = six_axes(rng)
    metric = recording.to_unit("m/s2", "rad/s")
    assert metric.unit == ("m/s2",) * 3 + ("rad/s",) * 3
    np.testing.assert_allclose(metric.signal[:, :3], recording.signal[:, :3] * GRAVITY, rtol=1e-6)
    np.testing.assert_allclose(metric.signal[:, 3:], np.deg2rad(recording.signal[:, 3:]), rtol=1e-6)
    again = metric.to_unit("g", "deg/s")
    assert again.unit == recording.unit
    np.testing.assert_allclose(again.signal, recording.signal, rtol=1e-6)


@given(
    st.floats(-1e6, 1e6),
    st.one_of(*(st.tuples(*[st.sampled_from(names)] * 3) for names in UNITS.values())),
)
def test_conversions_go_round_and_through(value, units):
    a, b, c = units
    assert convert(convert(value, a, b), b, a) == pytest.approx(value)
    assert convert(convert(value, a, b), b, c) == pytest.approx(convert(value, a, c))


def test_known_factors():
    assert convert(1.0, "g", "m/s2") == 9.80665
    assert convert(1.0, "g", "mg") == pytest.approx(1000)
    np.testing.assert_allclose(
        convert(np.array([180.0, 90.0]), "deg/s", "rad/s"), [np.pi, np.pi / 2]
    )


def test_the_first_bad_value_is_named():
    signal = np.zeros((50, 3))
    signal[17, 2] = np.inf
    signal[30, 0] = np.nan
    with pytest.raises(SignalError, match=r"walk: 2 value\(s\) not finite, .* axis 2 at sample 17"):
        Recording(signal, rate=50, name="walk")


def test_repr_tells_the_story(rng):
    text = repr(six_axes(rng, name="s1/a", subject="s1", labels="walk"))
    assert text == (
        "Recording('s1/a', 2.0 s at 50 Hz, acc_x acc_y acc_z gyro_x gyro_y gyro_z, "
        "subject 's1', walk)"
    )
