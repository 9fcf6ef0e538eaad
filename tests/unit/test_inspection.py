"""An inspection names the noise and says what to do about it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

import ruis
from ruis import formats
from ruis.image import Image, ImageInfo, data_range_of
from ruis.inspection import examine, inspect
from ruis.inspection_text import paragraph, survey, survey_paragraph
from ruis.noise import parse

EIGHT = (np.dtype(np.uint8), (0.0, 255.0))


def image_of(unit: np.ndarray, colour: str = "gray", format: str | None = None) -> Image:
    pixels = np.rint(np.clip(unit, 0, 1) * 255).astype(np.uint8)
    return Image(pixels, ImageInfo(*EIGHT, colour=colour, format=format))


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    row, column = np.indices((360, 420), dtype=np.float32)
    light = 0.15 + 0.5 * row / 360 + 0.15 * ((row // 90 + column // 70) % 2)
    return light[..., None]


NOISES = {
    "white": "gaussian:15/255",
    "signal-dependent": "poisson-gaussian:gain=0.01,sigma=0.01",
    "impulses": "salt-and-pepper:0.03",
}


@pytest.mark.parametrize("kind", NOISES)
def test_the_kind_is_named(scene, kind):
    noisy = parse(NOISES[kind]).add(scene, np.random.default_rng(0))
    found = inspect(image_of(noisy))
    assert found.kind == kind
    assert found.model == "gray"


def test_colours_from_a_camera_are_named_so(scene):
    clean = np.repeat(scene, 3, axis=2)
    noisy = parse("camera").add(clean, np.random.default_rng(0))
    found = inspect(image_of(noisy, "rgb"))
    assert found.kind == "camera"
    coarse = 255 * found.sigma * found.coarse_ratio
    assert f"{coarse:.1f}/255 between squares of 2x2" in paragraph(found)
    assert "correlated-noise" in [one.code for one in found.prescription.warnings]


def test_noise_that_jpeg_hides_is_not_called_faint(shared_data):
    """Shots have 3 to 5 of 255; the means of many hardly any."""

    def faint(folder: str) -> int:
        files = sorted((shared_data / "real" / folder).iterdir())[::2]
        return sum(inspect(formats.read(one)).kind == "faint" for one in files)

    assert faint("noisy") <= 4
    assert faint("clean") >= 16


@pytest.mark.parametrize(
    ("direction", "shape"), [("horizontal", (360, 1, 1)), ("vertical", (1, 420, 1))]
)
def test_stripes_ask_for_a_mask(scene, direction, shape):
    rng = np.random.default_rng(0)
    noisy = scene + rng.normal(0, 8 / 255, shape) + rng.normal(0, 6 / 255, scene.shape)
    found = inspect(image_of(noisy))
    assert found.kind == "striped"
    assert found.prescription.objective == "noise-to-void"
    assert found.prescription.mask.startswith(f"{direction}:")
    assert not found.prescription.fits
    assert f"ruis train --noisy DIR --mask {found.prescription.mask} -o" in paragraph(found)


def test_an_image_without_noise_is_told_so(scene):
    found = inspect(image_of(scene))
    assert found.kind == "faint"
    assert "hardly any noise" in paragraph(found)


def test_a_jpeg_file_is_warned_of(scene):
    noisy = scene + np.random.default_rng(0).normal(0, 0.05, scene.shape)
    codes = [one.code for one in inspect(image_of(noisy, format="jpeg")).prescription.warnings]
    assert codes == ["jpeg"]


def test_the_spec_of_the_noise_is_one_that_training_takes(scene):
    for spec in NOISES.values():
        found = inspect(image_of(parse(spec).add(scene, np.random.default_rng(0))))
        assert parse(found.prescription.noise).name == parse(spec).name


def test_channels_are_measured_one_by_one():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1, (300, 300, 3)) * (0.02, 0.04, 0.08)
    found = inspect(image_of(0.5 + noise, "rgb"))
    assert found.sigma_per_channel == pytest.approx((0.02, 0.04, 0.08), rel=0.06)
    assert len(found.gain_per_channel) == len(found.offset_per_channel) == 3


def test_the_document_is_json_with_what_there_was_before(scene):
    document = inspect(image_of(scene)).to_json()
    json.dumps(document)
    kept = {
        *(
            "format",
            "rows",
            "columns",
            "channels",
            "colour",
            "alpha",
            "dtype",
            "data_range",
            "axes",
        ),
        *("metadata", "notes", "sigma", "sigma_per_channel", "model", "why"),
    }
    new = {"kind", "kinds", "gain", "offset", "stripes", "objective", "mask", "warnings", "bits"}
    assert kept | new <= set(document)


@pytest.mark.parametrize("shape", [(1, 1, 1), (4, 7, 3), (3, 900, 1), (40, 40, 4), (30, 30, 11)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.bool_])
def test_any_shape_can_be_inspected(shape, dtype):
    pixels = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    high = 1.0 if np.dtype(dtype).kind in "fb" else float(np.iinfo(dtype).max)
    found = inspect(Image(pixels, ImageInfo(np.dtype(dtype), (0.0, high), colour="channels")))
    assert np.isfinite(found.sigma)
    assert paragraph(found)


def test_values_that_are_no_numbers_do_not_end_it(scene):
    pixels = scene.copy()
    pixels[5, 5] = np.nan
    assert np.isfinite(inspect(Image(pixels, ImageInfo(pixels.dtype, (0.0, 1.0)))).sigma)


def test_24_megapixels_are_looked_at_in_windows():
    tile = np.random.default_rng(0).normal(0.5, 0.05, (500, 500, 3))
    large = np.tile(np.rint(255 * tile.clip(0, 1)).astype(np.uint8), (8, 12, 1))
    image = Image(large, ImageInfo(*EIGHT, colour="rgb"))
    begun = time.process_time()
    found = inspect(image)
    assert time.process_time() - begun < 4  # seconds of a processor; about one of them here
    assert found.sigma == pytest.approx(0.05, rel=0.05)


def test_the_window_that_is_shown_is_in_the_middle():
    rows, columns = np.indices((1200, 1600), np.float32)
    both = Image(
        np.stack([rows / 1200, columns / 1600, 0 * rows], axis=2),
        ImageInfo(np.dtype("f4"), (0.0, 1.0), colour="rgb"),
    )
    window = examine(both).window
    for channel in (0, 1):  # of four by four, one of the four in the middle
        assert 0.2 < window[..., channel].min() < window[..., channel].max() < 0.8


def test_a_folder_names_what_is_unlike(scene):
    rng = np.random.default_rng(0)
    found = {
        f"{place}.png": inspect(image_of(scene + rng.normal(0, sigma, scene.shape)))
        for place, sigma in enumerate([0.05, 0.05, 0.052, 0.048, 0.2])
    }
    found["5.png"] = inspect(image_of(parse("salt-and-pepper:0.05").add(scene, rng)))
    total = survey(found)
    assert total.images == 6
    assert "4.png" in total.outliers
    assert "1.png" not in total.outliers
    assert total.mixed
    words = survey_paragraph(total)
    assert "mixed" in words
    assert "4.png" in words


# -- natural images --------------------------------------------------------------------------------


def natural(shared_data: Path) -> list[np.ndarray]:
    """Photographs that no constant was chosen on: every second one of two collections."""
    paths = sorted((shared_data / "train" / "bsds500").iterdir())[10::20][::2]
    paths += sorted((shared_data / "testsets" / "Kodak24").iterdir())[1::4]
    images = [formats.read(path).pixels.astype(np.float32) / 255 for path in paths]
    return [pixels @ np.float32([[0.299], [0.587], [0.114]]) for pixels in images]


@pytest.mark.slow
@pytest.mark.parametrize("sigma", [5, 10, 25, 60])
def test_sigma_is_within_a_tenth_on_natural_images(shared_data, sigma):
    errors = []
    for seed, clean in enumerate(natural(shared_data)):
        noisy = clean + np.random.default_rng(seed).normal(0, sigma / 255, clean.shape)
        errors.append(abs(inspect(image_of(noisy)).sigma * 255 / sigma - 1))
    assert np.median(errors) < 0.08
    assert np.mean(np.array(errors) < 0.1) >= (0.75 if sigma == 5 else 0.95)


@pytest.mark.slow
@pytest.mark.parametrize(("gain", "sigma"), [(0.005, 0.01), (0.01, 0.02), (0.02, 0.05)])
def test_the_gain_is_within_15_percent_on_natural_images(shared_data, gain, sigma):
    noise, errors = parse(f"poisson-gaussian:gain={gain},sigma={sigma}"), []
    for seed, clean in enumerate(natural(shared_data)):
        found = inspect(image_of(noise.add(clean, np.random.default_rng(seed))))
        errors.append(abs(found.gain / gain - 1))
    assert np.median(errors) < 0.1
    assert np.mean(np.array(errors) < 0.15) >= 0.7


def test_the_example_photograph(repository):
    found = inspect(ruis.read(repository / "examples" / "coffee.png"))
    assert found.kind == "camera"
    assert found.model == "photo"


def test_noise_is_judged_by_the_part_of_the_range_that_is_used(scene):
    noisy = scene + np.random.default_rng(0).normal(0, 16 / 255, scene.shape)
    twelve = np.rint(2400 * np.clip(noisy, 0, 1.5)).astype(np.uint16)  # in the low end of 16 bits
    found = inspect(Image(twelve, ImageInfo(np.dtype(np.uint16), (0.0, 65535.0))))
    assert found.kind == "white"
    assert found.sigma < 1 / 255
    assert found.white is not None
    assert found.sigma_used == pytest.approx(found.sigma * 65535 / found.white)
    assert 2000 < found.white < 2600
    assert "of what is used of it" in paragraph(found)
    assert "hardly any" not in paragraph(found)
    usual = inspect(image_of(noisy))
    assert usual.white is None
    assert usual.sigma_used == usual.sigma


def low_end(unit: np.ndarray, dtype: str = "uint16", white: float = 2400) -> Image:
    """An image in the low end of what its dtype holds."""
    stored = np.rint(white * np.clip(unit, 0, 1.5)).astype(dtype)
    return Image(stored, ImageInfo(stored.dtype, data_range_of(dtype)))


@pytest.mark.parametrize("dtype", ["uint16", "int32"])
def test_noise_of_light_is_found_in_the_low_end_of_a_range(scene, dtype):
    noisy = parse("poisson-gaussian:gain=0.01,sigma=0.01").add(scene, np.random.default_rng(0))
    usual, found = inspect(image_of(noisy)), inspect(low_end(noisy, dtype))
    assert found.kind == "signal-dependent"
    used = found.sigma / found.sigma_used
    assert found.gain / used == pytest.approx(usual.gain * 2400 / found.white, rel=0.1)
    assert found.prescription.noise.startswith("poisson-gaussian:gain=0.0")
    parse(found.prescription.noise)


def test_stripes_are_found_in_the_low_end_of_a_range(scene):
    rng = np.random.default_rng(0)
    noisy = scene + rng.normal(0, 8 / 255, (360, 1, 1)) + rng.normal(0, 6 / 255, scene.shape)
    found = inspect(low_end(noisy))
    assert found.kind == "striped"
    assert found.stripes.rows / found.sigma == pytest.approx(8 / 6, rel=0.2)


def test_floats_beyond_white_are_not_clipped(scene):
    counts = np.random.default_rng(0).poisson(2 * scene + 0.5).astype(np.float32)
    found = inspect(Image(counts, ImageInfo(counts.dtype, (0.0, 1.0))))
    assert found.clipped_bright == 0
    assert found.clipped_dark > 0.1, "nothing is below zero: there it may be"


@pytest.mark.parametrize("rows", [5, 8, 9, 10])
def test_white_noise_is_white_in_a_narrow_strip_too(rows):
    noise = np.random.default_rng(0).normal(0.5, 0.1, (rows, 400, 3)).astype(np.float32)
    found = inspect(image_of(noise, "rgb"))
    assert found.kind == "white"
    assert found.model == "white-color"
