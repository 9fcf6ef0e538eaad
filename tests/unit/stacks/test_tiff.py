"""TIFF, window by window: every kind of storage, the tags, the axes, and what is refused."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

import ruis
from ruis.errors import AxesError, CorruptImageError, ImageError, UnsupportedFormatError
from ruis.image import Metadata
from ruis.stacks import kind_of
from ruis.stacks.tiff import TIFFStacks
from ruis.stacks.tiff.writing import _bare, _true, _true_shape
from ruis.stream import denoise_file

pytestmark = pytest.mark.usefixtures("small_windows")

STORAGE = {
    "one long strip": {},
    "strips": {"rowsperstrip": 7},
    "strips, deflate, predictor": {"rowsperstrip": 16, "compression": "zlib", "predictor": True},
    "strips, LZW": {"rowsperstrip": 50, "compression": "lzw", "predictor": True},
    "strips, Zstandard": {"rowsperstrip": 64, "compression": "zstd"},
    "strips, PackBits": {"rowsperstrip": 64, "compression": "packbits"},
    "tiles": {"tile": (64, 48)},
    "tiles, deflate, predictor": {"tile": (128, 128), "compression": "zlib", "predictor": True},
    "tiles, LZMA": {"tile": (64, 256), "compression": "lzma"},
    "tiles larger than the image": {"tile": (512, 512), "compression": "lzw"},
}


@pytest.fixture
def tiff():
    """Open TIFF files until the test ends."""
    with ExitStack() as stack:
        yield lambda path: stack.enter_context(tifffile.TiffFile(path))


@pytest.fixture
def streamed(tmp_path, exact):
    """Write an image, denoise the file, and return both files."""

    def run(*arguments, write=tifffile.imwrite, name="noisy.tif", settings=None, **keywords):
        noisy, clean = tmp_path / name, tmp_path / f"clean-{name}"
        write(noisy, *arguments, **keywords)
        settings = {"model": exact, **(settings or {})}
        return noisy, clean, denoise_file(noisy, clean, **settings)

    return run


@pytest.mark.parametrize("storage", STORAGE.values(), ids=STORAGE)
@pytest.mark.parametrize("shape", [(301, 213), (150, 170, 3)], ids=str)
def test_storage_is_kept_and_pixels_are_what_memory_gives(
    streamed, exact, small_model, noise, same, storage, shape
):
    pixels = noise(*shape, dtype="uint16")
    photometric = "rgb" if len(shape) == 3 else "minisblack"
    before, after, _ = streamed(pixels, photometric=photometric, **storage)
    same(tifffile.imread(after), exact.denoise(pixels))
    with tifffile.TiffFile(before) as one, tifffile.TiffFile(after) as other:
        a, b = one.pages[0], other.pages[0]
        assert (a.compression, a.predictor, a.chunks) == (b.compression, b.predictor, b.chunks)
        assert (a.photometric, a.planarconfig, a.axes) == (b.photometric, b.planarconfig, b.axes)


@pytest.mark.parametrize(
    "dtype", ["uint8", "int16", "uint32", "int32", "float16", "float32", "float64"]
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_dtypes_and_byte_orders(streamed, exact, noise, same, dtype, order):
    pixels = noise(200, 190, dtype=dtype)
    storage = {"tile": (64, 64), "compression": "zlib", "predictor": dtype != "float16"}
    before, after, _ = streamed(pixels, byteorder=order, **storage)
    same(ruis.read(after).pixels[..., 0], exact.denoise(pixels))
    assert before.read_bytes()[:4] == after.read_bytes()[:4], (
        "byte order, and whether it is BigTIFF"
    )


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_strips_in_both_byte_orders(streamed, exact, noise, same, order, compression):
    pixels = noise(120, 130, 3, dtype="uint16")
    _, after, _ = streamed(
        pixels, byteorder=order, rowsperstrip=32, compression=compression, photometric="rgb",
        predictor=compression is not None,
    )  # fmt: skip
    same(tifffile.imread(after), exact.denoise(pixels))


def test_bigtiff_stays_bigtiff(tiff, streamed, noise):
    _, after, _ = streamed(noise(90, 80), bigtiff=True)
    assert tiff(after).is_bigtiff


def test_a_colour_model_sees_the_colours_together(tmp_path, small_model, noise, same):
    denoiser = ruis.Denoiser(small_model(channels=3), precision="f32", tile=128)
    pixels = noise(230, 240, 3)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", tile=(32, 32))
    denoise_file(tmp_path / "a.tif", tmp_path / "b.tif", model=denoiser)
    same(tifffile.imread(tmp_path / "b.tif"), denoiser.denoise(pixels))


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_channels_stored_apart_are_joined_and_it_is_said(streamed, exact, noise, same, compression):
    pixels = noise(3, 150, 140)
    _, after, told = streamed(
        pixels, photometric="rgb", planarconfig="separate", compression=compression
    )
    same(tifffile.imread(after), exact.denoise(np.moveaxis(pixels, 0, 2)))
    assert "channels that were stored apart are written pixel by pixel" in told.notes


def test_alpha_is_copied(streamed, exact, noise):
    pixels = noise(140, 150, 4)
    _, after, _ = streamed(pixels, photometric="rgb", extrasamples=["unassalpha"], tile=(64, 64))
    found = tifffile.imread(after)
    assert np.array_equal(found[..., 3], pixels[..., 3])
    assert not np.array_equal(found[..., 0], pixels[..., 0])
    with Pillow.open(after) as opened:
        assert opened.mode == "RGBA"


def test_what_needs_to_be_expanded_is(tmp_path, exact, noise, same):
    """A palette and bits, as memory expands them."""
    for mode in ("P", "1"):
        Pillow.fromarray(noise(90, 100)).convert(mode).save(tmp_path / "a.tif")
        denoise_file(tmp_path / "a.tif", tmp_path / "b.tif", model=exact, overwrite=True)
        expected = exact.run(ruis.read(tmp_path / "a.tif")).image
        found = ruis.read(tmp_path / "b.tif")
        same(found.pixels, expected.pixels)
        assert found.info.colour == expected.info.colour


def test_white_is_zero_is_turned(streamed, exact, noise, same):
    pixels = noise(80, 90)
    before, after, _ = streamed(pixels, photometric="miniswhite", tile=(32, 32))
    same(ruis.read(after).pixels, exact.run(ruis.read(before)).image.pixels)


def test_jpeg_tiles_stay_jpeg_tiles(tiff, streamed, exact, noise):
    for pixels, photometric in ((noise(200, 210), "minisblack"), (noise(96, 90, 3), "rgb")):
        before, after, told = streamed(
            pixels, compression="jpeg", tile=(64, 64), photometric=photometric,
            settings={"overwrite": True},
        )  # fmt: skip
        assert tiff(after).pages[0].compression == 7
        expected = exact.denoise(tifffile.imread(before)).astype(float)
        assert np.abs(tifffile.imread(after) - expected).mean() < 4, "JPEG of quality 95"
    _, after, told = streamed(noise(64, 64), compression="jpeg", settings={"overwrite": True})
    assert tiff(after).pages[0].compression == 8
    assert "what was compressed as JPEG is written with deflate" in told.notes


# -- tags and axes -----------------------------------------------------------------------------------


def test_tags_are_kept_and_the_processing_is_added(tiff, streamed, noise):
    geo = (33550, 12, 3, (0.5, 0.5, 0.0), True)
    before, after, _ = streamed(
        noise(100, 110), metadata=None, description="a crack", software="GIMP", datetime=True,
        resolution=(300, 150), resolutionunit="CENTIMETER", iccprofile=b"x" * 132,
        extratags=[geo, (274, 3, 1, 6, True), (700, 1, 3, b"<x>", True)],
    )  # fmt: skip
    a, b = tiff(before).pages[0], tiff(after).pages[0]
    for code in (270, 274, 282, 283, 296, 306, 700, 33550, 34675):
        assert a.tags[code].value == b.tags[code].value, code
    assert b.tags[305].value == "GIMP; ruis"


def test_metadata_can_be_stripped(tiff, streamed, noise):
    _, after, _ = streamed(
        noise(100, 110), metadata=None, description="me", software="GIMP", resolution=(300, 300),
        extratags=[(274, 3, 1, 6, True), (315, 2, 5, b"Anna\0", True)],
        settings={"strip_metadata": True},
    )  # fmt: skip
    tags = tiff(after).pages[0].tags
    assert not {270, 305, 315} & {tag.code for tag in tags}
    assert tags[274].value == 6
    assert tags[282].value == (300, 1)


@pytest.mark.parametrize("photometric", ["minisblack", "rgb"])
def test_an_ome_tiff_keeps_its_xml_and_its_axes(streamed, exact, noise, same, photometric):
    deep = photometric == "rgb"
    pixels = noise(2, 3, 130, 120, *([3] if deep else []), dtype="uint16")
    axes = "TZYXS" if deep else "TCYX"
    before, after, told = streamed(
        pixels, name="cells.ome.tif", photometric=photometric, tile=(64, 64), compression="zlib",
        metadata={"axes": axes, "PhysicalSizeX": 0.13, "PhysicalSizeXUnit": "µm"},
    )  # fmt: skip
    lengths = "x".join(map(str, pixels.shape))
    assert told.stacks == (f"{axes} {lengths} uint16",)
    with tifffile.TiffFile(before) as one, tifffile.TiffFile(after) as other:
        assert other.ome_metadata == one.ome_metadata
        assert (other.series[0].axes, other.series[0].shape) == (axes, pixels.shape)
        found = other.asarray()
    for place in np.ndindex(pixels.shape[:2]):
        same(found[place], exact.denoise(pixels[place]))


def test_ome_xml_that_names_the_file_names_the_new_one(tiff, tmp_path, exact, noise):
    xml = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="40" '
        'SizeY="50" SizeZ="1" SizeC="1" SizeT="1"><TiffData IFD="0"><UUID FileName="{}">'
        "urn:uuid:a</UUID></TiffData></Pixels></Image></OME>"
    )
    noisy, clean = tmp_path / "a.ome.tif", tmp_path / "b & c.ome.tif"
    tifffile.imwrite(noisy, noise(50, 40), description=xml.format("a.ome.tif"), metadata=None)
    denoise_file(noisy, clean, model=exact)
    assert tiff(clean).pages[0].description == xml.format("b &amp; c.ome.tif")
    several = xml.replace("</TiffData>", "</TiffData><TiffData>{}</TiffData>", 1)
    other = '<UUID FileName="other.ome.tif">urn:uuid:b</UUID>'
    tifffile.imwrite(
        noisy, noise(50, 40), description=several.format("a.ome.tif", other), metadata=None
    )
    with pytest.raises(ImageError, match="2 files"):
        denoise_file(noisy, tmp_path / "d.ome.tif", model=exact)


@pytest.mark.parametrize("contiguous", [True, False], ids=["one directory", "directories"])
def test_an_imagej_stack(tiff, streamed, exact, noise, same, tmp_path, contiguous):
    pixels = noise(4, 2, 70, 60, dtype="uint16")
    metadata = {"axes": "ZCYX", "spacing": 0.3, "unit": "um", "Labels": ["one", "two"]}
    before, after, told = streamed(pixels, imagej=True, metadata=metadata)
    if contiguous:  # as ImageJ writes what is larger than 4 GB: no directory but the first
        data = bytearray(before.read_bytes())
        order = ">" if data[:2] == b"MM" else "<"
        first = int.from_bytes(data[4:8], "big" if order == ">" else "little")
        tags = int.from_bytes(data[first : first + 2], "big" if order == ">" else "little")
        data[first + 2 + 12 * tags : first + 6 + 12 * tags] = bytes(4)
        before.write_bytes(data)
        assert len(tiff(before).pages) == 1
        told = denoise_file(before, after, model=exact, overwrite=True)
    assert told.stacks == ("ZCYX 4x2x70x60 uint16",)
    with tifffile.TiffFile(after) as file:
        assert file.is_imagej
        assert file.imagej_metadata["spacing"] == 0.3
        assert file.imagej_metadata["Labels"] == ["one", "two"]
        assert not file.pages[0].is_tiled, "ImageJ reads no tiles"
        found = file.asarray()
    for place in np.ndindex(4, 2):
        same(found[place], exact.denoise(pixels[place]))


def test_pages_that_differ_are_denoised_each_as_it_is(tmp_path, exact, noise, same):
    pages = [noise(60, 70), noise(60, 70), noise(50, 40, dtype="uint16"), noise(30, 35, 3)]
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for page in pages:
            file.write(page, photometric="rgb" if page.ndim == 3 else "minisblack", metadata=None)
    told = denoise_file(tmp_path / "a.tif", tmp_path / "b.tif", model=exact)
    assert told.stacks == ("PYX 2x60x70 uint8", "YX 50x40 uint16", "YXS 30x35x3 uint8")
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        for page, pixels in zip(file.pages, pages, strict=True):
            same(page.asarray(), exact.denoise(pixels))


def test_reduced_copies_are_left_out_and_it_is_said(tiff, tmp_path, exact, noise):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(noise(64, 64), subifds=1, metadata=None)
        file.write(noise(32, 32), subfiletype=1, metadata=None)
        file.write(noise(16, 16), subfiletype=1, metadata=None)
    told = denoise_file(tmp_path / "a.tif", tmp_path / "b.tif", model=exact)
    assert told.notes[0] == "reduced copies and masks are left out"
    assert len(tiff(tmp_path / "b.tif").pages) == 1


def test_axes_can_be_named_but_not_moved(streamed, tmp_path, exact, noise):
    before, _, told = streamed(
        noise(3, 40, 50), metadata=None, photometric="minisblack", settings={"axes": "zyx"}
    )
    assert told.stacks == ("ZYX 3x40x50 uint8",)
    for axes in ("YXZ", "ZY", "ZYY", "Z?X", "TZYX", "SYX"):
        with pytest.raises(AxesError):
            denoise_file(before, tmp_path / "no.tif", model=exact, axes=axes)


def test_rgb_can_be_said_to_be_channels(streamed, exact, noise, same):
    pixels = noise(60, 50, 3)
    _, after, _ = streamed(pixels, photometric="rgb", settings={"axes": "YXC", "model": "gray"})
    expected = ruis.load("gray").denoise(pixels, channel_axis=2)
    same(tifffile.imread(after), expected)


# -- what is refused ---------------------------------------------------------------------------------


def test_what_is_not_a_number_is_refused_and_leaves_nothing(tmp_path, exact, noise):
    pixels = noise(300, 200, dtype="float32")
    pixels[290, 10] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", pixels, tile=(64, 64))
    with pytest.raises(ImageError, match=r"a.tif.*not numbers"):
        denoise_file(tmp_path / "a.tif", tmp_path / "b.tif", model=exact)
    assert [one.name for one in tmp_path.iterdir()] == ["a.tif"]


@pytest.mark.parametrize("storage", ["tiles", "strips, deflate, predictor", "one long strip"])
def test_a_truncated_file_leaves_nothing(tiff, tmp_path, exact, noise, storage):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for _ in range(2):
            file.write(noise(200, 200), metadata=None, **STORAGE[storage])
    whole = (tmp_path / "a.tif").read_bytes()
    page = tiff(tmp_path / "a.tif").pages[1]
    broken = bytearray(whole)
    broken[page.dataoffsets[-1] : page.dataoffsets[-1] + 40] = b"\xff" * 40
    for content in (whole[: len(whole) // 2], whole[:-5], bytes(broken)):
        (tmp_path / "a.tif").write_bytes(content)
        try:
            denoise_file(tmp_path / "a.tif", tmp_path / "b.tif", model=exact, overwrite=True)
        except CorruptImageError as error:
            assert "a.tif" in str(error)  # noqa: PT017 - pixels that are not compressed are pixels
            assert {one.name for one in tmp_path.iterdir()} <= {"a.tif", "b.tif"}
        else:
            assert content == bytes(broken)


def test_every_changed_byte_of_the_start_is_survived(tmp_path, exact, noise):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(2, 16, 16), metadata=None, rowsperstrip=8, compression="zlib")
    content = path.read_bytes()
    for position in range(min(len(content), 200)):
        mutant = bytearray(content)
        mutant[position] ^= 0xFF
        path.write_bytes(mutant)
        try:
            kind = kind_of(path)
            if kind is not None:
                kind.need(path)
                with kind.opened(path) as stacks:
                    for stack in stacks.stacks:
                        assert stack.rows > 0
        except ImageError as error:
            assert "a.tif" in str(error)  # noqa: PT017 - many mutants are images


def test_other_kinds_of_tiff_are_refused(tmp_path, exact, noise):
    for big, reason in ((False, "neither TIFF, Zarr nor NPY"), (True, "DNG")):
        tifffile.imwrite(
            tmp_path / "a.tif",
            noise(30, 30),
            bigtiff=big,
            extratags=[(50706, 1, 4, b"\1\4\0\0", True)],
        )
        with pytest.raises(UnsupportedFormatError, match=reason):
            denoise_file(tmp_path / "a.tif", tmp_path / "b.tif", model=exact)


def test_tiff_stays_tiff(tmp_path, exact, noise):
    tifffile.imwrite(tmp_path / "a.tif", noise(2, 30, 30))
    with pytest.raises(UnsupportedFormatError, match=r"\.tif"):
        denoise_file(tmp_path / "a.tif", tmp_path / "b.png", model=exact)
    with pytest.raises(UnsupportedFormatError, match="neither"):
        denoise_file(__file__, tmp_path / "b.tif", model=exact)


def test_what_needs_it(tmp_path, noise, monkeypatch):
    monkeypatch.setattr("ruis.stacks.tiff.HELD", 5000)
    tifffile.imwrite(tmp_path / "small.tif", noise(50, 60))
    tifffile.imwrite(tmp_path / "large.tif", noise(80, 90))
    tifffile.imwrite(tmp_path / "pages.tif", noise(2, 20, 10), metadata=None)
    tifffile.imwrite(tmp_path / "imagej.tif", noise(2, 20, 10), imagej=True)
    found = {one.stem: TIFFStacks.need(one) for one in tmp_path.iterdir()}
    assert found == {"small": "not", "large": "better", "pages": "must", "imagej": "must"}


def test_exif_of_a_photograph_is_kept(tmp_path, exact, noise):
    exif = Pillow.Exif()
    exif[0x013B] = "Anna"
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    exif.get_ifd(0x8825)[2] = (47.0, 22.0, 30.5)
    metadata = Metadata(exif=exif.tobytes().removeprefix(b"Exif\0\0"))
    info = ruis.ImageInfo(np.dtype("uint8"), (0, 255), "rgb", metadata=metadata)
    ruis.write(ruis.Image(noise(100, 90, 3), info), tmp_path / "a.tif")
    denoise_file(tmp_path / "a.tif", tmp_path / "b.tif", model=exact)
    with Pillow.open(tmp_path / "b.tif") as opened:
        again = opened.getexif()
        assert again[0x013B] == "Anna"
        assert again.get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"
        assert [float(value) for value in again.get_ifd(0x8825)[2]] == [47.0, 22.0, 30.5]


def test_a_dicom_that_starts_like_a_tiff_is_none(tmp_path):
    pydicom = pytest.importorskip("pydicom", reason="DICOM needs the dicom extra")
    content = Path(pydicom.data.get_testdata_file("CT_small.dcm", download=False)).read_bytes()
    assert content[:4] == b"II*\0"
    (tmp_path / "a.dcm").write_bytes(content)
    assert kind_of(tmp_path / "a.dcm") is None


def test_colours_with_further_samples_stay_colours(tmp_path, exact, noise, tiff):
    array = noise(2, 30, 40, 4)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=["unspecified"])
    denoise_file(tmp_path / "a.tif", tmp_path / "b.tif", model=exact)
    page = tiff(tmp_path / "b.tif").pages[0]
    assert (int(page.photometric), page.samplesperpixel, tuple(page.extrasamples)) == (2, 4, (0,))


def test_a_thumbnail_that_comes_first_is_left_out(tmp_path, exact, noise, tiff):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(noise(4, 5), subfiletype=1)
        for _ in range(2):
            writer.write(noise(30, 40))
    denoise_file(tmp_path / "a.tif", tmp_path / "b.tif", model=exact)
    assert [page.shape for page in tiff(tmp_path / "b.tif").pages] == [(30, 40)] * 2


@pytest.mark.parametrize("strip", [False, True])
def test_where_there_is_nothing_nothing_is_put_and_nothing_spreads(
    streamed, exact, noise, tiff, strip
):
    values = noise(2, 150, 140, dtype="float32")
    holed = values.copy()
    holed[:, 60:90, 40:100] = -9999
    tag = (42113, 2, 6, b"-9999\0", True)

    def write(path, pages):
        with tifffile.TiffWriter(path) as writer:
            for page in pages:
                writer.write(page, metadata=None, rowsperstrip=16, extratags=[tag])

    _, after, told = streamed(holed, write=write, settings={"strip_metadata": strip})
    found = tifffile.imread(after, key=range(2))
    hole = holed == -9999
    assert (found[hole] == -9999).all()
    assert np.abs(found[~hole]).max() < 2
    far = np.ones_like(hole)
    far[:, 20:130, :] = False
    expected = np.stack([exact.denoise(page) for page in values])
    assert np.abs(found - expected)[far].max() < 1e-5
    assert tiff(after).pages[1].tags[42113].value == "-9999"
    assert any("-9999" in note for note in told.notes)


def test_what_pages_become_is_said(streamed, noise):
    bits = noise(2, 40, 48) > 127

    def write(path, pages):
        with tifffile.TiffWriter(path) as writer:
            for page in pages:
                writer.write(
                    np.packbits(page, axis=1).tobytes() and page,
                    metadata=None,
                    photometric="miniswhite",
                )

    _, _, told = streamed(bits, write=write)
    assert any("1 bit expanded" in note for note in told.notes)
    assert any("inverted" in note for note in told.notes)


@pytest.mark.parametrize("strip", [False, True])
@pytest.mark.parametrize("contiguous", [False, True])
def test_what_tifffile_says_of_a_shape_stays_true(streamed, noise, contiguous, strip):
    settings = {} if contiguous else {"compression": "zlib"}
    before, after, _ = streamed(
        noise(2, 3, 64, 80), metadata={"axes": "TZYX", "note": "hello"}, photometric="minisblack",
        settings={"strip_metadata": strip}, **settings,
    )  # fmt: skip
    with tifffile.TiffFile(before) as one, tifffile.TiffFile(after) as other:
        assert one.series[0].axes == other.series[0].axes == "TZYX"
        assert other.series[0].shape == (2, 3, 64, 80)
        assert ("hello" in other.pages[0].description) == (not strip)
        assert "truncated" not in other.pages[0].description
        assert len(other.pages) == 6
    assert tifffile.imread(after).shape == (2, 3, 64, 80)


def test_an_ome_tiff_without_metadata_keeps_its_axes(streamed, noise):
    told = {
        "axes": "CZYX",
        "PhysicalSizeX": 0.25,
        "PhysicalSizeXUnit": "µm",
        "Name": "Anna's cells",
    }
    _, after, _ = streamed(
        noise(2, 3, 64, 80), name="a.ome.tif", metadata={**told, "Channel": {"Name": ["DAPI", "GFP"]}},
        ome=True, photometric="minisblack", settings={"strip_metadata": True},
    )  # fmt: skip
    with tifffile.TiffFile(after) as file:
        assert file.is_ome
        assert file.series[0].axes == "CZYX"
        assert file.series[0].shape == (2, 3, 64, 80)
        xml = file.pages[0].tags[270].value
    assert 'PhysicalSizeX="0.25"' in xml
    assert "Anna" not in xml
    assert "DAPI" not in xml


@pytest.mark.parametrize(
    "text", [b"<Pixels a>" * 20_000, b"<Pixels " + b"a" * 200_000 + b">", b"<UUID " * 30_000,
             b"<Pixels>" + b"<TiffData " * 30_000],
    ids=["open", "a long word", "names", "parts"],
)  # fmt: skip
def test_what_a_stranger_says_in_ome_takes_no_time(text):
    begun = time.perf_counter()
    for change in (_bare, _true):
        change(b"<OME>" + text, "a.ome.tif")
    assert time.perf_counter() - begun < 2


def test_a_shape_nested_beyond_reason_is_left_out():
    assert _true_shape(b'{"shape": ' + b"[" * 100_000, strip=False) == b""
