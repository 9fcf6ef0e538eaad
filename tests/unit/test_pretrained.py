from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from ruis import pretrained
from ruis.errors import ConfigError, ModelCorruptError, ModelNotFoundError, UnknownNameError
from ruis.pretrained import NETWORKS, extend, features, look
from ruis.pretrained.maps import _pixels
from ruis.tiling import mirror_index

keras = pytest.importorskip("keras", reason="pretrained networks need the train extra")

MODULES = {
    "xception": "xception",
    "vgg16": "vgg16",
    "vgg19": "vgg19",
    "resnet50": "resnet50",
    "inception-v3": "inception_v3",
    "inception-resnet-v2": "inception_resnet_v2",
    "mobilenet": "mobilenet",
    "densenet121": "densenet",
    "nasnet-mobile": "nasnet",
    "mobilenet-v2": "mobilenet_v2",
}


def photo(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def preprocessed(network: str, image: np.ndarray) -> np.ndarray:
    """What Keras would make of the image's values in [0, 255]."""
    module = getattr(keras.applications, MODULES[network])
    return np.asarray(module.preprocess_input(image * 255))


def of_keras(network: str) -> Any:
    """Keras' own network, with statistics that a forgotten one would show."""
    construct = getattr(keras.applications, NETWORKS[network].constructor)
    keras.utils.set_random_seed(1)
    model = construct(include_top=False, weights=None, input_shape=(224, 224, 3))
    rng = np.random.default_rng(2)
    for variable in model.variables:
        if len(variable.shape) == 1:
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    return model


def save(model: Any, path: Any) -> None:
    """Let Keras write weights, in whose TensorFlow backend NumPy 2 finds something to mend."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="__array__ implementation")
        model.save_weights(path)


@pytest.fixture(scope="module")
def vgg16() -> Any:
    return of_keras("vgg16")


@pytest.fixture(scope="module")
def vgg16_file(vgg16, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "vgg16.weights.h5"
    save(vgg16, path)
    return path


# -- the table --------------------------------------------------------------------------------


def test_the_table_has_the_ten_networks():
    assert set(NETWORKS) == set(MODULES)
    assert all({2, 4, 8, 16, 32} <= set(known.taps) for known in NETWORKS.values())


def test_an_unknown_network_suggests_the_nearest():
    with pytest.raises(UnknownNameError) as caught:
        features("vgg-16")
    assert caught.value.nearest == "vgg16"


@pytest.mark.parametrize("taps", [(), (3,), (4, 2), (2, 2), (1, 2)])
def test_taps_are_strides_in_order(taps):
    with pytest.raises(ConfigError, match="2, 4, 8, 16, 32"):
        features("mobilenet", taps)


# -- what goes in -----------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("network", list(MODULES))
def test_pixels_are_scaled_as_keras_scales_them(network, channels):
    given = photo(2, 5, 4, channels)
    image = keras.Input((None, None, channels))
    model = keras.Model(image, _pixels(keras, image, NETWORKS[network].pixels))
    expected = preprocessed(network, np.repeat(given, 3 // channels, axis=3))
    assert np.abs(np.asarray(model(given)) - expected).max() < 1e-4


@pytest.mark.parametrize("size", [(5, 3), (8, 4), (1, 1), (9, 17)])
def test_images_are_extended_by_mirroring_whether_or_not_their_size_is_known(size):
    import tensorflow as tf

    given = photo(1, *size, 2)
    rows, columns = (mirror_index(0, -(-side // 8) * 8, side) for side in size)
    expected = given[:, rows][:, :, columns]
    assert np.array_equal(np.asarray(extend(given, 8)), expected)
    unknown = tf.function(
        lambda x: extend(x, 8), input_signature=[tf.TensorSpec((None, None, None, 2))]
    )
    assert np.array_equal(np.asarray(unknown(given)), expected)


# -- what comes out ---------------------------------------------------------------------------


def test_maps_are_those_of_keras_own_network(vgg16, vgg16_file):
    given = photo(1, 64, 96, 3)
    known = NETWORKS["vgg16"].taps
    outputs = [vgg16.get_layer(name).output for name in known.values()]
    theirs = keras.Model(vgg16.input, outputs)
    expected = theirs(preprocessed("vgg16", np.resize(given, (1, 224, 224, 3))))
    given = np.resize(given, (1, 224, 224, 3))
    ours = features("vgg16", tuple(known), weights=vgg16_file)(given)
    for one, other in zip(ours, expected, strict=True):
        other = np.asarray(other)
        assert np.abs(np.asarray(one) - other).max() < 1e-4 * np.abs(other).max()
    unscaled = np.asarray(theirs(given)[1])
    assert np.abs(unscaled - np.asarray(expected[1])).max() > 0.1 * np.abs(unscaled).max()


@pytest.mark.slow
@pytest.mark.parametrize("network", ["mobilenet-v2", "resnet50"])
def test_maps_of_networks_with_statistics_are_those_of_keras(network, tmp_path):
    whole = of_keras(network)
    save(whole, tmp_path / "one.weights.h5")
    given = photo(1, 224, 224, 3)
    outputs = [whole.get_layer(name).output for name in NETWORKS[network].taps.values()]
    expected = keras.Model(whole.input, outputs)(preprocessed(network, given))
    ours = features(network, weights=tmp_path / "one.weights.h5")(given)
    for one, other in zip(ours, expected, strict=True):
        assert np.abs(one - other).max() < 1e-3 * np.abs(other).max()


@pytest.mark.slow
def test_a_border_that_keras_drops_is_kept_and_nothing_else_changes(tmp_path):
    """Xception's first two convolutions drop theirs: its map begins one place further in."""
    whole = of_keras("xception")
    save(whole, tmp_path / "one.weights.h5")
    given = photo(1, 224, 224, 3)
    name = NETWORKS["xception"].taps[2]
    theirs = keras.Model(whole.input, whole.get_layer(name).output)
    expected = np.asarray(theirs(preprocessed("xception", given)))
    (ours,) = look(features("xception", (2,), weights=tmp_path / "one.weights.h5"), given)
    assert expected.shape[1:3] == (109, 109)
    assert ours.shape[1:3] == (112, 112)
    assert np.abs(np.asarray(ours)[:, 1:110, 1:110] - expected).max() < 1e-4


def test_gray_is_shown_as_rgb():
    given = photo(2, 32, 32, 1)
    (gray,) = look(features("mobilenet", (2,), channels=1), given)
    (rgb,) = look(features("mobilenet", (2,)), np.repeat(given, 3, axis=3))
    assert np.allclose(gray, rgb, atol=1e-6)


def test_the_seed_alone_decides_fresh_weights():
    first, again, other = (features("mobilenet", (2,), seed=s).get_weights() for s in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    kernels = [(a, b) for a, b in zip(first, other, strict=True) if a.ndim > 1]
    assert kernels
    assert not any(np.array_equal(a, b) for a, b in kernels)


@pytest.mark.parametrize("network", ["vgg19", "mobilenet-v2"])
def test_fresh_maps_are_neither_drowned_nor_flooded(network):
    known = NETWORKS[network]
    for stride, seen in zip((2, 4, 8, 16, 32), features(network)(photo(1, 64, 64, 3)), strict=True):
        assert seen.shape[1:3] == (64 // stride, 64 // stride)
        assert 0.1 < np.std(seen) / known.brightest < 10


# -- what it learnt ---------------------------------------------------------------------------


def test_a_file_saved_and_read_gives_the_same_maps(tmp_path, vgg16, vgg16_file):
    given = photo(1, 32, 48, 3)
    first = features("vgg16", (1, 2, 8), weights=vgg16_file)(given)
    again = features("vgg16", (1, 2, 8), weights=str(vgg16_file))(given)
    fresh = features("vgg16", (1, 2, 8))(given)
    for one, other, third in zip(first, again, fresh, strict=True):
        assert np.array_equal(one, other)
        assert not np.allclose(one, third)


@pytest.mark.parametrize("layers", [["block1_conv1"], []])
def test_a_file_that_is_handed_out_is_read(layers, tmp_path, vgg16, vgg16_file):
    """Keras 2 wrote groups in the order of the layers, each with its weights' names."""
    import h5py

    path = tmp_path / "vgg16_notop.h5"
    named = [layer for layer in vgg16.layers if not layers or layer.name in layers]
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in named]
        for layer in named:
            group = file.create_group(layer.name)
            group.attrs["weight_names"] = [v.path.encode() for v in layer.weights]
            for variable in layer.weights:
                group[variable.path] = np.asarray(variable.value)
    if layers:  # not all of them
        with pytest.raises(ModelCorruptError, match="does not hold the weights of vgg16"):
            features("vgg16", (1,), weights=path)
        return
    given = photo(1, 32, 32, 3)
    for one, other in zip(
        features("vgg16", (1, 8), weights=path)(given),
        features("vgg16", (1, 8), weights=vgg16_file)(given),
        strict=True,
    ):
        assert np.array_equal(one, other)


def test_a_file_of_another_network_is_refused(vgg16_file):
    for other in ("vgg19", "mobilenet"):
        with pytest.raises(ModelCorruptError, match=f"does not hold the weights of {other}"):
            features(other, (2,), weights=vgg16_file)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelNotFoundError, match=r"nowhere\.weights\.h5"):
        features("vgg16", weights=tmp_path / "nowhere.weights.h5")


@pytest.mark.parametrize("name", ["model.keras", "weights.pkl", "vgg16"])
def test_other_kinds_of_files_are_not_opened(name, tmp_path):
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(ConfigError, match=r"\.weights\.h5 or \.h5"):
        features("vgg16", weights=tmp_path / name)


@pytest.mark.parametrize("kept", [0, 4, 100, 3000, 1_000_000])
@pytest.mark.parametrize("suffix", [".weights.h5", ".h5"])
def test_a_damaged_file_is_refused(kept, suffix, tmp_path, vgg16_file):
    path = tmp_path / f"half{suffix}"
    path.write_bytes(vgg16_file.read_bytes()[:kept])
    with pytest.raises(ModelCorruptError, match="damaged"):
        features("vgg16", (1,), weights=path)


def test_values_that_are_no_numbers_are_refused(tmp_path):
    model = of_keras("vgg16")
    kernel = model.get_layer("block5_conv3").kernel
    values = np.asarray(kernel.value).copy()
    values[0, 0, 0, 0] = np.nan
    kernel.assign(values)
    save(model, tmp_path / "nan.weights.h5")
    with pytest.raises(ModelCorruptError, match="block5_conv3/kernel"):
        features("vgg16", (1,), weights=tmp_path / "nan.weights.h5")


def test_without_a_network_nothing_is_fetched_and_nothing_left(tmp_path, monkeypatch, capsys):
    """A proxy that refuses stands for a machine without a network."""
    import os
    import socket

    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # the port that discards; nobody listens
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    cache = tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(cache), raising=False)
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(cache))
    before = socket.getdefaulttimeout()
    with pytest.raises(ModelNotFoundError, match=r"vgg16 cannot be fetched: .*as weights"):
        features("vgg16", (1,), weights="imagenet")
    assert socket.getdefaulttimeout() == before
    assert not [name for _, _, names in os.walk(cache) for name in names]
    assert capsys.readouterr().out == ""  # results go there, and this is none


def test_importing_the_room_does_not_import_keras():
    import subprocess
    import sys

    code = "import sys, ruis.pretrained, ruis.losses; assert 'keras' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert pretrained.__all__
