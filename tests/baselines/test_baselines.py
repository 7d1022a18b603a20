"""Baselines on sensor data: losses against loops from the formula, masks, contract, runs."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import img2imu_kit as ik
from img2imu_kit import baselines
from img2imu_kit.baselines import cpc, limu_bert, multitask, simclr
from img2imu_kit.baselines.encoder import ENCODERS
from img2imu_kit.errors import ClockError, ParameterError, SignalError, WeightsError
from img2imu_kit.evaluate.cache import cache_key
from img2imu_kit.evaluate.finetune import FineTuneConfig, fine_tune
from img2imu_kit.evaluate.methods import OwnWindowsMethod, SignalMethod


@pytest.fixture(scope="module")
def people():
    recordings = ik.load_dataset("synthetic", subjects=4, seconds=9, seed=0)
    return ik.sliding_windows(recordings, seconds=3, overlap=0.5)


@pytest.fixture
def batch(rng):
    return torch.from_numpy(rng.normal(size=(6, 3, 100)).astype(np.float32))


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


# --- the contract -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "seconds", "pieces"),
    [(30, 6, 5), (100, 1, 1), (50, 2, 1), (50, 4, 3), (50.9, 2, 1), (50, 2.2, 1), (200, 3, 2)],
)
def test_any_rate_and_length_becomes_pieces_of_100_samples(rate, seconds, pieces):
    signal = np.zeros((3, 6, round(rate * seconds)))
    read = baselines.to_encoder_input(signal, rate=rate, unit="g")
    assert read.shape == (3, pieces, 3, 100)
    assert read.dtype == np.float32


@pytest.mark.parametrize("rate", [30, 64, 200])
def test_resampling_keeps_the_motion(rate):
    times_s = np.arange(2 * rate) / rate
    swing = np.sin(2 * np.pi * 3 * times_s)[None, None].repeat(3, axis=1)
    read = baselines.to_encoder_input(swing, rate=rate, unit="g")[0, 0]
    expected = np.sin(2 * np.pi * 3 * np.arange(100) / 50)
    np.testing.assert_allclose(read[0, 10:-10], expected[10:-10], atol=0.02)


def test_all_of_a_long_window_is_read_and_a_short_one_is_mirrored():
    ramp = np.arange(300.0)[None, None].repeat(3, axis=1)
    pieces = baselines.to_encoder_input(ramp, rate=50, unit="g")[0, :, 0]
    assert set(pieces.ravel()) == set(range(300))
    assert [piece[0] for piece in pieces] == [0, 50, 100, 150, 200]
    short = baselines.to_encoder_input(ramp[:, :, :40], rate=50, unit="g")[0, 0, 0]
    np.testing.assert_array_equal(short[:80], [*range(40), *range(39, -1, -1)])


def test_the_unit_is_g_and_the_gyroscope_is_left_out(people):
    windows = replace(people, unit=("m/s2",) * 3 + ("rad/s",) * 3)
    in_g = replace(
        windows,
        signal=windows.signal / np.float32(9.80665),
        unit=("g",) * 3 + ("rad/s",) * 3,
    )
    read = baselines.to_encoder_input(windows)
    np.testing.assert_allclose(read, baselines.to_encoder_input(in_g), atol=1e-6)
    changed = windows.signal.copy()
    changed[:, 3:] += 1
    np.testing.assert_array_equal(
        read, baselines.to_encoder_input(replace(windows, signal=changed))
    )
    resting = np.linalg.norm(read.mean(axis=(1, 3)), axis=1)
    assert 0.5 < np.median(resting) < 1.5  # gravity is 1


@pytest.mark.parametrize(
    ("signal", "settings", "error", "words"),
    [
        (np.zeros((2, 3, 50)), {"unit": "g"}, ClockError, "rate"),
        (np.zeros((2, 3, 50)), {"rate": 50}, SignalError, "unit"),
        (np.zeros((2, 2, 50)), {"rate": 50, "unit": "g"}, SignalError, "3 or more"),
        (np.zeros((3, 50)), {"rate": 50, "unit": "g"}, SignalError, r"\(3, 50\)"),
        (np.full((2, 3, 50), np.nan), {"rate": 50, "unit": "g"}, SignalError, "NaN"),
        (np.zeros((2, 3, 50)), {"rate": 50, "unit": "rad/s"}, ParameterError, "acceleration"),
        (np.zeros((2, 3, 50)), {"rate": -1, "unit": "g"}, ClockError, "-1"),
    ],
)
def test_what_cannot_be_read_is_said(signal, settings, error, words):
    with pytest.raises(error, match=words):
        baselines.to_encoder_input(signal, **settings)


# --- losses, against loops written from the formula ---------------------------------------------


def test_simclr_is_nt_xent_of_two_views(batch):
    learner = simclr.SignalSimCLR().eval()
    loss, _ = learner(batch, draws())
    generator = draws()
    views = torch.cat([learner.views(batch, generator), learner.views(batch, generator)])
    z = [v / v.norm() for v in learner.head(learner.encoder(views))]
    total = 0.0
    for i in range(12):
        others = sum(torch.exp(z[i] @ z[k] / 0.1) for k in range(12) if k != i)
        total += -torch.log(torch.exp(z[i] @ z[(i + 6) % 12] / 0.1) / others)
    torch.testing.assert_close(loss, total / 12, rtol=1e-5, atol=1e-5)
    assert not torch.equal(views[:6], views[6:])


def test_multitask_is_the_mean_of_eight_cross_entropies(batch):
    learner = multitask.MultiTask().eval()
    loss, tensors = learner(batch, draws())
    assert len(learner.heads) == len(learner.changes) == 8
    generator, terms, right = draws(), [], []
    for change, head in zip(learner.changes, learner.heads, strict=True):
        changed = change(batch, generator)
        for i in range(len(batch)):
            for window, answer in ((batch[i], 0.0), (changed[i], 1.0)):
                p = torch.sigmoid(head(learner.encoder(window[None])))[0, 0]
                terms.append(-torch.log(p if answer else 1 - p))
                right.append((p > 0.5) == bool(answer))
    torch.testing.assert_close(loss, torch.stack(terms).mean(), rtol=1e-5, atol=1e-5)
    assert float(tensors["accuracy"]) == pytest.approx(np.mean(right))


def test_cpc_is_info_nce_over_windows_and_steps(rng):
    p, z = (torch.from_numpy(rng.normal(size=(5, 3, 7))) for _ in range(2))
    total, right = 0.0, 0
    for i in range(5):
        for k in range(3):
            scores = [float(p[i, k] @ z[j, k]) for j in range(5)]
            total -= math.log(math.exp(scores[i]) / sum(map(math.exp, scores)))
            right += max(scores) == scores[i]
    loss, tensors = cpc.prediction_loss(p, z)
    assert float(loss) == pytest.approx(total / 15, abs=1e-6)
    assert float(tensors["accuracy"]) == pytest.approx(right / 15)
    assert float(cpc.prediction_loss(0 * p, z)[0]) == pytest.approx(math.log(5))


def test_cpc_predicts_the_future_from_the_past_alone(batch):
    learner = cpc.CPC().eval()
    now = int(torch.rand(1, generator=draws(3)) * (100 - 28))
    codes = learner.encoder.local(batch).transpose(1, 2)
    context = learner.encoder.summary(codes)[0][:, now]  # causal: the same with the future known
    predicted = torch.stack([predict(context) for predict in learner.predict], dim=1)
    expected, _ = cpc.prediction_loss(predicted, codes[:, now + 1 : now + 29])
    torch.testing.assert_close(learner(batch, draws(3))[0], expected)


@pytest.mark.parametrize("length", [25, 50, 150])
def test_masks_are_spans_of_a_fixed_share(length):
    mask = limu_bert.spans(400, length, draws())
    goal = round(0.15 * length)
    assert (mask.sum(dim=1) == goal).all()
    assert torch.equal(mask, limu_bert.spans(400, length, draws()))
    assert len(mask.unique(dim=0)) > 100
    frequency = mask.float().mean(dim=0)[10:]  # places near the start are covered by fewer spans
    assert (frequency - frequency.mean()).abs().max() < 0.1
    runs = (mask[:, 1:] & ~mask[:, :-1]).sum(dim=1) + mask[:, 0]
    assert 1 < goal / runs.float().mean() < 10  # neither single tokens nor one block


def test_reconstruction_is_judged_on_what_is_hidden_alone(batch):
    learner = limu_bert.LimuBert().eval()
    loss, _ = learner(batch, draws(1))
    generator = draws(1)
    x = limu_bert.tokens(batch)
    mask = limu_bert.spans(6, 50, generator)
    hide = torch.rand(6, 1, 1, generator=generator)[:, 0, 0] < 0.8
    errors = []
    for i in range(6):
        seen = x[i].clone()
        if hide[i]:
            seen[mask[i]] = 0
        rebuilt = learner.decoder(learner.encoder.read(seen[None]))[0]
        for place in range(50):
            if mask[i, place]:
                errors += [(rebuilt[place, c] - x[i, place, c]) ** 2 for c in range(3)]
    torch.testing.assert_close(loss, torch.stack(errors).mean(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(x[2, 7], batch[2, :, 14:16].mean(dim=1))


def test_layers_of_the_transformer_share_their_weights():
    names = {name.split(".")[0] for name, _ in limu_bert.LimuBertEncoder().named_parameters()}
    assert names == {"embed", "position", "norm", "layer"}


# --- encoders -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ENCODERS)
def test_features_do_not_depend_on_the_batch(method, people):
    encoder = baselines.SignalEncoder(method, seed=0)
    features = encoder.features(people)
    assert features.shape == (len(people), ENCODERS[method].features)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, encoder.features(people, batch_size=7), atol=1e-5)
    np.testing.assert_allclose(features[3:4], encoder.features(people[3]), atol=1e-5)
    array = encoder.features(people.signal, people.rate, people.unit[0])
    np.testing.assert_array_equal(features, array)


@pytest.mark.parametrize("method", ENCODERS)
def test_the_network_gives_the_same_features(method, people):
    encoder = baselines.SignalEncoder(method, seed=0)
    network = encoder.network(people).eval()
    with torch.no_grad():
        features = network(network.prepare(torch.from_numpy(people.signal)))
    np.testing.assert_allclose(features.numpy(), encoder.features(people), atol=1e-5)


def test_the_seed_decides_the_weights_and_nothing_else_does():
    before = torch.random.get_rng_state()
    one, same, other = (baselines.SignalEncoder("cpc", seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert cache_key(one) == cache_key(same) != cache_key(other)
    assert one.scratch
    assert SignalMethod(one).family == "scratch"


@pytest.mark.parametrize("method", baselines.LEARNERS)
def test_saved_and_loaded_is_the_same(method, people, tmp_path):
    encoder = baselines.SignalEncoder(method, seed=3)
    encoder.save(tmp_path / "encoder", licence="none")
    loaded = baselines.SignalEncoder.load(tmp_path / "encoder")
    np.testing.assert_array_equal(encoder.features(people), loaded.features(people))
    assert loaded.card["licence"] == "none"
    assert sorted(p.name for p in (tmp_path / "encoder").iterdir()) == [
        "card.json",
        "model.safetensors",
    ]


def test_what_cannot_be_loaded_is_said(tmp_path):
    with pytest.raises(ParameterError, match="Did you mean 'simclr'"):
        baselines.SignalEncoder("simclear")
    with pytest.raises(ParameterError, match="There are: simclr"):
        ik.pretrain_signals("conv1d", np.zeros((9, 3, 100)), 50, "g", steps=1)
    with pytest.raises(WeightsError, match="no such file"):
        baselines.SignalEncoder.load(tmp_path)
    encoder = baselines.SignalEncoder("simclr")
    encoder.card["method"] = "cpc"
    encoder.save(tmp_path)
    with pytest.raises(WeightsError, match="do not fit cpc"):
        baselines.SignalEncoder.load(tmp_path)


def test_the_supervised_network_learns_from_scratch(people):
    network = baselines.SignalEncoder("conv1d").network(people)
    config = FineTuneConfig(epochs=5, lr=1e-2).from_scratch()
    tuned = fine_tune(network, people, config=config, seed=0)
    chance = 1 / len(people.classes)
    assert (tuned.predict(people) == people.label).mean() > chance + 0.3


# --- pre-training -------------------------------------------------------------------------------


def weights(encoder):
    return torch.cat([p.detach().ravel() for p in encoder.model.parameters()])


@pytest.mark.parametrize("method", baselines.LEARNERS)
def test_a_stopped_run_goes_on_to_the_same_weights(method, people, tmp_path):
    settings = {"steps": 6, "batch_size": 8, "progress": False}
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    whole = ik.pretrain_signals(method, people[:9], **settings)
    assert torch.equal(before, torch.random.get_rng_state())
    part = ik.pretrain_signals(method, people[:9], **settings, folder=tmp_path, max_steps=4)
    assert not part.finished
    torch.manual_seed(6)
    resumed = ik.pretrain_signals(method, people[:9], **settings, folder=tmp_path)
    assert resumed.finished
    assert torch.equal(weights(whole), weights(resumed))
    loaded = baselines.SignalEncoder.load(tmp_path)
    assert torch.equal(weights(whole), weights(loaded))
    assert loaded.card["steps"] == 6
    assert not loaded.scratch
    other = ik.pretrain_signals(method, people[:9], **settings, seed=1)
    assert not torch.equal(weights(whole), weights(other))


def test_pretraining_starts_at_the_random_encoder_of_its_seed(people):
    started = ik.pretrain_signals("cpc", people, steps=2, max_steps=0, seed=4, progress=False)
    assert torch.equal(weights(started), weights(baselines.SignalEncoder("cpc", seed=4)))


def test_labels_are_not_looked_at(people):
    shuffled = replace(people, label=people.label[::-1])
    settings = {"steps": 2, "batch_size": 16, "progress": False}
    runs = [ik.pretrain_signals("simclr", w, **settings) for w in (people, shuffled)]
    assert torch.equal(*map(weights, runs))


def test_own_windows_are_learned_from_once(people, tmp_path):
    own = OwnWindowsMethod("simclr", steps=2, folder=tmp_path)
    encoder = own.adapt(people, seed=0).encoder
    assert encoder.card["corpus"] == "own training windows"
    again = own.adapt(people, seed=0).encoder
    assert torch.equal(weights(encoder), weights(again))
    assert len(list(tmp_path.iterdir())) == 1
    assert cache_key(own) != cache_key(replace(own, steps=3))
    own.adapt(people[::2], seed=0)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.fixture(scope="module")
def some_corpus(data_dir, tmp_path_factory):
    """Two subjects of each set, so that it is quick."""
    chest, waist = (tmp_path_factory.mktemp(name) for name in ("chest", "waist"))
    for name in ("2.csv", "7.csv"):
        (chest / name).symlink_to(next(data_dir("chest_accelerometer").rglob(name)))
    for file in data_dir("sisfall").rglob("*_SA0[12]_R01.txt"):
        (waist / file.parent.name).mkdir(exist_ok=True)
        (waist / file.parent.name / file.name).symlink_to(file)
    return chest, waist


@pytest.fixture(scope="module")
def corpus(some_corpus):
    return baselines.load_corpus(*some_corpus)


def test_the_corpus_is_moving_windows_without_labels_in_g(some_corpus, corpus):
    windows = corpus
    assert windows.signal.shape[1:] == (3, 100)
    assert windows.rate == 50
    assert set(windows.label) == {""}
    assert set(windows.subject) == {"s02", "s07", "SA01", "SA02"}
    assert np.sqrt(windows.signal.var(axis=2).sum(axis=1)).min() >= 0.05
    for who in set(windows.subject):
        gravity = np.linalg.norm(windows.signal[windows.subject == who], axis=1)
        assert 0.8 < np.median(gravity) < 1.2
    without = baselines.load_corpus(*some_corpus, without=["s02", "SA01", "SA02"])
    assert set(without.subject) == {"s07"}


@pytest.mark.parametrize(
    ("method", "steps", "batch_size", "lr", "share"),
    [
        ("simclr", 87, 32, 2e-3, 0.8),
        ("multitask", 24, 8, 2e-3, 0.9),
        ("cpc", 40, 16, 4e-3, 0.9),
        ("limu-bert", 30, 16, 2e-3, 0.8),
    ],
)
def test_on_real_motion_the_loss_falls(method, steps, batch_size, lr, share, corpus):
    one_epoch = corpus[np.linspace(0, len(corpus) - 1, steps * batch_size).astype(int)]
    encoder = ik.pretrain_signals(
        method, one_epoch, steps=steps, batch_size=batch_size, lr=lr, progress=False
    )
    loss = encoder.history.loss.dropna()
    start = encoder.history.attrs["chance"] or loss.iloc[0]
    assert loss.iloc[-1] < share * start
