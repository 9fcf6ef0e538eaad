"""The presets are the networks of their sources, and every number can be another one."""

from __future__ import annotations

import math

import pytest

from ruis import architectures, noise
from ruis.errors import ConfigError, UnknownNameError
from ruis.mnist.presets import PRESETS, get, quick

WEIGHTS = {"article-notebook": 4385, "keras-io": 28353, "keras-blog": 28353, "dense": 222384}


def weights(name, **settings):
    preset = get(name).with_settings(settings)
    tensors = architectures.parse(preset.architecture).tensors
    return sum(math.prod(shape) for shape in tensors.values())


@pytest.mark.parametrize(("name", "count"), WEIGHTS.items())
def test_a_preset_has_as_many_weights_as_its_source(name, count):
    assert weights(name) == count


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_for_digits_and_can_be_followed(name):
    preset = get(name)
    assert preset.name == name
    assert architectures.parse(preset.architecture).geometry.size == (28, 28)
    noise.parse(preset.noise)
    assert preset.reconstruct + preset.denoise > 0
    assert preset.source


def test_the_article_is_followed_to_the_letter():
    preset = get("article-notebook")
    assert (preset.reconstruct, preset.denoise, preset.batch) == (50, 100, 128)
    assert (preset.learning_rate, preset.optimizer) == (
        1.0,
        {"name": "adadelta", "rho": 0.95, "epsilon": 1e-7},
    )
    assert preset.noise == "gaussian:0.4+clip"


def test_the_figure_has_a_code_of_ten_and_kernels_of_two():
    architecture = architectures.parse(get("article-figure").architecture)
    assert architecture.tensors["code/kernel"][1] == 10
    assert architecture.tensors["down1/kernel"][:2] == (2, 2)


def test_numbers_of_network_and_training_can_be_replaced():
    preset = get("article-notebook").with_settings(
        {"filters": [4, 4, 4], "kernel": 5, "batch": 32, "loss": "mean_squared_error"}
    )
    assert preset.architecture["kernel"] == 5
    assert (preset.batch, preset.loss) == (32, "mean_squared_error")
    assert weights("article-notebook", filters=[4, 4, 4]) < 4385
    assert get("article-notebook").batch == 128


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"filtres": [4]}, UnknownNameError),
        ({"kernel": 0}, ConfigError),
        ({"reconstruct": 0, "denoise": 0}, ConfigError),
        ({"architecture": {}}, UnknownNameError),
    ],
)
def test_what_makes_no_sense_is_refused(settings, error):
    with pytest.raises(error):
        get("article-notebook").with_settings(settings)


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(UnknownNameError) as caught:
        get("keras-bolg")
    assert caught.value.nearest == "keras-blog"


def test_quick_keeps_the_network_and_shortens_the_rest():
    preset = get("keras-blog")
    assert quick(preset).architecture == preset.architecture
    assert quick(preset).reconstruct == 0
    assert 0 < quick(preset).denoise < 10
