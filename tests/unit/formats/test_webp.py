import io

import numpy as np
import pytest
from PIL import Image as Pillow

from ruis.errors import ChannelMismatchError, CorruptImageError
from ruis.formats import encode, read_bytes
from ruis.image import Image, ImageInfo, Metadata

RNG = np.random.default_rng(3)


def saved(array, **options):
    file = io.BytesIO()
    Pillow.fromarray(array).save(file, "WEBP", **options)
    return file.getvalue()


def image_of(pixels, colour="rgb", **options):
    return Image(pixels, ImageInfo(pixels.dtype, (0, 255), colour, **options))


@pytest.mark.parametrize("channels", [3, 4])
def test_lossless_files_of_pillow(channels):
    array = RNG.integers(0, 256, (11, 13, channels), dtype=np.uint8)
    image = read_bytes(saved(array, lossless=True, exact=True))
    np.testing.assert_array_equal(image.pixels, array)
    assert image.info.alpha == (channels == 4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1)])
@pytest.mark.parametrize("colour", ["gray", "rgb"])
def test_one_row_or_column_is_enough(shape, colour):
    pixels = RNG.integers(0, 256, (*shape, 3 if colour == "rgb" else 1), dtype=np.uint8)
    image = read_bytes(encode(image_of(pixels, colour), "webp"))
    assert (image.pixels == pixels).all()


def test_lossy_files_of_pillow():
    array = np.full((16, 20, 3), (200, 100, 50), np.uint8)
    image = read_bytes(saved(array, quality=95))
    assert np.abs(image.pixels.astype(int) - array).max() < 6


def test_pillow_reads_what_is_written_with_its_metadata():
    pixels = RNG.integers(0, 256, (7, 9, 4), dtype=np.uint8)
    metadata = Metadata(icc=b"odd", xmp=b"<x/>", resolution=(300, 200), description="Zürich")
    content = encode(image_of(pixels, alpha=True, metadata=metadata), "webp")
    image = Pillow.open(io.BytesIO(content))
    np.testing.assert_array_equal(np.asarray(image), pixels)
    assert image.info["icc_profile"] == b"odd"
    assert image.info["xmp"] == b"<x/>"
    exif = image.getexif()
    assert exif[0x0131] == "ruis"
    assert (float(exif[0x011A]), float(exif[0x011B])) == (300, 200)


def test_an_alpha_that_is_full_everywhere_is_still_there():
    pixels = RNG.integers(0, 256, (7, 9, 4), dtype=np.uint8)
    pixels[..., 3] = 255
    image = read_bytes(encode(image_of(pixels, alpha=True), "webp"))
    np.testing.assert_array_equal(image.pixels, pixels)
    assert image.info.alpha


@pytest.mark.parametrize("alpha", [False, True])
def test_gray_is_written_as_rgb(alpha):
    pixels = RNG.integers(0, 256, (5, 6, 1 + alpha), dtype=np.uint8)
    image = read_bytes(encode(image_of(pixels, "gray", alpha=alpha), "webp"))
    np.testing.assert_array_equal(image.pixels[..., 0], pixels[..., 0])
    np.testing.assert_array_equal(image.pixels[..., 2], pixels[..., 0])
    if alpha:
        np.testing.assert_array_equal(image.pixels[..., 3], pixels[..., 1])


def test_the_first_frame_of_an_animation():
    frames = [Pillow.new("RGB", (8, 6), colour) for colour in ("red", "blue")]
    file = io.BytesIO()
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    image = read_bytes(file.getvalue())
    assert image.pixels.shape[:2] == (6, 8)
    assert image.pixels[0, 0, :3].tolist() == [255, 0, 0]
    assert any("animation" in note for note in image.info.notes)


def test_orientation_is_obeyed():
    exif = Pillow.Exif()
    exif[0x0112] = 6
    array = RNG.integers(0, 256, (5, 8, 3), dtype=np.uint8)
    image = read_bytes(saved(array, lossless=True, exif=exif))
    np.testing.assert_array_equal(image.pixels, np.rot90(array, -1))


@pytest.mark.parametrize("part", [0.05, 0.3, 0.7, 0.99])
@pytest.mark.parametrize("lossless", [True, False])
def test_a_truncated_file_is_refused(part, lossless):
    content = saved(RNG.integers(0, 256, (40, 40, 3), dtype=np.uint8), lossless=lossless)
    with pytest.raises(CorruptImageError):
        read_bytes(content[: int(len(content) * part)])


def test_too_many_columns_do_not_fit():
    with pytest.raises(ChannelMismatchError, match="at most 16383"):
        encode(image_of(np.zeros((1, 16384, 3), np.uint8)), "webp")
