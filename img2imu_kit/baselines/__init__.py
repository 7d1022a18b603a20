"""Baselines that learn from sensor data: what the method is compared with."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
