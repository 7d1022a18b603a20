"""The table: a row for each task, method, protocol, number of shots and draw, computed once."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import joblib
import numpy as np
import pandas as pd
import torch
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from .._memory import reuse_memory
from ..errors import LeakageWarning, ParameterError
from ..models.readout import SignalNetwork
from ..signals.windows import Windows
from .cache import cache_key, has_arrays, read_arrays, read_row, write_arrays, write_row
from .finetune import FineTuneConfig, fine_tune, trainable_parameters
from .methods import Method
from .probes import fuse
from .scores import Draw, draws, score_predictions, split_windows
from .stats import macro_f1

__all__ = ["PROTOCOLS", "Job", "few_label_table", "unlabelled", "write_features", "write_score"]

#: What is done with the few labels: a probe of frozen features, or fine-tuning.
PROTOCOLS: dict[str, str | FineTuneConfig] = {
    "linear": "logistic",
    "knn": "knn",
    "full": FineTuneConfig(),
    "partial": FineTuneConfig(blocks=2),  # the two deepest of those that are read
}


@dataclass(frozen=True, eq=False)
class Job:
    """All that one row needs, sent to a worker."""

    facts: dict  # what it is the row of: task, method, family, protocol, shots, seed, parameters
    windows: Windows
    method: Method
    way: str | FineTuneConfig  # probe of features, or how the network is fine-tuned
    by: str
    test: float
    device: str
    row: Path  # files of the row and of the method's features
    features: Path

    @property
    def groups(self) -> np.ndarray:
        """Who is not shared by training and test, str [N]."""
        return self.windows.recording if self.by == "recording" else self.windows.subject


def few_label_table(
    tasks: Mapping[str, Windows],
    methods: Mapping[str, Method],
    *,
    shots: Sequence[int] | Mapping[str, Sequence[int]] = (5, 10),
    seeds: int | Sequence[int] = 5,
    protocols: Sequence[str] | Mapping[str, str | FineTuneConfig] = ("linear",),
    by: str | Mapping[str, str] = "subject",
    test: float = 0.3,
    folder: str | Path | None = None,
    workers: int | None = None,
    device: str = "cpu",
    progress: bool = True,
) -> pd.DataFrame:
    """Score methods on tasks with few labels, each row kept on disk as soon as it is known.

    Parameters
    ----------
    tasks : dict of name -> Windows
        Labelled.
    methods : dict of name -> Method
        One that has an `only` is scored by that protocol alone, and one without a `network`
        takes no part in fine-tuning.
    shots : sequence of int, or dict of protocol -> sequence of int
        Labelled windows of each class; one with fewer training windows gives all it has. A method
        that has an `only` is scored with all of the numbers.
    seeds : int or sequence of int
        As in `few_label`: every method sees the same draws.
    protocols : names in `PROTOCOLS`, or dict of name -> probe or FineTuneConfig
        Fine-tuning is changed by `FineTuneConfig.from_scratch` for methods with random weights.
    by : str, or dict of task -> str
        What training and test must not share, as in `few_label`.
    test : float
        Share of the subjects (or groups) that are tested.
    folder : path, optional
        Where rows and features are kept. A call that was interrupted continues there, and one
        that asks for more computes only what is new. A row's name follows from all that decides
        it: windows, method, protocol, draw, the code, and the versions of libraries.
    workers : int, optional
        Processes, of one thread each. Default: one for each core.
    device : str
        Where networks are fine-tuned.
    progress : bool
        Show progress bars with the time that is left.

    Returns
    -------
    DataFrame
        One row for each task, method, protocol, shots and seed: ``task, method, family, protocol,
        fixed`` (whether it is the only one that the method knows), ``shots, seed, parameters`` (of
        the network as far as it is read), ``macro_f1, accuracy, train_windows, test_windows,
        seconds`` (to fit and to predict), and ``classes, groups, confusion``: counts of test
        windows by group, true and predicted class, flattened; see `confusions`.

    Raises
    ------
    SplitError
        Too few subjects or classes in a task.
    ParameterError
        An unknown protocol, or one that `shots` does not name, or a task that `by` does not.

    Notes
    -----
    On a CPU the same call gives the same numbers whatever the number of workers; only
    ``seconds`` differs.

    Examples
    --------
    >>> import img2imu_kit as ik
    >>> from img2imu_kit.evaluate import Handcrafted
    >>> windows = ik.sliding_windows(ik.load_dataset("synthetic", subjects=3, seconds=8), seconds=2)
    >>> methods = {"by hand": Handcrafted("knn")}
    >>> table = few_label_table({"moves": windows}, methods, shots=[1], seeds=2, workers=1,
    ...     progress=False)
    >>> table.seed.tolist(), table.protocol.tolist()
    ([0, 1], ['knn', 'knn'])
    """
    options = {"shots": shots, "seeds": seeds, "protocols": protocols, "by": by, "test": test}
    if folder is None:
        with TemporaryDirectory() as temporary:
            options |= {"workers": workers, "device": device, "progress": progress}
            return few_label_table(tasks, methods, folder=temporary, **options)
    plan = list(_plan(tasks, methods, device, Path(folder), **options))
    # Two names for one thing share a file, and a dict keeps one job of each file.
    missing = {job.row: job for job in plan if read_row(job.row) is None}.values()
    probed = {job.features: job for job in missing if isinstance(job.way, str)}
    absent = [job for path, job in probed.items() if not has_arrays(path)]
    # Features before scores: a frozen network reads each window once, for all draws and shots.
    _run("features", write_features, absent, workers, progress)
    _run("scores", write_score, missing, workers, progress)
    return pd.DataFrame([job.facts | read_row(job.row) for job in plan])


def write_features(job: Job) -> None:
    """Write what the voters read of the task's windows."""
    write_arrays(job.features, _adapted(job).voters(job.windows))


