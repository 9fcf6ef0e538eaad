"""A comparison tells noise from scene in what was removed."""

from __future__ import annotations

import json

import numpy as np
import pytest

import ruis
from ruis.comparison import VERDICTS, compare, in_used_range, verdict_text
from ruis.errors import ChannelMismatchError, ConfigError
from ruis.image import Image, ImageInfo
from ruis.metrics.correlation import correlation
from ruis.metrics.structure import ALIKE, structure, structure_map


def image(unit: np.ndarray, colour: str = "gray") -> Image:
    pixels = unit.astype(np.float32)
    return Image(pixels, ImageInfo(pixels.dtype, (0.0, 1.0), colour=colour))


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    row, column = np.indices((240, 320), dtype=np.float32)
    light = 0.3 + 0.3 * row / 240 + 0.15 * ((row // 40 + column // 30) % 2)
    letters = 0.12 * (np.sin(row * 0.9) * np.sin(column * 1.3 + row * 0.1) > 0.4)
    return (light + letters * (column > 160))[..., None]


@pytest.fixture(scope="module")
def noisy(clean) -> np.ndarray:
    return clean + np.random.default_rng(0).normal(0, 0.06, clean.shape).astype(np.float32)


def smoothed(pixels: np.ndarray, times: int = 1) -> np.ndarray:
    """Blur by a binomial of five pixels along each axis: nearly a Gaussian of sigma 1."""
    for axis in (0, 1):
        for _ in range(times):
            taps = zip((1, 4, 6, 4, 1), range(-2, 3), strict=True)
            pixels = sum(tap / 16 * np.roll(pixels, step, axis) for tap, step in taps)
    return pixels


def test_noise_alone_is_good(clean, noisy):
    found = compare(image(noisy), image(clean))
    assert found.verdict == ("good",)
    assert found.structure < 0.01
    assert abs(found.correlation) < 0.02
    assert "evidence and no proof" in verdict_text(found)


def test_a_blur_removes_structure(noisy, clean):
    found = compare(image(noisy), image(smoothed(noisy)))
    assert found.verdict[0] == "structure-removed"
    assert found.correlation > 0.05


def test_the_map_shows_where(clean, noisy):
    half = np.where(np.arange(320)[None, :, None] > 160, smoothed(noisy), clean)
    found = structure_map(noisy, half)
    assert found.shape == (240, 320)
    assert (found[:, 175:] > ALIKE).mean() > 0.5
    assert (found[:, :145] > ALIKE).mean() < 0.01


def test_the_shipped_model_does_less_harm_than_a_blur(shared_data):
    denoiser = ruis.load("gray")
    for seed, path in enumerate(sorted((shared_data / "testsets" / "Set12").iterdir())[:3]):
        scene = ruis.read(path).pixels / np.float32(255)
        rough = scene + np.random.default_rng(seed).normal(0, 25 / 255, scene.shape)
        denoised = denoiser.denoise(rough.astype(np.float32)[..., 0])[..., None]
        assert structure(rough, denoised) < 0.5 * structure(rough, smoothed(rough))
        assert compare(image(rough), image(denoised)).verdict[0] == "good"
        assert compare(image(rough), image(smoothed(rough))).verdict[0] == "structure-removed"


def test_the_map_is_the_same_in_bands(noisy, clean, monkeypatch):
    whole = structure_map(noisy, smoothed(noisy))
    monkeypatch.setattr("ruis.metrics.structure.BAND", 320 * 11)
    np.testing.assert_allclose(structure_map(noisy, smoothed(noisy)), whole, atol=1e-4)


def test_a_shift_of_brightness_and_of_colours_is_told(clean, noisy):
    darker = compare(image(noisy), image(clean - 0.02))
    assert "brightness-shifted" in darker.verdict
    assert "darker by 5.1/255" in verdict_text(darker)
    colours = np.repeat(clean, 3, axis=2)
    rough = colours + np.random.default_rng(1).normal(0, 0.06, colours.shape)
    tinted = compare(image(rough, "rgb"), image(colours + np.float32([0.03, 0.0, -0.03]), "rgb"))
    assert tinted.colour_shift == pytest.approx(0.06, abs=0.002)
    assert "colour-shifted" in tinted.verdict
    assert "brightness-shifted" not in tinted.verdict


def test_noise_that_is_left_is_told(clean, noisy):
    assert "noise-left" in compare(image(noisy), image((noisy + clean) / 2)).verdict


def test_two_images_the_other_way_round_are_asked_about(clean, noisy):
    found = compare(image(clean), image(noisy))
    assert "noise-added" in found.verdict
    assert "in this order?" in verdict_text(found)


def test_nothing_removed(noisy):
    assert compare(image(noisy), image(noisy)).verdict == ("nothing-removed",)


def test_light_that_was_removed_is_something(noisy):
    found = compare(image(noisy), image(noisy + 20 / 255)).verdict
    assert "brightness-shifted" in found
    assert "nothing-removed" not in found
    colours = np.repeat(noisy, 3, axis=2)
    tinted = compare(image(colours, "rgb"), image(colours + np.float32([0.05, 0, -0.05]), "rgb"))
    assert "colour-shifted" in tinted.verdict


def test_with_the_clean_image_worse_is_worse(clean, noisy):
    found = compare(image(noisy), image(noisy[::-1]), image(clean))
    assert found.verdict[0] == "became-worse"
    assert "PSNR went from" in verdict_text(found)


def test_noise_that_was_correlated_is_not_called_structure(clean):
    blotched = clean + smoothed(np.random.default_rng(0).normal(0, 0.2, clean.shape))
    found = compare(image(blotched), image(clean))
    assert found.verdict == ("good", "not-white")


def test_the_document_has_codes_that_are_known(clean, noisy):
    document = compare(image(noisy), image(smoothed(noisy, 2))).to_json()
    json.dumps(document)
    assert set(document["verdict"]) <= set(VERDICTS)
    assert {"whiteness", "bias", "correlation", "structure", "colour_shift"} <= set(document)
    assert "psnr_after" not in document


def test_two_sizes_cannot_be_compared(noisy):
    with pytest.raises(ChannelMismatchError):
        compare(image(noisy), image(noisy[1:]))


@pytest.mark.parametrize("metric", [structure, correlation])
def test_metrics_refuse_what_they_cannot_compare(metric):
    with pytest.raises(ConfigError):
        metric(np.zeros((4, 4)), np.zeros((4, 5)))
    with pytest.raises(ConfigError):
        metric(np.zeros(4), np.zeros(4))
    assert metric(np.zeros((1, 1)), np.zeros((1, 1))) == 0


@pytest.mark.parametrize(("dtype", "share"), [(np.uint16, 0.03), (np.float32, 4000.0)])
def test_noise_is_told_of_the_part_of_the_range_that_is_used(clean, noisy, dtype, share):
    top = 65535.0 if dtype is np.uint16 else 1.0

    def stored(unit: np.ndarray) -> Image:
        pixels = unit * share * top
        pixels = np.clip(np.rint(pixels), 0, 65535) if dtype is np.uint16 else pixels
        return Image(pixels.astype(dtype), ImageInfo(np.dtype(dtype), (0.0, top)))

    units = (noisy, smoothed(noisy), clean)
    usual = compare(*map(image, units))
    images = in_used_range(*map(stored, units))
    found = compare(*images)
    used = np.quantile(smoothed(noisy), 0.999)  # the denoised one decides
    assert images[0].info.data_range[1] == pytest.approx(used * share * top, rel=0.05)
    assert found.sigma_before == pytest.approx(usual.sigma_before / used, rel=0.05)
    assert found.bias == pytest.approx(usual.bias / used, abs=0.002)
    assert found.verdict == usual.verdict
    assert found.psnr_after == pytest.approx(usual.psnr_after + 20 * np.log10(used), abs=0.3)


def test_a_range_that_is_used_stays(clean, noisy):
    dark = Image(np.full((8, 8, 1), 9, np.uint8), ImageInfo(np.dtype(np.uint8), (0.0, 255.0)))
    wild = image(clean + np.random.default_rng(1).normal(0, 0.5, clean.shape))
    assert wild.pixels.max() > 2  # noise goes beyond white, the scene does not
    for images in ([image(noisy)], [dark, dark], [wild, image(clean)]):
        assert in_used_range(*images) == images


def test_floats_beside_integers_are_in_their_unit(clean, noisy):
    def whole(unit: np.ndarray) -> Image:
        pixels = np.clip(np.rint(4095 * unit), 0, 65535).astype(np.uint16)
        return Image(pixels, ImageInfo(pixels.dtype, (0.0, 65535.0)))

    counts = image(np.rint(4095 * clean))
    both = compare(*in_used_range(whole(noisy), counts))
    assert both.verdict == ("good",)
    reversed_kinds = in_used_range(image(4095 * noisy), whole(clean))
    assert compare(*reversed_kinds).sigma_before == pytest.approx(both.sigma_before, rel=0.02)


def test_what_fits_files_call_white_is_the_same_before_and_after(clean, noisy):
    """The power of two above nearly all pixels, or the largest of all: noise moves either."""

    def stored(unit: np.ndarray, dtype: str, white: float) -> Image:
        pixels = (3500 * unit).astype(dtype)
        info = ImageInfo(pixels.dtype, (0.0, white), format="fits", range_from_pixels=True)
        return Image(pixels, info)

    usual = compare(image(noisy), image(clean))
    for dtype, before, after in (("float32", 4096.0, 2048.0), ("int16", 4012.0, 3120.0)):
        images = in_used_range(stored(noisy, dtype, before), stored(clean, dtype, after))
        found = compare(*images)
        assert {one.info.data_range for one in images} == {(0.0, before)}
        assert found.verdict == usual.verdict == ("good",)
        assert found.bias == pytest.approx(usual.bias * 3500 / before, abs=1e-4)


@pytest.mark.parametrize("size", [64, 256])
def test_on_a_flat_field_what_is_left_of_noise_is_no_scene(size):
    noisy = np.random.default_rng(0).normal(0.5, 0.1, (size, size)).astype(np.float32)
    denoised = ruis.denoise(noisy)
    found = compare(image(noisy[..., None]), image(denoised[..., None]))
    assert found.correlation > 0.1  # of a rest that has no scene under it
    assert found.verdict == ("good",)
    blurred = compare(image(noisy[..., None]), image(smoothed(noisy, 2)[..., None]))
    assert "good" not in blurred.verdict


def test_images_in_different_units_are_refused(clean, noisy):
    low = (4095 * noisy.clip(0, 1)).astype(np.uint16)
    low16 = Image(low, ImageInfo(low.dtype, (0.0, 65535.0)))
    with pytest.raises(ConfigError, match="times as bright"):
        in_used_range(low16, image(clean))
    with pytest.raises(ConfigError, match="times as bright"):
        in_used_range(image(noisy), image(1000 * clean))


@pytest.mark.parametrize("strength", [0.3, 0.5, 0.7, 0.9])
def test_noise_that_is_left_on_purpose_is_not_taken_for_the_scene(clean, noisy, strength):
    found = compare(image(noisy), image(noisy + strength * (clean - noisy)))
    assert "structure-removed" not in found.verdict
    assert found.structure < 0.05
    assert ("noise-left" in found.verdict) == (strength <= 0.7)


def test_with_half_the_strength_of_a_blur_the_scene_is_still_missed(noisy):
    found = compare(image(noisy), image((noisy + 3 * smoothed(noisy, 4)) / 4))
    assert found.correlation > 0.08


@pytest.mark.parametrize("times", [12, 60])
def test_a_strong_blur_of_white_noise_is_never_good(shared_data, times):
    for name in sorted((shared_data / "testsets" / "BSD68").iterdir())[:24:8]:
        sharp = ruis.read(name).pixels[..., :1] / np.float32(255)
        rough = sharp + np.random.default_rng(1).normal(0, 15 / 255, sharp.shape).astype("f4")
        verdict = compare(image(rough), image(smoothed(rough, times))).verdict
        assert "good" not in verdict
        assert {"blurred", "structure-removed"} & {*verdict}
