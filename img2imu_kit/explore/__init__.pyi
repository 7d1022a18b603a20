from .spectrogram import SpectrogramExplorer as SpectrogramExplorer
from .spectrogram_state import SpectrogramState as SpectrogramState
