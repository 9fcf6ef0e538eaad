"""What a command raises becomes a sentence and an exit code; never a traceback, unless asked for."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from ruis.cli.console import tell
from ruis.cli.exit_codes import NOTHING, PIPE_CLOSED, STOPPED, code_of
from ruis.errors import RuisError

__all__ = ["DEBUG", "reported", "sentence"]

DEBUG = "ruis.debug"
"""The key in the context under which `--debug` is remembered."""


def sentence(error: BaseException) -> str:
    """Say in one line what went wrong."""
    if isinstance(error, RuisError):
        return str(error)
    if isinstance(error, MemoryError):
        return "there is not enough memory; close other programs, or try --tile 256."
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    kind = type(error).__name__
    return f"{kind}: {error} (this is a mistake in ruis: please report it, with --debug)"


@contextmanager
def reported(ctx: Any = None) -> Iterator[None]:
    """Turn what is raised inside into a message and an exit code.

    Parameters
    ----------
    ctx : typer.Context, optional
        Of the command, if there is one yet; tells whether `--debug` was given.

    Raises
    ------
    typer.Exit
        With the code, if something was raised.
    """
    try:
        yield
    except KeyboardInterrupt:
        tell("Stopped. What was finished is kept; nothing is half-written.")
        raise typer.Exit(STOPPED) from None
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(PIPE_CLOSED) from None
    except (RuisError, OSError, MemoryError) as error:
        _explain(error, ctx)
        raise typer.Exit(code_of(error) if isinstance(error, RuisError) else NOTHING) from None
    except Exception as error:
        if type(error).__module__.startswith(("typer", "click")):
            raise  # wrong usage, and the orderly end: Typer's own
        _explain(error, ctx)
        raise typer.Exit(NOTHING) from None


def _explain(error: BaseException, ctx: Any) -> None:
    if ctx is not None and ctx.meta.get(DEBUG):
        tell("".join(traceback.format_exception(error)))
    tell(f"ruis: {sentence(error)}")
