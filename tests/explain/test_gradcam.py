"""Grad-CAM against its definition by hand, and its axes against the signal."""

import numpy as np
import pytest
import timm
import torch

import img2imu_kit as ik
from img2imu_kit.errors import ParameterError, SignalError
from img2imu_kit.explain.gradcam import directions, focus, grad_cam, salient_signal
from img2imu_kit.pictures import make_grid


@pytest.fixture(scope="module")
def network():
    return ik.load_backbone("mobilenetv3_small_050", seed=1)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 3, 64, 64), dtype=np.uint8)


def maps_of(network, images, layer):
    mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (network.mean, network.std))
    batch = (torch.from_numpy(images).float() / 255 - mean) / std
    network.model.eval()
    return network.model.forward_intermediates(
        batch, indices=[layer], stop_early=True, intermediates_only=True
    )[0]


def enlarged(maps, size):
    return torch.nn.functional.interpolate(maps[:, None], size, mode="bilinear")[:, 0]


@pytest.mark.parametrize("layer", [1, 3, -1])
def test_for_a_linear_probe_on_averages_it_is_the_weighted_map(network, images, layer):
    maps = maps_of(network, images, layer).detach()
    direction = np.random.default_rng(1).normal(size=maps.shape[1]).astype(np.float32)
    # d(mean of a channel)/d(a place) is 1 / places: class activation mapping
    weights = torch.from_numpy(direction).view(1, -1, 1, 1) / maps[0, 0].numel()
    expected = enlarged((weights * maps).sum(1).relu(), (64, 64))
    heat = grad_cam(network, images, direction, layer=layer)
    np.testing.assert_allclose(heat, expected, rtol=1e-3, atol=1e-5)
    same = grad_cam(network, images, direction, layer=layer, method="hires-cam")
    np.testing.assert_allclose(heat, same, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("method", ["grad-cam", "hires-cam"])
def test_an_earlier_layer_is_weighed_by_its_gradients(network, images, method):
    direction = np.random.default_rng(1).normal(size=24).astype(np.float32)
    mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (network.mean, network.std))
    batch = (torch.from_numpy(images).float() / 255 - mean) / std
    network.model.eval()
    early, late = network.model.forward_intermediates(
        batch, indices=[1, 3], stop_early=True, intermediates_only=True
    )
    score = (late.mean(dim=(2, 3)) @ torch.from_numpy(direction)).sum()
    (gradient,) = torch.autograd.grad(score, early)
    if method == "grad-cam":
        gradient = gradient.mean(dim=(2, 3), keepdim=True)
    expected = enlarged((gradient * early).sum(1).relu(), (64, 64)).detach()
    heat = grad_cam(network, images, direction, layer=3, at=1, method=method)
    np.testing.assert_allclose(heat, expected, rtol=1e-3, atol=1e-6)


def test_a_class_of_the_networks_own(network, images):
    maps = [grad_cam(network, images, direction) for direction in (3, np.int64(3), 4)]
    assert maps[0].shape == (3, 64, 64)
    np.testing.assert_array_equal(maps[0], maps[1])
    assert (maps[0] != maps[2]).any()


def test_the_network_is_left_as_it_was(network, images):
    network.model.train()
    network.model.blocks[0].eval()
    grad_cam(network, images, np.ones(8), layer=1)
    assert network.model.training
    assert not network.model.blocks[0].training
    assert all(parameter.grad is None for parameter in network.model.parameters())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"layer": 9}, "layer is 9"),
        ({"layer": -9}, "layer is -9"),
        ({"layer": 1, "at": 2}, "layer 2 comes after layer 1"),
        ({"layer": 1, "method": "saliency"}, "method is 'saliency'"),
        ({"layer": 1, "pool": "max"}, "pool is 'max'"),
    ],
)
def test_settings_that_are_none(network, images, settings, words):
    with pytest.raises(ParameterError, match=words):
        grad_cam(network, images, np.ones(8), **settings)


def test_inputs_that_do_not_fit(network, images):
    with pytest.raises(SignalError, match="8 features"):
        grad_cam(network, images, np.ones(5), layer=1)
    with pytest.raises(SignalError, match="expected uint8"):
        grad_cam(network, images.astype(float), np.ones(8), layer=1)


def test_a_transformer_has_no_places_and_says_so():
    network = ik.load_backbone("vit_tiny_patch16_224")
    images = np.zeros((1, 3, 64, 64), np.uint8)
    with pytest.raises(ParameterError, match="has no places"):
        grad_cam(network, images, np.ones(192), layer=1)


def test_attention_to_a_tone_lies_at_its_frequency_and_time(network):
    """A probe that tells a tone from silence must look where the tone is."""
    rate, seconds = 50, 8
    t = np.arange(rate * seconds) / rate
    rng = np.random.default_rng(0)
    noise = rng.normal(scale=0.05, size=(40, 3, len(t))).astype(np.float32)
    tone = np.sin(2 * np.pi * 15 * t) * (t > 4)
    noise[20:] += tone.astype(np.float32)
    images = ik.to_image(noise, rate)
    labels = np.repeat(["silence", "tone"], 20)
    features = network.features(images, layer=1, pool="grid")
    towards = directions(features, labels)
    maps = grad_cam(network, images[20:], towards["tone"], layer=1, pool="grid", method="hires-cam")
    where = focus(maps, rate=rate, seconds=seconds).median()
    assert abs(where["frequency_hz"] - 15) < 4
    assert 4 < where["time_s"] < 8


