"""Changes of pictures of bands: exact where signed greys are, and each against its twin."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import img2imu_kit as ik
from img2imu_kit.augment.base import RandomApply
from img2imu_kit.augment.fidelity import fidelity_table, measure_fidelity
from img2imu_kit.augment.functional import rotations, shift_rows, stretch_time
from img2imu_kit.augment.image import (
    FrequencyMask,
    Gain,
    Hue,
    Invert,
    Noise,
    Tempo,
    TimeMask,
    sensor_aware,
)
from img2imu_kit.augment.scale import PictureKind, kind_of, scale_of
from img2imu_kit.augment.vision import TranslateY
from img2imu_kit.errors import ParameterError

RATE = 50.0
RAW = {"size": None}  # a pixel for each row and column: nothing is resized
KINDS = ("motion", "motion-signed")


@pytest.fixture
def signal(rng):
    """Gravity and a movement that wanders, [4, 3, 400], within the limits of both kinds."""
    steps = rng.normal(size=(4, 3, 400))
    steps = np.cumsum(steps - steps.mean(axis=2, keepdims=True), axis=2) / 8
    gravity = np.array([[[3], [-4], [2]]])
    return torch.from_numpy((steps + gravity).astype(np.float32))


def drawn(signal, preset, **settings):
    return (
        torch.from_numpy(ik.to_image(signal.numpy(), RATE, preset, **RAW | settings)).float() / 255
    )


def scale(signal, preset, **settings):
    return scale_of(ik.spectrogram(signal.numpy(), RATE, preset, **RAW | settings))


def both(change, signal, preset, **parameters):
    """The picture changed, and the picture of the sensor changed, in levels of 255."""
    changed = change.apply(drawn(signal, preset), **parameters)
    twin = change.twin(signal.clone(), scale(signal, preset), **parameters)
    return changed * 255, drawn(twin, preset) * 255


# ---- kinds of pictures --------------------------------------------------------------------


def test_three_kinds_of_pictures():
    assert kind_of() == PictureKind(range_db=70, octaves=0, slow=0, signed=False)
    power, signed = (kind_of(preset) for preset in KINDS)
    assert (power.signed, power.limit, power.range_db) == (False, 12, 70)
    assert (signed.signed, signed.limit) == (True, 12)
    assert power.slow == signed.slow == pytest.approx(0.2)
    assert power.octaves == pytest.approx(np.log2(20 / 0.3) * 24 / 23)
    assert kind_of(power) is power
    with pytest.raises(ParameterError, match="pictures of power have no range in dB"):
        kind_of(ik.SpectrogramParams(scale="power"))


@pytest.mark.parametrize("preset", KINDS)
def test_a_scale_knows_the_kind_and_where_the_rate_ends_it(signal, preset):
    assert replace(scale(signal, preset).kind, octaves=0) == replace(kind_of(preset), octaves=0)
    assert scale(signal, preset).kind.octaves == pytest.approx(kind_of(preset).octaves)
    slow = scale_of(ik.spectrogram(signal.numpy(), 20, preset))
    bands = ik.pictures.resolve(preset).bands
    expected = np.log2(0.95 * 10 / 0.3) * bands / (bands - 1)
    assert slow.kind.octaves == pytest.approx(expected)


def test_signed_greys_stand_for_values(signal):
    values = ik.spectrogram(signal.numpy(), RATE, "motion-signed", **RAW).power
    greys = drawn(signal, "motion-signed").flip(2)
    back = kind_of("motion-signed").value(greys).numpy()
    # Half a level, at the slope of sinh there.
    half = np.arcsinh(12) / 255 * np.cosh(np.arcsinh(values))
    assert (np.abs(back - values) <= 1.2 * half + 1e-6).all()


def test_extremes_of_power_leave_slow_movement_out(signal):
    spans = scale(signal, "motion", range="per-axis")
    power = ik.spectrogram(signal.numpy(), RATE, "motion", **RAW).power[:, :, 6:]
    assert spans.black_db == pytest.approx(
        10 * np.log10(np.median(power.min(axis=(2, 3)))), abs=0.1
    )


# ---- exact where theory says so -----------------------------------------------------------


@pytest.mark.parametrize("degrees", [20, 90])
def test_a_turn_mixes_signed_colours_as_it_mixes_axes(signal, degrees):
    axis = torch.nn.functional.normalize(torch.tensor([[1.0, -2, 0.5]]), dim=1).expand(4, 3)
    turn = rotations(axis, torch.full((4,), np.deg2rad(degrees)))
    changed, depicted = both(
        Hue(kind=kind_of("motion-signed")), signal, "motion-signed", rotation=turn
    )
    assert (drawn(signal, "motion-signed") * 255 - depicted).abs().max() > 20
    # Three greys of half a level each, and steeper near mid-grey than where they come from.
    assert (changed - depicted).abs().mean() < 0.6
    inside = (depicted > 2) & (depicted < 253)
    assert (changed - depicted)[inside].abs().max() < 8


def test_a_turn_of_power_is_exact_in_slow_movement_alone(signal):
    turn = rotations(torch.tensor([[0.0, 0, 1]]).expand(4, 3), torch.full((4,), 0.5))
    changed, depicted = both(Hue(kind=kind_of("motion")), signal, "motion", rotation=turn)
    off = (changed - depicted).abs()
    assert off[:, :, -6:].max() < 8
    assert off[:, :, :-6].mean() > 3 * off[:, :, -6:].mean()


@pytest.mark.parametrize("preset", KINDS)
def test_inverted_channels_are_axes_counted_the_other_way(signal, preset):
    sign = torch.tensor([[1.0, -1, 1], [-1, -1, -1], [1, 1, 1], [-1, 1, 1]])
    changed, depicted = both(Invert(kind=kind_of(preset)), signal, preset, sign=sign)
    assert (changed - depicted).abs().max() < 1.5  # mid-grey is 127.5 or 128
    before = drawn(signal, preset) * 255
    bands = slice(0, -6 if preset == "motion" else -4)
    assert torch.equal(before[1, :, bands], depicted[1, :, bands]) == (preset == "motion")
    assert not torch.equal(before[1], depicted[1])
    assert torch.allclose(before[2], changed[2], atol=1e-3)


def test_a_linear_picture_does_not_know_an_axis_from_its_negative(signal):
    images = torch.rand(4, 3, 16, 16)
    assert torch.equal(Invert(1.0)(images, 0), images)


@pytest.mark.parametrize("preset", KINDS)
def test_a_gain_multiplies_what_signed_greys_stand_for(signal, preset):
    gain = torch.tensor([-0.1, 0.03, 0.0, 0.05])
    changed, depicted = both(Gain(kind=kind_of(preset)), signal, preset, gain=gain)
    inside = (drawn(signal, preset) > 0) & (depicted > 2) & (depicted < 253)  # nothing cut off
    assert inside.float().mean() > 0.8
    assert (changed - depicted)[inside].abs().max() < 4
    still = torch.full((1, 3, 30, 4), 0.5)
    assert Gain(kind=kind_of("motion-signed"))(still, 0).allclose(still)
    twice = Gain(kind=kind_of("motion-signed")).apply(
        torch.full((1, 3, 20, 4), 0.7), gain=torch.tensor([20 * np.log10(2) / 70])
    )
    expected = 0.5 + np.arcsinh(2 * np.sinh(0.4 * np.arcsinh(12))) / (2 * np.arcsinh(12))
    assert twice.allclose(torch.tensor(expected).float(), atol=1e-5)


# ---- tempo --------------------------------------------------------------------------------


def test_time_is_stretched_about_the_middle_as_in_a_loop(rng):
    x = rng.normal(size=(3, 2, 50)).astype(np.float32)
    tempo = [1.3, 1.0, 0.7]
    ours = stretch_time(torch.from_numpy(x), torch.tensor(tempo)).numpy()
    hall = np.concatenate([x[..., ::-1], x, x[..., ::-1]], axis=2)  # mirrored at both ends
    for n, c in enumerate(tempo):
        places = (np.arange(50) + 0.5 - 25) * c + 25 - 0.5 + 50
        for axis in range(2):
            expected = np.interp(places, np.arange(150), hall[n, axis])
            # Between a sample and its own mirror image nothing changes, here and there.
            np.testing.assert_allclose(ours[n, axis], expected, atol=1e-4)


def test_rows_move_up_and_are_mirrored():
    rows = torch.arange(4.0).view(1, 1, 4, 1).expand(1, 3, 4, 2)
    assert shift_rows(rows, torch.tensor([0.25]))[0, 0, :, 0].tolist() == [1, 2, 3, 3]
    assert shift_rows(rows, torch.tensor([-0.5]))[0, 0, :, 0].tolist() == [1, 0, 0, 1]
    assert shift_rows(rows, torch.tensor([0.125]))[0, 0, :3, 0].tolist() == [0.5, 1.5, 2.5]


@pytest.mark.parametrize("preset", ["default", *KINDS])
def test_an_octave_of_tempo_doubles_a_frequency(preset):
    t = torch.arange(1600) / RATE
    slow, fast = (3 * torch.sin(2 * torch.pi * hz * (t - 15.99)) for hz in (2.5, 5.0))
    slow, fast = slow.expand(1, 3, -1), fast.expand(1, 3, -1)
    up = torch.tensor([1.0])
    change = Tempo(1.0, kind=scale(slow, preset).kind)
    twin = change.twin(slow, scale(slow, preset), octaves=up)
    middle = slice(500, 1100)
    assert (twin - fast)[..., middle].abs().max() < 0.1  # linear interpolation
    before, after = drawn(slow, preset), drawn(fast, preset)
    changed = change.apply(before.clone(), octaves=up)
    strongest = [
        (image - 0.5 * (preset == "motion-signed")).abs()[0, 0].amax(dim=1).argmax()
        for image in (changed, after)
    ]
    assert abs(int(strongest[0]) - int(strongest[1])) <= 1


@pytest.mark.parametrize("preset", KINDS)
def test_slow_movement_does_not_move(signal, preset):
    images = drawn(signal, preset)
    low = {"motion": 6, "motion-signed": 4}[preset]
    still = torch.zeros(4)
    kind = kind_of(preset)
    assert torch.allclose(Tempo(kind=kind).apply(images, octaves=still), images, atol=1e-5)
    moved = TranslateY(kind=kind).apply(images, shift=torch.full((4,), 0.1))
    assert torch.equal(moved[:, :, -low:], images[:, :, -low:])
    assert not torch.equal(moved[:, :, :-low], images[:, :, :-low])


# ---- noise and masks ----------------------------------------------------------------------


def test_noise_rises_with_the_breadth_of_bands():
    silence = torch.zeros(24, 3, 400) + 1e-6
    kind = kind_of("motion")
    parameters = Noise(kind=kind).sample((24, 3, 30, 200), torch.Generator().manual_seed(0))
    parameters["floor"] = torch.full((24,), 0.4)
    pictured = Noise(kind=kind).apply(torch.zeros(24, 3, 30, 200), **parameters)
    twin = Noise(kind=kind).twin(silence, scale(silence, "motion"), **parameters)
    heard = drawn(twin, "motion")
    rows = slice(2, 24)  # the highest bands are cut by half the rate
    off_db = 70 * (pictured - heard)[:, :, rows].mean(dim=(0, 1, 3))
    assert off_db.abs().max() < 2
    rise = heard[:, :, [6, 18]].mean(dim=(0, 1, 3)) * 70
    assert rise[0] - rise[1] == pytest.approx(3.01 * kind.octaves / 24 * 12, abs=1)
    assert torch.equal(pictured[:, :, 24:], torch.zeros(24, 3, 6, 200))


def test_signed_noise_is_as_strong_as_the_twins():
    silence = torch.zeros(24, 3, 400)
    change = Noise(kind=kind_of("motion-signed"))
    grey = torch.full((24, 3, 20, 200), 0.5)
    parameters = change.sample((24, 3, 20, 200), torch.Generator().manual_seed(0))
    parameters["floor"] = torch.full((24,), 0.05)
    twin = change.twin(silence, scale(silence + 1e-6, "motion-signed"), **parameters)
    pictured, heard = change.apply(grey, **parameters), drawn(twin, "motion-signed")
    spread = [
        (image - 0.5)[:, :, :16].square().mean(dim=(0, 1, 3)).sqrt() for image in (pictured, heard)
    ]
    ratio_db = 20 * torch.log10(spread[0] / spread[1])
    assert ratio_db[5:].abs().max() < 1.5
    assert ratio_db[:5].min() > -1.5  # there columns, means of two samples, hear less of it
    assert torch.allclose(pictured[:, :, 16:], grey[:, :, 16:], atol=1e-6)


@pytest.mark.parametrize(
    ("preset", "black", "low"), [("motion", 0.0, 6), ("motion-signed", 0.5, 4)]
)
def test_masks_leave_slow_movement(preset, black, low):
    edges = {"start": torch.tensor([0.25]), "stop": torch.tensor([0.5])}
    kind = kind_of(preset)
    white = torch.ones(1, 3, 20 if low == 4 else 30, 8)
    columns = TimeMask(kind=kind).apply(white, **edges)[0, 0]
    bands = len(columns) - low
    assert columns[:bands].mean(dim=0).tolist() == [1, 1, black, black, 1, 1, 1, 1]
    assert (columns[bands:] == 1).all()
    rows = FrequencyMask(kind=kind).apply(white, **edges)[0, 0, :, 0].flip(0)
    expected = torch.ones(len(rows))
    expected[low + bands // 4 : low + bands // 2] = black
    assert torch.equal(rows, expected)


def test_the_twin_of_a_frequency_mask_removes_that_band(signal):
    where = scale(signal, "motion")
    edges = {"start": torch.full((4,), 0.5), "stop": torch.full((4,), 0.6)}
    twin = FrequencyMask(kind=where.kind).twin(signal, where, **edges)
    low, high = where.hz(torch.tensor([0.6, 0.68])).tolist()
    f = np.fft.rfftfreq(400, 1 / RATE)
    left = np.abs(np.fft.rfft(twin)) / np.abs(np.fft.rfft(signal))
    inside = (f > low) & (f < high)
    assert inside.sum() > 3
    assert left[..., inside].max() < 1e-3
    outside = (f < low / 2.01) | (f > high * 1.51)
    np.testing.assert_allclose(left[..., outside], 1, atol=1e-3)


# ---- the sets -----------------------------------------------------------------------------


@pytest.mark.parametrize("preset", KINDS)
def test_the_set_of_bands(preset, signal):
    change, images = sensor_aware(params=preset), drawn(signal, preset, size=(64, 48))
    before = images.clone()
    views = change(images, 0)
    assert torch.equal(images, before)
    assert torch.equal(views, change(images, 0))
    assert not torch.equal(views, change(images, 1))
    assert views.shape == images.shape
    assert views.min() >= 0
    assert views.max() <= 1
    assert [part.label for part in change.parts()] == [
        *("permute-x", "translate-x", "tempo", "hue", "invert", "gain", "noise"),
        *("time mask", "frequency mask"),
    ]
    assert all(part.plausible and part.twin for part in change.parts())
    assert torch.allclose(sensor_aware(0, preset)(images, 0), images, atol=1e-5)
    octets = (images * 255).to(torch.uint8)
    assert change(octets, 0).dtype == torch.uint8
    for part in change.parts():  # whoever is left out of a random change stays
        kept = RandomApply(part, 0.0)(images, 0)
        assert torch.allclose(kept, images, atol=1e-5), part.label
        twin = part.twin(signal, scale(signal, preset), **part.sample((4, 3, 64, 48), generator(0)))
        assert twin.shape == signal.shape


def generator(seed):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def people():
    recordings = ik.load_dataset("synthetic", subjects=4, seconds=20)
    return ik.sliding_windows([one.select("acc") for one in recordings], 4.0)


def test_what_the_table_says_of_bands(people):
    power, signed = (
        fidelity_table(people, preset, most=30).set_index("augmentation") for preset in KINDS
    )
    for table in (power, signed):
        assert table.explained["tempo"] > max(0.2, table.explained["translate-y"] + 0.2)
        assert table.explained["invert"] > 0.95
        assert table.explained["gain"] > 0.9
        assert table.explained["vertical flip"] < 0.3  # exact on a linear axis alone
        assert set(table[table.set == "other"].plausible) == {False}
    assert signed.explained["hue"] > 0.9 > power.explained["hue"] > 0.2
    assert "hue on power" in power.index
    assert "hue on power" not in signed.index


def test_on_a_linear_axis_a_tempo_stretches_rows(people):
    """So a translation of rows, a fair share of it on bands, is worse than nothing there."""
    assert measure_fidelity(Tempo(), people, most=60)["explained"] > 0.2
    assert measure_fidelity(TranslateY(), people, most=60)["explained"] < 0
    assert measure_fidelity(Invert(), people, most=60)["verdict"] == "invisible"
