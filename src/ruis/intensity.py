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
    import numpy as np
    from numpy.typing import DTypeLike, NDArray

__all__ = ["Intensity"]


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

    def to_unit(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Turn stored values of any shape into float32 fractions of the data range."""
        import numpy as np

        low, high = self.data_range
        if stored.dtype.itemsize > 2:  # float32 has 24 bits: take the difference before rounding
            unit = (stored.astype(np.float64) - low) / (high - low)
            return unit.astype(np.float32)
        narrow = stored.astype(np.float32)
        if low:
            narrow -= np.float32(low)
        narrow *= np.float32(1.0 / (high - low))
        return narrow

    def from_unit(self, unit: NDArray[np.float32]) -> NDArray[Any]:
        """Turn model values of any shape into stored ones.

        Integers are rounded to nearest and limited to what the dtype holds; floats are neither.
        """
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
