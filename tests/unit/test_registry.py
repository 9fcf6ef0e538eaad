from __future__ import annotations

import importlib.metadata

import pytest

from ruis.errors import ConfigError, UnknownNameError
from ruis.record import Record
from ruis.registry import Registry


class Apple(Record):
    name: str = "apple"
    weight: float = 1.0


@pytest.fixture
def fruits(monkeypatch) -> Registry:
    points = [
        importlib.metadata.EntryPoint("pear", "fractions:Fraction", "ruis.fruits"),
        importlib.metadata.EntryPoint("apple", "os:remove", "ruis.fruits"),
    ]
    asked: list[str] = []

    def entry_points(*, group: str):
        asked.append(group)
        return points

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    table = Registry("fruit", "ruis.fruits", {"apple": f"{__name__}:Apple"})
    table.asked = asked
    monkeypatch.setitem(__import__("sys").modules, __name__, _this_module())
    return table


def _this_module():
    import types

    module = types.ModuleType(__name__)
    module.Apple = Apple
    return module


def test_our_row_is_found_without_asking_other_distributions(fruits):
    assert "apple" in fruits
    assert fruits.load("apple") is Apple
    assert fruits.asked == []


def test_others_add_rows_and_cannot_replace_ours(fruits):
    from fractions import Fraction

    assert set(fruits) == {"apple", "pear"}
    assert len(fruits) == 2
    assert fruits.load("pear") is Fraction
    assert fruits.load("apple") is Apple
    assert fruits.asked == ["ruis.fruits"]  # once


def test_an_unknown_name_suggests_the_nearest(fruits):
    assert "aple" not in fruits
    with pytest.raises(UnknownNameError, match=r"no fruit 'aple'.*'apple'.*apple, pear"):
        fruits.load("aple")


def test_a_mapping_becomes_a_record(fruits):
    assert fruits.record({"name": "apple", "weight": 2}) == Apple(weight=2.0)


@pytest.mark.parametrize("data", [{}, {"name": 5}, {"name": None}, {"name": ["apple"]}])
def test_a_mapping_without_a_name_is_refused(fruits, data):
    with pytest.raises(ConfigError, match="a fruit needs a name"):
        fruits.record(data)


def test_an_unknown_setting_says_of_what(fruits):
    with pytest.raises(UnknownNameError, match="setting 'wait' in fruit 'apple'"):
        fruits.record({"name": "apple", "wait": 2})
