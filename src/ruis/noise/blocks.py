"""The blocks that images are cut into to see their noise: filtered, and how much they vary.

Fourth differences along rows and columns leave white noise and little else. The variances of blocks of noise alone
are distributed as chi-squared over their degrees of freedom, which tells how many blocks hold noise alone.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BLOCK",
    "ENOUGH",
    "REACH",
    "flat_variance",
    "freedom_of",
    "independent",
    "noise_quantile",
    "noisy_blocks",
    "share_below",
]

_DIFFERENCE = np.array([1, -4, 6, -4, 1]) / math.sqrt(70)
"""The fourth difference, scaled so that it leaves the variance of white noise as it is."""

REACH = len(_DIFFERENCE) - 1
_AUTOCORRELATION = np.correlate(_DIFFERENCE, _DIFFERENCE, mode="full")[REACH:]

_INNER = slice(REACH // 2, -(REACH // 2))
"""What of a line is left after the filter."""

BLOCK = 24
"""Rows and columns of a block."""

_QUIETEST, _QUIET = 0.02, 0.1
"""The shares of blocks, from the quietest on, whose variances are compared: how much they differ
tells how many of the blocks hold noise alone."""

_LEAST_FLAT = 0.11
_FEW = 40
"""Of fewer blocks that cannot be told, and all of them are taken to hold noise alone."""

_BY_CHANCE = 1.5
"""Half the standard deviation of the quantile at `_QUIETEST` of normal values, times the root of their
number; so much further apart than they should be, the quantiles still tell of noise alone."""

ENOUGH = 0.1
"""The share of blocks that have to remain for others to be left out."""

_BAND = 1 << 15
"""Pixels that are filtered at a time: so many stay in the fast parts of memory, in buffers that are reused."""

_FILL = 12
"""Rows and columns of a block that is of one value: as many pixels of noise never are."""

_FILLED = 0.02
"""The share of filled pixels from which on a block is left out."""


def noisy_blocks(
    windows: Sequence[NDArray[np.float32]], side: int = BLOCK
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
        if rest.sum() > ENOUGH * rest.size:
            found = np.where(filled, np.float32(np.nan), found)
    return found, np.concatenate(clipped), np.concatenate(means)


def freedom_of(side: int = BLOCK) -> float:
    """Return how many independent values tell as much as the filtered ones of a block."""
    return independent(side) ** 2


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
    ordered = np.sort(variances)
    quietest, quiet = (_quantile(ordered, share) for share in (_QUIETEST, _QUIET))
    if variances.size < _FEW or quietest <= 0:
        return quiet / noise_quantile(_place(_QUIET, variances.size), freedom)
    apart, shares = _apart(variances.size, freedom)
    by_chance = _BY_CHANCE * math.sqrt(2 / freedom / variances.size)
    share = float(np.interp(quiet / quietest - by_chance, apart, shares))
    return quiet / noise_quantile(_place(_QUIET, variances.size) / share, freedom)


def _quantile(ordered: NDArray[np.float32], share: float) -> float:
    """Return a quantile of finite values in order, between two of them by proportion.

    As np.quantile, which imports NumPy's masked arrays: 20 ms, before the first image of a process is denoised.
    """
    place = share * (len(ordered) - 1)
    before = int(place)
    low, high = (float(ordered[min(i, len(ordered) - 1)]) for i in (before, before + 1))
    return low + (place - before) * (high - low)


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
    values = np.sort(np.concatenate(found))  # np.unique imports masked arrays, as np.quantile does
    first = np.ones(len(values), bool)
    first[1:] = values[1:] != values[:-1]
    return values[first]


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
        length - cut for length, cut in zip(stack.shape, (0, REACH, REACH), strict=True)
    )
    filtered = np.empty((count, rows, columns), np.float32)
    band = max(1, _BAND // (columns + REACH))
    many = max(1, band // (rows + REACH))
    spare = np.empty((2, min(many, count), min(band, rows) + REACH, columns + REACH), np.float32)
    for first in range(0, count, many):
        for row in range(0, rows, band):
            out = filtered[first : first + many, row : row + band]
            _differences(stack[first : first + many, row : row + band + REACH], spare, out)
    filtered *= np.float32(_DIFFERENCE[0] ** 2)
    return filtered


def _differences(
    stack: NDArray[np.float32], spare: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    """Take fourth differences along rows and columns, by way of two spare stacks in turns."""
    for step in range(2 * REACH):
        along_rows = step < REACH
        later, earlier = (
            (stack[:, 1:], stack[:, :-1]) if along_rows else (stack[..., 1:], stack[..., :-1])
        )
        many, rows, columns = later.shape
        last = step == 2 * REACH - 1
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


def independent(length: int) -> float:
    """Return how many independent values tell as much as so many filtered ones in a line.

    Parameters
    ----------
    length : int
        Of the line.
    """
    lags = np.arange(1, min(length, REACH + 1))
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
