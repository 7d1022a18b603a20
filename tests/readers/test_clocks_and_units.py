"""Clocks, units and axes that could be mistaken: each kind with its siblings, the values exact."""

import itertools
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import img2imu_kit as ik
from img2imu_kit.errors import (
    ClockError,
    FormatError,
    GuessWarning,
    Img2ImuError,
    ParameterError,
)
from img2imu_kit.readers.columns import parse_name
from img2imu_kit.readers.tables import from_frame, read_csv
from img2imu_kit.readers.timestamps import is_time_name
from img2imu_kit.signals.axes import find_unit
from img2imu_kit.signals.resampling import from_samples, spread_equal

GRAVITY = 9.80665
RATE, LENGTH = 100, 1000
#: A swing of 12 Hz and amplitude 3.00 across gravity.
SWING = np.stack(
    [
        3 * np.sin(2 * np.pi * 12 * np.arange(LENGTH) / RATE),
        np.full(LENGTH, 0.25),
        np.full(LENGTH, 9.81),
    ],
    axis=1,
).round(4)
SHARED = "of the rows share the time stamp of the row before: they are spread to the next stamp"


@pytest.fixture
def write(tmp_path):
    numbers = itertools.count()

    def save(header, *columns, name=None):
        rows = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
        path = tmp_path / (name or f"walk{next(numbers)}.csv")
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    return save


def check_swing(recording, rate=RATE, hertz=12.0, amplitude=3.0):
    """One line of the right height in the right place, and nothing beside it."""
    assert recording.rate == pytest.approx(rate, rel=2e-3)
    x = recording.select("acc_x").signal[:, 0].astype(float)
    fits = []
    for near in np.linspace(0.998, 1.002, 81) * hertz:
        phase = 2 * np.pi * near * recording.times_s
        waves = np.stack([np.sin(phase), np.cos(phase), np.ones(len(x))], axis=1)
        weights = np.linalg.lstsq(waves, x, rcond=None)[0]
        fits.append((np.hypot(*weights[:2]), x - waves @ weights))
    height, rest = max(fits, key=lambda fit: fit[0])
    assert height == pytest.approx(amplitude, abs=0.01)
    assert 2 * np.abs(np.fft.rfft(rest)).max() / len(rest) < 0.02  # no false line, as at 21 Hz
    np.testing.assert_allclose(recording.select("acc_z").signal, 9.81, atol=1e-4)


def dates(seconds, spelling="%Y-%m-%d %H:%M:%S"):
    return (pd.Timestamp("2022-05-19 23:33:19") + pd.to_timedelta(seconds, unit="s")).strftime(
        spelling
    )


# Many rows share a stamp.

