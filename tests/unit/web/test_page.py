"""The files of the page: whole in both languages, and nothing in them that the policy forbids."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

import pytest

from ruis import zoo
from ruis.formats import FORMATS
from ruis.web import page
from ruis.web.problems import KINDS, STATUSES

STATIC = page.static()
OURS = {
    name: content.decode()
    for name, content in STATIC.items()
    if name.endswith((".js", ".css", ".html")) and not re.search(r"-\d+\.\d+\.\d+\.js$", name)
}
SEEN = {401, 408, 413, 415, 422, 429, 500, 503}
"""Statuses that someone at the page can meet; the others are for those who write programs."""

MADE_OF_PARTS = (
    "model.",
    "why.",
    "state.",
    "progress.",
    "colour.",
    "depth.",
    "verdict.",
    "detail.",
    "problem.",
)
"""Beginnings of keys whose ends come from what is shown."""


def words(entry: str | dict[str, str]) -> Iterator[str]:
    yield from [entry] if isinstance(entry, str) else entry.values()


def used() -> set[str]:
    """Every key that the page or a module names in full."""
    found = set(re.findall(r'data-(?:text|label)="([\w.-]+)"', page.html("en")))
    for content in OURS.values():
        found |= set(re.findall(r'\btext(?:Or)?\(\s*"([\w. -]+)"', content))
        found |= set(re.findall(r'\? "([a-z]+\.[\w.]+)" : "', content))
        found |= set(re.findall(r'\? "[a-z]+\.[\w.]+" : "([a-z]+\.[\w.]+)"', content))
    return found


def test_the_languages_say_the_same_things():
    english, dutch = page.texts("en"), page.texts("nl")
    assert list(english) == list(dutch)
    for key, entry in english.items():
        assert isinstance(entry, str) == isinstance(dutch[key], str), key
        for theirs, ours in zip(words(entry), words(dutch[key]), strict=True):
            assert ours.strip(), key
            assert set(re.findall(r"\{\w+\}", theirs)) == set(re.findall(r"\{\w+\}", ours)), key


def test_every_word_that_is_asked_for_is_there_and_every_word_there_is_asked_for():
    table = set(page.texts("en"))
    assert used() <= table
    idle = {key for key in table - used() if not key.startswith(MADE_OF_PARTS)}
    assert idle <= {"title"}, "it is in the head of the page"
    assert len(used()) > 60


def test_what_can_go_wrong_is_explained():
    kinds = [*KINDS.values(), *STATUSES.values()]
    names = {kind.name for kind in kinds if kind.status in SEEN}
    explained = {key.removeprefix("problem.") for key in page.texts("en")}
    assert names <= explained


@pytest.mark.parametrize("language", page.LANGUAGES)
def test_every_model_that_ships_is_named_in_the_language_of_the_page(language):
    table = page.texts(language)
    assert {f"model.{name}" for name in zoo.SHIPPED} <= set(table)
    said = [table[f"model.{name}"] for name in zoo.SHIPPED]
    assert len(set(said)) == len(said)


@pytest.mark.parametrize("language", page.LANGUAGES)
def test_every_format_that_is_read_is_named(language):
    titles = [FORMATS.load(name).title.removeprefix("Camera ") for name in FORMATS.own]
    for key in ("empty.formats", "problem.unsupported-format", "problem.unsupported-media-type"):
        said = page.texts(language)[key]
        assert [title for title in titles if title not in said] == [], key


@pytest.mark.parametrize("language", page.LANGUAGES)
def test_the_page_comes_with_its_words(language):
    html = page.html(language)
    assert f'<html lang="{language}">' in html
    assert page.texts(language)["empty.title"] in html
    assert not re.findall(r'data-text="[\w.-]+"[^>]*></', html)


def test_nothing_is_within_the_page_that_the_policy_forbids():
    html = page.html("en")
    assert not re.search(r"<style|\sstyle=|\son\w+=", html)
    assert all("src=" in one for one in re.findall(r"<script[^>]*>", html))
    for name in re.findall(r'(?:src|href)="([^"#]+)"', html):
        assert name.removeprefix("static/") in STATIC


def test_nothing_is_asked_of_another_host():
    for name, content in [("index", page.html("en")), *OURS.items()]:
        code = re.sub(r"^\s*//.*", "", content, flags=re.MULTILINE)
        assert not re.findall(r"(?:https?:)?//[\w-]+\.[\w./-]+", code), name


def test_modules_ask_for_what_is_there():
    for name, content in OURS.items():
        for wanted in re.findall(r'(?:from|import) "\./([^"]+)"', content):
            assert wanted in STATIC, f"{name} imports {wanted}"


def test_the_libraries_of_others_are_as_they_were_published_and_say_their_licence():
    text = STATIC["LICENSES.md"].decode()
    pinned = dict(re.findall(r"^\| `([\w.-]+\.js)` .*`([0-9a-f]{64})` \|$", text, re.MULTILINE))
    foreign = {name for name in STATIC if name.endswith(".js") and name not in OURS}
    assert set(pinned) == foreign
    assert len(pinned) == 2
    for name, digest in pinned.items():
        assert hashlib.sha256(STATIC[name]).hexdigest() == digest
        assert f"## {name.rpartition('-')[0]}" in text
    assert text.count("Permission is hereby granted") == len(pinned)
