"""The table says what `few_label` says, outlives a kill, and is read with honest intervals."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from few_labels import Moments, Network, network, people, slow_table
from pandas.testing import assert_frame_equal
from sklearn.metrics import accuracy_score, f1_score

import img2imu_kit as ik
from img2imu_kit import plots
from img2imu_kit.errors import LeakageWarning, ParameterError
from img2imu_kit.evaluate import table as table_module
from img2imu_kit.evaluate.cache import cache_key, read_arrays, read_row, write_row
from img2imu_kit.evaluate.finetune import FineTuneConfig
from img2imu_kit.evaluate.methods import Handcrafted
from img2imu_kit.evaluate.probes import fuse
from img2imu_kit.evaluate.scores import few_label
from img2imu_kit.evaluate.stats import (
    compare,
    confusions,
    macro_f1,
    ranks,
    select_protocol,
    summarize,
)
from img2imu_kit.evaluate.table import few_label_table, write_score

SCORES = ["macro_f1", "accuracy", "train_windows", "test_windows"]
QUIET = {"workers": 1, "progress": False}


@pytest.fixture(scope="module")
def cut():
    return people(each=4)


def plain(table):
    """Without what no two runs share."""
    return table.drop(columns="seconds")


@pytest.fixture(scope="module")
def table(cut):
    """Two tasks, three methods of different strength, two protocols."""
    methods = {"moments": Moments(), "forest": Handcrafted(), "network": Network()}
    tasks = {"easy": cut, "hard": people(each=4, seed=1).relabel({"still": "slow"})}
    ways = {"linear": "logistic", "full": FineTuneConfig(epochs=1)}
    return few_label_table(tasks, methods, shots=(1, 4), seeds=2, protocols=ways, **QUIET)


def test_each_row_equals_few_label_on_the_same_features(cut, table):
    alone = few_label({"m": fuse(Moments().voters(cut))}, cut, shots=(1, 4), seeds=2)
    rows = table[(table.task == "easy") & (table.method == "moments")]
    found = rows.set_index(["shots", "seed"])[SCORES].sort_index()
    assert_frame_equal(found, alone.set_index(["shots", "seed"])[SCORES].sort_index())


def test_methods_take_part_where_they_can(table):
    pairs = set(zip(table.method, table.protocol, strict=True))
    assert pairs == {
        ("moments", "linear"),
        ("forest", "forest"),
        ("network", "linear"),
        ("network", "full"),
    }
    assert len(table) == 2 * 4 * 2 * 2
    assert table[table.method == "network"].parameters.unique() == sum(
        parameter.numel() for parameter in network().parameters()
    )
    assert set(select_protocol(table, "full").method) == {"network", "forest"}
    with pytest.raises(ParameterError, match="'knn'"):
        select_protocol(table, "knn")


def test_each_protocol_has_shots_of_its_own(cut):
    methods = {"moments": Moments(), "forest": Handcrafted()}
    shots = {"linear": (1, 3), "knn": (2,), "not asked": (7,)}
    ways = ("linear", "knn")
    found = few_label_table({"t": cut}, methods, shots=shots, seeds=1, protocols=ways, **QUIET)
    rows = set(zip(found.method, found.protocol, found.shots, strict=True))
    assert rows == {
        *(("moments", "linear", count) for count in (1, 3)),
        ("moments", "knn", 2),
        *(("forest", "forest", count) for count in (1, 2, 3)),
    }
    assert sorted(select_protocol(found, "knn").method) == ["forest", "moments"]
    assert sorted(select_protocol(found, "linear").shots) == [1, 1, 3, 3]
    with pytest.raises(ParameterError, match="'knn'"):
        few_label_table({"t": cut}, methods, shots={"linear": (1,)}, protocols=ways, **QUIET)


def test_two_names_for_one_row_are_scored_once(cut, monkeypatch):
    done = []
    monkeypatch.setattr(
        table_module, "write_score", lambda job: done.append(job.row) or write_score(job)
    )
    ways = {name: FineTuneConfig(epochs=1) for name in ("full", "again")}
    methods = {"network": Network()}
    found = few_label_table({"t": cut}, methods, shots=(2,), seeds=2, protocols=ways, **QUIET)
    assert len(done) == len(set(done)) == 2
    assert list(found.protocol) == ["full", "full", "again", "again"]
    scores = found.groupby("protocol").macro_f1.apply(list)
    assert scores["full"] == scores["again"]


def test_counts_give_back_the_scores(table):
    for row in table.itertuples():
        counts = np.reshape(row.confusion, (len(row.groups), len(row.classes), -1))
        total = counts.sum(axis=0)
        assert total.sum() == row.test_windows
        assert np.trace(total) / total.sum() == pytest.approx(row.accuracy)
        assert macro_f1(total) == pytest.approx(row.macro_f1)
        assert len(row.groups) == 2  # of six people, 30 %


def test_macro_f1_of_counts_is_that_of_scikit_learn(rng):
    true, predicted = rng.integers(4, size=(2, 50))
    counts = np.zeros((4, 4), int)
    np.add.at(counts, (true, predicted), 1)
    assert macro_f1(counts) == pytest.approx(f1_score(true, predicted, average="macro"))
    assert np.trace(counts) / 50 == accuracy_score(true, predicted)


def test_a_second_call_computes_nothing_and_a_larger_one_only_what_is_new(cut, tmp_path):
    method = Moments()
    first = few_label_table(
        {"t": cut}, {"m": method}, shots=(2,), seeds=2, folder=tmp_path, **QUIET
    )
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    again = few_label_table(
        {"t": cut}, {"m": method}, shots=(2,), seeds=2, folder=tmp_path, **QUIET
    )
    assert_frame_equal(first, again)  # the seconds too
    more = few_label_table(
        {"t": cut}, {"m": method}, shots=(2, 3), seeds=3, folder=tmp_path, **QUIET
    )
    assert method.asked == 1
    assert len(more) == 6
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_what_decides_a_row_names_it(cut, tmp_path):
    few_label_table({"t": cut}, {"m": Moments()}, shots=(2,), seeds=1, folder=tmp_path, **QUIET)

    def rows(windows=cut, method="moments", **options):
        options = {"shots": (2,), "seeds": 1, "folder": tmp_path} | QUIET | options
        few_label_table({"t": windows}, {"m": Moments(method)}, **options)
        return len(list(tmp_path.glob("rows/*.parquet")))

    assert rows() == 1
    assert rows(method="others") == 2
    assert rows(windows=people(each=4, seed=5)) == 3
    assert rows(protocols=["knn"]) == 4
    assert rows(test=0.5) == 5
    assert rows(by="recording") == 6
    assert rows() == 6


def test_a_torn_file_is_computed_again(cut, tmp_path):
    ask = {"shots": (2,), "seeds": 2, "folder": tmp_path} | QUIET
    first = few_label_table({"t": cut}, {"m": Moments()}, **ask)
    torn, empty = sorted(tmp_path.glob("rows/*.parquet"))
    torn.write_bytes(torn.read_bytes()[:100])
    empty.write_bytes(b"")
    features = next(tmp_path.glob("features/*.safetensors"))
    features.write_bytes(features.read_bytes()[:200])
    again = few_label_table({"t": cut}, {"m": Moments()}, **ask)
    assert_frame_equal(plain(first), plain(again))


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    with pytest.raises(Exception, match="object"):
        write_row(tmp_path / "row.parquet", {"a": object()})
    assert list(tmp_path.iterdir()) == []
    assert read_row(tmp_path / "row.parquet") is None
    assert read_arrays(tmp_path / "array.safetensors") is None


def test_a_killed_run_continues_and_ends_the_same(cut, tmp_path, children):
    heard, tell = children.Pipe(duplex=False)
    child = children.Process(target=slow_table, args=(tmp_path, tell))
    child.start()
    for _ in range(3):
        assert heard.recv() == "row"
    child.kill()
    child.join()
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("rows/*.parquet")}
    assert 3 <= len(kept) < 12
    ask = {"shots": (1, 2, 3), "seeds": 4} | QUIET
    resumed = few_label_table({"t": cut}, {"m": Moments()}, folder=tmp_path, **ask)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    whole = few_label_table({"t": cut}, {"m": Moments()}, **ask)
    assert_frame_equal(plain(resumed), plain(whole))


def test_the_same_seeds_give_the_same_table_with_one_worker_or_two(cut):
    methods = {"forest": Handcrafted(), "network": Network()}
    ways = {"linear": "logistic", "full": FineTuneConfig(epochs=1)}
    ask = {"shots": (1,), "seeds": 2, "protocols": ways, "progress": False}
    threads = torch.get_num_threads()
    one, again = (few_label_table({"t": cut}, methods, workers=1, **ask) for _ in range(2))
    two = few_label_table({"t": cut}, methods, workers=2, **ask)
    assert_frame_equal(plain(one), plain(again), check_exact=True)
    assert_frame_equal(plain(one), plain(two), check_exact=True)
    assert torch.get_num_threads() == threads


def test_impossible_questions_are_refused(cut):
    with pytest.raises(ParameterError, match="linear, knn, full, partial"):
        few_label_table({"t": cut}, {"m": Moments()}, protocols=["svm"], **QUIET)
    with pytest.raises(ParameterError, match="linear, knn, full, partial"):
        few_label_table({"t": cut}, {"m": Moments()}, protocols="linear", **QUIET)
    with pytest.raises(ParameterError, match="'t'"):
        few_label_table({"t": cut}, {"m": Moments()}, by={"other": "subject"}, **QUIET)
    with pytest.warns(LeakageWarning, match="too high"):
        few_label_table({"t": cut}, {"m": Moments()}, by="random", seeds=1, shots=(1,), **QUIET)


def test_a_key_sees_weights_and_layers():
    same = torch.nn.Conv1d(1, 1, 3)
    padded = torch.nn.Conv1d(1, 1, 3, padding=1)
    padded.load_state_dict(same.state_dict())
    assert cache_key(same) == cache_key(same) != cache_key(padded)
    before = cache_key(same)
    with torch.no_grad():
        same.weight += 1e-7
    assert cache_key(same) != before
    assert cache_key([1, [2]]) != cache_key([[1], 2]) != cache_key([1, 2])
    assert cache_key("1") != cache_key(1)


def test_a_key_sees_any_line_of_code_of_the_package_but_no_comment(tmp_path):
    package = Path(ik.__file__).parent
    shutil.copytree(package, tmp_path / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    contrastive = tmp_path / package.name / "pretrain" / "contrastive.py"
    code = contrastive.read_text()
    loss = "def nt_xent(z1: Tensor, z2: Tensor, temperature: float = 0.2)"
    assert code.count(loss) == 1

    def key(text):
        contrastive.write_text(text)
        script = "from img2imu_kit.evaluate import cache; print(cache.__file__, cache.cache_key(1))"
        run = subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        file, found = run.stdout.split()
        assert Path(file).is_relative_to(tmp_path)
        return found

    before = key(code)
    remarked = code.replace(loss, f"# a remark\n\n\n{loss}")
    retold = f'"""Other words."""\n{remarked[code.index("from __future__") :]}'
    assert key(retold) == before
    assert key(code.replace(loss, loss.replace("0.2", "0.3"))) != before


def test_differences_are_those_of_the_table(table):
    one = select_protocol(table, "linear")
    found = compare(one, "forest", ["moments", "network"])
    assert found.task.tolist() == ["easy", "hard", "average"] * 2
    means = one.groupby(["task", "shots", "method"]).macro_f1.mean()
    for row in found[found.task != "average"].itertuples():
        of = means[row.task, row.shots]
        others = (of["moments"] + of["network"]) / 2
        assert row.difference == pytest.approx(of["forest"] - others)
        assert row.low <= row.difference <= row.high
    average = found[found.task == "average"].set_index("shots").difference
    expected = found[found.task != "average"].groupby("shots").difference.mean()
    assert average.tolist() == pytest.approx(expected.tolist())


def test_the_best_of_others_is_found_in_each_task(table):
    one = select_protocol(table, "linear")
    found = compare(one, "forest", ["moments", "network"], against="best")
    means = one.groupby(["task", "shots", "method"]).macro_f1.mean()
    for row in found[found.task != "average"].itertuples():
        of = means[row.task, row.shots][["moments", "network"]]
        assert row.best == of.idxmax()
        assert row.theirs == pytest.approx(of.max())


def test_a_method_does_not_differ_from_itself_and_intervals_repeat(table):
    one = select_protocol(table, "linear")
    assert (compare(one, "forest", ["forest"])[["difference", "low", "high"]] == 0).all(axis=None)
    again = [compare(one, "forest", ["network"], seed=3) for _ in range(2)]
    assert_frame_equal(*again)


def test_an_interval_covers_the_truth_about_as_often_as_it_says():
    """Draws and people differ; the mean difference is 0.1 by construction."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(40):
        rows = []
        for seed in range(8):
            for method, rate in (("a", 0.8), ("b", 0.7)):
                right = rng.binomial(20, rate, size=(5, 2))  # 5 people, 2 classes, 20 windows
                counts = np.stack([np.diag(r) + np.diag(20 - r)[::-1] for r in right])
                rows.append(
                    {
                        "task": "t",
                        "method": method,
                        "shots": 1,
                        "seed": seed,
                        "macro_f1": float(macro_f1(counts.sum(axis=0))),
                        "classes": ["x", "y"],
                        "groups": list("12345"),
                        "confusion": counts.ravel().tolist(),
                    }
                )
        row = compare(pd.DataFrame(rows), "a", ["b"], resamples=300).iloc[0]
        covered += row.low <= 0.1 <= row.high
    assert 34 <= covered <= 40


