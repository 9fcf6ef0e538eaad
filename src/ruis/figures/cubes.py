"""A network as the cubes that its layers make of an image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from ruis.errors import ConfigError
from ruis.figures.canvas import Canvas, width_of
from ruis.figures.style import ACCENT, COLOURS, GRAY, SMALL, WIDTH, drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["cubes"]

Shape = tuple[int, int, int]

MARGIN, GAP, WORDS = 16.0, 22.0, 44.0
SLANT = (0.32, 0.20)
"""What a column of pixels is drawn as: so much to the right and so much up, of a row's height."""
LONGEST = 0.30
"""The longest a cube's channels are drawn, as a share of the figure's width."""


def cubes(
    shapes: Sequence[tuple[str, Shape]],
    *,
    title: str = "",
    highlight: str | None = None,
    across: int = 8,
) -> Figure:
    """Draw what each layer makes as a cube, true to scale, in an oblique projection.

    A cube is as high as its rows, as deep as its columns and as long as its channels. Rows and
    columns have one scale, channels another one; each is the same for all cubes. What has one row
    and one column is drawn as a bar: the units of a dense layer, one above the other; a bar too
    short to be seen is drawn longer.

    Parameters
    ----------
    shapes : sequence of (str, (int, int, int))
        Layer and its (rows, columns, channels), as :func:`ruis.features.shapes` gives them.
    title : str, optional
        Above everything.
    highlight : str, optional
        The layer to stress, such as the code.
    across : int, default 8
        The most cubes in a line; more are drawn in several lines of about as many. Long names need
        shorter lines.

    Returns
    -------
    matplotlib.figure.Figure
        Each cube has its name and shape written below.

    Raises
    ------
    ConfigError
        If there is no shape, or a side is less than 1.
    EngineUnavailableError
        If matplotlib is not installed.

    Examples
    --------
    >>> shapes = [("image", (28, 28, 1)), ("down1", (28, 28, 16)), ("code", (1, 1, 10))]
    >>> figure = cubes(shapes, highlight="code")
    >>> [text.get_text() for text in figure.axes[0].texts if "28" in text.get_text()]
    ['28 × 28 × 1', '28 × 28 × 16']
    """
    if not shapes or min(min(shape) for _, shape in shapes) < 1:
        raise ConfigError("a network has at least one shape, with sides of at least 1.")
    with drawing():
        parts = _lines(shapes, across)
        scale = _Scale.of(parts)
        top = MARGIN + (24 if title else 0)
        heights = [max(scale.size(shape)[1] for _, shape in part) for part in parts]
        canvas = Canvas(WIDTH, top + sum(heights) + (WORDS + 14) * len(parts) - 14 + MARGIN)
        canvas.title(title, MARGIN)
        for number, (part, height) in enumerate(zip(parts, heights, strict=True)):
            _line(canvas, scale, part, top + height, highlight, last=number == len(parts) - 1)
            top += height + WORDS + 14
        return canvas.figure


def _lines(shapes: Sequence[tuple[str, Shape]], across: int) -> list[Sequence[tuple[str, Shape]]]:
    """Cut a network into lines of about as many cubes, with room for their words and for them."""
    room = WIDTH - 2 * MARGIN
    for lines in range(math.ceil(len(shapes) / across), len(shapes) + 1):
        each = math.ceil(len(shapes) / lines)
        parts = [shapes[i : i + each] for i in range(0, len(shapes), each)]
        flat = _Scale(0.0, 0.0, 0.0)  # at which there are only words
        if max(flat.width(part) for part in parts) <= 0.8 * room:
            return parts
    return [[shape] for shape in shapes]


