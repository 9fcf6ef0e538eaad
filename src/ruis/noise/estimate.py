"""How strong is the noise in an image of which the clean version is not known?"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruis.errors import ConfigError

__all__ = [
    "SHARED",
    "WHITE",
    "estimate_channel_correlation",
    "estimate_coarse_sigma",
    "estimate_sigma",
    "flat_variance",
    "freedom_of",
    "noise_quantile",
    "noisy_blocks",
    "share_below",
    "spread_windows",
    "window_places",
]

_DIFFERENCE = np.array([1, -4, 6, -4, 1]) / math.sqrt(70)
"""The fourth difference, scaled so that it leaves the variance of white noise as it is."""

_REACH = len(_DIFFERENCE) - 1
_AUTOCORRELATION = np.correlate(_DIFFERENCE, _DIFFERENCE, mode="full")[_REACH:]

_INNER = slice(_REACH // 2, -(_REACH // 2))
"""What of a line is left after the filter."""

_BLOCK = 24
_WINDOWS = 8
_WINDOW = 5 * _BLOCK + _REACH
_LARGE = 1 << 20

_QUIETEST, _QUIET = 0.02, 0.1
"""The shares of blocks, from the quietest on, whose variances are compared: how much they differ
tells how many of the blocks hold noise alone."""

_LEAST_FLAT = 0.11
_FEW = 40
"""Of fewer blocks that cannot be told, and all of them are taken to hold noise alone."""

_BY_CHANCE = 1.5
"""Half the standard deviation of the quantile at `_QUIETEST` of normal values, times the root of their
number; so much further apart than they should be, the quantiles still tell of noise alone."""

_CLIPPED = (0.05, 0.2, 0.4)
"""The share of clipped values that a block may have; more where hardly any block has so few."""

_ENOUGH = 0.1

_BAND = 1 << 15
"""Pixels that are filtered at a time: so many stay in the fast parts of memory, in buffers that are reused."""

_FILL = 12
"""Rows and columns of a block that is of one value: as many pixels of noise never are."""

_FILLED = 0.02
"""The share of filled pixels from which on a block is left out."""

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
    if min(windows[0].shape[:2]) <= _REACH:
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
        if usable.sum() > _ENOUGH * known.sum():
            break
    quiet = variances[usable if usable.any() else known]
    if not quiet.size:
        return math.nan
    rows, columns = (min(_BLOCK, size - _REACH) for size in windows[0].shape)
    return flat_variance(quiet, _independent(rows) * _independent(columns))


def noisy_blocks(
    windows: Sequence[NDArray[np.float32]], side: int = _BLOCK
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Cut windows of one channel into blocks, and say what is in each.

    Parameters
    ----------
    windows : sequence of numpy.ndarray
        Shape (rows, columns), at least 5 each, all alike.
    side : int, default 24
        Rows and columns of a block.

    Returns
    -------
    tuple of numpy.ndarray
        For each block: the variance after fourth differences along both axes, which leave that of
        white noise as it is (not a number where a part of the block is filled with one value, as
        mats, margins and screens are, if enough others remain); the share of clipped values, 0..1;
        and the mean.
    """
    stack = windows[0][None] if len(windows) == 1 else np.stack(windows)
    inner = stack[:, _INNER, _INNER]
    filtered = _filter(stack)
    np.square(filtered, out=filtered)
    variances, clipped, means = [], [], []
    for noise, low, high, values in zip(
        *(
            _grids(part, side)
            for part in (filtered, inner == stack.min(), inner == stack.max(), inner)
        ),
        strict=True,
    ):
        below, above = _block_means(low, side), _block_means(high, side)
        left = _left_by_clipping(below) * _left_by_clipping(above)
        variances.append(_block_means(noise, side) / left)
        clipped.append(below + above)
        means.append(_block_means(values, side))
    found = np.concatenate(variances)
    fills = _fills(inner)
    if fills.size:
        filled = _filled(stack, fills, side) > _FILLED
        rest = np.isfinite(found) & ~filled
        if rest.sum() > _ENOUGH * rest.size:
            found = np.where(filled, np.float32(np.nan), found)
    return found, np.concatenate(clipped), np.concatenate(means)


