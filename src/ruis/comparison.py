"""What was removed from an image: noise alone, or structure with it?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ruis.errors import ChannelMismatchError
from ruis.intensity import Intensity
from ruis.metrics.bias import bias
from ruis.metrics.whiteness import whiteness
from ruis.noise.estimate import estimate_sigma

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ruis.image import Image

__all__ = ["WHITE", "Comparison", "compare"]

WHITE = 0.1
"""Up to here, neighbours in what was removed agree so little that it looks like white noise."""


@dataclass(frozen=True)
class Comparison:
    """What a denoiser took from an image.

    Parameters
    ----------
    sigma_before, sigma_after : float
        The noise, as a fraction of the data range.
    removed : float
        The standard deviation of what was removed, as a fraction of the data range.
    whiteness : float
        How much neighbouring values of what was removed agree, -1..1; 0 is white noise.
    bias : float
        How much darker the image became, as a fraction of the data range.
    psnr_before, psnr_after : float or None
        Against the clean image, in dB, where it is known.
    ssim_before, ssim_after : float or None
        The same as structural similarity.
    """

    sigma_before: float
    sigma_after: float
    removed: float
    whiteness: float
    bias: float
    psnr_before: float | None = None
    psnr_after: float | None = None
    ssim_before: float | None = None
    ssim_after: float | None = None

    @property
    def looks_white(self) -> bool:
        """Whether what was removed looks like white noise."""
        return abs(self.whiteness) <= WHITE

    def to_json(self) -> dict[str, Any]:
        """Return what is known as what JSON knows."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def compare(noisy: Image, denoised: Image, clean: Image | None = None) -> Comparison:
    """Judge what was removed from an image; alpha is left out.

    Parameters
    ----------
    noisy, denoised : Image
        Before and after, of one size.
    clean : Image, optional
        The image without noise, where it is known.

    Raises
    ------
    ChannelMismatchError
        If the images have different sizes or channels.
    """
    before = _unit(noisy)
    after = _like(before, denoised, noisy)
    found = {
        "sigma_before": estimate_sigma(before),
        "sigma_after": estimate_sigma(after),
        "removed": float((before - after).std()),
        "whiteness": whiteness(before, after),
        "bias": bias(before, after),
    }
    if clean is not None:
        found |= _quality(_like(before, clean, noisy), before, after)
    return Comparison(**found)


def _unit(image: Image) -> NDArray[np.float32]:
    scale = Intensity(image.info.dtype, image.info.data_range)
    return scale.to_unit(image.pixels[..., : image.channels])


def _like(wanted: NDArray[Any], image: Image, other: Image) -> NDArray[np.float32]:
    """Return an image as fractions of its range, if its shape is the one that is wanted."""
    pixels = _unit(image)
    if pixels.shape != wanted.shape:
        shapes = ["x".join(map(str, one.shape)) for one in (pixels, wanted)]
        raise ChannelMismatchError(
            f"has {shapes[0]} rows, columns and channels, and {other.info.source or 'the other'} "
            f"has {shapes[1]}: they cannot be compared.",
            source=image.info.source,
        )
    return pixels


def _quality(
    clean: NDArray[np.float32], before: NDArray[np.float32], after: NDArray[np.float32]
) -> dict[str, float]:
    from ruis.metrics.psnr import psnr
    from ruis.metrics.ssim import ssim

    return {
        "psnr_before": psnr(clean, before),
        "psnr_after": psnr(clean, after),
        "ssim_before": ssim(clean, before),
        "ssim_after": ssim(clean, after),
    }
