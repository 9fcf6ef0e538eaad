"""The tree of errors is drawn as it is, and each door has an answer to every leaf."""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import inspect
import pkgutil
import re
import tomllib
from collections.abc import Iterator, Mapping

import pytest

import ruis
from ruis import errors

CLASSES = {name: getattr(errors, name) for name in errors.__all__}
LEAVES = [cls for cls in CLASSES.values() if not cls.__subclasses__()]


def drawn() -> dict[str, set[str]]:
    """The tree at the top of `ruis.errors`: each class' name and the names of its bases."""
    text = inspect.cleandoc(errors.__doc__)
    drawing = text[text.index("RuisError") : text.index("\n\nA message")]
    root, *branches = drawing.split("|- ")
    tree = {root.strip(): {"Exception"}}
    for branch in branches:
        parent = root.strip()
        for name, note in re.findall(r"(\w+)(?: \(([^)]*)\))?", branch):
            builtin = re.match(r"\w+", note) if note else None
            known = builtin and hasattr(builtins, builtin[0])
            tree[name] = {parent} | ({builtin[0]} if known else set())
            if parent == root.strip():
                parent = name
    return tree


def test_the_drawing_is_the_tree():
    real = {name: {base.__name__ for base in cls.__bases__} for name, cls in CLASSES.items()}
    assert drawn() == real


def test_all_has_every_class():
    defined = {
        name for name, cls in inspect.getmembers(errors, inspect.isclass)
        if cls.__module__ == errors.__name__
    }  # fmt: skip
    assert defined == set(errors.__all__)


def door_tables(door: str) -> Iterator[tuple[str, Mapping[type, int]]]:
    """The tables from errors to numbers that the modules of a door define."""
    package = importlib.import_module(f"ruis.{door}")
    names = [package.__name__]
    names += [m.name for m in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    seen: set[int] = set()
    for name in names:
        if name.endswith("__main__"):
            continue
        for attribute, value in vars(importlib.import_module(name)).items():
            if (
                isinstance(value, Mapping)
                and value
                and id(value) not in seen
                and all(isinstance(key, type) and issubclass(key, BaseException) for key in value)
            ):
                seen.add(id(value))
                yield f"{name}.{attribute}", value


DOORS = [door for door in ("cli", "web") if importlib.util.find_spec(f"ruis.{door}")]


@pytest.mark.parametrize("door", DOORS)
def test_a_door_has_one_table_and_it_covers_every_leaf(door):
    found = list(door_tables(door))
    assert len(found) == 1, f"one table of errors at the door {door}, not {[n for n, _ in found]}"
    (_, table) = found[0]
    root = errors.RuisError
    for leaf in LEAVES:
        assert any(cls in table for cls in leaf.__mro__ if issubclass(cls, root) and cls != root), (
            f"{leaf.__name__} has no answer at the door {door}"
        )


def test_the_exit_codes_are_those_that_scripts_rely_on():
    ((_, table),) = door_tables("cli")
    assert set(table.values()) <= {1, 2, 3}
    assert next(table[cls] for cls in errors.UnknownNameError.__mro__ if cls in table) == 2


def test_every_error_says_something():
    examples = {
        errors.UnknownNameError: ("model", "phto", ["photo"]),
        errors.EngineUnavailableError: ("training", "train"),
        errors.DivergedError: (7, float("nan")),
        errors.ParityError: (0.5, 0.1),
    }
    for cls in CLASSES.values():
        arguments = examples.get(cls, ("something happened",))
        assert str(arguments[0]) in str(cls(*arguments)) or cls is errors.DivergedError
    assert "7" in str(errors.DivergedError(7, float("nan")))
    assert "photo" in str(errors.UnknownNameError("model", "phto", ["photo"]))
    assert ruis.errors is errors


def test_the_extras_that_errors_name_can_be_installed(repository):
    calls = re.compile(r'EngineUnavailableError\(\s*f?"[^"]*",\s*"([^"]*)"\s*\)')
    named = {
        extra
        for path in (repository / "src").rglob("*.py")
        for extra in calls.findall(path.read_text(encoding="utf-8"))
    }
    assert named
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert named <= set(project["optional-dependencies"])
