"""A stretch of motion and its clock: recordings, windows, who is trained and who is tested."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
