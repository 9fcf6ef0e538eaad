"""The exam that every objective takes; a new row in the table takes it too."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from ruis import formats, objectives
from ruis.denoiser import Denoiser
from ruis.errors import ConfigError, UnknownNameError
from ruis.image import Image, ImageInfo
from ruis.metrics.psnr import psnr
from ruis.objectives import OBJECTIVES
from ruis.recipe import Recipe
from ruis.run import publish
from ruis.train import train

SIGMA = 0.1
SIDE = 48
FOLDERS = {"clean": "folder", "noisy": "noisy", "second": "second"}

LEAST: dict[str, float] = {
    "supervised": 3.0,
    "noise-to-noise": 3.0,
    "noise-to-void": 1.5,
    "neighbour-to-neighbour": 3.0,
    "zero-shot": 2.0,
}
"""Decibels that a hundred steps on small pictures must bring."""

NETWORKS: dict[str, dict[str, Any]] = {
    "zero-shot": {"name": "plain"},
}


def scene(seed: int) -> np.ndarray:
    """Smooth ground with a few sharp shapes: (rows, columns, 1)."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:96, :96] / 96
    picture = 0.5 + 0.2 * np.sin(4 * row + rng.uniform(0, 6)) * np.cos(5 * column)
    for _ in range(5):
        middle, radius = rng.uniform(0, 1, 2), rng.uniform(0.05, 0.25)
        inside = (row - middle[0]) ** 2 + (column - middle[1]) ** 2 < radius**2
        picture = np.where(inside, rng.uniform(0.1, 0.9), picture)
    return picture[..., None].astype(np.float32)


def shot(seed: int, number: int) -> np.ndarray:
    rng = np.random.default_rng([seed, number])
    return scene(seed) + SIGMA * rng.standard_normal((96, 96, 1), dtype=np.float32)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("shots")
    for seed in range(8):
        for name, pixels in (
            ("clean", scene(seed)), ("noisy", shot(seed, 0)), ("second", shot(seed, 1))
        ):  # fmt: skip
            (root / name).mkdir(exist_ok=True)
            info = ImageInfo(pixels.dtype, (0.0, 1.0), colour="gray")
            formats.write(Image(pixels, info), root / name / f"{seed}.tif")
    return root


def recipe(name: str, **changes: Any) -> Recipe:
    needs = objectives.parse(name).needs
    roles = {*needs, "noisy"}
    network = {"name": "unet", "widths": [16, 32], "blocks": 1}
    return Recipe.parse(
        {
            "name": "exam",
            "data": [{"name": "s", "terms": "t", **{FOLDERS[r]: r for r in sorted(roles)}}],
            "objective": name,
            "architecture": NETWORKS.get(name, network)
            | ({} if name == "zero-shot" else {"sigma_channel": False}),
            "patch": SIDE,
            "epochs": 2,
            "steps_per_epoch": 50,
            "optimizer": "muon",
            "learning_rate": 2e-2,
            "warmup_steps": 10,
            "validation_images": 2,
            **changes,
        }
    )


def test_every_row_is_examined():
    assert set(LEAST) == set(OBJECTIVES)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_each_says_what_it_needs_and_assumes(name):
    objective = objectives.parse(name)
    assert set(objective.needs) <= set(FOLDERS)
    assert objective.needs
    assert len(objective.assumes) > 10
    assert objectives.parse(json.loads(objective.model_dump_json())) == objective
    source = inspect.getdoc(type(objective))
    assert "References" in source
    assert any(mark in source for mark in ("doi:", "arXiv:"))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_examples_are_fixed_by_their_seed_and_leave_the_crop_alone(name):
    objective = objectives.parse(name)
    noisy, other = shot(0, 0)[:32, :40], scene(0)[:32, :40]
    before = noisy.copy()
    first, again = (objective.example(noisy, other, np.random.default_rng(3)) for _ in range(2))
    for one, two in zip(first, again, strict=True):
        assert np.array_equal(one, two)
        assert one.dtype == np.float32
    assert np.array_equal(noisy, before)
    assert first[0].shape[2] == 1


@pytest.mark.parametrize("name", OBJECTIVES)
def test_it_learns_to_remove_noise(name, folders, tmp_path):
    model = publish(train(recipe(name), folders, tmp_path / "run"), tmp_path / "m.ruis")
    denoised = Denoiser(model, precision="f32").denoise(shot(50, 0)[..., 0])
    gained = psnr(scene(50)[..., 0], denoised) - psnr(scene(50)[..., 0], shot(50, 0)[..., 0])
    assert gained > LEAST[name]


