"""The explorer of augmentations: photo, picture and sensor suffer the same change."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import img2imu_kit as ik
from img2imu_kit.errors import FormatError, ParameterError
from img2imu_kit.explore import AUGMENTATIONS, AugmentationExplorer
from img2imu_kit.explore.augmentation import AugmentationState, code, read_photo, render

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


@pytest.fixture(scope="module")
def state():
    recording = ik.load_dataset("synthetic", subjects=1, seconds=20, classes=["walk"])[0]
    return AugmentationState(read_photo(), recording, start_s=2, seed=1)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_augmentation_of_every_strength_can_be_seen(state, name):
    drawn = {
        strength: render(replace(state, augmentation=name, strength=strength))
        for strength in (0.0, 1.0, 2.0)
    }
    assert drawn[1.0].note.startswith(name)
    assert "nan" not in drawn[1.0].note
    again = render(replace(state, augmentation=name))
    np.testing.assert_array_equal(drawn[1.0].pixels, again.pixels)  # nothing is random but the seed
    other = render(replace(state, augmentation=name, seed=2))
    assert (drawn[1.0].pixels != other.pixels).any()  # the views at least


@pytest.mark.parametrize("preset", ["motion", "motion-signed"])
@pytest.mark.parametrize("name", ["tempo", "hue", "invert", "noise", "sensor-aware set"])
def test_pictures_of_bands_are_changed_by_the_set_of_their_kind(state, name, preset):
    banded = render(replace(state, augmentation=name, preset=preset, views=name))
    linear = render(replace(state, augmentation=name, views=name))
    assert banded.note.startswith(name)
    assert banded.note != linear.note
    names = {"windows": ik.sliding_windows([state.recording], 4)}
    exec(code(replace(state, augmentation=name, preset=preset)), names)
    assert names["kind"] == ik.augment.kind_of(preset)
    assert (names["changed"] != names["images"]).any()


def test_the_pair_suffers_the_same_change(state):
    """A shift of the picture is compared with the same shift of the signal."""
    note = render(replace(state, augmentation="translate-x", seed=3)).note
    explained = float(note.split(", ")[-1].split(" %")[0])
    assert explained > 40
    assert float(note.split("similarity ")[1].split(",")[0]) > 0.5


def test_code_of_an_augmentation_runs(state):
    names = {"windows": ik.sliding_windows([state.recording], 4)}
    exec(code(state), names)
    assert names["changed"].shape == names["images"].shape
    assert (names["changed"] != names["images"]).any()
    with pytest.raises(ParameterError, match="no augmentation 'zoom'"):
        render(replace(state, augmentation="zoom"))


def test_the_augmentation_explorer_follows_its_controls(pixels_of):
    explorer = AugmentationExplorer(seconds=5)
    before = pixels_of(explorer)
    explorer.controls["augmentation"].value = "hue"
    explorer.controls["strength"].value = 2
    after = pixels_of(explorer)
    assert (before != after).any()
    assert explorer.screen.status.startswith("hue")
    explorer.window.length.value = 20
    explorer.window.start.value = explorer.window.start.max
    pixels_of(explorer)


def test_photos_of_any_kind(tmp_path):
    grey = Image.new("L", (700, 30), 128)
    grey.save(tmp_path / "grey.png")
    assert read_photo(tmp_path / "grey.png").shape == (22, 512, 3)
    assert read_photo(np.zeros((9, 9, 3), np.uint8)).shape == (9, 9, 3)
    (tmp_path / "text.png").write_text("text")
    for bad in (tmp_path / "text.png", tmp_path / "none.png", np.zeros((9, 9, 5), np.uint8)):
        with pytest.raises(FormatError, match="not a picture"):
            read_photo(bad)


@pytest.mark.parametrize("width", [480, 700, 1080, 1500])
@pytest.mark.parametrize("preset", ["default", "motion-signed"])
def test_pictures_fit_into_any_width(state, width, preset):
    drawn = render(replace(state, preset=preset), width)
    assert drawn.pixels.shape[1] == width
    assert drawn.pixels.shape[0] < 760


def test_a_window_alone_is_like_itself():
    """Windows are recordings of one window each, whose mean picture is no other than theirs."""
    people = ik.load_dataset("synthetic", subjects=1, seconds=8)
    explorer = AugmentationExplorer(ik.sliding_windows(people, 4))
    explorer.controls["strength"].value = 0
    explorer.wait()
    assert "similarity 1.00" in explorer.screen.status
