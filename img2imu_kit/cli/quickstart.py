"""The whole story in half a minute: synthetic motion, pictures, features, scores, one figure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from ..datasets.synthetic import synthetic
from ..evaluate import few_labels as evaluate
from ..explain import embedding as embed
from ..models.backbone import load_backbone
from ..pictures.image import to_image
from ..plots import signals as plot
from ..signals.features import handcrafted_features
from ..signals.windows import sliding_windows

__all__ = ["Story", "quickstart"]

NETWORK = "mobilenetv3_small_050"


@dataclass(frozen=True)
class Story:
    """What `quickstart` made: mean scores, and where figure and table were written."""

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
    people = sliding_windows(
        synthetic(subjects=8, seconds=24.0, seed=seed), seconds=4.0, overlap=0.5
    )
    acceleration = people.select("acc")
    images = to_image(acceleration, size=(64, 64))  # the size the networks were pre-trained at
    networks = {
        "sensor-aware pre-training": load_backbone(NETWORK, "img2imu:sensor-aware"),
        "usual vision pre-training": load_backbone(NETWORK, "img2imu:vision"),
        "random network": load_backbone(NETWORK, seed=seed),
    }
    features = {name: network.features(images) for name, network in networks.items()}
    methods = features | {
        "hand-crafted + random forest": (handcrafted_features(acceleration), "forest")
    }
    table = evaluate.few_label(methods, people, shots=(1, 2, 5, 10), seeds=5)

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    figure, panels = plt.subplots(2, 2, figsize=(12, 7.6), layout="constrained")
    walk = int((people.label == "walk").argmax())
    plot.plot_signal(acceleration, walk, ax=panels[0, 0])
    panels[0, 0].set_title(f"One window of motion: {people.label[walk]}")
    plot.plot_image(
        images[walk], rate=people.rate, seconds=people.seconds, size=(64, 64), ax=panels[0, 1]
    )
    panels[0, 1].set_title("What the network sees: x, y, z in red, green, blue")
    plot.plot_embedding(
        embed.tsne(features["sensor-aware pre-training"], seed=seed), people.label, ax=panels[1, 0]
    )
    panels[1, 0].set_title("What it makes of all windows (t-SNE of sensor-aware features)")
    plot.plot_scores(table, ax=panels[1, 1])
    panels[1, 1].set_title("What that is worth with few labels, on unseen people")
    plot.save_figure(figure, folder / "quickstart.png", dpi=110)
    plt.close(figure)
    table.to_csv(folder / "quickstart.csv", index=False)
    return Story(evaluate.summarize(table), folder / "quickstart.png", folder / "quickstart.csv")
