"""Charts: curves and bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ruis.errors import ConfigError
from ruis.figures.canvas import width_of
from ruis.figures.scales import HEIGHT, finish, level_line
from ruis.figures.style import (
    COLOURS,
    DOTS,
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

__all__ = ["bars", "curves"]


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
        finish(axes, x_label, y_label, title, log_x=log_x, log_y=log_y)
        if not log_x and all(float(value).is_integer() for x, _ in series.values() for value in x):
            axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
        if not log_x:  # names stand where the curves end, and no line runs into them
            axes.set_xlim(right=max(float(max(x)) for x, _ in series.values()))
        for name, level in (levels or {}).items():
            level_line(axes, name, level)
        _name_ends(axes, ends)
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
        finish(axes, "", y_label, title, above=28)
        axes.tick_params(axis="x", length=0, labelsize=TEXT, labelcolor=INK)
        if len(names) > 1:
            axes.legend(
                loc="lower left", bbox_to_anchor=(0, 1.0), ncols=len(names), frameon=False,
                fontsize=TEXT, borderaxespad=0.3, handlelength=1.0, handleheight=0.9, borderpad=0,
            )  # fmt: skip
        return figure


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
