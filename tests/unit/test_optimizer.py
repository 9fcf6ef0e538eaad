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


@pytest.mark.parametrize(
    "settings", [{}, {"amsgrad": True}, {"beta_1": 0.5, "weight_decay": 0.1}], ids=str
)
def test_adam_is_keras_adam(settings):
    """Many steps of either, from the same weights by the same gradients."""
    import keras

    ours = optimizer.build(recipe_of({"name": "adam", **settings}, clip_norm=3.0))
    theirs = keras.optimizers.Adam(RATE, epsilon=1e-8, global_clipnorm=3.0, **settings)
    found = []
    for one in (ours, theirs):
        variables = [keras.Variable(np.full(shape, 0.5, np.float32)) for shape in ((3, 4), (5,))]
        rng = np.random.default_rng(0)
        one.build(variables)
        for _ in range(20):
            one.apply(
                [
                    keras.ops.convert_to_tensor(rng.normal(size=v.shape).astype("float32"))
                    for v in variables
                ]
            )
        found.append(np.concatenate([v.numpy().ravel() for v in variables]))
        assert one.iterations == 20
    assert np.allclose(*found, rtol=1e-5, atol=1e-6)
    assert np.abs(found[0] - 0.5).max() > RATE


def test_a_step_of_adam_is_one_operation():
    import keras
    import tensorflow as tf

    if keras.backend.backend() != "tensorflow":
        pytest.skip("TensorFlow's operation")
    built = optimizer.build(recipe_of("adam"))
    weights = [keras.Variable(np.ones(4, np.float32)) for _ in range(3)]
    built.build(weights)
    step = tf.function(lambda gradient: built.apply([gradient] * 3, weights))
    found = [one.type for one in step.get_concrete_function(tf.ones(4)).graph.get_operations()]
    assert found.count("ResourceApplyAdam") == 3
    assert found.count("Sqrt") == 1  # of the norm that gradients are clipped by


def test_adam_of_a_few_rows_is_keras_adam():
    """An embedding's gradient has a part of the rows alone."""
    import keras

    found = []
    for one in (optimizer.build(recipe_of("adam")), keras.optimizers.Adam(RATE, epsilon=1e-8)):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((2,), dtype="int32"), keras.layers.Embedding(9, 3)])
        model.compile(one, loss="mse")
        model.fit(np.array([[1, 2]]), np.ones((1, 2, 3)), epochs=3, verbose=0)
        found.append(model.get_weights()[0])
    assert np.allclose(*found, atol=1e-6)
