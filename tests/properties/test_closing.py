"""Every size closes: whatever goes in comes out as large, for every padding, stride and pooling.

Rows H and K of the article, in which a decoder that does not close is an error of the reader, and
which Keras has no layer for.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("keras", reason="networks are built in Keras")

from ruis.architectures import parse
from ruis.architectures.keras_layers import sum_pooling
from ruis.engines import ENGINES


def within_bounds(data):
    factor = data["stride"] * (1 if data["pooling"] == "none" else data["pool_size"])
    return factor ** len(data["filters"]) <= 256


networks = st.fixed_dictionaries(
    {
        "filters": st.sampled_from([[2], [3, 2], [2, 2, 2]]),
        "kernel": st.sampled_from([1, 2, 3, 5]),
        "stride": st.integers(1, 3),
        "padding": st.sampled_from(["same", "valid"]),
        "pooling": st.sampled_from(["max", "average", "sum", "none"]),
        "pool_size": st.integers(1, 3),
        "upsampling": st.sampled_from(["repeat", "transposed"]),
        "activation": st.sampled_from(["relu", "tanh"]),
    }
).filter(within_bounds)
sides = st.integers(1, 40)


def built(data):
    return parse({"name": "convolutional-autoencoder", **data})


def image(rows, columns, seed=0):
    return np.random.default_rng(seed).random((2, rows, columns, 1), dtype=np.float32)


@settings(max_examples=30)
@given(networks, sides, sides)
def test_a_network_for_any_size_gives_back_the_size_that_it_gets(data, rows, columns):
    noisy = image(rows, columns)
    assert built(data).build()(noisy).shape == noisy.shape


@settings(max_examples=30)
@given(networks, sides, sides, st.sampled_from([None, 3]))
def test_a_network_for_one_size_closes_at_that_size_in_every_engine(data, rows, columns, code):
    architecture = built({**data, "size": [rows, columns], "bottleneck": code})
    assert architecture.geometry.size == (rows, columns)
    model = architecture.build(seed=1)
    noisy = image(rows, columns)
    expected = np.asarray(model(noisy))
    assert expected.shape == noisy.shape
    weights = {variable.path: np.asarray(variable) for variable in model.variables}
    made = ENGINES.load("openvino")(architecture, weights).run(noisy)
    assert np.abs(made - expected).max() < 1e-4


@settings(max_examples=20)
@given(networks, st.integers(0, 12), st.integers(0, 12))
def test_what_is_filled_in_to_close_is_zeros(data, rows, columns):
    """An image beside zeros gives what it gives alone: nothing else was put there."""
    architecture = built({**data, "padding": "same"})
    multiple = architecture.geometry.multiple
    model = architecture.build(seed=1)
    noisy = image(multiple + rows % multiple + 1, multiple + columns % multiple + 1)
    whole = np.pad(noisy, [(0, 0), *((0, -side % multiple) for side in noisy.shape[1:3]), (0, 0)])
    expected = np.asarray(model(whole))[:, : noisy.shape[1], : noisy.shape[2]]
    assert np.abs(np.asarray(model(noisy)) - expected).max() < 1e-5


def summed(batch, size, padding):
    """Sum windows as one would by hand."""
    short = [-side % size for side in batch.shape[1:3]]
    if padding == "same":
        batch = np.pad(batch, [(0, 0), *((n // 2, n - n // 2) for n in short), (0, 0)])
    rows, columns = (side // size for side in batch.shape[1:3])
    result = np.zeros((len(batch), rows, columns, batch.shape[3]))
    for row in range(rows):
        for column in range(columns):
            window = batch[:, row * size : (row + 1) * size, column * size : (column + 1) * size]
            result[:, row, column] = window.sum(axis=(1, 2))
    return result


@given(
    st.integers(3, 17), st.integers(3, 17), st.integers(1, 3), st.sampled_from(["same", "valid"])
)
def test_sum_pooling_sums_what_is_there_and_nothing_else(rows, columns, size, padding):
    batch = np.random.default_rng(0).normal(size=(2, rows, columns, 3)).astype(np.float32)
    pooled = np.asarray(sum_pooling()(size, padding=padding)(batch))
    expected = summed(batch, size, padding)
    assert pooled.shape == expected.shape
    assert np.abs(pooled - expected).max() < 1e-4


def test_the_average_times_the_area_is_not_the_sum_at_a_border():
    """Else there would be no need for a layer of our own."""
    import keras

    ones = np.ones((1, 5, 5, 1), np.float32)
    average = np.asarray(keras.layers.AveragePooling2D(2, padding="same")(ones))[0, ..., 0]
    right = np.asarray(sum_pooling()(2, padding="same")(ones))[0, ..., 0]
    assert right[-1, -1] == 1
    assert average[-1, -1] * 4 == 4


def test_a_network_with_sum_pooling_can_be_built_for_sizes_that_are_not_known_yet():
    import keras

    images = keras.Input((None, None, 2))
    model = keras.Model(images, sum_pooling()(3, padding="same")(images))
    assert model.output_shape == (None, None, None, 2)
    assert model(np.ones((1, 7, 4, 2), np.float32)).shape == (1, 3, 2, 2)
    again = sum_pooling().from_config(model.layers[1].get_config())
    assert (again.pool_size, again.padding) == (3, "same")
