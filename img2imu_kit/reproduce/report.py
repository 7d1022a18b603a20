"""The report of a run: a notebook, executed on its folder and exported to one page of HTML."""

from __future__ import annotations

from pathlib import Path

from .._files import atomic_write
from ..errors import OutputError

__all__ = ["export_report", "find_notebook"]

NOTEBOOK = "09_the_papers_table.ipynb"

_HEAD = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>The paper's table</title>
<style>body { font: 16px/1.5 system-ui, sans-serif; max-width: 65rem; margin: 2rem auto }
table { border-collapse: collapse; font-size: 0.9rem } th, td { padding: 0.2rem 0.6rem }
img { max-width: 100% }</style>
"""


def export_report(folder: str | Path) -> Path:
    """Run the notebook on the results in a folder, and write ``report.html`` there.

    Parameters
    ----------
    folder : path
        Of `run_preset`; see `load_results`.

    Returns
    -------
    pathlib.Path
        The page; figures are inside, each with its alt text.

    Raises
    ------
    OutputError
        A cell failed, or the page could not be written.

    Examples
    --------
    >>> page = export_report("results")  # doctest: +SKIP
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    from nbconvert import HTMLExporter

    folder = Path(folder)
    notebook = nbformat.read(find_notebook(), as_version=4)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = 'RESULTS = "."'  # the kernel starts in the folder
    try:
        NotebookClient(
            notebook,
            timeout=600,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
            extra_arguments=["--log-level=ERROR"],
        ).execute()
    except CellExecutionError as error:
        raise OutputError(
            f"a cell of the report failed ({error.ename}: {error.evalue})",
            where=NOTEBOOK,
            remedy="The rows are kept; open the notebook with RESULTS set to their folder.",
        ) from None
    # The code stays in the notebook; of nbconvert's templates "basic" alone loads no script from
    # elsewhere and keeps the alt text of figures.
    exporter = HTMLExporter(template_name="basic", exclude_input=True, exclude_anchor_links=True)
    body, _ = exporter.from_notebook_node(notebook)
    path = folder / "report.html"
    atomic_write({path: (_HEAD + body).encode()})
    return path


def find_notebook() -> Path:
    """The notebook of the report: beside this module in a wheel, in ``notebooks/`` in the tree."""
    inside = Path(__file__).with_name(NOTEBOOK)
    return inside if inside.is_file() else Path(__file__).parents[2] / "notebooks" / NOTEBOOK
