from __future__ import annotations

import numpy as np
import pytest

from ruis.errors import ConfigError, ImageError
from ruis.intensity import Intensity, data_range_of


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("uint8", (0, 255)),
        ("int8", (-128, 127)),
        (">u2", (0, 65535)),
        ("float16", (0, 1)),
        ("float64", (0, 1)),
        ("bool", (0, 1)),
    ],
)
def test_the_range_is_that_of_the_dtype(dtype, expected):
    assert data_range_of(dtype) == expected


@pytest.mark.parametrize("dtype", ["complex64", "object", "U3", "datetime64[s]"])
def test_other_dtypes_hold_no_image(dtype):
    with pytest.raises(ImageError, match="no image"):
        data_range_of(dtype)


@pytest.mark.parametrize("data_range", [(1.0, 1.0), (2.0, 1.0), (0.0, float("nan"))])
def test_white_must_be_above_black(data_range):
    with pytest.raises(ConfigError, match="data range"):
        Intensity.of("float32", data_range)


def test_black_is_zero_and_white_is_one():
    for dtype in ("uint8", "int16", "uint32", "float32"):
        scale = Intensity.of(dtype)
        ends = np.array(scale.data_range).astype(dtype)
        assert scale.to_unit(ends) == pytest.approx([0, 1], abs=1e-6)


def test_integers_are_rounded_to_nearest_not_down():
    unit = np.array([0.4, 0.6, 254.4, 254.6], np.float32) / np.float32(255)
    assert Intensity.of("uint8").from_unit(unit).tolist() == [0, 1, 254, 255]


def test_integers_are_limited_to_the_dtype_not_to_the_range():
    scale = Intensity.of("uint8", (0, 100))
    assert scale.from_unit(np.array([-1, 1.5, 9], np.float32)).tolist() == [0, 150, 255]


def test_a_12_bit_camera_in_16_bits():
    scale = Intensity.of("uint16", (0, 4095))
    assert scale.to_unit(np.array([4095], np.uint16)) == pytest.approx(1)
    assert scale.from_unit(np.array([1.1], np.float32)).tolist() == [4504]


def test_booleans_are_cut_at_one_half():
    scale = Intensity.of("bool")
    assert scale.from_unit(np.array([0.4, 0.6], np.float32)).tolist() == [False, True]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float16", "float32", "float64"])
@pytest.mark.parametrize("data_range", [None, (10, 200)])
def test_large_arrays_are_turned_in_parts_as_small_ones_are(dtype, data_range, monkeypatch):
    rng = np.random.default_rng(0)
    stored = (rng.random((70, 11, 3)) * 250).astype(dtype)
    scale = Intensity.of(dtype, data_range)
    unit = scale.to_unit(stored)
    back = scale.from_unit(unit)
    assert back.dtype == stored.dtype
    monkeypatch.setattr("ruis.intensity.BAND", 100)
    assert np.array_equal(scale.to_unit(stored), unit)
    assert np.array_equal(scale.from_unit(unit), back)
    out = np.zeros((2, *stored.shape), dtype)[1]
    assert scale.from_unit(unit, out) is out
    assert np.array_equal(out, back)


def test_only_who_says_so_gets_the_array_itself():
    stored = np.ones((3, 4), np.float32)
    scale = Intensity.of("float32")
    assert not np.shares_memory(scale.to_unit(stored), stored)
    assert np.shares_memory(scale.to_unit(stored, copy=False), stored)


@pytest.mark.parametrize(
    ("dtype", "data_range", "bounded"),
    [
        (np.uint8, None, True), (np.int16, None, True), (np.bool_, None, True),
        (np.uint16, (0, 4095), False), (np.int16, (0, 32767), False), (np.uint8, (-5, 300), True),
        (np.float32, None, False),
    ],
)  # fmt: skip
def test_what_cannot_be_beyond_the_data_range(dtype, data_range, bounded):
    assert Intensity.of(dtype, data_range).bounded == bounded
