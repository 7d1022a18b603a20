"""No label, person, recording or neighbour of a test window is seen before the test."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from few_labels import CLASSES, Moments, network, people

from img2imu_kit.datasets.tasks import TASKS, load_task
from img2imu_kit.errors import LeakageWarning
from img2imu_kit.evaluate.finetune import FineTuneConfig, fine_tune
from img2imu_kit.evaluate.table import few_label_table, unlabelled
from img2imu_kit.signals.splits import split_by, split_randomly

QUIET = {"workers": 1, "progress": False}


class Identity(Moments):
    """Who it is, and nothing else: no help with people never seen."""

    def voters(self, windows):
        who = np.unique(windows.subject.astype(str), return_inverse=True)[1]
        return {"who": np.eye(who.max() + 1)[who]}


class Both(Identity):
    """The movement, and who it is, side by side."""

    def voters(self, windows):
        parts = Moments().voters(windows) | Identity.voters(self, windows)
        return {"both": np.concatenate(list(parts.values()), axis=1)}


def habits(seed=0):
    """People who do mostly one thing, with movements that tell little."""
    cut = people(subjects=12, each=20, seed=seed)
    rng = np.random.default_rng(seed)
    favourite = {who: CLASSES[i % 3] for i, who in enumerate(sorted(set(cut.subject)))}
    usual = np.array([favourite[who] for who in cut.subject], dtype=object)
    label = np.where(rng.random(len(cut)) < 0.8, usual, cut.label)
    signal = cut.signal + rng.normal(size=(len(cut), 3, 1)) * rng.normal(size=cut.signal.shape)
    return replace(cut, label=label, signal=signal.astype(np.float32))


def scores(windows, methods, by="subject", **options):
    ask = {"shots": (8,), "seeds": 6, "protocols": ["linear"]} | QUIET | options
    table = few_label_table({"t": windows}, methods, by=by, **ask)
    return table.groupby("method").macro_f1.mean()


def test_shuffled_labels_leave_nothing_but_chance(rng):
    cut = people()
    shuffled = replace(cut, label=rng.permutation(cut.label))
    methods = {"moments": Moments()}
    assert scores(cut, methods)["moments"] > 0.9
    # 48 test windows, 6 draws: one standard error of a third is about 0.03
    assert abs(scores(shuffled, methods)["moments"] - 1 / 3) < 0.1


def test_shuffled_labels_leave_nothing_to_a_network_that_is_fine_tuned(rng):
    cut = people(each=4)
    shuffled = replace(cut, label=rng.permutation(cut.label))
    config = FineTuneConfig(epochs=15, lr=1e-2).from_scratch()
    right = []
    for seed in range(4):
        train, test = split_by(shuffled.subject, shuffled.label, seed=seed)
        tuned = fine_tune(network(), shuffled[train], config=config, seed=seed)
        right.append((tuned.predict(shuffled[test]) == shuffled.label[test]).mean())
    assert abs(np.mean(right) - 1 / 3) < 0.2  # 24 test windows each


def test_knowing_who_it_is_helps_only_if_people_are_shared():
    cut = habits()
    methods = {"movement": Moments(), "movement and person": Both("both")}
    honest = scores(cut, methods)
    with pytest.warns(LeakageWarning):
        leaky = scores(cut, methods, by="random")
    assert honest["movement and person"] - honest["movement"] < 0.02
    assert leaky["movement and person"] - leaky["movement"] > 0.15


def test_who_it_is_alone_is_worth_nothing_on_new_people():
    method = {"person": Identity("person")}
    assert scores(habits(), method)["person"] < 0.36
    with pytest.warns(LeakageWarning):
        assert scores(habits(), method, by="random")["person"] > 0.6


@dataclass
class Spy(Moments):
    """Notes the windows that it is given to pre-train on."""

    name: str = "spy"
    family: str = "sensor"
    adapts: bool = True
    seen: dict = field(default_factory=dict, compare=False)

    def adapt(self, windows, seed):
        self.seen[seed] = windows
        return self


def test_pre_training_on_the_tasks_own_windows_sees_no_label_and_no_test_subject():
    cut, spy = people(), Spy()
    table = few_label_table({"t": cut}, {"spy": spy}, shots=(1, 2), seeds=5, **QUIET)
    assert sorted(spy.seen) == [0, 1, 2, 3, 4]  # once a draw, not once a row
    assert spy.asked == 5
    for row in table.itertuples():
        seen = spy.seen[row.seed]
        assert set(seen.label) == {""}
        assert not set(seen.subject) & set(row.groups)
        assert set(seen.subject) | set(row.groups) == set(cut.subject)


def test_the_groups_tested_are_those_of_the_split():
    cut = people()
    table = few_label_table({"t": cut}, {"m": Moments()}, shots=(2,), seeds=3, **QUIET)
    for row in table.itertuples():
        _, test = split_by(cut.subject, cut.label, seed=row.seed)
        assert sorted(set(cut.subject[test])) == row.groups


def touching(windows, some, others) -> int:
    """How many of `others` share samples of the same recording session with `some`.

    Recordings may be pieces of one session (events of a trip), so that their names differ while
    their times overlap: time counts from the start of the subject's file.
    """
    count = 0
    for other in others:
        near = np.abs(windows.start_s[some] - windows.start_s[other]) < windows.seconds - 1e-6
        session = [name.split("/")[0] for name in windows.recording[some][near]]
        count += windows.recording[other].split("/")[0] in session
    return count


@pytest.mark.parametrize("name", TASKS)
def test_no_neighbour_crosses_the_split_of_a_real_task(name, data_dir):
    task = TASKS[name]
    cut = load_task(name, data_dir(task.dataset))
    groups = getattr(cut, task.by)
    for seed in range(5):
        train, test = split_by(groups, cut.label, test=0.3, seed=seed)
        seen = unlabelled(cut, task.by, 0.3, seed)
        np.testing.assert_array_equal(seen.signal, cut.signal[train])
        assert not set(cut.recording[train]) & set(cut.recording[test])
        assert task.by == "recording" or not set(cut.subject[train]) & set(cut.subject[test])
        sample = np.random.default_rng(seed).permutation(test)[:300]
        assert touching(cut, train, sample) == 0
    with pytest.warns(LeakageWarning):
        train, test = split_randomly(cut.subject, cut.label, test=0.3, seed=0)
    if task.dataset != "utd_mhad":  # nearly all of its trials are one window
        assert touching(cut, train, test[:300]) > 10  # what the test above would have found
