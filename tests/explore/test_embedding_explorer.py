"""The explorer of features: neighbours, groups, and maps that share what is selected."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import img2imu_kit as ik
from img2imu_kit.errors import ParameterError, SignalError
from img2imu_kit.explore import EmbeddingExplorer
from img2imu_kit.explore.canvas import blank, panel
from img2imu_kit.explore.embedding import cross_predict
from img2imu_kit.explore.embedding_picture import EmbeddingState, neighbours, render
from img2imu_kit.explore.points import draw_points, kinds_of

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


def places_of(points):
    return np.frombuffer(points.xy, "<f4").reshape(-1, 2)


def test_maps_are_linked_and_coloured(cut, features, pixels_of):
    guessed = np.where(cut.label == "walk", "walk", "other")
    strength = cut.signal.std(axis=(1, 2))
    columns = {"guess": guessed, "strength": strength}
    explorer = EmbeddingExplorer(features, cut, colours=columns, layout="PCA")
    before, after = explorer.maps.values()
    first = pixels_of(explorer)
    before.selected = [3, 5, 8]
    assert after.selected == [3, 5, 8]
    np.testing.assert_array_equal(explorer.state.selected, [3, 5, 8])
    assert (pixels_of(explorer) != first).any()
    after.selected = [9]  # a click
    assert explorer.state.point == explorer.controls["point"].value == before.point == 9
    before.hovered = 11
    assert explorer.state.point == after.point == 11
    explorer.controls["group"].value = "walk"
    assert before.selected == np.flatnonzero(cut.label == "walk").tolist()
    explorer.controls["group"].value = ""
    assert len(explorer.state.selected) == 0
    seen = set()
    for way in explorer.controls["colour"].options:
        explorer.controls["colour"].value = way
        pixels_of(explorer)
        seen.add((before.kinds, str(before.legend), str(before.ends)))
    assert len(seen) == len(explorer.controls["colour"].options)
    explorer.controls["colour"].value = "strength"
    pixels_of(explorer)
    assert [float(end) for end in before.ends] == pytest.approx(
        [strength.min(), strength.max()], rel=0.01
    )


def test_another_layout_moves_the_points_and_is_judged(cut, features, pixels_of):
    explorer = EmbeddingExplorer(features["after"], cut, layout="PCA")
    (points,) = explorer.maps.values()
    (quality,) = explorer.quality.values()
    assert explorer.controls["perplexity"].disabled  # PCA has none
    seen = {points.xy}
    first = quality["trustworthiness"]
    for name, value in {"layout": "t-SNE", "perplexity": 5, "seed": 1}.items():
        explorer.controls[name].value = value
        pixels_of(explorer)
        seen.add(points.xy)
        if name == "layout":
            (tsne,) = explorer.quality.values()
            assert tsne["trustworthiness"] > first
    assert len(seen) == 4
    with pytest.raises(ParameterError, match="no layout 'tsne'"):
        EmbeddingExplorer(features["after"], cut, layout="tsne")


@pytest.mark.parametrize("labels", ["none", "one class", "half"])
def test_no_agreement_is_claimed_without_labels(cut, features, labels):
    label = {
        "none": np.full(len(cut), "", dtype=object),
        "one class": np.full(len(cut), "walk", dtype=object),
        "half": np.where(np.arange(len(cut)) % 2, cut.label, "").astype(object),
    }[labels]
    explorer = EmbeddingExplorer(features["after"], replace(cut, label=label), layout="PCA")
    (quality,), (points,) = explorer.quality.values(), explorer.maps.values()
    assert ("knn_xy" in quality) == ("agree" in points.title) == (labels == "half")
    assert ("prediction" in explorer.controls["colour"].options) == (labels == "half")
    explorer.score()
    explorer.wait()
    assert explorer.screen.failed == (labels != "half")


def test_relabelled_windows_are_scored_again(cut, features, pixels_of, tmp_path):
    explorer = EmbeddingExplorer(features["after"], cut, layout="PCA")
    explorer.controls["score"].click()
    pixels_of(explorer)
    first = explorer.state.score
    assert first.startswith("macro-F1 on other people, 5 labels a class: the network ")
    explorer.relabel("x")
    assert explorer.screen.failed  # nothing is selected
    chosen = np.flatnonzero(cut.label == "walk")[::2]  # so that neighbours agree less than before
    explorer.select(chosen)
    title = explorer.maps["the network"].title
    explorer.controls["label"].value = "moving"
    explorer.controls["relabel"].click()
    pixels_of(explorer)
    assert set(explorer.windows.label[chosen]) == {"moving"}
    assert "walk" in set(cut.label)  # the windows given stay as they are
    assert "moving" in explorer.controls["group"].options
    assert explorer.maps["the network"].title != title  # how often neighbours agree, now
    explorer.controls["score"].click()
    pixels_of(explorer)
    assert "; before " in explorer.state.score
    assert explorer.state.score.split(";")[0] != first
    explorer.controls["file"].value = str(tmp_path / "map.csv")
    explorer.controls["export"].click()
    explorer.wait()
    assert explorer.screen.status.endswith("map.csv")
    table = pd.read_csv(tmp_path / "map.csv", index_col="window")
    assert (table.label[chosen] == "moving").all()
    assert table.label_given.tolist() == cut.label.tolist()
    xy = places_of(explorer.maps["the network"])
    np.testing.assert_allclose(table[["x", "y"]], xy, rtol=1e-5)
    assert not table.new.any()


def test_predictions_are_of_other_people(cut, features):
    """A label that only one's own windows could tell is not predicted."""
    truth = cross_predict(features["after"], cut)
    assert (truth == cut.label).mean() > 0.6
    private = replace(cut, label=cut.subject.copy())  # of others nobody learns who this is
    assert not (cross_predict(features["after"], private) == cut.subject).any()


