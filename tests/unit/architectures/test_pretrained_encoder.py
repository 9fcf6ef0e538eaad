from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from ruis import architectures, model_file
from ruis.architectures.pretrained_encoder import PretrainedEncoder
from ruis.denoiser import Denoiser
from ruis.errors import ConfigError, EngineError, ModelNotFoundError
from ruis.manifest import Manifest
from ruis.pretrained import NETWORKS

keras = pytest.importorskip("keras", reason="pretrained networks need the train extra")

TINY = {
    "name": "pretrained-encoder",
    "network": "mobilenet-v2",
    "depth": 2,
    "decoder": [8, 6],
    "size": [32, 32],
}


def tiny(**changes: Any) -> PretrainedEncoder:
    architecture = architectures.parse({**TINY, **changes})
    assert isinstance(architecture, PretrainedEncoder)
    return architecture


def noise_of(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def values(model: Any) -> dict[str, np.ndarray]:
    return {v.path: np.array(v.value.numpy()) for v in model.variables}


def after_a_step(model: Any, channels: int = 1) -> set[str]:
    """The variables that one step of training changes."""
    before = values(model)
    model.compile(keras.optimizers.Adam(1e-2), loss="mse", run_eagerly=True)
    rows, columns = model.input_shape[1:3]
    noisy, clean = (noise_of(2, rows, columns, channels, seed=seed) for seed in (1, 2))
    model.fit(noisy, clean, epochs=1, verbose=0)
    return {
        path for path, array in values(model).items() if not np.array_equal(array, before[path])
    }


# -- all ten ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("network", list(NETWORKS))
def test_every_network_is_an_encoder_of_any_size(network):
    architecture = tiny(network=network, depth=5, decoder=[8] * 5, size=[40, 75], channels=3)
    model = architecture.build(seed=3)
    made = {v.path: tuple(v.shape) for v in model.variables}
    assert made == architecture.tensors
    assert len(made) == len(model.variables)
    assert not any("dense" in path or "predictions" in path for path in made)
    noisy = noise_of(2, 40, 75, 3)
    denoised = np.asarray(model(noisy, training=False))
    assert denoised.shape == noisy.shape
    assert denoised.dtype == np.float32
    assert np.isfinite(denoised).all()
    assert np.std(denoised - noisy) > 0
    assert architecture.kmac_per_pixel > 1
    assert architecture.bytes_per_pixel > 100


@pytest.mark.slow
@pytest.mark.parametrize("network", ["vgg16", "mobilenet-v2"])
def test_frozen_means_frozen_and_trainable_means_trainable(network):
    settings = {"network": network, "depth": 2, "decoder": [4, 4]}
    frozen, free = (tiny(trainable=free, **settings) for free in (False, True))
    assert frozen.tensors == free.tensors
    decoder = {path for path in frozen.tensors if path.startswith(("skip", "wide", "tail"))}
    assert len(decoder) == 2 * (2 + 1 + 2 + 1)
    changed = after_a_step(frozen.build())
    assert changed <= decoder
    assert {"tail/kernel", "wide0/kernel", "skip2/kernel"} <= changed
    model = free.build()
    changed = after_a_step(model)
    kernels = {path for path, shape in free.tensors.items() if len(shape) == 4}
    assert kernels <= changed
    assert {path for path in free.tensors if "moving" in path} <= changed


# -- sizes and options ------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (33, 31), (32, 64)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_goes_in_and_comes_out(size, channels):
    model = tiny(size=size, channels=channels).build()
    assert model.input_shape == model.output_shape == (None, *size, channels)
    noisy = noise_of(2, *size, channels)
    assert np.asarray(model(noisy)).shape == noisy.shape


@pytest.mark.parametrize("skip", ["concatenate", "add", "none"])
@pytest.mark.parametrize("residual", [True, False])
def test_the_decoder_has_its_variants(skip, residual):
    architecture = tiny(network="vgg16", skip=skip, residual=residual)
    model = architecture.build()
    assert {v.path: tuple(v.shape) for v in model.variables} == architecture.tensors
    model.get_layer("tail").kernel.assign(0 * np.asarray(model.get_layer("tail").kernel.value))
    noisy = noise_of(1, 32, 32, 1)
    expected = noisy if residual else 0 * noisy
    assert np.array_equal(np.asarray(model(noisy)), expected)
    assert ("skip0/kernel" in architecture.tensors) == (skip != "none")


def test_the_cost_is_that_of_the_convolutions():
    """Counted by hand: VGG's first five convolutions and the decoder, all at their sizes."""
    architecture = tiny(network="vgg16", depth=1, decoder=[8], size=[32, 48])
    vgg = 9 * (3 * 64 + 64 * 64) + 9 * (64 * 128 + 128 * 128) / 4
    decoder = 128 * 8 / 4 + 9 * 1 * 8 + 9 * 16 * 8 + 9 * 8 * 1
    assert architecture.kmac_per_pixel == pytest.approx((vgg + decoder) / 1000)
    assert architecture.bytes_per_pixel > 4 * (2 * 64 + 2 * 128 / 4)


def test_one_level_sees_each_image_of_a_batch_alone():
    model = tiny(network="vgg16", depth=1, decoder=[4]).build()
    batch = noise_of(3, 32, 32, 1)
    alone = [np.asarray(model(image[None]))[0] for image in batch]
    assert np.abs(np.asarray(model(batch)) - alone).max() < 1e-5
    assert np.asarray(model(batch)).shape == batch.shape


def test_names_do_not_depend_on_what_was_built_before():
    first = tiny(network="inception-v3", decoder=[3, 3]).build()
    keras.layers.Conv2D(1, 1)
    second = tiny(network="inception-v3", decoder=[3, 3]).build()
    assert [v.path for v in first.variables] == [v.path for v in second.variables]
    assert "conv2d_0/kernel" in [v.path for v in second.variables]


def test_the_same_network_in_bfloat16_has_the_same_tensors():
    from ruis.keras_backend import dtype_policy

    architecture = tiny()
    with dtype_policy(bfloat16=True):
        model = architecture.build()
    assert {v.path: tuple(v.shape) for v in model.variables} == architecture.tensors
    assert {v.dtype for v in model.variables} == {"float32"}
    noisy = noise_of(1, 32, 32, 1)
    difference = np.abs(np.asarray(model(noisy)) - np.asarray(architecture.build()(noisy)))
    assert np.asarray(model(noisy)).dtype == np.float32
    assert 0 < difference.max() < 0.1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"network": "vgg-16"}, "Did you mean 'vgg16'"),
        ({"channels": 2}, "channels"),
        ({"depth": 6, "decoder": None}, "depth"),
        ({"decoder": [8]}, "2 levels"),
        ({"size": [0, 32]}, "size"),
        ({"skip": "join"}, "skip"),
    ],
)
def test_what_cannot_be_is_refused(changes, words):
    with pytest.raises(ConfigError, match=words):
        tiny(**changes)


