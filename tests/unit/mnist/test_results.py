"""What the report tells is computed once, and is what it is said to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("keras", reason="learning needs the train extra")
pytest.importorskip("sklearn", reason="the other detectors need the mnist extra")

from ruis.autoencoder import Autoencoder
from ruis.errors import EmptyDatasetError
from ruis.mnist.data import load, unit
from ruis.mnist.experiments import odd_one
from ruis.mnist.lessons import add_noise
from ruis.mnist.presets import get
from ruis.mnist.results import Amount, compute, looks, oddities, steps

AMOUNT = Amount(dense=1, stacking=1, study=1, shares=(0.5, 0.6), anomaly=1)


@pytest.fixture(scope="module")
def digits():
    return load().first(400, 62)  # the least that has all ten to test with


@pytest.fixture(scope="module")
def preset():
    return get("article-notebook").with_settings(
        {"filters": (4, 2, 2), "batch": 32, "reconstruct": 1, "denoise": 1}
    )


@pytest.fixture(scope="module")
def results(digits, preset):
    """Everything, but little of it."""
    parts = []
    told = []

    def progress(part):
        parts.append(part)
        return lambda report: told.append((part, report.fraction))

    found = compute(preset, digits, amount=AMOUNT, digit=7, seed=2, progress=progress)
    assert parts == ["lesson", "study", "dense", "stacking", "anomaly"]
    assert {part for part, _ in told} == set(parts)
    return found


@pytest.mark.slow
def test_the_denoised_digits_are_the_output_on_the_noisy_ones(results, digits, preset):
    """The mistake of the article: its "denoised" digits came from clean ones."""
    clean = unit(digits.x_test)
    predict = results.lesson.autoencoder.predict
    assert np.array_equal(results.noisy, add_noise(clean, preset.noise, 2)[:10])
    np.testing.assert_allclose(results.denoised, predict(results.noisy), atol=1e-6)
    for made, wrong in zip(results.denoised, predict(clean[:10]), strict=True):
        assert np.abs(made - wrong).max() > 0.01, "else this test could not tell them apart"


@pytest.mark.slow
def test_every_part_is_as_large_as_was_asked_for(results, preset):
    assert [trial.name for trial in results.trials] == ["2-1-1"], (
        "0.5 and 0.6 of 4-2-2 are the same"
    )
    assert results.wanted == results.trials[0].psnr - 0.5
    assert len(results.dense.reconstructing) == 1
    assert results.dense.denoised is None
    assert results.hidden is None
    assert [one.epochs for one in results.stacked] == [1] * 4
    assert results.lesson.preset == preset
    assert results.looks.digit == results.odd.odd.digit == 7
    assert results.seconds > results.lesson.seconds > 0


@pytest.mark.slow
def test_one_digit_of_each_kind_is_scored(results, digits):
    odd = results.odd
    for number, image in enumerate(odd.images):
        first = digits.x_test[digits.y_test == number][0]
        assert np.array_equal(image, unit(first[None])[0, ..., 0])
    assert len(odd.normal) == (digits.y_test == 7).sum()
    assert len(odd.normal) + len(odd.unusual) == 62
    assert odd.again.shape == odd.heat.shape == (10, 28, 28)
    assert 0 <= odd.above <= 0.5


def test_what_a_filter_finds_is_where_it_fits(digits, preset):
    autoencoder = Autoencoder(preset.architecture, seed=4)
    looked = looks(autoencoder, digits, 3)
    assert np.array_equal(looked.image, unit(digits.x_test[digits.y_test == 3][:1])[0])
    assert looked.layer == "down1"
    assert looked.kernels.shape == (3, 3, 1, 4)
    kernel = looked.kernels[..., 0, looked.best]
    around = np.pad(looked.image[..., 0], 1)
    row, column = 13, 11
    by_hand = (around[row : row + 3, column : column + 3] * kernel).sum()
    assert looked.match[row, column] == pytest.approx(by_hand, abs=1e-5)
    assert sum(looked.weights.values()) == autoencoder.model.count_params()
    assert {"down1", "pool1"} <= looked.maps.keys()
    assert looked.maps["down1"].shape == (28, 28, 4)


def test_the_steps_are_those_of_one_map(digits, preset):
    made = steps(looks(Autoencoder(preset.architecture, seed=4), digits, 4))
    assert made.same.shape == (28, 28)
    np.testing.assert_allclose(made.valid, made.same[1:-1, 1:-1], atol=1e-5)
    assert {n: one.shape for n, one in made.strides.items()} == {1: (28, 28), 2: (14, 14), 3: (10, 10)}  # fmt: skip
    assert (made.same < 0).any()
    np.testing.assert_array_equal(made.rectified, np.maximum(made.same, 0))
    windows = made.rectified.reshape(14, 2, 14, 2).swapaxes(1, 2).reshape(14, 14, 4)
    np.testing.assert_allclose(made.pooled["max"], windows.max(axis=2), atol=1e-6)
    np.testing.assert_allclose(made.pooled["average"], windows.mean(axis=2), atol=1e-6)
    np.testing.assert_allclose(made.pooled["sum"], windows.sum(axis=2), atol=1e-5)
    assert (made.wrong, made.right) == (4, 1), "one value is in the window, and it is 1"


def test_a_network_without_filters_can_be_looked_into(digits):
    network = {"name": "dense-autoencoder", "size": (28, 28), "hidden": (16,)}
    looked = looks(Autoencoder(network), digits, 0)
    assert (looked.layer, looked.kernels, looked.match) == ("", None, None)
    assert steps(looked).valid.shape == (26, 26)


def test_a_digit_that_is_not_there_is_said_before_anything_is_taught(digits, preset):
    few = digits.first(400, 60)
    assert 8 not in few.y_test
    reason = "no 8 is among the 60 test images from package"
    with pytest.raises(EmptyDatasetError, match=reason):
        compute(preset, few, amount=AMOUNT)
    with pytest.raises(EmptyDatasetError, match=reason):
        oddities(get("detector"), few, 4)
    with pytest.raises(EmptyDatasetError, match=reason):
        looks(Autoencoder(preset.architecture), few, 8)


def test_a_digit_must_be_there_to_be_learnt(digits):
    without = replace(digits, y_train=np.where(digits.y_train == 4, 9, digits.y_train).astype("u1"))
    with pytest.raises(EmptyDatasetError, match="0 of the training images from package are a 4"):
        odd_one(get("detector"), without, 4)
