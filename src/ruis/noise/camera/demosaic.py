"""The mosaic of colours on a sensor: what is seen through it, and how the rest is filled in."""

from __future__ import annotations

import numpy as np

from ruis.noise.camera.steps import Pixels

__all__ = ["demosaic_bilinear", "demosaic_malvar", "mosaic"]


def mosaic(pixels: Pixels) -> Pixels:
    """Keep the one colour of each pixel that a Bayer sensor sees, in the order RGGB.

    Parameters
    ----------
    pixels : numpy.ndarray
        Shape (..., rows, columns, 3).

    Returns
    -------
    numpy.ndarray
        Shape (..., rows, columns).

    References
    ----------
    B. E. Bayer, "Color imaging array", US patent 3,971,065, 1976.

    Examples
    --------
    >>> mosaic(np.broadcast_to(np.float32([1, 2, 3]), (2, 4, 3))).astype(int).tolist()
    [[1, 2, 1, 2], [2, 3, 2, 3]]
    """
    raw = pixels[..., 1].copy()
    raw[..., ::2, ::2] = pixels[..., ::2, ::2, 0]
    raw[..., 1::2, 1::2] = pixels[..., 1::2, 1::2, 2]
    return raw


_BILINEAR = {
    # what is wanted where: weights of the neighbours at (rows, columns) away
    "green": {(-1, 0): 0.25, (1, 0): 0.25, (0, -1): 0.25, (0, 1): 0.25},
    "beside": {(0, -1): 0.5, (0, 1): 0.5},
    "across": {(-1, -1): 0.25, (-1, 1): 0.25, (1, -1): 0.25, (1, 1): 0.25},
}

_MALVAR = {
    "green": {
        (0, 0): 4 / 8,
        **dict.fromkeys([(-1, 0), (1, 0), (0, -1), (0, 1)], 2 / 8),
        **dict.fromkeys([(-2, 0), (2, 0), (0, -2), (0, 2)], -1 / 8),
    },
    "beside": {
        (0, 0): 5 / 8,
        **dict.fromkeys([(0, -1), (0, 1)], 4 / 8),
        **dict.fromkeys([(0, -2), (0, 2), (-1, -1), (-1, 1), (1, -1), (1, 1)], -1 / 8),
        **dict.fromkeys([(-2, 0), (2, 0)], 0.5 / 8),
    },
    "across": {
        (0, 0): 6 / 8,
        **dict.fromkeys([(-1, -1), (-1, 1), (1, -1), (1, 1)], 2 / 8),
        **dict.fromkeys([(-2, 0), (2, 0), (0, -2), (0, 2)], -1.5 / 8),
    },
}

Filters = dict[str, dict[tuple[int, int], float]]


def demosaic_bilinear(raw: Pixels) -> Pixels:
    """Fill in the two colours that each pixel of an RGGB mosaic lacks: means of the neighbours.

    Parameters
    ----------
    raw : numpy.ndarray
        Shape (..., rows, columns).

    Returns
    -------
    numpy.ndarray
        Shape (..., rows, columns, 3); a linear function of `raw`.

    Examples
    --------
    >>> demosaic_bilinear(np.ones((4, 4), np.float32)).min().item()
    1.0
    """
    return _demosaic(raw, _BILINEAR)


def demosaic_malvar(raw: Pixels) -> Pixels:
    """Fill in the two colours that each pixel of an RGGB mosaic lacks: gradient-corrected means.

    Parameters
    ----------
    raw : numpy.ndarray
        Shape (..., rows, columns).

    Returns
    -------
    numpy.ndarray
        Shape (..., rows, columns, 3); a linear function of `raw`.

    References
    ----------
    H. S. Malvar, L. He, R. Cutler, "High-quality linear interpolation for demosaicing of
    Bayer-patterned color images", ICASSP, 2004, doi:10.1109/ICASSP.2004.1326587.

    Examples
    --------
    >>> demosaic_malvar(np.ones((4, 4), np.float32)).min().item()
    1.0
    """
    return _demosaic(raw, _MALVAR)


def _demosaic(raw: Pixels, filters: Filters) -> Pixels:
    """Correlate the mosaic with 5x5 filters, each only at the pixels where it is wanted."""
    rows, columns = raw.shape[-2:]
    margin = [(0, 0)] * (raw.ndim - 2) + [(2, 2 + rows % 2), (2, 2 + columns % 2)]
    padded = np.pad(raw, margin, mode="reflect")  # reflection keeps the colours' places
    full = (*raw.shape[:-2], rows + rows % 2, columns + columns % 2)

    def at(row: int, column: int) -> Pixels:
        """Return the neighbours that are so far from the first pixel of each 2x2 cell."""
        return padded[..., 2 + row : 2 + row + full[-2] : 2, 2 + column : 2 + column + full[-1] : 2]

    def wanted(kind: str, row: int, column: int, *, turned: bool = False) -> Pixels:
        """Apply one filter at the pixel (row, column) of each cell."""
        total = np.zeros((*full[:-2], full[-2] // 2, full[-1] // 2), np.float32)
        for (down, right), weight in filters[kind].items():
            down, right = (right, down) if turned else (down, right)
            total += np.float32(weight) * at(row + down, column + right)
        return total

    pixels = np.empty((*full, 3), np.float32)
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    red[..., ::2, ::2] = at(0, 0)
    red[..., ::2, 1::2] = wanted("beside", 0, 1)
    red[..., 1::2, ::2] = wanted("beside", 1, 0, turned=True)
    red[..., 1::2, 1::2] = wanted("across", 1, 1)
    green[..., ::2, ::2] = wanted("green", 0, 0)
    green[..., ::2, 1::2] = at(0, 1)
    green[..., 1::2, ::2] = at(1, 0)
    green[..., 1::2, 1::2] = wanted("green", 1, 1)
    blue[..., ::2, ::2] = wanted("across", 0, 0)
    blue[..., ::2, 1::2] = wanted("beside", 0, 1, turned=True)
    blue[..., 1::2, ::2] = wanted("beside", 1, 0)
    blue[..., 1::2, 1::2] = at(1, 1)
    return pixels[..., :rows, :columns, :]
