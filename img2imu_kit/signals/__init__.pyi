from .axes import GRAVITY as GRAVITY
from .axes import convert as convert
from .features import catch22_features as catch22_features
from .features import feature_names as feature_names
from .resampling import from_samples as from_samples
from .resampling import resample as resample
from .splits import split_randomly as split_randomly
from .windows import concat as concat
