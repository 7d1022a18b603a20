"""The one form in which every baseline receives its windows.

Accelerometer x, y, z, in g, at 50 Hz, 2 s (100 samples). The gyroscope is left out because one
corpus has none; g because a division by a constant keeps amplitude and gravity, while per-axis
statistics would carry the corpus's way of wearing into every task.
"""

from __future__ import annotations
