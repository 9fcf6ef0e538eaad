"""What came of a run: figures for scripts, and a report for people."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruis import errors
from ruis.errors import ConfigError
from ruis.formats.atomic import new_file
from ruis.inputs import Failure

if TYPE_CHECKING:
    from ruis.batch.manifest import Manifest
    from ruis.batch.planning import Plan
    from ruis.batch.turns import Turns

__all__ = ["Summary", "check_aside", "set_aside", "summed_up", "write_report"]

LISTED, NOTED, SLOWEST = 1000, 100, 10
"""Failures and notes that the report lists, and images that it calls the slowest."""

REASONS = "reasons.md"
HEADING = "# Images that ruis batch could not denoise"
"""The first line of the reasons: in a folder where they begin with it, the lists are ours."""

OTHER = "OtherError"
CAUSES = frozenset(errors.__all__) | {OTHER}
"""What a list can be named after; what ruis has no name for is in one list."""


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
    notes : dict of str to int
        What was noted of images done in all runs ("animation: only the first frame was read"), and
        of how many; which they are is in the manifest.
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
    notes: dict[str, int]
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
        notes=manifest.notes(),
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
        lines += ["", *(f"- {_reason(f)}" for f in one.failures[:LISTED])]
        if len(one.failures) > LISTED:
            lines.append(f"- and {len(one.failures) - LISTED} more: they are in the manifest.")
        lines.append("")
    if one.notes:
        lines += ["## Noted", "", "| note | images |", "|---|---|"]
        noted = list(one.notes.items())[:NOTED]
        lines += [f"| {_cell(note)} | {count} |" for note, count in noted]
        if len(one.notes) > NOTED:
            lines += ["", f"And {len(one.notes) - NOTED} more: they are in the manifest."]
        lines.append("")
    if one.slowest:
        lines += ["## Slowest", "", "| image | s | Mpx |", "|---|---|---|"]
        lines += [f"| `{name}` | {s:.2f} | {pixels:.2f} |" for name, s, pixels in one.slowest]
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Bring a text on one line, in which no bar parts it."""
    return " ".join(text.split()).replace("|", "\\|")


def _reason(one: Failure) -> str:
    text = one.message if one.input in one.message else f"{one.input}: {one.message}"
    return " ".join(text.split())


def check_aside(folder: Path) -> None:
    """Refuse to list failures in a folder where somebody else's files have the lists' names.

    Parameters
    ----------
    folder : Path
        Need not exist.

    Raises
    ------
    ConfigError
        If it is a file, or holds reasons that were not written here, or lists without reasons.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"--quarantine {folder} is a file: give a folder.")
    names = (REASONS, *(f"{cause}.txt" for cause in sorted(CAUSES)))
    there = [name for name in names if os.path.lexists(folder / name)]
    if there and not _is_ours(folder):
        raise ConfigError(
            f"--quarantine {folder}: {there[0]} in it is not known to be of ruis batch, and would be "
            "replaced; move it away, or choose another folder."
        )


def _is_ours(folder: Path) -> bool:
    """Say whether the reasons in a folder were written here."""
    try:
        with (folder / REASONS).open("rb") as file:
            return file.readline().rstrip() == HEADING.encode()
    except OSError:
        return False


def set_aside(summary: Summary, folder: Path) -> None:
    """Fill a folder with what failed: a list of inputs for each cause, and the reasons.

    Parameters
    ----------
    summary : Summary
        What came of a run.
    folder : Path
        Made if need be. `CAUSE.txt` can be given to `--list`; `reasons.md` is for people. Lists of
        an earlier run go; what has another name stays.

    Raises
    ------
    ConfigError
        If somebody else's files have the names of the lists.
    ImageWriteError
        If the disk refuses.
    """
    check_aside(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with new_file(folder / REASONS, overwrite=True) as file:  # first: it says whose the lists are
        reasons = "".join(f"- {_reason(one)}\n" for one in summary.failures)
        text = f"{HEADING}\n\n{reasons}" if reasons else f"{HEADING}\n\nNone.\n"
        file.write(text.encode("utf-8", "backslashreplace"))
    for cause in CAUSES:
        (folder / f"{cause}.txt").unlink(missing_ok=True)
    lists: dict[str, list[str]] = {}
    for one in summary.failures:
        lists.setdefault(one.error if one.error in CAUSES else OTHER, []).append(one.input)
    for cause, inputs in lists.items():
        with new_file(folder / f"{cause}.txt", overwrite=True) as file:
            file.write(b"".join(os.fsencode(name) + b"\n" for name in inputs))
