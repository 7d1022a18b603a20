"""What a network sees: filters answer where the picture changes, heat stands where it was put."""

import numpy as np
import pytest
import torch

from img2imu_kit import load_backbone
from img2imu_kit.errors import SignalError
from img2imu_kit.plots import alt_text, plot_filters, plot_heat, plot_walk


@pytest.fixture(scope="module")
def network():
    return load_backbone("mobilenetv3_small_050", seed=0)


def test_answers_are_those_of_the_first_convolution(network):
    image = np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    figure = plot_filters(network, {"noise": image}, filters=2)
    drawn = np.asarray(figure.axes[4].images[0].get_array())  # beside the picture
    with torch.no_grad():
        answers = network.model.conv_stem(network.to_batch(image[None]))[0].numpy()
    centred = answers - answers.mean((1, 2), keepdims=True)
    assert np.isclose(drawn, centred, atol=1e-5).all(axis=(1, 2)).sum() == 1


def test_pictures_of_several_sizes_are_refused(network):
    with pytest.raises(SignalError):
        plot_filters(network, {"a": np.zeros((3, 32, 32), np.uint8), "b": np.zeros((3, 8, 8))})


def test_heat_is_drawn_at_its_frequency():
    heat = np.zeros((96, 96))
    heat[5:10] = 1  # near the top, where frequencies are high
    assert float(alt_text(plot_heat(heat, rate=50, seconds=4, params="motion")).split()[-2]) > 5


def test_the_same_seed_walks_the_same_way():
    photo = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    ways = [plot_walk(photo, seed=seed).axes[0].lines[0].get_xydata() for seed in (1, 1, 2)]
    assert np.array_equal(ways[0], ways[1])
    assert not np.array_equal(ways[0], ways[2])
    assert (ways[0] >= 0).all()  # mirrored at the edge of the photograph
    assert (ways[0] <= (64, 48)).all()
