"""How a stack is cut into windows, and how they are read."""

from __future__ import annotations

import numpy as np
import pytest

from ruis import windowing
from ruis.errors import ImageTooLargeError
from ruis.image import ImageInfo
from ruis.job import Knife
from ruis.stacks import Region, Stack
from ruis.tiling import Geometry, windows


class Paper(Stack):
    """A stack of numbers that tell where they are, and remember what was read."""

    name = ""

    def __init__(self, planes, rows, columns, block):
        self.planes, self.rows, self.columns, self.samples = planes, rows, columns, 1
        self.block = block
        self.axes = "P" * len(planes) + "YX"
        self.shape = (*planes, rows, columns)
        self.info = ImageInfo(np.dtype("uint32"), (0, 2**32 - 1))
        self.pixels = np.arange(np.prod(self.shape), dtype=np.uint32).reshape(self.shape)
        self.read_count = np.zeros(self.shape, int)

    def read(self, region):
        place = (*region.planes, region.rows, region.columns)
        self.read_count[place] += 1
        assert region.rows.start % self.block[-2] == 0, "in the middle of a block"
        assert region.rows.stop % self.block[-2] == 0 or region.rows.stop == self.rows
        return self.pixels[place][..., None]


KNIFE = Knife(Geometry(8, 20), 100.0, tile=128)


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("nbytes", [1e4, 1e5, 1e9])
@pytest.mark.parametrize(
    ("planes", "block"),
    [((), (64, 64)), ((3,), (1, 7, 500)), ((2, 5), (1, 2, 100, 30)), ((4,), (4, 1000, 1000))],
    ids=str,
)
def test_every_pixel_is_kept_once_and_decoded_once(monkeypatch, in_order, nbytes, planes, block):
    monkeypatch.setattr(windowing, "WINDOW", nbytes)
    stack = Paper(planes, 333, 250, block)
    rows, columns = windowing.spans_of(stack, KNIFE, in_order=in_order)
    kept = np.zeros(stack.shape, int)
    for window in windowing.read_windows(stack, rows, columns):
        region = window.kept
        place = (*region.planes, region.rows, region.columns)
        kept[place] += 1
        inner = window.pixels[..., window.rows.keep, window.columns.keep, 0]
        assert np.array_equal(inner, stack.pixels[place])
        if in_order:
            assert region.columns == slice(0, stack.columns)
    assert (kept == 1).all()
    if len(columns) == 1:
        assert (stack.read_count == 1).all()


def test_pieces_are_whole_blocks(monkeypatch):
    monkeypatch.setattr(windowing, "WINDOW", 2e5)
    stack = Paper((), 1000, 900, (96, 80))
    rows, columns = windowing.spans_of(stack, KNIFE, in_order=False)
    assert len(rows) > 2
    assert len(columns) > 1
    assert not any(one.first % 96 for one in rows)
    assert not any(one.first % 80 for one in columns)


@pytest.mark.parametrize("length", [1, 63, 64, 200, 1000, 1001])
@pytest.mark.parametrize("step", [50, 64, 300])
@pytest.mark.parametrize(
    "geometry", [Geometry(8, 20), Geometry(27, 81), Geometry(size=(28, 28))], ids=str
)
def test_windows_reach_a_halo_beyond_what_is_kept(length, step, geometry):
    cut = windows(length, geometry, step, grain=64)
    grain = 28 if geometry.size else -(-64 // geometry.multiple) * geometry.multiple
    assert [one.first for one in cut] == list(range(0, length, step))
    assert cut[-1].last == length
    for one in cut:
        assert one.start % grain == 0
        assert one.start <= max(0, one.first - geometry.halo)
        assert one.stop >= min(length, one.last + geometry.halo)
        assert one.stop <= length
    assert [one.start for one in cut] == sorted(one.start for one in cut)
    if step % grain == 0 and length > step + 2 * geometry.halo + 2 * grain:
        assert len({-(-(one.stop - one.start) // grain) for one in cut}) == 1, "one shape for all"


def test_blocks_that_are_too_large_are_refused():
    stack = Paper((), 10, 10, (10, 10))
    stack.rows = stack.columns = stack.block[0]
    windowing.check_block(stack)
    stack.rows = stack.columns = 20_000
    stack.block = (20_000, 20_000)
    with pytest.raises(ImageTooLargeError, match="MiB"):
        windowing.check_block(stack)


def test_a_region_knows_its_shape():
    assert Region((slice(1, 3),), slice(0, 5), slice(2, 9)).shape == (2, 5, 7)