def freedom_of(side: int = _BLOCK) -> float:
    """Return how many independent values tell as much as the filtered ones of a block."""
    return _independent(side) ** 2


def flat_variance(variances: NDArray[np.float32], freedom: float) -> float:
    """Estimate the variance of blocks that hold noise alone, from those of all blocks.

    Of the noise alone, block variances are distributed as chi-squared over their degrees of
    freedom. Where only a share of the blocks holds noise alone, the quietest few of all are a
    larger part of these: the quantiles lie further apart, and that tells the share.

    Parameters
    ----------
    variances : numpy.ndarray
        Of blocks, as from :func:`noisy_blocks`.
    freedom : float
        Degrees of freedom of a block, as from :func:`freedom_of`.
    """
    quietest, quiet = map(float, np.quantile(variances, (_QUIETEST, _QUIET)))
    if variances.size < _FEW or quietest <= 0:
        return quiet / noise_quantile(_place(_QUIET, variances.size), freedom)
    apart, shares = _apart(variances.size, freedom)
    by_chance = _BY_CHANCE * math.sqrt(2 / freedom / variances.size)
    share = float(np.interp(quiet / quietest - by_chance, apart, shares))
    return quiet / noise_quantile(_place(_QUIET, variances.size) / share, freedom)


@functools.lru_cache(maxsize=64)
def _apart(blocks: int, freedom: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how far the quantiles lie apart, where a share of the blocks holds noise alone; and the shares."""
    low, high = (_place(share, blocks) for share in (_QUIETEST, _QUIET))
    shares = np.linspace(1, _LEAST_FLAT, 40)
    apart = [
        noise_quantile(high / one, freedom) / noise_quantile(low / one, freedom) for one in shares
    ]
    return np.array(apart), shares


def _grids(values: NDArray[Any], side: int) -> Iterator[NDArray[Any]]:
    """Yield what blocks are cut from: all, and where there is room for it a second grid between."""
    half = side // 2
    for start in (0, half) if min(values.shape[1:]) >= 3 * half else (0,):
        yield values[:, start:, start:]


def _fills(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the values of which whole blocks are made: noise never is."""
    found = []
    for part in _grids(stack, _FILL):
        blocks = _cut(part, _FILL)
        corner = blocks[:, :, 0, :, 0]
        maybe = corner == blocks[:, :, -1, :, -1]
        whole = (blocks.transpose(0, 1, 3, 2, 4)[maybe] == corner[maybe][:, None, None]).all(
            axis=(1, 2)
        )
        found.append(corner[maybe][whole])
    return np.unique(np.concatenate(found))


def _filled(
    stack: NDArray[np.float32], fills: NDArray[np.float32], side: int
) -> NDArray[np.float32]:
    """Return the share of each block whose pixels have such a value, and so have their neighbours."""
    next_to, below = stack[..., 1:] == stack[..., :-1], stack[:, 1:] == stack[:, :-1]
    along, down = next_to[..., 1:] & next_to[..., :-1], below[:, 1:] & below[:, :-1]
    still = np.isin(stack[:, 1:-1, 1:-1], fills) & along[:, 1:-1] & down[..., 1:-1]
    still = still[:, 1:-1, 1:-1]  # as the filter, two pixels away from the edge
    return np.concatenate([_block_means(part, side) for part in _grids(still, side)])


def _left_by_clipping(share: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what is left of the variance of normal noise of which a share is clipped at one end."""
    known, left = _clipping_table()
    return np.interp(share, known, left).astype(np.float32)


@functools.cache
def _clipping_table() -> tuple[list[float], list[float]]:
    """Return shares, and the variance of a normal value that is censored below that quantile."""
    normal, shares, left = NormalDist(), [0.0], [1.0]
    for step in range(1, 46):
        share = step / 100
        end = normal.inv_cdf(share)
        density = normal.pdf(end)
        mean = end * share + density
        square = end * end * share + (1 - share) + end * density
        shares.append(share)
        left.append(square - mean * mean)
    return shares, left


def _filter(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take fourth differences along rows and columns, scaled; they are smaller by 4 of each."""
    count, rows, columns = (
        length - cut for length, cut in zip(stack.shape, (0, _REACH, _REACH), strict=True)
    )
    filtered = np.empty((count, rows, columns), np.float32)
    band = max(1, _BAND // (columns + _REACH))
    many = max(1, band // (rows + _REACH))
    spare = np.empty((2, min(many, count), min(band, rows) + _REACH, columns + _REACH), np.float32)
    for first in range(0, count, many):
        for row in range(0, rows, band):
            out = filtered[first : first + many, row : row + band]
            _differences(stack[first : first + many, row : row + band + _REACH], spare, out)
    filtered *= np.float32(_DIFFERENCE[0] ** 2)
    return filtered


def _differences(
    stack: NDArray[np.float32], spare: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    """Take fourth differences along rows and columns, by way of two spare stacks in turns."""
    for step in range(2 * _REACH):
        along_rows = step < _REACH
        later, earlier = (
            (stack[:, 1:], stack[:, :-1]) if along_rows else (stack[..., 1:], stack[..., :-1])
        )
        many, rows, columns = later.shape
        last = step == 2 * _REACH - 1
        stack = np.subtract(
            later, earlier, out=out if last else spare[step % 2, :many, :rows, :columns]
        )


def _block_means(stack: NDArray[Any], side: int) -> NDArray[np.float32]:
    """Return the mean of each whole block, or of what there is if there is less than one."""
    blocks = _cut(stack, side)
    down, high, across, wide = blocks.shape[1:]
    if blocks.dtype == bool and high < 256:  # counted in bytes: their sums are many times faster
        blocks = blocks.view(np.uint8)
    # Rows are added up first, along which numbers lie side by side.
    sums = blocks.reshape(-1, down, high, across * wide).sum(axis=2, dtype=blocks.dtype)
    total = sums.reshape(-1, down, across, wide).sum(axis=3, dtype=np.float32)
    means: NDArray[np.float32] = total.ravel() / np.float32(high * wide)
    return means


def _cut(stack: NDArray[Any], side: int) -> NDArray[Any]:
    """Return whole blocks, or what there is if there is less than one: (..., down, rows, across, columns)."""
    count, rows, columns = stack.shape
    high, wide = min(side, rows), min(side, columns)
    whole = stack[:, : rows // high * high, : columns // wide * wide]
    return whole.reshape(count, rows // high, high, columns // wide, wide)


def _independent(length: int) -> float:
    """Return how many independent values tell as much as so many filtered ones in a line."""
    lags = np.arange(1, min(length, _REACH + 1))
    return length / float(1 + 2 * np.sum((1 - lags / length) * _AUTOCORRELATION[lags] ** 2))


def _place(share: float, blocks: int) -> float:
    """Return the probability that the interpolated order statistic at a share has.

    After G. Blom, "Statistical estimates and transformed beta-variables", 1958.
    """
    return (share * (blocks - 1) + 0.625) / (blocks + 0.25)


def noise_quantile(place: float, freedom: float) -> float:
    """Return the quantile of the block variances that white noise of variance 1 would show.

    The variance of a block is distributed as chi-squared over its degrees of freedom; the
    quantile is that of E. B. Wilson and M. M. Hilferty, "The distribution of chi-square",
    Proceedings of the National Academy of Sciences, 1931, doi:10.1073/pnas.17.12.684.
    """
    spread = 2 / (9 * freedom)
    return (1 - spread + NormalDist().inv_cdf(min(place, 0.98)) * math.sqrt(spread)) ** 3


def share_below(variance: float, freedom: float) -> float:
    """Return the share of blocks of white noise of variance 1 that show less: the inverse."""
    spread = 2 / (9 * freedom)
    return NormalDist().cdf((variance ** (1 / 3) - (1 - spread)) / math.sqrt(spread))
