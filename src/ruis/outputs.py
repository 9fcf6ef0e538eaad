"""Where each denoised image goes: all decided before anything is done."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ruis.errors import ConfigError, ImageError, ImageWriteError, UnsupportedFormatError
from ruis.inputs import (
    MARK,
    OME,
    Failure,
    Found,
    each_once,
    found,
    is_folder,
    is_pattern,
    keys,
    without_folder,
)

if TYPE_CHECKING:
    from ruis.image import Image

__all__ = ["Job", "Plan", "check_kind", "check_races", "enter", "plan", "written_suffix"]


@dataclass(frozen=True)
class Job:
    """One image to denoise.

    Parameters
    ----------
    input, output : Path
        From where, and to where.
    folder : Path, optional
        The output folder, which `output` may not leave through a link.
    """

    input: Path
    output: Path
    folder: Path | None = None


@dataclass
class Plan:
    """What is to be done.

    Parameters
    ----------
    jobs : list of Job
        What is to be denoised, no output twice.
    skipped : list of Path
        Inputs whose output is there already.
    products : list of Path
        Inputs that are themselves the output of another.
    failed : list of Failure
        Inputs that need not be tried.
    """

    jobs: list[Job] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    products: list[Path] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)


def plan(
    inputs: list[str],
    output: str | None = None,
    *,
    recursive: bool = False,
    skip_existing: bool = False,
    overwrite: bool = False,
) -> Plan:
    """Decide what is denoised and where it goes.

    Parameters
    ----------
    inputs : list of str
        Files, folders, patterns.
    output : str, optional
        A file (for one input), or a folder; default: beside each input.
    recursive : bool
        Whether folders inside of folders are entered.
    skip_existing : bool
        Whether inputs whose output exists are left out, instead of being refused.
    overwrite : bool
        Whether existing files, inputs among them, may be replaced.

    Returns
    -------
    Plan
        Jobs whose outputs are all different.

    Raises
    ------
    ConfigError
        If the arguments contradict each other, or two inputs would become one output.
    """
    if overwrite and skip_existing:
        raise ConfigError("--overwrite and --skip-existing contradict each other; give one.")
    result = Plan()
    several = len(inputs) > 1 or any(is_pattern(one) or is_folder(Path(one)) for one in inputs)
    file, folder = _target(output, several=several)
    given = inputs if folder is None else without_folder(inputs, folder)
    gathered = each_once(found(given, folder, result.failed, recursive=recursive))
    named = []
    for one in gathered:
        try:
            named.append((one, "" if file else written_suffix(one.path)))
        except ImageError as error:
            result.failed.append(Failure.of(one.path, error, str(error)))
    jobs = [Job(one.path, file) for one, _ in named] if file else _jobs(named, folder)
    if folder is None and file is None:
        jobs = _without_outputs(jobs, result)
    check_races([(job.input, job.output) for job in jobs])
    for job in jobs:
        if not os.path.lexists(job.output) or overwrite:
            result.jobs.append(job)
        elif skip_existing:
            result.skipped.append(job.input)
        else:
            there = ImageWriteError(
                "exists already; --overwrite replaces it, --skip-existing leaves it.",
                source=str(job.output),
            )
            result.failed.append(Failure.of(job.input, there, str(there)))
    return result


def enter(job: Job) -> None:
    """Make the folder that a job's output goes to, unless a link leads out of the output folder.

    Raises
    ------
    ImageWriteError
        If a link leads out of it, or the folder cannot be made.
    """
    if job.folder is None:
        return
    parent = job.output.parent
    if not parent.resolve().is_relative_to(job.folder.resolve()):
        raise ImageWriteError(
            f"a link leads out of the folder {job.folder}; it is not followed.",
            source=str(job.output),
        )
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageWriteError(f"cannot be made: {error.strerror}.", source=str(parent)) from error


def check_kind(image: Image, output: Path) -> None:
    """Refuse to write one frame where people would expect the animation.

    Parameters
    ----------
    image : Image
        As it was read.
    output : Path
        Where its denoised version goes.

    Raises
    ------
    UnsupportedFormatError
        If it is the first frame of an animation, and the output would be a file of the same kind.
    """
    from ruis.formats import format_of

    if image.info.animated and format_of(output) == image.info.format:
        raise UnsupportedFormatError(
            f"it is an animation, and {output.name} would be its first frame alone; say "
            "--first-frame to ruis denoise if that is wanted, or save its frames as single images.",
            source=image.info.source,
        )


# -- where to ------------------------------------------------------------------------------------


def _target(output: str | None, *, several: bool) -> tuple[Path | None, Path | None]:
    """Return (file, folder), at most one of which is not None."""
    if output is None:
        return None, None
    from ruis.formats import is_image_name
    from ruis.stacks import is_stack_name

    if not output:
        raise ConfigError("-o is empty; . is the current folder.")
    path = Path(output)
    separators = tuple(filter(None, (os.sep, os.altsep, "/")))
    if is_folder(path) or output.endswith(separators):
        return None, path
    if not several:
        return _checked(path), None
    if path.exists():
        raise ConfigError(f"-o {output} is a file, and there are several inputs: give a folder.")
    if is_image_name(path) or is_stack_name(path):
        raise ConfigError(
            f"-o {output} names one file, and there are several inputs: give a folder."
        )
    return None, path


def _checked(file: Path) -> Path:
    """Return the output file that a person named, if it can be written at all."""
    from ruis.formats import format_of
    from ruis.stacks import is_stack_name

    try:
        if not is_stack_name(file):
            format_of(file)
    except UnsupportedFormatError as error:
        raise ConfigError(f"-o {error} A folder that is not there yet ends in /.") from error
    if not file.parent.is_dir():
        raise ConfigError(f"-o {file}: there is no folder {file.parent}.")
    return file


def _jobs(named: list[tuple[Found, str]], folder: Path | None) -> list[Job]:
    """Say where inputs go, of which the endings are known; what becomes another format leaves another's name to it."""
    key = keys()
    kept = {key(_place(one, folder, suffix)) for one, suffix in named if suffix == one.path.suffix}
    jobs = []
    for one, suffix in named:
        output = _place(one, folder, suffix)
        if suffix != one.path.suffix and key(output) in kept:
            output = _place(one, folder, suffix, whole=True)  # logo.gif.png
        jobs.append(Job(one.path, output, folder))
    return jobs


