"""Networks are loaded with every key accounted for, and read at any layer."""

import copy
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import timm
import torch

from img2imu_kit.errors import GuessWarning, OutputError, ParameterError, SignalError, WeightsError
from img2imu_kit.models import backbone, weights
from img2imu_kit.models.readout import pool_maps

SMALL = "mobilenetv3_small_050"


@pytest.fixture(scope="module")
def small():
    return backbone.load_backbone(SMALL)


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (5, 3, 64, 48), dtype=np.uint8)


@pytest.fixture
def folder(small, tmp_path):
    return backbone.save_backbone(small, tmp_path / "weights", corpus="none")


def rewrite(folder, change):
    """Change the tensors of a folder of weights."""
    path = folder / "model.safetensors"
    state = safetensors.torch.load_file(path)
    safetensors.torch.save_file(change(state), path)


def same(a, b):
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_random_weights_come_from_the_seed_alone(small):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    again, other = backbone.load_backbone(SMALL, seed=0), backbone.load_backbone(SMALL, seed=1)
    assert torch.equal(torch.rand(3), expected)  # the global generator was left alone
    assert same(again.model, small.model)
    assert not torch.equal(other.model.conv_stem.weight, small.model.conv_stem.weight)
    assert small.report is None


@pytest.mark.parametrize(
    ("name", "layers"),
    [(SMALL, 5), ("resnet10t", 5), ("vit_tiny_patch16_224", 12), ("convnext_atto", 4)],
)
def test_layers_are_what_they_say(name, layers):
    reader = backbone.load_backbone(name)
    table = reader.layers()
    assert len(table) == layers
    images = np.zeros((1, 3, 64, 64), np.uint8)
    for layer, row in table.iterrows():
        rows = 64 // row.stride
        shape = reader.features(images, layer=layer, pool="time").shape
        assert shape == (1, row.channels * rows), (layer, row)


def test_features_equal_timms_own(small, images):
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (small.mean, small.std))
    plain = timm.create_model(SMALL, features_only=True, out_indices=(1, 4)).eval()
    plain.load_state_dict(small.model.state_dict(), strict=False)
    with torch.inference_mode():
        early, late = plain((torch.from_numpy(images) / 255 - mean) / std)
    features = small.features(images)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, late.mean((2, 3)), atol=1e-5)
    np.testing.assert_allclose(
        small.features(images, layer=1, pool="time"), early.mean(3).flatten(1), atol=1e-5
    )
    np.testing.assert_array_equal(small.features(images, layer=-4), small.features(images, layer=1))
    both = np.concatenate([early.mean((2, 3)), late.mean((2, 3))], axis=1)
    np.testing.assert_allclose(small.features(images, layer=[4, 1]), both, atol=1e-5)


def test_pooling_keeps_frequency(small):
    maps = torch.arange(2 * 3 * 8 * 6, dtype=torch.float32).view(2, 3, 8, 6)
    assert torch.equal(pool_maps(maps, "gap"), maps.mean((2, 3)))
    assert torch.equal(pool_maps(maps, "time"), maps.mean(3).flatten(1))
    grid = pool_maps(maps, "grid", rows=4, columns=2)
    assert torch.equal(grid, maps.view(2, 3, 4, 2, 2, 3).mean((3, 5)).flatten(1))
    assert pool_maps(maps, "grid", rows=99, columns=99).shape == (2, 3 * 8 * 6)
    # a tone high or low is a different vector over rows, whatever the network
    picture = np.zeros((2, 3, 64, 64), np.uint8)
    picture[0, :, 8], picture[1, :, 56] = 255, 255
    high, low = small.features(picture, layer=0, pool="time").reshape(2, 16, 32)
    assert np.abs(high - low)[:, 2:6].max() > 0.01
    np.testing.assert_allclose(high[:, 3:6], low[:, 27:30], atol=1e-5)


def test_features_do_not_depend_on_the_batch(small, images):
    whole = small.features(images, layer=2)
    np.testing.assert_allclose(small.features(images, layer=2, batch_size=2), whole, atol=1e-5)
    np.testing.assert_allclose(small.features(images[::-1], layer=2)[::-1], whole, atol=1e-5)


