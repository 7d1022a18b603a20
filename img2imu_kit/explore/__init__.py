"""Widgets to look around with: settings of spectrograms, augmentations, features, attention.

Each is a pure function from a state to a picture, and a thin binding of controls to that state.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
