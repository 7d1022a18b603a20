"""Who is compared: pictures, sensor baselines, statistics by hand, and what random weights do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from . import backbone as backbones
from .baselines import OwnWindows, SignalEncoder
from .methods import ByHand, Lens, Method, Vision
from .weights import find, read_card

__all__ = ["lever_methods", "other_methods", "sensor_methods", "vision_methods"]


def vision_methods(
    weights: Mapping[str, str | Path | None], backbone: str, lens: Lens
) -> dict[str, Method]:
    """Vision networks behind a lens, and the same architectures with random weights.

    Parameters
    ----------
    weights : dict of name -> path or None
        None is left out.
    backbone : str
        Architecture where a card names none.
    lens : Lens
    """
    given = {name: path for name, path in weights.items() if path is not None}
    networks = {
        name: backbones.load(read_card(find(path)).get("architecture", backbone), path)
        for name, path in given.items()
    }
    methods: dict[str, Method] = {name: Vision(net, lens) for name, net in networks.items()}
    untrained: dict[str, Method] = {}
    for network in list(networks.values()) or [backbones.load(backbone)]:
        random = f"random weights, {network.name}"
        if random not in untrained:
            untrained[random] = Vision(network.untrained(), lens, family="scratch", scratch=True)
    return methods | untrained


def lever_methods(vision: Vision) -> dict[str, Method]:
    """The same network behind other lenses, each with one lever moved.

    Examples
    --------
    >>> methods = lever_methods(Vision(backbones.load("resnet10t")))
    >>> list(methods)[:3], methods["layer 4"].lens.layer
    (['as it is', 'range per-axis', 'range per-window'], 4)
    """
    count = len(vision.backbone.model.feature_info)
    moves = [("range", kind) for kind in ("per-axis", "per-window", (-50.0, 20.0))]
    moves += [("layer", layer) for layer in (*range(count), tuple(range(min(3, count))))]
    moves += [("pool", pool) for pool in ("gap", "time", "grid")]
    moves += [("columns", columns) for columns in (1, 4, 8)]
    moves += [("size", (side, side)) for side in (64, 96, 128)]
    moves += [("detrend", "constant")]
    lenses = {"as it is": vision.lens}
    for name, value in moves:
        if getattr(vision.lens, name) != value:
            shown = " x ".join(map(str, value)) if name == "size" else str(value)
            lenses[f"{name} {shown}"] = replace(vision.lens, **{name: value})
    return {name: replace(vision, lens=lens) for name, lens in lenses.items()}


def sensor_methods(
    learned: Mapping[str, SignalEncoder], own_steps: int, folder: Path | None
) -> dict[str, Method]:
    """Each baseline three times: from the corpus, from a draw's own windows, and random.

    Parameters
    ----------
    learned : dict of name -> SignalEncoder
        Pre-trained on the corpus.
    own_steps, folder
        As in `baselines.OwnWindows`.
    """
    corpora = {f"{name}, corpus": encoder for name, encoder in learned.items()}
    own = {f"{name}, own windows": OwnWindows(name, own_steps, folder) for name in learned}
    untrained = {f"{name}, random weights": SignalEncoder(name) for name in learned}
    return corpora | own | untrained


def other_methods() -> dict[str, Method]:
    """Statistics chosen by people, and a 1-D network that learns from the labels alone."""
    network = SignalEncoder("conv1d")
    network.only = "full"
    return {
        "by hand + forest": ByHand(),
        "by hand + logistic": ByHand(only=None),
        "1-D CNN, from scratch": network,
    }
