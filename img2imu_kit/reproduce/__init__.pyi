from .report import export_report as export_report
from .results import Results as Results
from .run import PRESETS as PRESETS
from .run import Preset as Preset
from .run import load_results as load_results
from .run import run_preset as run_preset
