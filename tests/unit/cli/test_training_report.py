"""The page at the end of a training."""

from __future__ import annotations

import numpy as np
import pytest

from ruis.cli.training_report import _before_and_after
from ruis.denoiser import Denoiser
from ruis.errors import EngineError
from ruis.examples import Shown


def test_a_network_that_the_default_engine_does_not_know_has_its_pictures(small_model):
    pytest.importorskip("keras", reason="the Keras engine needs the train extra")
    made = small_model(name="convolutional-autoencoder", filters=[2], activation="squareplus")
    noisy = np.random.default_rng(0).random((40, 40, 1), np.float32)
    with pytest.raises(EngineError):
        Denoiser(made).denoise(noisy, channel_axis=2)
    figure, told = _before_and_after(Shown("a.png", noisy, noisy), made)
    assert "<" in figure
    assert "<" in told
