"""A heat map as a picture: the image in gray, coloured where it is odd."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruis.image import Image, ImageInfo
from ruis.intensity import Intensity

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["heat_picture"]

COLOURS = ((70, 0, 130), (200, 30, 90), (245, 120, 30), (255, 245, 120))
"""From cool to hot: violet, red, orange, yellow."""

CLEAR, HOTTEST = 0.75, 2.0
"""In fractions of what is the most in normal images: below, nothing shows; above, nothing changes."""


def heat_picture(image: Image, heat_map: NDArray[Any], limit: float) -> Image:
    """Draw heat over an image.

    Parameters
    ----------
    image : Image
        What was examined.
    heat_map : numpy.ndarray
        Shape (rows, columns), at least 0.
    limit : float
        The most heat in normal images.

    Returns
    -------
    Image
        RGB, uint8.
    """
    import numpy as np

    unit = Intensity(image.info.dtype, image.info.data_range).to_unit(image.pixels)
    gray = np.clip(unit[..., : image.channels].mean(axis=2), 0, 1)
    heat = np.clip((heat_map / max(limit, 1e-6) - CLEAR) / (HOTTEST - CLEAR), 0, 1)
    stops = np.linspace(0, 1, len(COLOURS))
    colour = np.stack([np.interp(heat, stops, part) for part in zip(*COLOURS, strict=True)], axis=2)
    cover = np.minimum(2 * heat, 0.85)[..., None]
    drawn = (1 - cover) * 255 * gray[..., None] + cover * colour
    stored = np.rint(drawn).astype(np.uint8)
    return Image(stored, ImageInfo(stored.dtype, (0.0, 255.0), colour="rgb"))
