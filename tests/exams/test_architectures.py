"""The exam that every architecture takes, in every engine; a new row in a table takes it too.

A new architecture adds its small parameter sets to `SMALL` and one that learns within seconds to
`LEARNS`.
"""

from __future__ import annotations

import importlib
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from ruis import architectures, formats
from ruis.architectures import ARCHITECTURES
from ruis.denoiser import Denoiser
from ruis.engines import ENGINES
from ruis.errors import ConfigError, EngineError, EngineUnavailableError, UnknownNameError
from ruis.image import Image, ImageInfo
from ruis.manifest import Manifest
from ruis.metrics.psnr import psnr
from ruis.model_file import ModelFile
from ruis.recipe import Recipe
from ruis.tiling import Geometry
from ruis.train import train

SMALL: dict[str, list[dict[str, Any]]] = {
    "dense-autoencoder": [
        {"size": (6, 9), "hidden": (12, 5)},
        {"size": (8, 8), "hidden": (7,), "channels": 2, "output_activation": "linear"},
    ],
    "unet": [
        {"widths": (4, 6), "blocks": 1, "sigma_channel": False},
        {"widths": (4, 5, 6), "blocks": 1},
        {"widths": (4, 6), "blocks": 2, "channels": 3},
        {"widths": (4, 6), "blocks": 1, "sigma_channel": False, "residual": False},
    ],
    "plain": [
        {"filters": (5, 4)},
        {"filters": (4,), "channels": 3, "last_kernel": 3, "bias": True, "activation": "elu"},
    ],
    "convolutional-autoencoder": [
        {},
        {
            "channels": 3,
            "filters": (5, 4),
            "padding": "valid",
            "pooling": "average",
            "bias": False,
            "output_activation": "linear",
        },
        {"filters": (4, 6), "pooling": "none", "stride": 2, "upsampling": "transposed"},
        {"filters": (4, 4), "kernel": 2, "pooling": "sum", "pool_size": 3, "decoder": (5,)},
        {
            "filters": (4,),
            "kernel": 5,
            "stride": 3,
            "pooling": "none",
            "padding": "valid",
            "upsampling": "transposed",
            "decoder": (4, 3),
        },
        {"filters": (4, 3), "padding": "valid", "bottleneck": 6, "size": (10, 12)},
    ],
    "pretrained-encoder": [
        {"network": "vgg16", "depth": 1, "decoder": (4,), "size": (24, 20)},
        {
            "network": "mobilenet-v2",
            "depth": 2,
            "decoder": (4, 3),
            "skip": "add",
            "channels": 3,
            "size": (18, 31),
        },
    ],
}
LEARNS: dict[str, dict[str, Any]] = {
    "plain": {
        "architecture": {"name": "plain"},
        "optimizer": "muon",
        "learning_rate": 2e-2,
        "steps_per_epoch": 250,
    },
    "unet": {
        "architecture": {"name": "unet", "widths": [16, 32], "blocks": 1},
        "optimizer": "muon",
        "learning_rate": 2e-2,
        "steps_per_epoch": 250,
    },
    "convolutional-autoencoder": {
        "architecture": {
            "name": "convolutional-autoencoder",
            "filters": [12, 12],
            "pooling": "none",
            "output_activation": "linear",
        },
        "learning_rate": 1e-2,
        "steps_per_epoch": 150,
    },
    "pretrained-encoder": {
        "architecture": {
            "name": "pretrained-encoder",
            "network": "vgg16",
            "depth": 1,
            "decoder": [16],
            "size": [32, 32],
        },
        "learning_rate": 2e-3,
        "steps_per_epoch": 150,
    },
}
NOT_FOR_PICTURES = {"dense-autoencoder"}
"""Networks that see each tile alone, as a column: no match for a filter on a picture that they have
not seen. That they learn is tested on images of one size, in tests/unit/test_autoencoder.py."""

ONLY_IN_KERAS = {"pretrained-encoder"}
"""Networks that we do not describe ourselves."""

ALL = [{"name": name, **small} for name, sets in SMALL.items() for small in sets]
ANY_SIZE = [data for data in ALL if "size" not in data]


def called(data: dict[str, Any]) -> str:
    return ",".join(str(value).replace(" ", "") for value in data.values())


