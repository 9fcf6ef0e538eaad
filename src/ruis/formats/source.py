"""The bytes of an image, in a file or in memory."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from ruis.errors import CorruptImageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Source"]

START_BYTES = 1024
"""How many bytes a format gets to see when it is asked whether a file is its own."""


@dataclass
class Source:
    """The bytes of an image, in a file or in memory; formats read from here and nowhere else.

    Parameters
    ----------
    file : binary file
        Open for reading, seekable.
    size : int
        How many bytes it has.
    name : str, optional
        What messages call it.
    """

    file: BinaryIO
    size: int
    name: str | None = None

    @classmethod
    def of_bytes(cls, data: bytes, name: str | None = None) -> Self:
        """Return a source that reads from memory."""
        return cls(io.BytesIO(data), len(data), name)

    @classmethod
    def of_file(cls, file: BinaryIO, name: str) -> Self:
        """Return a source that reads from an open file."""
        return cls(file, os.fstat(file.fileno()).st_size, name)

    @property
    def start(self) -> bytes:
        """The first bytes, enough to recognise a format."""
        return self.at(0, START_BYTES)

    def at(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset`."""
        self.file.seek(offset)
        return self.file.read(count)

    def array(self, offset: int, count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return `count` values from `offset`, read without a copy.

        Raises
        ------
        CorruptImageError
            If they are not all there.
        """
        import numpy as np

        needed = offset + count * dtype.itemsize
        if self.size >= needed:
            values = np.empty(count, dtype)
            self.file.seek(offset)
            if self.file.readinto(values.view(np.uint8).data) == values.nbytes:  # type: ignore[attr-defined]
                return values
        raise CorruptImageError(f"the file is truncated: {self.size} of {needed} bytes are here.")

    def everything(self) -> bytearray:
        """Return all bytes, in memory that the caller may change."""
        data = bytearray(self.size)
        self.file.seek(0)
        del data[self.file.readinto(data) :]  # type: ignore[attr-defined]
        return data
