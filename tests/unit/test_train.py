from __future__ import annotations

import dataclasses
import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ruis import formats, model_file
from ruis.checkpoint import Epoch
from ruis.denoiser import Denoiser
from ruis.errors import (
    ConfigError,
    DivergedError,
    EmptyDatasetError,
    EngineUnavailableError,
    ImageWriteError,
)
from ruis.image import Image, ImageInfo
from ruis.recipe import Recipe
from ruis.run import Run, publish
from ruis.run_folder import alone
from ruis.train import train


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for name in ("clean", "noisy"):
        (folder / name).mkdir()
    rng = np.random.default_rng(0)
    for place in range(5):
        ramp = np.add.outer(np.arange(24), np.arange(28)) * 2 + 60 + 5 * place
        for name, sigma in (("clean", 0), ("noisy", 8)):
            pixels = np.rint(ramp + rng.normal(0, 1, ramp.shape) * sigma).astype(np.uint8)[
                ..., None
            ]
            image = Image(pixels, ImageInfo(pixels.dtype, (0, 255)))
            formats.write(image, folder / name / f"{place}.png")
    return folder


def recipe_of(**changes) -> Recipe:
    settings = {
        "name": "mine",
        "purpose": "Tests.",
        "data": [{"name": "ramps", "terms": "CC0", "folder": "clean"}],
        "architecture": {"name": "unet", "widths": [3], "blocks": 1},
        "noise": "gaussian:25/255",
        "validation_images": 1,
        "patch": 16,
        "batch": 2,
        "steps_per_epoch": 4,
        "epochs": 3,
        "warmup_steps": 2,
        "precision": "f32",
        "seed": 5,
        **changes,
    }
    return Recipe.parse({key: value for key, value in settings.items() if value is not None})


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory) -> Run:
    """The run that others are compared with."""
    return train(recipe_of(), data, tmp_path_factory.mktemp("finished") / "run")


class Killed(BaseException):
    """What no one catches."""


def killed_in(epoch: int):
    def tell(report) -> None:
        if report.stage == "training" and report.epoch == epoch:
            raise Killed

    return tell


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


def test_a_run_is_its_history_and_its_best_weights(finished):
    run = finished
    assert [(epoch.epoch, epoch.step) for epoch in run.history] == [(1, 4), (2, 8), (3, 12)]
    assert all(math.isfinite(epoch.loss) and math.isfinite(epoch.psnr) for epoch in run.history)
    assert run.best.psnr == max(epoch.psnr for epoch in run.history)
    assert run.pixels == 12 * 2 * 16 * 16
    assert all(tensor.dtype == np.float32 for tensor in run.weights.values())
    seconds = [epoch.seconds for epoch in run.history]
    assert seconds == sorted(seconds)
    assert run.minutes == pytest.approx(seconds[-1] / 60)


def test_the_recipe_and_the_data_decide_everything(data, tmp_path, finished):
    again = train(recipe_of(), data, tmp_path / "a")
    other = train(recipe_of(seed=6), data, tmp_path / "b")
    assert same(finished.weights, again.weights)
    assert timeless(finished) == timeless(again)
    assert not same(finished.weights, other.weights)


def timeless(run: Run) -> list[Epoch]:
    return [dataclasses.replace(e, seconds=0, megapixels_per_second=0) for e in run.history]


def test_a_run_killed_twice_goes_on_to_the_same_weights(data, tmp_path, monkeypatch, finished):
    monkeypatch.setattr("ruis.loop.TELL_SECONDS", 0.0)
    for epoch in (2, 3):
        with pytest.raises(Killed):
            train(recipe_of(), data, tmp_path / "run", resume=True, progress=killed_in(epoch))
    resumed = train(recipe_of(), data, tmp_path / "run", resume=True)
    assert same(resumed.weights, finished.weights)
    assert timeless(resumed) == timeless(finished)
    seconds = [epoch.seconds for epoch in resumed.history]
    assert seconds == sorted(seconds)


@pytest.mark.parametrize("ema", [None, 0.8])
def test_a_killed_run_of_muon_in_bfloat16_does_so_too(ema, data, tmp_path, monkeypatch):
    monkeypatch.setattr("ruis.loop.TELL_SECONDS", 0.0)
    recipe = recipe_of(optimizer="muon", precision="bf16", epochs=2, ema=ema)
    whole = train(recipe, data, tmp_path / "whole")
    with pytest.raises(Killed):
        train(recipe, data, tmp_path / "killed", progress=killed_in(2))
    resumed = train(recipe, data, tmp_path / "killed", resume=True)
    assert same(resumed.weights, whole.weights)


