"""What came of a run: figures for scripts, and a report for people."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruis.formats.atomic import new_file
from ruis.outputs import Failure

if TYPE_CHECKING:
    from ruis.batch.driver import Turns
    from ruis.batch.manifest import Manifest
    from ruis.batch.planning import Plan

__all__ = ["Summary", "set_aside", "summed_up", "write_report"]

LISTED, SLOWEST = 1000, 10
"""Failures that the report lists, and images that it calls the slowest."""


@dataclass(frozen=True)
class Summary:
    """What the manifest says, and what this run did.

    Parameters
    ----------
    folder : str
        The output folder.
    total, done, failed, left : int
        Images; those of earlier runs included.
    new : int
        Images done or failed in this run.
    seconds : float
        This run took.
    megapixels, megapixels_per_second : float
        Denoised in this run.
    workers, threads : int
        Processes, and the threads of each (0: as many as they have).
    worker_deaths : int
        In this run.
    given_again, made_again : int
        How often, in all runs, an image was given out that had been given out before; and how often
        its output was there already, so that it was computed twice from beginning to end.
    changes : dict of str to int
        What was new, changed, missing or retried when the run was resumed.
    costs : dict of str to float
        Seconds of all images done, in all runs: transfer, read, compute, write.
    causes : dict of str to int
        Errors, and how many images failed by them.
    failures : tuple of Failure
        Every one.
    slowest : tuple of (str, float, float)
        Inputs, their seconds, their megapixels.
    stopped : bool
        Whether it was stopped before the end.
    """

    folder: str
    total: int
    done: int
    failed: int
    left: int
    new: int
    seconds: float
    megapixels: float
    workers: int
    threads: int
    worker_deaths: int
    given_again: int
    made_again: int
    changes: dict[str, int]
    costs: dict[str, float]
    causes: dict[str, int]
    failures: tuple[Failure, ...]
    slowest: tuple[tuple[str, float, float], ...]
    stopped: bool

    @property
    def megapixels_per_second(self) -> float:
        """This run's rate, its start included."""
        return self.megapixels / self.seconds if self.seconds else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return {**asdict(self), "megapixels_per_second": self.megapixels_per_second}


def summed_up(
    manifest: Manifest,
    todo: Plan,
    turns: Turns,
    changes: dict[str, int],
    workers: int,
    threads: int,
) -> Summary:
    """Sum up a run from its manifest."""
    import time

    counts = manifest.counts()
    failures = [
        Failure(row["input"], row["error"], row["message"])
        for row in manifest.rows("state='failed'")
    ]
    failures = [*todo.failed, *failures]
    causes: dict[str, int] = {}
    for one in failures:
        causes[one.error] = causes.get(one.error, 0) + 1
    slowest = manifest.rows("state='done'", "seconds DESC", SLOWEST)
    totals = manifest.totals()
    given_again, made_again = manifest.again()
    return Summary(
        folder=str(manifest.folder),
        total=sum(counts.values()) + len(todo.failed),
        done=counts["done"],
        failed=len(failures),
        left=counts["waiting"] + counts["started"],
        new=turns.new,
        seconds=time.monotonic() - turns.begun,
        megapixels=turns.megapixels,
        workers=workers,
        threads=threads,
        worker_deaths=turns.died,
        given_again=given_again,
        made_again=made_again,
        changes=changes,
        costs={name: totals[name] for name in ("transfer", "read", "compute", "write")},
        causes=causes,
        failures=tuple(failures),
        slowest=tuple((row["input"], row["seconds"], row["megapixels"]) for row in slowest),
        stopped=turns.stopped,
    )


def write_report(summary: Summary, path: Path) -> None:
    """Write what came of a run as Markdown; what was there before is replaced.

    Parameters
    ----------
    summary : Summary
        What came of it.
    path : Path
        Where to.

    Raises
    ------
    ImageWriteError
        If the disk refuses.
    """
    with new_file(path, overwrite=True) as file:
        file.write(_markdown(summary).encode("utf-8", "backslashreplace"))


def _markdown(summary: Summary) -> str:
    one = summary
    rate = one.new / one.seconds if one.seconds else 0.0
    lines = [
        f"# {one.done} of {one.total} images denoised",
        "",
        "| | |",
        "|---|---|",
        f"| done | {one.done} |",
        f"| failed | {one.failed} |",
        f"| left | {one.left} |",
        f"| in this run | {one.new} images, {one.megapixels:.1f} Mpx in {one.seconds:.1f} s |",
        f"| rate | {rate:.1f} images/s, {one.megapixels_per_second:.2f} Mpx/s |",
        f"| workers | {one.workers}, {one.worker_deaths} died |",
        f"| given out again | {one.given_again}, of which {one.made_again} had been made |",
        "",
    ]
    spent = sum(one.costs.values())
    if spent:
        lines += ["## Where the workers' time went", "", "| part | s | share |", "|---|---|---|"]
        lines += [
            f"| {name} | {seconds:.1f} | {seconds / spent:.0%} |"
            for name, seconds in one.costs.items()
        ]
        lines.append("")
    if one.causes:
        lines += ["## Failed", "", "| cause | images |", "|---|---|"]
        lines += [f"| {cause} | {count} |" for cause, count in sorted(one.causes.items())]
        lines += ["", *(f"- {_cell(f.message, f.input)}" for f in one.failures[:LISTED])]
        if len(one.failures) > LISTED:
            lines.append(f"- and {len(one.failures) - LISTED} more: they are in the manifest.")
        lines.append("")
    if one.slowest:
        lines += ["## Slowest", "", "| image | s | Mpx |", "|---|---|---|"]
        lines += [f"| `{name}` | {s:.2f} | {pixels:.2f} |" for name, s, pixels in one.slowest]
        lines.append("")
    return "\n".join(lines)


def _cell(message: str, input: str) -> str:
    text = message if input in message else f"{input}: {message}"
    return " ".join(text.split())


def set_aside(summary: Summary, folder: Path) -> None:
    """Fill a folder with what failed: a list of inputs for each cause, and the reasons.

    Parameters
    ----------
    summary : Summary
        What came of a run.
    folder : Path
        Made if need be. `CAUSE.txt` can be given to `--list`; `reasons.md` is for people. Lists of
        an earlier run go.

    Raises
    ------
    ImageWriteError
        If the disk refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*Error.txt"):
        old.unlink()
    for cause in summary.causes:
        names = [one.input for one in summary.failures if one.error == cause]
        with new_file(folder / f"{cause}.txt", overwrite=True) as file:
            file.write(b"".join(os.fsencode(name) + b"\n" for name in names))
    with new_file(folder / "reasons.md", overwrite=True) as file:
        reasons = (f"- {_cell(one.message, one.input)}\n" for one in summary.failures)
        file.write("".join(reasons).encode("utf-8", "backslashreplace"))
