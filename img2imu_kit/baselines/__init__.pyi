from .encoder import SignalEncoder as SignalEncoder
from .preprocessing import to_encoder_input as to_encoder_input
from .train import LEARNERS as LEARNERS
from .train import OwnWindows as OwnWindows
from .train import corpus as corpus
