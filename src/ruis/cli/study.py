"""`ruis study`: how few filters are enough for these images and this noise."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ruis.cli import options
from ruis.cli.mnist.measuring import read_filters, tell_study
from ruis.cli.mnist.options import new_folder, pictures
from ruis.cli.progress import progress_line
from ruis.cli.quiet import load_keras_quietly
from ruis.cli.teller import Teller
from ruis.errors import ConfigError

__all__ = ["study"]

FILTERS = ("8,8", "16,16", "32,32", "64,64")


def study(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="The folder for the figure.")
    ],
    clean: Annotated[Path, typer.Option(metavar="DIR", help="A folder of clean images.")],
    noise: Annotated[
        str, typer.Option(metavar="SPEC", help="The noise to remove, such as gaussian:25/255.")
    ],
    filters: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N,N",
            help="Filters of a network to try, level by level; as often as you like; default: "
            + ", ".join(FILTERS)
            + ".",
        ),
    ] = None,
    wanted: Annotated[
        float | None,
        typer.Option(
            metavar="DB", help="The PSNR to reach; default: half a dB below the best network."
        ),
    ] = None,
    colour: Annotated[bool, typer.Option("--colour", help="Learn colour, not gray.")] = False,
    crops: Annotated[
        int, typer.Option(min=16, metavar="N", help="How many crops to learn from.")
    ] = 1024,
    patch: Annotated[
        int, typer.Option(min=16, metavar="N", help="The side of a crop, in pixels.")
    ] = 64,
    epochs: Annotated[int, typer.Option(min=1, metavar="N", help="Epochs of each network.")] = 5,
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Of weights, crops, order and noise.")
    ] = 0,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Find how few filters are enough for images.

    ruis study --clean photos/ --noise gaussian:25/255 --wanted 28 -o study/

    Convolutional autoencoders with strides in place of pooling learn alike from crops of the clean
    images, and are judged by crops of images that are held out: quality against time, and the
    smallest network that reaches the wanted quality.
    """
    from ruis import architectures
    from ruis.noise import parse as check_noise

    grid = [read_filters(one) for one in filters or FILTERS]
    lengths = [len(one) for one in grid]
    if patch % 2 ** max(lengths):
        raise ConfigError(
            f"--patch {patch}: for {max(lengths)} levels, take a multiple of {2 ** max(lengths)}."
        )
    channels = 3 if colour else 1
    networks = {
        "-".join(map(str, one)): {
            "name": "convolutional-autoencoder",
            "channels": channels,
            "filters": one,
            "kernel": 4,
            "stride": 2,
            "pooling": "none",
            "upsampling": "transposed",
            "output_activation": "linear",
        }
        for one in grid
    }
    check_noise(noise)
    for network in networks.values():
        architectures.parse(network)
    folder = new_folder(output, pictures("study"), overwrite=overwrite)
    load_keras_quietly()

    from ruis import study as room

    training, held_out = room.crops(
        clean, noise, channels=channels, patch=patch, count=crops, seed=seed
    )
    with progress_line() as update:
        trials = room.study(
            networks,
            training,
            held_out,
            epochs=epochs,
            batch_size=16,
            learning_rate=2e-3,
            seed=seed,
            progress=Teller(update),
        )
    tell_study(trials, wanted, folder, overwrite=overwrite, json=json)
