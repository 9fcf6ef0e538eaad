from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ruis import formats, lineage, zoo
from ruis.cli import app
from ruis.errors import ConfigError, ImageWriteError
from ruis.image import Image, ImageInfo
from ruis.recipe import Recipe


def run(*words: str, code: int = 0):
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == code, done.output
    return done


@pytest.mark.parametrize("name", sorted(zoo.SHIPPED))
def test_every_part_of_what_ships_can_be_followed_again(name, tmp_path):
    manifest = zoo.find(name).manifest
    commands = lineage.write(manifest, tmp_path / "of it")
    trainings = (*manifest.training.earlier, manifest.training)
    files = sorted((tmp_path / "of it").iterdir())
    assert len(files) == len(commands) == len(trainings)
    made = None
    for file, command, training in zip(files, commands, trainings, strict=True):
        assert Recipe.read(file) == Recipe.parse(training.recipe)
        text = file.read_text(encoding="utf-8")
        assert f"{training.megapixels:.0f} megapixels" in text
        asked = training.recipe.get("epochs", 0) * training.recipe.get("steps_per_epoch", 250)
        assert (f"stopped after {training.steps} of" in text) == (asked > training.steps)
        words = shlex.split(command)
        assert words[:3] == ["ruis", "train", str(file)]
        assert words[3:5] == (["--from", made] if made else ["--data", "DATA"])
        made = words[-1]
    folders = [one["folder"] for training in trainings for one in training.recipe["data"]]
    assert len({Path(folder).parts[0] for folder in folders}) == 1  # in one and the same DATA


@pytest.fixture
def data(tmp_path) -> Path:
    (tmp_path / "data" / "clean").mkdir(parents=True)
    for seed in range(3):
        pixels = np.random.default_rng(seed).integers(0, 255, (24, 24, 1), np.uint8)
        image = Image(pixels, ImageInfo(pixels.dtype, (0, 255)))
        formats.write(image, tmp_path / "data" / "clean" / f"{seed}.png")
    return tmp_path / "data"


def test_the_commands_make_the_model_again(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, blocks, more in (("first", 1, ()), ("second", 2, ("--from", "first.ruis"))):
        recipe = Recipe.parse(
            {
                "name": name,
                "purpose": "Tests.",
                "data": [{"name": "noise", "terms": "CC0", "folder": "clean"}],
                "architecture": {"name": "unet", "widths": [3], "blocks": blocks},
                "noise": "gaussian:25/255",
                "validation_images": 1, "patch": 16, "batch": 2, "steps_per_epoch": 4,
                "epochs": 1, "warmup_steps": 2, "precision": "f32", "seed": 5 + blocks,
            }
        )  # fmt: skip
        Path(f"{name}.toml").write_text(recipe.to_toml(), encoding="utf-8")
        run("train", f"{name}.toml", *more, "--data", str(data), "-o", f"{name}.ruis")
    done = run("models", "second.ruis", "--recipes", "again")
    for command in done.stdout.splitlines():
        run(*(str(data) if word == "DATA" else word for word in shlex.split(command)[1:]))
    was, made = zoo.find("second.ruis"), zoo.find("again/2-second.ruis")
    for name, tensor in was.weights.items():
        assert np.array_equal(tensor, made.weights[name])
    assert "a new folder" in run("models", "second.ruis", "--recipes", "again", code=2).stderr
    assert zoo.find("again/2-second.ruis").sha256 == made.sha256


def test_what_no_recipe_made_is_said(small_model, tmp_path):
    with pytest.raises(ConfigError, match="was not made by recipes"):
        lineage.write(small_model().manifest, tmp_path / "there")
    assert not (tmp_path / "there").exists()
    (tmp_path / "taken").mkdir()
    with pytest.raises(ConfigError, match="a new folder"):
        lineage.write(zoo.find("gray").manifest, tmp_path / "taken")
    with pytest.raises(ImageWriteError):
        lineage.write(zoo.find("gray").manifest, tmp_path / "nowhere" / "there")