@pytest.mark.parametrize("name", [n for n in OBJECTIVES if n != "supervised"])
def test_no_clean_image_is_ever_read(name, folders, tmp_path):
    wanted = recipe(name, epochs=1, steps_per_epoch=2)
    assert all(source.folder is None for source in wanted.data)
    source = wanted.data[0].model_dump() | {"folder": "clean"}
    with pytest.raises(ConfigError, match="does not look at folder"):
        recipe(name, data=[source])


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_training_goes_on_bit_for_bit(name, folders, tmp_path):
    whole = train(recipe(name, epochs=2, steps_per_epoch=3), folders, tmp_path / "whole")
    stopped = StopIteration("after the first epoch")

    def stop(report):
        if report.stage == "validated":
            raise stopped

    with pytest.raises(StopIteration):
        train(recipe(name, epochs=2, steps_per_epoch=3), folders, tmp_path / "half", progress=stop)
    after = train(
        recipe(name, epochs=2, steps_per_epoch=3), folders, tmp_path / "half", resume=True
    )
    assert after.weights.keys() == whole.weights.keys()
    for path, array in whole.weights.items():
        assert np.array_equal(after.weights[path], array), path


def test_without_clean_images_the_last_epoch_is_kept(folders, tmp_path):
    run = train(recipe("noise-to-noise", steps_per_epoch=2, epochs=4), folders, tmp_path / "run")
    assert run.best is run.history[-1]


