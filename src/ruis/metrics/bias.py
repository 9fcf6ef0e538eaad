"""Bias: did the brightness change?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruis.errors import ConfigError

__all__ = ["bias"]


def bias(noisy: NDArray[Any], denoised: NDArray[Any], data_range: float = 1.0) -> float:
    """Return the mean of what was removed, noisy - denoised; 0 is best for noise of mean 0.

    Parameters
    ----------
    noisy, denoised : numpy.ndarray
        Any shape, the same for both.
    data_range : float, default 1.0
        The distance between black and white in the values' own unit.

    Returns
    -------
    float
        In fractions of the data range; positive if the image became darker.

    Raises
    ------
    ConfigError
        If the shapes differ, there are no pixels, or the range is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> bias(np.full((4, 4), 0.75), np.full((4, 4), 0.5))
    0.25
    """
    if noisy.shape != denoised.shape or noisy.size == 0:
        raise ConfigError(f"Bias needs two equal shapes, not {noisy.shape} and {denoised.shape}.")
    if not data_range > 0:
        raise ConfigError(f"The data range must be positive, not {data_range}.")
    return float((noisy.mean(dtype=np.float64) - denoised.mean(dtype=np.float64)) / data_range)
