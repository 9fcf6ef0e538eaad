"""The pixels of a DICOM data set: what its tags announce, and how its values are decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ruis.errors import CorruptImageError, UnsupportedFormatError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydicom import Dataset

__all__ = ["Described", "decoded", "described"]

MONOCHROME, COLOURS = {"MONOCHROME1", "MONOCHROME2"}, {
    "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT",
}  # fmt: skip
SEGMENTATIONS = {"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"}
EXTENDED = "1.2.840.10008.1.2.4.51"
OURS = {
    EXTENDED: "jpeg_decode",
    "1.2.840.10008.1.2.4.57": "jpegsof3_decode",
    "1.2.840.10008.1.2.4.70": "jpegsof3_decode",
    "1.2.840.10008.1.2.4.80": "jpegls_decode",
    "1.2.840.10008.1.2.4.81": "jpegls_decode",
    "1.2.840.10008.1.2.4.201": "htj2k_decode",
    "1.2.840.10008.1.2.4.202": "htj2k_decode",
    "1.2.840.10008.1.2.4.203": "htj2k_decode",
}
"""Transfer syntax -> the function of imagecodecs that decodes a frame, where pydicom has no decoder."""

JP2 = b"\x00\x00\x00\x0cjP  "
MAX_FRAMES = 100_000


@dataclass(frozen=True)
class Described:
    """What the tags say of the pixels.

    Parameters
    ----------
    rows, columns, samples, frames : int
        Samples are 1 or 3 for each pixel of a frame.
    allocated, stored : int
        Bits of each value, and how many of them are used.
    signed : bool
        Whether values may be negative.
    photometric : str
        "MONOCHROME1" (the lowest value is white), "MONOCHROME2", "RGB", "YBR_FULL", ...
    """

    rows: int
    columns: int
    samples: int
    frames: int
    allocated: int
    stored: int
    signed: bool
    photometric: str

    @property
    def dtype(self) -> str:
        """The dtype of the values."""
        return f"{'' if self.signed else 'u'}int{self.allocated}"

    @property
    def limits(self) -> tuple[int, int]:
        """The lowest and highest value that the used bits can hold."""
        if self.signed:
            return -(1 << self.stored - 1), (1 << self.stored - 1) - 1
        return 0, (1 << self.stored) - 1

    @property
    def inverted(self) -> bool:
        """Whether the lowest value is white."""
        return self.photometric == "MONOCHROME1"


def described(dataset: Dataset) -> Described:
    """Read the tags that describe the pixels.

    Raises
    ------
    UnsupportedFormatError
        If there are none, or ruis does not denoise their kind.
    CorruptImageError
        If they contradict each other.
    """
    if "Rows" not in dataset or "BitsAllocated" not in dataset:
        promised = dataset.file_meta.get("MediaStorageSOPClassUID")
        if promised is not None and "Image" in promised.name:
            raise CorruptImageError("the file is truncated: the tags of its image are missing.")
        kind = dataset.get("Modality")
        raise UnsupportedFormatError(f"it holds no image{f', only {kind}' if kind else ''}.")
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        raise UnsupportedFormatError("its pixels are floats, which ruis reads from FITS and TIFF.")
    if str(dataset.get("SOPClassUID")) in SEGMENTATIONS or dataset.BitsAllocated == 1:
        raise UnsupportedFormatError("it is a segmentation: labels, in which there is no noise.")
    found = Described(
        int(dataset.Rows),
        int(dataset.Columns),
        int(dataset.get("SamplesPerPixel") or 1),
        int(dataset.get("NumberOfFrames") or 1),
        int(dataset.BitsAllocated),
        int(dataset.get("BitsStored") or dataset.BitsAllocated),
        bool(dataset.get("PixelRepresentation") or 0),
        str(dataset.get("PhotometricInterpretation") or "MONOCHROME2"),
    )
    _check(found, dataset)
    return found


def _check(found: Described, dataset: Dataset) -> None:
    """Refuse what contradicts itself, and what is not done."""
    if found.allocated not in {8, 16, 32} or not 1 <= found.stored <= found.allocated:
        raise CorruptImageError(
            f"{found.stored} bits stored in {found.allocated} are not possible."
        )
    high = dataset.get("HighBit")
    if high is not None and int(high) != found.stored - 1:
        raise UnsupportedFormatError(f"its highest bit is {high}, not the last of those stored.")
    if not 1 <= found.frames <= MAX_FRAMES:
        raise CorruptImageError(f"it announces {found.frames} frames.")
    if found.photometric not in (MONOCHROME if found.samples == 1 else COLOURS):
        raise UnsupportedFormatError(
            f"{found.photometric} with {found.samples} samples cannot be denoised; "
            "monochrome, RGB and YBR can."
        )
    if found.samples > 1 and found.frames > 1:
        raise UnsupportedFormatError(
            f"it holds {found.frames} colour frames; save them as single images."
        )
    groups = range(0x6000, 0x6100, 2)
    if any(int(dataset.get((group, 0x0102), _Zero).value or 0) for group in groups):
        raise UnsupportedFormatError("an overlay is drawn into the unused bits of its pixels.")


class _Zero:
    value = 0


def decoded(dataset: Dataset, told: Described) -> NDArray[Any]:
    """Decode the values: (rows, columns, frames), or (rows, columns, 3) in RGB.

    Raises
    ------
    CorruptImageError
        If they are not what the tags say.
    UnsupportedFormatError
        If nothing here decodes them.
    """
    import numpy as np

    if "PixelData" not in dataset:
        raise CorruptImageError("its pixels are missing.")
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_compressed:
        _check_frames(dataset, told)
    twelve = syntax == EXTENDED and told.stored > 8  # Pillow reads 8 bits
    values = None if twelve else _by_pydicom(dataset, syntax)
    if values is None:
        values = _by_imagecodecs(dataset, told, str(syntax))
    wanted = (told.rows, told.columns, told.samples) if told.samples > 1 else (
        told.frames, told.rows, told.columns,
    )  # fmt: skip
    if values.size != np.prod(wanted):
        raise CorruptImageError(f"its tags announce the shape {wanted}, it has {values.shape}.")
    values = _used_bits(values.reshape(wanted), told)
    return np.ascontiguousarray(values if told.samples > 1 else np.moveaxis(values, 0, -1))


def _by_pydicom(dataset: Dataset, syntax: Any) -> NDArray[Any] | None:
    """Decode with pydicom; None if it has no decoder."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.pixels.utils import pixel_array

    try:
        if not get_decoder(syntax).is_available:
            return None
    except NotImplementedError as error:
        raise UnsupportedFormatError(f"its compression ({syntax.name}) is not read.") from error
    return pixel_array(dataset)


