from __future__ import annotations

import numpy as np
import pytest

from ruis import architectures, optimizer
from ruis.recipe import Recipe

RATE = 0.01


def recipe_of(name: str, **changes) -> Recipe:
    return Recipe.parse(
        {
            "name": "mine",
            "data": [{"name": "pictures", "terms": "CC0", "folder": "clean"}],
            "architecture": {"name": "unet", "widths": [8, 16], "blocks": 1},
            "noise": "gaussian:25/255",
            "epochs": 3,
            "optimizer": name,
            "learning_rate": RATE,
            "clip_norm": 1e9,
            **changes,
        }
    )


def one_step(name: str, *, size: float = 1.0, **changes) -> dict[str, np.ndarray]:
    """How far each variable moves in one step, by gradients drawn at random."""
    import keras

    recipe = recipe_of(name, **changes)
    model = architectures.parse(recipe.architecture).build()
    variables = model.trainable_variables
    before = [variable.numpy() for variable in variables]
    rng = np.random.default_rng(0)
    gradients = [
        keras.ops.convert_to_tensor(rng.normal(0, size, variable.shape).astype(np.float32))
        for variable in variables
    ]
    built = optimizer.build(recipe)
    built.build(variables)
    built.apply_gradients(zip(gradients, variables, strict=True))
    return {v.path: v.numpy() - old for v, old in zip(variables, before, strict=True)}


def test_adam_moves_everything_by_its_rate():
    for moved in one_step("adam").values():
        assert np.abs(moved) == pytest.approx(RATE, rel=1e-2)


def test_muon_leaves_the_ends_to_adam_at_a_tenth():
    moved = one_step("muon")
    for name in ("stem/kernel", "tail/kernel"):
        assert np.abs(moved[name]) == pytest.approx(RATE * optimizer.ADAM_SHARE, rel=1e-2)


@pytest.mark.parametrize(
    "asked", ["Muon", {"name": "muon"}, {"name": "MUON", "momentum": 0.95}], ids=str
)
def test_however_muon_is_asked_for_it_is_the_same(asked):
    expected, moved = one_step("muon"), one_step(asked)
    for name, step in expected.items():
        assert np.array_equal(moved[name], step), name


def test_what_a_recipe_sets_is_set():
    built = optimizer.build(recipe_of({"name": "muon", "adam_lr_ratio": 0.5, "weight_decay": 0.01}))
    assert (built.adam_lr_ratio, built.weight_decay, built.epsilon) == (0.5, 0.01, 1e-8)
    assert optimizer.build(recipe_of({"name": "Adam"})).epsilon == 1e-8


@pytest.mark.parametrize(
    "name", ["down0_block0_first/kernel", "down1/kernel", "up0/kernel", "up0_block0_second/kernel"]
)
def test_muon_moves_hidden_kernels_equally_in_all_directions(name):
    moved = one_step("muon")[name]
    matrix = moved.reshape(-1, moved.shape[-1])
    first, last = matrix.shape
    rows, columns = (first, last) if name.startswith("up0/") else (last, first)
    expected = RATE * max(1.0, rows / columns) ** 0.5
    spread = np.linalg.svd(matrix, compute_uv=False) / expected
    assert (spread > 0.5).all()  # five steps of Newton-Schulz bring them to 0.7 .. 1.2
    assert (spread < 1.4).all()


def test_the_size_of_the_gradient_does_not_matter_to_muon():
    one, other = one_step("muon"), one_step("muon", size=1000.0)
    name = "down0_block0_first/kernel"
    assert np.allclose(one[name], other[name], atol=RATE * 0.05)


def test_gradients_are_clipped_as_a_whole():
    from ruis.errors import ConfigError

    assert optimizer.build(recipe_of("adam", clip_norm=0.5)).global_clipnorm == 0.5
    assert optimizer.build(recipe_of("muon", clip_norm=0.5)).global_clipnorm == 0.5
    with pytest.raises(ConfigError):
        recipe_of("adam", clip_norm=0)


@pytest.mark.parametrize("shape", [(288, 32), (32, 288), (64, 64)])
def test_newton_schulz_on_the_small_matrix_is_newton_schulz(shape):
    """By Keras' own, in float64, on matrices of singular values from 1 to 1e-4."""
    import keras

    rng = np.random.default_rng(0)
    columns = np.logspace(0, -4, shape[1])
    matrix = rng.normal(size=shape) * columns
    ours = optimizer.named("muon")
    got = ours.zeropower_via_newtonschulz5(keras.ops.cast(matrix, "float32"), 5)
    expected = keras.optimizers.Muon.zeropower_via_newtonschulz5(
        ours, keras.ops.convert_to_tensor(matrix), 5
    )
    assert np.abs(got.numpy() - expected.numpy()).max() < 1e-4
