"""What surrounds every answer: its id, the check of access, security headers, a log line, figures."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ruis.web import access
from ruis.web.logs import FIELDS, log
from ruis.web.metrics import Metrics
from ruis.web.problems import MEDIA_TYPE, Problem, document, problem_of
from ruis.web.settings import Settings

__all__ = ["REQUEST_ID", "Envelope"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
GONE = 499
"""The status in logs and figures of a request whose client went away."""

WORK = frozenset(("POST", f"/v1/{name}") for name in ("denoise", "inspect", "preview"))
"""What takes a place in the queue."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
ALWAYS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}


class Envelope:
    """An ASGI application around the application.

    Parameters
    ----------
    app : callable
        The application.
    settings : Settings
        Who may ask.
    metrics : Metrics
        What is counted.
    busy : callable
        Raises a problem if no more images can be taken.
    """

    def __init__(
        self, app: Any, settings: Settings, metrics: Metrics, busy: Callable[[], None]
    ) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._busy = busy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":  # the start and end of the service; there are no websockets
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        headers = _headers(scope)
        request_id = _request_id(headers.get("x-request-id", ""))
        scope["ruis"] = {"request_id": request_id}
        sent = _Sent(send, request_id)
        try:
            _check_framing(headers)
            access.check(scope["method"], scope["path"], headers, self._settings)
            if (scope["method"], scope["path"]) in WORK:
                scope["ruis"]["route"] = scope["path"]
                self._busy()  # where hundreds are refused at once, the last must not wait for long
            await self._app(scope, receive, sent)
        except Problem as problem:
            scope["ruis"]["problem"] = problem.kind.name
            await sent.refuse(problem)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            log.exception("failed", extra={FIELDS: {"request_id": request_id}})
            if sent.status is None:
                await sent.refuse(problem_of(error))
        finally:
            self._record(scope, sent.status or GONE, time.perf_counter() - begun)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope["ruis"].pop("route", "") or getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._metrics.count(route, method, status, seconds)
        fields = {
            **scope["ruis"],
            "method": method,
            "route": route,
            "status": status,
            "seconds": round(seconds, 4),
        }
        log.info("request", extra={FIELDS: fields})


class _Sent:
    """The channel to the client, which adds what every answer has."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status: int | None = None

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            names = {name.lower() for name, _ in message["headers"]}
            added = {"x-request-id": self._request_id, "cache-control": "no-store", **ALWAYS}
            message["headers"] = [
                *message["headers"],
                *(
                    (name.encode(), value.encode())
                    for name, value in added.items()
                    if name.encode() not in names
                ),
            ]
        await self._send(message)

    async def refuse(self, problem: Problem) -> None:
        """Answer with a problem."""
        body = document(problem, self._request_id)
        headers = {
            **problem.headers,
            "content-type": MEDIA_TYPE,
            "content-length": str(len(body)),
        }
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        status = problem.kind.status
        await self({"type": "http.response.start", "status": status, "headers": raw})
        await self({"type": "http.response.body", "body": body})


def _headers(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1").lower()
        text = value.decode("latin-1")
        found[name] = f"{found[name]}, {text}" if name in found else text
    return found


def _check_framing(headers: dict[str, str]) -> None:
    """Refuse a body with two lengths: who stands before us may believe in the other one."""
    if "transfer-encoding" in headers and "content-length" in headers:
        raise Problem.of(
            400, "A body has Content-Length or Transfer-Encoding, not both.", Connection="close"
        )


def _request_id(wished: str) -> str:
    """Return the id that the client chose, if it is one, else a new one."""
    return wished if REQUEST_ID.fullmatch(wished) else secrets.token_hex(16)