def model_of(data: dict[str, Any], *, positive: bool = False, scale: float = 1.0) -> ModelFile:
    """A model with random weights, or with none that could hide what a pixel depends on."""
    architecture = architectures.parse(data)
    rng = np.random.default_rng(0)
    weights = {}
    for name, shape in architecture.tensors.items():
        spread = math.sqrt(1 / math.prod(shape[:-1])) if len(shape) > 1 else 0.1
        drawn = rng.normal(0, spread * scale, shape)
        if positive:
            drawn = np.abs(drawn) if len(shape) > 1 else drawn * 0
        if name.endswith("moving_variance"):
            drawn = np.abs(drawn)
        weights[name] = drawn.astype(np.float32)
    return ModelFile(Manifest(name="small", architecture=data), architecture, weights, "", "")


def default_engine(model: ModelFile) -> str:
    return "keras" if model.architecture.name in ONLY_IN_KERAS else "openvino"


def denoiser_of(model: ModelFile, engine: str | None = None, **settings: Any) -> Denoiser:
    return Denoiser(model, engine=engine or default_engine(model), precision="f32", **settings)


def noise_of(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def run(model: ModelFile, batch: np.ndarray, engine: str | None = None) -> np.ndarray:
    return ENGINES.load(engine or default_engine(model))(model.architecture, model.weights).run(
        batch
    )


@pytest.fixture(params=list(ENGINES))
def engine(request) -> str:
    try:
        run(
            model_of({"name": "unet", "widths": (1,), "blocks": 1}),
            noise_of(1, 4, 4, 2),
            request.param,
        )
    except EngineUnavailableError as error:
        pytest.skip(str(error))
    return request.param


def with_grain(monkeypatch, grain: int) -> None:
    """Let tiles be as small as the geometry allows: more seams on a smaller image."""
    monkeypatch.setattr(importlib.import_module("ruis.job"), "GRAIN", grain)


def seams(model: ModelFile, engine: str) -> float:
    """The largest difference between an image in the smallest tiles and in one."""
    geometry = model.architecture.geometry
    smallest = 2 * geometry.halo + geometry.multiple
    rows, columns = smallest + 2 * geometry.multiple + 3, smallest + geometry.multiple + 1
    noisy = noise_of(rows, columns, model.architecture.channels)
    settings: dict[str, Any] = {"channel_axis": 2}
    if model.architecture.takes_sigma:
        settings["sigma"] = 0.1
    tiled = denoiser_of(model, engine, tile=1)
    whole = denoiser_of(model, engine, tile=10**6)
    assert len(tiled.knife.cut(rows, columns)) >= 6
    assert len(whole.knife.cut(rows, columns)) == 1
    difference = tiled.denoise(noisy, **settings) - whole.denoise(noisy, **settings)
    return float(np.abs(difference).max())


# -- the table --------------------------------------------------------------------------------


def test_every_row_is_examined():
    assert set(SMALL) == set(LEARNS) | NOT_FOR_PICTURES == set(ARCHITECTURES)


@pytest.mark.parametrize("data", ALL, ids=called)
def test_parameters_go_to_json_and_back(data):
    architecture = architectures.parse(data)
    assert type(architecture) is ARCHITECTURES.load(data["name"])
    assert type(architecture).model_validate_json(architecture.model_dump_json()) == architecture
    assert architectures.parse(architecture.model_dump(mode="json")) == architecture


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_unknown_parameters_and_names_suggest_the_nearest(name):
    with pytest.raises(UnknownNameError) as caught:
        architectures.parse({"name": name, "chanels": 1})
    assert caught.value.nearest == "channels"
    with pytest.raises(UnknownNameError) as caught:
        architectures.parse({"name": name + "s"})
    assert caught.value.nearest == name


@pytest.mark.parametrize("name", list(ARCHITECTURES))
@pytest.mark.parametrize("channels", [0, 1025, 1.5, "many"])
def test_channels_have_bounds(name, channels):
    with pytest.raises(ConfigError, match="channels"):
        architectures.parse({"name": name, "channels": channels})


# -- what is said of a network is true of it ----------------------------------------------------


@pytest.mark.parametrize("data", ALL, ids=called)
def test_the_tensors_described_are_those_that_keras_makes(data):
    architecture = architectures.parse(data)
    model = architecture.build()
    made = {variable.path: tuple(variable.shape) for variable in model.variables}
    assert made == architecture.tensors
    assert {variable.dtype for variable in model.variables} == {"float32"}
    statistics = [path for path in made if "/moving_" in path]
    assert len(model.trainable_variables) == len(model.variables) - len(statistics)
    assert model.input_shape[1:3] == (architecture.fixed_size or (None, None))


@pytest.mark.parametrize("data", ALL, ids=called)
def test_the_cost_described_is_that_of_its_kernels(data):
    """Each number of a kernel is used at least once per pixel of the coarsest signal."""
    architecture = architectures.parse(data)
    numbers = sum(math.prod(shape) for shape in architecture.tensors.values() if len(shape) > 1)
    coarsest = architecture.geometry.multiple**2
    if architecture.fixed_size:
        coarsest = math.prod(architecture.fixed_size)
    assert numbers / coarsest <= architecture.kmac_per_pixel * 1000 * 1.0001
    assert architecture.kmac_per_pixel * 1000 <= numbers * 2


@pytest.mark.parametrize("data", ALL, ids=called)
def test_the_seed_alone_decides_the_first_weights(data):
    architecture = architectures.parse(data)
    first, again, other = (architecture.build(seed=seed).get_weights() for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    kernels = [(a, b) for a, b in zip(first, other, strict=True) if a.ndim > 1]
    assert not any(np.array_equal(a, b) for a, b in kernels)
    assert all(np.std(a) > 0 for a, _ in kernels if a.size > 1)


def measured_radius(data: dict[str, Any], length: int) -> int:
    """Disturb one pixel, at several phases of the multiple, and see how far it is felt."""
    model = model_of(data, positive=True)
    multiple = model.architecture.geometry.multiple
    middle = length // 2 // multiple * multiple
    phases = sorted({0, 1 % multiple, multiple // 2, multiple - 1})
    places = [(middle + row, middle + phases[-1 - i]) for i, row in enumerate(phases)]
    places += [(middle + phase, middle + phase) for phase in phases]
    batch = np.zeros(
        (len(places) + 1, length, length, model.architecture.input_channels), np.float32
    )
    for index, (row, column) in enumerate(places, start=1):
        batch[index, row, column] = 1e6
    result = run(model, batch)
    furthest = 0
    for index, place in enumerate(places, start=1):
        rows, columns = np.nonzero((result[index] != result[0]).any(axis=2))
        assert rows.size, "a pixel that nothing depends on"
        furthest = max(furthest, np.abs(rows - place[0]).max(), np.abs(columns - place[1]).max())
    assert furthest < length // 2 - multiple, "the image is too small to see it all"
    return int(furthest)


@pytest.mark.parametrize("data", ANY_SIZE, ids=called)
def test_the_measured_receptive_field_is_at_most_the_declared_one(data):
    geometry = architectures.parse(data).geometry
    length = 2 * (geometry.halo + 2 * geometry.multiple) // geometry.multiple * geometry.multiple
    radius = measured_radius(data, length + 2 * geometry.multiple)
    assert radius <= geometry.radius
    assert geometry.radius <= radius + 2 * geometry.multiple  # and it is no wild guess


@pytest.mark.parametrize("data", [data for data in ALL if data["name"] == "unet"], ids=called)
def test_scale_free_networks_serve_every_exposure(data):
    model = model_of(data)
    noisy = noise_of(1, 32, 40, model.architecture.input_channels)
    expected = run(model, noisy)
    for factor in (0.1, 7.0, 1000.0):
        found = run(model, noisy * np.float32(factor)) / np.float32(factor)
        assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("data", ALL, ids=called)
def test_networks_are_scale_free_exactly_if_they_say_so(data):
    model = model_of(data)
    size = model.architecture.fixed_size or (model.architecture.geometry.multiple * 4,) * 2
    noisy = noise_of(1, *size, model.architecture.input_channels)
    expected = run(model, noisy)
    found = run(model, noisy * np.float32(8)) / np.float32(8)
    same = np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
    assert same == model.architecture.scale_free


RESIDUAL = [data for data in SMALL["unet"] if data.get("residual", True)]


@pytest.mark.parametrize("data", RESIDUAL, ids=called)
def test_bfloat16_keeps_the_residual_connection_exact(data):
    import keras

    architecture = architectures.parse({"name": "unet", **data})
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = architecture.build()
    finally:
        keras.config.set_dtype_policy(before)
    model.set_weights([weights * 0 for weights in model.get_weights()])
    noisy = noise_of(2, 16, 24, architecture.input_channels)
    result = np.asarray(model(noisy))
    assert result.dtype == np.float32
    assert np.array_equal(result, noisy[..., : architecture.channels])


@pytest.mark.parametrize("data", RESIDUAL, ids=called)
def test_weaker_weights_remove_a_share_of_the_noise(data):
    architecture = architectures.parse({"name": "unet", **data})
    model = architecture.build(seed=1)
    noisy = noise_of(2, 16, 24, architecture.input_channels)
    image, before = noisy[..., : architecture.channels], np.asarray(model(noisy))
    weights = {variable.path: np.asarray(variable.value) for variable in model.variables}
    for path, value in architecture.weakened(weights, 0.75).items():
        next(v for v in model.variables if v.path == path).assign(value)
    assert np.abs(before - image).max() > 1e-3
    assert np.asarray(model(noisy)) == pytest.approx(image + 0.75 * (before - image), abs=1e-5)


def test_a_network_that_subtracts_nothing_has_no_weaker_weights():
    assert architectures.parse({"name": "unet", "residual": False}).weakened({}, 0.75) is None


# -- in every engine ----------------------------------------------------------------------------


@pytest.mark.parametrize("data", ALL, ids=called)
def test_engines_agree_with_keras(data, engine):
    model = model_of(data)
    if data["name"] in ONLY_IN_KERAS and engine != "keras":
        with pytest.raises(EngineError, match="--engine keras"):
            run(model, noise_of(1, *model.architecture.fixed_size, 1), engine)
        return
    geometry = model.architecture.geometry
    sizes = [geometry.size] if geometry.size else [(3, 5), (6, 2)]
    for rows, columns in sizes:
        size = (
            (rows, columns)
            if geometry.size
            else (rows * geometry.multiple, columns * geometry.multiple)
        )
        noisy = noise_of(2, *size, model.architecture.input_channels)
        expected = np.asarray(_keras(model)(noisy))
        result = run(model, noisy, engine)
        assert result.dtype == np.float32
        assert result.shape == (2, *size, model.architecture.channels)
        assert np.abs(result - expected).max() < 1e-4


@pytest.mark.parametrize("data", ALL, ids=called)
def test_the_blind_network_is_the_one_that_is_told_nothing(data):
    model = model_of(data)
    if data["name"] in ONLY_IN_KERAS:
        assert model.architecture.blinded(model.weights) == (model.architecture, model.weights)
        return
    architecture, weights = model.architecture.blinded(model.weights)
    assert {name: value.shape for name, value in weights.items()} == architecture.tensors
    rows, columns = architecture.fixed_size or (5 * architecture.geometry.multiple,) * 2
    noisy = noise_of(1, rows, columns, architecture.input_channels)
    if not model.architecture.takes_sigma:
        assert architecture == model.architecture
        return
    assert not architecture.takes_sigma
    zeros = np.zeros((1, rows, columns, 1), np.float32)
    expected = run(model, np.concatenate([noisy, zeros], axis=3))
    result = run(replace(model, architecture=architecture, weights=weights), noisy)
    assert np.abs(result - expected).max() < 1e-5


def _keras(model: ModelFile) -> Any:
    built = model.architecture.build()
    for variable in built.variables:
        variable.assign(model.weights[variable.path])
    return built


@pytest.mark.parametrize("data", ANY_SIZE, ids=called)
def test_tiled_equals_whole(data, engine, monkeypatch):
    with_grain(monkeypatch, 1)
    assert seams(model_of(data), engine) < 1e-5


@pytest.mark.parametrize("data", ANY_SIZE, ids=called)
def test_a_halo_too_small_would_be_seen(data, monkeypatch):
    """So that the test above is one: half the radius leaves seams far above its tolerance."""
    with_grain(monkeypatch, 1)
    model = model_of(data, scale=1.5)
    true = model.architecture.geometry
    small = Geometry(true.multiple, true.radius // 2 // true.multiple * true.multiple)
    monkeypatch.setattr(type(model.architecture), "geometry", property(lambda self: small))
    assert seams(model, "openvino") > 1e-4


# -- through the denoiser -----------------------------------------------------------------------


@pytest.mark.parametrize("data", ALL, ids=called)
@pytest.mark.parametrize("size", [(1, 1), (3, 1500), (1, 700), (5, 7), (28, 28), (60, 40)], ids=str)
def test_any_size_in_the_same_size_out(data, size):
    model = model_of(data)
    noisy = noise_of(*size, model.architecture.channels)
    result = denoiser_of(model).denoise(noisy, channel_axis=2)
    assert result.shape == noisy.shape
    assert result.dtype == noisy.dtype
    assert np.isfinite(result).all()
    assert not np.array_equal(result, noisy)


@pytest.mark.parametrize("data", [data for data in ALL if "size" in data], ids=called)
def test_a_network_of_a_fixed_size_sees_each_tile_alone(data):
    model = model_of(data)
    rows, columns = model.architecture.geometry.size
    noisy = noise_of(2 * rows, 3 * columns, model.architecture.channels)
    result = denoiser_of(model).denoise(noisy, channel_axis=2)
    for top in range(0, 2 * rows, rows):
        for left in range(0, 3 * columns, columns):
            window = np.s_[top : top + rows, left : left + columns]
            alone = run(model, np.ascontiguousarray(noisy[window])[None])[0]
            assert np.abs(result[window] - alone).max() < 1e-6


@pytest.mark.parametrize("name", list(ARCHITECTURES))
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_a_gray_model_takes_any_channels_one_by_one(name, channels):
    denoiser = denoiser_of(model_of({"name": name, **SMALL[name][0]}))
    noisy = noise_of(20, 30, channels)
    result = denoiser.denoise(noisy, channel_axis=2)
    for channel in range(channels):
        assert np.array_equal(result[..., channel], denoiser.denoise(noisy[..., channel]))


# -- it learns ----------------------------------------------------------------------------------


def picture(seed: int, side: int = 96) -> np.ndarray:
    """Striped boxes and discs over one another."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side] / side
    pixels = np.zeros((side, side))
    for _ in range(12):
        (row, column), angle = rng.random(2), rng.uniform(0, np.pi)
        height, width = rng.uniform(0.05, 0.4, 2)
        u = (rows - row) * np.cos(angle) + (columns - column) * np.sin(angle)
        v = (columns - column) * np.cos(angle) - (rows - row) * np.sin(angle)
        box = (abs(u) < height) & (abs(v) < width)
        disc = (u / height) ** 2 + (v / width) ** 2 < 1
        inside = box if rng.random() < 0.5 else disc
        stripes = 0.2 * np.sin(2 * np.pi * rng.uniform(3, 12) * u)
        pixels[inside] = rng.random() + stripes[inside]
    return np.clip(pixels, 0, 1).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(LEARNS))
def test_a_small_model_beats_doing_nothing_and_classical_filters(name, tmp_path):
    (tmp_path / "clean").mkdir()
    for seed in range(12):
        pixels = np.rint(picture(seed) * 255).astype(np.uint8)
        image = Image(pixels[..., None], ImageInfo(pixels.dtype, (0, 255)))
        formats.write(image, tmp_path / "clean" / f"{seed:02}.png")
    recipe = Recipe.parse(
        {
            "name": "exam",
            "data": [{"name": "pictures", "terms": "none", "folder": "clean"}],
            "noise": "gaussian:25/255",
            "validation_images": 2,
            "patch": 32,
            "batch": 8,
            "epochs": 2,
            "warmup_steps": 10,
            "precision": "f32",
            "seed": 1,
            **LEARNS[name],
        }
    )
    learnt = train(recipe, tmp_path, tmp_path / "run")
    data = recipe.architecture
    model = ModelFile(
        Manifest(name="exam", architecture=data), architectures.parse(data), learnt.weights, "", ""
    )
    denoiser = denoiser_of(model)
    rivals = {f"gaussian {sigma}": _gaussian(sigma) for sigma in (0.5, 0.7, 0.9, 1.1)}
    rivals |= {f"median {size}": _median(size) for size in (3, 5)}
    rivals |= {"nothing": lambda noisy: noisy}
    scores: dict[str, list[float]] = {}
    for seed in range(100, 106):
        clean = picture(seed)
        noisy = clean + np.random.default_rng(seed).normal(0, 25 / 255, clean.shape)
        noisy = noisy.astype(np.float32)
        for rival, denoise in {**rivals, "model": denoiser.denoise}.items():
            scores.setdefault(rival, []).append(psnr(clean, np.clip(denoise(noisy), 0, 1)))
    means = {rival: float(np.mean(values)) for rival, values in scores.items()}
    ours = means.pop("model")
    assert ours > means["nothing"] + 3, means
    assert ours > max(means.values()) + 0.2, means


def _gaussian(sigma: float) -> Any:
    return lambda noisy: ndimage.gaussian_filter(noisy, sigma)


def _median(size: int) -> Any:
    return lambda noisy: ndimage.median_filter(noisy, size)
