"""What was removed from an image: noise alone, or structure with it?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ruis.arrays import with_range
from ruis.choice import look
from ruis.errors import ChannelMismatchError, ConfigError
from ruis.image import common_range
from ruis.intensity import Intensity
from ruis.metrics.bias import bias
from ruis.metrics.correlation import correlation
from ruis.metrics.structure import structure
from ruis.metrics.whiteness import whiteness
from ruis.noise.estimate import estimate_sigma
from ruis.survey import BRIGHT, peak, white_shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ruis.image import Image

__all__ = [
    "VERDICTS",
    "WHITE",
    "Comparison",
    "compare",
    "in_used_range",
    "unit_pixels",
    "verdict_text",
    "without_left",
]

WHITE = 0.1
"""Up to here, neighbours in what was removed agree so little that it looks like white noise."""

STRUCTURE, CONTRAST = 0.3, 0.08
"""Any denoiser takes the faintest detail: on eight test images with sigma 10/255 and 25/255 the shipped
model came to 0.24 and 0.07 at most; total variation and blurring to 0.085 at least for the second."""

FLAT = 0.05
"""A scene with less contrast than this share of what was removed is none: what is left resembles the noise, of
which it is a rest. The shipped models leave 0.02 to 0.035 of white noise on a flat field, and blurs more."""

SHIFT = 1.0 / 255
LEFT = 0.3
PARTLY, MUCH = 0.05, 0.15
"""From these shares of the noise on that is left, it is taken for left on purpose: first it is reckoned with,
then resemblance to the scene tells little, as it may be to that noise."""

MORE = 1.1
"""So many times as strong as white noise was what blurs took; denoisers take less than all of it. On test
images with white noise of sigma 5/255 to 50/255 what denoisers removed had a whiteness of 0.15 at most."""

NOTHING = 0.05 / 255
APART = 4.0
"""An image that is so many times as bright as another is stored in another unit."""

LOST = -0.1
"""In decibels: a denoised image that is so much further from the clean one became worse."""

VERDICTS = {
    "nothing-removed": "Nothing was removed: the two images are the same.",
    "became-worse": "The denoised image is further from the clean one than the noisy image was.",
    "structure-removed": "Detail of the scene was removed with the noise: what was removed resembles "
    "the scene in {structure:.0%} of the image, with a correlation of {correlation:+.2f}; try "
    "--strength, or a model that knows this noise.",
    "brightness-shifted": "The image became {direction} by {shift:.1f}/255 on average; noise should "
    "not change that.",
    "colour-shifted": "The colours shifted by up to {colour:.1f}/255 against each other.",
    "noise-added": "The image after has more noise (sigma {after:.1f}/255) than the one before "
    "({before:.1f}/255): were they given in this order?",
    "noise-left": "Noise is left: sigma {after:.1f}/255 of {before:.1f}/255.",
    "not-white": "What was removed is not white: neighbours agree by {white:+.2f}. That is as it "
    "should be if the noise was so (a camera's, or blotches), and a loss of detail if it was white.",
    "blurred": "What was removed is coarser than the noise, which was white: neighbours agree by "
    "{white:+.2f}. Detail of the scene went with it, as in a blur.",
    "good": "What was removed looks like noise alone, and little of it is left.",
}
"""What can be said, by its code, in English; in the order in which it matters."""

LIMITS = (
    "Without the clean image this is evidence and no proof: what was removed can look like noise and "
    "still hold the finest texture."
)


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
    bias_per_channel : tuple of float
        The same for each channel.
    correlation : float
        Of what was removed with the denoised image, -1..1; 0 is best, more is contrast lost.
    structure : float
        The share of the image in which detail was removed with the noise, 0..1.
    contrast : float
        The standard deviation of the denoised image within its channels, as a fraction of the data range.
    psnr_before, psnr_after : float or None
        Against the clean image, in dB, where it is known.
    ssim_before, ssim_after : float or None
        The same as structural similarity.
    white_before : bool
        Whether the noise looked white.
    """

    sigma_before: float
    sigma_after: float
    removed: float
    whiteness: float
    bias: float
    bias_per_channel: tuple[float, ...] = ()
    correlation: float = 0.0
    structure: float = 0.0
    contrast: float = 1.0
    psnr_before: float | None = None
    psnr_after: float | None = None
    ssim_before: float | None = None
    ssim_after: float | None = None
    white_before: bool = False

    @property
    def looks_white(self) -> bool:
        """Whether what was removed looks like white noise."""
        return abs(self.whiteness) <= WHITE

    @property
    def _resembles(self) -> bool:
        """Whether what was removed resembles the scene, and not only the noise that was left."""
        if self.contrast <= FLAT * self.removed:
            return False
        if self.sigma_after > MUCH * self.sigma_before:
            return self.correlation > 2 * CONTRAST
        return self.structure > STRUCTURE or self.correlation > CONTRAST

    @property
    def _blurred(self) -> bool:
        """Whether what was removed is coarser than white noise is, and more than the noise was."""
        coarser = self.white_before and self.whiteness > WHITE
        more = self.removed > MORE * self.sigma_before
        return coarser and (more or self.whiteness > 2 * WHITE)

    @property
    def colour_shift(self) -> float:
        """How far the channels' brightness moved apart, as a fraction of the data range."""
        each = self.bias_per_channel
        return max(each) - min(each) if len(each) > 1 else 0.0

    @property
    def verdict(self) -> tuple[str, ...]:
        """What there is to say, as codes of :data:`VERDICTS`, what matters most first."""
        shifts = [abs(shift) for shift in (self.bias, *self.bias_per_channel)]
        if self.removed <= NOTHING and max(shifts) <= NOTHING:
            return ("nothing-removed",)
        found = []
        before, after = self.psnr_before, self.psnr_after
        if before is not None and after is not None and after - before < LOST:
            found.append("became-worse")
        if self._resembles:
            found.append("structure-removed")
        if abs(self.bias) > SHIFT:
            found.append("brightness-shifted")
        if self.colour_shift > 2 * SHIFT:
            found.append("colour-shifted")
        if self.sigma_after > MORE * self.sigma_before and self.sigma_after > SHIFT:
            found.append("noise-added")
        elif self.sigma_after > LEFT * self.sigma_before and self.sigma_after > SHIFT:
            found.append("noise-left")
        if self._blurred:
            found.append("blurred")
        elif not self.looks_white:
            found.append("not-white")
        if not {*found} - {"not-white"}:
            found.insert(0, "good")
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """Return what is known as what JSON knows."""
        known = {key: value for key, value in asdict(self).items() if value is not None}
        return {**known, "colour_shift": self.colour_shift, "verdict": self.verdict}


