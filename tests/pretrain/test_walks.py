import json
import math
import signal

import numpy as np
import pretrain_child
import pytest
import torch
from pretrain_child import pictures, walking
from torch.nn import functional as F

from img2imu_kit.augment.signal import Rotation
from img2imu_kit.errors import ParameterError
from img2imu_kit.models.backbone import load_backbone
from img2imu_kit.pictures.image import to_image
from img2imu_kit.pretrain.contrastive import LayerEncoder, MoCo, SimCLR, info_nce, nt_xent
from img2imu_kit.pretrain.train import pretrain_images
from img2imu_kit.pretrain.walks import Walks, random_paths, read_colours, whitening


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def photographs(count=16, size=64):
    return torch.from_numpy(pictures(count, size)).float() / 255


# --- the walk ---------------------------------------------------------------------------------


def test_a_walk_over_a_ramp_tells_where_it_is():
    # red grows to the right and green downwards, as far as the middles of the outer pixels
    side = (torch.arange(64) + 0.5) / 32 - 1
    ramp = torch.stack([side.expand(64, 64), side[:, None].expand(64, 64), torch.zeros(64, 64)])
    t = torch.linspace(-2, 2, 128).expand(32, 128)
    places = random_paths(32, draw())(t)  # [N, T, 2]
    read = read_colours(ramp.expand(32, 3, 64, 64), places)  # [N, 3, T]
    # beyond an edge the photograph is mirrored: a triangle wave of period 4
    mirrored = (((places - 1) % 4) - 2).abs() - 1
    expected = mirrored.clamp(side[0], side[-1]).transpose(1, 2)
    torch.testing.assert_close(read[:, :2], expected, atol=2e-5, rtol=0)
    assert (places.abs() > 1).any()


def test_a_path_is_a_drift_and_two_ellipses():
    paths, t = random_paths(3, draw()), torch.linspace(0, 1, 7).expand(3, 7)
    for n, places in enumerate(paths(t)):
        at, drift, radius, ratio, hertz, phase = (part[n, :, 0].tolist() for part in paths)
        for moment, place in zip(t[n].tolist(), places.tolist(), strict=True):
            x, y = (at[axis] + drift[axis] * moment for axis in (0, 1))
            for k in (0, 1):
                angle = 2 * math.pi * hertz[k] * moment + phase[k]
                x += radius[k] * math.cos(angle)
                y += radius[k] * ratio[k] * math.sin(angle)
            assert place == pytest.approx([x, y], abs=1e-5)


def test_a_signal_is_the_whitened_colours_turned_and_made_louder_with_gravity():
    images = photographs()
    one, other = Walks(strength=0).signals(images, 4.0, draw(), whitening(pictures(16, 64)))
    assert torch.equal(one, other)
    # colours of one place and time are the same whichever way the sensor is worn
    generator = draw()
    paths = random_paths(16, generator)
    turn = Rotation(180).sample((16, 3), generator)["rotation"]
    mean, white = whitening(pictures(16, 64))
    places = paths(torch.linspace(-2, 2, 128).expand(16, 128))
    moving = turn @ (white @ (read_colours(images, places) - mean))
    for n in range(16):
        line = (one[n] - one[n].mean(1, keepdim=True)).flatten()
        same = (moving[n] - moving[n].mean(1, keepdim=True)).flatten()
        loud = float(line @ same / (same @ same))
        assert 0.69 < loud < 6.01
        torch.testing.assert_close(line, loud * same, atol=1e-4, rtol=1e-4)
        gravity = (one[n] - loud * moving[n]).mean(1)
        assert gravity.norm().item() == pytest.approx(9.81, abs=1e-3)


# --- twins ------------------------------------------------------------------------------------


def test_a_turned_twin_is_the_turned_signal():
    still = F.normalize(torch.randn(400, 3, 1, generator=draw(1)), dim=1).repeat(1, 1, 128) * 9.81
    silent = torch.zeros(400, 1, 1)  # no loudness, no noise
    felt = Walks().felt(still, silent, 4.0, draw())
    turn = Rotation(20).sample((400, 3, 128), draw())["rotation"]
    # what stands still has no order of events, no gaps, no bands: rotation, inversion, gain
    torch.testing.assert_close(felt, felt[:, :, :1].expand_as(felt), atol=1e-4, rtol=0)
    gain = felt.norm(dim=1)[:, :1] / 9.81
    assert 0.77 < gain.min() < 0.85
    assert 1.2 < gain.max() < 1.29
    expected = gain[:, :, None] * (turn @ still)
    torch.testing.assert_close(felt.abs(), expected.abs(), atol=1e-3, rtol=0)
    inverted = (felt[:, :, 0] * expected[:, :, 0] < 0).float().mean()
    assert 0.06 < inverted < 0.14


def test_a_twin_of_a_moving_sensor_is_mostly_its_rotation_alone():
    moving = torch.randn(300, 3, 128, generator=draw(1))
    felt = Walks().felt(moving, torch.zeros(300, 1, 1), 4.0, draw())
    turned = Rotation(20).sample(moving.shape, draw())["rotation"] @ moving
    gain = (felt / turned).abs().median(dim=2, keepdim=True).values
    untouched = ((felt.abs() - (gain * turned).abs()).abs().amax(dim=(1, 2)) < 1e-3).float().mean()
    assert 0.25 < untouched < 0.45  # .7 without permutation, .7 without gap, .7 with every band


