"""The exam of what ships: what is promised of every model for pictures."""

from __future__ import annotations

import numpy as np
import pytest

import ruis
from ruis import zoo
from ruis.arrays import as_image

SMOOTHERS = sorted(set(zoo.SHIPPED) - {"documents"})
"""The models for pictures: `documents` is for pages of print."""

TOLD = [name for name in SMOOTHERS if zoo.find(name).architecture.takes_sigma]

SIGMA = 25 / 255


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    """Return waves and edges: shape (128, 128, 3), float32, 0.1..0.9."""
    rows, columns = np.mgrid[:128, :128] / 128
    waves = 0.5 + 0.2 * np.sin(9 * rows + 4 * columns) + 0.15 * np.sin(14 * columns)
    tiles = (rows * 4 % 1 > 0.5) ^ (columns * 3 % 1 > 0.5)
    return np.stack([waves, 0.5 + 0.2 * tiles, 0.3 + 0.4 * rows], axis=2).astype(np.float32)


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    """Return white Gaussian noise of sigma 25/255 in the shape of the scene."""
    drawn = np.random.default_rng(5).normal(0, SIGMA, (128, 128, 3))
    return drawn.astype(np.float32)


def of(name: str, pixels: np.ndarray) -> np.ndarray:
    """Return as many channels as a model takes."""
    return pixels[..., 0] if zoo.find(name).architecture.channels == 1 else pixels


def share(removed: np.ndarray, noise: np.ndarray) -> float:
    """Return which part of the noise is in what was removed."""
    return float(np.vdot(removed, noise) / np.vdot(noise, noise))


@pytest.mark.parametrize("name", SMOOTHERS)
def test_a_shipped_model_takes_out_most_of_white_noise_and_nothing_else(name, scene, noise):
    denoised = ruis.load(name).denoise(of(name, scene + noise))
    left = denoised - of(name, scene)
    assert left.std() < 0.5 * SIGMA
    assert abs(left.mean()) < 0.01 * SIGMA + 0.001


@pytest.mark.parametrize("part", [0.4, 0.6, 0.8])
@pytest.mark.parametrize("name", TOLD)
def test_told_a_part_of_sigma_it_takes_that_part_and_leaves_the_rest(name, part, scene, noise):
    noisy = of(name, scene + noise)
    removed = noisy - ruis.load(name).denoise(noisy, sigma=part * SIGMA)
    assert share(removed, of(name, noise)) == pytest.approx(part**2, abs=0.1)


@pytest.mark.parametrize("name", TOLD)
def test_told_what_there_is_it_holds_nothing_back(name, scene, noise):
    image, _ = as_image(of(name, scene + noise))
    told, blind = (ruis.load(name).run(image, sigma=sigma) for sigma in (SIGMA, None))
    assert not told.notes
    errors = [
        np.square(one.image.pixels - of(name, scene).reshape(image.pixels.shape)).mean()
        for one in (told, blind)
    ]
    assert errors[0] < 1.05 * errors[1]


@pytest.mark.parametrize("name", TOLD)
def test_told_more_it_takes_more(name, scene, noise):
    noisy, denoiser = of(name, scene + noise), ruis.load(name)
    told = [
        float(np.std(noisy - denoiser.denoise(noisy, sigma=times * SIGMA)))
        for times in (0.25, 0.5, 0.75, 1.0)
    ]
    assert told == sorted(told)