def test_new_recordings_fall_into_a_map_that_stands_still(cut, pixels_of):
    """Of a person like the others few are far; of white noise, all."""
    people = ik.load_dataset("synthetic", subjects=6, seconds=16)
    everyone = ik.sliding_windows(people, 4, overlap=0.5)
    one = everyone.subject == everyone.subject[-1]
    read = ik.handcrafted_features
    for layout in ("PCA", "t-SNE"):
        explorer = EmbeddingExplorer(read(everyone[~one]), everyone[~one], layout=layout)
        (points,) = explorer.maps.values()
        before = places_of(points).copy()
        far = explorer.place(everyone[one], {"the network": read(everyone[one])})
        assert far.mean() < 0.2
        noise = np.random.default_rng(0).normal(scale=40, size=(5, *cut.signal.shape[1:]))
        odd = replace(everyone[:5], signal=noise.astype(np.float32))
        assert explorer.place(odd, {"the network": read(odd)}).all()
        np.testing.assert_array_equal(places_of(points)[: len(before)], before)
        assert len(places_of(points)) == len(before) + one.sum() + 5
        assert set(points.far) >= set(range(len(everyone), len(everyone) + 5))
        pixels_of(explorer)
        explorer.controls["point"].value = len(everyone) + 1
        pixels_of(explorer)
        assert "far from everything" in explorer.screen.status
    assert explorer.table().new.sum() == one.sum() + 5
    with pytest.raises(ParameterError, match="no network"):
        explorer.place(everyone[:3])


@pytest.fixture(scope="module")
def small():
    return ik.load_backbone("mobilenetv3_small_050")


def test_a_file_dropped_in_is_read_by_the_network(cut, small, tmp_path, pixels_of):
    readout = ik.evaluate.ImageReadout(pictures=("motion",), layers=(1,), pixels=())
    acc = cut.select("acc")
    explorer = EmbeddingExplorer(acc, network=small, readout=readout, layout="PCA")
    walk = ik.load_dataset("synthetic", subjects=1, seconds=9, classes=["walk"])[0]
    t = np.arange(len(walk)) / walk.rate
    np.savetxt(
        tmp_path / "walk.csv",
        np.column_stack([t, walk.signal[:, :3]]),
        delimiter=",",
        header="time (s),acc_x (m/s2),acc_y (m/s2),acc_z (m/s2)",
        comments="",
    )
    explorer.controls["colour"].value = "distance"  # known before there are new ones
    explorer.wait()
    file = {"name": "walk.csv", "content": (tmp_path / "walk.csv").read_bytes()}
    explorer._file_given({"new": [file]})
    explorer.wait()
    assert not explorer.screen.failed, explorer.screen.status
    assert explorer.screen.status.startswith("2 new windows, as crosses")
    assert len(explorer.windows) == len(cut) + 2
    explorer._file_given({"new": [{"name": "walk.csv", "content": b"prose"}]})
    explorer.wait()
    assert explorer.screen.failed
    assert "walk.csv" in explorer.screen.status


@pytest.mark.parametrize("given", ["path", "recordings", "windows", "name"])
def test_it_opens_with_any_source(given, small, tmp_path, pixels_of):
    people = ik.load_dataset("synthetic", subjects=2, seconds=8, classes=["walk", "still"])
    for i, person in enumerate(people):
        path = tmp_path / f"{i}.npz"
        np.savez(path, signal=person.signal[:, :3], rate=person.rate, axes=person.axes[:3])
    source = {
        "path": tmp_path,
        "recordings": people,
        "windows": ik.sliding_windows(people, 2),
        "name": "synthetic",
    }[given]
    readout = ik.evaluate.ImageReadout(pictures=("motion",), layers=(1,), pixels=())
    explorer = EmbeddingExplorer(source, network=small, readout=readout, layout="PCA", most=40)
    pixels_of(explorer)
    assert 4 <= len(explorer.windows) <= 40


def test_a_page_of_the_map_needs_no_kernel(cut, features, tmp_path):
    label = cut.label.copy()
    label[0] = "</script><img src=x onerror=alert(1)>"
    explorer = EmbeddingExplorer(features["after"], replace(cut, label=label), layout="PCA")
    page = explorer.export(tmp_path / "map.html").read_text()
    assert "<img src=x" not in page
    assert "onerror=alert" in page  # as text, in the data
    assert "https://" not in page
    assert explorer.export(tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_many_people_have_marks_of_their_own():
    people = np.array([f"p{i:02d}" for i in range(40)], dtype=object)
    _kinds, legend, ends = kinds_of(people)
    assert len({(colour, mark) for _, colour, mark in legend}) == 40
    assert not ends
    drawn = blank(300, 200)
    draw_points(
        panel(drawn, (20, 20, 260, 160), (0, 1), (0, 1)),
        np.random.default_rng(0).normal(size=(40, 2)),
        people,
    )
    colours = {tuple(pixel) for pixel in drawn.reshape(-1, 3).tolist()}
    assert len(colours) > 40


def test_features_and_windows_must_agree(cut, features):
    with pytest.raises(SignalError, match="rows, but there are"):
        EmbeddingExplorer(features["after"][:-1], cut)
    with pytest.raises(SignalError, match="prediction"):
        EmbeddingExplorer(features, cut, colours={"prediction": ["a"]})
