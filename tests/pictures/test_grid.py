"""Where pixels lie, in seconds and Hz."""

from dataclasses import replace

import numpy as np
import pytest

from img2imu_kit.pictures.params import SpectrogramParams
from img2imu_kit.pictures.power import make_grid, spectrogram


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
