"""Charts: curves, bars, and quality against cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from ruis.errors import ConfigError
from ruis.figures.canvas import width_of
from ruis.figures.style import (
    ACCENT,
    COLOURS,
    DOTS,
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
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["bars", "curves", "quality_against_cost"]

HEIGHT = 400.0
Side = Literal["left", "center", "right"]
Place = tuple[int, int, Side]
Box = tuple[float, float, float, float]

PLACES: tuple[Place, ...] = ((7, 0, "left"), (-7, 0, "right"), (0, 12, "center"), (0, -12, "center"), (6, 11, "left"),
          (-6, 11, "right"), (6, -11, "left"), (-6, -11, "right"))  # fmt: skip
"""Where a name may stand beside its point: to the right, up, and its side of the point."""


def curves(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    x_label: str,
    y_label: str,
    *,
    levels: Mapping[str, float] | None = None,
    title: str = "",
    log_x: bool = False,
    log_y: bool = False,
) -> Figure:
    """Draw curves, each with its name at its right end.

    Parameters
    ----------
    series : mapping of str to (sequence of float, sequence of float)
        Name -> (x, y), in the order of the colours; at most seven.
    x_label, y_label : str
        What the axes show, with its unit.
    levels : mapping of str to float, optional
        Name -> y of a dashed horizontal line to compare with.
    title : str, optional
        Above everything.
    log_x, log_y : bool, default False
        Whether an axis is logarithmic.

    Returns
    -------
    matplotlib.figure.Figure
        800 pixels wide at 100 dots per inch.

    Raises
    ------
    ConfigError
        If there is nothing to draw, x and y differ in length, or there are too many curves.
    EngineUnavailableError
        If matplotlib is not installed.

    Examples
    --------
    >>> figure = curves({"loss": ([1, 2, 3], [0.3, 0.2, 0.1])}, "epoch", "loss")
    >>> len(figure.axes[0].lines)
    1
    """
    if not 1 <= len(series) <= len(COLOURS):
        raise ConfigError(f"{len(series)} curves: draw 1 to {len(COLOURS)} in one figure.")
    for name, (x, y) in series.items():
        if len(x) != len(y) or not len(x):
            raise ConfigError(f"the curve {name!r} has {len(x)} values of x and {len(y)} of y.")
    with drawing():
        from matplotlib.ticker import MaxNLocator

        figure = new_figure(WIDTH, HEIGHT)
        right = 24.0 + max(width_of([name], TEXT) for name in series)
        axes = new_axes(figure, 72, 40 if title else 20, right, 56)
        ends = []
        for (name, (x, y)), colour in zip(series.items(), COLOURS, strict=False):
            few = len(x) <= 12
            axes.plot(
                x,
                y,
                color=colour,
                linewidth=1.6,
                marker="o" if few else "",
                markersize=3.5,
                clip_on=False,
            )
            ends.append((name, float(x[-1]), float(y[-1]), colour))
        _finish(axes, x_label, y_label, title, log_x=log_x, log_y=log_y)
        if not log_x and all(float(value).is_integer() for x, _ in series.values() for value in x):
            axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
        if not log_x:  # names stand where the curves end, and no line runs into them
            axes.set_xlim(right=max(float(max(x)) for x, _ in series.values()))
        for name, level in (levels or {}).items():
            _level(axes, name, level)
        _name_ends(axes, ends)
        return figure


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
        _finish(axes, x_label, y_label, title, log_x=log_x)
        if wanted is not None:
            _level(axes, wanted_label, wanted)
        _name_points(axes, points, chosen, wanted)
        return figure


def bars(
    groups: Mapping[str, Mapping[str, float]],
    y_label: str,
    *,
    form: str = "{:.1f}",
    from_zero: bool = True,
    title: str = "",
) -> Figure:
    """Draw groups of bars with their values.

    Parameters
    ----------
    groups : mapping of str to (mapping of str to float)
        Group -> series -> value; a series has one colour in all groups.
    y_label : str
        What the values are, with their unit.
    form : str, default "{:.1f}"
        How a value is written above its bar.
    from_zero : bool, default True
        Whether bars begin at zero. Where they do not, their lengths cannot be compared, and dots
        are drawn instead.
    title : str, optional
        Above everything.

    Returns
    -------
    matplotlib.figure.Figure
        800 pixels wide at 100 dots per inch.

    Raises
    ------
    ConfigError
        If there is nothing to draw, or there are too many series.
    EngineUnavailableError
        If matplotlib is not installed.

    Examples
    --------
    >>> figure = bars({"plain": {"dense": 24.1, "convolutional": 25.0}}, "PSNR, dB")
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['24.1', '25.0']
    """
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    if not 1 <= len(names) <= len(COLOURS):
        raise ConfigError(f"{len(names)} series of bars: draw 1 to {len(COLOURS)}.")
    with drawing():
        figure = new_figure(WIDTH, HEIGHT - 60)
        axes = new_axes(
            figure, 72, (40 if title else 20) + 24, 24, 40, grid="" if from_zero else "y"
        )
        width = min(0.8 / len(names), 0.32)
        for place, (name, colour) in enumerate(zip(names, COLOURS, strict=False)):
            inside = [(i, group[name]) for i, group in enumerate(groups.values()) if name in group]
            at = [i + (place - (len(names) - 1) / 2) * width for i, _ in inside]
            values = [value for _, value in inside]
            if from_zero:
                axes.bar(at, values, width * 0.9, color=colour, label=name)
            else:
                axes.plot(at, values, "o", color=colour, markersize=8, label=name)
            for across, value in zip(at, values, strict=True):
                axes.annotate(
                    localised(form.format(value)), (across, value), (0, 4 if value >= 0 else -4),
                    textcoords="offset points", ha="center", fontsize=SMALL,
                    va="bottom" if value >= 0 else "top",
                )  # fmt: skip
        axes.set_xticks(range(len(groups)), list(groups))
        axes.set_xlim(-0.6, len(groups) - 0.4)
        axes.margins(y=0.12 if from_zero else 0.25)
        _finish(axes, "", y_label, title, above=28)
        axes.tick_params(axis="x", length=0, labelsize=TEXT, labelcolor=INK)
        if len(names) > 1:
            axes.legend(
                loc="lower left", bbox_to_anchor=(0, 1.0), ncols=len(names), frameon=False,
                fontsize=TEXT, borderaxespad=0.3, handlelength=1.0, handleheight=0.9, borderpad=0,
            )  # fmt: skip
        return figure


def _finish(
    axes: Axes, x_label: str, y_label: str, title: str,
    *, log_x: bool = False, log_y: bool = False, above: float = 12,
) -> None:  # fmt: skip
    """Name the axes, and write their figures without powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    _localise(axes)
    for asked, axis, scale in (
        (log_x, axes.xaxis, axes.set_xscale),
        (log_y, axes.yaxis, axes.set_yscale),
    ):
        if asked:
            scale("log")
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_minor_locator(LogLocator(subs=()))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.set_xlabel(x_label, labelpad=8)
    axes.set_ylabel(y_label, labelpad=8)
    if title:
        axes.annotate(
            title, (0, 1), (0, above), xycoords="axes fraction", textcoords="offset points",
            ha="left", va="bottom", fontweight="bold",
        )  # fmt: skip


