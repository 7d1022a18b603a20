"""Files in, recordings out; what was guessed on the way is told, not hidden.

Text becomes a table (`csv`), each column gets its role (`columns`, `timestamps`), and the table
becomes recordings (`tables`).
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
