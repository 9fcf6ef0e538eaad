"""Each model makes the noise that its definition says, by numbers."""

from __future__ import annotations

import numpy as np
import pytest

from ruis.noise import parse

SIZE = (300, 300, 1)  # 90000 values: the mean is known to 1 in 300 of a sigma


def noise_of(spec: str, level: float, seed: int = 0) -> np.ndarray:
    clean = np.full(SIZE, level, np.float32)
    return (parse(spec).add(clean, np.random.default_rng(seed)) - clean).astype(np.float64)


@pytest.mark.parametrize(
    ("spec", "level", "variance"),
    [
        ("gaussian:0.1", 0.5, 0.01),
        ("gaussian:25/255", -3, (25 / 255) ** 2),
        ("gaussian:0", 0.5, 0),
        ("poisson:30", 0.5, 0.5 / 30),
        ("poisson:0.5", 0.25, 0.5),
        ("poisson:1e8", 1.0, 1e-8),
        ("poisson:30", -0.5, 0),
        ("poisson-gaussian:0.01,0.02", 0.5, 0.0054),
        ("poisson-gaussian:0.01,0.02", 0.0, 0.0004),
        ("poisson-gaussian:0.01,0.02", -0.5, 0.0004),
        ("poisson-gaussian:0,0.02", 0.5, 0.0004),
        ("poisson-gaussian:1e-12,0.02", 0.5, 0.0004),
        ("speckle:0.2", 0.5, 0.01),
        ("speckle:0.2", 0.0, 0),
        ("gaussian:0.06+gaussian:0.08", 0.5, 0.01),
    ],
)
def test_additive_noise_has_no_mean_and_its_variance(spec, level, variance):
    noise = noise_of(spec, level)
    assert noise.mean() == pytest.approx(0, abs=4 * np.sqrt(variance / noise.size) + 1e-7)
    assert noise.var() == pytest.approx(variance, rel=0.03, abs=1e-12)


@pytest.mark.parametrize("spec", ["gaussian:0.1", "speckle:0.1", "poisson:30"])
def test_it_is_white(spec):
    noise = noise_of(spec, 0.5)[..., 0]
    for a, b in ((noise[1:], noise[:-1]), (noise[:, 1:], noise[:, :-1])):
        assert abs(np.mean(a * b) / noise.var()) < 0.015


def test_poisson_counts_whole_photons():
    counts = (noise_of("poisson:10", 0.3) + 0.3) * 10
    assert np.allclose(counts, np.rint(counts), atol=1e-4)
    skew = np.mean((counts - 3) ** 3) / counts.std() ** 3
    assert skew == pytest.approx(1 / np.sqrt(3), abs=0.05)  # a Gaussian would have none


def test_salt_and_pepper_loses_its_share():
    noisy = noise_of("salt-and-pepper:0.1,salt=0.25", 0.5) + 0.5
    assert np.mean(noisy == 1) == pytest.approx(0.025, abs=0.002)
    assert np.mean(noisy == 0) == pytest.approx(0.075, abs=0.003)
    assert set(np.unique(noisy)) == {0, 0.5, 1}


@pytest.mark.parametrize(("share", "left"), [(0, 1), (1, 0)])
def test_salt_and_pepper_at_its_ends(share, left):
    noisy = noise_of(f"salt-and-pepper:{share}", 0.5) + 0.5
    assert np.mean(noisy == 0.5) == left


@pytest.mark.parametrize(("spec", "levels"), [("quantisation:5", 5), ("quantisation:bits=4", 16)])
def test_quantisation_leaves_so_many_levels(spec, levels):
    clean = np.linspace(-0.2, 1.2, 10_000, dtype=np.float32).reshape(100, 100, 1)
    noisy = parse(spec).add(clean, np.random.default_rng(0))
    assert np.allclose(np.unique(noisy), np.linspace(0, 1, levels), atol=1e-6)
    assert np.abs(noisy - np.clip(clean, 0, 1)).max() <= 0.5 / (levels - 1) + 1e-6


def test_eight_bits_are_the_values_of_a_file():
    stored = np.arange(256, dtype=np.float32).reshape(16, 16, 1) / np.float32(255)
    assert np.array_equal(parse("quantisation:256").add(stored, np.random.default_rng(0)), stored)


def test_a_mixture_chooses_by_weight():
    mixture = parse("3*gaussian:0.1|1*jpeg:50|0*poisson:3")
    rng = np.random.default_rng(0)
    names = [mixture.sample(rng).name for _ in range(2000)]
    assert names.count("gaussian") / 2000 == pytest.approx(0.75, abs=0.03)
    assert "poisson" not in names


def test_a_composition_is_in_order():
    clean = np.full((8, 8, 1), 0.5, np.float32)
    rng = np.random.default_rng(0)
    assert set(np.unique(parse("gaussian:1+quantisation:2").add(clean, rng))) == {0, 1}
    assert len(np.unique(parse("quantisation:2+gaussian:1").add(clean, rng))) > 60


def test_sigma_maps_add_up_in_a_composition():
    clean = np.full((2, 2, 1), 0.5, np.float32)
    assert parse("gaussian:0.3+gaussian:0.4").sigma_map(clean) == pytest.approx(0.5)
    mixed = parse("poisson:50+gaussian:0.1").sigma_map(clean)
    assert mixed == pytest.approx(np.full((2, 2, 1), np.sqrt(0.02)))
    assert parse("gaussian:0.3+jpeg:50").sigma_map(clean) is None


@pytest.mark.parametrize(
    "spec",
    ["gaussian:0..0.1", "poisson:3..30", "speckle:0..1", "quantisation:bits=2..8",
     "poisson-gaussian:0..0.1,0.1", "gaussian:0.1+gaussian:0..0.1"],
)  # fmt: skip
def test_a_range_has_no_sigma_map_until_it_is_drawn(spec):
    clean = np.full((2, 2, 1), 0.5, np.float32)
    assert parse(spec).sigma_map(clean) is None
    assert parse(spec).sample(np.random.default_rng(0)).sigma_map(clean) is not None
