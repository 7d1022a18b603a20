"""Unlabelled pictures from folders, tar shards and timm data sets, decoded once.

A corpus is what is to be decoded; an `ImageSet` is what came of it, one memory-mapped uint8 array.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import itertools
import json
import os
import tarfile
import tempfile
import warnings
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pooch
from PIL import Image, ImageOps
from tqdm.auto import tqdm

from ..errors import DatasetError, FormatError, Img2ImuWarning, ParameterError, first_line

__all__ = ["ImageSet", "as_rgb", "load_images"]

_PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".pgm", ".tif", ".tiff", ".gif")
_SHARDS = (".tar", ".tar.gz", ".tgz")
_MANIFESTS = {"manifest.csv.gz": gzip.open, "manifest.csv": open}
_TIMM = ("torch/", "hfds/")  # kinds of timm data sets that can be read in any order
_LAYOUT = 3  # of the cache; a change of what is stored makes every key new
_CHUNK = 32  # pictures a thread takes at once
_LARGEST = 256 << 20  # bytes of a picture in a shard: what is packed may claim to be of any size

#: Opens a picture and gives its label, ``""`` without one; may run on any thread.
Opener = Callable[[], tuple[Image.Image, str]]


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Decoded pictures of one size; index it to get some of them.

    Attributes
    ----------
    pixels : uint8 [N, 3, S, S]
        RGB, memory-mapped where they come from the cache.
    labels : str [N] (object) or None
        Class names where the source has them, ``""`` for a picture without.
    mean, std : tuple of 3 floats
        Statistics of the channels on a scale from 0 to 1.
    skipped : tuple of (name, reason)
        Pictures that could not be decoded.
    source : str
        Where they came from, and a fingerprint of it.

    Examples
    --------
    >>> images = ImageSet(np.zeros((4, 3, 8, 8), np.uint8), None, (0.5,) * 3, (0.2,) * 3)
    >>> len(images), len(images[:2])
    (4, 2)
    """

    pixels: np.ndarray
    labels: np.ndarray | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    source: str = "array"

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index) -> ImageSet:
        if isinstance(index, (int, np.integer)):
            index = slice(index, index + 1 or None)
        labels = None if self.labels is None else self.labels[index]
        return replace(self, pixels=self.pixels[index], labels=labels)

    def __repr__(self) -> str:
        classes = 0 if self.labels is None else len(set(self.labels) - {""})
        side = self.pixels.shape[-1]
        return (
            f"ImageSet({len(self)} of {side} x {side}, {classes} classes, "
            f"{len(self.skipped)} skipped, from {self.source})"
        )


