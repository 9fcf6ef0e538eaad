"""HTTP on one connection: uvicorn's, with a deadline for everything that a stranger can draw out."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ruis.web.problems import MEDIA_TYPE, Problem, document
from ruis.web.settings import Settings

__all__ = ["protocol_of"]

LINGER = 5.0
"""Seconds for which what still arrives is read and thrown away after a refusal: to close at once
would make the system forget the answer before the client has read it."""

TAKE = 60.0
"""Seconds that a client may take to fetch its answer."""


def protocol_of(settings: Settings) -> type[H11Protocol]:
    """Return the protocol of a service with these limits."""

    class Bounded(_Bounded):
        header_seconds = settings.header_seconds
        most = settings.connections

    return Bounded


class _Bounded(H11Protocol):
    """One connection."""

    header_seconds: float
    most: int

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head: asyncio.TimerHandle | None = None
        self._end: asyncio.TimerHandle | None = None
        self._closing = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.most:
            self._refuse(Problem.of(503, "Too many connections are open.", Retry_After="2"))
            return
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._head, self._end):
            if timer:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        super().data_received(data)
        self._watch()

    def eof_received(self) -> None:
        if self._closing:
            self.transport.close()

    def _watch(self) -> None:
        """Start the clock of a head that has begun to arrive; stop it when it is here."""
        arriving = self.conn.their_state is h11.IDLE and (
            self.cycle is None or bool(self.conn.trailing_data[0])
        )
        if arriving and self._head is None:
            self._head = self.loop.call_later(self.header_seconds, self._late)
        elif not arriving and self._head is not None:
            self._head.cancel()
            self._head = None

    def _late(self) -> None:
        if not self.transport.is_closing():
            seconds = f"{self.header_seconds:g}"
            detail = f"The head of the request did not arrive within {seconds} seconds."
            self._refuse(Problem.of(408, detail))

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._end:
            self._end.cancel()
        unread = self.conn.their_state is h11.SEND_BODY
        if unread or self.transport.get_write_buffer_size():
            self._end = self.loop.call_later(LINGER if unread else TAKE, self._give_up)

    def _give_up(self) -> None:
        """Close a connection whose client still sends what nobody reads, or does not fetch."""
        late = self.conn.their_state is h11.SEND_BODY or self.transport.get_write_buffer_size()
        if late and (self.cycle is None or self.cycle.response_complete):
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; called by uvicorn while it handles the error."""
        error = sys.exc_info()[1]
        status = getattr(error, "error_status_hint", 400)
        if status == 431:
            detail = "The head of a request may not be as large as this."
        else:
            status, detail = 400, "The request is not HTTP/1.1 as it should be."
        self._refuse(Problem.of(status, detail))

    def _refuse(self, problem: Problem) -> None:
        """Answer without the application, and close."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.abort()
                return
        self._closing = True
        self._unset_keepalive_if_required()
        body = document(problem, "none")
        lines = [
            f"HTTP/1.1 {problem.kind.status} {problem.kind.title}",
            f"content-type: {MEDIA_TYPE}",
            f"content-length: {len(body)}",
            *(f"{name.lower()}: {value}" for name, value in problem.headers.items()),
            "x-content-type-options: nosniff",
            "connection: close",
        ]
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._end = self.loop.call_later(LINGER, self.transport.abort)
