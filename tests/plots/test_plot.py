"""Figures carry the right numbers, the right axes and alt text."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from img2imu_kit.errors import ParameterError, SignalError
from img2imu_kit.pictures.image import to_image
from img2imu_kit.pictures.stft import spectrogram
from img2imu_kit.plots import signals as plot
from img2imu_kit.signals.recording import Recording
from img2imu_kit.signals.windows import sliding_windows


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
    ax = plot.plot_signal(recording)
    assert ax.get_xlabel() == "time (s)"
    assert ax.get_ylabel() == "signal (m/s2)"
    assert [line.get_label() for line in ax.lines] == ["acc_x", "acc_y", "acc_z"]
    ax = plot.plot_signal(cut, 1)
    np.testing.assert_allclose(ax.lines[1].get_xdata()[[0, -1]], [4, 8 - 1 / 64])
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), recording.signal[256:512, 1])
    assert "4.0 to 8.0 s of acc_x, acc_y, acc_z while swing" in plot.alt_text(ax)


def test_spectrogram_in_seconds_hz_and_db(cut):
    ax = plot.plot_spectrogram(cut, 1, axis="acc_y")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "frequency (Hz)")
    assert ax.figure.axes[1].get_ylabel() == "power (dB)"
    found = spectrogram(cut)
    drawn = ax.collections[0].get_array()
    np.testing.assert_allclose(drawn, 10 * np.log10(found.power[1, 1]), atol=1e-3)
    assert drawn.mean(axis=1).argmax() == np.abs(found.freqs_hz - 5).argmin()
    assert "strongest at 5 Hz" in plot.alt_text(ax)
    assert ax.collections[0].get_clim() == (-50, 20)
    ax = plot.plot_spectrogram(cut, axis=0, range="per-axis", ax=plt.figure().subplots())
    drawn = ax.collections[0].get_array()
    assert ax.collections[0].get_clim() == (drawn.min(), drawn.max())


def test_picture_stands_at_its_seconds_and_hz(cut):
    image = to_image(cut, n_fft=64, hop=8, size=None)[0]
    ax = plot.plot_image(image, rate=64, seconds=4, n_fft=64, hop=8, size=None)
    left, right, bottom, top = ax.images[0].get_extent()
    # 33 bins, 1 Hz wide, the first centred on 0; 25 frames from 0.5 s, every 0.125 s
    assert (bottom, top) == (-0.5, 32.5)
    assert (left, right) == pytest.approx((0.5 - 0.0625, 3.5 + 0.0625))
    # the brightest row of green (y) is drawn at 5 Hz
    row = image[1].mean(axis=1).argmax()
    assert top - (row + 0.5) * (top - bottom) / image.shape[1] == pytest.approx(5)
    np.testing.assert_array_equal(ax.images[0].get_array(), image.transpose(1, 2, 0))
    assert "red for acc x, green for acc y, blue for acc z" in plot.alt_text(ax)


@pytest.mark.parametrize(
    ("channels", "told"),
    [("magnitude", "grey for the length"), (("acc_z", "acc_y", "acc_x"), "red for acc_z")],
)
def test_picture_tells_its_colours(cut, channels, told):
    image = to_image(cut[0], channels=channels)[0]
    assert told in plot.alt_text(
        plot.plot_image(image, rate=64, seconds=4, channels=channels, ax=plt.figure().subplots())
    )


def test_gallery_has_a_row_for_each_class(rng):
    images = np.zeros((9, 3, 8, 6), np.uint8)
    labels = np.array(list("bbbbbbaac"))
    images[labels == "b"] = 100
    images[labels == "c"] = 200
    ax = plot.plot_images(images, labels, per_class=3)
    mosaic = ax.images[0].get_array()[..., 0]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b", "c"]
    rows = mosaic[[round(y) for y in ax.get_yticks()]][:, 3::10]
    np.testing.assert_array_equal(rows, [[0, 0, 255], [100, 100, 100], [200, 255, 255]])
    assert "a, b, c" in plot.alt_text(ax)


@pytest.fixture
def table():
    rows = [
        (method, shots, seed, base + 0.01 * seed + 0.02 * shots)
        for method, base in [("ours", 0.5), ("by hand", 0.6)]
        for shots in (1, 5)
        for seed in range(5)
    ]
    return pd.DataFrame(rows, columns=["method", "shots", "seed", "macro_f1"])


def test_scores_show_mean_and_interval(table):
    one = table[table.shots == 5]
    ax = plot.plot_scores(one)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["ours", "by hand"]
    assert [text.get_text() for text in ax.texts] == ["0.62", "0.72"]
    half = 2.776445 * np.std(np.arange(5) / 100, ddof=1) / np.sqrt(5)
    ends = ax.containers[0][2][0].get_segments()[0][:, 0]
    np.testing.assert_allclose(ends, [0.62 - half, 0.62 + half], rtol=1e-6)
    assert "ours, shots 5: 0.62 (0.60 to 0.64)" in plot.alt_text(ax)
    colours = {to_hex(container[0].get_color()) for container in ax.containers}
    assert len(colours) == 2


def test_scores_over_shots_become_curves(table):
    ax = plot.plot_scores(table)
    assert ax.get_xscale() == "log"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["ours", "by hand"]
    assert list(ax.containers[1][0].get_ydata()) == pytest.approx([0.64, 0.72])
    single = plot.plot_scores(table[table.seed == 0])  # no interval from one draw
    assert "nan" not in plot.alt_text(single)
    with pytest.raises(ParameterError, match="no high, low"):
        plot.plot_scores(table.drop(columns="seed"))


def test_embedding_tells_27_classes_apart(rng):
    labels = np.repeat([f"class {i:02d}" for i in range(27)], 3)
    ax = plot.plot_embedding(rng.normal(size=(81, 2)), labels)
    looks = {
        (to_hex(points.get_facecolor()[0]), points.get_paths()[0].vertices.tobytes())
        for points in ax.collections
    }
    assert len(looks) == 27
    assert len({colour for colour, _ in list(looks)}) == 7
    assert len(ax.get_legend().get_texts()) == 27
    assert "3 class 07" in plot.alt_text(ax)


def test_a_given_ax_is_drawn_on(recording, cut, table):
    image = to_image(cut)[0]
    figure, axes = plt.subplots(2, 3)
    axes = iter(axes.flat)
    draw = [
        lambda ax: plot.plot_signal(recording, ax=ax),
        lambda ax: plot.plot_spectrogram(recording, ax=ax),
        lambda ax: plot.plot_image(image, rate=64, seconds=4, ax=ax),
        lambda ax: plot.plot_images(image[None], ["swing"], ax=ax),
        lambda ax: plot.plot_scores(table, ax=ax),
        lambda ax: plot.plot_embedding(np.eye(2), ["a", "b"], ax=ax),
    ]
    for one in draw:
        ax = next(axes)
        assert one(ax) is ax
        assert plot.alt_text(ax)
    assert plt.get_fignums() == [figure.number]
    assert plot.alt_text(figure).count(". ") >= 5


def test_files_carry_the_alt_text(tmp_path, recording):
    ax = plot.plot_signal(recording)
    text = plot.alt_text(ax)
    with Image.open(plot.save_figure(ax, tmp_path / "new" / "a.png")) as image:
        assert image.text["Description"] == text
    svg = plot.save_figure(ax.figure, tmp_path / "a.svg").read_text()
    assert f"<title>{text}</title>" in svg
    assert plot.save_figure(ax, tmp_path / "b.svg").read_text() == svg
    assert plot.save_figure(ax, tmp_path / "a.pdf").stat().st_size > 1000
    with pytest.raises(ParameterError, match=r"a\.bmp"):
        plot.save_figure(ax, tmp_path / "a.bmp")


def test_notebooks_carry_the_alt_text(recording):
    ax = plot.plot_signal(recording)
    data, metadata = plot.show(ax)._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == plot.alt_text(ax)
    assert data["image/png"]
    assert not plt.get_fignums()


def test_mistakes_are_named(cut):
    with pytest.raises(SignalError, match=r"choose one: images\[0\]"):
        plot.plot_image(to_image(cut), rate=64, seconds=4)
    for index in (2, -3):
        with pytest.raises(ParameterError, match="expected 0 to 1"):
            plot.plot_spectrogram(cut, index)
        with pytest.raises(ParameterError, match="expected 0 to 1"):
            plot.plot_signal(cut, index)
    with pytest.raises(ParameterError, match="no axis 'gyro_x'"):
        plot.plot_spectrogram(cut, axis="gyro_x")
    with pytest.raises(SignalError, match="2 labels"):
        plot.plot_embedding(np.eye(3), ["a", "b"])
    with pytest.raises(SignalError, match="2 labels"):
        plot.plot_images(to_image(cut)[:1], ["a", "b"])
