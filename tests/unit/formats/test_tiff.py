import io
import struct
from dataclasses import replace

import numpy as np
import pytest
import skimage
import tifffile
from PIL import Image as Pillow

from ruis.errors import AxesError, CorruptImageError, ImageTooLargeError, UnsupportedFormatError
from ruis.formats import Limits, encode, left_behind, read, read_bytes, write
from ruis.image import Image, ImageInfo, Metadata

RNG = np.random.default_rng(7)


def values(shape, dtype):
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return RNG.normal(0, 5, shape).astype(dtype)
    limits = np.iinfo(dtype)
    return RNG.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


def saved(array, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, array, **options)
    return file.getvalue()


def image_of(pixels, colour="gray", **options):
    info = ImageInfo(pixels.dtype, (0.0, 1.0), colour, **options)
    return Image(pixels, info)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize(
    "dtype", ["uint8", "uint16", "int16", "int32", "float16", "float32", "float64"]
)
def test_both_byte_orders_and_both_sizes(byteorder, bigtiff, dtype):
    array = values((7, 5, 3), dtype)
    content = saved(array, byteorder=byteorder, bigtiff=bigtiff, photometric="rgb")
    image = read_bytes(content)
    np.testing.assert_array_equal(image.pixels, array)
    assert image.pixels.dtype.isnative
    assert image.info.colour == "rgb"


