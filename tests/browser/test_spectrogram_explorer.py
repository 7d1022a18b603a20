"""The spectrogram explorer as a user meets it: every control, by mouse and by keyboard."""

import numpy as np
import pytest

CODE = """
import os
os.environ["IMG2IMU_CACHE"] = "nothing here"
from img2imu_kit.explore import SpectrogramExplorer
explorer = SpectrogramExplorer(seconds=10)
explorer
"""

#: Controls of bands, hidden while frames are chosen, and the choice itself: a test of their own.
BANDS = {"transform", "bands", "cycles", "slow rows", "limit (±)", "slow limit (±)"}


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
    assert "window from 0 s of 10 s" in page.locator(".ik-screen img").get_attribute("alt")
    assert "frame 1.28 s, bin 0.781 Hz" in shown.status()
    shown.screenshot("spectrogram_first")

    shown.changes(lambda: page.locator(".ik-screen img").click(position={"x": 500, "y": 40}))
    shown.changes(shown.click, "centred frames")
    shown.changes(shown.press, "centred frames", "Space")
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
    }.items():
        shown.changes(shown.pick, label, option)
        shown.changes(shown.step, label)
    shown.pick("colours", "three axes")  # the accelerometer's, as before
    for colour in ("red", "green", "blue"):
        shown.changes(shown.pick, colour, "gyro_x")
        shown.changes(shown.step, colour)
    shown.screenshot("spectrogram_changed")

    code = page.locator(".ik-screen pre").inner_text()
    assert 'channels=("gyro_y", "gyro_y", "gyro_y")' in code
    shown.copies_and_saves()

    assert shown.changes(shown.click, "Reset") != first  # the recording stays
    shown.changes(shown.pick, "recording", "s01")
    for label, by in {
        "start (s)": 40,
        "length (s)": -8,
        "n_fft": 10,
        "hop": 10,
        "overlap (%)": -10,
    }.items():
        shown.changes(shown.drag, label, by)
        shown.changes(shown.press, label, "ArrowLeft")
    for label, times in {"limits (dB)": 1, "band (Hz)": 30}.items():
        for index, (by, key) in enumerate(((10, "ArrowRight"), (-10, "ArrowLeft"))):
            shown.changes(shown.drag, label, by, index)
            shown.changes(shown.press, label, key, index, times)
    for act, arguments in ((shown.click, ()), (shown.press, ("Enter",))):
        shown.becomes(first, act, "Reset", *arguments)
        shown.changes(shown.press, "n_fft")

    page.get_by_label("file, folder").click()
    shown.driven["mouse"].add("file, folder")
    page.keyboard.type(str(phone_csv))
    shown.changes(shown.press, "file, folder", "Enter")
    assert f"ik.read('{phone_csv}')[0]" in page.locator(".ik-screen pre").inner_text()
    shown.changes(shown.pick, "source", "synthetic")
    shown.changes(shown.press, "source", "ArrowUp")  # "own recordings"
    shown.changes(shown.pick, "source", "synthetic")
    shown.changes(lambda: shown.upload(shown.click, "Upload a file", phone_csv))
    assert "ik.read('phone.csv')[0]" in page.locator(".ik-screen pre").inner_text()
    shown.changes(shown.pick, "source", "synthetic")
    again = phone_csv.rename(phone_csv.with_name("again.csv"))
    shown.changes(
        lambda: shown.upload(lambda name: shown.press(name, "Enter"), "Upload a file", again)
    )

    assert shown.driven["mouse"] == shown.driven["key"] == shown.controls() - BANDS


def test_bands_on_a_logarithmic_axis(shown):
    """Only what concerns the transform is there, and each control of it changes the picture."""
    shown.show(CODE)
    page = shown.page
    page.set_viewport_size({"width": 1280, "height": 800})
    shown.changes(shown.pick, "transform", "log frequency")
    assert "24 bands from 0.3 to 23.8 Hz" in shown.status()
    assert not page.get_by_label("n_fft", exact=True).is_visible()
    shown.changes(shown.pick, "preset", "motion")
    for label in ("bands", "cycles", "slow rows", "slow limit (±)"):
        shown.changes(shown.drag, label, 10)
        shown.changes(shown.press, label, "ArrowLeft")
    shown.screenshot("motion")
    shown.changes(shown.pick, "preset", "motion-signed")
    shown.changes(shown.drag, "limit (±)", -10)
    shown.changes(shown.press, "limit (±)", "ArrowLeft")
    shown.type("length (s)", "2")
    page.get_by_text("cannot be seen in this window").wait_for()
    shown.screenshot("motion_signed")
    shown.changes(shown.step, "transform")
    assert page.get_by_label("n_fft", exact=True).is_visible()
    assert "frame 1.28 s" in shown.status()
    page.set_viewport_size({"width": 1500, "height": 1250})


def test_tab_reaches_every_control(shown):
    shown.show(CODE)
    shown.pick("colours", "three axes")
    assert shown.tabbed("source") >= shown.controls() - BANDS


def test_contradictions_are_explained_in_place(shown):
    shown.show(CODE)
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
