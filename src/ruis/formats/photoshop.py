"""Photoshop's image resources: where IPTC's captions, names and rights are kept in a JPEG."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["without_copies"]

COPIES = {0x0409, 0x040C, 0x0422, 0x0423, 0x0424}
"""Thumbnails, which show the noise, and copies of EXIF and XMP, which are kept where they belong."""

SIGNATURES = {b"8BIM", b"PHUT", b"AgHg", b"DCSR"}


def without_copies(data: bytes) -> bytes:
    r"""Return image resources without those that repeat what is elsewhere.

    Parameters
    ----------
    data : bytes
        Resources, one behind the other: a signature, a number, a name, a length and the content, padded to
        even lengths (Adobe Photoshop File Formats Specification, "Image Resource Blocks").

    Raises
    ------
    ValueError
        If they are broken.

    Examples
    --------
    >>> caption = b"8BIM\x04\x04\0\0\0\0\0\x02ab"
    >>> thumbnail = b"8BIM\x04\x0c\0\0\0\0\0\x01c\0"
    >>> without_copies(thumbnail + caption) == caption
    True
    """
    return b"".join(one for number, one in _resources(data) if number not in COPIES)


def _resources(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the number of each resource, and all of its bytes."""
    at, last = 0, len(data.rstrip(b"\0"))
    while at < last:
        name = data[at + 6] + 1 if at + 6 < len(data) else 0  # its length counts as a part of it
        length_at = at + 6 + name + name % 2
        content_at = length_at + 4
        length = int.from_bytes(data[length_at:content_at], "big")
        end = content_at + length + length % 2
        if data[at : at + 4] not in SIGNATURES or content_at + length > len(data):
            raise ValueError("no image resource")
        yield int.from_bytes(data[at + 4 : at + 6], "big"), data[at:end].ljust(end - at, b"\0")
        at = end
