"""Planes of an array whose axes lie in any order: what kinds of stacks share that hold arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ruis.errors import CorruptImageError, ImageError
from ruis.formats.base import decoding
from ruis.image import Colour, ImageInfo, data_range_of
from ruis.stacks.base import Region, Stack, Stacks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["ArrayStack"]


class ArrayStack(Stack):
    """One array, its axes in the order of stacks.

    Parameters
    ----------
    array : array_like
        With a shape and a dtype; slices of it are read.
    axes : str
        One letter for each of its axes, rows and columns among them.
    blocks : sequence of int
        What is stored as one, along each of its axes.
    kind : type of Stacks
        What it is read from.
    source : str
        The file.
    name : str
        What the array is called in it.
    """

    def __init__(
        self,
        array: Any,
        axes: str,
        blocks: Sequence[int],
        *,
        kind: type[Stacks],
        source: str,
        name: str = "",
    ) -> None:
        self.array, self.axes, self.kind, self.name = array, axes, kind, name
        self.shape = tuple(int(n) for n in array.shape)
        if 0 in self.shape:
            raise CorruptImageError(f"{name or 'the array'} is empty: {self.shape}.", source=source)
        self.order = _order(axes)
        dtype = np.dtype(array.dtype).newbyteorder("=")
        if dtype.kind not in "uif" or (dtype.kind in "ui" and dtype.itemsize > 4):
            raise ImageError(
                f"{name or 'the array'} is of {dtype}: images are of 8 to 32 bits, or floats.",
                source=source,
            )
        sizes = [self.shape[axis] for axis in self.order]
        inside = [min(int(blocks[axis]), self.shape[axis]) for axis in self.order]
        deep = "S" in axes
        self.samples = sizes[-1] if deep else 1
        *planes, self.rows, self.columns = sizes[:-1] if deep else sizes
        self.planes = tuple(planes)
        self.block = tuple(inside[:-1] if deep else inside)
        colour, alpha = _meaning(self.samples)
        self.info = ImageInfo(
            dtype, data_range_of(dtype), colour, alpha, "YXC" if deep else "YX", kind.name, source
        )

    def read(self, region: Region) -> NDArray[Any]:
        """Read what the region touches."""
        with decoding(self.kind.title, self.info.source):
            stored = np.asarray(self.array[self.index(region)])
        pixels = stored.transpose(self.order)
        pixels = pixels if "S" in self.axes else pixels[..., None]
        return np.ascontiguousarray(pixels, self.info.dtype)

    def index(self, region: Region) -> tuple[slice, ...]:
        """Return a region as an index of the array as it is stored."""
        slices = (*region.planes, region.rows, region.columns, slice(None))
        places: list[slice] = [slice(None)] * len(self.order)
        for axis, one in zip(self.order, slices, strict=False):
            places[axis] = one
        return tuple(places)

    def stored(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Return pixels in the order of axes in which the array is stored."""
        if "S" not in self.axes:
            pixels = pixels[..., 0]
        return pixels.transpose(np.argsort(self.order))


def _order(axes: str) -> tuple[int, ...]:
    """Return the stored axes in the order planes, rows, columns, samples."""
    last = [axes.index(letter) for letter in "YXS" if letter in axes]
    return (*(axis for axis in range(len(axes)) if axis not in last), *last)


def _meaning(samples: int) -> tuple[Colour, bool]:
    """Return what samples that belong together mean, and whether the last is alpha."""
    if samples in {3, 4}:
        return "rgb", samples == 4
    return ("channels" if samples > 2 else "gray"), samples == 2
