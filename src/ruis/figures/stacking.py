"""How an image becomes a column of numbers, and what becomes of its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruis.errors import ConfigError
from ruis.figures.canvas import Canvas
from ruis.figures.style import ACCENT, COLOURS, FAINT, GRAY, SMALL, WIDTH, drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["stacked_column"]

MARGIN, SIDE, BODY = 20.0, 300.0, 560.0
TINTS = (COLOURS[4], COLOURS[5])
"""Of even and odd rows."""


def stacked_column(
    image: NDArray[Any],
    labels: tuple[str, str, str] = ("", "", ""),
    *,
    row: int | None = None,
    title: str = "",
) -> Figure:
    """Draw an image beside the long column of values that it becomes when it is stacked.

    Rows are tinted in turns, and keep their tints in the column. A part of the column is drawn
    larger, value by value. Two pixels that touch in the image are framed in all three: one of
    `row`, and the one below it, which stand a whole row apart in the column.

    Parameters
    ----------
    image : numpy.ndarray
        Shape (rows, columns) or (rows, columns, 1), in [0, 1].
    labels : tuple of str, optional
        Below the image, the column, and the enlarged part.
    row : int, optional
        The row of the upper framed pixel, not the last one. Default: above the middle.
    title : str, optional
        Above everything.

    Returns
    -------
    matplotlib.figure.Figure
        800 pixels wide at 100 dots per inch.

    Raises
    ------
    ConfigError
        If the image has another shape, or less than two rows; or if there is no such row.
    EngineUnavailableError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> figure = stacked_column(np.eye(28), ("28 × 28", "784 × 1", "two rows"))
    >>> [picture.get_array().shape[:2] for picture in figure.axes[0].images]
    [(28, 28), (784, 1), (56, 1)]
    """
    flat = image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
    if flat.ndim != 2 or len(flat) < 2:
        raise ConfigError(f"an image to stack is (rows, columns), not {image.shape}.")
    rows, columns = flat.shape
    row = (rows - 1) // 2 if row is None else row
    if not 0 <= row < rows - 1:
        raise ConfigError(f"row {row} is not one of 0 to {rows - 2}: it needs a row below it.")
    with drawing():
        top = MARGIN + (24 if title else 0)
        canvas = Canvas(WIDTH, top + BODY + 44)
        canvas.title(title, MARGIN)
        tinted = _tinted(flat)
        side = (SIDE, SIDE * rows / columns)
        if side[1] > BODY:
            side = (BODY * columns / rows, BODY)
        first = (MARGIN + 10, top + (BODY - side[1]) / 2, *side)
        second = (430.0, top, 34.0, BODY)
        third = (620.0, top, 56.0, BODY)
        column = tinted.reshape(rows * columns, 1, 3)
        part = column[row * columns : (row + 2) * columns]
        for pixels, place in ((tinted, first), (column, second), (part, third)):
            canvas.picture(pixels, place, frame=False)
            canvas.box(place, edge=FAINT, line=0.6)
        _join(canvas, first, second, third, rows, row)
        _frame(canvas, first, second, third, (rows, columns, row))
        for (left, upper, width, height), words in zip((first, second, third), labels, strict=True):
            canvas.text(
                left + width / 2, upper + height + 10, words, align="center", vertical="top",
                size=SMALL, colour=GRAY,
            )  # fmt: skip
        return canvas.figure


Place = tuple[float, float, float, float]


def _tinted(image: NDArray[Any]) -> NDArray[Any]:
    """Colour the rows in turns: black becomes a dark tint, and white stays white."""
    import numpy as np
    from matplotlib.colors import to_rgb

    tints = np.array([to_rgb(tint) for tint in TINTS])
    light = 0.34 + 0.66 * np.clip(image, 0, 1)[..., None]  # so that black rows show their tint
    tint = tints[np.arange(len(image)) % 2][:, None]
    tinted: NDArray[Any] = light * (tint + (1 - tint) * light)
    return tinted


def _join(canvas: Canvas, first: Place, second: Place, third: Place, rows: int, row: int) -> None:
    """Draw what becomes of what: the two rows in the image, in the column, and enlarged."""
    edge = first[0] + first[2]
    for step in (row, row + 2):
        there = second[1] + second[3] * step / rows
        here = first[1] + first[3] * step / rows
        canvas.line([(edge + 2, here), (second[0] - 2, there)], colour=FAINT)
        end = third[1] + third[3] * (step - row) / 2
        canvas.line([(second[0] + second[2] + 2, there), (third[0] - 2, end)], colour=FAINT)


def _frame(
    canvas: Canvas, first: Place, second: Place, third: Place, where: tuple[int, int, int]
) -> None:
    """Frame the two pixels: neighbours in the image, a row apart in the column."""
    rows, columns, row = where
    at = columns // 2
    width, height = first[2] / columns, first[3] / rows
    left, upper = first[0] + at * width, first[1] + row * height
    canvas.box((left, upper, width, 2 * height), edge=ACCENT, line=1.6)
    value = third[3] / (2 * columns)
    marks = []
    for step in (0, 1):
        down = third[1] + (step * columns + at) * value
        canvas.box((third[0], down, third[2], value), edge=ACCENT, line=1.6)
        marks.append(down + value / 2)
        small = second[1] + second[3] * ((row + step) * columns + at + 0.5) / (rows * columns)
        canvas.line([(second[0] - 4, small), (second[0] + second[2] + 4, small)], colour=ACCENT,
                    width=1.2)  # fmt: skip
    out = third[0] + third[2] + 4
    canvas.line(
        [(out, marks[0]), (out + 10, marks[0]), (out + 10, marks[1]), (out, marks[1])],
        colour=ACCENT,
        width=1.2,
    )
    canvas.text(out + 18, sum(marks) / 2, str(columns), colour=ACCENT, weight="bold")
