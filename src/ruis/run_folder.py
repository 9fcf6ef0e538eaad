"""The folder of a training run: whose it is, what it follows, what it began with, where its data is.

A recipe whose run is gone on with must be the one that the folder holds, and so must the model that it
began with. What is written is there whole or not at all.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ruis.errors import ConfigError, TrainingError
from ruis.formats.atomic import new_file

if TYPE_CHECKING:
    from ruis.recipe import Recipe

__all__ = ["alone", "begin", "check", "data_of", "keep", "keep_data", "refined"]

RECIPE, ORIGIN, DATA, LOCK = "recipe.toml", "origin.txt", "data.txt", ".lock"

LONGEST_SAID = 100
"""Characters in which a difference of two recipes is told; of a longer one the setting is named."""


@contextmanager
def alone(folder: str | Path) -> Iterator[None]:
    """Keep a run folder to this training, as long as a block lasts or its process lives.

    Parameters
    ----------
    folder : path
        The run's folder; it is made, if need be.

    Raises
    ------
    ConfigError
        If another training is at work in it.
    TrainingError
        If it cannot be written to.
    """
    path = Path(folder) / LOCK
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A lock of SQLite's ends with the process that holds it, on every system.
        database = sqlite3.connect(path, timeout=0, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise TrainingError(f"{folder} cannot be written to: {error}.") from error
    with closing(database):
        try:
            database.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise TrainingError(f"{path} cannot be locked: {error}.") from error
            raise ConfigError(
                f"another training is at work in {folder}: wait for it, or stop it."
            ) from error
        yield


def begin(folder: Path, recipe: Recipe, origin: str) -> None:
    """Write down what a run follows, and what it begins with.

    Parameters
    ----------
    folder : Path
        The run's folder; it is made, if need be.
    recipe : Recipe
        What it follows.
    origin : str
        The hash of the model that it begins with; empty for fresh weights.

    Raises
    ------
    ConfigError
        If the recipe names a folder whose name is no text.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        said = recipe.to_toml().encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"a recipe is text, and the name of a folder in this one is not: {error.object!a}. Rename "
            "the folder."
        ) from error
    keep(folder / ORIGIN, origin.encode("ascii"))
    keep(folder / RECIPE, said)


def check(folder: Path, recipe: Recipe, origin: str) -> None:
    """See that a run may be gone on with; the parameters are those of :func:`begin`.

    Raises
    ------
    ConfigError
        If it followed another recipe, or began with another model.
    """
    if other := _difference(folder / RECIPE, recipe):
        raise ConfigError(
            f"{folder} followed another recipe ({other}): go on with {folder / RECIPE}, or begin anew in "
            "another folder."
        )
    if (folder / ORIGIN).exists() and (folder / ORIGIN).read_text("ascii") != origin:
        raise ConfigError(f"{folder} began with another model: give the same --from.")


def keep_data(folder: Path, data: Path) -> None:
    """Write down where a run's data is, so that its recipe can be used again."""
    keep(folder / DATA, os.fsencode(data.resolve()))


def data_of(folder: Path) -> Path | None:
    """Return where the data of a run is; None if the folder is not that of a run.

    Parameters
    ----------
    folder : Path
        The run's folder.
    """
    try:
        return Path(os.fsdecode((folder / DATA).read_bytes()))
    except OSError:
        return None


def refined(folder: Path) -> bool:
    """Say whether the run in a folder began with the weights of a model.

    Parameters
    ----------
    folder : Path
        The run's folder, or any other.
    """
    try:
        return bool((folder / ORIGIN).read_text("ascii").strip())
    except (OSError, UnicodeDecodeError):
        return False


def keep(path: Path, data: bytes) -> None:
    """Write a file of the run, whole, in place of an older one."""
    with new_file(path, overwrite=True) as file:
        file.write(data)


def _difference(path: Path, recipe: Recipe) -> str:
    """Say where a run's recipe teaches something else than this one; nothing if it does not."""
    try:
        there = type(recipe).read(path)
    except ConfigError as error:
        return str(error).removesuffix(".")
    words = {"purpose", "limits"}
    before, now = (one.model_dump(mode="json", exclude=words) for one in (there, recipe))
    told = [f"{key} = {before[key]!r}, not {now[key]!r}" for key in now if before[key] != now[key]]
    return "; ".join(one if len(one) <= LONGEST_SAID else one.partition(" = ")[0] for one in told)
