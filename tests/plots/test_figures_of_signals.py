"""Figures of motion and its pictures carry the right numbers, the right axes and alt text."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from img2imu_kit import Recording, SpectrogramParams, plots, sliding_windows, spectrogram, to_image
from img2imu_kit.errors import ParameterError, SignalError


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def recording(rng):
    """A swing of 5 Hz along y, and a little noise."""
    times_s = np.arange(640) / 64
    signal = 0.01 * rng.normal(size=(640, 3))
    signal[:, 1] += 3 * np.sin(2 * np.pi * 5 * times_s)
    return Recording(signal, rate=64, unit="m/s2", labels="swing", subject="s01")


@pytest.fixture
def cut(recording):
    return sliding_windows(recording, seconds=4)


def test_signal_in_seconds(recording, cut):
    ax = plots.plot_signal(recording)
    assert ax.get_xlabel() == "time (s)"
    assert ax.get_ylabel() == "signal (m/s2)"
    assert [line.get_label() for line in ax.lines] == ["acc_x", "acc_y", "acc_z"]
    ax = plots.plot_signal(cut, 1)
    np.testing.assert_allclose(ax.lines[1].get_xdata()[[0, -1]], [4, 8 - 1 / 64])
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), recording.signal[256:512, 1])
    assert "4.0 to 8.0 s of acc_x, acc_y, acc_z while swing" in plots.alt_text(ax)


def test_spectrogram_in_seconds_hz_and_db(cut):
    ax = plots.plot_spectrogram(cut, 1, axis="acc_y")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "frequency (Hz)")
    assert ax.figure.axes[1].get_ylabel() == "power (dB)"
    expected = spectrogram(cut)
    drawn = ax.collections[0].get_array()
    np.testing.assert_allclose(drawn, 10 * np.log10(expected.power[1, 1]), atol=1e-3)
    assert drawn.mean(axis=1).argmax() == np.abs(expected.freqs_hz - 5).argmin()
    assert "strongest at 5 Hz" in plots.alt_text(ax)
    assert ax.collections[0].get_clim() == (-50, 20)
    ax = plots.plot_spectrogram(cut, axis=0, range="per-axis", ax=plt.figure().subplots())
    drawn = ax.collections[0].get_array()
    assert ax.collections[0].get_clim() == (drawn.min(), drawn.max())


def test_bands_of_power_and_slow_movement_have_scales_of_their_own(recording):
    recording = replace(recording, signal=recording.signal + np.float32([0, -9.81, 0]))
    ax = plots.plot_spectrogram(recording, axis="acc_y", params="motion")
    bands, slow = ax.collections
    power = spectrogram(recording, params="motion").power[0, 1]
    np.testing.assert_allclose(bands.get_array(), 10 * np.log10(power[6:]), atol=1e-3)
    np.testing.assert_allclose(slow.get_array(), -9.81, atol=0.2)
    assert (bands.get_clim(), slow.get_clim()) == ((-53, 17), (-12, 12))
    labels = [bar.get_ylabel() for bar in ax.figure.axes[1:]]
    assert labels == ["power (dB)", "slow movement (m/s2)"]
    said = plots.alt_text(ax)
    strongest = float(said.split("strongest at ")[1].split(" Hz")[0])
    assert strongest == pytest.approx(5, rel=0.1), "gravity is stronger, and no band"
    assert "slow movement below, on average -9.8 m/s2" in said


def test_zero_is_the_neutral_colour_of_what_has_a_sign(recording):
    ax = plots.plot_spectrogram(recording, axis="acc_y", params="motion-signed")
    (mesh,) = ax.collections
    np.testing.assert_allclose(
        mesh.get_array(), spectrogram(recording, params="motion-signed").power[0, 1]
    )
    assert min(mesh.cmap(mesh.norm(0.0))[:3]) > 0.95
    # asinh, as the picture is compressed: 128 + 127.5 asinh(x) / asinh(12)
    at = mesh.norm([-12, 3, 12])
    np.testing.assert_allclose(at, [0, 0.5 + 0.5 * np.arcsinh(3) / np.arcsinh(12), 1], atol=1e-6)
    assert ax.figure.axes[1].get_ylabel() == "band (m/s2)"
    assert [text.get_text() for text in ax.get_yticklabels()] == ["0", "0.3", "1", "3", "10"]


def test_picture_stands_at_its_seconds_and_hz(cut):
    image = to_image(cut, n_fft=64, hop=8, size=None)[0]
    ax = plots.plot_image(image, rate=64, seconds=4, n_fft=64, hop=8, size=None)
    left, right, bottom, top = ax.images[0].get_extent()
    # 33 bins, 1 Hz wide, the first centred on 0; 25 frames from 0.5 s, every 0.125 s
    assert (bottom, top) == (-0.5, 32.5)
    assert (left, right) == pytest.approx((0.5 - 0.0625, 3.5 + 0.0625))
    # the brightest row of green (y) is drawn at 5 Hz
    row = image[1].mean(axis=1).argmax()
    assert top - (row + 0.5) * (top - bottom) / image.shape[1] == pytest.approx(5)
    np.testing.assert_array_equal(ax.images[0].get_array(), image.transpose(1, 2, 0))
    assert "red for acc x, green for acc y, blue for acc z" in plots.alt_text(ax)


@pytest.mark.parametrize(
    ("channels", "text"),
    [("magnitude", "grey for the length"), (("acc_z", "acc_y", "acc_x"), "red for acc_z")],
)
def test_picture_tells_its_colours(cut, channels, text):
    image = to_image(cut[0], channels=channels)[0]
    assert text in plots.alt_text(
        plots.plot_image(image, rate=64, seconds=4, channels=channels, ax=plt.figure().subplots())
    )


def test_gallery_has_a_row_for_each_class():
    images = np.zeros((9, 3, 8, 6), np.uint8)
    labels = np.array(list("bbbbbbaac"))
    images[labels == "b"] = 100
    images[labels == "c"] = 200
    ax = plots.plot_images(images, labels, per_class=3)
    mosaic = ax.images[0].get_array()[..., 0]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b", "c"]
    rows = mosaic[[round(y) for y in ax.get_yticks()]][:, 3::10]
    np.testing.assert_array_equal(rows, [[0, 0, 255], [100, 100, 100], [200, 255, 255]])
    assert "a, b, c" in plots.alt_text(ax)


def test_a_grid_draws_each_picture_with_its_own_settings(cut):
    settings = [SpectrogramParams(n_fft=64, hop=hop, size=None) for hop in (8, 16)]
    images = [to_image(cut, params=params)[0] for params in settings]
    figure = plots.plot_image_grid(
        images, ["short", "long"], columns=2, rate=64, seconds=4, params=settings
    )
    for ax, image, title, half_s in zip(
        figure.axes, images, ("short", "long"), (0.0625, 0.125), strict=True
    ):
        assert ax.get_title() == title
        assert ax.images[0].get_extent()[0] == pytest.approx(0.5 - half_s)
        np.testing.assert_array_equal(ax.images[0].get_array(), image.transpose(1, 2, 0))
        assert plots.alt_text(ax).startswith(f"{title}: Spectrogram picture")
    assert [ax.get_ylabel() for ax in figure.axes] == ["frequency (Hz)", ""]


def test_a_grid_of_photographs_has_no_axes_and_may_end_early():
    photos = np.zeros((3, 3, 5, 5), np.uint8)
    figure = plots.plot_image_grid(photos, list("abc"), columns=2)
    assert [len(ax.images) for ax in figure.axes] == [1, 1, 1, 0]
    assert not figure.axes[3].axison
    assert plots.alt_text(figure) == "Picture: a. Picture: b. Picture: c"
    with pytest.raises(SignalError, match="3 images, 2 titles"):
        plots.plot_image_grid(photos, list("ab"))


def test_neighbours_stand_right_of_the_window_they_are_near_to(cut):
    images = np.full((3, 3, 8, 6), np.arange(3, dtype=np.uint8)[:, None, None, None] * 100)
    near = {"random": [1, 0], "trained": [1, 2]}
    figure = plots.plot_neighbours(images, ["sit", "walk", "run"], near, rate=64, seconds=4)
    drawn = [[int(ax.images[0].get_array()[0, 0, 0]) for ax in figure.axes[i:][:2]] for i in (0, 2)]
    assert drawn == [[100, 0], [100, 200]]
    assert figure.axes[2].get_ylabel() == "trained\nfrequency (Hz)"
    text = "Neighbours of walk by random: sit. Neighbours of walk by trained: run"
    assert plots.alt_text(figure) == text


def test_mistakes_are_named(cut):
    with pytest.raises(SignalError, match=r"choose one: images\[0\]"):
        plots.plot_image(to_image(cut), rate=64, seconds=4)
    for index in (2, -3):
        with pytest.raises(ParameterError, match="expected 0 to 1"):
            plots.plot_spectrogram(cut, index)
        with pytest.raises(ParameterError, match="expected 0 to 1"):
            plots.plot_signal(cut, index)
    with pytest.raises(ParameterError, match="no axis 'gyro_x'"):
        plots.plot_spectrogram(cut, axis="gyro_x")
    with pytest.raises(SignalError, match="2 labels"):
        plots.plot_images(to_image(cut)[:1], ["a", "b"])
