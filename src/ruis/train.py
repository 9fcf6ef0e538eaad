"""A recipe and data -> a model file. Keras' loop is our loop; this is only assembly.

A run keeps a folder beside its model file, `NAME.run/`: `recipe.toml`, `history.csv`, the weights
that did best on validation images, and a checkpoint of every epoch from which `resume` goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis import (
    architectures,
    dataset,
    examples,
    losses,
    noise,
    objectives,
    optimizer,
    processor,
)
from ruis.architectures.keras_layers import without_sigma
from ruis.caution import training_cautions
from ruis.checkpoint import Checkpoint
from ruis.errors import ConfigError, EmptyDatasetError, EngineUnavailableError
from ruis.keras_backend import dtype_policy
from ruis.loop import Loop, Progress, Report
from ruis.model_file import LARGEST_RADIUS
from ruis.preview import Preview
from ruis.run import Run, mixed
from ruis.run_folder import alone, keep_data

if TYPE_CHECKING:
    from ruis.architectures.base import Architecture
    from ruis.dataset import Sample
    from ruis.examples import Patches, Validation
    from ruis.model_file import ModelFile
    from ruis.prescription import Caution
    from ruis.recipe import DataSource, Recipe

__all__ = ["Report", "check", "train"]


def train(
    recipe: Recipe,
    data: str | Path,
    folder: str | Path,
    *,
    start: ModelFile | None = None,
    resume: bool = False,
    tensorboard: bool = False,
    progress: Progress | None = None,
    warn: Callable[[Caution], None] | None = None,
) -> Run:
    """Teach a network to remove noise.

    Parameters
    ----------
    recipe : Recipe
        What to teach and how.
    data : path
        The folder in which the recipe's data folders are.
    folder : path
        The run's folder: recipe, history, previews, checkpoints, best weights.
    start : ModelFile, optional
        A model whose weights to begin with instead of fresh ones: of the same architecture, or one
        that the recipe's begins as (:meth:`Architecture.begun`), as a U-Net that is smaller.
    resume : bool
        Go on from the checkpoint in `folder`. Without it, a folder that has one is refused.
    tensorboard : bool
        Also write curves for TensorBoard, into `folder/tensorboard`.
    progress : callable, optional
        Called with a :class:`Report`, several times a second at most.
    warn : callable, optional
        Called with each :class:`~ruis.prescription.Caution` that the images give reason for, before
        the training begins; nothing is stopped by them.

    Returns
    -------
    Run
        With the weights of the epoch that did best on the images held out for validation.

    Raises
    ------
    ConfigError
        If the recipe cannot be followed, or `folder` holds a run and `resume` is False.
    EmptyDatasetError
        If there are no images to learn from.
    DivergedError
        If the loss is no longer a finite number; the last good checkpoint is kept.
    EngineUnavailableError
        If Keras is not installed, or TensorBoard, if it is asked for.

    Examples
    --------
    >>> from ruis.recipe import Recipe
    >>> run = train(Recipe.read("recipes/gray-fast.toml"), "data", "fast.run")  # doctest: +SKIP
    >>> publish(run, "fast.ruis")  # doctest: +SKIP
    """
    tell = progress or (lambda report: None)
    architecture = check(recipe, data, start)
    watchers = [_tensorboard(Path(folder))] if tensorboard else []
    with alone(folder):
        checkpoint = Checkpoint.open(
            folder,
            recipe,
            resume=resume,
            origin=start.sha256 if start else "",
            keep_last=not objectives.parse(recipe.objective).stops_early,
        )
        keep_data(Path(folder), Path(data))
        return _taught(recipe, architecture, Path(data), checkpoint, start, watchers, tell, warn)


def check(recipe: Recipe, data: str | Path, start: ModelFile | None = None) -> Architecture:
    """Refuse what cannot be followed, before an image is read or anything is written.

    Parameters
    ----------
    recipe : Recipe
        As for :func:`train`, like the others.
    data : path
        Where its data folders are.
    start : ModelFile, optional
        What it goes on from.

    Returns
    -------
    Architecture
        The recipe's.

    Raises
    ------
    ConfigError
        If the recipe cannot be followed.
    EmptyDatasetError
        If a folder is not there, or holds no images.
    """
    architecture = architectures.parse(recipe.architecture)
    if start is not None and architecture.begun(start.architecture, {}, {}) is None:
        raise ConfigError(
            f"the model {start.name!r} is another network than the recipe's: "
            f"{start.architecture!r}, not {architecture!r}. A network may grow, and not shrink."
        )
    if recipe.finetuned_share < 1 and (start is None or start.architecture != architecture):
        raise ConfigError(
            "finetuned_share below 1 is for a training that goes on from a model of the same network (--from)."
        )
    untold = architecture.takes_sigma and not _tells_sigma(recipe)
    _check(recipe, architecture, unused=untold and start is None)
    for source in recipe.data:
        for folder in _folders(source, Path(data)).values():
            if folder is None:
                continue
            if not folder.exists():
                raise EmptyDatasetError(
                    f"there is no folder {folder}: the recipe's folders are looked for in {data} "
                    "(--data says where else)."
                )
            dataset.find(folder)
    return architecture


def _taught(
    recipe: Recipe,
    architecture: Architecture,
    data: Path,
    checkpoint: Checkpoint,
    start: ModelFile | None,
    watchers: list[Any],
    tell: Progress,
    warn: Callable[[Caution], None] | None,
) -> Run:
    """Teach a network, in a folder that is this training's alone."""
    told = architecture.takes_sigma and _tells_sigma(recipe)
    for note in checkpoint.notes:
        tell(Report("note", 0.0, note=note))
    samples, images = _read(recipe, data, architecture.channels, tell)
    if warn is not None:
        for one in training_cautions(samples, objectives.parse(recipe.objective)):
            warn(one)
    least = max(architecture.geometry.size or (architecture.geometry.multiple,))
    training, held_out = dataset.split(samples, recipe.validation_images, least)
    checkpoint.hold_out([one.name for one in held_out])
    for note in dataset.misaligned(samples):
        tell(Report("note", 1.0, note=note))
    patches, validation = _prepare(recipe, architecture, training, held_out, told=told)
    wanted = recipe.precision
    bfloat16 = wanted == "bf16" or (wanted == "auto" and processor.has_bfloat16())
    with dtype_policy(bfloat16=bfloat16):
        # What is loaded below needs no weights to begin with.
        loaded = start is not None or bool(checkpoint.history)
        build = architecture.build if loaded else architecture.build_to_train
        model = build(seed=recipe.seed)
        if start is not None:
            _begin(model, architecture, start)
        if architecture.takes_sigma and not told:
            model = without_sigma(model)
        model = _compile(model, recipe)
        checkpoint.restore(model)
        assert validation.shown is not None
        preview = Preview(checkpoint.folder, validation.shown, takes_sigma=told)
        loop = Loop(recipe, checkpoint, validation, model, tell, preview)
        if not loop.finished:  # else only its model is wanted
            model.fit(
                _batches(patches, checkpoint.epochs_done, recipe.steps_per_epoch),
                steps_per_epoch=recipe.steps_per_epoch,
                epochs=recipe.epochs or 1_000_000,
                initial_epoch=checkpoint.epochs_done,
                shuffle=False,
                callbacks=[loop.callback(), *watchers],
                verbose=0,
            )
        weights = checkpoint.best_weights()
        if start is not None and recipe.finetuned_share < 1:
            weights = _mixed(model, start, validation, weights, recipe.finetuned_share, tell)
        weights = _finished(model, architecture, validation, weights, tell)
    history, shown = tuple(checkpoint.history), validation.shown
    return Run(recipe, history, checkpoint.best, weights, images, start, shown)


