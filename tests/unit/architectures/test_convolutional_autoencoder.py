from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ruis.architectures import base
from ruis.architectures.convolutional_autoencoder import ConvolutionalAutoencoder
from ruis.engines.openvino import OpenVINOEngine
from ruis.engines.openvino_graph import OpenVINOLayers
from ruis.errors import ConfigError


def numbers_of(network: ConvolutionalAutoencoder) -> int:
    return sum(math.prod(shape) for shape in network.tensors.values())


def weights_of(network: ConvolutionalAutoencoder) -> dict[str, np.ndarray]:
    """Positive, with nothing added, so that whatever goes in is felt."""
    rng = np.random.default_rng(0)
    return {
        name: rng.uniform(0.5, 1.5, shape).astype(np.float32) / np.float32(math.prod(shape[:-1]))
        if len(shape) > 1
        else np.zeros(shape, np.float32)
        for name, shape in network.tensors.items()
    }


def run(network: ConvolutionalAutoencoder, batch: np.ndarray) -> np.ndarray:
    return OpenVINOEngine(network, weights_of(network)).run(batch)


# -- the networks that others published -------------------------------------------------------------


@pytest.mark.parametrize("size", [None, (28, 28)])
def test_the_defaults_are_the_network_of_the_article(size):
    network = ConvolutionalAutoencoder(size=size)
    assert numbers_of(network) == 4385
    model = network.build()
    assert model.count_params() == 4385
    around = {"PadToMultiple", "CropAs", "Cropping2D"}
    layers = [(type(layer).__name__, layer.name) for layer in model.layers[1:]]
    layers = [layer for layer in layers if layer[0] not in around]
    assert [kind for kind, _ in layers] == [
        "Conv2D", "MaxPooling2D", "Conv2D", "MaxPooling2D", "Conv2D", "MaxPooling2D",
        "Conv2D", "UpSampling2D", "Conv2D", "UpSampling2D", "Conv2D", "UpSampling2D", "Conv2D",
    ]  # fmt: skip
    convolutions = [layer for layer in model.layers if type(layer).__name__ == "Conv2D"]
    assert [layer.filters for layer in convolutions] == [16, 8, 8, 8, 8, 16, 1]
    activations = [layer.activation.__name__ for layer in convolutions]
    assert activations == ["relu"] * 6 + ["sigmoid"]
    assert {layer.kernel_size for layer in convolutions} == {(3, 3)}


def test_the_article_s_own_closes_by_itself_and_is_left_alone():
    network = ConvolutionalAutoencoder(size=(28, 28), decoder_padding=("same", "same", "valid"))
    model = network.build()
    sizes = [(layer.name, *layer.output.shape[1:]) for layer in model.layers]
    assert sizes == [
        ("noisy", 28, 28, 1), ("down1", 28, 28, 16), ("pool1", 14, 14, 16), ("down2", 14, 14, 8),
        ("pool2", 7, 7, 8), ("down3", 7, 7, 8), ("pool3", 4, 4, 8), ("wide1", 4, 4, 8),
        ("repeat1", 8, 8, 8), ("wide2", 8, 8, 8), ("repeat2", 16, 16, 8), ("wide3", 14, 14, 16),
        ("repeat3", 28, 28, 16), ("tail", 28, 28, 1),
    ]  # fmt: skip


def test_the_code_of_a_28_pixel_image_is_4_by_4_by_8():
    model = ConvolutionalAutoencoder().build()
    assert model.compute_output_shape((1, 32, 32, 1)) == (1, 32, 32, 1)
    import keras

    code = keras.Model(model.input, model.get_layer("pool3").output)
    assert code.compute_output_shape((1, 32, 32, 1)) == (1, 4, 4, 8)


def test_the_sibling_with_transposed_convolutions():
    network = ConvolutionalAutoencoder(filters=(32, 32), upsampling="transposed")
    assert numbers_of(network) == 28_353


def test_the_sibling_with_strides():
    network = ConvolutionalAutoencoder(
        filters=(16, 8), pooling="none", stride=2, upsampling="transposed"
    )
    assert network.geometry.multiple == 4
    assert list(network.tensors)[::2] == [
        "down1/kernel", "down2/kernel", "up1/kernel", "up2/kernel", "tail/kernel",
    ]  # fmt: skip


