"""Where pictures come from: folders, tar shards and timm data sets, all as one iteration."""

from __future__ import annotations

import csv
import gzip
import io
import tarfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pooch
from PIL import Image

from .errors import DatasetError, FormatError


def _open(source, split: str, root) -> tuple[Callable[[], Iterator[Item]], int, object, str]:
    """How to iterate over the pictures, how many there may be, and what identifies them."""
    paths = [Path(source)] if isinstance(source, (str, Path)) else [Path(path) for path in source]
    if isinstance(source, str) and "/" in source and not paths[0].exists():
        prefix = source.split("/")[0]
        if prefix in {"torch", "hfds", "tfds"}:
            return _timm(source, split, root)
    files = []
    for path in paths:
        if not path.exists():
            raise DatasetError(
                "there is no such folder or shard",
                where=str(path),
                remedy='A timm data set is named with its kind: "torch/cifar10", "hfds/...".',
            )
        files += sorted(path.rglob("*")) if path.is_dir() else [path]
    shards = [file for file in files if file.name.lower().endswith(_SHARDS)]
    pictures = [file for file in files if file.name.lower().endswith(_PICTURES)]
    if not shards and not pictures:
        raise DatasetError(
            f"no picture ({' '.join(_PICTURES)}) and no shard ({' '.join(_SHARDS)})",
            where=str(paths[0]),
        )
    labels = {shard.parent: _manifest(shard.parent) for shard in shards}
    identity = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]

    def items() -> Iterator[Item]:
        for file in pictures:
            label = "" if file.parent in paths else file.parent.name
            yield str(file), label, partial(Image.open, file)
        for shard in shards:
            yield from _shard(shard, labels[shard.parent])

    total = len(pictures) + sum(map(len, labels.values()))
    return items, total or None, identity, paths[0].name or str(paths[0].resolve())


def _shard(path: Path, labels: dict[str, str]) -> Iterator[Item]:
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile() and member.name.lower().endswith(_PICTURES):
                    inside = Path(member.name)
                    label = labels.get(inside.stem, inside.parent.name)
                    encoded = io.BytesIO(archive.extractfile(member).read())
                    yield f"{path}:{member.name}", label, partial(Image.open, encoded)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise FormatError(
            f"the shard is cut or damaged ({error})", where=str(path), remedy="Download it again."
        ) from None


def _manifest(folder: Path) -> dict[str, str]:
    """Label of each key, from the table beside the shards if there is one."""
    for name, opener in (("manifest.csv.gz", gzip.open), ("manifest.csv", open)):
        if (folder / name).is_file():
            with opener(folder / name, "rt", newline="", encoding="utf-8") as lines:
                rows = list(csv.DictReader(lines))
            column = next((c for c in rows[0] if c.startswith("label")), None) if rows else None
            if column and "key" in rows[0]:
                return {row["key"]: row[column] or "" for row in rows}
    return {}


def _timm(name: str, split: str, root) -> tuple[Callable[[], Iterator[Item]], int, object, str]:
    from timm.data import create_dataset

    root = str(root or pooch.os_cache("img2imu_kit"))
    try:
        dataset = create_dataset(name, root=root, split=split, download=True)
        count = len(dataset)
    except Exception as error:
        raise DatasetError(
            f"timm could not open it: {error}", where=name, remedy="Check name, split and root."
        ) from error

    def items() -> Iterator[Item]:
        for index in range(count):
            image, target = dataset[index]
            yield f"{name}[{index}]", str(target), lambda image=image: image

    return items, count, (name, split, count, root), f"{name} {split}"
