"""How many pixels are impulses: black, white or wild, whatever is around them?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["impulse_share"]

NEAREST = 4
"""A pixel is an impulse if it differs from all but so many, less one, of its eight neighbours."""

LEAST_STEP = 0.12
"""In fractions of the range between the darkest and the brightest value."""

SIGMAS = 6.0
SPREADS = 3.0
NEAR_END = 0.02

FEW_INSIDE = 0.1
"""Share of pairs of neighbours, of which neither is near an end, that is enough to tell the noise by."""

DENSE = 0.15
"""From this share on impulses have impulses for neighbours, and are counted by those that are none."""


def impulse_share(windows: Sequence[NDArray[np.float32]]) -> float:
    """Return the share of pixels that stand alone, far from nearly all of their neighbours.

    A pixel counts if the fourth smallest of its distances to its eight neighbours is large: an edge
    or a line has at least four pixels like it within reach, an impulse has not. Large means six
    times the noise of the others, and an eighth of the range. Besides, it must be almost the darkest
    or the brightest value of all, or further from the median of its neighbours than three times
    what these differ among themselves: fine texture is full of small specks. Where there are many, those
    that are almost the darkest or brightest are counted anew: they are far from the mean of those of their
    neighbours that are not.

    Parameters
    ----------
    windows : sequence of numpy.ndarray
        Shape (rows, columns), float32 fractions of the data range.

    Returns
    -------
    float
        0..1; 0 for windows of fewer than 3 rows or columns.

    References
    ----------
    R. Garnett, T. Huegerich, C. Chui, W. He, "A universal noise removal algorithm with an impulse
    detector", IEEE Transactions on Image Processing, 2005, doi:10.1109/TIP.2005.857261, whose
    rank-ordered absolute differences are summed; here the last of them is looked at.

    Examples
    --------
    >>> import numpy as np
    >>> pixels = np.full((64, 64), 0.5, np.float32)
    >>> pixels[8::16, 8::16] = 1
    >>> impulse_share([pixels]) == (16 / (62 * 62))
    True
    """
    low = min(float(window.min()) for window in windows)
    high = max(float(window.max()) for window in windows)
    if min(windows[0].shape) < 3 or high <= low:
        return 0.0
    near = NEAR_END * (high - low)
    ends = (low + near, high - near)
    noise = float(np.median([_typical_step(window, ends) for window in windows]))
    least = max(SIGMAS * noise, LEAST_STEP * (high - low))
    looked_at = sum((window.shape[0] - 2) * (window.shape[1] - 2) for window in windows)
    found = sum(int(_impulses(window, least, ends).sum()) for window in windows)
    if found > DENSE * looked_at:
        found = max(found, sum(_dense(window, least, ends) for window in windows))
    return float(found / looked_at)


def _typical_step(window: NDArray[np.float32], ends: tuple[float, float]) -> float:
    """Return the standard deviation of noise, from the median step between neighbours.

    Of all, or of those near no end, whichever is less: among many impulses most pixels have one for a neighbour.
    """
    step = np.abs(np.diff(window, axis=1))
    typical = float(np.median(step))
    inside = (window > ends[0]) & (window < ends[1])
    pairs = inside[:, 1:] & inside[:, :-1]
    if pairs.mean() > FEW_INSIDE:
        typical = min(typical, float(np.median(step[pairs])))
    return typical * 1.4826 / 2**0.5


def _impulses(
    window: NDArray[np.float32], least: float, ends: tuple[float, float]
) -> NDArray[np.bool_]:
    """Tell which inner pixels stand alone, and are extreme or stand in quiet surroundings."""
    rows, columns = window.shape
    centre = window[1:-1, 1:-1]
    # Few pixels differ by so much from any one neighbour: only those are looked at closely.
    candidates = np.abs(window[:-2, 1:-1] - centre) > least
    candidates |= np.abs(window[2:, 1:-1] - centre) > least
    at = np.nonzero(candidates)
    value = centre[at]
    around = _around(window, at)
    distance = np.partition(np.abs(around - value), NEAREST - 1, axis=0)[NEAREST - 1]
    around.sort(axis=0)
    spread, middle = around[6] - around[1], (around[3] + around[4]) / 2
    extreme = (value <= ends[0]) | (value >= ends[1])
    alone = (distance > least) & (extreme | (np.abs(value - middle) > SPREADS * spread))
    found = np.zeros((rows - 2, columns - 2), np.bool_)
    found[at] = alone
    return found


def _dense(window: NDArray[np.float32], least: float, ends: tuple[float, float]) -> int:
    """Count inner pixels near an end that are far from the mean of their neighbours near none."""
    centre = window[1:-1, 1:-1]
    at = np.nonzero((centre <= ends[0]) | (centre >= ends[1]))
    around = _around(window, at)
    inside = (around > ends[0]) & (around < ends[1])
    count = inside.sum(axis=0)
    mean = np.where(inside, around, 0).sum(axis=0) / np.maximum(count, 1)
    return int(((count > 0) & (np.abs(mean - centre[at]) > least)).sum())


def _around(window: NDArray[np.float32], at: tuple[NDArray[Any], ...]) -> NDArray[np.float32]:
    """Return the eight neighbours of inner pixels."""
    return np.stack([
        window[at[0] + down, at[1] + right]
        for down in range(3)
        for right in range(3)
        if (down, right) != (1, 1)
    ])  # fmt: skip
