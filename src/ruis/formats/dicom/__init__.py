"""DICOM: medical images, with every tag that stays true."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from ruis.errors import CorruptImageError, UnsupportedFormatError
from ruis.formats.base import Decoded, Format, Header, Source, decoding, not_installed
from ruis.formats.blank import Blank, filled
from ruis.formats.dicom.derived import derive
from ruis.formats.dicom.pixels import Described, decoded, described
from ruis.image import Colour, Image, Metadata, Native

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydicom import Dataset, FileDataset

__all__ = ["DICOM"]

MAGIC, MAGIC_AT, META_AT = b"DICM", 128, 132
DEFLATED = b"1.2.840.10008.1.2.1.99"
LONG_VRS = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT"}
MAX_META = 2**16
AIR, DENSE = -1024.0, 3071.0
"""Black and white of computed tomography in Hounsfield units: what its 12 bits were made for."""


@dataclass(frozen=True)
class Kept:
    """What a DICOM file says beside its pixels.

    Parameters
    ----------
    file : bytes
        The file without its pixels.
    told : Described
        How its pixels were stored.
    blank : Blank, optional
        The padding around the image.
    """

    file: bytes
    told: Described
    blank: Blank | None = None


class DICOM(Format):
    """One DICOM image, read and written with pydicom.

    Stored values are denoised: rescale slope and intercept, windows and lookup tables stay true of
    what comes out. Black is zero and white the most that the bits in use can hold; they are -1024 and 3071 HU
    in computed tomography. MONOCHROME1 is turned over for the network and back. Pixels that are
    padding stay as they are. The frames of a stack are denoised one by one. What was compressed
    is written uncompressed; that it once was lossy stays said.

    Only what was read from DICOM is written: there would be no patient, study or position else.
    """

    name: ClassVar[str] = "dicom"
    title: ClassVar[str] = "DICOM"
    suffixes: ClassVar[tuple[str, ...]] = (".dcm", ".dicom")
    media_type: ClassVar[str] = "application/dicom"
    dtypes: ClassVar[frozenset[str]] = frozenset(
        {"uint8", "uint16", "uint32", "int8", "int16", "int32"}
    )
    layouts: ClassVar[frozenset[str]] = frozenset({"gray", "rgb", "channels"})
    native: ClassVar[str] = "the tags of DICOM"

    def recognises(self, start: bytes) -> bool:
        """Whether the word DICM stands after the preamble."""
        return start[MAGIC_AT:META_AT] == MAGIC

    def header(self, source: Source, channel_axis: int | None = None) -> Header:
        """Read the tags before the pixels."""
        _refuse_deflated(source)
        dataset = _read(source, stop_before_pixels=True)
        with _quietly():
            told = described(dataset)
        channels = told.samples if told.samples > 1 else told.frames
        colour: Colour = "rgb" if told.samples > 1 else "gray" if channels == 1 else "channels"
        return Header(
            self.name, told.rows, told.columns, channels, told.dtype, colour, frames=told.frames
        )

    def decode(self, source: Source, header: Header, channel_axis: int | None = None) -> Decoded:
        """Decode the pixels, and keep the tags."""
        import numpy as np

        dataset = _read(source)
        with _quietly():
            told = described(dataset)
            pixels = decoded(dataset, told)
            notes = _notes(dataset, told)
            mask = _padding(dataset, told, pixels)
            black, white, said = _data_range(dataset, told)
            del dataset.PixelData
            file = io.BytesIO()
            dataset.save_as(file)
        if told.inverted:
            pixels = _turned_over(pixels, told)
            black, white = (sum(told.limits) - one for one in (white, black))
        blank = None
        if mask is not None and mask.any() and not mask.all():
            blank = Blank.of(pixels, mask)
            pixels = filled(pixels, mask)
            notes.append(
                f"{np.count_nonzero(mask)} pixels are padding: they stay as they are in DICOM, and "
                "are filled from their neighbours in other formats"
            )
        return Decoded(
            pixels,
            header.colour,
            axes="CYX" if header.channels > 1 and told.samples == 1 else "YXC",
            data_range=(black, white),
            metadata=Metadata(native=Native(self.name, Kept(file.getvalue(), told, blank))),
            notes=(*notes, *said),
        )

    def refusal(self, image: Image) -> str | None:
        """Say why not; without the tags of the file that the pixels came from, there is no DICOM."""
        native = image.info.metadata.native
        kept = native.content if native else None
        reason = super().refusal(image)
        if reason:
            return reason
        if not isinstance(kept, Kept):
            return (
                "DICOM is written only from DICOM, with all of its tags: they say whose image it "
                "is. ruis does not take names out of it; use .png or .tiff, or a tool made for it."
            )
        told = kept.told
        channels = told.samples if told.samples > 1 else told.frames
        wanted = (told.rows, told.columns, channels), told.dtype
        if (image.pixels.shape, image.pixels.dtype.name) != wanted:
            return (
                f"{image.pixels.dtype} pixels of shape {image.pixels.shape} are not what the tags "
                f"of the DICOM file say ({wanted[1]}, {wanted[0]})."
            )
        return None

    def encode(self, image: Image, file: BinaryIO) -> None:
        """Write the tags, changed where they would be false, and the pixels uncompressed.

        Raises
        ------
        CorruptImageError
            If a tag holds what DICOM does not allow to be written.
        """
        from pydicom import dcmwrite

        native = image.info.metadata.native
        kept = native.content if native else None
        assert isinstance(kept, Kept)  # `refusal` was asked
        with decoding(self.title, image.info.source), _quietly():
            dataset = _read(Source.of_bytes(kept.file))
            _fill(dataset, kept, image.pixels, image.info.metadata.software or "")
            dcmwrite(file, dataset, enforce_file_format=True)


def _fill(dataset: FileDataset, kept: Kept, pixels: NDArray[Any], record: str) -> None:
    """Put pixels into the tags that they belong to, and change those that would be false."""
    from pydicom.uid import ExplicitVRLittleEndian

    told = kept.told
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_compressed:
        syntax = dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    stored = _stored(pixels, kept)
    order = stored.dtype.newbyteorder("<" if syntax.is_little_endian else ">")
    data = stored.astype(order).tobytes()
    derive(dataset, record, data)
    if told.samples > 1:
        dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "RGB", 0
    if "SmallestImagePixelValue" in dataset:
        dataset.SmallestImagePixelValue = int(stored.min())
    if "LargestImagePixelValue" in dataset:
        dataset.LargestImagePixelValue = int(stored.max())
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    narrow = told.allocated == 8 and not syntax.is_implicit_VR
    dataset["PixelData"].VR = "OB" if narrow else "OW"


@contextmanager
def _quietly() -> Iterator[None]:
    """Pydicom warns about odd tags; there is nobody who could act on it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _read(source: Source, *, stop_before_pixels: bool = False) -> FileDataset:
    try:
        from pydicom import dcmread
    except ImportError as error:
        raise not_installed("DICOM", "dicom") from error
    source.file.seek(0)
    with _quietly():
        dataset = dcmread(source.file, stop_before_pixels=stop_before_pixels)
    if "TransferSyntaxUID" not in dataset.file_meta:
        raise CorruptImageError("it does not say how it is written (no transfer syntax).")
    return dataset


