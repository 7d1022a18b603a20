"""Pictures against the recipe written out by other means."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import scipy.io
import scipy.signal
import torch
from PIL import Image

from img2imu_kit.errors import ConstantAxisWarning, ParameterError, SignalError
from img2imu_kit.pictures.image import power_to_image, to_image
from img2imu_kit.pictures.power import scaled, spectrogram
from img2imu_kit.signals.recording import Recording
from img2imu_kit.signals.windows import sliding_windows

RATE = 50.0
RANGES = [(-50.0, 20.0), "per-axis", "per-window"]


@pytest.fixture(params=["random", "real"])
def signal(request, rng) -> np.ndarray:
    """Three axes [3, T]: noise with an offset, or a wrist's accelerometer in m/s2."""
    if request.param == "random":
        return rng.normal([[0], [2], [9.8]], size=(3, 300)).astype(np.float32)
    path = next(request.getfixturevalue("data_dir")("utd_mhad").rglob("a22_s1_t1_inertial.mat"))
    return (scipy.io.loadmat(path)["d_iner"][:, :3].T * 9.80665).astype(np.float32)


def differ(ours, theirs) -> int:
    """Largest difference in levels of 255."""
    assert ours.shape == theirs.shape
    return int(np.abs(ours.astype(int) - theirs.astype(int)).max())


def app_picture(signal, rate) -> np.ndarray:
    """The authors' recipe by scipy in float64, one pixel a bin and frame: uint8 [3, F, S]."""
    power = scipy.signal.spectrogram(
        signal.astype(np.float64),
        rate,
        np.hanning(128),
        noverlap=116,
        detrend=False,
        scaling="spectrum",
    )[2]
    level = np.log10(power)
    low, high = (extreme(axis=(1, 2), keepdims=True) for extreme in (level.min, level.max))
    return np.round((level - low) / (high - low) * 255)[:, ::-1].astype(np.uint8)


def test_the_apps_picture_is_scipys(signal):
    theirs = app_picture(signal, 64)
    ours = to_image(signal, 64, "img2imu-app", size=None)[0]
    assert differ(ours, theirs) <= 1
    resized = Image.fromarray(theirs.transpose(1, 2, 0)).resize((128, 96), Image.BILINEAR)
    ours = to_image(signal, 64, "img2imu-app")[0]
    assert ours.shape == (3, 96, 128)
    assert differ(ours, np.asarray(resized).transpose(2, 0, 1)) <= 2


def test_one_pixel_for_each_bin_and_frame(rng):
    x = rng.normal(size=(1, 3, 600))
    image = to_image(x, rate=64, params="img2imu-app", size=None)
    assert (image.shape, image.dtype) == ((1, 3, 65, 40), np.uint8)


@pytest.mark.parametrize("scale", ["db", "log10", "power", "magnitude"])
@pytest.mark.parametrize("limits", [(-40.0, 0.0), "per-axis", "per-window"])
def test_levels_are_the_scale_between_its_limits(signal, scale, limits):
    power = spectrogram(signal, RATE).power[0].astype(np.float64)
    to_scale = {
        "db": lambda p: 10 * np.log10(p),
        "log10": np.log10,
        "power": lambda p: p,
        "magnitude": np.sqrt,
    }[scale]
    values = to_scale(power)
    if limits == "per-axis":
        low, high = values.min(axis=(1, 2), keepdims=True), values.max(axis=(1, 2), keepdims=True)
    elif limits == "per-window":
        low, high = values.min(), values.max()
    else:  # always in dB
        low, high = to_scale(10 ** (limits[0] / 10)), to_scale(10 ** (limits[1] / 10))
    level = np.clip((values - low) / (high - low), 0, 1) * 255
    ours = to_image(signal, RATE, scale=scale, range=limits, size=None)[0]
    assert np.abs(ours - level[:, ::-1]).max() <= 0.6


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(96, 128), (20, 17), (33, 200)])
def test_resizing_is_pillows(signal, interpolation, size):
    small = to_image(signal, RATE, size=None)[0].transpose(1, 2, 0)
    resample = getattr(Image.Resampling, interpolation.upper())
    theirs = np.asarray(Image.fromarray(small).resize(size[::-1], resample)).transpose(2, 0, 1)
    assert differ(to_image(signal, RATE, size=size, interpolation=interpolation)[0], theirs) <= 1


def test_the_nearest_pixel_is_repeated_or_the_middle_one_kept(rng):
    x = rng.normal(size=(2, 3, 64 + 29 * 4))
    small = to_image(x, RATE, size=None)
    assert small.shape[2:] == (33, 30)
    large = to_image(x, RATE, size=(99, 60), interpolation="nearest")
    np.testing.assert_array_equal(large, small.repeat(3, axis=2).repeat(2, axis=3))
    tiny = to_image(x, RATE, size=(11, 10), interpolation="nearest")
    np.testing.assert_array_equal(tiny, small[:, :, 1::3, 1::3])


