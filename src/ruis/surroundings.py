"""What is around each pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["mean_around"]


def mean_around(values: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """Return the mean over a square around each pixel; what lies beyond the border is left out.

    Parameters
    ----------
    values : numpy.ndarray
        Shape (rows, columns, ...).
    reach : int
        Pixels in each direction: the square has 2 reach + 1 a side.

    Examples
    --------
    >>> import numpy as np
    >>> mean_around(np.float32([[0, 3, 6]]), 1).tolist()
    [[1.5, 3.0, 4.5]]
    """
    import numpy as np

    for axis in (0, 1):
        length = values.shape[axis]
        nothing = np.zeros_like(values.take([0], axis), np.float64)
        sums = np.concatenate([nothing, np.cumsum(values, axis, np.float64)], axis)
        place = np.arange(length)
        first, last = np.maximum(place - reach, 0), np.minimum(place + reach + 1, length)
        shape = [1] * values.ndim
        shape[axis] = length
        total = sums.take(last, axis) - sums.take(first, axis)
        values = np.asarray(total / (last - first).reshape(shape), np.float32)
    return values
