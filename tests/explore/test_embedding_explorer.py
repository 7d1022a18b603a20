"""The explorer of features: neighbours, groups, and maps that share what is selected."""

import numpy as np
import pytest

import img2imu_kit as ik
from img2imu_kit.errors import ParameterError, SignalError
from img2imu_kit.explore import EmbeddingExplorer
from img2imu_kit.explore.embedding import EmbeddingState, neighbours, render

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


@pytest.fixture(scope="module")
def cut():
    recordings = ik.load_dataset("synthetic", subjects=3, seconds=16)
    return ik.sliding_windows(recordings, 4, overlap=0.5)


@pytest.fixture(scope="module")
def features(cut):
    return {"before": cut.signal.mean(axis=2), "after": ik.handcrafted_features(cut)}


def test_neighbours_are_the_nearest(features):
    rows = features["after"]
    near = neighbours(rows, 7, 5)
    distances = np.linalg.norm(rows - rows[7], axis=1)
    assert 7 not in near
    np.testing.assert_allclose(distances[near], np.sort(distances)[1:6])


def test_a_group_is_counted(cut, features):
    selected = np.flatnonzero(np.isin(cut.label, ["walk", "run"]))[:-1]
    drawing = render(EmbeddingState(cut, features, 4, selected))
    counts = {name: int((cut.label[selected] == name).sum()) for name in ("walk", "run")}
    for name, count in counts.items():
        assert f"{count} {name}" in drawing.note
    assert f"{len(selected)} selected" in drawing.note
    with pytest.raises(ParameterError, match="point 9999"):
        render(EmbeddingState(cut, features, 9999))


def test_maps_are_linked_and_coloured(cut, features, pixels_of):
    predicted = np.where(cut.label == "walk", "walk", "other")
    explorer = EmbeddingExplorer(features, cut, colours={"prediction": predicted}, layout="PCA")
    before, after = (scatter.widget for scatter in explorer.maps.values())
    first = pixels_of(explorer)
    before.selection = np.array([3, 5, 8])
    np.testing.assert_array_equal(after.selection, [3, 5, 8])
    np.testing.assert_array_equal(explorer.state.selected, [3, 5, 8])
    assert (pixels_of(explorer) != first).any()
    after.selection = np.array([9])  # a click
    assert explorer.state.point == explorer.controls["point"].value == 9
    before.hovering = 11
    assert explorer.state.point == 11
    before.hovering = None  # the pointer left
    assert explorer.state.point == 11
    explorer.controls["group"].value = "walk"
    np.testing.assert_array_equal(before.selection, np.flatnonzero(cut.label == "walk"))
    explorer.controls["group"].value = ""
    assert len(explorer.state.selected) == 0
    for way in ("prediction", "subject", "recording", "class"):
        explorer.controls["colour"].value = way
    pixels_of(explorer)


def test_another_layout_moves_the_points_and_is_judged(cut, features):
    explorer = EmbeddingExplorer(features["after"], cut, layout="PCA")
    (scatter,) = explorer.maps.values()
    (quality,) = explorer.quality.values()
    pca = scatter.widget.points.copy()
    explorer.controls["layout"].value = "t-SNE"
    assert (scatter.widget.points != pca).any()
    (tsne,) = explorer.quality.values()
    assert tsne["trustworthiness"] > quality["trustworthiness"]


def test_features_and_windows_must_agree(cut, features):
    with pytest.raises(SignalError, match="rows, but there are"):
        EmbeddingExplorer(features["after"][:-1], cut)
    with pytest.raises(SignalError, match="prediction"):
        EmbeddingExplorer(features, cut, colours={"prediction": ["a"]})
