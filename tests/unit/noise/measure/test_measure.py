"""Each measurement finds what was put in, and does not find what was not."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from ruis.noise import parse
from ruis.noise.measure.correlation import measure_correlation
from ruis.noise.measure.finest import finest
from ruis.noise.measure.impulses import impulse_share
from ruis.noise.measure.jpeg_blocks import measure_blocks
from ruis.noise.measure.levels import measure_levels
from ruis.noise.measure.signal import measure_signal_dependence
from ruis.noise.measure.stripes import measure_stripes

SIZE = (400, 480)


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    """Smooth light and shade, edges, and texture in a quarter of it; float32, (rows, columns)."""
    row, column = np.indices(SIZE, dtype=np.float32)
    light = 0.15 + 0.6 * (row / SIZE[0] + column / SIZE[1]) / 2
    light += 0.1 * ((row // 90 + column // 70) % 2)
    texture = 0.1 * np.sin(row * 1.1) * np.sin(column * 0.9 + row * 0.05)
    return np.where((row > 200) & (column > 240), light + texture, light).astype(np.float32)


def white(sigma: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, sigma / 255, SIZE).astype(np.float32)


def stored(pixels: np.ndarray) -> np.ndarray:
    return (np.rint(np.clip(pixels, 0, 1) * 255) / 255).astype(np.float32)


def compressed(pixels: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(np.rint(stored(pixels) * 255).astype(np.uint8)).save(
        buffer, "jpeg", quality=quality
    )
    return np.asarray(Image.open(buffer), np.float32) / 255


# -- the signal ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("gain", "sigma"), [(0.005, 0.01), (0.01, 0.02), (0.02, 0.04), (0.01, 0)])
def test_the_gain_is_found(scene, gain, sigma):
    noise = parse(f"poisson-gaussian:gain={gain},sigma={sigma}")
    found = measure_signal_dependence(
        [noise.add(scene[..., None], np.random.default_rng(1))[..., 0]]
    )
    assert found.gain == pytest.approx(gain, rel=0.15)
    assert found.sigma == pytest.approx(sigma, abs=0.015)


@pytest.mark.parametrize(("gain", "sigma"), [(0.02, 0.05), (0.02, 0.01), (0.05, 0.02)])
def test_strong_noise_tells_its_gain_closely(scene, gain, sigma):
    """Nearly all blocks hold noise alone then, and nearly all are looked at."""
    noise = parse(f"poisson-gaussian:gain={gain},sigma={sigma}")
    found = []
    for seed in range(6):
        noisy = noise.add(scene[:, :240, None], np.random.default_rng(seed))
        found.append(measure_signal_dependence([stored(noisy)[..., 0]]).gain)
    assert found == pytest.approx([gain] * 6, rel=0.12)


@pytest.mark.parametrize("sigma", [5, 25])
def test_noise_that_is_the_same_everywhere_has_no_gain(scene, sigma):
    found = measure_signal_dependence([scene + white(sigma)])
    assert found.gain == 0
    assert not found.depends
    assert found.sigma * 255 == pytest.approx(sigma, rel=0.1)


def test_an_image_of_one_brightness_tells_no_slope():
    found = measure_signal_dependence([0.5 + white(10)])
    assert found.gain == 0
    assert found.sigma * 255 == pytest.approx(10, rel=0.1)


@pytest.mark.parametrize("shape", [(5, 5), (15, 400), (40, 40)])
def test_a_small_image_tells_no_gain(shape):
    assert measure_signal_dependence([np.full(shape, 0.5, np.float32)]).gain == 0


# -- impulses --------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.005, 0.02, 0.1])
@pytest.mark.parametrize("sigma", [0, 10])
def test_impulses_are_counted(scene, share, sigma):
    noise = parse(f"salt-and-pepper:{share}")
    noisy = noise.add(stored(scene + white(sigma))[..., None], np.random.default_rng(2))[..., 0]
    assert impulse_share([noisy]) == pytest.approx(share, rel=0.35)


@pytest.mark.parametrize("share", [0.2, 0.3, 0.4, 0.5, 0.6])
@pytest.mark.parametrize("sigma", [0, 10])
def test_impulses_are_counted_where_most_pixels_have_one_beside_them(scene, share, sigma):
    noise = parse(f"salt-and-pepper:{share}")
    noisy = noise.add(stored(scene + white(sigma))[..., None], np.random.default_rng(2))[..., 0]
    assert impulse_share([noisy]) == pytest.approx(share, rel=0.2)


@pytest.mark.parametrize("sigma", [0, 5, 25, 60])
def test_noise_and_texture_are_no_impulses(scene, sigma):
    assert impulse_share([stored(scene + white(sigma))]) < 0.002


def test_no_pixel_of_one_value_is_an_impulse():
    assert impulse_share([np.zeros((20, 20), np.float32)]) == 0
    assert impulse_share([np.zeros((2, 9), np.float32)]) == 0


# -- stripes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("strength", [2, 5, 10])
@pytest.mark.parametrize("direction", ["horizontal", "vertical"])
def test_stripes_are_found_and_measured(scene, direction, strength):
    offsets = np.random.default_rng(3).normal(0, strength / 255, max(SIZE)).astype(np.float32)
    along = offsets[: SIZE[0], None] if direction == "horizontal" else offsets[None, : SIZE[1]]
    noisy = scene + along + white(8)
    found = measure_stripes([noisy], [noisy])
    assert found.direction == direction
    assert max(found.rows, found.columns) * 255 == pytest.approx(strength, rel=0.2)
    assert min(found.rows, found.columns) == 0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("sigma", [0, 5, 25, 60])
def test_white_noise_is_not_striped(scene, sigma, seed):
    noisy = stored(scene + white(sigma, seed))
    assert measure_stripes([noisy], [noisy]).direction is None


# -- neighbours ------------------------------------------------------------------------------------


def test_white_noise_is_not_shared(scene):
    found = measure_correlation([scene + white(15)])
    assert abs(found.horizontal) < 0.1
    assert abs(found.vertical) < 0.1
    assert found.map.shape == (33, 33)
    assert found.near.shape == (11, 11)
    assert found.near[5, 5] == found.map[16, 16] == 1
    assert (found.direction, found.reach) == ("nowhere", 0)


def test_noise_that_is_smeared_along_rows_is_alike_along_rows(scene):
    noise = white(30)
    smeared = (noise + np.roll(noise, 1, 1) + np.roll(noise, 2, 1)) / 3
    found = measure_correlation([scene + smeared])
    assert found.horizontal == pytest.approx(2 / 3, abs=0.1)
    assert abs(found.vertical) < 0.1
    assert found.length("horizontal") == 2
    assert found.length("vertical") == 0


def test_an_image_smaller_than_a_block_tells_nothing():
    found = measure_correlation([np.ones((9, 9), np.float32)])
    assert found.horizontal == 0
    assert found.near[5, 5] == 1
    assert (found.direction, found.reach) == ("nowhere", 0)


# -- JPEG ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quality", [20, 50, 75])
@pytest.mark.parametrize("offset", [(0, 0), (3, 5)])
def test_blocks_are_found_wherever_they_begin(scene, quality, offset):
    down, right = offset
    found = measure_blocks([compressed(scene + white(6), quality)[down:, right:]])
    assert found.found
    assert found.phase == ((-down) % 8, (-right) % 8)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("sigma", [0, 5, 25, 60])
def test_what_was_never_compressed_has_no_blocks(scene, sigma, seed):
    assert not measure_blocks([stored(scene + white(sigma, seed))]).found


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "bits"),
    [
        (lambda values: values.astype(np.uint16), 12),
        (lambda values: (values << 4).astype(np.uint16), 12),
        (lambda values: (values // 16 * 257).astype(np.uint16), 8),
        (lambda values: (values % 2 * 255).astype(np.uint8), 1),
        (lambda values: (values * 0).astype(np.uint8), 0),
    ],
)
def test_the_bits_that_are_used(make: Callable[[np.ndarray], np.ndarray], bits):
    assert measure_levels([make(np.arange(4096).reshape(64, 64))], (0.0, 65535.0)).bits == bits


def test_what_is_clipped():
    pixels = np.zeros((10, 10), np.uint8)
    pixels[:3] = 255
    found = measure_levels([pixels], (0.0, 255.0))
    assert (found.dark, found.bright) == (0.7, 0.3)
    assert measure_levels([pixels.astype(np.float32)], (0.0, 255.0)).bits is None


def test_floats_beyond_their_range_are_not_clipped():
    pixels = np.linspace(-1, 3, 100, dtype=np.float32).reshape(10, 10)
    found = measure_levels([pixels], (0.0, 1.0))
    assert (found.dark, found.bright) == (0, 0)
    clipped = measure_levels([pixels.clip(0, 1)], (0.0, 1.0))
    assert (clipped.dark, clipped.bright) == (0.25, 0.5)


def test_the_finest_part_keeps_noise_and_leaves_edges_out():
    step = np.where(np.arange(60) < 30, 0.2, 0.8).astype(np.float32) * np.ones((60, 1), np.float32)
    assert not finest(step).any()
    noise = np.random.default_rng(0).normal(0, 0.01, step.shape).astype(np.float32)
    assert finest(step + noise).std() == pytest.approx(0.01, rel=0.2)
