import errno
import os
import signal
import stat

import numpy as np
import pytest

from ruis.errors import ImageWriteError
from ruis.formats import atomic, write
from ruis.formats.atomic import new_file
from ruis.image import Image, ImageInfo


def picture():
    pixels = np.zeros((4, 5, 3), np.uint8)
    return Image(pixels, ImageInfo(pixels.dtype, (0, 255), "rgb"))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_file_is_there_when_the_block_ends_and_not_before(tmp_path):
    path = tmp_path / "a.bin"
    with new_file(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, failure):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(failure), new_file(path, overwrite=True) as file:  # noqa: PT012
        file.write(b"half")
        raise failure
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_an_existing_file_is_refused_before_anything_is_written(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with pytest.raises(ImageWriteError, match=r"a\.png: exists already.*--overwrite"):
        write(picture(), path)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.png"]


def test_a_file_that_appears_meanwhile_is_refused_too(tmp_path):
    path = tmp_path / "a.bin"
    with pytest.raises(ImageWriteError, match="exists already"), new_file(path) as file:  # noqa: PT012
        file.write(b"ours")
        path.write_bytes(b"theirs")
    assert path.read_bytes() == b"theirs"
    assert names(tmp_path) == ["a.bin"]


def test_the_same_without_hard_links(tmp_path, monkeypatch):
    def no_links(*_, **__):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "a.bin"
    with new_file(path) as file:
        file.write(b"ours")
    assert path.read_bytes() == b"ours"
    with pytest.raises(ImageWriteError, match="exists already"), new_file(tmp_path / "b") as file:
        (tmp_path / "b").write_bytes(b"theirs")
    assert (tmp_path / "b").read_bytes() == b"theirs"
    assert names(tmp_path) == ["a.bin", "b"]


def test_overwrite_replaces_and_keeps_the_permissions(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write(picture(), path, overwrite=True)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_is_replaced_and_not_followed(tmp_path):
    target = tmp_path / "target"
    target.write_bytes(b"untouched")
    link = tmp_path / "a.png"
    link.symlink_to(target)
    with pytest.raises(ImageWriteError, match="exists already"):
        write(picture(), link)
    write(picture(), link, overwrite=True)
    assert target.read_bytes() == b"untouched"
    assert not link.is_symlink()


def test_a_dangling_link_is_something_that_exists(tmp_path):
    link = tmp_path / "a.png"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ImageWriteError, match="exists already"):
        write(picture(), link)


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.ENOSPC, "disk is full"), (errno.EDQUOT, "quota"), (errno.EIO, "error")],
)
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, number, reason):
    def full(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(atomic.os, "fsync", full)
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with pytest.raises(ImageWriteError, match=rf"a\.png: cannot be written: .*{reason}"):
        write(picture(), path, overwrite=True)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.png"]


def test_every_size_of_a_full_disk_leaves_nothing(tmp_path):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    image = Image(pixels, ImageInfo(pixels.dtype, (0, 255), "rgb"))
    try:
        for suffix in ("png", "jpg", "tif", "webp", "bmp", "ppm", "npy"):
            for size in (0, 1, 50, 400, 900):
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
                with pytest.raises(ImageWriteError):
                    write(image, tmp_path / f"a.{suffix}")
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
                assert names(tmp_path) == []
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize(
    ("path", "reason"),
    [("missing/a.png", "folder does not exist"), ("file/a.png", "folder does not exist")],
)
def test_folders_that_are_none(tmp_path, path, reason):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ImageWriteError, match=reason):
        write(picture(), tmp_path / path)


def test_a_folder_in_the_way(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(ImageWriteError, match=r"a\.png: cannot be written: a folder"):
        write(picture(), tmp_path / "a.png", overwrite=True)
    assert names(tmp_path) == ["a.png"]


def as_nobody(action):
    """Do it in a child process of another user, since root may do everything; return its text."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            os.write(writer, str(action()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as file:
        return file.read().decode()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_folder_without_permission(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)

    def attempt():
        try:
            with new_file(locked / "a.png") as file:
                file.write(b"x")
        except ImageWriteError as error:
            return error
        return "written"

    assert "permission denied" in as_nobody(attempt)
    assert names(locked) == []
