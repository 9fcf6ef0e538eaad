"""Figures that are rows of pictures: images, filters, feature maps, heat maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ruis.errors import ConfigError
from ruis.figures.canvas import Canvas, width_of
from ruis.figures.style import GRAY, SMALL, TEXT, WIDTH, drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["feature_maps", "filters", "heat_maps", "image_rows"]

MARGIN, GAP, LINE_HEIGHT = 14.0, 6.0, 14.0
BAR = 78.0
"""What a colour bar takes at the right, its figures included."""
SIGNED, HEAT = "RdBu_r", "inferno"


def image_rows(
    rows: Sequence[tuple[str, NDArray[Any]]],
    captions: Sequence[Sequence[str]] | None = None,
    *,
    title: str = "",
) -> Figure:
    """Draw rows of images, each row with its label, each image with its caption.

    Parameters
    ----------
    rows : sequence of (str, numpy.ndarray)
        Label, and images of shape (N, rows, columns) or (N, rows, columns, 1 or 3), in [0, 1];
        values beyond are drawn as black or white. One gray scale serves all.
    captions : sequence of sequence of str, optional
        A text below each image, row by row; "" where there is none.
    title : str, optional
        Above everything.

    Returns
    -------
    matplotlib.figure.Figure
        800 pixels wide at 100 dots per inch.

    Raises
    ------
    ConfigError
        If there is no image, or captions and images differ in number.
    EngineUnavailableError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> digits = np.zeros((3, 28, 28))
    >>> figure = image_rows([("noisy", digits), ("denoised", digits)])
    >>> len(figure.axes[0].images)
    6
    """
    across = max((len(images) for _, images in rows), default=0)
    if not across:
        raise ConfigError("there are no images to draw.")
    told = captions or [[""] * len(images) for _, images in rows]
    if [len(row) for row in told] != [len(images) for _, images in rows]:
        raise ConfigError("captions are given for every image of every row, or not at all.")
    with drawing():
        label = width_of([label for label, _ in rows], TEXT)
        label = label + 12 if label else 0.0
        width = min((WIDTH - 2 * MARGIN - label - GAP * (across - 1)) / across, 200.0)
        heights = [width * images.shape[1] / images.shape[2] for _, images in rows]
        below = [LINE_HEIGHT * max(text.count("\n") + bool(text) for text in row) for row in told]
        top = MARGIN + (24 if title else 0)
        full = top + sum(heights) + sum(below) + 10.0 * (len(rows) - 1) + MARGIN
        canvas = Canvas(WIDTH, full)
        canvas.title(title, MARGIN)
        for (words, images), texts, height, more in zip(rows, told, heights, below, strict=True):
            canvas.text(MARGIN, top + height / 2, words)
            for place, (image, text) in enumerate(zip(images, texts, strict=True)):
                left = MARGIN + label + place * (width + GAP)
                canvas.picture(image, (left, top, width, height))
                if text:
                    canvas.text(
                        left + width / 2, top + height + 3, text, align="center", vertical="top",
                        size=SMALL, colour=GRAY,
                    )  # fmt: skip
            top += height + more + 10
        return canvas.figure


def filters(
    kernels: NDArray[Any],
    title: str = "",
    *,
    labels: tuple[str, str] = ("", ""),
    limit: tuple[int, int] = (16, 32),
) -> Figure:
    """Draw the kernels of a convolution, negative in blue, positive in red, zero in white.

    Parameters
    ----------
    kernels : numpy.ndarray
        Shape (height, width, channels in, filters).
    title : str, optional
        Above everything.
    labels : tuple of str, optional
        What to call channels in, and filters, where they are the rows or columns of the figure.
    limit : tuple of int, default (16, 32)
        The most channels, and filters, that are drawn; the first ones are.

    Returns
    -------
    matplotlib.figure.Figure
        One row for each channel in, one column for each filter, on one scale; the other way round
        where there are fewer filters than channels. The filters of a single channel are spread over
        several rows.

    Raises
    ------
    ConfigError
        If the kernels have another shape.
    EngineUnavailableError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> figure = filters(np.ones((3, 3, 1, 16)), "down1")
    >>> len(figure.axes[0].images)  # and the colour bar
    17
    """
    if kernels.ndim != 4 or 0 in kernels.shape:
        raise ConfigError(f"kernels are (height, width, in, filters), not {kernels.shape}.")
    kernels = kernels[:, :, : limit[0], : limit[1]]
    if 1 < kernels.shape[3] < kernels.shape[2]:
        kernels, labels = kernels.transpose(0, 1, 3, 2), labels[::-1]
    height, width, down, across = kernels.shape
    single = down == 1
    count = down * across
    if single:
        across = _across(count)
        down = math.ceil(count / across)
    with drawing():
        left = MARGIN + (18 if labels[0] and not single else 0)
        cell = min((WIDTH - left - MARGIN - BAR - GAP * (across - 1)) / across, 72.0)
        tall = cell * height / width
        top = MARGIN + (24 if title else 0) + (18 if labels[1] else 0)
        bottom = max(top + down * (tall + GAP) - GAP, top + 60)
        canvas = Canvas(WIDTH, bottom + MARGIN)
        canvas.title(title, MARGIN)
        if labels[1]:
            canvas.text(left, top - 10, labels[1], size=SMALL, colour=GRAY)
        if left > MARGIN:
            canvas.text(
                MARGIN + 4, top, labels[0], align="center", vertical="top", size=SMALL,
                colour=GRAY, angle=90,
            )  # fmt: skip
        largest = float(abs(kernels).max()) or 1.0
        scale = (-largest, largest)
        for number, kernel in enumerate(kernels.reshape(height, width, count).transpose(2, 0, 1)):
            row, column = divmod(number, across)
            place = (left + column * (cell + GAP), top + row * (tall + GAP), cell, tall)
            canvas.picture(kernel, place, colours=SIGNED, scale=scale)
        beside = left + across * (cell + GAP) + 12
        canvas.colour_bar((beside, top, 12, min(bottom - top, 160)), SIGNED, scale)
        return canvas.figure


def feature_maps(
    maps: NDArray[Any],
    titles: Sequence[str] | None = None,
    *,
    title: str = "",
    limit: int = 64,
) -> Figure:
    """Draw the feature maps of a layer, all on one scale.

    Parameters
    ----------
    maps : numpy.ndarray
        Shape (rows, columns, maps). Where none is negative, black is zero and white the highest
        value; else blue is negative, white zero and red positive. Nothing is drawn where a value
        is NaN, so that maps of different sizes can stand side by side.
    titles : sequence of str, optional
        A text below each map.
    title : str, optional
        Above everything.
    limit : int, default 64
        The most maps that are drawn; the first ones are.

    Returns
    -------
    matplotlib.figure.Figure
        The maps in rows.

    Raises
    ------
    ConfigError
        If the maps have another shape, or not each has its title.
    EngineUnavailableError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> figure = feature_maps(np.ones((14, 14, 8)), title="pool1")
    >>> len(figure.axes[0].images)  # and the colour bar
    9
    """
    if maps.ndim != 3 or 0 in maps.shape:
        raise ConfigError(f"maps have the shape (rows, columns, maps), not {maps.shape}.")
    if titles is not None and len(titles) != maps.shape[2]:
        raise ConfigError(f"there are {maps.shape[2]} maps and {len(titles)} titles.")
    rows, columns, count = maps.shape
    count = min(count, limit)
    across, more = _across(count), LINE_HEIGHT if titles else 0.0
    with drawing():
        most = 24.0 if rows == columns == 1 else 160.0
        width = min((WIDTH - 2 * MARGIN - BAR - GAP * (across - 1)) / across, most)
        height = width * rows / columns
        top = MARGIN + (24 if title else 0)
        down = math.ceil(count / across)
        bottom = max(top + down * (height + more + GAP) - GAP, top + 60)
        canvas = Canvas(WIDTH, bottom + MARGIN)
        canvas.title(title, MARGIN)
        colours, scale = _colours_of(maps)
        for number in range(count):
            row, column = divmod(number, across)
            left, upper = MARGIN + column * (width + GAP), top + row * (height + more + GAP)
            canvas.picture(
                maps[..., number], (left, upper, width, height), colours=colours, scale=scale
            )
            if titles:
                canvas.text(
                    left + width / 2, upper + height + 2, titles[number], align="center",
                    vertical="top", size=SMALL, colour=GRAY,
                )  # fmt: skip
        beside = MARGIN + across * (width + GAP) + 12
        canvas.colour_bar((beside, top, 12, min(bottom - top, 160)), colours, scale)
        return canvas.figure


def heat_maps(
    images: NDArray[Any],
    maps: NDArray[Any],
    captions: Sequence[str] | None = None,
    *,
    labels: tuple[str, str] = ("", ""),
    title: str = "",
) -> Figure:
    """Draw images, and below each the heat that was found in it, all heat on one scale.

    Parameters
    ----------
    images : numpy.ndarray
        Shape (N, rows, columns) or (N, rows, columns, 1 or 3), in [0, 1].
    maps : numpy.ndarray
        Shape (N, rows, columns): the heat, from black through red to yellow.
    captions : sequence of str, optional
        A text below each pair.
    labels : tuple of str, optional
        Of the two rows.
    title : str, optional
        Above everything.

    Returns
    -------
    matplotlib.figure.Figure
        One column for each image.

    Raises
    ------
    ConfigError
        If images, maps and captions differ in number, or there are none.
    EngineUnavailableError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> figure = heat_maps(np.ones((4, 8, 8)), np.ones((4, 8, 8)), ["1", "2", "3", "4"])
    >>> len(figure.axes[0].images)  # and the colour bar
    9
    """
    count = len(images)
    texts = [""] * count if captions is None else captions
    if not count or len(maps) != count or len(texts) != count:
        raise ConfigError(f"{count} images, {len(maps)} maps and {len(texts)} captions: give as "
                          "many of each, at least one.")  # fmt: skip
    with drawing():
        label = width_of(labels, TEXT)
        start = MARGIN + (label + 12 if label else 0)
        width = min((WIDTH - start - MARGIN - BAR - GAP * (count - 1)) / count, 200.0)
        height = width * images.shape[1] / images.shape[2]
        top = MARGIN + (24 if title else 0)
        lower = top + height + GAP
        lines = max(text.count("\n") + bool(text) for text in texts)
        canvas = Canvas(WIDTH, max(lower + height, top + 70) + LINE_HEIGHT * lines + MARGIN)
        canvas.title(title, MARGIN)
        for words, upper in zip(labels, (top, lower), strict=True):
            canvas.text(MARGIN, upper + height / 2, words)
        low, high = min(float(maps.min()), 0.0), float(maps.max())
        scale = (low, high if high > low else low + 1)
        for place, (image, heat, text) in enumerate(zip(images, maps, texts, strict=True)):
            left = start + place * (width + GAP)
            canvas.picture(image, (left, top, width, height))
            canvas.picture(heat, (left, lower, width, height), colours=HEAT, scale=scale)
            canvas.text(
                left + width / 2, lower + height + 3, text, align="center", vertical="top",
                size=SMALL, colour=GRAY,
            )  # fmt: skip
        beside = start + count * (width + GAP) + 12
        canvas.colour_bar((beside, lower, 12, max(height, 50)), HEAT, scale)
        return canvas.figure


def _across(count: int) -> int:
    """Return how many pictures stand in a row: as square as pictures in a wide figure go."""
    if count <= 10:
        return count
    return next((n for n in (8, 10, 9, 12, 7) if count % n == 0 and count <= n * n), 12)


def _colours_of(maps: NDArray[Any]) -> tuple[str, tuple[float, float]]:
    """Return the colours of feature maps, and what their ends stand for; what is NaN is left out."""
    import numpy as np

    low, high = float(np.nanmin(maps)), float(np.nanmax(maps))
    if low >= 0:
        return "gray", (0.0, high or 1.0)
    largest = max(-low, high)
    return SIGNED, (-largest, largest)
