"""The heat map of layers and pictures agrees with the scores it stands for."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score

import img2imu_kit as ik
from img2imu_kit.errors import ParameterError, SplitError
from img2imu_kit.evaluate import draws, fuse, voter_gains
from img2imu_kit.explore import VoterExplorer
from img2imu_kit.explore.voters import code, render, score_voters, voter_at

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


@pytest.fixture(scope="module")
def cut():
    recordings = ik.load_dataset("synthetic", subjects=4, seconds=16)
    return ik.sliding_windows(recordings, 4).select("acc")


@pytest.fixture(scope="module")
def voters(cut):
    noise = np.random.default_rng(0).normal(size=(len(cut), 4))
    return {
        "motion pixels": cut.signal.mean(axis=2),
        "motion 1": ik.handcrafted_features(cut),
        "motion 2": noise,
        "motion-signed 1": cut.signal.std(axis=2),
    }


@pytest.fixture
def explorer(cut, voters):
    explorer = VoterExplorer(voters, cut, shots=2, draws=3)
    explorer.wait()
    return explorer


def test_scores_are_those_of_probes_fitted_one_by_one(cut, voters):
    plan = list(draws(cut, 2, 2))
    rows = list(score_voters(voters, cut, plan))
    for draw, row in zip(plan, rows, strict=True):
        log_p = {}
        for name, features in voters.items():
            probe = ik.evaluate.logistic(draw.seed)
            probe.fit(features[draw.train], cut.label[draw.train].astype(str))
            shares = probe.predict_proba(features[draw.test])
            log_p[name] = np.log(np.maximum(shares, 0.01))

        def score(votes, probe=probe, draw=draw):
            said = probe.classes_[sum(votes).argmax(axis=1)]
            true = cut.label[draw.test].astype(str)
            classes = list(cut.classes)
            return f1_score(true, said, labels=classes, average="macro", zero_division=0)

        assert row.alone.item() == pytest.approx([score([v]) for v in log_p.values()])
        others = [[v for n, v in log_p.items() if n != name] for name in voters]
        assert row.without.item() == pytest.approx([score(rest) for rest in others])
        assert row.macro_f1.item() == pytest.approx(score(log_p.values()))
    together = ik.few_label({"all": fuse(voters)}, cut, shots=2, seeds=2)
    assert [row.macro_f1.item() for row in rows] == pytest.approx(together.macro_f1.tolist())
    with pytest.raises(ParameterError, match=r"1 voter\(s\)"):
        next(score_voters({"motion 1": voters["motion 1"]}, cut, plan))


def test_what_is_drawn_is_what_was_scored(explorer, voters):
    state = explorer.state
    assert state.table.seed.tolist() == [0, 1, 2]
    expected = voter_gains(state.table, "all voters").set_index("voter")
    assert state.gains.alone["motion 1"] == pytest.approx(100 * expected.alone["motion 1"])
    assert state.gains.alone["motion 1"] > state.gains.alone["motion 2"] + 20  # which is noise
    assert state.cells == {
        "motion pixels": (0, 0),
        "motion 1": (1, 0),
        "motion 2": (2, 0),
        "motion-signed 1": (1, 1),
    }
    assert "(3 of 3 draws of people, 2 labels a class)" in explorer.screen.status
    drawing = render(state)
    assert "motion 1" in drawing.alt
    with pytest.raises(ParameterError, match="no voter 'motion 9'"):
        render(replace(state, voter="motion 9"))


@pytest.mark.parametrize("width", [480, 1080])
def test_a_click_on_a_cell_shows_its_map(explorer, pixels_of, width):
    explorer.screen.width = width
    before = pixels_of(explorer)
    seen = {}
    for y in range(0, before.shape[0], 8):
        for x in range(0, before.shape[1], 8):
            seen.setdefault(voter_at(explorer.state, width, x, y), (x, y))
    assert set(seen) == {"", *explorer.state.voters}
    explorer._clicked(*seen["motion 2"])
    assert (pixels_of(explorer) != before).any()
    assert explorer.state.voter == explorer.controls["voter"].value == "motion 2"
    assert explorer.screen._drawing.read(*seen["motion 1"]).startswith("motion 1: ")
    explorer._clicked(*seen[""])
    assert explorer.state.voter == "motion 2"


def test_it_follows_its_controls(explorer, pixels_of):
    seen = [pixels_of(explorer)]
    for name, value in {
        "shots": 1,
        "draws": 2,
        "voter": "motion 2",
        "colour": "person",
        "perplexity": 3,
    }.items():
        explorer.controls[name].value = value
        seen.append(pixels_of(explorer))
        assert seen[-1].shape != seen[-2].shape or (seen[-1] != seen[-2]).any(), name
    assert len(explorer.state.table) == 2
    assert set(explorer.state.table.shots) == {1}
    explorer.controls["shots"].value = 20  # more than there are
    explorer.wait()
    assert explorer.screen.failed
    assert "training windows" in explorer.screen.status


def test_code_scores_the_same_voters(explorer, cut, voters):
    written = code(explorer.state).replace("ik.evaluate.ImageReadout().read(windows, network)", "v")
    names = {"windows": cut, "v": voters, "network": None}
    exec(written, names)
    alone = names["table"].groupby("method").macro_f1.mean()
    for name, value in explorer.state.gains.alone.items():
        assert 100 * alone[name] == pytest.approx(value)


def test_windows_without_labels_are_refused(cut, voters):
    unlabelled = replace(cut, label=np.full(len(cut), "", dtype=object))
    with pytest.raises(SplitError, match="no label"):
        VoterExplorer(voters, unlabelled)


def test_it_reads_pictures_itself(cut):
    small = ik.load_backbone("mobilenetv3_small_050")
    readout = ik.evaluate.ImageReadout(layers=(1,), pixels=(0,))
    explorer = VoterExplorer(cut, network=small, readout=readout, shots=1, draws=1)
    assert explorer.state.voters == ("motion pixels", "motion 1", "motion-signed 1")
