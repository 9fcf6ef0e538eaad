"""TIFF in all its variety: 8 to 64 bits, integers and floats, one page."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from ruis.errors import AxesError, UnsupportedFormatError
from ruis.formats.base import Decoded, Format, Header, Source
from ruis.formats.blank import Blank, filled
from ruis.formats.metadata import upright
from ruis.formats.tiff.directories import check_directories, check_segments, first_image
from ruis.formats.tiff.exif import append_directories, exif_block, exif_tags
from ruis.formats.tiff.missing import missing, no_data
from ruis.formats.tiff.own import LEVEL, OwnTags, own_tags
from ruis.formats.tiff.values import (
    Layout,
    layout_of,
    meaningful,
    photometric_of,
    written_colours,
)
from ruis.image import Image, Metadata, Native

if TYPE_CHECKING:
    from tifffile import TiffPage

__all__ = ["TIFF"]

# tifffile tells of every tag that it cannot make sense of. Who sets logging up reads it; others need not.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

STARTS = {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}  # the last two: BigTIFF
DESCRIPTION, ORIENTATION, X_RESOLUTION, Y_RESOLUTION, UNIT = 270, 274, 282, 283, 296
SOFTWARE, XMP, ICC = 305, 700, 34675
COMPRESSED = {"uint8", "uint16", "int8", "int16"}


class TIFF(Format):
    """TIFF and BigTIFF, read and written with tifffile.

    Files of several images are refused, thumbnails and masks aside. Integers up to 16 bits are
    written with deflate and a predictor, all other dtypes uncompressed, since their noise-like
    low bits do not compress. Alpha that was multiplied into the colours is divided out again.
    BigTIFF, written where 4 GiB do not suffice, keeps of EXIF only the texts.
    """

    name: ClassVar[str] = "tiff"
    title: ClassVar[str] = "TIFF"
    suffixes: ClassVar[tuple[str, ...]] = (".tif", ".tiff", ".btf", ".tf8")
    media_type: ClassVar[str] = "image/tiff"
    dtypes: ClassVar[frozenset[str]] = frozenset(
        {"uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"}
        | {"float16", "float32", "float64"}
    )
    layouts: ClassVar[frozenset[str]] = frozenset(
        {"gray", "gray+alpha", "rgb", "rgb+alpha", "cmyk", "cmyk+alpha"}
        | {"channels", "channels+alpha"}
    )
    fields: ClassVar[frozenset[str]] = frozenset(
        {"exif", "icc", "xmp", "resolution", "description", "software"}
    )
    takes_channel_axis: ClassVar[bool] = True
    native: ClassVar[str | None] = "TIFF's own tags"

    def recognises(self, start: bytes) -> bool:
        """Whether it starts like a TIFF or BigTIFF of either byte order."""
        return start[:4] in STARTS

    def header(self, source: Source, channel_axis: int | None = None) -> Header:
        """Read the first directory, and make sure that it is the only one."""
        from tifffile import TiffFile

        check_directories(source.file, source.size)
        source.file.seek(0)
        with TiffFile(source.file, name=source.name or "image.tif") as file:
            page = _page(file)
            layout = _layout(page, channel_axis)
        return Header(
            self.name,
            layout.rows,
            layout.columns,
            layout.channels,
            layout.dtype,
            layout.colour,
            layout.alpha,
        )

    def decode(self, source: Source, header: Header, channel_axis: int | None = None) -> Decoded:
        """Check that all strips or tiles are in the file, then decode."""
        import numpy as np
        from tifffile import TiffFile

        source.file.seek(0)
        with TiffFile(source.file, name=source.name or "image.tif") as file:
            page = _page(file)
            layout = _layout(page, channel_axis)
            check_segments(page, source.file, source.size)
            stored = page.asarray()
            if layout.axes == "CYX":
                stored = np.ascontiguousarray(np.moveaxis(stored, 0, -1))
            pixels, notes = meaningful(
                stored.reshape(header.rows, header.columns, -1), page, layout
            )
            if len(file.pages) > 1 or page.subifds:
                notes.append("reduced copies and masks are left out")
            orientation = _value(page, ORIENTATION)
            orientation = orientation if orientation in range(1, 9) else 1
            metadata = _metadata(page, header)
            nothing, photometric = no_data(page, layout), photometric_of(page, layout)
            own = own_tags(page, photometric, turned=orientation != 1, holed=bool(nothing))
            hole = missing(pixels, layout, nothing)
            if hole is not None:
                there = upright(pixels, orientation)
                own = replace(own, blank=Blank.of(there, upright(hole, orientation)))
                pixels = filled(pixels, hole)
                notes.append(f"where there is nothing ({nothing}), nothing is put")
            first = {tag.code for tag in file.pages[0].tags}
        exif = exif_block(source.file, first)
        native = Native(self.name, own) if own else None
        return Decoded(
            pixels,
            layout.colour,
            layout.alpha,
            axes=layout.axes,
            metadata=replace(metadata, exif=exif, native=native),
            orientation=orientation,
            notes=tuple(notes),
        )

    def encode(self, image: Image, file: BinaryIO) -> None:
        """Write one page, strip by strip, then the EXIF directories behind it."""
        import numpy as np
        from tifffile import imwrite

        info = image.info
        own = _own(info.metadata)
        if own.blank is not None:
            image = Image(own.blank.restored(image.pixels), info)
        planar = "C" in info.axes and info.axes.index("C") == 0 and image.pixels.shape[2] > 1
        stored = np.moveaxis(image.pixels, -1, 0) if planar else image.pixels
        if image.pixels.shape[2] == 1:
            stored = image.pixels[..., 0]
        tags, directories = exif_tags(info.metadata.exif)
        imwrite(
            file,
            np.ascontiguousarray(stored),
            byteorder="<",
            metadata=None,
            extratags=tags + own.extratags + _xmp(info.metadata),
            **written_colours(
                info.colour, image.channels, alpha=info.alpha, photometric=own.photometric
            ),
            **_planes(image, planar=planar),
            **_compression(image),
            **_described(image),
        )
        append_directories(file, directories)

    def stripped(self, native: Native) -> Native | None:
        """Keep what the pixels look like."""
        kept = _content(native).stripped
        return Native(self.name, kept) if kept else None

    def lost(self, native: Native) -> str | None:
        """Tell of tags, and of pixels that are none."""
        own = _content(native)
        said = [self.native] * bool(own.tags) + ["pixels that mean nothing"] * bool(own.blank)
        return " and ".join(filter(None, said)) or None


def _content(native: Native) -> OwnTags:
    assert isinstance(native.content, OwnTags)
    return native.content


def _own(metadata: Metadata) -> OwnTags:
    """Return the tags that the image's own TIFF had."""
    return OwnTags() if metadata.native is None else _content(metadata.native)


