import math

import pytest
import timm
import torch
from torch import nn
from torch.nn import functional as F

from img2imu_kit.errors import ParameterError
from img2imu_kit.pretrain.contrastive import MoCo, ProjectionEncoder, SimCLR, info_nce, nt_xent
from img2imu_kit.pretrain.distributed import part_sizes, split_batch_norm


def unit(*shape, seed=0, dtype=torch.float64):
    draw = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(*shape, generator=draw, dtype=dtype), dim=-1)


def naive_info_nce(query, positive, queue, temperature):
    total = 0.0
    for q, k in zip(query, positive, strict=True):
        top = torch.exp(torch.dot(q, k) / temperature)
        bottom = top
        for negative in queue:
            bottom = bottom + torch.exp(torch.dot(q, negative) / temperature)
        total = total - torch.log(top / bottom)
    return total / len(query)


def naive_nt_xent(z1, z2, temperature):
    z, n, total = [*z1, *z2], len(z1), 0.0
    for i in range(2 * n):
        partner = (i + n) % (2 * n)
        bottom = 0.0
        for k in range(2 * n):
            if k != i:
                bottom = bottom + torch.exp(torch.dot(z[i], z[k]) / temperature)
        total = total - torch.log(torch.exp(torch.dot(z[i], z[partner]) / temperature) / bottom)
    return total / (2 * n)


@pytest.mark.parametrize("temperature", [0.07, 0.2, 1.0])
def test_info_nce_is_its_formula(temperature):
    ours, naive = ([unit(5, 8, seed=s).requires_grad_() for s in (1, 2)] for _ in range(2))
    queue = unit(11, 8, seed=3)
    losses = info_nce(*ours, queue, temperature), naive_info_nce(*naive, queue, temperature)
    assert losses[0].item() == pytest.approx(losses[1].item(), abs=1e-6)
    for loss in losses:
        loss.backward()
    for a, b in zip(ours, naive, strict=True):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_nt_xent_is_its_formula(temperature):
    ours, naive = ([unit(6, 8, seed=s).requires_grad_() for s in (1, 2)] for _ in range(2))
    losses = nt_xent(*ours, temperature), naive_nt_xent(*naive, temperature)
    assert losses[0].item() == pytest.approx(losses[1].item(), abs=1e-6)
    for loss in losses:
        loss.backward()
    for a, b in zip(ours, naive, strict=True):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("count", [64, 1024])
def test_chance_is_the_logarithm_of_the_candidates(count):
    # unit vectors of many dimensions are nearly orthogonal, so logits are nearly equal
    query, key, queue = (unit(n, 4096, seed=s) for s, n in enumerate((512, 512, count)))
    each = torch.stack(
        [info_nce(q[None], k[None], queue, 1.0) for q, k in zip(query, key, strict=True)]
    )
    error = each.std() / math.sqrt(len(each))
    assert abs(each.mean() - math.log(1 + count)) < 3 * error
    # at a low temperature the spread 1 / (D T^2) of the logits adds half of itself
    spread = 1 / (4096 * 0.05**2)
    cold = info_nce(query, key, queue, 0.05)
    assert cold == pytest.approx(math.log(1 + count) + spread / 2, abs=0.05)


def test_chance_of_nt_xent():
    loss = nt_xent(unit(128, 4096, seed=0), unit(128, 4096, seed=1), 1.0)
    assert loss == pytest.approx(math.log(2 * 128 - 1), abs=3 / math.sqrt(4096 * 128) + 1e-3)


def test_losses_are_safe_at_extremes():
    same = unit(4, 8, seed=0, dtype=torch.float32)
    assert torch.isfinite(info_nce(same, same, -same, 0.001))
    assert torch.isfinite(nt_xent(same, same, 0.001))


