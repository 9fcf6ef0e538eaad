"""What only a TIFF can hold: where on earth its pixels are, ImageJ's notes, names of pages; how they are stored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ruis.formats.tiff.missing import NO_DATA

if TYPE_CHECKING:
    from tifffile import TiffPage

    from ruis.formats.blank import Blank
    from ruis.formats.tiff.exif import Tag

__all__ = ["DEFLATE", "LEVEL", "LOSSLESS", "UNPREDICTED", "OwnTags", "Storage", "own_tags"]

LOSSLESS = {1: 1, 5: 5, 8: 8, 32946: 8, 32773: 32773, 34925: 34925, 50000: 50000}
"""Compressions that are written as they were read (the two numbers of deflate are one)."""

DEFLATE = 8
UNPREDICTED = {1, 32773}
"""None, and PackBits: what takes no differences of neighbours."""

LEVEL = 4
"""Of deflate: higher ones take much longer, and save little."""

EARTH = {33550, 33922, 34264, 34735, 34736, 34737, 42112}
"""GeoTIFF's, and GDAL's notes."""

OTHERS = {269, 285, 297, 33723, 34377, 51123}
"""The document's and the page's name and number, IPTC, Photoshop's resources, MicroManager's notes."""

BYTE_COUNTS, IMAGEJ = 50838, 50839
NO_UNIT = 1
UNIT_SIZES = {1: 1, 2: 1, 6: 1, 7: 1, 3: 2, 8: 2, 4: 4, 9: 4, 11: 4, 13: 4, 5: 4, 10: 4, 12: 8}
"""Bytes that belong together, by the types of a classic TIFF."""

X_RESOLUTION, Y_RESOLUTION, UNIT = 282, 283, 296


@dataclass(frozen=True)
class Storage:
    """How pixels lie in a file, and lose nothing.

    Parameters
    ----------
    compression : int
        As TIFF numbers it; a value of `LOSSLESS`.
    predictor : bool
        Whether differences of neighbours are compressed.
    tile : tuple of int, optional
        Rows and columns of a tile; strips without.
    """

    compression: int
    predictor: bool
    tile: tuple[int, int] | None = None

    @classmethod
    def of(cls, page: TiffPage) -> Storage | None:
        """Return how a page is stored; None where a compression loses something, or is not written.

        Parameters
        ----------
        page : tifffile.TiffPage
            Of an open file.
        """
        compression = LOSSLESS.get(int(page.compression))
        if compression is None:
            return None
        tile = (int(page.tilelength), int(page.tilewidth)) if page.is_tiled else None
        return cls(compression, int(page.predictor) > 1, tile)

    @property
    def settings(self) -> dict[str, Any]:
        """As tifffile wants them."""
        found: dict[str, Any] = {"compression": self.compression}
        if self.compression not in UNPREDICTED:
            found["predictor"] = self.predictor
        if self.compression == DEFLATE:
            found["compressionargs"] = {"level": LEVEL}
        return found if self.tile is None else {**found, "tile": self.tile}


@dataclass(frozen=True)
class OwnTags:
    """What a page says that other formats cannot.

    Parameters
    ----------
    tags : tuple
        Code, type, count and little-endian bytes of each.
    resolution : tuple, optional
        Two fractions, where they have no unit: ImageJ's are in the unit of its description.
    photometric : str, optional
        What tifffile calls the colours, where the image's own do not say it: RGB with further
        samples, floats of which the lowest is white.
    blank : Blank, optional
        The pixels that mean nothing, as one of the tags says.
    storage : Storage, optional
        How the pixels were stored, where that loses nothing.
    """

    tags: tuple[tuple[int, int, int, bytes], ...] = ()
    resolution: tuple[tuple[int, int], tuple[int, int]] | None = None
    photometric: str | None = None
    blank: Blank | None = None
    storage: Storage | None = None

    @property
    def extratags(self) -> list[Tag]:
        """As tifffile wants them."""
        return [(*tag, True) for tag in self.tags]

    @property
    def stripped(self) -> OwnTags:
        """The same without names, places and texts; what means nothing is not one of them."""
        return replace(self, tags=tuple(tag for tag in self.tags if tag[0] == NO_DATA))

    def __bool__(self) -> bool:
        return self != OwnTags()


def own_tags(page: TiffPage, photometric: str | None, *, turned: bool, holed: bool) -> OwnTags:
    """Collect what a page says that other formats cannot.

    Parameters
    ----------
    page : tifffile.TiffPage
        Of an open file.
    photometric : str, optional
        See :class:`OwnTags`.
    turned : bool
        Whether the pixels will be turned upright: then they are no longer where the tags say.
    holed : bool
        Whether the value that means nothing still does.
    """
    wanted = OTHERS | (set() if turned else EARTH) | ({NO_DATA} if holed else set())
    tags = [tag for tag in page.tags if tag.code in wanted and int(tag.dtype) in UNIT_SIZES]
    found = [(tag.code, int(tag.dtype), int(tag.count), _bytes(page, tag)) for tag in tags]
    return OwnTags(
        (*found, *_imagej(page)), _resolution(page), photometric, storage=Storage.of(page)
    )


def _bytes(page: TiffPage, tag: Any) -> bytes:
    """Return a tag's value as it is stored, in little-endian order."""
    import numpy as np

    handle, size = page.parent.filehandle, UNIT_SIZES[int(tag.dtype)]
    handle.seek(tag.valueoffset)
    value: bytes = handle.read(tag.valuebytecount)
    if page.parent.byteorder == ">" and size > 1:
        value = np.frombuffer(value, f">u{size}").astype(f"<u{size}").tobytes()
    return value


def _imagej(page: TiffPage) -> list[tuple[int, int, int, bytes]]:
    """Return ImageJ's notes; the byte order of the file is in them, too."""
    from tifffile.tifffile import imagej_metadata_tag

    if not {BYTE_COUNTS, IMAGEJ} <= {tag.code for tag in page.tags}:
        return []
    if page.parent.byteorder == "<":
        tags = [page.tags[code] for code in (BYTE_COUNTS, IMAGEJ)]
        return [(tag.code, int(tag.dtype), int(tag.count), _bytes(page, tag)) for tag in tags]
    value = page.tags[IMAGEJ].value
    if not isinstance(value, dict):  # tifffile did not understand them
        return []
    made = imagej_metadata_tag(value, "<")
    return [(code, kind, count, data) for code, kind, count, data, _ in made]


def _resolution(page: TiffPage) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return the resolution if it has no unit."""
    unit = page.tags.get(UNIT)
    if unit is None or int(unit.value) != NO_UNIT:
        return None
    across, down = (page.tags.get(code) for code in (X_RESOLUTION, Y_RESOLUTION))
    for tag in (across, down):
        if (
            tag is None
            or not isinstance(tag.value, tuple)
            or len(tag.value) != 2
            or not all(tag.value)
        ):
            return None
    return tuple(across.value), tuple(down.value)
