"""The state of a pre-training run on disk: written whole or not at all, and read back."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import torch

from .errors import ParameterError, WeightsError

__all__ = ["read_checkpoint", "write_checkpoint"]

_NAME = "checkpoint.pt"


def write_checkpoint(folder: Path, state: dict, settings: dict) -> None:
    """Write ``checkpoint.pt``: in full beside its place, flushed to disk, then moved over it.

    Parameters
    ----------
    folder : Path
    state : dict
        Tensors, numbers, and dicts and lists of them.
    settings : dict
        What must be the same for the run to be continued; anything JSON can hold.

    Raises
    ------
    WeightsError
        Disk full or folder not writable; the previous checkpoint is as it was.
    """
    partial = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".part-", delete=False) as file:
            partial = Path(file.name)
            torch.save(state | {"settings": json.dumps(settings)}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, folder / _NAME)
        _sync(folder)
    except (OSError, RuntimeError) as error:  # torch's writer turns a full disk into RuntimeError
        if partial:
            partial.unlink(missing_ok=True)
        raise WeightsError(
            f"the checkpoint could not be written ({getattr(error, 'strerror', None) or error})",
            where=str(folder),
            remedy="The previous one is unchanged; make room or choose another folder.",
        ) from None


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
        before = json.loads(state.pop("settings"))
    except Exception as error:  # a damaged file fails in many ways
        raise WeightsError(
            f"the checkpoint cannot be read ({str(error).splitlines()[0]})",
            where=str(path),
            remedy="Delete it to start anew.",
        ) from error
    now = json.loads(json.dumps(settings))
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


def _sync(folder: Path) -> None:
    """Make the renaming itself durable, where the system can sync a folder."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
