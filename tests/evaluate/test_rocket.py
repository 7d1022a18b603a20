"""Baselines of others that are optional: what they do, and what is said where they are absent."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from few_labels import people

from img2imu_kit.errors import ParameterError, SignalError
from img2imu_kit.evaluate.methods import Handcrafted, RawSignal
from img2imu_kit.evaluate.probes import find_probe
from img2imu_kit.signals.features import catch22_features


@pytest.fixture(scope="module")
def cut():
    return people(each=4)


@pytest.mark.parametrize("name", ["minirocket", "hydra"])
def test_kernels_tell_speeds_apart_and_are_drawn_from_training_windows(cut, name):
    pytest.importorskip("aeon.classification", reason="the extra 'baselines' is not installed")
    rows = RawSignal(name).voters(cut)["signal"]
    train = cut.subject < "s3"
    classifier = find_probe(name)(0).fit(rows[train], cut.label[train])
    found = classifier.predict(rows[~train])
    assert (found == cut.label[~train]).mean() > 0.8
    # what is predicted for a window does not depend on the windows beside it
    assert (classifier.predict(rows[~train][:5]) == found[:5]).all()


def test_statistics_of_catch22_see_the_shape_alone_but_for_mean_and_spread(cut):
    pytest.importorskip("pycatch22", reason="pycatch22 is not installed")
    plain = catch22_features(cut[:6]).reshape(6, 4, 24)  # three axes and their magnitude
    louder = cut[:6]
    louder.signal[:] = 2 * louder.signal
    found = catch22_features(louder).reshape(6, 4, 24)
    np.testing.assert_allclose(found[..., :22], plain[..., :22], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found[..., 22:], 2 * plain[..., 22:], rtol=1e-5)
    assert list(Handcrafted("forest", "catch22").voters(cut[:2])) == ["statistics"]


def test_a_constant_axis_has_no_statistics_of_shape():
    pytest.importorskip("pycatch22", reason="pycatch22 is not installed")
    still = people(each=1)[:2]
    still.signal[:] = 9.81
    values = catch22_features(still).reshape(2, 4, 24)
    assert np.isfinite(values).all()
    np.testing.assert_allclose(values[:, :3, 22], 9.81, rtol=1e-5)  # the mean


@pytest.mark.parametrize("name", ["minirocket", "hydra"])
def test_absent_kernels_are_named_with_what_to_install(cut, monkeypatch, name):
    monkeypatch.setitem(sys.modules, "aeon.classification", None)
    with pytest.raises(ParameterError, match=r"aeon.*pip install .img2imu_kit\[baselines\]"):
        find_probe(name)(0).fit(np.zeros((4, 30)), list("aabb"))


def test_absent_catch22_is_named_with_what_to_install(cut, monkeypatch):
    monkeypatch.setitem(sys.modules, "pycatch22", None)
    with pytest.raises(ParameterError, match=r"pip install .img2imu_kit\[baselines\]"):
        catch22_features(cut)


def test_windows_that_would_be_misread_are_refused(cut):
    cut = replace(cut[:4], signal=np.full_like(cut.signal[:4], np.nan))
    pytest.importorskip("pycatch22", reason="pycatch22 is not installed")
    with pytest.raises(SignalError, match="NaN"):
        catch22_features(cut)
    with pytest.raises(SignalError, match="1 axes"):
        RawSignal("minirocket").voters(cut.select("acc_x"))
