"""What is not documented does not exist: public names, commands, options, tables."""

from __future__ import annotations

import doctest
import inspect
import pkgutil
import re
import sys
import types

import numpy as np
import pytest
import typer.main
from numpydoc.docscrape import NumpyDocString
from typer.testing import CliRunner

import ruis
from ruis.architectures import ARCHITECTURES
from ruis.cli import app
from ruis.noise import NOISE

COMMANDS = sorted(typer.main.get_command(app).commands)
FUNCTIONS = [
    name
    for name in ruis.__all__
    if callable(getattr(ruis, name)) and not inspect.isclass(getattr(ruis, name))
]  # fmt: skip


def help_of(*command: str) -> str:
    done = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("name", [name for name in ruis.__all__ if not name.startswith("__")])
def test_a_public_name_is_documented(name):
    thing = getattr(ruis, name)
    if callable(thing) or inspect.ismodule(thing):
        assert inspect.getdoc(thing)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_documents_its_parameters_and_has_an_example(name):
    function = getattr(ruis, name)
    doc = NumpyDocString(inspect.getdoc(function))
    documented = {part.strip() for entry in doc["Parameters"] for part in entry.name.split(",")}
    assert {name.lstrip("*") for name in documented} == set(inspect.signature(function).parameters)
    assert doc["Returns"] or inspect.signature(function).return_annotation in {None, "None"}
    assert doc["Examples"]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_says_what_it_does_and_shows_an_example(command):
    text = help_of(command)
    assert f"ruis {command} " in text.replace("Usage: ruis", "", 1), "an example in the help"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_says_what_it_does(command):
    parameters = typer.main.get_command(app).commands[command].params
    silent = [p.name for p in parameters if not getattr(p, "help", None) and p.name != "help"]
    assert not silent


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_in_the_documentation(command, repository):
    pages = [repository / "README.md", *(repository / "docs").rglob("*.md")]
    assert any(f"ruis {command}" in page.read_text(encoding="utf-8") for page in pages)


@pytest.mark.parametrize(
    "command",
    [
        *("denoise", "train", "evaluate", "inspect", "compare", "models", "export", "doctor"),
        *("serve", "batch", "mnist", "anomaly", "features", "study"),
    ],
)
def test_the_promised_commands_exist(command):
    assert command in COMMANDS


@pytest.mark.parametrize("table", [NOISE, ARCHITECTURES], ids=["noise", "architectures"])
def test_every_setting_is_described(table):
    """The docstring of a record lists its fields, all of them, by their names."""
    for name in table.own:
        cls = table.load(name)
        doc = NumpyDocString(inspect.getdoc(cls))
        documented = {part.strip() for entry in doc["Parameters"] for part in entry.name.split(",")}
        assert documented | {"name"} >= set(cls.model_fields), name


def test_the_pages_lead_somewhere(repository):
    """Relative links in the pages that people read first point at files that exist."""
    pages = [repository / "README.md", repository / "CONTRIBUTING.md", repository / "CHANGELOG.md"]
    for page in [*pages, *(repository / "docs").rglob("*.md")]:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", text):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_room_is_on_the_page_of_the_architecture(repository):
    page = (repository / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = page.partition("## The rooms")[2].partition("## ")[0]
    named = set(re.findall(r"`(\w+)`", rooms))
    there = {module.name for module in pkgutil.iter_modules(ruis.__path__)} - {"__main__"}
    assert there - named == set()
    assert named - there == set()


def test_the_changelog_has_the_version(repository):
    text = (repository / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(.+)\]", text, flags=re.MULTILINE)
    assert versions[0] == "Unreleased"
    # The first version is not out yet: all of it is in there.
    assert ruis.__version__ == (versions[1] if versions[1:] else "0.1.0")


def test_the_five_minutes_of_contributing_work(repository):
    """The file that CONTRIBUTING.md tells you to write is a noise model, and its example runs."""
    text = (repository / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    code, row = blocks[:2]
    name, target = re.fullmatch(r'\s*"([\w-]+)": "([\w.]+:\w+)",\n', row).groups()
    module, _, attribute = target.partition(":")
    assert f"src/{module.replace('.', '/')}.py" in text
    assert name not in NOISE, "choose another example: this one is in the table now"
    written = types.ModuleType(module)
    sys.modules[module] = written
    try:
        exec(compile(code, module, "exec"), vars(written))
        assert doctest.testmod(written).attempted > 0
        assert doctest.testmod(written).failed == 0
        model = getattr(written, attribute).parse({"name": name, "width": "25/255"})
        clean = np.full((64, 64, 1), 0.5, np.float32)
        measured = float((model.add(clean, np.random.default_rng(0)) - clean).std())
        assert measured == pytest.approx(model.sigma_map(clean), rel=0.05)
    finally:
        del sys.modules[module]
