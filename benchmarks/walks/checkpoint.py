"""A trained body as a whole timm network that `img2imu_kit.load_backbone` opens.

    python checkpoint.py TRAINED.safetensors START.safetensors FOLDER

The body ends at block 6. What comes after it in timm's network (``conv_head`` and ``bn2``) was
not trained and is copied from the start, so that every key finds its partner. All in float16.
``card.json`` takes what ``TRAINED.json`` says; complete it by hand with corpus and scores.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import timm
import torch
from safetensors.torch import load_file, save_file

UNTRAINED = ("conv_head.", "bn2.")


def complete(
    trained: dict[str, torch.Tensor], start: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Every tensor of mobilenetv2_100 without classifier, in timm's order."""
    own = timm.create_model("mobilenetv2_100", pad_type="same", num_classes=0).state_dict()
    state = {}
    for key, value in own.items():
        if key.endswith("num_batches_tracked"):  # batch norm was frozen: a mere counter
            state[key] = torch.zeros_like(value)
        else:
            state[key] = (start if key.startswith(UNTRAINED) else trained)[key].half().contiguous()
    return state


def main() -> None:
    trained, start, folder = map(Path, sys.argv[1:4])
    folder.mkdir(parents=True, exist_ok=True)
    state = complete(load_file(trained), load_file(start))
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    card = {
        "architecture": "mobilenetv2_100",
        "in_chans": 3,
        "num_classes": 0,
        "pad_type": "same",
        "mean": [0.5] * 3,
        "std": [0.5] * 3,
    }
    facts = trained.with_suffix(".json")
    if facts.is_file():
        card |= json.loads(facts.read_text())
    (folder / "card.json").write_text(json.dumps(card, indent=2) + "\n")


if __name__ == "__main__":
    main()
