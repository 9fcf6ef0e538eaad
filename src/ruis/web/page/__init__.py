"""This room: the page in its languages, and the files that it loads.

May touch: the files of its own folder.
Must not: know the service; load anything from another host; hold script or style within the HTML.
"""

from __future__ import annotations

import html as markup
import json
import re
from pathlib import Path
from typing import Any

__all__ = ["LANGUAGES", "html", "static", "texts"]

LANGUAGES = ("en", "nl")
"""The languages of the page; the first is for those who ask for neither."""

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"


def texts(language: str) -> dict[str, Any]:
    """Return every word of the page in one of its languages, by key."""
    table = (STATIC / f"texts.{language}.json").read_text(encoding="utf-8")
    return dict(json.loads(table))


def html(language: str) -> str:
    """Return the page in one of its languages.

    The words stand in it already, so that nobody sees it change; the page's own modules put in
    those of the other language when someone asks for it.

    Examples
    --------
    >>> 'lang="nl"' in html("nl")
    True
    """
    table = texts(language)
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    page = page.replace('<html lang="en">', f'<html lang="{language}">', 1)
    page = page.replace("<title>ruis</title>", f"<title>{markup.escape(table['title'])}</title>", 1)
    return re.sub(
        r'data-text="([\w.-]+)"[^>]*>(?=</)',
        lambda found: found[0] + markup.escape(table[found[1]], quote=False),
        page,
    )


def static() -> dict[str, bytes]:
    """Return the files that the page loads from /static/, by name; they lie in one folder."""
    return {path.name: path.read_bytes() for path in sorted(STATIC.iterdir())}
