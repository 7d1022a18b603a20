"""One call measures, writes a report that says what is whose, and does nothing twice."""

import html.parser

import numpy as np
import pandas as pd
import pytest

from img2imu_kit.baselines.encoder import SignalEncoder
from img2imu_kit.baselines.train import LEARNERS, OwnWindows
from img2imu_kit.errors import ParameterError, WeightsError
from img2imu_kit.evaluate.methods import ImageReadout, lever_methods, sensor_methods, vision_methods
from img2imu_kit.models.backbone import load_backbone, save_backbone
from img2imu_kit.plots.style import axes_or_new, set_alt_text
from img2imu_kit.reproduce.report import Report
from img2imu_kit.reproduce.run import PRESETS, Preset, reproduce

TINY = Preset({"linear": (1, 2), "knn": (2,)}, 2, own_steps=1, levers=True)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """A folder of networks that stand for trained ones: what is tested is not their score."""
    folder = tmp_path_factory.mktemp("pretrained")
    for name in LEARNERS:
        SignalEncoder(name, seed=1).save(folder / name, steps=1, corpus="none", finished=True)
    for name in ("sensor-aware", "vision"):
        save_backbone(
            load_backbone("mobilenetv3_small_050", seed=2 + (name == "vision")), folder / name
        )
    return folder


@pytest.fixture(scope="module")
def run(pretrained, data_dir, tmp_path_factory):
    """A call on the smallest task, and the same again."""
    data, folder = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("results")
    (data / "driver_behavior").symlink_to(data_dir("driver_behavior"))

    def call(**options):
        return reproduce(
            TINY,
            folder,
            data=data,
            sensor_aware=pretrained / "sensor-aware",
            vision=pretrained / "vision",
            baselines=pretrained,
            tasks=("driving",),
            lens=ImageReadout(size=(32, 32)),
            workers=1,
            progress=False,
            **options,
        )

    report = call()
    return folder, report, call


