"""`ruis compare`: what was removed from an image, noise alone or structure with it?"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ruis.cli import options
from ruis.cli.console import print_json, say, tell
from ruis.cli.outputs import check_new_file
from ruis.errors import ConfigError

if TYPE_CHECKING:
    from ruis.comparison import Comparison
    from ruis.image import Image

__all__ = ["compare"]


def compare(
    noisy: Annotated[str, typer.Argument(metavar="NOISY", help="The image before.")],
    denoised: Annotated[str, typer.Argument(metavar="DENOISED", help="The image after.")],
    clean: Annotated[
        str | None, typer.Option(metavar="FILE", help="The clean image, where it is known.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html",
            help="Also write a page: before and after with a slider, and what was removed.",
        ),
    ] = None,
    axes: options.Axes = None,
    data_range: options.DataRange = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Judge what was removed from an image.

    ruis compare photo.jpg photo.denoised.jpg
    ruis compare noisy.png denoised.png --clean clean.png --report compared.html

    What was removed should look like noise alone: neighbouring values should not agree (whiteness
    0), nor resemble what is left (correlation and structure 0). With the clean image, PSNR in dB
    and SSIM are told, before and after. Of stacks, the images in the middle are compared.
    """
    if report is not None:
        check_new_file(
            report, "a page", (".html", ".htm"), overwrite=overwrite, option="--report",
            any_case=True,
        )  # fmt: skip

    whole = options.parse_data_range(data_range)

    from ruis import comparison
    from ruis.arrays import with_range

    images = _images([noisy, denoised, *([] if clean is None else [clean])], axes)
    given = images[0].info.data_range
    if whole is None:
        images = comparison.in_used_range(*images)
    before, after, *others = (with_range(image, whole) for image in images)
    known = others[0] if others else None
    white = None if before.info.data_range == given else before.info.data_range[1]
    found = comparison.compare(before, after, known)
    words = comparison.verdict_text(found)
    if json:
        names = {"noisy": noisy, "denoised": denoised, "clean": clean}
        print_json({**names, "white": white, **found.to_json(), "summary": words})
    else:
        if white is not None and whole is None:
            say(f"range      values up to {white:g} count as white: hardly any go beyond")
        _show(found)
        say()
        say(textwrap.fill(words, 88, break_on_hyphens=False))
    if report is not None:
        from ruis.cli.compare_report import write_comparison

        write_comparison(report, found, before, after, known, overwrite=overwrite)
        tell(f"The page is {report}.")


def _images(names: list[str], axes: str | None) -> list[Image]:
    """Read an image of each file; of stacks, which must be equally long, that in the middle."""
    from ruis import planes

    found = [planes.middle(Path(name), axes) for name in names]
    counts = {count for _, _, count in found}
    if len(counts) > 1:
        each = ", ".join(f"{n} {count}" for n, (_, _, count) in zip(names, found, strict=True))
        raise ConfigError(f"the files hold different numbers of images: {each}.")
    _, number, count = found[0]
    if count > 1:
        tell(f"They hold {count} images each; number {number + 1} is compared.")
    return [image for image, _, _ in found]


def _show(found: Comparison) -> None:
    verdict = "like white noise" if found.looks_white else "structure, or correlated noise"
    say(
        f"noise      sigma {options.show_sigma(found.sigma_before)} before, "
        f"{options.show_sigma(found.sigma_after)} after"
    )
    say(f"removed    standard deviation {options.show_sigma(found.removed)}")
    say(f"whiteness  {found.whiteness:+.3f}: {verdict} (0 is white)")
    say(
        f"scene      {found.correlation:+.3f} correlation of what was removed with what is left; it "
        f"resembles it in {found.structure:.0%} of the image"
    )
    say(f"bias       {found.bias * 255:+.2f}/255: how much darker the image became")
    if len(found.bias_per_channel) > 1:
        say(f"colours    shifted by {found.colour_shift * 255:.2f}/255 against each other")
    if found.psnr_after is not None:
        say(f"PSNR       {found.psnr_before:.2f} dB before, {found.psnr_after:.2f} dB after")
        say(f"SSIM       {found.ssim_before:.4f} before, {found.ssim_after:.4f} after")
