from .encoder import SignalEncoder as SignalEncoder
from .preprocessing import to_encoder_input as to_encoder_input
from .train import LEARNERS as LEARNERS
from .train import load_corpus as load_corpus
