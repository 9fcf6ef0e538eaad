"""An image in all the ways in which its noise is measured: windows of it, channel by channel and in gray."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis.intensity import Intensity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.image import Image

__all__ = ["Views"]

SIDE, ACROSS = 256, 4
"""Of an image of more than a megapixel, windows of 256x256 pixels are looked at, four by four."""

ALL = 1 << 20


@dataclass(frozen=True, eq=False)
class Views:
    """The windows of an image, in all the ways in which they are measured.

    Parameters
    ----------
    shape : tuple of int
        How many windows are below each other, and side by side.
    stored : list of numpy.ndarray
        Their stored values, row by row, shape (rows, columns, channels).
    unit : list of numpy.ndarray
        The same as finite fractions of the range.
    planes : list of list of numpy.ndarray
        For each channel its part of `unit`, shape (rows, columns).
    gray : list of numpy.ndarray
        The mean of the channels of each window.
    """

    shape: tuple[int, int]
    stored: list[NDArray[Any]]
    unit: list[NDArray[np.float32]]
    planes: list[list[NDArray[np.float32]]]
    gray: list[NDArray[np.float32]]

    @classmethod
    def of(cls, image: Image) -> Views:
        """Look at an image, alpha left out."""
        rows = _windows(image.pixels[..., : image.channels])
        stored = [window for row in rows for window in row]
        scale = Intensity(image.info.dtype, image.info.data_range)
        unit = [scale.to_unit(window) for window in stored]
        if any(not np.isfinite(window).all() for window in unit):
            unit = [np.nan_to_num(window, nan=0.0, posinf=0.0, neginf=0.0) for window in unit]
        planes = [[np.ascontiguousarray(w[..., c]) for w in unit] for c in range(image.channels)]
        gray = planes[0] if len(planes) == 1 else [window.mean(axis=2) for window in unit]
        return cls((len(rows), len(rows[0])), stored, unit, planes, gray)

    def across(self) -> list[NDArray[np.float32]]:
        """Return each row of windows in gray, put side by side."""
        down, across = self.shape
        return [
            np.concatenate(self.gray[i * across : (i + 1) * across], axis=1) for i in range(down)
        ]

    def down(self) -> list[NDArray[np.float32]]:
        """Return each column of windows in gray, put below each other."""
        across = self.shape[1]
        return [np.concatenate(self.gray[i::across], axis=0) for i in range(across)]

    def middle(self) -> NDArray[np.float32]:
        """Return the window in the middle, with its channels."""
        down, across = self.shape
        return self.unit[down // 2 * across + across // 2]


def _windows(pixels: NDArray[Any]) -> list[list[NDArray[Any]]]:
    """Return the whole image, or rows of windows that begin at multiples of eight pixels."""
    rows, columns = pixels.shape[:2]
    if rows * columns <= ALL:
        return [[pixels]]

    def starts(length: int) -> Sequence[int]:
        places = np.linspace(0, max(length - SIDE, 0), ACROSS).astype(int) // 8 * 8
        return np.unique(places).tolist()  # type: ignore[no-any-return]

    return [
        [pixels[top : top + SIDE, left : left + SIDE] for left in starts(columns)]
        for top in starts(rows)
    ]
