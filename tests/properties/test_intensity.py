"""What holds for every stored value: forward then inverse gives it back.

The promise: integers of up to 16 bits, 16-bit and 32-bit floats and booleans come back exactly.
Model values are float32, so integers of 32 bits and more come back within 2**-24 of their range
(256 in 2**32: half of one 2**-24 step and the rounding back), and black and white exactly. 64-bit floats, and
floats with a data range of their own, come back within 2**-23 of the larger of value and range.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays, from_dtype

from ruis.image import data_range_of
from ruis.intensity import Intensity

EXACT = ["bool", "uint8", "int8", "uint16", "int16"]
LARGE = ["uint32", "int32", "uint64", "int64"]
orders = st.sampled_from(["<", ">"])


def there_and_back(scale: Intensity, stored: np.ndarray) -> np.ndarray:
    before = stored.copy()
    unit = scale.to_unit(stored)
    assert unit.dtype == np.float32
    assert unit.shape == stored.shape
    assert np.array_equal(stored, before)
    back = scale.from_unit(unit)
    assert back.dtype == scale.dtype
    return back


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_small_integer_comes_back(dtype, order):
    kind = np.dtype(dtype).newbyteorder(order)
    low, high = data_range_of(kind)
    stored = np.arange(low, high + 1).astype(kind)
    scale = Intensity.of(kind)
    assert np.array_equal(there_and_back(scale, stored), stored)
    unit = scale.to_unit(stored)
    assert (unit.min(), unit.max()) == (0, pytest.approx(1, abs=1e-6))
    assert (np.diff(unit) > 0).all()


@given(st.sampled_from(["uint8", "int16", "uint16"]), st.data())
def test_small_integers_come_back_from_a_range_of_their_own(dtype, data):
    limits = np.iinfo(dtype)
    low = data.draw(st.integers(limits.min, limits.max - 1))
    high = data.draw(st.integers(low + 1, limits.max))
    stored = data.draw(arrays(dtype, 20))
    scale = Intensity.of(dtype, (low, high))
    assert np.array_equal(there_and_back(scale, stored), stored)


@pytest.mark.parametrize("dtype", LARGE)
@given(data=st.data())
def test_large_integers_come_back_as_closely_as_float32_can(dtype, data):
    stored = data.draw(arrays(dtype, 20))
    back = there_and_back(Intensity.of(dtype), stored)
    bits = np.dtype(dtype).itemsize * 8
    apart = [abs(int(a) - int(b)) for a, b in zip(stored, back, strict=True)]
    assert max(apart) <= 2 ** (bits - 24)


@pytest.mark.parametrize("dtype", LARGE)
def test_black_and_white_of_large_integers_are_exact(dtype):
    limits = np.iinfo(dtype)
    stored = np.array([0, limits.max], dtype)  # of signed ones, too
    scale = Intensity.of(dtype)
    assert scale.to_unit(stored).tolist() == [0, 1]
    assert np.array_equal(there_and_back(scale, stored), stored)
    beyond = scale.from_unit(np.array([-1.5, 1.5], np.float32))
    assert beyond.tolist() == [limits.min, limits.max]


@given(orders, st.sampled_from(["float16", "float32"]), st.data())
def test_floats_come_back_exactly(order, dtype, data):
    kind = np.dtype(dtype).newbyteorder(order)
    finite = from_dtype(np.dtype(dtype), allow_nan=False, allow_infinity=False)
    stored = data.draw(arrays(dtype, 20, elements=finite)).astype(kind)
    assert np.array_equal(there_and_back(Intensity.of(kind), stored), stored)


wide = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(st.sampled_from(["float32", "float64"]), wide, st.floats(1e-3, 1e6), st.data())
def test_floats_of_any_range_come_back_closely(dtype, low, span, data):
    values = st.floats(-1, 2).map(lambda share: low + share * span)
    stored = np.array(data.draw(st.lists(values, min_size=1, max_size=20)), dtype)
    scale = Intensity.of(dtype, (low, low + span))
    back = there_and_back(scale, stored)
    size = np.maximum(np.abs(stored), span) + abs(low)
    assert (np.abs(back - stored) <= 2.0**-23 * size).all()


@given(
    st.sampled_from(["uint8", "int16", "uint16"]),
    arrays(np.float32, 20, elements=st.floats(-9, 9, width=32)),
)
def test_what_is_beyond_the_dtype_is_limited_and_the_rest_rounded_to_nearest(dtype, unit):
    low, high = data_range_of(dtype)
    wanted = np.clip(unit.astype(np.float64) * (high - low) + low, low, high)
    assert np.abs(Intensity.of(dtype).from_unit(unit) - wanted).max() <= 0.51


@given(arrays(np.float32, 20, elements=st.floats(-9, 9, width=32)))
def test_floats_keep_what_is_beyond_the_range(unit):
    assert np.array_equal(Intensity.of(np.float32).from_unit(unit), unit)