def load_images(
    source: str | Path | Iterable[Path] | np.ndarray,
    size: int = 64,
    *,
    split: str = "train",
    root: str | Path | None = None,
    cache: str | Path | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> ImageSet:
    """Pictures from a folder, tar shards, a timm data set or an array, as one uint8 array.

    Each is converted to RGB, its short side scaled to `size` and its centre cut out. The result
    is kept on disk under a key of these settings and the files' names, sizes and times; the
    second call only maps it.

    Parameters
    ----------
    source : path, sequence of paths, str or array
        A folder (searched with its subfolders) of pictures or of ``.tar``/``.tar.gz`` shards,
        shards themselves, the name of a timm data set (``"torch/cifar10"``,
        ``"hfds/<user>/<name>"``), or uint8 [N, 3, H, W].
    size : int
        Side of a stored picture in pixels.
    split, root : str, path
        For a timm data set: its part, and the folder that it is (or will be) stored in.
    cache : path, optional
        Folder of decoded corpora; the environment variable ``IMG2IMU_CACHE`` or the user's cache
        folder unless given.
    workers : int, optional
        Decoding threads; one for each core unless given.
    progress : bool
        Show a bar while decoding.

    Returns
    -------
    ImageSet
        Labels are the names of class folders, or those of a ``manifest.csv[.gz]`` with the
        columns ``key`` and ``label...`` beside the shards.

    Raises
    ------
    DatasetError
        Nothing there, or not a data set that timm can open.
    FormatError
        None of the pictures can be decoded, or a shard is cut.

    Warns
    -----
    Img2ImuWarning
        Some pictures could not be decoded; the message names the first, ``skipped`` all.

    Examples
    --------
    >>> import numpy as np
    >>> load_images(np.zeros((4, 3, 32, 32), dtype=np.uint8), size=16)
    ImageSet(4 of 16 x 16, 0 classes, 0 skipped, from array)
    """
    if size < 8:
        raise ParameterError(f"size is {size}, expected at least 8 pixels")
    workers = workers or os.cpu_count() or 1
    if isinstance(source, np.ndarray):
        return _from_array(source, size)
    corpus = _find_corpus(source, split, root)
    cache = Path(cache or os.environ.get("IMG2IMU_CACHE") or pooch.os_cache("img2imu_kit"))
    key = hashlib.sha256(repr((_LAYOUT, size, corpus.identity)).encode()).hexdigest()[:16]
    folder = cache / "images" / f"{size}-{key}"
    if not folder.is_dir():
        bar = tqdm(corpus.items(), "decoding", corpus.count, unit=" images", disable=not progress)
        _store(bar, size, workers, folder, corpus.name)
    images = _mapped(folder, size, f"{corpus.name} ({key})")
    if bad := images.skipped:
        named = ", ".join(f"{name} ({reason})" for name, reason in bad[:3])
        warnings.warn(
            f"{len(bad)} of {len(images) + len(bad)} pictures of {corpus.name} could not be "
            f"decoded and are left out: {named}{', ...' * (len(bad) > 3)}",
            Img2ImuWarning,
            stacklevel=2,
        )
    return images


@dataclass(frozen=True)
class _Corpus:
    """Pictures that are still to be decoded."""

    name: str
    identity: object  # changes with the pictures: relative paths, sizes and times
    items: Callable[[], Iterator[tuple[str, Opener]]]  # names, and how to open each
    count: int | None  # where it is known before they are read


def _find_corpus(
    source: str | Path | Iterable[Path], split: str = "train", root: str | Path | None = None
) -> _Corpus:
    """What `source` means, see `load_images`."""
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
        files = [file for file in files if file.is_file()]  # a pipe may wait for ever
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
    return _Corpus(paths[0].resolve().name, identity, items, count or None)


def _open(file: Path | io.BytesIO, label: str) -> tuple[Image.Image, str]:
    if isinstance(file, io.BytesIO) and file.getbuffer().nbytes > _LARGEST:
        raise FormatError(f"larger than {_LARGEST >> 20} MB")
    return Image.open(file), label


def _members(shard: Path, labels: dict[str, str]) -> Iterator[tuple[str, Opener]]:
    """Pictures of one shard, read in the order of the file."""
    try:
        with tarfile.open(shard) as archive:
            for member in archive:
                if member.isfile() and member.name.lower().endswith(_PICTURES):
                    inside = Path(member.name)
                    label = labels.get(inside.stem, inside.parent.name)
                    # a byte more than is taken: of a larger one no more is read
                    content = io.BytesIO(archive.extractfile(member).read(_LARGEST + 1))
                    yield f"{shard}:{member.name}", partial(_open, content, label)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise FormatError(
            f"the shard is cut or damaged ({error})", where=str(shard), remedy="Fetch it again."
        ) from None


def _labels_beside(folder: Path) -> dict[str, str]:
    """Key of a picture -> label, from the manifest in the folder of the shards, if there is one."""
    for name, opener in _MANIFESTS.items():
        if not (folder / name).is_file():
            continue
        try:
            with opener(folder / name, "rt", newline="", encoding="utf-8") as lines:
                rows = csv.DictReader(lines)
                columns = [c for c in rows.fieldnames or () if c.startswith("label")]
                if columns and "key" in rows.fieldnames:
                    return {row["key"]: row[columns[0]] or "" for row in rows}
        except (OSError, EOFError, zlib.error, csv.Error, UnicodeDecodeError) as error:
            raise FormatError(
                f"cannot be read as a table of labels ({error})",
                where=str(folder / name),
                remedy="Mend it, or take it away: folders tell classes too.",
            ) from None
    return {}


def _timm_corpus(name: str, split: str, root: str | Path | None) -> _Corpus:
    from timm.data import create_dataset

    root = str(root or pooch.os_cache("img2imu_kit"))
    try:
        dataset = create_dataset(name, root=root, split=split, download=True)
        count = len(dataset)
    except Exception as error:  # each library that downloads has errors of its own
        raise DatasetError(
            f"timm could not open it ({first_line(error)})",
            where=name,
            remedy="Check the name, split=, root= and the connection.",
        ) from None
    classes = getattr(dataset, "classes", None)

    def open_picture(index: int) -> tuple[Image.Image, str]:
        picture, target = dataset[index]
        return picture, str(classes[target] if classes else target)

    def items() -> Iterator[tuple[str, Opener]]:
        for index in range(count):
            yield f"{name}[{index}]", partial(open_picture, index)

    return _Corpus(f"{name} {split}", (name, split, count, root), items, count)


def _from_array(pixels: np.ndarray, size: int) -> ImageSet:
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1] != 3 or len(pixels) == 0:
        raise ParameterError(
            f"images are {pixels.dtype} {list(pixels.shape)}, expected uint8 [N, 3, H, W]",
            remedy="Use .transpose(0, 3, 1, 2) if channels come last.",
        )
    if pixels.shape[2:] != (size, size):
        pictures = (Image.fromarray(picture) for picture in pixels.transpose(0, 2, 3, 1))
        pixels = np.stack([_square(picture, size) for picture in pictures])
    return ImageSet(pixels, None, *_statistics(pixels))