def test_the_report_leads_with_the_claim_and_says_what_is_whose(run):
    _, report, _ = run
    text = report.read_text()
    order = [
        "# IMG2IMU with few labels",
        "## The claim",
        "the paper reports +9.6 points",
        "| minus mean of sensor baselines, corpus |",
        "| minus mean of sensor baselines, own windows |",
        "| minus best sensor baseline |",
        "| minus by hand + forest |",
        "## What is the paper's, and what is ours",
        "Our choice:",
        "## Every score",
        "Protocol: knn, 2 shots",
        "## What pre-training is worth",
        "## The levers of the lens",
        "## How it was measured",
        "No method was tuned on the draws below",
        "## Machine",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert "no weights were given: ImageNet" in text
    for name in ("IMG2IMU", "contrastive, vision set", "limu-bert, random weights", "1-D CNN"):
        assert name in text


def test_the_claim_is_the_difference_of_the_scores(run):
    folder, _, _ = run
    scores = pd.read_csv(folder / "scores.csv")
    found = pd.read_csv(folder / "differences.csv")
    one = scores[scores.protocol.isin(["linear", "forest"]) & (scores.shots == 2)]
    means = one.groupby("method").macro_f1.mean()
    for minus, others in {
        "mean of sensor baselines, corpus": [f"{name}, corpus" for name in LEARNERS],
        "mean of sensor baselines, own windows": [f"{name}, own windows" for name in LEARNERS],
        "by hand + forest": ["by hand + forest"],
    }.items():
        row = found[(found.minus == minus) & (found.shots == 2) & (found.task == "driving")]
        row = row[row.protocol == "linear"]
        expected = means["IMG2IMU"] - means[others].mean()
        assert row.difference.item() == pytest.approx(expected)
        assert row.low.item() <= expected <= row.high.item()


def test_every_method_has_every_draw(run):
    folder, _, _ = run
    scores = pd.read_csv(folder / "scores.csv")
    counts = scores.groupby(["method", "protocol"]).size()
    assert (counts.drop("knn", level=1) == 4).all()  # two numbers of shots, two draws
    assert (counts.xs("knn", level=1) == 2).all()
    linear = set(scores.method[scores.protocol == "linear"])
    assert len(linear) == 2 + 1 + 12 + 1  # pictures, random, baselines, by hand
    assert scores.loc[scores.method == "1-D CNN, from scratch", "protocol"].unique() == ["full"]


def test_a_second_call_scores_nothing_again_and_writes_the_same(run):
    folder, report, call = run
    times = {path: path.stat().st_mtime_ns for path in folder.glob("cache/*/*.*")}
    assert times
    before, scores = report.read_text(), (folder / "scores.csv").read_bytes()
    after = call().read_text()
    assert {path: path.stat().st_mtime_ns for path in folder.glob("cache/*/*.*")} == times
    assert (folder / "scores.csv").read_bytes() == scores

    def told(text):
        return [line for line in text.splitlines() if "minutes" not in line]

    assert told(before) == told(after)


def test_the_page_is_well_formed_and_its_pictures_have_alt_text(run):
    folder, report, _ = run

    class Page(html.parser.HTMLParser):
        images, depth = (), 0

        def handle_starttag(self, tag, attrs):
            if tag == "img":
                self.images += (dict(attrs),)
            self.depth += tag not in ("img", "meta")

        def handle_endtag(self, tag):
            self.depth -= 1

    page = Page()
    page.feed((folder / "report.html").read_text())
    assert page.depth == 0
    assert len(page.images) >= 6
    for image in page.images:
        assert (folder / image["src"]).stat().st_size > 1000
        assert len(image["alt"]) > 20
        assert f"]({image['src']})" in report.read_text()


def test_vision_methods_come_with_random_weights_of_their_own_architecture(pretrained):
    given = {"ours": pretrained / "sensor-aware", "other": None}
    methods = vision_methods(given, "resnet10t", ImageReadout())
    assert list(methods) == ["ours", "random weights, mobilenetv3_small_050"]
    assert [method.scratch for method in methods.values()] == [False, True]
    assert methods["ours"].fingerprint() != list(methods.values())[1].fingerprint()
    assert list(vision_methods({}, "resnet10t", ImageReadout())) == ["random weights, resnet10t"]


def test_levers_move_one_at_a_time(pretrained):
    ours = vision_methods({"ours": pretrained / "vision"}, "", ImageReadout())["ours"]
    moved = {name: vars(method.lens) for name, method in lever_methods(ours).items()}
    base = moved.pop("as it is")
    assert base == vars(ImageReadout())
    levers = [[key for key in base if lens[key] != base[key]] for lens in moved.values()]
    assert all(len(keys) == 1 for keys in levers)
    assert {key for keys in levers for key in keys} == {
        "range",
        "layer",
        "pool",
        "columns",
        "size",
        "detrend",
    }


def test_each_baseline_comes_from_the_corpus_from_own_windows_and_random(pretrained):
    learned = {"cpc": SignalEncoder.load(pretrained / "cpc")}
    methods = sensor_methods(learned, own_steps=3, folder=None)
    assert list(methods) == ["cpc, corpus", "cpc, own windows", "cpc, random weights"]
    assert [method.family for method in methods.values()] == ["sensor", "sensor", "scratch"]
    assert methods["cpc, own windows"] == OwnWindows("cpc", 3, None)


def test_presets_are_those_of_the_issue():
    small, full = PRESETS["small"], PRESETS["full"]
    assert min(small.seeds, full.seeds) >= 5
    assert small.shots == {"linear": (5, 10)}
    assert set(full.shots) == {"linear", "knn", "full", "partial"}
    assert set(full.shots["linear"]) == {1, 5, 10, 20}
    assert (small.common_shots, full.common_shots) == (10, 10)
    with pytest.raises(ParameterError, match="one number"):
        Preset({"linear": (1,), "knn": (5,)}, 2, own_steps=1)


def test_baselines_come_with_the_repository():
    for name in LEARNERS:
        encoder = SignalEncoder.load(f"img2imu:{name}")
        assert encoder.method == name
        assert encoder.finished
        assert encoder.card["steps"] >= 2000
        assert encoder.fingerprint() != SignalEncoder(name).fingerprint()


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(ParameterError, match="small, full"):
        reproduce("medium", tmp_path)
    with pytest.raises(WeightsError, match="no such file"):
        reproduce(TINY, tmp_path, imagenet=tmp_path / "nothing")


def test_a_report_escapes_what_it_quotes(tmp_path):
    report = Report("a < b", tmp_path)
    report.heading("h & h").text("x < y").items(["1 < 2"])
    report.table(pd.DataFrame({"a|b": ["<i>"], "n": [np.int64(3)], "x": [0.5]}), digits=1)
    report.figure(set_alt_text(axes_or_new(None), 'say "hi"'), "empty", "A & B")
    path = report.write()
    assert "| a\\|b | n | x |\n|---|---|---|\n| <i> | 3 | 0.5 |" in path.read_text()
    page = (tmp_path / "report.html").read_text()
    for part in (
        "a &lt; b",
        "h &amp; h",
        "&lt;i&gt;",
        "1 &lt; 2",
        "say &quot;hi&quot;",
        "A &amp; B",
    ):
        assert part in page
    assert (tmp_path / "figures" / "empty.png").is_file()
