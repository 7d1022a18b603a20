"""Bring a data set into the cache: verified, resumable, atomic, from a mirror or its owners."""

from __future__ import annotations

import lzma
import os
import tarfile
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha1
from os import PathLike
from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

import filelock
import pooch
import requests
from tqdm.auto import tqdm

from ..errors import DownloadError

__all__ = ["bring", "cache_folder", "cached", "mirror"]

#: Lists ``NAME.txt`` of the owners' files: ``blob-id  path``, after comments, the last of which
#: is the address that the paths continue.
LISTS = Path(__file__).parent

#: A server that is busy or breaks off is asked four times, after 1, 2 and 4 s.
_TRIES = 4
_BACKOFF_S = 0.5
_TIMEOUT_S = 30
_ELSEWHERE = (
    "Check the network, or set IMG2IMU_MIRROR to a folder or address that holds registry.txt "
    "and the archives. What has arrived is kept, so a new try goes on from there."
)


def cache_folder(cache: str | PathLike | None = None) -> Path:
    """Folder of all data sets: `cache`, or ``$IMG2IMU_CACHE``, or the system's cache folder."""
    chosen = cache or os.environ.get("IMG2IMU_CACHE") or pooch.os_cache("img2imu_kit")
    return Path(chosen).expanduser()


def mirror() -> str:
    """The folder or address in ``$IMG2IMU_MIRROR``, or ``""``."""
    return os.environ.get("IMG2IMU_MIRROR", "")


def cached(name: str, cache: str | PathLike | None = None) -> Path | None:
    """Folder of a data set that is in the cache already, or None."""
    folder = cache_folder(cache) / name
    return folder if folder.is_dir() else None


def bring(name: str, url: str, cache: str | PathLike | None = None) -> Path:
    """Folder of the data set `name`, downloaded unless it is there; see `fetch_dataset`."""
    if folder := cached(name, cache):
        return folder
    root, listed = cache_folder(cache), LISTS / f"{name}.txt"
    if not mirror() and not listed.exists():
        raise DownloadError(
            f"the owners of {name} publish no checksum, so it is not downloaded unverified",
            remedy=f"Download it by hand from {url} and unpack it into {root / name}, or set "
            "IMG2IMU_MIRROR to a mirror that holds it.",
        )
    folder = root / name
    try:
        root.mkdir(parents=True, exist_ok=True)
        # Another process may be at it: wait, then find its work done.
        with filelock.FileLock(root / f".{name}.lock"):
            if not folder.is_dir():
                _from_mirror(name, folder) if mirror() else _from_owners(name, listed, folder)
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(
            f"cannot be read or written ({error.strerror or error})",
            where=str(error.filename or root),
            remedy="Choose a writable folder with room: set IMG2IMU_CACHE, or give cache=.",
        ) from None
    return folder


def _from_mirror(name: str, folder: Path) -> None:
    """``NAME.tar.xz`` of the mirror, with the SHA-256 in its registry, unpacked."""
    file, base = f"{name}.tar.xz", mirror()
    scheme = urlsplit(base).scheme
    if scheme in ("http", "https"):
        base = base.rstrip("/")
        with tempfile.TemporaryDirectory(dir=folder.parent) as room:
            registry = Path(room) / "registry.txt"
            _download_file(f"{base}/registry.txt", registry, "")
            known = _registered(registry, file, f"{base}/registry.txt")
        archive = folder.parent / file
        _download_file(f"{base}/{file}", archive, known, progress=True)
        _unpack(archive, folder)
        archive.unlink()
        return
    source = Path(url2pathname(urlsplit(base).path) if scheme == "file" else base).expanduser()
    archive = source / file
    known = _registered(source / "registry.txt", file, str(source / "registry.txt"))
    if not archive.is_file():
        raise DownloadError("the mirror lacks this archive", where=str(archive))
    if not _matches(archive, known):
        remedy = "Mend the mirror: the file is cut or damaged."
        raise DownloadError("does not match its checksum", where=str(archive), remedy=remedy)
    _unpack(archive, folder)


