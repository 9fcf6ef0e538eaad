"""A file -> the pictures in it, in memory: one, or all that a stack holds."""

from __future__ import annotations

import math
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
from ruis.stacks import STACKS, Region, Stack, kind_of

if TYPE_CHECKING:
    from ruis.stacks import Stacks

__all__ = ["each", "middle", "probe", "read"]


def probe(path: Path, axes: str | None = None) -> list[Header]:
    """Look at what a file announces, without decoding a pixel.

    Parameters
    ----------
    path : Path
        An image, a TIFF of many pages, a Zarr folder, or with `axes` an `.npy` file of many planes.
    axes : str, optional
        Of a stack: "ZYX", "TCYX", "YXT". Default: as the file says, where it can.

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
    kind = _stacks_of(path, axes)
    if kind is None:
        return [replace(formats.probe(path), frames=1)]
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
    kind = _stacks_of(path, axes)
    if kind is None:
        return [formats.read(path)]
    with kind.opened(path, axes) as stacks:
        places = _places(stacks)
        return [_picture(*places[place]) for place in _spread(len(places), most)]


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
        reads it; in the order of :func:`read`. A stack stays open until its last picture was read.

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
        kind = _stacks_of(self.path, self.axes)
        assert kind is not None, "several pictures"
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
    kind = _stacks_of(path, axes)
    if kind is None:
        return formats.read(path), 0, 1
    with kind.opened(path, axes) as stacks:
        first = stacks.stacks[0]
        count = math.prod(first.planes)
        return _picture(first, count // 2), count // 2, count


def _spread(count: int, most: int | None) -> range:
    """Return numbers below a count, all or some."""
    return range(0, count, 1 if most is None else math.ceil(count / most))


def _stacks_of(path: Path, axes: str | None) -> type[Stacks] | None:
    """Return what opens a file that holds a stack, or is said to; None for all that `formats` reads."""
    kind = kind_of(path)
    if axes is not None:
        if kind is None:
            titles = ", ".join(STACKS.load(name).title for name in STACKS)
            raise AxesError(f"axes are those of a stack: {titles}.", source=str(path))
        return kind
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
    whole, _ = stack.filled(pixels.reshape(stack.rows, stack.columns, stack.samples))
    if whole.dtype.kind == "f" and not np.isfinite(whole).all():
        raise stack.not_numbers()
    return Image(whole, stack.info)