def _begin(model: Any, architecture: Architecture, start: ModelFile) -> None:
    """Give the network the weights of the model that it goes on from."""
    fresh = {variable.path: np.asarray(variable, np.float32) for variable in model.variables}
    begun = architecture.begun(start.architecture, start.weights, fresh)
    assert begun is not None
    for variable in model.variables:
        variable.assign(begun[variable.path])


def _with(model: Any, weights: dict[str, Any]) -> Callable[[Any], Any]:
    """Give a network these weights, and return what runs it on a batch."""
    for variable in model.variables:
        variable.assign(weights[variable.path])
    return lambda batch: np.asarray(model(batch, training=False), np.float32)


def _mixed(
    model: Any,
    start: ModelFile,
    validation: Validation,
    weights: dict[str, Any],
    share: float,
    tell: Progress,
) -> dict[str, Any]:
    """Return the mean of what the training began with and what it came to, and tell what that does."""
    weights = mixed(start.weights, weights, share)
    psnr = validation.psnr(_with(model, weights))
    note = f"{share:.0%} of the weights are what was learnt, the others what it began with: {psnr:.2f} dB."
    tell(Report("note", 1.0, note=note))
    return weights


def _finished(
    model: Any,
    architecture: Architecture,
    validation: Validation,
    weights: dict[str, Any],
    tell: Progress,
) -> dict[str, Any]:
    """Return the best weights as they are published: those of a blind spot look at the pixel too."""
    if not validation.objective.blind_spot:
        return weights
    share = validation.strength(_with(model, weights))
    weakened = architecture.weakened(weights, share)
    if weakened is None or share == 1:
        return weights
    note = f"{share:.0%} of the noise that is found is removed: the pixel itself is worth the rest."
    tell(Report("note", 1.0, note=note))
    return weakened


