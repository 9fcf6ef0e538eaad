"""A recipe and data -> a model file. Keras' loop is our loop; this is only assembly.

A run keeps a folder beside its model file, `NAME.run/`: `recipe.toml`, `history.csv`, the weights
that did best on validation images, and a checkpoint of every epoch from which `resume` goes on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruis import architectures, dataset, model_file, noise, optimizer, processor
from ruis.checkpoint import Checkpoint, Epoch
from ruis.errors import DivergedError
from ruis.model_file import DataUsed, Manifest, Training

if TYPE_CHECKING:
    from ruis.architectures.base import Architecture
    from ruis.dataset import Patches, Sample, Validation
    from ruis.model_file import ModelFile
    from ruis.recipe import Recipe

__all__ = ["Report", "Run", "learning_rate", "publish", "train"]

Progress = Callable[["Report"], None]


@dataclass(frozen=True)
class Report:
    """What a training tells while it works.

    Parameters
    ----------
    stage : {"reading", "training", "validated", "saving"}
        What it is doing.
    fraction : float
        The share of this stage that is done, 0..1.
    seconds_left : float
        An estimate for this stage; not a number before one can be made.
    epoch, step : int
        Where training is.
    loss : float
        The mean loss of this epoch so far.
    megapixels_per_second : float
        The rate at which pixels are learnt from.
    psnr, best_psnr : float
        Of the latest validation, and of the best one, in dB.
    """

    stage: str
    fraction: float
    seconds_left: float = math.nan
    epoch: int = 0
    step: int = 0
    loss: float = math.nan
    megapixels_per_second: float = math.nan
    psnr: float = math.nan
    best_psnr: float = math.nan


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
    """

    recipe: Recipe
    history: tuple[Epoch, ...]
    best: Epoch
    weights: dict[str, Any]
    images: dict[str, int]

    @property
    def minutes(self) -> float:
        """The time spent on training, validation not counted."""
        return self.history[-1].seconds / 60

    @property
    def pixels(self) -> float:
        """How many pixels were learnt from."""
        return float(self.history[-1].step * self.recipe.batch * self.recipe.patch**2)


def train(
    recipe: Recipe,
    data: str | Path,
    folder: str | Path,
    *,
    resume: bool = False,
    progress: Progress | None = None,
) -> Run:
    """Teach a network to remove noise.

    Parameters
    ----------
    recipe : Recipe
        What to teach and how.
    data : path
        The folder in which the recipe's data folders are.
    folder : path
        The run's folder: history, checkpoint, best weights.
    resume : bool
        Go on from the checkpoint in `folder`. Without it, a folder that has one is refused.
    progress : callable, optional
        Called with a :class:`Report`, several times a second at most.

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
        If Keras is not installed.
    """
    tell = progress or (lambda report: None)
    architecture = architectures.parse(recipe.architecture)
    checkpoint = Checkpoint.open(folder, recipe, resume=resume)
    samples, images = _read(recipe, Path(data), architecture.channels, tell)
    training, held_out = dataset.split(samples, recipe.validation_images, recipe.seed)
    patches, validation = _prepare(recipe, architecture, training, held_out)
    with _precision(recipe.precision):
        model = architecture.build(seed=recipe.seed)
        _compile(model, recipe)
        loop = _loop(recipe, checkpoint, validation, tell)
        checkpoint.restore(model)
        model.fit(
            _batches(patches, checkpoint.epochs_done, recipe.steps_per_epoch),
            steps_per_epoch=recipe.steps_per_epoch,
            epochs=recipe.epochs or 1_000_000,
            initial_epoch=checkpoint.epochs_done,
            callbacks=[loop],
            verbose=0,
        )
    history = tuple(checkpoint.history)
    return Run(recipe, history, checkpoint.best, checkpoint.best_weights(), images)


