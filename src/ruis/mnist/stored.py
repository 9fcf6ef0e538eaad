"""Digits as strangers store them: one NPZ file, or a folder of four IDX files.

A header is checked before anything is allocated, what is decompressed is bounded by what the header
may announce, and no pickle is ever read.

Source of the IDX format: Y. LeCun, C. Cortes and C. Burges, The MNIST database of handwritten
digits, 1998, http://yann.lecun.com/exdb/mnist/.
"""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from numpy.lib import format as npy

from ruis.errors import CorruptImageError, EmptyDatasetError, ImageTooLargeError
from ruis.formats.base import decoding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Stored = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]

__all__ = ["SIDE", "checked", "read_idx", "read_npz"]

SIDE = 28
"""Rows and columns of every image, in pixels; the article's networks know no other size."""

MOST = 1_000_000
"""Images that a file may hold: the largest relative of MNIST, EMNIST, has 814,255."""

NAMES = ("x_train", "y_train", "x_test", "y_test")
IDX = (("train-images", 3), ("train-labels", 1), ("t10k-images", 3), ("t10k-labels", 1))
"""The files of an IDX folder with their axes, in the order of `NAMES`."""

IDX_BYTES = 0x08  # the type code of unsigned bytes
GZIP = b"\x1f\x8b"
PIECE = 2**20  # bytes read in one go: memory follows what is there, not what is announced


def read_npz(path: Path) -> Stored:
    """Read the four arrays `x_train`, `y_train`, `x_test` and `y_test` of an NPZ file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    tuple of numpy.ndarray
        Training images (N, 28, 28) and labels (N,), test images and labels, all uint8.

    Raises
    ------
    CorruptImageError
        If the file is damaged, or an array is missing or has another shape or dtype.
    ImageTooLargeError
        If a header announces more than a million images.
    OSError
        If the file cannot be opened.
    """
    with path.open("rb") as file, decoding("NPZ", str(path)), zipfile.ZipFile(file) as archive:
        here = {name.removesuffix(".npy") for name in archive.namelist()}
        missing = [name for name in NAMES if name not in here]
        if missing:
            raise CorruptImageError(
                f"it has no array {missing[0]!r}, only {', '.join(sorted(here)) or 'nothing'}; "
                f"expected {', '.join(NAMES)}."
            )
        arrays = []
        for name in NAMES:
            with archive.open(f"{name}.npy") as member:
                arrays.append(_array(cast("BinaryIO", member), name))
    return checked(arrays, str(path))


def read_idx(folder: Path) -> Stored:
    """Read the four IDX files of a folder, each of them gzipped or not.

    Parameters
    ----------
    folder : Path
        Where `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
        `t10k-labels-idx1-ubyte` are; a dot before `idx` and `.gz` at the end are fine.

    Returns
    -------
    tuple of numpy.ndarray
        As for `read_npz`.

    Raises
    ------
    EmptyDatasetError
        If one of the files is not there.
    CorruptImageError
        If one is damaged, truncated, too long, or not of 28x28 unsigned bytes.
    ImageTooLargeError
        If a header announces more than a million images.
    OSError
        If a file cannot be opened.
    """
    paths = [_idx_file(folder, start, axes) for start, axes in IDX]
    arrays = [_idx(path, axes) for path, (_, axes) in zip(paths, IDX, strict=True)]
    return checked(arrays, str(folder))


def checked(arrays: list[NDArray[Any]], source: str) -> Stored:
    """Return the four arrays as they must be, labels as uint8.

    Parameters
    ----------
    arrays : list of numpy.ndarray
        In the order x_train, y_train, x_test, y_test.
    source : str
        What messages call their origin.

    Returns
    -------
    tuple of numpy.ndarray
        As for `read_npz`.

    Raises
    ------
    CorruptImageError
        If a shape, a dtype, a label or the number of labels is wrong.
    ImageTooLargeError
        If there are more than a million images.
    """
    with decoding("data", source):
        for name, array in zip(NAMES, arrays, strict=True):
            _check(name, array.shape, array.dtype)
        for x, y, name in zip(arrays[::2], arrays[1::2], NAMES[1::2], strict=True):
            if len(x) != len(y):
                raise CorruptImageError(f"{len(x)} images have {len(y)} labels in {name!r}.")
            if y.min() < 0 or y.max() > 255:
                raise CorruptImageError(
                    f"the labels in {name!r} run from {y.min()} to {y.max()}; expected 0 to 255."
                )
        x_train, y_train, x_test, y_test = (np.asarray(array, np.uint8) for array in arrays)
    return x_train, y_train, x_test, y_test


