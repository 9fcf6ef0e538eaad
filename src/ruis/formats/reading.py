"""From a file to an image, whatever its format: opened, held against limits, decoded, turned upright."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruis.errors import (
    AxesError,
    CorruptImageError,
    ImageError,
    ImageTooLargeError,
    RuisError,
)
from ruis.formats.base import Decoded, Format, Limits, decoding
from ruis.formats.metadata import gathered, upright
from ruis.formats.source import Source
from ruis.image import Image, ImageInfo, data_range_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["decoded", "opened"]

FIRST_FRAME = "animation: only the first frame was read"
FINITE_STEP = 2**22  # values looked at in one go when searching for NaN


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """Open a regular file; anything else is an error of ours.

    Raises
    ------
    ImageError
        If there is no such file, it is none, or it may not be read.
    """
    name = str(path)
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise ImageError(f"cannot be read: it is {kind}.", source=name)
        with path.open("rb") as file:
            yield Source.of_file(file, name)
    except RuisError:
        raise
    except FileNotFoundError as error:
        raise ImageError("there is no such file.", source=name) from error
    except PermissionError as error:
        raise ImageError("cannot be read: permission denied.", source=name) from error
    except (OSError, ValueError) as error:
        raise ImageError(f"cannot be read: {error}.", source=name) from error


def decoded(source: Source, format: Format, limits: Limits, channel_axis: int | None) -> Image:
    """Check the header, decode, finish.

    Parameters
    ----------
    source : Source
        The file.
    format : Format
        The one that its content belongs to.
    limits : Limits
        What is refused by its header alone.
    channel_axis : int, optional
        Which axis of its array holds the channels, where it does not say so itself.

    Raises
    ------
    ImageError
        As :func:`ruis.formats.read` does.
    """
    if source.size > limits.max_file_bytes:
        raise ImageTooLargeError(
            f"the file has {source.size} bytes, more than the limit of "
            f"{limits.max_file_bytes:g}; raise it with Limits(max_file_bytes=...).",
            source=source.name,
        )
    if channel_axis is not None and not format.takes_channel_axis:
        raise AxesError(
            f"{format.title} says itself which axis holds the channels.", source=source.name
        )
    with decoding(format.title, source.name):
        header = format.header(source, channel_axis)
        header.check(limits, source.name)
        found = format.decode(source, header, channel_axis)
        _check_finite(found.pixels)
        return _finished(found, format.name, source.name)


def _check_finite(pixels: NDArray[Any]) -> None:
    """Refuse NaN and infinity: one would spread over a whole tile."""
    import numpy as np

    if pixels.dtype.kind != "f":
        return
    flat = pixels.reshape(-1)
    bad = sum(
        int(np.count_nonzero(~np.isfinite(flat[start : start + FINITE_STEP])))
        for start in range(0, flat.size, FINITE_STEP)
    )
    if bad:
        raise CorruptImageError(
            f"contains {bad} values that are not numbers (NaN or infinite); replace them first."
        )


def _finished(decoded: Decoded, format: str, source: str | None) -> Image:
    """Turn the pixels upright and gather the metadata."""
    metadata, orientation, notes = gathered(decoded)
    pixels = decoded.pixels
    pixels = upright(pixels, orientation)
    if orientation != 1:
        notes += (f"turned upright (EXIF orientation {orientation})",)
        if orientation >= 5 and metadata.resolution:
            metadata = replace(metadata, resolution=metadata.resolution[::-1])
    info = ImageInfo(
        dtype=pixels.dtype,
        data_range=decoded.data_range or data_range_of(pixels.dtype),
        colour=decoded.colour,
        alpha=decoded.alpha,
        axes=decoded.axes,
        format=format,
        source=source,
        metadata=metadata,
        notes=(*notes, FIRST_FRAME) if decoded.animated else notes,
        animated=decoded.animated,
        range_from_pixels=decoded.range_from_pixels,
    )
    return Image(pixels, info)
