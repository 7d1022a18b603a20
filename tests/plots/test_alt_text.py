"""Every figure says what it shows: on the axes it was given, in files and in notebooks."""

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

from img2imu_kit import Recording, plots, to_image
from img2imu_kit.errors import ParameterError


@pytest.fixture
def recording(rng):
    return Recording(rng.normal(size=(256, 3)), rate=64, unit="m/s2", labels="swing")


def test_a_given_ax_is_drawn_on(recording):
    plt.close("all")
    image = to_image(recording)[0]
    table = pd.DataFrame(
        {"method": "ours", "shots": 1, "seed": range(3), "macro_f1": [0.2, 0.3, 0.4]}
    )
    figure, axes = plt.subplots(2, 3)
    draw = [
        lambda ax: plots.plot_signal(recording, ax=ax),
        lambda ax: plots.plot_spectrogram(recording, ax=ax),
        lambda ax: plots.plot_image(image, rate=64, seconds=4, ax=ax),
        lambda ax: plots.plot_images(image[None], ["swing"], ax=ax),
        lambda ax: plots.plot_scores(table, ax=ax),
        lambda ax: plots.plot_embedding(np.eye(2), ["a", "b"], ax=ax),
    ]
    for plot, ax in zip(draw, axes.flat, strict=True):
        assert plot(ax) is ax
        assert plots.alt_text(ax)
    assert plt.get_fignums() == [figure.number]
    assert plots.alt_text(figure).count(". ") >= 5
    plt.close(figure)


def test_files_carry_the_alt_text(tmp_path, recording):
    ax = plots.plot_signal(recording)
    text = plots.alt_text(ax)
    with Image.open(plots.save_figure(ax, tmp_path / "new" / "a.png")) as image:
        assert image.text["Description"] == text
    svg = plots.save_figure(ax.figure, tmp_path / "a.svg").read_text()
    assert f"<title>{text}</title>" in svg
    assert plots.save_figure(ax, tmp_path / "b.svg").read_text() == svg
    assert plots.save_figure(ax, tmp_path / "a.pdf").stat().st_size > 1000
    with pytest.raises(ParameterError, match=r"a\.bmp"):
        plots.save_figure(ax, tmp_path / "a.bmp")
    plt.close(ax.figure)


def test_notebooks_show_figures_with_their_alt_text_and_nothing_else(monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)  # as Jupyter starts a kernel
    draw = "import numpy as np\nimport img2imu_kit as ik\n"
    draw += "ik.plots.plot_embedding(np.eye(2), ['sit', 'walk']);"
    again = "import matplotlib.pyplot as plt\nfigure, ax = plt.subplots()\n"
    again += "ik.plots.set_alt_text(ax, 'An empty frame')\nfigure.suptitle('empty');"
    notebook = new_notebook(cells=[new_code_cell(draw), new_code_cell(again)])
    NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    texts = []
    for cell in notebook.cells:
        (output,) = cell.outputs
        assert output.data["image/png"]
        texts.append(output.metadata["image/png"]["alt"])
    assert texts == ["2 points in two dimensions: 1 sit, 1 walk", "An empty frame"]
    nbformat.validate(notebook)
