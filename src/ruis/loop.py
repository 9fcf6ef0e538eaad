"""What happens around each step and each epoch of a training."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis.checkpoint import Checkpoint, Epoch, weights_of
from ruis.errors import DivergedError
from ruis.optimizer import averaged

if TYPE_CHECKING:
    from ruis.examples import Validation
    from ruis.preview import Preview
    from ruis.recipe import Recipe

__all__ = ["Loop", "Progress", "Report", "learning_rate"]

TELL_SECONDS = 0.2


@dataclass(frozen=True)
class Report:
    """What a training tells while it works.

    Parameters
    ----------
    stage : {"reading", "note", "training", "validated"}
        What it is doing; or that there is a note.
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
    note : str
        What a person should know, once.
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
    note: str = ""


Progress = Callable[[Report], None]


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


class Loop:
    """Learning rate, progress, validation, checkpoint, and the end of the budget.

    Parameters
    ----------
    recipe : Recipe
        What is followed.
    checkpoint : Checkpoint
        Where epochs are recorded.
    validation : Validation
        What they are compared by.
    model : keras.Model
        Compiled, and restored from the checkpoint.
    tell : callable
        Called with a :class:`Report`, five times a second at most and after each validation.
    preview : Preview, optional
        What draws pictures for people.
    """

    def __init__(
        self,
        recipe: Recipe,
        checkpoint: Checkpoint,
        validation: Validation,
        model: Any,
        tell: Progress,
        preview: Preview | None = None,
    ) -> None:
        self.recipe = recipe
        self.checkpoint = checkpoint
        self.validation = validation
        self.model = model
        self.tell = tell
        self.preview = preview
        self.pixels = recipe.batch * recipe.patch**2
        self.seconds = checkpoint.seconds_done
        self.step = checkpoint.steps_done
        self.loss = math.nan
        self.told = self.clock = 0.0
        self.warm: tuple[float, float] | None = None
        self.epoch_start = (self.step, self.seconds)

    def callback(self) -> Any:
        """Return the Keras callback that calls the methods below."""
        import keras

        return keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: self.begin_epoch(),
            on_train_batch_begin=lambda batch, logs: self.before_step(),
            on_train_batch_end=lambda batch, logs: self.after_step(float(logs["loss"])),
            on_epoch_end=lambda epoch, logs: self.end_epoch(epoch + 1, logs),
        )

    @property
    def fraction(self) -> float:
        """The share of the budget that is used up."""
        if self.recipe.minutes is not None:
            return self.seconds / (60 * self.recipe.minutes)
        assert self.recipe.epochs is not None  # a recipe has one of the two
        return self.step / (self.recipe.steps_per_epoch * self.recipe.epochs)

    @property
    def finished(self) -> bool:
        """Whether the budget is used up, or validation has not become better for long."""
        history, patience = self.checkpoint.history, self.recipe.patience
        if patience is None or not history or self.checkpoint.keep_last:
            return self.fraction >= 1
        return self.fraction >= 1 or history[-1].epoch - self.checkpoint.best.epoch >= patience

    def begin_epoch(self) -> None:
        """Start the epoch's clock."""
        self.epoch_start = (self.step, self.seconds)
        self.clock = time.perf_counter()

    def before_step(self) -> None:
        """Set the learning rate."""
        self.model.optimizer.learning_rate = learning_rate(self.recipe, self.step, self.fraction)

    def after_step(self, loss: float) -> None:
        """Count the step, stop at the end of the budget, and refuse to go on without a loss."""
        self.loss = loss
        if not math.isfinite(loss):
            raise DivergedError(self.step, loss)
        now = time.perf_counter()
        self.seconds += now - self.clock
        self.clock = now
        self.step += 1
        if self.warm is None:
            self.warm = (self.fraction, self.seconds)
        self.model.stop_training = self.fraction >= 1
        if now - self.told > TELL_SECONDS:
            self.told = now
            self.tell(self._report("training"))

    def end_epoch(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Validate, write the checkpoint, and tell other callbacks in their `logs`."""
        with averaged(self.model):
            psnr = self.validation.psnr(self._run)
            judged = weights_of(self.model)
            if self.preview and self.preview.due(epoch):
                self.preview.draw(self._run, epoch)
        if logs is not None:
            logs["validation_psnr"] = psnr
        done = Epoch(epoch, self.step, self.loss, psnr, self.seconds, self._rate())
        self.checkpoint.save(self.model, done, judged)
        self.model.stop_training = self.finished
        self.tell(self._report("validated"))

    def _run(self, batch: Any) -> Any:
        """Run the network on a batch."""
        return np.asarray(self.model(batch, training=False), np.float32)

    def _rate(self) -> float:
        """Megapixels per second of this epoch."""
        steps, seconds = self.step - self.epoch_start[0], self.seconds - self.epoch_start[1]
        return steps * self.pixels / seconds / 1e6 if seconds else math.nan

    def _left(self) -> float:
        """Seconds until the end; the first step here, in which the network is compiled, not counted."""
        if self.recipe.minutes is not None:
            return 60 * self.recipe.minutes - self.seconds
        fraction, seconds = self.warm or (self.fraction, self.seconds)
        done = self.fraction - fraction
        return (self.seconds - seconds) * (1 - self.fraction) / done if done > 0 else math.nan

    def _report(self, stage: str) -> Report:
        history = self.checkpoint.history
        return Report(
            stage,
            min(self.fraction, 1.0),
            max(self._left(), 0.0),
            len(history) + (stage == "training"),
            self.step,
            self.loss,
            self._rate(),
            history[-1].psnr if history else math.nan,
            self.checkpoint.best.psnr if history else math.nan,
        )
