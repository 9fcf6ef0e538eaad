"""Every error that ruis raises on purpose.

RuisError
|- ConfigError (ValueError)      - UnknownNameError (kind, name, known, nearest)
|- ImageError (ValueError)       - UnsupportedFormatError, CorruptImageError, ImageTooLargeError,
|                                  ChannelMismatchError, AxesError, ImageWriteError
|- ModelFileError                - ModelNotFoundError (FileNotFoundError), ModelCorruptError,
|                                  ModelVersionError, UncalibratedError (model), TransferError
|- EngineError                   - EngineUnavailableError (ImportError; names the extra to install),
|                                  OutOfMemoryError
|- TrainingError                 - EmptyDatasetError, TooMuchDataError, DivergedError (step, loss)
|- ExportError                   - ParityError (largest difference, tolerance)
|- ServiceError                  - ServiceRefusedError, ServiceBusyError (retry_after),
|                                  ServiceUnreachableError
|- BatchError                    - OutputInUseError, ManifestError, ClusterError, WorkerDiedError,
|                                  BatchStoppedError

A message says what happened, with the value, and what to do about it. Exit codes and HTTP
statuses are not known here: each door keeps its own table.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "AxesError",
    "BatchError",
    "BatchStoppedError",
    "ChannelMismatchError",
    "ClusterError",
    "ConfigError",
    "CorruptImageError",
    "DivergedError",
    "EmptyDatasetError",
    "EngineError",
    "EngineUnavailableError",
    "ExportError",
    "ImageError",
    "ImageTooLargeError",
    "ImageWriteError",
    "ManifestError",
    "ModelCorruptError",
    "ModelFileError",
    "ModelNotFoundError",
    "ModelVersionError",
    "OutOfMemoryError",
    "OutputInUseError",
    "ParityError",
    "RuisError",
    "ServiceBusyError",
    "ServiceError",
    "ServiceRefusedError",
    "ServiceUnreachableError",
    "TooMuchDataError",
    "TrainingError",
    "TransferError",
    "UncalibratedError",
    "UnknownNameError",
    "UnsupportedFormatError",
    "WorkerDiedError",
]


class RuisError(Exception):
    """The root: catch this one to catch everything that ruis raises on purpose."""


class ConfigError(RuisError, ValueError):
    """A setting, recipe or argument does not make sense."""


class UnknownNameError(ConfigError):
    """A name that is in no table.

    Parameters
    ----------
    kind : str
        What was looked for, as a person would say it: "noise model", "architecture", "setting".
    name : str
        The name that was given.
    known : iterable of str
        The names that would have worked.
    where : str
        What was looked in, if that needs to be said: "recipe gray.toml".
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], *, where: str = "") -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(sorted(known))
        close = difflib.get_close_matches(name, self.known, n=1, cutoff=0.5)
        self.nearest = close[0] if close else None
        hint = f" Did you mean {self.nearest!r}?" if self.nearest else ""
        place = f" in {where}" if where else ""
        super().__init__(
            f"There is no {kind} {name!r}{place}.{hint} Known: {', '.join(self.known)}."
        )


class ImageError(RuisError, ValueError):
    """An image cannot be read, used or written.

    Parameters
    ----------
    reason : str
        What is wrong and what to do about it.
    source : str, optional
        The file or other origin that the image came from; put before the reason.
    """

    def __init__(self, reason: str, *, source: str | None = None) -> None:
        self.reason = reason
        self.source = source
        super().__init__(f"{source}: {reason}" if source else reason)


class UnsupportedFormatError(ImageError):
    """The bytes or the file name belong to no format that ruis reads or writes."""


class CorruptImageError(ImageError):
    """The file claims to be an image of a known format, and is broken."""


class ImageTooLargeError(ImageError):
    """The header announces more than the limits allow; nothing was decoded."""


class ChannelMismatchError(ImageError):
    """The image has channels that the model, or the format, cannot take."""


class AxesError(ImageError):
    """The array's axes cannot be understood; say which axis holds the channels."""


