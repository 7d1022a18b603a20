"""Photographs as mosaics of 64 x 64 crops in WebP, small enough to carry to a GPU.

    python pack.py OUT.tar SHARD.tar.gz ... [--quality 50]

A shard is a tar of photographs. Each is cropped to its central square and brought to 64 x 64;
256 make a mosaic, named ``NUMBER_COUNT.webp``. 48,965 photographs take 41 MB at quality 50.
"""

from __future__ import annotations

import argparse
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

SIDE, EDGE = 64, 16  # pixels of a crop, crops along an edge of a mosaic


def crops(shards: list[Path]) -> Iterator[np.ndarray]:
    """Central squares, uint8 [64, 64, 3], in the order of the shards."""
    for shard in shards:
        with tarfile.open(shard) as tar:
            for member in filter(tarfile.TarInfo.isfile, tar):
                image = Image.open(io.BytesIO(tar.extractfile(member).read())).convert("RGB")
                width, height = image.size
                side = min(width, height)
                left, top = (width - side) // 2, (height - side) // 2
                image = image.crop((left, top, left + side, top + side))
                if side != SIDE:
                    image = image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
                yield np.asarray(image)


def write_mosaic(tar: tarfile.TarFile, number: int, tiles: list[np.ndarray], quality: int) -> None:
    canvas = np.zeros((EDGE * EDGE, SIDE, SIDE, 3), np.uint8)  # the last one may have black tiles
    canvas[: len(tiles)] = tiles
    # [row, column, y, x, colour] to [row, y, column, x, colour]
    rows = canvas.reshape(EDGE, EDGE, SIDE, SIDE, 3).transpose(0, 2, 1, 3, 4)
    stream = io.BytesIO()
    mosaic = Image.fromarray(rows.reshape(EDGE * SIDE, EDGE * SIDE, 3))
    mosaic.save(stream, "WEBP", quality=quality, method=4)
    info = tarfile.TarInfo(f"{number:05d}_{len(tiles)}.webp")
    info.size = stream.tell()
    stream.seek(0)
    tar.addfile(info, stream)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("shards", type=Path, nargs="+")
    parser.add_argument("--quality", type=int, default=50, help="of WebP")
    options = parser.parse_args()
    tiles, total, number = [], 0, 0
    with tarfile.open(options.out, "w") as tar:
        for tile in crops(sorted(options.shards)):
            tiles.append(tile)
            if len(tiles) == EDGE * EDGE:
                write_mosaic(tar, number, tiles, options.quality)
                tiles, total, number = [], total + len(tiles), number + 1
        if tiles:
            write_mosaic(tar, number, tiles, options.quality)
            total, number = total + len(tiles), number + 1
    print(f"{total} photographs in {number} mosaics")


if __name__ == "__main__":
    main()
