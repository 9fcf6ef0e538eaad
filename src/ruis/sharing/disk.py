"""Models in plain folders: the file, and its hash beside it as `sha256sum` writes it."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ruis.errors import ConfigError, ModelNotFoundError
from ruis.formats.atomic import new_file
from ruis.sharing.base import Fetched

if TYPE_CHECKING:
    from ruis.model_file import ModelFile

__all__ = ["fetch", "send"]

HASH = ".sha256"


def fetch(path: Path, room: Path) -> Fetched:
    """Copy a model file, or the only one of a folder.

    Raises
    ------
    ModelNotFoundError
        If there is none, or more than one.
    """
    if path.is_dir():
        models = sorted(path.glob("*.ruis"))
        if len(models) != 1:
            found = ", ".join(one.name for one in models) or "no model"
            raise ModelNotFoundError(f"{path} holds {found}; say which file is meant.")
        (path,) = models
    if not path.is_file():
        raise ModelNotFoundError(f"there is no model {path}; one on the Hub is hf:OWNER/NAME.")
    target = room / "model.ruis"
    shutil.copyfile(path, target)
    said = None
    with suppress(OSError, IndexError, UnicodeDecodeError):
        said = path.with_name(path.name + HASH).read_text().split()[0].lower()
    return Fetched(target, str(path.resolve()), said)


def send(path: Path, model: ModelFile, folder: Path, *, overwrite: bool) -> str:
    """Copy a model file into a folder, and put its hash beside it.

    Raises
    ------
    ConfigError
        If there is no such folder.
    ImageWriteError
        If a file is there already, or the disk refuses.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder; make it first, or say hf:OWNER/NAME.")
    target = folder / f"{model.name}.ruis"
    data = path.read_bytes()
    line = f"{hashlib.sha256(data).hexdigest()}  {target.name}\n"
    with new_file(target, overwrite=overwrite) as file:
        file.write(data)
    with new_file(target.with_name(target.name + HASH), overwrite=True) as file:
        file.write(line.encode())
    return str(target)
