"""Bands on a logarithmic axis: a wavelet written out in time, and what movements do to them."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

import img2imu_kit as ik
from img2imu_kit.errors import ParameterError, SignalError
from img2imu_kit.pictures.power import make_grid
from img2imu_kit.pictures.scalogram import cone_of_influence, noise_db

RATE = 50.0
RAW = {"size": None, "hop": 1}  # a pixel for each band and sample


def bands(signal, params="motion", **settings):
    """Rows above slow movement [N, C, K, T], and their frequencies [K]."""
    spectra = ik.spectrogram(signal, RATE, params, **RAW | settings)
    low = spectra.params.low_rows
    return spectra.power[:, :, low:], spectra.freqs_hz[low:]


def walk(rng, length=400):
    """Three axes that wander, as the acceleration of a person does: float32 [1, 3, T]."""
    steps = rng.normal(size=(1, 3, length))
    return np.cumsum(steps - steps.mean(axis=2, keepdims=True), axis=2).astype(np.float32)


def test_a_band_is_the_convolution_with_its_wavelet(rng):
    """The wavelet written out in time, as np.convolve sees it, far from either end."""
    length, cycles = 4000, 3.0
    signal = rng.normal(size=length).astype(np.float32)
    computed, freqs_hz = bands(signal, "motion-signed", bands=8)
    t = np.arange(-1500, 1501) / RATE
    for row in (0, 3, 5):  # higher ones reach beyond half the rate, where samples alias
        f, s = freqs_hz[row], freqs_hz[row] / cycles  # Hz
        envelope = s * np.sqrt(2 * np.pi) * np.exp(-2 * (np.pi * s * t) ** 2) / RATE
        wavelet = envelope * (np.cos(2 * np.pi * f * t) - np.exp(-(f**2) / (2 * s**2)))
        # Real, it hears f and -f, each with one Gaussian. Written out in time the two overlap at
        # 0 Hz by exp(-9 / 2) = 1 %, in the bank they do not: that much they may differ.
        expected = np.convolve(signal, 2 * wavelet, mode="same")[1500:2500]
        actual = computed[0, 0, row, 1500:2500]
        np.testing.assert_allclose(actual, expected, atol=0.01 * np.abs(expected).max())


@pytest.mark.parametrize("row", [2, 10, 20])
def test_a_sine_in_the_middle_of_a_band_shows_its_mean_square(row):
    freqs_hz = bands(np.zeros(4000, np.float32))[1]
    wave = 3 * np.sin(2 * np.pi * freqs_hz[row] * np.arange(4000) / RATE)
    power = bands(wave.astype(np.float32))[0][0, 0, :, 2000]
    assert power.argmax() == row
    assert power[row] == pytest.approx(9 / 2, rel=1e-3)
    # Its neighbours hear it as the Gaussian says: exp(-d^2 / s^2) of the power.
    spread = freqs_hz[row + 1] / 3
    share = np.exp(-(((freqs_hz[row] - freqs_hz[row + 1]) / spread) ** 2))
    assert power[row + 1] == pytest.approx(9 / 2 * share, rel=0.02)


@pytest.mark.parametrize("preset", ["motion", "motion-signed"])
def test_white_noise_shows_in_each_row_as_told(rng, preset):
    """As much as 3,000 windows of it do; signed rows lose what varies within a column."""
    noise = rng.normal(size=(1000, 3, 200)).astype(np.float32)
    spectra = ik.spectrogram(noise, RATE, preset)
    squares = np.square(spectra.power) if preset == "motion-signed" else np.abs(spectra.power)
    heard = 10 * np.log10(squares.mean(axis=(0, 1, 3)))
    told = noise_db(spectra.grid, spectra.params)
    np.testing.assert_allclose(told, heard, atol=0.25)
    if preset == "motion":  # bands grow broader, and noise louder, by 3 dB an octave
        octaves = np.log2(spectra.freqs_hz[20] / spectra.freqs_hz[6])
        assert told[20] - told[6] == pytest.approx(10 * np.log10(2) * octaves, abs=0.05)


def test_gravity_is_in_the_slow_rows_alone():
    still = np.full((1, 3, 200), [[[9.81], [-2.0], [0.5]]], dtype=np.float32)
    signed = ik.spectrogram(still, RATE, "motion-signed").power
    np.testing.assert_allclose(signed[0, :, :4, 50], [[9.81] * 4, [-2] * 4, [0.5] * 4], rtol=1e-5)
    assert np.abs(signed[:, :, 4:]).max() < 1e-4
    power = ik.spectrogram(still, RATE, "motion").power
    np.testing.assert_allclose(power[0, 0, :6], 9.81**2, rtol=1e-4)
    np.testing.assert_allclose(power[0, 1, :6], -(2.0**2), rtol=1e-4)


def test_which_way_gravity_points_is_seen_in_a_picture_of_power(rng):
    """Turned over, the bands stay and the slow rows change sides of mid-grey."""
    signal = walk(rng) * 0.01 + np.float32([[[5], [-5], [12]]])
    upright = ik.to_image(signal, RATE, "motion", size=None)[0].astype(int)
    over = ik.to_image(-signal, RATE, "motion", size=None)[0].astype(int)
    np.testing.assert_array_equal(upright[:, :-6], over[:, :-6])
    assert np.abs(upright[:, -6:] + over[:, -6:] - 256).max() <= 1
    grey = 128 + 127.5 * np.arcsinh([5, -5, 12]) / np.arcsinh(12)
    np.testing.assert_allclose(upright[:, -3, 100], grey, atol=2)


def test_an_impulse_is_heard_alike_before_and_after(rng):
    click = np.zeros(401, dtype=np.float32)
    click[200] = 1
    power = bands(click)[0][0, 0]
    np.testing.assert_allclose(power, power[:, ::-1], atol=1e-7)
    assert (power.argmax(axis=1) == 200).all()


def test_a_faster_movement_is_the_same_pattern_further_up():
    """An octave up is log(2) / log(step) rows up: exact, where a linear axis would stretch it."""
    settings = {"fmin_hz": 0.5, "fmax_hz": 16.0, "bands": 21}  # four rows an octave
    t = np.arange(2000) / RATE
    slow, fast = (
        bands(
            (np.sin(2 * np.pi * hz * t) + np.sin(2 * np.pi * 3 * hz * t)).astype("f4"), **settings
        )
        for hz in (1.0, 2.0)
    )
    np.testing.assert_allclose(fast[0][0, 0, 4:, 1000], slow[0][0, 0, :-4, 1000], atol=2e-3)


def test_turning_the_sensor_mixes_signed_bands_exactly(rng):
    """S(R x) = R S(x), before asinh: channels mix as the axes do, minus R included."""
    signal = walk(rng)
    for turn in (Rotation.random(random_state=3).as_matrix(), -np.eye(3)):
        turned = np.einsum("ij,njt->nit", turn, signal).astype(np.float32)
        before = ik.spectrogram(signal, RATE, "motion-signed", **RAW).power
        after = ik.spectrogram(turned, RATE, "motion-signed", **RAW).power
        expected = np.einsum("ij,njft->nift", turn, before)
        np.testing.assert_allclose(after, expected, atol=1e-4 * np.abs(expected).max())


def test_turning_it_over_inverts_the_signed_picture(rng):
    signal = walk(rng) * 0.1
    upright = ik.to_image(signal, RATE, "motion-signed").astype(int)
    over = ik.to_image(-signal, RATE, "motion-signed").astype(int)
    assert np.abs(upright + over - 255).max() <= 2, "rounding and resizing on bytes"


def test_a_gain_is_a_constant_in_decibels(rng):
    signal = walk(rng)
    soft, loud = (
        10 * np.log10(np.abs(ik.spectrogram(signal * gain, RATE, "motion").power))
        for gain in (1, 10)
    )
    np.testing.assert_allclose(loud - soft, 20, atol=1e-2)


def test_zero_is_mid_grey_and_a_strong_movement_is_not_clipped_to_it():
    wave = np.stack([np.zeros(200), np.sin(np.arange(200) / 3), 40 * np.sin(np.arange(200) / 3)])
    wave[0, 0] = 1e-6  # not constant
    image = ik.to_image(wave[None].astype("f4"), RATE, "motion-signed")
    assert np.abs(image[0, 0].astype(int) - 128).max() <= 1
    assert image[0, 2].min() == 0
    assert image[0, 2].max() == 255


def test_a_signed_picture_has_a_way_back(rng):
    signal = walk(rng)
    spectra = ik.spectrogram(signal, RATE, "motion-signed", hop=1)
    again = ik.to_signal(spectra)
    assert again.shape == signal.shape
    smooth = np.fft.irfft(np.fft.rfft(signal)[..., :100], n=400)  # up to 12.5 Hz
    assert np.corrcoef(again.ravel(), smooth.ravel())[0, 1] > 0.99
    with pytest.raises(ParameterError, match="no way back"):
        ik.to_signal(signal, RATE, "motion")


def test_rows_lie_where_the_grid_says():
    grid = make_grid(200, RATE, ik.pictures.resolve("motion"))
    assert grid.shape == (30, 100)
    assert (np.diff(grid.freq_edges_hz) > 0).all()
    assert grid.freq_edges_hz[0] == 0
    middles = np.sqrt(grid.freq_edges_hz[7:] * grid.freq_edges_hz[6:-1])
    np.testing.assert_allclose(middles, grid.freqs_hz[6:])
    assert grid.freqs_hz[[6, -1]] == pytest.approx([0.3, 20])
    slower = make_grid(120, 30, ik.pictures.resolve("motion"))
    assert slower.freqs_hz[-1] == pytest.approx(0.95 * 15), "half the rate bounds the axis"


def test_the_cone_of_influence_is_where_the_edge_echoes():
    """Beyond it a step at the edge has fallen to 1 / e^2 of its power or less."""
    params = ik.pictures.resolve("motion")
    grid = make_grid(2000, RATE, params)
    cone_s = cone_of_influence(grid, params)
    assert (np.diff(cone_s[6:]) < 0).all()
    assert cone_s[6] == pytest.approx(np.sqrt(2) * 3 / (2 * np.pi * 0.3))
    click = np.zeros(2000, dtype=np.float32)
    click[1000] = 1
    power, _ = bands(click)
    for row in (4, 12, 20):
        echo = power[0, 0, row, 1000 + round(cone_s[6 + row] * RATE)] / power[0, 0, row, 1000]
        assert echo == pytest.approx(np.exp(-2), rel=0.1)
    slow = ik.spectrogram(click, RATE, "motion", **RAW).power[0, 0, 2]
    echo = slow[1000 + round(cone_s[2] * RATE)] / slow[1000]
    assert echo == pytest.approx(np.exp(-2), rel=0.1)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"fmin_hz": 0.0}, "fmin_hz is 0.0, expected more than 0"),
        ({"bands": 1}, "bands is 1"),
        ({"cycles": 0}, "cycles is 0"),
        ({"low_rows": -1}, "low_rows is -1"),
        ({"low_limit": 0.0}, "low_limit is 0.0"),
        ({"scale": "signed"}, r"expected \(-limit, limit\)"),
        ({"scale": "signed", "range": "per-axis"}, "signed picture"),
        ({"transform": "stft", "scale": "signed"}, "power of an STFT"),
    ],
)
def test_settings_that_make_no_picture(settings, says):
    with pytest.raises(ParameterError, match=says):
        ik.pictures.resolve("motion", **settings)


def test_a_band_above_half_the_rate_is_refused():
    with pytest.raises(ParameterError, match="bands end at"):
        ik.to_image(np.zeros((1, 3, 100), np.float32), 5.0, "motion", fmin_hz=3.0)
    with pytest.raises(SignalError, match="too few"):
        ik.to_image(np.zeros((1, 3, 3), np.float32), 50.0, "motion")


def test_windows_alone_and_in_company_are_drawn_alike(rng):
    signal = np.concatenate([walk(rng) for _ in range(7)])
    together = ik.to_image(signal, RATE, "motion")
    alone = np.concatenate([ik.to_image(window[None], RATE, "motion") for window in signal])
    np.testing.assert_array_equal(together, alone)
    tensor = ik.to_image(torch.from_numpy(signal), RATE, "motion")
    np.testing.assert_array_equal(tensor.numpy(), together)
