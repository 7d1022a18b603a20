"""Fine-tuning learns, leaves alone what it should, repeats, and asks no test subject."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from few_labels import CLASSES, network, people
from torch import nn

from img2imu_kit.errors import ParameterError, SplitError
from img2imu_kit.evaluate.finetune import (
    FineTuneConfig,
    augment_signal,
    fine_tune,
    layer_decay_groups,
    layer_depths,
    recalibrate_batch_norm,
    start_head,
)
from img2imu_kit.evaluate.image_readout import ImageReadout, StftPicture
from img2imu_kit.evaluate.methods import ImageMethod
from img2imu_kit.evaluate.probes import fuse
from img2imu_kit.models.backbone import load_backbone
from img2imu_kit.pictures.params import resolve

QUICK = FineTuneConfig(epochs=4, batch_size=8, lr=1e-2, head_scale=1)


@pytest.fixture(scope="module")
def cut():
    return people()


def small(preset="motion", **overrides):
    return resolve(preset, size=(32, 32), **overrides)


def state(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def changed(before, after, kind=""):
    return {n for n in before if kind in n and not torch.equal(before[n], after[n])}


def test_few_labels_are_learned_and_carry_over_to_other_people(cut):
    train, test = cut[cut.subject < "s3"], cut[cut.subject >= "s3"]
    config = FineTuneConfig(epochs=30, lr=1e-2).from_scratch()
    tuned = fine_tune(network(), train, config=config)
    assert tuned.classes == CLASSES
    assert (tuned.predict(test) == test.label).mean() > 0.9
    loss = tuned.history.loss
    assert loss.iloc[0] == pytest.approx(np.log(3), abs=0.1)  # the head starts at a guess
    assert loss.iloc[-1] < 0.6 * loss.iloc[0]


def test_the_network_given_and_the_global_random_state_stay_as_they_were(cut):
    net = network()
    before, random = state(net), torch.random.get_rng_state()
    fine_tune(net, cut[:12], config=QUICK)
    assert not changed(before, state(net))
    assert all(parameter.grad is None for parameter in net.parameters())
    assert torch.equal(random, torch.random.get_rng_state())


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(cut):
    first, again, other = (
        state(fine_tune(network(), cut[:12], config=QUICK, seed=seed).network) for seed in (1, 1, 2)
    )
    assert not changed(first, again)
    assert changed(first, other)


def test_frozen_statistics_stay_and_those_of_batches_move(cut):
    before = state(network())
    for batch_norm, moves in (("frozen", False), ("batch", True)):
        config = FineTuneConfig(epochs=2, batch_norm=batch_norm)
        after = state(fine_tune(network(), cut[:12], config=config).network)
        assert bool(changed(before, after, "running_mean")) == moves
        assert changed(before, after, "weight")  # affine weights learn either way


def test_measured_statistics_are_those_of_the_training_windows(cut):
    net = network()
    signal = torch.from_numpy(cut.signal[:24])
    recalibrate_batch_norm(net, signal, batch_size=8)
    first = net.body[0]
    with torch.no_grad():
        maps = torch.stack([first[0](part) for part in signal.split(8)])  # [3 batches, 8, C, T]
    torch.testing.assert_close(first[1].running_mean, maps.mean(dim=(0, 1, 3)))
    variance = maps.transpose(1, 2).flatten(2).var(dim=2).mean(dim=0)
    torch.testing.assert_close(first[1].running_var, variance)


@pytest.mark.parametrize(("blocks", "learn"), [(None, "012"), (2, "12"), (1, "2"), (0, "")])
def test_only_the_last_blocks_learn(cut, blocks, learn):
    before = state(network())
    config = FineTuneConfig(epochs=2, blocks=blocks, head_scale=1)
    tuned = fine_tune(network(), cut[:12], config=config)
    assert {name.split(".")[1] for name in changed(before, state(tuned.network))} == set(learn)
    body = sum(p.numel() for n, p in network().body.named_parameters() if n[0] in learn)
    assert tuned.trained == body + 3 * 16 + 3


def test_a_frozen_block_keeps_its_statistics_under_the_policy_of_batches(cut):
    before = state(network())
    config = FineTuneConfig(epochs=2, blocks=1, batch_norm="batch")
    after = state(fine_tune(network(), cut[:12], config=config).network)
    assert {n.split(".")[1] for n in changed(before, after, "running_mean")} == {"2"}


def test_rates_fall_with_the_distance_from_the_head(cut):
    head = nn.Linear(16, 3)
    signal = torch.from_numpy(cut.signal[:4])
    config = FineTuneConfig(lr=0.05, head_scale=2, layer_decay=0.1)
    groups = layer_decay_groups(network(), head, signal, config)
    assert [group["lr"] for group in groups] == pytest.approx([0.1, 0.05, 0.005, 0.0005])
    assert groups[0]["params"] == list(head.parameters())


def test_depth_follows_the_stages_of_a_timm_network():
    found = layer_depths(load_backbone("resnet10t").model)
    assert found["conv1.0.weight"] == 0
    assert found["layer1.0.conv1.weight"] == 1
    assert found["layer4.0.conv1.weight"] == 4


def test_blocks_behind_the_layer_that_is_read_take_no_part(cut):
    readout = ImageReadout((small(),), layers=(1,))
    method = ImageMethod(load_backbone("mobilenetv3_small_050"), readout)
    before = state(method.backbone.model)
    tuned = fine_tune(
        method.network(cut), cut[:12], config=FineTuneConfig(epochs=1, batch_norm="batch")
    )
    names = changed(before, state(tuned.network.body))
    assert any(name.startswith("blocks.0") for name in names)
    assert not any(name.startswith(("blocks.1", "conv_head")) for name in names)


@pytest.mark.parametrize("channels", ["acc", "magnitude", ("acc_z", "acc_x", "acc_y")])
def test_the_network_sees_what_the_frozen_method_sees(cut, channels):
    pictures = (
        small(channels=channels),
        small("motion-signed", channels=channels),
        StftPicture(settings=small("default", channels=channels)),
    )
    readout = ImageReadout(pictures, layers=(0, 2), pixels=(0, 2))
    method = ImageMethod(load_backbone("mobilenetv3_small_050"), readout)
    net = method.network(cut).eval()
    with torch.no_grad():
        voters = net.voters(net.prepare(torch.from_numpy(cut.signal[:6])))
    frozen = method.voters(cut[:6])
    assert tuple(frozen) == readout.names
    for found, (name, expected) in zip(voters, frozen.items(), strict=True):
        if name.endswith("pixels"):  # the network sees them normalised, colour by colour
            mean, std = (np.reshape(x, (3, 1)) for x in (method.backbone.mean, method.backbone.std))
            expected = ((expected.reshape(6, 3, -1) / 255 - mean) / std).reshape(6, -1)
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_an_stft_picture_speaks_in_seconds_whatever_the_rate():
    for rate in (30, 50, 100):
        params = StftPicture(frame_s=1.28, hop_s=0.1).params(rate, seconds=4)
        assert params.n_fft == round(1.28 * rate)
        assert params.hop == round(0.1 * rate)
    assert StftPicture().params(100, seconds=1).n_fft == 33  # a third of the window
    assert StftPicture(frame_s=2).params(50, seconds=1).n_fft == 25  # half of it at most


def test_a_turn_in_time_moves_samples_and_loses_none(cut):
    signal = torch.from_numpy(cut.signal[:8])
    torch.manual_seed(0)
    turned = augment_signal(signal, FineTuneConfig(noise=0, rotation=0, gain=0), torch.ones(3, 1))
    assert not torch.equal(turned, signal)
    for one, other in zip(signal, turned, strict=True):
        starts = [k for k in range(64) if torch.equal(one.roll(-k, dims=1), other)]
        assert len(starts) == 1  # all axes together


def test_noise_is_in_shares_of_the_spread(cut):
    signal = torch.from_numpy(cut.signal)
    spread = torch.tensor([[1.0], [2.0], [4.0]])
    noisy = augment_signal(signal, FineTuneConfig(shift=0, noise=0.5, rotation=0, gain=0), spread)
    torch.testing.assert_close(
        (noisy - signal).std(dim=(0, 2)), 0.5 * spread[:, 0], rtol=0.1, atol=0
    )


def test_epochs_are_chosen_on_people_held_out_and_all_are_trained_on(cut):
    config = FineTuneConfig(epochs=6, batch_size=8, max_steps=600, lr=3e-2, held_out=0.3)
    tuned = fine_tune(network(), cut[cut.subject < "s4"], config=config)
    choose, train = (tuned.history[tuned.history.phase == p] for p in ("choose", "train"))
    assert choose.epoch.tolist() == [-1, *range(6)]
    assert choose.held_out.notna().all()
    assert len(train) == choose.held_out.to_numpy().argmin() > 0
    # the rates of the first epochs do not depend on how many follow
    alone = fine_tune(
        network(), cut[cut.subject < "s4"], config=FineTuneConfig(**vars(config) | {"held_out": 0})
    )
    assert train.loss.tolist() == alone.history.loss[: len(train)].tolist()


def test_what_would_harm_people_held_out_is_not_done_at_all(cut):
    train = cut[cut.subject < "s4"]
    harmful = FineTuneConfig(
        epochs=3, batch_size=8, lr=1.0, held_out=0.3
    )  # the network falls apart
    tuned = fine_tune(network(), train, config=harmful)
    assert set(tuned.history.phase) == {"choose"}
    assert not changed(state(network()), state(tuned.network))
    probe = fine_tune(network(), train, config=FineTuneConfig(epochs=1, lr=1e-12))
    assert (tuned.predict(cut) == probe.predict(cut)).all()


def test_weights_end_where_alpha_says_between_the_start_and_the_end_of_training(cut):
    start = state(network())
    whole, half, quarter = (
        fine_tune(network(), cut[:24], config=replace(QUICK, alpha=alpha))
        for alpha in (1, 0.5, 0.25)
    )
    assert whole.history.equals(half.history)  # it is trained all the same
    end = state(whole.network)
    assert changed(start, end)
    for tuned, alpha in ((half, 0.5), (quarter, 0.25)):
        for name, here in state(tuned.network).items():
            if here.is_floating_point():  # not counts of batches
                wanted = start[name] + alpha * (end[name] - start[name])
                torch.testing.assert_close(here, wanted, rtol=1e-5, atol=1e-6)


def test_a_large_training_set_gets_fewer_epochs(cut):
    config = FineTuneConfig(epochs=5, batch_size=8, max_steps=9)
    some = cut[:24]  # three batches
    assert [config.epochs_on(count) for count in (8, 16, 24, 999)] == [5, 4, 3, 1]
    history = fine_tune(network(), some, config=config).history
    assert list(history.epoch) == [0, 1, 2]


def test_nobody_is_held_out_where_a_class_has_one_person_only(cut):
    alone = cut[(cut.subject == "s0") | ((cut.subject == "s1") & (cut.label == "fast"))]
    tuned = fine_tune(network(), alone, config=FineTuneConfig(epochs=2, held_out=0.5))
    assert set(tuned.history.phase) == {"train"}
    assert len(tuned.history) == 2


def test_a_last_batch_of_one_window_does_not_break_batch_norm(cut):
    fine_tune(network(), cut[:9], config=FineTuneConfig(epochs=1, batch_size=8, batch_norm="batch"))


def test_one_class_and_impossible_settings_are_refused(cut):
    with pytest.raises(SplitError, match="1 class"):
        fine_tune(network(), cut[cut.label == "slow"])
    for wrong in (
        {"epochs": 0},
        {"alpha": 0},
        {"batch_norm": "train"},
        {"layer_decay": 0},
        {"held_out": 1},
    ):
        with pytest.raises(ParameterError, match=next(iter(wrong))):
            FineTuneConfig(**wrong)
    for still in ({"start": "zero"}, {"blocks": 0}):  # nothing would learn, or from a guess
        with pytest.raises(ParameterError, match="head_scale"):
            FineTuneConfig(**still)


def test_a_head_of_probes_stays_and_the_network_learns_to_be_read_by_it(cut):
    train = cut[cut.subject < "s3"]
    signal, labels = torch.from_numpy(train.signal), train.label.astype(str)
    config = FineTuneConfig(epochs=4, batch_size=8, lr=1e-2)
    before = state(start_head(network(), signal, labels, config))
    tuned = fine_tune(network(), train, config=config)
    assert not changed(before, state(tuned.head))
    assert changed(state(network()), state(tuned.network), "weight")
    assert tuned.history.loss.iloc[-1] < tuned.history.loss.iloc[0]
    assert tuned.trained == sum(p.numel() for p in network().body.parameters())


def test_the_head_is_standardised_by_the_training_windows(cut):
    net = network()
    tuned = fine_tune(
        net, cut[:24], config=FineTuneConfig(epochs=1, blocks=0, start="zero", head_scale=1)
    )
    with torch.no_grad():
        features = net(torch.from_numpy(cut.signal[:24]))
    torch.testing.assert_close(tuned.head[0][0].running_mean, features.mean(dim=0))


@pytest.mark.parametrize("classes", [2, 3])
def test_the_head_starts_at_the_fused_probes(cut, classes):
    cut = cut[np.isin(cut.label, CLASSES[:classes])]
    readout = ImageReadout((small(), small("motion-signed")), layers=(0, 1))
    method = ImageMethod(load_backbone("mobilenetv3_small_050"), readout)
    train, test = cut[cut.subject < "s3"], cut[cut.subject >= "s3"]
    net = method.network(cut).eval()
    head = start_head(net, torch.from_numpy(train.signal), train.label, FineTuneConfig()).eval()
    with torch.no_grad():
        found = head(net, net.prepare(torch.from_numpy(test.signal)))
    votes = []
    for name, features in method.voters(train).items():
        x, make = fuse({name: features})
        votes.append(make(0).fit(x, train.label).predict_log_proba(method.voters(test)[name]))
    np.testing.assert_allclose(found, sum(votes) / len(votes), atol=0.02)


def test_windows_are_worn_otherwise_but_stay_the_same_motion(cut):
    signal = torch.from_numpy(cut.signal[:6])
    spread = torch.ones(3, 1)
    turned = augment_signal(signal, FineTuneConfig(shift=0, noise=0, gain=0), spread)
    # a rotation keeps the length of every vector
    torch.testing.assert_close(turned.norm(dim=1), signal.norm(dim=1))
    assert not torch.allclose(turned, signal, atol=0.01)
    louder = augment_signal(signal, FineTuneConfig(shift=0, noise=0, rotation=0), spread)
    ratio = (louder / signal).flatten(1)
    torch.testing.assert_close(ratio, ratio[:, :1].expand_as(ratio))
    assert (ratio - 1).abs().max() <= 0.1
