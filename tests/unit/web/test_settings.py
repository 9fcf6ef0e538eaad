import inspect
from dataclasses import fields

import pytest

from ruis.cli.serve import serve
from ruis.errors import ConfigError
from ruis.web.settings import Settings


def test_every_setting_is_an_option_with_the_same_default():
    options = inspect.signature(serve).parameters
    for one in fields(Settings):
        if one.name == "token":  # from a file or the environment: command lines are seen by all
            assert "token_file" in options
            assert "token" not in options
        else:
            assert (options[one.name].default or ()) == (one.default or ()), one.name


@pytest.mark.parametrize(
    "name", [one.name for one in fields(Settings) if isinstance(one.default, int | float)]
)
@pytest.mark.parametrize("value", [-1, float("inf"), float("nan")])
def test_numbers_are_bounded(name, value):
    with pytest.raises(ConfigError, match=name.replace("_", "-")):
        Settings(**{name: value})


def test_a_token_is_not_shown():
    settings = Settings(token="0123456789abcdef")
    assert "0123456789abcdef" not in repr(settings)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1", "localhost"])
def test_this_machine_needs_no_token(address):
    assert Settings(address=address).local


@pytest.mark.parametrize("token", ["short", "with\nnewline-0123456789", "non-ascii-é-0123456789"])
def test_tokens_that_cannot_be(token):
    with pytest.raises(ConfigError):
        Settings(token=token)