def test_the_moving_average_is_judged_and_kept_and_training_goes_on_from_the_weights(
    data, tmp_path, monkeypatch
):
    """The average lags behind the weights; the loss shows that the weights themselves went on."""
    monkeypatch.setattr("ruis.checkpoint.Checkpoint._best_of", lambda self, history: history[-1])
    plain = train(recipe_of(), data, tmp_path / "plain")
    quick = train(recipe_of(ema=1e-6), data, tmp_path / "quick")
    slow = train(recipe_of(ema=1 - 1e-9), data, tmp_path / "slow")
    losses = [[epoch.loss for epoch in run.history] for run in (plain, quick, slow)]
    assert losses[0] == losses[1] == losses[2]
    first = train(recipe_of(epochs=1, steps_per_epoch=1, warmup_steps=2), data, tmp_path / "first")
    for name, tensor in plain.weights.items():
        assert np.allclose(quick.weights[name], tensor, atol=1e-6), name
        way = np.linalg.norm(tensor - first.weights[name])
        assert np.linalg.norm(slow.weights[name] - tensor) > 1e-3 * way, name
        assert np.linalg.norm(slow.weights[name] - first.weights[name]) < way, name
    assert plain.history[-1].psnr != slow.history[-1].psnr


def test_a_run_killed_before_its_first_epoch_begins_anew(data, tmp_path, monkeypatch):
    monkeypatch.setattr("ruis.loop.TELL_SECONDS", 0.0)
    with pytest.raises(Killed):
        train(recipe_of(), data, tmp_path / "run", progress=killed_in(1))
    assert len(train(recipe_of(), data, tmp_path / "run").history) == 3


@pytest.mark.parametrize(
    "budget", [{"epochs": 1}, {"epochs": None, "minutes": 1e-4}], ids=["epochs", "minutes"]
)
def test_a_finished_run_is_not_gone_on_with(data, tmp_path, budget):
    recipe = recipe_of(**budget)
    first = train(recipe, data, tmp_path / "run")
    again = train(recipe, data, tmp_path / "run", resume=True)
    assert again.history == first.history
    assert same(again.weights, first.weights)


def test_cautions_are_told_before_the_training(data, tmp_path):
    told = []
    train(recipe_of(epochs=1), data, tmp_path / "run", warn=told.append)
    assert "few-images" in [one.code for one in told]


def test_a_folder_with_a_run_is_refused(data, tmp_path):
    train(recipe_of(epochs=1), data, tmp_path / "run")
    before = (tmp_path / "run" / "checkpoint-000001.safetensors").read_bytes()
    with pytest.raises(ConfigError, match="--resume"):
        train(recipe_of(epochs=1), data, tmp_path / "run")
    assert (tmp_path / "run" / "checkpoint-000001.safetensors").read_bytes() == before


def test_one_folder_is_for_one_training_at_a_time(data, tmp_path):
    with alone(tmp_path / "run"), pytest.raises(ConfigError, match="another training is at work"):
        train(recipe_of(), data, tmp_path / "run")
    train(recipe_of(epochs=1), data, tmp_path / "run")


def test_other_images_are_not_gone_on_with(data, tmp_path, monkeypatch):
    """They would be judged by others, of which some were learnt from."""
    monkeypatch.setattr("ruis.loop.TELL_SECONDS", 0.0)
    images = tmp_path / "data"
    shutil.copytree(data, images)
    with pytest.raises(Killed):
        train(recipe_of(), images, tmp_path / "run", progress=killed_in(2))
    held = (tmp_path / "run" / "held-out.txt").read_text().split()
    (images / "clean" / held[0]).rename(images / "clean" / "elsewhere.png")
    with pytest.raises(ConfigError, match="begin anew"):
        train(recipe_of(), images, tmp_path / "run", resume=True)
    (images / "clean" / "elsewhere.png").rename(images / "clean" / held[0])
    assert len(train(recipe_of(), images, tmp_path / "run", resume=True).history) == 3