def test_a_bottleneck_of_ten_in_the_middle():
    network = ConvolutionalAutoencoder(bottleneck=10, size=(28, 28))
    assert network.tensors["code/kernel"] == (4 * 4 * 8, 10)
    assert network.tensors["uncode/kernel"] == (10, 4 * 4 * 8)
    assert network.build().get_layer("code").units == 10


def test_the_decoder_need_not_mirror_the_encoder():
    for decoder in ((5,), (7, 5), (9, 7, 5), (9, 7, 5, 3, 2)):
        network = ConvolutionalAutoencoder(decoder=decoder)
        kernels = [shape for name, shape in network.tensors.items() if name.startswith("wide")]
        assert tuple(shape[3] for shape in kernels if len(shape) == 4) == decoder
        assert run(network, np.zeros((1, 8, 16, 1), np.float32)).shape == (1, 8, 16, 1)


# -- any size in, the same size out --------------------------------------------------------------------


@st.composite
def networks(draw) -> ConvolutionalAutoencoder:
    levels = draw(st.integers(1, 3))
    filters = st.integers(1, 2)
    settings = {
        "channels": draw(st.sampled_from([1, 3])),
        "filters": draw(st.lists(filters, min_size=levels, max_size=levels)),
        "kernel": draw(st.integers(1, 5)),
        "stride": draw(st.integers(1, 3)),
        "padding": draw(st.sampled_from(["same", "valid"])),
        "pooling": draw(st.sampled_from(["max", "average", "sum", "none"])),
        "pool_size": draw(st.integers(1, 3)),
        "activation": "linear",
        "output_activation": "linear",
        "bias": draw(st.booleans()),
        "decoder": draw(st.none() | st.lists(filters, min_size=1, max_size=4)),
        "upsampling": draw(st.sampled_from(["repeat", "transposed"])),
    }
    if draw(st.booleans()):
        settings |= {"bottleneck": 2, "size": draw(st.tuples(*[st.integers(1, 40)] * 2))}
    try:
        return ConvolutionalAutoencoder(**settings)
    except ValidationError:  # divides by too much
        return ConvolutionalAutoencoder(**{**settings, "stride": 1, "pool_size": 2})


@given(networks(), st.integers(1, 4), st.integers(1, 4))
def test_every_padding_stride_and_pooling_closes(network, rows, columns):
    geometry = network.geometry
    size = geometry.size or (rows * geometry.multiple, columns * geometry.multiple)
    layers = OpenVINOLayers(weights_of(network))
    noisy = layers.start((1, *size, network.channels))
    result = layers.finish(network.connect(layers, noisy))
    assert tuple(result.output(0).shape) == (1, *size, network.channels)


