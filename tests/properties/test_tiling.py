"""What holds for every size, geometry and tile."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ruis.tiling import Geometry, mirror_index, plan, plan_area, spans

lengths = st.integers(1, 3000)
geometries = st.builds(Geometry, st.integers(1, 48), st.integers(0, 120))
fixed = st.builds(Geometry, size=st.tuples(st.integers(1, 40), st.integers(1, 40)))
tiles = st.integers(1, 700)
grains = st.sampled_from([1, 2, 8, 48, 64])


@given(lengths, geometries, tiles, grains)
@example(65, Geometry(1, 10), 64, 64)  # the last tile lies beyond the image with all it would keep
def test_spans_keep_every_pixel_once_with_its_halo(length, geometry, tile, grain):
    cut = spans(length, geometry, tile, grain=grain)
    assert [span.first for span in cut] == [0, *(span.last for span in cut[:-1])]
    assert cut[-1].last == length
    end = max(span.stop for span in cut)
    for span in cut:
        assert 0 <= span.start <= span.first < span.last <= span.stop
        assert span.start % geometry.multiple == 0
        assert span.start == 0 or span.first - span.start >= geometry.radius
        # Right of what is kept: the halo, or all that is left of the extended image.
        assert span.stop - span.last >= min(geometry.radius, end - span.last)


@given(lengths, geometries, tiles, grains)
def test_all_spans_are_equally_long_and_no_longer_than_asked(length, geometry, tile, grain):
    cut = spans(length, geometry, tile, grain=grain)
    (long,) = {span.stop - span.start for span in cut}
    assert long % geometry.multiple == 0
    if grain % geometry.multiple == 0:
        assert long % grain == 0
    least = 2 * geometry.halo + geometry.multiple  # what the geometry needs
    unit = -(-grain // geometry.multiple) * geometry.multiple
    assert long <= max(tile, -(-least // unit) * unit)


@given(lengths, geometries, tiles, grains)
def test_the_extended_image_does_not_depend_on_the_tiles(length, geometry, tile, grain):
    """So that the border of an image is the same however it is cut."""
    whole = spans(length, geometry, 10**6, grain=grain)
    assert len(whole) == 1
    cut = spans(length, geometry, tile, grain=grain)
    assert cut[-1].stop <= whole[0].stop
    assert cut[-1].stop == whole[0].stop or cut[-1].stop - length >= geometry.radius


@given(
    st.integers(1, 200),
    st.integers(1, 200),
    st.one_of(st.builds(Geometry, st.integers(1, 12), st.integers(0, 20)), fixed),
    st.integers(1, 90),
    st.sampled_from([1, 4, 64]),
)
def test_split_then_put_together_is_the_identity(rows, columns, geometry, tile, grain):
    pixels = np.random.default_rng(0).random((rows, columns, 2))
    cut = plan(rows, columns, geometry, tile, grain=grain)
    together = np.full_like(pixels, np.nan)
    times = np.zeros((rows, columns), int)
    for one in cut:
        window = cut.read(pixels, one)
        assert window.shape == (*cut.shape, 2)
        inside = cut.inside(pixels, one)
        again = np.full_like(window, np.nan)
        again[: inside.shape[0], : inside.shape[1]] = inside
        before = again.copy()
        filled = cut.mirror(again, one)
        assert np.array_equal(again, window if filled else before, equal_nan=True)
        together[one.write] = window[one.keep]
        times[one.write] += 1
    assert np.array_equal(together, pixels)
    assert (times == 1).all()
    assert len(list(cut)) == len(cut)


@given(st.integers(1, 60), st.integers(0, 200), st.integers(0, 300))
def test_mirroring_continues_an_axis(length, start, count):
    index = mirror_index(start, start + count, length)
    assert index.shape == (count,)
    assert ((index >= 0) & (index < length)).all()
    expected = np.pad(np.arange(length), (0, 600), mode="reflect" if length > 1 else "edge")
    assert np.array_equal(index, expected[start : start + count])


@given(st.integers(1, 48), st.integers(0, 300))
def test_the_halo_is_the_least_multiple_that_holds_the_radius(multiple, radius):
    geometry = Geometry(multiple, radius)
    assert geometry.halo % multiple == 0
    assert radius <= geometry.halo < radius + multiple
    assert geometry.receptive_field == 2 * radius + 1


@pytest.mark.parametrize("length", [1, 5, 64, 65, 1000])
def test_an_image_that_fits_is_one_tile(length):
    (only,) = spans(length, Geometry(8, 46), 1024, grain=64)
    assert (only.start, only.first, only.last) == (0, 0, length)
    assert only.stop == -(-length // 64) * 64


@given(
    st.integers(1, 900),
    st.integers(1, 900),
    st.builds(Geometry, st.sampled_from([1, 2, 8]), st.integers(0, 60)),
    st.integers(1, 300_000),
    grains,
    st.sampled_from([0.0, 0.5, 100.0]),
)
def test_tiles_of_an_area_cover_the_image_and_are_no_larger(
    rows, columns, geometry, area, grain, touch
):
    with patch("ruis.tiling.SMALL_TILE", 10_000):
        cut = plan_area(rows, columns, geometry, area, grain=grain, touch=touch)
    kept = np.zeros((rows, columns), int)
    for tile in cut:
        kept[tile.write] += 1
        for span in (tile.rows, tile.columns):
            assert span.start == 0 or span.first - span.start >= geometry.radius
            assert span.first < span.last
    assert (kept == 1).all()
    assert cut.computed == len(cut) * cut.shape[0] * cut.shape[1]
    smallest = plan(rows, columns, geometry, 0, grain=grain)
    assert cut.shape[0] * cut.shape[1] <= max(area, smallest.shape[0] * smallest.shape[1])
