from __future__ import annotations

import importlib
import io
import math
import os
import pickle
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import PIL.Image
import pytest

import ruis
from ruis import model_file, zoo
from ruis.arrays import as_image
from ruis.caution import denoising_cautions
from ruis.choice import choose, look
from ruis.denoiser import Denoiser
from ruis.engines.openvino import OpenVINOEngine
from ruis.errors import (
    AxesError,
    ChannelMismatchError,
    ConfigError,
    ImageError,
    ModelNotFoundError,
    OutOfMemoryError,
    UnknownNameError,
)
from ruis.formats import probe, read_bytes
from ruis.image import Image, ImageInfo, Metadata
from ruis.job import GROWS, Job
from ruis.metrics.psnr import psnr
from ruis.noise import parse
from ruis.tiling import Geometry


def noise(*shape: int, dtype: str = "float32") -> np.ndarray:
    unit = np.random.default_rng(0).random(shape)
    if np.dtype(dtype).kind == "f":
        return unit.astype(dtype)
    return (unit * np.iinfo(dtype).max).astype(dtype)


@pytest.fixture
def denoiser(small_model):
    return Denoiser(small_model(), precision="f32")


@pytest.fixture
def nothing(small_model):
    """A denoiser whose network returns its input."""
    return Denoiser(small_model(gain=0), precision="f32")


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


def test_sigma_is_obeyed_by_a_model_that_takes_it(denoiser):
    noisy = noise(40, 50)
    blind, told, more = (denoiser.denoise(noisy, sigma=sigma) for sigma in (None, 0.1, 0.5))
    assert np.abs(blind - told).max() > 1e-4
    assert np.abs(told - more).max() > 1e-4
    assert np.array_equal(noisy, denoiser.denoise(noisy, sigma=0.0))  # 0: there is none


@pytest.mark.parametrize("size", [(40, 50), (300, 700)], ids=["small", "large"])
def test_no_more_is_removed_than_sigma_tells(denoiser, size):
    image, _ = as_image(noise(*size))
    blind = denoiser.run(image)
    assert not blind.notes
    sigma = float(np.std(image.pixels - blind.image.pixels)) / 4
    held = denoiser.run(image, sigma=sigma)
    assert 0 < np.std(image.pixels - held.image.pixels) < 1.2 * sigma
    (note,) = held.notes
    assert note.startswith("there is noise of about ")
    assert note.endswith(" of it is removed, as told")
    (weaker,) = denoiser.run(image, sigma=sigma, strength=0.5).notes
    share, half = (int(re.search(r"(\d+)% of it", one)[1]) for one in (note, weaker))
    assert half == pytest.approx(share / 2, abs=1)


def test_of_noise_that_grows_with_the_brightness_sigma_is_a_limit_alone():
    clean = np.linspace(0.05, 0.95, 250, dtype=np.float32) * np.ones((250, 1), np.float32)
    noisy, _ = as_image(parse("poisson:60").add(clean[..., None], np.random.default_rng(0)))
    denoiser = ruis.load("gray-medium", precision="f32")
    sigma = float(np.std(noisy.pixels - clean[..., None]))
    blind = denoiser.run(noisy).image.pixels
    found = {part: denoiser.run(noisy, sigma=part * sigma) for part in (0.5, 1.0, 4.0)}
    apart = {part: np.abs(one.image.pixels - blind).max() for part, one in found.items()}
    assert apart[1.0] < 1e-5
    assert found[1.0].notes == (GROWS,)
    assert np.std(noisy.pixels - found[0.5].image.pixels) == pytest.approx(sigma / 4, rel=0.15)
    assert found[0.5].notes[1].endswith("of it is removed, as told")
    assert apart[4.0] > 1e-3  # told of more than there is, the network is free
    assert not found[4.0].notes


def test_of_white_noise_the_network_is_told_sigma():
    clean = np.linspace(0.05, 0.95, 250, dtype=np.float32) * np.ones((250, 1), np.float32)
    noisy = parse("gaussian:25/255").add(clean[..., None], np.random.default_rng(0))
    told = ruis.load("gray-medium").run(as_image(noisy)[0], sigma=25 / 255)
    assert not told.notes


