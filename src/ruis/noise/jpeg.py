"""JPEG: what lossy compression does."""

from __future__ import annotations

import io
from typing import Annotated, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from ruis.errors import ConfigError
from ruis.noise import NoiseModel, WholeAmount, between

__all__ = ["Jpeg"]

_LONGEST = 65500
"""The most rows or columns that libjpeg encodes."""


@final
class Jpeg(NoiseModel):
    """Pixels are clipped to 0..1, rounded to 8 bits, compressed as JPEG, and read back.

    Three channels are compressed as RGB; any other number as gray images, one for each channel.
    Nothing is left to chance here, unless the quality is a range. The one model that leaves NumPy:
    Pillow encodes and decodes in memory, and no file is touched.

    Parameters
    ----------
    quality : int or (int, int)
        The quality of libjpeg, 1 (worst) to 100; or a range to draw it from.
    subsampling : {"4:2:0", "4:2:2", "4:4:4"}, default "4:2:0"
        How much of the colour is kept; most cameras and programs halve its rows and columns.

    References
    ----------
    G. K. Wallace, "The JPEG still picture compression standard", IEEE Transactions on Consumer
    Electronics, 1992, doi:10.1109/30.125072.

    Examples
    --------
    >>> import numpy as np
    >>> flat = np.full((16, 16, 3), 0.6, np.float32)
    >>> noisy = Jpeg(quality=90).add(flat, np.random.default_rng(0))
    >>> bool(np.abs(noisy - flat).max() < 0.01)
    True
    """

    example: ClassVar[str] = "jpeg:quality=30..90"
    name: Literal["jpeg"] = "jpeg"
    quality: Annotated[WholeAmount, between(1, 100)]
    subsampling: Literal["4:2:0", "4:2:2", "4:4:4"] = "4:2:0"

    def _add_fixed(
        self, clean: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        if max(clean.shape[-3:-1]) > _LONGEST:
            raise ConfigError(
                f"JPEG takes at most {_LONGEST} rows and columns, not {clean.shape[-3:-1]}; "
                "add this noise to a part of the image at a time."
            )
        stored = (np.clip(clean, 0, 1) * 255 + 0.5).astype(np.uint8)
        for place in np.ndindex(stored.shape[:-3]):
            image = stored[place]
            if image.shape[-1] == 3:
                image[...] = self._round_trip(image)
            else:
                for channel in range(image.shape[-1]):
                    image[..., channel] = self._round_trip(image[..., channel])
        return stored.astype(np.float32) / np.float32(255)

    def _round_trip(self, stored: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Compress and decompress one gray (rows, columns) or RGB (rows, columns, 3) image."""
        from PIL import Image

        encoded = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(stored)).save(
            encoded, "JPEG", quality=self.quality, subsampling=self.subsampling
        )
        with Image.open(encoded, formats=["JPEG"]) as decoded:
            return np.asarray(decoded)
