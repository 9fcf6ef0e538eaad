"""`ruis inspect`: what is this image, and how much noise is in it?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ruis.cli import options
from ruis.cli.console import print_json, say

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
    from ruis import formats, inspection

    found = inspection.inspect(formats.read(image)).to_json()
    if json:
        print_json({"image": image, **found})
    else:
        _show(image, found)


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
