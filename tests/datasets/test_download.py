"""Fetching over real sockets: good, cut, damaged, missing, dying, resumed, shared, unwritable."""

import hashlib
import io
import os
import re
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from img2imu_kit.datasets import _download as download
from img2imu_kit.datasets import catalogue as datasets
from img2imu_kit.errors import DownloadError

NAME = "sisfall"  # any set without a list of its owners' files; the archive here is a tiny one
ARCHIVE = f"{NAME}.tar.xz"


class Server(ThreadingHTTPServer):
    """Serves a folder, with ranges; counts requests, and fails as told."""

    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder, self.log, self.sent = Path(folder), [], 0
        self.ranges = True  # whether it can continue a download
        self.dies_after: list[int] = []  # bytes of the body, for the next answers of an archive
        self.hangs: threading.Event | None = None  # waits for it half-way through an archive
        self.status: dict[str, list[int]] = {}  # path -> statuses of its next answers

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def asked(self, path):
        """Range headers of the requests for a path."""
        return [header for asked, header in self.log if asked == path]

    def handle_error(self, request, client_address):
        pass


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        wanted = self.headers.get("Range")
        self.server.log.append((self.path, wanted))
        if self.server.status.get(self.path):
            return self.send_error(self.server.status[self.path].pop(0))
        path = self.server.folder / self.path.lstrip("/")
        if not path.is_file():
            return self.send_error(404)
        body, start = path.read_bytes(), 0
        if wanted and self.server.ranges:
            start = int(re.match(r"bytes=(\d+)-$", wanted)[1])
            if start >= len(body):
                self.send_response(416)
                self.send_header("Content-Length", "4")
                self.end_headers()
                self.wfile.write(b"none")
                return None
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        body = body[start:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if path.suffix == ".xz" and self.server.dies_after:
            body = body[: self.server.dies_after.pop(0)]
        if path.suffix == ".xz" and self.server.hangs:
            self.wfile.write(body[: len(body) // 2])
            self.server.hangs.wait(30)
            return None
        self.wfile.write(body)
        self.server.sent += len(body)
        return None

    def log_message(self, *_):
        pass


@pytest.fixture
def serve():
    """A folder -> a running server of it."""
    servers = []

    def start(folder):
        server = Server(folder)
        threading.Thread(target=partial(server.serve_forever, 0.02), daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def make_mirror(folder, size=300_000):
    """A tiny data set in an archive that does not compress, and its registry."""
    folder.mkdir(exist_ok=True)
    rows = b" 256,-257, -25,  16,-32,  0,-1024,-987,  63;\r\n"
    with tarfile.open(folder / ARCHIVE, "w:xz") as tar:
        for name, content in (
            ("SisFall_dataset/SA01/F01_SA01_R01.txt", rows * 3),
            ("SisFall_dataset/noise.bin", os.urandom(size)),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    digest = hashlib.sha256((folder / ARCHIVE).read_bytes()).hexdigest()
    (folder / "registry.txt").write_text(f"other.tar.xz sha256:00\n{ARCHIVE} sha256:{digest}\n")
    return folder


@pytest.fixture
def mirror(tmp_path):
    return make_mirror(tmp_path / "mirror")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IMG2IMU_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("IMG2IMU_MIRROR", raising=False)
    monkeypatch.setattr(download, "_BACKOFF_S", 0.005)
    return tmp_path / "cache"


@pytest.fixture
def server(serve, mirror, monkeypatch, cache):
    server = serve(mirror)
    monkeypatch.setenv("IMG2IMU_MIRROR", server.url)
    return server


def left_in(cache):
    """What is in the cache but for lock files."""
    return sorted(path.name for path in cache.iterdir() if path.suffix != ".lock")


@pytest.mark.slow
def test_real_archive_over_http(shared, serve, monkeypatch, cache, capfd):
    server = serve(shared / "data")
    monkeypatch.setenv("IMG2IMU_MIRROR", server.url + "/")
    folder = datasets.fetch_dataset("utd_mhad")
    assert folder == cache / "utd_mhad"
    assert len(datasets.load_dataset("utd_mhad")) == 861
    assert left_in(cache) == ["utd_mhad"]
    assert "utd_mhad.tar.xz" in capfd.readouterr().err  # the progress bar
    requests = len(server.log)
    assert datasets.fetch_dataset("utd_mhad") == folder
    assert len(server.log) == requests == 2


def test_good(server, cache):
    folder = datasets.fetch_dataset(NAME)
    assert [recording.name for recording in datasets.load_dataset(NAME)] == ["F01_SA01_R01"]
    assert left_in(cache) == [NAME]
    server.shutdown()
    assert datasets.fetch_dataset(NAME) == folder  # needs no network any more


def test_load_fetches_from_the_mirror(server, cache):
    assert len(datasets.load_dataset(NAME)) == 1
    assert left_in(cache) == [NAME]


def test_cache_argument_wins(server, cache, tmp_path):
    assert datasets.fetch_dataset(NAME, cache=tmp_path / "mine") == tmp_path / "mine" / NAME
    assert not cache.exists()


@pytest.mark.parametrize("damage", ["truncated", "corrupted", "no archive at all"])
def test_damaged_on_the_server(server, mirror, cache, damage):
    archive = mirror / ARCHIVE
    good = archive.read_bytes()
    middle = len(good) // 2
    archive.write_bytes(
        {
            "truncated": good[:middle],
            "corrupted": good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :],
            "no archive at all": b"<html>please log in</html>",
        }[damage]
    )
    with pytest.raises(DownloadError, match="does not match its checksum") as caught:
        datasets.fetch_dataset(NAME)
    assert f"{server.url}/{ARCHIVE}" in str(caught.value)
    assert left_in(cache) == []  # nothing of it is kept or seen
    archive.write_bytes(good)
    assert len(datasets.load_dataset(NAME)) == 1


def test_checksum_right_but_no_archive(mirror, cache, monkeypatch):
    (mirror / ARCHIVE).write_bytes(b"not xz")
    digest = hashlib.sha256(b"not xz").hexdigest()
    (mirror / "registry.txt").write_text(f"{ARCHIVE} sha256:{digest}\n")
    monkeypatch.setenv("IMG2IMU_MIRROR", str(mirror))
    with pytest.raises(DownloadError, match=r"not a sound tar\.xz archive"):
        datasets.fetch_dataset(NAME)
    assert left_in(cache) == []


def test_archive_that_reaches_outside(mirror, cache, tmp_path, monkeypatch):
    with tarfile.open(mirror / ARCHIVE, "w:xz") as tar:
        info = tarfile.TarInfo("../../escaped.txt")
        info.size = 4
        tar.addfile(info, io.BytesIO(b"evil"))
    digest = hashlib.sha256((mirror / ARCHIVE).read_bytes()).hexdigest()
    (mirror / "registry.txt").write_text(f"{ARCHIVE} sha256:{digest}\n")
    monkeypatch.setenv("IMG2IMU_MIRROR", str(mirror))
    with pytest.raises(DownloadError, match="not a sound"):
        datasets.fetch_dataset(NAME)
    assert not list(tmp_path.rglob("escaped.txt"))


def test_404(server, mirror, cache):
    (mirror / ARCHIVE).unlink()
    with pytest.raises(DownloadError, match=f"{ARCHIVE}: the server answers 404"):
        datasets.fetch_dataset(NAME)
    assert len(server.asked(f"/{ARCHIVE}")) == 1  # asking again would not help
    (mirror / "registry.txt").unlink()
    with pytest.raises(DownloadError, match=r"registry.txt: the server answers 404"):
        datasets.fetch_dataset(NAME)


def test_not_in_the_registry(server, mirror, cache):
    (mirror / "registry.txt").write_text("other.tar.xz sha256:00\n\nnonsense\n")
    with pytest.raises(DownloadError, match=rf"no line `{ARCHIVE} sha256:...`.*IMG2IMU_MIRROR"):
        datasets.fetch_dataset(NAME)


def test_busy_server_is_asked_again(server, cache):
    server.status = {f"/{ARCHIVE}": [503, 429], "/registry.txt": [500]}
    assert datasets.fetch_dataset(NAME).is_dir()


def test_dies_once_and_goes_on(server, mirror, cache):
    server.dies_after = [200_000]
    assert datasets.fetch_dataset(NAME).is_dir()
    first, second = server.asked(f"/{ARCHIVE}")
    assert first is None
    assert 0 < int(second.removeprefix("bytes=").rstrip("-")) <= 200_000


def test_dies_for_good_then_a_new_fetch_goes_on(server, mirror, cache):
    server.dies_after = [100_000, 70_000, 70_000, 0]
    with pytest.raises(DownloadError, match=r"broke off.*a new try goes on"):
        datasets.fetch_dataset(NAME)
    assert left_in(cache) == [f"{ARCHIVE}.part"]
    kept = (cache / f"{ARCHIVE}.part").stat().st_size
    assert kept > 100_000
    server.sent = 0
    assert len(datasets.load_dataset(NAME)) == 1
    assert server.asked(f"/{ARCHIVE}")[-1] == f"bytes={kept}-"
    registry = (mirror / "registry.txt").stat().st_size
    assert server.sent - registry == (mirror / ARCHIVE).stat().st_size - kept
    assert left_in(cache) == [NAME]


def test_server_that_cannot_continue(server, cache):
    server.ranges, server.dies_after = False, [200_000]
    assert datasets.fetch_dataset(NAME).is_dir()


@pytest.mark.parametrize("stale", ["complete", "too long", "of another version"])
def test_stale_part(server, mirror, cache, stale):
    cache.mkdir()
    good = (mirror / ARCHIVE).read_bytes()
    part = {
        "complete": good,
        "too long": good + b"more",
        "of another version": b"x" * 1000,
    }[stale]
    (cache / f"{ARCHIVE}.part").write_bytes(part)
    assert len(datasets.load_dataset(NAME)) == 1
    assert left_in(cache) == [NAME]


def test_offline(mirror, cache, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setenv("IMG2IMU_MIRROR", f"http://{address}")
    with pytest.raises(DownloadError, match=f"{address} cannot be reached.*Check the network"):
        datasets.fetch_dataset(NAME)


def test_unwritable_cache(server, tmp_path):
    (tmp_path / "file").write_text("a file where a folder should be")
    for cache in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/img2imu")):
        with pytest.raises(DownloadError, match=r"set IMG2IMU_CACHE") as caught:
            datasets.fetch_dataset(NAME, cache=cache)
        assert str(cache) in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes where it likes")
def test_read_only_cache(server, cache):
    cache.mkdir(mode=0o555)
    with pytest.raises(DownloadError, match=r"Permission denied.*set IMG2IMU_CACHE"):
        datasets.fetch_dataset(NAME)


def test_read_only_cache_that_has_it(server, cache):
    folder = datasets.fetch_dataset(NAME)
    cache.chmod(0o555)
    try:
        assert datasets.fetch_dataset(NAME) == folder
    finally:
        cache.chmod(0o755)


def test_no_room(server, cache):
    """A limit on the size of files stands in for a full disk: the write itself fails."""
    code = f"""
import resource
from img2imu_kit import datasets, errors
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    datasets.fetch_dataset({NAME!r})
except errors.DownloadError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "File too large" in done.stdout, done.stderr
    assert "Choose a writable folder with room" in done.stdout


def test_two_processes_at_once(server, cache):
    code = f"from img2imu_kit import load_dataset; print(len(load_dataset({NAME!r})))"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in both:
        out, problems = process.communicate(timeout=60)
        assert (out, process.returncode) == ("1\n", 0), problems
    assert left_in(cache) == [NAME]
    assert len(server.asked(f"/{ARCHIVE}")) == 1  # the second waited, and found it done


def test_killed_while_downloading(server, mirror, cache):
    """A process that is gone leaves no lock behind, and its part is used."""
    server.hangs = threading.Event()
    code = f"from img2imu_kit import datasets; datasets.fetch_dataset({NAME!r})"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    part = cache / f"{ARCHIVE}.part"
    while process.poll() is None and not (part.exists() and part.stat().st_size > 100_000):
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    server.hangs.set()
    server.hangs, kept = None, part.stat().st_size
    assert datasets.fetch_dataset(NAME).is_dir()
    assert server.asked(f"/{ARCHIVE}")[-1] == f"bytes={kept}-"
    assert left_in(cache) == [NAME]


@pytest.mark.parametrize("address", ["folder", "file url"])
def test_mirror_on_disk(mirror, cache, monkeypatch, address):
    monkeypatch.setenv("IMG2IMU_MIRROR", str(mirror) if address == "folder" else mirror.as_uri())
    assert len(datasets.load_dataset(NAME)) == 1
    assert (mirror / ARCHIVE).is_file()


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda mirror: (mirror / ARCHIVE).unlink(), "lacks this archive"),
        (lambda mirror: (mirror / ARCHIVE).write_bytes(b"x"), "does not match its checksum"),
        (lambda mirror: (mirror / "registry.txt").unlink(), "no registry.txt"),
    ],
)
def test_spoilt_mirror_on_disk(mirror, cache, monkeypatch, spoil, what):
    spoil(mirror)
    monkeypatch.setenv("IMG2IMU_MIRROR", str(mirror))
    with pytest.raises(DownloadError, match=what):
        datasets.fetch_dataset(NAME)
    assert left_in(cache) == []


# --- from the owners ----------------------------------------------------------------------------


def test_without_a_checksum_nothing_is_downloaded(cache):
    for name in ("utd_mhad", "chest_accelerometer", "sisfall"):
        with pytest.raises(DownloadError, match="publish no checksum") as caught:
            datasets.fetch_dataset(name)
        assert datasets.card(name).url in str(caught.value)
        assert str(cache / name) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "files"), [("swimming", 206), ("sp_sw_har", 446), ("driver_behavior", 16)]
)
def test_lists_of_the_owners_files(name, files):
    lines = (download.LISTS / f"{name}.txt").read_text().splitlines()
    owner = datasets.card(name).url.removeprefix("https://github.com/")
    commit = rf"# https://raw\.githubusercontent\.com/{owner}/[0-9a-f]{{40}}/"
    assert re.fullmatch(commit, [line for line in lines if line.startswith("#")][-1])
    listed = [line for line in lines if not line.startswith("#")]
    assert len(listed) == len(set(listed)) == files
    assert all(re.fullmatch(r"[0-9a-f]{40}  [\w./-]+", line) for line in listed)


@pytest.fixture
def owners(serve, data_dir, monkeypatch, cache, tmp_path):
    """A set's name -> a server that stands in for the owners', under the real blob ids."""

    def start(name, keep=""):
        server = serve(data_dir(name))
        lines = (download.LISTS / f"{name}.txt").read_text().splitlines()
        kept = [line for line in lines if not line.startswith("#") and keep in line]
        (tmp_path / f"{name}.txt").write_text("\n".join([f"# {server.url}/", *kept]))
        monkeypatch.setattr(download, "LISTS", tmp_path)
        return server

    return start


@pytest.mark.slow
def test_every_real_file_has_its_blob_id(owners, cache):
    server = owners("sp_sw_har")
    recordings = datasets.load_dataset("sp_sw_har", download=True)
    assert len(recordings) == len(server.log) == 446
    assert left_in(cache) == ["sp_sw_har"]


def test_owners_file_damaged_then_mended(owners, cache, monkeypatch):
    server = owners("driver_behavior", keep="/17/")
    server.status = {"/data/17/giroscopio_terra.csv": [404]}
    with pytest.raises(DownloadError, match=r"17/giroscopio_terra.csv: the server answers 404"):
        datasets.fetch_dataset("driver_behavior")
    assert left_in(cache) == [".driver_behavior.partial"]  # not where load looks
    arrived = set(path.name for path in cache.rglob("*.csv"))
    server.log.clear()
    assert len(datasets.load_dataset("driver_behavior", download=True, events=True)) == 14
    assert not arrived & {Path(path).name for path, _ in server.log}
    assert left_in(cache) == ["driver_behavior"]


def test_owners_file_changed(owners, serve, cache, tmp_path):
    server = owners("driver_behavior", keep="/17/")
    changed = tmp_path / "changed"
    for path in server.folder.rglob("17/*.csv"):
        copy = changed / path.relative_to(server.folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    truth = changed / "data/17/groundTruth.csv"
    truth.write_text(truth.read_text().replace("25.1", "25.2"))
    server.folder = changed
    with pytest.raises(
        DownloadError, match=r"groundTruth.csv: the file does not match its checksum"
    ):
        datasets.fetch_dataset("driver_behavior")
    assert not (cache / "driver_behavior").exists()
