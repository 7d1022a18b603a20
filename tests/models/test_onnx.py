"""The exported file against the network and the classifier that it was made of."""

import json
import warnings
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

import img2imu_kit as ik
from img2imu_kit.errors import (
    ConstantAxisWarning,
    OutputError,
    ParameterError,
    SignalError,
    WeightsError,
)
from img2imu_kit.evaluate.probes import logistic
from img2imu_kit.models.onnx import to_onnx
from img2imu_kit.pictures import resolve

NETWORK = "mobilenetv3_small_050"


@pytest.fixture(scope="module")
def network():
    return ik.load_backbone(NETWORK, "img2imu:sensor-aware")


@pytest.fixture(scope="module")
def people():
    return ik.sliding_windows(
        ik.load_dataset("synthetic", subjects=3, seconds=10), seconds=2
    ).select("acc")


@pytest.fixture(scope="module")
def images(people):
    return ik.to_image(people, size=(64, 48))


def run(path, images):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"images": images})[0]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"layer": 1, "pool": "grid"},  # 8 rows of 8
        {"layer": 1, "pool": "grid", "rows": 3, "columns": 5},  # cells that overlap
        {"layer": (0, 2), "pool": "time"},
    ],
)
def test_features_are_those_of_the_backbone_for_any_number_of_pictures(
    network, images, options, tmp_path
):
    difference = to_onnx(network, images, tmp_path / "a.onnx", **options)
    expected = network.features(images, **options)
    assert difference < 1e-4
    for some in (slice(0, 1), slice(0, 7), slice(None)):
        found = run(tmp_path / "a.onnx", images[some])
        np.testing.assert_allclose(found, expected[some], atol=1e-4)


@pytest.mark.parametrize("classes", [2, 6])
def test_probabilities_are_those_of_the_classifier(network, images, people, classes, tmp_path):
    keep = np.isin(people.label, people.classes[:classes])
    features = network.features(images, layer=1, pool="grid")
    head = logistic().fit(features[keep], people.label[keep])
    to_onnx(network, images, tmp_path / "a.onnx", head=head, layer=1, pool="grid")
    found = run(tmp_path / "a.onnx", images)
    assert found.shape == (len(images), classes)
    np.testing.assert_allclose(found, head.predict_proba(features), atol=1e-4)
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx")
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["classes"]) == [*people.classes[:classes]]
    assert (facts["architecture"], facts["layer"]) == (NETWORK, "[1]")


@pytest.mark.parametrize(
    ("preset", "overrides"),
    [
        ("motion", {}),
        ("motion-signed", {"size": (50, 70)}),
        ("motion", {"channels": "magnitude", "size": None, "low_rows": 0}),
        ("default", {}),
        ("img2imu-app", {"center": True, "detrend": "linear", "fmax_hz": 10.0}),
    ],
)
def test_of_windows_the_file_draws_the_pictures_itself(
    network, people, preset, overrides, tmp_path
):
    if preset == "img2imu-app":
        overrides = overrides | {"n_fft": 64}
    signal = people.signal.copy()
    signal[3, 1] = 2.5  # an axis that never changes is drawn mid-grey
    people = replace(people, signal=signal)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantAxisWarning)
        expected = ik.to_image(people, params=preset, **overrides)
        path, options = tmp_path / "a.onnx", {"layer": 1, "pool": "grid"}
        assert to_onnx(network, people, path, params=preset, **options, **overrides) < 1e-4
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for some in (slice(0, 1), slice(2, 9), slice(None)):
        features, images = session.run(None, {"signal": signal[some]})
        assert images.dtype == np.uint8
        off = np.abs(images.astype(int) - expected[some])
        assert off.max() <= 1
        assert (off > 0).mean() < 0.01
        np.testing.assert_allclose(features, network.features(images, **options), atol=1e-4)
    facts = session.get_modelmeta().custom_metadata_map
    assert ik.SpectrogramParams(**json.loads(facts["params"])) == resolve(preset, **overrides)
    assert (facts["rate"], json.loads(facts["axes"])) == ("50", ["acc_x", "acc_y", "acc_z"])


def test_from_motion_to_probabilities_in_one_file(network, people, tmp_path):
    images = ik.to_image(people, params="motion-signed")
    head = logistic().fit(network.features(images, layer=1), people.label)
    to_onnx(network, people, tmp_path / "a.onnx", head=head, layer=1, params="motion-signed")
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx")
    probabilities, _ = session.run(["probabilities", "images"], {"signal": people.signal})
    expected = head.predict_proba(network.features(images, layer=1))
    np.testing.assert_allclose(probabilities, expected, atol=0.02)  # a level here and there
    assert (probabilities.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.98


def test_pictures_that_no_file_can_draw(network, images, tmp_path):
    with pytest.raises(ParameterError, match="drawn already"):
        to_onnx(network, images, tmp_path / "a.onnx", params="motion")
    [recording] = ik.load_dataset("synthetic", subjects=1, seconds=60, transitions=True)
    long = ik.sliding_windows(recording, seconds=41, purity=0)
    with pytest.raises(ParameterError, match="windows of 2000 samples at most"):
        to_onnx(network, long, tmp_path / "a.onnx", params="motion")
    assert not any(tmp_path.iterdir())


def test_a_head_that_is_not_linear_is_refused_and_the_old_file_stays(
    network, images, people, tmp_path
):
    path = tmp_path / "a.onnx"
    path.write_bytes(b"old")
    features = network.features(images)
    trees = GradientBoostingClassifier(n_estimators=3).fit(features, people.label)
    with pytest.raises(WeightsError, match=r"differs by up to .* Only linear heads"):
        to_onnx(network, images, path, head=trees)
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["a.onnx"]


def test_heads_that_cannot_be_read_are_refused(network, images, people, tmp_path):
    features = network.features(images)
    heads = {
        "decision_function": RandomForestClassifier(3).fit(features, people.label),
        "not fitted": logistic(),
        "288 features": logistic().fit(features[:, :5], people.label),
    }
    for reason, head in heads.items():
        with pytest.raises(ParameterError, match=reason):
            to_onnx(network, images, tmp_path / "a.onnx", head=head)
    assert not any(tmp_path.iterdir())


def test_no_form_in_onnx_says_so_and_prints_nothing(tmp_path, capsys):
    network = ik.load_backbone("vit_tiny_patch16_224")
    images = np.zeros((1, 3, 64, 64), np.uint8)
    with pytest.raises(WeightsError, match=r"no form for this network .*bicubic"):
        to_onnx(network, images, tmp_path / "a.onnx", layer=0)
    assert capsys.readouterr().out == ""


def test_bad_input(network, images, tmp_path):
    with pytest.raises(SignalError, match="expected uint8"):
        to_onnx(network, images / 255, tmp_path / "a.onnx")
    with pytest.raises(ParameterError, match="layer is 9"):
        to_onnx(network, images, tmp_path / "a.onnx", layer=9)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="could not be written"):
        to_onnx(network, images, tmp_path / "file" / "a.onnx")


def test_the_network_is_left_as_it_was(network, images, tmp_path):
    network.model.train()
    weights = {key: value.clone() for key, value in network.model.state_dict().items()}
    to_onnx(network, images, tmp_path / "a.onnx")
    assert network.model.training
    assert all((network.model.state_dict()[key] == value).all() for key, value in weights.items())
    network.model.eval()
