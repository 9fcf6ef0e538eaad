"""From what a person writes to a noise model."""

from __future__ import annotations

import numpy as np
import pytest

from ruis.errors import ConfigError, UnknownNameError
from ruis.noise import NOISE, AnyNoise, parse
from ruis.record import Record


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("gaussian:25/255", {"name": "gaussian", "sigma": 25 / 255}),
        ("gaussian:0.1", {"name": "gaussian", "sigma": 0.1}),
        ("gaussian:sigma=25/255", {"name": "gaussian", "sigma": 25 / 255}),
        ("gaussian:0..55/255", {"name": "gaussian", "sigma": [0, 55 / 255]}),
        ("gaussian:5/255..0.1", {"name": "gaussian", "sigma": [5 / 255, 0.1]}),
        (" gaussian : sigma = 1e-1 ", {"name": "gaussian", "sigma": 0.1}),
        ("poisson:peak=30", {"name": "poisson", "peak": 30.0}),
        ("poisson:1e+3", {"name": "poisson", "peak": 1000.0}),
        (
            "poisson-gaussian:gain=0.01,sigma=0.02",
            {"name": "poisson-gaussian", "gain": 0.01, "sigma": 0.02},
        ),
        ("salt-and-pepper:0.05", {"name": "salt-and-pepper", "share": 0.05, "salt": 0.5}),
        ("jpeg:quality=30..90", {"name": "jpeg", "quality": [30, 90], "subsampling": "4:2:0"}),
        (
            "jpeg:50,subsampling=4:4:4",
            {"name": "jpeg", "quality": 50, "subsampling": "4:4:4"},
        ),
        ("quantisation:bits=3", {"name": "quantisation", "bits": 3}),
    ],
)
def test_a_text_means_its_mapping(text, form):
    assert parse(text).to_json_form() == form
    assert parse(form) == parse(text)


def test_plus_puts_in_order():
    first, second = parse("poisson:peak=30+jpeg:quality=50").models
    assert (first, second) == (parse("poisson:30"), parse("jpeg:50"))
    assert parse(["poisson:30", {"name": "jpeg", "quality": 50}]).models == (first, second)


def test_bar_chooses_with_weights():
    mixture = parse("3*gaussian:0.1|0.5*poisson:1e+2+gaussian:0.2")
    assert mixture.weights == (3, 0.5)
    assert mixture.models == (parse("gaussian:0.1"), parse("poisson:100+gaussian:0.2"))


def test_parentheses_group():
    model = parse("(gaussian:0.1|poisson:3)+jpeg:50")
    assert model.name == "composition"
    assert model.models[0].name == "one-of"
    assert parse(str(model)) == model
    assert parse("((gaussian:0.1))") == parse("gaussian:0.1")


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ({"name": "gaussian", "sigma": 25 / 255}, "gaussian:sigma=25/255"),
        ({"name": "gaussian", "sigma": [0, "55/255"]}, "gaussian:sigma=0..55/255"),
        ({"name": "gaussian", "sigma": [0.05, 0.1]}, "gaussian:sigma=0.05..0.1"),
        ({"name": "gaussian", "sigma": [0.25, "85/255"]}, "gaussian:sigma=63.75..85/255"),
        ({"name": "gaussian", "sigma": 0.123456789}, "gaussian:sigma=0.123456789"),
        ({"name": "jpeg", "quality": [30, 90]}, "jpeg:quality=30..90"),
        ({"name": "camera"}, "camera"),
    ],
)
def test_a_model_is_written_shortly(model, text):
    assert str(parse(model)) == text


@pytest.mark.parametrize("sigma", ["25", "0..25", "0.1..25"])
def test_levels_that_were_meant_as_such_are_not_taken_for_fractions(sigma):
    with pytest.raises(ConfigError, match=r"a fraction of the data range.*are 25/255"):
        parse(f"gaussian:{sigma}")
    assert parse("gaussian:1").sigma == 1


