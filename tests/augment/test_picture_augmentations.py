"""Pictures changed like sensors: exact where theory says so, and MoCo v2's set as torchvision's."""

import colorsys
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torchvision import transforms as tv1
from torchvision.transforms.v2 import functional as tv

from img2imu_kit.augment.base import Compose, RandomApply
from img2imu_kit.augment.functional import rotations
from img2imu_kit.augment.image import (
    FrequencyMask,
    Gain,
    Hue,
    Noise,
    PermuteX,
    TimeMask,
    TranslateX,
    mix_power,
    sensor_aware,
)
from img2imu_kit.augment.scale import PictureKind, scale_of
from img2imu_kit.augment.vision import (
    ColorJitter,
    GaussianBlur,
    Grayscale,
    HorizontalFlip,
    RandomResizedCrop,
    RandomRotation,
    Shear,
    Solarize,
    VerticalFlip,
    implausible,
    moco_v2,
)
from img2imu_kit.errors import ParameterError
from img2imu_kit.pictures.image import power_to_image, to_image
from img2imu_kit.pictures.params import resolve
from img2imu_kit.pictures.power import spectrogram

SETS = {"sensor_aware": sensor_aware(), "vision": moco_v2()}
SINGLE = [*sensor_aware().parts(), Hue(on="power"), *moco_v2().parts(), *implausible()]
N_FFT, HOP = 32, 8
PARAMS = resolve(n_fft=N_FFT, hop=HOP, size=None, range=(-60.0, 20.0))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images(rng):
    """Float pictures with soft structure, 8 of 32 x 48."""
    coarse = torch.from_numpy(rng.random((8, 3, 8, 12), dtype=np.float32))
    return torch.nn.functional.interpolate(coarse, (32, 48), mode="bilinear")


@pytest.fixture
def signal(rng):
    """Noise that swells and ebbs, [4, 3, T] for 41 frames."""
    length = N_FFT + 40 * HOP
    envelope = 1 + 0.8 * np.sin(np.arange(length) / 25 + np.arange(12).reshape(4, 3, 1))
    return torch.from_numpy((rng.normal(size=(4, 3, length)) * envelope).astype(np.float32))


def drawn(signal, params=PARAMS):
    return to_image(signal, 32, params).float() / 255


def scale(signal, params=PARAMS):
    return scale_of(spectrogram(signal.numpy(), 32, params))


# ---- every augmentation -------------------------------------------------------------------


@pytest.mark.parametrize("change", [*SINGLE, *SETS.values()], ids=lambda change: change.label)
def test_keeps_shape_dtype_range_and_input(change, images):
    before = images.clone()
    after = change(images, generator())
    assert after.shape == images.shape
    assert after.dtype == images.dtype
    assert after.min() >= -1e-6
    assert after.max() <= 1 + 1e-6
    assert torch.equal(images, before)
    parameters = change.sample(tuple(images.shape), generator())
    assert torch.equal(change.apply(images, **parameters), after)
    assert torch.equal(images, before)
    channels_last = images.contiguous(memory_format=torch.channels_last)
    assert torch.allclose(change(channels_last, generator()), after, atol=1e-6)
    assert torch.equal(change(images, generator(), inplace=True), after)


@pytest.mark.parametrize("name", SETS)
def test_seed_decides_and_global_state_does_not(name, images):
    change = SETS[name]
    torch.manual_seed(1)
    first = change(images, generator(3))
    torch.manual_seed(2)
    assert torch.equal(first, change(images, 3))  # an int serves as well
    state = torch.get_rng_state()
    assert not torch.equal(first, change(images, 4))
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(
    "change",
    [c for c in [*SINGLE, *SETS.values()] if c.sample((2, 3, 8, 8), generator())],
    ids=lambda change: change.label,
)
def test_each_picture_gets_its_own(change, images):
    same = images[:1].expand(16, -1, -1, -1)
    views = change(same, generator())
    assert len(torch.unique(views.flatten(1), dim=0)) > 8


@pytest.mark.parametrize("name", SETS)
def test_bytes_and_arrays(name, images):
    change, octets = SETS[name], (images * 255).round().to(torch.uint8)
    views = change(octets, generator())
    assert views.dtype == torch.uint8
    floats = change(octets.float() / 255, generator())
    assert (views.float() / 255 - floats).abs().max() < 1 / 255
    array = change(octets.numpy(), generator())
    assert isinstance(array, np.ndarray)
    assert np.array_equal(array, views.numpy())


