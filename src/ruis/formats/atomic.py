"""A file appears whole, or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ruis.errors import ImageWriteError

__all__ = ["LEFTOVER", "new_file"]

PART = ".ruis-{}.part"
LEFTOVER = PART.format("*")
"""What a process that was killed may have left beside its output."""

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
    try:
        if not overwrite and os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, "", str(path))
        with _temporary(path) as (file, name):
            yield file
            file.flush()
            os.fsync(file.fileno())
            file.close()
            _publish(name, path, overwrite=overwrite)
        _sync_folder(path.parent)
    except FileExistsError as error:
        reason = "exists already; it is replaced only with --overwrite or overwrite=True."
        raise ImageWriteError(reason, source=str(path)) from error
    except OSError as error:
        reason = REASONS.get(error.errno or 0, error.strerror or str(error))
        raise ImageWriteError(f"cannot be written: {reason}.", source=str(path)) from error


@contextmanager
def _temporary(path: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Open a new hidden file beside `path`; it never outlives the block."""
    name = path.with_name(PART.format(os.urandom(8).hex()))
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
