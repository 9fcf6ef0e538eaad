"""This room: the page, in two languages, and the files it loads.

May touch: the files of its own folder.
Must not: know the service; load anything from another host; hold script or style within the HTML.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["LANGUAGES", "html", "static"]

LANGUAGES = ("en", "nl")
"""The languages of the page; the first is for those who ask for neither."""

FOLDER = Path(__file__).parent


def html(language: str) -> str:
    """Return the page in one of its languages."""
    return (FOLDER / f"{language}.html").read_text(encoding="utf-8")


def static() -> dict[str, bytes]:
    """Return the files that the page loads from /static/, by name."""
    return {one.name: one.read_bytes() for one in (FOLDER / "static").iterdir() if one.is_file()}
