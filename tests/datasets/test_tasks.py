"""The four tasks: windows of real data, and scores."""

import pytest

import img2imu_kit as ik
from img2imu_kit.datasets.tasks import TASKS, find_task
from img2imu_kit.errors import ParameterError

#: task -> windows, classes, groups that a split draws from
EXPECTED = {
    "activity": (1, 5, 23),
    "swimming": (4000, 5, 31),
    "gestures": (861, 27, 8),
    "driving": (100, 6, 53),
}


@pytest.mark.parametrize("name", TASKS)
def test_a_task_has_the_windows_its_protocol_needs(name, data_dir):
    task = TASKS[name]
    cut = ik.load_task(name, data_dir(task.dataset))
    least, classes, groups = EXPECTED[name]
    assert len(cut) >= least
    assert len(cut.classes) == classes
    assert len(set(getattr(cut, task.by))) == groups
    assert cut.seconds == task.seconds
    assert cut.unit[:3] == ("m/s2",) * 3
    for seed in range(5):  # every draw of the evaluation must exist
        groups_, labels = getattr(cut, task.by), cut.label
        train, test = ik.split_by(groups_, labels, seed=seed)
        assert not set(groups_[train]) & set(groups_[test])
        ik.k_shot(labels[train], 10, seed=seed)


def test_a_task_answers_to_its_data_set_too():
    assert find_task("utd_mhad") is find_task("gestures")
    with pytest.raises(ParameterError, match="Did you mean 'driving'"):
        find_task("drivin")
