"""Rows f and g: maps of features by t-SNE, and the table of few-label scores."""

from __future__ import annotations

import os
import tempfile
import time

import numpy as np
import psutil
from joblib.externals.loky import get_reusable_executor
from race import OURS, Line, alone, fact, race
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import img2imu_kit as ik
from img2imu_kit.evaluate import Handcrafted, ImageMethod, ImageReadout, few_label_table
from img2imu_kit.explain import tsne

CORES = os.cpu_count() or 1


def map_rows(sizes: tuple[int, ...] = (1000, 5000)) -> list[Line]:
    """Both by as many steps, from 50 principal components, on all cores."""
    lines = []
    for size in sizes:
        features, found = clusters(size), {}

        def by_us(features=features, found=found) -> None:
            found[OURS] = tsne(features, threads=CORES)

        def by_sklearn(features=features, found=found) -> None:
            reduce = make_pipeline(StandardScaler(), PCA(50, random_state=0))
            layout = TSNE(max_iter=750, random_state=0, n_jobs=CORES)
            found["scikit-learn"] = layout.fit_transform(reduce.fit_transform(features))

        lines += race(
            "f",
            f"t-SNE of {size:,} x 512",
            {OURS: by_us, "scikit-learn": by_sklearn},
            count=size,
            unit="points",
            rounds=1,
            targets={"scikit-learn": ">= 2"} if size >= 5000 else {},
            warm=size == min(sizes),
        )
        few = np.random.default_rng(0).permutation(size)[:2000]
        for way, xy in found.items():
            trust = trustworthiness(features[few], xy[few], n_neighbors=15)
            lines.append(fact("f", f"t-SNE of {size:,} x 512: quality", way, trust, "trust"))
    return lines


def clusters(count: int) -> np.ndarray:
    """Twenty broad clusters in 512 dimensions, float32 [N, 512]."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(20, 512))
    shape = generator.normal(size=(30, 512))  # within a cluster points lie near 30 directions
    noise = generator.normal(size=(count, 30)) @ shape + generator.normal(size=(count, 512))
    return (2 * centres[generator.integers(0, 20, count)] + 0.3 * noise).astype(np.float32)


def table_rows() -> list[Line]:
    seconds, peak, (rows, busy) = alone(fill_table)
    case, note = "few-label table", f"{rows} rows, {CORES} workers, with features and their start"
    return [
        fact("g", case, OURS, seconds / rows, "s a row", note=note),
        fact("g", f"{case}: cores busy", OURS, 100 * busy, "%", target=">= 85"),
        fact("g", f"{case}: memory of the caller", OURS, peak, "MB"),
    ]


def fill_table() -> tuple[int, float]:
    """How many rows, and what share of all cores worked."""
    people = ik.load_dataset("synthetic", subjects=6, seconds=24)
    task = ik.sliding_windows(people, seconds=4)
    pasts = {"walks": ik.load_backbone(weights="img2imu:walk-sensor")}
    pasts["random"] = pasts["walks"].untrained()
    methods = {name: ImageMethod(past, ImageReadout()) for name, past in pasts.items()}
    me = psutil.Process()
    before, start = worked(me), time.perf_counter()  # its imports are not the table's
    with tempfile.TemporaryDirectory() as folder:
        table = few_label_table(
            {"synthetic": task},
            methods | {"by hand": Handcrafted()},
            seeds=5,
            folder=folder,
            progress=False,
        )
    wall = time.perf_counter() - start
    busy = worked(me, *me.children(recursive=True)) - before
    # workers wait five minutes for more work, and a process that multiprocessing began for them
    get_reusable_executor().shutdown(wait=True)
    return len(table), busy / wall / CORES


def worked(*processes: psutil.Process) -> float:
    """Seconds of CPU time that processes have had."""
    times = [each.cpu_times() for each in processes]
    return sum(each.user + each.system for each in times)