# -- weights ----------------------------------------------------------------------------------


def test_weights_are_read_to_train_and_never_otherwise(tmp_path):
    path = tmp_path / "vgg16.weights.h5"
    architecture = tiny(network="vgg16", weights=str(path), trainable=False)
    plain = tiny(network="vgg16")
    assert architecture.tensors == plain.tensors  # although there is no such file
    fresh = values(architecture.build(seed=1))
    with pytest.raises(ModelNotFoundError, match=r"vgg16\.weights\.h5"):
        architecture.build_to_train()
    whole = keras.applications.VGG16(include_top=False, weights=None)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="__array__ implementation")  # Keras' own
        whole.save_weights(path)
    learnt = dict(zip([v.path for v in whole.variables], whole.get_weights(), strict=True))
    begun = values(architecture.build_to_train(seed=1))
    for name, array in begun.items():
        if name.startswith("block"):
            assert np.array_equal(array, learnt[name])
            assert name.endswith("bias") or not np.array_equal(array, fresh[name])
        else:
            assert np.array_equal(array, fresh[name])


def test_a_model_file_brings_its_weights_and_reads_no_other(tmp_path):
    data = {**TINY, "weights": str(tmp_path / "nowhere.h5")}
    architecture = architectures.parse(data)
    weights = values(architecture.build(seed=5))
    saved = model_file.save(
        tmp_path / "model.ruis",
        Manifest(name="small", architecture=data),
        weights,
        half=False,
    )
    model = model_file.load(tmp_path / "model.ruis")
    assert model.sha256 == saved.sha256
    assert all(np.array_equal(model.weights[name], weights[name]) for name in weights)
    denoiser = Denoiser(model, engine="keras", precision="f32")
    noisy = noise_of(70, 45)
    denoised = denoiser.denoise(noisy)
    assert denoised.shape == noisy.shape
    alone = np.asarray(architecture.build(seed=5)(noisy[None, :32, :32, None]))[0, ..., 0]
    assert np.abs(denoised[:32, :32] - alone).max() < 1e-5


def test_other_engines_say_which_one_to_use():
    from ruis.model_file import ModelFile

    architecture = tiny()
    model = ModelFile(
        Manifest(name="small", architecture=TINY),
        architecture,
        values(architecture.build()),
        "",
        "",
    )
    with pytest.raises(EngineError, match="--engine keras"):
        Denoiser(model, engine="openvino").denoise(noise_of(32, 32))
