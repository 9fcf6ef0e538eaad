"""The image in the body of a request: raw or in a form, counted while it arrives, and in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from email.message import Message
from typing import Any

from ruis.web.problems import Problem
from ruis.web.settings import Settings

__all__ = ["Arriving", "ClientGone", "check_head", "read"]

FORM = "multipart/form-data"
RAW = ("application/octet-stream", "application/x-npy")
FIELD = "image"
SOON = 1.0
"""Seconds for which an arriving body may keep a place that others could have."""

MAX_PART_HEADERS, MAX_PART_HEADER = 8, 1024

Receive = Callable[[], Any]


class ClientGone(Exception):  # noqa: N818 - nothing went wrong here
    """The client closed the connection."""


class Arriving:
    """The memory of all bodies that are arriving.

    Parameters
    ----------
    most : int
        Bytes, all together.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.bytes = 0

    def add(self, count: int) -> None:
        """Count bytes that arrived.

        Raises
        ------
        Problem
            429 if there is no memory for them.
        """
        if self.bytes + count > self._most:
            raise Problem.of(429, "Too much is being uploaded at once; try again.", Retry_After="2")
        self.bytes += count

    def remove(self, count: int) -> None:
        """Count bytes that are here no longer, or belong to an image now."""
        self.bytes -= count


def check_head(headers: Any, settings: Settings) -> None:
    """Refuse what the head of a request already tells, before the body.

    Raises
    ------
    Problem
        415 if it is not sent as an image; 413 if it announces too many bytes.
    """
    kind, _ = _content_type(headers.get("content-type", ""))
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem.of(415, "Send the image as it is: no Content-Encoding is understood.")
    if not (kind == "" or kind in RAW or kind == FORM or kind.startswith("image/")):
        raise Problem.of(
            415,
            f"Send the image's bytes with Content-Type image/*, or application/octet-stream, or a "
            f"form with one part {FIELD!r} ({FORM}).",
        )
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > settings.max_bytes:
        raise _too_large(settings)


async def read(
    headers: Any,
    receive: Receive,
    settings: Settings,
    arriving: Arriving,
    slow: Callable[[], None],
) -> bytes:
    """Read the image.

    Parameters
    ----------
    headers : mapping of str to str
        Of the request; `check_head` liked them.
    receive : callable
        The ASGI channel.
    settings : Settings
        The limits.
    arriving : Arriving
        What all bodies take.
    slow : callable
        Called if the body takes more than a second: it shall not keep others from their place.

    Raises
    ------
    Problem
        408 if it takes too long; 413 if it is too large; 422 if the form is not as it should be.
    ClientGone
        If the client went away.
    """
    kind, boundary = _content_type(headers.get("content-type", ""))
    into = _Form(boundary, settings.parts) if kind == FORM else _Raw()
    loop = asyncio.get_running_loop()
    timer = loop.call_later(SOON, slow)
    count = 0
    try:
        async with asyncio.timeout(settings.body_seconds):
            async for chunk in _chunks(receive):
                if count + len(chunk) > settings.max_bytes:
                    raise _too_large(settings)
                arriving.add(len(chunk))
                count += len(chunk)
                into.take(chunk)
        return into.image()
    except TimeoutError:
        raise Problem.of(
            408, f"The body did not arrive within {settings.body_seconds:g} seconds."
        ) from None
    finally:
        timer.cancel()
        arriving.remove(count)


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        more = message.get("more_body", False)
        if message.get("body"):
            yield message["body"]


def _content_type(value: str) -> tuple[str, str]:
    """Return the media type, in lower case, and the boundary of a form."""
    message = Message()
    message["content-type"] = value or "x/x"
    kind = value.partition(";")[0].strip().lower()
    boundary = message.get_param("boundary", "")
    return kind, boundary if isinstance(boundary, str) else ""


def _too_large(settings: Settings) -> Problem:
    return Problem.of(413, f"A body may have {settings.max_bytes} bytes at most.")


class _Raw:
    """A body that is the image."""

    def __init__(self) -> None:
        self._data = bytearray()

    def take(self, chunk: bytes) -> None:
        self._data += chunk

    def image(self) -> bytes:
        if not self._data:
            raise Problem.of(422, "The body is empty; send the image's bytes.")
        return bytes(self._data)


class _Form:
    """A form with one part that is the image; names of files are not even looked at."""

    def __init__(self, boundary: str, parts: int) -> None:
        from python_multipart.multipart import MultipartParser

        if not 1 <= len(boundary) <= 70 or not boundary.isascii():
            raise Problem.of(422, f"{FORM} needs a boundary of 1 to 70 characters.")
        self._most = parts
        self._parts = 0
        self._found: list[bytearray] = []
        self._header = [bytearray(), bytearray()]
        self._wanted = False
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._part(0, data[start:end]),
                "on_header_value": lambda data, start, end: self._part(1, data[start:end]),
                "on_header_end": self._header_end,
                "on_part_data": self._data,
                "on_end": self._end,
            },
            max_header_count=MAX_PART_HEADERS,
            max_header_size=MAX_PART_HEADER,
        )

    def take(self, chunk: bytes) -> None:
        from python_multipart.exceptions import FormParserError

        try:
            self._parser.write(chunk)
        except FormParserError:
            raise Problem.of(422, "The form is broken: it cannot be cut into parts.") from None

    def image(self) -> bytes:
        if not self._ended:
            raise Problem.of(422, "The form is broken: its last boundary is missing.")
        if len(self._found) != 1 or not self._found[0]:
            raise Problem.of(422, f"The form needs one part {FIELD!r} that holds the image.")
        return bytes(self._found[0])

    def _begin(self) -> None:
        self._parts += 1
        self._wanted = False
        if self._parts > self._most:
            raise Problem.of(422, f"A form may have {self._most} parts at most.")

    def _part(self, which: int, data: bytes) -> None:
        self._header[which] += data

    def _header_end(self) -> None:
        name, value = (bytes(one).decode("latin-1") for one in self._header)
        self._header = [bytearray(), bytearray()]
        if name.lower() == "content-disposition":
            message = Message()
            message["content-disposition"] = value
            if message.get_param("name", None, "content-disposition") == FIELD:
                self._wanted = True
                self._found.append(bytearray())

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._wanted:
            self._found[-1] += data[start:end]

    def _end(self) -> None:
        self._ended = True
