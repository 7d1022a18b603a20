"""The whole story in half a minute: synthetic motion, pictures, features, scores, one figure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from ..datasets.catalogue import load_dataset
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

NETWORK = "mobilenetv3_small_050"
SIZE = (64, 64)  # pixels: what the networks were pre-trained at


@dataclass(frozen=True)
class Story:
    """What `quickstart` writes: mean scores, and the files of figure and table."""

    scores: pd.DataFrame
    figure: Path
    csv: Path


def quickstart(folder: str | Path = "results", *, seed: int = 0) -> Story:
    """Synthetic motion to spectrogram images to features to few-label scores, drawn in one figure.

    The networks have seen photographs only; their last layer is read as it is.

    Parameters
    ----------
    folder : path
        Where ``quickstart.png`` and ``quickstart.csv`` are written.
    seed : int
        Of the synthetic people, the network's random weights and the draws.

    Returns
    -------
    Story
    """
    # 1. Motion: eight people in six activities, in windows of 4 s at 50 Hz, float32 [N, 6, 200].
    people = load_dataset("synthetic", subjects=8, seconds=24.0, seed=seed)
    windows = sliding_windows(people, seconds=4.0, overlap=0.5)
    acceleration = windows.select("acc")
    # 2. Pictures: x, y, z of the accelerometer in red, green, blue, uint8 [N, 3, 64, 64].
    images = to_image(acceleration, size=SIZE)
    # 3. Features: three pasts of one network, none of which has ever seen motion.
    networks = {
        "sensor-aware pre-training": load_backbone(NETWORK, "img2imu:sensor-aware"),
        "usual vision pre-training": load_backbone(NETWORK, "img2imu:vision"),
        "random network": load_backbone(NETWORK, seed=seed),
    }
    features = {name: network.features(images) for name, network in networks.items()}
    # 4. Scores: few labels of some people, tested on others; statistics by hand are the line
    # that no network may quietly fall below.
    forest = (handcrafted_features(acceleration), "forest")
    methods = features | {"hand-crafted + random forest": forest}
    table = few_label(methods, windows, shots=(1, 2, 5, 10), seeds=5)

    figure, panels = plt.subplots(2, 2, figsize=(12, 7.6), layout="constrained")
    walk = int((windows.label == "walk").argmax())
    plot_signal(acceleration, walk, ax=panels[0, 0])
    panels[0, 0].set_title(f"One window of motion: {windows.label[walk]}")
    shown = {"rate": windows.rate, "seconds": windows.seconds, "size": SIZE}
    plot_image(images[walk], **shown, ax=panels[0, 1])
    panels[0, 1].set_title("What the network sees: x, y, z in red, green, blue")
    xy = tsne(features["sensor-aware pre-training"], seed=seed)
    plot_embedding(xy, windows.label, ax=panels[1, 0])
    panels[1, 0].set_title("What it makes of all windows (t-SNE of sensor-aware features)")
    plot_scores(table, ax=panels[1, 1])
    panels[1, 1].set_title("What that is worth with few labels, on unseen people")

    story = Story(
        summarize(table), Path(folder) / "quickstart.png", Path(folder) / "quickstart.csv"
    )
    story.csv.parent.mkdir(parents=True, exist_ok=True)
    save_figure(figure, story.figure, dpi=110)
    plt.close(figure)
    table.to_csv(story.csv, index=False)
    return story
