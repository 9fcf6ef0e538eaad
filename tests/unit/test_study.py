"""The study of sizes: what it reports is what was taught, and the smallest is the smallest."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("keras", reason="learning needs the train extra")

from ruis import architectures, formats
from ruis.errors import ConfigError, EmptyDatasetError
from ruis.image import Image, ImageInfo
from ruis.study import Trial, crops, smallest, study


def noise_images(count=32, seed=0):
    return np.random.default_rng(seed).random((count, 8, 8, 1), dtype=np.float32)


def networks(*units):
    return {str(n): {"name": "dense-autoencoder", "size": [8, 8], "hidden": [n]} for n in units}


def test_each_network_is_taught_and_counted():
    x, held = noise_images(), noise_images(8, seed=1)
    told = []
    trials = study(
        networks(1, 8), (x, x), (held, held), epochs=2, batch_size=8, progress=told.append
    )
    assert [trial.name for trial in trials] == ["1", "8"]
    for trial, units in zip(trials, (1, 8), strict=True):
        assert trial.parameters == 64 * units * 2 + units + 64
        wanted = architectures.parse(networks(units)[str(units)]).kmac_per_pixel
        assert trial.kmac_per_pixel == wanted
        assert trial.seconds > 0
        assert 3 < trial.psnr < 20
    fractions = [report.fraction for report in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_the_same_seed_gives_the_same_figures():
    x = noise_images()
    first, again = (study(networks(4), (x, x), (x, x), epochs=1, seed=5)[0] for _ in range(2))
    assert (first.loss, first.psnr) == (again.loss, again.psnr)


def test_the_smallest_that_reaches_a_quality():
    trials = [
        Trial("huge", 900, 9.0, 9, 0.1, 30.4),
        Trial("wide", 300, 2.0, 5, 0.1, 30.0),
        Trial("deep", 200, 2.0, 5, 0.1, 30.1),
        Trial("tiny", 10, 0.1, 1, 0.1, 25.0),
    ]
    assert smallest(trials, 30).name == "deep"
    assert smallest(trials, 30.2).name == "huge"
    assert smallest(trials, 20).name == "tiny"
    assert smallest(trials, 31) is None
    assert smallest([], 1) is None


def test_no_network_is_no_study():
    x = noise_images()
    with pytest.raises(ConfigError, match="at least one"):
        study({}, (x, x), (x, x))


def test_crops_of_a_folder_are_noisy_above_and_clean_below(tmp_path):
    rng = np.random.default_rng(0)
    for place in range(6):
        pixels = np.full((40, 50, 1), 30 * place + 40, np.uint8)
        pixels[::2] += rng.integers(0, 9, pixels[::2].shape, dtype=np.uint8)
        info = ImageInfo(pixels.dtype, (0.0, 255.0))
        formats.write(Image(pixels, info), tmp_path / f"{place}.png")
    training, held = crops(tmp_path, "gaussian:0.1", patch=16, count=40, seed=2)
    assert training[0].shape == training[1].shape == (40, 16, 16, 1)
    assert len(held[0]) == 10
    assert (training[0] - training[1]).std() == pytest.approx(0.1, rel=0.05)
    levels = {round(float(c.min()), 2) for c in training[1]}
    assert levels.isdisjoint({round(float(c.min()), 2) for c in held[1]}), "images are held out"
    again, _ = crops(tmp_path, "gaussian:0.1", patch=16, count=40, seed=2)
    assert np.array_equal(training[0], again[0])
    with pytest.raises(EmptyDatasetError):
        crops(tmp_path, "gaussian:0.1", patch=64)


def test_images_smaller_than_a_crop_are_not_held_out_for_all_others(tmp_path):
    for place, rows in enumerate((64, 40, 64, 40, 64, 40, 40)):
        pixels = np.full((rows, 64, 1), 30 * place + 40, np.uint8)
        info = ImageInfo(pixels.dtype, (0.0, 255.0))
        formats.write(Image(pixels, info), tmp_path / f"{place}.png")
    training, held = crops(tmp_path, "gaussian:0.1", patch=64, count=8)
    assert len(training[0]) == 8
    assert len(held[0]) == 2