def write_score(job: Job) -> None:
    """Train on the draw, predict its test windows, write the row."""
    seed = job.facts["seed"]
    # the draw of `few_label` with this seed: the two are one iterator
    [draw] = draws(job.windows, job.facts["shots"], [seed], by=job.by, test=job.test, cap=True)
    labels = job.windows.label.astype(str)
    voted = {}
    if isinstance(job.way, str):
        voters = read_arrays(job.features, np.concatenate([draw.train, draw.test]))
        own = {name: job.method.probe(name) or job.way for name in voters}
        start = time.perf_counter()
        weights = job.method.weights(voters)
        features, make = fuse({n: (x, own[n]) for n, x in voters.items()}, weights=weights)
        train, test = np.split(features, [len(draw.train)])  # [n, D], [M, D]
        classifier = make(seed).fit(train, labels[draw.train])
        if len(voters) == 1:
            predicted = classifier.predict(test)
        else:
            votes = classifier.votes(test)  # log p [voters, M, classes]
            predicted = classifier.classes_[votes.sum(axis=0).argmax(axis=1)]
            voted = _count_votes(votes, classifier.classes_, list(voters), labels, draw)
    else:
        network = _adapted(job).network(job.windows)
        start = time.perf_counter()
        tuned = fine_tune(
            network,
            job.windows[draw.train],
            config=job.way,
            groups=job.groups[draw.train],
            seed=seed,
            device=job.device,
        )
        predicted = tuned.predict(job.windows[draw.test]).astype(str)
    row = score_predictions(labels, predicted, draw) | {"seconds": time.perf_counter() - start}
    write_row(job.row, row | voted | _confusion(job, draw, predicted))


def unlabelled(windows: Windows, by: str, test: float, seed: int) -> Windows:
    """The training windows of a draw without their labels, for pre-training.

    Examples
    --------
    >>> from img2imu_kit import load_dataset, sliding_windows
    >>> recordings = load_dataset("synthetic", subjects=4, seconds=20)
    >>> seen = unlabelled(sliding_windows(recordings, seconds=4), "subject", test=0.3, seed=0)
    >>> len(set(seen.subject)), seen.classes
    (3, ())
    """
    pool, _ = split_windows(windows, by, test, seed)
    return replace(windows[pool], label=np.full(len(pool), "", dtype=object))


def _adapted(job: Job) -> Method:
    """The method, after it has seen the task's unlabelled windows if it wants to."""
    if not job.method.adapts:
        return job.method
    seed = job.facts["seed"]
    return job.method.adapt(unlabelled(job.windows, job.by, job.test, seed), seed)


def _count_votes(
    votes: np.ndarray, classes: np.ndarray, names: list[str], labels: np.ndarray, draw: Draw
) -> dict[str, list]:
    """Macro-F1 of each voter alone, and of all the others together without it."""

    # Two scores for every voter: confusions are counted here, for scikit-learn checks its input
    # anew at each of them, which takes longer than to fit the probes.
    count = len(classes)
    true = np.searchsorted(classes, labels[draw.test])

    def score(log_p: np.ndarray) -> float:
        pairs = true * count + log_p.argmax(axis=1)
        return float(macro_f1(np.bincount(pairs, minlength=count**2).reshape(count, count)))

    total = votes.sum(axis=0)
    return {
        "voters": names,
        "alone": [score(vote) for vote in votes],
        "without": [score(total - vote) for vote in votes],
    }


def _confusion(job: Job, draw: Draw, predicted: np.ndarray) -> dict[str, list]:
    """Counts [groups, true class, predicted class], flattened, and their names."""
    groups, group = np.unique(job.groups[draw.test].astype(str), return_inverse=True)
    classes = np.array(job.windows.classes, dtype=str)
    true = np.searchsorted(classes, job.windows.label[draw.test].astype(str))
    counts = np.zeros((len(groups), len(classes), len(classes)), dtype=np.int64)
    # add.at counts every window, where counts[...] += 1 would count a repeated cell once
    np.add.at(counts, (group, true, np.searchsorted(classes, predicted)), 1)
    names = {"classes": classes.tolist(), "groups": groups.tolist()}
    return names | {"confusion": counts.ravel().tolist()}