@pytest.mark.parametrize("preset", ["motion", "motion-signed"])
def test_focus_on_a_logarithmic_axis_is_where_the_eye_sees_it(preset):
    """A blot about 2 Hz, as high above as below on the page, lies at 2 Hz."""
    grid = make_grid(200, 50, ik.pictures.resolve(preset)).resized(96, 96)
    row = int(np.searchsorted(grid.freq_edges_hz, 2.0)) - 1
    maps = np.zeros((2, 96, 96))
    maps[:, 95 - row - 12 : 95 - row + 13, 20:40] = 1  # 12 rows to either side
    maps[1, :, 60:] = 1
    place = focus(maps, rate=50, seconds=4, params=preset)
    assert place.frequency_hz[0] == pytest.approx(grid.freqs_hz[row], rel=0.02)
    assert place.time_s[0] == pytest.approx(30 / 96 * 4)
    deviation = np.sqrt(np.mean(np.arange(-12, 13) ** 2))  # rows
    rows = np.arange(97)
    low, high = np.interp([row + 0.5 - deviation, row + 0.5 + deviation], rows, grid.freq_edges_hz)
    assert place.frequency_spread_hz[0] == pytest.approx((high - low) / 2)


def test_directions_separate_their_classes():
    rng = np.random.default_rng(0)
    labels = np.repeat([*"abc"], 30)
    features = rng.normal(size=(90, 4)) + np.eye(4)[np.repeat([0, 1, 2], 30)] * 6
    towards = directions(features * [1, 100, 0.01, 1], labels)
    scores = (features * [1, 100, 0.01, 1]) @ np.stack([towards[c] for c in "abc"], axis=1)
    scores -= scores.mean(axis=0)
    assert (np.array([*"abc"])[scores.argmax(axis=1)] == labels).mean() > 0.95
    with pytest.raises(SignalError, match="two classes"):
        directions(features, np.repeat("a", 90))


def test_focus_of_a_single_bright_pixel():
    maps = np.zeros((2, 33, 30))
    maps[0, 33 - 1 - 8, 10] = 2.0  # bin 8, frame 10
    place = focus(maps, rate=64, seconds=(64 + 29 * 4) / 64)
    assert place.frequency_hz[0] == pytest.approx(8)
    assert place.time_s[0] == pytest.approx((32 + 10 * 4) / 64)
    assert place.time_spread_s[0] == pytest.approx(0, abs=1e-6)
    assert place.iloc[1].isna().all()  # nothing there


def test_a_network_with_channels_last_is_weighed_by_channels_all_the_same():
    """Swin's maps are [N, F, S, K]; Grad-CAM by hand on timm's maps, which are channels first."""
    model = timm.models.SwinTransformer(
        img_size=64, embed_dim=16, depths=(1, 1, 1), num_heads=(1, 2, 4), window_size=4
    ).eval()
    network = ik.models.Backbone("swin", model, (0.5,) * 3, (0.25,) * 3)
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 64, 64), dtype=np.uint8)
    batch = network.to_batch(images)
    last = model.layers[0](model.patch_embed(batch))  # [2, 16, 16, 16]: no shape shows its order
    late = model.layers[1](last).mean(dim=(1, 2))  # [2, 32], averages over places
    direction = np.random.default_rng(1).normal(size=32).astype(np.float32)
    (gradient,) = torch.autograd.grad((late @ torch.from_numpy(direction)).sum(), last)
    early, gradient = last.permute(0, 3, 1, 2), gradient.permute(0, 3, 1, 2)
    for method, weights in (
        ("grad-cam", gradient.mean(dim=(2, 3), keepdim=True)),
        ("hires-cam", gradient),
    ):
        expected = enlarged((weights * early).sum(1).relu(), (64, 64)).detach()
        heat = grad_cam(network, images, direction, layer=1, at=0, method=method)
        assert expected.max() > 0
        np.testing.assert_allclose(heat, expected, rtol=1e-3, atol=1e-6)
    assert not any(part._forward_hooks for part in model.modules())


@pytest.mark.parametrize("preset", ["default", "motion", "motion-signed"])
def test_all_of_a_picture_is_all_of_the_signal(preset):
    signal = np.random.default_rng(0).normal(size=(2, 3, 200)).astype(np.float32)
    kept = salient_signal(signal, np.ones((2, 96, 96)), 50, preset)
    np.testing.assert_allclose(kept, signal, atol=1e-5)
    assert not salient_signal(signal, np.zeros((2, 96, 96)), 50, preset).any()


def test_a_bright_place_brings_back_the_tone_that_lies_there():
    rate, t = 50, np.arange(400) / 50
    low = np.sin(2 * np.pi * 2 * t) * (t < 4)
    high = np.sin(2 * np.pi * 10 * t)
    grid = make_grid(400, rate, ik.pictures.resolve("motion")).resized(96, 96)
    maps = np.zeros((1, 96, 96))
    rows = np.flatnonzero((grid.freqs_hz > 6) & (grid.freqs_hz < 15))
    maps[0, 95 - rows, 48:] = 1  # about 10 Hz, second half
    (kept,) = salient_signal((low + high)[None, None], maps, rate, "motion")[0]
    inside = slice(250, 380)
    np.testing.assert_allclose(kept[inside], high[inside], atol=0.1)
    assert np.abs(kept[:100]).max() < 0.02
    with pytest.raises(SignalError, match="expected"):
        salient_signal(low, maps, rate)
