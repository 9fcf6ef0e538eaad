"""A sheet that is measured in pixels of a page, from its upper left corner."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ruis.figures.style import DOTS, FAINT, GRAY, INK, SMALL, TEXT, localised, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["Canvas", "plain", "width_of"]


def plain(value: float) -> str:
    """Write a number as short as three digits allow."""
    return localised(f"{value:.3g}".replace("-", "\N{MINUS SIGN}"))


def width_of(texts: Sequence[str], size: float) -> float:
    """Return how wide the longest of some texts is, in pixels of a page."""
    lines = [line for text in texts for line in text.split("\n") if line.strip()]
    return max((_width(line, size) for line in lines), default=0.0)


@functools.lru_cache(4096)
def _width(line: str, size: float) -> float:
    from matplotlib.textpath import TextPath

    return float(TextPath((0, 0), line, size=size).get_extents().x1) * DOTS / 72


class Canvas:
    """A figure with one set of axes, whose units are pixels of a page, downwards.

    Parameters
    ----------
    width, height : float
        In pixels of a page.
    """

    def __init__(self, width: float, height: float) -> None:
        self.figure: Figure = new_figure(width, height)
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_axis_off()
        self.axes.set_xlim(0, width)
        self.axes.set_ylim(height, 0)
        self.axes.set_autoscale_on(False)

    def picture(
        self,
        pixels: NDArray[Any],
        place: tuple[float, float, float, float],
        *,
        colours: Any = "gray",
        scale: tuple[float, float] = (0.0, 1.0),
        frame: bool = True,
    ) -> None:
        """Show an image, each pixel a sharp square.

        Parameters
        ----------
        pixels : numpy.ndarray
            Shape (rows, columns) or (rows, columns, 1 or 3).
        place : tuple of float
            (left, top, width, height).
        colours : str or matplotlib.colors.Colormap
            Of a single channel.
        scale : tuple of float
            The values at the ends of the colours.
        frame : bool
            Whether a hairline is drawn around it.
        """
        left, top, width, height = place
        if pixels.ndim == 3 and pixels.shape[2] == 1:
            pixels = pixels[..., 0]
        if pixels.ndim == 3:
            pixels = pixels.clip(0, 1)
        self.axes.imshow(
            pixels,
            cmap=colours,
            vmin=scale[0],
            vmax=scale[1],
            extent=(left, left + width, top + height, top),
            interpolation="none",
            aspect="auto",
        )
        if frame:
            self.box(place, edge=FAINT, line=0.5)

    def box(
        self,
        place: tuple[float, float, float, float],
        *,
        fill: str = "none",
        edge: str = "none",
        line: float = 0.8,
    ) -> None:
        """Draw a rectangle."""
        from matplotlib.patches import Rectangle

        left, top, width, height = place
        self.axes.add_patch(
            Rectangle((left, top), width, height, facecolor=fill, edgecolor=edge, linewidth=line)
        )

    def shape(
        self, corners: Sequence[tuple[float, float]], *, fill: str = "none", edge: str = INK
    ) -> None:
        """Draw a polygon."""
        from matplotlib.patches import Polygon

        self.axes.add_patch(
            Polygon(corners, closed=True, facecolor=fill, edgecolor=edge, linewidth=0.7)
        )

    def line(
        self, points: Sequence[tuple[float, float]], *, colour: str = GRAY, width: float = 0.8
    ) -> None:
        """Draw a line through points."""
        across, down = zip(*points, strict=True)
        self.axes.plot(across, down, color=colour, linewidth=width, solid_capstyle="butt")

    def arrow(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Draw a thin arrow."""
        self.axes.annotate(
            "",
            xy=end,
            xytext=start,
            arrowprops={
                "arrowstyle": "-|>,head_length=0.25,head_width=0.12",
                "color": GRAY,
                "linewidth": 0.8,
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )

    def text(
        self,
        across: float,
        down: float,
        words: str,
        *,
        align: str = "left",
        vertical: str = "center_baseline",
        size: float = TEXT,
        colour: str = INK,
        weight: str = "normal",
        angle: float = 0.0,
    ) -> None:
        """Write."""
        self.axes.text(
            across, down, words, ha=align, va=vertical, fontsize=size, color=colour,
            fontweight=weight, rotation=angle, linespacing=1.25,
        )  # fmt: skip

    def title(self, words: str, left: float, down: float = 20) -> None:
        """Write above everything."""
        if words:
            self.text(left, down, words, weight="bold")

    def colour_bar(
        self,
        place: tuple[float, float, float, float],
        colours: Any,
        scale: tuple[float, float],
        label: str = "",
    ) -> None:
        """Draw an upright bar with the values of its colours beside it."""
        import numpy as np

        left, top, width, height = place
        steps = np.linspace(scale[1], scale[0], 128)[:, None]
        self.picture(steps, place, colours=colours, scale=scale)
        marks = [*scale, 0.0] if scale[0] < 0 < scale[1] else [*scale]
        for value in marks:
            down = top + height * (scale[1] - value) / (scale[1] - scale[0])
            self.text(left + width + 5, down, plain(value), size=SMALL, colour=GRAY)
        if label:
            self.text(left, top - 12, label, size=SMALL, colour=GRAY)
