from .features import feature_names as feature_names
from .recording import GRAVITY as GRAVITY
from .recording import convert as convert
from .resampling import from_samples as from_samples
from .resampling import resample as resample
from .splits import split_randomly as split_randomly
from .windows import concat as concat
