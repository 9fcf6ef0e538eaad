"""Intervals that hold the true value as often as they say, on images that they were not made of."""

from __future__ import annotations

import numpy as np
import pytest

import ruis
from ruis import model_file
from ruis.calibration import Calibration
from ruis.denoiser import Denoiser
from ruis.errors import (
    ChannelMismatchError,
    ConfigError,
    EmptyDatasetError,
    ModelCorruptError,
    UncalibratedError,
)
from ruis.evaluate import Pair, noisy_pairs
from ruis.image import Image, ImageInfo
from ruis.noise import parse
from ruis.uncertainty import calibrate, calibrated, coverage_of, uncertainty


def scenes(count: int, seed: int, sigma: float = 0.1) -> list:
    """Random scenes of light, edges and texture, with white noise."""

    def make(place: int) -> Pair:
        rng = np.random.default_rng([seed, place])
        row, column = np.indices((96, 128), dtype=np.float32)
        clean = np.empty((96, 128), np.float32)
        for top in range(0, 96, 32):
            for left in range(0, 128, 32):
                turn, period = rng.uniform(0, np.pi), rng.uniform(2, 9)
                along = row[:32, :32] * np.cos(turn) + column[:32, :32] * np.sin(turn)
                texture = rng.uniform(0, 0.15) * np.sin(along / period)
                clean[top : top + 32, left : left + 32] = rng.uniform(0.2, 0.8) + texture
        clean = clean[..., None]
        noisy = clean + rng.normal(0, sigma, clean.shape).astype(np.float32)
        return Pair(str(place), Image(noisy, ImageInfo(noisy.dtype, (0.0, 1.0))), clean)

    return [lambda place=place: make(place) for place in range(count)]


def denoised_pairs(denoiser: Denoiser, pairs: list) -> list:
    return [(pair := make(), denoiser.run(pair.noisy).image.pixels) for make in pairs]


@pytest.fixture(scope="module")
def gray() -> Denoiser:
    return ruis.load("gray")


@pytest.fixture(scope="module")
def table(gray) -> Calibration:
    return calibrate(gray, scenes(16, seed=1), noise="gaussian:0.1")


@pytest.mark.parametrize("wanted", [0.8, 0.9, 0.95])
def test_the_coverage_holds_on_other_images(gray, wanted):
    made = calibrate(gray, scenes(16, seed=1), coverage=wanted)
    shares = coverage_of(made, denoised_pairs(gray, scenes(16, seed=2)))
    assert np.mean(shares) == pytest.approx(wanted, abs=0.03)
    assert np.mean(made.left_out) == pytest.approx(wanted, abs=0.01)


@pytest.mark.slow
def test_the_coverage_holds_on_photographs(gray, shared_data):
    noise = parse("gaussian:5..50/255")
    pairs = [
        lambda make=make: middle(make())
        for make in noisy_pairs(shared_data / "testsets" / "BSD68", noise, 1)
    ]
    made = calibrate(gray, pairs[::2], noise="gaussian:5..50/255")
    shares = coverage_of(made, denoised_pairs(gray, pairs[1::2]))
    assert np.mean(shares) == pytest.approx(0.9, abs=0.03)


