"""PSNR: the peak signal-to-noise ratio."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruis.errors import ConfigError

__all__ = ["psnr"]

_BLOCK = 1 << 20
"""Values at a time, so that a large image needs no float64 copy."""


def psnr(clean: NDArray[Any], denoised: NDArray[Any], data_range: float = 1.0) -> float:
    """Say how close an image is to the clean one, in decibels; more is better.

    Parameters
    ----------
    clean, denoised : numpy.ndarray
        Any shape, the same for both; all channels count alike.
    data_range : float, default 1.0
        The distance between black and white in the values' own unit: 255 for 8-bit values.

    Returns
    -------
    float
        10 log10(data_range**2 / mean squared error); infinite for identical images.

    Raises
    ------
    ConfigError
        If the shapes differ, there are no pixels, or the range is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> round(psnr(np.zeros((8, 8)), np.full((8, 8), 0.1)), 6)
    20.0
    """
    if clean.shape != denoised.shape or clean.size == 0:
        raise ConfigError(f"PSNR needs two equal shapes, not {clean.shape} and {denoised.shape}.")
    if not data_range > 0:
        raise ConfigError(f"The data range must be positive, not {data_range}.")
    first, second = clean.reshape(-1), denoised.reshape(-1)
    total = 0.0
    for start in range(0, first.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        difference = np.subtract(first[block], second[block], dtype=np.float64)
        total += float(difference @ difference)
    error = total / first.size
    return 10 * math.log10(data_range**2 / error) if error else math.inf
