"""Zarr folders, versions 2 and 3, and OME-Zarr: each array is read and written by its chunks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ruis.errors import AxesError, CorruptImageError, UnsupportedFormatError
from ruis.formats.atomic import new_folder
from ruis.formats.base import decoding
from ruis.resample import shrunk
from ruis.stacks.arrays import ArrayStack
from ruis.stacks.base import Need, Pieces, Sink, Stack, Stacks, check_axes
from ruis.stacks.zarr.hierarchy import Node, copied, is_node, nodes
from ruis.stacks.zarr.images import Picture, images, plain_axes

if TYPE_CHECKING:
    from ruis.resample import Reduction

__all__ = ["ZarrStacks"]

BOX = 32e6
"""Bytes of a level of a pyramid that are read to make a part of the next."""


class ZarrStacks(Stacks):
    """The images of a Zarr folder; all that is not their pixels is copied byte for byte."""

    name: ClassVar[str] = "zarr"
    title: ClassVar[str] = "Zarr"
    suffixes: ClassVar[tuple[str, ...]] = (".zarr",)
    stacks: tuple[PictureStack, ...]

    def __init__(self, root: Path, axes: str | None) -> None:
        self.root = root
        found = nodes(root)
        by_path = {node.path: node for node in found}
        stacks, left = [], 0
        for picture in images(found):
            array = _array(root / picture.paths[0], "r")
            if len(picture.paths) == 1 and array.ndim < 2:
                left += 1
                continue
            shapes = [_array(root / path, "r").shape for path in picture.paths]
            for larger, smaller in itertools.pairwise(shapes):
                _factors(larger, smaller)
            stacks.append(PictureStack(root, by_path[picture.paths[0]], array, picture, axes))
        if not stacks:
            raise UnsupportedFormatError("it holds no array of two axes or more.")
        self.stacks = tuple(stacks)
        written = sum(len(stack.picture.paths) for stack in stacks)
        others = sum(node.is_array for node in found) - written
        self.notes = (f"{others} arrays that are no images are copied",) if others else ()

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Say whether it is a folder with the metadata of an array or group."""
        return path.is_dir() and is_node(path)

    @classmethod
    def need(cls, path: Path) -> Need:  # noqa: ARG003 - what its siblings have to look at
        """It must: no other part of ruis reads Zarr."""
        return "must"

    @classmethod
    @contextmanager
    def opened(cls, path: Path, axes: str | None = None) -> Iterator[Self]:
        """Find its images; chunks are read later."""
        try:
            import zarr  # noqa: F401
        except ImportError as error:
            raise UnsupportedFormatError(
                'Zarr needs a package that is not here: pip install "ruis[zarr]".', source=str(path)
            ) from error
        with decoding("Zarr", str(path)):
            here = cls(path, axes)
        yield here

    @contextmanager
    def sink(
        self, path: Path, *, overwrite: bool, strip_metadata: bool, record: str
    ) -> Iterator[Sink]:
        """Copy everything but chunks of images to a new folder.

        Without metadata, only what says how pixels are stored and meant is copied: of attributes those of
        OME-Zarr and of numbers' meaning, and of groups no further file, such as OME-XML. There is no place for a
        record.
        """
        with new_folder(path, overwrite=overwrite) as folder:
            written = {one for stack in self.stacks for one in stack.picture.paths}
            copied(self.root, folder, written, bare=strip_metadata)
            yield ArraySink(folder)


class PictureStack(ArrayStack):
    """One array, and the smaller copies of it.

    Parameters
    ----------
    root : Path
        The Zarr folder.
    node : Node
        Where it is.
    array : zarr.Array
        Open for reading.
    picture : Picture
        What the hierarchy says about it.
    axes : str, optional
        What its axes are, in place of what the file says.
    """

    def __init__(
        self, root: Path, node: Node, array: Any, picture: Picture, axes: str | None
    ) -> None:
        self.picture = picture
        super().__init__(
            array,
            _axes(node, array, picture, axes, str(root)),
            array.shards or array.chunks,
            kind=ZarrStacks,
            source=str(root),
            name=picture.paths[0],
        )