def test_the_clock_ends_a_run(data, tmp_path):
    run = train(
        recipe_of(epochs=None, minutes=0.03, steps_per_epoch=10_000), data, tmp_path / "run"
    )
    assert 0.03 <= run.minutes < 0.5
    assert len(run.history) == 1  # in the middle of an epoch
    assert 0 < run.history[0].step < 10_000


def test_progress_is_told_in_order(data, tmp_path, monkeypatch):
    monkeypatch.setattr("ruis.loop.TELL_SECONDS", 0.0)
    told = []
    train(recipe_of(), data, tmp_path / "run", progress=told.append)
    stages = [report.stage for report in told]
    assert stages[:5] == ["reading"] * 5
    assert stages[5:] == [*["training"] * 4, "validated"] * 3
    fractions = [report.fraction for report in told if report.stage == "training"]
    assert fractions == pytest.approx([(i + 1) / 12 for i in range(12)])
    assert [report.epoch for report in told if report.stage == "validated"] == [1, 2, 3]
    assert told[-1].best_psnr >= told[-1].psnr


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_good_epoch(
    data, tmp_path, monkeypatch, finished
):
    from ruis.examples import Patches

    right = Patches.batch

    def poisoned(self, epoch: int, step: int):
        inputs, targets = right(self, epoch, step)
        return (
            (inputs, targets * np.float32(np.nan)) if (epoch, step) == (1, 2) else (inputs, targets)
        )

    monkeypatch.setattr(Patches, "batch", poisoned)
    with pytest.raises(DivergedError) as caught:
        train(recipe_of(), data, tmp_path / "run")
    assert caught.value.step == 6
    assert math.isnan(caught.value.loss)
    monkeypatch.undo()
    resumed = train(recipe_of(), data, tmp_path / "run", resume=True)
    assert same(resumed.weights, finished.weights)


def test_a_run_that_diverges_at_once_publishes_nothing(data, tmp_path):
    with pytest.raises(DivergedError, match="lower learning rate"):
        train(recipe_of(learning_rate=1e30, warmup_steps=0), data, tmp_path / "run")
    assert not list((tmp_path / "run").glob("*.safetensors"))


def test_real_pairs_are_learnt_from(data, tmp_path):
    pairs = [{"name": "pairs", "terms": "CC0", "folder": "clean", "noisy": "noisy"}]
    blind = {"name": "unet", "widths": [3], "blocks": 1, "sigma_channel": False}
    recipe = recipe_of(noise=None, data=pairs, epochs=1, architecture=blind)
    run = train(recipe, data, tmp_path / "run")
    assert math.isfinite(run.best.psnr)
    published = publish(run, tmp_path / "a.ruis")
    assert published.manifest.noise == "real pairs"


