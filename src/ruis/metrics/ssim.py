"""SSIM: the structural similarity."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruis.errors import ConfigError

__all__ = ["ssim"]

_WINDOW = 11
"""Rows and columns of the Gaussian window: sigma 1.5, cut off at 3.5 sigma."""


def ssim(
    clean: NDArray[Any],
    denoised: NDArray[Any],
    data_range: float = 1.0,
    *,
    channel_axis: int | None = -1,
) -> float:
    """Say how alike the structures of two images are; at most 1, and 1 only if they are the same.

    The settings are those of the paper: a Gaussian window of sigma 1.5 pixels, variances without
    Bessel's correction, K1 = 0.01, K2 = 0.03. An image smaller than the window is one window.

    Parameters
    ----------
    clean, denoised : numpy.ndarray
        Shape (rows, columns) or (rows, columns, channels), the same for both.
    data_range : float, default 1.0
        The distance between black and white in the values' own unit: 255 for 8-bit values.
    channel_axis : int or None, default -1
        The axis of the channels, over which the figure is averaged; two axes have none.

    Raises
    ------
    ConfigError
        If the shapes differ, are not those of an image, or the range is not positive.

    References
    ----------
    Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment: from error
    visibility to structural similarity", IEEE Transactions on Image Processing, 2004,
    doi:10.1109/TIP.2003.819861.

    Examples
    --------
    >>> import numpy as np
    >>> ramp = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    >>> ssim(ramp, ramp)
    1.0
    """
    if clean.shape != denoised.shape or clean.ndim not in (2, 3) or clean.size == 0:
        raise ConfigError(
            f"SSIM needs two equal shapes (rows, columns[, channels]), "
            f"not {clean.shape} and {denoised.shape}."
        )
    if not data_range > 0:
        raise ConfigError(f"The data range must be positive, not {data_range}.")
    axis = channel_axis if clean.ndim == 3 else None
    spatial = clean.shape if axis is None else np.delete(clean.shape, axis)
    if min(spatial) < _WINDOW:
        return _one_window(clean, denoised, data_range, axis)

    from skimage.metrics import structural_similarity

    value = structural_similarity(
        clean.astype(np.float32, copy=False),
        denoised.astype(np.float32, copy=False),
        data_range=data_range,
        channel_axis=axis,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return float(value)


def _one_window(
    clean: NDArray[Any], denoised: NDArray[Any], data_range: float, axis: int | None
) -> float:
    """Compute SSIM with the whole image as its one, evenly weighted window."""
    first, second = (
        np.moveaxis(a, axis, 0).reshape(a.shape[axis], -1) if axis is not None else a.reshape(1, -1)
        for a in (clean.astype(np.float64), denoised.astype(np.float64))
    )
    mean_1, mean_2 = first.mean(1), second.mean(1)
    variance_1, variance_2 = first.var(1), second.var(1)
    covariance = (first * second).mean(1) - mean_1 * mean_2
    c_1, c_2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    luminance = (2 * mean_1 * mean_2 + c_1) / (mean_1**2 + mean_2**2 + c_1)
    structure = (2 * covariance + c_2) / (variance_1 + variance_2 + c_2)
    return float((luminance * structure).mean())