def _axes(node: Node, array: Any, picture: Picture, given: str | None, source: str) -> str:
    """Return what the axes of an array are called."""
    if given is not None:
        return check_axes(given, array.ndim, source)
    axes = picture.axes
    if axes is None and len(picture.paths) > 1:
        axes = "TCZYX"[-array.ndim :]
    if axes is None:
        names = getattr(array.metadata, "dimension_names", None)
        axes = plain_axes(node, names, tuple(array.shape), source)
    if len(axes) != array.ndim or not {"Y", "X"} <= set(axes):
        raise AxesError(
            f"{picture.paths[0]} has {array.ndim} axes, and is said to have {axes}; say what "
            "they are with --axes.",
            source=source,
        )
    return axes


class ArraySink(Sink):
    """Arrays of a new folder, in which all metadata is already.

    Parameters
    ----------
    folder : Path
        The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, stack: Stack, pieces: Pieces) -> None:
        """Write whole chunks, then the smaller copies of the image."""
        array: PictureStack = stack  # type: ignore[assignment]
        picture = array.picture
        level = _array(self.folder / picture.paths[0], "r+")
        for region, pixels in pieces:
            level[array.index(region)] = array.stored(pixels)
        for path in picture.paths[1:]:
            smaller = _array(self.folder / path, "r+")
            _reduce(level, smaller, picture.reduction)
            level = smaller


def _array(folder: Path, mode: str) -> Any:
    import zarr

    return zarr.open_array(str(folder), mode=mode)


# -- the levels of a pyramid ----------------------------------------------------------------------


def _reduce(level: Any, smaller: Any, method: Reduction) -> None:
    """Make a level of the one before, some of its chunks at a time."""
    factors = _factors(level.shape, smaller.shape)
    margin = [2 * factor if method == "gaussian" and factor > 1 else 0 for factor in factors]
    itemsize = level.dtype.itemsize * math.prod(factors)
    for box in _boxes(smaller.shape, smaller.shards or smaller.chunks, BOX / itemsize):
        places, missing, inner = [], [], []
        for one, factor, edge, length in zip(box, factors, margin, level.shape, strict=True):
            start, stop = one.start * factor, one.stop * factor
            first, last = max(0, start - edge), min(length, stop + edge)
            places.append(slice(first, last))
            missing.append((0, -(last - first) % factor))
            before = (start - first) // factor
            inner.append(slice(before, before + one.stop - one.start))
        values = np.asarray(level[tuple(places)])
        if any(after for _, after in missing):
            values = np.pad(values, missing, mode="edge")
        smaller[box] = shrunk(values, factors, method)[tuple(inner)]


def _factors(larger: tuple[int, ...], smaller: tuple[int, ...]) -> tuple[int, ...]:
    """Return how many values along each axis become one."""
    pairs = list(zip(larger, smaller, strict=False))
    factors = tuple(max(1, round(a / max(b, 1))) for a, b in pairs)
    whole = all(b in {a // n, -(-a // n)} for (a, b), n in zip(pairs, factors, strict=True))
    if len(larger) != len(smaller) or not whole:
        raise CorruptImageError(
            f"a level of its pyramid of {smaller} is not made of {larger} by whole numbers; leave "
            "the pyramid out."
        )
    return factors


def _boxes(
    shape: tuple[int, ...], block: tuple[int, ...], most: float
) -> Iterator[tuple[slice, ...]]:
    """Cut an array into boxes of whole blocks, of about `most` values, longest along the last axis."""
    sides = [min(one, length) for one, length in zip(block, shape, strict=True)]
    for axis in reversed(range(len(shape))):
        fits = int(most // max(1, math.prod(sides)))
        sides[axis] = min(max(1, fits) * sides[axis], -(-shape[axis] // sides[axis]) * sides[axis])
    cuts = [
        [slice(first, min(first + side, length)) for first in range(0, length, side)]
        for side, length in zip(sides, shape, strict=True)
    ]
    yield from itertools.product(*cuts)
