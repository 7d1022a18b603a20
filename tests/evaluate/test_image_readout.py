"""Each layer of each picture is a voter, and a picture of others is read in the same way."""

from dataclasses import replace

import numpy as np
import pytest
from few_labels import people

import img2imu_kit as ik
from img2imu_kit.errors import ParameterError
from img2imu_kit.evaluate.image_readout import ImageReadout, PatchPicture, StftPicture
from img2imu_kit.evaluate.methods import (
    Handcrafted,
    ImageMethod,
    Jury,
    Pixels,
    lever_methods,
    picture_methods,
)
from img2imu_kit.evaluate.table import few_label_table
from img2imu_kit.models.backbone import load_backbone

SMALL = ik.SpectrogramParams(n_fft=16, size=(32, 32))


@pytest.fixture(scope="module")
def cut():
    return people(each=4)


@pytest.fixture(scope="module")
def backbone():
    return load_backbone("mobilenetv3_small_050")


def test_a_voter_is_a_layer_of_a_picture(cut, backbone):
    readout = ImageReadout((SMALL, "motion"), layers=(2, 0), pixels=(1,))
    voters = ImageMethod(backbone, readout).voters(cut[:5])
    assert tuple(voters) == readout.names
    assert readout.names == (
        "picture 0 0",
        "picture 0 2",
        "motion pixels",
        "motion 0",
        "motion 2",
    )
    for name, picture in (("picture 0", SMALL), ("motion", "motion")):
        images = ik.to_image(cut[:5], params=picture)
        for layer in (0, 2):
            expected = backbone.features(images, layer=layer, pool="grid", rows=16, columns=4)
            np.testing.assert_array_equal(voters[f"{name} {layer}"], expected)
    # 96 x 96 pixels in 16 x 4 cells are means of 6 x 24
    cells = images.reshape(5, 3, 16, 6, 4, 24).mean(axis=(3, 5))
    np.testing.assert_allclose(voters["motion pixels"], cells.reshape(5, -1), rtol=1e-5)


@pytest.mark.parametrize(
    "wrong", [{"pictures": ()}, {"pixels": (2,)}, {"layers": (), "pixels": ()}]
)
def test_a_readout_without_a_voter_is_refused(wrong):
    with pytest.raises(ParameterError, match="ImageReadout"):
        ImageReadout(**wrong)


def test_patches_lie_one_below_the_other(cut):
    signal = np.zeros((1, 3, 64), np.float32)
    signal[:, :, ::8] = 9  # one peak in each patch of 8 samples, at its first one
    signal[:, :, 1::8] = -9
    image = PatchPicture(size=(57, 8)).draw(signal)  # a row a patch, overlapping by 7 samples
    assert image.shape == (1, 3, 57, 8)
    # the peak wanders one sample to the left from patch to patch
    assert (image[0, 0, :8].argmax(axis=1) == [0, 7, 6, 5, 4, 3, 2, 1]).all()


def test_pictures_of_others_are_read_by_the_same_network(cut, backbone):
    for method in picture_methods(backbone).values():
        method = replace(method, readout=replace(method.readout, layers=(0,)))
        pixels, layer = method.voters(cut[:6]).values()
        assert len(pixels) == len(layer) == 6
        assert pixels.std(axis=0).max() > 1


def test_an_stft_is_as_long_in_seconds_at_every_rate(cut):
    picture = StftPicture(frame_s=0.5, hop_s=0.1)
    assert (picture.params(50, 2.0).n_fft, picture.params(200, 2.0).n_fft) == (25, 100)


def test_voters_of_a_jury_keep_the_probe_of_their_method(cut):
    two = Pixels(ImageReadout(pixels=(0, 1)))
    jury = Jury({"two pictures": two, "statistics": Handcrafted("extra-trees")})
    names = [
        "two pictures: motion pixels",
        "two pictures: motion-signed pixels",
        "statistics: statistics",
    ]
    assert list(jury.voters(cut[:4])) == names
    assert [jury.probe(name) for name in names] == [None, None, "extra-trees"]
    assert list(jury.weights(names).values()) == [0.5, 0.5, 1.0]


def test_a_row_says_what_each_voter_is_worth(cut):
    jury = Jury({"pixels": Pixels(), "statistics": Handcrafted("extra-trees")})
    methods = {"jury": jury, "pixels": Pixels(), "trees": Handcrafted("extra-trees")}
    options = {"shots": (2,), "seeds": 2, "workers": 1, "progress": False}
    table = few_label_table({"t": cut}, methods, **options).set_index(["method", "seed"])
    for seed in range(2):
        row = table.loc["jury", seed]
        # with two voters, what is left without one is the other alone
        assert list(row.without) == list(row.alone)[::-1]
        pixels, trees = row.alone
        assert pixels == pytest.approx(table.loc["pixels", seed].macro_f1)
        assert trees == pytest.approx(table.loc["trees", seed].macro_f1)


def test_levers_move_one_at_a_time(backbone):
    moved = lever_methods(ImageMethod(backbone))
    assert moved["motion-signed"].readout.pixels == ()
    assert moved["layer 2"].readout.layers == (2,)
    assert "columns 4" not in moved  # as it is
