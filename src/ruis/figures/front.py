"""Quality against cost, and the best that each cost buys."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from ruis.errors import ConfigError
from ruis.figures.canvas import width_of
from ruis.figures.scales import HEIGHT, finish, level_line
from ruis.figures.style import (
    ACCENT,
    COLOURS,
    DOTS,
    GRAY,
    INK,
    SMALL,
    WIDTH,
    drawing,
    new_axes,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["quality_against_cost"]

Side = Literal["left", "center", "right"]
Place = tuple[int, int, Side]
Box = tuple[float, float, float, float]

PLACES: tuple[Place, ...] = ((7, 0, "left"), (-7, 0, "right"), (0, 12, "center"), (0, -12, "center"), (6, 11, "left"),
          (-6, 11, "right"), (6, -11, "left"), (-6, -11, "right"))  # fmt: skip
"""Where a name may stand beside its point: to the right, up, and its side of the point."""


def quality_against_cost(
    points: Sequence[tuple[str, float, float]],
    x_label: str,
    y_label: str,
    *,
    wanted: float | None = None,
    wanted_label: str = "",
    chosen: str | None = None,
    title: str = "",
    log_x: bool = False,
) -> Figure:
    """Draw what each model costs and how good it is, and the best that each cost buys.

    Parameters
    ----------
    points : sequence of (str, float, float)
        Name, cost and quality; less cost and more quality are better.
    x_label, y_label : str
        What cost and quality are, with their units.
    wanted : float, optional
        The quality that is wanted, drawn as a dashed line.
    wanted_label : str, optional
        Its name.
    chosen : str, optional
        The name of the point to stress.
    title : str, optional
        Above everything.
    log_x : bool, default False
        Whether costs are on a logarithmic axis.

    Returns
    -------
    matplotlib.figure.Figure
        The points that no other point beats in both are joined by a stepped line: the Pareto
        front.

    Raises
    ------
    ConfigError
        If there is no point, or none has the chosen name.
    EngineUnavailableError
        If matplotlib is not installed.

    Examples
    --------
    >>> points = [("8", 1.0, 20.0), ("16", 2.0, 23.0), ("32", 4.0, 22.0)]
    >>> figure = quality_against_cost(points, "ms", "PSNR, dB", wanted=22.5, chosen="16")
    >>> figure.axes[0].lines[0].get_xdata().tolist()  # the front
    [1.0, 2.0, 4.0]
    """
    if not points or (chosen is not None and chosen not in [name for name, _, _ in points]):
        raise ConfigError(f"there is no point {chosen!r} among {len(points)} points.")
    with drawing():
        figure = new_figure(WIDTH, HEIGHT + 40)
        axes = new_axes(figure, 72, 40 if title else 20, 30, 56)
        front = _front(points)
        costs = [cost for _, cost, _ in front] + [max(cost for _, cost, _ in points)]
        reached = [quality for _, _, quality in front] + [front[-1][2]]
        axes.plot(costs, reached, color=COLOURS[0], linewidth=1.2, drawstyle="steps-post")
        for name, cost, quality in points:
            best = any(name == one for one, _, _ in front)
            colour = ACCENT if name == chosen else COLOURS[0] if best else GRAY
            axes.plot(
                [cost], [quality], "o", color=colour, markersize=8 if name == chosen else 5.5,
                markeredgecolor="white", markeredgewidth=0.8, zorder=3,
            )  # fmt: skip
        axes.margins(0.09, 0.12)
        finish(axes, x_label, y_label, title, log_x=log_x)
        if wanted is not None:
            level_line(axes, wanted_label, wanted)
        _name_points(axes, points, chosen, wanted)
        return figure


def _name_points(
    axes: Axes,
    points: Sequence[tuple[str, float, float]],
    chosen: str | None,
    wanted: float | None,
) -> None:
    """Write each point's name where it covers no point and no other name, if there is room."""
    axes.autoscale_view()  # what was drawn last may have moved the limits
    spots = [tuple(axes.transData.transform((x, y))) for _, x, y in points]
    taken: list[Box] = [(x - 5, y - 5, x + 5, y + 5) for x, y in spots]
    corners = axes.transData.transform(axes.lines[0].get_xydata())
    for (x, y), (after, up) in pairwise(corners.tolist()):  # the steps of the front
        taken += [(x, y - 3, after, y + 3), (after - 3, min(y, up), after + 3, max(y, up))]
    frame = axes.get_window_extent()
    if wanted is not None:
        level = float(axes.transData.transform((points[0][1], wanted))[1])
        taken.append((frame.x0, level - 2, frame.x1, level + 2))
    for (name, across, up), (x, y) in zip(points, spots, strict=True):
        wide = width_of([name], SMALL)
        boxes = {place: _box(place, x, y, wide) for place in PLACES}

        def cost(place: Place, boxes: dict[Place, Box] = boxes) -> float:
            mine = boxes[place]
            beyond = mine[0] < frame.x0 or mine[2] > frame.x1 + 20 or mine[1] < frame.y0
            return float(sum(_overlap(mine, other) for other in taken) + 1e4 * beyond)

        best = min(PLACES, key=cost)
        taken.append(boxes[best])
        axes.annotate(
            name, (across, up), (best[0] * 72 / DOTS, best[1] * 72 / DOTS),
            textcoords="offset points", ha=best[2], va="center_baseline", fontsize=SMALL,
            color=ACCENT if name == chosen else INK,
            fontweight="bold" if name == chosen else "normal", zorder=4,
        )  # fmt: skip


def _box(place: Place, x: float, y: float, wide: float) -> Box:
    """Return what a name covers that stands at a place beside (x, y)."""
    right, up, side = place
    left = x + right - {"left": 0.0, "center": wide / 2, "right": wide}[side]
    return left, y + up - 6, left + wide, y + up + 6


def _overlap(one: Box, other: Box) -> float:
    """Return the area that two boxes share."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    up = min(one[3], other[3]) - max(one[1], other[1])
    return max(across, 0.0) * max(up, 0.0)


def _front(points: Sequence[tuple[str, float, float]]) -> list[tuple[str, float, float]]:
    """Return the points that no other beats in cost and quality, from cheap to dear."""
    front: list[tuple[str, float, float]] = []
    for point in sorted(points, key=lambda one: (one[1], -one[2])):
        if not front or point[2] > front[-1][2]:
            front.append(point)
    return front
