"""The service as a process: a socket, uvicorn, and an orderly end."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from contextlib import closing

import uvicorn

from ruis.errors import ConfigError
from ruis.web import logs
from ruis.web.app import create
from ruis.web.protocol import protocol_of
from ruis.web.settings import Settings

__all__ = ["serve"]

KEEP_ALIVE = 30
"""Seconds for which a connection stays open without a request."""

GRACE = 20
"""Seconds for which images that are worked on at the end may still be finished."""

BACKLOG = 1024
SWITCH = 0.001
"""Seconds after which a worker that runs Python lets the thread that answers have its turn."""


def serve(settings: Settings, announce: Callable[[str], None]) -> None:
    """Serve until the process is asked to end.

    Parameters
    ----------
    settings : Settings
        Where, for whom, and how much.
    announce : callable
        Gets the address of the service once it can be called.

    Raises
    ------
    ConfigError
        If the address cannot be listened on.
    """
    logs.set_up()
    sys.setswitchinterval(SWITCH)
    config = uvicorn.Config(
        create(settings),
        http=protocol_of(settings),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
        h11_max_incomplete_event_size=settings.header_bytes,
    )
    with closing(_listening(settings)) as listening:
        name = f"[{settings.address}]" if ":" in settings.address else settings.address
        announce(f"http://{name}:{listening.getsockname()[1]}/")
        uvicorn.Server(config).run(sockets=[listening])


def _listening(settings: Settings) -> socket.socket:
    """Return a socket that accepts connections; those that come early wait."""
    family = socket.AF_INET6 if ":" in settings.address else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.address, settings.port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"{settings.address}:{settings.port} cannot be listened on: "
            f"{(error.strerror or str(error)).lower()}; --port 0 takes any that is free."
        ) from error
    listening.set_inheritable(False)
    return listening
