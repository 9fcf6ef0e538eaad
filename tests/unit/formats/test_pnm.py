import io

import numpy as np
import pytest
from PIL import Image as Pillow

from ruis.errors import CorruptImageError
from ruis.formats import encode, read_bytes
from ruis.image import Image, ImageInfo


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"P1\n# a comment\n3 2\n1 0 1\n010", [[0, 255, 0], [255, 0, 255]]),
        (b"P4 3 2 \xa0\x40", [[0, 255, 0], [255, 0, 255]]),
        (b"P2 # c\n2 1 # d\n255\n7 # e\n200\n", [[7, 200]]),
        (b"P5\n2 1\n255\n\x07\xc8", [[7, 200]]),
        (b"P5\n2 1\n65535\n\x01\x02\xff\xff", [[258, 65535]]),
        (b"P5\n2 1\n255\n##", [[35, 35]]),  # bytes, not the start of a comment
    ],
)
def test_gray(content, expected):
    assert read_bytes(content).pixels[..., 0].tolist() == expected


@pytest.mark.parametrize("content", [b"P3 1 1 255 1 2 3", b"P6 1 1 255 \1\2\3"])
def test_colour(content):
    image = read_bytes(content)
    assert image.pixels.tolist() == [[[1, 2, 3]]]
    assert image.info.colour == "rgb"


def test_a_declared_white_is_the_range_and_is_written_again():
    image = read_bytes(b"P5\n2 1\n1023\n\x00\x05\x03\xff")
    assert image.pixels.dtype == np.uint16
    assert image.info.data_range == (0.0, 1023.0)
    assert encode(image, "pnm") == b"P5\n2 1\n1023\n\x00\x05\x03\xff"


@pytest.mark.parametrize(
    ("content", "brighter", "expected"),
    [
        (b"P5\n2 1\n1023\n\x00\x05\x03\xff", 1054, b"P5\n2 1\n1023\n\x03\xff\x03\xff"),
        (b"P5\n2 1\n100\n\x05\x64", 101, b"P5\n2 1\n100\n\x64\x64"),
    ],
)
def test_the_declared_white_stays_white_where_denoising_overshoots(content, brighter, expected):
    image = read_bytes(content)
    assert encode(image.with_pixels(np.full_like(image.pixels, brighter)), "pnm") == expected


def test_a_value_above_the_declared_white_is_refused():
    with pytest.raises(CorruptImageError, match="1024 exceeds 1023"):
        read_bytes(b"P5\n1 1\n1023\n\x04\x00")


@pytest.mark.parametrize("order", ["<", ">"])
def test_pfm_stores_the_last_row_first(order):
    values = np.array([[1.5, -2.0], [3.0, 1e9]], np.float32)
    scale = b"-1.0" if order == "<" else b"1.0"
    content = b"Pf\n2 2\n" + scale + b"\n" + values[::-1].astype(order + "f4").tobytes()
    image = read_bytes(content)
    np.testing.assert_array_equal(image.pixels[..., 0], values)
    np.testing.assert_array_equal(read_bytes(encode(image, "pnm")).pixels[..., 0], values)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_pillow_reads_what_is_written(dtype, channels):
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, np.iinfo(dtype).max, (5, 6, channels), dtype=dtype)
    if dtype == np.uint16 and channels == 3:
        pytest.skip("Pillow has no 16-bit RGB")
    colour = "rgb" if channels == 3 else "gray"
    content = encode(
        Image(pixels, ImageInfo(pixels.dtype, (0, np.iinfo(dtype).max), colour)), "pnm"
    )
    np.testing.assert_array_equal(np.asarray(Pillow.open(io.BytesIO(content))), pixels.squeeze())


@pytest.mark.parametrize(
    "content",
    [
        b"P5\n",
        b"P5\n2 2\n255\n\1\2\3",
        b"P2 2 2 255 1 2 3",
        b"P2 1 1 255 x",
        b"P2 1 1 255 256",
        b"P1 2 2 0102",
        b"P5 -1 2 255 \1\1",
        b"P5 1 1 70000 \1\1",
        b"P5 1 1 0 \1",
        b"P5 99999999999 1 255 \1",
        b"Pf 1 1 x \0\0\0\0",
    ],
)
def test_broken_files_are_refused(content):
    with pytest.raises(CorruptImageError, match=r"broken\.pnm"):
        read_bytes(content, name="broken.pnm")
