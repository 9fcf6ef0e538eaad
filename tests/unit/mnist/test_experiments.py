"""The experiments measure what they say, on few digits."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("keras", reason="learning needs the train extra")
pytest.importorskip("sklearn", reason="the other detectors need the mnist extra")

from ruis.mnist.data import load
from ruis.mnist.experiments import filter_study, odd_one, stacking, ways_down
from ruis.mnist.presets import get, quick


@pytest.fixture(scope="module")
def digits():
    return load().first(1500, 300)


@pytest.mark.slow
def test_shuffled_pixels_hurt_the_convolutional_one_alone(digits):
    of = {(one.network, one.shuffled): one for one in stacking(digits, epochs=12, seed=0)}
    assert of["dense", False].parameters == pytest.approx(
        of["convolutional", False].parameters, rel=0.2
    )
    assert abs(of["dense", False].psnr - of["dense", True].psnr) < 0.5
    assert of["convolutional", False].psnr - of["convolutional", True].psnr > 1
    assert of["dense", True].examples.shape == (10, 28, 28, 1)


@pytest.mark.slow
def test_every_way_down_and_every_filter_count_is_tried(digits):
    preset = quick(get("article-notebook"))
    few = digits.first(400, 50)
    down = ways_down(preset, few, epochs=1)
    assert [trial.name for trial in down] == ["max", "average", "sum", "stride", "valid"]
    assert len({trial.psnr for trial in down}) == 5
    trials = filter_study(preset, few, filters=((2, 2, 2), (16, 8, 8)), epochs=3)
    assert [trial.name for trial in trials] == ["2-2-2", "16-8-8"]
    assert trials[0].parameters < trials[1].parameters == 4385
    assert trials[0].psnr < trials[1].psnr


@pytest.mark.slow
def test_one_digit_is_told_from_all_others(digits):
    preset = get("detector").changed(reconstruct=40, batch=16)
    odd, autoencoder, detector = odd_one(preset, digits, 1)
    assert odd.autoencoder > 0.9
    assert odd.pca > 0.9
    assert odd.isolation_forest > 0.9
    assert detector.reconstructor is autoencoder
    ones, others = digits.x_test[digits.y_test == 1], digits.x_test[digits.y_test != 1]
    assert np.median(detector.decision_function(others)) > np.median(
        detector.decision_function(ones)
    )
