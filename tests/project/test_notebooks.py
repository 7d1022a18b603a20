"""Notebooks hold story and calls: stored clean, short cells, one face, checks out of sight."""

import ast
import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return json.loads(request.param.read_text())


@pytest.fixture
def code(notebook):
    """Of every code cell its source, tags and whether JupyterLab hides it."""
    return [
        (
            "".join(cell["source"]),
            cell["metadata"].get("tags", []),
            cell["metadata"].get("jupyter", {}).get("source_hidden", False),
        )
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]


def test_notebooks_are_stored_clean(notebook):
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert "widgets" not in notebook["metadata"]
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


def test_a_cell_is_at_most_20_lines_long(code):
    assert [source for source, _, _ in code if len(source.splitlines()) > 20] == []


def test_the_package_is_imported_by_its_face_alone(code):
    lines = [line for source, _, _ in code for line in source.splitlines()]
    imports = [line for line in lines if re.search(r"\b(from|import) img2imu_kit", line)]
    assert imports == ["import img2imu_kit as ik"]


def test_assertions_are_tagged_and_folded_as_solutions_are(code):
    for source, tags, hidden in code:
        assert ("tests" in tags) == bool(re.search(r"^\s*assert ", source, re.M)), source
        assert hidden == bool({"tests", "solution"} & {*tags}), source


def test_what_is_seen_needs_nothing_that_is_out_of_sight(code):
    """Who deletes the checks, or the solutions, still has a notebook that runs."""
    seen, unseen = set(), set()
    for source, tags, _ in code:
        names = [node for node in ast.walk(_parsed(source)) if isinstance(node, ast.Name)]
        bound = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        if {"tests", "solution"} & {*tags}:
            unseen |= bound
        else:
            assert {node.id for node in names} & unseen - seen - bound == set(), source
            seen |= bound


def _parsed(source: str) -> ast.Module:
    """The code of a cell without its magics."""
    return ast.parse(re.sub(r"^%.*$", "", source, flags=re.M))


def test_recordings_are_loaded_without_a_branch(code):
    assert [source for source, _, _ in code if re.search(r"\b[A-Z]+ is (not )?None", source)] == []


def test_figures_show_by_themselves(code):
    assert not any("plots.show(" in source for source, _, _ in code)


@pytest.mark.parametrize(
    ("name", "equation", "paper"),
    [
        ("01_motion_to_pictures", r"\sum_{n=0}^{N-1} w_n", "hdl.handle.net"),
        ("04_contrastive_pretraining", r"\mathcal{L}_q = -\log", "arxiv.org/abs/1807.03748"),
        ("06_seeing_what_was_learned", r"\alpha^c_k = \frac{1}{Z}", "arxiv.org/abs/1610.02391"),
    ],
)
def test_the_idea_stands_as_an_equation_beside_its_paper(name, equation, paper):
    cells = json.loads((FOLDER / f"{name}.ipynb").read_text())["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    (text,) = [text for text in texts if equation in text]
    assert re.search(r"^\$\$$", text, re.M)
    assert paper in text


def test_a_folded_solution_is_run_below_it(notebook):
    # Shown is a fold that works everywhere; what it says is true is checked by a hidden cell.
    def bare(text):
        return re.sub(r"[\s;]", "", text)

    cells = notebook["cells"]
    for cell, following in pairwise(cells):
        for solution in re.findall(r"```python\n(.+?)```", "".join(cell["source"]), re.S):
            if cell["cell_type"] == "markdown" and "<details>" in "".join(cell["source"]):
                assert bare(solution) in bare("".join(following["source"]))
                assert following["metadata"]["jupyter"]["outputs_hidden"]
