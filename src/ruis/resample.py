"""Pictures of another size."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["resized"]


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
