"""The file that a command shall write, checked before work is spent on it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ruis.errors import ConfigError, ImageWriteError

__all__ = ["check_new_file", "check_writable"]


def check_new_file(
    path: Path,
    kind: str,
    suffixes: tuple[str, ...],
    *,
    overwrite: bool,
    option: str = "-o",
    any_case: bool = False,
    images: Iterable[Path] = (),
) -> None:
    """Check the name of a file before work is spent on what goes there.

    Parameters
    ----------
    path : Path
        The file to write.
    kind : str
        What it will be, for the message: "a model file".
    suffixes : tuple of str
        The endings that it may have; the first one is named.
    overwrite : bool
        Whether a file that is there already may be replaced.
    option : str
        Where the name was given.
    any_case : bool
        Whether the ending may have capitals.
    images : iterable of Path
        Files that it shall not replace, whatever is said of others.

    Raises
    ------
    ConfigError
        If it has another ending, or its folder is not there, or it is one of the images.
    ImageWriteError
        If it exists already, or its folder cannot be written to.
    """
    suffix = path.suffix.lower() if any_case else path.suffix
    if suffix not in suffixes:
        raise ConfigError(f"{option} {path}: the name of {kind} ends in {suffixes[0]}.")
    if not path.parent.is_dir():
        raise ConfigError(f"{option} {path}: there is no folder {path.parent}.")
    if path.resolve() in {image.resolve() for image in images}:
        raise ConfigError(f"{option} {path} is the image itself; give another name.")
    if os.path.lexists(path) and not overwrite:
        raise ImageWriteError("exists already; --overwrite replaces it.", source=str(path))
    check_writable(path.parent, path)


def check_writable(folder: Path, path: Path) -> None:
    """Look whether a folder can be written to.

    Parameters
    ----------
    folder : Path
        A folder that there is.
    path : Path
        What shall be made in it, for the message.

    Raises
    ------
    ImageWriteError
        If not.
    """
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ImageWriteError(
            f"cannot be written: permission denied in {folder}.", source=str(path)
        )
