"""The page of a map: all of it in one file, true to its windows, and text stays text."""

import base64
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import img2imu_kit as ik
from img2imu_kit.errors import SignalError
from img2imu_kit.plots import write_map
from img2imu_kit.plots.maps import _lines

EVIL = ("<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>", "{{data}} & 'x\"y")


@pytest.fixture(scope="module")
def windows():
    """Twelve windows of 4 s whose labels and names are markup."""
    people = ik.load_dataset("synthetic", subjects=2, seconds=4)
    cut = ik.sliding_windows(people, seconds=4).select("acc")
    names = np.array([*EVIL, "walk"] * 3, dtype=object)
    return replace(cut, label=names, recording=names[::-1].copy())


@pytest.fixture(scope="module")
def page(windows, tmp_path_factory):
    xy = np.random.default_rng(0).normal(size=(len(windows), 2)) * [3, 1]
    path = tmp_path_factory.mktemp("page") / "new folder" / "map.html"
    return write_map(path, xy, windows, title=EVIL[1]).read_text(encoding="utf-8"), xy


def content(page):
    """The data of a page, as its script reads them."""
    [data] = re.findall(r'<script id="data" type="application/json">(.*?)</script>', page, re.S)
    return json.loads(data)


def test_a_page_asks_for_nothing_outside_itself(page):
    text, _ = page
    assert re.findall(r"(?:https?:)?//[\w.]+\.\w+", text) == []
    assert re.findall(r"<(?:link|script|img|iframe)[^>]*(?:src|href)=\"(?!data:)", text) == []
    assert "default-src 'none'" in text, "and the browser would refuse it"


def test_no_name_becomes_markup(page):
    text, _ = page
    assert text.count("<script") == 2, "the data and the code"
    assert text.count("</script>") == 2
    assert "<img src=x" not in text
    assert "<title>&lt;/script&gt;" in text


def test_names_arrive_as_they_are(page, windows):
    data = content(page[0])
    assert data["recording"] == windows.recording.tolist()
    label = data["groups"]["label"]
    assert [label["values"][code] for code in label["of"]] == windows.label.tolist()
    assert sorted(data["groups"]) == ["label", "recording", "subject"]


def test_points_keep_their_distances(page):
    text, xy = page
    shown = np.array(content(text)["xy"])
    scale = np.ptp(xy, axis=0).max()
    np.testing.assert_allclose(np.ptp(shown, axis=0), np.ptp(xy, axis=0) / scale, atol=2e-4)
    np.testing.assert_allclose(shown - shown[0], (xy - xy[0]) / scale, atol=2e-4)


def test_signals_arrive_to_a_255th_of_their_range(page, windows):
    data = content(page[0])
    lines = np.frombuffer(base64.b64decode(data["lines"]), np.uint8).reshape(12, 3, -1)
    low, high = (np.array(data[name])[:, None, None] for name in ("low", "high"))
    step = (high - low) / 255
    assert (abs(low + step * lines - windows.signal) < step / 2 + 1e-3).all()


def test_pictures_are_those_of_the_network(page, windows):
    images = ik.to_image(windows, params="motion").astype(float)
    for text, image in zip(content(page[0])["pictures"], images, strict=True):
        shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB"))
        assert np.abs(shown.transpose(2, 0, 1) - image).mean() < 6, "WebP of quality 80"


def test_a_short_jolt_is_in_a_long_line():
    signal = np.zeros((1, 1, 5000), np.float32)
    signal[0, 0, 1234] = 9
    lines, low, high = _lines(signal)
    assert lines.shape == (1, 1, 256)
    assert (lines.max(), low[0], high[0]) == (255, 0, 9)


def test_ticks_stand_where_frequencies_are(page):
    """Rows of a picture with bands have one ratio: 1 to 10 Hz is as far as 2 to 20."""
    ticks = {hz: place for place, hz in content(page[0])["ticks"]}
    assert ticks["10"] - ticks["1"] == pytest.approx(ticks["20"] - ticks["2"], abs=0.01)
    assert 0.2 < ticks["0.5"] < ticks["20"] <= 1


@pytest.mark.parametrize("xy", [np.zeros((11, 2)), np.zeros((12, 3)), np.full((12, 2), np.nan)])
def test_places_that_do_not_fit_are_refused(xy, windows, tmp_path):
    with pytest.raises(SignalError, match=r"expected \(12, 2\) finite numbers"):
        write_map(tmp_path / "map.html", xy, windows)
