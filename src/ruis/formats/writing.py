"""What an image takes along when it is written, whatever its format."""

from __future__ import annotations

import functools
from dataclasses import replace

from ruis.formats.base import Format
from ruis.formats.metadata import exif_with, recorded, stripped
from ruis.image import Image, Metadata

__all__ = ["prepared"]


def prepared(image: Image, format: Format, record: str, *, strip: bool) -> Image:
    """Return the image with the metadata that shall be written.

    Parameters
    ----------
    image : Image
        What is to be written.
    format : Format
        In which format.
    record : str
        What was done to it; empty: nothing is added.
    strip : bool
        Whether what says something about a person is left out.
    """
    metadata, native = image.info.metadata, image.info.metadata.native
    before = None if strip else metadata.exif
    metadata = stripped(metadata) if strip else recorded(metadata, record)
    if native is not None:
        if native.format != format.name:
            native = None
        elif strip:
            native = format.stripped(native)
        metadata = replace(metadata, native=native)
    if format.uses_exif:
        metadata = replace(metadata, exif=_exif(metadata, before, format.max_exif))
    return replace(image, info=replace(image.info, metadata=metadata))


def _exif(metadata: Metadata, before: bytes | None, most: int | None) -> bytes | None:
    """Return the EXIF block with what goes into it, as far as that leaves it small enough, or as it was."""
    say = functools.partial(
        exif_with, metadata.exif, software=metadata.software, resolution=metadata.resolution
    )
    whole = say(description=metadata.description)
    for block in (whole, say(), before):
        if block is None or most is None or len(block) <= most:
            return block
    return whole
