"""One call measures, writes a report that says what is whose, and does nothing twice."""

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from img2imu_kit.baselines.encoder import SignalEncoder
from img2imu_kit.baselines.train import LEARNERS
from img2imu_kit.errors import FormatError, OutputError, ParameterError, WeightsError
from img2imu_kit.evaluate.cache import cache_key
from img2imu_kit.evaluate.image_readout import ImageReadout
from img2imu_kit.evaluate.methods import (
    OwnWindowsMethod,
    SignalMethod,
    image_methods,
    lever_methods,
    sensor_methods,
)
from img2imu_kit.models.backbone import load_backbone, save_backbone
from img2imu_kit.pictures.params import resolve
from img2imu_kit.reproduce import report as report_module
from img2imu_kit.reproduce.run import PRESETS, Preset, load_results, run_preset

SMALL = ImageReadout((resolve("motion", size=(32, 32)),), layers=(0, 1))
TINY = Preset({"linear": (2,), "knn": (2,)}, 2, own_steps=1, most_windows=160, levers=True)


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
        return run_preset(
            TINY,
            folder,
            data=data,
            sensor_aware=pretrained / "sensor-aware",
            vision=pretrained / "vision",
            baselines=pretrained,
            tasks=("driving",),
            imagenet=None,
            readout=SMALL,
            workers=1,
            progress=False,
            **options,
        )

    report = call()
    return folder, report, call


def text_of(report) -> str:
    return BeautifulSoup(report.read_text(), "html.parser").get_text("\n", strip=True)


