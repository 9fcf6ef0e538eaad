"""The exit codes of `ruis`: scripts rely on them."""

from __future__ import annotations

from ruis import errors

__all__ = [
    "DONE",
    "EXIT_CODES",
    "NOTHING",
    "PIPE_CLOSED",
    "SOME",
    "STOPPED",
    "TERMINATED",
    "USAGE",
    "code_of",
    "code_of_run",
]

DONE, SOME, USAGE, NOTHING = 0, 1, 2, 3
"""All done; some inputs failed, the others are done; wrong usage; nothing could be done."""

STOPPED, PIPE_CLOSED, TERMINATED = 130, 141, 143
"""As shells count: 128 and the number of the signal INT, PIPE, TERM."""

EXIT_CODES: dict[type[errors.RuisError], int] = {
    errors.ConfigError: USAGE,
    errors.ImageError: NOTHING,
    errors.ModelNotFoundError: USAGE,
    errors.ModelFileError: NOTHING,
    errors.EngineError: NOTHING,
    errors.TrainingError: NOTHING,
    errors.ExportError: NOTHING,
    errors.ServiceError: NOTHING,
    errors.BatchError: NOTHING,
}
"""What a command ends with that an error ended; an error has the code of its nearest ancestor."""


def code_of(error: errors.RuisError) -> int:
    """Return the exit code of a command that this error ended."""
    return next((EXIT_CODES[cls] for cls in type(error).__mro__ if cls in EXIT_CODES), NOTHING)


def code_of_run(done: int, failed: int) -> int:
    """Return the exit code of a command that went over many inputs."""
    if not failed:
        return DONE
    return SOME if done else NOTHING
