from .augmentation import AugmentationExplorer as AugmentationExplorer
from .augmentation_view import AUGMENTATIONS as AUGMENTATIONS
from .augmentation_view import AugmentationState as AugmentationState
from .embedding import EmbeddingExplorer as EmbeddingExplorer
from .embedding_view import EmbeddingState as EmbeddingState
from .spectrogram import SpectrogramExplorer as SpectrogramExplorer
from .spectrogram_state import SpectrogramState as SpectrogramState
