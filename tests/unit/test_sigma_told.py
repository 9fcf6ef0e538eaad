"""What a denoiser makes of a sigma that it is told."""

from __future__ import annotations

import re

import numpy as np
import pytest

import ruis
from pictures import noise
from ruis.arrays import as_image
from ruis.choice import look
from ruis.denoiser import Denoiser
from ruis.errors import ConfigError
from ruis.job import GROWS
from ruis.noise import parse


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
    denoiser = ruis.load("gray-medium")
    blind, told = (denoiser.run(as_image(noisy)[0], sigma=sigma) for sigma in (None, 25 / 255))
    assert not told.notes
    assert np.abs(told.image.pixels - blind.image.pixels).max() > 1e-3


@pytest.mark.parametrize(
    ("kind", "spec", "grows"),
    [
        ("gray", "poisson:60", True),
        ("gray", "gaussian:25/255", False),
        ("hot", "poisson:60", True),
        ("opposed", "poisson:60", True),
        ("dark", "poisson:60", True),
        ("nothing", "gaussian:25/255", False),
    ],
)
def test_noise_that_grows_is_seen(kind, spec, grows):
    ramp = np.linspace(0.05, 0.95, 300, dtype=np.float32) * np.ones((300, 1), np.float32)
    clean = np.stack([ramp, ramp[:, ::-1]], axis=2) if kind == "opposed" else ramp[..., None]
    noisy = parse(spec).add(clean, np.random.default_rng(0))
    if kind == "hot":
        noisy[7, 9] = 40.0
    noisy *= {"dark": 1e-3, "nothing": 0.0}.get(kind, 1.0)
    assert look(as_image(noisy, channel_axis=2)[0]).grows() == grows


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


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_sigma_in_255ths_is_refused_where_no_value_is_so_large(denoiser, dtype):
    with pytest.raises(ConfigError, match="did you mean 25/255"):
        denoiser.denoise(noise(40, 40, dtype=dtype), sigma=25)
    with pytest.raises(ConfigError, match=r"more than all of it\.$"):
        denoiser.denoise(noise(40, 40, dtype=dtype), sigma=2500)
    beyond = 100 * noise(40, 40)  # floats may
    assert denoiser.denoise(beyond, sigma=25).shape == beyond.shape