def verdict_text(found: Comparison) -> str:
    """Say in plain words what was removed, and how far that can be trusted.

    Parameters
    ----------
    found : Comparison
        What was found.
    """
    values = {
        "structure": found.structure,
        "correlation": found.correlation,
        "direction": "darker" if found.bias > 0 else "brighter",
        "shift": abs(found.bias) * 255,
        "colour": found.colour_shift * 255,
        "after": found.sigma_after * 255,
        "before": found.sigma_before * 255,
        "white": found.whiteness,
    }
    sentences = [VERDICTS[code].format(**values) for code in found.verdict]
    if found.psnr_after is not None and found.psnr_before is not None:
        sentences.append(
            f"Against the clean image, PSNR went from {found.psnr_before:.2f} to "
            f"{found.psnr_after:.2f} dB."
        )
    else:
        sentences.append(LIMITS)
    return " ".join(sentences)


def compare(noisy: Image, denoised: Image, clean: Image | None = None) -> Comparison:
    """Judge what was removed from an image; alpha is left out.

    All fractions, and PSNR and SSIM, are of the images' data range: where they use but a small part
    of it, call :func:`in_used_range` first, as `ruis compare` does.

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
    before = unit_pixels(noisy)
    after = _like(before, denoised, noisy)
    found: dict[str, Any] = {
        "sigma_before": estimate_sigma(before),
        "sigma_after": estimate_sigma(after),
        "white_before": look(noisy).white,
        "removed": float((before - after).std()),
        "whiteness": whiteness(before, after),
        "contrast": float(after.std(axis=(0, 1)).mean()),
        "bias": bias(before, after),
        "bias_per_channel": tuple(
            bias(before[..., channel], after[..., channel]) for channel in range(before.shape[2])
        ),
    }
    found |= _harm(before, after, found)
    if clean is not None:
        found |= _quality(_like(before, clean, noisy), before, after)
    return Comparison(**found)


def _harm(
    before: NDArray[np.float32], after: NDArray[np.float32], found: dict[str, Any]
) -> dict[str, float]:
    """Measure how far what was removed is like what is left, in which noise may be left on purpose."""
    pair = without_left(before, after, found["sigma_before"], found["sigma_after"])
    return {"correlation": correlation(*pair), "structure": structure(*pair)}


def without_left(
    before: NDArray[np.float32], after: NDArray[np.float32], sigma_before: float, sigma_after: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Take out of both images the noise that was left, as far as it is like what was removed.

    With half the strength, half of the noise is left, and is like the other half: not because the
    scene was removed.

    Parameters
    ----------
    before, after : numpy.ndarray
        The noisy and the denoised image, shape (rows, columns, channels), fractions of the range.
    sigma_before, sigma_after : float
        Their noise.

    Returns
    -------
    tuple of numpy.ndarray
        Two images with the same difference; where next to no noise was left, the two themselves.
    """
    removed = before - after
    strength = float(removed.std())
    if strength == 0 or sigma_after <= PARTLY * sigma_before:
        return before, after
    left = after - (sigma_after / strength) * removed
    return left + removed, left