def test_training_modes_survive_reading(images):
    reader = backbone.load_backbone(SMALL)
    reader.model.train()
    reader.model.bn1.eval()  # frozen statistics, as in fine-tuning with few labels
    before = {name: module.training for name, module in reader.model.named_modules()}
    statistics = reader.model.blocks[0][0].bn1.running_mean.clone()
    reader.features(images)
    assert {name: module.training for name, module in reader.model.named_modules()} == before
    assert torch.equal(reader.model.blocks[0][0].bn1.running_mean, statistics)


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((2, 3, 64, 64), np.float32),
        np.zeros((3, 64, 64), np.uint8),
        np.zeros((2, 64, 64, 3), np.uint8),
        np.zeros((0, 3, 64, 64), np.uint8),
    ],
    ids=["float", "no-batch", "channels-last", "empty"],
)
def test_images_are_checked(small, bad):
    with pytest.raises(SignalError, match="images"):
        small.features(bad)


@pytest.mark.parametrize(
    "wrong", [{"layer": 5}, {"layer": -6}, {"layer": 1.5}, {"pool": "max"}, {"batch_size": 0}]
)
def test_settings_are_checked(small, images, wrong):
    with pytest.raises(ParameterError):
        small.features(images, **wrong)


def test_names_and_settings_that_timm_does_not_know(images):
    with pytest.raises(ParameterError, match="mobilenetv2_100"):
        backbone.load_backbone("mobilenetv2_10")
    with pytest.raises(ParameterError, match="pad_type"):
        backbone.load_backbone("resnet10t", pad_type="same")
    with pytest.raises(SignalError, match="224"):  # a network built for one size
        backbone.load_backbone("mixer_s32_224").features(images)


def test_a_saved_network_comes_back(small, folder, images):
    again = backbone.load_backbone(SMALL, folder, seed=3)
    assert same(again.model, small.model)
    assert again.report.complete
    assert again.card["corpus"] == "none"
    np.testing.assert_array_equal(again.features(images), small.features(images))
    for form in (f"local-dir:{folder}", folder / "model.safetensors"):
        assert same(backbone.load_backbone(SMALL, form).model, small.model)
    card = json.loads((folder / "card.json").read_text())
    plain = timm.create_model(card["architecture"], num_classes=card["num_classes"])
    plain.load_state_dict(safetensors.torch.load_file(folder / "model.safetensors"), strict=True)
    assert sorted(p.name for p in folder.iterdir()) == ["card.json", "model.safetensors"]


def test_the_card_of_weights_names_the_architecture(small, folder):
    assert backbone.load_backbone(weights=folder).name == SMALL
    assert backbone.load_backbone(weights="img2imu:walk-sensor").name == "mobilenetv2_100"
    (folder / "card.json").write_text('{"mean": [0, 0, 0], "std": [1, 1, 1]}')
    for source in (folder, None):
        with pytest.raises(ParameterError, match="no card names an architecture"):
            backbone.load_backbone(weights=source)


def test_a_network_without_classifier_comes_back_whole(folder, images, recwarn):
    rewrite(folder, lambda state: {k: v for k, v in state.items() if "classifier" not in k})
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"num_classes": 0}))
    assert backbone.load_backbone(SMALL, folder).report.complete
    assert not recwarn


