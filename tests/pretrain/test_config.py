"""One set of settings for the function, the command line, the card and the checkpoint."""

import inspect
from dataclasses import FrozenInstanceError, fields

import pytest

from img2imu_kit.cli.pretrain import pretrain as command
from img2imu_kit.errors import ParameterError
from img2imu_kit.pretrain.config import LoopConfig, PretrainConfig
from img2imu_kit.pretrain.train import pretrain_images

NAMES = [field.name for field in fields(PretrainConfig)]


def test_settings_cannot_be_changed_but_copied_with_others():
    config = PretrainConfig(epochs=3)
    with pytest.raises(FrozenInstanceError):
        config.epochs = 4
    assert (config.updated(epochs=4).epochs, config.epochs) == (4, 3)


def test_the_default_rate_is_the_optimisers():
    config = PretrainConfig(optimizer="sgd")
    assert config.updated(optimizer="adam").peak_lr < config.peak_lr
    assert config.updated(lr=0.5).peak_lr == 0.5


def test_a_name_that_is_no_setting_is_refused_with_the_nearest(rng):
    pixels = rng.integers(0, 256, (16, 3, 8, 8), dtype="uint8")
    with pytest.raises(ParameterError, match=r"no setting 'epoch'. Did you mean 'epochs'\?"):
        pretrain_images(pixels, epoch=1)


def test_what_decides_the_weights_is_told_apart_from_how_far_and_how_fast():
    config = PretrainConfig()
    same = config.updated(max_steps=3, checkpoint_every=1, compile=True, channels_last=False)
    assert same.identity() == config.identity()
    for change in ({"seed": 1}, {"lr": 0.1}, {"splits": 2}, {"temperature": 0.3}):
        assert config.updated(**change).identity() != config.identity()
    assert LoopConfig(lr=0.1).identity().items() <= PretrainConfig(lr=0.1).identity().items()


def test_every_setting_is_a_flag_with_its_type_and_a_help_text():
    options = inspect.signature(command).parameters
    assert set(NAMES) <= options.keys()
    for name in NAMES:
        (option,) = options[name].annotation.__metadata__
        assert option.help, name
    assert options["freeze"].annotation.__origin__ == list[str] | None
    assert options["layers"].annotation.__origin__ == list[int] | None
    assert options["epochs"].annotation.__origin__ == int | None