@pytest.mark.parametrize("batch", range(6))
def test_two_views_of_no_strength_are_one_picture(batch):
    pairs = Walks(strength=0).over(pictures(16, 64))
    first, second = pairs(photographs(), draw(), batch)
    assert torch.equal(first, second)
    assert first.shape == (16, 3, 96, 96)
    assert first.std(dim=(1, 2, 3)).min() > 0.01
    other, _ = Walks().over(pictures(16, 64))(photographs(), draw(), batch)
    assert not torch.equal(first, other)


def test_halves_are_the_kits_own_pictures():
    walks = Walks()
    felt, _ = walks.signals(photographs(), 3.0, draw(), whitening(pictures(16, 64)))
    drawn = walks.drawn(felt, 128 / 3).mul(255).round().to(torch.uint8).numpy()
    for half, name in ((slice(0, 8), "motion"), (slice(8, 16), "motion-signed")):
        expected = to_image(felt[half].numpy(), 128 / 3, name)
        assert np.abs(drawn[half].astype(int) - expected).max() <= 1


def test_a_corpus_in_grey_is_not_blown_up():
    grey = pictures(8, 32)[:, :1].repeat(3, axis=1)
    felt, _ = Walks().signals(torch.from_numpy(grey) / 255, 1.0, draw(), whitening(grey))
    assert felt.abs().max() < 200


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"strength": 3}, "strength is 3"),
        ({"steps": 4}, "steps is 4"),
        ({"pictures": ()}, "one or more of one size"),
        ({"pictures": ("motion", "img2imu-app")}, "one or more of one size"),
        ({"pictures": ("motions",)}, "Did you mean 'motion'"),
    ],
)
def test_walks_that_cannot_be_are_refused(settings, said):
    with pytest.raises(ParameterError, match=said):
        Walks(**settings)


# --- heads at several layers --------------------------------------------------------------------


def layered(layers=(0, 2)):
    torch.manual_seed(0)
    network = load_backbone("test_efficientnet").model
    with torch.no_grad():
        read = LayerEncoder(network, layers, ()).read(torch.zeros(1, 3, 32, 32))
    return LayerEncoder(network, layers, [vectors.shape[1] for vectors in read], dim=8)


def test_the_loss_is_the_sum_of_the_layers_losses():
    images = torch.rand(2, 12, 3, 32, 32, generator=draw())
    loss, z1, z2 = SimCLR(layered(), temperature=0.3)(*images)
    assert z1.shape == (12, 2, 8)
    alone = [nt_xent(z1[:, layer], z2[:, layer], 0.3) for layer in (0, 1)]
    torch.testing.assert_close(loss, alone[0] + alone[1])
    model = MoCo(layered(), queue=16, temperature=0.3)
    queue = model.queue.clone()  # [K, L, D]
    loss, query, key = model(*images, torch.randperm(12, generator=draw()))
    alone = [info_nce(query[:, n], key[:, n], queue[:, n], 0.3) for n in (0, 1)]
    torch.testing.assert_close(loss, alone[0] + alone[1])
    torch.testing.assert_close(model.queue[:12], key)


def test_what_is_not_read_and_batch_norm_stay_as_they_were():
    before = load_backbone("test_efficientnet").model.state_dict()
    run = walking(None, max_steps=2)
    after, card = run.backbone.model.state_dict(), run.backbone.card
    changed = {key for key in before if key in after and not torch.equal(before[key], after[key])}
    assert {"conv_stem.weight"} <= changed
    assert not any(".bn" in key or key.startswith("bn") for key in changed)
    # layers 1 and 2 of test_efficientnet end with these blocks
    last = run.backbone.layers().module[2].split(".")[1]
    assert not any(key.startswith("blocks.") and key.split(".")[1] > last for key in changed)
    assert not any(key.startswith("conv_head") for key in changed)
    assert (card["layers"], card["train_norm"], card["image_size"]) == ((1, 2), False, 96)
    assert card["augmentation"].startswith("Walks(strength=1.0, steps=128")
    assert card["mean"] == (0.5, 0.5, 0.5)
    assert run.history.attrs["chance"] == pytest.approx(2 * math.log(31))


def test_layers_that_are_not_there_are_refused():
    with pytest.raises(ParameterError, match="layer is"):
        pretrain_images(pictures(), "test_efficientnet", size=32, layers=(1, 9), progress=False)


# --- the run ------------------------------------------------------------------------------------


def test_killed_on_a_walk_and_resumed_is_undisturbed(tmp_path, children):
    child = children.Process(target=pretrain_child.killed_on_a_walk, args=(tmp_path / "killed",))
    child.start()
    child.join(timeout=120)
    assert child.exitcode == -signal.SIGKILL
    reached = torch.load(tmp_path / "killed" / "checkpoint.pt", weights_only=True)["step"]
    assert reached == 5
    for name in ("killed", "undisturbed"):
        assert walking(tmp_path / name).finished
    weights = [
        (tmp_path / name / "backbone" / "model.safetensors").read_bytes()
        for name in ("killed", "undisturbed")
    ]
    assert weights[0] == weights[1]
    cards = [
        json.loads((tmp_path / name / "backbone" / "card.json").read_text())
        for name in ("killed", "undisturbed")
    ]
    assert cards[0] == cards[1]


def test_it_learns_to_tell_walks_apart():
    images = pictures(256, 64)
    settings = {"augmentation": Walks(strength=0.5), "layers": (1, 2), "temperature": 0.1}
    settings |= {"batch_size": 32, "epochs": 2, "lr": 3e-3, "progress": False}
    run = pretrain_images(images, "test_efficientnet", **settings)
    assert run.history.loss.iloc[-1] < 0.75 * run.history.attrs["chance"]
