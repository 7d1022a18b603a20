"""The state of a pre-training run on disk: written whole or not at all, and read back."""

from __future__ import annotations

import io
import json
from pathlib import Path

import torch

from .._files import atomic_write
from ..errors import ParameterError, WeightsError, first_line

__all__ = ["read_checkpoint", "write_checkpoint"]

_NAME = "checkpoint.pt"


def write_checkpoint(folder: Path, state: dict, settings: dict) -> None:
    """Write ``checkpoint.pt``, or leave the previous one as it is.

    Parameters
    ----------
    folder : Path
    state : dict
        Tensors, numbers, and dicts and lists of them.
    settings : dict
        What must be the same for the run to be continued; anything JSON can hold.

    Raises
    ------
    OutputError
        Disk full or folder not writable.
    """
    content = io.BytesIO()
    torch.save(state | {"settings": json.dumps(settings)}, content)
    atomic_write({folder / _NAME: content.getbuffer()})


def read_checkpoint(folder: Path, settings: dict) -> dict | None:
    """The state that was written last, or None where there is none.

    Raises
    ------
    ParameterError
        It was written under other settings; the message names them.
    WeightsError
        The file is damaged.
    """
    path = folder / _NAME
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        # settings are text, for weights_only admits tensors and plain containers, not any object
        before = json.loads(state.pop("settings"))
    except Exception as error:  # a damaged file fails in many ways
        raise WeightsError(
            f"the checkpoint cannot be read ({first_line(error)})",
            where=str(path),
            remedy="Delete it to start anew.",
        ) from None
    now = json.loads(json.dumps(settings))  # tuples become lists, as in the file
    changed = [
        f"{name} was {before.get(name)!r}, is {now.get(name)!r}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]
    if changed:
        raise ParameterError(
            f"the checkpoint belongs to a run with other settings: {'; '.join(changed)}",
            where=str(path),
            remedy="Use the same settings, another folder=, or resume=False to start anew.",
        )
    return state
