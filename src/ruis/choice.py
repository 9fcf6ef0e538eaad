"""What is seen of an image's noise before it is denoised, and which shipped model suits it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis import zoo
from ruis.intensity import Intensity
from ruis.noise.estimate import (
    SHARED,
    WHITE,
    estimate_channel_correlation,
    estimate_coarse_sigma,
    estimate_sigma,
    spread_windows,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.image import Image, ImageInfo

__all__ = [
    "FAINT",
    "SMALL",
    "WINDOWS",
    "Choice",
    "Seen",
    "choose",
    "choose_seen",
    "glance",
    "is_white",
    "look",
    "look_at",
]

SMALL = 640 * 640
"""Pixels up to which the whole image is looked at; of a larger one, windows are."""

TINY = 352
"""Rows and columns below which a whole image is looked at as fast as a few windows of it."""

FAINT = 2.0 / 255
"""Noise below this sigma, as a fraction of the brightest value, is denoised in float32 when the precision is
left to us: bfloat16 would cost more than 0.02 dB (`docs/decisions/0005-precision.md`)."""

PLAIN = 2 * FAINT
"""Noise that is at least so strong in a few windows is not fainter than `FAINT` in the whole image."""

ROUNDING = 0.5
"""Steps of stored integers below which nobody tells whether noise is white: rounding alone leaves 0.29, and JPEG a little more."""

BRIGHT = 0.999
"""The share of values below what counts as white where noise is held against the brightness."""

COARSEST = 10
"""Rows and columns that an image needs for its coarse sigma."""

WINDOWS, KEPT, FEW = 5, 3, 2
"""Windows along each axis that are looked at, that are kept for a look by the network, and that are glanced at."""


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
    correlation : float
        How far the channels share their noise: 0 for independent noise, 1 for the same.
    alike : bool
        Whether there are several channels, and all are the same: a gray image, stored as a colour one.
    windows : tuple of numpy.ndarray
        Some of what was looked at: model values, shape (rows, columns, channels).
    """

    sigma: float
    coarse: float
    brightest: float
    correlation: float = 0.0
    alike: bool = False
    windows: tuple[NDArray[np.float32], ...] = field(default=(), compare=False, repr=False)

    @property
    def white(self) -> bool:
        """Whether the noise is white; False where it is too faint to tell."""
        return 0 < self.coarse <= WHITE * self.sigma

    @property
    def shared(self) -> bool:
        """Whether the channels share their noise, so that it has less colour than white noise has."""
        return self.correlation >= SHARED

    def grows(self) -> bool:
        """Say whether the noise seems to grow with the brightness, in three channels at most; milliseconds."""
        from ruis.noise.measure.signal import measure_signal_dependence

        if not self.windows:
            return False
        step = -(-self.windows[0].shape[2] // 3)
        light = [window[..., c] for window in self.windows for c in range(window.shape[2])[::step]]
        white = float(np.quantile(np.stack(light), BRIGHT))  # stars and hot pixels are brighter
        return white > 0 and measure_signal_dependence([one / white for one in light]).depends


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


def look(noisy: Image, *, choosing: bool = True) -> Seen:
    """Estimate the noise of an image, alpha left out; milliseconds, whatever its size.

    Parameters
    ----------
    noisy : Image
        Any image.
    choosing : bool, default True
        Whether a model is to be chosen; without, what only that needs is left out.
    """
    unit = _unit(noisy, _looked_at(noisy))
    if choosing:
        return look_at(unit)
    sigma, brightest = estimate_sigma(unit), _brightest(unit)
    bytes_of_faint_noise = noisy.info.dtype.itemsize == 1 and sigma < FAINT * max(1.0, brightest)
    compressed = noisy.info.format == "jpeg"  # of which sigma is told by what was removed, or not
    coarse = _coarse(unit, sigma) if bytes_of_faint_noise or compressed else sigma
    return Seen(sigma, coarse, brightest, windows=tuple(_some(unit)))


def glance(noisy: Image) -> Seen:
    """See that noise is not faint in a few windows, and look only if it may be; see :func:`look`.

    What is seen decides about precision alone, in half of the time or less.
    """
    if min(noisy.rows, noisy.columns) < TINY:
        return look(noisy, choosing=False)
    middle = noisy.pixels[_middle(noisy.rows), _middle(noisy.columns), : noisy.channels]
    sigma = estimate_sigma(_unit(noisy, spread_windows(middle, FEW)))
    bounded = Intensity(noisy.info.dtype, noisy.info.data_range).bounded
    beyond = sigma >= PLAIN and not bounded
    brightest = _brightest(_unit(noisy, _looked_at(noisy))) if beyond else 1.0
    if sigma >= PLAIN * max(1.0, brightest):
        return Seen(sigma, sigma, brightest)
    return look(noisy, choosing=False)


def _middle(length: int) -> slice:
    """Return where the middle three quarters of a line are."""
    return slice(length // 8, length - length // 8)


def _looked_at(noisy: Image) -> list[NDArray[Any]]:
    """Return the whole image if it is small, else windows of it; alpha left out."""
    pixels = noisy.pixels[..., : noisy.channels]
    large = noisy.rows * noisy.columns > SMALL
    return spread_windows(pixels, WINDOWS) if large else [pixels]


def _unit(noisy: Image, windows: list[NDArray[Any]]) -> list[NDArray[np.float32]]:
    """Return model values, of floats without a copy where they are that already."""
    scale = Intensity(noisy.info.dtype, noisy.info.data_range)
    return [scale.to_unit(window, copy=False) for window in windows]


def look_at(unit: list[NDArray[np.float32]]) -> Seen:
    """Estimate the noise from windows of an image, or of several of one kind.

    Parameters
    ----------
    unit : list of numpy.ndarray
        Model values, all of one shape (rows, columns, channels).
    """
    sigma = estimate_sigma(unit)
    return Seen(
        sigma,
        _coarse(unit, sigma),
        _brightest(unit),
        estimate_channel_correlation(unit, sigma),
        unit[0].shape[2] > 1 and all(_alike(window) for window in unit),
        tuple(_some(unit)),
    )


def _coarse(unit: list[NDArray[np.float32]], sigma: float) -> float:
    small = min(unit[0].shape[:2]) < COARSEST  # for more than to take the noise for white
    return sigma if small else estimate_coarse_sigma(unit)


def _brightest(unit: list[NDArray[np.float32]]) -> float:
    return max(float(max(window.max(), -window.min())) for window in unit)


def _alike(window: NDArray[np.float32]) -> bool:
    """Say whether all channels are the same; most images show in their first row that they are not."""
    return all((part == part[..., :1]).all() for part in (window[:1], window[1:]))


def _some(unit: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Return a few windows, or an image that is no larger than these."""
    if len(unit) == 1:
        windows = spread_windows(unit[0], KEPT)
        apart = sum(window.size for window in windows) < unit[0].size
        return [window.copy() for window in windows] if apart else unit
    return unit[:: math.ceil(len(unit) / KEPT**2)]


def choose(noisy: Image, *, tier: str = "auto") -> Choice:
    """Choose the shipped model for an image: by its channels, and for colours by its noise.

    Parameters
    ----------
    noisy : Image
        Any image.
    tier : {"auto", "medium", "fast"}
        "fast" for a small network, "medium" for one between it and the usual one, where there is one.

    Examples
    --------
    >>> from ruis.arrays import as_image
    >>> choose(as_image(np.zeros((8, 8), np.uint8))[0]).model
    'gray'
    """
    return choose_seen(noisy.info, look(noisy), tier=tier)


def is_white(info: ImageInfo, seen: Seen) -> bool:
    """Say whether the noise of an image is white, and not what rounding leaves.

    Parameters
    ----------
    info : ImageInfo
        How values are stored.
    seen : Seen
        What :func:`look` or :func:`look_at` found.
    """
    low, high = info.data_range
    visible = info.dtype.kind == "f" or seen.sigma * (high - low) >= ROUNDING
    return seen.white and visible


def choose_seen(info: ImageInfo, seen: Seen, *, tier: str = "auto") -> Choice:
    """Choose the shipped model for what was seen.

    Parameters
    ----------
    info : ImageInfo
        What the channels mean, and how values are stored.
    seen : Seen
        What :func:`look` or :func:`look_at` found.
    tier : {"auto", "medium", "fast"}
        "fast" for a small network, "medium" for one between it and the usual one, where there is one.
    """
    if info.colour != "rgb":
        return Choice(zoo.suited(1, tier=tier), "no colours", seen)
    if seen.white and seen.alike:
        return Choice(zoo.suited(1, tier=tier), "no colours", seen)
    white = is_white(info, seen)
    if white:
        why = "noise that the channels share" if seen.shared else "white noise"
    else:
        told = seen.coarse > 0 and not seen.white
        why = "camera noise" if told else "too little noise to tell"
    return Choice(zoo.suited(3, white=white and not seen.shared, tier=tier), why, seen)
