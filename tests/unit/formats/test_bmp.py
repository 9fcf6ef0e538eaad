import io

import numpy as np
import pytest
from PIL import Image as Pillow

from ruis.errors import CorruptImageError
from ruis.formats import encode, read_bytes
from ruis.image import Image, ImageInfo, Metadata

RNG = np.random.default_rng(5)


def saved(image, **options):
    file = io.BytesIO()
    image.save(file, "BMP", **options)
    return file.getvalue()


@pytest.mark.parametrize("channels", [1, 3])
def test_files_of_pillow(channels):
    array = RNG.integers(0, 256, (7, 5, channels), dtype=np.uint8)
    image = read_bytes(saved(Pillow.fromarray(array.squeeze()), dpi=(300, 200)))
    np.testing.assert_array_equal(image.pixels, array)
    assert image.info.metadata.resolution == pytest.approx((300, 200), rel=1e-3)


def test_a_fourth_byte_that_no_header_calls_alpha_is_padding():
    array = RNG.integers(0, 256, (7, 5, 4), dtype=np.uint8)
    image = read_bytes(saved(Pillow.fromarray(array)))
    np.testing.assert_array_equal(image.pixels, array[..., :3])


def test_a_palette_is_expanded():
    original = Pillow.fromarray(RNG.integers(0, 256, (7, 5, 3), dtype=np.uint8)).quantize(8)
    image = read_bytes(saved(original))
    np.testing.assert_array_equal(image.pixels, np.asarray(original.convert("RGB")))
    assert any("palette" in note for note in image.info.notes)


def test_bits_become_gray():
    bits = RNG.random((7, 5)) > 0.5
    image = read_bytes(saved(Pillow.fromarray(bits)))
    np.testing.assert_array_equal(image.pixels[..., 0], bits * np.uint8(255))


def test_pillow_reads_what_is_written():
    pixels = RNG.integers(0, 256, (7, 5, 3), dtype=np.uint8)
    info = ImageInfo(pixels.dtype, (0, 255), "rgb", metadata=Metadata(resolution=(300, 200)))
    image = Pillow.open(io.BytesIO(encode(Image(pixels, info), "bmp")))
    np.testing.assert_array_equal(np.asarray(image), pixels)
    assert image.info["dpi"] == pytest.approx((300, 200), rel=1e-3)


@pytest.mark.parametrize("shape", [(6, 4), (6, 5, 3)])
def test_rows_stored_from_the_top(shape):
    content = bytearray(saved(Pillow.fromarray(RNG.integers(0, 256, shape, dtype=np.uint8))))
    content[22:26] = (-6).to_bytes(4, "little", signed=True)
    upside_down = read_bytes(bytes(content)).pixels[::-1]
    content[22:26] = (6).to_bytes(4, "little")
    np.testing.assert_array_equal(read_bytes(bytes(content)).pixels, upside_down)


def test_one_missing_byte_is_refused():
    content = saved(Pillow.fromarray(RNG.integers(0, 256, (6, 4, 3), dtype=np.uint8)))
    with pytest.raises(CorruptImageError, match="truncated"):
        read_bytes(content[:-1])
