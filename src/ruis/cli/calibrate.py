"""`ruis calibrate`: teach a model how far from the truth it may be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ruis.cli import options
from ruis.cli.console import print_json, say
from ruis.cli.outputs import check_new_file
from ruis.cli.progress import counted_images
from ruis.cli.quiet import prepare_engine
from ruis.errors import ConfigError

if TYPE_CHECKING:
    from ruis.calibration import Calibration

__all__ = ["calibrate"]


def calibrate(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model that ships, or a .ruis file.")
    ],
    clean: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Clean images that the model did not learn from; forty are good."
        ),
    ],
    noise: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="The noise to add, such as gaussian:0..50/255."),
    ] = None,
    noisy: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Instead: the noisy counterparts, of the same names."),
    ] = None,
    coverage: Annotated[
        float,
        typer.Option(
            min=0.501, max=0.999, metavar="0.501..0.999", help="The share of true values to hold."
        ),
    ] = 0.9,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE.ruis",
            help="The calibrated model. Default: NAME.calibrated.ruis; with --overwrite, the model "
            "file itself.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of the noise.")] = 0,
    engine: options.EngineName = "openvino",
    precision: options.PrecisionName = "auto",
    tile: options.Tile = None,
    data_range: options.DataRange = None,
    axes: options.Axes = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Measure how far off a model may be, and keep that in it.

    ruis calibrate mine.ruis --clean held-out/ --noise gaussian:0..50/255
    ruis denoise photo.jpg --model mine.calibrated.ruis --uncertainty auto

    After that, ruis denoise --uncertainty tells for each pixel the interval that holds the true
    value: on average over such images, in the share of cases that is asked for here.
    """
    if (noise is None) == (noisy is None):
        raise ConfigError("give either --noise SPEC (noise to add) or --noisy DIR (pairs).")
    whole = options.parse_data_range(data_range)
    target = output or _default_output(model, overwrite=overwrite)
    check_new_file(target, "a model file", (".ruis",), overwrite=overwrite)

    from ruis.denoise import load
    from ruis.evaluate import noisy_pairs, real_pairs
    from ruis.noise import parse
    from ruis.uncertainty import calibrate as measure
    from ruis.uncertainty import calibrated

    added = None if noise is None else parse(noise)
    prepare_engine(engine)
    denoiser = load(model, engine=engine, precision=precision, tile=tile)
    if added is not None:
        pairs = noisy_pairs(clean, added, denoiser.channels, seed=seed, data_range=whole, axes=axes)
    else:
        assert noisy is not None
        pairs = real_pairs(noisy, clean, denoiser.channels, data_range=whole, axes=axes)
    with counted_images() as progress:
        table = measure(
            denoiser, pairs, coverage=coverage, noise=noise or "pairs", seed=seed, progress=progress
        )
    made = calibrated(denoiser.model, table, target, overwrite=overwrite)
    if json:
        print_json(
            {
                "model": made.name,
                "output": str(target),
                "coverage": table.coverage,
                "noise": table.noise,
                "images": table.images,
                "left_out": table.left_out,
                "weights_sha256": made.sha256,
            }
        )
    else:
        _show(target, table)


def _default_output(model: str, *, overwrite: bool) -> Path:
    """Return where the calibrated model goes: beside the model; a shipped one's into this folder."""
    path = Path(model)
    if path.suffix != ".ruis":
        return Path(f"{path.name}.calibrated.ruis")
    return path if overwrite else path.with_name(f"{path.stem}.calibrated.ruis")


def _show(target: Path, table: Calibration) -> None:
    worst, best = min(table.left_out), max(table.left_out)
    mean = sum(table.left_out) / len(table.left_out)
    say(f"{target}: intervals that hold {table.coverage:.0%} of the true values")
    say(f"  measured  on {table.images} images with {table.noise}")
    say(
        f"  checked   each image by a table made without it: {mean:.1%} on average, "
        f"from {worst:.1%} to {best:.1%}"
    )
    say(f"Use it:  ruis denoise IMAGE --model {target} --uncertainty auto")
