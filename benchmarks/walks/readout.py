"""How well frozen networks read motion from few labels: one probe for each layer and picture.

    python readout.py SETS.npz NAME=FILE ... [--start FILE] [--draws 5]

SETS.npz is made by ``development_sets.py``. FILE is what ``pretrain.py`` left, a whole timm
mobilenetv2_100, or ``random``; ``FILE@0.5`` with ``--start`` lies half way between the two.

A voter is a picture (P, S) and a layer: its maps averaged in 16 x 4 cells, standardised on the
labelled windows, one logistic regression (C = 1). The log-probabilities of voters are summed, as
if they were independent witnesses. Layer -1 is the picture itself. Printed are macro-F1 of each
sum and of each single voter, and paired differences to the first network.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from network import Body, cells, halfway, load
from scalogram import P, S, pictures
from scipy.stats import t as student
from sklearn.linear_model import LogisticRegression
from torch import nn

PICTURES = {"P": P, "S": S}
SUMS = {
    "layers 1 to 4 of P and S, pixels of P": [f"{p}{k}" for p in "SP" for k in (1, 2, 3, 4)]
    + ["P-1"],
    "the same without layer 4": [f"{p}{k}" for p in "SP" for k in (1, 2, 3)] + ["P-1"],
    # fixed before anything was trained
    "S2, S3, P2, pixels of P": ["S2", "S3", "P2", "P-1"],
    "pixels of P": ["P-1"],
}


@dataclass
class LabelledSet:
    """Windows of one task, and who of them is labelled in each draw."""

    name: str
    signal: np.ndarray  # [N, 3, T], m/s2
    rate: float
    label: np.ndarray  # int [N]
    draws: list[tuple[np.ndarray, np.ndarray]]  # positions of (training, test) windows


def save_sets(path: Path, sets: list[LabelledSet]) -> None:
    """All sets in one file; float16 resolves 0.008 m/s2 at gravity."""
    flat = {}
    for one in sets:
        flat[f"{one.name}/signal"] = one.signal.astype(np.float16)
        flat[f"{one.name}/rate"] = np.float64(one.rate)
        flat[f"{one.name}/label"] = one.label.astype(np.int16)
        for i, (train, test) in enumerate(one.draws):
            flat[f"{one.name}/train{i:02d}"] = train.astype(np.int16)
            flat[f"{one.name}/test{i:02d}"] = test.astype(np.int16)
    np.savez_compressed(path, **flat)


def open_sets(path: Path, draws: int | None = None) -> list[LabelledSet]:
    flat, sets = np.load(path), []
    for name in dict.fromkeys(key.split("/")[0] for key in flat):
        count = sum(key.startswith(f"{name}/train") for key in flat)
        pairs = [
            tuple(flat[f"{name}/{part}{i:02d}"].astype(int) for part in ("train", "test"))
            for i in range(count)
        ]
        signal = flat[f"{name}/signal"].astype(np.float32)
        rate, label = float(flat[f"{name}/rate"]), flat[f"{name}/label"]
        sets.append(LabelledSet(name, signal, rate, label, pairs[:draws]))
    return sets


@torch.no_grad()
def read_layers(network: nn.Module, images: torch.Tensor, batch: int = 128) -> dict:
    """{layer: float16 [N, D]} of pictures uint8 [N, 3, H, W]; layer -1 is their pixels."""
    found: dict[int, list] = {}
    for part in images.split(batch):
        x = part.float().div(255).sub(0.5).div(0.5)
        maps = network(x.contiguous(memory_format=torch.channels_last))
        for layer, one in enumerate([x, *maps], start=-1):
            found.setdefault(layer, []).append(cells(one).half())
    return {layer: torch.cat(parts).numpy() for layer, parts in found.items()}


def log_probabilities(x, train, test, label, C: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Standardised logistic regression: log-probabilities [test, classes], and the classes.

    A penalised model of thousands of features lies in the span of its few training rows, so it
    is fitted there, in at most as many coordinates as rows: the same model, much sooner.
    """
    x = x.astype(np.float32)
    a, b = x[train], x[test]
    mean, sd = a.mean(0), a.std(0)
    keep = sd > 1e-6
    a, b = ((part[:, keep] - mean[keep]) / sd[keep] for part in (a, b))
    values, vectors = np.linalg.eigh((a @ a.T).astype(np.float64))
    good = values > values.max() * 1e-7
    roots = np.sqrt(values[good])
    inner = vectors[:, good] * roots
    outer = (b @ a.T) @ (vectors[:, good] / roots)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged after 300 steps: good enough
        model = LogisticRegression(C=C, max_iter=300).fit(inner, label[train])
    return model.predict_log_proba(outer), model.classes_


