from __future__ import annotations

import pytest
from pydantic import Field, ValidationError, model_validator

from ruis.errors import ConfigError, UnknownNameError
from ruis.record import Record


class Inner(Record):
    depth: int = 1


class Lamp(Record):
    brightness: float = Field(default=1.0, ge=0)
    colours: tuple[str, ...] = ()
    inner: Inner = Inner()

    @model_validator(mode="after")
    def _dark(self):
        if self.colours == ("black",):
            raise ValueError("a lamp cannot be black")
        return self


class Placed(Lamp):
    place: str


def test_what_is_right_is_taken():
    lamp = Lamp.parse({"brightness": 2, "colours": ["red"]})
    assert lamp == Lamp(brightness=2.0, colours=("red",))


def test_it_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Lamp().brightness = 3


def test_an_unknown_key_names_the_nearest():
    with pytest.raises(
        UnknownNameError, match=r"setting 'brightnes' in lamp\.toml.*'brightness'"
    ) as caught:
        Lamp.parse({"brightnes": 2}, what="lamp.toml")
    assert caught.value.nearest == "brightness"


def test_an_unknown_key_is_told_of_before_the_one_that_it_was_meant_to_be():
    with pytest.raises(UnknownNameError, match="Did you mean 'place'"):
        Placed.parse({"plce": 2})


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"brightness": -1}, "'brightness'.*greater than or equal to 0.*-1"),
        ({"brightness": "much"}, "'brightness'.*'much'"),
        ({"brightness": float("nan")}, "brightness.*finite"),
        ({"brightness": float("inf")}, "brightness.*finite"),
        ({"colours": ["red", 5]}, r"'colours\.1'.*5"),
        ({"inner": {"depth": "x"}}, r"'inner\.depth'"),
        ({"colours": ["black"]}, "Lamp: a lamp cannot be black"),
        ("text", "Lamp.*'text'"),
        (None, "Lamp"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(data, says):
    with pytest.raises(ConfigError, match=says) as caught:
        Lamp.parse(data)
    assert "pydantic" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_value_is_named():
    class Needy(Record):
        name: str

    with pytest.raises(ConfigError, match=r"'name'.*required") as caught:
        Needy.parse({})
    assert "given" not in str(caught.value)


def test_an_unknown_key_within_is_an_error_that_shows_its_place():
    with pytest.raises(ConfigError, match=r"inner\.dept"):
        Lamp.parse({"inner": {"dept": 2}})


def test_a_whole_record_is_not_said_again():
    from ruis.recipe import Recipe

    with pytest.raises(ConfigError, match=r"minutes or epochs, and not both\.$"):
        Recipe.parse(
            {"name": "mine", "data": [{"name": "x", "terms": "x", "folder": "x"}], "noise": "gaussian:0.1",
             "architecture": {"name": "unet"}, "minutes": 1, "epochs": 1}
        )  # fmt: skip
