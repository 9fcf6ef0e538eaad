"""All pictures in a file: one, the pages of a TIFF, the planes of a Zarr or of an array."""

import numpy as np
import pytest
import tifffile

from ruis import dataset, planes
from ruis.errors import AxesError, ImageError, TooMuchDataError
from ruis.proposal import propose


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 4096, (5, 40, 48), np.uint16)


def written(folder, kind, pixels):
    if kind == "zarr":
        zarr = pytest.importorskip("zarr")
        path = folder / "cells.zarr"
        zarr.save_array(path, pixels)
        return path, "ZYX"
    path = folder / f"cells.{'npy' if kind == 'npy' else 'tif'}"
    if kind == "npy":
        np.save(path, pixels)
        return path, "ZYX"
    settings = {"imagej": {"imagej": True}, "ome": {"ome": True, "metadata": {"axes": "TYX"}}}
    tifffile.imwrite(path, pixels, **settings.get(kind, {"compression": "zlib"}))
    return path, None


@pytest.mark.parametrize("kind", ["pages", "imagej", "ome", "zarr", "npy"])
def test_each_picture_of_a_stack(tmp_path, pixels, kind):
    path, axes = written(tmp_path, kind, pixels)
    found = planes.read(path, axes)
    assert [image.info.colour for image in found] == ["gray"] * 5
    np.testing.assert_array_equal(np.stack([image.pixels[..., 0] for image in found]), pixels)
    (header,) = planes.probe(path, axes)
    assert (header.frames, header.rows, header.columns, header.channels) == (5, 40, 48, 1)
    assert header.dtype == "uint16"


def test_pages_of_two_kinds_are_all_read(tmp_path, pixels):
    colours = np.random.default_rng(1).integers(0, 256, (30, 20, 3), np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(pixels[0])
        file.write(colours, photometric="rgb")
    assert [image.pixels.shape for image in planes.read(tmp_path / "a.tif")] == [
        (40, 48, 1),
        (30, 20, 3),
    ]
    assert [header.channels for header in planes.probe(tmp_path / "a.tif")] == [1, 3]
    assert [image.channels for image in planes.read(tmp_path / "a.tif", most=1)] == [1]


def test_one_page_is_an_image(tmp_path, pixels):
    tifffile.imwrite(tmp_path / "a.tif", pixels[0])
    (image,) = planes.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.pixels[..., 0], pixels[0])
    (sample,) = dataset.load(None, 1, noisy=tmp_path / "a.tif")
    assert sample.name == "a.tif"


def test_a_stack_and_a_folder_of_stacks_are_proposed_as_many_images(tmp_path, pixels):
    path, _ = written(tmp_path, "pages", pixels)
    for place in (path, tmp_path):
        plan = propose(noisy=place)
        assert plan.recipe.objective != "zero-shot"
        assert any("5 images" in reason for reason in plan.reasons)
        samples = dataset.load(None, 1, noisy=place)
        assert [sample.name for sample in samples] == [f"cells.tif[{i}]" for i in range(5)]


def test_a_zarr_is_an_image_not_a_folder_of_them(tmp_path, pixels):
    path, _ = written(tmp_path, "zarr", pixels)
    assert dataset.find(path) == [path]
    assert dataset.find(tmp_path) == [path]


def test_a_damaged_stack_is_refused(tmp_path, pixels):
    path, _ = written(tmp_path, "pages", pixels)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ImageError):
        planes.read(path)


@pytest.mark.parametrize("kind", ["pages", "ome"])
def test_the_middle_of_a_stack(tmp_path, pixels, kind):
    path, _ = written(tmp_path, kind, pixels)
    image, number, count = planes.middle(path)
    assert (number, count) == (2, 5)
    np.testing.assert_array_equal(image.pixels[..., 0], pixels[2])


@pytest.mark.parametrize("kind", ["zarr", "npy"])
def test_the_middle_of_a_stack_whose_axes_are_told(tmp_path, pixels, kind):
    path, axes = written(tmp_path, kind, pixels)
    image, number, count = planes.middle(path, axes)
    assert (number, count) == (2, 5)
    np.testing.assert_array_equal(image.pixels[..., 0], pixels[2])