def _registered(registry: Path, file: str, where: str) -> str:
    """Checksum of a file by a registry of lines ``file sha256:hex``."""
    remedy = "Is IMG2IMU_MIRROR right?"
    if not registry.is_file():
        raise DownloadError("the mirror has no registry.txt", where=where, remedy=remedy)
    lines = registry.read_text(encoding="utf-8", errors="replace").splitlines()
    known = dict(line.split() for line in lines if len(line.split()) == 2)
    if not known.get(file, "").startswith("sha256:"):
        raise DownloadError(f"no line `{file} sha256:...`", where=where, remedy=remedy)
    return known[file]


def _unpack(archive: Path, folder: Path) -> None:
    """Archive to folder; the folder appears whole or not at all."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as room:
        whole = Path(room) / folder.name
        try:
            with tarfile.open(archive, "r:xz") as tar:
                tar.extractall(whole, filter="data")  # refuses paths that leave the folder
        except (tarfile.TarError, lzma.LZMAError, EOFError) as error:
            what = f"not a sound tar.xz archive ({error})"
            raise DownloadError(what, where=str(archive)) from None
        whole.replace(folder)


def _from_owners(name: str, listed: Path, folder: Path) -> None:
    """Each listed file from the owners' repository, verified by its git blob id."""
    # The last comment is the address at a fixed commit; then a line `blob-id  path` for each file.
    lines = listed.read_text(encoding="utf-8").splitlines()
    base = [line for line in lines if line.startswith("#")][-1].lstrip("# ")
    files = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    partial = folder.with_name(f".{name}.partial")

    def verified(blob_and_path: list[str]) -> None:
        blob, path = blob_and_path
        _download_file(base + quote(path), partial / path, f"gitblob:{blob}")

    with ThreadPoolExecutor(8) as pool:
        try:
            arrived = pool.map(verified, files)
            for _ in tqdm(arrived, name, total=len(files), unit="file"):
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    partial.replace(folder)


def _download_file(url: str, target: Path, known: str, *, progress: bool = False) -> None:
    """One file to its place: resumed where the last try broke off, moved there once verified."""
    if target.is_file() and known and _matches(target, known):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial, problem = target.with_name(f"{target.name}.part"), ""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_BACKOFF_S * 2**attempt)
        try:
            _stream(url, partial, progress)
        except requests.HTTPError as error:
            status = error.response.status_code
            problem = f"the server answers {status} {error.response.reason}"
            # Asking again helps when the server is at fault (5xx), slow (408) or busy (429).
            if status < 500 and status not in (408, 429):
                break
        except requests.ConnectionError:
            problem = f"{urlsplit(url).netloc} cannot be reached"
        except requests.RequestException as error:
            problem = f"the download broke off ({error})"
        else:
            if not known or _matches(partial, known):
                partial.replace(target)
                return
            partial.unlink()  # nothing of a damaged file is worth keeping
            problem = "the file does not match its checksum"
    raise DownloadError(problem, where=url, remedy=_ELSEWHERE)


def _stream(url: str, partial: Path, progress: bool) -> None:
    """Append what is missing, by pooch; start again where the server cannot continue."""
    with partial.open("ab") as file, _bar(partial, progress) as bar:

        def continued(response: requests.Response, **_) -> None:
            if response.status_code == 416:  # nothing is left to send: complete, or a stale part
                response.status_code = 200
                response.raw.read()
            elif response.status_code == 200:
                file.truncate(0)

        headers = {"Accept-Encoding": "identity"}  # bytes on the wire are bytes of the file
        if file.tell():
            headers["Range"] = f"bytes={file.tell()}-"
        load = pooch.HTTPDownloader(
            progressbar=bar,
            chunk_size=2**16,
            headers=headers,
            hooks={"response": continued},
            timeout=_TIMEOUT_S,
        )
        load(url, file, None)


@contextmanager
def _bar(partial: Path, shown: bool) -> Iterator[tqdm | None]:
    if not shown:
        yield None
        return
    # pooch sets the total; without one a bar has no truth value, which pooch asks for
    with tqdm(desc=partial.stem, total=1, unit="B", unit_scale=True) as bar:
        yield bar


def _matches(path: Path, known: str) -> bool:
    """Whether a file has the checksum ``sha256:hex`` or the git blob id ``gitblob:hex``."""
    kind, digest = known.split(":")
    if kind != "gitblob":
        return pooch.file_hash(str(path), kind) == digest
    # What `git hash-object` computes: SHA-1 of a header with the length, then the content.
    content = path.read_bytes()
    return sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest() == digest
