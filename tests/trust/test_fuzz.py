"""A few of what `fuzz` draws by the hour, always the same."""

import sys
from pathlib import Path

import numpy as np
import pytest

import img2imu_kit as ik
from img2imu_kit.errors import (
    FormatError,
    NoSignalError,
    ParameterError,
    SignalError,
    SplitError,
    WeightsError,
    first_line,
)
from img2imu_kit.pretrain.checkpoint import read_checkpoint

sys.path.insert(0, str(Path(__file__).parent))
import fuzz


@pytest.mark.parametrize("door", fuzz.DOORS)
def test_what_is_put_in_gives_a_result_or_a_typed_error(door):
    fuzz.trial(fuzz.DOORS[door], 12, random=False)


# --- what it has found ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options"),
    [(b",", {}), (b"\x1f", {}), (b"\x1c\n\x1c", {}), (b"0", {"header": True}), (b"a,,\n,,", {})],
)
def test_texts_without_a_cell_are_no_signal(text, options, tmp_path):
    (tmp_path / "a.csv").write_bytes(text)
    with pytest.raises(NoSignalError):
        ik.read(tmp_path / "a.csv", **options)


def test_columns_of_one_name_in_a_table_of_labels_are_refused(tmp_path):
    (tmp_path / "labels.csv").write_text("start,start,label\n0,1,walk\n")
    with pytest.raises(FormatError, match="2 columns are called 'start'"):
        ik.readers.read_intervals(tmp_path / "labels.csv")


@pytest.mark.parametrize("lay_out", [ik.explain.fit_pca, ik.explain.fit_tsne])
@pytest.mark.parametrize(
    ("features", "said"),
    [
        (np.eye(9) * 1e154, "numbers near it"),
        (np.arange(9.0)[:, None], "no second axis"),
        (np.array([["a", "b"]] * 9), "expected numbers"),
        (np.eye(9) * 1j, "expected numbers"),
        (np.ones((9, 3)), "all points are the same"),
        (np.eye(9, dtype=np.float32) * np.float32(1e-45), "all points are the same"),
    ],
)
def test_features_that_no_map_can_show(lay_out, features, said):
    with pytest.raises(SignalError, match=said):
        lay_out(features)


def test_a_feature_too_faint_to_vary_does_not_matter():
    features = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    faint = np.c_[features, np.tile(np.float32([0, 1e-45]), 10)]
    still = np.c_[features, np.zeros(20, np.float32)]
    np.testing.assert_array_equal(ik.explain.pca(faint), ik.explain.pca(still))


def test_a_column_that_is_called_as_another_format_has_it_is_no_label(tmp_path):
    (tmp_path / "labels.csv").write_text("end,Begin Time - ss.msec\n0.1,0.1\n")
    with pytest.raises(FormatError, match="no label in a table"):
        ik.readers.read_intervals(tmp_path / "labels.csv")


@pytest.mark.filterwarnings("ignore::img2imu_kit.errors.Img2ImuWarning")
def test_duplicates_and_fewer_points_than_neighbours_have_places():
    for features in (np.repeat(np.eye(2, 6), 10, axis=0), np.eye(4, 3)):
        for lay_out in (ik.explain.fit_pca, ik.explain.fit_tsne):
            made = lay_out(features)
            assert np.isfinite(made.xy).all()
            assert np.isfinite(made.place(features[:2])).all()


def test_an_error_that_says_nothing_is_told_by_its_kind(tmp_path):
    assert first_line(EOFError()) == "EOFError"
    (tmp_path / "checkpoint.pt").write_bytes(b"")
    with pytest.raises(WeightsError, match=r"cannot be read \(\w+"):
        read_checkpoint(tmp_path, {})


def test_a_window_without_an_end_and_a_score_of_one_class_are_refused():
    walk = ik.Recording(np.random.default_rng(0).normal(size=(100, 3)), 50)
    for seconds in (np.inf, 1e9):
        with pytest.raises(ParameterError, match="samples a window"):
            ik.sliding_windows(walk, seconds, short="pad")
    cut = ik.Windows.from_numpy(np.ones((3, 3, 20)), ["a"] * 3, ["p", "p", "q"], rate=50)
    with pytest.raises(SplitError, match=r"1 class\(es\)"):
        ik.few_label(np.ones((3, 2)), cut, shots=1, seeds=1)


def test_a_filter_slower_than_its_arithmetic_is_refused():
    walk = ik.Recording(np.random.default_rng(0).normal(size=(100, 3)), 50)
    with pytest.raises(ParameterError, match=r"below_hz is 1e-09, expected from 5e-05"):
        ik.signals.remove_gravity(walk, 1e-9)
