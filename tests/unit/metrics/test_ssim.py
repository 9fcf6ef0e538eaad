from __future__ import annotations

import numpy as np
import pytest

from ruis.errors import ConfigError
from ruis.metrics.ssim import ssim

RNG = np.random.default_rng(0)
CLEAN = np.kron(RNG.random((8, 8)), np.ones((8, 8))).astype(np.float32)
NOISY = CLEAN + RNG.standard_normal(CLEAN.shape, dtype=np.float32) / 10


def direct(clean: np.ndarray, noisy: np.ndarray) -> float:
    """Wang's formula, written out, over all whole windows."""
    taps = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    window = np.outer(taps, taps) / taps.sum() ** 2

    def mean(values):
        views = np.lib.stride_tricks.sliding_window_view(values.astype(np.float64), (11, 11))
        return np.einsum("ijkl,kl->ij", views, window)

    m_1, m_2 = mean(clean), mean(noisy)
    v_1, v_2 = mean(clean**2) - m_1**2, mean(noisy**2) - m_2**2
    covariance = mean(clean * noisy) - m_1 * m_2
    c_1, c_2 = 0.01**2, 0.03**2
    top = (2 * m_1 * m_2 + c_1) * (2 * covariance + c_2)
    return float(np.mean(top / ((m_1**2 + m_2**2 + c_1) * (v_1 + v_2 + c_2))))


def test_it_is_the_formula_of_the_paper():
    assert ssim(CLEAN, NOISY) == pytest.approx(direct(CLEAN, NOISY), abs=1e-4)


def test_range_and_unit_go_together():
    assert ssim(CLEAN * 255, NOISY * 255, 255) == pytest.approx(ssim(CLEAN, NOISY), abs=1e-5)


def test_the_channels_are_averaged():
    clean, noisy = np.stack([CLEAN, CLEAN], -1), np.stack([CLEAN, NOISY], -1)
    expected = (1 + ssim(CLEAN, NOISY)) / 2
    assert ssim(clean, noisy) == pytest.approx(expected, abs=1e-5)
    first = np.moveaxis(clean, -1, 0), np.moveaxis(noisy, -1, 0)
    assert ssim(*first, channel_axis=0) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 1, 3), (6, 6), (7, 100), (10, 10, 2), (11, 11), (1, 40, 1)]
)
def test_small_images_have_a_figure(shape):
    clean = np.random.default_rng(1).random(shape)
    assert ssim(clean, clean) == pytest.approx(1)
    assert ssim(clean, 1 - clean) < 1


@pytest.mark.parametrize(
    ("one", "two", "data_range"),
    [((20, 20), (20, 21), 1), ((20,), (20,), 1), ((0, 20), (0, 20), 1), ((20, 20), (20, 20), -1)],
)
def test_nonsense_is_refused(one, two, data_range):
    with pytest.raises(ConfigError):
        ssim(np.zeros(one), np.zeros(two), data_range)
