"""The page in the reader's language, and the files it loads; all of it in memory from the start."""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from ruis.web import page
from ruis.web.problems import Problem

__all__ = ["Pages"]

TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}


@dataclass(frozen=True)
class _File:
    """What is answered, and the tag by which a browser knows that it has it already."""

    content: bytes
    media_type: str

    @property
    def tag(self) -> str:
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'


class Pages:
    """The page and its files; what is not among them does not exist, whatever path is asked for."""

    def __init__(self) -> None:
        self._pages = {
            language: _File(page.html(language).encode(), "text/html; charset=utf-8")
            for language in page.LANGUAGES
        }
        self._static = {name: _File(data, _type(name)) for name, data in page.static().items()}

    def page(self, request: Request) -> Response:
        """Return the page."""
        wished = request.query_params.get("lang", "")
        if wished not in self._pages:
            wished = _preferred(request.headers.get("accept-language", ""), page.LANGUAGES)
        answer = _answer(self._pages[wished], request)
        answer.headers["vary"] = "Accept-Language"
        answer.headers["content-language"] = wished
        return answer

    def static(self, name: str, request: Request) -> Response:
        """Return a file that the page loads.

        Raises
        ------
        Problem
            404 if there is none of that name.
        """
        if name not in self._static:
            raise Problem.of(404, "There is no such file.")
        return _answer(self._static[name], request)


def _answer(file: _File, request: Request) -> Response:
    headers = {"etag": file.tag, "cache-control": "no-cache"}
    if file.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers, media_type=file.media_type)


def _type(name: str) -> str:
    suffix = "." + name.rpartition(".")[2]
    kind = TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return kind + ("; charset=utf-8" if kind.startswith("text/") else "")


def _preferred(accepted: str, known: tuple[str, ...]) -> str:
    """Return the language that a browser likes best of those that are known."""
    wishes: list[tuple[float, str]] = []
    for entry in accepted.split(",")[:20]:
        name, _, weight = entry.strip().partition(";q=")
        try:
            wishes.append((float(weight or 1), name.partition("-")[0].lower()))
        except ValueError:
            continue
    liked = [one for one in sorted(wishes, key=lambda wish: -wish[0]) if one[0] > 0]
    return next((name for _, name in liked if name in known), known[0])
