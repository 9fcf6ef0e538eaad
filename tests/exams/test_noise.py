"""The exam that every noise model takes; a new row in the table takes it too."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from ruis.errors import ConfigError, UnknownNameError
from ruis.noise import NOISE, NoiseModel, parse

MODELS = list(NOISE)
SHAPES = [(20, 24, 1), (20, 24, 3), (21, 23, 5), (1, 1, 1), (1, 1, 3), (2, 9, 8, 3), (2, 9, 8, 1)]


def example(name: str) -> NoiseModel:
    return parse(NOISE.load(name).example)


def picture(*shape: int) -> np.ndarray:
    """Smooth in rows and columns, other in each channel, within 0.2..0.8."""
    rows, columns, channels = np.indices(shape)[-3:]
    waves = np.sin(rows / 5 + channels) + np.cos(columns / 7 - channels)
    return (0.5 + 0.15 * waves).astype(np.float32)


@pytest.fixture(params=MODELS)
def model(request) -> NoiseModel:
    return example(request.param)


@pytest.mark.parametrize("name", MODELS)
def test_the_example_is_one_of_its_kind(name):
    assert type(example(name)) is NOISE.load(name)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shape_and_dtype_are_kept_and_the_input_is_untouched(model, shape):
    clean = picture(*shape)
    before = clean.copy()
    clean.flags.writeable = False
    noisy = model.add(clean, np.random.default_rng(0))
    assert noisy.shape == shape
    assert noisy.dtype == np.float32
    assert np.isfinite(noisy).all()
    assert np.array_equal(clean, before)
    assert not np.shares_memory(noisy, clean)


def test_a_seed_is_all_the_chance_there_is(model):
    clean = picture(20, 24, 3)
    np.random.seed(1)  # noqa: NPY002 - it must not matter
    first = model.add(clean, np.random.default_rng(7))
    np.random.seed(2)  # noqa: NPY002
    again = model.add(clean, np.random.default_rng(7))
    assert np.array_equal(first, again)
    others = [model.add(clean, np.random.default_rng(seed)) for seed in range(8)]
    if model.name == "clip":  # nothing is drawn
        return
    assert any(not np.array_equal(first, other) for other in others)


def test_values_outside_the_range_are_legal(model):
    clean = picture(12, 12, 3) * 4 - 1.5
    assert np.isfinite(model.add(clean, np.random.default_rng(0))).all()


def test_a_view_that_is_not_contiguous_gives_the_same(model):
    clean = picture(16, 18, 3)
    view = clean.transpose(1, 0, 2).copy().transpose(1, 0, 2)
    expected = model.add(clean, np.random.default_rng(3))
    assert np.allclose(model.add(view, np.random.default_rng(3)), expected, atol=1e-6)


def test_the_json_form_builds_the_same_model(model):
    form = json.loads(json.dumps(model.to_json_form()))
    assert form["name"] == model.name
    assert parse(form) == model
    assert pickle.loads(pickle.dumps(model)) == model
    assert hash(model) == hash(parse(form))


def test_the_text_form_builds_a_model_of_the_same_kind(model):
    text = str(model)
    assert len(text) < 100
    assert str(parse(text)) == text


def test_sampling_leaves_nothing_to_draw(model):
    rng = np.random.default_rng(0)
    for _ in range(5):
        drawn = model.sample(rng)
        assert drawn.sample(np.random.default_rng(9)) == drawn
        assert parse(drawn.to_json_form()) == drawn


def test_the_sigma_map_is_the_standard_deviation(model):
    clean = picture(96, 96, 3)
    drawn = model.sample(np.random.default_rng(0))
    sigma = drawn.sigma_map(clean)
    if sigma is None:
        pytest.skip("it has none, and says so")
    assert np.ndim(sigma) == 0 or (sigma.shape == clean.shape and sigma.dtype == np.float32)
    noise = drawn.add(clean, np.random.default_rng(1)) - clean
    some = np.broadcast_to(sigma, clean.shape) > 0
    assert some.any()
    assert not noise[~some].any(), "no noise where there should be none"
    noise = noise[some] / np.broadcast_to(sigma, clean.shape)[some]
    assert abs(noise.mean()) < 0.03
    assert noise.std() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "clip"])
def test_an_unknown_setting_names_the_nearest(name):
    field = next(key for key in NOISE.load(name).model_fields if key != "name")
    with pytest.raises(UnknownNameError) as caught:
        parse({**example(name).to_json_form(), field + "x": 1})
    assert caught.value.nearest == field


@pytest.mark.parametrize("name", MODELS)
def test_an_unknown_name_names_the_nearest(name):
    with pytest.raises(UnknownNameError) as caught:
        parse({"name": name[:-1] + "ß"})
    assert caught.value.nearest == name


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4, 1), np.uint8), np.zeros((4, 4), np.float32)], ids=["uint8", "2-D"]
)
def test_what_is_no_float_image_is_refused(model, wrong):
    with pytest.raises(ConfigError, match=r"uint8|\(4, 4\)"):
        model.add(wrong, np.random.default_rng(0))


def test_a_model_cannot_be_changed(model):
    with pytest.raises(ValueError, match="frozen"):
        model.name = "other"
