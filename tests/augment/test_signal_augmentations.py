"""Signal-domain augmentations against naive loops and what they must leave alone."""

import itertools

import numpy as np
import pytest
import torch
from scipy.interpolate import CubicSpline

from img2imu_kit.augment import signal as twins
from img2imu_kit.augment.base import Compose, RandomApply
from img2imu_kit.augment.functional import (
    hold_time,
    mix,
    permute_time,
    remove_band,
    reverse_frequency,
    shift_time,
    splines,
    warp_time,
)
from img2imu_kit.augment.signal import literature
from img2imu_kit.errors import ParameterError

LITERATURE = literature()
DETERMINISTIC = {"sign flip", "time flip"}


@pytest.fixture
def signal(rng):
    """Accelerometer with gravity and gyroscope, 16 windows of 200 samples."""
    walk = rng.normal(size=(16, 6, 200)).cumsum(axis=2) / 10
    walk[:, 2] += 9.8
    return torch.from_numpy(walk.astype(np.float32))


@pytest.mark.parametrize("name", LITERATURE)
def test_all(name, signal):
    change, before = LITERATURE[name], signal.clone()
    after = change(signal, 7)
    assert torch.equal(signal, before)
    assert after.shape == signal.shape
    assert after.dtype == signal.dtype
    assert after.isfinite().all()
    assert torch.equal(after, change(signal, torch.Generator().manual_seed(7)))
    array = change(signal.numpy(), 7)
    assert isinstance(array, np.ndarray)
    assert np.array_equal(array, after.numpy())
    changed = (after != signal).flatten(1).any(dim=1)
    assert changed.float().mean() > 0.7  # a permutation may come out as it was
    if name not in DETERMINISTIC:
        same = signal[:1].expand(16, -1, -1)
        assert len(torch.unique(change(same, 7).flatten(1), dim=0)) > 4
        assert not torch.equal(after, change(signal, 8))


def test_the_literature_is_complete():
    assert set(LITERATURE) >= {
        *("jitter", "scaling", "rotation", "permutation", "time warp", "magnitude warp"),  # Um
        *("sign flip", "time flip", "channel shuffle"),  # Saeed
    }


def test_they_compose(signal):
    views = Compose((twins.Rotation(), RandomApply(twins.TimeFlip(), 0.5), twins.Jitter()))
    assert views(signal, 0).shape == signal.shape
    assert Compose(tuple(LITERATURE.values()))(signal, 0).isfinite().all()


def test_jitter_is_white_and_relative_to_the_axis(signal):
    noise = twins.Jitter(0.1)(signal, 0) - signal
    ratio = noise.std(dim=2) / signal.std(dim=2)
    assert abs(ratio.mean() - 0.1) < 0.005
    assert abs((noise[..., 1:] * noise[..., :-1]).mean() / noise.square().mean()) < 0.05
    still = torch.ones(2, 3, 50)
    assert torch.equal(twins.Jitter()(still, 0), still)


def test_scaling_is_one_factor_an_axis(signal):
    factor = twins.Scaling(0.1)(signal, 0) / signal
    assert torch.allclose(factor, factor[..., :1].expand_as(factor), rtol=1e-4)
    assert abs(factor[..., 0].mean() - 1) < 0.05
    assert 0.07 < factor[..., 0].std() < 0.13


def test_rotation_is_rigid_and_the_same_for_both_sensors(signal):
    turned = twins.Rotation()(signal, 0)
    for triad in (slice(0, 3), slice(3, 6)):
        lengths = signal[:, triad].norm(dim=1)
        assert torch.allclose(turned[:, triad].norm(dim=1), lengths, rtol=1e-4, atol=1e-4)
    both = torch.cat([signal[:, :3], signal[:, :3]], dim=1)
    turned = twins.Rotation()(both, 0)
    assert torch.allclose(turned[:, :3], turned[:, 3:])
    matrix = twins.Rotation().sample((500, 3, 9), torch.Generator().manual_seed(0))["rotation"]
    assert torch.allclose(matrix @ matrix.mT, torch.eye(3).expand(500, 3, 3), atol=1e-5)
    assert torch.allclose(torch.linalg.det(matrix), torch.ones(500), atol=1e-5)


@pytest.mark.parametrize("degrees", [10, 60])
def test_rotation_stays_within_its_angle(degrees):
    drawn = twins.Rotation(degrees).sample((2000, 3, 9), torch.Generator().manual_seed(0))
    trace = drawn["rotation"].diagonal(dim1=1, dim2=2).sum(dim=1)
    angle = ((trace - 1) / 2).clamp(-1, 1).acos().rad2deg()
    assert angle.max() <= degrees + 0.1
    assert abs(angle.mean() - degrees / 2) < degrees / 20


def test_rotation_needs_triads():
    with pytest.raises(ParameterError, match="4 axes cannot be rotated"):
        twins.Rotation()(torch.zeros(2, 4, 9), 0)


def test_mix_is_a_matrix_product_of_each_triad(signal, rng):
    matrix = torch.from_numpy(rng.normal(size=(16, 3, 3)).astype(np.float32))
    expected = np.stack(
        [
            np.concatenate([m @ x[:3], m @ x[3:]])
            for m, x in zip(matrix.numpy(), signal.numpy(), strict=True)
        ]
    )
    assert np.allclose(mix(signal, matrix), expected, atol=1e-4)


