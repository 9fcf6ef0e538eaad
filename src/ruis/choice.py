"""What is seen of an image's noise before it is denoised, and which shipped model suits it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ruis import zoo
from ruis.intensity import Intensity
from ruis.noise.estimate import WHITE, estimate_coarse_sigma, estimate_sigma, spread_windows

if TYPE_CHECKING:
    from ruis.image import Image

__all__ = ["Choice", "Seen", "choose", "look"]

SMALL = 640 * 640
"""Pixels up to which the whole image is looked at; of a larger one, windows are."""

WINDOWS = 5


@dataclass(frozen=True)
class Seen:
    """What a look at an image tells of its noise.

    Parameters
    ----------
    sigma : float
        The standard deviation of the noise as white noise, as a fraction of the data range.
    coarse : float
        The same, judged from the means of 2x2 pixels: larger where neighbours share their noise.
    brightest : float
        The largest absolute value seen, as a fraction of the data range.
    """

    sigma: float
    coarse: float
    brightest: float

    @property
    def white(self) -> bool:
        """Whether the noise is white; False where it is too faint to tell."""
        return 0 < self.coarse <= WHITE * self.sigma


@dataclass(frozen=True)
class Choice:
    """The shipped model that suits an image, and why.

    Parameters
    ----------
    model : str
        Its name.
    why : str
        What decided: "colour, camera noise".
    seen : Seen
        What the image showed.
    """

    model: str
    why: str
    seen: Seen


def look(noisy: Image) -> Seen:
    """Estimate the noise of an image, alpha left out; milliseconds, whatever its size.

    Parameters
    ----------
    noisy : Image
        Any image.
    """
    pixels = noisy.pixels[..., : noisy.channels]
    scale = Intensity(noisy.info.dtype, noisy.info.data_range)
    large = noisy.rows * noisy.columns > SMALL
    windows = spread_windows(pixels, WINDOWS) if large else [pixels]
    unit = [scale.to_unit(window) for window in windows]
    return Seen(
        estimate_sigma(unit),
        estimate_coarse_sigma(unit),
        max(float(np.abs(window).max()) for window in unit),
    )


def choose(noisy: Image, *, fast: bool = False) -> Choice:
    """Choose the shipped model for an image: by its channels, and for colours by its noise.

    Parameters
    ----------
    noisy : Image
        Any image.
    fast : bool, default False
        Whether a small, fast network is wanted.

    Examples
    --------
    >>> from ruis.arrays import as_image
    >>> choose(as_image(np.zeros((8, 8), np.uint8))[0]).model
    'gray'
    """
    seen = look(noisy)
    if noisy.info.colour != "rgb":
        return Choice(zoo.suited(1, fast=fast), "no colours", seen)
    why = "white noise" if seen.white else "camera noise"
    return Choice(zoo.suited(3, white=seen.white, fast=fast), why, seen)