@pytest.mark.parametrize("missing", ["none", "."])
def test_data_that_is_not_there_is_named(data, tmp_path, missing):
    source = [{"name": "x", "terms": "", "folder": missing}]
    with pytest.raises(EmptyDatasetError):
        train(recipe_of(data=source), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("patch", [15, 17])
def test_a_patch_that_the_network_cannot_take_is_refused(data, tmp_path, patch):
    with pytest.raises(ConfigError, match="patch"):
        train(recipe_of(patch=patch), data, tmp_path / "run")


def test_a_network_that_looks_too_far_is_refused_before_it_learns(data, tmp_path):
    network = {"name": "unet", "widths": [3] * 6, "blocks": 4}
    with pytest.raises(ConfigError, match="pixels far"):
        train(recipe_of(architecture=network, patch=64), data, tmp_path / "run")


def test_texts_that_no_model_file_holds_are_refused_before_it_learns():
    with pytest.raises(ConfigError, match="purpose"):
        recipe_of(purpose="x" * 10_001)


def test_a_learning_rate_beside_the_recipes_own_is_refused(data, tmp_path):
    recipe = recipe_of(optimizer={"name": "sgd", "learning_rate": 0.1})
    with pytest.raises(ConfigError, match="learning_rate"):
        train(recipe, data, tmp_path / "run")


def test_images_of_two_folders_with_one_name_count_once(data, tmp_path):
    source = {"name": "ramps", "terms": "CC0", "folder": "clean"}
    run = train(
        recipe_of(data=[source, {**source, "terms": "CC BY"}], epochs=1), data, tmp_path / "run"
    )
    (used,) = publish(run, tmp_path / "a.ruis").manifest.data
    assert used.images == 2 * len([*(data / "clean").iterdir()])
    assert used.terms == "CC0; CC BY"


def test_a_network_of_a_fixed_size_learns(data, tmp_path):
    network = {
        "name": "convolutional-autoencoder",
        "filters": [2, 2],
        "bottleneck": 3,
        "size": [16, 16],
    }
    run = train(recipe_of(architecture=network, epochs=1), data, tmp_path / "run")
    assert math.isfinite(run.best.psnr)


def test_training_leaves_the_dtype_policy_alone(data, tmp_path):
    import keras

    before = keras.config.dtype_policy().name
    train(recipe_of(epochs=1, precision="bf16"), data, tmp_path / "run")
    assert keras.config.dtype_policy().name == before


def test_what_is_published_tells_how_it_was_taught(tmp_path, finished):
    run = finished
    published = publish(run, tmp_path / "mine.ruis")
    loaded = model_file.load(tmp_path / "mine.ruis")
    assert loaded.sha256 == published.sha256
    assert loaded.manifest.training.best_epoch == run.best.epoch
    assert loaded.manifest.training.steps == 12
    assert Recipe.parse(loaded.manifest.training.recipe) == run.recipe
    (used,) = loaded.manifest.data
    assert (used.name, used.images) == ("ramps", 5)
    for name, tensor in loaded.weights.items():
        assert np.allclose(tensor, run.weights[name], rtol=5e-4, atol=1e-6)
    with pytest.raises(ImageWriteError):
        publish(run, tmp_path / "mine.ruis")
    publish(run, tmp_path / "mine.ruis", overwrite=True)


def test_a_model_can_be_refined(data, tmp_path, finished, small_model):
    start = publish(finished, tmp_path / "first.ruis")
    still = recipe_of(learning_rate=1e-12, epochs=1)
    run = train(still, data, tmp_path / "run", start=start)
    for name, tensor in run.weights.items():
        assert np.abs(tensor - start.weights[name]).max() < 1e-8
    (earlier,) = publish(run, tmp_path / "second.ruis").manifest.training.earlier
    assert earlier.steps == 12
    with pytest.raises(ConfigError, match="another network"):
        train(still, data, tmp_path / "other", start=small_model())


def test_a_deeper_network_begins_as_the_shallower_one(data, tmp_path, finished):
    start = publish(finished, tmp_path / "first.ruis")
    deeper = {"architecture": {"name": "unet", "widths": [3], "blocks": 2}, "epochs": 1}
    still = train(recipe_of(**deeper, learning_rate=1e-12), data, tmp_path / "still", start=start)
    noisy = np.random.default_rng(0).random((24, 24), np.float32)
    same = Denoiser(publish(still, tmp_path / "still.ruis")).denoise(noisy)
    assert np.abs(same - Denoiser(start).denoise(noisy)).max() < 1e-6
    learnt = train(recipe_of(**deeper), data, tmp_path / "learnt", start=start)
    added = [name for name in learnt.weights if name not in start.weights]
    assert len(added) == 2
    assert all(np.abs(learnt.weights[name]).max() > 1e-4 for name in added)  # zero was no trap


def test_the_mean_of_a_model_and_of_what_it_was_taught_on_to(data, tmp_path, finished):
    start = publish(finished, tmp_path / "first.ruis")
    plain = recipe_of(epochs=1, seed=6)
    after = publish(train(plain, data, tmp_path / "6", start=start), tmp_path / "6.ruis")

    def average(*names: str, share: str = "0.75") -> subprocess.CompletedProcess[str]:
        tool = Path(__file__).parents[2] / "tools" / "average.py"
        made = ["-o", tmp_path / "mean.ruis", "--share", share]
        return subprocess.run(
            [sys.executable, tool, *(tmp_path / name for name in names), *made],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    for names, share, word in (
        (("6.ruis", "first.ruis"), "0.75", "was not taught on"),
        (("first.ruis", "6.ruis"), "75", "between 0 and 1"),
        (("first.ruis", "none.ruis"), "0.75", "no model file"),
    ):
        refused = average(*names, share=share)
        assert (refused.returncode, refused.stderr.count("Traceback")) == (2, 0)
        assert word in refused.stderr
        assert not (tmp_path / "mean.ruis").exists()
    assert average("first.ruis", "6.ruis").returncode == 0
    mean = model_file.load(tmp_path / "mean.ruis")
    for name, tensor in mean.weights.items():
        halves = 0.25 * start.weights[name] + 0.75 * after.weights[name]
        assert np.allclose(tensor, halves, rtol=1e-3, atol=1e-6)

    told: list[str] = []
    recipe = Recipe.parse(mean.manifest.training.recipe)
    assert recipe == plain.changed(finetuned_share=0.75)
    run = train(
        recipe,
        data,
        tmp_path / "same",
        start=start,
        progress=lambda report: told.append(report.note),
    )
    made = publish(run, tmp_path / "same.ruis")
    for name, tensor in made.weights.items():  # 16-bit weights were averaged above, and these not
        assert np.allclose(tensor, mean.weights[name], rtol=2e-3, atol=1e-5)
    assert any(note.startswith("75% of the weights are what was learnt") for note in told)
    assert "1. " in made.card
    assert "the mean of these, 75%" in made.card
    assert average("first.ruis", "same.ruis", share="0.5").returncode == 2  # mean.ruis is there
    (tmp_path / "mean.ruis").unlink()
    assert average("first.ruis", "same.ruis", share="0.5").returncode == 0
    again = model_file.load(tmp_path / "mean.ruis").manifest.training.recipe
    assert again["finetuned_share"] == 0.375


def test_a_mean_needs_what_it_is_a_mean_with(data, tmp_path, small_model):
    wider = {"name": "unet", "widths": [6, 6], "blocks": 1}
    for start, architecture in ((None, {}), (small_model(), {"architecture": wider})):
        recipe = recipe_of(finetuned_share=0.5, **architecture)
        with pytest.raises(ConfigError, match="the same network"):
            train(recipe, data, tmp_path / "run", start=start)
    assert not (tmp_path / "run").exists()


def test_a_network_begins_as_no_wider_and_no_deeper_one(data, tmp_path, small_model):
    for architecture in ({"widths": [4, 6], "blocks": 1}, {"widths": [4, 5], "blocks": 2}):
        recipe = recipe_of(architecture={"name": "unet", **architecture})
        with pytest.raises(ConfigError, match="another network"):
            train(recipe, data, tmp_path / "run", start=small_model(blocks=2))


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"sigma_given": 0.0}, "sigma"),
        ({"noise": "salt-and-pepper:0.1"}, "sigma"),
        ({"loss": "mean_sqared_error"}, "loss"),
        ({"optimizer": "adma"}, "optimizer"),
        (
            {
                "architecture": {"name": "dense-autoencoder", "size": [16, 16], "hidden": [8]},
                "objective": "neighbour-to-neighbour",
                "noise": None,
                "data": [{"name": "ramps", "terms": "CC0", "noisy": "noisy"}],
            },
            "half the size",
        ),
    ],
)
def test_what_cannot_work_is_refused_before_an_image_is_read(settings, word, tmp_path):
    """A sigma channel that never holds sigma would keep its random weights."""
    with pytest.raises(ConfigError, match=word):
        train(recipe_of(**settings), tmp_path / "nothing", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_losses_and_optimizers_may_have_settings(data, tmp_path):
    loss = {"name": "perceptual", "network": "vgg16", "weights": None, "taps": [2]}
    recipe = recipe_of(
        loss=loss, optimizer={"name": "adadelta", "rho": 0.9}, patch=24, epochs=1, steps_per_epoch=2
    )
    run = train(recipe, data, tmp_path / "run")
    assert math.isfinite(run.history[-1].loss)
    assert Recipe.parse(run.recipe.model_dump(mode="json")).loss["network"] == "vgg16"
    with pytest.raises(ConfigError, match="roh"):
        train(recipe_of(optimizer={"name": "adadelta", "roh": 0.9}), data, tmp_path / "other")


def test_pairs_that_do_not_lie_on_each_other_are_named(tmp_path):
    rng = np.random.default_rng(0)
    for place in range(4):
        scene = rng.standard_normal((80, 80)).cumsum(0).cumsum(1)
        scene = np.rint(255 * (scene - scene.min()) / np.ptp(scene)).astype(np.uint8)[..., None]
        moved = scene[3:67, :64] if place == 2 else scene[:64, :64]
        for name, pixels in (("clean", scene[:64, :64]), ("noisy", moved)):
            (tmp_path / name).mkdir(exist_ok=True)
            image = Image(pixels, ImageInfo(pixels.dtype, (0, 255)))
            formats.write(image, tmp_path / name / f"{place}.png")
    pairs = [{"name": "pairs", "terms": "", "folder": "clean", "noisy": "noisy"}]
    blind = {"name": "plain", "filters": [2]}
    told = []
    recipe = recipe_of(noise=None, data=pairs, epochs=1, steps_per_epoch=1, architecture=blind)
    train(recipe, tmp_path, tmp_path / "run", progress=told.append)
    (note,) = [report.note for report in told if report.note]
    assert "1 of 4 pairs" in note
    assert "2.png by -2.9 rows" in note


@pytest.mark.parametrize("objective", ["supervised", "neighbour-to-neighbour", "noise-to-void"])
def test_a_model_that_obeys_sigma_is_refined_where_nobody_knows_it(
    objective, data, tmp_path, finished
):
    """Its sigma channel stays as it was: what it learnt of it is not lost."""
    start = publish(finished, tmp_path / "first.ruis")
    source = {"name": "n", "terms": "", "noisy": "noisy"}
    if objective == "supervised":
        source["folder"] = "clean"
    recipe = recipe_of(noise=None, data=[source], objective=objective, epochs=1)
    run = train(recipe, data, tmp_path / "run", start=start)
    stem = next(name for name in start.weights if name.startswith("stem"))
    assert np.array_equal(run.weights[stem][:, :, 1], start.weights[stem][:, :, 1])
    assert not np.array_equal(run.weights[stem][:, :, 0], start.weights[stem][:, :, 0])
    assert publish(run, tmp_path / "second.ruis").architecture.takes_sigma
    with pytest.raises(ConfigError, match="never tells the network sigma"):
        train(recipe, data, tmp_path / "fresh")


def test_a_sigma_that_no_formula_knows_is_told_where_that_is_asked_for(data, tmp_path):
    with pytest.raises(ConfigError, match="never tells the network sigma"):
        train(recipe_of(noise="camera", epochs=1), data, tmp_path / "run")
    run = train(recipe_of(noise="camera", epochs=1, sigma_error=0.2), data, tmp_path / "run")
    assert publish(run, tmp_path / "model.ruis").architecture.takes_sigma


def test_pictures_show_how_it_goes(data, tmp_path):
    run = train(recipe_of(), data, tmp_path / "run")
    drawn = sorted(path.name for path in (tmp_path / "run").glob("preview-*.png"))
    assert drawn == ["preview-000001.png", "preview-000002.png"]
    assert run.shown.noisy.shape == run.shown.clean.shape
    assert run.shown.name.endswith(".png")


@pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)  # TensorFlow's own
def test_curves_for_tensorboard_are_written_if_asked(data, tmp_path):
    pytest.importorskip("tensorboard", reason="needs the tensorboard extra")
    train(recipe_of(epochs=1), data, tmp_path / "run", tensorboard=True)
    (events,) = (tmp_path / "run" / "tensorboard").rglob("events.*")
    assert b"epoch_validation_psnr" in events.read_bytes()


def test_without_tensorboard_it_is_said_what_to_install(data, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EngineUnavailableError, match=r"ruis\[tensorboard\]"):
        train(recipe_of(epochs=1), data, tmp_path / "run", tensorboard=True)
    assert not (tmp_path / "run").exists()


def test_a_damaged_checkpoint_is_told_and_the_one_before_it_gone_on_with(
    data, tmp_path, monkeypatch, finished
):
    monkeypatch.setattr("ruis.loop.TELL_SECONDS", 0.0)
    with pytest.raises(Killed):
        train(recipe_of(), data, tmp_path / "run", progress=killed_in(3))
    newest = tmp_path / "run" / "checkpoint-000002.safetensors"
    newest.write_bytes(newest.read_bytes()[:-9])
    told = []
    resumed = train(recipe_of(), data, tmp_path / "run", resume=True, progress=told.append)
    assert same(resumed.weights, finished.weights)
    notes = [report.note for report in told if report.note]
    assert "damaged" in notes[0]
