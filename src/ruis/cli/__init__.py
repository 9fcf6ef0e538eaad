"""This room: the command `ruis`; one module per command, which calls one verb of the library.

May touch: the terminal, names of files, the whole library; heavy imports inside functions only.
Must not: tile, scale, blend, decode or train; be imported by any other room.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from inspect import getdoc
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ruis.cli.anomaly import app as anomaly_app
from ruis.cli.anomaly import commands as anomaly_commands
from ruis.cli.batch import batch
from ruis.cli.calibrate import calibrate
from ruis.cli.compare import compare
from ruis.cli.denoise import denoise
from ruis.cli.doctor import doctor
from ruis.cli.evaluate import evaluate
from ruis.cli.exit_codes import STOPPED, TERMINATED
from ruis.cli.export import export
from ruis.cli.failures import reported
from ruis.cli.features import features
from ruis.cli.inspect import inspect
from ruis.cli.mnist import app as mnist_app
from ruis.cli.mnist import commands as mnist_commands
from ruis.cli.models import app as models_app
from ruis.cli.models import commands as models_commands
from ruis.cli.serve import serve
from ruis.cli.study import study
from ruis.cli.train import train

__all__ = ["app", "main"]


class _Commands(TyperGroup):
    """The group of all commands: what they raise becomes a sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        with reported(ctx):
            return super().invoke(ctx)


def help_of(command: Callable[..., None]) -> str:
    """Return the help of a command, its docstring, with the lines of its examples kept apart."""
    return _apart(getdoc(command) or "")


def _apart(text: str) -> str:
    paragraphs = text.split("\n\n")
    return "\n\n".join("\b\n" + one if one.startswith("ruis ") else one for one in paragraphs)


app = typer.Typer(
    name="ruis",
    cls=_Commands,
    rich_markup_mode=None,  # plain help: drawing boxes would double the time to start
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
COMMANDS = (
    denoise,
    batch,
    train,
    evaluate,
    calibrate,
    inspect,
    compare,
    features,
    study,
    export,
    serve,
    doctor,
)
for command in COMMANDS:
    app.command(help=help_of(command))(command)
GROUPS = (
    (models_app, models_commands),
    (anomaly_app, anomaly_commands),
    (mnist_app, mnist_commands),
)
for group, commands in GROUPS:
    for one in commands:
        group.command(help=help_of(one))(one)
    app.add_typer(group, help=_apart(group.info.help or ""))


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"ruis {version('ruis')}")
        raise typer.Exit


def ruis(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and stop."
        ),
    ] = False,
) -> None:
    """Remove noise from images, and learn to remove yours.

    ruis denoise photo.jpg                  writes photo.denoised.jpg
    ruis train --clean DIR --noise gaussian:25/255 -o mine.ruis
    ruis denoise photo.jpg --model mine.ruis

    Results go to standard output, messages to standard error. Exit codes: 0 all done, 1 some
    inputs failed, 2 wrong usage, 3 nothing could be done.
    """


app.callback(help=help_of(ruis))(ruis)


def _terminated(number: int, frame: object) -> None:
    """Leave in order when asked to end: what is being written is taken away."""
    raise SystemExit(TERMINATED)


def main() -> None:
    """Run the command line that this process was started with."""
    signal.signal(signal.SIGTERM, _terminated)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, TextIOWrapper
        ):  # a file's name may be no text, or not this terminal's
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="ruis")
    except KeyboardInterrupt:  # before or after a command: those inside are reported there
        sys.exit(STOPPED)
    except BrokenPipeError:  # when the last of the output is flushed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
