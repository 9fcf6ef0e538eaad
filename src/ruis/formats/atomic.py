"""A file, or a folder, appears whole, or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ruis.errors import ImageWriteError

__all__ = ["leftovers", "new_file", "new_folder"]

REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the disk is read-only",
    errno.ENOENT: "its folder does not exist",
    errno.ENOTDIR: "its folder does not exist",
    errno.EISDIR: "a folder has this name",
    errno.ENAMETOOLONG: "the name is too long",
}
PREFIX, ENDING = ".ruis-", ".part"
"""Of the names of temporary files; hidden, so that no search for images finds one."""

NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL}


@contextmanager
def new_file(path: Path, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """Open a temporary file that becomes `path` when the block ends without an error.

    The bytes are on the disk before the name is. On any failure the temporary file goes away and
    what was at `path` before is untouched. A link at `path` is replaced, not followed.

    Parameters
    ----------
    path : Path
        Where the file shall be. Its folder must exist.
    overwrite : bool, default False
        Whether a file that is there already is replaced.

    Raises
    ------
    ImageWriteError
        If something is there already (however late it came), or the disk refuses.
    """
    with _refusals(path):
        if not overwrite and os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, "", str(path))
        with _temporary(path) as (file, name):
            yield file
            file.flush()
            os.fsync(file.fileno())
            file.close()
            _publish(name, path, overwrite=overwrite)
        _sync_folder(path.parent)


@contextmanager
def new_folder(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Make a temporary folder that becomes `path` when the block ends without an error.

    All that was written into it is on the disk before the name is. On any failure the temporary
    folder goes away and what was at `path` before is untouched. A folder that is replaced has
    another, hidden name for the moment between two renames.

    Parameters
    ----------
    path : Path
        Where the folder shall be. The folder around it must exist.
    overwrite : bool, default False
        Whether what is there already is replaced.

    Raises
    ------
    ImageWriteError
        If something is there already, or the disk refuses.
    """
    part = path.with_name(f"{PREFIX}{os.urandom(8).hex()}{ENDING}")
    with _refusals(path):
        if not overwrite and os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, "", str(path))
        try:
            part.mkdir()
            yield part
            _sync_all(part)
            _publish_folder(part, path, overwrite=overwrite)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        _sync_folder(path.parent)


def _publish_folder(part: Path, path: Path, *, overwrite: bool) -> None:
    """Give the finished folder its name; what has it goes away."""
    if not os.path.lexists(path):
        part.rename(path)
        return
    if not overwrite:
        raise FileExistsError(errno.EEXIST, "", str(path))
    old = path.with_name(f"{PREFIX}{os.urandom(8).hex()}.old")
    path.rename(old)
    try:
        part.rename(path)
    except BaseException:
        old.rename(path)
        raise
    if old.is_dir() and not old.is_symlink():
        shutil.rmtree(old)
    else:
        old.unlink()


def _sync_all(folder: Path) -> None:
    """Have all files of a folder on the disk: one call for all, where there is one."""
    if hasattr(os, "sync"):
        os.sync()
        return
    for current, _, names in os.walk(folder):
        for name in names:
            with Path(current, name).open("r+b") as file:
                os.fsync(file.fileno())


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """Turn what the disk says into errors of ours."""
    try:
        yield
    except FileExistsError as error:
        reason = "exists already; it is replaced only with --overwrite or overwrite=True."
        raise ImageWriteError(reason, source=str(path)) from error
    except OSError as error:
        reason = REASONS.get(error.errno or 0, error.strerror or str(error))
        raise ImageWriteError(f"cannot be written: {reason}.", source=str(path)) from error


def leftovers(folder: Path) -> Iterator[Path]:
    """Yield the temporary files in a folder: what a killed process, or one at work, leaves there.

    Parameters
    ----------
    folder : Path
        Looked into, not below; it need not exist.
    """
    yield from folder.glob(f"{PREFIX}*{ENDING}")


@contextmanager
def _temporary(path: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Open a new hidden file beside `path`; it never outlives the block."""
    name = path.with_name(f"{PREFIX}{os.urandom(8).hex()}{ENDING}")
    try:
        with name.open("x+b") as file:
            _same_permissions(path, file.fileno())
            yield file, name
    finally:
        with suppress(FileNotFoundError):
            name.unlink()


def _same_permissions(path: Path, descriptor: int) -> None:
    """A replaced file keeps its permissions."""
    with suppress(OSError, AttributeError):
        before = path.lstat()
        if stat.S_ISREG(before.st_mode):
            os.fchmod(descriptor, stat.S_IMODE(before.st_mode))


def _publish(temporary: Path, path: Path, *, overwrite: bool) -> None:
    """Give the finished file its name; without `overwrite`, only if the name is free."""
    if overwrite:
        os.replace(temporary, path)  # noqa: PTH105 - said plainly: this is the rename
        return
    try:
        os.link(temporary, path, follow_symlinks=False)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        _claim_then_replace(temporary, path)


def _claim_then_replace(temporary: Path, path: Path) -> None:
    """Do it on disks without hard links: claim the free name with an empty file, then rename."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    try:
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        path.unlink()
        raise


def _sync_folder(folder: Path) -> None:
    """Make the new name last; not every system lets a folder be synced."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
