from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from ruis.architectures.keras_layers import KerasLayers
from ruis.engines.openvino_graph import OpenVINOLayers
from ruis.errors import ConfigError
from ruis.layers import Layers, Trace, same_padding
from ruis.tiling import Geometry


@pytest.mark.parametrize("kernel", range(1, 8))
@pytest.mark.parametrize("stride", range(1, 5))
def test_same_padding_closes_at_multiples_of_the_stride(kernel, stride):
    before, after = same_padding(kernel, stride)
    assert 0 <= before <= after <= before + 1
    for length in (stride, 4 * stride, 12 * stride):
        if kernel >= stride:
            assert length + before + after == length - stride + kernel
        assert (length + before + after - kernel) // stride + 1 == length // stride


@pytest.mark.parametrize("kernel", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_padding_is_that_of_keras(kernel, stride):
    import keras

    layer = keras.layers.Conv2D(1, kernel, strides=stride, padding="same", use_bias=False)
    pixels = np.random.default_rng(0).random((1, 6, 6, 1), dtype=np.float32)
    expected = np.asarray(layer(pixels))[0, ..., 0]
    weights = np.asarray(layer.kernel)[..., 0, 0]
    padded = np.pad(pixels[0, ..., 0], same_padding(kernel, stride))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel))
    found = (windows[::stride, ::stride] * weights).sum((2, 3))
    assert np.abs(found - expected).max() < 1e-5


def traced(connect, channels: int = 1, size=None) -> tuple[Trace, Geometry]:
    trace = Trace(size)
    return trace, trace.geometry(connect(trace, trace.start(channels)))


@pytest.mark.parametrize(
    ("connect", "radius"),
    [
        (lambda net, x: net.conv("a", x, 4, 3), 1),
        (lambda net, x: net.conv("a", net.pad("p", x, (1, 1), (1, 1)), 4, 3, padding="valid"), 1),
        (lambda net, x: net.conv("a", net.pad("p", x, (0, 2), (0, 2)), 4, 3, padding="valid"), 2),
        (lambda net, x: net.conv("b", net.conv("a", x, 4, 5), 4, 3), 3),
        (lambda net, x: net.repeat("r", net.pool("p", x, "max", 4), 4), 3),
        (lambda net, x: net.grow("g", net.conv("c", x, 4, 2, stride=2), 1, 2), 1),
        (lambda net, x: net.grow("g", net.conv("c", x, 4, 6, stride=2), 1, 6), 5),
        (lambda net, x: net.add("s", x, net.conv("a", x, 1, 7)), 3),
        (lambda net, x: net.crop("c", net.pad("p", x, (3, 4), (3, 4)), (3, 4), (3, 4)), 0),
        (lambda net, x: net.crop("c", net.pad("p", x, (3, 4), (3, 4)), (1, 6), (1, 6)), 2),
    ],
)
def test_the_radius_follows_from_the_layers(connect, radius):
    assert traced(connect)[1].radius == radius


def test_sizes_are_multiples_of_everything_that_divides_them():
    def connect(net: Layers, x):
        for name, stride in (("two", 2), ("three", 3)):
            x = net.conv(f"down_{name}", x, 1, stride, stride=stride)
            x = net.grow(f"up_{name}", x, 1, stride, stride=stride)
        return x

    assert traced(connect)[1].multiple == 6


def test_costs_are_counted_per_input_pixel():
    def connect(net: Layers, x):
        x = net.conv("a", x, 8, 3)  # 9 * 2 * 8 at every pixel
        x = net.conv("b", x, 4, 2, stride=2)  # 4 * 8 * 4 at every fourth
        return net.grow("c", x, 2, 2)  # 4 * 4 * 2 at every fourth, once per kernel

    trace, _ = traced(connect, channels=2)
    assert trace.macs == 144 + Fraction(128, 4) + Fraction(32, 4)


def test_a_dense_layer_needs_a_fixed_size_and_gives_it():
    def connect(net: Layers, x):
        x = net.dense("code", net.pool("p", x, "max", 2), 5)
        return net.reshape("image", net.dense("out", x, 6 * 4), (6, 4, 1))

    trace, geometry = traced(connect, size=(6, 4))
    assert geometry == Geometry(1, 0, (6, 4))
    assert trace.tensors["code/kernel"] == (6, 5)
    assert trace.macs == Fraction(6 * 5 + 5 * 24, 24)
    with pytest.raises(ConfigError, match="fixed size"):
        traced(connect)


@pytest.mark.parametrize(
    ("connect", "says"),
    [
        (lambda net, x: net.conv("a", x, 1, 3, stride=2), "another size"),
        (lambda net, x: net.conv("a", net.conv("a", x, 1, 3), 1, 3), "two layers"),
        (lambda net, x: net.grow("g", x, 1, 2, stride=3), "gaps"),
        (lambda net, x: net.add("s", x, net.conv("a", x, 2, 3)), "different shapes"),
        (lambda net, x: net.add("s", x, net.conv("a", x, 1, 3, stride=2)), "different shapes"),
    ],
)
def test_networks_that_do_not_fit_together_are_refused(connect, says):
    with pytest.raises(ConfigError, match=says):
        traced(connect)


def test_units_that_do_not_fill_the_shape_are_refused():
    with pytest.raises(ConfigError, match="24 units"):
        traced(lambda net, x: net.reshape("r", net.dense("d", x, 24), (5, 5, 1)), size=(4, 4))


@pytest.mark.parametrize("made_by", ["keras", "openvino"])
def test_sum_pooling_adds_the_window(made_by):
    pixels = np.random.default_rng(0).random((1, 6, 4, 2), dtype=np.float32)
    expected = pixels.reshape(1, 3, 2, 2, 2, 2).sum((2, 4))
    if made_by == "keras":
        found = np.asarray(KerasLayers(0).pool("p", pixels, "sum", 2))
    else:
        found = _openvino(lambda net, x: net.pool("p", x, "sum", 2), pixels)
    assert np.abs(found - expected).max() < 1e-6


def _openvino(connect, pixels: np.ndarray) -> np.ndarray:
    import openvino

    layers = OpenVINOLayers({})
    result = layers.finish(connect(layers, layers.start(pixels.shape)))
    return openvino.compile_model(openvino.Model([result], [layers.input]), "CPU")(pixels)[0]


def test_seeds_give_each_layer_weights_of_its_own():
    import keras

    layers = KerasLayers(7)
    noisy = keras.Input((None, None, 4))
    x = layers.conv("b", layers.conv("a", noisy, 4, 3), 4, 3)
    first, second = keras.Model(noisy, x).get_weights()
    assert not np.array_equal(first, second)


def test_first_weights_have_the_scale_of_he():
    import keras

    layers = KerasLayers(0)
    noisy = keras.Input((None, None, 32))
    x = layers.conv("conv", noisy, 64, 3, gain=0.5)
    x = layers.grow("grow", x, 32, 4)
    conv, grow = keras.Model(noisy, x).get_weights()
    assert conv.std() == pytest.approx(0.5 * np.sqrt(2 / (9 * 32)), rel=0.05)
    assert grow.std() == pytest.approx(np.sqrt(2 / (4 * 64)), rel=0.05)  # 4 of 16 meet in a pixel
