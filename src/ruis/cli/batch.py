"""`ruis batch`: many images on many processes, each exactly once, whatever is killed meanwhile."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ruis.cli import options
from ruis.cli.console import duration, print_json, say, tell
from ruis.cli.exit_codes import STOPPED, TERMINATED, code_of_run
from ruis.cli.progress import Update, progress_line
from ruis.errors import ConfigError

if TYPE_CHECKING:
    from ruis.batch import Plan, Progress, Settings, Summary
    from ruis.batch.planning import Survey
    from ruis.batch.work import Outcome

__all__ = ["batch"]

REPORT = "ruis-batch.md"
"""The report's name in the output folder."""

SHOWN = 20
"""Failures that are told one by one; all of them are in the report."""


def batch(
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="DIR", help="The output folder; made if need be."),
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT",
            help="Images, folders with all below them, patterns, addresses (s3://bucket/scans).",
        ),
    ] = None,
    lists: Annotated[
        list[Path] | None,
        typer.Option(
            "--list", metavar="FILE", help="A list of inputs: one per line, or .jsonl, or .csv."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan with its estimated time, and stop.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run that was begun in the folder.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="With --resume: try what failed again.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Processes; default: one per processor."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Threads of each; default: the processors' share."),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Use the workers of this Dask scheduler instead."),
    ] = None,
    model: Annotated[
        str,
        typer.Option(metavar="auto|medium|fast|NAME|FILE", help="As for ruis denoise."),
    ] = "auto",
    sigma: options.Sigma = "auto",
    strength: options.Strength = 1.0,
    format: Annotated[
        str | None,
        typer.Option(metavar="ENDING", help="Write png, tif ...; default: as each input."),
    ] = None,
    engine: options.EngineName = "openvino",
    precision: options.PrecisionName = "auto",
    tile: options.Tile = None,
    ensemble: options.Ensemble = False,
    strip_metadata: Annotated[
        bool, typer.Option("--strip-metadata", help="Leave out EXIF, GPS and texts.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that are in the output folder.")
    ] = False,
    max_pixels: Annotated[
        float,
        typer.Option(
            min=1, metavar="N", show_default="200e6", help="Refuse images of more pixels."
        ),
    ] = 200e6,
    tries: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="Workers that an image may end before it is set aside."
        ),
    ] = 3,
    memory: Annotated[
        float | None,
        typer.Option(
            min=1e8, metavar="BYTES", help="A worker that takes more is ended, and replaced."
        ),
    ] = None,
    quarantine: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="List what failed here, one file per cause."),
    ] = None,
    temp: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where copies from object stores go, on each worker."),
    ] = None,
    temp_space: Annotated[
        float,
        typer.Option(
            min=1e6, metavar="BYTES", show_default="4e9", help="Of such copies at once, in all."
        ),
    ] = 4e9,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Denoise many images, each exactly once.

    ruis batch scans/ -o clean/ --dry-run           shows what would be done
    ruis batch scans/ -o clean/
    ruis batch scans/ -o clean/ --resume            goes on after a stop, a crash, a power cut
    ruis batch s3://bucket/scans --list more.txt -o clean/ --scheduler tcp://head:8786

    Folders are searched to the bottom, and keep their shape in the output folder. What was done is
    recorded there, and a report written at the end.
    """
    from ruis.batch import Settings, plan
    from ruis.batch.summary import check_aside

    settings = Settings(
        model=model,
        sigma=options.parse_sigma(sigma),
        strength=strength,
        engine=engine,
        precision=precision,
        tile=tile,
        ensemble=ensemble,
        format=format,
        strip_metadata=strip_metadata,
        max_pixels=max_pixels,
    )
    if not inputs and not lists:
        raise ConfigError("give images, folders or addresses, or a --list of them.")
    if quarantine is not None:
        check_aside(quarantine)
    todo = plan(inputs or [], output, lists=lists or [], format=format)
    for failure in todo.failed:
        tell(f"ruis: {failure.message}")
    if not todo.files:
        if not todo.failed:
            tell("ruis: the lists name no image.")
        raise typer.Exit(code_of_run(0, len(todo.failed)))
    if dry_run:
        _show_plan(todo, settings, workers, threads, scheduler, json=json)
        return
    _tell_plan(todo)
    summary = _run(
        todo,
        settings,
        resume=resume,
        retry_failed=retry_failed,
        overwrite=overwrite,
        workers=workers,
        threads=threads,
        scheduler=scheduler,
        tries=tries,
        memory=memory,
        temp=temp,
        temp_space=temp_space,
    )
    _finish(summary, output, quarantine, json=json)


def _run(todo: Plan, settings: Settings, **how: Any) -> tuple[Summary, int]:
    """Run, with a moving line, and stop in order when asked to."""
    from ruis.batch import run

    failures = 0

    def failed(input: str, outcome: Outcome) -> None:
        nonlocal failures
        failures += 1
        if failures <= SHOWN:
            message = outcome.message or ""
            tell(f"ruis: {message if input in message else f'{input}: {message}'}")
        if failures == SHOWN:
            tell("ruis: more failures are counted, and listed in the report.")

    with progress_line() as update, _asked_to_stop() as asked:
        line = _Line(update)
        summary = run(todo, settings, progress=line, failure=failed, stop=asked.is_set, **how)
        return summary, asked.code


class _Asked(threading.Event):
    """Set when a signal asks to stop; `code` is what the command ends with then."""

    code = 0


@contextmanager
def _asked_to_stop() -> Iterator[_Asked]:
    """Turn the first Ctrl-C or SIGTERM into a request; the second one acts as it always does."""
    asked = _Asked()
    codes = {signal.SIGINT: STOPPED, signal.SIGTERM: TERMINATED}
    before = {number: signal.getsignal(number) for number in codes}

    def ask(number: int, frame: object) -> None:
        asked.code = codes[signal.Signals(number)]
        asked.set()
        for one, handler in before.items():
            signal.signal(one, handler)
        tell("Stopping: images in work are finished first; once more stops at once.")

    for number in codes:
        signal.signal(number, ask)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Line:
    """The moving line: how many, how fast, how many failed, how long to go."""

    def __init__(self, update: Update | None) -> None:
        self.update = update

    def __call__(self, now: Progress) -> None:
        """Tell how far it is."""
        if self.update is None:
            return
        parts = [f"{now.done + now.failed} of {now.total} images"]
        if now.failed:
            parts.append(f"{now.failed} failed")
        if now.working and now.new:
            parts.append(f"{now.megapixels / now.working:.2f} Mpx/s")
        workers = f"{now.workers} worker{'' if now.workers == 1 else 's'}"
        parts.append(workers if now.workers else "no worker yet")
        if now.new:
            parts.append(f"{duration(now.seconds_left, rough=True)} left")
        self.update(now.fraction, ", ".join(parts))


def _tell_plan(todo: Plan) -> None:
    folders = {Path(name).parent for _, name in todo.files}
    tell(
        f"{len(todo.files)} images ({_size(todo.bytes)}) in {len(folders)} "
        f"folder{'' if len(folders) == 1 else 's'} -> {todo.folder}"
    )


def _show_plan(
    todo: Plan,
    settings: Settings,
    workers: int | None,
    threads: int | None,
    scheduler: str | None,
    *,
    json: bool,
) -> None:
    """Print what would be done, and how long it would take."""
    from ruis.batch.driver import shared_out
    from ruis.batch.planning import estimate, survey

    seen = survey(todo)
    workers, threads = shared_out(workers, threads, scheduler)
    seconds = estimate(seen, settings, workers, threads or 1)
    if json:
        print_json(_plan_json(todo, seen, workers, threads, seconds))
        return
    _tell_plan(todo)
    share = "" if seen.probed == len(todo.files) else f", estimated from {seen.probed} headers"
    say(f"pixels    {seen.megapixels:.1f} Mpx{share}")
    kinds = ", ".join(f"{count} {name}" for name, count in sorted(seen.formats.items()))
    say(f"formats   {kinds or 'none'}" + (f", {seen.unreadable} broken" if seen.unreadable else ""))
    say(f"workers   {workers} x {threads or 'their'} thread{'s' if threads != 1 else ''}")
    say(f"time      {'not known' if seconds is None else 'about ' + duration(seconds, rough=True)}")
    first, name = todo.files[0]
    say(f"the first {first.location} -> {todo.folder / name}")


def _plan_json(
    todo: Plan, seen: Survey, workers: int, threads: int, seconds: float | None
) -> dict[str, Any]:
    return {
        "images": len(todo.files),
        "bytes": todo.bytes,
        "megapixels": seen.megapixels,
        "probed": seen.probed,
        "unreadable": seen.unreadable,
        "formats": seen.formats,
        "workers": workers,
        "threads": threads,
        "seconds": seconds,
        "files": [{"input": one.location, "output": name} for one, name in todo.files],
        "failed": [asdict(failure) for failure in todo.failed],
    }


def _finish(
    result: tuple[Summary, int], output: Path, quarantine: Path | None, *, json: bool
) -> None:
    """Write the report, say what came of it, and end with the code that scripts rely on."""
    from ruis.batch.summary import set_aside, write_report

    summary, stopped = result
    write_report(summary, output / REPORT)
    if quarantine is not None:
        set_aside(summary, quarantine)
    if json:
        print_json(summary.to_json())
    tell(
        f"{summary.done} of {summary.total} images denoised; {summary.new} in this run, in "
        f"{duration(summary.seconds)}, {summary.megapixels_per_second:.2f} Mpx/s."
    )
    for cause, count in sorted(summary.causes.items()):
        tell(f"  {count} failed: {cause}")
    if summary.worker_deaths:
        tell(f"  {summary.worker_deaths} workers died and were replaced.")
    tell(f"The report: {output / REPORT}")
    if summary.left:
        tell(f"{summary.left} are left. To go on: the same command with --resume.")
    raise typer.Exit(stopped or code_of_run(summary.done, summary.failed))


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
