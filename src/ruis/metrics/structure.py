"""Structure: was detail of the scene removed with the noise, and where?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruis.errors import ConfigError
from ruis.surroundings import mean_around

__all__ = ["ALIKE", "structure", "structure_map"]

REACH = 6
"""Pixels around each pixel over which what was removed is compared with what is left."""

DETAIL = 2
"""Detail is what a square of so many pixels around each pixel, smoothed, does not show."""

HALO = 2 * REACH + 2 * DETAIL
BAND = 1 << 21
"""Pixels that a value of the map may depend on, in each direction; values worked on at a time."""

FAINT = 0.02
"""Detail whose variance is less than so many times that of what was removed counts for little: it is
rather noise that was left, and that goes with the noise that was removed."""

ALIKE = 0.35
"""From this correlation on, what was removed looks like the scene: noise alone gives 0.08 on average
over 13x13 pixels, and more than this in less than one place in a thousand."""


def structure(noisy: NDArray[Any], denoised: NDArray[Any], data_range: float = 1.0) -> float:
    """Return the share of an image in which detail was removed with the noise; 0 is best.

    Parameters
    ----------
    noisy, denoised : numpy.ndarray
        Shape (rows, columns) or (rows, columns, channels), the same for both.
    data_range : float, default 1.0
        Not used: the figure has no unit. It is here because all metrics are called alike.

    Returns
    -------
    float
        0..1: of the pixels, those where :func:`structure_map` is at least :data:`ALIKE`.

    Raises
    ------
    ConfigError
        If the shapes differ or are not those of an image.

    Examples
    --------
    >>> import numpy as np
    >>> scene = np.kron(np.indices((32, 32)).sum(0) % 2, np.ones((6, 6)))
    >>> noise = np.random.default_rng(0).normal(0, 0.2, scene.shape)
    >>> structure(scene + noise, scene) < 0.01  # noise alone was removed
    True
    >>> structure(scene + noise, 0.7 * scene) > 0.5  # and much of the scene
    True
    """
    return float((structure_map(noisy, denoised) >= ALIKE).mean(dtype=np.float64))


def structure_map(noisy: NDArray[Any], denoised: NDArray[Any]) -> NDArray[np.float32]:
    """Return how much what was removed looks like the detail that is left, around each pixel.

    What a denoiser removes should not know the scene. Where it does, its correlation with the
    scene's own detail, as the denoised image shows it, is positive: detail was made weaker. Noise
    that is itself correlated from pixel to pixel makes the map restless, but not positive.

    Parameters
    ----------
    noisy, denoised : numpy.ndarray
        Shape (rows, columns) or (rows, columns, channels), the same for both.

    Returns
    -------
    numpy.ndarray
        Shape (rows, columns), float32, -1..1; over channels together.

    Raises
    ------
    ConfigError
        If the shapes differ or are not those of an image.

    References
    ----------
    A. Buades, B. Coll, J.-M. Morel, "A review of image denoising algorithms, with a new one",
    Multiscale Modeling and Simulation, 2005, doi:10.1137/040616024, for looking at what was removed
    ("method noise"); G. Gilboa, N. Sochen, Y. Y. Zeevi, "Estimation of optimal PDE-based denoising in
    the SNR sense", IEEE Transactions on Image Processing, 2006, doi:10.1109/TIP.2006.875247, for
    its covariance with what is left.
    """
    if noisy.shape != denoised.shape or noisy.ndim not in (2, 3) or noisy.size == 0:
        raise ConfigError(
            f"Structure needs two equal shapes (rows, columns[, channels]), "
            f"not {noisy.shape} and {denoised.shape}."
        )
    flat = np.ndim(noisy) == 2
    before, after = (one[..., None] if flat else one for one in (noisy, denoised))
    rows = before.shape[0]
    band = max(1, BAND // (before.shape[1] * before.shape[2]))
    found = np.empty(before.shape[:2], np.float32)
    for start in range(0, rows, band):  # of a large image, only a band is worked on at a time
        stop = min(start + band, rows)
        first, last = max(start - HALO, 0), min(stop + HALO, rows)
        part = _alike(before[first:last], after[first:last])
        found[start:stop] = part[start - first : stop - first]
    return found


def _alike(noisy: NDArray[Any], denoised: NDArray[Any]) -> NDArray[np.float32]:
    left = np.asarray(denoised, np.float32)
    removed = np.subtract(noisy, denoised, dtype=np.float32)
    detail = left - mean_around(mean_around(left, DETAIL), DETAIL)
    removed = removed - mean_around(removed, REACH)
    both, own, of_detail = (
        mean_around((one * other).mean(axis=2), REACH)
        for one, other in ((removed, detail), (removed, removed), (detail, detail))
    )
    least = np.float32(1e-12) + np.float32(FAINT) * own
    alike = both / np.sqrt(np.maximum(own * (of_detail + least), 1e-24))
    return np.asarray(np.clip(alike, -1, 1), np.float32)
