from __future__ import annotations

import importlib

import numpy as np
import pytest

import ruis
from pictures import noise
from ruis.arrays import as_image
from ruis.denoiser import Denoiser
from ruis.engines.openvino import OpenVINOEngine
from ruis.errors import (
    AxesError,
    ChannelMismatchError,
    ConfigError,
    ImageError,
    ModelNotFoundError,
    UnknownNameError,
)
from ruis.image import Image, ImageInfo, Metadata

# -- what comes out is of the kind that went in ---------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float16", "float32", "float64"])
@pytest.mark.parametrize(
    "shape", [(9, 12), (9, 12, 1), (9, 12, 2), (9, 12, 3), (9, 12, 4)], ids=str
)
def test_shape_and_dtype_are_kept_and_the_input_is_untouched(denoiser, dtype, shape):
    noisy = noise(*shape, dtype=dtype)
    before = noisy.copy()
    result = denoiser.denoise(noisy)
    assert (result.shape, result.dtype) == (noisy.shape, noisy.dtype)
    assert not np.array_equal(result, noisy)
    assert np.array_equal(noisy, before)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float16", "float32", "bool"])
def test_a_network_that_does_nothing_changes_nothing(nothing, dtype):
    noisy = noise(21, 34) > 0.5 if dtype == "bool" else noise(21, 34, dtype=dtype)
    assert np.array_equal(nothing.denoise(noisy), noisy)


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_is_copied(denoiser, channels):
    noisy = noise(20, 30, channels, dtype="uint8")
    result = denoiser.denoise(noisy)
    assert np.array_equal(result[..., -1], noisy[..., -1])
    assert not np.array_equal(result[..., 0], noisy[..., 0])
    assert np.array_equal(result[..., 0], denoiser.denoise(noisy[..., 0], sigma=None))


@pytest.mark.parametrize(("shape", "axis"), [((5, 20, 30), 0), ((20, 5, 30), 1), ((20, 30, 5), -1)])
def test_the_channel_axis_may_be_anywhere(denoiser, shape, axis):
    noisy = noise(*shape)
    result = denoiser.denoise(noisy, channel_axis=axis)
    assert result.shape == shape
    expected = denoiser.denoise(np.moveaxis(noisy, axis, 2), channel_axis=2)
    assert np.array_equal(np.moveaxis(result, axis, 2), expected)


def test_an_image_keeps_its_record(denoiser):
    metadata = Metadata(description="a cat", resolution=(300.0, 300.0))
    info = ImageInfo(np.dtype("uint8"), (0, 255), colour="rgb", source="cat.png", metadata=metadata)
    noisy = Image(noise(20, 30, 3, dtype="uint8"), info)
    result = denoiser.denoise(noisy)
    assert isinstance(result, Image)
    assert result.info == info


def test_an_image_has_the_range_that_is_told(denoiser):
    pixels = noise(20, 30, 1) * np.float32(1000)
    image = Image(pixels, ImageInfo(pixels.dtype, (0.0, 1.0)))
    expected = denoiser.denoise(pixels[..., 0], data_range=1000.0, sigma=0.05)
    found = denoiser.denoise(image, data_range=1000.0, sigma=0.05)
    assert np.array_equal(found.pixels[..., 0], expected)
    assert found.info.data_range == (0.0, 1000.0)
    assert np.array_equal(ruis.denoise(image, model="gray-fast", data_range=1000.0, sigma=0.05).pixels[..., 0],
                          ruis.denoise(pixels[..., 0], model="gray-fast", data_range=1000.0, sigma=0.05))  # fmt: skip
    with pytest.raises(ConfigError, match="channel_axis"):
        denoiser.denoise(image, channel_axis=0)


def test_the_data_range_scales_both_ways(denoiser):
    """A scale-free network on 0..1000 does what it does on 0..1."""
    noisy = noise(20, 30)
    assert np.allclose(
        denoiser.denoise(noisy * 1000, data_range=1000.0) / 1000, denoiser.denoise(noisy), atol=1e-5
    )
    shifted = denoiser.denoise(noisy - 0.5, data_range=(-0.5, 0.5)) + 0.5
    assert np.allclose(shifted, denoiser.denoise(noisy), atol=1e-5)


def test_values_beyond_the_range_are_kept(nothing):
    noisy = noise(20, 30) * 9 - 3
    assert np.allclose(nothing.denoise(noisy), noisy, atol=1e-6)


# -- settings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_strength_zero_is_the_identity(denoiser, dtype):
    noisy = noise(40, 50, dtype=dtype)
    assert np.array_equal(denoiser.denoise(noisy, strength=0), noisy)


def test_strength_one_half_is_halfway(denoiser):
    noisy = noise(40, 50)
    whole = denoiser.denoise(noisy)
    half = denoiser.denoise(noisy, strength=0.5)
    assert np.abs(half - (noisy + whole) / 2).max() < 1e-6


