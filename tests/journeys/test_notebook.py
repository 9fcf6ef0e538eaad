"""The article as a notebook: it runs from its first cell to its last, and shows what it promises."""

import ast
import shutil

import pytest

NOTEBOOK = "examples/article.ipynb"

SMALL = """
DATA = "package"
TRAIN, TEST = 300, 70
EPOCHS = (1, 1)
SHORT = 1
BATCH = 32
LEARNING_RATE = 3e-3
NOISE = "gaussian:0.4+clip"
WANTED = 99.0
DIGIT = 4
PRETRAINED = None
SEED = 0
DPI = 50
"""
"""Seventy test digits hold one of each kind; no network reaches the wanted quality."""

WITHOUT_FIGURES = {"setup", "parameters", "any-size", "compile"}


@pytest.fixture(scope="module")
def nbformat():
    return pytest.importorskip("nbformat", reason="reading a notebook needs the dev extra")


@pytest.fixture
def notebook(nbformat, repository):
    return nbformat.read(repository / NOTEBOOK, as_version=4)


def parameters(notebook):
    """Return the tagged cells."""
    return [c for c in notebook.cells if "parameters" in c.metadata.get("tags", ())]


def assigned(source):
    """Return the names that a cell's assignments make."""
    targets = [t for node in ast.parse(source).body for t in node.targets]
    return {node.id for t in targets for node in ast.walk(t) if isinstance(node, ast.Name)}


def pictures(cell):
    return [o for o in cell.outputs if "image/png" in o.get("data", {})]


def test_its_parameters_are_one_cell_of_constants_that_this_test_replaces(notebook):
    (cell,) = parameters(notebook)
    assert [c for c in notebook.cells if c.cell_type == "code"][1] is cell
    assert assigned(cell.source) == assigned(SMALL)


def test_what_is_kept_of_the_last_run_is_whole(notebook, repository):
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert [c.execution_count for c in code] == [*range(1, len(code) + 1)]
    assert {c.id for c in code if not pictures(c)} == WITHOUT_FIGURES
    outputs = [o for c in code for o in c.outputs]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    assert str(repository) not in str(outputs)
    assert (repository / NOTEBOOK).stat().st_size < 1_500_000


@pytest.mark.slow
def test_it_runs_and_every_figure_appears(notebook, nbformat, repository, tmp_path, monkeypatch):
    for needed in ("keras", "matplotlib", "ipykernel"):
        pytest.importorskip(needed, reason=f"the notebook needs {needed}")
    nbclient = pytest.importorskip("nbclient", reason="running a notebook needs nbclient")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))  # no history in a home folder
    copy = tmp_path / "article.ipynb"
    shutil.copy(repository / NOTEBOOK, copy)
    small = nbformat.read(copy, as_version=4)
    (cell,) = parameters(small)
    cell.source = SMALL
    for one in small.cells:
        if one.cell_type == "code":
            one.outputs, one.execution_count = [], None
    client = nbclient.NotebookClient(
        small,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute()  # raises what a cell raises, with the cell

    code = [c for c in small.cells if c.cell_type == "code"]
    assert {c.id for c in code if not pictures(c)} == WITHOUT_FIGURES
    assert sum(len(pictures(c)) for c in code) == sum(
        len(pictures(c)) for c in notebook.cells if c.cell_type == "code"
    )
    assert not [o for c in code for o in c.outputs if o.get("name") == "stderr"]