def in_used_range(noisy: Image, *others: Image) -> list[Image]:
    """Return images of one data range, if it can be one, which ends where the values of the denoised one do.

    12 bits in the lower part of 16, or floats in electrons, would make any noise look faint, or
    huge. Where the values use the data range as most images do, it stays; and of 8 bits, because
    what is dark in them is meant so. Floats beyond 1 beside integers are taken to be in the unit of
    the integers.

    Parameters
    ----------
    noisy : Image
        The image before.
    *others : Image
        Of the same scene, the denoised one first: it decides, by what all but a thousandth of its
        values stay below, as noise alone may go far beyond white. Of each image's own range, the
        same share is kept.

    Raises
    ------
    ConfigError
        If one is many times as bright as another: they are stored in different units.
    """
    images = [noisy, *others]
    common = common_range([image.info for image in images])
    images = [
        image if image.info.data_range == common else with_range(image, common) for image in images
    ]
    integers = [image.info.data_range for image in images if image.info.dtype.kind in "iu"]
    seen = [_brightness(image) for image in images]
    for place, image in enumerate(images):
        if integers and image.info.dtype.kind == "f" and seen[place][0] > BRIGHT:
            images[place] = with_range(image, integers[0])
            seen[place] = _brightness(images[place])
    _check_unit(images, seen)
    decides = min(1, len(others))
    low, high = images[decides].info.data_range
    white = white_shown(seen[decides][0], images[decides].info)
    if white is None:
        return images
    share = (white - low) / (high - low)
    ranges = [image.info.data_range for image in images]
    return [
        with_range(image, (low, low + share * (high - low)))
        for image, (low, high) in zip(images, ranges, strict=True)
    ]


def _brightness(image: Image) -> tuple[float, float]:
    """Return what all but a thousandth of the values stay below, and how far the mean is from black."""
    unit = unit_pixels(image)
    return peak(unit), abs(float(unit.mean()))


def _check_unit(images: list[Image], seen: list[tuple[float, float]]) -> None:
    """Refuse images of which one is many times as bright as another."""
    peaks, means = zip(*seen, strict=True)
    # Strong noise raises the peak alone, another unit raises the mean as well.
    if not all(0 < min(found) < max(found) / APART for found in (peaks, means)):
        return
    names = [image.info.source or "an image" for image in images]
    brightest, darkest = (names[means.index(end(means))] for end in (max, min))
    raise ConfigError(
        f"{brightest} is {max(means) / min(means):.3g} times as bright as {darkest}, as fractions of "
        "what their files call white: they cannot be compared."
    )


def unit_pixels(image: Image) -> NDArray[np.float32]:
    """Return an image's pixels as fractions of its range, alpha left out.

    Parameters
    ----------
    image : Image
        Any image.
    """
    scale = Intensity(image.info.dtype, image.info.data_range)
    return scale.to_unit(image.pixels[..., : image.channels])


def _like(wanted: NDArray[Any], image: Image, other: Image) -> NDArray[np.float32]:
    """Return an image as fractions of its range, if its shape is the one that is wanted."""
    pixels = unit_pixels(image)
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