def test_saving_fails_whole(small, folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # as good as a full disk
    try:
        with pytest.raises(OutputError, match=r"could not be written .* is unchanged"):
            backbone.save_backbone(backbone.load_backbone(SMALL, seed=1), folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    with pytest.raises(OutputError, match="could not be written"):
        backbone.save_backbone(small, folder / "card.json")  # a file where a folder should be


def test_a_classifier_of_another_task_is_reported_not_fatal(folder):
    def change(state):
        state["classifier.weight"] = state["classifier.weight"][:7].clone()
        del state["classifier.bias"]
        return state

    rewrite(folder, change)
    with pytest.warns(UserWarning, match=r"missing: classifier.bias; mismatched: classifier.w"):
        report = backbone.load_backbone(SMALL, folder).report
    assert report.missing == ("classifier.bias",)
    assert report.mismatched == ("classifier.weight (7, 1024) for (1000, 1024)",)
    html = report._repr_html_()
    assert "classifier.bias" in html
    assert "conv_stem.weight" in html


def drop_stem(state):
    return {key: value for key, value in state.items() if key != "conv_stem.weight"}


def add_stranger(state):
    return state | {"blocks.99.weight": torch.zeros(1)}


def narrow_stem(state):
    return state | {"conv_stem.weight": state["conv_stem.weight"][:8].clone()}


@pytest.mark.parametrize(
    ("change", "kind", "key"),
    [
        (drop_stem, "missing", "conv_stem.weight"),
        (add_stranger, "unexpected", "blocks.99.weight"),
        (narrow_stem, "mismatched", "conv_stem.weight"),
    ],
)
def test_a_partial_load_is_never_silent(folder, change, kind, key):
    rewrite(folder, change)
    with pytest.raises(WeightsError, match=rf"{kind}: {key}"):
        backbone.load_backbone(SMALL, folder)
    with pytest.warns(UserWarning, match=rf"{kind}: {key}"):
        report = backbone.load_backbone(SMALL, folder, strict=False).report
    assert getattr(report, kind)[0].startswith(key)
    assert not report.complete


def test_weights_of_another_network_never_load(folder):
    rewrite(folder, lambda state: {f"strange.{key}": value for key, value in state.items()})
    for strict in (True, False):
        with pytest.raises(WeightsError, match="0 of"):
            backbone.load_backbone(SMALL, folder, strict=strict)


def test_prefixes_of_training_wrappers_are_taken_off(small, folder):
    def moco(state):
        query = {f"module.encoder_q.{key}": value for key, value in state.items()}
        key_encoder = {f"module.encoder_k.{key}": value + 1 for key, value in state.items()}
        return query | key_encoder | {"module.queue": torch.zeros(4, 8)}

    rewrite(folder, moco)
    again = backbone.load_backbone(SMALL, folder)
    assert same(again.model, small.model)
    assert again.report.prefix == "module.encoder_q."
    assert "module.queue" in again.report.outside
    assert "'module.encoder_q.' taken off" in repr(again.report)


@pytest.mark.parametrize(
    "prefix",
    [
        *("_orig_mod.", "module._orig_mod.", "base_encoder.", "module.base_encoder."),
        *("encoder.", "teacher.backbone.", "model.encoder.", "backbone."),
    ],
)
def test_every_known_prefix_is_taken_off_and_told(small, folder, prefix):
    student = prefix.replace("teacher", "student").replace("base_", "momentum_")

    def wrap(state):
        other = {f"{student}{key}": value + 1 for key, value in state.items()}
        return other | {f"{prefix}{key}": value for key, value in state.items()}

    rewrite(folder, wrap)
    again = backbone.load_backbone(SMALL, folder)
    assert same(again.model, small.model)
    assert f"prefix {prefix!r} taken off" in repr(again.report)


def test_a_compiled_network_is_saved_under_the_keys_of_any_other(small, tmp_path):
    # wrapped, and for the sake of speed never run: the compiler is asked for at the first picture
    compiled = replace(small, model=torch.compile(small.model))
    compiled_part = replace(small, model=copy.deepcopy(small.model))
    compiled_part.model.blocks[0] = torch.compile(compiled_part.model.blocks[0])
    for i, network in enumerate((compiled, compiled_part)):
        folder = backbone.save_backbone(network, tmp_path / f"{i}")
        again = backbone.load_backbone(SMALL, folder)
        assert same(again.model, small.model)
        assert again.report.prefix == ""


def test_a_checkpoint_of_two_networks_gives_the_teacher(small, tmp_path):
    path = tmp_path / "dino.pth"
    state = small.model.state_dict()
    student = {f"module.backbone.{key}": value + 1 for key, value in state.items()}
    teacher = {f"backbone.{key}": value for key, value in state.items()}
    torch.save({"student": student, "teacher": teacher, "epoch": 3}, path)
    (tmp_path / "dino.json").write_text(json.dumps({"mean": small.mean, "std": small.std}))
    assert same(backbone.load_backbone(SMALL, path, allow_pickle=True).model, small.model)


def test_only_safetensors_unless_asked_for(small, tmp_path):
    path = tmp_path / "model.pth"
    torch.save({"state_dict": small.model.state_dict(), "epoch": 3}, path)
    with pytest.raises(WeightsError, match="allow_pickle=True"):
        backbone.load_backbone(SMALL, path)
    (tmp_path / "card.json").write_text(json.dumps({"mean": small.mean, "std": small.std}))
    assert same(backbone.load_backbone(SMALL, path, allow_pickle=True).model, small.model)


class Malicious:
    def __reduce__(self):
        return os.mkdir, ("pwned",)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_pickle_that_runs_code_is_refused_even_then(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Malicious()))
    with pytest.raises(WeightsError, match="cannot be read"):
        backbone.load_backbone(SMALL, "evil.pth", allow_pickle=True)
    (tmp_path / "evil.safetensors").write_bytes(pickle.dumps(Malicious()))
    with pytest.raises(WeightsError, match="cannot be read"):
        backbone.load_backbone(SMALL, "evil.safetensors")
    assert not (tmp_path / "pwned").exists()


def test_damaged_files_say_so(folder):
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:5], b"", b"{" * 100):
        path.write_bytes(damaged)
        with pytest.raises(WeightsError, match="cannot be read as weights"):
            backbone.load_backbone(SMALL, folder)
    path.write_bytes(whole)
    rewrite(folder, lambda state: state | {"bn1.bias": torch.full((16,), torch.nan)})
    with pytest.raises(WeightsError, match=r"bn1.bias holds NaN"):
        backbone.load_backbone(SMALL, folder)
    path.unlink()
    with pytest.raises(WeightsError, match="no such file"):
        backbone.load_backbone(SMALL, folder)