# -- each alone ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 40, 1), (40, 3, 1), (2, 2, 1)], ids=str)
@pytest.mark.parametrize("mask", ["point", "horizontal:2"])
def test_of_an_image_that_is_narrower_than_a_cell_pixels_are_hidden(shape, mask):
    objective = objectives.parse({"name": "noise-to-void", "cell": 8, "mask": mask})
    noisy = np.random.default_rng(0).random(shape, np.float32)
    inputs, target = objective.example(noisy, None, np.random.default_rng(1))
    assert target[..., -1].sum() == max(1, max(shape) // 8)
    assert np.isfinite(objective.error(lambda batch: batch, inputs[None], target[None]))


def test_a_hidden_pixel_is_replaced_by_a_neighbour_and_never_by_itself():
    noisy = np.arange(40 * 30, dtype=np.float32).reshape(40, 30, 1)
    objective = objectives.parse({"name": "noise-to-void", "cell": 4, "reach": 3})
    for seed in range(5):
        hidden, target = objective.example(noisy, None, np.random.default_rng(seed))
        counts = target[..., 1] == 1
        assert np.array_equal(target[..., 0], noisy[..., 0])
        assert np.array_equal(hidden[..., 0] != noisy[..., 0], counts)
        assert counts.sum() == 10 * 7
        before, after = noisy[..., 0][counts], hidden[..., 0][counts]
        down = np.abs(before // 30 - after // 30)
        right = np.abs(before % 30 - after % 30)
        assert down.max() == right.max() == 3


@pytest.mark.parametrize(("reach", "side"), [(5, 8), (17, 32), (32, 32)])
def test_a_neighbour_may_be_asked_for_further_than_a_crop_is_long(reach, side):
    noisy = np.arange(side * side, dtype=np.float32).reshape(side, side, 1)
    objective = objectives.parse({"name": "noise-to-void", "cell": 2, "reach": reach})
    for seed in range(10):
        hidden, target = objective.example(noisy, None, np.random.default_rng(seed))
        assert np.array_equal(hidden[..., 0] != noisy[..., 0], target[..., 1] == 1)
        assert np.isin(hidden, noisy).all()


@pytest.mark.parametrize(("mask", "axis"), [("horizontal:3", 1), ("vertical:3", 0)])
def test_a_line_is_hidden_with_its_pixel(mask, axis):
    noisy = np.random.default_rng(0).random((40, 40, 1)).astype(np.float32)
    objective = objectives.parse({"name": "noise-to-void", "cell": 40, "mask": mask})
    hidden, target = objective.example(noisy, None, np.random.default_rng(1))
    changed = np.argwhere(hidden[..., 0] != noisy[..., 0])
    ((row, column),) = np.argwhere(target[..., 1])
    assert 4 <= len(changed) <= 7
    assert (changed[:, 1 - axis] == (row, column)[1 - axis]).all()
    assert np.abs(changed[:, axis] - (row, column)[axis]).max() <= 3


def test_a_square_is_hidden_with_its_pixel():
    noisy = np.random.default_rng(0).random((40, 40, 1)).astype(np.float32)
    objective = objectives.parse({"name": "noise-to-void", "cell": 40, "mask": "square:2"})
    hidden, target = objective.example(noisy, None, np.random.default_rng(1))
    changed = np.argwhere(hidden[..., 0] != noisy[..., 0])
    ((row, column),) = np.argwhere(target[..., 1])
    assert 9 <= len(changed) <= 25
    assert np.abs(changed - (row, column)).max() <= 2


def test_structured_noise_needs_its_mask(tmp_path):
    """Noise that neighbours in a row share is learnt as if it were the scene, unless it is hidden."""
    rng = np.random.default_rng(0)
    for seed in range(8):
        streaks = rng.standard_normal((96, 96 + 4, 1)).astype(np.float32)
        streaks = sum(streaks[:, step : step + 96] for step in range(5)) / 5**0.5
        pixels = scene(seed) + np.float32(SIGMA) * streaks
        (tmp_path / "noisy").mkdir(exist_ok=True)
        info = ImageInfo(pixels.dtype, (0.0, 1.0), colour="gray")
        formats.write(Image(pixels, info), tmp_path / "noisy" / f"{seed}.tif")
    streaks = rng.standard_normal((96, 100, 1)).astype(np.float32)
    streaks = sum(streaks[:, step : step + 96] for step in range(5)) / 5**0.5
    noisy, clean = scene(50) + np.float32(SIGMA) * streaks, scene(50)
    found = {}
    for mask in ("point", "horizontal:5"):
        wanted = recipe("noise-to-void", objective={"name": "noise-to-void", "mask": mask},
                        steps_per_epoch=100)  # fmt: skip
        run = train(wanted, tmp_path, tmp_path / mask.replace(":", ""))
        model = publish(run, tmp_path / f"{mask.replace(':', '')}.ruis")
        denoised = Denoiser(model, precision="f32").denoise(noisy[..., 0])
        found[mask] = psnr(clean[..., 0], denoised)
    assert found["horizontal:5"] > found["point"] + 1


@pytest.mark.parametrize("error", [0.03, 0.05, 0.1])
def test_the_pixel_itself_is_worth_a_share_that_depends_on_the_guess(error):
    """A guess with an error of variance e and a pixel with noise of variance s: weights e and s."""
    objective = objectives.parse({"name": "noise-to-void", "cell": 2})
    inputs, targets = zip(
        *(
            objective.example(shot(seed, 0), None, np.random.default_rng(seed))
            for seed in range(24)
        ),
        strict=True,
    )
    guesses = iter(
        [scene(seed)[None] + error * np.random.default_rng(seed).standard_normal((1, 96, 96, 1))
         for seed in range(24)]
    )  # fmt: skip
    share = objective.strength(lambda batch: next(guesses), inputs, targets)
    assert share == pytest.approx(max(SIGMA**2 / (SIGMA**2 + error**2), 0.7), abs=0.07)


@pytest.mark.parametrize("mask", ["horizontal:2", "square:1"])
def test_a_pixel_that_shares_its_noise_is_left_out(mask):
    objective = objectives.parse({"name": "noise-to-void", "mask": mask})
    example = objective.example(shot(0, 0), None, np.random.default_rng(0))
    assert objective.strength(lambda batch: batch, *([one] for one in example)) == 1


def test_a_blind_spot_is_published_with_what_the_pixel_is_worth(folders, tmp_path):
    notes = []

    def tell(report):
        if report.stage == "note":
            notes.append(report.note)

    run = train(recipe("noise-to-void"), folders, tmp_path / "run", progress=tell)
    assert any("of the noise that is found is removed" in note for note in notes)
    [kept] = (tmp_path / "run").glob("best-000002.safetensors")
    [trained] = [value for path, value in load_file(kept).items() if path.endswith("tail/kernel")]
    share = run.weights["tail/kernel"] / trained
    assert 0.7 <= share.min() == pytest.approx(share.max(), rel=1e-5)
    assert share.max() < 1


def test_neighbours_come_from_one_square():
    from ruis.objectives.neighbour_to_neighbour import _cells, _drawn

    objective = objectives.parse("neighbour-to-neighbour")
    noisy = np.arange(8 * 12, dtype=np.float32).reshape(8, 12, 1)
    whole, picks = objective.example(noisy, None, np.random.default_rng(0))
    first, second = (one[0, ..., 0] for one in _drawn(_cells(whole[None], np), picks[None], np))
    rows, columns = np.mgrid[:4, :6]
    for small in (first, second):
        assert np.array_equal(small // 12 // 2, rows)
        assert np.array_equal(small % 12 // 2, columns)
    beside = np.abs(first - second)
    assert set(np.unique(beside)) == {1, 12}


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(UnknownNameError, match="noise-to-void"):
        objectives.parse("noise2void")
    with pytest.raises(ConfigError):
        objectives.parse({"name": "noise-to-void", "mask": "diagonal:3"})
    with pytest.raises(ConfigError):
        objectives.parse(3)
