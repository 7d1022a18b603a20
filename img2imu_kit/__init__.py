"""IMG2IMU: motion as pictures, read by vision networks.

IMU windows become RGB spectrogram images; a timm backbone, pre-trained on ordinary images with
augmentations that mirror what happens to sensors, reads them with few labels.

The usual way in is ``import img2imu_kit as ik``.
"""

import os as _os

import lazy_loader as _lazy

# Before onnxruntime is imported, by whomever: its builds send telemetry unless told not to.
_os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
