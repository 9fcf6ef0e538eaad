"""A glance at an image's noise decides as a look does, and looks where it cannot tell."""

from __future__ import annotations

import numpy as np
import pytest

from ruis import choice
from ruis.arrays import as_image
from ruis.choice import FAINT, PLAIN, glance, look


def noisy(sigma: float, *, channels: int = 1, side: int = 512, dtype: str = "float32"):
    rng = np.random.default_rng(3)
    rows, columns = np.mgrid[:side, :side] / side
    clean = 0.5 + 0.2 * np.sin(9 * rows) * np.cos(7 * columns)
    pixels = clean[..., None] + rng.normal(0, sigma, (side, side, channels))
    if dtype == "uint8":
        pixels = np.rint(pixels * 255).clip(0, 255)
    return as_image(
        pixels.astype(dtype), data_range=255 if dtype == "uint8" else 1, channel_axis=2
    )[0]


@pytest.fixture
def looks(monkeypatch):
    """How often an image was looked at."""
    calls = []
    monkeypatch.setattr(
        choice, "look", lambda image, **how: calls.append(how) or look(image, **how)
    )
    return calls


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [400, 900])
def test_noise_that_is_plain_needs_no_look(looks, dtype, channels, side):
    image = noisy(25 / 255, channels=channels, side=side, dtype=dtype)
    seen = glance(image)
    assert not looks
    assert seen.sigma == pytest.approx(look(image).sigma, rel=0.05)
    assert seen.brightest == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize("sigma", [0, 0.5 / 255, 1.5 / 255, 3 / 255])
def test_noise_that_may_be_faint_is_looked_at(looks, sigma):
    image = noisy(sigma)
    assert glance(image) == look(image, choosing=False)
    assert looks == [{"choosing": False}]


def test_noise_is_faint_beside_what_is_very_bright(looks):
    image = noisy(25 / 255)
    image.pixels[3, 5] = 60.0  # outside of all windows, as a star may be
    seen = glance(image)
    assert len(looks) == 1
    assert seen.brightest == 60
    assert seen.sigma / seen.brightest < FAINT


def test_integers_may_be_brighter_than_white(looks):
    ramp = np.linspace(100, 60_000, 512) * np.ones((512, 1))
    stored = ramp + np.random.default_rng(0).normal(0, 25, ramp.shape)
    image, _ = as_image(np.rint(stored).astype(np.uint16), data_range=1000)
    assert glance(image) == look(image, choosing=False)
    assert len(looks) == 1


def test_a_small_image_is_looked_at_as_a_whole(looks):
    glance(noisy(25 / 255, side=64))
    assert len(looks) == 1


def test_noise_in_a_corner_is_not_taken_for_that_of_the_image(looks):
    image = noisy(0.2 / 255)
    image.pixels[:60, :60] += np.random.default_rng(0).normal(0, 0.2, (60, 60, 1))
    assert glance(image).sigma < FAINT < PLAIN
