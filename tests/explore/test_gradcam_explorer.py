"""The explorer of attention follows its controls."""

from dataclasses import replace

import pytest

import img2imu_kit as ik
from img2imu_kit.errors import Img2ImuError
from img2imu_kit.explore import GradCamExplorer
from img2imu_kit.explore.gradcam import render

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


@pytest.fixture(scope="module")
def cut():
    recordings = ik.load_dataset("synthetic", subjects=3, seconds=16)
    return ik.sliding_windows(recordings, 4, overlap=0.5)


def test_the_attention_explorer_follows_its_controls(cut, pixels_of):
    network = ik.load_backbone("mobilenetv3_small_050")
    explorer = GradCamExplorer(network, cut, layer=2, pool="grid")
    seen = [pixels_of(explorer)]
    for name, value in {
        "point": 20,
        "target": "run",
        "at": 0,
        "method": "grad-cam",
        "strength": 0.2,
    }.items():
        explorer.controls[name].value = value
        seen.append(pixels_of(explorer))
        assert (seen[-1] != seen[-2]).any(), name
        assert getattr(explorer.state, name) == value
    assert "asked about run: looks at" in explorer.screen.status
    with pytest.raises(Img2ImuError):
        render(replace(explorer.state, target="swim"))
