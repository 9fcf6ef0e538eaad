"""Calibrated uncertainty: around each denoised value an interval that holds the true one so often.

The table of :mod:`ruis.calibration` is filled by split conformal prediction on images that the model
did not learn from; it is kept in the model file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis import calibration as tables
from ruis import model_file
from ruis.calibration import Calibration
from ruis.errors import ChannelMismatchError, ConfigError, EmptyDatasetError, UncalibratedError
from ruis.image import Image
from ruis.intensity import Intensity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.denoiser import Denoiser
    from ruis.evaluate import Pair
    from ruis.model_file import ModelFile

__all__ = ["calibrate", "calibrated", "coverage_of", "uncertainty"]

SAMPLES = 40_000
"""Values of each image that count: all images count alike, and memory stays small."""

FOLDS = 8
"""Into so many parts the images are divided, each of which is held against the others."""

FEW = 500
"""A class with fewer values borrows from its neighbours."""

BAND = 1 << 21
"""Values that are worked on at a time."""

Progress = Callable[[int, int], None]


def calibrate(
    denoiser: Denoiser,
    pairs: list[Callable[[], Pair]],
    *,
    coverage: float = 0.9,
    noise: str = "pairs",
    seed: int = 0,
    progress: Progress | None = None,
) -> Calibration:
    """Measure a model's errors on images whose clean version is known.

    Parameters
    ----------
    denoiser : Denoiser
        The model.
    pairs : list of callable
        From :func:`ruis.evaluate.noisy_pairs` or :func:`ruis.evaluate.real_pairs`; images that
        the model did not learn from. Forty or more are good; two is the least.
    coverage : float, default 0.9
        The share of true values that the intervals shall hold.
    noise : str
        What the pairs were made with, for the record.
    seed : int
        Of the choice of values that count.
    progress : callable, optional
        Called with (images done, images in all).

    Returns
    -------
    Calibration
        What :func:`calibrated` puts into a model.

    Raises
    ------
    ConfigError
        If the coverage is not between a half and one.
    EmptyDatasetError
        If there are fewer than two images.

    References
    ----------
    A. N. Angelopoulos, S. Bates, "A gentle introduction to conformal prediction and
    distribution-free uncertainty quantification", 2021, arXiv:2107.07511; A. N. Angelopoulos and
    others, "Image-to-image regression with distribution-free uncertainty quantification and
    applications in imaging", 2022, arXiv:2202.05265.
    """
    if not 0.5 < coverage < 1:
        raise ConfigError(f"coverage is a share between 0.5 and 1, such as 0.9, not {coverage}.")
    if len(pairs) < 2:
        raise EmptyDatasetError(
            f"calibration needs two images at least, better forty; there are {len(pairs)}."
        )
    gathered = []
    for count, make in enumerate(pairs, start=1):
        pair = make()
        denoised = denoiser.run(pair.noisy).image.pixels
        rng = np.random.default_rng([seed, 0xCA1B, count])
        gathered.append(_errors(pair, denoised, rng))
        if progress:
            progress(count, len(pairs))
    factor, left_out = _checked(gathered, coverage)
    table = factor * _table(_joined(gathered), coverage)
    return Calibration(
        coverage=coverage,
        noise=noise,
        images=len(gathered),
        pixels=SAMPLES,
        quantiles=tuple(tuple(round(float(one), 4) for one in row) for row in table),
        left_out=tuple(sorted(round(one, 4) for one in left_out)),
    )


def calibrated(
    model: ModelFile, table: Calibration, path: str | Path, *, overwrite: bool = False
) -> ModelFile:
    """Write a model file with its calibration; the weights stay as they are.

    Parameters
    ----------
    model : ModelFile
        The model.
    table : Calibration
        From :func:`calibrate`.
    path : path
        Where to.
    overwrite : bool, default False
        Whether a file that is there already is replaced.

    Raises
    ------
    ImageWriteError
        If the file exists already, or the disk refuses.
    """
    manifest = model.manifest.model_copy(update={"calibration": table})
    half = all(
        np.array_equal(one, one.astype(np.float16))
        for one in model.weights.values()
        if one.ndim > 1
    )
    return model_file.save(path, manifest, model.weights, overwrite=overwrite, half=half)


def uncertainty(model: ModelFile, noisy: Image, denoised: Image) -> Image:
    """Return how far from the denoised values the true ones may be.

    The interval from `denoised - half` to `denoised + half` holds the true value of a pixel as often
    as the model's calibration says, on average over images like those that it was calibrated on.

    Parameters
    ----------
    model : ModelFile
        What denoised it; it must have been calibrated.
    noisy, denoised : Image
        Before and after, at full strength.

    Returns
    -------
    Image
        Half the width of the interval for each pixel and channel, alpha left out: float32, in
        fractions of the data range.

    Raises
    ------
    UncalibratedError
        If the model was never calibrated.
    ChannelMismatchError
        If the images differ in size or channels.
    """
    table = model.manifest.calibration
    if table is None:
        raise UncalibratedError(model.name)
    if noisy.pixels.shape != denoised.pixels.shape:
        raise ChannelMismatchError(
            f"has the shape {denoised.pixels.shape}, and the noisy image {noisy.pixels.shape}.",
            source=denoised.info.source,
        )
    rows, columns, channels = noisy.rows, noisy.columns, noisy.channels
    half = np.empty((rows, columns, channels), np.float32)
    scales = [Intensity(one.info.dtype, one.info.data_range) for one in (noisy, denoised)]
    band = max(1, BAND // (columns * channels))
    reach = tables.REACH + 1
    for start in range(0, rows, band):  # only a band is ever a float
        stop = min(start + band, rows)
        first, last = max(start - reach, 0), min(stop + reach, rows)
        before, after = (
            scale.to_unit(one.pixels[first:last, :, :channels])
            for scale, one in zip(scales, (noisy, denoised), strict=True)
        )
        found = table.half_width(before, after)
        half[start:stop] = found[start - first : stop - first]
    info = replace(
        noisy.info,
        dtype=half.dtype,
        data_range=(0.0, 1.0),
        alpha=False,
        colour="gray" if channels == 1 else "rgb" if channels == 3 else "channels",
    )
    return Image(half, info)


def coverage_of(
    table: Calibration, pairs: Iterable[tuple[Pair, NDArray[np.float32]]]
) -> list[float]:
    """Return the share of each image's values whose true value lies within the interval.

    Parameters
    ----------
    table : Calibration
        What is checked.
    pairs : iterable of (Pair, numpy.ndarray)
        Images with their denoised pixels, fractions of the range.
    """
    shares = []
    for pair, denoised in pairs:
        half = table.half_width(pair.noisy.pixels, denoised)
        shares.append(float((np.abs(pair.clean - denoised) <= half).mean()))
    return shares


# -- filling the table ----------------------------------------------------------------------------

Errors = tuple["NDArray[np.intp]", "NDArray[np.float32]"]
"""The class of each value, and its error in units of what was removed there."""

SHAPE = (len(tables.LEVELS) + 1, len(tables.EDGES) + 1)


def _errors(pair: Pair, denoised: NDArray[np.float32], rng: np.random.Generator) -> Errors:
    """Return the classes and the relative errors of some values of an image."""
    removed, contrast = tables.evidence(pair.noisy.pixels, denoised)
    level, edge = tables.classify(removed, contrast)
    relative = np.abs(pair.clean - denoised) / removed
    place = rng.integers(relative.size, size=SAMPLES)  # with repeats: every image counts alike
    classes = level.ravel()[place] * SHAPE[1] + edge.ravel()[place]
    return classes, relative.ravel()[place]


def _joined(gathered: list[Errors]) -> Errors:
    classes, errors = zip(*gathered, strict=True)
    return np.concatenate(classes), np.concatenate(errors)


def _checked(gathered: list[Errors], coverage: float) -> tuple[float, list[float]]:
    """Hold each image against a table that was made without it.

    A table fits the images that it was made of a little too well. Returned are the factor by which
    tables must be wider for images that they do not know, and each image's coverage with it.
    """
    folds = min(FOLDS, len(gathered))
    ratios: list[NDArray[np.float64]] = []
    for fold in range(folds):
        kept = [one for place, one in enumerate(gathered) if place % folds != fold]
        table = np.maximum(_table(_joined(kept), coverage), 1e-6).ravel()
        ratios += [errors / table[classes] for classes, errors in gathered[fold::folds]]
    factor = _quantile(np.concatenate(ratios), coverage)
    return factor, [float((one <= factor).mean()) for one in ratios]


def _table(errors: Errors, coverage: float) -> NDArray[np.float64]:
    """Return the quantile of each class; of rare classes, that of the classes around them."""
    classes, relative = errors
    order = np.argsort(classes, kind="stable")
    relative = relative[order]
    ends = np.searchsorted(classes[order], np.arange(SHAPE[0] * SHAPE[1] + 1))
    table = np.empty(SHAPE)
    for level in range(SHAPE[0]):
        for edge in range(SHAPE[1]):
            values = _around(relative, ends, level, edge)
            table[level, edge] = _quantile(values, coverage)
    return table


def _around(
    relative: NDArray[np.float32], ends: NDArray[np.intp], level: int, edge: int
) -> NDArray[np.float32]:
    """Return the errors of a class, and of ever more of its neighbours until there are enough."""
    values = relative[:0]
    for reach in range(max(SHAPE)):
        chosen = []
        for row in range(max(level - reach, 0), min(level + reach + 1, SHAPE[0])):
            first = row * SHAPE[1] + max(edge - reach, 0)
            last = row * SHAPE[1] + min(edge + reach + 1, SHAPE[1])
            chosen.append(relative[ends[first] : ends[last]])
        values = np.concatenate(chosen)
        if values.size >= FEW:
            break
    return values


def _quantile(values: NDArray[np.floating[Any]], coverage: float) -> float:
    """Return the conformal quantile: the ceil((n + 1) coverage)-th smallest of n values."""
    rank = min(math.ceil((values.size + 1) * coverage), values.size) - 1
    return float(np.partition(values, rank)[rank])