def middle(pair: Pair, side: int = 192) -> Pair:
    top, left = ((length - side) // 2 for length in pair.clean.shape[:2])
    window = np.s_[top : top + side, left : left + side]
    return Pair(pair.name, pair.noisy.with_pixels(pair.noisy.pixels[window]), pair.clean[window])


def test_intervals_are_wider_where_there_is_more_to_be_wrong_about(gray, table):
    pair = scenes(1, seed=3)[0]()
    half = table.half_width(pair.noisy.pixels, gray.run(pair.noisy).image.pixels)
    edges = np.abs(np.diff(pair.clean, axis=0, append=pair.clean[-1:])) > 0.15
    assert half[edges].mean() > 1.3 * half[~edges].mean()
    strong = scenes(1, seed=3, sigma=0.2)[0]()
    more = table.half_width(strong.noisy.pixels, gray.run(strong.noisy).image.pixels)
    assert more.mean() > 1.3 * half.mean()


def test_bands_give_what_the_whole_gives(gray, table, tmp_path, monkeypatch):
    model = calibrated(gray.model, table, tmp_path / "gray.ruis")
    pair = scenes(1, seed=4)[0]()
    denoised = gray.run(pair.noisy).image
    whole = uncertainty(model, pair.noisy, denoised)
    monkeypatch.setattr("ruis.uncertainty.BAND", 7 * 128)
    banded = uncertainty(model, pair.noisy, denoised)
    np.testing.assert_allclose(banded.pixels, whole.pixels, rtol=1e-4, atol=1e-6)
    assert whole.pixels.dtype == np.float32
    assert whole.info.data_range == (0.0, 1.0)


def test_it_is_in_fractions_of_the_range_and_leaves_alpha_out(gray, table, tmp_path):
    model = calibrated(gray.model, table, tmp_path / "gray.ruis")
    rng = np.random.default_rng(0)
    unit = rng.normal(0.5, 0.1, (40, 50, 1)).clip(0, 1)
    halves = {}
    for dtype, white in ((np.uint8, 255.0), (np.uint16, 65535.0)):
        stored = np.rint(np.repeat(unit, 2, axis=2) * white).astype(dtype)
        image = Image(stored, ImageInfo(np.dtype(dtype), (0.0, white), alpha=True))
        halves[dtype] = uncertainty(model, image, gray.run(image).image)
        assert halves[dtype].pixels.shape == (40, 50, 1)
    means = [half.pixels.mean() for half in halves.values()]
    assert means[0] == pytest.approx(means[1], rel=0.03)


# -- the model file --------------------------------------------------------------------------------


def test_the_calibration_is_kept_in_the_model(gray, table, tmp_path):
    made = calibrated(gray.model, table, tmp_path / "gray.ruis")
    again = model_file.load(tmp_path / "gray.ruis")
    assert again.manifest.calibration == table
    assert again.manifest.schema_version == made.manifest.schema_version == 2
    assert again.sha256 == gray.model.sha256
    assert "90%" in again.card


def test_a_model_without_one_is_written_as_before(gray, tmp_path):
    model_file.save(tmp_path / "old.ruis", gray.model.manifest, gray.model.weights)
    again = model_file.load(tmp_path / "old.ruis")
    assert again.manifest.schema_version == 1
    assert b'"calibration"' not in (tmp_path / "old.ruis").read_bytes()[:100_000]


def test_weights_of_32_bits_stay_so(small_model, table, tmp_path):
    model = small_model()
    made = calibrated(model, table, tmp_path / "small.ruis")
    for name, weights in model.weights.items():
        np.testing.assert_array_equal(made.weights[name], weights)


@pytest.mark.parametrize(
    "wrong",
    [
        {"coverage": 1.5},
        {"quantiles": ((0.5,),)},
        {"quantiles": "many"},
        {"images": 0},
        {"surprise": 1},
    ],
)
def test_a_table_that_is_none_is_refused(table, wrong):
    with pytest.raises(ConfigError):
        Calibration.parse({**table.model_dump(), **wrong})


def test_a_calibration_in_a_file_of_the_first_schema_is_refused(gray, table, tmp_path, monkeypatch):
    import zipfile

    path, forged = tmp_path / "gray.ruis", tmp_path / "forged.ruis"
    calibrated(gray.model, table, path)
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(forged, "w") as other:
        for name in archive.namelist():
            data = archive.read(name)
            other.writestr(name, data.replace(b'"schema_version": 2', b'"schema_version": 1'))
    with pytest.raises(ModelCorruptError, match="schema"):
        model_file.load(forged)


# -- what cannot be --------------------------------------------------------------------------------


def test_a_model_that_was_never_calibrated_says_what_to_do(gray):
    pair = scenes(1, seed=0)[0]()
    with pytest.raises(UncalibratedError, match="ruis calibrate gray"):
        uncertainty(gray.model, pair.noisy, pair.noisy)


def test_images_of_two_sizes_are_refused(gray, table, tmp_path):
    model = calibrated(gray.model, table, tmp_path / "gray.ruis")
    pair = scenes(1, seed=0)[0]()
    smaller = Image(pair.noisy.pixels[1:], pair.noisy.info)
    with pytest.raises(ChannelMismatchError):
        uncertainty(model, pair.noisy, smaller)


@pytest.mark.parametrize("coverage", [0.5, 1.0, 90])
def test_a_coverage_is_a_share(gray, coverage):
    with pytest.raises(ConfigError, match="coverage"):
        calibrate(gray, scenes(2, seed=0), coverage=coverage)


def test_one_image_is_not_enough(gray):
    with pytest.raises(EmptyDatasetError, match="two"):
        calibrate(gray, scenes(1, seed=0))
