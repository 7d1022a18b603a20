from .image import power_to_image as power_to_image
from .params import CHOICES as CHOICES
from .params import presets as presets
from .params import resolve as resolve
from .stft import Spectrograms as Spectrograms