@pytest.mark.parametrize("length", [200, 37])
def test_permutation_as_a_loop(signal, length):
    x, generator = signal[..., :length], torch.Generator().manual_seed(0)
    drawn = twins.Permutation(5).sample(tuple(x.shape), generator)
    assert set(drawn["segments"].tolist()) <= {2, 3, 4, 5}
    ours = permute_time(x, **drawn)
    for n, count in enumerate(drawn["segments"].tolist()):
        edges = [-(-k * length // count) for k in range(count + 1)]
        pieces = [x[n, :, a:b] for a, b in itertools.pairwise(edges)]
        order = np.argsort(drawn["keys"][n, :count].numpy())
        assert torch.equal(ours[n], torch.cat([pieces[i] for i in order], dim=1))


def test_time_shift_as_a_loop(signal):
    shift = torch.linspace(-1, 1, 16)
    for n, part in enumerate(shift.tolist()):
        steps = round(part * 200)
        rolled = shift_time(signal, shift)[n].numpy()
        assert np.array_equal(rolled, np.roll(signal[n], steps, axis=1))
        mirrored = np.concatenate([signal[n].flip(1), signal[n], signal[n].flip(1)], axis=1)
        found = shift_time(signal, shift, edge="reflect")[n].numpy()
        assert np.array_equal(found, mirrored[:, 200 - steps : 400 - steps])


def test_time_warp_keeps_ends_order_and_values():
    ramp = torch.linspace(0, 1, 200).expand(64, 3, 200)
    warped = twins.TimeWarp(0.4)(ramp, 0)
    assert (warped.diff(dim=2) > 0).all()
    assert torch.allclose(warped[..., [0, -1]], ramp[..., [0, -1]], atol=1e-5)
    assert torch.allclose(warped[:, 0], warped[:, 2])  # one tempo for all axes
    assert (warped - ramp).abs().max() > 0.05
    assert torch.allclose(twins.TimeWarp(0.0)(ramp, 0), ramp, atol=1e-5)


def test_warp_time_interpolates(signal, rng):
    position = np.sort(rng.uniform(-2, 202, size=(16, 200)), axis=1).astype(np.float32)
    ours = warp_time(signal, torch.from_numpy(position))
    for n in range(16):
        for axis in range(6):
            expected = np.interp(position[n], np.arange(200), signal[n, axis].numpy())
            assert np.allclose(ours[n, axis], expected, atol=1e-3)


def test_magnitude_warp_draws_splines(signal):
    values = torch.randn(4, 3, 6, generator=torch.Generator().manual_seed(0))
    expected = CubicSpline(np.linspace(0, 1, 6), values.numpy(), axis=2)(np.linspace(0, 1, 50))
    assert np.allclose(splines(values, 50), expected, atol=1e-5)
    factor = twins.MagnitudeWarp(0.2)(torch.ones(200, 3, 100), 0)
    assert abs(factor.mean() - 1) < 0.02
    assert factor.diff(dim=2).abs().max() < 0.25  # smooth
    assert torch.allclose(twins.MagnitudeWarp(0.0)(signal, 0), signal)


def test_channel_shuffle_loses_nothing(signal):
    shuffled = twins.ChannelShuffle()(signal, 0)
    assert torch.equal(shuffled.sum(dim=2).sort(dim=1)[0], signal.sum(dim=2).sort(dim=1)[0])


def test_flips(signal):
    assert torch.equal(twins.SignFlip()(signal, 0), -signal)
    assert torch.equal(twins.TimeFlip()(signal, 0), signal.flip(2))


def test_dropout_holds_the_last_value():
    ramp = torch.arange(100.0).expand(500, 3, 100)
    dropped = twins.Dropout(0.3)(ramp, 0)
    held = (dropped.diff(dim=2) == 0).sum(dim=2)[:, 0]
    assert 20 < held.max() <= 30
    assert held.min() < 3
    first = hold_time(ramp[:1], torch.tensor([0.0]), torch.tensor([4.0]))
    assert first[0, 0, :6].tolist() == [0, 0, 0, 0, 4, 5]  # nothing before it to hold


def test_band_limit_removes_the_upper_band_only(signal):
    spectrum = torch.fft.rfft(signal).abs()
    low, high = torch.full((16,), 0.395), torch.full((16,), 0.605)
    after = torch.fft.rfft(remove_band(signal, low, high)).abs()
    assert after[..., 40:61].max() < 1e-3
    for kept in (slice(0, 40), slice(61, None)):
        assert torch.allclose(after[..., kept], spectrum[..., kept], rtol=1e-3, atol=1e-3)
    limited = torch.fft.rfft(twins.BandLimit(0.5)(signal, 0)).abs()
    assert torch.allclose(limited[..., :50], spectrum[..., :50], rtol=1e-3, atol=1e-3)
    assert (limited[..., -1] < 1e-3).all()


def test_reverse_frequency_swaps_low_and_high(signal):
    spectrum = torch.fft.rfft(signal).abs()
    reversed_ = torch.fft.rfft(reverse_frequency(signal)).abs()
    assert torch.allclose(reversed_, spectrum.flip(2), rtol=1e-3, atol=1e-2)
