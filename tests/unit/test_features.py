"""What a network looks at: kernels, maps, shapes, matches."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from ruis import architectures, features
from ruis.engines import ENGINES
from ruis.errors import (
    ChannelMismatchError,
    ConfigError,
    EngineError,
    ImageError,
    UnknownNameError,
)
from ruis.image import Image, ImageInfo

keras = pytest.importorskip("keras", reason="looking into a network needs the train extra")

ARTICLE = {"name": "convolutional-autoencoder"}
CODED = {**ARTICLE, "filters": [4, 3], "bottleneck": 5, "size": [12, 16]}


@pytest.fixture(scope="module")
def article(small_model):
    return small_model(**ARTICLE)


@pytest.fixture(scope="module")
def unet(small_model):
    return small_model()


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).random(shape, dtype=np.float32)


# -- filters -----------------------------------------------------------------------------------------


def test_filters_are_the_weights_in_the_order_of_the_network(article):
    found = features.filters(article)
    assert list(found) == ["down1", "down2", "down3", "wide1", "wide2", "wide3", "tail"]
    for name, kernel in found.items():
        np.testing.assert_array_equal(kernel, article.weights[f"{name}/kernel"])


def test_a_transposed_kernel_has_the_axes_of_the_others(unet):
    found = features.filters(unet)
    assert found["up0"].shape == (2, 2, 6, 4), "from 6 channels to 4 filters"
    np.testing.assert_array_equal(
        found["up0"], unet.weights["up0/kernel"].transpose(0, 1, 3, 2)
    )  # fmt: skip


def test_one_layer_may_be_asked_for(article):
    assert list(features.filters(article, "wide2")) == ["wide2"]
    with pytest.raises(UnknownNameError, match="Did you mean 'down1'"):
        features.filters(article, "dwon1")
    with pytest.raises(UnknownNameError):
        features.filters(article, "pool1")


def test_a_network_of_keras_will_do(article):
    net = features.network(article)
    assert list(features.filters(net)) == list(features.filters(article))
    image = noise(16, 24, 1)
    ours, theirs = features.feature_maps(article, image), features.feature_maps(net, image)
    np.testing.assert_array_equal(ours["tail"], theirs["tail"])


# -- feature maps ------------------------------------------------------------------------------------


def test_the_first_maps_are_correlation_bias_and_relu(article):
    image = noise(24, 32, 1)
    maps = features.feature_maps(article, image)["down1"]
    kernel, bias = article.weights["down1/kernel"], article.weights["down1/bias"]
    for place in range(kernel.shape[3]):
        fits = ndimage.correlate(image[..., 0], kernel[:, :, 0, place], mode="constant")
        np.testing.assert_allclose(maps[..., place], np.maximum(fits + bias[place], 0), atol=1e-5)


def test_a_pooled_map_is_the_maximum_of_its_windows(article):
    maps = features.feature_maps(article, noise(24, 32, 1))
    windows = maps["down1"].reshape(12, 2, 16, 2, 16)
    np.testing.assert_array_equal(maps["pool1"], windows.max(axis=(1, 3)))


@pytest.mark.parametrize("size", [(1, 1), (7, 30), (32, 32), (33, 17)])
@pytest.mark.parametrize("kind", ["article", "unet"])
def test_the_last_map_is_what_the_engine_makes_at_any_size(kind, size, request):
    model = request.getfixturevalue(kind)
    image = noise(*size, 1)
    maps = features.feature_maps(model, image)
    last = list(maps.values())[-1]
    assert last.shape == (*size, 1)
    multiple = model.architecture.geometry.multiple
    more = [(0, -side % multiple) for side in size]
    # Two steps for one pixel, which has nothing to mirror.
    mode = "edge" if min(size) == 1 else "reflect"
    batch = np.pad(image, [*more, (0, 0)], mode=mode)[None]
    if model.architecture.takes_sigma:
        batch = np.concatenate([batch, np.zeros_like(batch)], axis=3)
    engine = ENGINES.load("openvino")(model.architecture, model.weights)
    expected = engine.run(batch)[0][: size[0], : size[1]]
    np.testing.assert_allclose(last, expected, atol=1e-4)


def test_maps_are_cropped_in_proportion(article):
    maps = features.feature_maps(article, noise(20, 9, 1))  # seen as 24 x 16
    assert maps["down1"].shape == (20, 9, 16)
    assert maps["pool1"].shape == (10, 5, 16)
    assert maps["pool3"].shape == (3, 2, 8)
    assert maps["tail"].shape == (20, 9, 1)


def test_a_network_of_one_size_sees_a_larger_image_in_tiles(small_model):
    model = small_model(**CODED)
    image = noise(20, 32, 1)  # two rows of two tiles, the lower ones partly mirrored
    maps = features.feature_maps(model, image)
    assert maps["code"].shape == (2, 2, 5)
    right = features.feature_maps(model, image[:12, 16:])
    np.testing.assert_allclose(maps["code"][0, 1], right["code"][0, 0], atol=1e-5)
    last = list(maps)[-1]
    assert maps[last].shape == (20, 32, 1)
    np.testing.assert_allclose(maps[last][:12, 16:], right[last], atol=1e-5)


def test_sigma_reaches_the_network(unet):
    image = noise(8, 8, 1)
    blind = features.feature_maps(unet, image)["stem"]
    told = features.feature_maps(unet, image, sigma=0.5)["stem"]
    assert np.abs(told - blind).max() > 1e-3


def test_an_image_is_read_as_fractions_of_its_range_and_gray(article):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    stored = Image(pixels, ImageInfo(pixels.dtype, (0, 255), colour="rgb"))
    gray = np.rint(pixels @ np.array([0.299, 0.587, 0.114])) / 255
    maps = features.feature_maps(article, stored, layers=["down1"])
    assert list(maps) == ["down1"]
    expected = features.feature_maps(article, gray, layers=["down1"])
    np.testing.assert_allclose(maps["down1"], expected["down1"], atol=2e-2)


@pytest.mark.parametrize(
    ("image", "error"),
    [
        (np.zeros((8, 8, 3)), ChannelMismatchError),
        (np.zeros((0, 8, 1)), ImageError),
        (np.zeros(8), ImageError),
        (np.full((8, 8), np.nan), ImageError),
    ],
)
def test_what_is_no_image_for_the_model_is_refused(article, image, error):
    with pytest.raises(error):
        features.feature_maps(article, image)


def test_an_unknown_layer_names_the_nearest(article):
    with pytest.raises(UnknownNameError, match="Did you mean 'pool2'"):
        features.feature_maps(article, noise(8, 8, 1), layers=["poool2"])


def test_a_foreign_network_that_needs_a_multiple_is_told_it():
    layers = keras.layers
    entered = keras.Input((None, None, 1))
    half = layers.MaxPooling2D(2, name="half")(entered)
    whole = layers.Add(name="sum")([entered, layers.UpSampling2D(2, name="twice")(half)])
    net = keras.Model(entered, whole)
    with pytest.raises(EngineError, match="multiple"):
        features.feature_maps(net, noise(5, 8, 1))
    maps = features.feature_maps(net, noise(5, 8, 1), multiple=2)
    assert maps["half"].shape == (3, 4, 1)
    assert maps["sum"].shape == (5, 8, 1)


def test_a_network_inside_a_network_shows_its_results_and_filters():
    entered = keras.Input((8, 8, 1))
    fine = keras.layers.Conv2D(2, 3, padding="same", name="fine")(entered)
    coarse = keras.layers.Conv2D(3, 2, strides=2, name="coarse")(fine)
    inside = keras.Model(entered, [fine, coarse], name="inside")
    image = keras.Input((8, 8, 1))
    first, second = inside(image)
    grown = keras.layers.UpSampling2D(2, name="grown")(second)
    net = keras.Model(image, keras.layers.Concatenate(name="joined")([first, grown]))
    maps = features.feature_maps(net, noise(8, 8, 1))
    assert {name: made.shape for name, made in maps.items()} == {
        "inside/0": (8, 8, 2), "inside/1": (4, 4, 3), "grown": (8, 8, 3), "joined": (8, 8, 5)
    }  # fmt: skip
    np.testing.assert_array_equal(maps["joined"][..., :2], maps["inside/0"])
    assert list(features.filters(net)) == ["inside/fine", "inside/coarse"]


# -- shapes and match --------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [ARTICLE, CODED, {"name": "unet", "widths": [4, 6], "blocks": 1}])
def test_shapes_are_those_of_the_maps(data, small_model):
    model = small_model(**data)
    told = features.shapes(model.architecture, (32, 32))
    size = told[0][1][:2]
    maps = features.feature_maps(model, noise(*size, 1))
    assert told[1:] == [(name, made.shape) for name, made in maps.items()]


def test_shapes_follow_the_article():
    code = dict(features.shapes(architectures.parse(ARTICLE), (28, 28)))
    assert code["noisy"] == (32, 32, 1), "rounded up to a multiple of 8"
    assert code["pool3"] == (4, 4, 8)
    with pytest.raises(ConfigError, match="give"):
        features.shapes(architectures.parse(ARTICLE))


@pytest.mark.parametrize("kernel", [(3, 3), (2, 2), (5, 1), (4, 7)])
def test_match_is_the_plain_correlation(kernel):
    image, feature = noise(9, 11), np.random.default_rng(2).normal(size=kernel)
    centre = [-1 + length % 2 for length in kernel]  # an even kernel's second half is the longer
    expected = ndimage.correlate(image.astype(np.float64), feature, mode="constant", origin=centre)
    np.testing.assert_allclose(features.match(image, feature), expected, atol=1e-5)


def test_match_adds_channels_and_refuses_other_ones():
    image, feature = noise(6, 7, 3), noise(3, 3, 3)
    each = sum(features.match(image[..., i], feature[..., i]) for i in range(3))
    np.testing.assert_allclose(features.match(image, feature), each, atol=1e-5)
    with pytest.raises(ChannelMismatchError):
        features.match(image, feature[..., :2])


def test_a_feature_scores_highest_where_it_is():
    image = np.zeros((20, 20), np.float32)
    feature = np.array([[-1, 1, -1], [1, 1, 1], [-1, 1, -1]], np.float32)
    image[12:15, 4:7] = feature > 0
    fits = features.match(image, feature)
    assert np.unravel_index(fits.argmax(), fits.shape) == (13, 5)
    assert fits.max() == 5
