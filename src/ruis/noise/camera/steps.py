"""The steps of a camera but for its mosaic, one function each: forwards, and back where there is a way back."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Pixels",
    "add_contrast",
    "blur",
    "colour_matrix",
    "edge_strength",
    "linear_to_srgb",
    "read_sigma_for",
    "reduce_noise",
    "remove_contrast",
    "sensor_matrix",
    "srgb_to_linear",
]

Pixels = NDArray[np.float32]


def srgb_to_linear(pixels: Pixels) -> Pixels:
    """Undo the tone curve of sRGB: display values 0..1 to values in proportion to light, 0..1.

    Source: IEC 61966-2-1:1999. Values outside 0..1 are clipped.

    Examples
    --------
    >>> round(srgb_to_linear(np.float32([0.5])).item(), 3)
    0.214
    """
    pixels = np.clip(pixels, 0, 1)
    curve = ((pixels + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.where(pixels <= np.float32(0.04045), pixels / np.float32(12.92), curve)


def linear_to_srgb(pixels: Pixels) -> Pixels:
    """Apply the tone curve of sRGB: the inverse of :func:`srgb_to_linear`.

    Source: IEC 61966-2-1:1999. Values outside 0..1 are clipped: a sensor saturates, and below
    black there is nothing to show.

    Examples
    --------
    >>> linear_to_srgb(np.float32([-1, 0.214, 2])).round(2).tolist()
    [0.0, 0.5, 1.0]
    """
    pixels = np.clip(pixels, 0, 1)
    curve = np.float32(1.055) * pixels ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(pixels <= np.float32(0.0031308), pixels * np.float32(12.92), curve)


def add_contrast(pixels: Pixels, contrast: float) -> Pixels:
    """Apply a global contrast curve to display values: shadows and highlights flat, the middle steep.

    With 1 it is 3 x^2 - 2 x^3, with 0 nothing, between them a mixture.

    Source: Brooks et al. 2019, on tone mapping (see :class:`ruis.noise.camera.Camera`). Values outside
    0..1 are clipped.

    Examples
    --------
    >>> add_contrast(np.float32([0.1, 0.5, 0.9]), 1.0).round(3).tolist() == [
    ...     float(np.float32(x)) for x in (0.028, 0.5, 0.972)
    ... ]
    True
    """
    pixels = np.clip(pixels, 0, 1)
    share = np.float32(contrast)
    return (1 - share) * pixels + share * pixels * pixels * (3 - 2 * pixels)


def remove_contrast(pixels: Pixels, contrast: float) -> Pixels:
    """Undo :func:`add_contrast`: the middle one of the three roots of its cubic.

    Source of the roots: F. Viete, by sin 3t = 3 sin t - 4 sin^3 t. Values outside 0..1 are clipped.

    Examples
    --------
    >>> up = np.linspace(0, 1, 101, dtype=np.float32)
    >>> bool(np.abs(add_contrast(remove_contrast(up, 0.7), 0.7) - up).max() < 1e-5)
    True
    """
    pixels = np.clip(pixels, 0, 1)
    if not contrast:
        return pixels
    slope = (1 + contrast / 2) / (2 * contrast)  # with u = x - 1/2 it is u^3 - slope u + rest = 0
    reach = 2 * math.sqrt(slope / 3)
    rest = (pixels - np.float32(0.5)) * np.float32(3 / (2 * contrast * slope * reach))
    undone: Pixels = np.float32(0.5) + np.float32(reach) * np.sin(np.arcsin(rest) / np.float32(3))
    return undone


_XYZ_TO_SENSOR = np.array(
    [
        [[1.0234, -0.2969, -0.2266], [-0.5625, 1.6328, -0.0469], [-0.0703, 0.2188, 0.6406]],
        [[0.4913, -0.0541, -0.0202], [-0.6130, 1.3513, 0.2906], [-0.1564, 0.2151, 0.7183]],
        [[0.8380, -0.2630, -0.0639], [-0.2887, 1.0725, 0.2496], [-0.0627, 0.1427, 0.5438]],
        [[0.6596, -0.2079, -0.0562], [-0.4782, 1.3016, 0.1933], [-0.0970, 0.1581, 0.5181]],
    ]
)
"""Colour matrices of the four cameras of the Darmstadt Noise Dataset, as given with Brooks 2019."""

_RGB_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
"""Linear sRGB to XYZ, white D65 (IEC 61966-2-1:1999)."""


_LUMINANCE = _RGB_TO_XYZ[1].astype(np.float32)
"""How bright each channel of linear sRGB is; the sum is 1."""


def colour_matrix(cameras: tuple[float, ...]) -> NDArray[np.float64]:
    """Return the matrix from linear sRGB to a sensor's colours; white stays white.

    Parameters
    ----------
    cameras : tuple of 4 floats
        How much of each of four cameras the sensor has, in proportion.

    References
    ----------
    Brooks et al. 2019, on colour correction (see :class:`Camera`).

    Examples
    --------
    >>> (colour_matrix((1, 1, 1, 1)) @ np.ones(3)).round(6).tolist()
    [1.0, 1.0, 1.0]
    """
    weights = np.asarray(cameras, dtype=np.float64)
    xyz_to_sensor = np.tensordot(weights / weights.sum(), _XYZ_TO_SENSOR, axes=1)
    matrix = xyz_to_sensor @ _RGB_TO_XYZ
    normalised: NDArray[np.float64] = matrix / matrix.sum(axis=1, keepdims=True)
    return normalised


def sensor_matrix(cameras: tuple[float, ...], red: float, blue: float) -> Pixels:
    """Return the matrix from linear sRGB to what a sensor measures: its colours, not yet balanced.

    Parameters
    ----------
    cameras : tuple of 4 floats
        As for :func:`colour_matrix`.
    red, blue : float
        The gains of the white balance, by which the camera will multiply what it measured; green's is 1.

    Returns
    -------
    numpy.ndarray
        Shape (3, 3), float32. Its inverse is the white balance and the colour matrix.

    References
    ----------
    Brooks et al. 2019, on white balance and colour correction (see :class:`Camera`).

    Examples
    --------
    >>> (sensor_matrix((1, 0, 0, 0), red=2.0, blue=1.6) @ np.ones(3)).round(4).tolist()
    [0.5, 1.0, 0.625]
    """
    balance = np.array([red, 1.0, blue])
    matrix: Pixels = (colour_matrix(cameras) / balance[:, None]).astype(np.float32)
    return matrix


def read_sigma_for(gain: float, rng: np.random.Generator) -> float:
    """Draw the read noise that sensors have at a gain: log-linear in it, with some scatter.

    Parameters
    ----------
    gain : float
        Variance of the shot noise at 1.0, in fractions of the sensor's range.
    rng : numpy.random.Generator
        The source of chance.

    Returns
    -------
    float
        Standard deviation; its square, the variance, has the logarithm
        2.18 log(gain) + 1.20, give or take 0.26.

    References
    ----------
    Brooks et al. 2019, on shot and read noise (see :class:`Camera`).

    Examples
    --------
    >>> round(read_sigma_for(0.012, np.random.default_rng(0)), 3)
    0.015
    """
    return math.exp((2.18 * math.log(gain) + 1.20 + 0.26 * rng.standard_normal()) / 2)


def blur(noise: Pixels, spread: float) -> Pixels:
    """Spread each value over its neighbours in the form of a Gaussian.

    Parameters
    ----------
    noise : numpy.ndarray
        Shape (..., rows, columns, channels).
    spread : float
        Standard deviation of the Gaussian, in pixels; it is cut off at three of these.

    Returns
    -------
    numpy.ndarray
        The same shape; the edges are reflected.

    Examples
    --------
    >>> dot = np.float32([0, 0, 1, 0, 0]).reshape(1, 5, 1)
    >>> blur(dot, 0.5).ravel().round(2).tolist() == np.float32([0, 0.11, 0.79, 0.11, 0]).tolist()
    True
    """
    reach = math.ceil(3 * spread)
    steps = np.arange(-reach, reach + 1)
    taps = np.exp(-0.5 * (steps / max(spread, 1e-6)) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    for axis in (-3, -2):
        length = noise.shape[axis]
        margin = [(0, 0)] * noise.ndim
        margin[axis] = (reach, reach)
        padded = np.moveaxis(np.pad(noise, margin, mode="symmetric"), axis, 0)
        total = taps[0] * padded[:length]
        for start, tap in enumerate(taps[1:], start=1):
            total += tap * padded[start : start + length]
        noise = np.moveaxis(total, 0, axis)
    return noise


def reduce_noise(noise: Pixels, smooth: float, colour: float, smooth_colour: float) -> Pixels:
    """Do to the noise what a camera's own noise reduction leaves of it.

    Brightness and colour are treated apart, as in cameras: the colour of the noise is made fainter
    and spread further, which turns it into soft blotches.

    Parameters
    ----------
    noise : numpy.ndarray
        Shape (..., rows, columns, channels), in proportion to light.
    smooth : float
        How far the noise is spread, in pixels; see :func:`blur`.
    colour : float
        The share of its colour that is left, 0..1. For three channels, like the next.
    smooth_colour : float
        How far its colour is spread, in pixels, on top of `smooth`.

    Returns
    -------
    numpy.ndarray
        The same shape.

    Examples
    --------
    >>> red = np.zeros((5, 5, 3), np.float32)
    >>> red[2, 2, 0] = 1
    >>> gray = reduce_noise(red, 0, 0, 0)[2, 2]
    >>> bool(gray[0] == gray[1] == gray[2] > 0)
    True
    """
    if noise.shape[-1] == 3 and (colour < 1 or smooth_colour > 0):
        gray = (noise @ _LUMINANCE)[..., None]
        hue = np.float32(colour) * (noise - gray)
        noise = gray + (blur(hue, smooth_colour) if smooth_colour > 0 else hue)
    return blur(noise, smooth) if smooth > 0 else noise


def edge_strength(picture: Pixels, slope: float = 0.04) -> Pixels:
    """Return how much of an edge there is at each pixel, 0 (flat) to 1.

    Noise reduction that keeps edges leaves the noise beside them. The measure is
    1 - exp(-(steepest / slope)^2) of the steepest slope of the brightness to a neighbour, a little
    spread: with 0.04 it begins at steps of some 5 in 255.

    Source: the edge-stopping function of P. Perona and J. Malik, Scale-space and edge detection
    using anisotropic diffusion, 1990, doi:10.1109/34.56205.

    Parameters
    ----------
    picture : numpy.ndarray
        Shape (..., rows, columns, 3), display values 0..1.
    slope : float, default 0.04
        The step from pixel to pixel at which 63% of an edge is seen, above 0.

    Returns
    -------
    numpy.ndarray
        Shape (..., rows, columns, 1).

    Examples
    --------
    >>> step = np.zeros((9, 9, 3), np.float32)
    >>> step[:, 5:] = 0.5
    >>> [round(float(x), 1) for x in edge_strength(step)[4, :, 0]]
    [0.0, 0.0, 0.0, 0.3, 0.7, 0.7, 0.3, 0.0, 0.0]
    """
    gray = (picture @ _LUMINANCE)[..., None]
    steepest = np.zeros_like(gray)
    for axis in (-3, -2):
        step = np.abs(np.diff(gray, axis=axis))
        nothing = [(0, 0)] * gray.ndim
        for sides in ((0, 1), (1, 0)):  # to the next, and to the one before
            nothing[axis] = sides
            steepest = np.maximum(steepest, np.pad(step, nothing))
    return blur(1 - np.exp(-((steepest / np.float32(slope)) ** 2)), 0.8)
