"""The spectrogram explorer as a user meets it: every control, by mouse and by keyboard."""

import json

import numpy as np
import pytest
from driver import READY

CODE = """
import os
os.environ["IMG2IMU_CACHE"] = "nothing here"
from img2imu_kit.explore import SpectrogramExplorer
explorer = SpectrogramExplorer("synthetic", seconds=4)
explorer
"""


@pytest.fixture
def phone_csv(tmp_path):
    """A phone's own layout: semicolons, decimal commas, ms stamps, columns that are not motion."""
    rng = np.random.default_rng(0)
    lines = ["time;ax;ay;az;battery;note"]
    for i in range(600):
        values = ";".join(f"{v:.3f}".replace(".", ",") for v in rng.normal((0, 0, 9.8)))
        lines.append(f"{i * 20};{values};87;ok")
    path = tmp_path / "phone.csv"
    path.write_text("\n".join(lines))
    return path


def test_every_control(shown, phone_csv):
    shown.show(CODE)
    page = shown.page
    first = shown.pixels()
    assert "window from 0 s of 4 s" in page.locator(".ik-screen img").get_attribute("alt")
    assert "frame 1.28 s, bin 0.781 Hz" in shown.status()
    shown.screenshot("spectrogram_first")
    shown.fold()

    shown.changes(lambda: page.locator(".ik-screen img").click(position={"x": 400, "y": 40}))
    for box in ("without gravity", "centred frames"):
        shown.changes(shown.click, box)
        shown.changes(shown.press, box, "Space")
    for label, option in {
        "recording": "s02",
        "taper": "blackman",
        "detrend": "constant",
        "range": "per-axis",
        "scale": "magnitude",
        "colours": "gyro",
        "size": "64 x 64",
        "resize": "nearest",
        "preset": "img2imu-app",
        "transform": "log frequency",
    }.items():
        shown.changes(shown.pick, label, option)
        shown.changes(shown.step, label)
    shown.pick("colours", "three axes")  # the accelerometer's, as before
    for colour in ("red", "green", "blue"):
        shown.changes(shown.pick, colour, "gyro_x")
        shown.changes(shown.step, colour)
    code = page.locator(".ik-screen pre").inner_text()
    assert 'channels=("gyro_y", "gyro_y", "gyro_y")' in code
    shown.copies_and_saves()

    assert shown.changes(shown.click, "Reset") != first  # the recording stays
    shown.changes(shown.pick, "recording", "s01")
    for label, by in {
        "start (s)": 40,
        "length (s)": 8,
        "n_fft": 10,
        "hop": 10,
        "overlap (%)": -10,
    }.items():
        shown.slide(label, by)
    for label, times in {"limits (dB)": 1, "band (Hz)": 30}.items():
        for index, (by, key) in enumerate(((10, "ArrowRight"), (-10, "ArrowLeft"))):
            shown.changes(shown.drag, label, by, index)
            shown.changes(shown.press, label, key, index, times)
    for act, arguments in ((shown.click, ()), (shown.press, ("Enter",))):
        shown.becomes(first, act, "Reset", *arguments)
        shown.changes(shown.press, "n_fft")
    _sources(shown, phone_csv)
    _read_out(shown)
    _files(shown)
    driven = shown.controls() | {"Forget A"}  # as "Keep as A" is called once there is an A
    assert shown.driven["mouse"] == shown.driven["key"] == driven


def _sources(shown, phone_csv):
    """A path, a data set, a file."""
    page = shown.page
    page.get_by_label("file, folder").click()
    shown.driven["mouse"].add("file, folder")
    page.keyboard.type(str(phone_csv))
    shown.changes(shown.press, "file, folder", "Enter")
    assert f"ik.read('{phone_csv}')[0]" in page.locator(".ik-screen pre").inner_text()
    shown.changes(shown.pick, "source", "synthetic")
    shown.changes(shown.press, "source", "ArrowUp")  # "own recordings"
    again = phone_csv.rename(phone_csv.with_name("again.csv"))  # given twice
    for act in (shown.click, lambda name: shown.press(name, "Enter")):
        shown.changes(shown.pick, "source", "synthetic")
        shown.changes(shown.upload, act, "Upload a file", again)
        assert "ik.read('again.csv')[0]" in page.locator(".ik-screen pre").inner_text()
    shown.changes(shown.pick, "source", "synthetic")


def _read_out(shown):
    """Two settings beside each other, scored and heard; what lies under the pointer."""
    page = shown.page
    alone = shown.changes(shown.click, "Reset")
    pinned = shown.changes(shown.click, "Keep as A")
    shown.becomes(alone, shown.press, "Forget A", "Space")
    shown.becomes(pinned, shown.press, "Keep as A", "Space")
    shown.becomes(alone, shown.click, "Forget A")
    shown.becomes(pinned, shown.click, "Keep as A")
    shown.changes(shown.pick, "preset", "motion")
    assert "transform stft → cwt" in shown.status()
    scored = shown.changes(shown.click, "Score")
    assert "A scores 0." in shown.status()
    shown.screenshot("spectrogram_compared")
    shown.changes(shown.pick, "read by", "img2imu:walk-sensor")  # not scored by that one
    shown.becomes(scored, shown.step, "read by")
    shown.changes(shown.press, "labels a class")
    shown.changes(shown.press, "Score", "Enter")
    shown.changes(shown.drag, "labels a class", 20)
    audio = page.locator("audio:not([hidden])")
    for act, arguments in ((shown.click, ()), (shown.press, ("Enter",))):
        act("Hear the window", *arguments)
        audio.wait_for()
        seconds = "(audio) => audio.readyState && Math.round(audio.duration)"
        page.wait_for_function(f"({seconds})(document.querySelector('audio')) === 4")
        shown.changes(shown.press, "start (s)")
        audio.wait_for(state="detached")
    shown.changes(shown.click, "Forget A")
    picture = page.locator(".ik-screen img")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 280)
    page.locator(".ik-pointed", has_text="Hz: acc_x").wait_for()
    assert " dB" in page.locator(".ik-pointed").inner_text()


