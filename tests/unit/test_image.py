from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from ruis.errors import AxesError
from ruis.image import Image, ImageInfo, data_range_of


def image(*shape: int, dtype: str = "uint8", **info) -> Image:
    return Image(np.zeros(shape, dtype), ImageInfo(np.dtype(dtype), (0, 255), **info))


@pytest.mark.parametrize("shape", [(4, 5), (4,), (0, 5, 1), (4, 0, 1), (4, 5, 0), (1, 4, 5, 1)])
def test_pixels_have_three_axes_and_none_is_empty(shape):
    with pytest.raises(AxesError, match=r"cat\.png.*shape"):
        image(*shape, source="cat.png")


def test_black_is_zero_where_the_lowest_value_is_too_far_away():
    assert data_range_of("int16") == (-32768.0, 32767.0)
    assert data_range_of("int32") == (0.0, 2.0**31 - 1)
    assert data_range_of("int64") == (0.0, 2.0**63)


def test_alpha_is_no_channel():
    assert image(4, 5, 4, colour="rgb", alpha=True).channels == 3
    assert image(4, 5, 4, colour="channels").channels == 4


def test_sizes():
    one = image(400, 500, 1)
    assert (one.rows, one.columns, one.megapixels) == (400, 500, 0.2)


def test_other_pixels_bring_their_dtype():
    one = image(4, 5, 1, source="cat.png")
    other = one.with_pixels(np.zeros((2, 3, 1), np.float32))
    assert other.info.dtype == np.float32
    assert other.info.source == "cat.png"
    assert one.info.dtype == np.uint8


def test_it_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        image(4, 5, 1).pixels = None


def test_it_tells_what_it_is():
    text = repr(image(4, 5, 4, colour="rgb", alpha=True, source="cat.png"))
    assert text == "Image(4x5, 3 rgb+alpha, uint8, range 0..255, source='cat.png')"
