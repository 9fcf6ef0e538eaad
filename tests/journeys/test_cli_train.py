"""`ruis train`: what it asks for, refuses and tells. Keras is not started here."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import ruis
from ruis import architectures, model_file
from ruis.checkpoint import Epoch
from ruis.cli import app
from ruis.image import Image, ImageInfo
from ruis.prescription import Caution
from ruis.run import Run
from ruis.train import Report

RECIPE = """
name = "mine"
noise = "gaussian:25/255"
epochs = 7
[architecture]
name = "unet"
[[data]]
name = "photos"
terms = "mine"
folder = "photos"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def taught(monkeypatch):
    """Replace the training, which has journeys of its own, by one that learns nothing at once."""
    calls = []

    def teach(
        recipe,
        data,
        folder,
        *,
        start=None,
        resume=False,
        tensorboard=False,
        progress=None,
        warn=None,
    ):
        folder.mkdir(exist_ok=True)
        calls.append({"recipe": recipe, "data": data, "folder": folder, "resume": resume})
        progress(Report("reading", 0.5))
        warn(Caution("few-images", "3 training images"))
        progress(Report("training", 0.1, 30.0, 1, 10, 0.5, 1.0))
        progress(Report("validated", 1.0, 0.0, 1, 20, 0.25, 1.5, 28.0, 28.5))
        shapes = architectures.parse(recipe.architecture).tensors
        weights = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
        epoch = Epoch(1, 20, 0.25, 28.5, 60.0, 1.5)
        return Run(recipe, (epoch,), epoch, weights, {source.name: 3 for source in recipe.data})

    monkeypatch.setattr(import_module("ruis.train"), "train", teach)
    monkeypatch.setattr(import_module("ruis.cli.train"), "load_keras_quietly", lambda: None)
    return calls


def make(name: str, *, channels: int = 1, size=(120, 130)) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((*size, channels), np.uint8)
    info = ImageInfo(pixels.dtype, (0, 255), colour="rgb" if channels > 2 else "gray")
    ruis.write(Image(pixels, info), name)


def run(*arguments: str, code: int = 0):
    done = CliRunner().invoke(app, ["train", *arguments])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done


def test_a_recipe_is_followed(taught):
    Path("mine.toml").write_text(RECIPE)
    run("mine.toml", "--data", "data", "-o", "out.ruis")
    (call,) = taught
    assert call["recipe"] == ruis.Recipe.read("mine.toml")
    assert call["data"] == Path("data")
    assert call["folder"] == Path("out.run")
    assert call["resume"] is False


def test_the_command_line_changes_a_recipe(taught):
    Path("mine.toml").write_text(RECIPE)
    run("mine.toml", "-o", "a.ruis", "--minutes", "2", "--seed", "5", "--resume")
    run("mine.toml", "-o", "b.ruis", "--epochs", "3")
    assert (taught[0]["recipe"].minutes, taught[0]["recipe"].epochs) == (2.0, None)
    assert taught[0]["recipe"].seed == 5
    assert taught[0]["resume"] is True
    assert taught[1]["recipe"].epochs == 3


@pytest.mark.parametrize(
    ("names", "channels"),
    [
        ({"a.png": 1, "b.png": 2}, 1),
        ({"a.png": 3, "b.png": 4}, 3),
        ({"a.png": 1, "b.png": 3}, 3),
    ],
)
def test_without_a_recipe_the_images_decide_the_channels(taught, names, channels):
    for name, count in names.items():
        pixels = np.zeros((120, 130, count), np.uint8)
        info = ImageInfo(
            pixels.dtype, (0, 255), colour="rgb" if count > 2 else "gray", alpha=count in {2, 4}
        )
        Path("clean").mkdir(exist_ok=True)
        ruis.write(Image(pixels, info), f"clean/{name}")
    run("--clean", "clean", "--noise", "gaussian:25/255", "-o", "Mine_2.ruis")
    recipe = taught[0]["recipe"]
    assert recipe.architecture["channels"] == channels
    assert recipe.name == "mine-2"
    assert recipe.minutes == 30
    assert recipe.patch == 96
    assert recipe.ema
    assert recipe.patience


@pytest.mark.parametrize(
    ("sides", "patch"), [((300, 200), 96), ((300, 50), 48), ((300, 20), 96), ((20, 25), 24)]
)
def test_the_patch_fits_into_the_images_but_not_into_every_scrap(taught, sides, patch):
    for side in sides:
        make(f"clean/{side}.png", size=(side, 310))
    run("--clean", "clean", "--noise", "gaussian:0.1", "-o", "mine.ruis")
    assert taught[0]["recipe"].patch == patch


