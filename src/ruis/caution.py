"""Warnings that save people an evening: what an image or a folder is, against what it is used for.

Pure functions: they look, and return what there is to beware of; the doors print it, and nothing is
ever stopped by it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis.errors import ConfigError
from ruis.intensity import Intensity
from ruis.noise.estimate import WHITE, estimate_coarse_sigma, estimate_sigma
from ruis.noise.measure.correlation import measure_correlation
from ruis.noise.measure.jpeg_blocks import measure_blocks
from ruis.noise.measure.stripes import measure_stripes
from ruis.prescription import Caution, mask_for

if TYPE_CHECKING:
    from ruis.dataset import Sample
    from ruis.denoised import Denoised
    from ruis.image import Image
    from ruis.manifest import Manifest
    from ruis.objectives.base import Objective

__all__ = [
    "black_cautions",
    "caution_texts",
    "cautioned",
    "denoising_cautions",
    "sigma_range",
    "training_cautions",
]

FEW = 10
"""Training images; with fewer, a network learns them by heart."""

LOOK = 12
"""Of a folder, so many images are looked at, evenly spread."""

LEAST = 0.5 / 255
"""No model can have learnt less noise than none."""

SIDE = 512
MARGIN = 1.25
"""Noise may be so many times what the model learnt before people are told."""

OUTSIDE = 0.01
"""So large a share of values beyond the data range is told of."""

FAR = 0.15
"""Values that lie closer together than this share of their distance from black are told of: what a network knows is that
twice the light is twice the value, and of what does not begin at black it sees a small part."""

TAIL = 1.0
"""So many percent of the values at either end do not count."""


def denoising_cautions(manifest: Manifest, noisy: Image, sigma: float) -> list[Caution]:
    """Hold an image against what its model learnt.

    Parameters
    ----------
    manifest : Manifest
        Of the model.
    noisy : Image
        The image.
    sigma : float
        The noise that was found in it, as a fraction of the data range.
    """
    outside = _outside(noisy)
    if outside > OUTSIDE:  # then sigma is no fraction of anything
        low, high = noisy.info.data_range
        return [
            Caution(
                "beyond-range",
                f"{outside:.0%} of the values are beyond the range {low:g} to {high:g} that the "
                "model takes for black to white: say their range (--data-range, in Python "
                "data_range=)",
            )
        ]
    return [*_strength(manifest, sigma), *_range(noisy)]


def caution_texts(manifest: Manifest, noisy: Image, sigma: float) -> tuple[str, ...]:
    """Say what :func:`denoising_cautions` finds, in sentences."""
    return tuple(one.text for one in denoising_cautions(manifest, noisy, sigma))


def cautioned(result: Denoised, manifest: Manifest, noisy: Image) -> Denoised:
    """Add to what is noted of a denoised image what there is to beware of.

    Parameters
    ----------
    result : Denoised
        The image, denoised.
    manifest : Manifest
        Of the model.
    noisy : Image
        The image as it was.
    """
    return replace(result, notes=(*result.notes, *caution_texts(manifest, noisy, result.sigma)))


def _strength(manifest: Manifest, sigma: float) -> list[Caution]:
    """Hold the strength of the noise against what the model learnt."""
    known = sigma_range(manifest.noise)
    if known is not None and sigma > MARGIN * known[1]:
        return [
            Caution(
                "noise-beyond-training",
                f"the noise (sigma {sigma * 255:.0f}/255) is stronger than what the model "
                f"{manifest.name!r} learnt (up to {known[1] * 255:.0f}/255): look closely at the "
                "result, or teach a model this noise",
            )
        ]
    if known is not None and 0 < sigma < known[0] / MARGIN and known[0] > LEAST:
        return [
            Caution(
                "noise-below-training",
                f"the noise (sigma {sigma * 255:.1f}/255) is weaker than what the model "
                f"{manifest.name!r} learnt (from {known[0] * 255:.0f}/255 on): it may take texture",
            )
        ]
    return []


def _range(noisy: Image) -> list[Caution]:
    """Hold the values of an image against the range that is taken for black to white."""
    dtype = noisy.info.dtype
    if black := black_cautions(noisy):
        return black
    if dtype.itemsize > 1:
        used = _used(noisy)
        if 0 < used < 1 / 64:
            return [
                Caution(
                    "narrow-range",
                    f"the values use {used:.2%} of their range: sigma is told in fractions of the "
                    "whole, and looks small",
                )
            ]
    return []


def black_cautions(noisy: Image) -> list[Caution]:
    """Say where black seems to be elsewhere than it is taken to be; of 8 bits never.

    Parameters
    ----------
    noisy : Image
        The image.
    """
    (low, high), dtype = noisy.info.data_range, noisy.info.dtype
    if (
        dtype.itemsize > 1
        and dtype.kind == "i"
        and low == np.iinfo(dtype).min
        and _negative(noisy) <= OUTSIDE
    ):
        return [
            Caution(
                "black-below-zero",
                f"black is taken to be {low:g}, and hardly a value is below 0: if 0 is black, say "
                f"so, for the noise is found and removed better (--data-range {high:g}, in Python "
                f"data_range=(0, {high:g}))",
            )
        ]
    if (ends := far_from_black(noisy)) is None:
        return []
    black, dark, bright = (
        f"{one:.0f}" if abs(one) >= 100 else f"{one:.3g}" for one in (low, *ends)
    )
    return [
        Caution(
            "black-elsewhere",
            f"the values lie from about {dark} to {bright}, and black is taken to be {black}: if it is elsewhere, "
            f"say so, for the noise is found and removed better (--data-range={dark},{bright}, in Python "
            f"data_range=({dark}, {bright}))",
        )
    ]


def far_from_black(noisy: Image) -> tuple[float, float] | None:
    """Return between which stored values an image lies, where black is far from all of them; else None.

    Parameters
    ----------
    noisy : Image
        The image; of 8 bits, what is dark is meant so.
    """
    (low, _), dtype = noisy.info.data_range, noisy.info.dtype
    if dtype.itemsize == 1:
        return None
    some = noisy.pixels[::7, ::7, : noisy.channels]
    least, most = (float(one) for one in np.percentile(some, (TAIL, 100 - TAIL)))
    far = dtype.kind in "ui" and 0 < most - least < FAR * (most - low)
    below = dtype.kind == "f" and least < low - FAR * (most - low) < low
    return (least, most) if far or below else None


def training_cautions(samples: Sequence[Sample], objective: Objective) -> list[Caution]:
    """Hold training images against how a network shall learn from them.

    Parameters
    ----------
    samples : sequence of Sample
        The training images.
    objective : Objective
        What the network is asked for.
    """
    found = []
    if len(samples) < FEW:
        s = "s" * (len(samples) != 1)
        found.append(
            Caution(
                "few-images",
                f"{len(samples)} training image{s}: fewer than {FEW} are soon learnt by heart; give "
                "more, or larger ones, or refine a model that ships (--from)",
            )
        )
    step = max(1, len(samples) // LOOK)
    looked = samples[::step][:LOOK]
    if objective.alone:
        found += _structure(looked, str(getattr(objective, "mask", "point")))
    clean = [sample for sample in looked if sample.clean is not None]
    blocked = [sample.name for sample in clean if _blocks(sample.clean, sample.scale)]
    if blocked:
        found.append(
            Caution(
                "jpeg-as-clean",
                f"{len(blocked)} of {len(clean)} clean images that were looked at show blocks of JPEG "
                f"(the first: {blocked[0]}): the network will learn to draw them; take originals, or "
                "reduce the images by half",
            )
        )
    return found


def _structure(samples: Sequence[Sample], mask: str) -> list[Caution]:
    """Look for noise that pixels share, where a network shall guess a pixel from its neighbours."""
    directions: list[str] = []
    lengths: list[int] = []
    shared = 0
    for sample in samples:
        if sample.noisy is None:
            continue
        window = _window(sample.noisy, sample.scale).mean(axis=2)
        correlation = measure_correlation([window])
        direction = measure_stripes([window], [window]).direction
        if direction is not None:
            directions.append(direction)
            lengths.append(correlation.length(direction))
        elif estimate_coarse_sigma(window) > WHITE * estimate_sigma(window):
            shared += 1
    if directions and 2 * len(directions) >= len(samples):
        direction = Counter(directions).most_common(1)[0][0]
        if mask.startswith(direction):
            return []
        fitting = mask_for(direction, max(lengths))
        return [
            Caution(
                "structured-noise",
                f"the noise has {direction} stripes, which a network learns as if they were scene: "
                f"hide them with --mask {fitting}",
            )
        ]
    if 2 * shared > len(samples) and mask == "point":
        return [
            Caution(
                "correlated-noise",
                "neighbouring pixels share their noise, and a network that guesses a pixel from its "
                "neighbours keeps it: use pairs or two shots (noise-to-noise) if there are any, or "
                "raw images",
            )
        ]
    return []


@lru_cache(maxsize=64)
def sigma_range(noise: str) -> tuple[float, float] | None:
    """Return the weakest and the strongest sigma that a noise has, at middle gray.

    Parameters
    ----------
    noise : str
        As in a manifest: a spec.

    Returns
    -------
    tuple of float or None
        Fractions of the data range; None where it cannot be told, as for pairs. Where part of the
        noise has no sigma by formula, as a camera's, the weakest is 0: nobody knows it.

    Examples
    --------
    >>> [round(255 * one) for one in sigma_range("gaussian:5..55/255")]
    [5, 55]
    >>> sigma_range("pairs") is None
    True
    """
    from ruis.noise import parse

    try:
        model = parse(noise)
    except ConfigError:
        return None
    gray = np.full((8, 8, 1), 0.5, np.float32)
    rng = np.random.default_rng(0)
    # ranges, and choices between models, are drawn from
    drawn = [model.sample(rng).sigma_map(gray) for _ in range(200)]
    known = [float(np.mean(sigma)) for sigma in drawn if sigma is not None]
    if not known:
        return None
    return (min(known) if len(known) == len(drawn) else 0.0), max(known)


def _window(pixels: Any, scale: Intensity) -> Any:
    """Return the middle of an image as fractions of its range; it begins at a multiple of eight."""
    top, left = (max(0, (length - SIDE) // 2) // 8 * 8 for length in pixels.shape[:2])
    return scale.to_unit(pixels[top : top + SIDE, left : left + SIDE])


def _blocks(pixels: Any, scale: Intensity) -> bool:
    return measure_blocks([_window(pixels, scale).mean(axis=2)]).found


def _outside(image: Image) -> float:
    """Return the share of values beyond the data range, and clearly so."""
    low, high = image.info.data_range
    if Intensity(image.info.dtype, image.info.data_range).bounded:
        return 0.0
    some = image.pixels[::7, ::7, : image.channels]
    margin = 0.25 * (high - low)
    return float(((some < low - margin) | (some > high + margin)).mean())


def _negative(image: Image) -> float:
    """Return the share of values below zero."""
    return float((image.pixels[::7, ::7, : image.channels] < 0).mean())


def _used(image: Image) -> float:
    """Return the share of the data range between the darkest and the brightest value."""
    low, high = image.info.data_range
    some = image.pixels[::7, ::7, : image.channels]
    return float((float(some.max()) - float(some.min())) / (high - low))
