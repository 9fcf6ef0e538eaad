"""From a recipe and a folder of clean images to a file that denoises what it never saw."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ruis
from ruis import model_file, noise
from ruis.denoiser import Denoiser
from ruis.evaluate import evaluate, noisy_pairs
from ruis.image import Image, ImageInfo
from ruis.run import publish
from ruis.train import train

RECIPE = """
name = "waves"
purpose = "Removes white noise from drawings of waves."
limits = ["anything that is not a wave"]
noise = "gaussian:25/255"
validation_images = 2
patch = 32
batch = 8
steps_per_epoch = 150
epochs = 2
optimizer = "muon"
learning_rate = 2e-2
warmup_steps = 10
precision = "f32"
seed = 1

[architecture]
name = "unet"
widths = [16, 32]
blocks = 1

[[data]]
name = "drawings"
terms = "public domain"
folder = "clean"
"""


def drawing(seed: int) -> np.ndarray:
    """Steps and waves, 80 by 96 pixels, uint8."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:80, :96]
    pixels = np.zeros((80, 96))
    for _ in range(4):
        angle, length = rng.uniform(0, np.pi), rng.uniform(12, 40)
        wave = np.sin(2 * np.pi * (rows * np.cos(angle) + columns * np.sin(angle)) / length)
        pixels += wave if rng.random() < 0.5 else np.sign(wave)
    return np.rint(255 * np.clip(0.5 + pixels / 10, 0, 1)).astype(np.uint8)


def write(folder: Path, seeds: range) -> None:
    folder.mkdir()
    for seed in seeds:
        pixels = drawing(seed)[..., None]
        ruis.write(Image(pixels, ImageInfo(pixels.dtype, (0, 255))), folder / f"{seed:03}.png")


@pytest.fixture(scope="module")
def taught(tmp_path_factory) -> Path:
    """The folder with `waves.ruis`, its run, and images that it never saw in `test`."""
    folder = tmp_path_factory.mktemp("journey")
    write(folder / "clean", range(12))
    write(folder / "test", range(100, 104))
    (folder / "waves.toml").write_text(RECIPE, encoding="utf-8")
    run = train(ruis.Recipe.read(folder / "waves.toml"), folder, folder / "waves.run")
    publish(run, folder / "waves.ruis")
    return folder


def psnr_of(clean: np.ndarray, other: np.ndarray) -> float:
    error = np.mean((clean.astype(float) - other.astype(float)) ** 2)
    return 20 * math.log10(255 / math.sqrt(error))


@pytest.mark.slow
def test_what_was_taught_denoises_what_it_never_saw(taught):
    denoiser = ruis.load(taught / "waves.ruis")
    for seed in range(100, 104):
        clean = drawing(seed)
        noisy = clean + np.random.default_rng(seed).normal(0, 25, clean.shape)
        noisy = np.rint(np.clip(noisy, 0, 255)).astype(np.uint8)
        denoised = denoiser.denoise(noisy)
        assert (denoised.shape, denoised.dtype) == (noisy.shape, noisy.dtype)
        assert psnr_of(clean, denoised) > psnr_of(clean, noisy) + 4


@pytest.mark.slow
def test_the_evaluation_and_the_training_agree(taught):
    denoiser = Denoiser(model_file.load(taught / "waves.ruis"), precision="f32")
    result = evaluate(denoiser, noisy_pairs(taught / "test", noise.parse("gaussian:25/255"), 1))
    assert result.mean["psnr"] > result.mean["noisy_psnr"] + 4
    held_out = denoiser.model.manifest.training.validation_psnr
    assert result.mean["psnr"] == pytest.approx(held_out, abs=3)


@pytest.mark.slow
def test_the_file_tells_how_it_was_taught(taught):
    model = model_file.load(taught / "waves.ruis")
    assert model.manifest.limits == ("anything that is not a wave",)
    assert "150" not in model.card.splitlines()[0]
    for words in ("# waves", "drawings: 12 images; public domain", "300 steps", "seed 1"):
        assert words in model.card
    assert ruis.Recipe.parse(model.manifest.training.recipe) == ruis.Recipe.read(
        taught / "waves.toml"
    )


@pytest.mark.slow
def test_denoising_needs_no_keras(taught):
    code = f"""
import sys
sys.modules["keras"] = sys.modules["tensorflow"] = None
import numpy as np, ruis
noisy = np.random.default_rng(0).random((40, 40), dtype=np.float32)
denoised = ruis.load({str(taught / "waves.ruis")!r}).denoise(noisy)
print(bool(denoised.std() < 0.7 * noisy.std()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
