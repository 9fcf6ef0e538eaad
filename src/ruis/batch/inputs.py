"""Which images are meant: folders, patterns, files, addresses in object stores, and lists of these."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ruis.batch.copies import is_address, listed
from ruis.errors import ConfigError, ImageError, RuisError
from ruis.inputs import Failure, Found, each_once, found, without_folder

__all__ = ["Input", "gather", "read_list"]

FILE = "file://"


@dataclass(frozen=True)
class Input:
    """An image that is meant.

    Parameters
    ----------
    location : str
        An absolute path, or an address for fsspec.
    name : str
        The name that it keeps below the output folder, with its folders, parted by "/".
    size : int
        Bytes.
    stamp : str
        Changes when the content does: the time of its last change in nanoseconds, or what the
        object store says of its version.
    """

    location: str
    name: str
    size: int
    stamp: str


def gather(
    inputs: Sequence[str], lists: Sequence[Path], folder: Path
) -> tuple[list[Input], list[Failure]]:
    """Find the images that the arguments mean, each once; folders are searched to the bottom.

    Parameters
    ----------
    inputs : sequence of str
        Files, folders, patterns, addresses.
    lists : sequence of Path
        Files that list such.
    folder : Path
        The output folder; what is in it is no input.

    Returns
    -------
    list of Input
        In a fixed order.
    list of Failure
        Arguments that mean nothing.

    Raises
    ------
    ConfigError
        If a list cannot be read.
    """
    result: list[Input] = []
    failed: list[Failure] = []
    local: list[Found] = []
    addresses: dict[str, Input] = {}
    for group, keep in [(list(inputs), False), *((read_list(path), True) for path in lists)]:
        plain = [_path_of(one) for one in group if not is_address(_path_of(one))]
        local += _local(plain, folder, failed, keep=keep)
        for address in (one for one in group if is_address(_path_of(one))):
            for far in _remote(address, failed):
                addresses.setdefault(far.location, far)
    for one in each_once(iter(local)):
        try:
            status = one.path.stat()
        except OSError as error:
            reason = ImageError(f"cannot be read: {error.strerror}.", source=str(one.path))
            failed.append(Failure.of(one.path, reason, str(reason)))
            continue
        path = os.path.abspath(one.path)  # noqa: PTH100 - links keep their names
        result.append(Input(path, one.name.as_posix(), status.st_size, str(status.st_mtime_ns)))
    return result + list(addresses.values()), failed


def read_list(path: Path) -> list[str]:
    """Read a list of inputs.

    Parameters
    ----------
    path : Path
        `.csv` with a column `input`; `.jsonl` or `.ndjson`, each line a text or an object with
        `"input"`; anything else: one input per line, empty lines and those that begin with # left
        out. Relative paths start at the working folder, as `find` writes them.

    Returns
    -------
    list of str
        As they would be given on the command line.

    Raises
    ------
    ConfigError
        If the file cannot be read, or is not what its name says.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise ConfigError(f"--list {path}: cannot be read: {error.strerror}.") from error
    lines = text.splitlines()
    if path.suffix.lower() == ".csv":
        rows = csv.DictReader(lines)
        if "input" not in (rows.fieldnames or ()):
            raise ConfigError(f"--list {path}: a CSV list has a column called input.")
        return [row["input"] for row in rows if row["input"]]
    if path.suffix.lower() in {".jsonl", ".ndjson"}:
        return [_json_input(path, n, line) for n, line in enumerate(lines, 1) if line.strip()]
    return [line for line in lines if line.strip() and not line.startswith("#")]


def _json_input(path: Path, number: int, line: str) -> str:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise ConfigError(f"--list {path}, line {number}: not JSON: {error}.") from error
    value = value.get("input") if isinstance(value, dict) else value
    if not isinstance(value, str):
        raise ConfigError(f'--list {path}, line {number}: a text, or an object with "input".')
    return value


def _path_of(text: str) -> str:
    """Return the path of a local address."""
    return text.removeprefix(FILE) if text.startswith(FILE) and "::" not in text else text


def _local(paths: list[str], folder: Path, failed: list[Failure], *, keep: bool) -> Iterator[Found]:
    """Yield local files; `keep`: those that are listed by name keep the folders in it."""
    top = _common(paths) if keep else None
    for text in without_folder(paths, folder):
        for one in found([text], folder, failed, recursive=True):
            inside = keep and one.path == Path(text)
            yield Found(one.path, _below(Path(text), top)) if inside else one


def _common(paths: list[str]) -> Path | None:
    """Return the folder that all absolute paths are in."""
    parents = [str(Path(path).parent) for path in paths if Path(path).is_absolute()]
    return Path(os.path.commonpath(parents)) if parents else None


def _below(path: Path, top: Path | None) -> Path:
    if path.is_absolute() and top is not None:
        return path.relative_to(top)
    return path if ".." not in path.parts else Path(path.name)


def _remote(address: str, failed: list[Failure]) -> Iterator[Input]:
    from ruis.formats import is_image_name

    try:
        files = listed(address)
        alone = len(files) == 1
        images = [one for one in files if alone or is_image_name(one[1])]
        if not images:
            raise ImageError("holds no image that ruis reads.", source=address)
        for location, name, size, stamp in images:
            if ".." in PurePosixPath(name).parts:
                error = ImageError("its name leads out of its folder.", source=location)
                failed.append(Failure.of(location, error, str(error)))
                continue
            yield Input(location, name, size, stamp)
    except RuisError as error:
        failed.append(Failure.of(address, error, str(error)))
