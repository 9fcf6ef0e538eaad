"""`ruis denoise`: images without their noise."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from typing import Annotated

import typer

from ruis.cli import options
from ruis.cli.console import duration, print_json, tell
from ruis.cli.denoising import Work
from ruis.cli.exit_codes import code_of_run
from ruis.cli.failures import DEBUG
from ruis.cli.interval import check_uncertainty
from ruis.cli.outcomes import Outcomes, reason
from ruis.cli.steps import Steps
from ruis.engines import ENGINES
from ruis.errors import RuisError
from ruis.outputs import Plan, plan
from ruis.zoo import check_known

__all__ = ["denoise"]


def denoise(
    ctx: typer.Context,
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT", help="Images, folders of images, patterns.")
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE|DIR",
            help="A file for one input, else a folder (ends in / if it is new). Default: "
            "photo.denoised.jpg beside photo.jpg.",
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            metavar="auto|medium|fast|NAME|FILE",
            help="A model that ships (ruis models), or a .ruis file; auto: by the image's channels "
            "and its noise; fast: the same with small networks, medium: with one between, but for photographs.",
        ),
    ] = "auto",
    sigma: options.Sigma = "auto",
    strength: options.Strength = 1.0,
    engine: options.EngineName = "openvino",
    precision: options.PrecisionName = "auto",
    tile: options.Tile = None,
    ensemble: options.Ensemble = False,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Also enter the folders inside of folders.")
    ] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave out inputs whose output is there.")
    ] = False,
    strip_metadata: Annotated[
        bool,
        typer.Option(
            "--strip-metadata", help="Leave out EXIF, GPS and texts; the colour profile stays."
        ),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that are there, inputs included.")
    ] = False,
    max_pixels: Annotated[
        float | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Refuse images of more pixels. Default: 200e6 for what is denoised in memory.",
        ),
    ] = None,
    uncertainty: Annotated[
        str | None,
        typer.Option(
            metavar="auto|FILE.tif|FILE.npy",
            help="Also write how far off each pixel may be; the model must be calibrated "
            "(ruis calibrate). auto: photo.uncertainty.tif.",
        ),
    ] = None,
    data_range: options.DataRange = None,
    first_frame: Annotated[
        bool,
        typer.Option("--first-frame", help="Of an animation, write the first frame as a picture."),
    ] = False,
    axes: Annotated[
        str | None,
        typer.Option(
            metavar="TZCYX",
            help="What the axes of a TIFF, Zarr or NPY are, where the file does not say so: Y rows, X "
            "columns, S samples that belong together (RGB), C channels, T, Z.",
        ),
    ] = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Remove noise from images.

    ruis denoise photo.jpg                          writes photo.denoised.jpg
    ruis denoise scans/ -o clean/ --recursive --skip-existing
    ruis denoise scan.tif --sigma 12/255 --strength 0.7
    ruis denoise plate.zarr -o clean.zarr           any size, in constant memory; TIFF, too

    Dtype, range, size, alpha and metadata stay as they are. Inputs are never replaced, unless
    --overwrite says so; what cannot be denoised is named at the end.
    """
    # NumPy multiplies no matrices here; threads that wait for some would keep a processor busy at the start.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    outcomes = Outcomes(quiet=json, debug=bool(ctx.meta.get(DEBUG)))
    steps = Steps(
        model,
        options.parse_sigma(sigma),
        strength,
        {"engine": engine, "precision": precision, "tile": tile, "ensemble": ensemble},
        max_pixels,
        axes,
        strip_metadata,
        overwrite,
        options.parse_data_range(data_range),
        first_frame,
        uncertainty,
    )
    todo = plan(
        inputs, output, recursive=recursive, skip_existing=skip_existing, overwrite=overwrite
    )
    check_uncertainty(
        uncertainty, todo.jobs, sigma=steps.sigma, strength=strength, overwrite=overwrite
    )
    outcomes.failed += todo.failed
    for failure in todo.failed:
        outcomes.tell_failure(failure)
    begun = time.perf_counter()
    try:
        _check_names(model, engine, todo, outcomes)
        Work(steps, outcomes).do(todo.jobs)
    finally:
        if json:
            failed = [asdict(one) for one in outcomes.failed]
            skipped = [str(path) for path in (*todo.skipped, *todo.products)]
            print_json({"outputs": outcomes.outputs, "failed": failed, "skipped": skipped})
        _sum_up(outcomes, todo, time.perf_counter() - begun)
    fine = len(outcomes.outputs) + len(todo.skipped) + len(todo.products)
    raise typer.Exit(code_of_run(fine, len(outcomes.failed)))


def _check_names(model: str, engine: str, todo: Plan, outcomes: Outcomes) -> None:
    """Refuse names that are none: also where nothing is left to do."""
    try:
        check_known(model)
        ENGINES.check(engine)
    except RuisError as error:
        outcomes.give_up(todo.jobs, error)
        raise


def _sum_up(outcomes: Outcomes, todo: Plan, seconds: float) -> None:
    """Say what came of many inputs."""
    total = len(todo.jobs) + len(todo.skipped) + len(todo.products) + len(todo.failed)
    if total < 2:
        if todo.skipped:
            tell(f"{todo.skipped[0]}: skipped, its output is there.")
        return
    parts = [f"{len(outcomes.outputs)} of {total} images denoised in {duration(seconds)}"]
    if todo.skipped:
        parts.append(f"{len(todo.skipped)} skipped (their output is there)")
    if todo.products:
        parts.append(f"{len(todo.products)} skipped (made from another of them)")
    left = len(todo.jobs) + len(todo.failed) - len(outcomes.outputs) - len(outcomes.failed)
    if left:
        parts.append(f"{left} not tried")
    if outcomes.failed:
        parts.append(f"{len(outcomes.failed)} failed:")
    tell(", ".join(parts) + ("" if outcomes.failed else "."))
    for failure in outcomes.failed:
        tell(f"  {reason(failure)}")
