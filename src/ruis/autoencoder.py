"""Autoencoders on arrays: compile, fit, predict, as in Keras, for images that all have one size.

`ruis.train` learns from crops of images in folders; this is for data that is an array already, such
as MNIST: any architecture, any Keras optimizer and loss, inputs and targets as they are given. What
it teaches is saved as the same model file.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ruis import architectures, losses, model_file, optimizer
from ruis.errors import ConfigError, DivergedError, EmptyDatasetError
from ruis.keras_backend import dtype_policy
from ruis.loop import TELL_SECONDS, Progress, Report
from ruis.manifest import Manifest
from ruis.metrics.psnr import psnr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.architectures.base import Architecture
    from ruis.model_file import ModelFile

__all__ = ["Autoencoder", "Fitted"]


@dataclass(frozen=True)
class Fitted:
    """One epoch of :meth:`Autoencoder.fit`.

    Parameters
    ----------
    epoch : int
        Its number, counted over all calls of `fit`, from 1.
    loss : float
        The mean loss over the training data while it was learnt from.
    validation_loss : float
        Of the validation data after the epoch; not a number without any.
    psnr : float
        The mean PSNR of the validation data after the epoch, in dB, against a range of 1; likewise.
    seconds : float
        The time that the epoch took, validation not counted; for the first epoch of a call, as if
        its first step, in which the network is compiled, were as fast as the others.
    """

    epoch: int
    loss: float
    validation_loss: float
    psnr: float
    seconds: float


class Autoencoder:
    """A network that learns from arrays of shape (N, rows, columns, channels), float32 in [0, 1].

    Parameters
    ----------
    architecture : Architecture or mapping
        The network: a record, or its mapping, `{"name": "convolutional-autoencoder", ...}`.
    seed : int, default 0
        Of the first weights, and of the order in which images are learnt from.
    weights : mapping of str to numpy.ndarray, optional
        The tensors to begin with, by name. Default: fresh ones.
    bfloat16 : bool, default False
        Whether convolutions compute in bfloat16.

    Attributes
    ----------
    model : keras.Model
        The network.
    history : list of Fitted
        Every epoch so far.

    Raises
    ------
    ConfigError
        If the architecture's parameters make no sense.
    EngineUnavailableError
        If Keras is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.random.default_rng(0).random((64, 8, 8, 1), dtype=np.float32)
    >>> autoencoder = Autoencoder({"name": "dense-autoencoder", "size": [8, 8], "hidden": [16]})
    >>> autoencoder.compile("adam", "mean_squared_error")
    >>> history = autoencoder.fit(images, images, epochs=2, batch_size=16)
    >>> history[1].loss < history[0].loss
    True
    >>> autoencoder.predict(images).shape
    (64, 8, 8, 1)
    """

    def __init__(
        self,
        architecture: Architecture | Mapping[str, Any],
        *,
        seed: int = 0,
        weights: Mapping[str, NDArray[np.float32]] | None = None,
        bfloat16: bool = False,
    ) -> None:
        if isinstance(architecture, Mapping):
            architecture = architectures.parse(architecture)
        if architecture.takes_sigma:
            raise ConfigError("an autoencoder is not told sigma: set sigma_channel to false.")
        self.architecture = architecture
        self.seed = seed
        self.bfloat16 = bfloat16
        self.history: list[Fitted] = []
        with dtype_policy(bfloat16=bfloat16):
            build = architecture.build_to_train if weights is None else architecture.build
            self.model = build(seed=seed)
        if weights is not None:
            for variable in self.model.variables:
                variable.assign(weights[variable.path])
        self.compile()

    def compile(
        self,
        optimizer_: Any = "adam",
        loss: Any = "mean_squared_error",
        *,
        learning_rate: float | None = None,
    ) -> None:
        """Choose how to learn; an optimizer's state begins anew.

        Parameters
        ----------
        optimizer_ : str, mapping or keras.optimizers.Optimizer, default "adam"
            Any Keras optimizer: by name, by name and settings, `{"name": "adadelta", "rho": 0.95}`,
            or as an object.
        loss : str, mapping or callable, default "mean_squared_error"
            Any loss that :func:`ruis.losses.get` takes: Keras' by name or as an object, or
            "perceptual:NETWORK".
        learning_rate : float, optional
            In place of the optimizer's own, where it is given by name.

        Raises
        ------
        ConfigError
            If Keras has no such optimizer or loss, or it takes no such setting.
        """
        self.model.compile(
            optimizer.named(optimizer_, learning_rate),
            loss=losses.get(loss),
            jit_compile=False,  # XLA's convolutions on a CPU are slower than oneDNN's
        )

    def fit(
        self,
        x: NDArray[np.float32],
        y: NDArray[np.float32],
        *,
        epochs: int = 1,
        batch_size: int = 128,
        shuffle: bool = True,
        validation: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
        progress: Progress | None = None,
    ) -> tuple[Fitted, ...]:
        """Learn to turn `x` into `y`; a second call goes on, with the optimizer as it is.

        Parameters
        ----------
        x, y : numpy.ndarray
            Inputs and targets of one shape, (N, rows, columns, channels), float32.
        epochs : int, default 1
            How many times all images are learnt from.
        batch_size : int, default 128
            Images per step.
        shuffle : bool, default True
            Whether each epoch takes them in an order of its own, which (seed, epoch) decides.
        validation : (numpy.ndarray, numpy.ndarray), optional
            Inputs and targets by which each epoch is judged, and from which nothing is learnt.
        progress : callable, optional
            Called with a :class:`ruis.loop.Report`, several times a second at most.

        Returns
        -------
        tuple of Fitted
            The epochs of this call.

        Raises
        ------
        ConfigError
            If the shapes do not fit each other or the network, a value is not a finite number, or
            there is to be less than one epoch, or image in a batch.
        EmptyDatasetError
            If there is nothing to learn from.
        DivergedError
            If the loss is no longer a finite number.
        """
        if epochs < 1 or batch_size < 1:
            raise ConfigError(f"epochs ({epochs}) and batch_size ({batch_size}) are at least 1.")
        self._check(x, y)
        if validation is not None:
            self._check(*validation)
        first = len(self.history)
        steps = math.ceil(len(x) / batch_size)
        watch = _Watch(self, steps, epochs, x[:batch_size].shape, validation, progress)
        self.model.fit(
            self._batches(x, y, batch_size, first, shuffle=shuffle),
            steps_per_epoch=steps,
            initial_epoch=first,
            epochs=first + epochs,
            shuffle=False,
            callbacks=[watch.callback()],
            verbose=0,
        )
        return tuple(self.history[first:])

    def _check(self, x: Any, y: Any) -> None:
        channels, size = self.architecture.channels, self.architecture.fixed_size
        if len(x) == 0:
            raise EmptyDatasetError("there are no images to learn from: the array is empty.")
        if x.ndim != 4 or x.shape[3] != channels or (size and x.shape[1:3] != tuple(size)):
            wanted = "x".join(map(str, size)) if size else "any rows and columns"
            raise ConfigError(
                f"this network takes (N, rows, columns, {channels}), {wanted}; not {x.shape}."
            )
        if x.dtype.kind != "f" or y.dtype.kind != "f":
            raise ConfigError(f"images are floats in [0, 1], not {x.dtype} and {y.dtype}.")
        if x.shape != y.shape:
            raise ConfigError(f"inputs {x.shape} and targets {y.shape} differ in shape.")
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise ConfigError("the images hold values that are not numbers; replace them first.")

    def _batches(
        self, x: Any, y: Any, size: int, epoch: int, *, shuffle: bool
    ) -> Iterator[tuple[Any, Any]]:
        """Yield batches for ever, each epoch in an order that (seed, epoch) decides."""
        while True:
            order = np.arange(len(x))
            if shuffle:
                order = np.random.default_rng([self.seed, epoch]).permutation(len(x))
            for start in range(0, len(x), size):
                chosen = order[start : start + size]
                yield x[chosen], y[chosen]
            epoch += 1

    def predict(self, x: NDArray[np.float32], *, batch_size: int = 256) -> NDArray[np.float32]:
        """Return what the network makes of images.

        Parameters
        ----------
        x : numpy.ndarray
            Shape (N, rows, columns, channels), float32.
        batch_size : int, default 256
            Images at a time.

        Returns
        -------
        numpy.ndarray
            The same shape, float32.
        """
        self._check(x, x)
        parts = [
            np.asarray(self.model(x[start : start + batch_size], training=False), np.float32)
            for start in range(0, len(x), batch_size)
        ]
        return np.concatenate(parts)

    @property
    def weights(self) -> dict[str, NDArray[np.float32]]:
        """The tensors, by name."""
        return {v.path: np.asarray(v.value, np.float32) for v in self.model.variables}

    def save(
        self, path: str | Path, manifest: Mapping[str, Any], *, overwrite: bool = False
    ) -> ModelFile:
        """Write the network as a model file that :func:`ruis.load` reads.

        Parameters
        ----------
        path : path
            Where to; ends in `.ruis`.
        manifest : mapping
            What the file is to say of itself: at least a `name`; see
            :class:`ruis.manifest.Manifest`. The architecture is put in here.
        overwrite : bool, default False
            Whether a file that is there already is replaced.

        Returns
        -------
        ModelFile
            As it was written: weights are rounded to 16 bits.

        Raises
        ------
        ImageWriteError
            If the file exists already, or the disk refuses.
        """
        said = {**manifest, "architecture": self.architecture.published()}
        return model_file.save(
            path, Manifest.parse(said, what="the manifest"), self.weights, overwrite=overwrite
        )

    @classmethod
    def of(cls, model: ModelFile) -> Self:
        """Return the autoencoder that a model file holds, to look into or to teach further."""
        return cls(model.architecture, weights=model.weights)


class _Watch:
    """What is told and kept while a network learns."""

    def __init__(
        self,
        autoencoder: Autoencoder,
        steps: int,
        epochs: int,
        shape: tuple[int, ...],
        validation: Any,
        progress: Progress | None,
    ) -> None:
        self.autoencoder = autoencoder
        self.steps, self.epochs = steps, epochs
        self.batch_size, self.pixels = shape[0], math.prod(shape[:3])
        self.validation = validation
        self.tell = progress or (lambda report: None)
        self.step = 0
        self.compiled = math.nan
        self.loss = math.nan
        self.told = self.clock = self.seconds = 0.0

    def callback(self) -> Any:
        """Return the Keras callback that calls the methods below."""
        import keras

        return keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: self.begin(),
            on_train_batch_end=lambda batch, logs: self.after_step(float(logs["loss"])),
            on_epoch_end=lambda epoch, logs: self.end(epoch + 1),
        )

    def begin(self) -> None:
        """Start the epoch's clock."""
        self.clock = time.perf_counter()

    def after_step(self, loss: float) -> None:
        """Count the step, and refuse to go on without a loss."""
        self.step += 1
        self.loss = loss
        if not math.isfinite(loss):
            raise DivergedError(self.step, loss)
        now = time.perf_counter()
        if self.step == 1 and self.steps > 1:
            self.compiled = now
        if now - self.told > TELL_SECONDS:
            self.told = now
            self.tell(self._report("training", self.seconds + now - self.clock))

    def end(self, epoch: int) -> None:
        """Judge the epoch, and keep what is found."""
        seconds = time.perf_counter() - self.clock
        if self.step == self.steps and math.isfinite(self.compiled):
            seconds = (time.perf_counter() - self.compiled) * self.steps / (self.steps - 1)
        self.seconds += seconds
        loss = quality = math.nan
        if self.validation is not None:
            loss, quality = self._judged()
        done = Fitted(epoch, self.loss, loss, quality, seconds)
        self.autoencoder.history.append(done)
        self.tell(self._report("validated", self.seconds))

    def _judged(self) -> tuple[float, float]:
        """Return the validation's loss and its mean PSNR."""
        model, (x, y) = self.autoencoder.model, self.validation
        denoised = self.autoencoder.predict(x)
        size = self.batch_size
        losses_ = [
            float(model.compute_loss(y=y[i : i + size], y_pred=denoised[i : i + size]))
            * len(y[i : i + size])
            for i in range(0, len(y), size)
        ]
        limited = np.clip(denoised, 0, 1)
        quality = [psnr(one, made) for one, made in zip(y, limited, strict=True)]
        return sum(losses_) / len(y), float(np.mean(quality))

    def _report(self, stage: str, seconds: float) -> Report:
        history = self.autoencoder.history
        fraction = self.step / (self.steps * self.epochs)
        known = [done.psnr for done in history if math.isfinite(done.psnr)]
        return Report(
            stage,
            fraction,
            seconds * (1 - fraction) / fraction if fraction else math.nan,
            len(history) + (stage == "training"),
            self.step,
            self.loss,
            self.step * self.pixels / seconds / 1e6 if seconds else math.nan,
            known[-1] if known else math.nan,
            max(known) if known else math.nan,
        )
