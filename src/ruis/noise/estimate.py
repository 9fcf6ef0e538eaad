"""How strong is the noise in an image of which the clean version is not known?"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruis.errors import ConfigError
from ruis.noise.blocks import BLOCK, ENOUGH, REACH, flat_variance, independent, noisy_blocks

__all__ = [
    "SHARED",
    "WHITE",
    "estimate_channel_correlation",
    "estimate_coarse_sigma",
    "estimate_sigma",
    "spread_windows",
    "window_places",
]

_WINDOWS = 8
_WINDOW = 5 * BLOCK + REACH
_LARGE = 1 << 20

_CLIPPED = (0.05, 0.2, 0.4)
"""The share of clipped values that a block may have; more where hardly any block has so few."""

WHITE = 1.6
"""Up to here, as a ratio of coarse sigma to sigma, noise is taken to be white: on training photographs
white noise of sigma 5/255 to 50/255 gave 1.00 to 1.55, camera noise at least 1.8."""

SHARED = 0.2
"""From here on, as a correlation, the channels of a colour image share their noise: on training and held-out
photographs white noise of 1/255 to 50/255 that was drawn for each channel gave 0.10 at most. Noise drawn
once for all gave at least 0.33; white noise that was then stored as JPEG, whose colours have half the
pixels, nearly always 0.25."""


def estimate_sigma(pixels: NDArray[Any] | Sequence[NDArray[Any]]) -> float:
    """Estimate the standard deviation of white noise in an image.

    The image is filtered with fourth differences along its rows and columns, which leave white
    noise and little else. The variance is taken in small blocks, and the quietest of them tell the
    noise, allowing for how quiet such blocks would be by chance, and for how many blocks hold
    noise alone. Blocks that are clipped at the darkest or brightest value, or filled with one value,
    are left out, if others remain; what a little clipping takes from the variance is put back.

    Noise that depends on the signal gives what it is in the quietest, usually darker, parts; noise
    that is correlated from pixel to pixel is underestimated.

    Parameters
    ----------
    pixels : numpy.ndarray or sequence of numpy.ndarray
        Shape (rows, columns) or (rows, columns, channels), floats; or windows of an image, of one
        such shape. Of more than a million pixels, 64 windows are looked at.

    Returns
    -------
    float
        Standard deviation in the unit of the pixels: a fraction of the data range, if they are;
        the root mean square over channels. 0 for images of fewer than 5 rows or columns.

    Raises
    ------
    ConfigError
        If the pixels are not floats, or have other axes.

    References
    ----------
    J. Immerkaer, "Fast noise variance estimation", Computer Vision and Image Understanding, 1996,
    doi:10.1006/cviu.1996.0060, for the filter (of second differences); X. Liu, M. Tanaka,
    M. Okutomi, "Single-image noise level estimation for blind denoising", IEEE Transactions on
    Image Processing, 2013, doi:10.1109/TIP.2013.2283400, for the weakly textured parts.

    Examples
    --------
    >>> import numpy as np
    >>> ramp = np.linspace(0, 1, 256, dtype=np.float32) * np.ones((256, 1), np.float32)
    >>> noise = np.random.default_rng(0).normal(0, 0.1, ramp.shape)
    >>> round(estimate_sigma(ramp + noise), 2)
    0.1
    """
    return _sigma(_windows(pixels))


def estimate_coarse_sigma(pixels: NDArray[Any] | Sequence[NDArray[Any]]) -> float:
    """Estimate sigma from the means of squares of 2x2 pixels, as if the noise were white.

    White noise gives what :func:`estimate_sigma` gives. Noise that neighbours share, as from a
    camera's demosaicing and noise reduction, is mostly overlooked there and gives more here; so
    does fine texture, which also looks like faint noise that neighbours share. See :data:`WHITE`.

    Parameters
    ----------
    pixels : numpy.ndarray
        As for :func:`estimate_sigma`.

    Returns
    -------
    float
        Standard deviation in the unit of the pixels; 0 for images of fewer than 10 rows or
        columns.

    Raises
    ------
    ConfigError
        If the pixels are not floats, or have other axes.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(0, 0.1, (256, 256))
    >>> round(estimate_coarse_sigma(noise), 2)
    0.1
    >>> shared = (noise[1:, 1:] + noise[:-1, 1:] + noise[1:, :-1] + noise[:-1, :-1]) / 2
    >>> estimate_coarse_sigma(shared) > 1.6 * estimate_sigma(shared)
    True
    """
    return 2 * _sigma([_halved(window) for window in _windows(pixels)])


def estimate_channel_correlation(
    pixels: NDArray[Any] | Sequence[NDArray[Any]], sigma: float | None = None
) -> float:
    """Estimate how far the channels of an image share their noise.

    The variance of the channels' mean, against that of the channels: a third, of three, where each
    has noise of its own, and all of it where they have the same.

    Parameters
    ----------
    pixels : numpy.ndarray
        As for :func:`estimate_sigma`.
    sigma : float, optional
        What that found. Default: it is estimated here.

    Returns
    -------
    float
        The mean correlation of the noise of two channels: 0 for independent noise, 1 for the same
        noise. Chance, and detail, make it a little less than 0 or more than 1. 0 where there is one
        channel, or no noise.

    Raises
    ------
    ConfigError
        If the pixels are not floats, or have other axes.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(0, 0.1, (256, 256, 3))
    >>> abs(estimate_channel_correlation(noise)) < 0.05
    True
    >>> round(estimate_channel_correlation(noise[..., [0, 0, 0]]), 2)
    1.0
    """
    windows = _windows(pixels)
    channels = windows[0].shape[2] if windows[0].ndim == 3 else 1
    if channels == 1:
        return 0.0
    sigma = _sigma(windows) if sigma is None else sigma
    if sigma == 0:
        return 0.0
    means = [
        functools.reduce(np.add, (window[..., one] for one in range(channels))) / channels
        for window in windows
    ]
    share = (_sigma(means) / sigma) ** 2
    return (channels * share - 1) / (channels - 1)


def spread_windows(pixels: NDArray[Any], count: int) -> list[NDArray[Any]]:
    """Return views of `count` x `count` windows of 124 pixels, evenly spread over an image.

    Parameters
    ----------
    pixels : numpy.ndarray
        Shape (rows, columns, ...).
    count : int
        Windows along each axis.
    """
    rows, columns = pixels.shape[:2]
    return [pixels[place] for place in window_places(rows, columns, count)]


def window_places(rows: int, columns: int, count: int) -> list[tuple[slice, slice]]:
    """Return where the windows are that :func:`spread_windows` returns, row by row.

    Parameters
    ----------
    rows, columns : int
        The size of the image.
    count : int
        Windows along each axis.
    """
    tops, lefts = (
        [int(start) for start in np.linspace(0, max(length - _WINDOW, 0), count)]
        for length in (rows, columns)
    )
    return [
        (slice(top, min(top + _WINDOW, rows)), slice(left, min(left + _WINDOW, columns)))
        for top in tops
        for left in lefts
    ]


def _check(pixels: NDArray[Any]) -> None:
    if pixels.ndim not in (2, 3) or not np.issubdtype(pixels.dtype, np.floating):
        raise ConfigError(
            "the noise is estimated in floats of shape (rows, columns[, channels]), "
            f"not in {pixels.dtype} of shape {pixels.shape}."
        )


def _windows(pixels: NDArray[Any] | Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return the whole image if it is small, else windows spread over it."""
    if not isinstance(pixels, np.ndarray):
        for window in pixels:
            _check(window)
        return list(pixels)
    _check(pixels)
    large = pixels.shape[0] * pixels.shape[1] > _LARGE
    return spread_windows(pixels, _WINDOWS) if large else [pixels]


