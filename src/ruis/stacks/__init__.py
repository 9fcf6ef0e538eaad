"""This room reads stacks and images larger than memory window by window, and writes them so.

May touch: files, formats, image, registry; tifffile and zarr, on first use.
Must not: know models, noise or tiles; hold a whole plane; let one kind of file import another.
"""

from __future__ import annotations

from pathlib import Path

from ruis import formats
from ruis.errors import UnsupportedFormatError
from ruis.registry import Registry
from ruis.stacks.base import Pieces, Region, Sink, Stack, Stacks

__all__ = ["STACKS", "Pieces", "Region", "Sink", "Stack", "Stacks", "is_stack_name", "kind_of"]

STACKS = Registry(
    "kind of stack",
    "ruis.stacks",
    {
        "tiff": "ruis.stacks.tiff:TIFFStacks",
        "zarr": "ruis.stacks.zarr:ZarrStacks",
        "npy": "ruis.stacks.npy:NPYStacks",
    },
)
"""The kinds of files and folders whose images are read window by window. PNG and JPEG files are none."""

PICTURES = ("png", "jpeg")
"""Formats of one picture: nobody imports what reads stacks, a tenth of the time that a small file takes, to find that out."""

FOLDERS = (".zarr",)
"""Endings of folders that are one image, not a folder of images."""


def is_stack_name(path: Path) -> bool:
    """Say whether a folder of this name is an image.

    Parameters
    ----------
    path : Path
        Only its ending matters: a place where nothing is yet may become one.

    Returns
    -------
    bool
        Whether it is.

    Examples
    --------
    >>> is_stack_name(Path("plate.ome.zarr")), is_stack_name(Path("scans.d"))
    (True, False)
    """
    return path.suffix.lower() in FOLDERS


def kind_of(path: Path) -> type[Stacks] | None:
    """Return the kind of stacks that a file or folder is; None if it is none.

    Parameters
    ----------
    path : Path
        What there is.

    Returns
    -------
    type or None
        A row of `STACKS`, loaded.

    Raises
    ------
    UnsupportedFormatError
        If its name says that it is one, and its content does not.
    ImageError
        If it is a file that cannot be read.
    """
    if path.is_file() and _is_picture(path):
        return None
    for name in STACKS:
        kind: type[Stacks] = STACKS.load(name)
        if kind.recognises(path):
            return kind
    if path.is_dir() and is_stack_name(path):
        raise UnsupportedFormatError("the folder holds no Zarr array or group.", source=str(path))
    return None


def _is_picture(path: Path) -> bool:
    with formats.opened(path) as source:
        kinds = (formats.FORMATS.load(name)() for name in PICTURES)
        return any(kind.recognises(source.start) for kind in kinds)
