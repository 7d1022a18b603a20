"""Files of others: nothing in them runs, leaves its place, waits for ever or takes all memory."""

import csv
import io
import os
import socket
import subprocess
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import img2imu_kit as ik
from img2imu_kit._files import write_csv
from img2imu_kit.cli.explore import explorer_cells
from img2imu_kit.datasets import _download
from img2imu_kit.errors import DownloadError, FormatError, Img2ImuError, WeightsError
from img2imu_kit.explore.augmentation import read_photo
from img2imu_kit.pretrain import images as corpora
from img2imu_kit.pretrain.checkpoint import read_checkpoint
from img2imu_kit.signals.windows import Windows

IMG = "<img src=x onerror=alert(1)>"


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, sign):
        self.sign = str(sign)

    def __reduce__(self):
        return os.mkdir, (self.sign,)


# --- pickles: never loaded unasked ----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["npy", "npz", "labels", "pt", "pt asked for", "checkpoint"])
def test_no_pickle_runs(kind, tmp_path):
    import torch

    sign, trap = tmp_path / "it_ran", np.array([Trap(tmp_path / "it_ran")], dtype=object)
    if kind in ("npy", "npz", "labels"):
        path = tmp_path / f"a.{'npy' if kind == 'npy' else 'npz'}"
        if kind == "npy":
            np.save(path, trap, allow_pickle=True)
        elif kind == "npz":
            np.savez(path, signal=trap, rate=50)
        else:
            np.savez(path, signal=np.eye(50, 3), rate=50, labels=trap)
        with pytest.raises(FormatError, match="pickled objects"):
            ik.read(path, rate=50)
    elif kind == "checkpoint":
        torch.save({"learner": Trap(sign), "settings": "{}"}, tmp_path / "checkpoint.pt")
        with pytest.raises(WeightsError, match="cannot be read"):
            read_checkpoint(tmp_path, {})
    else:
        path = tmp_path / "a.pt"
        torch.save({"state_dict": Trap(sign)}, path)
        with pytest.raises(WeightsError):
            ik.load_backbone("test_efficientnet", path, allow_pickle=kind == "pt asked for")
    assert not sign.exists()


# --- archives -------------------------------------------------------------------------------------


