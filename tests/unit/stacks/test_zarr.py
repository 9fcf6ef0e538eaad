"""Zarr and OME-Zarr, window by window: chunks, shards, axes, pyramids, and what is refused."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from ruis.errors import (
    AxesError,
    CorruptImageError,
    ImageError,
    ImageWriteError,
    UnsupportedFormatError,
)
from ruis.stacks import kind_of
from ruis.stream import denoise_file

zarr = pytest.importorskip("zarr", reason="Zarr needs the zarr extra")
pytestmark = pytest.mark.usefixtures("small_windows")


def array(path, pixels, chunks, *, version=3, **settings):
    made = zarr.create_array(
        str(path), shape=pixels.shape, dtype=pixels.dtype, chunks=chunks, zarr_format=version,
        **settings,
    )  # fmt: skip
    made[...] = pixels
    return made


def ceil_half(length):
    return -(-length // 2)


def floor_half(length):
    return length // 2


def multiscale(
    path, pixels, axes, *, version=3, levels=3, method="", omero=None, chunk=64, halved=ceil_half
):
    """Write an OME-Zarr whose lower levels are zeros: they have to be made anew."""
    group = zarr.open_group(str(path), mode="w", zarr_format=version)
    kinds = {"t": "time", "c": "channel"}
    datasets = []
    shape = pixels.shape
    for level in range(levels):
        if level:
            shape = tuple(halved(n) if a in "yx" else n for n, a in zip(shape, axes, strict=True))
        chunks = tuple(chunk if a in "yx" else 1 for a in axes)
        names = {"dimension_names": list(axes)} if version == 3 else {}
        made = group.create_array(
            str(level), shape=shape, chunks=chunks, dtype=pixels.dtype, **names
        )
        if not level:
            made[...] = pixels
        scale = [2.0**level if a in "yx" else 1.0 for a in axes]
        transformations = [{"type": "scale", "scale": scale}]
        datasets.append({"path": str(level), "coordinateTransformations": transformations})
    said = {
        "axes": [{"name": a, "type": kinds.get(a, "space")} for a in axes],
        "datasets": datasets,
    }
    said |= {"name": "cells", **({"type": method} if method else {})}
    ome = {"multiscales": [said], **({"omero": omero} if omero else {})}
    group.attrs.update({"ome": {"version": "0.5", **ome}} if version == 3 else ome)
    return group


def names_in(folder):
    return sorted(one.name for one in folder.iterdir())


def metadata_of(folder):
    names = ("zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata")
    return {
        str(one.relative_to(folder)): one.read_bytes()
        for one in sorted(folder.rglob("*"))
        if one.name in names
    }


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("chunks", [(64, 64), (100, 37), (1, 190), (300, 190)], ids=str)
def test_any_chunks_give_what_memory_gives(tmp_path, exact, noise, same, version, chunks):
    pixels = noise(300, 190, dtype="uint16")
    array(tmp_path / "a.zarr", pixels, chunks, version=version)
    told = denoise_file(tmp_path / "a.zarr", tmp_path / "b.zarr", model=exact)
    assert told.stacks == ("YX 300x190 uint16",)
    same(zarr.open_array(str(tmp_path / "b.zarr"), mode="r")[...], exact.denoise(pixels))
    assert metadata_of(tmp_path / "a.zarr") == metadata_of(tmp_path / "b.zarr")
    assert names_in(tmp_path) == ["a.zarr", "b.zarr"]


@pytest.mark.parametrize("axes", ["zyx", "yzx", "yxz", "tzcyx"])
@pytest.mark.parametrize("thick", [1, 2, 5])
def test_any_axes_and_chunks_of_many_planes(tmp_path, exact, noise, same, axes, thick):
    shape = tuple({"y": 90, "x": 110, "z": 5}.get(axis, 2) for axis in axes)
    chunks = tuple(
        32 if axis in "yx" else min(thick, n) for axis, n in zip(axes, shape, strict=True)
    )
    pixels = noise(*shape)
    array(tmp_path / "a.zarr", pixels, chunks)
    denoise_file(tmp_path / "a.zarr", tmp_path / "b.zarr", model=exact, axes=axes)
    found = zarr.open_array(str(tmp_path / "b.zarr"), mode="r")[...]
    last = [axes.index("y"), axes.index("x")]
    planes, expected = (np.moveaxis(one, last, [-2, -1]) for one in (found, pixels))
    for place in np.ndindex(planes.shape[:-2]):
        same(planes[place], exact.denoise(expected[place]))


def test_shards_compression_and_dtype_are_kept(tmp_path, exact, noise, same):
    pixels = noise(2, 300, 260, dtype="float32")
    codec = zarr.codecs.ZstdCodec(level=5)
    array(tmp_path / "a.zarr", pixels, (1, 32, 32), shards=(1, 128, 64), compressors=codec)
    denoise_file(tmp_path / "a.zarr", tmp_path / "b.zarr", model=exact, axes="TYX")
    found = zarr.open_array(str(tmp_path / "b.zarr"), mode="r")
    assert (found.shards, found.chunks, found.compressors) == ((1, 128, 64), (1, 32, 32), (codec,))
    for one, other in zip(found[...], pixels, strict=True):
        same(one, exact.denoise(other))


def test_big_endian_values(tmp_path, exact, noise, same):
    pixels = noise(90, 80, dtype="uint16")
    array(tmp_path / "a.zarr", pixels.astype(">u2"), (32, 32), version=2)
    denoise_file(tmp_path / "a.zarr", tmp_path / "b.zarr", model=exact)
    assert b">u2" in (tmp_path / "b.zarr" / ".zarray").read_bytes()
    found = zarr.open_array(str(tmp_path / "b.zarr"), mode="r")[...]
    same(found.astype("uint16"), exact.denoise(pixels))


def test_samples_that_belong_together(tmp_path, small_model, noise, same):
    from ruis.denoiser import Denoiser

    denoiser = Denoiser(small_model(channels=3), precision="f32", tile=128)
    pixels = noise(120, 100, 3)
    array(tmp_path / "a.zarr", pixels, (50, 50, 1))
    told = denoise_file(tmp_path / "a.zarr", tmp_path / "b.zarr", model=denoiser)
    assert told.stacks == ("YXS 120x100x3 uint8",)
    same(zarr.open_array(str(tmp_path / "b.zarr"), mode="r")[...], denoiser.denoise(pixels))


# -- OME-Zarr ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("method", ["", "nearest", "gaussian"])
@pytest.mark.parametrize("halved", [ceil_half, floor_half])
@pytest.mark.parametrize("box", [None, 1])
def test_a_pyramid_is_made_anew_and_its_metadata_is_kept(
    tmp_path, exact, noise, same, version, method, halved, box, monkeypatch
):
    if box is not None:  # a chunk at a time, as of a large image
        monkeypatch.setattr("ruis.stacks.zarr.BOX", box)
    pixels = noise(2, 1, 131, 150, dtype="uint16")
    multiscale(
        tmp_path / "a.zarr", pixels, "czyx", version=version, method=method, halved=halved, chunk=32
    )
    told = denoise_file(tmp_path / "a.zarr", tmp_path / "b.zarr", model=exact)
    assert told.stacks == ("CZYX 2x1x131x150 uint16",)
    assert metadata_of(tmp_path / "a.zarr") == metadata_of(tmp_path / "b.zarr")
    clean = zarr.open_group(str(tmp_path / "b.zarr"), mode="r")
    for channel in range(2):
        same(clean["0"][channel, 0], exact.denoise(pixels[channel, 0]))
    for below, above in (("0", "1"), ("1", "2")):
        full, half = clean[below][...].astype(float), clean[above][...].astype(float)
        rows, columns = half.shape[-2:]
        if method == "nearest":
            assert np.array_equal(half, full[..., ::2, ::2][..., :rows, :columns])
            continue
        missing = [(0, n % 2) for n in full.shape[-2:]]
        full = np.pad(full, [(0, 0), (0, 0), *missing], mode="edge")
        if method == "gaussian":
            from scipy.ndimage import gaussian_filter

            full = gaussian_filter(full, (0, 0, 2 / 3, 2 / 3))
        full = full[..., : 2 * rows, : 2 * columns]
        means = full.reshape(2, 1, rows, 2, columns, 2).mean(axis=(3, 5))
        assert np.abs(half - means).max() <= 1


def test_labels_and_whatever_else_is_there_is_copied(tmp_path, exact, noise):
    group = multiscale(tmp_path / "a.zarr", noise(70, 60), "yx", levels=1)
    labels = group.create_group("labels").create_group("cells")
    labels.attrs.update(
        {"ome": {"image-label": {}, "multiscales": [{"datasets": [{"path": "0"}]}]}}
    )
    made = labels.create_array("0", shape=(70, 60), chunks=(30, 30), dtype="uint32")
    made[...] = np.arange(4200).reshape(70, 60)
    (tmp_path / "a.zarr" / "OME").mkdir()
    (tmp_path / "a.zarr" / "OME" / "METADATA.ome.xml").write_text("<OME/>")
    told = denoise_file(tmp_path / "a.zarr", tmp_path / "b.zarr", model=exact)
    assert told.notes == ("1 arrays that are no images are copied",)
    clean = zarr.open_group(str(tmp_path / "b.zarr"), mode="r")
    assert np.array_equal(clean["labels/cells/0"][...], made[...])
    assert (tmp_path / "b.zarr" / "OME" / "METADATA.ome.xml").read_text() == "<OME/>"
    assert not np.array_equal(clean["0"][...], group["0"][...])


@pytest.mark.parametrize("version", [2, 3])
def test_without_metadata_only_what_pixels_need_is_copied(tmp_path, exact, noise, same, version):
    pixels = noise(70, 60)
    group = multiscale(tmp_path / "a.zarr", pixels, "yx", levels=2, version=version)
    group.attrs["acquired_by"] = "Jane Doe"
    group["0"].attrs.update({"operator": "Jane Doe", "units": "photons"})
    labels = group.create_group("labels").create_group("cells")
    labels.attrs["drawn by"] = "Jane Doe"
    made = labels.create_array("0", shape=(70, 60), chunks=(30, 30), dtype="uint32")
    made[...] = np.arange(4200).reshape(70, 60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is no part of version 3, and is written all the same
        zarr.consolidate_metadata(str(tmp_path / "a.zarr"))
    (tmp_path / "a.zarr" / "OME").mkdir()
    (tmp_path / "a.zarr" / "OME" / "METADATA.ome.xml").write_text("<OME>Jane Doe</OME>")
    denoise_file(tmp_path / "a.zarr", tmp_path / "b.zarr", model=exact, strip_metadata=True)
    for file in (tmp_path / "b.zarr").rglob("*"):
        assert file.is_dir() or b"Jane" not in file.read_bytes(), file
    clean = zarr.open_group(str(tmp_path / "b.zarr"), mode="r")
    same(clean["0"][...], exact.denoise(pixels))
    assert np.array_equal(clean["labels/cells/0"][...], made[...])
    assert clean["0"].attrs["units"] == "photons"
    assert "multiscales" in (clean.attrs["ome"] if version == 3 else clean.attrs)
    again = denoise_file(tmp_path / "b.zarr", tmp_path / "c.zarr", model=exact)
    assert again.stacks == ("YX 70x60 uint8",)


def test_a_plate_of_many_images(tmp_path, exact, noise, same):
    root = zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    root.attrs["ome"] = {"version": "0.5", "plate": {"wells": [{"path": "A/1"}, {"path": "B/2"}]}}
    fields = {f"{well}/{n}": noise(60, 50, seed=n) for well in ("A/1", "B/2") for n in range(2)}
    for path, pixels in fields.items():
        multiscale(tmp_path / "a.zarr" / path, pixels, "yx", levels=2)
    for well in ("A", "A/1", "B", "B/2"):
        zarr.open_group(str(tmp_path / "a.zarr" / well), mode="a")
    told = denoise_file(tmp_path / "a.zarr", tmp_path / "b.zarr", model=exact)
    assert told.megapixels == pytest.approx(4 * 60 * 50 / 1e6)
    for path, pixels in fields.items():
        same(
            zarr.open_group(str(tmp_path / "b.zarr" / path), mode="r")["0"][...],
            exact.denoise(pixels),
        )


def test_channels_that_are_called_red_green_and_blue_belong_together(tmp_path, exact, noise):
    for labels, told in ((("Red", "Green", "Blue"), "SYX"), (("DAPI", "GFP", "RFP"), "CYX")):
        omero = {"channels": [{"label": label} for label in labels]}
        multiscale(tmp_path / "a.zarr", noise(3, 50, 40), "cyx", omero=omero, levels=1)
        result = denoise_file(tmp_path / "a.zarr", tmp_path / "b.zarr", model=exact, overwrite=True)
        assert result.stacks == (f"{told} 3x50x40 uint8",)


def test_names_of_dimensions_are_axes(tmp_path, exact, noise):
    pixels = noise(3, 40, 50)
    array(tmp_path / "a.zarr", pixels, (1, 20, 20), dimension_names=["time", "y", "x"])
    made = array(tmp_path / "b.zarr", pixels, (1, 20, 20), version=2)
    made.attrs["_ARRAY_DIMENSIONS"] = ["wavelength", "y", "x"]
    for name, axes in (("a", "TYX"), ("b", "HYX")):
        told = denoise_file(tmp_path / f"{name}.zarr", tmp_path / f"{name}2.zarr", model=exact)
        assert told.stacks == (f"{axes} 3x40x50 uint8",)


# -- what is refused ---------------------------------------------------------------------------------


def test_what_is_refused_leaves_nothing(tmp_path, exact, noise):
    def refused(error, match, **settings):
        with pytest.raises(error, match=match):
            denoise_file(tmp_path / "a.zarr", tmp_path / "b.zarr", model=exact, **settings)
        assert names_in(tmp_path) == ["a.zarr"]

    hole = noise(100, 90, dtype="float32")
    hole[99, 89] = np.inf
    array(tmp_path / "a.zarr", hole, (32, 32))
    refused(ImageError, "not numbers")
    refused(AxesError, "2 axes", axes="ZYX")
    for dtype, name in (("int64", "int64"), ("bool", "bool"), ("complex64", "complex64")):
        array(tmp_path / "a.zarr", np.zeros((8, 8), dtype), (4, 4), overwrite=True)
        refused(ImageError, name)
    array(tmp_path / "a.zarr", noise(4, 30, 20), (1, 4, 4), overwrite=True)
    refused(AxesError, "--axes, such as ZYX")
    group = multiscale(tmp_path / "a.zarr", noise(50, 40), "yx", levels=1)
    group.attrs["ome"] = {"multiscales": [{"datasets": [{"path": "9"}], "axes": ["y", "x"]}]}
    refused(CorruptImageError, "no array 9")
    group.attrs["ome"] = {"multiscales": [{}]}
    refused(CorruptImageError, "no paths")
    group = multiscale(tmp_path / "a.zarr", noise(50, 40), "yx", levels=2)
    group.create_array("1", shape=(33, 26), chunks=(8, 8), dtype="uint8", overwrite=True)
    refused(CorruptImageError, "whole numbers")
    (tmp_path / "a.zarr" / "zarr.json").write_text("{")
    refused(CorruptImageError, "no JSON")
    (tmp_path / "a.zarr" / "zarr.json").write_text(json.dumps({"node_type": "file"}))
    refused(CorruptImageError, "type 'file'")


def test_a_broken_chunk_leaves_nothing(tmp_path, exact, noise):
    array(tmp_path / "a.zarr", noise(200, 200), (64, 64))
    chunk = tmp_path / "a.zarr" / "c" / "2" / "2"
    chunk.write_bytes(b"\xff" * chunk.stat().st_size)
    with pytest.raises(CorruptImageError, match=r"a\.zarr"):
        denoise_file(tmp_path / "a.zarr", tmp_path / "b.zarr", model=exact)
    assert names_in(tmp_path) == ["a.zarr"]


def test_links_are_not_followed(tmp_path, exact, noise):
    array(tmp_path / "a.zarr", noise(20, 20), (10, 10))
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "a.zarr" / "note").symlink_to(tmp_path / "secret")
    with pytest.raises(UnsupportedFormatError, match="link"):
        denoise_file(tmp_path / "a.zarr", tmp_path / "b.zarr", model=exact)
    assert not (tmp_path / "b.zarr").exists()


def test_what_is_there_is_replaced_only_when_asked(tmp_path, exact, noise):
    array(tmp_path / "a.zarr", noise(20, 20), (10, 10))
    (tmp_path / "b.zarr").mkdir()
    (tmp_path / "b.zarr" / "mine").write_text("mine")
    with pytest.raises(ImageWriteError, match="exists already"):
        denoise_file(tmp_path / "a.zarr", tmp_path / "b.zarr", model=exact)
    assert (tmp_path / "b.zarr" / "mine").exists()
    denoise_file(tmp_path / "a.zarr", tmp_path / "b.zarr", model=exact, overwrite=True)
    denoise_file(tmp_path / "a.zarr", tmp_path / "a.zarr", model=exact, overwrite=True)
    assert not (tmp_path / "b.zarr" / "mine").exists()
    one, other = (zarr.open_array(str(tmp_path / f"{n}.zarr"), mode="r")[...] for n in "ab")
    assert np.array_equal(one, other)
    assert names_in(tmp_path) == ["a.zarr", "b.zarr"]


def test_a_folder_that_is_none_is_said_to_be_none(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    with pytest.raises(UnsupportedFormatError, match="no Zarr"):
        kind_of(tmp_path / "a.zarr")
    (tmp_path / "b.zarr").mkdir()
    (tmp_path / "b.zarr" / ".zgroup").write_text('{"zarr_format": 2}')
    with pytest.raises(UnsupportedFormatError, match="no array"):
        denoise_file(tmp_path / "b.zarr", tmp_path / "c.zarr")
