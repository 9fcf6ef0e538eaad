"""People are warned before an evening is lost, and not otherwise."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as Pillow

from ruis import objectives, zoo
from ruis.caution import black_cautions, denoising_cautions, sigma_range, training_cautions
from ruis.dataset import Sample
from ruis.image import Image, ImageInfo, data_range_of
from ruis.inspection import inspect
from ruis.inspection_text import paragraph
from ruis.manifest import Manifest


def manifest(noise: str) -> Manifest:
    return Manifest(name="mine", architecture={"name": "unet"}, noise=noise)


def image(pixels: np.ndarray) -> Image:
    return Image(pixels, ImageInfo(pixels.dtype, data_range_of(pixels.dtype)))


def scene(seed: int = 0, shape: tuple[int, int] = (256, 320)) -> np.ndarray:
    row, column = np.indices(shape, dtype=np.float32)
    light = 0.2 + 0.4 * row / shape[0] + 0.2 * ((row // 60 + (column + 9 * seed) // 50) % 2)
    return light[..., None]


def stored(unit: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(unit, 0, 1) * 255).astype(np.uint8)


def codes(cautions: list) -> list[str]:
    return [one.code for one in cautions]


# -- denoising -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("noise", "sigma", "expected"),
    [
        ("gaussian:0..55/255", 25, []),
        ("gaussian:0..55/255", 60, []),
        ("gaussian:0..55/255", 80, ["noise-beyond-training"]),
        ("gaussian:20..30/255", 5, ["noise-below-training"]),
        ("1*gaussian:20..30/255|1*camera", 5, []),
        ("1*gaussian:20..30/255|1*camera", 80, ["noise-beyond-training"]),
        ("9*gaussian:sigma=0..55/255|1*poisson-gaussian:gain=0..0.02,sigma=0..0.05", 80,
         ["noise-beyond-training"]),
        ("pairs", 80, []),
    ],
)  # fmt: skip
def test_noise_unlike_what_was_learnt_is_told_of(noise, sigma, expected):
    noisy = image(stored(scene()))
    assert codes(denoising_cautions(manifest(noise), noisy, sigma / 255)) == expected


@pytest.mark.parametrize("name", sorted(zoo.SHIPPED))
def test_usual_images_give_no_reason(name):
    noisy = image(stored(scene()))
    assert not denoising_cautions(zoo.find(name).manifest, noisy, 20 / 255)


def test_floats_of_another_range_are_told_of():
    noisy = image(scene() * 4000)
    assert codes(denoising_cautions(manifest("gaussian:0..55/255"), noisy, 0.01)) == [
        "beyond-range"
    ]
    assert not denoising_cautions(manifest("gaussian:0..55/255"), image(scene() - 0.1), 0.01)


def test_floats_of_another_range_say_nothing_of_the_strength_of_the_noise():
    found = denoising_cautions(manifest("gaussian:0..55/255"), image(scene() * 4000), 20.0)
    assert codes(found) == ["beyond-range"]
    assert "--data-range" in found[0].text


def test_integers_beyond_a_range_that_was_said_are_told_of():
    counts = np.rint(scene() * 60000).astype(np.uint16)
    said = replace(image(counts), info=replace(image(counts).info, data_range=(0.0, 255.0)))
    learnt = manifest("gaussian:0..55/255")
    assert codes(denoising_cautions(learnt, said, 3.0)) == ["beyond-range"]
    assert "beyond-range" not in codes(denoising_cautions(learnt, image(counts), 0.05))


def test_signed_integers_whose_black_is_zero_are_told_of():
    counts = np.rint(scene() * 1000).astype(np.int16)
    learnt = manifest("gaussian:0..55/255")
    (found,) = denoising_cautions(learnt, image(counts), 0.01)
    assert (found.code, "--data-range 32767" in found.text) == ("black-below-zero", True)
    assert not denoising_cautions(learnt, image(counts * 40 - 20000), 0.01)  # around zero
    said = replace(image(counts).info, data_range=(0.0, 32767.0))
    assert codes(denoising_cautions(learnt, replace(image(counts), info=said), 0.01)) == []


@pytest.mark.parametrize(
    ("dtype", "least", "most", "expected"),
    [("int16", -1000, 1000, True), ("uint16", 32000, 34000, True), ("float32", -1000, 1000, True),
     ("uint16", 0, 4095, False), ("uint16", 20000, 60000, False), ("float32", 0, 1, False), ("uint8", 200, 215, False)],
)  # fmt: skip
def test_values_far_from_black_are_told_of(dtype, least, most, expected):
    pixels = (least + scene() * (most - least)).astype(dtype)
    found = black_cautions(image(pixels))
    assert codes(found) == ["black-elsewhere"] * expected
    if expected:
        ends = re.search(r"--data-range=(-?\d+),(-?\d+)", found[0].text)
        assert least - 1 <= int(ends[1]) < int(ends[2]) <= most
        assert "black-elsewhere" in codes(inspect(image(pixels)).prescription.warnings)
        assert "any scale" not in paragraph(inspect(image(pixels)))


def test_a_range_that_is_hardly_used_is_told_of():
    faint = image(np.rint(scene() * 500).astype(np.uint16))
    for sigma in (1e-3, 1e-9):  # no noise is weaker than what was learnt from none on
        found = denoising_cautions(manifest("gaussian:0..55/255"), faint, sigma)
        assert codes(found) == ["narrow-range"]


def test_the_range_of_a_noise():
    assert sigma_range("gaussian:25/255") == pytest.approx((25 / 255, 25 / 255))
    low, high = sigma_range("poisson-gaussian:gain=0..0.02,sigma=0..0.05")
    assert low < 0.03
    assert 0.08 < high < 0.13
    assert sigma_range("no noise that we know") is None


# -- training --------------------------------------------------------------------------------------


def noisy_samples(make, count: int = 12) -> list[Sample]:
    samples = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        samples.append(Sample(f"{seed}.png", None, stored(scene(seed) + make(rng))))
    return samples


def white(rng):
    return rng.normal(0, 0.06, (256, 320, 1))


def striped_rows(rng):
    return white(rng) + rng.normal(0, 0.06, (256, 1, 1))


def striped_columns(rng):
    return white(rng) + rng.normal(0, 0.06, (1, 320, 1))


def blotched(rng):
    noise = rng.normal(0, 0.2, (256, 320, 1))
    return sum(np.roll(noise, (i, j), (0, 1)) for i in range(3) for j in range(3)) / 9


@pytest.mark.parametrize(
    ("make", "objective", "expected"),
    [
        (white, "noise-to-void", []),
        (striped_rows, "noise-to-void", ["structured-noise"]),
        (striped_columns, "neighbour-to-neighbour", ["structured-noise"]),
        (striped_rows, {"name": "noise-to-void", "mask": "horizontal:8"}, []),
        (striped_rows, {"name": "noise-to-void", "mask": "vertical:8"}, ["structured-noise"]),
        (blotched, "noise-to-void", ["correlated-noise"]),
        (striped_rows, "noise-to-noise", []),
    ],
)
def test_structured_noise_before_a_blind_spot_training(make, objective, expected):
    found = training_cautions(noisy_samples(make), objectives.parse(objective))
    assert codes(found) == expected
    if expected == ["structured-noise"]:
        direction = "horizontal" if make is striped_rows else "vertical"
        assert f"hide them with --mask {direction}:16" in found[0].text


def test_few_images_are_told_of():
    samples = [Sample(str(i), stored(scene(i))) for i in range(9)]
    supervised = objectives.parse("supervised")
    assert codes(training_cautions(samples, supervised)) == ["few-images"]
    assert not training_cautions([*samples, Sample("9", stored(scene(9)))], supervised)
    assert "1 training image:" in training_cautions(samples[:1], supervised)[0].text


def test_clean_images_that_were_compressed_are_told_of():
    def compressed(seed: int) -> np.ndarray:
        buffer = io.BytesIO()
        grain = np.random.default_rng(seed).normal(0, 0.02, (256, 320, 1))
        Pillow.fromarray(stored(scene(seed) + grain)[..., 0]).save(buffer, "jpeg", quality=60)
        return np.asarray(Pillow.open(buffer))[..., None]

    samples = [Sample(f"{i}.jpg", compressed(i)) for i in range(10)]
    found = training_cautions(samples, objectives.parse("supervised"))
    assert codes(found) == ["jpeg-as-clean"]
    assert "0.jpg" in found[0].text


def test_small_images_do_not_end_it():
    samples = [Sample(str(i), None, np.full((9, 7, 3), i, np.uint8)) for i in range(10)]
    assert training_cautions(samples, objectives.parse("noise-to-void")) == []
