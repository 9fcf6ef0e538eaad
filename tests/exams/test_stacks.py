"""One exam for every kind of stack: what is read is what was written, whole or not at all."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from ruis.errors import ImageError, ImageWriteError
from ruis.formats import FORMATS
from ruis.stacks import STACKS, Region, Stacks, kind_of


def write_tiff(path, pixels):
    tifffile.imwrite(
        path, pixels, tile=(32, 16), photometric="minisblack", metadata={"axes": "TYX"}
    )


def write_zarr(path, pixels):
    zarr = pytest.importorskip("zarr", reason="Zarr needs the zarr extra")
    made = zarr.create_array(str(path), shape=pixels.shape, chunks=(1, 32, 16), dtype=pixels.dtype)
    made[...] = pixels


def write_npy(path, pixels):
    np.save(path, pixels)


MAKERS = {"tiff": write_tiff, "zarr": write_zarr, "npy": write_npy}
"""How another program writes three planes of each kind; a newcomer adds its own."""

BLOCKS = {"npy": (1, 1, 90)}
"""What each kind stores as one, unless it can be asked for tiles of 32x16."""

PIXELS = np.random.default_rng(0).integers(0, 65535, (3, 70, 90), dtype=np.uint16)


@pytest.fixture(params=list(STACKS))
def case(request, tmp_path):
    kind: type[Stacks] = STACKS.load(request.param)
    path = tmp_path / f"noisy{kind.suffixes[0]}"
    MAKERS[request.param](path, PIXELS)
    return kind, path


def pieces(pixels, high=32):
    """Yield three planes in bands."""
    for plane in range(pixels.shape[0]):
        for top in range(0, pixels.shape[1], high):
            rows = slice(top, min(top + high, pixels.shape[1]))
            region = Region((slice(plane, plane + 1),), rows, slice(0, pixels.shape[2]))
            yield region, pixels[plane : plane + 1, rows, :, None]


def names(path):
    return sorted(one.name for one in path.parent.iterdir())


def test_it_is_recognised_and_nothing_else_is(case, tmp_path):
    kind, path = case
    assert kind_of(path) is kind
    (tmp_path / "other").mkdir()
    (tmp_path / "text").write_text("II is no TIFF")
    assert not kind.recognises(tmp_path / "other")
    assert not kind.recognises(tmp_path / "text")
    assert not kind.recognises(tmp_path / "nothing")


def test_it_says_what_it_is(case):
    kind, path = case
    assert kind.name in STACKS
    assert kind.need(path) == "must"
    with kind.opened(path, axes="TYX") as stacks:
        (stack,) = stacks.stacks
        assert str(stack) == "TYX 3x70x90 uint16"
        assert (stack.planes, stack.rows, stack.columns, stack.samples) == ((3,), 70, 90, 1)
        assert stack.block == BLOCKS.get(kind.name, (1, 32, 16))
        assert stack.pixel_bytes == 2
        assert (stack.info.data_range, stack.info.colour) == ((0, 65535), "gray")


def test_any_region_is_read(case):
    kind, path = case
    rng = np.random.default_rng(1)
    with kind.opened(path, axes="TYX") as stacks:
        (stack,) = stacks.stacks
        for _ in range(50):
            cut = [
                slice(*sorted(map(int, rng.choice(n + 1, 2, replace=False)))) for n in PIXELS.shape
            ]
            found = stack.read(Region((cut[0],), *cut[1:]))
            assert found.dtype == np.uint16
            assert np.array_equal(found[..., 0], PIXELS[tuple(cut)])


def test_what_is_written_is_read_again(case):
    kind, path = case
    other = path.with_stem("other")
    with kind.opened(path, axes="TYX") as stacks:
        settings = {"overwrite": False, "strip_metadata": False, "record": "ruis"}
        with stacks.sink(other, **settings) as sink:
            sink.write(stacks.stacks[0], pieces(PIXELS[::-1]))
            assert not other.exists()
    with kind.opened(other, axes="TYX") as stacks:
        (stack,) = stacks.stacks
        assert str(stack) == "TYX 3x70x90 uint16"
        assert stack.block == BLOCKS.get(kind.name, (1, 32, 16))
        every = Region((slice(0, 3),), slice(0, 70), slice(0, 90))
        assert np.array_equal(stack.read(every)[..., 0], PIXELS[::-1])


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_half_of_it_is_nothing(case, failure):
    kind, path = case
    settings = {"overwrite": True, "strip_metadata": False, "record": "ruis"}

    def broken():
        for number, piece in enumerate(pieces(PIXELS)):
            if number == 4:
                raise failure
            yield piece

    before = kind_of(path), names(path)
    with kind.opened(path, axes="TYX") as stacks:
        with pytest.raises(failure), stacks.sink(path, **settings) as sink:
            sink.write(stacks.stacks[0], broken())
        every = Region((slice(0, 3),), slice(0, 70), slice(0, 90))
        assert np.array_equal(stacks.stacks[0].read(every)[..., 0], PIXELS)
    assert (kind_of(path), names(path)) == before


def test_what_is_there_stays(case):
    kind, path = case
    settings = {"overwrite": False, "strip_metadata": False, "record": "ruis"}
    with kind.opened(path, axes="TYX") as stacks:
        nowhere = path.parent / "nowhere" / path.name
        for place, why in ((path, "exists already"), (nowhere, "folder does not exist")):
            with pytest.raises(ImageWriteError, match=why), stacks.sink(place, **settings):
                raise AssertionError("it did not look before")


def test_axes_that_do_not_fit_are_refused(case):
    kind, path = case
    for axes in ("YX", "TCYX", "TTX", "ABC", "T?X"):
        with pytest.raises(ImageError), kind.opened(path, axes=axes):
            raise AssertionError(axes)


def test_a_kind_that_is_also_a_format_has_its_endings():
    for name in STACKS:
        if name in FORMATS:
            assert STACKS.load(name).suffixes == FORMATS.load(name).suffixes


def test_every_kind_sits_this_exam():
    assert set(MAKERS) == set(STACKS.own)
