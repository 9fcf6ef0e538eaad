"""Windows so small that a small image has many of them, and a denoiser to see their seams with."""

from __future__ import annotations

import numpy as np
import pytest

from ruis import windowing
from ruis.denoiser import Denoiser


@pytest.fixture
def small_windows(monkeypatch):
    """Read 100 kB at a time."""
    monkeypatch.setattr(windowing, "WINDOW", 100e3)


@pytest.fixture
def exact(small_model):
    """A denoiser whose tiles are small."""
    return Denoiser(small_model(), precision="f32", tile=128)


@pytest.fixture
def noise():
    """Make noise of some shape and dtype."""

    def make(*shape, dtype="uint8", seed=0):
        noisy = np.random.default_rng(seed).normal(0.5, 0.1, shape).clip(0, 1)
        if np.dtype(dtype).kind == "f":
            return noisy.astype(dtype)
        limits = np.iinfo(dtype)
        return np.rint(limits.min + noisy * (limits.max - limits.min)).astype(dtype)

    return make


@pytest.fixture
def same():
    """Assert that two images are the same, but for the last bit of what was computed."""

    def check(found, expected):
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        if found.dtype.kind == "f":
            assert np.abs(found - expected).max() < 1e-5
        else:
            bits = max(1, 2 ** (8 * found.dtype.itemsize - 23))  # float32 holds 24
            assert np.abs(found.astype(np.float64) - expected.astype(np.float64)).max() <= bits

    return check
