"""Where pixels lie, in seconds and Hz."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from img2imu_kit.augment.scale import scale_of
from img2imu_kit.explain.gradcam import focus
from img2imu_kit.pictures import stft
from img2imu_kit.pictures.image import power_to_image, to_image
from img2imu_kit.pictures.params import CHOICES, SpectrogramParams
from img2imu_kit.pictures.power import TRANSFORMS, make_grid, spectrogram
from img2imu_kit.plots.signals import plot_image


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("band", [{}, {"fmin_hz": 2, "fmax_hz": 12}])
def test_a_click_and_a_tone_lie_inside_the_edges_of_their_pixels(center, band):
    rate, params = 50.0, SpectrogramParams(n_fft=32, hop=4, center=center, **band)
    grid = make_grid(400, rate, params)
    click = np.zeros(400)
    click[201] = 1
    column = spectrogram(click, rate, params).power[0, 0].sum(axis=0).argmax()
    assert grid.time_edges_s[column] <= 201 / rate <= grid.time_edges_s[column + 1]
    tone = np.sin(2 * np.pi * 7.3 * np.arange(400) / rate)
    row = spectrogram(tone, rate, params).power[0, 0].mean(axis=1).argmax()
    assert grid.freq_edges_hz[row] <= 7.3 <= grid.freq_edges_hz[row + 1]


def test_resizing_keeps_the_span_and_halves_what_is_doubled():
    grid = make_grid(400, 50, SpectrogramParams())
    rows, columns = grid.shape
    finer = grid.resized(2 * rows, 3 * columns)
    assert finer.extent == grid.extent
    np.testing.assert_allclose(finer.freq_edges_hz[::2], grid.freq_edges_hz)
    np.testing.assert_allclose(finer.times_s[1::3], grid.times_s)
    np.testing.assert_allclose(grid.resized(rows, columns).freqs_hz, grid.freqs_hz, atol=1e-12)


def test_uneven_rows_stay_uneven_when_resized():
    octaves = 2.0 ** np.arange(6)  # edges of rows one octave high
    grid = replace(
        make_grid(400, 50, SpectrogramParams()),
        freqs_hz=octaves[:-1] * np.sqrt(2),
        freq_edges_hz=octaves,
    )
    np.testing.assert_allclose(grid.resized(10, 9).freq_edges_hz[::2], octaves)
    assert (np.diff(grid.resized(10, 9).freqs_hz) > 0).all()


@pytest.fixture
def octaves(monkeypatch):
    """Another transform, as anyone might add one: rows one octave high."""

    def make_octaves(length, rate, params):
        edges = rate / 2 * 2.0 ** np.arange(-4, 1)
        centres = np.sqrt(edges[1:] * edges[:-1])
        return replace(stft.make_grid(length, rate, params), freqs_hz=centres, freq_edges_hz=edges)

    def sum_of_bins(signal, grid, params):
        fine = stft.make_grid(signal.shape[2], grid.rate, params)
        row = np.digitize(fine.freqs_hz, grid.freq_edges_hz) - 1
        power = stft.to_power(signal, fine, params)
        return torch.stack([power[:, :, row == k].sum(dim=2) for k in range(4)], dim=2)

    transform = SimpleNamespace(
        make_grid=make_octaves,
        to_power=sum_of_bins,
        windows_at_once=stft.windows_at_once,
        noise_db=stft.noise_db,
    )
    monkeypatch.setitem(TRANSFORMS, "octaves", transform)
    monkeypatch.setitem(CHOICES, "transform", ("stft", "octaves"))
    return SpectrogramParams(transform="octaves")


def test_another_transform_is_a_name_and_a_module_and_all_follow(octaves):
    tone = np.sin(2 * np.pi * 4.7 * np.arange(300) / 50)  # in the octave from 3.125 to 6.25 Hz
    found = spectrogram(tone, 50, octaves)
    assert found.power.shape[2:] == found.grid.shape == (4, 60)
    assert (found.power[0, 0].argmax(axis=0) == 1).all()
    image = to_image(tone, 50, octaves)
    np.testing.assert_array_equal(power_to_image(found), image)
    row = image[0, 0, ::-1].astype(int).sum(axis=1).argmax()
    edges = found.grid.resized(96, 96).freq_edges_hz
    assert 3.125 <= edges[row] < edges[row + 1] <= 6.25
    middle = focus(image[:, 0].astype(float), rate=50, seconds=6, params=octaves)
    assert 2 < middle.frequency_hz[0] < 8
    assert scale_of(found).hz(torch.tensor([0.25, 0.5])).tolist() == [3.125, 6.25]
    ax = plot_image(image[0], rate=50, seconds=6, params=octaves)
    assert ax.get_yscale() == "log"
    np.testing.assert_allclose(ax.collections[0].get_coordinates()[:, 0, 1], edges)