def test_of_many_channels_one_at_a_time_is_a_float(denoiser, monkeypatch):
    whole, shapes = Job._window, []

    def window(self, stored, cut, tile, memory):
        shapes.append(memory.shape)
        return whole(self, stored, cut, tile, memory)

    monkeypatch.setattr(Job, "_window", window)
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50, 9), np.uint8)
    pixels[..., 4] = pixels[..., 0]
    together = denoiser.denoise(pixels, channel_axis=2)
    assert {shape[2] for shape in shapes} == {1}
    for channel in range(9):
        alone = denoiser.denoise(np.ascontiguousarray(pixels[..., channel]))
        assert np.array_equal(together[..., channel], alone)


def test_where_a_second_tile_finds_no_memory_it_waits_for_the_first(small_model):
    denoiser, noisy = Denoiser(small_model(), tile=64, precision="f32"), noise(200, 300)
    expected = denoiser.denoise(noisy)
    tried = []

    class Full:
        def create_infer_request(self):
            tried.append(self)
            raise RuntimeError("Failed to allocate memory")

    engine = denoiser.networks.get("f32", told=False)
    (compiled,) = engine.compiled.values()
    compiled._model, compiled._more, compiled._free = Full(), 1, compiled._free[:1]
    assert np.array_equal(denoiser.denoise(noisy), expected)
    assert len(tried) == 1


def test_what_found_no_memory_is_given_back_before_smaller_tiles(small_model, monkeypatch):
    denoiser, whole = Denoiser(small_model()), Job._part
    kept = []

    def part(self, noisy, into, tile):
        if max(noisy.shape) > 256:
            with self._network(noisy, self.sigma):
                raise MemoryError
        whole(self, noisy, into, tile)
        kept.append([*self.engine.compiled])

    monkeypatch.setattr(Job, "_part", part)
    result = denoiser.run(as_image(noise(400, 400))[0])
    assert any("halved" in note for note in result.notes)
    assert kept
    assert all(math.prod(key) <= 256**2 for keys in kept for key in keys)


def test_a_lazy_look_holds_nothing_back(denoiser):
    """Nobody has looked where there is no `seen`: the network alone is told."""
    image, _ = as_image(noise(40, 50))
    ready = denoiser.prepare(image.info, 1, None, sigma=1e-3)
    assert ready.job.strength == 1


def test_a_blind_model_says_that_sigma_was_not_used(small_model):
    denoiser = Denoiser(small_model(sigma_channel=False), precision="f32")
    image, _ = as_image(noise(20, 30))
    told = denoiser.run(image, sigma=0.2)
    assert np.array_equal(told.image.pixels, denoiser.run(image).image.pixels)
    assert any("blind" in note for note in told.notes)
    assert told.sigma == 0.2


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


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_sigma_in_255ths_is_refused_where_no_value_is_so_large(denoiser, dtype):
    with pytest.raises(ConfigError, match="did you mean 25/255"):
        denoiser.denoise(noise(40, 40, dtype=dtype), sigma=25)
    with pytest.raises(ConfigError, match=r"more than all of it\.$"):
        denoiser.denoise(noise(40, 40, dtype=dtype), sigma=2500)
    beyond = 100 * noise(40, 40)  # floats may
    assert denoiser.denoise(beyond, sigma=25).shape == beyond.shape


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


# -- tiles and memory ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(200, 130), (65, 300), (129, 257)], ids=str)
def test_the_tile_does_not_matter(small_model, size):
    noisy = noise(*size)
    model = small_model()
    whole = Denoiser(model, precision="f32", tile=2000).denoise(noisy)
    tiled = Denoiser(model, precision="f32", tile=96).denoise(noisy)
    assert np.abs(whole - tiled).max() < 1e-5


# -- flips and turns ----------------------------------------------------------------------------------


def learnt(model, **recipe):
    training = model.manifest.training.model_copy(update={"recipe": recipe})
    return replace(model, manifest=model.manifest.model_copy(update={"training": training}))


def test_an_ensemble_is_the_mean_of_eight(small_model):
    model = learnt(small_model(), patch=96)
    noisy = noise(64, 128)  # sizes that no mirrored border is added to
    each = []
    for quarter in range(4):
        for seen in (noisy, noisy[:, ::-1]):
            denoised = Denoiser(model, precision="f32").denoise(np.rot90(seen, quarter))
            back = np.rot90(denoised, -quarter)
            each.append(back if seen is noisy else back[:, ::-1])
    ensemble = Denoiser(model, precision="f32", ensemble=True)
    image, _ = as_image(noisy)
    result = ensemble.run(image)
    assert np.std(each, axis=0).max() > 1e-3
    assert result.image.pixels[..., 0] == pytest.approx(np.mean(each, axis=0), abs=1e-6)
    assert result.record(given=False, strength=1.0).endswith("strength 1, self-ensemble")
    again = pickle.loads(pickle.dumps(ensemble)).denoise(noisy)
    assert np.array_equal(again, result.image.pixels[..., 0])


