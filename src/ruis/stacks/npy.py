"""NPY: one array of planes, whose axes only its owner knows; read and written window by window."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Literal, Self

import numpy as np

from ruis.errors import AxesError, CorruptImageError
from ruis.formats import opened
from ruis.formats.atomic import new_file
from ruis.formats.base import decoding
from ruis.formats.npy import NPY, array_header, axes_of
from ruis.stacks.arrays import ArrayStack
from ruis.stacks.base import HELD, Need, Pieces, Sink, Stack, Stacks, check_axes

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NPYStacks"]

ZEROS = bytes(2**20)


class NPYStacks(Stacks):
    """One array, mapped into memory: a picture, or planes if it is said what its axes are."""

    name: ClassVar[str] = "npy"
    title: ClassVar[str] = "NPY"
    suffixes: ClassVar[tuple[str, ...]] = NPY.suffixes
    stacks: tuple[ArrayStack]

    def __init__(self, array: NDArray[Any], axes: str, source: str) -> None:
        blocks = [n if letter in "XS" else 1 for letter, n in zip(axes, array.shape, strict=True)]
        self.array = array
        self.stacks = (ArrayStack(array, axes, blocks, kind=type(self), source=source),)

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Say whether its name and its content say so."""
        if path.suffix.lower() not in cls.suffixes or not path.is_file():
            return False
        with opened(path) as source:
            return NPY().recognises(source.start)

    @classmethod
    def need(cls, path: Path) -> Need:
        """It must if the array is no picture, and better is for a picture of more than `HELD` bytes."""
        with opened(path) as source, decoding("NPY", source.name):
            shape, _, dtype, _ = array_header(source)
        if axes_of(shape) is None:
            return "must"
        return "better" if math.prod(shape) * dtype.itemsize > HELD else "not"

    @classmethod
    @contextmanager
    def opened(cls, path: Path, axes: str | None = None) -> Iterator[Self]:
        """Map the array into memory; values are read later."""
        with opened(path) as source, decoding("NPY", source.name):
            shape, fortran, dtype, offset = array_header(source)
            told = axes_of(shape) if axes is None else check_axes(axes, len(shape), str(path))
            if told is None:
                raise AxesError(
                    f"it is an array of the shape {shape}; say what its axes are with --axes, such as "
                    "ZYX for planes of rows and columns.",
                    source=str(path),
                )
            size = offset + math.prod(shape) * dtype.itemsize
            if source.size < size:
                raise CorruptImageError(f"it ends after {source.size} of {size} bytes.")
            order: Literal["C", "F"] = "F" if fortran else "C"
            array = np.memmap(path, dtype, "r", offset, shape, order)
            here = cls(array, told, str(path))
        yield here

    @contextmanager
    def sink(
        self,
        path: Path,
        *,
        overwrite: bool,
        strip_metadata: bool,
        record: str,
    ) -> Iterator[Sink]:
        """Make a file of the same shape, dtype and order, and map it into memory."""
        with new_file(path, overwrite=overwrite) as file:
            np.lib.format.write_array_header_1_0(
                file, np.lib.format.header_data_from_array_1_0(self.array)
            )
            offset = file.tell()
            _reserve(file, offset + self.array.nbytes)
            order: Literal["C", "F"] = "C" if self.array.flags.c_contiguous else "F"
            made = np.memmap(file, self.array.dtype, "r+", offset, self.array.shape, order)
            yield ArraySink(made)
            made.flush()


class ArraySink(Sink):
    """An array of a new file.

    Parameters
    ----------
    array : numpy.memmap
        Where values go.
    """

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array

    def write(self, stack: Stack, pieces: Pieces) -> None:
        """Write each piece into its place."""
        assert isinstance(stack, ArrayStack)
        for region, pixels in pieces:
            self.array[stack.index(region)] = stack.stored(pixels)


def _reserve(file: BinaryIO, size: int) -> None:
    """Take all of the disk that is needed: a full one is an error here, and a crash once it is mapped."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    while file.tell() < size:
        file.write(ZEROS[: size - file.tell()])
    file.flush()