def test_low_frequencies_are_at_the_bottom_and_time_runs_to_the_right():
    t = np.arange(300) / RATE
    slow = to_image(3 * np.sin(2 * np.pi * 2 * t), RATE)[0, 0].astype(int)
    fast = to_image(3 * np.sin(2 * np.pi * 23 * t), RATE)[0, 0].astype(int)
    assert slow.sum(axis=1).argmax() > 80
    assert fast.sum(axis=1).argmax() < 15
    late = to_image(np.where(t > 4, np.sin(2 * np.pi * 10 * t), 0), RATE)[0, 0].astype(int)
    assert late[:, 60:].sum() > 10 * late[:, :30].sum()


def test_a_shift_by_k_hops_shifts_k_columns(signal):
    whole = to_image(signal, RATE, hop=5, size=None)
    later = to_image(signal[:, 15:], RATE, hop=5, size=None)
    np.testing.assert_array_equal(later, whole[..., 3:][..., : later.shape[-1]])


@pytest.mark.parametrize("limits", RANGES)
def test_a_permutation_of_axes_is_one_of_colours(signal, limits):
    image = to_image(signal, RATE, range=limits)
    np.testing.assert_array_equal(
        to_image(signal[[2, 0, 1]], RATE, range=limits), image[:, [2, 0, 1]]
    )


def test_gain_is_an_offset_only_fixed_limits_show(rng):
    x = rng.normal(size=(1, 3, 300))
    quiet, loud = (to_image(k * x, RATE, range=(-80, 60), size=None) for k in (1, 10))
    inside = (quiet > 0) & (loud < 255)
    assert set(np.unique((loud.astype(int) - quiet)[inside])) <= {36, 37}  # 20 dB of 140 in 255
    for relative in ("per-axis", "per-window"):
        pair = [to_image(k * x, RATE, range=relative) for k in (1, 10)]
        assert differ(*pair) <= 1


@pytest.mark.parametrize("limits", RANGES)
@pytest.mark.parametrize("size", [None, (64, 64)])
def test_a_picture_does_not_depend_on_its_company(rng, limits, size):
    x = (rng.normal(size=(130, 3, 150)) + 9.8).astype(np.float32)
    together = to_image(x, RATE, range=limits, size=size)
    for some in ([0], [129], [3, 77], list(range(40, 91)), rng.permutation(130)):
        np.testing.assert_array_equal(
            to_image(x[some], RATE, range=limits, size=size), together[some]
        )


@pytest.mark.parametrize("limits", RANGES)
def test_painting_power_is_the_second_half_of_the_way(rng, limits):
    x = rng.normal(size=(130, 3, 150)).astype(np.float32)
    options = {"range": limits, "fmin_hz": 1.0, "size": (40, 50)}
    found = spectrogram(x, RATE, **options)
    before = found.power.copy()
    np.testing.assert_array_equal(power_to_image(found), to_image(x, RATE, **options))
    np.testing.assert_array_equal(found.power, before)
    np.testing.assert_array_equal(
        power_to_image(found, scale="power", size=None),
        to_image(x, RATE, **options | {"scale": "power", "size": None}),
    )
    np.testing.assert_array_equal(found.power, before)
    tensor = replace(found, power=torch.from_numpy(found.power))
    np.testing.assert_array_equal(power_to_image(tensor).numpy(), power_to_image(found))


class TestChannels:
    """Which axes become red, green and blue."""

    @pytest.fixture
    def six(self, rng) -> np.ndarray:
        return rng.normal(size=(2, 6, 150)).astype(np.float32) * np.arange(1, 7)[:, None]

    def test_by_sensor_and_by_name(self, six):
        recording = Recording(six[0].T, RATE)
        for channels, index in {
            "acc": [0, 1, 2],
            "gyro": [3, 4, 5],
            ("acc_z", "gyro_x", "acc_z"): [2, 3, 2],
        }.items():
            expected = to_image(six[:, index], RATE)
            np.testing.assert_array_equal(to_image(six, RATE, channels=channels), expected)
            np.testing.assert_array_equal(to_image(recording, channels=channels)[0], expected[0])
            found = spectrogram(six, RATE)
            np.testing.assert_array_equal(power_to_image(found, channels=channels), expected)

    def test_of_turned_columns_by_their_names(self, six):
        axes = ("gyro_x", "gyro_y", "gyro_z", "acc_x", "acc_y", "acc_z")
        recording = Recording(six[0].T, RATE, axes=axes)
        np.testing.assert_array_equal(to_image(recording), to_image(six[:1, 3:], RATE))

    def test_without_names_or_with_too_many_of_a_sensor_the_first_three(self, six):
        expected = to_image(six[:, :3], RATE)
        np.testing.assert_array_equal(to_image(six[:, :4], RATE), expected)
        axes = ("acc_x", "acc_y", "acc_z", "acc_length")
        np.testing.assert_array_equal(to_image(Recording(six[0, :4].T, RATE, axes)), expected[:1])

    def test_three_axes_of_another_sensor_alone_serve_as_well(self, six):
        gyro = Recording(six[0].T, RATE).select("gyro")
        np.testing.assert_array_equal(to_image(gyro), to_image(six[:1, 3:], RATE))

    def test_magnitude_is_the_length_of_the_vector_in_grey(self, six):
        image = to_image(six, RATE, channels="magnitude")
        expected = to_image(np.linalg.norm(six[:, :3], axis=1, keepdims=True), RATE)
        assert differ(image, expected) <= 1
        np.testing.assert_array_equal(image, image[:, [1, 2, 0]])
        with pytest.raises(ParameterError, match="to_image"):
            power_to_image(spectrogram(six, RATE), channels="magnitude")

    def test_one_axis_is_grey(self, six):
        image = to_image(six[:, :1], RATE)
        np.testing.assert_array_equal(image[:, 0], to_image(six, RATE)[:, 0])
        np.testing.assert_array_equal(image[:, 0], image[:, 2])
        np.testing.assert_array_equal(
            to_image(Recording(six[0].T, RATE).select("acc_x")), image[:1]
        )
        np.testing.assert_array_equal(power_to_image(spectrogram(six[:, :1], RATE)), image)

    def test_what_is_not_there_is_named(self, six):
        with pytest.raises(SignalError, match=r"2 axes \(ch0, ch1\) cannot become red"):
            to_image(six[:, :2], RATE)
        with pytest.raises(
            ParameterError, match=r"no axis 'gyro'\. There are: acc_x, acc_y, acc_z"
        ):
            to_image(six[:, :3], RATE, channels="gyro")
        with pytest.raises(ParameterError, match="no axis 'mag_x'"):
            to_image(six, RATE, channels=("acc_x", "acc_y", "mag_x"))
        with pytest.raises(SignalError, match="5 axes"):
            to_image(six, RATE, channels=("acc_x", "acc_y", "gyro"))


