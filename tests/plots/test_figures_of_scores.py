"""Figures of scores, differences, confusions and embeddings show the numbers of their table."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from img2imu_kit import plots
from img2imu_kit.errors import ParameterError, SignalError


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def table():
    rows = [
        (method, shots, seed, base + 0.01 * seed + 0.02 * shots)
        for method, base in [("ours", 0.5), ("by hand", 0.6)]
        for shots in (1, 5)
        for seed in range(5)
    ]
    return pd.DataFrame(rows, columns=["method", "shots", "seed", "macro_f1"])


def test_scores_show_mean_and_interval(table):
    single = table[table.shots == 5]
    ax = plots.plot_scores(single)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["ours", "by hand"]
    assert [text.get_text() for text in ax.texts] == ["0.62", "0.72"]
    half = 2.776445 * np.std(np.arange(5) / 100, ddof=1) / np.sqrt(5)
    ends = ax.containers[0][2][0].get_segments()[0][:, 0]
    np.testing.assert_allclose(ends, [0.62 - half, 0.62 + half], rtol=1e-6)
    assert "ours, shots 5: 0.62 (0.60 to 0.64)" in plots.alt_text(ax)
    colours = {to_hex(container[0].get_color()) for container in ax.containers}
    assert len(colours) == 2


def test_scores_over_shots_become_curves(table):
    ax = plots.plot_scores(table)
    assert ax.get_xscale() == "log"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["ours", "by hand"]
    assert list(ax.containers[1][0].get_ydata()) == pytest.approx([0.64, 0.72])
    single = plots.plot_scores(table[table.seed == 0])  # no interval from one draw
    assert "nan" not in plots.alt_text(single)
    with pytest.raises(ParameterError, match="no high, low"):
        plots.plot_scores(table.drop(columns="seed"))


def test_chance_is_a_line_across_the_scores(table):
    upright = plots.plot_scores(table[table.shots == 5], chance=0.25).lines[-1]
    level = plots.plot_scores(table, chance=0.25).lines[-1]
    assert list(upright.get_xdata()) == [0.25, 0.25]
    assert list(level.get_ydata()) == [0.25, 0.25]


def difference(*rows):
    return pd.DataFrame(rows, columns=["shots", "difference", "low", "high"])


def test_differences_stand_in_points_a_colour_for_each_comparison():
    ax = plots.plot_differences(
        {
            "minus vision": difference((1, 0.02, -0.01, 0.05), (5, 0.04, 0.03, 0.06)),
            "minus random": difference((1, 0.10, 0.05, 0.15), (5, 0.20, 0.1, 0.3)),
        },
        "ours, above zero: better",
    )
    assert [text.get_text() for text in ax.get_yticklabels()] == ["1 shot", "5 shots"]
    drawn = [text.get_text() for text in ax.get_legend().get_texts()]
    assert drawn == ["minus vision", "minus random"]
    np.testing.assert_allclose(ax.containers[1][0].get_xdata(), [10, 20])
    np.testing.assert_allclose(ax.containers[1][2][0].get_segments()[0][:, 0], [5, 15])
    text = plots.alt_text(ax)
    assert text.startswith("ours, above zero: better: ")
    assert "minus vision +4.0 points at 5 shots; minus random +20.0 points at 5 shots" in text


def test_differences_of_one_row_stand_one_below_the_other():
    ax = plots.plot_differences(
        {"hop": difference((5, 0.0, -0.01, 0.01)), "range": difference((5, -0.2, -0.3, -0.1))},
        "what one setting costs",
    )
    assert [text.get_text() for text in ax.get_yticklabels()] == ["hop", "range"]
    names = [container.get_label() for container in ax.containers]
    assert names == ["95 % interval with 0", "95 % interval without 0"]
    np.testing.assert_allclose(ax.containers[1][0].get_xydata(), [[-20, 1]])


def test_confusions_are_shares_of_the_true_class():
    counts = pd.crosstab(np.array(list("aaaabb")), np.array(list("aaacaa")))  # b never predicted
    ax = plots.plot_confusion(counts, "forest")
    share = ax.images[0].get_array()
    np.testing.assert_allclose(share, [[0.75, 0, 0.25], [1, 0, 0], [0, 0, 0]])
    assert [text.get_text() for text in ax.get_xticklabels()] == ["a", "b", "c"]
    assert "Confusion of forest: right in 25 %" in plots.alt_text(ax)
    assert "most often b is taken for a, 100 %" in plots.alt_text(ax)
    perfect = plots.plot_confusion(pd.crosstab(np.array(["a", "b"]), np.array(["a", "b"])))
    assert plots.alt_text(perfect).endswith("right in 100 % of the windows of a class on average")


def test_embedding_tells_27_classes_apart(rng):
    labels = np.repeat([f"class {i:02d}" for i in range(27)], 3)
    ax = plots.plot_embedding(rng.normal(size=(81, 2)), labels)
    looks = {
        (to_hex(points.get_facecolor()[0]), points.get_paths()[0].vertices.tobytes())
        for points in ax.collections
    }
    assert len(looks) == 27
    assert len({colour for colour, _ in list(looks)}) == 7
    assert len(ax.get_legend().get_texts()) == 27
    assert "3 class 07" in plots.alt_text(ax)
    with pytest.raises(SignalError, match="2 labels"):
        plots.plot_embedding(np.eye(3), ["a", "b"])


def test_losses_are_shares_of_a_guess_or_of_the_first():
    history = pd.DataFrame({"epoch": [0, 1, 2], "loss": [np.nan, 4.0, 3.0]})
    guess = history.copy()
    guess.attrs["chance"] = 6.0
    ax = plots.plot_losses({"limu": history, "simclr": guess})
    assert list(ax.lines[0].get_ydata()) == [1, 0.75]
    assert list(ax.lines[1].get_ydata()) == pytest.approx([4 / 6, 0.5])
    assert plots.alt_text(ax).endswith("limu 0.75, simclr 0.50")
