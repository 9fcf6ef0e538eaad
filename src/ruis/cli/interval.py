"""Where `ruis denoise --uncertainty` writes, and what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ruis.errors import ConfigError
from ruis.inputs import MARK, UNCERTAINTY
from ruis.outputs import check_races

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ruis.image import Image
    from ruis.outputs import Job

__all__ = ["AUTO", "check_uncertainty", "uncertainty_path", "write_uncertainty"]

AUTO = "auto"
SUFFIXES = (".tif", ".tiff", ".npy")
"""Of files that hold 32-bit floats."""


def check_uncertainty(
    asked: str | None, jobs: Sequence[Job], *, sigma: float | None, strength: float, overwrite: bool
) -> None:
    """Check what is asked for before an image is denoised.

    Raises
    ------
    ConfigError
        If it cannot be: not all of the noise goes, there is one file for several images, or a map
        would replace another one, or an image.
    ImageWriteError
        If a file is there already.
    """
    if asked is None:
        return
    if strength != 1:
        raise ConfigError(
            "--uncertainty is that of the whole denoised image: leave out --strength."
        )
    if sigma is not None:
        raise ConfigError("--uncertainty is that of what the model does blind: leave out --sigma.")
    if asked != AUTO and len(jobs) > 1:
        raise ConfigError(
            "--uncertainty FILE is for one image; --uncertainty auto writes a file for each."
        )
    from ruis.cli.outputs import check_new_file

    maps = [(job, uncertainty_path(asked, job.output)) for job in jobs]
    check_races(
        [*((job.input, job.output) for job in jobs), *((job.input, path) for job, path in maps)],
        advice="denoise them separately, each with --uncertainty FILE",
    )
    for job, path in maps:
        if asked == AUTO and not path.parent.is_dir():
            continue  # the output folder is made when the image is written
        check_new_file(
            path, "a map of uncertainty", SUFFIXES, overwrite=overwrite,
            option="--uncertainty", any_case=True, images=(job.input, job.output),
        )  # fmt: skip


def uncertainty_path(asked: str, output: Path) -> Path:
    """Return the file of an image's map: beside its denoised version, unless one is named.

    Examples
    --------
    >>> uncertainty_path("auto", Path("a/photo.denoised.jpg")).as_posix()
    'a/photo.uncertainty.tif'
    """
    if asked != AUTO:
        return Path(asked)
    return output.with_name(output.stem.removesuffix(MARK) + UNCERTAINTY + SUFFIXES[0])


def write_uncertainty(half: Image, path: Path, *, overwrite: bool) -> None:
    """Write half the width of each pixel's interval as 32-bit floats."""
    from ruis.formats import write

    write(
        half,
        path,
        overwrite=overwrite,
        strip_metadata=True,
        record="half the width of each value's interval, as a fraction of the data range",
    )
