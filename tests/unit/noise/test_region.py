"""Noise in one rectangle."""

from __future__ import annotations

import numpy as np
import pytest

from ruis.noise import parse


def where(spec: str, rows: int = 40, columns: int = 60, seed: int = 0) -> tuple[slice, slice]:
    """Return the rectangle in which a gray image of zeros was changed."""
    noisy = parse(spec).add(np.zeros((rows, columns, 1), np.float32), np.random.default_rng(seed))
    changed = np.argwhere(noisy[..., 0] != 0)
    (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0) + 1
    assert (noisy[top:bottom, left:right] != 0).all(), "there are holes in it"
    return slice(top, bottom), slice(left, right)


@pytest.mark.parametrize(
    ("settings", "rows", "columns"),
    [
        ("height=0.25,width=0.5,row=0,column=0", (0, 10), (0, 30)),
        ("height=0.25,width=0.5,row=1,column=1", (30, 40), (30, 60)),
        ("height=0.5,width=0.1,row=0.5,column=0.5", (10, 30), (27, 33)),
        ("height=1,width=1,row=0.3,column=0.7", (0, 40), (0, 60)),
        ("height=0,width=0,row=0.5,column=0", (20, 21), (0, 1)),
    ],
)
def test_it_is_where_it_is_said_to_be(settings, rows, columns):
    assert where(f"region:0.1,{settings}") == (slice(*rows), slice(*columns))


def test_size_and_place_are_drawn():
    found = [where("region:0.1", seed=seed) for seed in range(60)]
    heights = [(rows.stop - rows.start) / 40 for rows, _ in found]
    assert min(heights) < 0.15
    assert 0.4 < max(heights) <= 0.5
    middles = [(columns.start + columns.stop) / 120 for _, columns in found]
    assert min(middles) < 0.25
    assert max(middles) > 0.75


def test_upon_other_noise_the_variances_add():
    model = parse("gaussian:0.03+region:0.04,height=0.5,width=1,row=0")
    drawn = model.sample(np.random.default_rng(0))
    sigma = drawn.sigma_map(np.full((8, 8, 1), 0.5, np.float32))
    assert sigma[:4] == pytest.approx(0.05)
    assert sigma[4:] == pytest.approx(0.03)


def test_a_stack_has_it_in_one_place():
    noisy = parse("region:0.1,height=0.5,row=0").add(
        np.zeros((3, 8, 8, 2), np.float32), np.random.default_rng(0)
    )
    assert (np.abs(noisy).max(axis=(2, 3)) > 0).tolist() == [[True] * 4 + [False] * 4] * 3


def test_it_has_no_map_while_something_is_to_be_drawn():
    assert parse("region:0.1").sigma_map(np.zeros((8, 8, 1), np.float32)) is None
