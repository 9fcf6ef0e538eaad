"""Pixels that a TIFF says are none: GDAL writes down which value stands where there is nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruis.formats.tiff.values import PALETTE, WHITE_IS_ZERO

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tifffile import TiffPage

    from ruis.formats.tiff.values import Layout

__all__ = ["NO_DATA", "missing", "no_data"]

NO_DATA = 42113
"""GDAL's tag: a number, as a text (https://gdal.org/en/stable/drivers/raster/gtiff.html)."""


def no_data(page: TiffPage, layout: Layout) -> str:
    """Return the number that means nothing on a page, as its tag says it; empty if there is none.

    Parameters
    ----------
    page : tifffile.TiffPage
        Its tags.
    layout : Layout
        What its samples become. Where values do not stay what they are, as in a palette, the number means nothing else
        than a value, and nothing is looked for.
    """
    tag = page.tags.get(NO_DATA)
    if tag is None or page.dtype is None or page.dtype.name != layout.dtype:
        return ""
    turned = page.photometric == WHITE_IS_ZERO and page.dtype.kind == "u"
    spread = page.dtype == "uint8" and page.bitspersample < 8
    changed = page.photometric == PALETTE or turned or spread or layout.premultiplied
    return "" if changed else str(tag.value).strip("\0 ")


def missing(pixels: NDArray[Any], layout: Layout, told: str) -> NDArray[np.bool_] | None:
    """Say where there is nothing; None if there is something everywhere.

    Parameters
    ----------
    pixels : numpy.ndarray
        Shape (rows, columns, channels).
    layout : Layout
        What the channels mean: a colour is missing where all three are, other channels each by itself.
    told : str
        From :func:`no_data`.
    """
    import numpy as np

    try:
        number = int(told) if told.lstrip("+-").isdecimal() else float(told)
    except ValueError:
        return None
    if pixels.dtype.kind == "f":
        with np.errstate(over="ignore"):
            value = pixels.dtype.type(number)
        mask = np.isnan(pixels) if np.isnan(value) else pixels == value
    elif number % 1 == 0 and np.iinfo(pixels.dtype).min <= number <= np.iinfo(pixels.dtype).max:
        mask = pixels == int(number)
    else:
        return None
    if layout.alpha:
        mask[..., -1] = False
    if layout.colour == "rgb":
        mask[..., :3] = mask[..., :3].all(axis=2, keepdims=True)
    return mask if mask.any() else None