def test_a_range_of_one_number_is_that_number():
    assert parse("gaussian:0.1..0.1") == parse("gaussian:0.1")


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "gaussian",
        "gaussian:",
        "gaussian:much",
        "gaussian:-0.1",
        "gaussian:nan",
        "gaussian:inf",
        "gaussian:1/0",
        "gaussian:0.2..0.1",
        "gaussian:0.1,0.2",
        "gaussian:0.1,sigma=0.2",
        "gaussian:0.1+",
        "+gaussian:0.1",
        "gaussian:0.1|",
        "(gaussian:0.1",
        "gaussian:0.1)",
        "()",
        "0*gaussian:0.1|0*jpeg:50",
        "jpeg:50.5",
        "jpeg:0",
        "jpeg:50,subsampling=9:9:9",
        "quantisation",
        "quantisation:levels=4,bits=2",
        "salt-and-pepper:1.5",
        "poisson:0",
        "camera:cameras=0:0:0:0",
        {"sigma": 0.1},
        {"name": 3},
        {"name": "gaussian", "sigma": [0.1]},
        {"name": "gaussian", "sigma": True},
        {"name": "gaussian", "sigma": None},
        {"name": "composition", "models": []},
        {"name": "composition", "models": 3},
        {"name": "one-of", "models": ["gaussian:0.1"], "weights": [1, 2]},
        [],
        7,
        None,
        b"gaussian:0.1",
    ],
    ids=repr,
)
def test_nonsense_is_refused_as_ours(spec):
    with pytest.raises(ConfigError):
        parse(spec)


@pytest.mark.parametrize(
    ("spec", "nearest"),
    [
        ("gausian:0.1", "gaussian"),
        ("poisson:30+jpg:50", "jpeg"),
        ("gaussian:0.1|speckel:0.1", "speckle"),
        ({"name": "composition", "models": [{"name": "posson", "peak": 3}]}, "poisson"),
        ("gaussian:sgima=0.1", "sigma"),
        ({"name": "one-of", "models": [{"name": "jpeg", "qualty": 3}]}, "quality"),
    ],
)
def test_the_nearest_name_is_suggested_however_deep(spec, nearest):
    with pytest.raises(UnknownNameError) as caught:
        parse(spec)
    assert caught.value.nearest == nearest


def test_a_bottomless_spec_is_refused():
    spec: object = "gaussian:0.1"
    for _ in range(2000):
        spec = [spec]
    with pytest.raises(ConfigError, match="deep"):
        parse(spec)
    with pytest.raises(ConfigError):
        parse("(" * 2000 + "gaussian:0.1" + ")" * 2000)


def test_a_record_can_hold_any_noise():
    class Recipe(Record):
        noise: AnyNoise

    recipe = Recipe.parse({"noise": "gaussian:0.1+jpeg:50"})
    assert Recipe.parse(recipe.model_dump(mode="json")) == recipe
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


def test_ranges_are_drawn_evenly():
    rng = np.random.default_rng(0)
    model = parse("gaussian:0..0.2")
    drawn = [model.sample(rng).sigma for _ in range(2000)]
    assert 0 <= min(drawn) < 0.002
    assert 0.198 < max(drawn) <= 0.2
    assert np.mean(drawn) == pytest.approx(0.1, abs=0.005)
    qualities = {parse("jpeg:30..32").sample(rng).quality for _ in range(100)}
    assert qualities == {30, 31, 32}


def test_a_model_of_another_distribution_is_found_by_its_entry_point(monkeypatch):
    from importlib import metadata

    point = metadata.EntryPoint("other", "ruis.noise.gaussian:Gaussian", "ruis.noise")
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point])
    monkeypatch.setattr(NOISE, "_rows", None)
    assert NOISE.load("other").example == "gaussian:25/255"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("gaussian:25/255", "gaussian:sigma=25/255"),
        ("gaussian:0.123456", "gaussian:sigma=0.123456"),
        ("gaussian:12.5/255", "gaussian:sigma=12.5/255"),
        ("gaussian:0.0001234567..0.1", "gaussian:sigma=0.0001234567..0.1"),
        ("gaussian:1.5/255..55/255", "gaussian:sigma=1.5..55/255"),
        ("gaussian:0.123456789..85/255", None),
        ("gaussian:0.123456789..0.5", "gaussian:sigma=0.123456789..0.5"),
        ("1e-3*gaussian:0.1|2E+2*jpeg:50", "0.001*gaussian:sigma=0.1|200*jpeg:quality=50"),
        ("0.00001*gaussian:0.1|1/3*jpeg:50", None),
    ],
)
def test_what_is_shown_is_read_again(text, shown):
    """As a manifest and a card keep it."""
    model = parse(text)
    assert shown is None or str(model) == shown
    assert parse(str(model)) == model
