"""What the tags of a denoised DICOM image must say: that it is another image, and of what."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.sr.coding import Code

__all__ = ["derive"]

OUTDATED = (
    "IconImageSequence",  # it shows the noise
    "InstanceCreationDate", "InstanceCreationTime",  # of the other instance
    "ExtendedOffsetTable", "ExtendedOffsetTableLengths",  # of compressed frames
    "SmallestPixelValueInSeries", "LargestPixelValueInSeries",
    "MACParametersSequence", "DigitalSignaturesSequence",  # they signed other pixels
)  # fmt: skip
LONG_STRING, SHORT_TEXT = 64, 1024
"""How many characters a value of VR LO and ST may have."""


def derive(dataset: Dataset, record: str, pixels: bytes) -> None:
    """Turn the tags of an image into those of what was made of it.

    The instance gets a UID of its own, and so does its series, the same for all images of the old
    one; both follow from what goes in, so that doing it again gives the same file. Patient, study,
    position and everything else stay.

    Parameters
    ----------
    dataset : pydicom.Dataset
        Changed in place.
    record : str
        What was done.
    pixels : bytes
        The values that were made.

    References
    ----------
    DICOM PS3.3 2024b, sections C.7.6.1.1.2 (image type), C.7.6.1.1.4 (source image sequence) and
    C.12.1 (contributing equipment).
    """
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    source, series = (
        str(dataset.get("SOPInstanceUID", "")),
        str(dataset.get("SeriesInstanceUID", "")),
    )
    for keyword in OUTDATED:
        if keyword in dataset:
            delattr(dataset, keyword)
    values = list(dataset.get("ImageType") or ("", "SECONDARY"))
    dataset.ImageType = ["DERIVED", *values[1:]]
    before = str(dataset.get("DerivationDescription") or "")
    if record and not before.endswith(record):
        text = f"{before}; {record}" if before else record
        dataset.DerivationDescription = text.encode("ascii", "replace").decode()[-SHORT_TEXT:]
    purposes = codes.cid7202.SourceImageForImageProcessingOperation
    _prepend(dataset, "SourceImageSequence", _source(dataset, source, purposes))
    _prepend(dataset, "ContributingEquipmentSequence", _equipment(record))
    if "SeriesDescription" in dataset:
        name = str(dataset.SeriesDescription or "")
        if not name.endswith("denoised"):
            dataset.SeriesDescription = f"{name} denoised".strip()[-LONG_STRING:]
    digest = hashlib.sha256(pixels).hexdigest()
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=["ruis", source, record, digest])
    if series:
        dataset.SeriesInstanceUID = generate_uid(entropy_srcs=["ruis", series])
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID


def _source(dataset: Dataset, instance: str, purpose: Code) -> Dataset:
    from pydicom import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID = dataset.get("SOPClassUID", "")
    item.ReferencedSOPInstanceUID = instance
    item.PurposeOfReferenceCodeSequence = [_coded(purpose)]
    return item


def _equipment(record: str) -> Dataset:
    from pydicom import Dataset
    from pydicom.sr.codedict import codes

    item = Dataset()
    item.Manufacturer = "ruis"
    item.ContributionDescription = record.encode("ascii", "replace").decode()[:SHORT_TEXT]
    item.PurposeOfReferenceCodeSequence = [_coded(codes.cid7005.ProcessingEquipment)]
    return item


def _coded(code: Code) -> Dataset:
    from pydicom import Dataset

    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme_designator
    item.CodeMeaning = code.meaning
    return item


def _prepend(dataset: Dataset, keyword: str, item: Dataset) -> None:
    """Put an item before those of a sequence, which stay."""
    setattr(dataset, keyword, [item, *(dataset.get(keyword) or ())])
