"""Which model suits an image, and what is seen of its noise before."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import PIL.Image
import pytest

import ruis
from pictures import noise
from ruis import zoo
from ruis.choice import choose, look
from ruis.denoiser import Denoiser
from ruis.engines.openvino import OpenVINOEngine
from ruis.formats import read_bytes
from ruis.image import Image, ImageInfo
from ruis.metrics.psnr import psnr
from ruis.noise import parse


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
