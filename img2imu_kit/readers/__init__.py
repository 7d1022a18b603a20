"""Files and tables in, recordings out; what was guessed on the way is shown, not hidden.

Text becomes a table (`csv_text`), each column gets its role (`layout`, `stamps`), and the table
becomes recordings (`samples`).
"""

from .files import READABLE, read
from .numpy_files import save_npz
from .tables import describe_csv, from_frame, read_csv

__all__ = ["READABLE", "describe_csv", "from_frame", "read", "read_csv", "save_npz"]
