from .arrays import save_npz as save_npz
from .files import READABLE as READABLE
from .intervals import read_intervals as read_intervals
from .labels import label_intervals as label_intervals
from .tables import describe_csv as describe_csv
from .tables import from_frame as from_frame
from .tables import read_csv as read_csv
