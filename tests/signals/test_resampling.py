"""Even clocks: resampling, and samples that come with time stamps of their own."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from img2imu_kit.errors import ClockError, SignalError
from img2imu_kit.signals.recording import Recording
from img2imu_kit.signals.resampling import from_samples, resample


def sine(times_s, hz, amplitude=1.0):
    return amplitude * np.sin(2 * np.pi * hz * np.asarray(times_s))


def recorded_sine(hz, rate, seconds=10, **about):
    times_s = np.arange(round(seconds * rate)) / rate
    signal = np.stack([sine(times_s, hz), np.full_like(times_s, 9.81)], axis=1)
    return Recording(signal, rate, axes=("acc_x", "acc_y"), **about)


@settings(max_examples=25, deadline=None)
@given(
    rate=st.sampled_from([30.0, 50.0, 50.9417, 64.0, 100.0, 200.0]),
    new=st.sampled_from([20.0, 25.0, 50.0, 64.0, 97.3, 128.0]),
    share=st.floats(0.02, 0.7),
)
def test_resampling_keeps_a_sine_in_frequency_amplitude_and_phase(rate, new, share):
    hz = share * min(rate, new) / 2
    resampled = resample(recorded_sine(hz, rate), new)
    assert resampled.rate == new
    assert resampled.seconds == pytest.approx(10, abs=2 / new)
    # the filter knows no more than it saw; a fraction of at most 1000 meets the rate that nearly
    inner = (resampled.times_s > 1) & (resampled.times_s < 9)
    drift = abs(Fraction(new / rate).limit_denominator(1000) * rate / new - 1) * 10 * 2 * np.pi * hz
    expected = sine(resampled.times_s, hz)
    np.testing.assert_allclose(resampled.signal[inner, 0], expected[inner], atol=0.02 + drift)
    np.testing.assert_allclose(resampled.signal[:, 1], 9.81, atol=0.03)  # gravity, to the edges


def test_resampling_removes_what_the_new_rate_cannot_hold():
    resampled = resample(recorded_sine(40, 100), 50)  # would alias to 10 Hz
    inner = resampled.signal[25:-25, 0]
    assert np.abs(inner).max() < 0.01


def test_resampling_takes_labels_along():
    labels = np.repeat(["sit", "walk"], 500)
    halved = resample(recorded_sine(1, 100, labels=labels, subject="s", name="n"), 50)
    assert halved.labels.tolist() == ["sit"] * 250 + ["walk"] * 250
    assert (halved.subject, halved.name) == ("s", "n")
    doubled = resample(halved, 100)
    assert (doubled.labels != labels).sum() <= 1


def test_resampling_to_the_same_rate_is_the_recording_itself():
    recording = recorded_sine(1, 100)
    assert resample(recording, 100.0) is recording


def test_a_single_sample_can_be_resampled():
    assert len(resample(Recording(np.ones((1, 3)), 100), 50)) == 1


def test_even_stamps_come_back_unchanged(rng):
    signal = rng.normal(size=(200, 3)).astype(np.float32)
    (recording,) = from_samples(signal, 7.5 + np.arange(200) / 50, unit="g", subject="s")
    assert recording.rate == 50  # without the rounding of the stamps
    assert (recording.start_s, recording.subject, recording.unit) == (0, "s", ("g",) * 3)
    np.testing.assert_allclose(recording.signal, signal, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(jitter=st.floats(0, 0.9), duplicates=st.floats(0, 0.4), seed=st.integers(0, 50))
def test_irregular_and_duplicate_stamps_reproduce_a_sine(jitter, duplicates, seed):
    rng = np.random.default_rng(seed)
    times_s = np.arange(1000) / 100 + rng.uniform(0, jitter / 100, 1000)
    times_s = np.repeat(times_s, 1 + (rng.random(1000) < duplicates))
    signal = sine(times_s, 1.7)[:, None]
    (recording,) = from_samples(signal, times_s, rate=100)
    expected = sine(recording.times_s + times_s[0], 1.7)
    np.testing.assert_allclose(recording.signal[:, 0], expected, atol=0.01)


def test_equal_stamps_are_averaged():
    signal = np.array([[0.0], [1], [3], [4], [8]])
    (recording,) = from_samples(signal, [0, 1, 1, 2, 3], rate=1, longest_gap_s=2, equal="mean")
    assert recording.signal.ravel().tolist() == [0, 2, 4, 8]


def test_the_measured_rate_leaves_gaps_out():
    times_s = np.concatenate([np.arange(50), np.arange(500, 600)]) / 50
    for piece in from_samples(np.zeros((150, 3)), times_s, gap="split"):
        assert piece.rate == pytest.approx(50)


def test_gap_policies():
    times_s = np.concatenate([np.arange(100) / 50, 5 + np.arange(50) / 50])
    signal = times_s[:, None] * [1.0, -2.0]  # lines, which interpolation must continue
    labels = np.repeat(["a", "b"], [100, 50])
    with pytest.raises(ClockError, match=r"1 gap\(s\) over 0.5 s, .* 3.02 s after sample 99"):
        from_samples(signal, times_s)
    first, second = from_samples(signal, times_s, gap="split", labels=labels)
    assert (len(first), len(second), second.start_s) == (100, 50, 5.0)
    assert (first.classes, second.classes) == (("a",), ("b",))
    (whole,) = from_samples(signal, times_s, gap="interpolate", labels=labels)
    np.testing.assert_allclose(whole.signal, whole.times_s[:, None] * [1.0, -2.0], atol=1e-4)
    changes = np.flatnonzero(whole.labels[1:] != whole.labels[:-1])
    assert whole.times_s[changes].tolist() == pytest.approx([(1.98 + 5) / 2], abs=0.02)
    assert len(from_samples(signal, times_s, longest_gap_s=4)) == 1


def test_a_lonely_sample_between_gaps_is_dropped():
    times_s = [0, 0.02, 0.04, 3, 6, 6.02]
    pieces = from_samples(np.zeros((6, 3)), times_s, gap="split", rate=50)
    assert [piece.start_s for piece in pieces] == [0, 6]


@given(st.integers(20, 200), st.integers(20, 200), st.integers(0, 20))
@settings(max_examples=40, deadline=None)
def test_labels_follow_the_nearest_sample(own, rate, seed):
    rng = np.random.default_rng(seed)
    times_s = np.arange(60) / own
    labels = rng.choice(["a", "b", "c"], 60)
    (recording,) = from_samples(np.zeros((60, 1)), times_s, rate=rate, labels=labels)
    for time_s, label in zip(recording.times_s, recording.labels, strict=True):
        away = np.abs(times_s - time_s)
        # Within half a step of the finer grid on the way there.
        near = labels[away <= away.min() + 0.5 / max(own, rate) + 1e-9]
        assert label in near


def test_labels_in_step_stay_with_their_sample():
    labels = np.tile(["a", "b"], 50)
    for rate in (100, 25):  # thinning by four keeps every fourth
        (recording,) = from_samples(
            np.zeros((100, 1)), np.arange(100) / 100, rate=rate, labels=labels
        )
        assert recording.labels.tolist() == labels[:: 100 // rate].tolist()
    (named,) = from_samples(np.zeros((100, 1)), np.arange(100) / 100, labels="walk")
    assert named.classes == ("walk",)


def test_a_lower_rate_does_not_alias():
    times_s = np.arange(1000) / 100
    (recording,) = from_samples(sine(times_s, 40)[:, None], times_s, rate=50)  # 10 Hz if aliased
    assert np.abs(recording.signal[25:-25]).max() < 0.01
    (recording,) = from_samples(sine(times_s, 4)[:, None], times_s, rate=50)
    np.testing.assert_allclose(
        recording.signal[25:-25, 0], sine(recording.times_s, 4)[25:-25], atol=0.01
    )


def test_labels_of_another_length():
    with pytest.raises(SignalError, match=r"100 samples but labels of shape \(99,\)"):
        from_samples(np.zeros((100, 3)), np.arange(100) / 50, labels=["a"] * 99)
