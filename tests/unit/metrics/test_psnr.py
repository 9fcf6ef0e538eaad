from __future__ import annotations

import math

import numpy as np
import pytest

from ruis.errors import ConfigError
from ruis.metrics.psnr import psnr


def test_known_figures():
    black = np.zeros((8, 8, 3), np.float32)
    assert psnr(black, black + np.float32(0.1)) == pytest.approx(20, abs=1e-5)
    assert psnr(black, black + 25.5, data_range=255) == pytest.approx(20, abs=1e-5)
    noise = np.random.default_rng(0).normal(0, 25, (500, 500))
    assert psnr(noise * 0, noise, data_range=255) == pytest.approx(20.17, abs=0.02)


def test_unsigned_values_do_not_wrap_around():
    one, two = np.full((4, 4), 10, np.uint8), np.full((4, 4), 20, np.uint8)
    assert psnr(one, two, 255) == psnr(two, one, 255) == pytest.approx(28.13, abs=0.01)


def test_identical_images_are_infinitely_close():
    assert psnr(np.ones((4, 4)), np.ones((4, 4))) == math.inf


def test_blocks_make_no_difference():
    rng = np.random.default_rng(0)
    one, two = rng.random((2, 1100, 1000), np.float32)
    error = np.mean((one.astype(np.float64) - two) ** 2)
    assert psnr(one, two) == pytest.approx(-10 * math.log10(error), abs=1e-9)


@pytest.mark.parametrize(
    ("one", "two", "data_range"),
    [((4, 4), (4, 5), 1), ((4, 4, 1), (4, 4), 1), ((0, 4), (0, 4), 1), ((4, 4), (4, 4), 0)],
)
def test_nonsense_is_refused(one, two, data_range):
    with pytest.raises(ConfigError):
        psnr(np.zeros(one), np.zeros(two), data_range)
