"""A figure as a file: the same figure gives the same bytes, and asks for nothing from elsewhere."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from ruis.figures.style import DOTS, drawing
from ruis.formats.atomic import new_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["save", "to_png", "to_svg"]


def to_svg(figure: Figure, salt: str = "", *, description: str = "") -> str:
    """Write a figure as SVG, ready to stand in a page of HTML or in a file.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        One of ours.
    salt : str, optional
        What all its ids begin with, so that several figures may stand in one page: letters, digits
        and hyphens. Default: "figure".
    description : str, optional
        What is seen, for those who do not see it.

    Returns
    -------
    str
        One `svg` element. Text is text, pictures are inside of it, and there are no dates: the same
        figure gives the same string.

    Raises
    ------
    EngineUnavailableError
        If matplotlib is not installed.

    Examples
    --------
    >>> from ruis.figures import bars
    >>> text = to_svg(bars({"plain": {"dense": 24.1}}, "PSNR, dB"), "dense")
    >>> text.startswith("<svg"), ">PSNR, dB</text>" in text
    (True, True)
    """
    prefix = re.sub(r"[^A-Za-z0-9-]", "-", salt) or "figure"
    buffer = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with drawing(**{"svg.hashsalt": prefix}):
        figure.savefig(buffer, format="svg", metadata=nothing, facecolor="white")
    text = buffer.getvalue()
    text = text[text.index("<svg") :].rstrip() + "\n"
    # Its rule for every element would hold for the whole page; on the root it is inherited.
    text = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r"<[^>!]*>", lambda tag: _own_ids(tag[0], prefix), text)
    width, height = figure.get_size_inches() * DOTS
    root = re.search(r"<svg[^>]*>", text)
    assert root
    head = re.sub(r'\s(?:width|height)="[^"]*"', "", root[0])
    style = 'style="stroke-linejoin:round;stroke-linecap:butt"'
    head = f'{head[:-1]} width="{width:g}" height="{height:g}" {style} role="img">'
    title = f"\n <title>{escape(description)}</title>" if description else ""
    return head + title + text[root.end() :]


def _own_ids(tag: str, prefix: str) -> str:
    """Put the prefix before every id that a tag has or refers to.

    Pictures are called after what is in them, so that equal ones would share an id; nothing refers
    to them, and they need none.
    """
    if tag.startswith("<image"):
        tag = re.sub(r'\sid="[^"]*"', "", tag)
    tag = re.sub(r'(\sid=")', rf"\g<1>{prefix}-", tag)
    return re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}-", tag)


def to_png(figure: Figure, dpi: float = 2 * DOTS) -> bytes:
    r"""Write a figure as PNG.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        One of ours.
    dpi : float, default 200
        Dots per inch: at 100, a figure is 800 pixels wide.

    Returns
    -------
    bytes
        The file; the same figure gives the same bytes.

    Raises
    ------
    EngineUnavailableError
        If matplotlib is not installed.

    Examples
    --------
    >>> from ruis.figures import bars
    >>> to_png(bars({"plain": {"dense": 24.1}}, "PSNR, dB"))[:4]
    b'\x89PNG'
    """
    buffer = io.BytesIO()
    with drawing():
        nothing = {"Software": None}
        figure.savefig(buffer, format="png", dpi=dpi, metadata=nothing, facecolor="white")
    return buffer.getvalue()


def save(figure: Figure, stem: str | Path, *, overwrite: bool = False) -> tuple[Path, Path]:
    """Write a figure as PNG and as SVG, each whole or not at all.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        One of ours.
    stem : path
        Where to, without the endings; its folder must exist.
    overwrite : bool, default False
        Whether files that are there already are replaced.

    Returns
    -------
    tuple of Path
        `STEM.png` and `STEM.svg`.

    Raises
    ------
    ImageWriteError
        If one of them exists already, or the disk refuses.
    EngineUnavailableError
        If matplotlib is not installed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from ruis.figures import bars
    >>> with TemporaryDirectory() as folder:
    ...     paths = save(bars({"plain": {"dense": 24.1}}, "PSNR, dB"), Path(folder, "psnr"))
    >>> [path.name for path in paths]
    ['psnr.png', 'psnr.svg']
    """
    stem = Path(stem)
    png, svg = (stem.with_name(stem.name + ending) for ending in (".png", ".svg"))
    contents = (to_png(figure), to_svg(figure, stem.name).encode())
    with (
        new_file(png, overwrite=overwrite) as first,
        new_file(svg, overwrite=overwrite) as second,
    ):
        first.write(contents[0])
        second.write(contents[1])
    return png, svg
