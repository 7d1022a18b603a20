"""Figures painted by hand hold what was drawn, where it belongs."""

import io

import numpy as np
import pytest
from PIL import Image

from img2imu_kit.explore.canvas import Drawing, blank, panel, ticks


def test_a_png_holds_the_pixels_and_the_alt_text():
    drawn = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    image = Image.open(io.BytesIO(Drawing(drawn, alt="noise, 2 μs").png()))
    np.testing.assert_array_equal(np.asarray(image), drawn)
    assert image.text["Description"] == "noise, 2 μs"


@pytest.mark.parametrize("length", [2, 50, 99, 100, 101, 5000])
def test_a_trace_reaches_the_extremes_at_their_places(length):
    values = np.zeros(length)
    values[length // 2] = 1
    picture = blank(140, 100)
    inside = panel(picture, (20, 25, 100, 50), (0, 1), (-0.1, 1.1))
    inside.pixels[:] = 255
    inside.trace(values, "#000000")
    (top,), (column,) = inside.rows(1.0), inside.columns(length // 2 / (length - 1))
    dark = inside.pixels[:, :, 0] < 128
    assert dark[top].any()
    assert abs(np.flatnonzero(dark[top]).mean() - column) <= 1
    assert not dark[: top - 1].any()
    assert dark.any(axis=0).all()  # no hole in the line


def test_panels_place_values_and_hold_what_lies_outside():
    inside = panel(blank(140, 100), (20, 25, 101, 51), (0, 10), (0, 5))
    assert inside.columns(-3, 0, 5, 10, 99) == [0, 0, 50, 100, 100]
    assert inside.rows(-3, 0, 2.5, 5, 99) == [50, 50, 25, 0, 0]


def test_rows_of_one_ratio_are_placed_by_their_edges():
    edges = np.append(0, np.geomspace(0.25, 16, 7))  # slow movement, then six octaves
    picture = blank(140, 340)
    inside = panel(picture, (20, 25, 100, 281), (0, 1), edges, ylabel="Hz")
    assert inside.rows(0, 0.125, 0.25, 0.5, 8, 16, 99) == [280, 260, 240, 200, 40, 0, 0]
    marks = np.flatnonzero((picture[25:306, 17] == 38).all(axis=1))  # left of the frame
    np.testing.assert_array_equal(marks, inside.rows(10, 5, 3, 1, 0.5, 0.3, 0))


def test_ticks_are_few_round_and_inside():
    for low, high in [(0, 1), (-0.37, 12.9), (1e-4, 3e-4), (5, 5), (-2e5, 9e5)]:
        values = ticks(low, high, 5)
        assert len(values) <= 6
        assert all(low - 1e-6 <= tick <= high + 1e-6 for tick in values)
