"""`ruis train` from each kind of data to a file that removes its noise: the command, Keras and all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import ruis
from ruis.cli import app
from ruis.image import Image, ImageInfo, data_range_of
from ruis.metrics.psnr import psnr

pytest.importorskip("keras", reason="learning needs the train extra")
pytestmark = pytest.mark.slow


def run(*arguments: str) -> dict:
    done = CliRunner().invoke(app, ["train", *arguments, "-o", "mine.ruis", "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def run_small(*arguments: str) -> dict:
    """Teach what is proposed, but a smaller network, and for seconds."""
    proposed = run(*arguments, "--dry-run")
    recipe = ruis.Recipe.parse(proposed).changed(
        architecture=proposed["architecture"] | {"widths": [16, 32], "blocks": 1},
        minutes=None,
        epochs=2,
        steps_per_epoch=60,
        patch=48,
        learning_rate=2e-2,
        warmup_steps=10,
    )
    Path("small.toml").write_text(recipe.to_toml(), encoding="utf-8")
    return run("small.toml")


def scene(seed: int, channels: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:96, :112] / 16
    waves = [np.sin(row * rng.uniform(0.5, 1.5) + column + k) for k in range(channels)]
    return 0.5 + 0.3 * np.stack(waves, axis=2)


def noise(seed: int, channels: int = 1) -> np.ndarray:
    return 0.1 * np.random.default_rng([seed, 1]).standard_normal((96, 112, channels))


def write(unit: np.ndarray, path: str, dtype: str, white: float) -> None:
    pixels = (np.clip(unit, 0, None) * white).astype(dtype)
    colour = {1: "gray", 3: "rgb"}.get(pixels.shape[2], "channels")
    info = ImageInfo(pixels.dtype, data_range_of(pixels.dtype), colour=colour)
    Path(path).parent.mkdir(exist_ok=True)
    ruis.write(Image(pixels, info), path)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("channels", "dtype", "white", "least"),  # decibels in 120 steps: more channels take longer
    [(1, "float32", 5000.0, 2.0), (3, "uint8", 200, 0.4), (5, "uint16", 3000, 0.1)],
)
def test_any_dtype_range_and_number_of_channels_is_learnt_from(channels, dtype, white, least):
    for seed in range(5):
        write(scene(seed, channels) + noise(seed, channels), f"noisy/{seed}.tif", dtype, white)
    run_small("--noisy", "noisy")
    clean = scene(50, channels)
    noisy = (white * np.clip(clean + noise(50, channels), 0, None)).astype(dtype)
    denoised = ruis.load("mine.ruis").denoise(noisy, channel_axis=2)
    assert denoised.dtype == dtype
    assert psnr(clean, denoised / white) > psnr(clean, noisy / white) + least


def test_a_stack_teaches_its_pictures():
    stack = np.stack([(scene(seed) + noise(seed))[..., 0] for seed in range(6)])
    np.save("stack.npy", np.rint(stack * 100).clip(0).astype(np.uint8))
    run_small("--noisy", "stack.npy", "--axes", "ZYX")
    clean = scene(50)[..., 0]
    noisy = (clean + noise(50)[..., 0]).astype(np.float32)
    denoised = ruis.load("mine.ruis").denoise(noisy)
    assert psnr(clean, denoised) > psnr(clean, noisy) + 2


def test_a_run_is_repeated_from_its_folder_with_the_same_weights():
    for seed in range(4):
        write(scene(seed), f"clean/{seed}.png", "uint8", 255)
    first = run_small("--clean", "clean", "--noise", "gaussian:0.1")
    Path("mine.run").rename("first.run")
    Path("mine.ruis").unlink()
    assert run("first.run/recipe.toml")["weights_sha256"] == first["weights_sha256"]
    done = CliRunner().invoke(app, ["denoise", "clean/0.png", "--model", "mine.ruis"])
    assert done.exit_code == 0, done.output


def test_a_picture_too_small_for_a_block_can_be_learnt_from():
    write((scene(0) + noise(0))[:20, :18], "noisy/a.png", "uint8", 255)
    document = run("--noisy", "noisy/a.png", "--epochs", "1")
    assert document["steps"] == 100
    assert Path(document["report"]).stat().st_size > 2000
