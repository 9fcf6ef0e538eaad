"""Which files are meant by what a person names: files, folders and patterns; not what ruis wrote itself."""

from __future__ import annotations

import functools
import glob
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ruis.errors import ConfigError, ImageError, RuisError

__all__ = [
    "MARK",
    "OME",
    "OWN",
    "UNCERTAINTY",
    "Failure",
    "Found",
    "each_once",
    "found",
    "is_folder",
    "is_own",
    "is_pattern",
    "keys",
    "without_folder",
]

MARK = ".denoised"
"""What the name of a denoised image has before its ending, where it stands beside the noisy one."""

UNCERTAINTY = ".uncertainty"
"""What the name of a map of uncertainty has there."""

OWN = f"{MARK}, {UNCERTAINTY}"
"""Both, for people."""

OME = ".ome"


@dataclass(frozen=True)
class Failure:
    """An input that was not denoised: its name, the error's name, and the reason."""

    input: str
    error: str
    message: str

    @classmethod
    def of(cls, input: str | Path, error: BaseException, message: str) -> Failure:
        """Record an error."""
        return cls(str(input), type(error).__name__, message)


@dataclass(frozen=True)
class Found:
    """An input, and the name that it keeps in an output folder."""

    path: Path
    name: Path


def is_folder(path: Path) -> bool:
    """Say whether a folder may hold images; one that is an image itself (Zarr) may not."""
    from ruis.stacks import is_stack_name

    return path.is_dir() and not is_stack_name(path)


def is_pattern(text: str) -> bool:
    """Say whether a name is a pattern; a file may be called so as well."""
    return glob.has_magic(text) and not os.path.lexists(text)


def found(
    inputs: list[str], folder: Path | None, failed: list[Failure], *, recursive: bool
) -> Iterator[Found]:
    """Yield the files that the arguments mean.

    Parameters
    ----------
    inputs : list of str
        Files, folders and patterns.
    folder : Path, optional
        The output folder, into which nobody looks for inputs.
    failed : list of Failure
        What means nothing is added to it.
    recursive : bool
        Whether folders inside folders are looked into.

    Raises
    ------
    ConfigError
        If one is empty.
    """
    for text in inputs:
        if not text:  # an unset variable of a shell is not the current folder
            raise ConfigError("the name of an input is empty; . is the current folder.")
        paths = [text]
        if is_pattern(text):
            paths = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - absolute ones, too
            paths = _without_output(text, paths, folder)
        try:
            if not paths:
                raise ImageError("no file fits this pattern.", source=text)
            for path in map(Path, paths):
                if is_folder(path):
                    yield from _scanned(path, folder, recursive=recursive)
                else:
                    yield Found(path, Path(path.name))
        except RuisError as error:
            failed.append(Failure.of(text, error, str(error)))


def without_folder(inputs: list[str], output: Path) -> list[str]:
    """Leave out the output folder, which `scans/*` names once it is in there, unless there is nothing else."""
    own = output.resolve()
    return [text for text in inputs if not text or Path(text).resolve() != own] or inputs


def _without_output(pattern: str, paths: list[str], output: Path | None) -> list[str]:
    """Leave out what lies in the output folder, unless all that the pattern means does."""
    if output is None:
        return paths
    fixed = itertools.takewhile(lambda part: not is_pattern(part), Path(pattern).parts)
    own = output.resolve()
    if Path(*fixed).resolve().is_relative_to(own):
        return paths
    return [path for path in paths if not Path(path).resolve().is_relative_to(own)]


def _scanned(top: Path, output: Path | None, *, recursive: bool) -> Iterator[Found]:
    """Yield the images in a folder; not those that are hidden, or that ruis wrote.

    Raises
    ------
    ImageError
        If there is none, or the folder cannot be read.
    """
    from ruis.formats import is_image_name
    from ruis.stacks import is_stack_name

    avoid = None if output is None else output.resolve()
    here = count = 0
    for current, folders, names in os.walk(top, onerror=_unreadable):  # enters no links
        stacks = [name for name in folders if is_stack_name(Path(name))]
        folders[:] = sorted(
            name
            for name in folders
            if recursive
            and name not in stacks
            and not name.startswith(".")
            and Path(current, name).resolve() != avoid
        )
        for path in (Path(current, name) for name in sorted([*names, *stacks])):
            if path.name.startswith(".") or not (is_image_name(path) or path.name in stacks):
                continue
            count += 1
            if is_own(path):
                continue
            here += 1
            yield Found(path, path.relative_to(top))
    if not here:
        what = f"only images that ruis wrote ({OWN})" if count else "no image that ruis reads"
        hint = "" if recursive else "; --recursive also looks into the folders inside"
        raise ImageError(f"the folder holds {what}{hint}.", source=str(top))


def is_own(path: Path) -> bool:
    """Say whether the name of a file is one that ruis gives to what it writes beside its inputs."""
    return path.stem.endswith((MARK, MARK + OME, UNCERTAINTY))


def _unreadable(error: OSError) -> None:
    raise ImageError(f"cannot be read: {error.strerror}.", source=str(error.filename)) from error


def each_once(some: Iterator[Found]) -> list[Found]:
    """Keep the first of several mentions of one file."""
    first: dict[str, Found] = {}
    key = keys()
    for one in some:
        first.setdefault(key(one.path), one)
    return list(first.values())


def keys() -> Callable[[Path], str]:
    """Return a function whose value is the same for two names of one place.

    It resolves each folder once, as long as it is kept; a link at the end is not followed.
    """

    @functools.cache
    def resolved(folder: Path) -> Path:
        return folder.resolve()

    return lambda path: os.path.normcase(Path(resolved(path.parent), path.name))
