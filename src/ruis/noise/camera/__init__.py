"""Camera noise: made on the sensor, before the camera turned raw values into a picture.

The picture is undone to what the sensor saw, noise is added there, and the picture is made again:

    sRGB -> contrast and tone curve undone -> colour matrix undone -> white balance undone -> Bayer mosaic
         -> shot and read noise -> demosaicing -> white balance -> colour matrix
         -> (the camera's own noise reduction) -> (rescaling) -> tone curve -> contrast -> (JPEG)

So the noise is stronger in red and blue, correlated between neighbours and channels, dependent on
the signal, and bent by the tone curve: nothing like white Gaussian noise.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal, final

import numpy as np
from pydantic import AfterValidator, BeforeValidator

from ruis.noise import Amount, NoiseModel, WholeAmount, between, fixed, parse
from ruis.noise.camera.demosaic import demosaic_bilinear, demosaic_malvar, mosaic
from ruis.noise.camera.steps import (
    Pixels,
    add_contrast,
    edge_strength,
    linear_to_srgb,
    read_sigma_for,
    reduce_noise,
    remove_contrast,
    sensor_matrix,
    srgb_to_linear,
)
from ruis.resample import resized

__all__ = ["Camera"]

_DEMOSAIC = {"bilinear": demosaic_bilinear, "malvar": demosaic_malvar}


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
    colours, no white balance and no `edges`: only the contrast, the tone curve, the sensor's noise,
    `smooth`, `rescale` and JPEG. The outcome is clipped to 0..1, as a camera's is.

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
        Whether the picture keeps its detail, so that only the noise goes through the mosaic and
        the compression, or loses what they lose. Kept, no noise means no change, and a denoiser learns to
        remove noise; lost, it learns to demosaic better as well.
    smooth : float or (float, float), default 0
        How far the camera's own noise reduction spreads the noise, in pixels (the standard
        deviation of a Gaussian). With 0.5 to 1.5, neighbours agree as in pictures out of cameras.
    colour : float or (float, float), default 1
        The share of the noise's colour that the camera's noise reduction leaves, 0 to 1.
    smooth_colour : float or (float, float), default 0
        How far it spreads the noise's colour, on top of `smooth`, in pixels: pictures out of
        cameras have soft blotches of colour, 2 to 6 pixels wide.
    edges : float or (float, float), default 0
        The share of the noise at edges to which the noise reduction does nothing. Above 1 there is
        more of it than the sensor made, as where a camera sharpens edges.
    edge_slope : float or (float, float), default 0.04
        How steep an edge is to be for that, in fractions of the range for each pixel.
    contrast : float or (float, float), default 0
        The share of a contrast curve that the camera puts on top of the tone curve. It presses the
        noise of shadows and highlights together and spreads that of the middle.
    rescale : float or (float, float), default 1
        How many times larger the camera's picture was than the one at hand, in each direction:
        above 1 it was reduced, which averages the noise, below 1 enlarged, which spreads it.
    jpeg : int or (int, int), optional
        The quality at which the picture is compressed. Default: not at all. Where detail is kept,
        only what compression makes of the noise is added, not what it does to the picture: else a
        denoiser learns to guess the detail that compression took.
    jpeg_share : float, default 1
        The share of the pictures that are compressed, if `jpeg` is given.

    References
    ----------
    T. Brooks, B. Mildenhall, T. Xue, J. Chen, D. Sharlet, J. T. Barron, "Unprocessing images for
    learned raw denoising", CVPR, 2019, doi:10.1109/CVPR.2019.01129: the order of the steps, the
    ranges of the gains, and the noise figures. Left out: its exposure. Otherwise: it balances white before
    demosaicing, here it comes after, for which Malvar's filters make red noisier, and green less noisy
    (`docs/decisions/0020-a-camera-s-noise-measured.md`).

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
    smooth_colour: Annotated[Amount, between(0, 20)] = 0.0
    edges: Annotated[Amount, between(0, 4)] = 0.0
    edge_slope: Annotated[Amount, between(1e-3, 1)] = 0.04
    contrast: Annotated[Amount, between(0, 1)] = 0.0
    rescale: Annotated[Amount, between(0.25, 4)] = 1.0
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
        contrast = fixed(self.contrast)
        linear = srgb_to_linear(remove_contrast(clean, contrast) if contrast else clean)
        rows, columns = clean.shape[-3:-1]
        larger = fixed(self.rescale)
        seen = linear
        if larger != 1:
            seen = resized(linear, max(1, round(rows * larger)), max(1, round(columns * larger)))
        if clean.shape[-1] == 3:
            picture, noise = self._expose_colour(seen, rng)
        else:
            picture, noise = seen, self._sensor_noise(seen, rng)
        reduced = reduce_noise(
            noise, fixed(self.smooth), fixed(self.colour), fixed(self.smooth_colour)
        )
        left = fixed(self.edges)
        if left and clean.shape[-1] == 3:
            strength = edge_strength(linear_to_srgb(seen), fixed(self.edge_slope))
            noise = reduced + left * strength * (noise - reduced)
        else:
            noise = reduced
        if larger != 1:
            noise, picture = (resized(one, rows, columns) for one in (noise, picture))
        if self.detail == "keep":
            picture = linear
        noisy = linear_to_srgb(picture + noise)
        if contrast:
            noisy = add_contrast(noisy, contrast)
        return noisy if self.jpeg is None else self._compressed(noisy, clean, rng)

    def _compressed(self, noisy: Pixels, clean: Pixels, rng: np.random.Generator) -> Pixels:
        """Compress as JPEG; a picture that keeps its detail has of it only what became of the noise."""
        jpeg = parse({"name": "jpeg", "quality": self.jpeg})
        if self.detail == "lose":
            return jpeg.add(noisy, rng)
        kept: Pixels = np.clip(clean + jpeg.add(noisy, rng) - jpeg.add(clean, rng), 0, 1)
        return kept

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
        to_sensor = sensor_matrix(cameras, fixed(self.red), fixed(self.blue))
        to_linear = np.linalg.inv(to_sensor)
        raw = mosaic(linear @ to_sensor.T)
        demosaic = _DEMOSAIC[self.demosaic]
        noise = demosaic(self._sensor_noise(raw, rng)) @ to_linear.T
        return (linear if self.detail == "keep" else demosaic(raw) @ to_linear.T), noise
