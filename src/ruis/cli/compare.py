"""`ruis compare`: what was removed from an image, noise alone or structure with it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ruis.cli import options
from ruis.cli.console import print_json, say
from ruis.errors import ChannelMismatchError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["compare"]

WHITE = 0.1
"""Up to here, neighbours in what was removed agree so little that it looks like white noise."""


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
    before, after = _unit(noisy), _unit(denoised)
    _check(denoised, after, noisy, before)
    found = _removed(before, after)
    if clean is not None:
        clean_pixels = _unit(clean)
        _check(clean, clean_pixels, noisy, before)
        found |= _quality(clean_pixels, before, after)
    if json:
        print_json({"noisy": noisy, "denoised": denoised, "clean": clean, **found})
    else:
        _show(found)


def _unit(path: str) -> NDArray[np.float32]:
    """Read an image as fractions of its range, alpha left out."""
    from ruis import formats
    from ruis.intensity import Intensity

    image = formats.read(path)
    scale = Intensity(image.info.dtype, image.info.data_range)
    return scale.to_unit(image.pixels[..., : image.channels])


def _check(path: str, pixels: NDArray[Any], other: str, wanted: NDArray[Any]) -> None:
    if pixels.shape != wanted.shape:
        shapes = ["x".join(map(str, one.shape)) for one in (pixels, wanted)]
        raise ChannelMismatchError(
            f"has {shapes[0]} rows, columns and channels, and {other} has {shapes[1]}: they cannot "
            "be compared.",
            source=path,
        )


def _removed(before: NDArray[np.float32], after: NDArray[np.float32]) -> dict[str, Any]:
    from ruis.metrics.bias import bias
    from ruis.metrics.whiteness import whiteness
    from ruis.noise.estimate import estimate_sigma

    return {
        "sigma_before": estimate_sigma(before),
        "sigma_after": estimate_sigma(after),
        "removed": float((before - after).std()),
        "whiteness": whiteness(before, after),
        "bias": bias(before, after),
    }


def _quality(
    clean: NDArray[np.float32], before: NDArray[np.float32], after: NDArray[np.float32]
) -> dict[str, Any]:
    from ruis.metrics.psnr import psnr
    from ruis.metrics.ssim import ssim

    return {
        "psnr_before": psnr(clean, before),
        "psnr_after": psnr(clean, after),
        "ssim_before": ssim(clean, before),
        "ssim_after": ssim(clean, after),
    }


def _show(found: dict[str, Any]) -> None:
    white = found["whiteness"]
    verdict = "like white noise" if abs(white) <= WHITE else "structure, or correlated noise"
    say(
        f"noise      sigma {options.show_sigma(found['sigma_before'])} before, "
        f"{options.show_sigma(found['sigma_after'])} after"
    )
    say(f"removed    standard deviation {options.show_sigma(found['removed'])}")
    say(f"whiteness  {white:+.3f}: {verdict} (0 is white)")
    say(f"bias       {found['bias'] * 255:+.2f}/255: how much darker the image became")
    if "psnr_after" in found:
        say(f"PSNR       {found['psnr_before']:.2f} dB before, {found['psnr_after']:.2f} dB after")
        say(f"SSIM       {found['ssim_before']:.4f} before, {found['ssim_after']:.4f} after")