def small_moco(queue=20, batch_norm=True, **settings):
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8) if batch_norm else nn.Identity()]
    backbone = nn.Sequential(*layers, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return MoCo(ProjectionEncoder(backbone, 8, dim=4), queue=queue, **settings)


def batch(n, seed):
    return torch.rand(n, 3, 12, 12, generator=torch.Generator().manual_seed(seed))


def order(n):
    return torch.randperm(n, generator=torch.Generator().manual_seed(n))


def test_the_queue_never_holds_the_current_positives():
    model = small_moco(queue=20)
    for step, n in enumerate((8, 8, 8, 3)):
        before = model.queue.clone()
        loss, query, key = model(batch(n, step), batch(n, step + 50), order(n))
        assert loss.item() == pytest.approx(info_nce(query, key, before, 0.2).item(), abs=1e-6)
        assert (key @ before.T).max() < 0.999999
        assert (key @ model.queue.T).max(dim=1).values.min() > 0.999999  # but from now on it does


def test_the_queue_is_a_ring_of_unit_vectors():
    model, seen = small_moco(queue=20), []
    for step, n in enumerate((8, 8, 8, 3)):
        seen.append(model(batch(n, step), batch(n, step + 50), order(n))[2])
        assert int(model.pointer) == sum(map(len, seen)) % 20
    latest = torch.cat(seen)[-20:]
    assert (latest @ model.queue.T).max(dim=1).values.min() > 0.999999
    torch.testing.assert_close(model.queue.norm(dim=1), torch.ones(20))


def test_a_batch_may_exceed_the_queue():
    model = small_moco(queue=5)
    key = model(batch(12, 0), batch(12, 1), order(12))[2]
    assert (key[-5:] @ model.queue.T).max(dim=1).values.min() > 0.999999


def test_the_key_encoder_follows_without_gradient():
    model = small_moco(momentum=0.9)
    optimizer = torch.optim.SGD(model.encoder.parameters(), lr=0.5)
    for step in range(2):
        slow = [p.clone() for p in model.key_encoder.parameters()]
        fast = [p.clone() for p in model.encoder.parameters()]
        model(batch(8, step), batch(8, step + 9), order(8))[0].backward()
        optimizer.step()
        assert all(p.grad is None and not p.requires_grad for p in model.key_encoder.parameters())
        for now, s, f in zip(model.key_encoder.parameters(), slow, fast, strict=True):
            torch.testing.assert_close(now, 0.9 * s + 0.1 * f)
    moved = [(a - b).abs().max() for a, b in zip(slow, model.key_encoder.parameters(), strict=True)]
    assert max(moved) > 0


def test_shuffling_puts_every_key_back_to_its_query():
    # without batch norm the order of computation cannot matter
    results = []
    for shuffle in (torch.arange(8), order(8)):
        model = small_moco(batch_norm=False)
        results.append(model(batch(8, 0), batch(8, 1), shuffle)[2])
    torch.testing.assert_close(*results)


def test_shuffling_separates_batch_statistics():
    # with batch norm in parts, it must
    results = []
    for shuffle in (torch.arange(32), order(32)):
        model = small_moco(splits=4)
        results.append(model(batch(32, 0), batch(32, 1), shuffle)[2])
    assert (results[0] - results[1]).abs().max() > 1e-3


@pytest.mark.parametrize("settings", [{"queue": 0}, {"momentum": 1.0}, {"temperature": 0.0}])
def test_moco_refuses(settings):
    with pytest.raises(ParameterError, match=next(iter(settings))):
        small_moco(**settings)


def test_batch_norm_in_parts_is_batch_norm_of_each_part():
    names = list(timm.create_model("resnet10t", num_classes=0).state_dict())
    torch.manual_seed(0)
    whole = nn.Sequential(nn.BatchNorm2d(5), nn.ReLU())
    x = torch.randn(50, 5, 4, 4) + torch.arange(50).view(-1, 1, 1, 1)
    expected = torch.cat([whole(part) for part in x.split([13, 13, 12, 12])])
    parted = split_batch_norm(nn.Sequential(nn.BatchNorm2d(5), nn.ReLU()), 4)
    torch.testing.assert_close(parted(x), expected)
    torch.testing.assert_close(parted[0].running_mean, whole[0].running_mean)
    torch.testing.assert_close(parted.eval()(x), whole.eval()(x))
    assert type(split_batch_norm(parted, 1)[0]) is nn.BatchNorm2d
    network = split_batch_norm(timm.create_model("resnet10t", num_classes=0), 4)
    assert list(network.state_dict()) == names


def test_parts_are_never_tiny():
    assert part_sizes(256, 8) == [32] * 8
    assert part_sizes(100, 8) == [13, 13, 13, 13, 12, 12, 12, 12]
    assert part_sizes(20, 8) == [10, 10]
    assert part_sizes(3, 8) == [3]


@pytest.mark.parametrize("name", ["resnet10t", "mobilenetv3_small_050", "convnext_atto"])
@pytest.mark.parametrize("size", [32, 40])
def test_any_backbone_any_size_any_batch(name, size):
    backbone = timm.create_model(name, num_classes=0)
    model = MoCo(ProjectionEncoder(backbone, backbone.head_hidden_size), queue=32)
    for n in (16, 9):
        images = torch.rand(2, n, 3, size, size)
        loss, query, key = model(*images, order(n))
        loss.backward()
    assert query.shape == key.shape == (9, 128)
    assert torch.isfinite(loss)


def test_simclr_is_nt_xent_of_both_views():
    torch.manual_seed(0)
    model = SimCLR(small_moco().encoder, temperature=0.3)
    loss, z1, z2 = model(batch(8, 0), batch(8, 1))
    assert loss.item() == pytest.approx(nt_xent(z1, z2, 0.3).item(), abs=1e-6)
    loss.backward()
    assert all(p.grad is not None for p in model.parameters())
