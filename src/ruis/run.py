"""What a training gave, and its model file with the card that tells how it was taught."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import ruis
from ruis import architectures, model_file, noise, processor
from ruis.manifest import DataUsed, Manifest, Training

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ruis.checkpoint import Epoch
    from ruis.examples import Shown
    from ruis.model_file import ModelFile
    from ruis.recipe import Recipe

__all__ = ["Run", "mixed", "publish"]


@dataclass(frozen=True, eq=False)
class Run:
    """A finished training.

    Parameters
    ----------
    recipe : Recipe
        What was asked for.
    history : tuple of Epoch
        Every epoch.
    best : Epoch
        The one whose weights were kept.
    weights : dict of str to numpy.ndarray
        Those weights, by variable path.
    images : dict of str to int
        How many images each data source gave, by its name.
    start : ModelFile or None
        The model that it began with.
    shown : Shown or None
        A crop that was not learnt from, if there was more than one image.
    """

    recipe: Recipe
    history: tuple[Epoch, ...]
    best: Epoch
    weights: dict[str, Any]
    images: dict[str, int]
    start: ModelFile | None = None
    shown: Shown | None = None

    @property
    def minutes(self) -> float:
        """The time spent on training, validation not counted."""
        return self.history[-1].seconds / 60

    @property
    def pixels(self) -> float:
        """How many pixels were learnt from."""
        return float(self.history[-1].step * self.recipe.batch * self.recipe.patch**2)


def mixed(before: Mapping[str, Any], after: Mapping[str, Any], share: float) -> dict[str, Any]:
    """Return the mean of the weights of one network before and after a training.

    Parameters
    ----------
    before, after : mapping of str to numpy.ndarray
        By variable path.
    share : float
        Of the latter, 0..1.

    Returns
    -------
    dict of str to numpy.ndarray
        In the order of the latter.
    """
    return {name: (1 - share) * before[name] + share * after[name] for name in after}


def publish(run: Run, path: str | Path, *, overwrite: bool = False) -> ModelFile:
    """Write the model of a finished training, with the card that tells how it was taught.

    Parameters
    ----------
    run : Run
        From :func:`ruis.train`.
    path : path
        Where to; ends in `.ruis`.
    overwrite : bool, default False
        Whether a file that is there already is replaced.

    Returns
    -------
    ModelFile
        As it was written.

    Raises
    ------
    ImageWriteError
        If the file exists already, or the disk refuses.
    """
    recipe = run.recipe
    manifest = Manifest(
        name=recipe.name,
        purpose=recipe.purpose,
        architecture=architectures.parse(recipe.architecture).published(),
        noise=_noise_learnt(recipe),
        limits=recipe.limits,
        data=tuple(
            DataUsed(name=name, terms="; ".join(terms), images=run.images[name])
            for name, terms in _terms(recipe).items()
        ),
        training=Training(
            recipe=_published(recipe),
            seed=recipe.seed,
            minutes=round(run.minutes, 1),
            steps=run.history[-1].step,
            megapixels=round(run.pixels / 1e6, 1),
            best_epoch=run.best.epoch,
            validation_psnr=round(run.best.psnr, 3),
            machine=processor.describe(),
            earlier=() if run.start is None else run.start.manifest.trainings,
            versions={
                "ruis": ruis.__version__,
                "keras": version("keras"),
                "numpy": version("numpy"),
            },
        ),
    )
    return model_file.save(path, manifest, run.weights, overwrite=overwrite)


def _terms(recipe: Recipe) -> dict[str, dict[str, None]]:
    """Return the terms of the data of each name: several folders may be of one."""
    found: dict[str, dict[str, None]] = {}
    for source in recipe.data:
        found.setdefault(source.name, {})[source.terms] = None
    return found


def _noise_learnt(recipe: Recipe) -> str:
    """Say what noise a model has learnt, for its card."""
    if recipe.noise is not None:
        return str(noise.parse(recipe.noise))
    if recipe.objective_name == "supervised":
        return "real pairs"
    return f"of the training images, by {recipe.objective_name}"


def _published(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as a model file keeps it."""
    said = recipe.model_dump(mode="json", exclude_none=True)
    published = architectures.parse(recipe.architecture).published()
    return {**said, "architecture": {key: published[key] for key in said["architecture"]}}
