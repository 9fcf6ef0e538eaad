"""The noise is measured without the clean image."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from ruis.errors import ConfigError
from ruis.noise.blocks import freedom_of, noise_quantile, share_below
from ruis.noise.estimate import (
    estimate_channel_correlation,
    estimate_coarse_sigma,
    estimate_sigma,
)


def scene(rows: int, columns: int) -> np.ndarray:
    """Half of it sky, half of it texture, and edges."""
    row, column = np.indices((rows, columns), dtype=np.float32)
    sky = 0.6 + 0.2 * row / rows
    texture = 0.5 + 0.2 * np.sin(row * 1.1) * np.sin(column * 0.9 + row * 0.05)
    picture = np.where(row < rows / 2, sky, texture)
    return np.where((row // 50 + column // 70) % 2 == 0, picture, picture * 0.7).astype(np.float32)


def noise(shape: tuple[int, ...], sigma: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32) * np.float32(sigma)


@pytest.mark.parametrize("sigma", [1, 5, 15, 25, 60])
def test_white_noise_on_a_scene(sigma):
    clean = scene(321, 481)
    found = estimate_sigma(clean + noise(clean.shape, sigma / 255)) * 255
    assert found == pytest.approx(sigma, rel=0.05)


@pytest.mark.parametrize(
    ("shape", "tolerance"),
    [((5, 200), 0.2), ((28, 28), 0.1), ((30, 100), 0.1), ((64, 64), 0.05), ((1100, 1100), 0.02)],
)
def test_any_size_is_right_on_the_whole(shape, tolerance):
    found = [estimate_sigma(noise(shape, 0.1, seed)) for seed in range(20 if shape[0] < 99 else 2)]
    assert np.sqrt(np.mean(np.square(found))) == pytest.approx(0.1, rel=tolerance)


def test_channels_are_averaged_by_variance():
    sigmas = np.float32([0.03, 0.04, 0.12])
    found = estimate_sigma(noise((300, 300, 3), 1) * sigmas)
    assert found == pytest.approx(np.sqrt(np.mean(sigmas**2)), rel=0.04)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 1.0])
def test_what_channels_share_of_their_noise(share):
    own, common = noise((300, 300, 3), 0.1), noise((300, 300, 1), 0.1, seed=1)
    pixels = scene(300, 300)[..., None] + np.sqrt(1 - share) * own + np.sqrt(share) * common
    assert estimate_channel_correlation(pixels) == pytest.approx(share, abs=0.05)


def test_one_channel_or_no_noise_share_nothing():
    for pixels in (noise((90, 90), 0.1), noise((90, 90, 1), 0.1), np.zeros((90, 90, 3))):
        assert estimate_channel_correlation(pixels) == 0


def test_clipped_parts_do_not_count():
    clean = np.linspace(-1, 2, 500, dtype=np.float32) * np.ones((400, 1), np.float32)
    stored = np.rint(np.clip(clean + noise(clean.shape, 0.05), 0, 1) * 255) / 255
    assert estimate_sigma(stored.astype(np.float32)) == pytest.approx(0.05, rel=0.08)


def test_it_scales_with_the_pixels():
    pixels = scene(128, 128) + noise((128, 128), 0.1)
    assert estimate_sigma(pixels * 1000 + 7) == pytest.approx(
        1000 * estimate_sigma(pixels), rel=1e-3
    )


@pytest.mark.parametrize("pixels", [np.zeros((40, 40)), np.ones((4, 90)), np.full((1, 1, 3), 0.5)])
def test_nothing_is_nothing(pixels):
    assert estimate_sigma(pixels) == 0


def test_values_that_are_no_numbers_are_overlooked():
    pixels = noise((200, 200), 0.1)
    pixels[50:60, 50:60] = np.nan
    assert estimate_sigma(pixels) == pytest.approx(0.1, rel=0.05)


def test_a_large_image_is_sampled():
    pixels = np.broadcast_to(noise((1, 12_000, 1), 0.1), (9_000, 12_000, 3))  # 324 million values
    tracemalloc.start()
    estimate_sigma(pixels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50e6


@pytest.mark.parametrize(
    "pixels", [np.zeros((9, 9), np.uint8), np.zeros(9), np.zeros((1, 9, 9, 1))]
)
def test_what_is_no_float_image_is_refused(pixels):
    with pytest.raises(ConfigError, match="floats"):
        estimate_sigma(pixels)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_quantiles_and_shares_of_noise_are_inverse_and_are_those_of_chi_squared(share):
    freedom = freedom_of(12)
    end = noise_quantile(share, freedom)
    assert share_below(end, freedom) == pytest.approx(share, abs=1e-6)
    drawn = np.random.default_rng(0).chisquare(freedom, 200_000) / freedom
    assert np.mean(drawn <= end) == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize("value", [128, 250])
@pytest.mark.parametrize("width", [20, 40, 100])
def test_a_mat_around_an_image_hides_no_noise(value, width):
    clean = scene(321, 481)
    noisy = np.rint(255 * (clean + noise(clean.shape, 20 / 255)))
    framed = np.pad(noisy, width, constant_values=value).astype(np.float32) / 255
    assert estimate_sigma(framed) * 255 == pytest.approx(20, rel=0.05)
    assert estimate_coarse_sigma(framed) < 1.6 * estimate_sigma(framed)


def test_what_is_drawn_in_one_colour_has_no_noise():
    drawn = np.full((300, 400), 0.8, np.float32)
    drawn[40:60, 30:300] = 0.2
    drawn[100:250:20, 50:350] = drawn[100:250, 50:350:15] = 0.1
    assert estimate_sigma(drawn) < 1e-6


def test_a_few_equal_pixels_are_no_fill():
    clean = np.full((200, 200), 100, np.float32)
    faint = np.rint(clean + noise(clean.shape, 0.6))
    assert estimate_sigma(faint) == pytest.approx((0.6**2 + 1 / 12) ** 0.5, rel=0.1)
