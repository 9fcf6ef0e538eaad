import io

import numpy as np
import pytest
import skimage
from PIL import Image as Pillow

from ruis.errors import CorruptImageError
from ruis.formats import read, read_bytes


def saved(*frames, **options):
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], **options)
    return file.getvalue()


def test_the_first_frame_of_an_animation():
    frames = [Pillow.new("RGB", (6, 4), colour) for colour in ("red", "blue")]
    image = read_bytes(saved(*frames, comment=b"hello"))
    assert (image.pixels == [255, 0, 0]).all()
    assert "animation: only the first frame was read" in image.info.notes
    assert image.info.metadata.description == "hello"


def test_gray_stays_gray():
    array = np.arange(256, dtype=np.uint8).reshape(8, 32)
    image = read_bytes(saved(Pillow.fromarray(array)))
    assert image.info.colour == "gray"
    np.testing.assert_array_equal(image.pixels[..., 0], array)


def test_transparency_becomes_alpha():
    frame = Pillow.fromarray(np.array([[0, 1]], np.uint8), "P")
    frame.putpalette([10, 20, 30, 40, 50, 60])
    image = read_bytes(saved(frame, transparency=1))
    assert image.info.alpha
    assert image.pixels[0, :, 3].tolist() == [255, 0]
    assert image.pixels[0, 0].tolist() == [10, 20, 30, 255]


def test_a_real_animation():
    image = read(f"{skimage.__path__[0]}/data/no_time_for_that_tiny.gif")
    assert image.pixels.shape == (25, 14, 3)


def test_a_frame_larger_than_its_screen_is_refused():
    content = bytearray(saved(Pillow.new("RGB", (60, 40), "red")))
    content[6:10] = b"\1\0\1\0"
    with pytest.raises(CorruptImageError):
        read_bytes(bytes(content))
