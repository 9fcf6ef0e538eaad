"""A name is looked at before work is spent on what goes there."""

from __future__ import annotations

import os

import pytest

from ruis.cli.outputs import check_new_file
from ruis.errors import ConfigError, ImageWriteError


def check(path, **settings):
    check_new_file(path, "a page", (".html",), **{"overwrite": False, **settings})


def test_a_name_that_is_free_is_taken(tmp_path):
    check(tmp_path / "a.html")
    check(tmp_path / "a.HTML", any_case=True)
    (tmp_path / "a.html").touch()
    check(tmp_path / "a.html", overwrite=True)


def test_names_that_will_not_do(tmp_path):
    with pytest.raises(ConfigError, match=r"ends in \.html"):
        check(tmp_path / "a.txt")
    with pytest.raises(ConfigError, match="there is no folder"):
        check(tmp_path / "none" / "a.html")
    (tmp_path / "a.html").touch()
    with pytest.raises(ImageWriteError, match="exists already"):
        check(tmp_path / "a.html")
    with pytest.raises(ConfigError, match="the image itself"):
        check(tmp_path / "a.html", overwrite=True, images=[tmp_path / "a.html"])


def test_a_folder_that_cannot_be_written_to_is_noticed_before(tmp_path, monkeypatch):
    """Whoever may do everything is never refused: so the answer of the system is played."""
    asked = []
    monkeypatch.setattr(os, "access", lambda folder, how: asked.append((folder, how)))
    with pytest.raises(ImageWriteError, match="permission denied in"):
        check(tmp_path / "a.html")
    assert asked == [(tmp_path, os.W_OK | os.X_OK)]
