"""This room: figures. Numbers and words in, a figure out; all words come from the caller.

May touch: matplotlib, when a figure is drawn, and files, when one is saved.
Must not: compute what it draws, use pyplot or any figure but its own, or know a language.
"""

from __future__ import annotations

from ruis.figures.charts import bars, curves
from ruis.figures.cubes import cubes
from ruis.figures.front import quality_against_cost
from ruis.figures.noise import noise_sheet
from ruis.figures.output import save, to_png, to_svg
from ruis.figures.pictures import feature_maps, filters, heat_maps, image_rows
from ruis.figures.stacking import stacked_column
from ruis.figures.style import decimal_mark

__all__ = [
    "bars",
    "cubes",
    "curves",
    "decimal_mark",
    "feature_maps",
    "filters",
    "heat_maps",
    "image_rows",
    "noise_sheet",
    "quality_against_cost",
    "save",
    "stacked_column",
    "to_png",
    "to_svg",
]
