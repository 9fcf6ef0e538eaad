from __future__ import annotations

from pathlib import Path

import pytest

from ruis import architectures, noise
from ruis.errors import ConfigError, UnknownNameError
from ruis.recipe import Recipe

SMALLEST = {
    "name": "mine",
    "data": [{"name": "pictures", "terms": "CC0", "folder": "clean"}],
    "architecture": {"name": "unet"},
    "noise": "gaussian:25/255",
    "epochs": 3,
}
PAIRS = [{"name": "pairs", "terms": "CC0", "folder": "clean", "noisy": "noisy"}]
ALONE = {
    "objective": "noise-to-void",
    "noise": None,
    "data": [{"name": "shots", "terms": "CC0", "noisy": "noisy"}],
}
RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))


def test_the_smallest_recipe_is_enough():
    recipe = Recipe.parse(SMALLEST)
    assert recipe.seed == 0
    assert recipe.optimizer == "adam"


def test_an_unknown_key_names_the_nearest():
    with pytest.raises(UnknownNameError) as caught:
        Recipe.parse({**SMALLEST, "learning-rate": 1e-3})
    assert caught.value.nearest == "learning_rate"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"minutes": 5}, "either minutes or epochs"),
        ({"epochs": None}, "either minutes or epochs"),
        ({"noise": None}, "folder of noisy images"),
        ({"data": PAIRS}, "no noise to add"),
        ({"data": []}, "data"),
        ({"data": [{"name": "x"}]}, "terms"),
        ({"epochs": 0}, "epochs"),
        ({"epochs": None, "minutes": 0}, "minutes"),
        ({"patch": 4}, "patch"),
        ({"batch": 0}, "batch"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"optimizer": 3}, "optimizer"),
        ({"precision": "f16"}, "precision"),
        ({"sigma_given": 1.5}, "sigma_given"),
        ({"zoom": 2, "zoom_least": 3}, "zoom_least"),
        ({"zoom_least": 0.5}, "zoom_least"),
        ({"seed": -1}, "seed"),
        ({"noise": "gausian:0.1"}, "gausian"),
        ({"validation_noise": "nonsense"}, "nonsense"),
        ({**ALONE, "validation_noise": "gaussian:0.1"}, "validation_noise is for"),
        ({**ALONE, "patience": 3}, "patience is for"),
        ({**ALONE, "loss": "mean_absolute_error"}, "loss of its own"),
        ({**ALONE, "sigma_error": 0.2}, "knows no sigma"),
        ({"name": "Mine!"}, "name"),
        ({"name": None}, "name"),
    ],
)
def test_what_cannot_be_followed_is_refused_by_name(changes, says):
    with pytest.raises(ConfigError, match=says):
        Recipe.parse({**SMALLEST, **changes})


def test_pairs_need_no_noise():
    recipe = Recipe.parse({**SMALLEST, "noise": None, "data": PAIRS})
    assert recipe.data[0].noisy == "noisy"


def test_changes_are_checked_as_a_whole():
    recipe = Recipe.parse(SMALLEST)
    assert recipe.changed(minutes=2, epochs=None).minutes == 2
    with pytest.raises(ConfigError, match="either minutes or epochs"):
        recipe.changed(minutes=2)
    assert recipe.minutes is None


def test_a_file_is_read(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "mine"\nnoise = "gaussian:0.1"\nminutes = 2\n[architecture]\nname = "unet"\n'
        '[[data]]\nname = "a"\nterms = "b"\nfolder = "c"\n',
        encoding="utf-8",
    )
    assert Recipe.read(path).minutes == 2


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe\x00", b"name = 'mine'\nnoize = 'x'\n"])
def test_a_file_that_is_no_recipe_is_named(tmp_path, content):
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"mine\.toml"):
        Recipe.read(path)


@pytest.mark.parametrize("name", ["none.toml", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name):
    with pytest.raises(ConfigError, match="cannot read the recipe"):
        Recipe.read(tmp_path / name)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_of_ours_can_be_followed(path):
    recipe = Recipe.read(path)
    assert path.stem.startswith(recipe.name)
    assert recipe.purpose
    architecture = architectures.parse(recipe.architecture)
    assert recipe.patch % architecture.geometry.multiple == 0
    for spec in (recipe.noise, recipe.validation_noise):
        if spec is not None:
            noise.parse(spec)


def test_a_recipe_written_is_the_recipe_read(tmp_path):
    recipe = Recipe.parse(
        {
            "name": "a",
            "purpose": 'A "quoted" \\ line\nand \x7f, Zürich, 北京 😀.',
            "limits": ["one", "two"],
            "data": [
                {"name": "x", "terms": "t", "folder": "c", "exclude": ["a.png"]},
                {"name": "y", "terms": "t", "folder": "d", "weight": 0.25},
            ],
            "architecture": {"name": "unet", "widths": [8, 16], "sigma_channel": True},
            "noise": {"name": "gaussian", "sigma": [0, 0.2]},
            "optimizer": {"name": "adadelta", "rho": 0.95},
            "learning_rate": 1e-05,
            "minutes": 0.5,
            "ema": 0.999,
        }
    )
    (tmp_path / "a.toml").write_text(recipe.to_toml(), encoding="utf-8")
    assert Recipe.read(tmp_path / "a.toml") == recipe