def macro_f1(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Mean F1 of the classes that occur in the truth."""
    scores = []
    for c in np.unique(truth):
        hits = np.sum((truth == c) & (predicted == c))
        scores.append(2 * hits / max(1, np.sum(truth == c) + np.sum(predicted == c)))
    return float(np.mean(scores))


def score(votes: dict, one: LabelledSet, voters: list[str]) -> np.ndarray:
    """Macro-F1 of the summed log-probabilities of some voters, for each draw."""
    scores = []
    for i, (_, test) in enumerate(one.draws):
        total = sum(votes[voter][i][0] for voter in voters)
        classes = votes[voters[0]][i][1]
        scores.append(macro_f1(one.label[test], classes[total.argmax(1)]))
    return np.array(scores)


def find_network(spec: str, start: Path | None) -> tuple[Body, dict]:
    if spec == "random":
        return Body().eval(), {}
    file, _, share = spec.partition("@")
    body, heads = load(Path(file))
    if share:
        body = halfway(Body(len(body.ends)).take(load(start)[0].state_dict()), body, float(share))
        heads = {}  # they belong to the end of the line
    return body, heads


@torch.no_grad()
def vote(body: Body, heads: dict, drawn: dict[str, torch.Tensor], one: LabelledSet) -> dict:
    """{voter: [(log-probabilities, classes) of each draw]}; hP2 is the head's layer on P2."""
    votes = {}
    for p, images in drawn.items():
        found = {f"{p}{k}": x for k, x in read_layers(body, images).items()}
        for k, head in heads.items():
            found[f"h{p}{k}"] = head.inner(torch.from_numpy(found[f"{p}{k}"]).float()).numpy()
        for voter, x in found.items():
            draws = one.draws
            votes[voter] = [log_probabilities(x, train, test, one.label) for train, test in draws]
    return votes


def difference(one: np.ndarray, other: np.ndarray) -> str:
    """Paired over draws, with a 95 % interval of Student's t."""
    d = one - other
    half = student.ppf(0.975, len(d) - 1) * d.std(ddof=1) / len(d) ** 0.5 if len(d) > 1 else np.nan
    points = f"{d.mean() * 100:+.1f} ± {half * 100:.1f} points"
    return f"{points}, ahead in {(d > 0).sum()} of {len(d)} draws"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sets", type=Path, help="by development_sets.py")
    parser.add_argument("networks", nargs="+", metavar="NAME=FILE")
    parser.add_argument("--start", type=Path, help="ImageNet's weights, for FILE@SHARE")
    parser.add_argument("--draws", type=int, help="of each set, all unless told otherwise")
    options = parser.parse_args()

    sets = open_sets(options.sets, options.draws)
    drawn = {
        one.name: {p: pictures(one.signal, one.rate, how) for p, how in PICTURES.items()}
        for one in sets
    }
    print("sets:", ", ".join(f"{one.name} ({len(one.label)} windows)" for one in sets))
    results: dict[tuple[str, str], np.ndarray] = {}
    names = []
    for item in options.networks:
        name, _, spec = item.partition("=")
        names.append(name)
        body, heads = find_network(spec, options.start)
        votes = {one.name: vote(body, heads, drawn[one.name], one) for one in sets}
        voters = votes[sets[0].name]

        def scores(members, votes=votes):  # [sets, draws]
            return np.array([score(votes[one.name], one, members) for one in sets])

        for rule, members in SUMS.items():
            if all(member in voters for member in members):  # short networks lack layer 4
                each = scores(members)
                results[name, rule] = each.mean(0)
                columns = " | ".join(f"{value:.3f}" for value in each.mean(1))
                print(f"| {name} | {rule} | {each.mean():.4f} | {columns} |", flush=True)
        single = {voter: round(float(scores([voter]).mean()), 3) for voter in voters}
        print(name, single, flush=True)
    for rule in SUMS:
        for name in names[1:]:
            if (names[0], rule) in results and (name, rule) in results:
                gap = difference(results[names[0], rule], results[name, rule])
                print(f"{rule}: {names[0]} minus {name}: {gap}")


if __name__ == "__main__":
    main()