def publish(run: Run, path: str | Path, *, overwrite: bool = False) -> ModelFile:
    """Write the model of a finished training, with the card that tells how it was taught.

    Parameters
    ----------
    run : Run
        From :func:`train`.
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
        architecture=recipe.architecture,
        noise="real pairs" if recipe.noise is None else str(noise.parse(recipe.noise)),
        limits=recipe.limits,
        data=tuple(
            DataUsed(name=source.name, terms=source.terms, images=run.images[source.name])
            for source in recipe.data
        ),
        training=Training(
            recipe=recipe.model_dump(mode="json", exclude_none=True),
            seed=recipe.seed,
            minutes=round(run.minutes, 1),
            steps=run.history[-1].step,
            megapixels=round(run.pixels / 1e6, 1),
            best_epoch=run.best.epoch,
            validation_psnr=round(run.best.psnr, 3),
            machine=processor.describe(),
            versions={name: version(name) for name in ("ruis", "keras", "numpy")},
        ),
    )
    return model_file.save(path, manifest, run.weights, overwrite=overwrite)


def _read(
    recipe: Recipe, data: Path, channels: int, tell: Progress
) -> tuple[list[Sample], dict[str, int]]:
    samples: list[Sample] = []
    images: dict[str, int] = {}
    for source in recipe.data:
        noisy = None if source.noisy is None else data / source.noisy
        found = dataset.load(
            data / source.folder,
            channels,
            noisy=noisy,
            progress=lambda count, total: tell(Report("reading", count / total)),
        )
        images[source.name] = images.get(source.name, 0) + len(found)
        samples += found
    return samples, images


def _prepare(
    recipe: Recipe, architecture: Architecture, training: list[Sample], held_out: list[Sample]
) -> tuple[Patches, Validation]:
    model = None if recipe.noise is None else noise.parse(recipe.noise)
    judge = model if recipe.validation_noise is None else noise.parse(recipe.validation_noise)
    patches = dataset.Patches(
        training,
        model,
        patch=recipe.patch,
        batch=recipe.batch,
        takes_sigma=architecture.takes_sigma,
        sigma_given=recipe.sigma_given,
        seed=recipe.seed,
    )
    validation = dataset.Validation(
        held_out,
        judge,
        multiple=architecture.geometry.multiple,
        takes_sigma=architecture.takes_sigma,
        seed=recipe.seed,
    )
    return patches, validation


def _batches(patches: Patches, first_epoch: int, steps: int) -> Iterator[tuple[Any, Any]]:
    """Yield batches for ever; Keras draws them in a thread of its own, ahead of the network."""
    epoch = first_epoch
    while True:
        for step in range(steps):
            yield patches.batch(epoch, step)
        epoch += 1


def _compile(model: Any, recipe: Recipe) -> None:
    # XLA compiles convolutions for a CPU to code that is several times slower than oneDNN's.
    model.compile(optimizer.build(recipe), loss=recipe.loss, jit_compile=False)


class _precision:
    """Keras' dtype policy while a network is built and trained; the old one afterwards."""

    def __init__(self, precision: str) -> None:
        self.bfloat16 = precision == "bf16" or (precision == "auto" and processor.has_bfloat16())

    def __enter__(self) -> None:
        from ruis.architectures.keras_layers import load_keras

        self.config = load_keras().config
        self.before = self.config.dtype_policy()
        self.config.set_dtype_policy("mixed_bfloat16" if self.bfloat16 else "float32")

    def __exit__(self, *exception: object) -> None:
        self.config.set_dtype_policy(self.before)


def learning_rate(recipe: Recipe, step: int, fraction: float) -> float:
    """Return the learning rate: a linear warm-up in steps, then a cosine to zero.

    Parameters
    ----------
    recipe : Recipe
        Its peak and warm-up.
    step : int
        The step that comes, from 0.
    fraction : float
        The share of the whole training that is done, 0..1.
    """
    rise = min(1.0, (step + 1) / max(1, recipe.warmup_steps))
    return recipe.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * min(fraction, 1.0)))


def _loop(
    recipe: Recipe, checkpoint: Checkpoint, validation: Validation, tell: Progress
) -> Any:
    """Return the Keras callback that is all of our own that happens within `fit`."""
    import keras
    import numpy as np

    pixels = recipe.batch * recipe.patch**2
    total_steps = recipe.steps_per_epoch * (recipe.epochs or 0)

    class Loop(keras.callbacks.Callback):  # type: ignore[misc]
        """Learning rate, progress, validation, checkpoint, and the end of the time budget."""

        def on_train_begin(self, logs: Any = None) -> None:
            self.seconds = checkpoint.seconds_done
            self.step = checkpoint.steps_done
            self.told = 0.0
            if self.fraction >= 1:
                self.model.stop_training = True

        @property
        def fraction(self) -> float:
            if recipe.minutes is not None:
                return self.seconds / (60 * recipe.minutes)
            return self.step / total_steps

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.epoch = epoch
            self.epoch_seconds = 0.0
            self.clock = time.perf_counter()

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate = learning_rate(recipe, self.step, self.fraction)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.loss = float(logs["loss"])
            if not math.isfinite(self.loss):
                raise DivergedError(self.step, self.loss)
            now = time.perf_counter()
            self.seconds += now - self.clock
            self.epoch_seconds += now - self.clock
            self.clock = now
            self.step += 1
            self.model.stop_training = self.fraction >= 1
            if now - self.told > 0.2:
                self.told = now
                tell(self.report("training", (batch + 1) * pixels / self.epoch_seconds / 1e6))

        def report(self, stage: str, rate: float) -> Report:
            begun = self.fraction > 0
            left = self.seconds * (1 - self.fraction) / self.fraction if begun else math.nan
            last = checkpoint.history[-1].psnr if checkpoint.history else math.nan
            best = checkpoint.best.psnr if checkpoint.history else math.nan
            return Report(
                stage,
                min(self.fraction, 1.0),
                max(left, 0.0),
                self.epoch + 1,
                self.step,
                self.loss,
                rate,
                last,
                best,
            )

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            psnr = validation.psnr(lambda x: np.asarray(self.model(x, training=False)))
            rate = (self.step - checkpoint.steps_done) * pixels / self.epoch_seconds / 1e6
            done = Epoch(epoch + 1, self.step, self.loss, psnr, self.seconds, rate)
            checkpoint.save(self.model, done)
            tell(self.report("validated", rate))

    return Loop()
