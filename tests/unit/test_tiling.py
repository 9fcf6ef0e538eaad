from __future__ import annotations

import numpy as np
import pytest

from ruis.errors import ConfigError
from ruis.tiling import Geometry, Span, Tile, mirror_index, plan, plan_area, spans


@pytest.mark.parametrize("numbers", [(0, 0), (-1, 5), (1, -1)])
def test_a_geometry_has_bounds(numbers):
    with pytest.raises(ConfigError, match="multiple"):
        Geometry(*numbers)


@pytest.mark.parametrize(
    ("geometry", "halo", "field"),
    [(Geometry(8, 46), 48, 93), (Geometry(1, 0), 0, 1), (Geometry(4, 4), 4, 9)],
)
def test_the_halo_is_half_the_receptive_field_rounded_up(geometry, halo, field):
    assert geometry.halo == halo
    assert geometry.receptive_field == field


def test_a_fixed_size_has_no_halo():
    assert Geometry(8, 46, size=(32, 32)).halo == 0


def test_a_long_axis_in_words():
    """100 pixels with a halo of 4, in tiles of 40: three, of which the first keeps 36."""
    assert spans(100, Geometry(4, 3), 40) == (
        Span(0, 40, 0, 36),
        Span(32, 72, 36, 64),
        Span(60, 100, 64, 100),
    )  # fmt: skip


def test_tiles_are_no_longer_than_they_need_be():
    """Two tiles of 64 would do as two of 56."""
    assert {span.stop - span.start for span in spans(96, Geometry(8, 8), 64)} == {56}


def test_a_tile_too_short_for_the_geometry_is_lengthened():
    cut = spans(500, Geometry(8, 46), 1)
    assert cut[0].stop == 2 * 48 + 8


@pytest.mark.parametrize(
    ("length", "expected"), [(1, [0] * 7), (2, [0, 1, 0, 1, 0, 1, 0]), (3, [0, 1, 2, 1, 0, 1, 2])]
)
def test_mirroring_repeats_no_edge(length, expected):
    assert mirror_index(0, 7, length).tolist() == expected


def test_a_window_within_the_image_is_a_view():
    pixels = np.zeros((100, 100, 3))
    cut = plan(100, 100, Geometry(4, 3), 40)
    first = next(iter(cut))
    assert np.shares_memory(cut.read(pixels, first), pixels)


def test_a_window_beyond_the_image_is_mirrored():
    pixels = np.arange(6).reshape(2, 3, 1)
    cut = plan(2, 3, Geometry(4, 0), 100)
    (tile,) = cut
    assert cut.read(pixels, tile)[..., 0].tolist() == [[0, 1, 2, 1], [3, 4, 5, 4]] * 2


@pytest.mark.parametrize(
    ("rows", "columns", "geometry", "filled"),
    [
        (70, 45, Geometry(4, 3), True),
        (9, 40, Geometry(4, 3), True),
        (60, 40, Geometry(size=(28, 28)), False),  # 4 rows of the last 28
    ],
)
def test_a_window_is_mirrored_in_place_if_it_holds_enough(rows, columns, geometry, filled):
    pixels = np.random.default_rng(0).random((rows, columns, 2))
    cut = plan(rows, columns, geometry, 40, grain=8)
    last = list(cut)[-1]
    inside = cut.inside(pixels, last)
    assert np.shares_memory(inside, pixels)
    window = np.full((*cut.shape, 2), np.nan)
    window[: inside.shape[0], : inside.shape[1]] = inside
    assert cut.mirror(window, last) == filled
    assert np.array_equal(window, cut.read(pixels, last)) == filled


def test_fixed_sizes_are_laid_side_by_side():
    cut = plan(60, 40, Geometry(size=(28, 28)), 9)
    assert cut.shape == (28, 28)
    assert [span.start for span in cut.row_spans] == [0, 28, 56]
    assert [(span.first, span.last) for span in cut.column_spans] == [(0, 28), (28, 40)]


def test_a_tile_draws_itself():
    assert repr(Tile(Span(32, 72, 36, 68), Span(0, 40, 0, 36))) == (
        "Tile(rows=32[36:68]72, columns=0[0:36]40)"
    )


def test_an_area_is_cut_so_that_little_is_computed_twice():
    geometry = Geometry(8, 90)
    cut = plan_area(1500, 2000, geometry, 1_250_000, grain=64)
    square = plan(1500, 2000, geometry, 1118, grain=64)
    assert cut.shape[0] * cut.shape[1] <= 1_250_000
    assert cut.computed < square.computed
    assert len(plan_area(1000, 1100, geometry, 1_250_000, grain=64)) == 1


def test_tiles_are_smaller_where_their_memory_has_a_price():
    rows, columns, geometry, area = 4000, 6000, Geometry(8, 51), 8_000_000
    cuts = [
        plan_area(rows, columns, geometry, area, grain=64, touch=touch) for touch in (0, 0.5, 2)
    ]
    areas = [cut.shape[0] * cut.shape[1] for cut in cuts]
    assert areas[0] > areas[1] > areas[2]
    assert cuts[0].computed < cuts[1].computed < cuts[2].computed
    for cut, touch in zip(cuts, (0, 0.5, 2), strict=True):
        assert cut.computed + touch * cut.shape[0] * cut.shape[1] == min(
            one.computed + touch * one.shape[0] * one.shape[1] for one in cuts
        )


def test_a_small_image_is_one_tile_whatever_memory_costs():
    assert len(plan_area(1000, 1500, Geometry(8, 51), 8_000_000, grain=64, touch=2)) == 1
    assert len(plan_area(3000, 1500, Geometry(8, 51), 8_000_000, grain=64, touch=2)) > 1
