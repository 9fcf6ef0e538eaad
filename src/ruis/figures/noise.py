"""What is known of an image's noise, in one figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ruis.figures.style import (
    ACCENT,
    COLOURS,
    GRAY,
    INK,
    SMALL,
    TEXT,
    WIDTH,
    drawing,
    localised,
    new_axes,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["noise_sheet"]

LEFT, GAP, SQUARE = 60.0, 56.0, 196.0
HEAD, FOOT = 34.0, 44.0
LINE = 16.0


def noise_sheet(
    image: NDArray[Any],
    residual: NDArray[Any],
    flat: NDArray[Any],
    correlation: NDArray[Any],
    points: tuple[Sequence[float], Sequence[float]],
    line: tuple[float, float],
    *,
    titles: Sequence[str],
    axes: tuple[str, str],
    title: str = "",
    text: str = "",
) -> Figure:
    """Draw an image's noise: the image, its finest part, a flat patch, neighbours, brightness.

    Parameters
    ----------
    image : numpy.ndarray
        A window of the image, shape (rows, columns) or (rows, columns, 3), in [0, 1].
    residual : numpy.ndarray
        What is noise in it, amplified, shape (rows, columns), about 0.
    flat : numpy.ndarray
        A flat patch, shape (rows, columns), about 0.
    correlation : numpy.ndarray
        The autocorrelation, shape (2 n + 1, 2 n + 1), -1..1.
    points : tuple of sequence of float
        Brightness, and the standard deviation of the noise there.
    line : tuple of float
        Gain and offset of the variance, drawn as the curve of its root.
    titles : sequence of str
        Of the five panels.
    axes : tuple of str
        What the last panel's axes show.
    title : str, optional
        Above everything.
    text : str, optional
        Below the title, wrapped.

    Returns
    -------
    matplotlib.figure.Figure
        800 pixels wide at 100 dots per inch.

    Raises
    ------
    EngineUnavailableError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(0, 0.1, (64, 64))
    >>> figure = noise_sheet(
    ...     0.5 + noise,
    ...     noise,
    ...     noise[:32, :32],
    ...     np.eye(11),
    ...     ([0.5], [0.1]),
    ...     (0.0, 0.01),
    ...     titles=["a", "b", "c", "d", "e"],
    ...     axes=("x", "y"),
    ... )
    >>> len(figure.axes)
    5
    """
    import textwrap

    with drawing():
        words = textwrap.wrap(text, 118, break_on_hyphens=False)
        top = (30.0 if title else 12.0) + LINE * len(words) + HEAD
        height = top + 2 * SQUARE + HEAD + 20 + FOOT
        figure = new_figure(WIDTH, height)
        if title:
            figure.text(20 / WIDTH, 1 - 24 / height, title, weight="bold", size=TEXT + 1, color=INK)
        for place, one in enumerate(words):
            down = 30 + LINE * (place + 1)
            figure.text(20 / WIDTH, 1 - down / height, one, size=SMALL + 1, color=INK)
        wide = (WIDTH - 40 - 24) / 2

        def panel(left: float, down: float, width: float, name: str, tall: float = SQUARE) -> Any:
            box = new_axes(figure, left, down, WIDTH - left - width, height - down - tall, grid="")
            box.set_title(name, fontsize=SMALL + 0.5, color=GRAY, loc="left", pad=5)
            return box

        def picture(
            box: Any, pixels: NDArray[Any], colours: str, ends: tuple[float, float]
        ) -> None:
            if pixels.ndim == 3:
                pixels = pixels.clip(0, 1)
            box.imshow(pixels, cmap=colours, vmin=ends[0], vmax=ends[1], interpolation="nearest")
            box.set_xticks([])
            box.set_yticks([])
            box.spines[:].set_visible(False)

        spread = 3 * float(residual.std()) or 1.0
        picture(panel(20, top, wide, titles[0]), image, "gray", (0, 1))
        picture(panel(20 + wide + 24, top, wide, titles[1]), residual, "gray", (-spread, spread))
        below = top + SQUARE + HEAD + 10
        spread = 3 * float(flat.std()) or 1.0
        picture(panel(20, below, SQUARE, titles[2]), flat, "gray", (-spread, spread))
        box = panel(20 + SQUARE + 24, below, SQUARE, titles[3])
        shown = correlation.copy()
        middle = shown.shape[0] // 2
        picture(box, shown, "RdBu_r", (-1, 1))
        for down, right in ((0, 1), (1, 0), (1, 1)):
            value = float(correlation[middle + down, middle + right])
            box.text(
                middle + right, middle + down, localised(f"{value:.1f}".replace("-", "\N{MINUS SIGN}")),
                ha="center", va="center", fontsize=SMALL - 1.5,
                color="white" if abs(value) > 0.6 else INK,
            )  # fmt: skip
        _brightness(
            panel(20 + 2 * SQUARE + 24 + 66, below, WIDTH - 40 - 2 * SQUARE - 24 - 66, titles[4]),
            points,
            line,
            axes,
        )
        return figure


def _brightness(
    box: Any,
    points: tuple[Sequence[float], Sequence[float]],
    line: tuple[float, float],
    labels: tuple[str, str],
) -> None:
    """Draw the noise over the brightness."""
    import numpy as np

    across, sigma = (np.asarray(values, float) for values in points)
    box.grid(axis="y", color="#d9d9d9", linewidth=0.6)
    box.plot(across, 255 * sigma, "o", color=COLOURS[0], markersize=3.5, clip_on=False)
    along = np.linspace(0, 1, 64)
    fitted = 255 * np.sqrt(np.maximum(line[0] * along + line[1], 0))
    box.plot(along, fitted, color=ACCENT, linewidth=1.4)
    most = max([*(255 * sigma), *fitted, 0.5])
    box.set_xlim(0, 1)
    box.set_ylim(0, 1.12 * most)
    box.set_xlabel(labels[0], fontsize=SMALL + 0.5)
    box.set_ylabel(labels[1], fontsize=SMALL + 0.5)