def _place(one: Found, folder: Path | None, suffix: str, *, whole: bool = False) -> Path:
    """Return the name with another ending; `whole`: after its own."""
    if folder is not None:
        return folder / (f"{one.name}{suffix}" if whole else one.name.with_suffix(suffix))
    stem, ome = one.path.name if whole else one.path.stem, ""
    if stem.lower().endswith(OME):  # readers know .ome.tif and .ome.zarr by both endings
        stem, ome = stem[: -len(OME)], stem[-len(OME) :]
    return one.path.with_name(stem + MARK + ome + suffix)


def written_suffix(path: Path) -> str:
    """Return the ending of what is made of a file: its own, or .png where that is only read (GIF).

    Raises
    ------
    UnsupportedFormatError
        If the name's ending means no format.
    """
    from ruis.formats import format_of, is_image_name
    from ruis.stacks import is_stack_name

    try:
        if not is_stack_name(path):
            format_of(path)
    except UnsupportedFormatError:
        if not is_image_name(path):
            raise
        return ".png"
    return path.suffix


def _without_outputs(jobs: list[Job], result: Plan) -> list[Job]:
    """Leave out inputs that are the output of another: `*.jpg` after an earlier run."""
    key = keys()
    outputs = {key(job.output) for job in jobs}
    result.products += [job.input for job in jobs if key(job.input) in outputs]
    return [job for job in jobs if key(job.input) not in outputs]


def check_races(
    pairs: Iterable[tuple[Path | str, Path]],
    *,
    advice: str = "denoise them separately, or give their common folder with --recursive",
) -> None:
    """Refuse two inputs for one output, and an output that is another's input.

    Parameters
    ----------
    pairs : iterable of (path, path)
        Inputs (or addresses that are no local files), and the output of each.
    advice : str
        What to do about two inputs for one output.

    Raises
    ------
    ConfigError
        If a file would be written twice, or an input replaced.
    """
    pairs = list(pairs)
    key = keys()
    inputs = {key(Path(input)): input for input, _ in pairs}
    outputs: dict[str, Path | str] = {}
    for input, output in pairs:
        place = key(output)
        if place in outputs:
            raise ConfigError(f"{outputs[place]} and {input} would both become {output}; {advice}.")
        outputs[place] = input
        if inputs.get(place, input) != input:
            raise ConfigError(
                f"{input} would become {output}, which is an input itself; choose another "
                "output folder."
            )