def test_the_tile_does_not_matter_to_an_ensemble(small_model):
    model, noisy = learnt(small_model(), patch=96), noise(133, 210, 3)
    whole, tiled = (
        Denoiser(model, precision="f32", tile=tile, ensemble=True).denoise(noisy)
        for tile in (2000, 96)
    )
    assert np.abs(whole - tiled).max() < 1e-5


def test_an_ensemble_of_a_fixed_size_that_is_no_square_does_not_turn(small_model):
    model = learnt(small_model(name="dense-autoencoder", size=[16, 24], hidden=[12]), patch=16)
    noisy = noise(16, 24)
    each = [
        np.flip(Denoiser(model).denoise(np.flip(noisy, axes)), axes)
        for axes in ((), (0,), (1,), (0, 1))
    ]
    ensemble = Denoiser(model, ensemble=True).denoise(noisy)
    assert ensemble == pytest.approx(np.mean(each, axis=0), abs=1e-6)


@pytest.mark.parametrize("recipe", [{}, {"patch": 96, "turned": False}], ids=str)
def test_what_did_not_learn_turned_images_has_no_ensemble(small_model, recipe):
    with pytest.raises(ConfigError, match="did not learn from turned images"):
        Denoiser(learnt(small_model(), **recipe), ensemble=True)


def test_the_shipped_models_gain_from_an_ensemble(shared_data):
    clean = ruis.read(shared_data / "testsets" / "Set12" / "01.png").pixels / np.float32(255)
    noisy = clean + np.random.default_rng(0).normal(0, 25 / 255, clean.shape).astype(np.float32)
    once, eight = (
        psnr(clean, ruis.load("gray-fast", ensemble=ensemble).denoise(noisy))
        for ensemble in (False, True)
    )
    assert eight > once + 0.05


# -- tiles, in order ----------------------------------------------------------------------------------


def test_progress_counts_tiles_to_the_last(small_model):
    told = []
    image, _ = as_image(noise(200, 130))
    result = Denoiser(small_model(), tile=96).run(image, progress=lambda *args: told.append(args))
    assert told == [(i + 1, result.tiles) for i in range(result.tiles)]
    assert result.tiles > 1


class Cramped(OpenVINOEngine):
    """An engine that has memory for small tiles only."""

    limit = 150 * 150

    def run(self, batch):
        if batch.shape[1] * batch.shape[2] > self.limit:
            raise OutOfMemoryError("too large")
        return super().run(batch)


def test_tiles_halve_where_memory_runs_out(small_model):
    image, _ = as_image(noise(300, 280))
    model = small_model()
    roomy, cramped = Denoiser(model, precision="f32"), Denoiser(model, precision="f32")
    cramped.networks.engine = Cramped
    expected, found = roomy.run(image), cramped.run(image)
    assert expected.tiles == 1
    assert found.tiles > 1
    assert any("halved" in note for note in found.notes)
    assert np.abs(found.image.pixels - expected.image.pixels).max() < 1e-5


class Full(OpenVINOEngine):
    runs = 0

    def run(self, batch):
        type(self).runs += 1
        assert type(self).runs < 20, "it tries for ever"
        raise OutOfMemoryError("full")


@pytest.mark.parametrize("geometry", [None, Geometry(27, 81), Geometry(size=(128, 128))], ids=str)
def test_without_any_memory_it_gives_up(small_model, geometry, monkeypatch):
    model = small_model()
    if geometry:
        monkeypatch.setattr(type(model.architecture), "geometry", property(lambda self: geometry))
    denoiser = Denoiser(model, threads=1)  # another lane would go on for a moment
    denoiser.networks.engine = Full
    Full.runs = 0
    with pytest.raises(OutOfMemoryError, match="close other programs"):
        denoiser.denoise(noise(400, 400))


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


# -- which model -------------------------------------------------------------------------------------------