def test_a_tier_is_a_size_of_network(taught):
    make("clean/a.png")
    for tier in ("fast", "base", "best"):
        run("--clean", "clean", "--noise", "gaussian:0.1", "--tier", tier, "-o", f"{tier}.ruis")
    sizes = [architectures.parse(call["recipe"].architecture).kmac_per_pixel for call in taught]
    assert sizes == pytest.approx([27, 196, 495], rel=0.05)


def test_pairs_are_found_from_any_place_and_no_path_of_the_machine_is_kept(taught, folder):
    make("one/clean/a.png")
    make("two/noisy/a.png")
    run("--clean", "one/clean", "--noisy", "two/noisy", "-o", "mine.ruis")
    (call,) = taught
    (source,) = call["recipe"].data
    assert call["data"] / source.folder == folder / "one/clean"
    assert call["data"] / source.noisy == folder / "two/noisy"
    assert str(folder) not in call["recipe"].model_dump_json()
    assert call["recipe"].noise is None


def test_the_same_command_makes_the_same_recipe(taught):
    make("clean/a.png")
    for _ in range(2):
        run("--clean", "clean", "--noise", "camera", "-o", "mine.ruis", "--resume", "--overwrite")
    assert taught[0]["recipe"] == taught[1]["recipe"]


def test_at_the_end_the_model_is_there_and_its_essentials_are_told():
    make("clean/a.png")
    done = run("--clean", "clean", "--noise", "gaussian:25/255", "-o", "mine.ruis")
    assert model_file.load("mine.ruis").name == "mine"
    assert "28.50 dB" in done.stdout
    assert done.stdout.endswith("ruis denoise IMAGE --model mine.ruis\n")
    assert (
        "epoch 1, step 20, loss 0.25, 1.50 Mpx/s, validation 28.00 dB (best 28.50)" in done.stderr
    )
    assert "Note: 3 training images." in done.stderr
    assert "step 10" not in done.stderr, "one line per epoch where no person looks"


def test_the_end_as_json():
    make("clean/a.png")
    done = run("--clean", "clean", "--noise", "gaussian:25/255", "-o", "mine.ruis", "--json")
    document = json.loads(done.stdout)
    assert document["output"] == "mine.ruis"
    assert document["validation_psnr"] == 28.5
    assert document["steps"] == 20


def test_an_existing_output_is_refused_before_training(taught):
    make("clean/a.png")
    Path("mine.ruis").write_text("precious")
    arguments = ("--clean", "clean", "--noise", "gaussian:0.1", "-o", "mine.ruis")
    assert "--overwrite" in run(*arguments, code=3).stderr
    assert not taught
    assert Path("mine.ruis").read_text() == "precious"
    run(*arguments, "--overwrite")
    assert model_file.load("mine.ruis").name == "mine"


def test_a_training_that_is_stopped_says_how_to_go_on(monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    make("clean/a.png")
    monkeypatch.setattr(import_module("ruis.train"), "train", stopped)
    done = run("--clean", "clean", "--noise", "gaussian:0.1", "-o", "mine.ruis", code=130)
    assert "--resume" in done.stderr
    assert not Path("mine.ruis").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "what shall be learnt"),
        (("--clean", "clean"), "need either noise"),
        (("--noisy", "clean", "--noise", "camera"), "noise is added to clean"),
        (("--noisy", "clean", "--objective", "noise-to-noise"), "needs second images"),
        (("--noisy", "clean", "--objective", "noise2void"), "Did you mean 'noise-to-void'"),
        (("--noisy", "clean", "--objective", "zero-shot", "--mask", "point"), "belongs to"),
        (("--noisy", "clean", "--axes", "XYY"), "axes"),
        (("--noisy", "clean", "--from", "photo", "--tier", "fast"), "leave out --tier"),
        (("--noisy", "clean", "--from", "grey"), "Did you mean 'gray'"),
        (("--clean", "clean", "--noisy", "clean", "--objective", "noise-to-void"), "without clean"),
        (("--clean", "clean", "--noise", "gaussian:0.1", "--noisy", "clean"), "not both"),
        (("--clean", "clean", "--noise", "gausian:0.1"), "Did you mean 'gaussian'"),
        (("--clean", "clean", "--noise", "gaussian:0.1", "--data", "x"), "--data"),
        (("mine.toml", "--clean", "clean"), "leave out"),
        (("nowhere.toml",), "nowhere.toml"),
        (("mine.toml", "--minutes", "1", "--epochs", "1"), "not both"),
        (("mine.toml", "--minutes", "0"), "minutes"),
        (("--clean", "clean", "--noise", "gaussian:0.1", "--minutes", "0"), "minutes"),
        (("--noisy", "clean", "--mask", "horizontal:abc"), "mask"),
        (("mine.toml", "-o", "mine.zip"), ".ruis"),
        (("mine.toml", "-o", "nowhere/mine.ruis"), "no folder"),
    ],
)
def test_what_is_wrong_is_said_before_training(taught, arguments, reason):
    make("clean/a.png")
    Path("mine.toml").write_text(RECIPE)
    given = arguments if "-o" in arguments else (*arguments, "-o", "mine.ruis")
    assert reason in run(*given, code=2).stderr
    assert not taught


