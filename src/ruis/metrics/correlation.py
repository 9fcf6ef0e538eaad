"""Correlation: does what was removed go with what is left?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruis.errors import ConfigError

__all__ = ["correlation"]


def correlation(noisy: NDArray[Any], denoised: NDArray[Any], data_range: float = 1.0) -> float:
    """Return the correlation of what was removed, noisy - denoised, with the denoised image.

    Noise that was added to a scene does not know it: 0. A positive value tells that contrast was
    removed with it, a negative one that contrast was added. Values that were clipped give a value
    below 0: what went beyond black could only be brought back up.

    Parameters
    ----------
    noisy, denoised : numpy.ndarray
        Shape (rows, columns) or (rows, columns, channels), the same for both.
    data_range : float, default 1.0
        Not used: the figure has no unit. It is here because all metrics are called alike.

    Returns
    -------
    float
        -1 to 1; each channel about its own mean. 0 where nothing was removed, or nothing is left.

    Raises
    ------
    ConfigError
        If the shapes differ or are not those of an image.

    Examples
    --------
    >>> import numpy as np
    >>> ramp = np.linspace(0, 1, 64) * np.ones((64, 1))
    >>> round(correlation(ramp, 0.8 * ramp), 6)  # a fifth of the contrast is gone
    1.0
    """
    if noisy.shape != denoised.shape or noisy.ndim not in (2, 3) or noisy.size == 0:
        raise ConfigError(
            f"Correlation needs two equal shapes (rows, columns[, channels]), "
            f"not {noisy.shape} and {denoised.shape}."
        )
    removed = np.subtract(noisy, denoised, dtype=np.float64)
    left = np.asarray(denoised, np.float64)
    removed = removed - removed.mean(axis=(0, 1), keepdims=True)
    left = left - left.mean(axis=(0, 1), keepdims=True)
    below = float((removed**2).sum()) * float((left**2).sum())
    return float((removed * left).sum()) / below**0.5 if below else 0.0