@pytest.mark.parametrize("limits", RANGES)
@pytest.mark.parametrize("level", [0.0, 9.81])
def test_an_axis_that_never_changes_is_mid_grey(rng, limits, level):
    x = rng.normal(size=(40, 3, 150))
    clean = to_image(x, RATE, range=limits)
    x[7, 1] = level
    with pytest.warns(ConstantAxisWarning, match="acc_y in 1 of 40 windows"):
        image = to_image(x, RATE, range=limits)
    assert (image[7, 1] == 128).all()
    clean[7, 1] = 128
    if limits == "per-window":  # the dead axis says nothing of the other two
        assert image[7, [0, 2]].max() == 255
        assert image[7, [0, 2]].min() == 0
        image[7] = clean[7]
    np.testing.assert_array_equal(image, clean)


@pytest.mark.parametrize("limits", RANGES)
def test_nothing_at_all_is_mid_grey(limits):
    with pytest.warns(ConstantAxisWarning):
        assert (to_image(np.zeros((2, 3, 100)), RATE, range=limits) == 128).all()
    with pytest.warns(ConstantAxisWarning):
        assert (power_to_image(spectrogram(np.zeros((2, 3, 100)), RATE, range=limits)) == 128).all()


@pytest.mark.parametrize("limits", ["per-axis", "per-window"])
def test_a_single_value_has_no_extremes_and_is_mid_grey(rng, limits):
    x = rng.normal(size=(2, 1, 64))
    image = to_image(x, RATE, fmin_hz=0.7, fmax_hz=0.8, range=limits, size=None)
    np.testing.assert_array_equal(image, np.full((2, 3, 1, 1), 128))


def test_silence_within_a_window_is_black_not_nan(rng):
    x = rng.normal(size=(1, 3, 300))
    x[..., :150] = 0
    for limits in RANGES:
        assert (to_image(x, RATE, range=limits, size=None)[..., :20] == 0).all()


def test_units_that_the_limits_are_not_meant_for_are_said(rng):
    in_g = Recording(rng.normal(size=(300, 3)), RATE, unit="g")
    with pytest.warns(UserWarning, match="the signal is in g"):
        to_image(sliding_windows(in_g, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        to_image(in_g.to_unit("m/s2"))
        to_image(in_g, range=(-70, 0))
        to_image(in_g, range="per-axis")
        to_image(replace(in_g, unit=("", "", "")))


def test_arrays_for_arrays_and_tensors_for_tensors(signal):
    frozen = signal.copy()
    frozen.flags.writeable = False
    expected = to_image(frozen, RATE)
    assert isinstance(expected, np.ndarray)
    assert expected.flags.c_contiguous
    found = to_image(torch.from_numpy(signal), RATE, device="cpu")
    assert isinstance(found, torch.Tensor)
    np.testing.assert_array_equal(found.numpy(), expected)
    with pytest.raises(ParameterError, match="device"):
        to_image(signal, RATE, device="toaster")


def test_power_that_does_not_fit_is_named(signal):
    found = spectrogram(signal, RATE)
    with pytest.raises(SignalError, match=r"expected \[N, 3, F, S\]"):
        power_to_image(replace(found, power=found.power[:, :2]))
    with pytest.raises(ParameterError, match="no scale"):
        scaled(found.power, "loudness")
