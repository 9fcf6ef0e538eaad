"""The rows of a PNG, filtered and compressed in strips, each by a processor of its own.

libpng compresses an image from the first row to the last, while all other processors wait; with a small network
that takes as long as to denoise it. Strips can be compressed apart and put one behind the other: none refers to
what is in another, and all but the last end with an empty block, at a whole byte, as pigz does it.

Sources: Portable Network Graphics, third edition, W3C, 2025, sections 9 and 10; P. Deutsch and J.-L. Gailly, ZLIB,
1996, RFC 1950; P. Deutsch, DEFLATE, 1996, RFC 1951; M. Adler, pigz, https://zlib.net/pigz.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis.processor import threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["compressed"]

STRIP = 1 << 20
"""Bytes of rows that are compressed together."""

BAND = 1 << 16
"""Bytes of rows that are filtered together: so many stay in the fast parts of memory, with all that is made of them."""

PAETH = 4
"""What is put before a row that went through Paeth's filter."""

ZLIB = b"\x78\x01"
"""The head of zlib's format: a window of 32 KiB, compressed fast."""

ADLER = 65521
"""The modulus of Adler-32."""

Strip = tuple[bytes, int, int]
"""A compressed strip, and the Adler-32 and the length of what it was made from."""


def compressed(pixels: NDArray[Any], level: int, strategy: int) -> Iterator[bytes]:
    """Yield what a PNG's chunks of pixels hold, strip by strip.

    Parameters
    ----------
    pixels : numpy.ndarray
        Shape (rows, columns) or (rows, columns, channels), uint8 or uint16.
    level, strategy : int
        As for :func:`zlib.compressobj`.
    """
    per_strip = max(1, STRIP // pixels[0].nbytes)
    starts = range(0, len(pixels), per_strip)

    def strip(start: int) -> Strip:
        filtered = _filtered(pixels, start, min(start + per_strip, len(pixels))).data
        end = zlib.Z_FINISH if start == starts[-1] else zlib.Z_SYNC_FLUSH
        deflater = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS, 9, strategy)
        content = deflater.compress(filtered) + deflater.flush(end)
        return content, zlib.adler32(filtered), filtered.nbytes

    checksum = zlib.adler32(b"")
    for start, (content, own, length) in zip(starts, _by_all(strip, starts), strict=True):
        checksum = _joined(checksum, own, length)
        head = b"" if start else ZLIB
        tail = checksum.to_bytes(4, "big") if start == starts[-1] else b""
        yield head + content + tail


def _by_all(strip: Callable[[int], Strip], starts: Iterable[int]) -> Iterator[Strip]:
    """Make strips by all processors, or one after the other where there is one, or no thread to be had."""
    if threads() == 1:
        yield from map(strip, starts)
        return
    try:
        from concurrent.futures import ThreadPoolExecutor

        processors = ThreadPoolExecutor(threads())
        coming = [processors.submit(strip, start) for start in starts]
    except RuntimeError:  # the interpreter is about to end, or the system gives no more threads
        yield from map(strip, starts)
        return
    try:
        for one in coming:
            yield one.result()
    finally:
        processors.shutdown(cancel_futures=True)


def _joined(first: int, second: int, length: int) -> int:
    """Return the Adler-32 of two parts put together, from that of each and how long the second is."""
    low, sums = first & 0xFFFF, first >> 16
    sums += (second >> 16) + (length % ADLER) * (low - 1)
    return (sums % ADLER) << 16 | ((low + (second & 0xFFFF) - 1) % ADLER)


def _filtered(pixels: NDArray[Any], start: int, stop: int) -> NDArray[np.uint8]:
    """Return rows as they are compressed: each with the kind of its filter before it."""
    rows = _bytes(pixels[start:stop])
    above = _bytes(pixels[start - 1 : start])[0] if start else np.zeros_like(rows[0])
    step = pixels[0, 0].nbytes
    result = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    result[:, 0] = PAETH
    per_band = max(1, BAND // rows.shape[1])
    for first in range(0, len(rows), per_band):
        band = slice(first, first + per_band)
        _paeth(rows[band], rows[first - 1] if first else above, step, result[band, 1:])
    return result


def _bytes(rows: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the bytes of rows, the higher one of two first: shape (rows, bytes)."""
    flat = np.ascontiguousarray(rows.reshape(len(rows), -1))
    return flat if flat.dtype == np.uint8 else flat.astype(">u2").view(np.uint8)


def _paeth(
    rows: NDArray[np.uint8], above: NDArray[np.uint8], step: int, into: NDArray[np.uint8]
) -> None:
    """Subtract from each byte that of its neighbours (left, up, and in the corner between) nearest to left + up - corner.

    Nothing leaves 8 bits. From there to the left it is as far as from up to the corner, and up as far as from left
    to the corner. To the corner it is as far as both together, farthest of all, or as they differ where they have
    different signs.
    """
    framed = np.zeros((rows.shape[0] + 1, rows.shape[1] + step), np.uint8)
    framed[0, step:], framed[1:, step:] = above, rows
    left, up, corner = framed[1:, :-step], framed[:-1, step:], framed[:-1, :-step]
    from_left, from_up = _distance(up, corner), _distance(left, corner)
    from_corner = _distance(from_left, from_up)
    same_sign = (up >= corner) == (left >= corner)
    from_corner |= _all_bits(same_sign)
    take_left = _all_bits((from_left <= from_up) & (from_left <= from_corner))
    nearest = corner ^ ((up ^ corner) & _all_bits(from_up <= from_corner))
    nearest ^= (nearest ^ left) & take_left
    np.subtract(rows, nearest, out=into)


def _distance(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    distance: NDArray[np.uint8] = np.maximum(one, other)
    distance -= np.minimum(one, other)
    return distance


def _all_bits(which: NDArray[np.bool]) -> NDArray[np.uint8]:
    """Return 255 where something is true, else 0."""
    return np.negative(which.view(np.uint8))