def test_cards_give_statistics_and_padding(folder):
    (folder / "card.json").unlink()
    with pytest.warns(GuessWarning, match=r"card.json"):
        assert backbone.load_backbone(SMALL, folder).mean == (0.485, 0.456, 0.406)
    note = folder / "NOTE.md"
    note.write_text('Load with pad_type="same"; mean=std=.5, 128 px, accuracy mean 46.5')
    read = backbone.load_backbone(SMALL, folder)
    assert (read.mean, read.std) == ((0.5,) * 3, (0.5,) * 3)
    assert read.model.blocks[0][0].conv_dw.__class__.__name__ == "Conv2dSame"
    assert read.card["pad_type"] == "same"
    note.write_text("mean=(0.4, 0.5, 0.6), std=(.1,.2,.3)")
    assert backbone.load_backbone(SMALL, folder).std == (0.1, 0.2, 0.3)
    timms = {"architecture": SMALL, "pretrained_cfg": {"mean": [0, 0, 0], "std": [1, 1, 1]}}
    (folder / "config.json").write_text(json.dumps(timms))  # JSON wins over the note
    assert backbone.load_backbone(SMALL, folder).std == (1.0, 1.0, 1.0)
    for broken in ("{", "[1]", '{"mean": "grey"}'):
        (folder / "config.json").write_text(broken)
        with pytest.raises(WeightsError, match="not a card"):
            backbone.load_backbone(SMALL, folder)


def test_an_untrained_twin_differs_in_its_weights_alone(folder, images):
    (folder / "card.json").write_text(
        json.dumps({"architecture": SMALL, "pad_type": "same", "mean": [0.4] * 3, "std": [0.2] * 3})
    )
    trained = backbone.load_backbone(SMALL, folder)
    twin = trained.untrained(seed=1)
    assert (twin.name, twin.mean, twin.std) == (trained.name, trained.mean, trained.std)
    assert "Conv2dSame" in repr(twin.model)
    assert repr(twin.model) == repr(trained.model)
    assert not np.allclose(twin.features(images), trained.features(images))
    assert same(twin.model, backbone.load_backbone(SMALL, seed=1).model)
    wide = backbone.load_backbone(SMALL, in_chans=6)
    assert len(wide.untrained().mean) == 6


def test_published_weights_offline_say_what_to_do(tmp_path):
    code = (
        "import img2imu_kit as ik\n"
        f"try: ik.load_backbone({SMALL!r}, 'timm')\n"
        "except ik.errors.WeightsError as error: print(error)"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120
    )
    assert "could not load its published weights" in done.stdout, done.stderr
    assert "give a .safetensors file or folder" in done.stdout
    with pytest.raises(WeightsError, match="publishes no weights"):
        backbone.load_backbone("mobilenetv1_025", "timm")


@pytest.mark.parametrize(
    ("name", "folder", "tensors"),
    [
        ("mobilenetv2_100", "mobilenetv2_100.tf_float", 314),
        ("mobilenetv1_025", "mobilenetv1_025.tf_qat_dequant", 164),
    ],
)
def test_real_weights_load_whole(shared, name, folder, tensors):
    loaded = backbone.load_backbone(name, shared / "weights" / folder)
    assert loaded.report.complete
    assert len(loaded.report.matched) == tensors
    assert loaded.mean == loaded.std == (0.5, 0.5, 0.5)
    assert loaded.card["pad_type"] == "same"


def test_six_channels_repeat_the_statistics():
    six = backbone.load_backbone(SMALL, in_chans=6)
    assert six.mean == timm.get_pretrained_cfg(SMALL).mean * 2
    assert six.features(np.zeros((1, 6, 32, 32), np.uint8)).shape == (1, 288)


@pytest.mark.gpu
def test_on_a_gpu(small, images):
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    reader = backbone.load_backbone(SMALL)
    there = reader.features(images, device="cuda")
    np.testing.assert_allclose(there, small.features(images), atol=1e-3)


def test_report_reads_well():
    report = weights.WeightsReport(
        "a.safetensors", ("x",), missing=tuple("abcdef"), prefix="module."
    )
    assert repr(report) == (
        "1 of 7 tensors from a.safetensors; missing: a, b, c, d and 2 more; "
        "prefix 'module.' taken off, 0 keys aside"
    )
