"""What people install: small, with the models, without the tests."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest


@pytest.fixture(scope="module")
def wheel(tmp_path_factory, repository):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=repository, check=True, capture_output=True, timeout=120)
    (path,) = folder.glob("ruis-*.whl")
    return path


def test_the_wheel_is_small(wheel):
    assert wheel.stat().st_size <= 30e6


def test_the_wheel_has_everything_that_is_in_the_package_and_nothing_else(wheel, repository):
    source = repository / "src"
    expected = {
        path.relative_to(source).as_posix()
        for path in (source / "ruis").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".part"
    }
    with zipfile.ZipFile(wheel) as file:
        names = {name for name in file.namelist() if ".dist-info/" not in name}
        licences = [name for name in file.namelist() if name.endswith("licenses/LICENSE")]
    assert names == expected
    assert "ruis/py.typed" in names
    assert any(name.startswith("ruis/zoo/") and name.endswith(".ruis") for name in names)
    assert licences


def test_an_installed_ruis_needs_no_learned_package(wheel):
    with zipfile.ZipFile(wheel) as file:
        (name,) = (name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = file.read(name).decode()
    base = [
        line.partition(": ")[2].lower()
        for line in metadata.splitlines()
        if line.startswith("Requires-Dist") and "extra ==" not in line
    ]
    assert base
    assert not [line for line in base if line.startswith(("keras", "tensorflow", "torch", "onnx"))]
