"""What an explorer shows, and an explorer to be driven."""

import io

import numpy as np
import pytest
from PIL import Image

from img2imu_kit.explore import SpectrogramExplorer


@pytest.fixture(scope="session")
def pixels_of():
    """From an explorer to the pixels of its picture, uint8 [H, W, 3], once they are up to date."""

    def pixels(explorer):
        explorer.wait()
        assert not explorer.screen.failed, explorer.screen.status
        return np.asarray(Image.open(io.BytesIO(explorer.screen.png)))

    return pixels


@pytest.fixture
def explorer():
    return SpectrogramExplorer("synthetic", seconds=10)
