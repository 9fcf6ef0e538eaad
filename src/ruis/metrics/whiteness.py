"""Whiteness: does what was removed look like noise?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruis.errors import ConfigError

__all__ = ["whiteness"]


def whiteness(noisy: NDArray[Any], denoised: NDArray[Any], data_range: float = 1.0) -> float:
    """Return how much neighbouring values of the removed residual agree; 0 is white noise.

    The residual is noisy - denoised. Its autocorrelation at a distance of one pixel is taken along
    the rows and along the columns, each channel about its own mean, and averaged. Where white
    noise was added, a value far from 0 tells that structure was removed with it. It says nothing
    about noise that is itself correlated.

    Parameters
    ----------
    noisy, denoised : numpy.ndarray
        Shape (rows, columns) or (rows, columns, channels), the same for both.
    data_range : float, default 1.0
        Not used: the figure has no unit. It is here because all metrics are called alike.

    Returns
    -------
    float
        -1 to 1; 0 also where nothing was removed or there are no neighbours.

    Raises
    ------
    ConfigError
        If the shapes differ or are not those of an image.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal((256, 256))
    >>> abs(whiteness(noise, np.zeros_like(noise))) < 0.01
    True
    >>> round(whiteness(np.indices((64, 64)).sum(0), np.zeros((64, 64))), 1)  # a ramp
    1.0
    """
    if noisy.shape != denoised.shape or noisy.ndim not in (2, 3) or noisy.size == 0:
        raise ConfigError(
            f"Whiteness needs two equal shapes (rows, columns[, channels]), "
            f"not {noisy.shape} and {denoised.shape}."
        )
    residual = np.subtract(noisy, denoised, dtype=np.float32)
    residual -= residual.mean(axis=(0, 1), keepdims=True, dtype=np.float64).astype(np.float32)
    figures = [
        _correlation(before, after)
        for before, after in ((residual[:-1], residual[1:]), (residual[:, :-1], residual[:, 1:]))
        if before.size
    ]
    return float(np.mean(figures)) if figures else 0.0


def _correlation(before: NDArray[np.float32], after: NDArray[np.float32]) -> float:
    """Return sum(before * after) / sqrt(sum(before**2) * sum(after**2)), or 0."""
    above = float(np.sum(before * after, dtype=np.float64))
    below = float(np.sum(before * before, dtype=np.float64))
    below *= float(np.sum(after * after, dtype=np.float64))
    return above / below**0.5 if below else 0.0