@pytest.mark.parametrize("name", SETS)
def test_a_single_picture_under_many_seeds(name, images):
    for seed in range(20):  # chosen by none, some or all of the steps
        assert SETS[name](images[:1], seed).isfinite().all()


def test_no_strength_no_change(images):
    assert torch.equal(sensor_aware(0)(images, 0), images)


def test_a_random_change_befalls_its_share_of_samples(images):
    same = images[:1].repeat(1000, 1, 1, 1)
    for step in (FrequencyMask(1.0), HorizontalFlip()):  # idle parameters, chosen ones
        changed = (RandomApply(step, 0.3)(same, 0) != same).flatten(1).any(dim=1)
        assert 0.25 < changed.float().mean() < 0.35
        assert torch.equal(RandomApply(step, 0.0)(same, 0), same)
    everyone = RandomApply(HorizontalFlip(), 1.0)
    assert torch.equal(everyone(same, 0), same.flip(3))


def test_compose_carries_the_twins_of_its_steps(signal):
    both = Compose((TranslateX(0.5), RandomApply(Gain(0.2), 0.5), GaussianBlur()))
    parameters = both.sample((4, 3, 8, 8), generator())
    one, two, _ = parameters["draws"]
    expected = RandomApply(Gain(0.2), 0.5).twin(
        TranslateX(0.5).twin(signal, scale(signal), **one), scale(signal), **two
    )
    assert torch.equal(both.twin(signal, scale(signal), **parameters), expected)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: sensor_aware(3), "strength is 3, expected 0 to 2"),
        (lambda: Gain(-1), "gain is -1"),
        (lambda: Hue(400), "degrees is 400"),
        (lambda: Hue(on="colour"), "on is 'colour'"),
        (lambda: TranslateX(edge="black"), "edge is 'black'"),
        (lambda: PermuteX(0), "segments is 0"),
        (lambda: TimeMask(2), "gap is 2"),
        (lambda: FrequencyMask(2), "band is 2"),
        (lambda: Noise(2), "floor is 2"),
        (lambda: ColorJitter(hue=0.7), "hue is 0.7"),
        (lambda: RandomApply(Gain(), 1.5), "p is 1.5"),
        (lambda: Gain()(torch.rand(3, 8), 0), "shape (3, 8)"),
        (lambda: Gain()(torch.rand(2, 1, 8, 8), 0), "shape (2, 1, 8, 8)"),
        (lambda: Gain()(torch.rand(0, 3, 8, 8), 0), "shape (0, 3, 8, 8)"),
        (lambda: Gain()(torch.zeros(2, 3, 8, 8, dtype=torch.int64), 0), "dtype torch.int64"),
    ],
)
def test_errors(make, says):
    with pytest.raises(ParameterError) as caught:
        make()
    assert says in str(caught.value)


# ---- the picture of the twin, exactly -----------------------------------------------------


def columns_off_seams(seams, count=41):
    """Columns whose frame sees no seam (positions in samples, first sample of the signal is 0)."""
    first = np.arange(count) * HOP
    return [k for k in range(count) if not any(first[k] < s < first[k] + N_FFT for s in seams)]


@pytest.mark.parametrize("edge", ["wrap", "reflect"])
def test_translation_is_exact_off_the_seams(signal, edge):
    moves = torch.tensor([3, -5, 0, 20])
    change, where = TranslateX(edge=edge), scale(signal)
    moved = change.apply(drawn(signal), shift=moves / 41)
    twin = drawn(change.twin(signal, where, shift=moves / 41))
    start = round(where.start_s * 32)
    for n, move in enumerate(moves.tolist()):
        seams = [start, start + 41 * HOP, start + move % 41 * HOP] if move else []
        kept = columns_off_seams(seams)
        assert len(kept) >= 41 - 3 * N_FFT // HOP
        # a Hann frame is symmetric but for rounding, so mirrored time may differ by a level
        tolerance = 0 if edge == "wrap" else 1.01 / 255
        assert (moved - twin)[n][..., kept].abs().max() <= tolerance
    assert (moved - twin)[3].abs().max() > 0.1  # and the seams are seams


