"""What the kit doubts is a warning, and under `strict` an error of its own."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import img2imu_kit as ik
from img2imu_kit import errors
from img2imu_kit.cli import main
from img2imu_kit.errors import Img2ImuWarning, StrictError, strict

STILL = np.tile([[0.01, 0.02, 1.0]], (400, 1)) + np.random.default_rng(0).normal(0, 0.01, (400, 3))


def written(folder, text, name="walk.csv"):
    path = folder / name
    path.write_text(text)
    return path


def table(*, rate=50.0, unit="", rows=400):
    stamps = np.arange(rows) / rate
    names = ["time (s)", *(f"acc_{axis}{unit}" for axis in "xyz")]
    return pd.DataFrame(np.column_stack([stamps, STILL[:rows]]), columns=names).to_csv(index=False)


def gravity_tells_the_unit(folder):
    return ik.read(written(folder, table()))


def stamps_deny_the_rate(folder):
    return ik.read(written(folder, "# sample rate: 100 Hz\n" + table(unit=" (g)", rate=50)))


def labels_of_another_hour(folder):
    recording = ik.Recording(STILL, 50, unit="g", name="walk")
    spans = pd.DataFrame({"start": [0.0, 9000.0], "end": [4.0, 9004.0], "label": ["a", "b"]})
    return ik.readers.label_intervals([recording], spans)


def people_on_both_sides(folder):
    label, subject = np.repeat(["run", "walk"], 20), np.tile(np.arange(4), 10)
    windows = ik.Windows.from_numpy(np.zeros((40, 3, 100)), label, subject, rate=50)
    return ik.signals.split_randomly(windows.subject, windows.label)


def statistics_that_no_card_tells(folder):
    network = ik.load_backbone("test_efficientnet")
    path = ik.models.save_backbone(network, folder) / "card.json"
    path.unlink()
    return ik.load_backbone("test_efficientnet", folder)


def an_axis_that_never_changes(folder):
    return ik.to_image(np.zeros((3, 400)), rate=50)


def recordings_too_short_to_be_cut(folder):
    long, short = (ik.Recording(STILL[:n], 50, name=str(n)) for n in (400, 20))
    return ik.sliding_windows([long, short], seconds=2, unlabelled=True)


DOUBTS = [
    gravity_tells_the_unit,
    stamps_deny_the_rate,
    labels_of_another_hour,
    people_on_both_sides,
    statistics_that_no_card_tells,
    an_axis_that_never_changes,
    recordings_too_short_to_be_cut,
]


@pytest.mark.parametrize("doubt", DOUBTS, ids=lambda doubt: doubt.__name__)
@pytest.mark.filterwarnings("default")
def test_a_doubt_is_a_warning_and_under_strict_an_error(doubt, tmp_path):
    with pytest.warns(Img2ImuWarning) as told:
        doubt(tmp_path)
    with strict(), pytest.raises(Img2ImuWarning):
        doubt(tmp_path)
    with pytest.raises(StrictError) as caught, strict():
        doubt(tmp_path)
    assert str(told[0].message).rstrip(".") in str(caught.value)
    assert caught.value.__suppress_context__


def test_every_warning_of_the_package_is_one_that_strict_knows():
    kinds = [getattr(errors, name) for name in errors.__all__ if name.endswith("Warning")]
    assert len(kinds) == 4
    assert all(issubclass(kind, Img2ImuWarning) for kind in kinds)


@pytest.mark.filterwarnings("default")
def test_strict_is_an_option_of_reading_and_scoring_and_leaves_the_filters_as_they_were(tmp_path):
    path = written(tmp_path, table())
    before = list(warnings.filters)
    with pytest.raises(StrictError, match="guessed: acceleration is in g"):
        ik.read(path, strict=True)
    [told] = ik.read(path, unit="g", strict=True)  # what was asked is answered
    assert told.unit == ("g",) * 3
    label, subject = np.repeat(["run", "walk"], 20), np.tile(np.arange(4), 10)
    windows = ik.Windows.from_numpy(np.zeros((40, 3, 100)), label, subject, rate=50)
    features = np.random.default_rng(0).normal(size=(40, 5))
    with pytest.raises(StrictError, match="groups have windows on both sides"):
        ik.few_label(features, windows, shots=2, seeds=1, by="random", strict=True)
    assert len(ik.few_label(features, windows, shots=2, seeds=1, strict=True)) == 1
    with strict(False), pytest.warns(Img2ImuWarning):
        ik.read(path)
    assert warnings.filters == before


def test_a_saved_network_takes_along_what_it_reads_pictures_with_now(tmp_path):
    """The card it was loaded with is not the last word: a warm start changes mean and std."""
    network = replace(ik.load_backbone("test_efficientnet"), mean=(0.1, 0.2, 0.3), std=(0.4,) * 3)
    again = ik.load_backbone(weights=ik.models.save_backbone(network, tmp_path))
    assert (again.mean, again.std) == (network.mean, network.std)
    twin = network.untrained()
    again = ik.load_backbone(weights=ik.models.save_backbone(twin, tmp_path / "twin"))
    assert again.mean == network.mean


def test_the_layer_read_unless_told_otherwise_is_the_deepest_that_was_trained():
    images = np.random.default_rng(0).integers(0, 256, (16, 3, 32, 32), dtype=np.uint8)
    short = {"size": 32, "epochs": 1, "batch_size": 8, "max_steps": 1, "progress": False}
    made = ik.pretrain_images(images, "test_efficientnet", layers=(0, 1), **short).backbone
    np.testing.assert_array_equal(made.features(images), made.features(images, layer=1))
    whole = ik.load_backbone("test_efficientnet")
    np.testing.assert_array_equal(whole.features(images), whole.features(images, layer=-1))


def test_a_command_is_strict_too(tmp_path, capsys):
    path = written(tmp_path, table())
    convert = ["convert", str(path), "--out", str(tmp_path / "out"), "--no-png"]
    with pytest.raises(SystemExit):
        main(["--strict", *convert])
    assert "error: " in (said := capsys.readouterr().err)
    assert "guessed: acceleration is in g" in said
    with pytest.raises(SystemExit) as done:  # what is told is not guessed
        main(["--strict", *convert, "--unit", "g"])
    assert done.value.code in (0, None)
    assert not any(kind is Img2ImuWarning for _, _, kind, *_ in warnings.filters)
