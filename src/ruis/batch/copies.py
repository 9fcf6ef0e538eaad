"""Inputs that are not on the local disk: listed and copied through fsspec, within bounds."""

from __future__ import annotations

import os
import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any

from ruis.errors import EngineUnavailableError, ImageError, ImageTooLargeError

__all__ = ["is_address", "listed", "local_copy", "sweep"]

CHUNK = 2**22
PREFIX = ".ruis-copy-"


def is_address(text: str) -> bool:
    """Say whether this is an address for fsspec (`s3://...`, `zip://*.png::a.zip`), and no path."""
    return re.match(r"[a-z][a-z0-9+.-]*(://|::)", text) is not None


@contextmanager
def local_copy(address: str, folder: Path, most: float) -> Iterator[Path]:
    """Have a file on the local disk as long as the block lasts.

    Parameters
    ----------
    address : str
        A path, which is used as it is, or an address for fsspec.
    folder : Path
        Where the copy goes; it is made if need be.
    most : float
        Bytes that the copy may have.

    Yields
    ------
    Path
        The file.

    Raises
    ------
    ImageTooLargeError
        If it is larger than `most`.
    ImageError
        If the store refuses, or has no such file.
    """
    if not is_address(address):
        yield Path(address)
        return
    folder.mkdir(parents=True, exist_ok=True)
    mark = f"{PREFIX}{socket.gethostname()}-{os.getpid()}-"
    suffix = PurePosixPath(address.partition("::")[0]).suffix
    descriptor, name = tempfile.mkstemp(suffix, mark, folder)
    try:
        with os.fdopen(descriptor, "wb") as copy:
            _fetch(address, copy, most)
        yield Path(name)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()


def _fetch(address: str, copy: Any, most: float) -> None:
    filesystem, path = _store(address)
    try:
        with filesystem.open(path, "rb") as source:
            while chunk := source.read(CHUNK):
                if copy.tell() + len(chunk) > most:
                    raise ImageTooLargeError(
                        f"it has more than the {most / 1e6:.0f} MB that a local copy may have here; "
                        "raise it with --temp-space.",
                        source=address,
                    )
                copy.write(chunk)
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(f"cannot be fetched: {_reason(error)}.", source=address) from error


def listed(address: str) -> list[tuple[str, str, int, str]]:
    """List what an address means: a file, all files below a folder, or what fits a pattern.

    Parameters
    ----------
    address : str
        For fsspec: `s3://bucket/scans`, `s3://bucket/*/page-*.tif`, `zip://*.png::scans.zip`.

    Returns
    -------
    list of tuple
        Of each file: its address, its name below the folder, its size in bytes, and a stamp that
        changes with its content.

    Raises
    ------
    ImageError
        If the store refuses, or there is nothing.
    """
    from fsspec.utils import get_protocol

    filesystem, path = _store(address)
    _, _, inner = address.partition("::")
    start = f"{get_protocol(address)}://"
    try:
        if any(character in path for character in "*?["):
            found = filesystem.glob(path, detail=True)
            fixed = path[: min(path.index(c) for c in "*?[" if c in path)]
            top = fixed.rpartition("/")[0]
        elif filesystem.isdir(path):
            found, top = filesystem.find(path, detail=True), path
        else:
            found, top = {path: filesystem.info(path)}, path.rpartition("/")[0]
        stamps = {name: _stamp(filesystem, name, about) for name, about in found.items()}
    except Exception as error:
        raise ImageError(f"cannot be listed: {_reason(error)}.", source=address) from error
    files = []
    for name, about in sorted(found.items()):
        if about.get("type") != "directory":
            full = f"{start}{name.removeprefix(start)}{'::' + inner if inner else ''}"
            below = name.removeprefix(top).lstrip("/")
            files.append((full, below, int(about.get("size") or 0), stamps[name]))
    if not files:
        raise ImageError("there is nothing.", source=address)
    return files


def _stamp(filesystem: Any, name: str, about: dict[str, Any]) -> str:
    """Return what a store says of a file's version; the size alone where it says nothing."""
    for key in ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "created"):
        if about.get(key):
            return f"{key}={about[key]}"
    return f"size={about.get('size')}"


def _store(address: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise EngineUnavailableError("Reading from object stores", "batch") from error
    try:
        filesystem, path = url_to_fs(address)
    except ImportError as error:
        raise ImageError(f"needs a package that is not here: {error}.", source=address) from error
    except Exception as error:
        raise ImageError(f"is no address: {_reason(error)}.", source=address) from error
    return filesystem, path


def sweep(folder: Path) -> int:
    """Remove the copies that killed processes of this machine left; return how many."""
    import psutil  # comes with distributed

    count = 0
    mark = f"{PREFIX}{socket.gethostname()}-"
    for path in folder.glob(f"{PREFIX}*"):
        owner = path.name.removeprefix(mark).split("-")[0]
        if path.name.startswith(mark) and owner.isdigit() and not psutil.pid_exists(int(owner)):
            path.unlink(missing_ok=True)
            count += 1
    return count


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
