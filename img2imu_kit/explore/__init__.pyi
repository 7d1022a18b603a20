from .augmentation import AUGMENTATIONS as AUGMENTATIONS
from .augmentation import AugmentationExplorer as AugmentationExplorer
from .embedding import EmbeddingExplorer as EmbeddingExplorer
from .gradcam import GradCamExplorer as GradCamExplorer
from .spectrogram import SpectrogramExplorer as SpectrogramExplorer
from .voters import VoterExplorer as VoterExplorer
