import numpy as np
import pytest

from ruis import formats
from ruis.noise import parse
from ruis.noise.measure.correlation import Correlation, measure_correlation


def white(seed: int = 0, shape=(160, 160, 1)) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def shared_noise(pixels: np.ndarray) -> Correlation:
    return measure_correlation(list(np.moveaxis(pixels, -1, 0).astype(np.float32)))


def test_white_noise_is_nobodys_but_its_own():
    ramp = np.add.outer(np.arange(160), np.arange(160))[..., None] * 0.5
    assert shared_noise(ramp + white()).direction == "nowhere"


@pytest.mark.parametrize("length", [3, 5])
@pytest.mark.parametrize(("axis", "direction"), [(1, "horizontal"), (0, "vertical")])
def test_streaks_have_a_direction_and_a_reach(axis, direction, length):
    noise = sum(np.roll(white(), step, axis) for step in range(length))
    found = shared_noise(noise)
    assert found.direction == direction
    assert found.reach == length - 1


def test_rows_that_jump_are_shared_along_them():
    found = shared_noise(white(1, (160, 1, 1)) + 0.3 * white())
    assert found.direction == "horizontal"
    assert found.reach == 16


def test_blur_is_shared_everywhere():
    noise = white()
    noise = noise + np.roll(noise, 1, 0)
    assert shared_noise(noise + np.roll(noise, 1, 1)).direction == "everywhere"


@pytest.mark.parametrize("shape", [(8, 8, 1), (64, 64, 1)])
def test_images_without_noise_or_too_small_for_it_share_none(shape):
    assert shared_noise(np.zeros(shape)).direction == "nowhere"


def test_photographs_do_not_hide_how_noise_is_shared(shared_data):
    """The medians that decision 16 names: white noise, streaks over five pixels, a camera's."""
    rng = np.random.default_rng(0)
    found = {"white": [], "streaks": [], "camera": []}
    for path in sorted((shared_data / "train" / "bsds500").iterdir())[:12]:
        clean = formats.read(path).pixels.astype(np.float32) / 255
        one = rng.standard_normal(clean.shape)
        streaks = sum(np.roll(one, step, 1) for step in range(5)) / 5**0.5
        for name, noisy in (
            ("white", clean + 25 / 255 * one),
            ("streaks", clean + 25 / 255 * streaks),
            ("camera", parse("camera:gain=5e-3").add(clean, rng)),
        ):
            shared = shared_noise(noisy)
            found[name].append((shared.horizontal, shared.vertical))
    medians = {name: np.median(values, axis=0) for name, values in found.items()}
    assert medians["white"] == pytest.approx([0.03, 0.02], abs=0.03)
    assert medians["streaks"] == pytest.approx([0.79, 0.00], abs=0.05)
    assert medians["camera"] == pytest.approx([0.56, 0.51], abs=0.05)