def _check(recipe: Recipe, architecture: Architecture, *, unused: bool) -> None:
    """Refuse what cannot work, before an image is read."""
    geometry = architecture.geometry
    if (
        geometry.radius > LARGEST_RADIUS
    ):  # it would be refused where it is written, after all the work
        raise ConfigError(
            f"this network looks {geometry.radius} pixels far, and at most {LARGEST_RADIUS} is allowed: take "
            "fewer blocks or levels."
        )
    sides = geometry.size or (recipe.patch // geometry.multiple * geometry.multiple,) * 2
    if sides != (recipe.patch, recipe.patch):
        wanted = f"{sides[0]}x{sides[1]}" if geometry.size else f"multiples of {geometry.multiple}"
        raise ConfigError(f"patch = {recipe.patch}: this network takes {wanted} pixels.")
    if geometry.size and objectives.parse(recipe.objective).halves:
        raise ConfigError(
            f"{recipe.objective_name} shows the network pictures of half the size, and this network takes "
            f"{sides[0]}x{sides[1]} pixels alone: take another objective, such as noise-to-void."
        )
    if unused:  # a model that was taught before keeps what it learnt of sigma
        raise ConfigError(
            "this training never tells the network sigma: set sigma_channel = false, or, with "
            "noise whose sigma is known, sigma_given above 0."
        )
    losses.get(recipe.loss)
    optimizer.build(recipe)


def _tells_sigma(recipe: Recipe) -> bool:
    """Say whether the noise has a sigma, at least sometimes, and the network is told it."""
    if recipe.noise is None or recipe.sigma_given == 0:
        return False
    if recipe.sigma_error is not None:  # the crop's noise tells it where the model of it does not
        return True
    return noise.has_sigma(noise.parse(recipe.noise))


def _tensorboard(folder: Path) -> Any:
    """Return Keras' own callback for TensorBoard."""
    from importlib.util import find_spec

    import keras

    if find_spec("tensorboard") is None:
        raise EngineUnavailableError("TensorBoard", "tensorboard")
    return keras.callbacks.TensorBoard(
        str(folder / "tensorboard"), write_graph=False, update_freq="epoch"
    )


def _read(
    recipe: Recipe, data: Path, channels: int, tell: Progress
) -> tuple[list[Sample], dict[str, int]]:
    samples: list[Sample] = []
    images: dict[str, int] = {}
    for source in recipe.data:
        found = dataset.load(
            channels=channels,
            **_folders(source, data),
            exclude=source.exclude,
            axes=source.axes,
            white=source.white,
            progress=lambda count, total: tell(Report("reading", count / total)),
        )
        images[source.name] = images.get(source.name, 0) + len(found)
        samples += [replace(sample, weight=source.weight) for sample in found]
    return samples, images


def _folders(source: DataSource, data: Path) -> dict[str, Path | None]:
    """Return where the images of each role are."""
    names = {"clean": source.folder, "noisy": source.noisy, "second": source.second}
    return {role: None if name is None else data / name for role, name in names.items()}


def _prepare(
    recipe: Recipe,
    architecture: Architecture,
    training: list[Sample],
    held_out: list[Sample],
    *,
    told: bool,
) -> tuple[Patches, Validation]:
    model = None if recipe.noise is None else noise.parse(recipe.noise)
    judge = model if recipe.validation_noise is None else noise.parse(recipe.validation_noise)
    patches = examples.Patches(
        training,
        model,
        patch=recipe.patch,
        batch=recipe.batch,
        zoom=(recipe.zoom_least, recipe.zoom, recipe.zoom_share),
        compressed=recipe.compressed,
        turned=recipe.turned,
        takes_sigma=told,
        sigma_given=recipe.sigma_given,
        sigma_error=recipe.sigma_error,
        seed=recipe.seed,
        objective=objectives.parse(recipe.objective),
    )
    fixed = architecture.geometry.size  # square, like a patch
    validation = examples.Validation(
        held_out,
        judge,
        multiple=fixed[0] if fixed else architecture.geometry.multiple,
        side=fixed[0] if fixed else 256,
        takes_sigma=told,
        seed=recipe.seed,
        objective=patches.objective,
        told=recipe.sigma_given == 1,
    )
    return patches, validation


def _batches(patches: Patches, first_epoch: int, steps: int) -> Iterator[tuple[Any, Any]]:
    """Yield batches for ever; Keras draws them in a thread of its own, ahead of the network."""
    epoch = first_epoch
    while True:
        for step in range(steps):
            yield patches.batch(epoch, step)
        epoch += 1


def _compile(network: Any, recipe: Recipe) -> Any:
    """Return the network as its objective fits it."""
    objective = objectives.parse(recipe.objective)
    model, loss = objective.learner(network, losses.get(recipe.loss))
    # XLA compiles convolutions for a CPU to code that is several times slower than oneDNN's.
    model.compile(optimizer.build(recipe), loss=loss, jit_compile=False)
    return model
