"""Whatever is put in at a public door: a result that keeps its promises, or a typed error.

    python tests/trust/fuzz.py 30

draws new input for as many minutes and counts cases and findings of each door; `test_fuzz` draws
a few of each, always the same. Each door is a function of hypothesis' `data` that calls it and
checks what comes of it; an `Img2ImuError` may be raised, anything else is a finding.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

import img2imu_kit as ik
from img2imu_kit.errors import Img2ImuError
from img2imu_kit.explore.augmentation import read_photo
from img2imu_kit.models.weights import fit_weights, read_card, read_weights
from img2imu_kit.pretrain import PretrainConfig
from img2imu_kit.pretrain.checkpoint import read_checkpoint, write_checkpoint
from img2imu_kit.pretrain.train import check_config

ROOM = Path(tempfile.mkdtemp(prefix="fuzz-"))
#: Numbers at the edge of what can be: none, negative, not a number, larger than any memory.
EDGES = [0, -1, 1, 2, 3, 7, 1e-9, 1e9, 1e300, float("nan"), float("inf"), -float("inf"), 0.5, 50]
NUMBERS = st.sampled_from(EDGES) | st.floats(0.01, 300) | st.integers(-3, 200)
WORDS = st.sampled_from(["acc_x", "acc_y", "acc_z", "gyro_x", "walk", "", "a/b", "µ", "=1", "\0"])
TEXTS = WORDS | st.text(max_size=8)
USUAL_RATE = st.sampled_from([50] * 30 + EDGES)
UNITS = st.sampled_from(["", "g", "m/s2", "rad/s", "deg/s", "mg", "counts", "furlong"])


def promises(holds: bool, what: str) -> None:
    """A promise of the kit, for results."""
    assert holds, f"promised: {what}"


def signals(most: int = 120) -> st.SearchStrategy:
    """Arrays [T, C] mostly, of any kind of number."""
    shapes = st.tuples(st.integers(0, most), st.integers(0, 7)) | arrays.array_shapes(max_side=9)
    kinds = st.sampled_from([np.float32, np.float64, np.int16, np.uint8, np.bool_, np.complex64])
    plain = st.floats(-20, 20, width=32)
    values = plain | st.sampled_from([float("nan"), float("inf"), 3e38])
    noise = st.integers(0, 9).map(lambda seed: np.random.default_rng(seed).normal(size=(100, 3)))
    return (
        noise
        | arrays.arrays(np.float32, shapes, elements=plain)
        | arrays.arrays(np.float64, shapes, elements=values)
        | kinds.flatmap(lambda kind: arrays.arrays(kind, shapes))
    )


@st.composite
def recordings(draw) -> ik.Recording:
    """A recording, good or not."""
    about = {
        "axes": st.lists(TEXTS, max_size=7) | st.just(["acc_x", "acc_y", "acc_z"]),
        "unit": UNITS | st.lists(UNITS, max_size=7),
        "labels": TEXTS | st.lists(TEXTS, max_size=100) | st.just(["a"] * 50 + [""] * 50),
        "start_s": NUMBERS,
        "clock_s": NUMBERS,
        "name": TEXTS,
        "subject": TEXTS,
    }
    given = draw(st.fixed_dictionaries({}, optional=about))
    return ik.Recording(draw(signals()), draw(USUAL_RATE), **given)


def sound(recording: ik.Recording) -> None:
    signal = recording.signal
    promises(signal.dtype == np.float32 and signal.ndim == 2, "float32 [T, C]")
    promises(len(signal) > 0 and np.isfinite(signal).all(), "samples, all finite")
    promises(len(recording.axes) == len(recording.unit) == signal.shape[1], "an axis a column")
    promises(0 < recording.rate < np.inf, "a rate")
    promises(recording.labels is None or len(recording.labels) == len(signal), "a label a sample")


# --- doors ----------------------------------------------------------------------------------------


def recording(data) -> None:
    made = data.draw(recordings())
    sound(made)
    repr(made)
    for change in (
        lambda: made.cut(data.draw(st.integers(-5, 130)), data.draw(st.integers(-5, 130))),
        lambda: made.select(data.draw(st.just("acc") | st.lists(TEXTS, max_size=3))),
        lambda: made.to_unit(data.draw(UNITS)),
        lambda: ik.signals.resample(made, data.draw(st.floats(1, 200) | NUMBERS)),
        lambda: ik.signals.remove_gravity(made, data.draw(NUMBERS)),
        lambda: ik.merge([made, replace(made, name="b")], offsets_s=[0, data.draw(NUMBERS)]),
    ):
        try:
            sound(change())
        except Img2ImuError:
            continue


def windows(data) -> None:
    made = data.draw(st.lists(recordings(), min_size=1, max_size=2))
    seconds = data.draw(st.floats(0.1, 2) | NUMBERS)
    cut = ik.sliding_windows(
        made,
        seconds,
        overlap=data.draw(st.floats(0, 0.9) | NUMBERS),
        purity=data.draw(st.floats(0, 1) | NUMBERS),
        unlabelled=data.draw(st.booleans()),
        short=data.draw(st.sampled_from(["skip", "pad", "raise"])),
    )
    promises(cut.signal.dtype == np.float32 and cut.signal.ndim == 3, "float32 [N, C, T]")
    promises(len(cut.label) == len(cut.subject) == len(cut.start_s) == len(cut), "N of each")
    promises(np.isfinite(cut.signal).all(), "finite windows")
    for used in (ik.handcrafted_features, ik.to_image):
        try:
            promises(len(used(cut)) == len(cut), "a row a window")
        except Img2ImuError:
            continue


def pictures_of_signals(data) -> None:
    options = data.draw(
        st.fixed_dictionaries(
            {"params": st.sampled_from(["default", "motion", "motion-signed"])},
            optional={
                "n_fft": NUMBERS,
                "hop": NUMBERS,
                "bands": NUMBERS,
                "cycles": NUMBERS,
                "low_rows": NUMBERS,
                "low_limit": NUMBERS,
                "fmin_hz": NUMBERS,
                "fmax_hz": NUMBERS,
                "range": st.tuples(NUMBERS, NUMBERS) | st.sampled_from(["per-axis", "x"]),
                "scale": st.sampled_from(["db", "power", "signed", "amplitude"]),
                "size": st.none() | st.tuples(st.integers(0, 40), st.integers(1, 40)),
                "channels": st.sampled_from(["acc", "magnitude", "gyro"]) | st.tuples(*[TEXTS] * 3),
            },
        )
    )
    signal = data.draw(signals()).T
    image = ik.to_image(signal, data.draw(USUAL_RATE), **options)
    promises(image.dtype == np.uint8 and image.shape[-3] == 3, "uint8 [3, H, W]")


def splits(data) -> None:
    count = data.draw(st.integers(0, 40))
    few = st.sampled_from(data.draw(st.sampled_from([["a", "b"], ["a", "b", "c", ""]])))
    labels, groups = (
        np.array(data.draw(st.lists(few, min_size=count, max_size=count)), dtype=object)
        for _ in range(2)
    )
    seed, share = data.draw(st.integers(0, 9)), data.draw(st.floats(0.1, 0.9) | NUMBERS)
    for split in (ik.split_by, ik.signals.split_randomly):
        try:
            train, test = split(groups, labels, test=share, seed=seed)
        except Img2ImuError:
            continue
        promises(not set(train) & set(test), "no window in both")
        promises(len(train) + len(test) == count, "no window lost")
        if split is ik.split_by:
            promises(not set(groups[train]) & set(groups[test]), "no group in both")
    shots = data.draw(st.integers(-1, 9))
    chosen = ik.k_shot(labels, shots, seed=seed)
    promises(set(np.unique(labels[chosen], return_counts=True)[1]) == {shots}, "k of each")
    signal = np.random.default_rng(0).normal(size=(count, 3, 20))
    cut = ik.Windows.from_numpy(signal, labels, groups, rate=data.draw(USUAL_RATE))
    features = signal.mean(axis=2) * data.draw(st.sampled_from([0, 1, 1, 1, 1e30, float("nan")]))
    table = ik.few_label(features, cut, shots=shots, seeds=1)
    promises(table.macro_f1.between(0, 1).all(), "scores from 0 to 1")


CELLS = st.sampled_from(
    [
        "0.1",
        "-3",
        "9.81",
        "1e400",
        "nan",
        "",
        "x",
        "walk",
        "1,5",
        "17e8",
        "12:00:01",
        '"a',
        "#",
    ]
)
NAMES = st.sampled_from(
    [
        "time",
        "t (s)",
        "ax",
        "ay",
        "az",
        "acc_x (g)",
        "acc_y (g)",
        "gx",
        "label",
        "subject",
        "",
        "a b",
    ]
)
READING = st.fixed_dictionaries(
    {},
    optional={
        "rate": st.just(50) | NUMBERS,
        "unit": UNITS,
        "time": st.just(False) | NAMES | st.integers(-1, 5),
        "time_unit": st.sampled_from(["s", "ms", "ns", "fortnight"]),
        "columns": st.lists(NAMES | st.integers(-1, 5), max_size=4),
        "axes": st.lists(TEXTS, max_size=4),
        "label": st.just(False) | NAMES | st.integers(-1, 5),
        "subject": NAMES,
        "delimiter": st.sampled_from([",", ";", "\t", " ", "ab", ""]),
        "decimal": st.sampled_from([".", ",", "x"]),
        "header": st.booleans(),
        "skip_lines": st.integers(-1, 5),
        "gap": st.sampled_from(["raise", "split", "interpolate", "x"]),
        "longest_gap_s": NUMBERS,
    },
)


def text_tables(data) -> None:
    mark = data.draw(st.sampled_from([",", ";", "\t", " "]))
    usual = ["time (s)", "acc_x (g)", "acc_y (g)", "acc_z (g)"]
    rows = [data.draw(st.just(usual) | st.lists(NAMES, min_size=1, max_size=6))]
    width = len(rows[0])
    if data.draw(st.booleans()):  # a good table
        step = data.draw(st.sampled_from([0.02, 20, 1e6, -0.02, 0]))
        rng = np.random.default_rng(0)
        for i in range(data.draw(st.integers(0, 60))):
            rows.append([f"{i * step:g}", *(f"{v:.3f}" for v in rng.normal(0, 5, width - 1))])
    for _ in range(data.draw(st.sampled_from([0, 0, 1, 4]))):
        line = data.draw(st.lists(CELLS, min_size=0, max_size=width + 1))
        rows.insert(data.draw(st.integers(0, len(rows))), line)
    path = ROOM / "table.csv"
    text = data.draw(st.sampled_from(["\n", "\r\n", "\r"])).join(mark.join(row) for row in rows)
    path.write_text(text, encoding=data.draw(st.sampled_from(["utf-8", "utf-16", "utf-8-sig"])))
    for each in ik.read(path, **data.draw(st.just({}) | READING)):
        sound(each)


def noise_in_text(data) -> None:
    path = ROOM / data.draw(st.sampled_from(["a.csv", "a.txt", "a.tsv", "a.dat"]))
    letters = st.text("0123456789.,;-+eE \t\n\r\"'#%xyztabc()/\0é", max_size=200)
    path.write_bytes(data.draw(letters.map(str.encode) | st.binary(max_size=200)))
    for each in ik.read(path, **data.draw(READING)):
        sound(each)


def intervals(data) -> None:
    path = ROOM / data.draw(st.sampled_from(["labels.csv", "labels.txt", "labels.json"]))
    if path.suffix == ".json":
        leaf = NUMBERS | TEXTS | st.none()
        keys = st.sampled_from(["start", "end", "label", "labels", "result", "value", "file", "id"])
        tree = st.recursive(
            leaf,
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
            max_leaves=12,
        )
        path.write_text(json.dumps(data.draw(tree)))
    else:
        heads = st.sampled_from(["start", "end", "label", "Begin Time - ss.msec", "tier", "file"])
        rows = data.draw(st.lists(st.lists(CELLS | heads, min_size=1, max_size=5), max_size=6))
        mark = data.draw(st.sampled_from([",", "\t"]))
        path.write_text("\n".join(mark.join(row) for row in rows))
    table = ik.readers.read_intervals(path)
    promises({"start", "end", "label"} <= {*table.columns}, "start, end and label")
    walk = ik.Recording(np.ones((100, 3)) * [1, 2, 3], 50, name="walk", clock_s=1.7e9)
    for each in ik.readers.label_intervals([walk], table):
        sound(each)


@cache
def originals() -> dict[str, bytes]:
    """A good file of each kind, to be damaged."""
    rng, folder = np.random.default_rng(0), Path(tempfile.mkdtemp(prefix="fuzz-good-"))
    walk = ik.Recording(rng.normal(size=(60, 3)), 50, labels="walk", unit="g", name="walk")
    ik.readers.save_npz([walk, walk], folder / "a.npz")
    np.save(folder / "a.npy", walk.signal)
    frame = pd.DataFrame(walk.signal, columns=["acc_x", "acc_y", "acc_z"])
    frame.insert(0, "time_s", np.arange(60) / 50)
    frame.to_parquet(folder / "a.parquet")
    frame.to_csv(folder / "a.csv.gz", index=False)
    frame.to_csv(folder / "a.csv", index=False)
    frame.to_excel(folder / "a.xlsx", index=False)
    from scipy.io import savemat

    savemat(folder / "a.mat", {"x": walk.signal})
    import zipfile

    with zipfile.ZipFile(folder / "a.zip", "w") as packed:
        packed.write(folder / "a.csv", "Accelerometer.csv")
    good = {path.name: path.read_bytes() for path in folder.iterdir()}
    picture = Image.fromarray(rng.integers(0, 256, (24, 30, 3), dtype=np.uint8))
    for kind in ("PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP"):
        content = io.BytesIO()
        picture.save(content, kind)
        good[f"p.{kind.lower()}"] = content.getvalue()
    return good


@st.composite
def damaged(draw, kinds: str) -> tuple[str, bytes]:
    name = draw(st.sampled_from(sorted(n for n in originals() if n.startswith(kinds))))
    content = bytearray(originals()[name])
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, len(content) - 1))
        content[place : place + draw(st.integers(0, 4))] = draw(st.binary(max_size=4))
        content = content or bytearray(b"x")
    return name, bytes(content[: draw(st.integers(0, len(content)))] if draw(cuts) else content)


cuts = st.sampled_from([False, False, False, True])


def damaged_recordings(data) -> None:
    name, content = data.draw(damaged("a."))
    path = ROOM / name
    path.write_bytes(content)
    for each in ik.read(path, **({"rate": 50} if name.endswith(("npy", "mat")) else {})):
        sound(each)


def damaged_pictures(data) -> None:
    name, content = data.draw(damaged("p."))
    picture = read_photo(io.BytesIO(content))
    promises(picture.dtype == np.uint8 and picture.shape[2] == 3, f"uint8 [H, W, 3] of {name}")


@cache
def network() -> ik.models.Backbone:
    return ik.load_backbone("test_byobnet")


def weights(data) -> None:
    import safetensors.torch
    import torch

    state = {"head.fc.bias": torch.zeros(1000), "stem.conv.weight": torch.zeros(24, 3, 3, 3)}
    good = safetensors.torch.save(data.draw(st.sampled_from([state, {}])))
    content, place = bytearray(good), data.draw(st.integers(0, min(300, len(good) - 1)))
    content[place : place + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    path = ROOM / "model.safetensors"
    path.write_bytes(content)
    keys = ["mean", "std", "architecture", "num_classes", "pad_type", "pretrained_cfg", "layers"]
    leaf = NUMBERS | TEXTS | st.none() | st.lists(NUMBERS, max_size=4)
    card = st.dictionaries(st.sampled_from(keys), leaf, max_size=3) | leaf | st.lists(leaf)
    (ROOM / "card.json").write_text(json.dumps(data.draw(card)))
    for use in (
        lambda: read_card(path),
        lambda: fit_weights(network().model, read_weights(path), source="a"),
        lambda: ik.load_backbone("test_byobnet", ROOM, strict=False),
    ):
        try:
            use()
        except Img2ImuError:
            continue


def checkpoints(data) -> None:
    import torch

    folder = ROOM / "run"
    write_checkpoint(folder, {"step": 3, "learner": {"a": torch.ones(3)}}, {"lr": 0.1})
    content = bytearray((folder / "checkpoint.pt").read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + 1] = data.draw(st.binary(max_size=3))
    (folder / "checkpoint.pt").write_bytes(content)
    state = read_checkpoint(folder, {"lr": data.draw(st.sampled_from([0.1, 0.2]))})
    promises(state["step"] == 3, "what was written")


def configs(data) -> None:
    plain = (int, float, bool, type(None))
    names = [name for name, value in vars(PretrainConfig()).items() if isinstance(value, plain)]
    names = [name for name in names if name != "weights"]
    some = st.dictionaries(st.sampled_from(names), st.integers(-1, 99) | NUMBERS, max_size=3)
    config = PretrainConfig(backbone="test_byobnet").updated(**data.draw(some))
    promises(config.updated() == config, "a copy")
    if data.draw(st.integers(0, 9)) == 0:
        check_config(config)


def embeddings(data) -> None:
    features = data.draw(signals(14))
    made = data.draw(st.sampled_from([ik.explain.fit_pca, ik.explain.fit_tsne]))(features)
    promises(made.xy.shape == (len(features), 2) and np.isfinite(made.xy).all(), "finite [N, 2]")
    placed = made.place(data.draw(signals(14)))
    promises(np.isfinite(placed).all(), "finite places")
    ik.explain.quality(features, made.xy, neighbours=data.draw(st.integers(0, 5)))


DOORS: dict[str, Callable] = {
    door.__name__: door
    for door in (
        recording,
        windows,
        pictures_of_signals,
        splits,
        text_tables,
        noise_in_text,
        intervals,
        damaged_recordings,
        damaged_pictures,
        weights,
        checkpoints,
        configs,
        embeddings,
    )
}


def trial(door: Callable, cases: int, *, random: bool, counts: dict | None = None) -> None:
    """Put so many things in at a door; the first finding, made small, is raised."""
    counts = {} if counts is None else counts

    @settings(
        max_examples=cases,
        derandomize=not random,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
        print_blob=False,
    )
    @given(st.data())
    def put_in(data) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                door(data)
                counts["taken"] = counts.get("taken", 0) + 1
            except Img2ImuError as error:
                counts["refused"] = counts.get("refused", 0) + 1
                promises(bool(str(error)), "an error that says something")

    put_in()


def main(minutes: float) -> int:
    until, found = time.monotonic() + 60 * minutes, {}
    counts: dict[str, dict] = {name: {} for name in DOORS}
    while time.monotonic() < until:
        for name, door in DOORS.items():
            if name in found:
                continue
            try:
                trial(door, 100, random=True, counts=counts[name])
            except Exception as error:
                found[name] = error
                print(f"\n== {name}: a finding\n{''.join(traceback.format_exception(error)[-12:])}")
            sys.stdout.flush()
    for name, count in counts.items():
        cases = sum(count.values())
        said = f"{cases:>8,} cases, {count.get('refused', 0):,} refused"
        print(f"{name:22} {said}{', A FINDING' if name in found else ''}")
    total = sum(sum(count.values()) for count in counts.values())
    print(f"{minutes:g} minutes, {total:,} cases, {len(found)} finding(s)")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if sys.argv[1:] else 1.0))