def _localise(axes: Axes) -> None:
    """Let the axes' figures have the decimal mark that is asked for, also when they are saved."""
    if localised(".") == ".":
        return
    from matplotlib.ticker import ScalarFormatter

    mark = localised(".")

    class Localised(ScalarFormatter):
        """Plain numbers with that mark."""

        def __call__(self, x: float, pos: int | None = None) -> str:
            return super().__call__(x, pos).replace(".", mark)

    for axis in (axes.xaxis, axes.yaxis):
        if isinstance(axis.get_major_formatter(), ScalarFormatter):  # else it has names
            axis.set_major_formatter(Localised())


def _level(axes: Axes, name: str, level: float) -> None:
    """Draw a dashed line with its name on it, at the left."""
    axes.axhline(level, color=GRAY, linewidth=0.9, dashes=(5, 3), zorder=1)
    axes.annotate(
        name, (0, level), (6, 3), xycoords=("axes fraction", "data"),
        textcoords="offset points", ha="left", va="bottom", fontsize=SMALL, color=GRAY,
    )  # fmt: skip


def _name_ends(axes: Axes, ends: list[tuple[str, float, float, str]]) -> None:
    """Write each curve's name at its end, moved so that no two names overlap."""
    axes.autoscale_view()  # what was drawn last may have moved the limits
    apart, frame = 16.0, axes.get_window_extent()
    places = [float(axes.transData.transform((x, y))[1]) for _, x, y, _ in ends]
    order = sorted(range(len(ends)), key=places.__getitem__)
    groups: list[list[int]] = []  # names that stand close, one above the other
    for i in order:
        groups.append([i])
        while len(groups) > 1 and _foot(places, groups[-1], apart) < (
            _foot(places, groups[-2], apart) + apart * len(groups[-2])
        ):
            last = groups.pop()
            groups[-1] += last
    for group in groups:
        highest = frame.y1 - apart * (len(group) - 1)
        foot = max(min(_foot(places, group, apart), highest), frame.y0)
        for step, i in enumerate(group):
            name, x, y, colour = ends[i]
            axes.annotate(
                name, (x, y), (6, (foot + step * apart - places[i]) * 72 / DOTS - 0.35 * TEXT),
                textcoords="offset points", ha="left", va="baseline", color=colour,
                annotation_clip=False,
            )  # fmt: skip


def _foot(places: list[float], group: list[int], apart: float) -> float:
    """Return where the lowest name of a group stands, so that the group is where its curves end."""
    return sum(places[i] for i in group) / len(group) - apart * (len(group) - 1) / 2


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
