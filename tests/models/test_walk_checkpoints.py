"""The two networks that learned from walks over photographs load whole, and differ."""

import numpy as np
import pytest

import img2imu_kit as ik

NAMES = ("walk-sensor", "walk-vision")


@pytest.fixture(scope="module")
def backbones():
    return {name: ik.load_backbone("mobilenetv2_100", f"img2imu:{name}") for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_every_tensor_finds_its_partner(backbones, name):
    assert backbones[name].report.complete
    assert backbones[name].mean == backbones[name].std == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("name", NAMES)
def test_the_card_says_what_the_weights_are_made_of(backbones, name):
    card = backbones[name].card
    assert card["pad_type"] == "same"
    assert card["pictures"] == 48965
    assert "Apache-2.0" in card["start"]
    assert "non-commercial" in card["corpus"]
    assert card["sensor_data"].startswith("none")
    assert "conv_head and bn2" in card["untouched"]
    assert {
        "recipe",
        "augmentation",
        "drawing",
        "steps",
        "batch_size",
        "lr",
        "seed",
        "machine",
    } <= {*card}
    assert set(card["development_sets"]) == {
        "what",
        "single voters, mean of the three sets",
        "layers 1 to 4 of P and S and the pixels of P",
        "the same with ImageNet's weights",
    }


def test_budget_and_start_are_shared(backbones):
    own = {"recipe", "augmentation", "loss_at_the_end", "seconds", "knn_on_photographs"}
    own |= {"development_sets"}
    one, other = (
        {key: value for key, value in backbones[name].card.items() if key not in own}
        for name in NAMES
    )
    assert one == other


def test_layers_that_are_read_differ_and_what_follows_them_does_not(backbones):
    noise = np.random.default_rng(0).integers(0, 256, (2, 3, 96, 96), dtype=np.uint8)
    for layer in (2, 3, 4):
        one, other = (backbones[name].features(noise, layer=layer) for name in NAMES)
        assert np.isfinite(one).all()
        assert np.abs(one - other).mean() > 0.1 * one.std()
    one, other = (backbones[name].model for name in NAMES)
    assert (one.conv_head.weight == other.conv_head.weight).all()