def _sigma(windows: list[NDArray[Any]]) -> float:
    """Estimate sigma from windows of one shape: the root mean square over channels."""
    if min(windows[0].shape[:2]) <= REACH:
        return 0.0
    planes = [window[..., None] if window.ndim == 2 else window for window in windows]
    variances = [
        _variance([np.ascontiguousarray(plane[..., index], np.float32) for plane in planes])
        for index in range(planes[0].shape[-1])
    ]
    return math.sqrt(sum(variances) / len(variances))


def _halved(window: NDArray[Any]) -> NDArray[Any]:
    """Return the means of 2x2 pixels; an odd row or column at the end is left out."""
    rows, columns = (length // 2 * 2 for length in window.shape[:2])
    even = window[:rows, :columns]
    both = even[::2] + even[1::2]
    total: NDArray[Any] = both[:, ::2] + both[:, 1::2]
    return total / 4


def _variance(windows: list[NDArray[np.float32]]) -> float:
    """Estimate the variance of the noise in one channel, from windows (rows, columns)."""
    variances, clipped, _ = noisy_blocks(windows)
    known = np.isfinite(variances)
    usable = known
    for share in _CLIPPED:
        usable = known & (clipped <= share)
        if usable.sum() > ENOUGH * known.sum():
            break
    quiet = variances[usable if usable.any() else known]
    if not quiet.size:
        return math.nan
    rows, columns = (min(BLOCK, size - REACH) for size in windows[0].shape)
    return flat_variance(quiet, independent(rows) * independent(columns))