def _plan(
    tasks: Mapping[str, Windows],
    methods: Mapping[str, Method],
    device: str,
    folder: Path,
    *,
    shots: Sequence[int] | Mapping[str, Sequence[int]],
    seeds: int | Sequence[int],
    protocols: Sequence[str] | Mapping[str, str | FineTuneConfig],
    by: str | Mapping[str, str],
    test: float,
) -> Iterator[Job]:
    """The rows that were asked for, in order, each with the names of its files."""
    seeds = range(seeds) if isinstance(seeds, int) else seeds
    ways = _ways(protocols)
    counts = shots if isinstance(shots, Mapping) else dict.fromkeys(ways, shots)
    if unnamed := [name for name in ways if name not in counts]:
        raise ParameterError(f"shots has no entry for {unnamed}", remedy=f"It is {dict(counts)}.")
    all_shots = sorted({count for name in ways for count in counts[name]})
    keys = {name: cache_key(method) for name, method in methods.items()}
    for task, windows in tasks.items():
        group = by if isinstance(by, str) else by.get(task, "")
        if group not in ("subject", "recording", "random"):
            raise ParameterError(f"by has no entry for task {task!r}", remedy=f"It is {by}.")
        if group == "random":
            warnings.warn(
                f"{task}: windows are split at random, so scores are too high",
                LeakageWarning,
                stacklevel=3,
            )
        data = cache_key(windows)  # samples, labels and who: hashed once, not once a row
        for name, method in methods.items():
            network = method.network(windows)
            # of the layers that are read alone: reading early is reading with a small network
            parameters = _count(network, windows) if network is not None else 0
            for protocol, way in _own_ways(method, ways, network is not None):
                for count in all_shots if method.only else counts[protocol]:
                    for seed in seeds:
                        # Frozen features serve every draw; of a method that adapts, one alone.
                        draw = [group, test, seed] if method.adapts else []
                        features = cache_key(data, keys[name], draw)
                        where = device if isinstance(way, FineTuneConfig) else None
                        row = cache_key(features, group, test, way, count, seed, where)
                        yield Job(
                            facts={
                                "task": task,
                                "method": name,
                                "family": method.family,
                                "protocol": protocol,
                                "fixed": method.only is not None,
                                "shots": int(count),
                                "seed": int(seed),
                                "parameters": parameters,
                            },
                            windows=windows,
                            method=method,
                            way=way,
                            by=group,
                            test=test,
                            device=device,
                            row=folder / "rows" / f"{row}.parquet",
                            features=folder / "features" / f"{features}.safetensors",
                        )


def _ways(
    protocols: Sequence[str] | Mapping[str, str | FineTuneConfig],
) -> dict[str, str | FineTuneConfig]:
    if isinstance(protocols, Mapping):
        return dict(protocols)
    unknown = [name for name in protocols if name not in PROTOCOLS]
    if unknown or isinstance(protocols, str):
        raise ParameterError(
            f"protocols are {protocols!r}", remedy=f"Give a list of {', '.join(PROTOCOLS)}."
        )
    return {name: PROTOCOLS[name] for name in protocols}


def _own_ways(
    method: Method, ways: dict[str, str | FineTuneConfig], learns: bool
) -> Iterator[tuple[str, str | FineTuneConfig]]:
    """The protocols that a method takes part in, its own where it has one."""
    if only := method.only:
        ways = {only: ways.get(only, PROTOCOLS.get(only, only))}
    for name, way in ways.items():
        if isinstance(way, FineTuneConfig) and learns:
            yield name, way.from_scratch() if method.scratch else way
        elif isinstance(way, str):
            yield name, way


def _count(network: SignalNetwork, windows: Windows) -> int:
    used = trainable_parameters(network, torch.from_numpy(windows.signal[:2]))
    return sum(parameter.numel() for parameter in used.values())


def _run(
    title: str, work: Callable, jobs: Iterable[Job], workers: int | None, progress: bool
) -> None:
    """Do the jobs side by side, each on one thread."""
    jobs = list(jobs)
    workers = min(workers or joblib.cpu_count(), max(1, len(jobs)))
    parallel = joblib.Parallel(workers, return_as="generator_unordered")
    done = parallel(joblib.delayed(_alone)(work, job) for job in jobs)
    for _ in tqdm(done, title, total=len(jobs), disable=not (progress and jobs), unit="row"):
        pass


def _alone(work: Callable, job: Job) -> None:
    reuse_memory()
    with _one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # small classes, constant axes: the rows tell
        work(job)


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread a process: sums in one order, and workers that do not fight over the cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        torch.set_num_threads(before)
