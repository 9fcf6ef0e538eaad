"""A file -> the pictures in it, in memory: one, or all that a stack holds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
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

__all__ = ["AXES", "each", "middle", "probe", "read"]

AXES = "[ZT]YX|YX[ZT]|Y[ZT]X"
"""The axes that an array of pictures may have: Z or T counts them."""


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
        if axes is None:
            return [replace(formats.probe(path), frames=1)]
        header = formats.probe(path, channel_axis=_counted(path, axes))
        return [replace(header, channels=1, colour="gray", alpha=False, frames=header.channels)]
    with kind.opened(path, axes) as stacks:
        return [_header(stacks, stack) for stack in stacks.stacks]


def read(path: Path, axes: str | None = None, *, most: int | None = None) -> list[Image]:
    """Read the pictures in a file.

    Parameters
    ----------
    path : Path
        As for :func:`probe`.
    axes : str, optional
        As for :func:`probe`.
    most : int, optional
        No more than so many, spread evenly over them. Default: all.

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
            places = _places(stacks)
            return [_picture(*places[place]) for place in _spread(len(places), most)]
    if axes is None:
        return [formats.read(path)]
    array = _array(path, axes)
    return [_plane(array, number) for number in _spread(array.channels, most)]


def each(path: Path, axes: str | None = None) -> list[tuple[str, Callable[[], Image]]]:
    """List the pictures in a file, to be read one by one.

    Parameters
    ----------
    path : Path
        As for :func:`probe`.
    axes : str, optional
        As for :func:`probe`.

    Returns
    -------
    list of tuple of (str, callable)
        The file's name, with the picture's number from 0 behind it if there are several, and what
        reads it; in the order of :func:`read`. A stack stays open until its last picture was read,
        an array in memory.

    Raises
    ------
    ImageError
        If the file cannot be read, or has other axes.
    """
    count = sum(header.frames for header in probe(path, axes))
    if count == 1 and axes is None:
        return [(path.name, lambda: read(path)[0])]
    pictures = _Pictures(path, axes, count)
    return [(f"{path.name}[{place}]", partial(pictures.read, place)) for place in range(count)]


class _Pictures:
    """The pictures of a file, which stays open from the first that is read until the last was."""

    def __init__(self, path: Path, axes: str | None, count: int) -> None:
        self.path, self.axes, self.count = path, axes, count
        self._open = ExitStack()
        self._read: Callable[[int], Image] | None = None

    def read(self, place: int) -> Image:
        """Read one picture, counted over all kinds of them."""
        self._read = self._read or self._opened()
        image = self._read(place)
        if place == self.count - 1:
            self._read = None
            self._open.close()
        return image

    def _opened(self) -> Callable[[int], Image]:
        kind = _stacks_of(self.path)
        if kind is None:
            assert self.axes is not None
            return partial(_plane, _array(self.path, self.axes))
        places = _places(self._open.enter_context(kind.opened(self.path, self.axes)))
        return lambda place: _picture(*places[place])


def _places(stacks: Stacks) -> list[tuple[Stack, int]]:
    """Return all pictures: which stack each is in, and its number there."""
    return [(stack, number) for stack in stacks.stacks for number in range(math.prod(stack.planes))]


def middle(path: Path, axes: str | None = None) -> tuple[Image, int, int]:
    """Read one picture: the only one, or the one in the middle of a stack.

    Parameters
    ----------
    path : Path
        As for :func:`probe`.
    axes : str, optional
        As for :func:`probe`.

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
        if axes is None:
            return formats.read(path), 0, 1
        array = _array(path, axes)
        return _plane(array, array.channels // 2), array.channels // 2, array.channels
    with kind.opened(path, axes) as stacks:
        first = stacks.stacks[0]
        count = math.prod(first.planes)
        return _picture(first, count // 2), count // 2, count


def _array(path: Path, axes: str) -> Image:
    """Read an array whose file does not say its axes, the pictures in it as if they were channels."""
    place = _counted(path, axes)
    try:
        return formats.read(path, channel_axis=place)
    except AxesError as error:
        raise AxesError(
            f"it is no array of pictures with the axes {axes}.", source=str(path)
        ) from error


def _counted(path: Path, axes: str) -> int:
    """Return the place of the axis that counts pictures."""
    axes = axes.upper()
    if not re.fullmatch(AXES, axes):
        raise AxesError(
            f"the axes of an array of pictures are Y (rows), X (columns) and Z or T, such as ZYX, not "
            f"{axes!r}.",
            source=str(path),
        )
    return next(axes.index(letter) for letter in "ZT" if letter in axes)


def _spread(count: int, most: int | None) -> range:
    """Return numbers below a count, all or some."""
    return range(0, count, 1 if most is None else math.ceil(count / most))


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


def _plane(array: Image, number: int) -> Image:
    """Return one plane of an array that was read as if its planes were channels."""
    info = replace(array.info, colour="gray", axes="YX")
    return Image(array.pixels[..., number, None], info)


def _picture(stack: Stack, number: int) -> Image:
    """Read one plane, counted in the order in which they are stored."""
    place = np.unravel_index(number, stack.planes)
    planes = tuple(slice(int(i), int(i) + 1) for i in place)
    pixels = stack.read(Region(planes, slice(0, stack.rows), slice(0, stack.columns)))
    return Image(pixels.reshape(stack.rows, stack.columns, stack.samples), stack.info)
