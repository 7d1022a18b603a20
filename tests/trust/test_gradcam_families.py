"""Grad-CAM of networks unlike each other; `benchmarks/gradcam_families.py` tries all of timm's."""

import sys
from pathlib import Path

import pytest

from img2imu_kit.errors import ParameterError

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from gradcam_families import check


@pytest.mark.parametrize("name", ["test_byobnet", "convnext_atto", "mambaout_femto"])
def test_maps_of_either_order_of_channels_give_the_formula(name):
    assert check(name, 64) == "the formula's"


def test_a_part_that_timm_names_and_the_network_lacks_is_refused():
    with pytest.raises(ParameterError, match="no part of it gives out its map"):
        check("mvitv2_tiny", 64)
