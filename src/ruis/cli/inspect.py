"""`ruis inspect`: what is this image, and how much noise is in it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ruis.cli import options
from ruis.cli.console import print_json, say

if TYPE_CHECKING:
    from ruis.image import Image

__all__ = ["inspect"]


def inspect(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="The image.")],
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Show what an image is, and its noise.

    ruis inspect photo.jpg
    ruis inspect scan.tif --json

    Sigma is the standard deviation of the noise in the flat parts, for all channels and for each;
    noise that is correlated from pixel to pixel, as after JPEG, is underestimated.
    """
    from ruis import formats

    found = _facts(formats.read(image))
    if json:
        print_json({"image": image, **found})
    else:
        _show(image, found)


def _facts(image: Image) -> dict[str, Any]:
    """Measure the noise, and gather what the file says."""
    from ruis.choice import choose
    from ruis.intensity import Intensity
    from ruis.noise.estimate import estimate_sigma

    info, choice = image.info, choose(image)
    scale = Intensity(info.dtype, info.data_range)
    channels = [
        estimate_sigma(scale.to_unit(image.pixels[..., index : index + 1]))
        for index in range(image.channels)
    ]
    metadata = info.metadata
    fields = ("exif", "icc", "xmp", "resolution", "description", "software")
    return {
        "format": info.format,
        "rows": image.rows,
        "columns": image.columns,
        "channels": image.channels,
        "colour": info.colour,
        "alpha": info.alpha,
        "dtype": str(info.dtype),
        "data_range": info.data_range,
        "axes": info.axes,
        "metadata": [name for name in fields if getattr(metadata, name) is not None],
        "notes": info.notes,
        "sigma": (sum(one**2 for one in channels) / len(channels)) ** 0.5,
        "sigma_per_channel": channels,
        "model": choice.model,
        "why": choice.why,
    }


def _show(name: str, found: dict[str, Any]) -> None:
    alpha = " and alpha" if found["alpha"] else ""
    low, high = found["data_range"]
    each = ", ".join(f"{sigma * 255:.1f}" for sigma in found["sigma_per_channel"][:8])
    several = f" (channels: {each})" if found["channels"] > 1 else ""
    say(f"{name}: {found['columns']}x{found['rows']} pixels, {found['format']}")
    say(f"  values    {found['dtype']}, black {low:g}, white {high:g}")
    say(f"  channels  {found['channels']} ({found['colour']}){alpha}, stored as {found['axes']}")
    say(f"  metadata  {', '.join(found['metadata']) or 'none'}")
    for note in found["notes"]:
        say(f"  note      {note}")
    say(f"  noise     sigma {options.show_sigma(found['sigma'])}{several}")
    say(f"  model     {found['model']}, for {found['why']}: ruis denoise {name}")
