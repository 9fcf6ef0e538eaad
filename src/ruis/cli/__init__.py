"""This room: the command `ruis`; one module per command, which calls one verb of the library.

May touch: the terminal, names of files, the whole library; heavy imports inside functions only.
Must not: tile, scale, blend, decode or train; be imported by any other room.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from inspect import getdoc
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from ruis.cli.exit_codes import STOPPED
from ruis.cli.failures import reported

__all__ = ["app", "command", "main"]

COMMANDS = (
    "denoise",
    "batch",
    "train",
    "evaluate",
    "calibrate",
    "inspect",
    "compare",
    "features",
    "study",
    "export",
    "serve",
    "doctor",
    "models",
    "anomaly",
    "mnist",
)
"""In the order of the help. The module of this name holds a function of this name or, for a group,
`app` and its `commands`."""


class _OnDemand(Mapping[str, Any]):
    """The commands by name: the options of one are worked out when it is asked for.

    That takes more time than all else that a start does, and a run needs one command of them all.
    """

    def __getitem__(self, name: str) -> Any:
        """Return a command."""
        if name not in COMMANDS:
            raise KeyError(name)
        return _command(name)

    def __iter__(self) -> Iterator[str]:
        """Go through the names."""
        return iter(COMMANDS)

    def __len__(self) -> int:
        """Count the commands."""
        return len(COMMANDS)


class _Commands(TyperGroup):
    """The group of all commands: what they raise becomes a sentence and an exit code."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: Any = _OnDemand()

    def make_context(self, *args: Any, **settings: Any) -> Any:
        """Read the options before a command, of which some write and end: the help, the version."""
        with reported():
            return super().make_context(*args, **settings)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        with reported(ctx):
            return super().invoke(ctx)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands, which needs none of their options."""
        width = formatter.width - 6 - max(map(len, COMMANDS))
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, TyperCommand(name, help=_text(name)).get_short_help_str(width))
                    for name in COMMANDS
                ]
            )


def _text(name: str) -> str:
    """Return the help of a command or group."""
    module = import_module(f"ruis.cli.{name}")
    if hasattr(module, "app"):
        return _apart(module.app.info.help or "")
    return help_of(getattr(module, name))


@cache
def _command(name: str) -> Any:
    """Make a command, or a group with its commands."""
    module = import_module(f"ruis.cli.{name}")
    if not hasattr(module, "app"):
        alone = typer.Typer(rich_markup_mode=None, add_completion=False)
        alone.command(help=_text(name))(getattr(module, name))
        return typer.main.get_command(alone)
    for one in module.commands:
        module.app.command(help=help_of(one))(one)
    module.app.info.help = _text(name)
    return typer.main.get_group(module.app)


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
    raise SystemExit(128 + number)  # as shells count


def main() -> None:
    """Run the command line that this process was started with."""
    # SIGHUP: a terminal was closed. It is ignored where it shall be (nohup).
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _terminated)
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


def command() -> None:
    """Run the command line, and end this process."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")  # to look for some takes 20 ms
    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code or 0
    if isinstance(code, int):
        _leave(code)
    sys.exit(str(code))


def _leave(code: int) -> None:
    """End at once, once all that wants to be done before is done.

    To let go of networks and images one by one, which the system takes back anyway, takes 0.1 s. What Python would do
    first is done: it waits for threads, and asks all who registered.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - no other door
    atexit._run_exitfuncs()  # noqa: SLF001 - as above
    try:
        sys.stderr.flush()
        sys.stdout.flush()
    except (OSError, ValueError):
        if not code:  # nobody has said yet what is wrong with them: Python does
            sys.exit(code)
    os._exit(code)
