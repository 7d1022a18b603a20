"""The explorer of attention follows its controls."""

from dataclasses import replace

import numpy as np
import pytest

import img2imu_kit as ik
from img2imu_kit.errors import Img2ImuError, SignalError
from img2imu_kit.explain import grad_cam
from img2imu_kit.explore import GradCamExplorer
from img2imu_kit.explore.gradcam import code, render

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


@pytest.mark.parametrize("picture", ["motion", "motion-signed"])
def test_either_kind_of_picture_is_asked_about(cut, pixels_of, picture):
    network = ik.load_backbone("mobilenetv3_small_050")
    explorer = GradCamExplorer(cut, backbone=network, layer=1, params="motion")
    first = pixels_of(explorer)
    explorer.picture.value = "default"
    assert (pixels_of(explorer) != first).any()
    explorer.picture.value = picture
    again = pixels_of(explorer)
    fresh = GradCamExplorer(network, cut, layer=1, params=picture)
    np.testing.assert_array_equal(again, pixels_of(fresh))


def test_the_signal_is_shaded_where_evidence_lies(cut):
    """Columns of the panel behind the signal are darkest where the heat map's are."""
    network = ik.load_backbone("mobilenetv3_small_050")
    explorer = GradCamExplorer(network, cut, layer=0, pool="grid", params="motion")
    for width in (480, 1080):
        pixels = render(explorer.state, width).pixels
        strip = pixels[25:30, 70 : width - 24].astype(int)
        blue = np.median(strip[..., 2], axis=0)  # of the tint, which lines hardly touch
        assert blue.min() < 160 < 200 < blue.max()


def test_windows_without_labels_are_refused(cut):
    network = ik.load_backbone("mobilenetv3_small_050")
    unlabelled = replace(cut, label=np.full(len(cut), "", dtype=object))
    with pytest.raises(SignalError, match="labels, or give directions"):
        GradCamExplorer(network, unlabelled)


@pytest.mark.parametrize("params", ["default", "motion-signed"])
def test_code_asks_the_same(cut, params):
    network = ik.load_backbone("mobilenetv3_small_050")
    state = GradCamExplorer(network, cut, layer=1, pool="grid", params=params).state
    names = {"windows": cut, "network": network}
    exec(code(state), names)
    towards = state.directions[state.target]
    images = ik.to_image(cut[:3], params=params)
    expected = grad_cam(network, images, towards, layer=1, pool="grid", method="hires-cam")
    np.testing.assert_allclose(names["maps"][:3], expected, rtol=1e-3, atol=1e-5)
