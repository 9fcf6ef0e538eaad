"""`ruis evaluate`: how well a model does where the clean image is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ruis.cli import options
from ruis.cli.console import duration, print_json, say, table, tell
from ruis.cli.outputs import check_new_file
from ruis.cli.progress import counted_images
from ruis.cli.quiet import prepare_engine
from ruis.errors import ConfigError

if TYPE_CHECKING:
    from ruis.evaluate import Evaluation

__all__ = ["evaluate"]

NOTES = 3
"""Of how images were denoised, so many are told; --json has them all."""


def evaluate(
    model: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="A model that ships, or a .ruis file.")
    ],
    clean: Annotated[Path, typer.Option(metavar="DIR", help="A folder of clean images.")],
    noise: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="The noise to add, such as gaussian:25/255."),
    ] = None,
    noisy: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Instead: the noisy counterparts, of the same names."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Of the noise that is added; default: 0.")
    ] = None,
    sigma: options.Sigma = "auto",
    strength: options.Strength = 1.0,
    data_range: options.DataRange = None,
    axes: options.Axes = None,
    engine: options.EngineName = "openvino",
    precision: options.PrecisionName = "auto",
    tile: options.Tile = None,
    ensemble: options.Ensemble = False,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Also write a page with the table and pictures."),
    ] = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Measure how well a model denoises.

    ruis evaluate --model gray --clean set12/ --noise gaussian:25/255
    ruis evaluate --model photo --noisy real/noisy/ --clean real/clean/ --json

    PSNR in dB and SSIM against the clean image, no border cropped; the mean is over images. The
    denoised image is rounded first: to 8 bits, and with pairs or --data-range to what the clean
    file holds. Noise and PSNR count in fractions of the data range: where 12 bits lie in files of
    16, --data-range 4095 says so. Each picture in a stack counts as an image. The time is that of
    denoising alone.
    """
    if (noise is None) == (noisy is None):
        raise ConfigError("give either --noise SPEC (noise to add) or --noisy DIR (pairs).")
    if noisy is not None and seed is not None:
        raise ConfigError("--seed is that of added noise; pairs have no use for it.")
    given = options.parse_sigma(sigma)
    whole = options.parse_data_range(data_range)
    if report is not None:
        check_new_file(
            report,
            "a page",
            (".html", ".htm"),
            overwrite=overwrite,
            option="--report",
            any_case=True,
        )

    from ruis.denoise import load
    from ruis.evaluate import evaluate as judge
    from ruis.evaluate import noisy_pairs, real_pairs
    from ruis.noise import parse

    added = None if noise is None else parse(noise)
    prepare_engine(engine)
    denoiser = load(model, engine=engine, precision=precision, tile=tile, ensemble=ensemble)
    if added is not None:
        seed = seed or 0
        pairs = noisy_pairs(clean, added, denoiser.channels, seed=seed, data_range=whole, axes=axes)
    else:
        assert noisy is not None
        pairs = real_pairs(noisy, clean, denoiser.channels, data_range=whole, axes=axes)
    with counted_images() as progress:
        result = judge(
            denoiser,
            pairs,
            noise=noise or "pairs",
            seed=seed,
            sigma=given,
            strength=strength,
            progress=progress,
        )
    if json:
        print_json(result.to_json_form())
    else:
        _show(result)
    if report is not None:
        from ruis.cli.report import write_report

        write_report(
            report, result, pairs, denoiser, sigma=given, strength=strength, overwrite=overwrite
        )
        tell(f"The page is {report}.")
    for note in result.notes[:NOTES]:
        tell(f"Note: {note}.")
    if len(result.notes) > NOTES:
        tell(f"Note: and {len(result.notes) - NOTES} more of other images.")
    if result.range_used is not None and whole is None:
        tell(options.narrow_range(result.range_used))


def _show(result: Evaluation) -> None:
    """Print the table, the means last."""
    rows: list[tuple[str, ...]] = [("image", "noisy dB", "denoised dB", "gain dB", "SSIM")]
    rows += [
        (image.name, *_figures(image.noisy_psnr, image.psnr, image.ssim)) for image in result.images
    ]
    mean = result.mean
    rows.append(("mean", *_figures(mean["noisy_psnr"], mean["psnr"], mean["ssim"])))
    seed = "" if result.seed is None else f", seed {result.seed}"
    say(f"{result.model} on {result.noise}{seed}")
    table(rows, last_apart=True)
    rate = result.megapixels / result.seconds if result.seconds else 0.0
    say(f"{result.megapixels:.3g} Mpx in {duration(result.seconds)}, {rate:.2f} Mpx/s")


def _figures(noisy: float, denoised: float, ssim: float) -> tuple[str, ...]:
    return f"{noisy:.2f}", f"{denoised:.2f}", f"{denoised - noisy:+.2f}", f"{ssim:.4f}"