def _store(
    items: Iterable[tuple[str, Opener]], size: int, workers: int, folder: Path, source: str
) -> None:
    """Decode into a temporary folder, then move it into place: all or nothing."""
    labels, skipped = [], []
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=folder.parent, prefix=".", ignore_cleanup_errors=True
        ) as temporary:
            new = Path(temporary) / "decoded"
            new.mkdir()
            with open(new / "pixels.u8", "wb") as file:  # [N, 3, S, S], one picture after another
                for name, label, pixels in _decoded(items, size, workers):
                    if isinstance(pixels, str):
                        skipped.append((name, pixels))
                    else:
                        file.write(pixels.tobytes())
                        labels.append(label)
            if not labels:
                raise FormatError(
                    f"none of {len(skipped)} pictures can be decoded; the first: {skipped[0]}"
                    if skipped
                    else "the shards hold no picture",
                    where=source,
                )
            classed = labels if len(set(labels) - {""}) > 1 else None
            pixels = np.memmap(new / "pixels.u8", np.uint8, "r", shape=(len(labels), 3, size, size))
            mean, std = _statistics(pixels)
            about = {"mean": mean, "std": std, "labels": classed, "skipped": skipped}
            (new / "about.json").write_text(json.dumps({"count": len(labels), **about}))
            del pixels  # or Windows will not move the folder
            try:
                os.replace(new, folder)
            except OSError:
                if not folder.is_dir():  # else another process was first, with the same bytes
                    raise
    except OSError as error:
        raise DatasetError(
            f"the decoded pictures cannot be stored ({error.strerror or error})",
            where=str(folder.parent),
            remedy="Make room, or pass cache=<a folder you can write to>.",
        ) from None


