"""A model file -> the recipes of all the trainings that made it, to be followed again."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ruis.errors import ConfigError
from ruis.formats.atomic import new_folder
from ruis.recipe import Recipe

if TYPE_CHECKING:
    from ruis.manifest import Manifest, Training

__all__ = ["Part", "parts", "write"]


@dataclass(frozen=True)
class Part:
    """One of the trainings that made a model, each of which went on from the one before.

    Parameters
    ----------
    name : str
        Of its files, without an ending: "2-gray".
    recipe : Recipe
        What it followed.
    training : Training
        How it went.
    """

    name: str
    recipe: Recipe
    training: Training


def parts(manifest: Manifest) -> list[Part]:
    """Return all trainings that made a model, the first one first.

    Raises
    ------
    ConfigError
        If one of them followed no recipe, or one that this version cannot follow.
    """
    trainings = manifest.trainings
    if not all(one.recipe for one in trainings):
        raise ConfigError(f"the model {manifest.name} was not made by recipes.")
    width = len(str(len(trainings)))
    found = []
    for number, training in enumerate(trainings, start=1):
        recipe = Recipe.parse(training.recipe, what=f"recipe {number} of {manifest.name}")
        found.append(Part(f"{number:0{width}}-{recipe.name}", recipe, training))
    return found


def write(manifest: Manifest, folder: Path) -> list[str]:
    """Write the recipes of a model into a new folder, each with the command that follows it.

    Parameters
    ----------
    manifest : Manifest
        The model's.
    folder : Path
        Where to; it appears whole or not at all.

    Returns
    -------
    list of str
        The commands, in their order.

    Raises
    ------
    ConfigError
        As for :func:`parts`; or the folder is there already, perhaps with models in it.
    ImageWriteError
        If the disk refuses.

    Examples
    --------
    >>> from ruis import zoo
    >>> write(zoo.find("gray").manifest, Path("gray-recipes"))  # doctest: +SKIP
    ['ruis train gray-recipes/1-... --data DATA -o ...', ...]
    """
    found = parts(manifest)
    if os.path.lexists(folder):
        raise ConfigError(f"{folder} is there already: recipes go into a new folder.")
    commands = [
        _command(folder, part, before)
        for part, before in zip(found, [None, *found[:-1]], strict=True)
    ]
    with new_folder(folder) as room:
        for number, (part, command) in enumerate(zip(found, commands, strict=True), start=1):
            went = part.training
            asked = (part.recipe.epochs or 0) * part.recipe.steps_per_epoch
            stopped = f", and was stopped after {went.steps} of {asked} steps" * (
                asked > went.steps
            )
            head = (
                f"# Part {number} of {len(found)} of {manifest.name}.\n#   {command}\n"
                f"# It saw {went.megapixels:.0f} megapixels in {went.minutes:.0f} minutes on "
                f"{' '.join(went.machine.split()) or 'a machine that is not known'}{stopped}.\n\n"
            )
            (room / f"{part.name}.toml").write_text(head + part.recipe.to_toml(), encoding="utf-8")
    return commands


def _command(folder: Path, part: Part, before: Part | None) -> str:
    def file(one: Part, ending: str) -> str:
        return shlex.quote(str(folder / f"{one.name}{ending}"))

    start = f" --from {file(before, '.ruis')}" if before else ""
    return f"ruis train {file(part, '.toml')}{start} --data DATA -o {file(part, '.ruis')}"
