"""Options that are more than a number."""

from __future__ import annotations

import pytest

from ruis.cli.options import parse_sigma, show_sigma
from ruis.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "sigma"), [("auto", None), ("0", 0.0), ("0.1", 0.1), ("51/255", 0.2), ("1e-3", 1e-3)]
)
def test_sigma_is_auto_a_fraction_or_levels(text, sigma):
    assert parse_sigma(text) == (sigma if sigma is None else pytest.approx(sigma))


@pytest.mark.parametrize("text", ["", "strong", "1/0", "-0.1", "300/255", "nan", "inf", "1/2/3"])
def test_another_sigma_is_refused(text):
    with pytest.raises(ConfigError, match="--sigma"):
        parse_sigma(text)


def test_a_sigma_in_levels_is_recognised():
    with pytest.raises(ConfigError, match="did you mean 25/255"):
        parse_sigma("25")


def test_sigma_is_shown_in_levels():
    assert show_sigma(0.1) == "25.5/255"
