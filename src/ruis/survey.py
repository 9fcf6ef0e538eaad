"""A look at someone's images, before a network is taught with them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruis import choice, dataset, planes
from ruis.errors import ConfigError, EmptyDatasetError
from ruis.noise.measure.correlation import measure_correlation

if TYPE_CHECKING:
    from ruis.formats import Header
    from ruis.image import Image, ImageInfo

__all__ = ["Seen", "channels_and_patch", "look", "peak", "printed", "white_shown", "white_used"]

PATCH, SMALLEST_PATCH = 96, 32
LOOKED_AT = 8
DIM, BRIGHT = 0.25, 1.5
"""Where 99.9 % of the values are below the one, or some above the other, white is set by the images."""

PAPER, INK = 0.7, 0.01
"""How bright blank paper is at least, and the share of a page that is print."""


@dataclass(frozen=True)
class Seen:
    """What someone's images show.

    Parameters
    ----------
    headers : tuple of Header
        Of all files, one for each kind of picture in it.
    channels : int
        That a network for them has: 3 if any image has colours.
    patch : int
        The side of a crop that fits into the images, in pixels.
    sigma : float
        Of the noise as white noise, as a fraction of the data range.
    direction : str
        Where neighbours share their noise; see :class:`ruis.noise.measure.correlation.Correlation`.
    reach : int
        Over how many pixels they do.
    white : float or None
        The stored value that shall count as white, where the dtype's is far from the images.
    """

    headers: tuple[Header, ...]
    channels: int
    patch: int
    sigma: float
    direction: str
    reach: int
    white: float | None

    @property
    def planes(self) -> int:
        """How many pictures there are: more than files, if these are stacks."""
        return sum(header.frames for header in self.headers)

    @property
    def megapixels(self) -> float:
        """How much there is, in all pictures."""
        return sum(one.frames * one.rows * one.columns for one in self.headers) / 1e6


def look(place: Path, axes: str | None) -> Seen:
    """Look at all headers, and at the pixels of some images.

    Parameters
    ----------
    place : Path
        A folder of images, or a file.
    axes : str, optional
        Of stacks; see :func:`ruis.dataset.load`.

    Raises
    ------
    ConfigError
        If the images have different channels.
    EmptyDatasetError
        If there are none, or they are too small.
    TooMuchDataError
        If they are more than the memory holds.
    """
    import numpy as np

    paths = dataset.find(place)
    headers = dataset.headers(paths, axes)
    channels = _channels(headers, place)
    dataset.check_memory(headers)
    images = _images(paths, axes)
    looks = [choice.look(image) for image in images]
    measured = []
    peaks, ranges = [], []
    for image in images:
        unit, data_range = _unit(image)
        measured.append(measure_correlation(list(np.moveaxis(unit, -1, 0))))
        peaks.append(peak(unit))
        ranges.append(data_range)
    directions = [one.direction for one in measured]
    direction = statistics.mode(directions)
    if direction == "everywhere" and statistics.median([look.white for look in looks]):
        direction = "nowhere"  # fine texture under white noise
    reaches = [one.reach for one in measured if one.direction == direction]
    return Seen(
        headers=headers,
        channels=channels,
        patch=_patch(headers, place),
        sigma=statistics.median(look.sigma for look in looks),
        direction=direction,
        reach=round(statistics.median(reaches)) if reaches else 0,
        white=_white(peaks, ranges),
    )


def _white(peaks: Sequence[float], ranges: Sequence[tuple[float, float]]) -> float | None:
    """Return the stored value that counts as white, which images of different ranges do not share."""
    return white_used(max(peaks), ranges[0]) if len(set(ranges)) == 1 else None


def printed(place: Path, axes: str | None) -> bool:
    """Look whether images are dark print on blank paper, most of them: such are always upright.

    Parameters
    ----------
    place : Path
        A folder of clean images, or a file.
    axes : str, optional
        Of stacks; see :func:`ruis.dataset.load`.
    """
    return statistics.mean(map(_is_print, _images(dataset.find(place), axes))) > 1 / 2


def _images(paths: list[Path], axes: str | None) -> list[Image]:
    """Read a few, spread evenly over files and over the pictures in them."""
    some = paths[:: math.ceil(len(paths) / LOOKED_AT)]
    return [image for path in some for image in planes.read(path, axes, most=LOOKED_AT)]


def _unit(image: Image) -> tuple[Any, tuple[float, float]]:
    """Return an image without its alpha as fractions of the range, and that range."""
    scale = dataset.Sample("", image.pixels, data_range=image.info.data_range).scale
    return scale.to_unit(image.pixels[..., : image.channels]), scale.data_range


def _is_print(image: Image) -> bool:
    """Whether most of an image is of one bright value, and some is less than half as bright."""
    import numpy as np

    unit, _ = _unit(image)
    paper = float(np.median(unit))
    blank = np.mean(np.abs(unit - paper) < 1 / 255)
    return bool(paper > PAPER and blank > 1 / 2 and np.mean(unit < paper / 2) > INK)


def _channels(headers: tuple[Header, ...], place: Path) -> int:
    """Say what the images have in common: gray, colour, or a number of channels."""
    kinds = {(header.colour, header.channels - header.alpha) for header in headers}
    counts = {count for _, count in kinds}
    if {colour for colour, _ in kinds} <= {"gray", "rgb"}:
        return 3 if 3 in counts else 1
    if len(counts) == 1:
        return counts.pop()
    found = ", ".join(f"{count} ({colour})" for colour, count in sorted(kinds))
    raise ConfigError(f"the images in {place} have different channels: {found}.")


def _patch(headers: tuple[Header, ...], place: Path) -> int:
    """Return a crop that fits into each image, except into scraps."""
    sides = [min(header.rows, header.columns) for header in headers]
    smallest = min([side for side in sides if side >= SMALLEST_PATCH] or [max(sides)])
    patch = min(PATCH, smallest) // 8 * 8
    if patch == 0:
        raise EmptyDatasetError(f"the images in {place} are smaller than 8 pixels.")
    return patch


def channels_and_patch(folder: Path) -> tuple[int, int]:
    """Look at the headers of all images: gray or colour, and how large a crop fits into each.

    Parameters
    ----------
    folder : Path
        A folder of images.

    Raises
    ------
    ConfigError
        If the images have different channels.
    EmptyDatasetError
        If there are none, or none is large enough.
    """
    headers = dataset.headers(dataset.find(folder))
    return _channels(headers, folder), _patch(headers, folder)


def peak(unit: Any) -> float:
    """Return what all but a thousandth of the values stay below: one wild pixel is no white."""
    import numpy as np

    return float(np.quantile(unit, 0.999))


def white_shown(peak: float, info: ImageInfo) -> float | None:
    """Return what counts as white where an image is judged for people: of 8 bits always all.

    Parameters
    ----------
    peak : float
        See :func:`peak`.
    info : ImageInfo
        What the pixels mean. What is dark in 8 bits is meant so, and 255 is white to everyone.
    """
    return None if info.dtype.itemsize == 1 else white_used(peak, info.data_range)


def white_used(peak: float, data_range: tuple[float, float]) -> float | None:
    """Return the stored value that shall count as white, where the dtype's is far from the images.

    Parameters
    ----------
    peak : float
        See :func:`peak`, as a fraction of `data_range`.
    data_range : tuple of float
        The stored values that mean black and white.

    Examples
    --------
    >>> white_used(0.0366, (0.0, 65535.0)), white_used(0.5, (0.0, 255.0))
    (2400.0, None)
    """
    low, high = data_range
    if not 0 < peak < math.inf or DIM <= peak <= BRIGHT:
        return None
    # Two digits: the same for similar images, and good to read.
    return low + float(f"{peak * (high - low):.2g}")
