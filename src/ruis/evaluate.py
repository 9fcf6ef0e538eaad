"""How well a denoiser does on images whose clean version is known.

The field's protocol: noise is drawn in float and neither clipped nor quantised; the denoised image
is clipped to the range and rounded to 8 bits before PSNR; no border is cropped; the figure is the
mean over images, and colour PSNR is over all channels jointly. For real pairs, and where the data
range is given, the denoised image is rounded to what the clean image's dtype holds instead: 16 bits
stay 16 bits, floats are left alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis import dataset, planes
from ruis.errors import EmptyDatasetError
from ruis.image import Image, ImageInfo, common_range
from ruis.intensity import Intensity
from ruis.metrics.psnr import psnr
from ruis.metrics.ssim import ssim
from ruis.survey import peak, white_shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.denoiser import Denoiser
    from ruis.noise import NoiseModel

__all__ = ["Evaluation", "Pair", "Scored", "evaluate", "noisy_pairs", "real_pairs"]

Progress = Callable[[int, int], None]

EIGHT_BITS = Intensity.of(np.uint8)


@dataclass(frozen=True, eq=False)
class Pair:
    """A noisy image and its clean version.

    Parameters
    ----------
    name : str
        The file's name; of a stack, with the picture's number: "a.tif[3]".
    noisy : Image
        What the denoiser gets.
    clean : numpy.ndarray
        Shape (rows, columns, channels), float32 fractions of the data range.
    stored : Intensity
        The denoised image is rounded to what this holds before it is compared.
    info : ImageInfo, optional
        Of the clean file, with the data range that its values are counted by.
    notes : tuple of str
        What was done to the file's channels, if anything.
    """

    name: str
    noisy: Image
    clean: NDArray[np.float32]
    stored: Intensity = EIGHT_BITS
    info: ImageInfo | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scored:
    """What one image came to: PSNR in dB, SSIM, and the PSNR of the noisy image."""

    name: str
    psnr: float
    ssim: float
    noisy_psnr: float


@dataclass(frozen=True)
class Evaluation:
    """What all images came to.

    Parameters
    ----------
    model : str
        The model's name.
    noise : str
        The noise as a spec, or "pairs".
    seed : int or None
        Of the noise; None for real pairs.
    images : tuple of Scored
        Each image, in the order of names.
    seconds : float
        Spent denoising, not reading or measuring.
    megapixels : float
        Denoised.
    range_used : tuple of float, optional
        Black, and the stored value that hardly any clean one goes beyond, where that is far from the
        data range that noise and PSNR were counted by.
    sigma : float, optional
        What the denoiser was told.
    strength : float
        How much of the noise went.
    notes : tuple of str
        What a person should know of how they were denoised, once each.
    """

    model: str
    noise: str
    seed: int | None
    images: tuple[Scored, ...]
    seconds: float
    megapixels: float
    range_used: tuple[float, float] | None = None
    sigma: float | None = None
    strength: float = 1.0
    notes: tuple[str, ...] = ()

    @property
    def mean(self) -> dict[str, float]:
        """The means over images."""
        return {
            key: float(np.mean([getattr(image, key) for image in self.images]))
            for key in ("psnr", "ssim", "noisy_psnr")
        }

    def to_json_form(self) -> dict[str, Any]:
        """Return the document that `ruis evaluate --json` prints."""
        return {
            "model": self.model,
            "noise": self.noise,
            "seed": self.seed,
            "mean": self.mean,
            "images": [asdict(image) for image in self.images],
            "seconds": self.seconds,
            "megapixels_per_second": self.megapixels / self.seconds if self.seconds else 0.0,
            "range_used": self.range_used,
            "sigma": self.sigma,
            "strength": self.strength,
            "notes": self.notes,
        }


def noisy_pairs(
    clean: str | Path,
    noise: NoiseModel,
    channels: int,
    *,
    seed: int = 0,
    data_range: tuple[float, float] | None = None,
    axes: str | None = None,
) -> list[Callable[[], Pair]]:
    """Add noise to a folder of clean images, each image from a seed of its own.

    Parameters
    ----------
    clean : path
        The folder, of images and stacks: each picture in a stack counts as an image.
    noise : NoiseModel
        What is added.
    channels : int
        The channels that the model takes: colour becomes gray for 1.
    seed : int
        The image at place i in the order of names uses (seed, i).
    data_range : tuple of float, optional
        The stored values that mean black and white. Default: as each file says, or its dtype.
    axes : str, optional
        Of stacks that do not say it themselves; see :func:`ruis.planes.probe`.

    Returns
    -------
    list of callable
        One per image, read when it is called.

    Raises
    ------
    EmptyDatasetError
        If the folder holds no images.
    ImageError
        If a file in it cannot be read.
    """

    def make(place: int, name: str, read: Callable[[], Image]) -> Pair:
        image = read()
        pixels = dataset.to_channels(image, channels)
        scale = Intensity(pixels.dtype, data_range or image.info.data_range)
        unit = scale.to_unit(pixels)
        noisy = _float_image(noise.add(unit, np.random.default_rng([seed, place])), name)
        stored = scale if data_range else EIGHT_BITS
        info = replace(image.info, data_range=scale.data_range)
        return Pair(name, noisy, unit, stored, info, _turned(image, channels))

    found = [one for path in dataset.find(clean) for one in planes.each(path, axes)]
    return [_later(make, place, *one) for place, one in enumerate(found)]


def real_pairs(
    noisy: str | Path,
    clean: str | Path,
    channels: int,
    *,
    data_range: tuple[float, float] | None = None,
    axes: str | None = None,
) -> list[Callable[[], Pair]]:
    """Pair two folders by name.

    Parameters
    ----------
    noisy, clean : path
        The folders, of images and stacks: the pictures of two stacks are pairs in their order.
    channels : int
        The channels that the model takes: colour becomes gray for 1.
    data_range : tuple of float, optional
        The stored values that mean black and white in both. Default: as each file says, or its dtype; of
        pairs in one unit, as the clean one says.
    axes : str, optional
        Of stacks that do not say it themselves; see :func:`ruis.planes.probe`.

    Returns
    -------
    list of callable
        One per pair, read when it is called.

    Raises
    ------
    EmptyDatasetError
        If a folder holds no images, or a file or a picture in a stack has no counterpart.
    ImageError
        If a file in it cannot be read.
    """

    def make(
        name: str, read: Callable[[], Image], noisy_name: str, read_noisy: Callable[[], Image]
    ) -> Pair:
        clean_image, noisy_image = read(), read_noisy()
        clean_pixels = dataset.to_channels(clean_image, channels)
        noisy_pixels = dataset.to_channels(noisy_image, channels)
        if clean_pixels.shape != noisy_pixels.shape:
            raise EmptyDatasetError(
                f"{noisy_name} is {noisy_pixels.shape[0]}x{noisy_pixels.shape[1]} pixels and the clean "
                f"{name} is {clean_pixels.shape[0]}x{clean_pixels.shape[1]}: they are no pair."
            )
        infos = clean_image.info, noisy_image.info
        scale = Intensity(clean_pixels.dtype, data_range or infos[0].data_range)
        in_one_unit = data_range is not None or common_range(infos) is not None
        other = Intensity(
            noisy_pixels.dtype, scale.data_range if in_one_unit else infos[1].data_range
        )
        image = _float_image(other.to_unit(noisy_pixels), noisy_name)
        info = replace(clean_image.info, data_range=scale.data_range)
        notes = _turned(clean_image, channels)
        return Pair(name, image, scale.to_unit(clean_pixels), scale, info, notes)

    found = []
    for paths in dataset.pair(dataset.find(clean), dataset.find(noisy)):
        pictures, others = (planes.each(path, axes) for path in paths)
        if len(pictures) != len(others):
            raise EmptyDatasetError(
                f"{paths[0]} and {paths[1]} are no pair: they hold {len(pictures)} and "
                f"{len(others)} pictures."
            )
        found += [(*one, *other) for one, other in zip(pictures, others, strict=True)]
    return [_later(make, *one) for one in found]


def evaluate(
    denoiser: Denoiser,
    pairs: list[Callable[[], Pair]],
    *,
    noise: str = "pairs",
    seed: int | None = None,
    sigma: float | None = None,
    strength: float = 1.0,
    progress: Progress | None = None,
) -> Evaluation:
    """Denoise every noisy image and compare it with its clean version.

    Parameters
    ----------
    denoiser : Denoiser
        What is judged.
    pairs : list of callable
        From :func:`noisy_pairs` or :func:`real_pairs`.
    noise : str
        What the pairs were made with, for the report.
    seed : int, optional
        The same.
    sigma : float, optional
        As for :meth:`Denoiser.denoise`; by default the denoiser is blind.
    strength : float, default 1.0
        As for :meth:`Denoiser.denoise`.
    progress : callable, optional
        Called with (images done, images in all).

    Returns
    -------
    Evaluation
        Every image, and the means.

    Examples
    --------
    >>> import ruis
    >>> from ruis.noise import parse
    >>> denoiser = ruis.load("gray")
    >>> pairs = noisy_pairs("photos", parse("gaussian:25/255"), 1)  # doctest: +SKIP
    >>> evaluate(denoiser, pairs, noise="gaussian:25/255", seed=0).mean  # doctest: +SKIP
    {'psnr': 29.0, 'ssim': 0.82, 'noisy_psnr': 20.2}
    """
    scored, ranges, seconds, megapixels = [], [], 0.0, 0.0
    notes: dict[str, None] = {}
    for count, pair in enumerate(_read(pairs), start=1):
        start = time.perf_counter()
        made = denoiser.run(pair.noisy, sigma=sigma, strength=strength)
        seconds += time.perf_counter() - start
        notes.update(dict.fromkeys((*pair.notes, *made.notes)))
        megapixels += pair.noisy.megapixels
        ranges.append(_range_used(pair))
        denoised = pair.stored.to_unit(pair.stored.from_unit(made.image.pixels))
        scored.append(
            Scored(
                pair.name,
                psnr(pair.clean, denoised),
                ssim(pair.clean, denoised),
                psnr(pair.clean, pair.noisy.pixels),
            )
        )
        if progress:
            progress(count, len(pairs))
    used = [one for one in ranges if one is not None]
    # One image that reaches into the range shows that it is right.
    widest = max(used, key=lambda one: one[1]) if used and len(used) == len(ranges) else None
    return Evaluation(
        denoiser.model.name,
        noise,
        seed,
        tuple(scored),
        seconds,
        megapixels,
        widest,
        sigma,
        strength,
        tuple(notes),
    )


def _range_used(pair: Pair) -> tuple[float, float] | None:
    """Return what the clean values stay within, where the range that they are counted by is far off."""
    if pair.info is None:
        return None
    white = white_shown(peak(pair.clean), pair.info)
    return None if white is None else (pair.info.data_range[0], white)


def _read(pairs: list[Callable[[], Pair]]) -> Iterator[Pair]:
    for make in pairs:
        yield make()


def _later(make: Callable[..., Pair], *arguments: Any) -> Callable[[], Pair]:
    return lambda: make(*arguments)


def _turned(image: Image, channels: int) -> tuple[str, ...]:
    """Say what :func:`ruis.dataset.to_channels` does to an image."""
    if image.channels == channels:
        return ()
    if channels == 1:
        return ("colour images were turned gray, for the model takes one channel",)
    return (f"gray images were made {channels} equal channels, for the model takes colours",)


def _float_image(pixels: NDArray[np.float32], source: str) -> Image:
    colour = {1: "gray", 3: "rgb"}.get(pixels.shape[2], "channels")
    info = ImageInfo(pixels.dtype, (0.0, 1.0), colour=colour, source=source)  # type: ignore[arg-type]
    return Image(pixels, info)
