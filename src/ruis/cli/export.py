"""`ruis export`: a model for other people's runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ruis.cli import options
from ruis.cli.console import print_json, say
from ruis.errors import ConfigError

__all__ = ["export"]

KINDS = ("onnx",)


def export(
    model: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="A model that ships, or a .ruis file.")
    ],
    to: Annotated[str, typer.Option(metavar="KIND", help=f"The format: {', '.join(KINDS)}.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="PATH", help="The file to write.")
    ],
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Write a model in another format.

    ruis export gray --to onnx -o gray.onnx

    Both are run first: the largest difference is printed, as a fraction of the data range, and if
    it is too large, nothing is written.
    """
    if to not in KINDS:
        raise ConfigError(f"--to {to}: ruis exports to {', '.join(KINDS)}.")
    from ruis import zoo
    from ruis.export import onnx

    difference = onnx(zoo.find(model), output, overwrite=overwrite)
    if json:
        print_json({"model": model, "output": str(output), "largest_difference": difference})
    else:
        say(f"{model} -> {output}: largest difference {difference:.1e} of the data range")
