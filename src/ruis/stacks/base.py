"""What a stack is: read window by window, and written piece by piece."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from ruis.errors import AxesError, ImageError
from ruis.formats.blank import filled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ruis.image import ImageInfo

__all__ = ["HELD", "Need", "Pieces", "Region", "Sink", "Stack", "Stacks", "check_axes"]

HELD = 400e6
"""Bytes of pixels up to which a file of one picture is denoised in memory."""

LETTERS = "TCZYXSQIPMHEARLVFU"
"""What axes are called: time, channel, depth, row, column, sample; the others mean whatever they mean."""


@dataclass(frozen=True)
class Region:
    """A box of a stack: some of its planes, and the same rows and columns of each.

    Parameters
    ----------
    planes : tuple of slice
        For each axis that is neither rows, columns nor channels.
    rows, columns : slice
        Where in each plane.
    """

    planes: tuple[slice, ...]
    rows: slice
    columns: slice

    @property
    def shape(self) -> tuple[int, ...]:
        """How long it is along each axis."""
        return tuple(one.stop - one.start for one in (*self.planes, self.rows, self.columns))


Need = Literal["must", "better", "not"]
Pieces = Generator[tuple[Region, "NDArray[Any]"], None, None]
"""Regions and their pixels, shape (planes..., rows, columns, channels)."""


class Stack(ABC):
    """Planes of one size and kind, of which any region can be read.

    Attributes
    ----------
    name : str
        What it is called within its file; empty if it is alone.
    axes : str
        The axes as stored, in order: "TCZYX"; S are samples that belong together, such as RGB.
    shape : tuple of int
        The length of each axis.
    info : ImageInfo
        What the pixels of one plane mean.
    planes : tuple of int
        The lengths of the axes that are neither rows, columns nor samples.
    rows, columns, samples : int
        The size of a plane; alpha counts as a sample.
    block : tuple of int
        What is stored as one: lengths along the planes' axes, rows and columns.
    """

    name: str
    axes: str
    shape: tuple[int, ...]
    info: ImageInfo
    planes: tuple[int, ...]
    rows: int
    columns: int
    samples: int
    block: tuple[int, ...]

    @abstractmethod
    def read(self, region: Region) -> NDArray[Any]:
        """Return pixels of shape (planes..., rows, columns, samples), in the machine's byte order.

        Raises
        ------
        CorruptImageError
            If they are not there, or cannot be decoded.
        """

    def missing(self, pixels: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Say where there is nothing in pixels of one plane, shape (rows, columns, samples); None: nowhere."""
        return None

    def filled(self, pixels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return pixels of one plane with what is around their holes in these, and where the holes were."""
        hole = self.missing(pixels)
        return (pixels, None) if hole is None else (filled(pixels, hole), hole)

    def not_numbers(self) -> ImageError:
        """Return what is raised where it holds NaN or infinity."""
        where = f" ({self.name})" if self.name else ""
        return ImageError(
            f"it holds values that are not numbers (NaN or infinite){where}; replace them first.",
            source=self.info.source,
        )

    @property
    def pixel_bytes(self) -> int:
        """How many bytes a pixel of one plane takes, all samples together."""
        return self.samples * int(self.info.dtype.itemsize)

    @property
    def megapixels(self) -> float:
        """Rows times columns times planes, in millions."""
        return math.prod(self.planes) * self.rows * self.columns / 1e6

    def __str__(self) -> str:
        lengths = "x".join(map(str, self.shape))
        return f"{self.axes} {lengths} {self.info.dtype}"


class Sink(ABC):
    """A new file in the making, of the same kind and with the same stacks."""

    @abstractmethod
    def write(self, stack: Stack, pieces: Pieces) -> None:
        """Write a stack from pieces that cover it once, in the order that its file asks for."""


class Stacks(ABC):
    """A file or folder, open for reading, and the stacks in it.

    Attributes
    ----------
    name : str
        Its name in the table: "tiff".
    title : str
        Its name for people: "TIFF".
    suffixes : tuple of str
        The endings that mean it, in lower case.
    in_order : bool
        Whether pieces must come plane by plane, each over the whole width, from top to bottom.
    stacks : tuple of Stack
        In the order in which they are written.
    notes : tuple of str
        What a person should know: what is left out, or written otherwise.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    in_order: ClassVar[bool] = False
    stacks: tuple[Stack, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    @abstractmethod
    def recognises(cls, path: Path) -> bool:
        """Say whether this file or folder is one of these."""

    @classmethod
    @abstractmethod
    def need(cls, path: Path) -> Need:
        """Say whether it must be denoised as stacks, or better is because it is large, or need not."""

    @classmethod
    @abstractmethod
    def opened(cls, path: Path, axes: str | None = None) -> AbstractContextManager[Self]:
        """Open it for as long as the block lasts.

        Parameters
        ----------
        path : Path
            The file or folder.
        axes : str, optional
            What its axes are, in place of what it says itself.

        Raises
        ------
        ImageError
            If it cannot be read, is damaged, or holds nothing that can be denoised.
        """

    @abstractmethod
    def sink(
        self, path: Path, *, overwrite: bool, strip_metadata: bool, record: str
    ) -> AbstractContextManager[Sink]:
        """Make a copy without its pixels, which appears at `path` when the block ends in order.

        Parameters
        ----------
        path : Path
            Where it shall be.
        overwrite : bool
            Whether what is there already is replaced.
        strip_metadata : bool
            Whether all is left out that is not needed to understand the pixels.
        record : str
            What was done, for the metadata.

        Raises
        ------
        ImageWriteError
            If something is there, or the disk refuses.
        """


def check_axes(axes: str, ndim: int, source: str) -> str:
    """Return axes in capitals, if they can be those of a stack.

    Parameters
    ----------
    axes : str
        One letter for each axis.
    ndim : int
        How many axes there are.
    source : str
        The file, for messages.

    Returns
    -------
    str
        The axes.

    Raises
    ------
    AxesError
        If they are not as many, a letter comes twice, or rows or columns are missing.

    Examples
    --------
    >>> check_axes("zyx", 3, "cells.zarr")
    'ZYX'
    """
    capitals = axes.upper()
    if len(capitals) != ndim:
        raise AxesError(
            f"it has {ndim} axes, and --axes {axes} names {len(capitals)}.", source=source
        )
    strange = [letter for letter in capitals if letter not in LETTERS]
    if strange or len(set(capitals)) < len(capitals) or not {"Y", "X"} <= set(capitals):
        raise AxesError(
            f"axes are letters such as TCZYX, each once, with Y (rows) and X (columns) among "
            f"them; S are samples that belong together, such as RGB. Not {axes!r}.",
            source=source,
        )
    return capitals
