"""What goes wrong, as RFC 9457 tells it: one table from errors to statuses, and the refusals of HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ruis import errors

__all__ = ["MEDIA_TYPE", "STATUSES", "Kind", "Problem", "document", "problem_of"]

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Kind:
    """A kind of problem: its status, its name in `type`, and its title for people."""

    status: int
    name: str
    title: str


WRONG = Kind(422, "wrong-value", "A value makes no sense")
UNREADABLE = Kind(422, "unreadable-image", "The image cannot be read")
BROKEN = Kind(500, "internal", "The service failed")
NO_MEMORY = Kind(503, "out-of-memory", "There is not enough memory now")

STATUSES: dict[type[errors.RuisError], Kind] = {
    errors.ConfigError: WRONG,
    errors.UnknownNameError: Kind(422, "unknown-name", "There is no such thing"),
    errors.ImageError: UNREADABLE,
    errors.UnsupportedFormatError: Kind(415, "unsupported-format", "No image format we know"),
    errors.CorruptImageError: UNREADABLE,
    errors.ImageTooLargeError: Kind(413, "image-too-large", "The image is too large"),
    errors.ChannelMismatchError: Kind(422, "wrong-channels", "The image does not fit"),
    errors.ImageWriteError: BROKEN,
    errors.ModelFileError: BROKEN,
    errors.ModelNotFoundError: Kind(422, "unknown-model", "There is no such model"),
    errors.EngineError: BROKEN,
    errors.OutOfMemoryError: NO_MEMORY,
    errors.TrainingError: BROKEN,
    errors.ExportError: BROKEN,
    errors.ServiceError: BROKEN,
    errors.BatchError: BROKEN,
}
"""What an error is over HTTP; an error has the status of its nearest ancestor."""

PATIENCE = 10
"""Seconds to wait, said with a 503 that nothing else is known about."""

MISSING = Kind(404, "not-found", "There is nothing here")
KINDS: dict[int, Kind] = {
    400: Kind(400, "malformed-request", "This is no HTTP request"),
    401: Kind(401, "token-needed", "A token is needed"),
    403: Kind(403, "foreign-origin", "Another site may not call this service"),
    404: MISSING,
    405: Kind(405, "wrong-method", "This method is not for this address"),
    408: Kind(408, "too-slow", "The request took too long to arrive"),
    413: Kind(413, "body-too-large", "The body is too large"),
    415: Kind(415, "unsupported-media-type", "This is not sent as an image"),
    421: Kind(421, "foreign-host", "This service has another name"),
    422: WRONG,
    429: Kind(429, "queue-full", "The queue is full"),
    431: Kind(431, "head-too-large", "The head of the request is too large"),
    500: BROKEN,
    503: Kind(503, "not-now", "The service cannot answer now"),
}
"""The kinds of problems that no error of the library stands for, by status."""


class Problem(Exception):  # noqa: N818 - it is what RFC 9457 calls it
    """A refusal.

    Parameters
    ----------
    kind : Kind
        Which.
    detail : str
        What happened and what to do, for people; no paths, versions or traces.
    headers : mapping of str to str
        What goes with it, such as Retry-After.
    """

    def __init__(self, kind: Kind, detail: str, headers: Mapping[str, str]) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = headers

    @classmethod
    def of(cls, status: int, detail: str, **headers: str) -> Problem:
        """Return the refusal of a status; `Retry_After="3"` names a header."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(KINDS[status], detail, named)


def problem_of(error: BaseException) -> Problem:
    """Return what an exception is over HTTP."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, MemoryError):
        return _told(NO_MEMORY, "There was not enough memory for this image; try again later.")
    if not isinstance(error, errors.RuisError):
        return _told(BROKEN, "Something went wrong in the service; its log says what.")
    kind = next((STATUSES[cls] for cls in type(error).__mro__ if cls in STATUSES), BROKEN)
    if kind is BROKEN:
        return _told(kind, "The service could not do it; its log says why.")
    return _told(kind, _detail(error))


def _told(kind: Kind, detail: str) -> Problem:
    waits = {"Retry-After": str(PATIENCE)} if kind.status == 503 else {}
    return Problem(kind, detail, waits)


def _detail(error: errors.RuisError) -> str:
    """Return what an error says to someone who has no command line, and no business with ours."""
    if isinstance(error, errors.ImageTooLargeError):
        return (
            "The image announces more pixels, or needs more memory, than this service takes; "
            "/v1/limits says how much that is."
        )
    text = error.reason if isinstance(error, errors.ImageError) else str(error)
    cause = error.__cause__
    foreign = cause is not None and not isinstance(cause, errors.RuisError)
    if foreign and isinstance(error, errors.CorruptImageError):
        text = text.partition(":")[0] + "."  # what a decoder says may hold anything
    text = text.replace("--model ", "model=").replace("--", "")
    return text[:1].upper() + text[1:]


def document(problem: Problem, request_id: str) -> bytes:
    """Return the body of an answer that refuses."""
    told: dict[str, Any] = {
        "type": f"/problems/{problem.kind.name}",
        "title": problem.kind.title,
        "status": problem.kind.status,
        "detail": problem.detail,
        "instance": f"/requests/{request_id}",
        "request_id": request_id,
    }
    return json.dumps(told, ensure_ascii=False).encode()
