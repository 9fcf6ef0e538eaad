from __future__ import annotations

import csv
import os
import sys
from dataclasses import replace

import numpy as np
import pytest

from ruis import architectures, optimizer, run_folder
from ruis import checkpoint as checkpoint_module
from ruis.checkpoint import Checkpoint, Epoch
from ruis.errors import ConfigError, TrainingError
from ruis.recipe import Recipe

RECIPE = Recipe.parse(
    {
        "name": "mine",
        "data": [{"name": "pictures", "terms": "CC0", "folder": "clean"}],
        "architecture": {"name": "unet", "widths": [2], "blocks": 1},
        "noise": "gaussian:25/255",
        "epochs": 3,
    }
)


def network(seed: int = 0, **parameters):
    model = architectures.parse({**RECIPE.architecture, **parameters}).build(seed=seed)
    model.compile(optimizer.build(RECIPE), loss="mse")
    model.optimizer.build(model.trainable_variables)
    return model


def epoch(number: int, psnr: float = 30.0) -> Epoch:
    return Epoch(number, 100 * number, 0.01 / number, psnr, 2.0 * number, 1.5)


def state(model) -> list[np.ndarray]:
    variables = [*model.trainable_variables, *model.optimizer.variables]
    return [variable.numpy() for variable in variables]


def stepped(model, seed: int = 0):
    """Take one optimizer step with made-up gradients."""
    rng = np.random.default_rng(seed)
    variables = model.trainable_variables
    gradients = [rng.normal(0, 1, variable.shape).astype(np.float32) for variable in variables]
    import keras

    model.optimizer.apply_gradients(
        zip([keras.ops.convert_to_tensor(g) for g in gradients], variables, strict=True)
    )
    return model


@pytest.fixture
def run(tmp_path):
    """A folder with one epoch, and the state that was saved."""
    model = stepped(network())
    checkpoint = Checkpoint.open(tmp_path / "run", RECIPE, resume=False)
    checkpoint.save(model, epoch(1))
    return tmp_path / "run", state(model)


def test_a_new_run_begins_at_nothing(tmp_path):
    checkpoint = Checkpoint.open(tmp_path / "a" / "run", RECIPE, resume=False)
    assert (checkpoint.epochs_done, checkpoint.steps_done, checkpoint.seconds_done) == (0, 0, 0)
    assert Recipe.read(tmp_path / "a" / "run" / "recipe.toml") == RECIPE


def test_weights_optimizer_and_history_come_back(run):
    folder, saved = run
    checkpoint = Checkpoint.open(folder, RECIPE, resume=True)
    assert checkpoint.history == [epoch(1)]
    assert (checkpoint.epochs_done, checkpoint.steps_done, checkpoint.seconds_done) == (1, 100, 2.0)
    other = network(seed=5)
    assert not all(np.array_equal(a, b) for a, b in zip(state(other), saved, strict=True))
    checkpoint.restore(other)
    assert all(np.array_equal(a, b) for a, b in zip(state(other), saved, strict=True))


def test_a_run_is_gone_on_with_only_if_asked(run):
    folder, _ = run
    with pytest.raises(ConfigError, match="--resume"):
        Checkpoint.open(folder, RECIPE, resume=False)
    assert Checkpoint.open(folder, RECIPE, resume=True).epochs_done == 1


def test_resuming_nothing_begins_at_nothing(tmp_path):
    assert Checkpoint.open(tmp_path / "run", RECIPE, resume=True).epochs_done == 0


def test_another_recipe_is_refused(run):
    folder, _ = run
    with pytest.raises(ConfigError, match=r"another recipe \(learning_rate = 0\.\d+, not 0\.5\)"):
        Checkpoint.open(folder, RECIPE.changed(learning_rate=0.5), resume=True)
    many = RECIPE.changed(data=[{"name": "x" * 100, "terms": "CC0", "folder": "y"}])
    with pytest.raises(ConfigError, match=r"another recipe \(data\):"):
        Checkpoint.open(folder, many, resume=True)


def test_words_for_the_card_may_change(run):
    folder, _ = run
    told = RECIPE.changed(purpose="Something else.", limits=("not for cats",))
    assert Checkpoint.open(folder, told, resume=True).epochs_done == 1


@pytest.mark.parametrize("content", [None, b"", b"{", b"= 1", b'name = "x"'])
def test_a_run_without_its_recipe_is_refused(run, content):
    folder, _ = run
    (folder / "recipe.toml").unlink()
    if content is not None:
        (folder / "recipe.toml").write_bytes(content)
    with pytest.raises(ConfigError, match="another recipe"):
        Checkpoint.open(folder, RECIPE, resume=True)