def test_images_of_different_kinds_are_refused():
    make("clean/a.png")
    five = np.zeros((64, 64, 5), np.uint8)
    info = ImageInfo(five.dtype, (0, 255), colour="channels")
    ruis.write(Image(five, info), "clean/b.tif")
    done = run("--clean", "clean", "--noise", "gaussian:0.1", "-o", "mine.ruis", code=2)
    assert "different channels" in done.stderr


def test_the_folder_of_a_run_is_a_recipe_to_use_again(taught, folder):
    """Its data is found where it was, from wherever the command is given."""
    from ruis.run_folder import keep_data

    Path("other").mkdir()
    Path("other/recipe.toml").write_text(RECIPE)
    keep_data(Path("other"), Path("somewhere"))
    run("other/recipe.toml", "-o", "a.ruis")
    assert taught[0]["data"] == folder / "somewhere"
    run("other/recipe.toml", "--data", "else", "-o", "b.ruis")
    assert taught[1]["data"] == Path("else")


def test_the_run_of_a_refined_model_asks_for_that_model(taught):
    from ruis.run_folder import keep_data

    Path("other").mkdir()
    Path("other/recipe.toml").write_text(RECIPE)
    keep_data(Path("other"), Path("somewhere"))
    Path("other/origin.txt").write_text("ab" * 32)
    assert "--from" in run("other/recipe.toml", "-o", "a.ruis", code=2).stderr
    assert not taught
    run("other/recipe.toml", "-o", "a.ruis", "--from", "gray")
    assert len(taught) == 1


def test_what_will_be_done_is_said_before_and_alone_if_asked(taught):
    make("noisy/a.png")
    make("noisy/b.png")
    done = run("--noisy", "noisy", "-o", "mine.ruis", "--dry-run")
    assert not taught
    assert not Path("mine.run").exists()
    assert "2 images, gray, uint8" in done.stderr
    assert "neighbour-to-neighbour" in done.stdout
    Path("mine.toml").write_text(done.stdout)
    assert ruis.Recipe.read("mine.toml").objective == "neighbour-to-neighbour"
    done = run("--noisy", "noisy", "--dry-run", "--json")
    assert json.loads(done.stdout)["objective"] == "neighbour-to-neighbour"


def test_a_model_goes_somewhere(taught):
    make("noisy/a.png")
    done = run("--noisy", "noisy", code=2)
    assert "-o mine.ruis" in done.stderr
    assert not taught


@pytest.mark.parametrize(
    ("arguments", "objective"),
    [
        (("--noisy", "noisy", "--clean", "clean"), "supervised"),
        (("--noisy", "noisy", "--second", "clean"), "noise-to-noise"),
        (("--noisy", "noisy"), "neighbour-to-neighbour"),
        (("--noisy", "noisy/a.png"), "zero-shot"),
        (("--noisy", "noisy/a.png", "--clean", "clean/b.png"), "supervised"),
        (("--noisy", "noisy/a.png", "--from", "gray"), "neighbour-to-neighbour"),
        (("--noisy", "noisy", "--mask", "vertical:4"), "noise-to-void"),
    ],
)
def test_the_objective_follows_from_what_there_is(taught, arguments, objective):
    for name in ("clean/a.png", "clean/b.png", "noisy/a.png", "noisy/b.png"):
        make(name)
    run(*arguments, "-o", "mine.ruis")
    assert taught[0]["recipe"].objective_name == objective


def test_the_page_at_the_end_needs_no_other_file():
    make("clean/a.png")
    done = run("--clean", "clean", "--noise", "gaussian:25/255", "-o", "mine.ruis")
    assert "mine.run/report.html" in done.stdout
    page = Path("mine.run/report.html").read_text(encoding="utf-8")
    assert "ruis denoise IMAGE --model mine.ruis" in page
    assert "epoch 1" in page
    for link in ("href=", 'src="http', "<script"):
        assert link not in page


def test_a_dry_run_refuses_what_training_would(monkeypatch, taught):
    """Keras is not started: what is asked is whether it was looked at, by what training looks with."""
    checked = []
    monkeypatch.setattr(import_module("ruis.train"), "check", lambda *given: checked.append(given))
    Path("mine.toml").write_text(RECIPE)
    run("mine.toml", "--data", "somewhere", "--dry-run")
    ((recipe, data, start),) = checked
    assert (recipe.name, data, start) == ("mine", Path("somewhere"), None)
    assert not taught
