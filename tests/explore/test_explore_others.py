"""The explorers of augmentations, embeddings and attention, without a browser."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import img2imu_kit as ik
from img2imu_kit.errors import FormatError, Img2ImuError, ParameterError, SignalError
from img2imu_kit.explore import augmentation_view, embedding_view, gradcam_view
from img2imu_kit.explore.augmentation import AugmentationExplorer, read_photo
from img2imu_kit.explore.augmentation_view import AUGMENTATIONS, AugmentationState
from img2imu_kit.explore.embedding import EmbeddingExplorer
from img2imu_kit.explore.embedding_view import EmbeddingState
from img2imu_kit.explore.gradcam import GradCamExplorer

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


@pytest.fixture(scope="module")
def cut():
    return ik.sliding_windows(ik.load_dataset("synthetic", subjects=3, seconds=16), 4, overlap=0.5)


@pytest.fixture(scope="module")
def features(cut):
    return {"before": cut.signal.mean(axis=2), "after": ik.handcrafted_features(cut)}


@pytest.fixture(scope="module")
def state():
    recording = ik.load_dataset("synthetic", subjects=1, seconds=20, classes=["walk"])[0]
    return AugmentationState(read_photo(), recording, start_s=2, seed=1)


def shown(explorer):
    explorer.wait()
    assert not explorer.screen.failed, explorer.screen.status
    return np.asarray(Image.open(io.BytesIO(explorer.screen.png)))


# augmentations


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_augmentation_of_every_strength_can_be_seen(state, name):
    drawn = {
        strength: augmentation_view.render(replace(state, augmentation=name, strength=strength))
        for strength in (0.0, 1.0, 2.0)
    }
    assert drawn[1.0].note.startswith(name)
    assert "nan" not in drawn[1.0].note
    again = augmentation_view.render(replace(state, augmentation=name))
    np.testing.assert_array_equal(drawn[1.0].pixels, again.pixels)  # nothing is random but the seed
    other = augmentation_view.render(replace(state, augmentation=name, seed=2))
    assert (drawn[1.0].pixels != other.pixels).any()  # the views at least


def test_the_pair_suffers_the_same_change(state):
    """A shift of the picture is compared with the same shift of the signal."""
    note = augmentation_view.render(replace(state, augmentation="translate-x", seed=3)).note
    explained = float(note.split(", ")[-1].split(" %")[0])
    assert explained > 40
    assert float(note.split("similarity ")[1].split(",")[0]) > 0.5


def test_likeness_is_perfect_for_equal_pictures_and_none_for_doing_nothing():
    rng = torch.Generator().manual_seed(0)
    image, depicted, mean = (torch.rand((1, 3, 8, 8), generator=rng) for _ in range(3))
    assert augmentation_view.likeness(image, depicted, depicted, mean) == pytest.approx((1, 1))
    assert augmentation_view.likeness(image, image, depicted, mean)[1] == pytest.approx(0)
    assert np.isnan(augmentation_view.likeness(image, image, image, mean)[1])


def test_code_of_an_augmentation_runs(state, cut):
    names = {"windows": cut}
    exec(augmentation_view.code(state), names)
    assert names["changed"].shape == names["images"].shape
    assert (names["changed"] != names["images"]).any()
    with pytest.raises(ParameterError, match="no augmentation 'zoom'"):
        augmentation_view.render(replace(state, augmentation="zoom"))


def test_the_augmentation_explorer_follows_its_controls():
    explorer = AugmentationExplorer(seconds=5)
    before = shown(explorer)
    explorer.augmentation.value = "hue"
    explorer.strength.value = 2
    after = shown(explorer)
    assert (before != after).any()
    assert explorer.screen.status.startswith("hue")
    explorer.length.value = 20
    explorer.start.value = explorer.start.max
    shown(explorer)


def test_photos_of_any_kind(tmp_path):
    grey = Image.new("L", (700, 30), 128)
    grey.save(tmp_path / "grey.png")
    assert read_photo(tmp_path / "grey.png").shape == (22, 512, 3)
    assert read_photo(np.zeros((9, 9, 3), np.uint8)).shape == (9, 9, 3)
    (tmp_path / "text.png").write_text("text")
    for bad in (tmp_path / "text.png", tmp_path / "none.png", np.zeros((9, 9, 5), np.uint8)):
        with pytest.raises(FormatError, match="not a picture"):
            read_photo(bad)


# embeddings


def test_neighbours_are_the_nearest(features):
    each = features["after"]
    near = embedding_view.neighbours(each, 7, 5)
    distances = np.linalg.norm(each - each[7], axis=1)
    assert 7 not in near
    np.testing.assert_allclose(distances[near], np.sort(distances)[1:6])


def test_a_group_is_counted(cut, features):
    selected = np.flatnonzero(np.isin(cut.label, ["walk", "run"]))[:-1]
    drawing = embedding_view.render(EmbeddingState(cut, features, 4, selected))
    counts = {name: int((cut.label[selected] == name).sum()) for name in ("walk", "run")}
    for name, count in counts.items():
        assert f"{count} {name}" in drawing.note
    assert f"{len(selected)} selected" in drawing.note
    with pytest.raises(ParameterError, match="point 9999"):
        embedding_view.render(EmbeddingState(cut, features, 9999))


def test_maps_are_linked_and_coloured(cut, features):
    guessed = np.where(cut.label == "walk", "walk", "other")
    explorer = EmbeddingExplorer(features, cut, colours={"prediction": guessed}, layout="PCA")
    before, after = (each.widget for each in explorer.maps.values())
    first = shown(explorer)
    before.selection = np.array([3, 5, 8])
    np.testing.assert_array_equal(after.selection, [3, 5, 8])
    np.testing.assert_array_equal(explorer.state.selected, [3, 5, 8])
    assert (shown(explorer) != first).any()
    after.selection = np.array([9])  # a click
    assert explorer.state.point == explorer.point.value == 9
    before.hovering = 11
    assert explorer.state.point == 11
    before.hovering = None  # the pointer left
    assert explorer.state.point == 11
    explorer.group.value = "walk"
    np.testing.assert_array_equal(before.selection, np.flatnonzero(cut.label == "walk"))
    explorer.group.value = ""
    assert len(explorer.state.selected) == 0
    for way in ("prediction", "subject", "recording", "class"):
        explorer.colour.value = way
    shown(explorer)


def test_another_layout_moves_the_points_and_is_judged(cut, features):
    explorer = EmbeddingExplorer(features["after"], cut, layout="PCA")
    (each,) = explorer.maps.values()
    (quality,) = explorer.quality.values()
    pca = each.widget.points.copy()
    explorer.layout_by.value = "t-SNE"
    assert (each.widget.points != pca).any()
    (tsne,) = explorer.quality.values()
    assert tsne["trustworthiness"] > quality["trustworthiness"]


def test_features_and_windows_must_agree(cut, features):
    with pytest.raises(SignalError, match="rows, but there are"):
        EmbeddingExplorer(features["after"][:-1], cut)
    with pytest.raises(SignalError, match="prediction"):
        EmbeddingExplorer(features, cut, colours={"prediction": ["a"]})


# attention


def test_the_attention_explorer_follows_its_controls(cut):
    network = ik.load_backbone("mobilenetv3_small_050")
    explorer = GradCamExplorer(network, cut, layer=2, pool="grid")
    seen = [shown(explorer)]
    for name, value in {
        "point": 20,
        "target": "run",
        "at": 0,
        "method": "grad-cam",
        "strength": 0.2,
    }.items():
        explorer.controls[name].value = value
        seen.append(shown(explorer))
        assert (seen[-1] != seen[-2]).any(), name
        assert getattr(explorer.state, name) == value
    assert "asked about run: looks at" in explorer.screen.status
    with pytest.raises(Img2ImuError):
        gradcam_view.render(replace(explorer.state, target="swim"))
