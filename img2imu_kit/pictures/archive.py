"""Pictures of many windows in one file of numpy's."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from .._files import atomic_write
from ..signals.windows import Windows
from .params import SpectrogramParams

__all__ = ["save_pictures"]


def save_pictures(
    path: str | Path, images: np.ndarray, windows: Sequence[Windows], params: SpectrogramParams
) -> Path:
    """Write pictures, and what each was made of, as ``.npz``.

    Parameters
    ----------
    path : path
    images : uint8 [N, 3, H, W]
    windows : sequence of Windows
        N in all, in the order of the pictures; rates may differ.
    params : SpectrogramParams

    Returns
    -------
    pathlib.Path
        Of the file. It holds ``images``, ``label``, ``subject``, ``recording``, ``start_s`` and
        ``rate`` (Hz) [N], and ``params`` as JSON.

    Raises
    ------
    OutputError
        A file that cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from img2imu_kit import load_dataset, sliding_windows, to_image
    >>> cut = sliding_windows(load_dataset("synthetic", subjects=1, seconds=8), seconds=4)
    >>> path = Path(tempfile.mkdtemp(), "images.npz")
    >>> stored = np.load(save_pictures(path, to_image(cut), [cut], SpectrogramParams()))
    >>> stored["images"].shape, str(stored["label"][0])
    ((12, 3, 96, 96), 'still')
    """
    facts = {
        name: np.concatenate([getattr(cut, name) for cut in windows]).astype(kind)
        for name, kind in [("label", str), ("subject", str), ("recording", str), ("start_s", float)]
    }
    facts["rate"] = np.concatenate([np.full(len(cut), cut.rate) for cut in windows])
    content = io.BytesIO()
    np.savez_compressed(
        content, images=images, params=np.array(json.dumps(asdict(params))), **facts
    )
    atomic_write({Path(path): content.getbuffer()})
    return Path(path)
