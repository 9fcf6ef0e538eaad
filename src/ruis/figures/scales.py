"""What charts have in common: named axes, their figures, and a level across."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruis.figures.style import GRAY, SMALL, localised

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["HEIGHT", "finish", "level_line"]

HEIGHT = 400.0
"""Of a chart, in pixels."""


def finish(
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


def level_line(axes: Axes, name: str, level: float) -> None:
    """Draw a dashed line with its name on it, at the left."""
    axes.axhline(level, color=GRAY, linewidth=0.9, dashes=(5, 3), zorder=1)
    axes.annotate(
        name, (0, level), (6, 3), xycoords=("axes fraction", "data"),
        textcoords="offset points", ha="left", va="bottom", fontsize=SMALL, color=GRAY,
    )  # fmt: skip