def _by_imagecodecs(dataset: Dataset, told: Described, syntax: str) -> NDArray[Any]:
    """Decode frame by frame with imagecodecs."""
    import imagecodecs
    import numpy as np
    from pydicom.encaps import generate_frames

    if syntax not in OURS or not (told.samples == 1 or told.photometric == "RGB"):
        raise UnsupportedFormatError(
            f"its compression ({dataset.file_meta.TransferSyntaxUID.name}) is not read here."
        )
    decode = getattr(imagecodecs, OURS[syntax])
    frames = [decode(one) for one in _frames(dataset, told, generate_frames)]
    return np.stack(frames)


def _frames(dataset: Dataset, told: Described, generate: Any) -> list[bytes]:
    frames = list(generate(dataset.PixelData, number_of_frames=told.frames))
    if len(frames) != told.frames:
        raise CorruptImageError(f"it announces {told.frames} frames and has {len(frames)}.")
    return frames


def _check_frames(dataset: Dataset, told: Described) -> None:
    """Refuse frames that announce another size than the tags: decoders would believe them."""
    from pydicom.encaps import generate_frames

    for frame in _frames(dataset, told, generate_frames):
        size = _announced(_codestream(frame))
        if size is not None and size != (told.rows, told.columns):
            raise CorruptImageError(
                f"a frame of {size[1]}x{size[0]} pixels is not one of {told.columns}x{told.rows}."
            )


def _codestream(frame: bytes) -> bytes:
    """Return a frame without the boxes of JP2; one that says it is empty would be walked for ever."""
    at = 0
    while frame.startswith(JP2) and frame[at + 4 : at + 8] != b"jp2c":
        length = int.from_bytes(frame[at : at + 4])
        if length < 8 or at + length >= len(frame):
            raise CorruptImageError("a JPEG 2000 frame has a box that does not end.")
        at += length
    return frame[at + 8 :] if at else frame


def _announced(frame: bytes) -> tuple[int, int] | None:
    """Return rows and columns by the first markers of a JPEG, JPEG-LS or JPEG 2000 stream."""
    if frame[:4] == b"\xff\x4f\xff\x51":  # JPEG 2000: SIZ comes first
        right, bottom, left, top = (
            int.from_bytes(frame[start : start + 4]) for start in (8, 12, 16, 20)
        )
        return bottom - top, right - left
    at = 2
    while frame[:2] == b"\xff\xd8" and at + 9 < len(frame):
        marker, length = frame[at + 1], int.from_bytes(frame[at + 2 : at + 4])
        if frame[at] != 0xFF:
            return None
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}):
            return int.from_bytes(frame[at + 5 : at + 7]), int.from_bytes(frame[at + 7 : at + 9])
        at += 2 + length
    return None


def _used_bits(values: NDArray[Any], told: Described) -> NDArray[np.generic]:
    """Return values whose unused bits say nothing: the sign where there is one, zero else."""
    import numpy as np

    unsigned = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="))).view(
        f"u{values.dtype.itemsize}"
    )
    unsigned = unsigned.astype(f"u{told.allocated // 8}")
    unused = told.allocated - told.stored
    if unused:
        unsigned = unsigned << np.array(unused, unsigned.dtype)
    whole = unsigned.view(told.dtype)
    return whole >> np.array(unused, whole.dtype) if unused else whole
