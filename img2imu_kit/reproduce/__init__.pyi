from .run import PRESETS as PRESETS
from .run import Preset as Preset
