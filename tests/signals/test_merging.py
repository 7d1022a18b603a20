"""Sensors with a file each, on one clock: against the motion they all saw."""

import logging

import numpy as np
import pytest

import img2imu_kit as ik
from img2imu_kit.errors import ClockError, GuessWarning, ParameterError, SignalError

ACC, GYRO, MAG = ([f"{sensor}_{axis}" for axis in "xyz"] for sensor in ("acc", "gyro", "mag"))


def motion(times_s):
    """What happens at a time, [T, 3]: slow enough for 50 Hz."""
    return np.stack([np.sin(2 * np.pi * f * times_s) for f in (1.0, 2.5, 4.0)], axis=1)


def seen(axes, begin_s, seconds, rate, **about):
    times_s = begin_s + np.arange(round(seconds * rate)) / rate
    return ik.Recording(motion(times_s), rate, axes, clock_s=begin_s, **about)


def check(merged, tolerance):
    expected = motion(merged.clock_s + merged.times_s)
    for first in range(0, len(merged.axes), 3):
        np.testing.assert_allclose(merged.signal[:, first : first + 3], expected, atol=tolerance)


def test_one_clock_and_one_rate_keep_every_sample():
    acc, gyro = seen(ACC, 7.0, 10, 100, name="walk", unit="g"), seen(GYRO, 7.0, 10, 100)
    merged = ik.merge([acc, gyro])
    np.testing.assert_array_equal(merged.signal, np.hstack([acc.signal, gyro.signal]))
    assert (merged.name, merged.rate, merged.clock_s) == ("walk", 100, 7.0)
    assert merged.axes == (*ACC, *GYRO)
    assert merged.unit == ("g",) * 3 + ("",) * 3


@pytest.mark.parametrize("epoch_s", [0, 1.7e9])
@pytest.mark.parametrize("later_s", [0.003, 0.37, -0.222])
def test_a_later_start_is_a_shift_and_not_a_stretch(epoch_s, later_s):
    merged = ik.merge([seen(ACC, epoch_s, 10, 100), seen(GYRO, epoch_s + later_s, 10, 100)])
    check(merged, 1e-3 if epoch_s else 1e-4)
    assert merged.seconds == pytest.approx(10 - abs(later_s), abs=0.011)


def test_the_highest_rate_is_kept_and_of_two_alike_the_first():
    merged = ik.merge([seen(ACC, 0, 10, 50), seen(GYRO, 0.1, 10, 200), seen(MAG, 0, 10, 100)])
    assert merged.rate == 200
    check(merged, 5e-3)
    assert ik.merge([seen(ACC, 0, 10, 99.7), seen(GYRO, 0, 10, 100.2)]).rate == 99.7


def test_a_lower_rate_is_reached_without_aliasing():
    rng = np.random.default_rng(0)
    noise = ik.Recording(rng.normal(size=(4000, 3)), 400, ACC, clock_s=0)
    merged = ik.merge([noise, seen(GYRO, 0, 10, 50)], rate=50)
    assert merged.rate == 50
    # an eighth of the band: an eighth of the power
    assert merged.signal[:, :3].var() == pytest.approx(1 / 8, rel=0.2)


def test_labels_follow_the_sensor_that_has_them():
    labels = np.repeat(["sit", "walk"], 250)
    acc = seen(ACC, 0.5, 9.5, 100)
    merged = ik.merge([acc, seen(GYRO, 0.0, 10, 50, labels=labels, subject="ann")])
    assert merged.subject == "ann"
    assert merged.start_s == 0
    times_s = merged.clock_s + merged.times_s
    assert set(merged.labels[times_s < 4.98]) == {"sit"}
    assert set(merged.labels[times_s > 5.0]) == {"walk"}


def test_pieces_after_a_gap_keep_their_place():
    acc, gyro = seen(ACC, 100, 10, 100), seen(GYRO, 100.5, 10, 100)
    merged = ik.merge([acc.cut(70, 980), gyro])
    assert merged.clock_s + merged.start_s == pytest.approx(100.7)
    check(merged, 1e-4)


def test_what_begins_later_is_logged_and_a_large_loss_is_told(caplog):
    with caplog.at_level(logging.INFO, "img2imu_kit"):
        ik.merge([seen(ACC, 0, 60, 50), seen(GYRO, 0.25, 60, 50)])
    assert "59.740 s in common of acc_x.. 0.000 to 60.000 s, gyro_x.. 0.250 to 60.250 s" in (
        caplog.text
    )
    with pytest.warns(GuessWarning, match=r"merged over 30\.0\d* s in common.*cut off"):
        ik.merge([seen(ACC, 0, 60, 50), seen(GYRO, 30, 60, 50)])


def test_two_clocks_are_refused_until_an_offset_brings_them_together():
    acc, gyro = seen(ACC, 1.7e9, 10, 100), seen(GYRO, 0.0, 10, 100)
    with pytest.raises(ClockError, match=r"0\.000 s in common.*offsets_s=\[-r\.clock_s for r in"):
        ik.merge([acc, gyro])
    recordings = [acc, gyro]
    together = ik.merge(recordings, offsets_s=[-r.clock_s for r in recordings])  # as it says
    np.testing.assert_array_equal(together.signal[:, :3], acc.signal)
    assert (together.start_s, together.clock_s) == (0, 0)
    clap = ik.merge(recordings, offsets_s=[0, 1.7e9 + 0.8])
    assert clap.clock_s + clap.start_s == pytest.approx(1.7e9 + 0.8)


def test_no_clock_is_refused_until_the_user_says_they_began_together():
    acc, gyro = ik.Recording(np.zeros((99, 3)), 50, ACC), seen(GYRO, 0, 2, 50)
    with pytest.raises(ClockError, match=r"no clock.*offsets_s=\[0, 0\]"):
        ik.merge([acc, gyro])
    assert len(ik.merge([acc, gyro], offsets_s=[0, 0])) == 99


def test_what_cannot_be_one_recording():
    acc = seen(ACC, 0, 2, 50, subject="ann")
    with pytest.raises(SignalError, match=r"several recordings have acc_x, acc_y, acc_z"):
        ik.merge([acc, acc])
    with pytest.raises(ParameterError, match="recordings of ann and bob"):
        ik.merge([acc, seen(GYRO, 0, 2, 50, subject="bob")])
    with pytest.raises(ParameterError, match=r"1 recording\(s\) to merge"):
        ik.merge([acc])
    with pytest.raises(ParameterError, match="2 recordings but 1 offsets_s"):
        ik.merge([acc, seen(GYRO, 0, 2, 50)], offsets_s=[0])
