"""Camera noise: made on the sensor, before the camera turned raw values into a picture.

The picture is undone to what the sensor saw, noise is added there, and the picture is made again:

    sRGB -> tone curve undone -> colour matrix undone -> white balance undone -> Bayer mosaic
         -> shot and read noise -> demosaicing -> white balance -> colour matrix
         -> (the camera's own noise reduction) -> tone curve -> (JPEG)

So the noise is stronger in red and blue, correlated between neighbours and channels, dependent on
the signal, and bent by the tone curve: nothing like white Gaussian noise.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BeforeValidator

from ruis.noise import Amount, NoiseModel, WholeAmount, between, fixed, parse

__all__ = [
    "Camera",
    "blur",
    "colour_matrix",
    "demosaic_bilinear",
    "demosaic_malvar",
    "linear_to_srgb",
    "mosaic",
    "read_sigma_for",
    "srgb_to_linear",
]

Pixels = NDArray[np.float32]

# -- the steps ---------------------------------------------------------------------------------


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
    Brooks et al. 2019, section 3.4 (see :class:`Camera`).

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
    Brooks et al. 2019, section 3.1 (see :class:`Camera`).

    Examples
    --------
    >>> round(read_sigma_for(0.012, np.random.default_rng(0)), 3)
    0.015
    """
    return math.exp((2.18 * math.log(gain) + 1.20 + 0.26 * rng.standard_normal()) / 2)


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


_DEMOSAIC = {"bilinear": demosaic_bilinear, "malvar": demosaic_malvar}


# -- the model ---------------------------------------------------------------------------------


def _split_weights(weights: Any) -> Any:
    """Let four weights be written "1:0:2:1" in a text."""
    return weights.split(":") if isinstance(weights, str) else weights


def _some_weight(weights: tuple[float, ...]) -> tuple[float, ...]:
    """Refuse weights that are negative, or all zero."""
    if min(weights) < 0 or max(weights) <= 0:
        raise ValueError("weights must not be negative, and one at least must be above zero")
    return weights


FourWeights = Annotated[
    tuple[float, float, float, float],
    BeforeValidator(_split_weights),
    AfterValidator(_some_weight),
]