def _decoded(items: Iterable[tuple[str, Opener]], size: int, workers: int) -> Iterator[tuple]:
    """Name, label and pixels (or why there are none) of every picture, in order."""
    # At most 4 chunks a thread wait: a corpus of any size passes through a fixed memory.
    items, waiting = iter(items), deque()
    with ThreadPoolExecutor(workers) as pool:  # Pillow lets other threads run while it decodes
        while chunk := list(itertools.islice(items, _CHUNK)):
            waiting.append(pool.submit(_decode, chunk, size))
            if len(waiting) > 4 * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _decode(chunk: list[tuple[str, Opener]], size: int) -> list[tuple]:
    done = []
    for name, opener in chunk:
        try:
            picture, label = opener()
            with picture:
                done.append((name, label, _square(picture, size)))
        except Exception as error:  # decoders raise many kinds; a bad picture must not stop us
            done.append((name, "", f"{type(error).__name__}: {error}".split("\n")[0][:120]))
    return done


def _square(picture: Image.Image, size: int) -> np.ndarray:
    """Centre square of a picture, `size` pixels wide: uint8 [3, size, size]."""
    picture.draft("RGB", (size, size))  # a JPEG is decoded at 1/2, 1/4, 1/8 where that suffices
    picture = as_rgb(picture)
    width, height = picture.size
    if (width, height) != (size, size):
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side)
        picture = picture.resize((size, size), Image.Resampling.BICUBIC, box, reducing_gap=2)
    return np.asarray(picture).transpose(2, 0, 1)


def as_rgb(picture: Image.Image) -> Image.Image:
    """A picture of any kind as people see it, 8-bit RGB; of an animation the first frame.

    Turned as its EXIF orientation says; what is transparent shows white. Pillow's own conversion
    clips greys of more than 8 bits (65535 and 256 both become 255) and floats (0.9 becomes 0).

    Raises
    ------
    FormatError
        Whole numbers beyond 16 bits or floats beyond 0 to 1: what is white there, nobody says.

    Examples
    --------
    >>> ramp = Image.fromarray(np.array([[0, 257 * 127, 65535]], np.uint16))
    >>> np.asarray(as_rgb(ramp))[0, :, 0]
    array([  0, 127, 255], dtype=uint8)
    """
    picture = ImageOps.exif_transpose(picture)
    if picture.mode == "F" or picture.mode.startswith("I"):  # float32; int32, or 16 bits of it
        values = np.asarray(picture, dtype=np.float64)
        white = 1.0 if picture.mode == "F" else 65535.0
        least_white = 256 if picture.mode == "I" else 0  # int32 that may as well hold 8 bits
        if not (values.min() >= 0 and least_white <= values.max() <= white):
            raise FormatError(
                f"pixels from {values.min():g} to {values.max():g}, expected 0 to {white:g}",
                where=f"picture of mode {picture.mode}",
                remedy="Save it with 8 bits a channel.",
            )
        return Image.fromarray((values / white * 255).round().astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture)
    return picture.convert("RGB")


def _mapped(folder: Path, size: int, source: str) -> ImageSet:
    about = json.loads((folder / "about.json").read_text())
    shape = (about["count"], 3, size, size)
    pixels = np.memmap(folder / "pixels.u8", dtype=np.uint8, mode="r", shape=shape)
    labels = about["labels"] and np.array(about["labels"], dtype=object)
    skipped = tuple((name, reason) for name, reason in about["skipped"])
    return ImageSet(pixels, labels, tuple(about["mean"]), tuple(about["std"]), skipped, source)


def _statistics(pixels: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, from 2,000 pictures at most."""
    # every n-th picture, for a folder's first ones may all be of one class
    sample = np.asarray(pixels[:: -(-len(pixels) // 2000)], dtype=np.float32) / 255
    mean, std = sample.mean(axis=(0, 2, 3)), sample.std(axis=(0, 2, 3)).clip(min=1e-3)
    return tuple(round(float(m), 4) for m in mean), tuple(round(float(s), 4) for s in std)