class ImageWriteError(ImageError):
    """The image could not be written; what was there before is still there."""


class ModelFileError(RuisError):
    """A model file cannot be used."""


class ModelNotFoundError(ModelFileError, FileNotFoundError):
    """No shipped model has this name and no file has this path."""

    def __str__(self) -> str:  # FileNotFoundError would format an errno that is not there
        return str(self.args[0]) if self.args else ""


class ModelCorruptError(ModelFileError):
    """The file is damaged, or is not what its manifest says."""


class ModelVersionError(ModelFileError):
    """The file was written with a schema that this version of ruis does not know."""


class UncalibratedError(ModelFileError):
    """The model has never been calibrated, and so does not know how far it may be wrong.

    Parameters
    ----------
    model : str
        Its name.
    """

    def __init__(self, model: str) -> None:
        self.model = model
        super().__init__(
            f"the model {model!r} does not know how far it may be wrong; calibrate it on images that "
            f"it did not learn from: ruis calibrate {model} --clean DIR --noise SPEC -o FILE.ruis."
        )


class TransferError(ModelFileError):
    """A model could not be fetched or sent: the network, the server or the disk refused."""


class EngineError(RuisError):
    """The engine that runs the network failed."""


class EngineUnavailableError(EngineError, ImportError):
    """A package that this engine or verb needs is not installed.

    Parameters
    ----------
    what : str
        What needs it: "the keras engine", "training".
    extra : str
        The extra of the distribution that brings it: "train".
    """

    def __init__(self, what: str, extra: str) -> None:
        self.what = what
        self.extra = extra
        super().__init__(f'{what} needs a package that is not here: pip install "ruis[{extra}]".')


class OutOfMemoryError(EngineError):
    """The engine ran out of memory even with the smallest tile."""


class TrainingError(RuisError):
    """Training cannot start or go on."""


class EmptyDatasetError(TrainingError):
    """No usable image was found where the training data should be."""


class TooMuchDataError(TrainingError):
    """The training data does not fit into memory."""


class DivergedError(TrainingError):
    """The loss is no longer a finite number.

    Parameters
    ----------
    step : int
        The optimizer step at which it happened.
    loss : float
        The loss of that step.
    """

    def __init__(self, step: int, loss: float) -> None:
        self.step = step
        self.loss = loss
        super().__init__(
            f"Training diverged: the loss was {loss} at step {step}. "
            "Begin anew with a lower learning rate; a run with this one would come to the same point again."
        )


class ExportError(RuisError):
    """A model could not be exported."""


class ParityError(ExportError):
    """The exported model does not compute what the original computes.

    Parameters
    ----------
    difference : float
        The largest absolute difference that was found.
    tolerance : float
        The largest that is allowed.
    """

    def __init__(self, difference: float, tolerance: float) -> None:
        self.difference = difference
        self.tolerance = tolerance
        super().__init__(
            f"The exported model differs from the original by {difference:.3g}; "
            f"at most {tolerance:.3g} is allowed. Nothing was kept."
        )


class ServiceError(RuisError):
    """A service elsewhere could not do what it was asked for."""


class ServiceRefusedError(ServiceError):
    """The service does not let us in: another token, or another name, is needed."""


class ServiceBusyError(ServiceError):
    """The service has too much to do, and had it for longer than we waited.

    Parameters
    ----------
    message : str
        What the service said.
    retry_after : float
        Seconds after which it would be worth to come back.
    """

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class ServiceUnreachableError(ServiceError):
    """Nothing answers at the address of the service, or not in time."""


class BatchError(RuisError):
    """A run over many images cannot start or go on."""


class OutputInUseError(BatchError):
    """Another run is writing to the same folder."""


class ManifestError(BatchError):
    """The record of what was done in a folder cannot be read or written."""


class ClusterError(BatchError):
    """The workers cannot be reached, or cannot be started."""


class WorkerDiedError(BatchError):
    """An image ended the process that worked on it, again and again."""


class BatchStoppedError(BatchError):
    """Every image that is left would fail for the same reason."""