def damaged(path, damage: str) -> None:
    data = bytearray(path.read_bytes())
    match damage:
        case "empty":
            data = bytearray()
        case "truncated":
            data = data[: len(data) // 2]
        case "header":
            data[0] ^= 0xFF
        case "last byte":
            data[-1] ^= 1
        case "middle":
            data[len(data) * 3 // 4] ^= 1
        case "history":
            data = data.replace(b"30.0", b"31.0")
        case "text":
            data = bytearray(b"not a checkpoint")
    assert data != path.read_bytes()
    path.write_bytes(data)


DAMAGE = ["empty", "truncated", "header", "last byte", "middle", "history", "text"]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_refused(run, damage):
    folder, _ = run
    damaged(folder / "checkpoint-000001.safetensors", damage)
    with pytest.raises(TrainingError, match="damaged"):
        Checkpoint.open(folder, RECIPE, resume=True)


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_one_before_a_damaged_checkpoint_is_gone_on_with(run, damage):
    folder, saved = run
    Checkpoint.open(folder, RECIPE, resume=True).save(stepped(network(), seed=1), epoch(2, 20.0))
    damaged(folder / "checkpoint-000002.safetensors", damage)
    again = Checkpoint.open(folder, RECIPE, resume=True)
    assert "damaged" in again.notes[0]
    assert "checkpoint-000001" in again.notes[1]
    assert again.history == [epoch(1)]
    other = network(seed=5)
    again.restore(other)
    assert all(np.array_equal(a, b) for a, b in zip(state(other), saved, strict=True))
    assert (folder / "history.csv").read_text().count("\n") == 2


def test_best_weights_that_are_damaged_lead_back_to_those_before_them(run):
    folder, _ = run
    before = Checkpoint.open(folder, RECIPE, resume=True).best_weights()
    Checkpoint.open(folder, RECIPE, resume=True).save(stepped(network(), seed=1), epoch(2, 40.0))
    damaged(folder / "best-000002.safetensors", "middle")
    again = Checkpoint.open(folder, RECIPE, resume=True)
    assert again.best.epoch == 1
    assert all(np.array_equal(before[name], one) for name, one in again.best_weights().items())


def test_best_weights_of_another_run_are_not_taken_for_ours(run, tmp_path):
    folder, _ = run
    Checkpoint.open(tmp_path / "other", RECIPE, resume=False).save(network(seed=9), epoch(1))
    best = tmp_path / "other" / "best-000001.safetensors"
    (folder / best.name).write_bytes(best.read_bytes())
    with pytest.raises(TrainingError, match="not the one"):
        Checkpoint.open(folder, RECIPE, resume=True)


def test_two_checkpoints_are_kept_and_what_they_name(tmp_path):
    run = Checkpoint.open(tmp_path, RECIPE, resume=False)
    (tmp_path / ".ruis-0011.part").write_bytes(b"of a process that was killed")
    for number, psnr in enumerate((28.0, 31.0, 29.0, 33.0), start=1):
        run.save(network(seed=number), epoch(number, psnr))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best-000002.safetensors",
        "best-000004.safetensors",
        "checkpoint-000003.safetensors",
        "checkpoint-000004.safetensors",
        "history.csv",
        "origin.txt",
        "recipe.toml",
    ]


def test_damaged_best_weights_are_refused(run):
    folder, _ = run
    (path,) = folder.glob("best-*.safetensors")
    damaged(path, "last byte")
    with pytest.raises(TrainingError, match=r"best-\d+\.safetensors is damaged"):
        Checkpoint.open(folder, RECIPE, resume=True)


def test_a_checkpoint_of_another_network_is_refused(run):
    folder, _ = run
    checkpoint = Checkpoint.open(folder, RECIPE, resume=True)
    with pytest.raises(TrainingError, match="another network"):
        checkpoint.restore(network(widths=[3]))
    with pytest.raises(TrainingError, match="another network"):
        checkpoint.restore(network(blocks=2))


def test_the_best_weights_are_those_of_the_best_epoch(tmp_path):
    checkpoint = Checkpoint.open(tmp_path, RECIPE, resume=False)
    weights = []
    for number, psnr in enumerate((28.0, 31.0, 29.0), start=1):
        model = network(seed=number)
        weights.append({v.path: v.numpy() for v in model.trainable_variables})
        checkpoint.save(model, epoch(number, psnr))
    assert checkpoint.best.epoch == 2
    best = checkpoint.best_weights()
    assert best.keys() == weights[1].keys()
    assert all(np.array_equal(best[name], weights[1][name]) for name in best)


def test_a_tie_keeps_the_earlier_epoch(tmp_path):
    checkpoint = Checkpoint.open(tmp_path, RECIPE, resume=False)
    for number in (1, 2):
        checkpoint.save(network(seed=number), epoch(number, 30.0))
    first = network(seed=1).trainable_variables
    best = checkpoint.best_weights()
    assert checkpoint.best.epoch == 1
    assert all(np.array_equal(best[v.path], v.numpy()) for v in first)


def test_the_history_is_a_table_for_people(tmp_path):
    checkpoint = Checkpoint.open(tmp_path, RECIPE, resume=False)
    model = network()
    for number in (1, 2):
        checkpoint.save(model, epoch(number))
    with (tmp_path / "history.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert list(rows[0]) == ["epoch", "step", "loss", "psnr", "seconds", "megapixels_per_second"]


def test_a_network_with_a_weight_that_is_no_number_is_not_published(run):
    """The last good checkpoint stays."""
    folder, saved = run
    checkpoint = Checkpoint.open(folder, RECIPE, resume=True)
    model = network()
    variable = model.trainable_variables[0]
    variable.assign(np.full(variable.shape, np.nan, np.float32))
    with pytest.raises(TrainingError):
        checkpoint.save(model, epoch(2))
    again = Checkpoint.open(folder, RECIPE, resume=True)
    assert again.epochs_done == 1
    other = network(seed=5)
    again.restore(other)
    assert all(np.array_equal(a, b) for a, b in zip(state(other), saved, strict=True))


def test_a_write_that_fails_leaves_the_last_checkpoint(run, monkeypatch):
    folder, saved = run
    checkpoint = Checkpoint.open(folder, RECIPE, resume=True)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises((TrainingError, OSError, ValueError)):
        checkpoint.save(stepped(network(), seed=1), epoch(2, 99.0))
    monkeypatch.undo()
    assert not [path.name for path in folder.iterdir() if "part" in path.name]
    again = Checkpoint.open(folder, RECIPE, resume=True)
    assert again.history == [epoch(1)]
    other = network(seed=5)
    again.restore(other)
    assert all(np.array_equal(a, b) for a, b in zip(state(other), saved, strict=True))


def test_a_recipe_with_tuples_is_the_same_when_it_comes_back_with_lists(tmp_path):
    recipe = RECIPE.changed(architecture={"name": "unet", "widths": (3,), "blocks": 1})
    Checkpoint.open(tmp_path, recipe, resume=False).save(network(), epoch(1))
    assert Checkpoint.open(tmp_path, recipe, resume=True).epochs_done == 1


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are always text")
def test_where_the_data_is_may_be_no_text(tmp_path):
    where = tmp_path / os.fsdecode(b"\xff")
    run_folder.keep_data(tmp_path, where)
    assert run_folder.data_of(tmp_path) == where


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are always text")
def test_a_recipe_whose_folder_is_no_text_is_refused(tmp_path):
    source = RECIPE.data[0].model_copy(update={"folder": os.fsdecode(b"\xff")})
    recipe = RECIPE.model_copy(update={"data": (source,)})
    with pytest.raises(ConfigError, match="Rename the folder"):
        Checkpoint.open(tmp_path / "run", recipe, resume=False)


def test_another_origin_is_refused(tmp_path):
    Checkpoint.open(tmp_path, RECIPE, resume=False, origin="a").save(network(), epoch(1))
    with pytest.raises(ConfigError, match="another model"):
        Checkpoint.open(tmp_path, RECIPE, resume=True)


def test_a_kill_before_the_checkpoint_leaves_the_best_weights_that_it_names(tmp_path, monkeypatch):
    """The redone epoch may do worse, as it does with a budget of minutes."""
    run = Checkpoint.open(tmp_path, RECIPE, resume=False)
    model = network()
    first = model.trainable_variables[0].numpy().copy()
    run.save(model, replace(epoch(1), psnr=20.0))
    model.trainable_variables[0].assign(first + 1)
    publish = run_folder.keep

    def killed(path, data):
        if path.name.startswith("checkpoint"):
            raise KeyboardInterrupt
        publish(path, data)

    monkeypatch.setattr(checkpoint_module, "keep", killed)
    with pytest.raises(KeyboardInterrupt):
        run.save(model, replace(epoch(2), psnr=25.0))
    monkeypatch.undo()
    again = Checkpoint.open(tmp_path, RECIPE, resume=True)
    again.save(model, replace(epoch(2), psnr=19.0))
    assert again.best.epoch == 1
    name = model.trainable_variables[0].path
    assert np.array_equal(again.best_weights()[name], first)
    assert len(list(tmp_path.glob("best-*"))) == 1