@pytest.mark.parametrize("axes", ["YX", "QQQ", "ZTYX", None])
@pytest.mark.parametrize("look", [planes.probe, planes.read, planes.middle])
def test_axes_that_an_array_cannot_have_are_refused(tmp_path, pixels, look, axes):
    path, _ = written(tmp_path, "npy", pixels)
    with pytest.raises(AxesError, match="axes"):
        look(path, axes)


def test_an_image_is_no_stack(tmp_path, pixels):
    np.save(tmp_path / "flat.npy", pixels[0])
    tifffile.imwrite(tmp_path / "one.tif", pixels[0])
    for name in ("flat.npy", "one.tif"):
        with pytest.raises(AxesError, match="it has 2 axes, and --axes ZYX names 3"):
            planes.middle(tmp_path / name, "ZYX")
    (tmp_path / "flat.pgm").write_bytes(b"P5 2 2 255\n1234")
    with pytest.raises(AxesError, match="axes are those of a stack: TIFF, Zarr, NPY"):
        planes.middle(tmp_path / "flat.pgm", "YX")


@pytest.mark.parametrize("kind", ["pages", "zarr", "npy"])
def test_values_that_are_no_numbers_are_not_learnt_from(tmp_path, pixels, kind):
    noisy = pixels.astype(np.float32)
    noisy[3, 5, 6] = np.nan
    path, axes = written(tmp_path, kind, noisy)
    assert planes.middle(path, axes)[0].pixels.dtype == np.float32
    with pytest.raises(ImageError, match="not numbers"):
        planes.read(path, axes)


def test_the_axes_of_an_array_may_be_small(tmp_path, pixels):
    path, _ = written(tmp_path, "npy", pixels)
    np.testing.assert_array_equal(planes.middle(path, "zyx")[0].pixels[..., 0], pixels[2])


@pytest.mark.parametrize("kind", ["pages", "npy"])
@pytest.mark.parametrize(("most", "taken"), [(1, [0]), (2, [0, 3]), (3, [0, 2, 4]), (9, range(5))])
def test_some_pictures_are_spread_evenly(tmp_path, pixels, kind, most, taken):
    path, axes = written(tmp_path, kind, pixels)
    found = [image.pixels[..., 0] for image in planes.read(path, axes, most=most)]
    np.testing.assert_array_equal(np.stack(found), pixels[list(taken)])


def test_folders_of_zarr_are_paired_by_name(tmp_path):
    zarr = pytest.importorskip("zarr")
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        clean = rng.integers(0, 4096, (3, 40, 48), np.uint16)
        zarr.save_array(tmp_path / "clean" / f"{name}.zarr", clean)
        zarr.save_array(tmp_path / "noisy" / f"{name}.zarr", clean + np.uint16(ord(name)))
    samples = dataset.load(tmp_path / "clean", 1, noisy=tmp_path / "noisy", axes="ZYX")
    assert [sample.name for sample in samples] == [
        f"{name}.zarr[{number}]" for name in "ab" for number in range(3)
    ]
    for sample in samples:
        np.testing.assert_array_equal(sample.noisy, sample.clean + np.uint16(ord(sample.name[0])))
    plan = propose(clean=tmp_path / "clean", noisy=tmp_path / "noisy", axes="ZYX")
    assert plan.recipe.objective == "supervised"


def test_a_stack_larger_than_memory_is_refused_before_it_is_read(tmp_path):
    zarr = pytest.importorskip("zarr")
    path = tmp_path / "huge.zarr"
    zarr.create_array(store=path, shape=(10_000_000, 4096, 4096), chunks=(1, 512, 512), dtype="u2")
    with pytest.raises(TooMuchDataError, match=r"10000000 images .* need 3\.1"):
        propose(noisy=path, axes="ZYX")
    with pytest.raises(TooMuchDataError):
        dataset.load(None, 1, noisy=path, axes="ZYX")
