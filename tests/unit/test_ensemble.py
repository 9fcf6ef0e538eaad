"""The mean over flips and turns."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

import ruis
from pictures import noise
from ruis.arrays import as_image
from ruis.denoiser import Denoiser
from ruis.errors import ConfigError
from ruis.metrics.psnr import psnr


def learnt(model, **recipe):
    training = model.manifest.training.model_copy(update={"recipe": recipe})
    return replace(model, manifest=model.manifest.model_copy(update={"training": training}))


def test_an_ensemble_is_the_mean_of_eight(small_model):
    model = learnt(small_model(), patch=96)
    noisy = noise(64, 128)  # sizes that no mirrored border is added to
    each = []
    for quarter in range(4):
        for seen in (noisy, noisy[:, ::-1]):
            denoised = Denoiser(model, precision="f32").denoise(np.rot90(seen, quarter))
            back = np.rot90(denoised, -quarter)
            each.append(back if seen is noisy else back[:, ::-1])
    ensemble = Denoiser(model, precision="f32", ensemble=True)
    image, _ = as_image(noisy)
    result = ensemble.run(image)
    assert np.std(each, axis=0).max() > 1e-3
    assert result.image.pixels[..., 0] == pytest.approx(np.mean(each, axis=0), abs=1e-6)
    assert result.record(given=False, strength=1.0).endswith("strength 1, self-ensemble")
    again = pickle.loads(pickle.dumps(ensemble)).denoise(noisy)
    assert np.array_equal(again, result.image.pixels[..., 0])


def test_the_tile_does_not_matter_to_an_ensemble(small_model):
    model, noisy = learnt(small_model(), patch=96), noise(133, 210, 3)
    whole, tiled = (
        Denoiser(model, precision="f32", tile=tile, ensemble=True).denoise(noisy)
        for tile in (2000, 96)
    )
    assert np.abs(whole - tiled).max() < 1e-5


def test_an_ensemble_of_a_fixed_size_that_is_no_square_does_not_turn(small_model):
    model = learnt(small_model(name="dense-autoencoder", size=[16, 24], hidden=[12]), patch=16)
    noisy = noise(16, 24)
    each = [
        np.flip(Denoiser(model).denoise(np.flip(noisy, axes)), axes)
        for axes in ((), (0,), (1,), (0, 1))
    ]
    ensemble = Denoiser(model, ensemble=True).denoise(noisy)
    assert ensemble == pytest.approx(np.mean(each, axis=0), abs=1e-6)


@pytest.mark.parametrize("recipe", [{}, {"patch": 96, "turned": False}], ids=str)
def test_what_did_not_learn_turned_images_has_no_ensemble(small_model, recipe):
    with pytest.raises(ConfigError, match="did not learn from turned images"):
        Denoiser(learnt(small_model(), **recipe), ensemble=True)


def test_the_shipped_models_gain_from_an_ensemble(shared_data):
    clean = ruis.read(shared_data / "testsets" / "Set12" / "01.png").pixels / np.float32(255)
    noisy = clean + np.random.default_rng(0).normal(0, 25 / 255, clean.shape).astype(np.float32)
    once, eight = (
        psnr(clean, ruis.load("gray-fast", ensemble=ensemble).denoise(noisy))
        for ensemble in (False, True)
    )
    assert eight > once + 0.05