def image_with(noise: np.ndarray, colour: str) -> Image:
    ground = 0.5 + 0.2 * np.sin(np.arange(noise.shape[1]) / 20)[None, :, None]
    pixels = (ground + noise).astype(np.float32)
    return Image(pixels, ImageInfo(pixels.dtype, (0.0, 1.0), colour=colour))


@pytest.mark.parametrize(
    ("colour", "channels", "name"),
    [("gray", 1, "gray"), ("channels", 5, "gray"), ("channels", 3, "gray")],
)
def test_without_colours_the_model_is_for_gray(colour, channels, name):
    image = image_with(noise(70, 60, channels), colour)
    assert choose(image).model == name
    assert choose(image, tier="fast").model == "gray-fast"
    assert choose(image, tier="medium").model == "gray-medium"


@pytest.mark.parametrize("size", [(100, 130), (700, 900)])
def test_colours_are_chosen_by_their_noise(size):
    white = parse("gaussian:15/255").add(np.zeros((*size, 3), np.float32), np.random.default_rng(0))
    shared = np.cumsum(np.cumsum(white, axis=0), axis=1)
    shared = (shared[3:, 3:] - shared[:-3, 3:] - shared[3:, :-3] + shared[:-3, :-3]) / 3
    white_image, camera_image = image_with(white, "rgb"), image_with(shared, "rgb")
    assert look(white_image).white
    assert look(white_image).sigma == pytest.approx(15 / 255, rel=0.05)
    assert not look(camera_image).white
    assert choose(white_image).why == "white noise"
    assert choose(camera_image).why == "camera noise"
    assert choose(white_image).model == "white-color"
    assert choose(camera_image).model == "photo"
    assert choose(white_image, tier="fast").model == "white-color-fast"
    assert choose(camera_image, tier="fast").model == "photo-fast"


def test_noise_that_channels_share_is_not_for_a_model_that_knows_independent_noise():
    once = 0.1 * np.random.default_rng(0).standard_normal((120, 130, 1))
    gray = image_with(np.repeat(once, 3, axis=2), "rgb")
    coloured = replace(gray, pixels=gray.pixels * np.array([0.9, 1.0, 1.1], np.float32))
    for image, name, why in (
        (gray, "gray", "no colours"),
        (coloured, "photo", "noise that the channels share"),
    ):
        assert look(image).correlation == pytest.approx(1, abs=0.02)
        assert (choose(image).model, choose(image).why) == (name, why)
        assert choose(image, tier="fast").model == f"{name}-fast"


@pytest.mark.parametrize(
    ("dtype", "model"), [("uint8", "photo"), ("uint16", "white-color"), ("float32", "white-color")]
)
def test_what_rounding_leaves_is_not_taken_for_white_noise(dtype, model):
    """A fifth of a step of 8 bits: in those, nothing is seen but that they are rounded."""
    y, x = np.mgrid[:256, :256] / 256
    scene = np.stack([0.4 + 0.3 * y, 0.5 + 0.2 * x, 0.6 - 0.3 * y * x], -1)
    noisy = scene + np.random.default_rng(0).normal(0, 0.2 / 255, scene.shape)
    if dtype == "float32":
        image = image_with(np.float32(noisy), "rgb")
    else:
        stored = np.rint(noisy * np.iinfo(dtype).max).astype(dtype)
        image = Image(stored, ImageInfo(stored.dtype, (0.0, np.iinfo(dtype).max), colour="rgb"))
    choice = choose(image)
    assert choice.seen.white
    assert choice.model == model
    assert (choice.why == "too little noise to tell") == (model == "photo")


def test_photographs_out_of_cameras_get_the_model_for_them(shared_data):
    shots = sorted((shared_data / "real" / "noisy").iterdir())
    assert {choose(ruis.read(shot)).model for shot in shots} == {"photo"}
    assert len(shots) == 40


def test_of_a_camera_s_noise_in_a_jpeg_file_what_was_removed_is_told(shared_data):
    """Given back, that sigma removes it again; what is measured between neighbours is a tenth of it."""
    (shot,) = (shared_data / "real" / "noisy").glob("*bicycle_6.jpg")
    noisy = ruis.read(shot)
    denoiser = ruis.load("photo")
    assert look(noisy).sigma * 255 < 0.6
    found = denoiser.run(noisy)
    assert 2.5 < found.sigma * 255 < 4
    assert denoiser.run(noisy, strength=0.5).sigma == pytest.approx(found.sigma, rel=0.1)
    (rounded,) = (shared_data / "real" / "noisy").glob("*plug_12.jpg")
    assert 1 < 255 * denoiser.run(ruis.read(rounded)).sigma < 4
    again = denoiser.run(noisy, sigma=found.sigma)
    assert not again.notes
    assert psnr(again.image.pixels, found.image.pixels, 255) > 45


