import sys

import pytest
from typer.testing import CliRunner

from ruis.cli import app


@pytest.mark.parametrize("package", ["fastapi", "uvicorn", "python_multipart", "prometheus_client"])
def test_without_its_packages_it_says_what_to_install(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    done = CliRunner().invoke(app, ["serve", "--port", "0"])
    assert done.exit_code == 3
    assert 'pip install "ruis[serve]"' in done.output


@pytest.mark.parametrize("content", [b"", b"\n", b"short", b"\xff\xfe" * 20])
def test_a_token_file_that_holds_none(tmp_path, content):
    file = tmp_path / "token.txt"
    file.write_bytes(content)
    done = CliRunner().invoke(app, ["serve", "--port", "0", "--token-file", str(file)])
    assert done.exit_code == 2
    assert "token" in done.output


def test_the_token_of_the_environment_counts(monkeypatch):
    monkeypatch.setenv("RUIS_TOKEN", "short")
    done = CliRunner().invoke(app, ["serve", "--port", "0"])
    assert done.exit_code == 2
    assert "16" in done.output