ROWS = np.arange(LENGTH)
COARSE = {
    "dates of whole seconds": ("time", dates(ROWS // 100)),
    "a recording that begins within a second": ("time", dates((ROWS + 63) // 100)),
    "a recording with one row in its first second": ("time", dates((ROWS + 99) // 100)),
    "seconds since 1970": ("timestamp", 1_652_996_000 + (ROWS + 41) // 100),
    "seconds": ("time (s)", (ROWS + 7) // 100),
    "tenths of a second": ("time (s)", (ROWS // 10) / 10),
    "three samples a packet, in ms": ("time_ms", ROWS // 3 * 30),
    "eight samples a packet, in us": ("micros", 5_000_123 + ROWS // 8 * 80_000),
    "twenty-five samples a packet, in ns": ("timestamp", (1_652_996_000 + ROWS // 25 / 4) * 10**9),
}


@pytest.mark.parametrize("kind", COARSE)
def test_rows_that_share_a_stamp_are_spread_to_the_next(write, kind):
    header, stamps = COARSE[kind]
    share = round(100 * (1 - len(set(stamps)) / len(stamps)))
    with pytest.warns(GuessWarning, match=f"{share}% {SHARED}, at "):
        (recording,) = read_csv(write(f"{header},ax,ay,az", stamps, *SWING.T))
    check_swing(recording)
    assert len(recording) in (LENGTH - 1, LENGTH)
    np.testing.assert_allclose(recording.signal[:99], SWING[:99], atol=0.02)


@pytest.mark.parametrize("rate", [97.3, 104.0, 52.0])
def test_whole_seconds_of_a_rate_that_is_none(write, rate):
    times_s = 0.345 + np.arange(round(20 * rate)) / rate
    swing = 3 * np.sin(2 * np.pi * 12 * times_s)
    path = write("time,ax,ay,az", dates(times_s // 1), swing, swing * 0, swing * 0 + 9.81)
    with pytest.warns(GuessWarning, match=SHARED):
        (recording,) = read_csv(path)
    check_swing(recording, rate)


def test_labels_stay_with_the_rows_that_are_spread(write):
    label = np.repeat(["sit", "walk"], LENGTH // 2)
    path = write("time,ax,ay,az,label", dates(ROWS // 100), *SWING.T, label)
    with pytest.warns(GuessWarning, match=SHARED):
        (recording,) = read_csv(path)
    assert recording.labels.tolist() == label[: len(recording)].tolist()


def test_packets_that_are_late_are_put_on_one_line(rng):
    # a radio that delivers 4 samples of 100 Hz late by up to 30 ms: none is lost
    arrival = np.arange(0, 250) * 0.04 + rng.uniform(0, 0.03, 250)
    signal = np.sin(2 * np.pi * np.arange(1000) / 100)[:, None]
    rows, times_s, note = spread_equal(signal, np.repeat(arrival, 4))
    assert len(rows) == 1000
    rate = re.fullmatch(rf"75% {SHARED}, at (\S+) Hz in the mean \(time=\)", note)[1]
    assert float(rate) == pytest.approx(100, rel=0.01)
    assert (np.diff(times_s) > 0).all()
    np.testing.assert_allclose(times_s, 0.015 + np.arange(1000) / 100, atol=0.005)


def test_packets_that_are_lost_are_followed(rng):
    arrival = np.delete(np.arange(250) * 0.04 + rng.uniform(0, 0.01, 250), [70, 71, 72, 73, 180])
    _, times_s, note = spread_equal(rng.normal(size=(980, 3)), np.repeat(arrival, 4))
    assert f"75% {SHARED}" in note
    np.testing.assert_allclose(times_s[::4], arrival, atol=1e-9)


def test_a_silence_stays_a_silence(write):
    stamps = np.where(ROWS < 500, ROWS // 100, ROWS // 100 + 7)
    path = write("time (s),ax,ay,az", stamps, *SWING.T)
    with (
        pytest.warns(GuessWarning, match=SHARED),
        pytest.raises(ClockError, match=r"1 gap\(s\) over 0.5 s, the first of 7.01 s .*split"),
    ):
        read_csv(path)
    with pytest.warns(GuessWarning, match=SHARED):  # the remedy
        first, second = read_csv(path, gap="split")
    assert second.start_s == pytest.approx(12)
    for part, rows in ((first, slice(0, 500)), (second, slice(500, None))):
        np.testing.assert_allclose(part.signal, SWING[rows], atol=1e-3)


def test_a_logger_that_writes_each_sample_twice_is_no_packet(write):
    twice = np.repeat(SWING, 2, axis=0)
    (recording,) = read_csv(write("time_ms,ax,ay,az", np.repeat(ROWS * 10, 2), *twice.T))
    assert recording.rate == RATE
    np.testing.assert_allclose(recording.signal, SWING, atol=1e-5)


def test_two_stamps_do_not_tell_a_rate(write):
    path = write("time (s),ax,ay,az", (ROWS[:150] + 30) // 100, *SWING[:150].T)
    with pytest.raises(ClockError, match=r"2 stamps do not tell .* Give rate=<Hz> and time=False"):
        read_csv(path)
    np.testing.assert_allclose(read_csv(path, rate=100, time=False)[0].signal, SWING[:150])


def test_arrays_are_spread_as_files_are():
    with pytest.warns(GuessWarning, match=f"walk: guessed: 67% {SHARED}"):
        (recording,) = from_samples(
            SWING, ROWS // 3 * 0.03, axes=["acc_x", "acc_y", "acc_z"], name="walk"
        )
    check_swing(recording)
    with pytest.raises(ParameterError, match="equal is 'median', expected"):
        from_samples(SWING, ROWS / 100, equal="median")


# A clock in several columns.

MILLIS = ROWS * 10 + 3
IN_COLUMNS = {
    "elapsed milliseconds beside dates": ("Timestamp,millis", (dates(MILLIS // 1000), MILLIS)),
    "milliseconds of each second": ("Timestamp,ms", (dates(MILLIS // 1000), MILLIS % 1000)),
    "microseconds beside seconds since 1970": (
        "epoch,micros",
        (1_652_996_000 + MILLIS // 1000, MILLIS % 1000 * 1000),
    ),
    "nanoseconds beside named seconds": ("time_s,nanos", (MILLIS // 1000, MILLIS % 1000 * 10**6)),
    "day and time of day": (
        "Date,Time",
        (dates(MILLIS / 1000, "%Y-%m-%d"), dates(MILLIS / 1000, "%H:%M:%S.%f")),
    ),
    "day and time in whole seconds and milliseconds": (
        "Date,Time,ms",
        (dates(MILLIS // 1000, "%d/%m/%Y"), dates(MILLIS // 1000, "%H:%M:%S"), MILLIS % 1000),
    ),
    "hour, minute, second with a fraction": (
        "Hour,Minute,Second",
        (ROWS * 0 + 23, 59 - (ROWS < 500), (MILLIS / 1000 + 55) % 60),
    ),
    "hours, minutes, seconds, milliseconds over midnight": (
        "Hours,Minutes,Seconds,Milliseconds",
        (
            (23 + (MILLIS >= 5000)) % 24,
            59 * (MILLIS < 5000),
            (MILLIS // 1000 + 55) % 60,
            MILLIS % 1000,
        ),
    ),
}


@pytest.mark.parametrize("kind", IN_COLUMNS)
def test_a_clock_in_several_columns_is_joined(write, kind):
    header, stamps = IN_COLUMNS[kind]
    if "fraction" in kind:
        stamps = (stamps[0], 58 + (MILLIS >= 5000), stamps[2])
    (recording,) = read_csv(write(f"{header},acc X,acc Y,acc Z", *stamps, *SWING.T))
    assert recording.rate == pytest.approx(RATE, rel=1e-6)
    np.testing.assert_allclose(recording.signal, SWING[: len(recording)], atol=2e-3)
    check_swing(recording)


def test_sensor_record_of_the_issue(write):
    # https://play.google.com/store/apps/details?id=de.martingolpashin.sensor_record
    path = write(
        "Timestamp,Milliseconds,X,Y,Z",
        dates(MILLIS // 1000),
        MILLIS,
        *SWING.T,
        name="Accelerometer.csv",
    )
    (recording,) = read_csv(path)
    assert recording.unit == ("m/s2",) * 3
    np.testing.assert_allclose(recording.signal, SWING, atol=1e-3)


def test_a_fraction_of_another_clock_is_not_added(write):
    # millis() of the board beside the seconds of its clock: they turn at different moments
    path = write("date,ms,ax,ay,az", dates(MILLIS // 1000), (MILLIS + 400) % 1000, *SWING.T)
    with pytest.warns(GuessWarning, match=f"99% {SHARED}"):
        (recording,) = read_csv(path)
    check_swing(recording)


# Rows of several devices.

TWO = np.stack([SWING, SWING * [0.5, -1, 0.2] + [1, 2, 3]], axis=1).reshape(-1, 3)  # [2T, 3]
DEVICES = {
    "names": ("device", ["left", "right"], np.repeat(ROWS * 10, 2)),
    "numbers": ("sensor_id", [4, 7], np.repeat(ROWS * 10, 2)),
    "addresses": ("MAC", ["D4:22:CD", "D4:22:CE"], np.repeat(ROWS * 10, 2)),
    "a column of any name": ("q", ["A", "B"], np.repeat(ROWS * 10, 2)),
    "stamps of their own": ("placement", ["wrist", "hip"], np.arange(2 * LENGTH) * 5),
    "whole seconds": ("node", [1, 2], np.repeat(ROWS // 100 * 1000, 2)),
}


@pytest.mark.parametrize("kind", DEVICES)
def test_devices_that_alternate_are_refused_by_the_column_that_tells_them(write, kind):
    column, values, stamps = DEVICES[kind]
    path = write(f"time_ms,{column},ax,ay,az", stamps, values * LENGTH, *TWO.T)
    with pytest.raises(
        ClockError, match=f"alternate: column '{column}' holds {values[0]!r}"
    ) as said:
        read_csv(path)
    subject = re.search(r"Give subject='(\w+)' for", str(said.value))[1]
    if kind == "whole seconds":
        with pytest.warns(GuessWarning, match=SHARED):
            pair = read_csv(path, subject=subject)
    else:
        pair = read_csv(path, subject=subject, unit="m/s2")
    assert [recording.subject for recording in pair] == list(map(str, values))
    for recording, rows in zip(pair, (TWO[::2], TWO[1::2]), strict=True):
        assert recording.rate == pytest.approx(RATE, rel=1e-6)
        np.testing.assert_allclose(recording.signal, rows[: len(recording)], atol=2e-3)


def test_devices_without_a_column_are_refused_by_their_values(write):
    path = write("time_ms,ax,ay,az", np.repeat(ROWS * 10, 2), *TWO.T)
    with pytest.raises(ClockError, match=r"2 rows of a stamp differ as those of 2 devices do"):
        read_csv(path, unit="m/s2")
    three = np.concatenate([TWO.reshape(-1, 2, 3), -SWING[:, None]], axis=1).reshape(-1, 3)
    with pytest.raises(ClockError, match="those of 3 devices"):
        read_csv(write("time_ms,ax,ay,az", np.repeat(ROWS * 10, 3), *three.T), unit="m/s2")


def test_the_number_of_a_sample_in_its_packet_is_no_device(write):
    path = write("time_ms,sample,ax,ay,az", ROWS // 3 * 30, ROWS % 3, *SWING.T)
    with pytest.warns(GuessWarning, match=f"67% {SHARED}"):
        (recording,) = read_csv(path)
    check_swing(recording)


# Clocks under 10 Hz.

SLOW = 3776 + np.arange(200) * 104
STILL = np.tile([0.1, 0.2, 9.81], (200, 1))


@pytest.mark.parametrize(
    ("stamps", "could"),
    [
        (SLOW, "9.615 Hz in ms or 9615 Hz in us"),
        (np.arange(200) * 0.25, "4 Hz in s or 4000 Hz in ms"),
        (np.arange(200) * 200, "5 Hz in ms or 5000 Hz in us"),
        (np.arange(200) * 1000, "1 Hz in ms or 1000 Hz in us"),
        (np.arange(200) * 150_000_000, "6.667 Hz in ns"),
    ],
)
def test_a_clock_that_could_be_slow_or_fast_is_asked(write, stamps, could):
    path = write("time,ax,ay,az", stamps, *STILL.T)
    if " or " not in could:  # no unit is finer than ns
        assert read_csv(path)[0].rate == pytest.approx(1 / 0.15, rel=1e-6)
        return
    with pytest.raises(ClockError, match=rf"{could}\. Give time_unit="):
        read_csv(path)
    for said in could.split(" or "):  # the remedy, either way
        rate, unit = re.fullmatch(r"(\S+) Hz in (\w+)", said).groups()
        (recording,) = read_csv(path, time_unit=unit, longest_gap_s=2)
        assert recording.rate == pytest.approx(float(rate), rel=1e-3)


@pytest.mark.parametrize(
    ("stamps", "rate"),
    [
        (SLOW, 9.6),
        (SLOW, 10),
        (np.arange(200) * 0.25, 4),
        (np.arange(200) * 200, 5),
        (np.arange(200) * 1000, 1),
        (np.arange(200) * 0.25, 4000),
        (np.arange(200) * 500_000, 2),
    ],
)
def test_a_rate_settles_the_unit(write, stamps, rate):
    (recording,) = read_csv(write("time,ax,ay,az", stamps, *STILL.T), rate=rate, longest_gap_s=2)
    assert recording.rate == rate
    assert recording.seconds == pytest.approx(200 / rate, rel=0.05)


@pytest.mark.parametrize(
    ("factor", "start"), [(1, 1_652_996_000), (1e3, 1_652_996_000_123), (1e6, 1.652996e15)]
)
@pytest.mark.parametrize("step_s", [0.2, 0.25, 0.5, 1.0, 0.01])
def test_the_size_of_an_epoch_settles_the_unit(write, factor, start, step_s):
    stamps = [f"{start + n * step_s * factor:.2f}" for n in range(200)]
    for rate in (None, 1 / step_s):
        path = write("timestamp,ax,ay,az", stamps, *STILL.T)
        (recording,) = read_csv(path, rate=rate, longest_gap_s=2)
        assert recording.rate == pytest.approx(1 / step_s, rel=1e-4)


@pytest.mark.parametrize("rate", [50, 100, 200, 10])
@pytest.mark.parametrize("since", [637_885_927_990_000_000, 132_975_655_990_000_000])
def test_ticks_of_windows_are_tenths_of_a_microsecond(write, rate, since):
    path = write("timestamp,ax,ay,az", since + np.arange(200) * (10_000_000 // rate), *STILL.T)
    assert read_csv(path)[0].rate == pytest.approx(rate, rel=1e-6)


@pytest.mark.parametrize(
    ("uptime", "step", "rate"),
    [
        (1_700_000_000, 10_000_000, 100),  # 1.7 s in ns, not the year 2023 in s
        (1_700_000_000, 20_000, 50),  # 28 min in us
        (1_290_406_490_796_508, 33_333_333, 30),  # 15 days in ns, not 2010 in us
    ],
)
def test_an_uptime_is_no_epoch(write, uptime, step, rate):
    (recording,) = read_csv(write("timestamp,ax,ay,az", uptime + np.arange(200) * step, *STILL.T))
    assert recording.rate == pytest.approx(rate, rel=1e-4)


@pytest.mark.parametrize(("name", "step"), [("Time (min)", 0.02 / 60), ("elapsed_h", 0.02 / 3600)])
def test_minutes_and_hours_by_name(write, name, step):
    (recording,) = read_csv(write(f"{name},ax,ay,az", np.arange(200) * step, *STILL.T))
    assert recording.rate == pytest.approx(50, rel=1e-4)


def test_a_named_unit_that_makes_a_sensor_too_fast_is_doubted(write):
    path = write("time_ms,ax,ay,az", np.arange(200) * 0.02, *STILL.T)
    with pytest.warns(GuessWarning, match=r"'time_ms' counts in ms: 50000 Hz \(time_unit=\)"):
        read_csv(path)
    assert read_csv(path, time_unit="s")[0].rate == pytest.approx(50)


# A unit or an axis taken for a clock.


@pytest.mark.parametrize(
    "names",
    [
        "Magnetometer X (uT)|aT|TgF|acc_t|wT (rad/s)|B [T]|sensorT|Gyro X (deg/s)|s"
        "|BT (uT)|lifetime|daytime",
        "t|T|t (s)|t_ms|Time (UTC)|Timestamp|ts|uptimeNanos|millis|Epoch_us|seconds_elapsed"
        "|micros|Zeit [s]|SampleTimeFine|Time since start in ms|Datum|unixtime|timems|SysTime",
    ],
)
def test_clocks_by_name(names):
    for name in names.split("|"):
        assert is_time_name(name) == names.startswith("t|"), name


@pytest.mark.parametrize("name", ["Magnetometer X (uT)", "aT", "acc_t", "m (T)"])
def test_a_ramp_of_another_quantity_is_no_clock(write, name):
    path = write(f"{name},ax,ay,az", np.arange(400) / 50 + 30, *SWING[:400].T)
    (recording,) = read_csv(path, rate=60)
    assert (len(recording), recording.rate) == (400, 60)
    with pytest.raises(ClockError, match="no rate, and no column of time among"):
        read_csv(path)


def test_milliseconds_of_a_board_are_its_clock(write):
    for name, factor in (("millis", 1), ("micros", 1000), ("ms", 1)):
        (recording,) = read_csv(write(f"{name},ax,ay,az", ROWS * 10 * factor + 77, *SWING.T))
        np.testing.assert_allclose(recording.signal, SWING, atol=1e-3)
        assert recording.rate == RATE


# Dates in other orders, with and without a rate.

GAP_S = np.concatenate([np.arange(500), np.arange(500) + 800]) / 100
SPELLINGS = [
    "%d/%m/%Y %H:%M:%S.%f",
    "%m/%d/%Y %H:%M:%S.%f",
    "%d.%m.%Y %H:%M:%S.%f",
    "%d-%m-%Y %H:%M:%S.%f",
    "%Y/%m/%d %H:%M:%S.%f",
    "%d/%m/%y %H:%M:%S.%f",
    "%m/%d/%Y %I:%M:%S.%f %p",
    "%Y-%m-%d %H:%M:%S:%f",
    "%Y-%m-%dT%H:%M:%S.%fZ",
    "%H:%M:%S.%f",
    "%H:%M:%S:%f",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("rate", [None, 100])
def test_dates_keep_their_gaps(write, spelling, rate):
    path = write("time,ax,ay,az", dates(GAP_S, spelling), *SWING.T)
    with pytest.raises(ClockError, match=r"1 gap\(s\) over 0.5 s, the first of 3.01 s"):
        read_csv(path, rate=rate)
    first, second = read_csv(path, rate=rate, gap="split")
    assert second.start_s == pytest.approx(8)
    assert first.seconds == pytest.approx(5, abs=0.02)
    np.testing.assert_allclose(second.signal, SWING[500:], atol=1e-3)


@pytest.mark.parametrize(
    "spelling", ["%d/%m/%Y %H:%M:%S.%f", "%m/%d/%Y %H:%M:%S.%f", "%H:%M:%S.%f"]
)
@pytest.mark.parametrize("day", ["2022-05-31", "2022-06-05", "2022-12-31", "2022-01-01"])
def test_midnight_passes(write, spelling, day):
    stamps = (pd.Timestamp(f"{day} 23:59:55") + pd.to_timedelta(ROWS / 100, unit="s")).strftime(
        spelling
    )
    (recording,) = read_csv(write("time,ax,ay,az", stamps, *SWING.T))
    assert recording.seconds == pytest.approx(10)
    np.testing.assert_allclose(recording.signal, SWING, atol=1e-3)
    if "Y" in spelling:
        assert recording.clock_s == pd.Timestamp(f"{day} 23:59:55").timestamp()


@pytest.mark.parametrize("text", ["day 3, 11h07", "19-V-2022 23:33:19", "2022 139 84799"])
def test_stamps_that_nobody_can_read_are_not_passed_over(write, text):
    header = "time,ax,ay,az"
    path = write(header, [f'"{text}"'] * 200, *STILL.T)
    for rate in (None, 50):
        with pytest.raises(FormatError, match=r"neither number nor date\. .*time=False and rate"):
            read_csv(path, rate=rate)
    assert len(read_csv(path, rate=50, time=False)[0]) == 200
    assert len(read_csv(write(header, ["noon"] * 200, *STILL.T), rate=50)[0]) == 200  # words


# Quantities confused.


@pytest.mark.parametrize(
    ("unit", "spellings"),
    [
        ("m/s2", "m/s^2 m/s² m/s2 m/s/s ms-2 m.s-2 m·s⁻² m*s^-2 m/sec^2 metres/second^2"),
        ("g", "g G gs g-force Gees gn"),
        ("mg", "mg milli-g mG millig"),
        ("rad/s", "rad/s rad/sec rads rad.s-1 radians/second RAD/S rad·s⁻¹"),
        ("deg/s", "deg/s °/s º/s d/s dps DPS deg/sec degrees/second degree/s deg.s-1 °s⁻¹"),
        ("mdeg/s", "mdps mdeg/s m°/s"),
        ("uT", "uT µT μT microtesla"),
        ("", "m/s furlong deg rad counts % C V km/h s Hz T"),
    ],
)  # fmt: skip
def test_spellings_of_units(unit, spellings):
    for text in spellings.split():
        assert find_unit(text) == unit, text


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("gyro_x (d/s)", ("gyro", "x", "deg/s")),
        ("Gyro X [mdps]", ("gyro", "x", "mdeg/s")),
        ("acc_x_m_s2", ("acc", "x", "m/s2")),
        ("gyro_y_deg_s", ("gyro", "y", "deg/s")),
        ("Accel_X_mg", ("acc", "x", "mg")),
        ("FreeAcc_X", ("linacc", "x", "")),
        ("Free Acc Z (m/s²)", ("linacc", "z", "m/s2")),
        ("body_acc_y", ("linacc", "y", "")),
        ("total_acc_y", ("acc", "y", "")),
        ("Beschleunigung (ohne g) x (m/s^2)", ("linacc", "x", "m/s2")),
        ("userAcceleration.x", ("linacc", "x", "")),
        ("accelerationIncludingGravity.x", ("acc", "x", "")),
        ("motionGravityX(G)", ("gravity", "x", "g")),
        ("gravity_z", ("gravity", "z", "")),
        ("gFx", ("acc", "x", "g")),
        ("G-Force Y", ("acc", "y", "g")),
        ("gx", ("gyro", "x", "")),
        ("Bz", ("mag", "z", "")),
        ("Magnetometer X (uT)", ("mag", "x", "uT")),
    ],
)
def test_quantities_by_name(name, meaning):
    assert parse_name(name) == meaning


def moving(rng, gravity):
    """Walking: gravity leans, motion is 1 long in the median and more at each step."""
    times_s = np.arange(2000) / 50
    lean = np.stack([0.3 * np.sin(0.2 * times_s), 0 * times_s, 1 + 0 * times_s], axis=1)
    lean /= np.linalg.norm(lean, axis=1, keepdims=True)
    motion = np.stack(
        [np.sin(2 * np.pi * f * times_s + p) for f, p in ((2, 0), (2, 1.6), (4, 3))], axis=1
    )
    motion *= np.where(times_s % 5 < 1, 9, 0.8)[:, None]
    return (
        gravity * lean + motion * max(gravity, 1) * 0.9 / 9.8 * (9.8 if gravity == 0 else 1)
    ).round(5)


def test_gravity_over_a_second_tells_the_unit(write, rng):
    still = np.tile([0.3, 0.2, 0.93], (2000, 1)) + rng.normal(0, 0.01, (2000, 3))
    for signal, unit in ((moving(rng, 9.81), "m/s2"), (still * 9.81, "m/s2")):
        assert (
            read_csv(write("time_ms,ax,ay,az", np.arange(2000) * 20, *signal.T))[0].unit
            == (unit,) * 3
        )
    for signal in (still, moving(rng, 1.0)):
        with pytest.warns(GuessWarning, match=r"in g: its mean vector is \d.\d\d long \(unit=\)"):
            (recording,) = read_csv(write("time_ms,ax,ay,az", np.arange(2000) * 20, *signal.T))
        assert recording.unit == ("g",) * 3


@pytest.mark.parametrize("scale", [1.0, 9.81, 0.5])
def test_acceleration_without_gravity_has_no_unit_by_its_length(write, rng, scale):
    """Its samples may be as long as gravity; a second of it is not."""
    signal = moving(rng, 0)
    signal *= scale / np.median(np.linalg.norm(signal, axis=1))
    assert np.median(np.linalg.norm(signal, axis=1)) == pytest.approx(scale)
    for stamps, options in (
        (np.arange(2000) * 20, {}),
        (np.arange(2000), {"time": False, "rate": 50}),
    ):
        (recording,) = read_csv(write("time_ms,ax,ay,az", stamps, *signal.T), **options)
        assert recording.unit == ("",) * 3
    with pytest.raises(ParameterError, match=r"acc_x has the unit ''.*Read it with unit="):
        recording.to_unit("m/s2")
    (recording,) = read_csv(write("time_ms,ax,ay,az", np.arange(2000) * 20, *signal.T), unit="m/s2")
    np.testing.assert_allclose(recording.to_unit("m/s2").signal, signal, atol=1e-4)  # 34 stays 34


def test_files_named_after_their_sensor(write):
    times = np.arange(200) * 0.02
    for name, axes, unit in (
        ("Gravity.csv", "gravity", "m/s2"),
        ("TotalAcceleration.csv", "acc", "m/s2"),
        ("Magnetometer.csv", "mag", ""),
        ("LinearAcceleration.csv", "linacc", ""),
    ):
        (recording,) = read_csv(write("seconds_elapsed,z,y,x", times, *STILL.T[::-1], name=name))
        assert recording.axes == tuple(f"{axes}_{axis}" for axis in "xyz")
        assert recording.unit == (unit,) * 3


@pytest.mark.parametrize("text", ["d/s", "°/s", "dps", "deg/sec", "degrees/second"])
def test_a_gyroscope_in_degrees_by_any_spelling(write, text):
    header = f"t (s),{','.join(f'gyro_{axis} ({text})' for axis in 'xyz')}"
    (recording,) = read_csv(write(header, np.arange(200) * 0.02, *(STILL * 10).T))
    assert recording.unit == ("deg/s",) * 3
    si = recording.to_unit("rad/s")
    assert si.signal[0].tolist() == pytest.approx(np.deg2rad([1, 2, 98.1]).tolist(), rel=1e-6)
    assert (
        read_csv(write(header, np.arange(200) * 0.02, *STILL.T), unit=text)[0].unit
        == ("deg/s",) * 3
    )


@pytest.mark.parametrize("text", ["furlong", "deg", "m/s"])
def test_a_unit_that_nobody_knows_is_told_and_refused(write, text):
    header = f"t (s),{','.join(f'gyro_{axis} ({text})' for axis in 'xyz')}"
    path = write(header, np.arange(200) * 0.02, *STILL.T)
    with pytest.warns(GuessWarning, match=f"'{text}' is no unit that is known, and is left out"):
        (recording,) = read_csv(path)
    with pytest.raises(ParameterError, match=r"gyro_x has the unit ''.*one of m/s2, g, mg"):
        recording.to_unit("m/s2", "rad/s")
    kept = recording.to_unit("m/s2", "rad/s", unknown="keep")
    np.testing.assert_array_equal(kept.signal, recording.signal)
    assert read_csv(path, unit="rad/s")[0].to_unit("rad/s").unit == ("rad/s",) * 3  # the remedy


def test_to_unit_leaves_other_quantities_alone():
    axes = ("acc_x", "mag_x", "ch2")
    recording = ik.Recording(np.ones((9, 3)), 50, axes=axes, unit=("g", "gauss", ""))
    assert recording.to_unit("m/s2", "rad/s").unit == ("m/s2", "gauss", "")
    assert recording.to_unit("m/s2").signal[0].tolist() == pytest.approx([GRAVITY, 1, 1])
    for unit, axis in (("furlong", "acc_x"), ("", "acc_x"), ("furlong", "ch2")):
        odd = ik.Recording(np.ones((9, 1)), 50, axes=axis, unit=unit)
        with pytest.raises(ParameterError, match=rf"axis {axis} has the unit '{unit}'"):
            odd.to_unit("m/s2")
    with pytest.raises(ParameterError, match="unknown is 'skip'"):
        recording.to_unit("g", unknown="skip")


def test_counts_are_counts(write):
    for text in ("counts", "LSB", "raw"):
        header = f"t (s),{','.join(f'acc_{axis} ({text})' for axis in 'xyz')}"
        (recording,) = read_csv(write(header, np.arange(200) * 0.02, *(STILL * 1671).round().T))
        assert recording.unit == ("",) * 3


# Columns dropped.


def test_physics_toolbox_all_six(write):
    acc, gyro = STILL / 9.81, STILL * 0.01
    path = write("time,gFx,gFy,gFz,wx,wy,wz", np.arange(200) * 0.02, *acc.T, *gyro.T)
    (recording,) = read_csv(path)
    assert recording.axes == ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
    assert recording.unit[:3] == ("g",) * 3
    np.testing.assert_allclose(recording.signal, np.hstack([acc, gyro]), atol=1e-5)


def test_physics_toolbox_with_more_sensors(write):
    acc, rest = STILL / 9.81, np.ones((9, 200))
    header = "time,gFx,gFy,gFz,TgF,ax,ay,az,wx,wy,wz,Bx"
    (recording,) = read_csv(write(header, np.arange(200) * 0.02, *acc.T, *rest[:8]))
    assert recording.axes == ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
    np.testing.assert_allclose(recording.signal[:, :3], acc, atol=1e-5)


@pytest.mark.parametrize(
    "names", ["acc_1,acc_2,acc_3", "Acc1,Acc2,Acc3", "Accel 1 (g),Accel 2 (g),Accel 3 (g)"]
)
def test_axes_counted_from_one(write, names):
    (recording,) = read_csv(write(f"t,{names}", np.arange(200) * 0.02, *STILL.T), unit="g")
    assert recording.axes == ("acc_x", "acc_y", "acc_z")
    np.testing.assert_allclose(recording.signal, STILL, atol=1e-5)


@pytest.mark.parametrize(
    ("names", "missed"),
    [
        ("fx,fy,fz", "'fx', 'fy', 'fz'"),
        ("Force X,Force Y,Force Z", "'Force X', 'Force Y', 'Force Z'"),
        ("roll (deg/s),pitch (deg/s),yaw (deg/s)", r"'roll \(deg/s\)', 'pitch \(deg/s\)', 'yaw"),
        ("surge (m/s2),sway (m/s2),heave (m/s2)", r"'surge \(m/s2\)', 'sway"),
    ],
)
def test_what_looks_like_axes_and_is_left_out_is_told(write, names, missed):
    path = write(f"t,wx,wy,wz,{names}", np.arange(200) * 0.02, *STILL.T, *(STILL + 0.5).T)
    with pytest.warns(GuessWarning, match=rf"{missed}.* left out \(columns=\)"):
        (recording,) = read_csv(path)
    assert recording.axes == ("gyro_x", "gyro_y", "gyro_z")
    (recording,) = read_csv(path, columns=[1, 2, 3, 4, 5, 6])  # the remedy
    np.testing.assert_allclose(recording.signal[:, 3:], STILL + 0.5, atol=1e-5)


def test_what_is_no_axis_is_left_out_without_a_word(write):
    header = "t,index,ax,ay,az,battery,mag_x,mag_y,mag_z,heart rate,label,step"
    header += ",position_x,position_y,position_z,Absolute acceleration (m/s^2),aT (m/s^2)"
    more = np.ones((14, 200)) * 3
    path = write(header, np.arange(200) * 0.02, np.arange(200), *STILL.T, *more[:12])
    assert read_csv(path)[0].axes == ("acc_x", "acc_y", "acc_z")


def test_frames_are_read_as_files_are():
    stamps = pd.to_datetime(dates(ROWS // 100))
    frame = pd.DataFrame(SWING, columns=["ax", "ay", "az"]).assign(time=stamps)
    with pytest.warns(GuessWarning, match=SHARED):
        (recording,) = from_frame(frame)
    check_swing(recording)
    with pytest.warns(GuessWarning, match=SHARED):
        (recording,) = from_frame(frame.drop(columns="time").set_index(stamps))
    check_swing(recording)


# Any clock: read right to within a sample, or refused with a typed error.

COUNTS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@st.composite
def clocks(draw):
    """A table whose clock is written in some way: header, columns, options, its rate in Hz."""

    def pick(*values):
        return draw(st.sampled_from(values))

    rate = pick(
        2.0, 4.0, 5.0, 9.6, 10.0, 20.0, 25.0, 50.0, 64.0, 100.0, 104.0, 200.0, 500.0, 1000.0
    )
    rows = draw(st.integers(60, 400))
    kind = pick("s", "ms", "us", "ns", "whole s", "date", "whole date", "two columns", "clock face")
    packet = pick(1, 1, 2, 3, 7, 25) if rows >= 150 else 1
    if "whole" in kind:  # long packets and whole seconds at once leave the rate to within a packet
        packet = min(packet, 3) if rows / rate >= 8 else 1
    start_s = pick(0.0, 3.776, 41.5, 5_000.0, 4e5, 1_652_996_000.0, 1_652_996_019.25)
    true_s = np.arange(rows) / rate
    shown_s = np.arange(rows) // packet * packet / rate + start_s
    whole = np.floor(shown_s).astype(np.int64)
    micros = np.round((shown_s - whole) * 1e6).astype(np.int64)
    when = pd.Timestamp("2022-05-31 23:59:57") + pd.to_timedelta(np.round(shown_s, 3), unit="s")
    options = {}
    if kind in COUNTS:
        decimals = 0 if kind != "s" else pick(2, 3, 6)
        columns = [[f"{v:.{decimals}f}" for v in shown_s * COUNTS[kind]]]
        header = pick("time", "timestamp", f"time_{kind}", f"Time ({kind})")
        if header in ("time", "timestamp"):
            options = pick({}, {"rate": rate}, {"time_unit": kind})
    elif kind == "whole s":
        header, columns = "epoch" if start_s > 1e9 else pick("elapsed", "time (s)"), [whole]
    elif kind in ("date", "whole date"):
        order = pick("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%y")
        fraction = ".%f" if kind == "date" else ""
        header, columns = pick("time", "Date"), [when.strftime(f"{order} %H:%M:%S{fraction}")]
        options = pick({}, {"rate": rate})
    elif kind == "clock face":
        header, columns = "Time", [when.strftime("%H:%M:%S.%f")]
    else:
        fraction = pick(("millis", micros // 1000), ("Microseconds", micros))
        header = f"{'epoch' if start_s > 1e9 else 'Seconds'},{fraction[0]}"
        columns = [whole, fraction[1]]
        header, columns = pick(
            (header, columns),
            ("Date,Time", [when.strftime("%d/%m/%Y"), when.strftime("%H:%M:%S.%f")]),
        )
    options = {**options, "unit": "m/s2", "longest_gap_s": 30.0}
    return header, columns, true_s, rate, options, f"{kind}, packets of {packet}, from {start_s} s"


def clock_outcome(folder, header, columns, true_s, rate, options, said):
    """``"right"``, or the name of a typed error; an `AssertionError` for what is wrong."""
    hertz = rate / 25  # 25 samples a swing: a stamp that is one sample off is 0.25 off
    signal = np.stack([np.sin(2 * np.pi * hertz * true_s), true_s * 0, true_s * 0 + 9.81], axis=1)
    rows = [",".join(map(str, row)) for row in zip(*columns, *signal.round(6).T, strict=True)]
    path = folder / "walk.csv"
    path.write_text("\n".join([f"{header},ax,ay,az", *rows]) + "\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GuessWarning)
        try:
            (recording,) = read_csv(path, **options)
        except Img2ImuError as error:
            return f"{type(error).__name__}: {re.sub(r'[0-9.]+', '#', error.what)[:60]}"
    assert recording.rate == pytest.approx(rate, rel=0.06), said
    # the swing, shifted by the fraction of a sample at which a coarse clock begins to count
    x, phase = recording.signal[:, 0].astype(float), 2 * np.pi * hertz * recording.times_s
    waves = np.stack([np.sin(phase), np.cos(phase)], axis=1)
    weights, *_ = np.linalg.lstsq(waves, x, rcond=None)
    assert np.hypot(*weights) == pytest.approx(1, abs=0.1), said
    assert np.abs(x - waves @ weights).max() < 0.4, said
    return "right"


@settings(max_examples=40, deadline=None)
@given(written=clocks())
def test_any_clock_is_read_right_or_refused(tmp_path_factory, written):
    clock_outcome(tmp_path_factory.getbasetemp(), *written)
