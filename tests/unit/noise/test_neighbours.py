import numpy as np
import pytest

from ruis.noise.neighbours import shared_noise


def white(seed: int = 0, shape=(160, 160, 1)) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def test_white_noise_is_nobodys_but_its_own():
    ramp = np.add.outer(np.arange(160), np.arange(160))[..., None] * 0.5
    assert shared_noise(ramp + white()).direction == "nowhere"


@pytest.mark.parametrize("length", [3, 5])
@pytest.mark.parametrize(("axis", "direction"), [(1, "horizontal"), (0, "vertical")])
def test_streaks_have_a_direction_and_a_reach(axis, direction, length):
    noise = sum(np.roll(white(), step, axis) for step in range(length))
    found = shared_noise(noise)
    assert found.direction == direction
    assert max(found.horizontal, found.vertical) == length - 1


def test_rows_that_jump_are_shared_along_them():
    found = shared_noise(white(1, (160, 1, 1)) + 0.3 * white())
    assert found.direction == "horizontal"
    assert found.horizontal == 16


def test_blur_is_shared_everywhere():
    noise = white()
    noise = noise + np.roll(noise, 1, 0)
    assert shared_noise(noise + np.roll(noise, 1, 1)).direction == "everywhere"


@pytest.mark.parametrize("shape", [(8, 8, 1), (64, 64, 1)])
def test_images_without_noise_or_too_small_for_it_share_none(shape):
    assert shared_noise(np.zeros(shape)).direction == "nowhere"
