import io
import pickle

import numpy as np
import pytest

from ruis.errors import AxesError, CorruptImageError, ImageError, UnsupportedFormatError
from ruis.formats import encode, read, read_bytes, write


def saved(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("shape", "colour", "alpha", "axes"),
    [
        ((4, 5), "gray", False, "YX"),
        ((4, 5, 1), "gray", False, "YXC"),
        ((4, 5, 2), "gray", True, "YXC"),
        ((4, 5, 3), "rgb", False, "YXC"),
        ((4, 5, 4), "rgb", True, "YXC"),
    ],
)
def test_the_shape_says_what_it_is_and_is_written_again(shape, colour, alpha, axes, tmp_path):
    array = np.random.default_rng(0).normal(size=shape)
    np.save(tmp_path / "a.npy", array)
    image = read(tmp_path / "a.npy")
    assert (image.info.colour, image.info.alpha, image.info.axes) == (colour, alpha, axes)
    write(image, tmp_path / "b.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), array)


@pytest.mark.parametrize("shape", [(5,), (4, 5, 6), (2, 4, 5, 3), ()])
def test_other_shapes_ask_for_the_channel_axis(shape):
    with pytest.raises(AxesError, match="channel_axis="):
        read_bytes(saved(np.zeros(shape)))


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_the_channel_axis_is_moved_last_and_back(axis):
    array = np.random.default_rng(0).normal(size=(6, 7, 8)).astype(np.float32)
    image = read_bytes(saved(array), channel_axis=axis)
    assert image.info.colour == "channels"
    np.testing.assert_array_equal(image.pixels, np.moveaxis(array, axis, -1))
    np.testing.assert_array_equal(np.load(io.BytesIO(encode(image, "npy"))), array)


def test_the_channel_axis_of_four_is_no_alpha():
    image = read_bytes(saved(np.zeros((5, 6, 4))), channel_axis=2)
    assert (image.info.colour, image.info.alpha, image.channels) == ("channels", False, 4)


@pytest.mark.parametrize("axis", [3, -4])
def test_an_axis_that_is_not_there_is_refused(axis):
    with pytest.raises(AxesError, match=f"channel_axis={axis}"):
        read_bytes(saved(np.zeros((5, 6, 4))), channel_axis=axis)


def test_columns_first_and_big_endian():
    array = np.asfortranarray(np.arange(12, dtype=">u2").reshape(3, 4))
    image = read_bytes(saved(array))
    np.testing.assert_array_equal(image.pixels[..., 0], array)
    assert image.pixels.dtype.isnative
    assert image.info.data_range == (0.0, 65535.0)


def test_bool_becomes_black_and_white():
    image = read_bytes(saved(np.array([[True, False]])))
    assert image.pixels[..., 0].tolist() == [[255, 0]]
    assert image.pixels.dtype == np.uint8
    assert image.info.notes == ("bool expanded to 0 and 255",)


def test_signed_integers_have_their_own_range():
    assert read_bytes(saved(np.zeros((2, 2), np.int16))).info.data_range == (-32768.0, 32767.0)


def test_a_pickle_is_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was opened",))

    array = np.empty((1, 1), object)
    array[0, 0] = Trap()
    with pytest.raises(UnsupportedFormatError, match="object"):
        read_bytes(saved(array, allow_pickle=True))
    with pytest.raises(UnsupportedFormatError):
        read_bytes(pickle.dumps(Trap()))


@pytest.mark.parametrize(
    "dtype", [np.complex64, np.dtype([("a", "u1")]), "U3", "M8[s]", np.longdouble]
)
def test_arrays_that_are_no_images_are_refused(dtype):
    with pytest.raises(UnsupportedFormatError):
        read_bytes(saved(np.zeros((2, 2), dtype)))


def test_not_a_number_is_refused():
    array = np.zeros((5, 5))
    array[1, :3] = np.nan
    with pytest.raises(CorruptImageError, match="contains 3 values"):
        read_bytes(saved(array))


def test_one_missing_byte_is_refused():
    with pytest.raises(CorruptImageError, match="truncated"):
        read_bytes(saved(np.zeros((5, 5)))[:-1])


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 2), }\n",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (9" + b"9" * 30 + b", 2), }\n",
        b"__import__('os').abort()\n",
        b"(" * 4000 + b"\n",
    ],
)
def test_hostile_headers_are_refused(header):
    with pytest.raises(ImageError):
        read_bytes(b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + bytes(64))