def test_the_report_leads_with_the_claim_and_says_what_is_whose(run):
    _, report, _ = run
    text = text_of(report).replace("\n", " ")
    order = [
        "IMG2IMU with few labels",
        "The claim",
        "the paper reports +9.6 points",
        "minus mean of sensor baselines, corpus",
        "minus mean of sensor baselines, own windows",
        "minus best sensor baseline",
        "minus by hand + forest",
        "What is the paper's, and what is ours",
        "Our choice:",
        "Every score",
        "Protocol: knn, 2 shots",
        "What pre-training is worth",
        "The levers of the readout",
        "How it was measured",
        "No method was tuned on the draws above",
        "Machine",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert "no weights were given: ImageNet" in text
    for name in (
        "IMG2IMU",
        "vision set",
        "pixels, no network",
        "limu-bert, random weights",
        "1-D CNN",
    ):
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
    assert (counts == 2).all()  # draws
    linear = set(scores.method[scores.protocol == "linear"])
    # pictures, random, baselines; logistic by hand, pixels, and the jury of both kinds
    assert len(linear) == 2 + 1 + 12 + 3
    assert scores.loc[scores.method == "1-D CNN, from scratch", "protocol"].unique() == ["full"]


def test_a_second_call_scores_nothing_again_and_a_report_that_fails_is_said(
    run, tmp_path, monkeypatch
):
    folder, report, call = run
    times = {path: path.stat().st_mtime_ns for path in folder.glob("cache/*/*.*")}
    assert times
    page, scores = report.read_bytes(), (folder / "scores.csv").read_bytes()
    broken = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")])
    nbformat.write(broken, tmp_path / "broken.ipynb")
    monkeypatch.setattr(report_module, "find_notebook", lambda: tmp_path / "broken.ipynb")
    with pytest.raises(OutputError, match="ZeroDivisionError"):
        call()
    assert {path: path.stat().st_mtime_ns for path in folder.glob("cache/*/*.*")} == times
    assert (folder / "scores.csv").read_bytes() == scores
    assert report.read_bytes() == page, "the page that was there is whole"


def test_the_page_stands_alone_and_its_pictures_have_alt_text(run):
    folder, report, _ = run
    page = BeautifulSoup(report.read_text(), "html.parser")
    images = page.find_all("img")
    assert len(images) >= 6
    for image in images:
        assert image["src"].startswith("data:image/png;base64,")
        assert len(image["alt"]) > 20
        assert "No description" not in image["alt"]
    assert not page.find_all(["script", "link"])
    assert not page.select(".output_stderr, .output_error")
    with Image.open(folder / "differences.png") as figure:
        assert "points at 2 shots" in figure.text["Description"]


def test_what_was_measured_is_read_back(run):
    folder, _, _ = run
    results = load_results(folder)
    scores = pd.read_csv(folder / "scores.csv")
    pd.testing.assert_series_equal(results.table.macro_f1, scores.macro_f1)
    assert results.facts["ours"] == "IMG2IMU"
    assert results.facts["settings"]["readout, layers"] == "(0, 1)"
    assert results.facts["settings"]["linear, probe"] == "logistic"
    (task,) = results.facts["tasks"]
    assert (task["task"], task["data set"]) == ("driving", "driver_behavior")
    assert list(results.claim_table().columns) == ["linear", "knn"]
    assert set(results.lever_table().columns) == {"driving", "average"}


def test_a_folder_without_results_is_named(tmp_path):
    with pytest.raises(FormatError, match="no results of a run"):
        load_results(tmp_path)


def test_image_methods_come_with_random_weights_of_their_own_architecture(pretrained):
    given = {"ours": pretrained / "sensor-aware", "other": None}
    methods = image_methods(given, "resnet10t", ImageReadout())
    assert list(methods) == ["ours", "random weights, mobilenetv3_small_050"]
    assert [method.scratch for method in methods.values()] == [False, True]
    assert cache_key(methods["ours"]) != cache_key(list(methods.values())[1])
    assert list(image_methods({}, "resnet10t", ImageReadout())) == ["random weights, resnet10t"]


def test_levers_move_one_at_a_time(pretrained):
    ours = image_methods({"ours": pretrained / "vision"}, "", ImageReadout())["ours"]
    moved = {name: vars(method.readout) for name, method in lever_methods(ours).items()}
    base = moved.pop("as it is")
    assert base == vars(ImageReadout())
    levers = [{key for key in base if readout[key] != base[key]} for readout in moved.values()]
    # one picture alone may have pixels that are read or not: these two go together
    assert all(len(keys - {"pixels"}) == 1 for keys in levers)
    assert set.union(*levers) == {"pictures", "pixels", "layers", "pool", "rows", "columns"}


def test_each_baseline_comes_from_the_corpus_from_own_windows_and_random(pretrained):
    learned = {"cpc": SignalEncoder.load(pretrained / "cpc")}
    methods = sensor_methods(learned, own_steps=3, folder=None)
    assert list(methods) == ["cpc, corpus", "cpc, own windows", "cpc, random weights"]
    assert [method.family for method in methods.values()] == ["sensor", "sensor", "scratch"]
    assert methods["cpc, own windows"] == OwnWindowsMethod("cpc", 3)


def test_every_protocol_has_the_shots_of_the_claim():
    assert min(preset.seeds for preset in PRESETS.values()) >= 5  # an interval needs draws
    common = {name: preset.common_shots for name, preset in PRESETS.items()}
    assert common == {"small": 10, "curves": 20, "full": 10}
    with pytest.raises(ParameterError, match="one number"):
        Preset({"linear": (1,), "knn": (5,)}, 2, own_steps=1)


def test_baselines_come_with_the_repository():
    for name in LEARNERS:
        encoder = SignalEncoder.load(f"img2imu:{name}")
        assert encoder.method == name
        assert encoder.finished
        assert encoder.card["steps"] >= 2000
        assert cache_key(SignalMethod(encoder)) != cache_key(SignalMethod(SignalEncoder(name)))


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(ParameterError, match="small, curves, full"):
        run_preset("medium", tmp_path)
    with pytest.raises(WeightsError, match="no such file"):
        run_preset(TINY, tmp_path, imagenet=tmp_path / "nothing")