def test_a_comparison_of_what_was_not_measured_is_refused(table):
    one = select_protocol(table, "linear")
    with pytest.raises(ParameterError, match="draws"):
        compare(one, "forest", ["nobody"])
    with pytest.raises(ParameterError, match="against"):
        compare(one, "forest", ["moments"], against="median")
    with pytest.raises(ParameterError, match="nobody"):
        confusions(one, "easy", "nobody")


def test_ranks_and_summaries_agree_with_pandas(table):
    one = select_protocol(table, "linear")
    found = ranks(one)
    assert list(found.columns) == ["easy", "hard", "average"]
    assert found.sum().tolist() == pytest.approx([6, 6, 6])  # 1 + 2 + 3
    assert found.average.is_monotonic_increasing
    means = summarize(one).set_index(["task", "method", "shots"]).macro_f1
    expected = one.groupby(["task", "method", "shots"]).macro_f1.mean()
    assert_frame_equal(means.sort_index().to_frame(), expected.sort_index().to_frame())


def test_figures_say_what_they_show(table):
    one = select_protocol(table, "linear")
    found = {"the mean": compare(one, "forest", ["moments", "network"])}
    history = pd.DataFrame({"epoch": [0.0, 1.0], "loss": [2.0, 1.0]})
    shown = [
        plots.plot_curves(one),
        plots.plot_table(one, shots=4),
        plots.plot_differences(found, "forest, above zero: better"),
        plots.plot_ranks(one),
        plots.plot_confusion(confusions(one, "easy", "forest"), "forest on easy"),
        plots.plot_losses({"simclr": history}),
    ]
    texts = [plots.alt_text(each) for each in shown]
    assert "moments" in texts[0]
    assert "forest" in texts[1]
    assert "points at 4 shots" in texts[2]
    assert texts[3].startswith("Mean ranks")
    assert "on easy" in texts[4]
    assert texts[5].endswith("simclr 0.50")
    for each in shown:
        (each if hasattr(each, "savefig") else each.figure).canvas.draw()
