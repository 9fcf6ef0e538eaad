"""`ruis compare`: what was removed from an image, noise alone or structure with it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ruis.cli import options
from ruis.cli.console import print_json, say

if TYPE_CHECKING:
    from ruis.comparison import Comparison

__all__ = ["compare"]


def compare(
    noisy: Annotated[str, typer.Argument(metavar="NOISY", help="The image before.")],
    denoised: Annotated[str, typer.Argument(metavar="DENOISED", help="The image after.")],
    clean: Annotated[
        str | None, typer.Option(metavar="FILE", help="The clean image, where it is known.")
    ] = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Judge what was removed from an image.

    ruis compare photo.jpg photo.denoised.jpg
    ruis compare noisy.png denoised.png --clean clean.png --json

    White noise has no structure: neighbouring values of what was removed should not agree
    (whiteness 0). With the clean image, PSNR in dB and SSIM are told, before and after.
    """
    from ruis import comparison, formats

    before, after = formats.read(noisy), formats.read(denoised)
    found = comparison.compare(before, after, formats.read(clean) if clean is not None else None)
    if json:
        print_json({"noisy": noisy, "denoised": denoised, "clean": clean, **found.to_json()})
    else:
        _show(found)


def _show(found: Comparison) -> None:
    verdict = "like white noise" if found.looks_white else "structure, or correlated noise"
    say(
        f"noise      sigma {options.show_sigma(found.sigma_before)} before, "
        f"{options.show_sigma(found.sigma_after)} after"
    )
    say(f"removed    standard deviation {options.show_sigma(found.removed)}")
    say(f"whiteness  {found.whiteness:+.3f}: {verdict} (0 is white)")
    say(f"bias       {found.bias * 255:+.2f}/255: how much darker the image became")
    if found.psnr_after is not None:
        say(f"PSNR       {found.psnr_before:.2f} dB before, {found.psnr_after:.2f} dB after")
        say(f"SSIM       {found.ssim_before:.4f} before, {found.ssim_after:.4f} after")
