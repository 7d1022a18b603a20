"""An explorer without a kernel: a page that holds all it shows."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

import img2imu_kit as ik
from img2imu_kit.errors import ParameterError
from img2imu_kit.explore import SpectrogramExplorer

EVIL = "</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def evil():
    """An explorer of a recording whose names would like to be markup."""
    (walk,) = ik.load_dataset("synthetic", subjects=1, seconds=12, classes=["walk"])
    signal = walk.signal
    return SpectrogramExplorer(
        ik.Recording(signal, walk.rate, walk.axes, walk.unit, name=EVIL, labels=EVIL), seconds=5
    )


def content_of(page):
    text = page.read_text("utf-8")
    return json.loads(re.search(r'type="application/json">(.*?)</script>', text, re.DOTALL)[1])


def test_a_page_holds_the_picture_of_every_combination(evil, tmp_path):
    over = {"n_fft": [32, 64], "start_s": [0.0, 2.0, 4.0]}
    content = content_of(evil.export(tmp_path / "page.html", over=over))
    assert content["over"] == {"n_fft": ["32", "64"], "start_s": ["0.0", "2.0", "4.0"]}
    assert len(content["stills"]) == 6
    shown = content["stills"][1 * 3 + 2]  # n_fft 64 from 4 s
    evil.window.start.value = 4.0
    evil.wait()
    picture = base64.b64decode(shown["picture"].split(",")[1])
    pixels, kept = (
        np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
        for file in (picture, evil.screen.png)
    )
    np.testing.assert_array_equal(pixels, kept)
    assert "window = recording.cut(200, 450)" in shown["code"]


def test_a_page_makes_no_request_and_no_text_becomes_markup(evil, tmp_path):
    text = evil.export(tmp_path / "page.html").read_text("utf-8")
    assert "<img src=x" not in text
    assert not re.search(r"https?://|['\"(]//|url\(|<link[^>]+href=.(?!data:)", text)


def test_a_contradiction_on_a_page_is_said_there_and_an_unknown_setting_at_once(evil, tmp_path):
    content = content_of(evil.export(tmp_path / "page.html", over={"hop": [4, 100]}))
    assert content["stills"][0]["picture"]
    assert not content["stills"][1]["picture"]
    assert "hop is 100" in content["stills"][1]["note"]
    with pytest.raises(ParameterError, match="no setting 'hopp'"):
        evil.export(tmp_path / "page.html", over={"hopp": [4]})
