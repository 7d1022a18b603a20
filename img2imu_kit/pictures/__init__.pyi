from .grid import Grid as Grid
from .image import power_to_image as power_to_image
from .params import CHOICES as CHOICES
from .params import presets as presets
from .params import resolve as resolve
from .power import Spectrograms as Spectrograms
from .power import make_grid as make_grid
from .power import scaled as scaled