@pytest.mark.parametrize(
    "spec", ["camera:gain=0.03,smooth=0.6", "camera:gain=0.02", "gaussian:0.1"]
)
def test_a_model_that_was_named_tells_the_same_sigma_as_one_that_was_chosen(spec):
    """Of noise that is well seen, too; the one has looked at it to choose, the other has not."""
    y, x = np.mgrid[:256, :256] / 256
    scene = np.stack([0.3 + 0.4 * y, 0.5 + 0.2 * np.sin(6 * x), 0.4 + 0.3 * x * y], -1)
    noisy = parse(spec).add(scene.astype(np.float32), np.random.default_rng(1))
    file = io.BytesIO()
    stored = np.rint(255 * noisy.clip(0, 1)).astype(np.uint8)
    PIL.Image.fromarray(stored).save(file, "jpeg", quality=95, subsampling=0)
    image = read_bytes(file.getvalue())
    denoiser = ruis.load("photo-fast")
    named, chosen = denoiser.run(image), denoiser.run(image, seen=look(image))
    assert named.sigma == chosen.sigma
    assert np.array_equal(named.image.pixels, chosen.image.pixels)


@pytest.mark.parametrize("quality", [75, 90, 95])
def test_white_noise_in_a_jpeg_file_goes(quality):
    y, x = np.mgrid[:256, :256] / 256
    scene = np.stack([0.5 + 0.3 * np.sin(9 * x), 0.4 + 0.3 * np.cos(7 * y), 0.5 + 0.2 * x * y], -1)
    noisy = scene + np.random.default_rng(0).normal(0, 15 / 255, scene.shape)
    file = io.BytesIO()
    PIL.Image.fromarray(np.rint(255 * noisy.clip(0, 1)).astype(np.uint8)).save(
        file, "jpeg", quality=quality
    )
    stored = np.asarray(PIL.Image.open(file))
    for model in zoo.AUTO:
        denoised = ruis.denoise(stored, model=model)
        gain = psnr(255 * scene, denoised, 255) - psnr(255 * scene, stored, 255)
        assert gain > 8, (model, gain)


def test_channels_that_are_the_same_go_through_the_network_once(small_model):
    class Counting(OpenVINOEngine):
        ran = 0

        def run(self, batch):
            Counting.ran += 1
            return super().run(batch)

    gray, denoiser = noise(60, 70, dtype="uint8"), Denoiser(small_model())
    denoiser.networks.engine = Counting
    alike, other = np.stack([gray, gray, gray], -1), np.stack([gray, gray[::-1], gray], -1)
    for pixels, times in ((alike, 1), (other, 2)):
        Counting.ran = 0
        denoised = denoiser.denoise(pixels)
        assert Counting.ran == times
        for channel in range(3):
            np.testing.assert_array_equal(
                denoised[..., channel], denoiser.denoise(pixels[..., channel])
            )


def test_a_look_leaves_alpha_out():
    pixels = noise(80, 80, 4)
    pixels[..., 3] = 9
    image = Image(pixels, ImageInfo(pixels.dtype, (0.0, 1.0), colour="rgb", alpha=True))
    assert look(image).brightest <= 1


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


# -- many small images are about as fast as one large one ------------------------------------------


def test_a_second_image_describes_neither_network_nor_noise_again(denoiser, monkeypatch):
    from ruis.architectures.unet import UNet
    from ruis.noise.one_of import OneOf

    asked = []
    for kind, method in ((UNet, "connect"), (OneOf, "sample")):
        own = getattr(kind, method)

        def counted(self, *arguments, own=own):
            asked.append(own)
            return own(self, *arguments)

        monkeypatch.setattr(kind, method, counted)
    model = denoiser.model
    manifest = model.manifest.model_copy(update={"noise": "gaussian:0..0.3|poisson:peak=77"})
    again = Denoiser(replace(model, manifest=manifest), precision="f32")
    for image in (noise(16, 16), noise(24, 16), noise(16, 40)):
        denoising_cautions(manifest, as_image(image)[0], 0.1)
        again.denoise(image)
        if image.shape == (16, 16):
            assert asked, "the first image asks for both"
            asked.clear()
    assert not asked