def member(name, kind=tarfile.REGTYPE, link="", content=b""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(content)
    return info, io.BytesIO(content)


OUTSIDE = {
    "a path that climbs": [member("../escaped", content=b"x")],
    "a symbolic link out": [member("a", tarfile.SYMTYPE, "../../escaped")],
    "a file behind a link": [
        member("a", tarfile.SYMTYPE, ".."),
        member("a/escaped", content=b"x"),
    ],
    "a hard link out": [member("a", tarfile.LNKTYPE, "../secret")],
    "a device": [member("a", tarfile.CHRTYPE)],
    "a pipe": [member("a", tarfile.FIFOTYPE)],
}


@pytest.mark.parametrize("what", OUTSIDE)
def test_an_archive_of_a_mirror_cannot_leave_its_folder(what, tmp_path):
    archive = tmp_path / "set.tar.xz"
    with tarfile.open(archive, "w:xz") as tar:
        for info, content in OUTSIDE[what]:
            tar.addfile(info, content)
    (tmp_path / "cache").mkdir()
    with pytest.raises(DownloadError, match=r"not a sound tar\.xz archive"):
        _download._unpack(archive, tmp_path / "cache" / "set")
    assert not list(tmp_path.rglob("escaped"))
    assert not list((tmp_path / "cache").iterdir())


def test_shards_of_pictures_give_files_alone_and_none_without_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr(corpora, "_LARGEST", 5000)
    good = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(good, "PNG")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for info, content in (
            member("../../good.png", content=good.getvalue()),  # a name is no path here
            member("link.png", tarfile.SYMTYPE, "/etc/passwd"),
            member("device.png", tarfile.CHRTYPE),
            member("long.png", content=good.getvalue() + bytes(9000)),
        ):
            tar.addfile(info, content)
    with pytest.warns(UserWarning, match=r"1 of 2 pictures .*larger than"):
        images = corpora.load_images(tmp_path, 16, cache=tmp_path / "cache", progress=False)
    assert len(images) == 1
    assert not (tmp_path.parent / "good.png").exists()


# --- bombs, and what never ends -------------------------------------------------------------------


def test_a_picture_that_would_fill_memory_is_left_out_with_a_reason(tmp_path):
    Image.new("1", (20000, 20000)).save(tmp_path / "bomb.png")
    Image.new("RGB", (16, 16)).save(tmp_path / "good.png")
    with pytest.warns(UserWarning, match=r"bomb\.png \(DecompressionBombError"):
        images = corpora.load_images(tmp_path, 16, cache=tmp_path / "cache", progress=False)
    assert len(images) == 1
    with pytest.raises(FormatError, match="not a picture"):
        read_photo(tmp_path / "bomb.png")


def test_a_pipe_is_no_recording_and_no_picture(tmp_path):
    """Opened, it would wait until somebody writes into it."""
    os.mkfifo(tmp_path / "walk.csv")
    os.mkfifo(tmp_path / "walk.png")
    with pytest.raises(FormatError, match="neither a file nor a folder"):
        ik.read(tmp_path / "walk.csv")
    with pytest.raises(FormatError, match="no file that ends in"):
        ik.read(tmp_path)
    with pytest.raises(Img2ImuError, match="no picture"):
        corpora.load_images(tmp_path, 16, cache=tmp_path / "cache", progress=False)


def test_an_array_that_claims_a_terabyte_is_refused(tmp_path):
    with open(tmp_path / "a.npy", "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (10**12, 3)}
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(FormatError, match="damaged"):
        ik.read(tmp_path / "a.npy", rate=50)


def test_a_text_larger_than_memory_is_an_error_with_its_name(tmp_path):
    code = f"""
import gzip, resource
import img2imu_kit as ik
from img2imu_kit.errors import FormatError
path = {str(tmp_path / "bomb.csv.gz")!r}
with gzip.open(path, "wb", compresslevel=1) as file:
    file.write(b"time,ax,ay,az\\n" + b"0.1,1,2,3\\n" * 9)
    for _ in range(300):
        file.write(b"1" * (1 << 20))
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (400 << 20),) * 2)
try:
    ik.read(path)
except FormatError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "bomb.csv.gz" in done.stdout, done.stderr
    assert "memory" in done.stdout


def test_a_damaged_table_of_labels_beside_shards_is_named(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w"):
        pass
    for name, content in (
        ("manifest.csv.gz", b"\x1f\x8bnothing"),
        ("manifest.csv.gz", b"key,label\n"),
        ("manifest.csv", b"key,label\na," + b"x" * (csv.field_size_limit() + 1)),
        ("manifest.csv", b"key,label\n\xff\xfe,a"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FormatError, match=f"{name}: cannot be read as a table of labels"):
            corpora.load_images(tmp_path, 16, cache=tmp_path / "cache", progress=False)
        (tmp_path / name).unlink()


# --- text that would be more ----------------------------------------------------------------------

FORMULAS = ['=HYPERLINK("http://x","y")', "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1"]


def test_no_text_of_a_table_for_people_is_a_formula(tmp_path):
    table = pd.DataFrame({"label": [*FORMULAS, "walk", "-5", ""], "=x": -np.arange(9.0)})
    with open(write_csv(tmp_path / "a.csv", table), newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["label", "'=x"]
    assert [row[0] for row in rows[1:]] == [
        *(f"'{text}".replace("\r", " ") for text in FORMULAS),
        *("walk", "-5", ""),
    ]
    assert [float(row[1]) for row in rows[1:]] == (-np.arange(9.0)).tolist()


def test_the_tables_of_map_and_explorer_are_such_tables(tmp_path):
    from img2imu_kit.explore import EmbeddingExplorer

    labels = np.resize([*FORMULAS, "walk"], 21).astype(object)
    signal = np.random.default_rng(0).normal(size=(21, 3, 50))
    windows = Windows.from_numpy(signal, labels, np.resize([*"ab"], 21), rate=50)
    explorer = EmbeddingExplorer({"mean": signal.mean(axis=2)}, windows, layout="PCA")
    text = explorer.save_table(tmp_path / "a.csv").read_bytes().decode()
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert not any(cell.startswith(("=", "+", "@")) for cell in cells)
    assert "'=HYPERLINK" in text
    assert "label_given" in text


def test_a_file_of_any_name_stays_text_in_the_notebook_that_explore_writes(tmp_path):
    path = tmp_path / f"{IMG}.csv".replace("/", "")
    rows = np.column_stack([np.arange(300) / 50, np.ones((300, 2)), np.full(300, 9.8)])
    pd.DataFrame(rows, columns=["time (s)", "ax", "ay", "az"]).to_csv(path, index=False)
    (_, title), (_, code), _ = explorer_cells(path, {"unit": "m/s2"}, {"seconds": 2.0})
    assert IMG not in title
    assert "&lt;img" in title
    names = {}
    exec(code.replace("import img2imu_kit as ik", ""), {"ik": _Reader(names)})
    assert names == {"path": str(path)}, "the name is one string of the code, whatever it holds"
    awkward = f"a\udcff'\"\\\n{IMG}"
    from img2imu_kit.cli.explore import _code

    assert eval(_code(awkward)) == awkward


class _Reader:
    def __init__(self, names):
        self.names = names

    def read(self, path, **_):
        self.names["path"] = path


def test_reports_of_weights_show_keys_as_text():
    report = ik.models.WeightsReport("a", matched=(IMG,), missing=(IMG,), prefix=IMG)
    page = report._repr_html_()
    assert "<img" not in page
    assert "&lt;img" in page


def test_labels_are_text_in_figures_even_where_they_look_like_formulas():
    """matplotlib takes $...$ for mathematics, and stops at what is none."""
    import matplotlib.pyplot as plt

    labels = np.resize([r"$\frac{1}$", "$x", r"$\evil$", "_hidden", IMG], 24).astype(object)
    xy = np.random.default_rng(0).normal(size=(24, 2))
    table = pd.DataFrame(
        {"method": labels[:4], "shots": 1, "seed": 0, "macro_f1": 0.5, "accuracy": 0.5}
    )
    table = pd.concat([table, table.assign(seed=1)])
    signal = np.random.default_rng(0).normal(size=(24, 3, 100))
    windows = Windows.from_numpy(signal, labels, rate=50)
    for ax in (
        ik.plots.plot_embedding(xy, labels),
        ik.plots.plot_scores(table),
        ik.plots.plot_confusion(pd.crosstab(labels, labels), labels[0]),
        ik.plots.plot_signal(ik.Recording(signal[0].T, 50, labels=labels[0], name=labels[0])),
        ik.plots.plot_images(ik.to_image(windows), labels),
        ik.plots.plot_curves(pd.concat([table, table.assign(shots=5)]).assign(task=labels[0])),
        ik.plots.plot_neighbours(
            ik.to_image(windows), labels, {labels[0]: [0, 1, 2]}, rate=50, seconds=2
        ),
    ):
        figure = ax.figure if hasattr(ax, "figure") else np.ravel(ax)[0].figure
        figure.savefig(io.BytesIO(), format="png", dpi=20)
        plt.close(figure)


# --- nothing phones home --------------------------------------------------------------------------


_blocked: list[list] = []  # of the test that watches; an audit hook stays for good


def _watch(event, arguments):
    if _blocked and event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        _blocked[-1].append((event, repr(arguments)))
        raise RuntimeError("no network")


def test_nothing_phones_home(tmp_path):
    """Read, draw, load weights, score, map and explore, where no socket can connect."""
    sys.addaudithook(_watch)
    _blocked.append(asked := [])
    try:
        with pytest.raises(RuntimeError, match="no network"):
            socket.create_connection(("127.0.0.1", 9))  # the trap is real
        asked.clear()
        recordings = ik.load_dataset("synthetic", subjects=2, seconds=12, classes=["walk", "still"])
        ik.readers.save_npz(recordings, tmp_path / "a.npz")
        windows = ik.sliding_windows(ik.read(tmp_path / "a.npz"), seconds=4).select("acc")
        network = ik.load_backbone(weights="img2imu:sensor-aware")
        features = network.features(ik.to_image(windows, params="motion"), layer=1)
        ik.few_label(features, windows, shots=1, seeds=1)
        ik.plots.write_map(tmp_path / "map.html", ik.explain.pca(features), windows)
        ik.explore.SpectrogramExplorer(recordings).export(tmp_path / "page.html")
        ik.explore.EmbeddingExplorer({"a": features}, windows, layout="PCA").wait()
    finally:
        _blocked.pop()
    assert asked == []


def test_onnxruntime_keeps_no_identity_and_sends_nothing(tmp_path):
    """Unless told, it writes an identity below the home folder, and what it will send."""
    kept = {}
    for first in ("os", "img2imu_kit"):
        home = tmp_path / first
        home.mkdir()
        hidden = ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", "CI")  # on CI it asks nobody
        environment = {name: value for name, value in os.environ.items() if name not in hidden}
        command = [sys.executable, "-c", f"import {first}, onnxruntime"]
        subprocess.run(command, env=environment | {"HOME": str(home)}, check=True)
        kept[first] = [path.name for path in home.rglob("*") if path.is_file()]
    if not kept["os"]:
        pytest.skip("this onnxruntime keeps no identity")
    assert kept["img2imu_kit"] == []


def test_the_lab_of_make_listens_on_this_machine_and_asks_for_a_token():
    """JupyterLab's own defaults, which the Makefile leaves alone."""
    from jupyter_server.serverapp import ServerApp

    traits = ServerApp.class_traits()
    assert traits["ip"].default_value in ("localhost", "127.0.0.1")
    assert SimpleNamespace(**traits).allow_origin.default_value == ""
    server = ServerApp()
    assert len(server.identity_provider_class(parent=server).token) >= 32
    recipe = Path(__file__).parents[2].joinpath("Makefile").read_text().split("\nlab:")[1]
    assert not {"--ip", "token", "password", "allow_origin"} & {*recipe.split("\n\n")[0].split()}
