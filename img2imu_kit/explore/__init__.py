"""Widgets to look around with: spectrogram settings, augmentations, features, attention."""