def _page(file: Any) -> TiffPage:
    """Return the only page, thumbnails aside; refuse what is more than one image in other ways."""
    page = first_image(file)
    description = page.description
    if description.startswith("ImageJ="):
        frames = re.search(r"^images=(\d+)", description, re.MULTILINE)
        if frames and int(frames[1]) > 1:
            raise UnsupportedFormatError(
                f"it is an ImageJ stack of {frames[1]} images, and is read plane by plane only: by "
                "ruis denoise."
            )
    if 50706 in page.tags:
        raise UnsupportedFormatError("it is a raw camera file (DNG); develop it to TIFF first.")
    return page


def _layout(page: TiffPage, channel_axis: int | None) -> Layout:
    """Return what the samples mean; with `channel_axis` they are all data."""
    layout = layout_of(page)
    if channel_axis is None:
        return layout
    expected = layout.axes.find("C")
    if not -3 <= channel_axis < 3 or channel_axis % 3 != expected:
        raise AxesError(f"its axes are {layout.axes}; channel_axis={channel_axis} is not C.")
    return layout.all_data()


def _value(page: TiffPage, code: int) -> Any:
    """Return a tag's value, or None."""
    return page.tags[code].value if code in page.tags else None


def _metadata(page: TiffPage, header: Header) -> Metadata:
    """Return the metadata but EXIF."""
    description = page.description or None
    if description and not _still_true(description, header):
        description = None
    software = _value(page, SOFTWARE)
    icc, xmp = _value(page, ICC), _value(page, XMP)
    return Metadata(
        icc=icc if isinstance(icc, bytes) else None,
        xmp=xmp if isinstance(xmp, bytes) else None,
        resolution=_resolution(page),
        description=description,
        software=software if isinstance(software, str) and software else None,
    )


def _still_true(description: str, header: Header) -> bool:
    """Whether a description that states a shape states the right one."""
    if description.startswith('{"shape"'):  # tifffile's private note, of no use to anyone else
        return False
    sizes = dict(re.findall(r"\bSize([XY])=\"(\d+)\"", description))
    return not sizes or sizes == {"X": str(header.columns), "Y": str(header.rows)}


def _resolution(page: TiffPage) -> tuple[float, float] | None:
    """Return pixels per inch, if a unit is given."""
    unit = _value(page, UNIT)  # tifffile's enumeration of units is false where there is none
    factor = {2: 1.0, 3: 2.54}.get(2 if unit is None else int(unit))
    found = []
    for code in (X_RESOLUTION, Y_RESOLUTION):
        value = _value(page, code)
        if not isinstance(value, tuple) or len(value) != 2 or not value[0] or not value[1]:
            return None
        found.append(value[0] / value[1])
    if factor is None:
        return None
    return (found[0] * factor, found[1] * factor)


def _planes(image: Image, *, planar: bool) -> dict[str, Any]:
    """Return how the channels are arranged."""
    if image.pixels.shape[2] == 1:
        return {}
    return {"planarconfig": "separate" if planar else "contig"}


def _compression(image: Image) -> dict[str, Any]:
    """Return what the image's own TIFF had, or else deflate where it pays."""
    if (storage := _own(image.info.metadata).storage) is not None:
        return storage.settings
    if image.pixels.dtype.name not in COMPRESSED:
        return {}
    return {"compression": "zlib", "compressionargs": {"level": LEVEL}, "predictor": True}


def _described(image: Image) -> dict[str, Any]:
    """Return description, software, resolution and profile, as far as there are any."""
    metadata = image.info.metadata
    result: dict[str, Any] = {"software": (metadata.software or "").encode() or False}
    description = metadata.description
    if description and _still_true(
        description, Header("tiff", image.rows, image.columns, 1, "uint8", "gray")
    ):
        result["description"] = description.encode()
    if metadata.resolution:
        result |= {"resolution": metadata.resolution, "resolutionunit": "INCH"}
    elif unitless := _own(metadata).resolution:
        result |= {"resolution": unitless, "resolutionunit": "NONE"}
    if metadata.icc:
        result["iccprofile"] = metadata.icc
    return result


def _xmp(metadata: Metadata) -> list[tuple[int, int, int, bytes, bool]]:
    """Return the XMP packet as tifffile wants it."""
    return [(XMP, 1, len(metadata.xmp), metadata.xmp, True)] if metadata.xmp else []
