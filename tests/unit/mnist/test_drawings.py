"""The figures show what they are said to show: the denoised row above all."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("keras", reason="networks need the train extra")
pytest.importorskip("matplotlib", reason="figures need the mnist extra")

from PIL import Image

from ruis import figures
from ruis.autoencoder import Autoencoder, Fitted
from ruis.metrics.psnr import psnr
from ruis.metrics.ssim import ssim
from ruis.mnist import drawings, texts
from ruis.mnist.data import load, unit
from ruis.mnist.experiments import Odd, Stacked
from ruis.mnist.lessons import Lesson, add_noise
from ruis.mnist.presets import get
from ruis.mnist.results import Oddities
from ruis.study import Trial

SMALL = {"filters": (4, 2, 2)}
EN, NL = texts.get("en"), texts.get("nl")

LEVELS = 2.0
"""Of 256: by so much may a gray scale round."""


@pytest.fixture(scope="module")
def digits():
    return load().first(10, 100)


@pytest.fixture(scope="module")
def lesson(digits):
    """A lesson whose network still has its first weights: what it makes of digits is its own."""
    preset = get("article-notebook").with_settings(SMALL)
    autoencoder = Autoencoder(preset.architecture, seed=3)
    clean = unit(digits.x_test[:10])
    epochs = [Fitted(n, 0.5 / n, 0.6 / n, 10.0 + n, 0.25) for n in (1, 2, 3)]
    return Lesson(
        preset,
        3,
        autoencoder,
        tuple(epochs[:1]),
        tuple(epochs[1:]),
        None,
        None,
        clean,
        autoencoder.predict(clean),
        8,
        2,
        0.0583,
    )


def pictures(figure):
    """Return the pictures of a figure as they are in its file, (N, rows, columns), 0 to 255."""
    coded = re.findall(r"<image[^>]*base64,([^\"]*)\"", figures.to_svg(figure), re.DOTALL)
    opened = [Image.open(io.BytesIO(base64.b64decode(one))) for one in coded]
    return np.stack([np.asarray(one.convert("L"), np.float32) for one in opened])


def as_drawn(images):
    return np.clip(images[..., 0], 0, 1) * 255


def words(figure):
    return re.findall(r"<text[^>]*>([^<]*)</text>", figures.to_svg(figure))


def test_the_denoised_row_is_the_output_on_the_noisy_digits(lesson):
    """The mistake of the article: its "denoised" digits came from clean ones."""
    predict, clean = lesson.autoencoder.predict, lesson.originals
    noisy = add_noise(clean, lesson.preset.noise, lesson.seed)
    shown = pictures(drawings.of_lesson(lesson, EN)["denoised"])
    right, wrong = as_drawn(predict(noisy)), as_drawn(predict(clean))
    assert shown.shape == (20, 28, 28)
    np.testing.assert_allclose(shown[:10], as_drawn(noisy), atol=LEVELS)
    np.testing.assert_allclose(shown[10:], right, atol=LEVELS)
    for drawn, mistaken in zip(shown[10:], wrong, strict=True):
        assert np.abs(drawn - mistaken).max() > 3, "else this test could not tell them apart"


def test_the_network_is_given_the_noisy_digits_to_denoise(lesson, monkeypatch):
    given = []
    predict = lesson.autoencoder.predict

    def watched(images):
        given.append(images)
        return predict(images)

    monkeypatch.setattr(lesson.autoencoder, "predict", watched)
    drawings.of_lesson(lesson, EN)
    (images,) = given
    noisy = add_noise(lesson.originals, lesson.preset.noise, lesson.seed)
    assert np.array_equal(images, noisy)


def test_the_scores_below_are_those_of_the_pictures(lesson):
    clean = lesson.originals
    noisy = add_noise(clean, lesson.preset.noise, lesson.seed)
    made = lesson.autoencoder.predict(noisy)
    found = words(drawings.denoised(NL, clean, noisy, made))
    assert {"met ruis", "ontruist"} <= set(found)
    for images in (noisy, np.clip(made, 0, 1)):
        for c, image in zip(clean, images, strict=True):
            assert f"{NL.number(psnr(c, image), 1)} dB" in found
            assert NL.number(ssim(c, image), 2) in found


def test_what_lies_beyond_black_and_white_is_scored_as_it_is_seen(lesson):
    clean = lesson.originals
    found = words(drawings.denoised(EN, clean, clean * 0.5, 3 * clean - 1))
    limited = np.clip(3 * clean[0] - 1, 0, 1)
    assert f"{psnr(clean[0], limited):.1f} dB" in found


def test_the_reconstructed_row_is_the_output_on_the_clean_digits(lesson):
    figure = drawings.of_lesson(lesson, EN)["reconstructed"]
    shown = pictures(figure)
    np.testing.assert_allclose(shown[:10], as_drawn(lesson.originals), atol=LEVELS)
    np.testing.assert_allclose(shown[10:], as_drawn(lesson.reconstructions), atol=LEVELS)
    assert {"clean", "reconstruction"} <= set(words(figure))
    assert sum(text.endswith(" dB") for text in words(figure)) == 10, "none below the clean ones"


def test_a_lesson_of_one_phase_has_no_figures_of_the_other(lesson):
    reconstructing = replace(lesson, denoising=())
    denoising = replace(lesson, reconstructing=(), reconstructions=None)
    assert drawings.of_lesson(reconstructing, EN).keys() == {
        "loss",
        "psnr",
        "time",
        "reconstructed",
    }
    assert drawings.of_lesson(denoising, EN).keys() == {"loss", "psnr", "time", "noisy", "denoised"}
    assert [name for name, _ in drawings.phases(reconstructing)] == ["reconstruct"]
    assert [name for name, _ in drawings.phases(denoising)] == ["denoise"]


def spied(monkeypatch, name):
    """Note what a figure is made of, and make it."""
    calls = []
    draw = getattr(figures, name)

    def drawn(*given, **more):
        calls.append((given, more))
        return draw(*given, **more)

    monkeypatch.setattr(figures, name, drawn)
    return calls


def test_the_curves_are_the_epochs_of_both_phases(lesson, monkeypatch):
    calls = spied(monkeypatch, "curves")
    drawings.of_lesson(lesson, EN)
    ((losses, *_), floor), ((quality, *_), _), ((by_time, *_), _) = calls
    assert losses["reconstructing: training"] == ([1], [0.5])
    assert losses["denoising: training"] == ([2, 3], pytest.approx([0.25, 0.5 / 3]))
    assert losses["denoising: validation"] == ([2, 3], pytest.approx([0.3, 0.2]))
    assert floor["levels"] == {"floor": lesson.floor}
    assert quality == {"reconstructing": ([1], [11]), "denoising": ([2, 3], [12, 13])}
    assert by_time["reconstructing"] == ([0.25], [11])
    assert by_time["denoising"] == (pytest.approx([0.5, 0.75]), [12, 13])


def test_another_loss_has_no_such_floor(lesson, monkeypatch):
    calls = spied(monkeypatch, "curves")
    squared = lesson.preset.changed(loss="mean_squared_error")
    drawings.of_lesson(replace(lesson, preset=squared), EN)
    assert calls[0][1]["levels"] is None


def test_each_bar_is_the_network_that_it_is_called_after(digits, monkeypatch):
    calls = spied(monkeypatch, "bars")
    examples = np.random.default_rng(0).random((4, 10, 28, 28, 1), dtype=np.float32)
    stacked = tuple(
        Stacked(name, mixed, 9, 1, 1.0, 10.0 + place, 0.5, examples[place])
        for place, (mixed, name) in enumerate(
            (mixed, name) for mixed in (False, True) for name in ("dense", "convolutional")
        )
    )
    drawn = drawings.of_stacked(stacked, digits, 5, NL)
    ((groups, _), _) = calls[0]
    assert groups == {
        NL.words.plain: {NL.words.dense: 10, NL.words.convolutional: 11},
        NL.words.shuffled: {NL.words.dense: 12, NL.words.convolutional: 13},
    }
    np.testing.assert_allclose(
        pictures(drawn["stacked"]), as_drawn(examples.reshape(40, 28, 28, 1)), atol=LEVELS
    )
    plain, mixed = np.split(pictures(drawn["shuffled"]), 2)
    np.testing.assert_allclose(plain, digits.x_test[:10], atol=LEVELS)
    assert np.array_equal(np.sort(mixed.reshape(10, -1)), np.sort(plain.reshape(10, -1)))
    assert not np.array_equal(mixed, plain)


def test_only_the_normal_digit_is_called_normal():
    rng = np.random.default_rng(0)
    images, again, heat = rng.random((3, 10, 28, 28), dtype=np.float32)
    odd = Oddities(Odd(7, 0.9, 0.8, 0.7, 1.0), images, again, heat, rng.random(5), rng.random(9),
                   0.4, 0.05)  # fmt: skip
    drawn = drawings.of_oddities(odd, EN)
    captions = words(drawn["heat"])
    assert captions.count("normal") == 1
    assert captions[captions.index("normal") - 1] == "7"
    assert captions.count("unusual") == 9
    np.testing.assert_allclose(pictures(drawn["again"])[10:], again * 255, atol=LEVELS)
    assert {"normal", "unusual", "threshold", "score"} <= set(words(drawn["scores"]))


def test_the_wanted_quality_is_written_as_the_language_writes_it():
    trials = (Trial("2-1-1", 90, 0.1, 1.0, 0.2, 15.0), Trial("4-2-2", 341, 0.2, 2.0, 0.1, 17.0))
    found = words(drawings.of_trials(trials, 16.5, "4-2-2", NL))
    assert {"2-1-1", "4-2-2", "16,5 dB"} <= set(found)
