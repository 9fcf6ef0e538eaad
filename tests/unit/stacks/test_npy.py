"""NPY, window by window: axes that are told, orders, and what is refused."""

from __future__ import annotations

import os

import numpy as np
import pytest

from ruis.errors import AxesError, CorruptImageError, ImageError, ImageWriteError
from ruis.formats import read
from ruis.stacks import kind_of
from ruis.stacks.npy import NPYStacks
from ruis.stream import denoise_file

pytestmark = pytest.mark.usefixtures("small_windows")


@pytest.mark.parametrize("axes", ["zyx", "yzx", "yxz", "tzcyx"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["uint8", ">u2", "float64"])
def test_any_axes_and_orders(tmp_path, exact, noise, same, axes, order, dtype):
    shape = tuple({"y": 90, "x": 110, "z": 5}.get(axis, 2) for axis in axes)
    native = np.dtype(dtype).newbyteorder("=")
    pixels = noise(*shape, dtype=native)
    np.save(tmp_path / "a.npy", pixels.astype(dtype, order=order))
    told = denoise_file(tmp_path / "a.npy", tmp_path / "b.npy", model=exact, axes=axes)
    lengths = "x".join(map(str, shape))
    assert told.stacks == (f"{axes.upper()} {lengths} {native}",)
    found = np.load(tmp_path / "b.npy")
    assert found.dtype == np.dtype(dtype)
    assert found.flags.f_contiguous == (order == "F")
    last = [axes.index("y"), axes.index("x")]
    planes, expected = (np.moveaxis(one, last, [-2, -1]) for one in (found, pixels))
    for place in np.ndindex(planes.shape[:-2]):
        same(planes[place].astype(native), exact.denoise(expected[place]))


def test_samples_that_belong_together(tmp_path, small_model, noise, same):
    from ruis.denoiser import Denoiser

    denoiser = Denoiser(small_model(channels=3), precision="f32", tile=128)
    pixels = noise(2, 120, 100, 4)
    np.save(tmp_path / "a.npy", pixels)
    denoise_file(tmp_path / "a.npy", tmp_path / "b.npy", model=denoiser, axes="TYXS")
    found = np.load(tmp_path / "b.npy")
    assert np.array_equal(found[..., 3], pixels[..., 3]), "alpha is kept"
    for number in range(2):
        same(found[number], denoiser.denoise(pixels[number]))


def test_a_large_picture_is_read_in_windows_and_a_small_one_whole(
    tmp_path, exact, noise, same, monkeypatch
):
    np.save(tmp_path / "a.npy", pixels := noise(300, 200))
    assert NPYStacks.need(tmp_path / "a.npy") == "not"
    monkeypatch.setattr("ruis.stacks.npy.HELD", 50_000)
    assert NPYStacks.need(tmp_path / "a.npy") == "better"
    denoise_file(tmp_path / "a.npy", tmp_path / "b.npy", model=exact)
    same(np.load(tmp_path / "b.npy"), exact.denoise(pixels))


def test_without_axes_an_array_of_planes_is_refused_with_what_to_say(tmp_path, exact, noise):
    np.save(tmp_path / "a.npy", noise(5, 20, 30))
    with pytest.raises(AxesError, match=r"shape \(5, 20, 30\); say what its axes are with --axes"):
        denoise_file(tmp_path / "a.npy", tmp_path / "b.npy", model=exact)
    with pytest.raises(AxesError, match="what the axes of a stack are"):
        read(tmp_path / "a.npy")
    assert [one.name for one in tmp_path.iterdir()] == ["a.npy"]


@pytest.mark.parametrize("dtype", ["bool", "int64", "uint64"])
def test_what_is_no_stack_of_images_is_refused(tmp_path, exact, dtype):
    np.save(tmp_path / "a.npy", np.ones((3, 8, 8), dtype))
    with pytest.raises(ImageError, match="images are of 8 to 32 bits, or floats"):
        denoise_file(tmp_path / "a.npy", tmp_path / "b.npy", model=exact, axes="TYX")


def test_a_damaged_file_is_refused_and_leaves_nothing(tmp_path, exact, noise):
    path = tmp_path / "a.npy"
    np.save(path, noise(5, 20, 30))
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(CorruptImageError, match="it ends after"):
        denoise_file(path, tmp_path / "b.npy", model=exact, axes="TYX")
    path.write_bytes(whole[:20])
    with pytest.raises(CorruptImageError):
        denoise_file(path, tmp_path / "b.npy", model=exact, axes="TYX")
    np.save(path, noise(5, 20, 30) + np.float32(np.nan))
    with pytest.raises(ImageError, match="not numbers"):
        denoise_file(path, tmp_path / "b.npy", model=exact, axes="TYX")
    assert [one.name for one in tmp_path.iterdir()] == ["a.npy"]


def test_objects_are_never_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[{}]]), allow_pickle=True)
    with pytest.raises(ImageError, match="no image"):
        kind_of(tmp_path / "a.npy").need(tmp_path / "a.npy")


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="files are filled with zeros here")
def test_a_full_disk_is_told_of_before_anything_is_mapped(tmp_path, exact, noise, monkeypatch):
    def full(descriptor, start, length):
        raise OSError(28, "No space left on device")

    np.save(tmp_path / "a.npy", noise(5, 20, 30))
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(ImageWriteError, match="the disk is full"):
        denoise_file(tmp_path / "a.npy", tmp_path / "b.npy", model=exact, axes="TYX")
    assert [one.name for one in tmp_path.iterdir()] == ["a.npy"]


def test_where_disks_cannot_be_asked_for_room_zeros_are_written(
    tmp_path, exact, noise, same, monkeypatch
):
    np.save(tmp_path / "a.npy", pixels := noise(2, 90, 100))
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    denoise_file(tmp_path / "a.npy", tmp_path / "b.npy", model=exact, axes="TYX")
    for found, expected in zip(np.load(tmp_path / "b.npy"), pixels, strict=True):
        same(found, exact.denoise(expected))
