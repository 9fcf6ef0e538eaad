"""One file and one row: the table in a folder's `__init__.py` and the folder agree."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

from ruis.registry import Registry

FOLDERS = ["noise", "metrics", "formats", "stacks", "architectures", "engines", "export"]

# Modules without a row: what siblings have in common, and what is not one of them.
SHARED = {
    "noise": {"blocks", "estimate", "measure"},
    "formats": {"atomic", "blank", "exif", "metadata", "photoshop", "reading", "source", "writing"},
    "engines": {
        "ensemble",
        "onnx_graph",
        "openvino_graph",
    },  # what goes around any of them; the graphs of two
    "stacks": {"arrays"},  # what is one array each
    "architectures": {"keras_layers"},
}


def tables(folder: str) -> list[Registry]:
    package = importlib.import_module(f"ruis.{folder}")
    return [value for value in vars(package).values() if isinstance(value, Registry)]


def rows() -> Iterator[tuple[str, str]]:
    for folder in FOLDERS:
        for table in tables(folder):
            yield from ((folder, name) for name in table.own)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_has_one_table_open_to_others(folder):
    (table,) = tables(folder)
    assert table.group == f"ruis.{folder}"
    assert len(table) >= 1


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_has_a_row_and_every_row_a_file(folder):
    (table,) = tables(folder)
    package = importlib.import_module(f"ruis.{folder}")
    files = {
        module.name
        for module in pkgutil.iter_modules(package.__path__)
        if module.name != "base" and not module.name.startswith("_")
    } - SHARED.get(folder, set())
    listed = {target.partition(":")[0].rpartition(".")[2] for target in table.own.values()}
    assert files == listed


@pytest.mark.parametrize("folder", SHARED)
def test_the_list_of_shared_modules_is_current(folder):
    package = importlib.import_module(f"ruis.{folder}")
    assert SHARED[folder] <= {module.name for module in pkgutil.iter_modules(package.__path__)}


@pytest.mark.parametrize(("folder", "name"), list(rows()))
def test_a_row_leads_to_a_public_documented_name_of_its_module(folder, name):
    (table,) = tables(folder)
    module, _, attribute = table[name].partition(":")
    thing = table.load(name)
    assert attribute in importlib.import_module(module).__all__
    assert thing.__doc__
    assert thing.__module__ == module


@pytest.mark.parametrize(("folder", "name"), list(rows()))
def test_a_row_with_a_name_field_is_called_by_its_row(folder, name):
    """So that what is written to a file leads back to the same class."""
    (table,) = tables(folder)
    field = getattr(table.load(name), "model_fields", {}).get("name")
    if field is not None:
        assert field.default == name
