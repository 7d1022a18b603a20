"""The whole story in half a minute: real motion, pictures, votes of a network, one figure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from .._files import write_csv
from ..datasets.catalogue import load_dataset
from ..evaluate.image_readout import ImageReadout
from ..evaluate.probes import fuse
from ..evaluate.scores import few_label
from ..evaluate.stats import summarize
from ..explain.embedding import tsne
from ..models.backbone import load_backbone
from ..pictures.image import to_image
from ..plots.scores import plot_embedding, plot_scores
from ..plots.signals import plot_image, plot_signal
from ..plots.style import save_figure
from ..signals.features import handcrafted_features
from ..signals.windows import sliding_windows

__all__ = ["Story", "quickstart"]

NETWORK = "mobilenetv2_100"
PICTURES = {"motion": "how strong, at which frequency", "motion-signed": "and which way"}


@dataclass(frozen=True)
class Story:
    """What `quickstart` writes: mean scores, and the files of figure and table."""

    scores: pd.DataFrame
    figure: Path
    csv: Path


def quickstart(folder: str | Path = "results", *, seed: int = 0, progress: bool = False) -> Story:
    """Shoulder exercises to pictures to the votes of a network to few-label scores, in one figure.

    The networks have seen photographs only.

    Parameters
    ----------
    folder : path
        Where ``quickstart.png`` and ``quickstart.csv`` are written.
    seed : int
        Of the random network.
    progress : bool
        Show progress bars.

    Returns
    -------
    Story

    Examples
    --------
    >>> story = quickstart("results")  # doctest: +SKIP
    >>> story.figure  # doctest: +SKIP
    """
    # 1. Motion: ten people, seven exercises, a watch. Windows of 4 s at 50 Hz, float32 [N, 3, 200];
    # every twelfth of those that overlap by half, to be quick.
    people = load_dataset("shoulder_exercises")
    windows = sliding_windows(people, seconds=4.0, overlap=0.5).select("acc")[::12]
    # 2. Networks: three pasts of one architecture, none of which has ever seen motion. Two learned
    # from a sensor that walked over photographs, by twins of the walk or by vision's augmentations.
    networks = {
        "IMG2IMU: sensor-aware": load_backbone(NETWORK, "img2imu:walk-sensor"),
        "vision set": load_backbone(NETWORK, "img2imu:walk-vision"),
        "random weights": load_backbone(NETWORK, pad_type="same", seed=seed),
    }
    # 3. Votes: the network reads both pictures, uint8 [N, 3, 96, 96], at four depths; each layer of
    # each picture has a probe of its own, and their log-probabilities are added.
    readout = ImageReadout(pictures=tuple(PICTURES))
    voters = {
        name: readout.read(windows, network, progress=progress)
        for name, network in networks.items()
    }
    # 4. Scores: few labels of some people, tested on others; statistics by hand are the line
    # that no network may quietly fall below.
    methods = {name: fuse(read) for name, read in voters.items()}
    methods["statistics + forest"] = (handcrafted_features(windows), "forest")
    table = few_label(methods, windows, shots=10, seeds=4, cap=True, progress=progress)

    figure = plt.figure(figsize=(14, 7.8), layout="constrained")
    above, below = figure.subfigures(2, 1)
    panels = above.subplots(1, 3)
    shown = int((windows.label == "upright row").argmax())
    plot_signal(windows, shown, ax=panels[0])
    panels[0].set_title(f"One window of motion: {windows.label[shown]}")
    for ax, (picture, meaning) in zip(panels[1:], PICTURES.items(), strict=True):
        [image] = to_image(windows[shown : shown + 1], params=picture)
        plot_image(image, rate=windows.rate, seconds=windows.seconds, params=picture, ax=ax)
        ax.set_title(f"{picture}: {meaning}")
    left, right = below.subplots(1, 2, width_ratios=(1, 1.4))
    plot_embedding(tsne(voters["IMG2IMU: sensor-aware"]["motion 3"]), windows.label, ax=left)
    left.set_title("What it makes of all windows (t-SNE of one layer)")
    plot_scores(table, ax=right)
    right.set_title("What that is worth with few labels, on unseen people")

    story = Story(
        summarize(table), Path(folder) / "quickstart.png", Path(folder) / "quickstart.csv"
    )
    story.csv.parent.mkdir(parents=True, exist_ok=True)
    save_figure(figure, story.figure, dpi=110)
    plt.close(figure)
    write_csv(story.csv, table)
    return story
