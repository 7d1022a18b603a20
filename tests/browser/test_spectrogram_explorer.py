"""The spectrogram explorer as a user meets it: every control, by mouse and by keyboard."""

import numpy as np
import pytest

CODE = """
from img2imu_kit.explore import SpectrogramExplorer
explorer = SpectrogramExplorer(seconds=10)
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


def test_every_control_and_the_clipboard(shown, phone_csv):
    shown.show(CODE)
    page = shown.page
    first = shown.pixels()
    assert "window from 0 s of 10 s" in page.locator(".ik-screen img").get_attribute("alt")
    assert "frame 1.28 s, bin 0.781 Hz" in shown.status()
    shown.screenshot("spectrogram_first")

    for label in ("start (s)", "length (s)", "n_fft", "hop", "overlap (%)"):
        keys = {"overlap (%)": "ArrowLeft"}.get(label, "ArrowRight")
        times = {"overlap (%)": 5, "n_fft": 2}.get(label, 1)
        shown.changes(lambda k=keys, n=times, name=label: shown.press(name, k, times=n))
    shown.changes(lambda: shown.press("limits (dB)", "ArrowRight", times=8))
    shown.changes(lambda: shown.press("band (Hz)", "ArrowRight", times=30))
    shown.changes(lambda: shown.press("band (Hz)", "ArrowLeft", index=1, times=30))
    shown.changes(lambda: shown.drag("start (s)", 40))
    shown.changes(lambda: shown.drag("n_fft", 10))
    shown.changes(lambda: page.locator(".ik-screen img").click(position={"x": 500, "y": 40}))
    for label, option in {
        "recording": "s02",
        "taper": "blackman",
        "detrend": "constant",
        "scale": "magnitude",
        "range": "per-axis",
        "colours": "gyro",
        "size": "64 x 64",
        "resize": "nearest",
        "preset": "img2imu-app",
    }.items():
        shown.changes(lambda name=label, word=option: shown.choose(name, word))
    shown.choose("colours", "three axes")  # the accelerometer's, as before
    shown.changes(lambda: shown.choose("red", "gyro_x"))
    shown.changes(lambda: page.get_by_label("centred frames").click())
    shown.screenshot("spectrogram_changed")

    code = page.locator(".ik-screen pre").inner_text()
    assert 'params="img2imu-app", center=True, channels=("gyro_x", "acc_y", "acc_z")' in code
    page.get_by_role("button", name="Copy as code").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == code
    with page.expect_download() as download:
        page.get_by_text("Save picture").click()
    assert download.value.suggested_filename == "spectrogram.png"

    shown.choose("recording", "s01")
    page.get_by_role("button", name="Reset").click()
    page.wait_for_timeout(1500)
    assert shown.pixels() == first

    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload a file").click()
    shown.changes(lambda: chooser.value.set_files(phone_csv))
    code = page.locator(".ik-screen pre").inner_text()
    assert 'ik.read("phone.csv")[0]' in code.replace("'", '"')


def test_contradictions_are_explained_in_place(shown):
    shown.show(CODE)
    good = shown.pixels()
    said = shown.fails(lambda: shown.type("hop", "200"))
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