def _files(shown):
    """Settings from a file, good and bad, and pictures into one."""
    page = shown.page
    for act, cycles in ((shown.click, 5), (lambda name: shown.press(name, "Enter"), 7)):
        text = json.dumps({"preset": "motion", "changes": {"cycles": cycles}}).encode()
        file = {"name": f"{cycles}.json", "mimeType": "application/json", "buffer": text}
        shown.changes(shown.upload, act, "Load settings", file)
        assert f"cycles={cycles}" in page.locator(".ik-screen pre").inner_text()
    bad = file | {"name": "bad.json", "buffer": b'{"preset": "best"}'}
    assert "bad.json: no preset 'best'" in shown.fails(
        shown.upload, shown.click, "Load settings", bad
    )
    shown.changes(shown.click, "Reset")
    shown.click("to file")
    page.keyboard.press("Control+A")
    page.keyboard.type("mine.npz")
    shown.press("to file", "Tab")
    shown.click("Save all pictures")
    page.get_by_text("pictures of 4 s are in").wait_for(timeout=20_000)
    assert "mine.npz is there already" in shown.fails(
        shown.press, "Save all pictures", "Enter"
    ).replace(": ", " ")
    shown.changes(shown.press, "n_fft")


def test_bands_on_a_logarithmic_axis(shown):
    """Only what concerns the transform is there, and each control of it changes the picture."""
    shown.show(CODE)
    shown.fold()
    page = shown.page
    shown.changes(shown.pick, "transform", "log frequency")
    assert "24 bands from 0.3 to 23.8 Hz" in shown.status()
    assert not page.get_by_label("n_fft", exact=True).is_visible()
    shown.changes(shown.pick, "preset", "motion")
    bands = {"bands", "cycles", "slow rows", "slow limit (±)"}
    assert bands <= shown.controls()
    for label in bands:
        shown.slide(label, 10)
    shown.screenshot("motion")
    shown.changes(shown.pick, "preset", "motion-signed")
    shown.slide("limit (±)", -10)
    shown.type("length (s)", "2")
    page.get_by_text("cannot be seen in this window").wait_for()
    shown.screenshot("motion_signed")
    shown.changes(shown.step, "transform")
    assert page.get_by_label("n_fft", exact=True).is_visible()
    assert "frame 1.28 s" in shown.status()


def test_contradictions_are_explained_in_place(shown):
    shown.show(CODE)
    shown.fold()
    shown.pick("colours", "three axes")
    assert shown.tabbed("signal") >= shown.controls(), "the Tab key reaches all"
    good = shown.pixels()
    said = shown.fails(shown.type, "hop", "200")
    assert "hop is 200, expected 1 to n_fft (64)" in said
    shown.screenshot("spectrogram_invalid")
    assert shown.pixels() == good  # the last good picture stays, faint
    shown.type("hop", "4")
    shown.page.locator(".ik-status:not(.ik-failed)").wait_for()
    shown.type("length (s)", "1")
    said = shown.fails(lambda: None)
    assert "shorter than the 64 that n_fft=64 needs" in said
    shown.page.get_by_label("file, folder").fill("nowhere.csv")
    shown.page.keyboard.press("Enter")
    shown.page.get_by_text("nowhere.csv: no such file or folder").wait_for()
    shown.pick("source", "swimming")
    shown.page.get_by_text("swimming is not in the cache").wait_for()


@pytest.mark.parametrize("size", [(1280, 800), (1440, 900), (1920, 1080)], ids="{0[0]}".format)
def test_controls_stand_beside_the_picture_and_letters_keep_their_size(shown, size):
    """At a laptop's size too, with the file browser open; and in a dark theme as in a light one."""
    page = shown.page
    page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
    if size[0] == 1280:
        shown.show("from img2imu_kit.explore import SpectrogramExplorer\nSpectrogramExplorer()")
    page.wait_for_function(READY)
    picture, column = (
        page.locator(name).first.bounding_box() for name in (".ik-screen img", ".ik-controls")
    )
    assert column["x"] + column["width"] <= picture["x"]
    assert abs(column["y"] - picture["y"]) < 10
    assert picture["x"] + picture["width"] <= size[0]
    assert picture["y"] + picture["height"] <= size[1] - 24, "all of it is in sight"
    natural = page.locator(".ik-screen img").evaluate("(image) => image.naturalWidth")
    assert natural == picture["width"], "drawn as wide as it is shown"
    for theme in ("Dark", "Light"):
        change = {"theme": f"JupyterLab {theme}"}
        page.evaluate(
            "(to) => window.jupyterapp.commands.execute('apputils:change-theme', to)", change
        )
        page.wait_for_timeout(500)
        shown.screenshot(f"spectrogram_{size[0]}_{theme.lower()}")
    page.set_viewport_size({"width": 1280, "height": 800})
