"""A model at a URL, fetched with the standard library: bounded in size and in patience."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any

from ruis.errors import ModelNotFoundError, TransferError
from ruis.model_file import LARGEST
from ruis.sharing.base import Fetched, Progress

__all__ = ["fetch"]

PATIENCE = 30.0
"""Seconds that a server may say nothing."""

PIECE = 2**18
MOST = sum(LARGEST.values())
"""Bytes that a model file may have at most."""


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Follow where a server leads, but not from https to anything less."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Refuse to leave https or http."""
        allowed = ("https://",) if req.type == "https" else ("https://", "http://")
        if not newurl.startswith(allowed):
            fp.close()  # nobody else will
            raise TransferError(f"{req.full_url} leads to {newurl}, which is not followed.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(url: str, room: Path, progress: Progress | None) -> Fetched:
    """Fetch a file.

    Raises
    ------
    ModelNotFoundError
        If the server has no such file.
    TransferError
        If it cannot be reached, breaks off, or sends more than a model can have.
    """
    target = room / "model.ruis"
    opener = urllib.request.build_opener(_SameScheme)
    request = urllib.request.Request(url, headers={"User-Agent": "ruis"})  # noqa: S310 - http(s)
    try:
        with opener.open(request, timeout=PATIENCE) as answer, target.open("xb") as file:
            total = int(answer.headers.get("Content-Length") or 0)
            done = 0
            while piece := answer.read(PIECE):
                done += len(piece)
                if max(done, total) > MOST:
                    raise TransferError(f"{url} is larger than any model ({MOST} bytes).")
                file.write(piece)
                if progress:
                    progress(done, total)
            if total and done != total:
                raise TransferError(f"{url} broke off after {done} of {total} bytes; try again.")
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in {404, 410}:
            raise ModelNotFoundError(f"{url}: there is no such file ({error.code}).") from error
        raise TransferError(f"{url}: the server answers {error.code} {error.reason}.") from error
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise TransferError(f"{url} cannot be fetched: {reason}.") from error
    return Fetched(target, url)