@pytest.mark.parametrize(
    "settings",
    [
        {"sigma": -0.1},
        {"sigma": np.nan},
        {"sigma": np.inf},
        {"strength": -0.1},
        {"strength": 1.1},
        {"strength": np.nan},
    ],
    ids=str,
)
def test_settings_out_of_bounds_are_refused(denoiser, settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        denoiser.denoise(noise(8, 8), **settings)


@pytest.mark.parametrize(
    "settings", [{"precision": "f64"}, {"tile": 0}, {"engine": "openvina"}], ids=str
)
def test_a_denoiser_refuses_what_it_cannot_be(small_model, settings):
    with pytest.raises(ConfigError):
        Denoiser(small_model(), **settings)


def test_an_unknown_engine_names_the_nearest(small_model):
    with pytest.raises(UnknownNameError) as caught:
        Denoiser(small_model(), engine="openvina")
    assert caught.value.nearest == "openvino"


# -- what cannot be denoised ------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5,), (4, 5, 6), (2, 3, 4, 5), ()], ids=str)
def test_axes_that_cannot_be_told_are_refused(denoiser, shape):
    with pytest.raises(AxesError, match=r"channel_axis|shape"):
        denoiser.denoise(np.zeros(shape))


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (5, 5, 0)], ids=str)
def test_empty_arrays_are_refused(denoiser, shape):
    with pytest.raises(AxesError):
        denoiser.denoise(np.zeros(shape), channel_axis=2 if len(shape) == 3 else None)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_numbers_are_refused(denoiser, bad):
    noisy = noise(8, 8)
    noisy[3, 4] = bad
    with pytest.raises(ImageError, match="1 value"):
        denoiser.denoise(noisy)


@pytest.mark.parametrize("dtype", [complex, object, "U1"])
def test_dtypes_that_hold_no_image_are_refused(denoiser, dtype):
    with pytest.raises(ImageError, match="dtype"):
        denoiser.denoise(np.zeros((4, 4), dtype))


def test_channels_that_the_model_cannot_take_are_refused(small_model):
    denoiser = Denoiser(small_model(channels=3))
    with pytest.raises(ChannelMismatchError, match=r"3 channels.*has 1"):
        denoiser.denoise(noise(8, 8))


def test_no_such_model_is_said_so():
    with pytest.raises(ModelNotFoundError, match="no model"):
        ruis.load("no-such-model")


# -- precision ------------------------------------------------------------------------------------------


def test_faint_noise_is_denoised_in_float32(small_model):
    image, _ = as_image(np.full((64, 64), 0.5, np.float32))
    assert Denoiser(small_model()).run(image).precision == "f32"
    assert Denoiser(small_model()).run(image, sigma=1 / 255).precision == "f32"


def test_precision_can_be_forced(small_model):
    image, _ = as_image(noise(64, 64))
    assert Denoiser(small_model(), precision="f32").run(image).precision == "f32"
    best = "bf16" if OpenVINOEngine.supports("bf16") else "f32"
    assert Denoiser(small_model(), precision="bf16").run(image, sigma=0.0).precision == best
    assert Denoiser(small_model()).run(image, sigma=0.2).precision == best


def test_an_engine_is_made_once_per_precision(denoiser):
    denoiser.denoise(noise(20, 30))
    (engine,) = denoiser.networks._prepared.values()
    denoiser.denoise(noise(20, 40))
    assert list(denoiser.networks._prepared.values()) == [engine]


def test_the_module_and_the_function_of_one_name():
    importlib.import_module("ruis.denoise")
    assert callable(ruis.denoise)


def test_no_strength_gives_back_what_float32_could_not_hold(small_model):
    stored = np.random.default_rng(0).integers(0, 2**32, (20, 30), dtype=np.uint32)
    denoised = Denoiser(small_model()).denoise(stored, strength=0)
    assert np.array_equal(denoised, stored)
    assert denoised is not stored


def test_an_image_with_nan_is_refused(small_model):
    pixels = np.full((20, 30, 1), 0.5, np.float32)
    pixels[3, 4] = np.nan
    image = Image(pixels, ImageInfo(pixels.dtype, (0.0, 1.0)))
    with pytest.raises(ImageError, match="not numbers"):
        Denoiser(small_model()).denoise(image)


def test_the_precision_does_not_depend_on_the_unit_of_a_float_image(small_model):
    faint = (0.7 + np.random.default_rng(0).normal(0, 0.002, (64, 64))).astype(np.float32)
    for unit in (1, 255, 65535):
        image, _ = as_image(np.float32(unit) * faint)
        assert Denoiser(small_model()).run(image).precision == "f32"


@pytest.mark.parametrize("setting", [{"memory": -1e6}, {"threads": -1}, {"tile": 0}])
def test_a_machine_of_less_than_nothing_is_refused(small_model, setting):
    with pytest.raises(ConfigError, match=next(iter(setting))):
        Denoiser(small_model(), **setting)


def test_a_data_range_may_be_a_list(small_model):
    values = np.full((8, 8), 500.0, np.float32)
    denoiser = Denoiser(small_model())
    assert np.array_equal(
        denoiser.denoise(values, data_range=[0, 1000]),
        denoiser.denoise(values, data_range=(0, 1000)),
    )


def test_bfloat16_that_is_not_to_be_had_is_told_of(small_model):
    pytest.importorskip("onnxruntime")
    image = Image(noise(20, 30, 1), ImageInfo(np.dtype("float32"), (0.0, 1.0)))
    for precision, told in (("bf16", True), ("f32", False), ("auto", False)):
        denoiser = Denoiser(small_model(), engine="onnxruntime", precision=precision)
        result = denoiser.run(image, sigma=0.1)
        assert result.precision == "f32"
        assert any("bfloat16" in note for note in result.notes) == told
