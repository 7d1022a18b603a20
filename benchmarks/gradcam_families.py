"""Grad-CAM by hand for one network of each family of timm: the same, or refused with a reason.

Of each module of ``timm.models`` a small network is built at random; the score is
``features @ direction`` of its last layer, looked at where that is made and two layers before. By
hand: the map that timm gives, its gradient, and the formula. Prints a line for each family and
ends with 1 if a map differs, or if something else than a typed error is raised.

    python benchmarks/gradcam_families.py
"""

import sys
import time
import warnings

import numpy as np
import timm
import torch
from torch.nn import functional

import img2imu_kit as ik
from img2imu_kit.errors import Img2ImuError
from img2imu_kit.explain import grad_cam

_SIDE = 96


def smallest() -> dict[str, str]:
    """Family -> the name that timm lists first among the shortest: tiny, nano, small."""
    sizes = ["atto", "zepto", "femto", "pico", "nano", "test", "tiny", "xxs", "xs", "small", "18"]
    found: dict[str, str] = {}
    for module in timm.list_modules():
        names = timm.list_models(module=module)
        if names:
            rank = [next((i for i, s in enumerate(sizes) if s in n), len(sizes)) for n in names]
            found[module] = names[int(np.argmin(rank))]
    return found


def by_hand(network, images, direction, layer, at):
    """Weights are means of gradients, the map their sum over channels, above zero (ICCV 2017)."""
    model, kept = network.model, []
    part = model.get_submodule(model.feature_info[at]["module"])
    handle = part.register_forward_hook(lambda _part, _given, out: kept.append(out))
    maps = model.forward_intermediates(
        network.to_batch(images).requires_grad_(),
        indices=sorted({at, layer}),
        intermediates_only=True,
    )
    handle.remove()
    score = (maps[-1].mean(dim=(2, 3)) @ torch.from_numpy(direction)).sum()
    (gradient,) = torch.autograd.grad(score, kept[-1])
    early = kept[-1]
    if not (early.shape == maps[0].shape and torch.equal(early, maps[0])):  # channels last
        early, gradient = early.permute(0, 3, 1, 2), gradient.permute(0, 3, 1, 2)
    assert torch.equal(early, maps[0]), "not the map that timm gives"
    maps = (gradient.mean(dim=(2, 3), keepdim=True) * early).sum(1, keepdim=True).relu()
    return functional.interpolate(maps, images.shape[2:], mode="bilinear")[:, 0].detach().numpy()


def check(name: str, side: int = _SIDE) -> str:
    network = ik.load_backbone(name)
    network.model.eval()
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 3, side, side), dtype=np.uint8)
    layer = len(network.model.feature_info) - 1
    width = network.features(images, layer=layer).shape[1]
    direction = rng.normal(size=width).astype(np.float32)
    for at in sorted({layer, max(0, layer - 2)}):
        heat = grad_cam(network, images, direction, layer=layer, at=at)
        expected = by_hand(network, images, direction, layer, at)
        if not np.allclose(heat, expected, rtol=1e-2, atol=1e-3 * expected.max() + 1e-12):
            close = np.corrcoef(heat.ravel(), expected.ravel())[0, 1]
            return f"DIFFERS at layer {at}: correlation {close:.2f}"
    return "the formula's"


def main(families: list[str]) -> int:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    bad, known = 0, smallest()
    for family in families or known:
        name, began = known[family], time.monotonic()
        try:
            parameters = sum(w.numel() for w in timm.create_model(name).parameters())
            if parameters > 60e6:
                said = "left out: more than 60 M weights"
            else:
                try:
                    said = check(name)
                except Img2ImuError as error:
                    said = f"refused: {error}"
                    if "shape" in str(error) or "size" in str(error):  # one size alone
                        side = timm.get_pretrained_cfg(name).input_size[-1]
                        said = check(name, side)
        except Img2ImuError as error:
            said = f"refused: {error}"
        except Exception as error:
            said = f"FAILED: {type(error).__name__}: {error}".split("\n")[0]
        bad += said.startswith(("DIFFERS", "FAILED"))
        print(f"{family}: {name}: {said[:150]} [{time.monotonic() - began:.0f} s]", flush=True)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
