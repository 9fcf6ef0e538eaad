"""`ruis serve`: the page and the HTTP service."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from ruis.cli import options
from ruis.cli.console import tell
from ruis.errors import ConfigError, EngineUnavailableError
from ruis.web.settings import Settings

__all__ = ["serve"]

TOKEN = "RUIS_TOKEN"  # noqa: S105 - the name of a variable
USUAL = Settings()
NEEDED = ("fastapi", "uvicorn", "h11", "python_multipart", "prometheus_client")


def serve(
    address: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Listen on this address; any but 127.0.0.1 and the like needs a token.",
        ),
    ] = USUAL.address,
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="The port; 0: any that is free.")
    ] = USUAL.port,
    token_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="A file that holds the token which clients must show (also: RUIS_TOKEN=...).",
        ),
    ] = None,
    hosts: Annotated[
        list[str] | None,
        typer.Option(
            "--host-name",
            metavar="NAME",
            help="A further name under which the service is called, without port.",
        ),
    ] = None,
    origins: Annotated[
        list[str] | None,
        typer.Option(
            "--origin", metavar="URL", help="A further page that may call it: https://example.org."
        ),
    ] = None,
    max_bytes: Annotated[
        int, typer.Option(min=1, metavar="N", help="Refuse larger bodies.")
    ] = USUAL.max_bytes,
    max_pixels: Annotated[
        int, typer.Option(min=1, metavar="N", help="Refuse images of more pixels.")
    ] = USUAL.max_pixels,
    seconds: Annotated[
        float, typer.Option(min=0.01, metavar="S", help="Give an image up after so long.")
    ] = USUAL.seconds,
    queue: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="So many wait beside those worked on; more are refused."
        ),
    ] = USUAL.queue,
    workers: Annotated[
        int, typer.Option(min=1, metavar="N", help="So many images are worked on at a time.")
    ] = USUAL.workers,
    connections: Annotated[
        int, typer.Option(min=1, metavar="N", help="So many connections may be open.")
    ] = USUAL.connections,
    upload_bytes: Annotated[
        int, typer.Option(min=1, metavar="N", help="Memory for all bodies that are arriving.")
    ] = USUAL.upload_bytes,
    kept_bytes: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="Let go of idle networks when the process holds more memory."
        ),
    ] = USUAL.kept_bytes,
    body_seconds: Annotated[
        float, typer.Option(min=0.01, metavar="S", help="A body arrives within this time.")
    ] = USUAL.body_seconds,
    header_seconds: Annotated[
        float, typer.Option(min=0.01, metavar="S", help="The head of a request does.")
    ] = USUAL.header_seconds,
    header_bytes: Annotated[
        int, typer.Option(min=1, metavar="N", help="The largest head of a request.")
    ] = USUAL.header_bytes,
    parts: Annotated[
        int, typer.Option(min=1, metavar="N", help="The most parts of a form.")
    ] = USUAL.parts,
    debug: options.Debug = False,
) -> None:
    """Serve a web page that denoises images, and the same over HTTP.

    ruis serve
    ruis serve --port 9000 --max-pixels 100000000
    ruis serve --address 0.0.0.0 --token-file token.txt --host-name denoise.example.org

    Only this machine can reach it, unless --address says otherwise; then a token is needed. What
    happens is told on standard error, one line of JSON per request. Stop it with Ctrl-C.
    """
    settings = Settings(
        address=address,
        port=port,
        token=_token(token_file),
        hosts=tuple(hosts or ()),
        origins=tuple(origins or ()),
        max_bytes=max_bytes,
        max_pixels=max_pixels,
        seconds=seconds,
        queue=queue,
        workers=workers,
        connections=connections,
        upload_bytes=upload_bytes,
        kept_bytes=kept_bytes,
        body_seconds=body_seconds,
        header_seconds=header_seconds,
        header_bytes=header_bytes,
        parts=parts,
    )
    _check_installed()
    from ruis.web.server import serve as run

    run(settings, lambda url: tell(f"ruis serves {url} - stop it with Ctrl-C."))


def _token(path: str | None) -> str | None:
    """Return the token from its file or the environment; never from the command line, which all see."""
    if path is None:
        return os.environ.get(TOKEN) or None
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(f"--token-file {path}: {reason}.") from error
    if not text:
        raise ConfigError(f"--token-file {path}: it is empty.")
    return text


def _check_installed() -> None:
    """Say what to install, before anything is tried.

    Raises
    ------
    EngineUnavailableError
        If a package of the service is not there.
    """
    import importlib.util

    missing: list[Any] = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise EngineUnavailableError("ruis serve", "serve")
