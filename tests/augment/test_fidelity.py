"""On real data: the sensor-aware set imitates its twins, and the measure can say no."""

import warnings
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from img2imu_kit.augment.fidelity import fidelity_table, likeness, measure_fidelity
from img2imu_kit.augment.image import Gain, Hue, TranslateX
from img2imu_kit.augment.scale import scale_of
from img2imu_kit.augment.vision import GaussianBlur
from img2imu_kit.datasets import catalogue as datasets
from img2imu_kit.errors import ParameterError, SignalError
from img2imu_kit.pictures.power import spectrogram
from img2imu_kit.signals.windows import sliding_windows

SECONDS = {"swimming": 6, "sp_sw_har": 2, "utd_mhad": 4}


@pytest.fixture(scope="module")
def real(data_dir):
    """A data set's name -> some of its windows, in m/s2."""

    def load(name):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # short recordings, undocumented labels
            recordings = datasets.load_dataset(name, data_dir(name))[::3]
            recordings = [recording.select("acc").to_unit("m/s2") for recording in recordings]
            return sliding_windows(recordings, SECONDS[name], purity=0.6)

    found = {}
    return lambda name: found.setdefault(name, found.get(name) or load(name))


@pytest.mark.parametrize(
    "name",
    ["swimming", pytest.param("sp_sw_har", marks=pytest.mark.slow), "utd_mhad"],  # 5 s of reading
)
def test_the_table_on_real_data(real, name, capsys):
    table = fidelity_table(real(name), most=80)
    assert f"{len(table)}/{len(table)}" in capsys.readouterr().err, "a bar"
    aware = table[table.set == "sensor-aware"].set_index("augmentation")
    assert len(aware) == 9
    assert (aware.low > 0).all()  # above the null, with confidence
    assert (aware.explained > 0).all()  # and better than doing nothing
    assert aware.plausible.all()
    # the little noise there is hardly shows under the strong movements of swimmers
    assert set(aware.verdict.drop("noise")) == {"imitates"}
    assert aware.similarity["hue on power"] > aware.similarity["hue"]
    assert aware.similarity["gain"] > 0.99
    rest = table[table.set != "sensor-aware"].set_index("augmentation")
    assert not rest.plausible.any()
    assert rest.explained["vertical flip"] > 0.99  # exact, and yet nothing that happens
    assert rest.explained["crop and resize"] < 0
    assert set(rest.verdict[["blur", "rotation", "shear", "solarize"]]) == {"no twin"}
    whole = table[table.augmentation == "all together"].set_index("set")
    assert whole.explained["sensor-aware"] > whole.explained["vision"] + 0.2


def test_the_same_seed_gives_the_same_row(real):
    few = real("utd_mhad")[:40]
    assert measure_fidelity(TranslateX(), few) == measure_fidelity(TranslateX(), few)
    assert measure_fidelity(TranslateX(), few) != measure_fidelity(TranslateX(), few, seed=1)


def test_wrong_imitations_are_found_out(real):
    @dataclass(frozen=True)
    class Backwards(TranslateX):
        def twin(self, signal, scale, shift):
            return super().twin(signal, scale, -shift)

    few = real("swimming")[::8]
    assert measure_fidelity(TranslateX(), few)["verdict"] == "imitates"
    wrong = measure_fidelity(Backwards(), few)
    assert wrong["verdict"] != "imitates"
    assert wrong["explained"] < 0


def test_a_gain_is_invisible_in_pictures_normalised_by_axis(real):
    few = real("utd_mhad")[:40]
    row = measure_fidelity(Gain(0.1), few, range="per-axis")
    assert row["verdict"] == "invisible"
    assert np.isnan(row["explained"])
    assert measure_fidelity(Gain(0.1), few)["verdict"] == "imitates"


def test_without_a_twin_the_comparison_is_with_no_change(real):
    row = measure_fidelity(GaussianBlur(), real("utd_mhad")[:40])
    assert row["verdict"] == "no twin"
    assert row["nothing"] == pytest.approx(1)


def test_columns_agree(real):
    row = measure_fidelity(Hue(), real("utd_mhad")[:60])
    assert row["margin"] == pytest.approx(row["similarity"] - row["null"])
    assert row["low"] < row["margin"] < row["high"]
    assert abs(row["null"]) < 0.2  # the mean picture is off, so strangers are not alike
    assert row["strength"] == "rotation_deg 60"


def test_likeness_is_perfect_for_equal_pictures_and_none_for_doing_nothing():
    rng = torch.Generator().manual_seed(0)
    images, depicted = (torch.rand((5, 3, 8, 8), generator=rng) for _ in range(2))
    mean = torch.rand((3, 8, 8), generator=rng)
    similarity, explained = likeness(images, depicted, depicted, mean)
    np.testing.assert_allclose(similarity, np.ones(5), rtol=1e-6)
    assert explained == pytest.approx(1)
    assert likeness(images, images, depicted, mean)[1] == pytest.approx(0)
    assert np.isnan(likeness(images, images, images, mean)[1])


def test_a_picture_scale_is_its_grid_in_fractions():
    signal = np.random.default_rng(0).normal(size=(8, 3, 400))
    scale = scale_of(spectrogram(signal, rate=50, n_fft=64, hop=4, fmax_hz=20))
    assert scale.seconds == pytest.approx(85 * 4 / 50)
    assert scale.start_s == pytest.approx(30 / 50)
    assert scale.frame_s == pytest.approx(64 / 50)
    edges_hz = scale.hz(torch.tensor([0.0, 1.0])).tolist()
    assert edges_hz == pytest.approx([-25 / 64, 25.5 * 50 / 64])
    assert scale.height_hz == pytest.approx(26 * 50 / 64)
    power = spectrogram(signal, rate=50).power[:, :, 3:-3]  # white noise of unit variance
    assert 10 * np.log10(power.mean()) == pytest.approx(scale.noise_db, abs=0.2)
    spans = scale_of(spectrogram(signal, rate=50, range="per-axis"))
    assert 20 < spans.range_db < 80


def test_errors(real):
    few = real("utd_mhad")[:10]
    with pytest.raises(ParameterError, match="no range in dB"):
        measure_fidelity(Hue(), few, scale="magnitude", range="per-axis")
    with pytest.raises(ParameterError, match="magnitude has no axes"):
        measure_fidelity(Hue(), few, channels="magnitude")
    with pytest.raises(SignalError, match=r"1 window\(s\) with 3 axes"):
        measure_fidelity(Hue(), few[:1])
    with pytest.raises(SignalError, match="expected Windows"):
        measure_fidelity(Hue(), few.signal)
    one_axis = replace(few, signal=few.signal[:, :1], axes=("acc_x",), unit=("m/s2",))
    with pytest.raises(SignalError, match="with 1 axes"):
        measure_fidelity(Hue(), one_axis)