# -- what one call leaves for the next ------------------------------------------------------------


@pytest.fixture
def compiled(monkeypatch) -> list[tuple[int, ...]]:
    """The shapes that were compiled, as they come, from an empty shelf on."""
    made: list[tuple[int, ...]] = []
    usual = OpenVINOEngine._compile

    def compile_it(engine: OpenVINOEngine, shape: tuple[int, ...]):
        made.append(shape)
        return usual(engine, shape)

    monkeypatch.setattr(OpenVINOEngine, "_compile", compile_it)
    importlib.import_module("ruis.denoise")._KEPT.clear()
    return made


@pytest.fixture
def model_path(small_model, tmp_path):
    return save_as(tmp_path / "mine.ruis", small_model())


def save_as(path, model):
    model_file.save(path, model.manifest, model.weights, overwrite=True)
    return path


def test_the_second_call_finds_the_network_ready(model_path, compiled):
    noisy = noise(30, 40)
    first = ruis.denoise(noisy, model=model_path)
    assert np.array_equal(ruis.denoise(noisy, model=model_path), first)
    assert np.array_equal(ruis.load(model_path).denoise(noisy), first)
    assert len(compiled) == 2


def test_a_model_file_that_was_replaced_is_read_again(model_path, compiled, small_model):
    noisy = noise(30, 40)
    before = ruis.denoise(noisy, model=model_path)
    save_as(model_path, small_model(gain=0))
    assert np.array_equal(ruis.denoise(noisy, model=model_path), noisy)
    assert not np.array_equal(before, noisy)


def test_networks_for_large_images_are_not_kept(model_path, compiled):
    small, large = noise(30, 40), noise(1100, 1000)
    for noisy in (small, large, small, large):
        ruis.denoise(noisy, model=model_path)
    assert [shape for shape in compiled if -1 in shape] == [(-1, -1, -1, 1)]
    assert len(compiled) == 3


def test_a_mistake_in_one_call_leaves_the_next_alone(model_path, compiled):
    noisy = noise(30, 40)
    ruis.denoise(noisy, model=model_path)
    with pytest.raises(ConfigError):
        ruis.denoise(noisy, model=model_path, strength=2.0)
    ruis.denoise(noisy, model=model_path)
    assert len(compiled) == 1


FORKED = """
import itertools, multiprocessing, os, sys, threading, time
import numpy as np
import ruis

noisy = np.zeros((40, 40), np.float32)
denoiser = ruis.load("gray-fast") if "shared" in sys.argv else None

def work(told):
    try:
        how = denoiser.denoise(noisy) if denoiser else ruis.denoise(noisy, model="gray-fast")
        told.put(how.shape)
    except ruis.RuisError as error:
        told.put(str(error))

if "first" in sys.argv:
    work(multiprocessing.SimpleQueue())
if "busy" in sys.argv:  # it has its turn nearly all of the time
    large = np.zeros((512, 512), np.float32)
    always = lambda: [denoiser.denoise(large) for _ in itertools.count()]
    threading.Thread(target=always, daemon=True).start()
    time.sleep(0.5)
context = multiprocessing.get_context("fork")
told = context.SimpleQueue()
child = context.Process(target=work, args=(told,))
child.start()
child.join(30)
print(told.get() if not told.empty() else "hangs")
child.kill()
sys.stdout.flush()
os._exit(0)  # with the thread
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["first"], 'get_context("spawn")'),
        (["shared", "first", "busy"], 'get_context("spawn")'),
        ([], "(40, 40)"),
    ],
)
def test_a_process_that_is_forked_off_denoises_or_says_how(options, said):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED, *options],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said in done.stdout


def test_threads_may_share_a_denoiser(small_model):
    denoiser = Denoiser(small_model(), tile=64)
    noisy = [np.random.default_rng(seed).random((100, 90), np.float32) for seed in range(6)]
    alone = [denoiser.denoise(one) for one in noisy]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(denoiser.denoise, noisy * 8))
    for place, one in enumerate(together):
        assert np.array_equal(one, alone[place % len(noisy)])


def test_a_result_is_kept_when_the_next_image_comes(small_model):
    denoiser = Denoiser(small_model())
    first, second = np.random.default_rng(2).random((2, 40, 48), np.float32)
    kept = denoiser.denoise(first)
    before = kept.copy()
    assert not np.array_equal(denoiser.denoise(second), kept)
    assert np.array_equal(kept, before)


# -- two tiles in hand -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("channels", [1, 3])
def test_two_tiles_in_hand_give_what_one_gives(small_model, dtype, channels):
    shape = (300, 500) if channels == 1 else (300, 500, 3)
    noisy, model = noise(*shape, dtype=dtype), small_model()
    one = Denoiser(model, tile=64, threads=1).denoise(noisy)
    two = Denoiser(model, tile=64, threads=2).denoise(noisy)
    assert np.array_equal(one, two)


def test_while_the_network_works_the_next_tile_is_made_ready(small_model, monkeypatch):
    """A tile waits in the network's place until another thread comes with the next."""
    met, before = threading.Barrier(2), OpenVINOEngine._given

    def given(self, request, batch):
        met.wait(timeout=20)
        return before(self, request, batch)

    monkeypatch.setattr(OpenVINOEngine, "_given", given)
    denoiser = Denoiser(small_model(), tile=64, threads=2)
    columns = next(side for side in range(200, 300) if len(denoiser.knife.cut(40, side)) % 2 == 0)
    denoiser.denoise(noise(40, columns))  # each tile has a partner


