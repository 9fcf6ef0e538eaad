"""An 8-bit PNG of any image, for browsers that show no TIFF, PNM, NPY or 16 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruis import formats
from ruis.image import Colour, Image, ImageInfo
from ruis.intensity import Intensity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ruis.formats import Limits

__all__ = ["preview"]

STRIP = 1 << 20
"""Values that are floats at a time."""


def preview(
    data: bytes,
    side: int,
    limits: Limits,
    black: float | None = None,
    white: float | None = None,
) -> bytes:
    """Return the bytes of an 8-bit PNG; the data range becomes black to white.

    Parameters
    ----------
    data : bytes
        A file of a format that ruis reads.
    side : int
        The longest side it may have; a larger image is reduced by a whole number, each pixel the
        mean of a square.
    limits : Limits
        What its header may announce.
    black, white : float, optional
        The ends of the data range, as stored; default: what the file says.

    Raises
    ------
    ImageError
        If it cannot be read.
    ConfigError
        If white is not above black.
    """
    import numpy as np

    image = formats.read_bytes(data, limits=limits)
    factor = -(-max(image.rows, image.columns) // side)
    low, high = image.info.data_range
    ends = (low if black is None else black, high if white is None else white)
    scale = Intensity(image.info.dtype, ends)
    width = image.pixels.shape[1] * image.pixels.shape[2]
    rows = max(1, STRIP // width // factor) * factor
    strips = [
        _bytes(_reduced(scale.to_unit(image.pixels[top : top + rows]), factor))
        for top in range(0, image.rows, rows)
    ]
    pixels, info = _shown(np.concatenate(strips), image.info)
    return formats.encode(Image(pixels, info), "png", strip_metadata=True, record="")


def _reduced(unit: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return the means of squares; those at the edge are of what there is."""
    import numpy as np

    if factor == 1:
        return unit
    for axis in (0, 1):
        starts = np.arange(0, unit.shape[axis], factor)
        counts = np.diff(np.append(starts, unit.shape[axis]))
        shape = [-1 if one == axis else 1 for one in range(unit.ndim)]
        sums: Any = np.add.reduceat(unit, starts, axis=axis)
        unit = sums / counts.reshape(shape).astype(np.float32)
    return unit


def _bytes(unit: NDArray[np.float32]) -> NDArray[np.uint8]:
    import numpy as np

    return np.rint(np.clip(unit, 0, 1) * 255).astype(np.uint8)


def _shown(pixels: NDArray[np.uint8], info: ImageInfo) -> tuple[NDArray[Any], ImageInfo]:
    """Return what a PNG can hold: gray or RGB, with alpha if there is one."""
    import numpy as np

    count = pixels.shape[2] - int(info.alpha)
    colours, alpha = pixels[..., :count], pixels[..., count:]
    if info.colour == "cmyk":
        ink = colours.astype(np.uint16)
        colours = ((255 - ink[..., :3]) * (255 - ink[..., 3:4]) // 255).astype(np.uint8)
    elif info.colour == "channels":
        colours = colours[..., : 3 if count >= 3 else 1]
    shown = np.concatenate([colours, alpha], axis=2)
    colour: Colour = "rgb" if colours.shape[2] == 3 else "gray"
    return shown, ImageInfo(np.dtype(np.uint8), (0, 255), colour, info.alpha)