@pytest.mark.parametrize("compression", ["zlib", "lzw", "zstd", "packbits", "lzma"])
@pytest.mark.parametrize("predictor", [False, True])
def test_lossless_compressions(compression, predictor):
    array = values((65, 33), "uint16")
    predictor = predictor and compression != "packbits"
    content = saved(array, compression=compression, predictor=predictor, rowsperstrip=16)
    np.testing.assert_array_equal(read_bytes(content).pixels[..., 0], array)


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "zstd", "packbits", "lzma"])
@pytest.mark.parametrize("tile", [None, (32, 16)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_what_is_stored_without_loss_is_stored_so_again(compression, tile, dtype):
    """Archives that ask for uncompressed masters have them again."""
    array = values((65, 70, 3), dtype)
    predictor = compression not in {None, "packbits"}
    settings = {"compression": compression, "predictor": predictor, "tile": tile}
    before = saved(array, photometric="rgb", **settings)
    after = encode(read_bytes(before), "tiff")
    pages = [tifffile.TiffFile(io.BytesIO(content)).pages[0] for content in (before, after)]
    kept = ("compression", "predictor", "is_tiled", "dtype", "photometric")
    first, second = ([getattr(page, name) for name in kept] for page in pages)
    assert first == second
    if tile:
        assert (pages[1].tilelength, pages[1].tilewidth) == tile
    np.testing.assert_array_equal(pages[1].asarray(), array)
    np.testing.assert_array_equal(read_bytes(after).pixels, array)


def test_what_was_compressed_with_loss_is_written_without():
    content = saved(values((32, 32, 3), "uint8"), compression="jpeg", photometric="rgb")
    image = read_bytes(content)
    after = encode(image, "tiff")
    assert tifffile.TiffFile(io.BytesIO(after)).pages[0].compression == 8
    np.testing.assert_array_equal(read_bytes(after).pixels, image.pixels)


@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("shape", [(40, 50), (40, 50, 3), (7, 3, 3)])
def test_jpeg_in_strips_and_tiles(shape, tile):
    array = np.full(shape, 100, np.uint8)
    photometric = "rgb" if len(shape) == 3 else "minisblack"
    content = saved(array, compression="jpeg", photometric=photometric, tile=tile, rowsperstrip=16)
    difference = read_bytes(content).pixels.reshape(shape).astype(int) - array
    assert np.abs(difference).max() <= 8


def test_jpeg_inside_becomes_rgb():
    ramp = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    array = np.stack([ramp, ramp // 2, 255 - ramp], axis=-1)
    image = read_bytes(
        saved(array, compression="jpeg", photometric="rgb", compressionargs={"level": 98})
    )
    assert np.abs(image.pixels.astype(int) - array).max() < 12
    assert image.info.colour == "rgb"


def test_tiles_and_planes():
    array = values((3, 40, 50), "uint16")
    content = saved(array, photometric="rgb", planarconfig="separate", tile=(16, 16))
    image = read_bytes(content)
    np.testing.assert_array_equal(np.moveaxis(image.pixels, -1, 0), array)
    assert image.info.axes == "CYX"
    with tifffile.TiffFile(io.BytesIO(encode(image, "tiff"))) as file:
        assert file.pages[0].planarconfig == 2
        np.testing.assert_array_equal(file.pages[0].asarray(), array)


def test_sixteen_bit_rgb_is_read_by_tifffile_as_it_was(tmp_path):
    pixels = values((9, 4, 3), "uint16")
    write(image_of(pixels, "rgb"), tmp_path / "a.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), pixels)


def test_floats_above_one_are_kept():
    pixels = np.array([[-3.5, 0.0, 1e6]], np.float32)
    image = read_bytes(saved(pixels))
    assert image.pixels[..., 0].tolist() == pixels.tolist()
    assert image.info.data_range == (0.0, 1.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_numbers_are_counted_and_refused(bad):
    array = values((50, 60), "float32")
    array[3:5, 7:13] = bad
    with pytest.raises(
        CorruptImageError, match=r"nan\.tif: contains 12 values that are not numbers"
    ):
        read_bytes(saved(array), name="nan.tif")


def test_white_is_zero_is_inverted():
    image = read_bytes(saved(np.array([[0, 1, 255]], np.uint8), photometric="miniswhite"))
    assert image.pixels[0, :, 0].tolist() == [255, 254, 0]
    assert any("inverted" in note for note in image.info.notes)
    assert read_bytes(encode(image, "tiff")).pixels[0, :, 0].tolist() == [255, 254, 0]


@pytest.mark.parametrize(
    ("photometric", "expected"), [("minisblack", [255, 0]), ("miniswhite", [0, 255])]
)
def test_bits_become_gray(photometric, expected):
    image = read_bytes(saved(np.array([[True, False]]), photometric=photometric))
    assert image.pixels.dtype == np.uint8
    assert image.pixels[0, :, 0].tolist() == expected


def test_a_bitmap_of_pillow_means_what_pillow_says():
    bits = Pillow.fromarray(RNG.random((20, 30)) > 0.5)
    file = io.BytesIO()
    bits.save(file, "TIFF", compression="group4")
    expected = np.asarray(bits).astype(np.uint8) * 255
    np.testing.assert_array_equal(read_bytes(file.getvalue()).pixels[..., 0], expected)


def test_a_palette_is_expanded():
    colormap = np.zeros((3, 256), np.uint16)
    colormap[:, 1] = [65535, 0, 257 * 5]
    image = read_bytes(
        saved(np.array([[1, 0]], np.uint8), photometric="palette", colormap=colormap)
    )
    assert image.pixels.tolist() == [[[255, 0, 5], [0, 0, 0]]]
    assert "palette expanded to RGB" in image.info.notes


def test_cmyk_is_ink_with_a_profile():
    ink = values((5, 6, 4), "uint8")
    image = read_bytes(saved(ink, photometric="separated", iccprofile=b"cmyk" * 40))
    assert (image.info.colour, image.channels) == ("cmyk", 4)
    again = read_bytes(encode(image, "tiff"))
    np.testing.assert_array_equal(again.pixels, ink)
    assert again.info.colour == "cmyk"
    assert again.info.metadata.icc == b"cmyk" * 40


def test_twelve_bits_stay_in_sixteen():
    array = values((4, 6), "uint16") >> 4
    strip = saved(np.frombuffer(bytes(pack12(array)), np.uint8).reshape(4, 9))
    edited = retagged(strip, {256: 6, 258: 12})
    image = read_bytes(edited)
    np.testing.assert_array_equal(image.pixels[..., 0], array)
    assert image.info.data_range == (0.0, 65535.0)
    assert any("12-bit" in note for note in image.info.notes)


def pack12(array):
    for first, second in array.reshape(-1, 2).tolist():
        yield from (first >> 4, (first & 0xF) << 4 | second >> 8, second & 0xFF)


def retagged(content, new):
    """Overwrite values of the first directory of a little-endian file."""
    content = bytearray(content)
    start = struct.unpack("<I", content[4:8])[0]
    for index in range(struct.unpack("<H", content[start : start + 2])[0]):
        place = start + 2 + 12 * index
        code, kind = struct.unpack("<HH", content[place : place + 4])
        if code in new:
            content[place + 8 : place + 12] = struct.pack(
                "<HH" if kind == 3 else "<I", *([new[code], 0] if kind == 3 else [new[code]])
            )
    return bytes(content)


def test_multiplied_alpha_is_divided_out():
    premultiplied = np.array([[[50, 25, 0, 128], [9, 9, 9, 0], [1, 2, 3, 255]]], np.uint8)
    image = read_bytes(saved(premultiplied, photometric="rgb", extrasamples=["assocalpha"]))
    assert image.pixels.tolist() == [[[100, 50, 0, 128], [0, 0, 0, 0], [1, 2, 3, 255]]]
    assert image.info.alpha


def test_extra_samples_without_a_meaning_are_channels():
    array = values((5, 4, 4), "uint8")
    image = read_bytes(saved(array, photometric="rgb", extrasamples=["unspecified"]))
    assert (image.info.colour, image.info.alpha, image.channels) == ("channels", False, 4)


def test_channel_axis_makes_alpha_data():
    array = values((5, 4, 4), "uint8")
    content = saved(array, photometric="rgb", extrasamples=["unassalpha"])
    assert read_bytes(content).info.alpha
    assert not read_bytes(content, channel_axis=-1).info.alpha
    with pytest.raises(AxesError, match="axes are YXC; channel_axis=0"):
        read_bytes(content, channel_axis=0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_tag_is_obeyed_and_forgotten(orientation):
    upright = values((4, 7, 3), "uint8")
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    extra = [(274, "H", 1, orientation, True)]
    content = saved(
        np.ascontiguousarray(stored),
        photometric="rgb",
        extratags=extra,
        resolution=(200, 100),
        resolutionunit="INCH",
    )
    image = read_bytes(content)
    np.testing.assert_array_equal(image.pixels, upright)
    assert image.info.metadata.resolution == ((200, 100) if orientation < 5 else (100, 200))
    np.testing.assert_array_equal(read_bytes(encode(image, "tiff")).pixels, upright)


def test_several_pages_are_refused():
    path = f"{skimage.__path__[0]}/data/multipage.tif"
    with pytest.raises(UnsupportedFormatError, match=r"multipage\.tif: it holds 2 images"):
        read(path)


def test_an_imagej_stack_is_refused_and_one_plane_is_read():
    stack = values((5, 6, 7), "uint16")
    with pytest.raises(UnsupportedFormatError):
        read_bytes(saved(stack, imagej=True))
    image = read_bytes(saved(stack[0], imagej=True))
    np.testing.assert_array_equal(image.pixels[..., 0], stack[0])
    assert image.info.metadata.description.startswith("ImageJ=")


def test_the_description_of_ome_is_kept_while_it_is_true():
    content = saved(values((6, 7), "uint16"), ome=True)
    image = read_bytes(content)
    assert "<OME" in image.info.metadata.description
    again = read_bytes(encode(image, "tiff"))
    assert again.info.metadata.description == image.info.metadata.description
    cropped = encode(image.with_pixels(image.pixels[:3].copy()), "tiff")
    assert read_bytes(cropped).info.metadata.description is None


def test_a_thumbnail_or_a_mask_is_no_second_image():
    file = io.BytesIO()
    array = values((8, 9), "uint8")
    with tifffile.TiffWriter(file) as writer:
        writer.write(array, metadata=None)
        writer.write(array[::2, ::2], metadata=None, subfiletype=1)
    np.testing.assert_array_equal(read_bytes(file.getvalue()).pixels[..., 0], array)


def test_directories_in_a_loop_are_refused():
    content = bytearray(saved(values((3, 3), "uint8")))
    start = struct.unpack("<I", content[4:8])[0]
    count = struct.unpack("<H", content[start : start + 2])[0]
    end = start + 2 + 12 * count
    content[end : end + 4] = struct.pack("<I", start)
    with pytest.raises(CorruptImageError, match="loop"):
        read_bytes(bytes(content))


@pytest.mark.parametrize("code", [273, 279, 258, 270, 305, 50000])
def test_a_tag_that_claims_gigabytes_is_refused(code):
    content = bytearray(
        saved(
            values((3, 3), "uint8"),
            software="x" * 30,
            extratags=[(50000, "s", 0, "abcdefgh", True)],
            description="y" * 30,
        )
    )
    start = struct.unpack("<I", content[4:8])[0]
    for index in range(struct.unpack("<H", content[start : start + 2])[0]):
        place = start + 2 + 12 * index
        if struct.unpack("<H", content[place : place + 2])[0] == code:
            content[place + 4 : place + 8] = b"\xff\xff\xff\x7f"
    with pytest.raises(CorruptImageError, match=f"its tag {code} claims"):
        read_bytes(bytes(content))


def test_a_missing_strip_is_not_black():
    array = np.full((64, 64), 200, np.uint8)
    content = saved(array, rowsperstrip=32, compression="zlib")
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        place = file.pages[0].tags["StripByteCounts"].valueoffset
        size = file.pages[0].tags["StripByteCounts"].dtype
    width = 2 if int(size) == 3 else 4
    content = content[:place] + bytes(width) + content[place + width :]
    with pytest.raises(CorruptImageError, match="strip or tile is missing"):
        read_bytes(content)


def test_a_bomb_is_refused_by_its_header():
    content = retagged(saved(np.zeros((4, 4), np.uint8)), {256: 60000, 257: 60000})
    with pytest.raises(ImageTooLargeError, match="3600"):
        read_bytes(content)
    with pytest.raises(CorruptImageError):
        read_bytes(content, limits=Limits(max_pixels=1e10, max_bytes=1e11))


def test_a_bomb_in_a_strip_of_jpeg_is_refused():
    content = saved(values((32, 32, 3), "uint8"), compression="jpeg", photometric="rgb")
    frame = content.index(b"\xff\xc0")
    bomb = content[: frame + 5] + b"\xff\xdc\xff\xdc" + content[frame + 9 :]
    with pytest.raises(CorruptImageError, match="32x32 pixels announces 65500x65500"):
        read_bytes(bomb)


def test_a_strip_of_jpeg_without_its_end_is_not_half_gray():
    content = saved(values((32, 32, 3), "uint8"), compression="jpeg", photometric="rgb")
    end = content.rindex(b"\xff\xd9")
    with pytest.raises(CorruptImageError, match="end mark"):
        read_bytes(content[:end] + b"\0\0" + content[end + 2 :])


def test_other_image_files_inside_are_refused():
    content = saved(values((32, 32, 3), "uint8"), compression="jpeg2000", photometric="rgb")
    with pytest.raises(UnsupportedFormatError, match=r"compression .* is not read"):
        read_bytes(content)


@pytest.mark.parametrize("photometric", [8, 32803])
def test_colours_that_need_a_developer_are_refused(photometric):
    content = saved(values((4, 4, 3), "uint8"), photometric="rgb")
    with pytest.raises(UnsupportedFormatError, match="colours"):
        read_bytes(retagged(content, {262: photometric}))


def test_complex_numbers_are_refused():
    with pytest.raises(UnsupportedFormatError, match="complex64"):
        read_bytes(saved(np.zeros((4, 4), np.complex64)))


def test_pillow_reads_the_metadata_that_is_written(tmp_path):
    exif = Pillow.Exif()
    exif[0x010F], exif[0x0132] = "Camera", "2024:05:06 07:08:09"
    exif.get_ifd(0x8769)[0x829A] = 0.01
    exif.get_ifd(0x8825)[1] = "N"
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    metadata = Metadata(block, b"profile" * 9, b"<x/>", (300, 150), "Zürich", "GIMP")
    pixels = values((9, 5, 3), "uint8")
    write(image_of(pixels, "rgb", metadata=metadata), tmp_path / "a.tif")
    with Pillow.open(tmp_path / "a.tif") as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)
        assert image.info["dpi"] == (300, 150)
        assert image.info["icc_profile"] == b"profile" * 9
        found = image.getexif()
        assert found[0x010F] == "Camera"
        assert found[0x0131] == "GIMP; ruis"
        assert float(found.get_ifd(0x8769)[0x829A]) == pytest.approx(0.01)
        assert found.get_ifd(0x8825)[1] == "N"
    again = read(tmp_path / "a.tif").info.metadata
    assert again.description == "Zürich"
    assert again.xmp == b"<x/>"


def test_nothing_is_logged_while_writing(caplog):
    exif = Pillow.Exif()
    exif[0x010F] = "Camera"
    exif.get_ifd(0x8769)[0x829A] = 0.01
    metadata = Metadata(exif.tobytes()[6:], b"p" * 9, b"<x/>", (300, 150), "d", "s")
    encode(image_of(values((9, 5, 3), "uint8"), "rgb", metadata=metadata), "tiff")
    assert caplog.text == ""


# -- what only a TIFF can hold ---------------------------------------------------------------------

SCALE = (33550, 12, 3, (0.5, 0.5, 0.0), True)
KEYS = (34735, 3, 8, (1, 1, 0, 1, 1024, 0, 1, 1), True)
PAGE = (285, 2, 0, "recto", True)


def pages_of(content):
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        return [(page, {tag.code: tag.value for tag in page.tags}) for page in file.pages]


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_positions_on_earth_and_names_of_pages_are_kept(byteorder):
    content = saved(values((7, 5), "uint8"), byteorder=byteorder, extratags=[SCALE, KEYS, PAGE])
    image = read_bytes(content)
    ((_, tags),) = pages_of(encode(image, "tiff"))
    assert (tags[33550], tags[34735], tags[285]) == (SCALE[3], KEYS[3], "recto")
    ((_, left),) = pages_of(encode(image, "tiff", strip_metadata=True))
    assert not left.keys() & {33550, 34735, 285}
    assert left_behind(image, "a.png") == ("TIFF's own tags are not kept in PNG",)


def test_pixels_that_were_turned_are_no_longer_where_the_tags_said():
    orientation = (274, 3, 1, 6, True)
    content = saved(values((7, 5), "uint8"), extratags=[orientation, SCALE, PAGE])
    ((_, tags),) = pages_of(encode(read_bytes(content), "tiff"))
    assert 33550 not in tags
    assert tags[285] == "recto"


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_the_calibration_and_the_notes_of_imagej_are_kept(byteorder):
    content = saved(
        values((7, 5), "uint16"), byteorder=byteorder, imagej=True, resolution=(4.5, 3.0),
        metadata={"unit": "micron", "Info": "objective 40x"},
    )  # fmt: skip
    new = encode(read_bytes(content), "tiff")
    with tifffile.TiffFile(io.BytesIO(new)) as file:
        assert file.imagej_metadata["unit"] == "micron"
        assert file.imagej_metadata["Info"] == "objective 40x"
        tags = file.pages[0].tags
        across, down = (tags[code].value for code in (282, 283))
        assert (across[0] / across[1], down[0] / down[1]) == (4.5, 3.0)
        assert int(tags[296].value) == 1
    assert encode(read_bytes(new), "tiff") == new


def test_colours_with_further_samples_stay_colours():
    array = values((7, 5, 4), "uint8")
    image = read_bytes(saved(array, photometric="rgb", extrasamples=["unspecified"]))
    assert (image.info.colour, image.info.alpha) == ("channels", False)
    new = encode(image, "tiff")
    ((page, _),) = pages_of(new)
    assert int(page.photometric) == 2
    assert Pillow.open(io.BytesIO(new)).size == (5, 7)
    np.testing.assert_array_equal(read_bytes(new).pixels, array)


@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_white_is_zero_is_kept_where_it_cannot_be_inverted(dtype):
    array = values((7, 5), dtype)
    new = encode(read_bytes(saved(array, photometric="miniswhite")), "tiff")
    ((page, _),) = pages_of(new)
    assert int(page.photometric) == 0
    np.testing.assert_array_equal(page.asarray(), array)


def test_a_thumbnail_that_comes_first_is_not_the_image():
    file, array = io.BytesIO(), values((40, 50), "uint8")
    with tifffile.TiffWriter(file) as writer:
        writer.write(values((4, 5), "uint8"), subfiletype=1)
        writer.write(array)
    image = read_bytes(file.getvalue())
    np.testing.assert_array_equal(image.pixels[..., 0], array)
    assert "reduced copies and masks are left out" in image.info.notes


def test_reduced_copies_below_a_page_are_told_of():
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(values((40, 50), "uint8"), subifds=1)
        writer.write(values((20, 25), "uint8"), subfiletype=1)
    assert "reduced copies and masks are left out" in read_bytes(file.getvalue()).info.notes


def test_tags_that_make_no_sense_are_not_told_on_standard_error(capfd):
    read_bytes(saved(values((7, 5), "uint8"), extratags=[(42113, 2, 0, "-9999", True)]))
    assert capfd.readouterr().err == ""


def with_holes(dtype, nothing, shape=(40, 50)):
    """A slope with a hole in it, and a tag that says what stands there."""
    array = (5 + np.add.outer(np.arange(shape[0]), np.arange(shape[1]))).astype(dtype)
    hole = np.zeros(shape, bool)
    hole[10:20, 15:30] = True
    array[hole] = np.dtype(dtype).type(float(nothing))
    tag = (42113, 2, len(nothing) + 1, nothing.encode() + b"\0", True)
    return array, hole, saved(array, metadata=None, extratags=[tag])


@pytest.mark.parametrize(
    ("dtype", "nothing"),
    [("float32", "-9999"), ("float32", "-3.4028234663852886e+38"), ("float32", "nan"),
     ("float64", "1e40"), ("int16", "-32768"), ("uint8", "255"), ("uint16", "0")],
)  # fmt: skip
def test_where_there_is_nothing_the_network_sees_what_is_around_and_nothing_stays(dtype, nothing):
    array, hole, content = with_holes(dtype, nothing)
    image = read_bytes(content)
    assert image.pixels[..., 0][hole].min() >= 20
    assert image.pixels[..., 0][hole].max() <= 60
    assert any(nothing in note for note in image.info.notes)
    changed = Image(image.pixels + np.dtype(dtype).type(3), image.info)
    for strip in (False, True):
        with tifffile.TiffFile(io.BytesIO(encode(changed, "tiff", strip_metadata=strip))) as file:
            back = file.asarray()
            assert 42113 in file.pages[0].tags
        np.testing.assert_array_equal(back[hole], array[hole])
        np.testing.assert_array_equal(back[~hole], array[~hole] + np.dtype(dtype).type(3))
    assert any("mean nothing" in note for note in left_behind(changed, "a.npy"))


def test_what_means_nothing_and_is_nowhere_changes_nothing():
    for nothing in ("-1", "1e9", "0.5", "none"):
        tag = (42113, 2, len(nothing) + 1, nothing.encode() + b"\0", True)
        array = values((9, 8), "uint8")
        image = read_bytes(saved(array, metadata=None, extratags=[tag]))
        np.testing.assert_array_equal(image.pixels[..., 0], array)
        assert not image.info.notes


def test_a_colour_is_missing_where_all_three_are():
    array = np.full((20, 20, 3), 90, np.uint8)
    array[..., 2] = 0
    array[5:9, 5:9] = 0
    tag = (42113, 2, 2, b"0\0", True)
    image = read_bytes(saved(array, metadata=None, photometric="rgb", extratags=[tag]))
    assert (image.pixels == np.array([90, 90, 0])).all()


@pytest.mark.parametrize(("dtype", "nothing"), [("uint64", 2**64 - 1), ("int64", 2**63 - 1)])
def test_whole_numbers_beyond_floats_are_found(dtype, nothing):
    array = np.full((12, 12), 7, dtype)
    array[3:5, 3:5] = nothing
    tag = (42113, 2, len(str(nothing)) + 1, str(nothing).encode() + b"\0", True)
    assert (read_bytes(saved(array, metadata=None, extratags=[tag])).pixels == 7).all()


@pytest.mark.parametrize(
    "options",
    [
        {"photometric": "miniswhite"},
        {"photometric": "palette", "colormap": np.arange(768, dtype=np.uint16).reshape(3, 256)},
    ],
    ids=["white is zero", "palette"],
)
def test_what_means_nothing_is_forgotten_where_values_change(options):
    array = values((9, 8), "uint8")
    array[2:4, 2:4] = 0
    tag = (42113, 2, 2, b"0\0", True)
    image = read_bytes(saved(array, metadata=None, extratags=[tag], **options))
    with tifffile.TiffFile(io.BytesIO(encode(image, "tiff"))) as file:
        assert 42113 not in file.pages[0].tags


def test_holes_are_not_put_into_other_pixels():
    _, _, content = with_holes("int16", "-32768")
    image = read_bytes(content)
    for dtype in ("float32", "uint8"):
        other = Image(image.pixels.astype(dtype), replace(image.info, dtype=np.dtype(dtype)))
        assert (read_bytes(encode(other, "tiff")).pixels >= 0).all()
