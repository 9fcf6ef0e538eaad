from __future__ import annotations

import numpy as np
import pytest

from ruis.errors import ConfigError
from ruis.metrics.whiteness import whiteness

NOISE = np.random.default_rng(0).standard_normal((200, 200, 3)).astype(np.float32)
NOTHING = np.zeros_like(NOISE)


def test_white_noise_is_white():
    assert abs(whiteness(NOISE, NOTHING)) < 0.01


def test_a_mean_is_no_structure():
    assert whiteness(NOISE + np.float32([1, 2, 3]), NOTHING) == pytest.approx(
        whiteness(NOISE, NOTHING), abs=1e-4
    )


def test_structure_shows():
    smooth = (NOISE[1:, 1:] + NOISE[1:, :-1] + NOISE[:-1, 1:] + NOISE[:-1, :-1]) / 4
    assert whiteness(smooth, np.zeros_like(smooth)) == pytest.approx(0.5, abs=0.02)


def test_a_checkerboard_is_the_opposite():
    board = np.indices((20, 20)).sum(0) % 2
    assert whiteness(board, np.zeros((20, 20))) == pytest.approx(-1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (4, 4, 2)])
def test_nothing_removed_is_zero(shape):
    assert whiteness(np.ones(shape), np.ones(shape)) == 0


def test_unsigned_values_do_not_wrap_around():
    one = np.full((4, 4), 10, np.uint8)
    two = one + np.indices((4, 4)).sum(0).astype(np.uint8)
    assert whiteness(one, two) > 0


@pytest.mark.parametrize(("one", "two"), [((4, 4), (4, 5)), ((4,), (4,)), ((0, 4), (0, 4))])
def test_nonsense_is_refused(one, two):
    with pytest.raises(ConfigError):
        whiteness(np.zeros(one), np.zeros(two))