def test_permutation_is_exact_off_the_seams(signal):
    long = torch.cat([signal, signal[..., :-N_FFT], signal[..., :HOP]], dim=-1)  # 82 frames
    frames = drawn(long).shape[3]
    segments = torch.tensor([1, 2, 2, 2])
    keys = torch.tensor([[0.5, 0.1], [0.2, 0.7], [0.9, 0.3], [0.6, 0.4]])
    change, where = PermuteX(2), scale(long)
    shuffled = change.apply(drawn(long), segments=segments, keys=keys)
    twin = drawn(change.twin(long, where, segments=segments, keys=keys))
    start, middle = round(where.start_s * 32), frames // 2
    kept = columns_off_seams([start, start + middle * HOP, start + frames * HOP], frames)
    assert len(kept) >= frames - 3 * N_FFT // HOP
    assert torch.equal(shuffled[..., kept], twin[..., kept])
    assert torch.equal(shuffled[:2], drawn(long)[:2])
    assert torch.equal(shuffled[2, ..., :middle], drawn(long)[2, ..., middle:])


def test_flips_are_exact(signal):
    upside_down = drawn(VerticalFlip().twin(signal, scale(signal)))
    assert (VerticalFlip().apply(drawn(signal)) - upside_down).abs().max() <= 1.01 / 255
    backwards = drawn(HorizontalFlip().twin(signal, scale(signal)))
    off = HorizontalFlip().apply(drawn(signal)) - backwards
    inside = slice(N_FFT // HOP, -N_FFT // HOP)  # the margins do not turn round
    assert off[..., inside].abs().max() <= 1.01 / 255


def test_gain_is_an_offset_in_db(signal):
    gain = torch.tensor([-0.1, 0.05, 0.0, 0.2])
    twin = drawn(Gain().twin(signal, scale(signal), gain=gain))
    lighter = Gain().apply(drawn(signal), gain=gain)
    assert (lighter - twin).abs().max() < 2.01 / 255
    factor = Gain().twin(signal, scale(signal), gain=gain) / signal
    expected = 10 ** (gain * 80 / 20)  # 80 dB from black to white
    assert torch.allclose(factor.amax((1, 2)), expected)


def test_rotation_mixes_power_by_r_squared_for_incoherent_axes():
    """Each axis has a frequency of its own: nothing to interfere, so R o R is exact."""
    time = torch.arange(512) / 32
    hz = torch.tensor([[3.0], [8.0], [13.0]])  # centres of bins
    signal = torch.sin(2 * math.pi * hz * time + torch.rand(3, 1))[None]
    turn = rotations(torch.nn.functional.normalize(torch.ones(1, 3)), torch.tensor([0.7]))
    before = spectrogram(signal.numpy(), 32, PARAMS)
    after = spectrogram(Hue().twin(signal, None, rotation=turn).numpy(), 32, PARAMS)
    mixed = mix_power(before.power, turn.numpy())
    loud = after.power > 0.05  # of 0.5; elsewhere tapered lines reach into each other
    assert np.allclose(mixed[loud], after.power[loud], rtol=0.03)
    painted = power_to_image(replace(before, power=mixed))
    on_power = Hue(on="power", kind=PictureKind(80)).apply(drawn(signal), rotation=turn)
    clipped = (drawn(signal) <= 0).any(dim=1, keepdim=True).expand_as(on_power)
    off = (on_power - torch.from_numpy(painted).float() / 255).abs()
    assert off[~clipped].max() < 2.01 / 255


def test_rotation_of_coherent_axes_is_beyond_a_picture():
    time = torch.arange(512) / 32
    signal = torch.sin(2 * math.pi * 7 * time).expand(1, 3, -1)  # the same on all axes
    turn = rotations(torch.tensor([[0.0, 0, 1]]), torch.tensor([math.pi / 4]))
    before = spectrogram(signal.numpy(), 32, PARAMS)
    after = spectrogram(Hue().twin(signal, None, rotation=turn).numpy(), 32, PARAMS)
    mixed = mix_power(before.power, turn.numpy())
    assert mixed[0, :2, 7].min() > 0.4
    assert after.power[0, 0, 7].max() < 1e-6  # cos - sin
    assert after.power[0, 1, 7].min() > 0.9  # cos + sin


def test_hue_keeps_what_all_channels_share(images):
    grey = images[:, :1].expand(-1, 3, -1, -1)
    for on in ("picture", "power"):
        assert torch.allclose(Hue(180, on=on)(grey, 0), grey, atol=1e-5)


@pytest.mark.parametrize("floor", [0.2, 0.5])
def test_noise_has_the_power_and_grain_of_noise(floor):
    params = resolve(n_fft=64, hop=4, range=(-60.0, 20.0), size=None)
    silence = torch.zeros(24, 3, 400)
    parameters = Noise().sample((24, 3, 33, 85), generator())
    parameters["floor"] = torch.full((24,), floor)
    pictured = Noise(kind=PictureKind(80)).apply(torch.zeros(24, 3, 33, 85), **parameters)
    heard = drawn(Noise().twin(silence, scale(silence, params), **parameters), params)
    heard = heard[:, :, 2:-2]  # bins at 0 Hz and half the rate have half the power
    assert abs(pictured.mean() - heard.mean()) < 0.5 / 80
    assert abs(pictured.std() / heard.std() - 1) < 0.1
    assert abs(heard.std() * 80 - 5.6) < 1  # dB, of exponentially distributed power


def test_noise_drowns_only_what_is_darker(images):
    parameters = Noise(0.4).sample(tuple(images.shape), generator())
    noisy = Noise(0.4).apply(images, **parameters)
    assert (noisy >= images).all()
    bright = images > 0.4 + 15 / 70
    assert torch.equal(noisy[bright], images[bright])


def test_masks_are_black_in_both(signal):
    for change, axis in ((TimeMask(), 3), (FrequencyMask(), 2)):
        edges = {"start": torch.full((4,), 0.3), "stop": torch.full((4,), 0.7)}
        masked = change.apply(torch.ones(4, 3, 10, 10), **edges)
        profile = masked.mean(dim=(0, 1, 5 - axis))
        expected = torch.tensor([1.0, 1, 1, 0, 0, 0, 0, 1, 1, 1])
        assert torch.equal(profile, expected.flip(0) if axis == 2 else expected)
        before, after = drawn(signal), drawn(change.twin(signal, scale(signal), **edges))
        if axis == 3:  # a held value keeps its power at 0 Hz, and spills some
            before, after = before[:, :, :-4], after[:, :, :-4]
        size = before.shape[axis]
        inside = range(round(0.42 * size), round(0.58 * size))
        assert before.select(axis, size // 2).mean() > 0.4
        assert max(after.select(axis, i).mean() for i in inside) < 0.08


def test_units_follow_the_scale(signal):
    where = scale(signal)
    assert TranslateX(0.5).in_units(where) == {"shift_s": pytest.approx(0.5 * 41 * HOP / 32)}
    assert Gain(0.1).in_units(where) == {"gain_db": pytest.approx(8)}
    assert Hue(30).in_units(where) == {"rotation_deg": 30}
    assert FrequencyMask(0.25).in_units(where) == {"band_hz": pytest.approx(17 / 4)}
    assert TimeMask(0.25).in_units(where) == {"gap_s": pytest.approx(41 / 4 * HOP / 32)}


# ---- MoCo v2's set, as torchvision's ------------------------------------------------------


def test_flips_and_grey(images):
    assert torch.equal(HorizontalFlip().apply(images), tv.horizontal_flip(images))
    assert torch.equal(VerticalFlip().apply(images), tv.vertical_flip(images))
    expected = tv.rgb_to_grayscale(images, num_output_channels=3)
    assert torch.allclose(Grayscale().apply(images), expected, atol=2e-4)
    assert torch.equal(Solarize(0.5).apply(images), tv.solarize(images, 0.5))


@pytest.mark.parametrize("sigma", [0.1, 0.7, 2.0])
def test_blur(images, sigma):
    expected = tv.gaussian_blur(images, [13, 13], [sigma, sigma])
    blurred = GaussianBlur().apply(images, sigma=torch.full((8,), sigma))
    assert torch.allclose(blurred, expected, atol=1e-5)


def test_crop_and_resize(images):
    boxes = [(0, 0, 32, 48), (3, 5, 16, 24), (20, 40, 12, 8), (31, 0, 1, 48)]
    top, left, height, width = torch.tensor(boxes, dtype=torch.float32).T
    parameters = {"top": top / 32, "height": height / 32, "left": left / 48, "width": width / 48}
    cropped = RandomResizedCrop().apply(images[:4], **parameters)
    for n, box in enumerate(boxes):
        expected = tv.resized_crop(images[n], *box, size=[32, 48], antialias=True)
        assert torch.allclose(cropped[n], expected, atol=1e-4)
    assert torch.allclose(cropped[0], images[0], atol=1e-5)


def test_crops_have_the_area_and_ratio_asked_for():
    box = RandomResizedCrop().sample((4000, 3, 64, 64), generator())
    area, ratio = box["width"] * box["height"], box["width"] / box["height"]
    assert area.min() > 0.199
    assert area.max() <= 1
    assert ratio.min() > 0.749
    assert ratio.max() < 1.334
    theirs = [
        tv1.RandomResizedCrop.get_params(torch.empty(3, 64, 64), [0.2, 1.0], [3 / 4, 4 / 3])
        for _ in range(2000)
    ]
    assert abs(area.mean() - np.mean([h * w for *_, h, w in theirs]) / 64**2) < 0.015
    assert abs(ratio.log().mean()) < 0.02
    for start, side in (("left", "width"), ("top", "height")):
        assert box[start].min() >= 0
        assert (box[start] + box[side]).max() <= 1 + 1e-6


def jitter(images, **change):
    still = {"brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "hue": 0.0}
    parameters = {name: torch.full((len(images),), v) for name, v in {**still, **change}.items()}
    return ColorJitter().apply(images, **parameters)


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.4])
def test_colour_jitter(images, factor):
    soft = 0.3 + images * 0.3  # nothing cut off
    assert torch.allclose(jitter(soft, brightness=factor), tv.adjust_brightness(soft, factor))
    expected = tv.adjust_contrast(soft, factor)
    assert torch.allclose(jitter(soft, contrast=factor), expected, atol=3e-4)
    expected = tv.adjust_saturation(soft, factor)
    assert torch.allclose(jitter(soft, saturation=factor), expected, atol=3e-4)
    chain = tv.adjust_saturation(tv.adjust_contrast(tv.adjust_brightness(soft, 0.8), factor), 1.2)
    ours = jitter(soft, brightness=0.8, contrast=factor, saturation=1.2)
    assert torch.allclose(ours, chain, atol=5e-4)


def pixels(images):
    return images.movedim(1, -1).reshape(-1, 3)[::37].tolist()


@pytest.mark.parametrize("hue", [-0.1, 0.05, 0.1])
def test_hue_turns_as_in_hsv_on_the_whole(images, hue):
    soft = 0.3 + images * 0.3
    ours = [colorsys.rgb_to_hsv(*rgb)[0] for rgb in pixels(jitter(soft, hue=hue))]
    theirs = [colorsys.rgb_to_hsv(*rgb)[0] for rgb in pixels(tv.adjust_hue(soft, hue))]
    off = (np.subtract(ours, theirs) + 0.5) % 1 - 0.5
    assert abs(off.mean()) < 0.02
    assert np.abs(off).mean() < 0.03  # of a circle
    grey = tv.rgb_to_grayscale(soft)
    assert (tv.rgb_to_grayscale(jitter(soft, hue=hue)) - grey).abs().max() < 1e-3
    assert torch.allclose(jitter(jitter(soft, hue=hue), hue=-hue), soft, atol=1e-5)


def test_turn_and_shear_as_torchvision(images):
    middle = (slice(None), slice(None), slice(8, 24), slice(16, 32))
    square = images[..., 8:40]
    turned = RandomRotation().apply(square, degrees=torch.full((8,), 20.0))
    expected = tv.rotate(square, 20.0, interpolation=tv.InterpolationMode.BILINEAR)
    assert torch.allclose(turned[middle], expected[middle], atol=1e-3)
    sheared = Shear().apply(square, slope=torch.full((8,), 0.25))
    assert torch.allclose(
        sheared[:, :, 15:17].mean((0, 1, 2)), square[:, :, 15:17].mean((0, 1, 2)), atol=0.1
    )
    assert not torch.allclose(sheared[:, :, 0], square[:, :, 0], atol=0.1)


def test_sets_hold_what_they_should():
    assert [part.label for part in moco_v2().parts()] == [
        "crop and resize",
        "colour jitter",
        "grayscale",
        "blur",
        "horizontal flip",
    ]
    assert all(part.plausible and part.twin for part in sensor_aware().parts())
    assert not any(part.plausible for part in [*moco_v2().parts(), *implausible()])
    assert sensor_aware().plausible
    assert not moco_v2().plausible