def _check(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse a shape or a dtype that MNIST does not have; nothing needs to be decoded for that."""
    images = name.startswith("x")
    if dtype != np.uint8 if images else dtype.kind not in "iu":
        raise CorruptImageError(
            f"{name!r} holds {dtype}; expected {'uint8' if images else 'integers'}."
        )
    if len(shape) != (3 if images else 1) or (images and shape[1:] != (SIDE, SIDE)):
        wanted = f"(N, {SIDE}, {SIDE})" if images else "(N,)"
        raise CorruptImageError(f"{name!r} has the shape {shape}; expected {wanted}.")
    if shape[0] < 1:
        raise CorruptImageError(f"{name!r} is empty.")
    if shape[0] > MOST:
        raise ImageTooLargeError(f"{name!r} announces {shape[0]} entries, more than {MOST}.")


def _array(file: BinaryIO, name: str) -> NDArray[Any]:
    """Read one member of an NPZ file."""
    version = npy.read_magic(file)
    if version != (1, 0):  # NumPy writes others only for headers beyond 64 KiB
        raise CorruptImageError(f"{name!r} is stored in version {version} of NPY, not in 1.0.")
    shape, fortran, dtype = npy.read_array_header_1_0(file)
    _check(name, shape, dtype)
    data = _exactly(file, int(np.prod(shape)) * dtype.itemsize, f"{name!r}")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def _idx_file(folder: Path, start: str, axes: int) -> Path:
    """Return the first spelling that is there."""
    names = [f"{start}{mark}idx{axes}-ubyte{end}" for end in ("", ".gz") for mark in "-."]
    found = next((folder / name for name in names if (folder / name).is_file()), None)
    if found is None:
        raise EmptyDatasetError(
            f"{folder} has no {names[0]} (or {', '.join(names[1:])}); the four IDX files of MNIST "
            "belong into one folder."
        )
    return found


def _idx(path: Path, axes: int) -> NDArray[np.uint8]:
    """Read one IDX file; its first bytes say whether it is gzipped, whatever its name says."""
    with path.open("rb") as raw, decoding("IDX", str(path)):
        packed = raw.read(2) == GZIP
        raw.seek(0)
        if not packed:
            return _idx_values(raw, axes)
        with gzip.GzipFile(fileobj=raw) as file:
            return _idx_values(cast("BinaryIO", file), axes)


def _idx_values(file: BinaryIO, axes: int) -> NDArray[np.uint8]:
    header = file.read(4 + 4 * axes)
    magic = bytes((0, 0, IDX_BYTES, axes))
    if header[:4] != magic:
        raise CorruptImageError(
            f"it starts with {header[:4].hex(' ') or 'nothing'}; expected {magic.hex(' ')} "
            f"(unsigned bytes, {axes} {'axis' if axes == 1 else 'axes'})."
        )
    if len(header) < 4 + 4 * axes:
        raise CorruptImageError(f"its header ends after {len(header)} bytes.")
    shape = tuple(np.frombuffer(header, ">u4", offset=4).tolist())
    _check("x" if axes == 3 else "y", shape, np.dtype(np.uint8))
    data = _exactly(file, int(np.prod(shape)), "it")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _exactly(file: BinaryIO, count: int, what: str) -> bytearray:
    """Read `count` bytes to the file's end; reading on from there makes zip and gzip verify them."""
    data = bytearray()
    while len(data) <= count:
        piece = file.read(min(PIECE, count + 1 - len(data)))
        if not piece:
            break
        data += piece
    if len(data) != count:
        state = "too long" if len(data) > count else f"truncated: {len(data)} are here"
        raise CorruptImageError(f"{what} should hold {count} bytes, and is {state}.")
    return data
