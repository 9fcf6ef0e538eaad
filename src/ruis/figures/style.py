"""One style for all figures: white, thin lines, colours that the colour-blind tell apart."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ruis.errors import EngineUnavailableError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "ACCENT", "COLOURS", "DOTS", "FAINT", "GRAY", "INK", "LINE", "SMALL", "TEXT", "WIDTH",
    "decimal_mark", "drawing", "localised", "new_axes", "new_figure",
]  # fmt: skip

DOTS = 100
"""Dots per inch at which one dot is one pixel of a page; lengths here are in those."""
WIDTH = 800
TEXT, SMALL = 9.0, 7.5
"""Sizes of text in points: 12.5 and 10.4 pixels of a page."""

INK, GRAY, FAINT, LINE = "#222222", "#6b6b6b", "#b8b8b8", "#d9d9d9"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555")
"""After M. Okabe and K. Ito, Color universal design, 2008; the yellow is too light for lines."""
ACCENT = COLOURS[1]

SETTINGS: dict[str, Any] = {
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "Helvetica"],
    "font.size": TEXT,
    "text.color": INK,
    "text.parse_math": False,  # a dollar in a caption is a dollar
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.labelsize": TEXT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": GRAY,
    "ytick.labelcolor": GRAY,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "image.composite_image": False,  # each picture stays its own, with its own pixels
    "svg.fonttype": "none",  # text stays text: it can be read, found and translated
    "figure.dpi": DOTS,
}

_ONE_AT_A_TIME = threading.RLock()
_MARK: ContextVar[str] = ContextVar("mark", default=".")


@contextmanager
def decimal_mark(mark: str) -> Iterator[None]:
    """Draw with another decimal mark than a point, such as a comma, as long as the block lasts.

    Examples
    --------
    >>> with decimal_mark(","):
    ...     localised("1.5")
    '1,5'
    """
    token = _MARK.set(mark)
    try:
        yield
    finally:
        _MARK.reset(token)


def localised(number: str) -> str:
    """Return a written number with the decimal mark that is asked for."""
    return number.replace(".", _MARK.get())


@contextmanager
def drawing(**settings: Any) -> Iterator[None]:
    """Draw in our style, whatever the user's own is; that comes back after.

    Matplotlib keeps its style in one place for the whole process, so one thread draws at a time.

    Raises
    ------
    EngineUnavailableError
        If matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise EngineUnavailableError("Drawing figures", "mnist") from error
    with _ONE_AT_A_TIME, mpl.rc_context():
        mpl.rcdefaults()
        style: Any = SETTINGS | settings
        mpl.rcParams.update(style)
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty white figure of so many pixels of a page."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width / DOTS, height / DOTS), dpi=DOTS, facecolor="white")


def new_axes(
    figure: Figure, left: float, top: float, right: float, bottom: float, *, grid: str = "y"
) -> Axes:
    """Return axes that leave so many pixels free at each side."""
    width, height = figure.get_size_inches() * DOTS
    box = (
        left / width,
        bottom / height,
        (width - left - right) / width,
        (height - top - bottom) / height,
    )
    axes = figure.add_axes(box)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis=grid, color=LINE, linewidth=0.6)  # type: ignore[arg-type]
    return axes