def test_progress_is_told_in_the_thread_that_asked_and_may_end_the_work(small_model):
    told = []

    def progress(done, tiles):
        told.append((done, threading.get_ident()))
        if done == 3:
            raise KeyboardInterrupt

    denoiser = Denoiser(small_model(), tile=64, threads=2)
    with pytest.raises(KeyboardInterrupt):
        denoiser.denoise(noise(300, 500), progress=progress)
    assert told == [(count, threading.get_ident()) for count in (1, 2, 3)]
    assert denoiser.denoise(noise(300, 500)).shape == (300, 500)  # it is as it was


# -- what is coming --------------------------------------------------------------------------------


def test_what_is_expected_is_compiled_before_it_is_there(small_model, tmp_path, monkeypatch):
    path = tmp_path / "noisy.png"
    ruis.write(as_image(noise(300, 500, dtype="uint8"))[0], path)
    denoiser, surprised = Denoiser(small_model()), Denoiser(small_model())
    expected = surprised.denoise(ruis.read(path))
    denoiser.expect(probe(path))
    monkeypatch.setattr(OpenVINOEngine, "_compile", pytest.fail)
    assert np.array_equal(denoiser.denoise(ruis.read(path)).pixels, expected.pixels)


# -- how large tiles are ---------------------------------------------------------------------------


def test_a_single_image_has_smaller_tiles_where_amx_multiplies(monkeypatch):
    areas = []
    for amx in (False, True):
        monkeypatch.setattr("ruis.processor.has_amx", lambda amx=amx: amx)
        monkeypatch.setattr(OpenVINOEngine, "supports", classmethod(lambda cls, precision: True))
        denoiser = Denoiser(zoo.find("gray-fast"), memory=1e9)
        several = np.prod(denoiser.knife.cut(4000, 6000).shape)
        denoiser.once = True
        areas.append(np.prod(denoiser.knife.cut(4000, 6000).shape))
        assert areas[-1] <= several
    assert areas[1] < 0.7 * areas[0]


def test_an_engine_that_takes_more_memory_has_smaller_tiles():
    areas = []
    for engine in ("openvino", "onnxruntime"):
        denoiser = Denoiser(zoo.find("gray-fast"), engine=engine, memory=1e9)
        areas.append(np.prod(denoiser.knife.cut(20_000, 20_000).shape))
    assert 1.8 < areas[0] / areas[1] < 2.5


def test_a_single_image_has_smaller_tiles(small_model):
    denoiser = Denoiser(small_model())
    many = denoiser.knife.cut(4000, 6000).shape
    denoiser.once = True
    assert np.prod(denoiser.knife.cut(4000, 6000).shape) < np.prod(many)


def test_bfloat16_that_is_not_to_be_had_is_told_of(small_model):
    pytest.importorskip("onnxruntime")
    image = Image(noise(20, 30, 1), ImageInfo(np.dtype("float32"), (0.0, 1.0)))
    for precision, told in (("bf16", True), ("f32", False), ("auto", False)):
        denoiser = Denoiser(small_model(), engine="onnxruntime", precision=precision)
        result = denoiser.run(image, sigma=0.1)
        assert result.precision == "f32"
        assert any("bfloat16" in note for note in result.notes) == told
