"""Stored values to float32 model values, and back; every forward carries its own inverse.

Model values are fractions of the data range: black is 0 and white is 1. The range is the whole
range of an integer dtype, and 1.0 for floats unless the caller says otherwise: it is never guessed
from the pixels. Values outside it are legal, and are kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ruis.errors import ConfigError
from ruis.image import data_range_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import EllipsisType

    import numpy as np
    from numpy.typing import DTypeLike, NDArray

__all__ = ["Intensity"]

BAND = 1 << 15
"""Values that are turned at a time: so many, and what comes between, stay in the fast parts of memory."""


@dataclass(frozen=True)
class Intensity:
    """The map between stored values of one dtype and model values, and its inverse.

    Parameters
    ----------
    dtype : numpy.dtype
        The dtype of the stored values.
    data_range : tuple of float
        The stored values that mean black and white.

    Raises
    ------
    ConfigError
        If white is not above black.

    Examples
    --------
    >>> import numpy as np
    >>> scale = Intensity.of(np.uint8)
    >>> scale.to_unit(np.array([0, 51, 255], np.uint8)).tolist()
    [0.0, 0.20000001788139343, 1.0]
    >>> scale.from_unit(np.array([0.0, 0.2, 1.3], np.float32)).tolist()
    [0, 51, 255]
    """

    dtype: np.dtype[Any]
    data_range: tuple[float, float]

    def __post_init__(self) -> None:
        low, high = self.data_range
        if not (math.isfinite(low) and math.isfinite(high) and high > low):
            raise ConfigError(
                f"the data range needs two numbers, the upper above the lower: {low}..{high}."
            )

    @classmethod
    def of(cls, dtype: DTypeLike, data_range: tuple[float, float] | None = None) -> Intensity:
        """Return the map of a dtype, with its own data range unless another is given."""
        import numpy as np

        return cls(np.dtype(dtype), data_range or data_range_of(dtype))

    def to_unit(
        self,
        stored: NDArray[Any],
        *,
        copy: bool = True,
        out: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Turn stored values of any shape into float32 fractions of the data range.

        Parameters
        ----------
        stored : numpy.ndarray
            Stored values.
        copy : bool, default True
            Whether the result is a new array also where the stored values are such fractions.
        out : numpy.ndarray, optional
            Where they may go, an array of that shape: not where they are such fractions. Default: a new
            one.
        """
        import numpy as np

        if self._is_unit:
            return stored.astype(np.float32, copy=copy)
        unit = np.empty(stored.shape, np.float32) if out is None else out
        for band in _bands(stored.shape):
            self._to_unit(stored[band], unit[band])
        return unit

    def _to_unit(self, stored: NDArray[Any], unit: NDArray[np.float32]) -> None:
        import numpy as np

        low, high = self.data_range
        if stored.dtype.itemsize > 2:  # float32 has 24 bits: take the difference before rounding
            unit[...] = (stored.astype(np.float64) - low) / (high - low)
            return
        unit[...] = stored
        if low:
            unit -= np.float32(low)
        unit *= np.float32(1.0 / (high - low))

    def from_unit(self, unit: NDArray[np.float32], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Turn model values of any shape into stored ones.

        Integers are rounded to nearest and limited to what the dtype holds; floats are neither.

        Parameters
        ----------
        unit : numpy.ndarray
            Model values.
        out : numpy.ndarray, optional
            Where they go, an array of that shape and of the stored dtype. Default: a new one.
        """
        import numpy as np

        stored = np.empty(unit.shape, self.dtype) if out is None else out
        if self._is_unit:
            stored[...] = unit
        else:
            for band in _bands(unit.shape):
                stored[band] = self._from_unit(unit[band])
        return stored

    def _from_unit(self, unit: NDArray[np.float32]) -> NDArray[Any]:
        import numpy as np

        low, high = self.data_range
        stored: Any = unit.astype(np.float64 if self.dtype.itemsize > 2 else np.float32)
        stored *= high - low
        if low:
            stored += low
        if self.dtype.kind == "b":
            return np.asarray(stored >= 0.5)
        if self.dtype.kind in "ui":
            limits = np.iinfo(self.dtype)
            np.rint(stored, out=stored)
            if self.dtype.itemsize > 4:  # the largest 64-bit integers are no float64
                full = stored >= limits.max
                np.clip(stored, limits.min, np.nextafter(np.float64(limits.max), 0), out=stored)
                return np.where(full, limits.max, stored.astype(self.dtype)).astype(self.dtype)
            np.clip(stored, limits.min, limits.max, out=stored)
        return np.asarray(stored.astype(self.dtype))

    @property
    def bounded(self) -> bool:
        """Whether no stored value can lie beyond the data range."""
        import numpy as np

        if self.dtype.kind not in "ui":
            return self.dtype.kind == "b"
        limits, (low, high) = np.iinfo(self.dtype), self.data_range
        return low <= limits.min and limits.max <= high

    @property
    def _is_unit(self) -> bool:
        """Whether stored values are fractions of the data range already."""
        return self.dtype.kind == "f" and tuple(self.data_range) == (0, 1)


def _bands(shape: tuple[int, ...]) -> Iterator[slice | EllipsisType]:
    """Yield parts of an array that fit into the fast parts of memory: some rows each, or all."""
    rows = shape[0] if shape else 0
    if math.prod(shape) <= BAND or not rows:
        yield ...
        return
    band = max(1, BAND * rows // math.prod(shape))
    for row in range(0, rows, band):
        yield slice(row, row + band)
