"""Pixels that hold no value: filled from their neighbours for the network, and put back after."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Blank", "filled"]

PART, AROUND = 1024, 256
"""Rows and columns that are filled at a time, so that memory does not grow with the image; and so many around them are
looked at, no fewer than a network does."""


@dataclass(frozen=True)
class Blank:
    """Which values of an image are none, and what stood in their place.

    Parameters
    ----------
    shape : tuple of int
        Of the pixels.
    bits : bytes
        One bit for each value, in C order: 1 where it is blank.
    values : bytes
        What stood there: NaN, infinity, a number that means "nothing".
    dtype : str
        Of the pixels.
    count : int
        How many there are.
    """

    shape: tuple[int, ...]
    bits: bytes
    values: bytes
    dtype: str
    count: int

    @classmethod
    def of(cls, pixels: NDArray[Any], mask: NDArray[np.bool_]) -> Self:
        """Remember what is blank."""
        import numpy as np

        values = pixels[mask]
        bits = np.packbits(mask).tobytes()
        return cls(pixels.shape, bits, values.tobytes(), pixels.dtype.name, values.size)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The shape of the pixels: True where there is no value."""
        import numpy as np

        bits = np.unpackbits(np.frombuffer(self.bits, np.uint8), count=int(np.prod(self.shape)))
        return bits.reshape(self.shape).astype(bool)

    def restored(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Return a copy in which what was blank is blank again; other pixels than these as they are."""
        import numpy as np

        if (pixels.shape, pixels.dtype.name) != (self.shape, self.dtype):
            return pixels
        result = pixels.copy()
        result[self.mask] = np.frombuffer(self.values, pixels.dtype)
        return result


def filled(pixels: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[Any]:
    """Return the pixels with what is masked made up from what is around it.

    A mean of the values in the smallest block of 2, 4, 8, ... pixels that holds any: convolution
    normalised by what is there, one scale after the other. What is farther from any value than networks see
    (`AROUND`) may become 0.

    Parameters
    ----------
    pixels : numpy.ndarray
        Shape (rows, columns, channels).
    mask : numpy.ndarray of bool
        The same shape: True where there is no value.

    Returns
    -------
    numpy.ndarray
        Finite, of the same dtype; what is not masked is as it was.

    Examples
    --------
    >>> import numpy as np
    >>> pixels = np.array([[1.0, np.nan], [2.0, 3.0]])[..., None]
    >>> filled(pixels, np.isnan(pixels))[..., 0].tolist()
    [[1.0, 2.0], [2.0, 3.0]]
    """
    import numpy as np

    result = pixels.copy()
    for channel in range(pixels.shape[2]):
        for rows, columns in product(*(range(0, length, PART) for length in mask.shape[:2])):
            part = np.s_[rows : rows + PART, columns : columns + PART, channel]
            if mask[part].any():
                result[part][mask[part]] = _made(pixels, mask, rows, columns, channel)
    return result


def _made(
    pixels: NDArray[Any], mask: NDArray[np.bool_], row: int, column: int, channel: int
) -> NDArray[Any]:
    """Return what is put into the holes of one part of a channel."""
    import numpy as np

    top, left = max(0, row - AROUND), max(0, column - AROUND)
    window = np.s_[top : row + PART + AROUND, left : column + PART + AROUND, channel]
    hole = mask[window]
    values = np.where(hole, 0.0, pixels[window].astype(np.float64))
    inner = np.s_[row - top : row - top + PART, column - left : column - left + PART]
    made = _means(values, (~hole).astype(np.float64))[inner][hole[inner]]
    return (np.rint(made) if pixels.dtype.kind in "ui" else made).astype(pixels.dtype)


def _means(sums: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sums / weights where there is a weight, and the mean of a larger block where not."""
    import numpy as np

    empty = weights == 0
    means = sums / np.where(empty, 1.0, weights)
    if not empty.any() or max(weights.shape) == 1:
        return means
    rows, columns = weights.shape
    coarse = _means(_paired(sums), _paired(weights))
    near = coarse.repeat(2, 0)[:rows].repeat(2, 1)[:, :columns]
    return np.where(empty, near, means)


def _paired(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums of blocks of 2x2."""
    import numpy as np

    rows, columns = (length + length % 2 for length in values.shape)
    even = np.zeros((rows, columns))
    even[: values.shape[0], : values.shape[1]] = values
    blocks: NDArray[np.float64] = even.reshape(rows // 2, 2, columns // 2, 2).sum((1, 3))
    return blocks