def _refuse_deflated(source: Source) -> None:
    """Refuse a data set that is compressed as a whole: nothing says how large it will be."""
    meta, at = source.at(META_AT, MAX_META), 0
    while meta[at : at + 2] == b"\x02\x00":
        long = meta[at + 4 : at + 6] in LONG_VRS
        start = at + (12 if long else 8)
        length = int.from_bytes(meta[at + 8 : at + 12] if long else meta[at + 6 : at + 8], "little")
        if (
            meta[at : at + 4] == b"\x02\x00\x10\x00"
            and meta[start : start + length].rstrip(b"\0 ") == DEFLATED
        ):
            raise UnsupportedFormatError("its data set is deflated; write it in another syntax.")
        at = start + length
    if at >= MAX_META:
        raise CorruptImageError("its file meta information does not end.")


def _notes(dataset: Dataset, told: Described) -> list[str]:
    """Say what is read in another way than it is stored."""
    notes = []
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_compressed:
        notes.append(f"decompressed ({syntax.name}); DICOM is written uncompressed")
    if told.samples > 1 and told.photometric != "RGB":
        notes.append(f"{told.photometric} turned into RGB")
    if told.samples == 1 and told.frames > 1:
        notes.append(f"{told.frames} frames, each denoised by itself")
    return notes


def _padding(dataset: Dataset, told: Described, pixels: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Say which stored values are padding around the image; None if none can be."""
    import numpy as np

    value = dataset.get("PixelPaddingValue")
    if not isinstance(value, int) or told.samples > 1:
        return None
    other = dataset.get("PixelPaddingRangeLimit", value)
    ends = [
        _with_sign(int(one), told) for one in (value, other if isinstance(other, int) else value)
    ]
    return np.asarray((pixels >= min(ends)) & (pixels <= max(ends)))


def _with_sign(value: int, told: Described) -> int:
    """Return a value of VR US or SS as the pixels would hold it: files mix these two up."""
    whole = 1 << told.allocated
    value %= whole
    return value - whole if told.signed and value >= whole // 2 else value


def _data_range(dataset: Dataset, told: Described) -> tuple[float, float, tuple[str, ...]]:
    """Return what is black and white in stored values, and a sentence if it needs one."""
    low, high = 0.0, float(told.limits[1])
    if dataset.get("Modality") != "CT" or dataset.get("RescaleType", "HU") not in ("HU", None):
        return low, high, ()
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    if slope is None or intercept is None or not float(slope) > 0:
        return low, high, ()
    ends = [(unit - float(intercept)) / float(slope) for unit in (AIR, DENSE)]
    return ends[0], ends[1], (f"data range {AIR:g}..{DENSE:g} HU",)


def _turned_over(pixels: NDArray[Any], told: Described) -> NDArray[Any]:
    """Exchange black and white; its own inverse."""
    import numpy as np

    return (np.int64(sum(told.limits)) - pixels.astype(np.int64)).astype(pixels.dtype)


def _stored(pixels: NDArray[Any], kept: Kept) -> NDArray[Any]:
    """Return the values as they go into the file: (frames, rows, columns) or (rows, columns, 3)."""
    import numpy as np

    told = kept.told
    pixels = np.clip(pixels, *told.limits)
    if kept.blank:
        pixels = kept.blank.restored(pixels)
    if told.inverted:
        pixels = _turned_over(pixels, told)
    return np.ascontiguousarray(pixels if told.samples > 1 else np.moveaxis(pixels, -1, 0))
