"""`ruis export`: a model for other people's runtimes."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from ruis.cli import options
from ruis.cli.console import print_json, say, tell
from ruis.cli.quiet import silenced

__all__ = ["export"]

NOISY = {"keras", "litert", "bioimageio"}
"""Formats whose libraries talk while they write."""


def export(
    model: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="A model by name, or a .ruis file.")
    ],
    to: Annotated[
        str,
        typer.Option(
            metavar="KIND", help="The format: onnx, openvino, litert, keras or bioimageio."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="The file to write: .onnx, .xml (with a .bin beside it), .tflite, .keras, .zip.",
        ),
    ],
    half: Annotated[
        bool,
        typer.Option(
            "--half", help="Store weights as 16-bit floats: half the size (openvino, litert)."
        ),
    ] = False,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Write a model in another format.

    ruis export gray --to onnx -o gray.onnx
    ruis export photo --to litert --half -o photo.tflite

    What was written is loaded in its own runtime and run beside the original: the largest
    difference is printed, as a fraction of the data range, and if it is too large, nothing is kept.
    """
    from ruis import zoo
    from ruis.export import EXPORTERS
    from ruis.export import export as write

    EXPORTERS[to]  # an unknown name is told before anything is loaded
    found = zoo.find(model)
    if to in NOISY:
        tell(f"writing {output} and running it; this takes some seconds ...")
    with silenced() if to in NOISY and not debug else nullcontext():
        done = write(found, to, output, half=half, overwrite=overwrite)
    if json:
        print_json(
            {
                "model": model,
                "format": to,
                "output": str(output),
                "files": [str(file) for file in done.files],
                "largest_difference": done.difference,
            }
        )
    else:
        names = " and ".join(str(file) for file in done.files)
        say(f"{model} -> {names}: largest difference {done.difference:.1e} of the data range")
