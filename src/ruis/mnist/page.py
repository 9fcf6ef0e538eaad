"""The pieces of an HTML page that needs no other file: paragraphs, figures, tables."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from ruis import figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

__all__ = ["Piece", "figure", "note", "page", "paragraph", "section", "table"]

Piece = str
"""HTML that is whole in itself."""

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 17px/1.6 system-ui, "Segoe UI", sans-serif; color: #1d2733; background: #fff;
       margin: 0 auto; max-width: 46rem; padding: 2.5rem 1.2rem 5rem; }
h1 { font-size: 2.1rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.35rem; margin: 3.2rem 0 .6rem; line-height: 1.3; }
h2 a { color: inherit; text-decoration: none; }
p { margin: .7rem 0; }
.lead { font-size: 1.12rem; }
.note { background: #f3f6f9; border-left: 4px solid #3b6ea8; padding: .6rem .9rem; }
.quiet { color: #5b6673; font-size: .92rem; }
nav ol { columns: 2 16rem; padding-left: 1.6rem; margin: .4rem 0; }
nav a { color: #24568f; }
figure { margin: 1.4rem 0; }
figure svg { display: block; width: auto; height: auto; max-width: 100%; margin: 0 auto; }
figcaption { color: #5b6673; font-size: .92rem; margin-top: .5rem; text-align: center; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 0 auto; font-variant-numeric: tabular-nums; }
caption { caption-side: bottom; color: #5b6673; font-size: .92rem; padding-top: .5rem; }
th, td { padding: .2rem .9rem; text-align: right; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 1px solid #8a949f; font-weight: 600; }
code { background: #eef1f4; padding: .05em .3em; border-radius: 3px; font-size: .92em; }
pre { background: #1d2733; color: #f3f6f9; padding: .9rem 1.1rem; overflow-x: auto; }
pre code { background: none; padding: 0; }
@media (max-width: 34rem) { figure { overflow-x: auto; } figure svg { min-width: 34rem; }
  figcaption { text-align: left; } }
@media print { body { max-width: none; } figure, table { break-inside: avoid; } }
"""


def paragraph(text: str, kind: str = "") -> Piece:
    """Return a paragraph; `backticks` become code.

    Examples
    --------
    >>> paragraph("With `same` & co.")
    '<p>With <code>same</code> &amp; co.</p>'
    """
    inside = _marked(text)
    return f'<p class="{kind}">{inside}</p>' if kind else f"<p>{inside}</p>"


def _marked(text: str) -> Piece:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def note(*texts: str) -> Piece:
    """Return what was measured, set apart; empty texts are left out."""
    return paragraph(" ".join(text for text in texts if text), "note")


def figure(drawn: Figure, name: str, caption: str) -> Piece:
    """Return a figure as vector graphics with its caption; `name` keeps its identifiers apart."""
    svg = figures.to_svg(drawn, name, description=caption.replace("`", ""))
    return f"<figure>{svg}<figcaption>{_marked(caption)}</figcaption></figure>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> Piece:
    """Return a table: the first column is text, the others are numbers."""
    titles = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="wide"><table><caption>{escape(caption, quote=False)}</caption>'
        f"<thead><tr>{titles}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def section(place: int, heading: str, pieces: Sequence[Piece]) -> Piece:
    """Return a numbered section; empty pieces are left out."""
    inside = "\n".join(piece for piece in pieces if piece)
    anchor = f"s{place}"
    return (
        f'<section aria-labelledby="{anchor}">\n'
        f'<h2 id="{anchor}"><a href="#{anchor}">{place}. {escape(heading, quote=False)}</a></h2>\n'
        f"{inside}\n</section>"
    )


def page(
    language: str,
    title: str,
    lead: Sequence[Piece],
    contents: str,
    headings: Sequence[str],
    sections: Sequence[Piece],
    foot: Sequence[Piece],
) -> str:
    """Return the whole page.

    Parameters
    ----------
    language : str
        As HTML names it: "en", "nl".
    title : str
        The heading of the page.
    lead : sequence of Piece
        What stands below it.
    contents : str
        The heading of the list of sections.
    headings : sequence of str
        Those of the sections.
    sections, foot : sequence of Piece
        The sections, and what stands last.
    """
    items = "\n".join(
        f'<li><a href="#s{place}">{escape(heading, quote=False)}</a></li>'
        for place, heading in enumerate(headings, start=1)
    )
    parts = "\n".join((*sections, "<footer>", *foot, "</footer>"))
    return f"""<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title, quote=False)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{escape(title, quote=False)}</h1>
{"".join(lead)}
<nav aria-label="{escape(contents)}"><p class="quiet">{escape(contents)}</p>
<ol>
{items}
</ol></nav>
{parts}
</main>
</body>
</html>
"""
