"""The plan, made before anything is done: which images, where to, how much it is, how long it takes."""

from __future__ import annotations

import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from ruis.batch.copies import is_address, local_copy
from ruis.batch.inputs import Input, gather
from ruis.batch.manifest import STATE
from ruis.batch.settings import Settings
from ruis.batch.work import Terms, denoised_file
from ruis.errors import ConfigError, ImageError, RuisError
from ruis.inputs import Failure, keys
from ruis.outputs import check_races, written_suffix

__all__ = ["Plan", "Survey", "estimate", "plan", "survey"]

PROBED, PROBED_FAR = 500, 10
"""Headers that are read of local images, and of images in object stores: of more, a sample is."""

TIMED, LONGEST = 3, 15.0
"""Images that are denoised to estimate the time, and the seconds after which no more are."""


@dataclass(frozen=True)
class Plan:
    """Which images are denoised, and where to.

    Parameters
    ----------
    folder : Path
        The output folder.
    files : tuple of (Input, str)
        Each image, and its output below the folder; no output twice.
    failed : tuple of Failure
        Arguments that mean nothing.
    """

    folder: Path
    files: tuple[tuple[Input, str], ...]
    failed: tuple[Failure, ...] = ()

    @property
    def bytes(self) -> int:
        """The size of all inputs."""
        return sum(one.size for one, _ in self.files)

    def check_free(self, *, overwrite: bool) -> None:
        """Refuse to begin where outputs are already.

        Raises
        ------
        ConfigError
            If one is there and may not be replaced.
        """
        there = [name for _, name in self.files if os.path.lexists(self.folder / name)]
        # A folder in which a run was begun has outputs: the manifest says what to do then.
        if there and not overwrite and not (self.folder / STATE).exists():
            raise ConfigError(
                f"{len(there)} of {len(self.files)} outputs are there already, {there[0]} first; "
                "--overwrite replaces them, or choose another folder."
            )


@dataclass(frozen=True)
class Survey:
    """What the headers of images announce.

    Parameters
    ----------
    probed, unreadable : int
        Headers that were looked at, and those of them that make no sense.
    megapixels : float
        Of all images; an estimate where not all were probed.
    formats : dict of str to int
        Of those that were probed.
    typical : tuple of str
        Images of middling size, to time.
    """

    probed: int
    unreadable: int
    megapixels: float
    formats: dict[str, int]
    typical: tuple[str, ...]


def plan(
    inputs: Sequence[str],
    folder: str | Path,
    *,
    lists: Sequence[Path] = (),
    format: str | None = None,
) -> Plan:
    """Decide which images are denoised, and where to; opens none of them.

    Parameters
    ----------
    inputs : sequence of str
        Files, folders (with all below them), patterns, addresses for fsspec.
    folder : path
        The output folder; what was below a folder keeps its place there.
    lists : sequence of Path
        Files that list inputs: text, `.jsonl`, `.csv`.
    format : str, optional
        The ending of all outputs, without its dot.

    Returns
    -------
    Plan
        With outputs that are all different, and no one's input.

    Raises
    ------
    ConfigError
        If two inputs would become one file, or an input would be replaced.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"-o {folder} is a file: give a folder.")
    gathered, failed = gather(inputs, lists, folder)
    suffix = _suffix(format)
    files = []
    for one in gathered:
        name = PurePosixPath(one.name)
        try:
            output = name.with_suffix(suffix or written_suffix(Path(one.name))).as_posix()
        except ImageError as error:
            failed.append(Failure.of(one.location, error, str(error)))
            continue
        files.append((one, output))
    key = keys()
    for one, output in files:
        place = Path(one.location)
        if not is_address(one.location) and key(place) == key(folder / output):
            raise ConfigError(f"{place} would be replaced: choose another output folder.")
    check_races(
        [(one.location, folder / output) for one, output in files],
        advice="denoise them into separate folders, or give their common folder",
    )
    return Plan(folder, tuple(files), tuple(failed))


def _suffix(format: str | None) -> str | None:
    if format is None:
        return None
    try:
        return written_suffix(Path("x." + format.lower().lstrip(".")))
    except ImageError as error:
        raise ConfigError(f"--format {format}: {error.reason}") from error


def survey(todo: Plan, *, seed: int = 0) -> Survey:
    """Read the headers of the images, or of a sample of them.

    Parameters
    ----------
    todo : Plan
        The plan.
    seed : int
        Of the sample.

    Returns
    -------
    Survey
        What they announce.
    """
    from ruis.formats import probe

    rng = random.Random(seed)  # noqa: S311 - which headers are read is no secret
    near = [one for one, _ in todo.files if not is_address(one.location)]
    far = [one for one, _ in todo.files if is_address(one.location)]
    formats: Counter[str] = Counter()
    sizes: list[tuple[float, str]] = []
    unreadable, megapixels = 0, 0.0
    for group, most in ((near, PROBED), (far, PROBED_FAR)):
        sample = group if len(group) <= most else rng.sample(group, most)
        here = 0.0
        for one in sample:
            try:
                with (
                    TemporaryDirectory() as folder,
                    local_copy(one.location, Path(folder), 1e9) as path,
                ):
                    header = probe(path)
            except RuisError:
                unreadable += 1
                continue
            formats[header.format] += 1
            here += header.rows * header.columns / 1e6
            sizes.append((header.rows * header.columns / 1e6, one.location))
        megapixels += here * len(group) / max(len(sample), 1)
    middle = statistics.median(size for size, _ in sizes) if sizes else 0.0
    typical = sorted(sizes, key=lambda one: abs(one[0] - middle))[:TIMED]
    probed = sum(formats.values()) + unreadable
    names = tuple(location for _, location in typical if not is_address(location))
    return Survey(probed, unreadable, megapixels, dict(formats), names)


def estimate(seen: Survey, settings: Settings, workers: int, threads: int) -> float | None:
    """Estimate the seconds that a plan takes, by denoising a few of its images.

    Parameters
    ----------
    seen : Survey
        What the headers announced.
    settings : Settings
        How they are denoised.
    workers, threads : int
        How many there will be.

    Returns
    -------
    float or None
        Seconds; None if no image could be denoised.
    """
    settings = settings.absolute()
    pixels, spent, begun = 0.0, 0.0, time.perf_counter()
    with TemporaryDirectory() as folder:
        terms = Terms(settings, settings.models(), folder, threads, True, folder, 0)
        for number, location in enumerate(seen.typical[:1] + seen.typical):
            started = time.perf_counter()
            try:
                output = Path(
                    folder, "x" + (_suffix(settings.format) or written_suffix(Path(location)))
                )
                result, _ = denoised_file(Path(location), output, terms, replace=True)
            except ImageError:
                continue
            if number:  # the first one loads the model
                pixels += result.image.megapixels
                spent += time.perf_counter() - started
            if time.perf_counter() - begun > LONGEST and pixels:
                break
    return spent / pixels * seen.megapixels / workers if pixels else None
