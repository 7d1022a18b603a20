"""Where pictures come from: folders, tar shards and timm data sets, all as one iteration."""

from __future__ import annotations

import csv
import gzip
import io
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pooch
from PIL import Image

from .errors import DatasetError, FormatError

__all__ = ["Corpus", "find_corpus"]

_PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".tif", ".tiff", ".gif")
_SHARDS = (".tar", ".tar.gz", ".tgz")
_MANIFESTS = {"manifest.csv.gz": gzip.open, "manifest.csv": open}
_TIMM = ("torch/", "hfds/")  # kinds of timm data sets that can be read in any order

#: Opens a picture and tells its label, ``""`` without one; may run on any thread.
Opener = Callable[[], tuple[Image.Image, str]]


@dataclass(frozen=True)
class Corpus:
    """Pictures that are still to be decoded.

    Attributes
    ----------
    name : str
    identity : object
        Changes with the pictures: relative paths, sizes and times.
    items : callable
        Iterates over (name, how to open it).
    count : int or None
        How many there are, where it is known before they are read.
    """

    name: str
    identity: object
    items: Callable[[], Iterator[tuple[str, Opener]]]
    count: int | None


def find_corpus(
    source: str | Path | Iterable[Path], split: str = "train", root: str | Path | None = None
) -> Corpus:
    """What `source` means, see `img2imu_kit.images.load_images`."""
    paths = [Path(source)] if isinstance(source, (str, Path)) else [Path(path) for path in source]
    if isinstance(source, str) and source.startswith(_TIMM) and not paths[0].exists():
        return _timm_corpus(source, split, root)
    shards, pictures, tables = [], [], {}
    for path in paths:
        if not path.exists():
            raise DatasetError(
                "there is no such folder or shard",
                where=str(path),
                remedy='A timm data set is named with its kind: "torch/cifar10", "hfds/...".',
            )
        base = path if path.is_dir() else path.parent
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        shards += [(base, file) for file in files if file.name.lower().endswith(_SHARDS)]
        pictures += [(base, file) for file in files if file.name.lower().endswith(_PICTURES)]
    if not shards and not pictures:
        raise DatasetError(
            f"no picture ({' '.join(_PICTURES)}) and no shard ({' '.join(_SHARDS)})",
            where=str(paths[0]),
        )
    for _, shard in shards:
        if shard.parent not in tables:
            tables[shard.parent] = _labels_beside(shard.parent)

    def items() -> Iterator[tuple[str, Opener]]:
        for base, file in pictures:
            label = "" if file.parent == base else file.parent.name
            yield str(file), partial(_open, file, label)
        for _, shard in shards:
            yield from _members(shard, tables[shard.parent])

    files = [(file.relative_to(base).as_posix(), file.stat()) for base, file in pictures + shards]
    identity = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in files]
    identity.append(sorted(label for table in tables.values() for label in table.items()))
    count = len(pictures) + sum(len(table) for table in tables.values())
    return Corpus(paths[0].resolve().name, identity, items, count or None)


def _open(file: Path | io.BytesIO, label: str) -> tuple[Image.Image, str]:
    return Image.open(file), label


def _members(shard: Path, labels: dict[str, str]) -> Iterator[tuple[str, Opener]]:
    """Pictures of one shard, read in the order of the file."""
    try:
        with tarfile.open(shard) as archive:
            for member in archive:
                if member.isfile() and member.name.lower().endswith(_PICTURES):
                    inside = Path(member.name)
                    label = labels.get(inside.stem, inside.parent.name)
                    content = io.BytesIO(archive.extractfile(member).read())
                    yield f"{shard}:{member.name}", partial(_open, content, label)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise FormatError(
            f"the shard is cut or damaged ({error})", where=str(shard), remedy="Fetch it again."
        ) from None


def _labels_beside(folder: Path) -> dict[str, str]:
    """Key of a picture -> label, from the manifest in the folder of the shards, if there is one."""
    for name, opener in _MANIFESTS.items():
        if (folder / name).is_file():
            with opener(folder / name, "rt", newline="", encoding="utf-8") as lines:
                rows = csv.DictReader(lines)
                columns = [c for c in rows.fieldnames or () if c.startswith("label")]
                if columns and "key" in rows.fieldnames:
                    return {row["key"]: row[columns[0]] or "" for row in rows}
    return {}


def _timm_corpus(name: str, split: str, root: str | Path | None) -> Corpus:
    from timm.data import create_dataset

    root = str(root or pooch.os_cache("img2imu_kit"))
    try:
        dataset = create_dataset(name, root=root, split=split, download=True)
        count = len(dataset)
    except Exception as error:  # each library that downloads has errors of its own
        raise DatasetError(
            f"timm could not open it ({str(error).splitlines()[0]})",
            where=name,
            remedy="Check the name, split=, root= and the connection.",
        ) from None
    classes = getattr(dataset, "classes", None)

    def open_one(index: int) -> tuple[Image.Image, str]:
        picture, target = dataset[index]
        return picture, str(classes[target] if classes else target)

    def items() -> Iterator[tuple[str, Opener]]:
        for index in range(count):
            yield f"{name}[{index}]", partial(open_one, index)

    return Corpus(f"{name} {split}", (name, split, count, root), items, count)
