"""What is written comes back: every lossless format, dtype, layout and size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, from_dtype

from ruis.errors import ImageError
from ruis.formats import FORMATS, encode, read_bytes
from ruis.image import Image, ImageInfo, data_range_of

CHANNELS = {"gray": 1, "rgb": 3, "cmyk": 4, "channels": 5}
EXPANDED = {("webp", "gray"), ("webp", "gray+alpha"), ("bmp", "gray+alpha")}
AMBIGUOUS = {"cmyk", "cmyk+alpha", "channels", "channels+alpha"}  # an NPY does not say colours
LOSSLESS = [
    (name, dtype, layout)
    for name in FORMATS.own
    for format in [FORMATS.load(name)]
    if format.lossless and name != "dicom"  # written only with the tags of a file that was read
    for dtype in sorted(format.dtypes)
    for layout in sorted(format.layouts)
    if (name, layout) not in EXPANDED and not (name == "npy" and layout in AMBIGUOUS)
]
STARTS = {  # of those that cannot be written, or not from an array
    "gif": b"GIF89a",
    "raw": b"FUJIFILMCCD-RAW 0201",
    "dicom": bytes(128) + b"DICM\x02\0\0\0UL\4\0",
}
IDS = [" ".join(row) for row in LOSSLESS]


def image_of(pixels, layout, axes="YXC"):
    colour, _, alpha = layout.partition("+")
    info = ImageInfo(pixels.dtype, data_range_of(pixels.dtype), colour, bool(alpha), axes)
    return Image(pixels, info)


@st.composite
def pixels_of(draw, dtype, layout):
    colour, _, alpha = layout.partition("+")
    rows, columns = draw(array_shapes(min_dims=2, max_dims=2, max_side=20))
    shape = (rows, columns, CHANNELS[colour] + bool(alpha))
    kind = np.dtype(dtype)
    elements = from_dtype(kind)
    if kind.kind == "f":
        largest = float(np.finfo(kind).max)
        elements = st.floats(-largest, largest, width=kind.itemsize * 8)
    return draw(arrays(dtype, shape, elements=elements))


@pytest.mark.parametrize(("name", "dtype", "layout"), LOSSLESS, ids=IDS)
@given(data=st.data())
@settings(max_examples=8)
def test_writing_then_reading_is_the_identity(name, dtype, layout, data):
    pixels = data.draw(pixels_of(dtype, layout))
    image = read_bytes(encode(image_of(pixels, layout), name))
    assert image.pixels.dtype == pixels.dtype
    np.testing.assert_array_equal(image.pixels, pixels)
    expected = image_of(pixels, layout).info
    assert (image.info.colour, image.info.alpha) == (expected.colour, expected.alpha)
    if name != "fits" or pixels.dtype.kind == "u":  # in FITS zero is black, and floats say no white
        assert image.info.data_range == expected.data_range


@pytest.mark.parametrize("name", ["npy", "tiff"])
@pytest.mark.parametrize("axis", [0, -1])
@given(data=st.data())
@settings(max_examples=8)
def test_channels_come_back_on_their_axis(name, axis, data):
    pixels = data.draw(pixels_of("uint16", "channels"))
    axes = "CYX" if axis == 0 else "YXC"
    content = encode(image_of(pixels, "channels", axes), name, record="")
    image = read_bytes(content, channel_axis=axis)
    np.testing.assert_array_equal(image.pixels, pixels)
    assert (image.info.colour, image.info.axes) == ("channels", axes)
    assert encode(image, name, record="") == content


@given(rows=st.integers(1, 40), columns=st.integers(1, 40), gray=st.booleans())
@settings(max_examples=30)
def test_jpeg_keeps_flat_colours_within_two_steps_at_every_size(rows, columns, gray):
    pixels = np.full((rows, columns, 1 if gray else 3), 77, np.uint8)
    image = read_bytes(encode(image_of(pixels, "gray" if gray else "rgb"), "jpeg"))
    assert image.pixels.shape == pixels.shape
    assert np.abs(image.pixels.astype(int) - 77).max() <= 2


@given(st.binary(max_size=300), st.sampled_from(sorted(FORMATS.own)), st.integers(0, 40))
@settings(max_examples=150)
def test_noise_behind_a_true_start_is_refused_with_an_error_of_ours(noise, name, keep):
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    start = STARTS.get(name) or encode(image_of(pixels, "rgb"), name)[: 6 + keep]
    content = start + noise
    try:
        read_bytes(content, name="noise.bin")
    except ImageError as error:
        assert "noise.bin" in str(error)  # noqa: PT017 - some noise is an image
