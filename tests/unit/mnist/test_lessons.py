"""Lessons: two phases of one network, and scores of what comes out of noisy digits."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("keras", reason="learning needs the train extra")

from ruis.metrics.psnr import psnr
from ruis.mnist import lessons
from ruis.mnist.data import load, unit
from ruis.mnist.lessons import add_noise, entropy, score, teach
from ruis.mnist.presets import get


@pytest.fixture(scope="module")
def digits():
    return load().first(400, 60)


@pytest.fixture(scope="module")
def lesson(digits):
    preset = get("dense").with_settings({"hidden": [64], "batch": 16, "learning_rate": 3e-3})
    return teach(preset.changed(reconstruct=6, denoise=8), digits, seed=1)


def test_both_phases_teach_one_network(lesson):
    assert [epoch.epoch for epoch in lesson.reconstructing] == list(range(1, 7))
    assert [epoch.epoch for epoch in lesson.denoising] == list(range(7, 15))
    assert lesson.reconstructing[-1].loss < lesson.reconstructing[0].loss
    assert lesson.autoencoder.history == [*lesson.reconstructing, *lesson.denoising]
    assert lesson.images == 320  # a fifth is held out
    assert lesson.seconds > 0


def test_the_denoised_digits_are_closer_to_the_clean_ones_than_the_noisy(lesson):
    scores = lesson.denoised
    assert scores.images == 60
    assert scores.noisy_psnr == pytest.approx(11, abs=0.5)
    assert scores.psnr > scores.noisy_psnr + 1


def test_scores_are_of_the_output_on_the_noisy_digits(digits, lesson):
    """The mistake of the article: a figure of "denoised" digits that were never noisy."""
    clean = unit(digits.x_test)
    noisy = add_noise(clean, lesson.preset.noise, lesson.seed)
    predict = lesson.autoencoder.predict
    right = np.mean([psnr(c, np.clip(d, 0, 1)) for c, d in zip(clean, predict(noisy), strict=True)])
    wrong = np.mean([psnr(c, np.clip(d, 0, 1)) for c, d in zip(clean, predict(clean), strict=True)])
    assert lesson.denoised.psnr == pytest.approx(right, abs=1e-4)
    assert abs(wrong - right) > 0.1, "else this test could not tell them apart"
    given = []
    score(lambda images: given.append(images) or images, clean, noisy)
    assert np.array_equal(given[0], noisy)


def test_noise_is_drawn_once_and_differs_from_set_to_set():
    clean = unit(load().x_test[:50])
    noisy = add_noise(clean, "gaussian:0.4+clip", 1)
    assert np.array_equal(noisy, add_noise(clean, "gaussian:0.4+clip", 1))
    assert not np.array_equal(noisy, add_noise(clean, "gaussian:0.4+clip", 2))
    assert not np.array_equal(noisy, add_noise(clean, "gaussian:0.4+clip", 1, lessons.TRAIN))
    assert noisy.min() == 0
    assert noisy.max() == 1
    plain = add_noise(clean, "gaussian:0.4", 1)
    assert (plain - clean).std() == pytest.approx(0.4, rel=0.02)


def test_the_cross_entropy_has_a_floor_that_a_perfect_result_reaches():
    clean = unit(load().x_test)
    perfect = score(lambda images: images, clean[:50], clean[:50])
    assert perfect.loss == pytest.approx(entropy(clean[:50]))
    assert 0.05 < entropy(clean) < 0.065
    assert entropy(np.rint(clean)) == pytest.approx(0, abs=1e-5)


def test_the_loss_is_that_of_keras(lesson, digits):
    import keras

    clean = unit(digits.x_test)
    made = lesson.autoencoder.predict(clean)
    theirs = float(np.mean(keras.losses.binary_crossentropy(clean, made)))
    assert score(lambda images: made, clean, clean).loss == pytest.approx(theirs, rel=1e-4)


def test_a_lesson_is_saved_with_all_that_made_it(lesson, tmp_path):
    saved = lesson.save(tmp_path / "digits.ruis")
    assert saved.manifest.noise == "gaussian:sigma=0.4+clip"
    assert saved.manifest.training.recipe["reconstruct"] == 6
    assert saved.manifest.data[0].images == 400
    assert "MNIST" in saved.card