@settings(max_examples=25)
@given(networks().filter(lambda network: network.size is None and network.geometry.halo <= 60))
def test_what_is_declared_of_sight_is_what_is_measured(network):
    geometry = network.geometry
    tiles = 2 * (geometry.halo // geometry.multiple) + 5
    length = tiles * geometry.multiple
    middle = tiles // 2 * geometry.multiple
    places = sorted({middle, middle + geometry.multiple // 2, middle + geometry.multiple - 1})
    batch = np.zeros((len(places), length, length, network.channels), np.float32)
    for index, place in enumerate(places):
        batch[index, place, place] = 1e3
    result = run(network, batch)
    for index, place in enumerate(places):
        felt = np.argwhere(np.any(result[index] != 0, axis=-1))
        if felt.size:  # strides may step over a pixel
            assert np.abs(felt - place).max() <= geometry.radius


@settings(max_examples=25)
@given(
    kernel=st.sampled_from([1, 3, 5]),
    pooling=st.sampled_from(["average", "sum"]),
    pool_size=st.integers(1, 3),
    levels=st.integers(1, 2),
    padding=st.sampled_from(["same", "valid"]),
)
def test_the_result_lies_over_the_image(kernel, pooling, pool_size, levels, padding):
    """A spot stays in its place, on average over the places where it may be."""
    network = ConvolutionalAutoencoder(
        filters=(1,) * levels,
        kernel=kernel,
        pooling=pooling,
        pool_size=pool_size,
        padding=padding,
        activation="linear",
        output_activation="linear",
        bias=False,
    )
    weights = {name: np.ones(shape, np.float32) for name, shape in network.tensors.items()}
    multiple, halo = network.geometry.multiple, network.geometry.halo
    length = 2 * (halo + 2 * multiple) + multiple
    batch = np.zeros((multiple, length, length, 1), np.float32)
    places = halo + 2 * multiple + np.arange(multiple)
    batch[np.arange(multiple), places, places] = 1
    result = OpenVINOEngine(network, weights).run(batch)[..., 0].astype(float)
    centres = (result.sum(2) @ np.arange(length)) / result.sum((1, 2))
    assert np.mean(centres - places) == pytest.approx(0, abs=0.51)


def test_valid_convolutions_see_no_border_of_zeros_between_layers():
    """With `same`, a flat image comes out darker at its border; inside of `valid`, it does not."""
    flat = np.ones((1, 64, 64, 1), np.float32)
    common = {
        "filters": (1, 1),
        "activation": "linear",
        "output_activation": "linear",
        "bias": False,
    }
    for padding in ("same", "valid"):
        network = ConvolutionalAutoencoder(padding=padding, **common)
        radius = network.geometry.radius
        result = run(network, flat)[0, ..., 0]
        inside = result[radius:-radius, radius:-radius]
        assert np.ptp(inside) < 1e-5
        assert result[0, 0] < inside.min()


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_a_kernel_that_copies_its_centre_copies_the_image(padding, kernel):
    network = ConvolutionalAutoencoder(
        filters=(1, 1),
        kernel=kernel,
        padding=padding,
        pooling="none",
        activation="linear",
        output_activation="linear",
        bias=False,
    )
    weights = {name: np.zeros(shape, np.float32) for name, shape in network.tensors.items()}
    for tensor in weights.values():
        tensor[kernel // 2, kernel // 2] = 1
    noisy = np.random.default_rng(0).random((1, 13, 9, 1), dtype=np.float32)
    assert np.array_equal(OpenVINOEngine(network, weights).run(noisy), noisy)


@pytest.mark.parametrize(
    ("pooling", "reduce"), [("max", np.max), ("average", np.mean), ("sum", np.sum)]
)
def test_pooling_is_what_it_says(pooling, reduce):
    network = ConvolutionalAutoencoder(
        filters=(1,),
        kernel=1,
        pooling=pooling,
        pool_size=3,
        activation="linear",
        output_activation="linear",
        bias=False,
    )
    weights = {name: np.ones(shape, np.float32) for name, shape in network.tensors.items()}
    noisy = np.random.default_rng(0).random((1, 6, 9, 1), dtype=np.float32)
    blocks = noisy[0, ..., 0].reshape(2, 3, 3, 3)
    expected = np.kron(reduce(blocks, axis=(1, 3)), np.ones((3, 3)))
    found = OpenVINOEngine(network, weights).run(noisy)[0, ..., 0]
    assert np.abs(found - expected).max() < 1e-5


# -- bounds -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"bottleneck": 10}, "bottleneck needs a size"),
        ({"decoder_padding": ("same",)}, "3 of them"),
        ({"filters": ()}, "filters"),
        ({"filters": (0,)}, "filters"),
        ({"filters": (8,) * 9}, "filters"),
        ({"decoder": ()}, "decoder"),
        ({"kernel": 0}, "kernel"),
        ({"pooling": "median"}, "pooling"),
        ({"padding": "full"}, "padding"),
        ({"activation": "reluu"}, "activation"),
        ({"filters": (1,) * 8, "pool_size": 4}, "divide the image by 65536"),
        ({"filters": (1,) * 8, "kernel": 31}, "pixels far"),
        ({"bottleneck": 5, "size": (2000, 28)}, "size"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(parameters, says):
    with pytest.raises(ConfigError, match=says):
        ConvolutionalAutoencoder.parse(parameters)


def test_every_activation_is_one_that_keras_knows():
    import typing

    import keras

    for name in typing.get_args(base.ActivationName):
        assert keras.activations.get(name).__name__ == name


def test_an_activation_may_have_its_other_name():
    assert ConvolutionalAutoencoder(activation="swish").activation == "silu"
