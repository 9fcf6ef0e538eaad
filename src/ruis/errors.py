"""Every error that ruis raises on purpose.

RuisError
|- ConfigError (ValueError)      - UnknownNameError (kind, name, known, nearest)
|- ImageError (ValueError)       - UnsupportedFormatError, CorruptImageError, ImageTooLargeError,
|                                  ChannelMismatchError, AxesError, ImageWriteError
|- ModelFileError                - ModelNotFoundError (FileNotFoundError), ModelCorruptError,
|                                  ModelVersionError, TransferError
|- EngineError                   - EngineUnavailableError (ImportError; names the extra to install),
|                                  OutOfMemoryError
|- TrainingError                 - EmptyDatasetError, DivergedError (step, loss)
|- ExportError                   - ParityError (largest difference, tolerance)

A message says what happened, with the value, and what to do about it. Exit codes and HTTP
statuses are not known here: each door keeps its own table.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "AxesError",
    "ChannelMismatchError",
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
    "ModelCorruptError",
    "ModelFileError",
    "ModelNotFoundError",
    "ModelVersionError",
    "OutOfMemoryError",
    "ParityError",
    "RuisError",
    "TrainingError",
    "TransferError",
    "UnknownNameError",
    "UnsupportedFormatError",
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
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(sorted(known))
        close = difflib.get_close_matches(name, self.known, n=1, cutoff=0.5)
        self.nearest = close[0] if close else None
        hint = f" Did you mean {self.nearest!r}?" if self.nearest else ""
        super().__init__(f"There is no {kind} {name!r}.{hint} Known: {', '.join(self.known)}.")


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
            "The last good checkpoint is kept; try a lower learning rate."
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
