"""What the container files promise: no root, nothing writable, no more rights than needed, a token."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest
import typer.main

from ruis.cli import app


@pytest.fixture
def instructions(repository):
    """(instruction, arguments) of the Dockerfile, in order, continued lines joined."""
    text = (repository / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def stages(instructions):
    found = []
    for name, arguments in instructions:
        if name == "FROM":
            found.append([])
        found[-1].append((name, arguments))
    return found


def test_it_is_built_in_one_stage_and_run_in_another(instructions):
    first, last = stages(instructions)
    assert [line for line in first if line[0] == "RUN"]
    assert not [line for line in last if line[0] in {"RUN", "ADD"}]
    copies = [arguments for name, arguments in last if name == "COPY"]
    assert all(arguments.startswith("--from=build ") for arguments in copies)
    for name, arguments in instructions:
        if name == "FROM":
            assert re.match(r"[\w/.-]+:[\w.-]+( AS \w+)?$", arguments), "a version is named"
            assert ":latest" not in arguments


def test_it_does_not_run_as_root(instructions):
    users = [arguments for name, arguments in stages(instructions)[-1] if name == "USER"]
    assert users
    assert all(int(part) > 0 for part in users[-1].split(":"))


def test_it_says_whether_it_is_healthy(instructions):
    (check,) = [arguments for name, arguments in instructions if name == "HEALTHCHECK"]
    command = json.loads(check.partition("CMD ")[2])
    assert command[:2] == ["python", "-c"]
    compile(command[2], "HEALTHCHECK", "exec")
    assert "/readyz" in command[2]


def test_it_starts_what_there_is_with_options_that_there_are(instructions):
    told = dict(stages(instructions)[-1])
    command = [*json.loads(told["ENTRYPOINT"]), *json.loads(told["CMD"])]
    assert command[:2] == ["ruis", "serve"]
    known = {
        option
        for parameter in typer.main.get_command(app).commands["serve"].params
        for option in parameter.opts
    }
    assert {one for one in command if one.startswith("--")} <= known
    assert "--token-file" in command


def test_nothing_is_copied_that_the_build_does_not_need(repository, instructions):
    ignored = (repository / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    copied = [a for n, a in instructions if n == "COPY" and not a.startswith("--from")]
    wanted = {one for arguments in copied for one in arguments.split()[:-1]}
    assert wanted == allowed


def test_compose_gives_as_few_rights_as_it_needs(repository):
    yaml = pytest.importorskip("yaml", reason="PyYAML is not here")
    told = yaml.safe_load((repository / "compose.yaml").read_text(encoding="utf-8"))
    (service,) = told["services"].values()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "volumes", "environment"} & set(service)
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["secrets"] == list(told["secrets"])
    assert service["mem_limit"]
    assert "token.txt" in (repository / ".gitignore").read_text(encoding="utf-8").split()


def test_hadolint_finds_nothing(repository):
    tool = shutil.which("hadolint")
    if tool is None:
        pytest.skip("hadolint is not here")
    done = subprocess.run(
        [tool, repository / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
