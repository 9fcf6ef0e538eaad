"""The models that were pulled, in a folder of their user's.

A model lies there under the hash of its content, and becomes known by a record, NAME.json, that is
written last: what is half-way there when a process ends is not there at all.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from contextlib import suppress
from pathlib import Path

from pydantic import Field, ValidationError

from ruis.errors import ConfigError, ImageWriteError, ModelCorruptError, ModelNotFoundError
from ruis.formats.atomic import new_file
from ruis.record import Record

__all__ = ["Pulled", "add", "folder", "names", "path_of", "record_of", "remove"]

VARIABLE = "RUIS_MODELS"
DIGEST = r"[0-9a-f]{64}"


class Pulled(Record):
    """A model that was pulled.

    Parameters
    ----------
    name : str
        What `--model` calls it.
    source : str
        Where it came from.
    sha256 : str
        Of the file.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=100)
    source: str = Field(max_length=10_000)
    sha256: str = Field(pattern=rf"^{DIGEST}$")


def folder() -> Path:
    """Return where pulled models lie: `$RUIS_MODELS`, or where the system keeps such data."""
    if given := os.environ.get(VARIABLE):
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "ruis/models"
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support/ruis/models"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "ruis/models"


def names() -> list[str]:
    """Return the names of all pulled models, sorted."""
    with suppress(OSError):
        return sorted(one.stem for one in folder().glob("*.json"))
    return []


def record_of(name: str) -> Pulled:
    """Return the record of a pulled model.

    Raises
    ------
    ModelNotFoundError
        If no model of this name was pulled.
    ModelCorruptError
        If its record is damaged.
    """
    path = folder() / f"{name}.json"
    try:
        return Pulled.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise ModelNotFoundError(f"no model {name!r} was pulled.") from error
    except (ValidationError, OSError) as error:
        raise ModelCorruptError(f"{path} is damaged: pull the model again.") from error


def path_of(name: str) -> Path:
    """Return the file of a pulled model, its hash checked.

    Raises
    ------
    ModelNotFoundError
        If no model of this name was pulled.
    ModelCorruptError
        If the file is gone, or is not the one that was pulled.
    """
    pulled = record_of(name)
    path = _content(pulled.sha256)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelCorruptError(f"{path} is gone: pull {name!r} again.") from error
    if digest != pulled.sha256:
        raise ModelCorruptError(f"{path} is not what was pulled: pull {name!r} again.")
    return path


def add(pulled: Pulled, file: Path, *, overwrite: bool = False) -> None:
    """Keep a verified file, which is moved, under a name.

    Raises
    ------
    ConfigError
        If another model has the name, and shall not be replaced.
    ImageWriteError
        If the disk refuses.
    """
    before = record_of(pulled.name) if pulled.name in names() and not overwrite else None
    if before and before.sha256 != pulled.sha256:
        raise ConfigError(
            f"a model {pulled.name!r} was pulled from {before.source} already; choose another name "
            "with --name, or replace it with --overwrite."
        )
    target = _content(pulled.sha256)
    with file.open("rb") as source:
        os.fsync(source.fileno())
    os.replace(file, target)  # noqa: PTH105 - said plainly: this is the rename
    record = folder() / f"{pulled.name}.json"
    with new_file(record, overwrite=True) as written:
        written.write(pulled.model_dump_json(indent=2).encode())
    _tidy()


def remove(name: str) -> None:
    """Forget a pulled model, and take away its file unless another name leads to it.

    Raises
    ------
    ModelNotFoundError
        If no model of this name was pulled.
    ImageWriteError
        If the disk refuses.
    """
    known = names()
    if name not in known:
        were = f"; these were: {', '.join(known)}" if known else ""
        raise ModelNotFoundError(f"no model {name!r} was pulled{were}.")
    record = folder() / f"{name}.json"
    try:
        record.unlink(missing_ok=True)
        _tidy()
    except OSError as error:
        raise ImageWriteError(
            f"cannot be removed: {error.strerror}.", source=str(record)
        ) from error


def _content(sha256: str) -> Path:
    return folder() / f"{sha256}.ruis"


def _tidy() -> None:
    """Take away models that no name leads to any more; whatever else lies there is none of ours."""
    kept = set()
    for name in names():
        try:
            kept.add(record_of(name).sha256)
        except ModelCorruptError:
            return  # it may have been any of them
    for file in folder().glob("*.ruis"):
        if file.stem not in kept and re.fullmatch(DIGEST, file.stem):
            file.unlink(missing_ok=True)