@final
class Camera(NoiseModel):
    """The noise of a digital camera, as it is left in the pictures that the camera makes.

    Three channels are sRGB and go all the way. Any other number of channels has no mosaic, no
    colours and no white balance: only the tone curve, the sensor's noise, and JPEG. The outcome is
    clipped to 0..1, as a camera's is.

    Parameters
    ----------
    gain : float or (float, float), default (1e-4, 1.2e-2)
        Variance of the shot noise at 1.0, in fractions of the sensor's range: it grows with the
        ISO setting. A range is drawn from logarithmically.
    read : float or (float, float), optional
        Standard deviation of the read noise, in fractions of the sensor's range. Default: what
        sensors have at that gain, with some scatter.
    red, blue : float or (float, float), default (1.9, 2.4) and (1.5, 1.9)
        The white balance: how much red and blue are raised against green.
    cameras : tuple of 4 floats, optional
        The colours of the sensor, as a mixture of four cameras. Default: drawn.
    demosaic : {"malvar", "bilinear"}, default "malvar"
        How the colours that each pixel lacks are filled in.
    detail : {"keep", "lose"}, default "keep"
        Whether the picture keeps its detail, so that only the noise goes through the mosaic, or
        loses what the mosaic loses. Kept, no noise means no change, and a denoiser learns to
        remove noise; lost, it learns to demosaic better as well.
    smooth : float or (float, float), default 0
        How far the camera's own noise reduction spreads the noise, in pixels (the standard
        deviation of a Gaussian). With 0.5 to 1.5, neighbours agree as in pictures out of cameras.
    colour : float or (float, float), default 1
        The share of the noise's colour that the camera's noise reduction leaves, 0 to 1.
    jpeg : int or (int, int), optional
        The quality at which the picture is compressed. Default: not at all.
    jpeg_share : float, default 1
        The share of the pictures that are compressed, if `jpeg` is given.

    References
    ----------
    T. Brooks, B. Mildenhall, T. Xue, J. Chen, D. Sharlet, J. T. Barron, "Unprocessing images for
    learned raw denoising", CVPR, 2019, doi:10.1109/CVPR.2019.01129: the order of the steps, the
    ranges of the gains, and the noise figures. Left out: its global contrast curve and exposure.

    S. Nam, Y. Hwang, Y. Matsushita, S. J. Kim, "A holistic approach to cross-channel image noise
    modeling and its application to image denoising", CVPR, 2016, doi:10.1109/CVPR.2016.186: what
    comes out of a camera is correlated between neighbours and channels.

    Examples
    --------
    >>> clean = np.full((64, 64, 3), 0.5, np.float32)
    >>> noisy = Camera(gain=0.01).add(clean, np.random.default_rng(0))
    >>> red, green, blue = noisy.std(axis=(0, 1))
    >>> bool(red > green and blue > green)
    True
    """

    example: ClassVar[str] = "camera:gain=1e-4..0.01,jpeg=60..95"
    name: Literal["camera"] = "camera"
    gain: Annotated[Amount, between(1e-8, 1)] = (1e-4, 1.2e-2)
    read: Annotated[Amount, between(0, 1)] | None = None
    red: Annotated[Amount, between(0.1, 10)] = (1.9, 2.4)
    blue: Annotated[Amount, between(0.1, 10)] = (1.5, 1.9)
    cameras: FourWeights | None = None
    demosaic: Literal["malvar", "bilinear"] = "malvar"
    detail: Literal["keep", "lose"] = "keep"
    smooth: Annotated[Amount, between(0, 10)] = 0.0
    colour: Annotated[Amount, between(0, 1)] = 1.0
    jpeg: Annotated[WholeAmount, between(1, 100)] | None = None
    jpeg_share: Annotated[float, between(0, 1)] = 1.0

    def sample(self, rng: np.random.Generator) -> NoiseModel:
        """Return one camera and one exposure: every range, and what was left open, is drawn."""
        drawn: dict[str, Any] = {}
        gain = self.gain
        if isinstance(gain, tuple):
            gain = math.exp(rng.uniform(math.log(gain[0]), math.log(gain[1])))
            drawn["gain"] = gain
        if self.read is None:
            drawn["read"] = read_sigma_for(gain, rng)
        if self.cameras is None:
            drawn["cameras"] = tuple(float(weight) for weight in rng.uniform(1e-6, 1, 4))
        if self.jpeg is not None and self.jpeg_share < 1:
            drawn["jpeg_share"] = 1.0
            if rng.random() >= self.jpeg_share:
                drawn["jpeg"] = None
        return NoiseModel.sample(self.model_copy(update=drawn), rng)  # the other ranges

    def _add_fixed(self, clean: Pixels, rng: np.random.Generator) -> Pixels:
        linear = srgb_to_linear(clean)
        if clean.shape[-1] == 3:
            picture, noise = self._expose_colour(linear, rng)
        else:
            picture, noise = linear, self._sensor_noise(linear, rng)
        if fixed(self.smooth) > 0:
            noise = blur(noise, fixed(self.smooth))
        noisy = linear_to_srgb(picture + noise)
        if self.jpeg is not None:
            noisy = parse({"name": "jpeg", "quality": self.jpeg}).add(noisy, rng)
        return noisy

    def _sensor_noise(self, seen: Pixels, rng: np.random.Generator) -> Pixels:
        """Return the noise of the sensor's values: exact shot noise, and read noise."""
        settings = {"name": "poisson-gaussian", "gain": self.gain, "sigma": self.read}
        light = np.maximum(seen, 0)  # a colour outside the sensor's own range has no photons
        return (parse(settings).add(light.reshape(-1, 1, 1), rng)).reshape(seen.shape) - light

    def _expose_colour(self, linear: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
        """Return linear RGB from a sensor with a Bayer mosaic: the picture, and its noise.

        Up to here everything is linear, so that the two can go their ways side by side.
        """
        cameras = self.cameras or (1.0,) * 4
        balance = np.array([fixed(self.red), 1.0, fixed(self.blue)])
        to_sensor = (colour_matrix(cameras) / balance[:, None]).astype(np.float32)
        to_linear = np.linalg.inv(to_sensor)
        raw = mosaic(linear @ to_sensor.T)
        demosaic = _DEMOSAIC[self.demosaic]
        noise = demosaic(self._sensor_noise(raw, rng)) @ to_linear.T
        if fixed(self.colour) < 1:
            gray = noise @ _LUMINANCE
            noise = gray[..., None] + np.float32(fixed(self.colour)) * (noise - gray[..., None])
        return (linear if self.detail == "keep" else demosaic(raw) @ to_linear.T), noise