class _Scale:
    """How long things are drawn, in pixels of a page."""

    def __init__(self, pixel: float, channel: float, unit: float) -> None:
        self.pixel, self.channel, self.unit = pixel, channel, unit

    @classmethod
    def of(cls, parts: Sequence[Sequence[tuple[str, Shape]]]) -> _Scale:
        """Return the largest scale at which every line has room."""
        every = [shape for part in parts for _, shape in part]
        solid = [shape for shape in every if not _is_bar(shape)] or [(1, 1, 1)]
        channel = WIDTH * LONGEST / max(64, *(channels for _, _, channels in solid)) * 0.9
        tallest = max(max(rows, columns) for rows, columns, _ in solid)
        units = max((shape[2] for shape in every if _is_bar(shape)), default=1)
        pixel = 130.0 / tallest
        while True:
            scale = cls(pixel, channel, min(7.0, 130.0 / units))
            if max(scale.width(part) for part in parts) <= WIDTH - 2 * MARGIN or pixel < 1e-3:
                return scale
            pixel, channel = pixel * 0.95, channel * 0.95

    def size(self, shape: Shape) -> tuple[float, float]:
        """Return the (width, height) of a cube, its slanted sides included."""
        rows, columns, channels = shape
        if _is_bar(shape):
            return 10.0, max(channels * self.unit, 2.5 * min(channels, 10))
        deep = columns * self.pixel
        width = max(channels * self.channel, 1.5) + deep * SLANT[0]
        return width, max(rows * self.pixel, 1.5) + deep * SLANT[1]

    def width(self, part: Sequence[tuple[str, Shape]]) -> float:
        """Return the width of a line of cubes and their words."""
        return sum(self.room(name, shape) for name, shape in part) + GAP * (len(part) - 1)

    def room(self, name: str, shape: Shape) -> float:
        """Return the width that a cube takes with its words."""
        return max(self.size(shape)[0], width_of([name, _words(shape)], SMALL) - GAP + 8)


def _is_bar(shape: Shape) -> bool:
    return shape[:2] == (1, 1)


def _words(shape: Shape) -> str:
    return str(shape[2]) if _is_bar(shape) else " × ".join(map(str, shape))


def _line(
    canvas: Canvas, scale: _Scale, part: Sequence[tuple[str, Shape]], floor: float,
    highlight: str | None, *, last: bool,
) -> None:  # fmt: skip
    """Draw one line of cubes that stand on `floor`."""
    spare = WIDTH - 2 * MARGIN - scale.width(part)
    gap = GAP + min(spare / max(len(part) - 1, 1), 30.0)
    full = scale.width(part) + (gap - GAP) * (len(part) - 1)
    left = (WIDTH - full) / 2
    middle = floor - 0.5 * min(max(scale.size(shape)[1] for _, shape in part), 60)
    ends: list[tuple[float, float]] = []
    for name, shape in part:
        room, (width, _) = scale.room(name, shape), scale.size(shape)
        start = left + (room - width) / 2
        colour = ACCENT if name == highlight else COLOURS[0]
        _cube(canvas, scale, shape, start, floor, colour)
        ends.append((start, start + width))
        canvas.text(left + room / 2, floor + 17, name, align="center", size=SMALL)
        words = _words(shape)
        canvas.text(left + room / 2, floor + 31, words, align="center", size=SMALL, colour=GRAY)
        left += room + gap
    for (_, before), (after, _) in pairwise(ends):
        centre = (before + after) / 2
        half = min((after - before) / 2 - 3, 7.0)
        canvas.arrow((centre - half, middle), (centre + half, middle))
    if not last:
        canvas.arrow((ends[-1][1] + 5, middle), (ends[-1][1] + 19, middle))


def _cube(
    canvas: Canvas, scale: _Scale, shape: Shape, left: float, floor: float, colour: str
) -> None:
    """Draw a cube: its front, its top and its right side, which shows rows and columns."""
    rows, columns, channels = shape
    edge = _mixed(colour, 0.75, "black")
    if _is_bar(shape):
        height = scale.size(shape)[1]
        canvas.box((left, floor - height, 10, height), fill=_mixed(colour, 0.35), edge=edge)
        for unit in range(1, channels if height >= 2.5 * channels else 1):
            down = floor - unit * height / channels
            canvas.line([(left, down), (left + 10, down)], colour=edge, width=0.5)
        return
    right = left + max(channels * scale.channel, 1.5)
    top = floor - max(rows * scale.pixel, 1.5)
    across, up = (columns * scale.pixel * one for one in SLANT)
    front = [(left, floor), (right, floor), (right, top), (left, top)]
    roof = [(left, top), (right, top), (right + across, top - up), (left + across, top - up)]
    side = [(right, floor), (right + across, floor - up), (right + across, top - up), (right, top)]
    for corners, share in ((front, 0.35), (roof, 0.18), (side, 0.55)):
        canvas.shape(corners, fill=_mixed(colour, share), edge=edge)


def _mixed(colour: str, share: float, other: str = "white") -> str:
    """Return a colour mixed with another one."""
    from matplotlib.colors import to_hex, to_rgb

    one, two = to_rgb(colour), to_rgb(other)
    red, green, blue = (share * a + (1 - share) * b for a, b in zip(one, two, strict=True))
    return to_hex((red, green, blue))
