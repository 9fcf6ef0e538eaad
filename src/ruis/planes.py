"""A file -> the pictures in it, in memory: one, or all that a stack holds."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ruis import formats
from ruis.errors import AxesError
from ruis.formats import Header
from ruis.image import Image
from ruis.stacks import Region, Stack, kind_of

if TYPE_CHECKING:
    from ruis.stacks import Stacks

__all__ = ["middle", "probe", "read"]


def probe(path: Path, axes: str | None = None) -> list[Header]:
    """Look at what a file announces, without decoding a pixel.

    Parameters
    ----------
    path : Path
        An image, a TIFF of many pages, a Zarr folder, or with `axes` an `.npy` file of many planes.
    axes : str, optional
        Of a stack: "ZYX", "TYX", "YXT". Default: as the file says, where it can.

    Returns
    -------
    list of Header
        One for each kind of picture in it: a TIFF may hold pages of different sizes. `frames` counts
        those of this kind.

    Raises
    ------
    ImageError
        If it cannot be read, or has other axes.
    """
    kind = _stacks_of(path)
    if kind is None:
        header = formats.probe(path, channel_axis=_counted(axes))
        if axes is None:
            return [replace(header, frames=1)]
        return [replace(header, channels=1, colour="gray", alpha=False, frames=header.channels)]
    with kind.opened(path, axes) as stacks:
        return [_header(stacks, stack) for stack in stacks.stacks]


def read(path: Path, axes: str | None = None) -> list[Image]:
    """Read all pictures in a file.

    Parameters
    ----------
    path : Path
        As for :func:`probe`.
    axes : str, optional
        As for :func:`probe`.

    Returns
    -------
    list of Image
        In the order in which they lie in it; of multi-channel stacks each channel by itself.

    Raises
    ------
    ImageError
        If it cannot be read, or has other axes.
    """
    kind = _stacks_of(path)
    if kind is not None:
        with kind.opened(path, axes) as stacks:
            return [
                _picture(stack, number)
                for stack in stacks.stacks
                for number in range(math.prod(stack.planes))
            ]
    if axes is None:
        return [formats.read(path)]
    stack = formats.read(path, channel_axis=_counted(axes))
    info = replace(stack.info, colour="gray", axes="YX")
    return [Image(stack.pixels[..., index, None], info) for index in range(stack.channels)]


def middle(path: Path, axes: str | None = None) -> tuple[Image, int, int]:
    """Read one picture: the only one, or the one in the middle of a stack.

    Parameters
    ----------
    path : Path
        An image, a TIFF of many pages, or a Zarr folder.
    axes : str, optional
        What the axes of a stack are, in place of what the file says: "ZYX".

    Returns
    -------
    tuple of (Image, int, int)
        The picture, its number from 0, and how many there are; the file's first kind of picture if
        it holds several.

    Raises
    ------
    ImageError
        If it cannot be read, or has other axes.
    """
    kind = _stacks_of(path)
    if kind is None:
        if axes is not None:
            raise AxesError("--axes is for stacks; others say it.", source=str(path))
        return formats.read(path), 0, 1
    with kind.opened(path, axes) as stacks:
        first = stacks.stacks[0]
        count = math.prod(first.planes)
        return _picture(first, count // 2), count // 2, count


def _counted(axes: str | None) -> int | None:
    """Return the place of the axis that counts pictures."""
    return next(axes.index(letter) for letter in "ZT" if letter in axes) if axes else None


def _stacks_of(path: Path) -> type[Stacks] | None:
    """Return what opens a file that only its own room can read; None for all that `formats` reads."""
    kind = kind_of(path)
    return kind if kind is not None and kind.need(path) == "must" else None


def _header(stacks: Stacks, stack: Stack) -> Header:
    info = stack.info
    return Header(
        stacks.name,
        stack.rows,
        stack.columns,
        stack.samples,
        str(info.dtype),
        info.colour,
        info.alpha,
        math.prod(stack.planes),
    )


def _picture(stack: Stack, number: int) -> Image:
    """Read one plane, counted in the order in which they are stored."""
    place = np.unravel_index(number, stack.planes)
    planes = tuple(slice(int(i), int(i) + 1) for i in place)
    pixels = stack.read(Region(planes, slice(0, stack.rows), slice(0, stack.columns)))
    return Image(pixels.reshape(stack.rows, stack.columns, stack.samples), stack.info)
