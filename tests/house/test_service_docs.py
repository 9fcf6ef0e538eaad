"""An option or status of the service that is not documented does not exist."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from ruis.web.settings import Settings


@pytest.fixture
def page(repository):
    return (repository / "docs" / "how-to-serve.md").read_text(encoding="utf-8")


def test_every_limit_is_documented_with_its_default(page):
    rows = dict(re.findall(r"^\| `--([a-z-]+)` \| .* \| (\S+) \|$", page, re.MULTILINE))
    limits = [
        one
        for one in fields(Settings)
        if isinstance(one.default, int | float) and one.name != "port"
    ]
    assert {one.name.replace("_", "-"): f"{one.default:.0f}" for one in limits} == rows


def test_every_status_is_documented(page):
    pytest.importorskip("fastapi", reason="the service needs the serve extra")
    from ruis.web.problems import KINDS, STATUSES

    told = {
        int(number)
        for row in re.findall(r"^\| ([0-9, ]+) \|", page, re.MULTILINE)
        for number in row.split(", ")
    }
    ours = set(KINDS) | {kind.status for kind in STATUSES.values()}
    assert told == ours - {500}, "500 is a mistake, not a promise"


def test_every_parameter_is_documented(page):
    pytest.importorskip("fastapi", reason="the service needs the serve extra")
    from ruis.web.queries import DenoiseQuery

    section = page[page.index("parameter of `/v1/denoise`") : page.index("## From Python")]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(
        DenoiseQuery.model_fields
    )
