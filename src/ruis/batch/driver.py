"""The driver: one run over many images, from its plan to what came of it. Nobody else writes down."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from ruis.batch.copies import sweep
from ruis.batch.crew import check_installed, crew
from ruis.batch.manifest import STATE, Manifest
from ruis.batch.planning import Plan
from ruis.batch.settings import Settings
from ruis.batch.summary import Summary, summed_up
from ruis.batch.turns import Progress, Turns
from ruis.batch.work import Outcome, Terms
from ruis.errors import ConfigError
from ruis.formats.atomic import leftovers

__all__ = ["run", "shared_out"]


def run(
    todo: Plan,
    settings: Settings,
    *,
    resume: bool = False,
    retry_failed: bool = False,
    overwrite: bool = False,
    workers: int | None = None,
    threads: int | None = None,
    scheduler: str | None = None,
    tries: int = 3,
    memory: float | None = None,
    temp: Path | None = None,
    temp_space: float = 4e9,
    progress: Callable[[Progress], None] | None = None,
    failure: Callable[[str, Outcome], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Summary:
    """Denoise many images on many processes, each exactly once.

    Parameters
    ----------
    todo : Plan
        From :func:`ruis.batch.plan`: which images, and where to.
    settings : Settings
        How.
    resume : bool
        Whether to go on with the run that was begun in the output folder; without it, a folder in
        which one was begun is refused.
    retry_failed : bool
        Whether images that failed are tried again.
    overwrite : bool
        Whether files that are not of this run are replaced.
    workers : int, optional
        Processes on this machine; default: as many as there are processors for their threads.
    threads : int, optional
        That each worker computes with; default 1, or, on a cluster, as many as a worker has.
    scheduler : str, optional
        The address of a Dask scheduler; its workers are used instead of processes here.
    tries : int, default 3
        How many workers an image may end before it is set aside.
    memory : float, optional
        Bytes that a worker on this machine may take before it is ended, and replaced; default: its
        share of nine tenths of what is available.
    temp : Path, optional
        Where workers keep local copies, in a folder of this run's own; default: in the output folder.
    temp_space : float
        Bytes of such copies in all; on a cluster, of each worker.
    progress : callable, optional
        Called several times a second.
    failure : callable, optional
        Called with the input and what came of it, as soon as an image has failed.
    stop : callable
        Says whether the run shall stop; what is in work is finished then.

    Returns
    -------
    Summary
        What the manifest says at the end.

    Raises
    ------
    ConfigError
        If the folder and `resume` do not fit, or settings differ from those of the run before.
    EngineUnavailableError
        If Dask is not installed.
    BatchError
        If another run is at work there, the workers cannot be reached, or all would fail.

    Examples
    --------
    >>> from ruis.batch import Settings, plan, run  # doctest: +SKIP
    >>> summary = run(plan(["scans/"], "clean/"), Settings(model="gray"))  # doctest: +SKIP
    """
    if retry_failed and not resume:
        raise ConfigError("--retry-failed goes on with a run: give --resume as well.")
    if scheduler and memory is not None:
        raise ConfigError(
            "--memory is for this machine: the workers of a --scheduler have their own limit."
        )
    check_installed()
    begun = time.monotonic()
    settings = settings.absolute()
    identity = settings.identity()
    workers, threads = shared_out(workers, threads, scheduler)
    copies = _folder_of_copies(todo.folder, temp)
    terms = Terms(
        settings,
        identity["weights"],
        str(todo.folder.absolute()),
        threads,
        overwrite,
        str(copies),
        temp_space / max(workers, 1),
    )
    if not resume:
        todo.check_free(overwrite=overwrite)
    with Manifest(todo.folder, create=not resume) as manifest:
        changes: dict[str, int] = {}
        if resume:
            manifest.check(identity)
            changes = manifest.go_on(todo.files, retry_failed=retry_failed)
        else:
            manifest.fill(identity, todo.files)
        sweep(copies)
        turns = Turns(manifest, manifest.waiting(), tries, begun, progress, failure)
        _sweep_outputs(todo.folder, (row.output for row in turns.rows.values() if row.ours))
        try:
            if turns.left:
                with crew(terms, workers, scheduler, memory) as hands:
                    turns.crew = hands
                    turns.all(stop)
        finally:
            _sweep_outputs(todo.folder, (turns.rows[id].output for id in turns.unfinished))
            _tidy(copies)
        return summed_up(manifest, todo, turns, changes, workers, threads)


def _folder_of_copies(output: Path, temp: Path | None) -> Path:
    """Return a folder that no other run has, and nothing else; the same when this run is gone on with."""
    if temp is None:
        return (output / STATE / "copies").absolute()
    mark = hashlib.sha256(os.fsencode(output.absolute())).hexdigest()[:12]
    return temp.absolute() / f"ruis-batch-{mark}"


def shared_out(workers: int | None, threads: int | None, scheduler: str | None) -> tuple[int, int]:
    """Share the processors out: workers x threads are as many as there are."""
    from ruis.processor import threads as processors

    if scheduler:
        if workers:
            raise ConfigError(
                "--workers is for this machine: with --scheduler its own workers are used."
            )
        return 1, threads or 0
    threads = threads or max(1, processors() // workers if workers else 1)
    return workers or max(1, processors() // threads), threads


def _sweep_outputs(folder: Path, outputs: Iterable[str]) -> None:
    """Remove what killed workers left beside the outputs that they were at."""
    for place in {Path(folder, output).parent for output in outputs}:
        for path in leftovers(place):
            path.unlink(missing_ok=True)


def _tidy(copies: Path) -> None:
    """Remove a run's own folder of copies, with what Dask's workers left there, once no copy is in it."""
    import shutil

    shutil.rmtree(copies / "dask-scratch-space", ignore_errors=True)
    (copies / "workers.log").unlink(missing_ok=True)
    try:
        os.rmdir(copies)  # noqa: PTH106 - only if it is empty
    except OSError:
        return
