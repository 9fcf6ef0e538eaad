"""Pictures of another size."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Reduction", "resized", "shrunk"]

Reduction = Literal["mean", "nearest", "gaussian"]
"""How several values become one: their mean, the first of them, or those in the middle after a blur."""


def resized(pixels: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """Enlarge or reduce: linear interpolation, over as many pixels as become one.

    Parameters
    ----------
    pixels : numpy.ndarray
        Shape (..., rows, columns, channels).
    rows, columns : int
        The size that is wanted.

    Returns
    -------
    numpy.ndarray
        Shape (..., `rows`, `columns`, channels).

    Examples
    --------
    >>> [round(float(x), 2) for x in resized(np.float32([[0], [0], [1], [1]])[None], 1, 2).flat]
    [0.14, 0.86]
    """
    for axis, length in ((-3, rows), (-2, columns)):
        pixels = np.moveaxis(_resample(np.moveaxis(pixels, axis, 0), length), 0, axis)
    return pixels


def _resample(pixels: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Resize along the first axis with triangles, which are wider where several become one."""
    before = pixels.shape[0]
    step = before / length
    centres = (np.arange(length) + 0.5) * step - 0.5
    width = max(step, 1.0)
    first = np.ceil(centres - width).astype(int)
    places = first[:, None] + np.arange(math.ceil(2 * width))
    weights = np.maximum(0, 1 - np.abs(places - centres[:, None]) / width)
    weights *= (places >= 0) & (places < before)
    weights /= weights.sum(axis=1, keepdims=True)
    places = places.clip(0, before - 1)
    others = (-1,) + (1,) * (pixels.ndim - 1)
    taps = zip(places.T, weights.T.astype(np.float32), strict=True)
    resampled = np.zeros((length, *pixels.shape[1:]), np.float32)
    for place, weight in taps:
        resampled += pixels[place] * weight.reshape(others)
    return resampled


def shrunk(
    values: NDArray[Any], factors: tuple[int, ...], method: Reduction = "mean"
) -> NDArray[Any]:
    """Reduce an array of any dtype by whole numbers, as a level of a pyramid is made of another.

    Parameters
    ----------
    values : numpy.ndarray
        Lengths that are multiples of the factors.
    factors : tuple of int
        How many values become one, along each axis.
    method : {"mean", "nearest", "gaussian"}
        The mean of a block, its first value, or the middle of it after a Gaussian filter with a
        standard deviation of a third of the factor.

    Returns
    -------
    numpy.ndarray
        The same dtype; integers are rounded to nearest.

    Examples
    --------
    >>> shrunk(np.arange(16, dtype=np.uint8).reshape(4, 4), (2, 2)).tolist()
    [[2, 4], [10, 12]]
    >>> shrunk(np.arange(16, dtype=np.uint8).reshape(4, 4), (2, 2), "nearest").tolist()
    [[0, 2], [8, 10]]
    """
    if method == "nearest":
        return values[tuple(slice(None, None, factor) for factor in factors)]
    wide = values.astype(np.float32 if values.dtype.itemsize <= 2 else np.float64)
    if method == "gaussian":
        from scipy.ndimage import gaussian_filter

        wide = gaussian_filter(wide, [factor / 3 if factor > 1 else 0 for factor in factors])
    for axis, factor in enumerate(factors):
        parts = wide.reshape(*wide.shape[:axis], -1, factor, *wide.shape[axis + 1 :])
        if method == "gaussian":
            parts = parts.take(range((factor - 1) // 2, factor // 2 + 1), axis=axis + 1)
        wide = parts.mean(axis=axis + 1)
    return (np.rint(wide) if values.dtype.kind in "ui" else wide).astype(values.dtype)
