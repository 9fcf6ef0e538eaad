"""`ruis train`: a recipe, or two folders, become a model file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ruis.cli import options
from ruis.cli.console import print_json, say, tell
from ruis.cli.outputs import check_new_file
from ruis.cli.progress import progress_line
from ruis.cli.quiet import load_keras_quietly
from ruis.cli.teller import Teller
from ruis.errors import ConfigError, EmptyDatasetError

if TYPE_CHECKING:
    from ruis.model_file import ModelFile
    from ruis.recipe import Recipe

__all__ = ["TIERS", "channels_and_patch", "train"]

TIERS: dict[str, dict[str, Any]] = {
    "fast": {"widths": (32, 64, 128), "blocks": 1},
    "base": {"widths": (64, 128, 256), "blocks": 2},
    "best": {"widths": (96, 160, 256), "blocks": 3},
}
"""How large the U-Net is that is taught without a recipe: 26, 194 and 492 kMAC per pixel."""

PATCH, SMALLEST_PATCH = 96, 32
MINUTES = 30.0


def train(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE.ruis", help="The model file to write.")
    ],
    recipe: Annotated[
        Path | None,
        typer.Argument(metavar="RECIPE.toml", help="A complete recipe; see the folder recipes/."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="With a recipe: the folder that its data folders are in; default: ."
        ),
    ] = None,
    clean: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder of clean images.")
    ] = None,
    noise: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="With --clean: the noise to learn, such as gaussian:0..55/255, camera, "
            "poisson:peak=30+jpeg:quality=50.",
        ),
    ] = None,
    noisy: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="With --clean: the noisy counterparts, files of the same names."
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="NAME|FILE", help="Begin with the weights of a model, to refine it."
        ),
    ] = None,
    tier: Annotated[
        Literal["fast", "base", "best"],
        typer.Option(help="Without a recipe: the size of the network, quick to run or good."),
    ] = "base",
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="N", help="Train for so many minutes; default without a recipe: 30."
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Train for so many epochs instead.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Of weights, crops and noise; default: 0."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on where an earlier run of the same command stopped."),
    ] = False,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Teach a network to remove your noise.

    ruis train --clean photos/ --noise gaussian:0..55/255 -o mine.ruis
    ruis train --noisy short/ --clean long/ --minutes 60 -o camera.ruis
    ruis train recipes/gray.toml --data data/ -o gray.ruis

    The run keeps its recipe, history and a checkpoint of every epoch in mine.run/, beside the
    model; if it is stopped, the same command with --resume goes on from there.
    """
    folder = _run_folder(output, overwrite=overwrite)
    chosen, root = _recipe(recipe, data, clean, noisy, noise, tier, output.stem)
    chosen = _changed(chosen, minutes, epochs, seed)

    from ruis.train import publish
    from ruis.train import train as teach
    from ruis.zoo import find

    begin = None if start is None else find(start)
    load_keras_quietly()
    tell(f"{chosen.name}: run folder {folder}{os.sep}")
    with progress_line() as update:
        try:
            run = teach(
                chosen,
                root,
                folder,
                start=begin,
                resume=resume,
                progress=Teller(update),
                warn=lambda caution: tell(f"Note: {caution.text}."),
            )
        except KeyboardInterrupt:
            tell("The same command with --resume goes on after the last whole epoch.")
            raise
    made = publish(run, output, overwrite=overwrite)
    if json:
        print_json(_document(made, output))
    else:
        _show(made, output)


# -- what is asked for ----------------------------------------------------------------------------


def _run_folder(output: Path, *, overwrite: bool) -> Path:
    """Check the output before an hour is spent on it, and return the folder of the run."""
    check_new_file(output, "a model file", (".ruis",), overwrite=overwrite)
    return output.with_suffix(".run")


def _recipe(
    recipe: Path | None,
    data: Path | None,
    clean: Path | None,
    noisy: Path | None,
    noise: str | None,
    tier: str,
    name: str,
) -> tuple[Recipe, Path]:
    """Return the recipe, read or made, and the folder that its data folders are in."""
    from ruis.recipe import Recipe

    if recipe is not None:
        if clean or noisy or noise:
            raise ConfigError(
                "a recipe says itself what to learn from: leave out --clean, --noisy "
                "and --noise, or the recipe."
            )
        return Recipe.read(recipe), data or Path()
    if data is not None:
        raise ConfigError("--data belongs to a recipe; without one, give --clean.")
    if clean is None:
        raise ConfigError(
            "learning from noisy images alone is not there yet; give --clean DIR --noise SPEC "
            "(clean images of the same kind), or --noisy DIR --clean DIR (pairs)."
            if noisy
            else "what shall be learnt from? Give a recipe, --clean DIR --noise SPEC, or "
            "--noisy DIR --clean DIR."
        )
    if (noise is None) == (noisy is None):
        raise ConfigError(
            "--clean needs either --noise SPEC (noise to add) or --noisy DIR (pairs)"
            + (", not both." if noise else ", such as --noise gaussian:0..55/255.")
        )
    return _default_recipe(clean.resolve(), noisy and noisy.resolve(), noise, tier, name)


def _default_recipe(
    clean: Path, noisy: Path | None, noise: str | None, tier: str, name: str
) -> tuple[Recipe, Path]:
    """Make a recipe that suits the images; no path of this machine gets into it."""
    from ruis.noise import parse
    from ruis.recipe import Recipe

    if noise is not None:
        parse(
            noise
        )  # what is wrong with it is said before the headers of a thousand files are read
    channels, patch = channels_and_patch(clean)
    root = Path(os.path.commonpath([clean.parent, noisy.parent if noisy else clean.parent]))
    source = {"name": clean.name, "terms": "the trainer's own", "folder": _inside(clean, root)}
    if noisy is not None:
        source["noisy"] = _inside(noisy, root)
    kind = {1: "gray images", 3: "colour images"}.get(channels, f"images of {channels} channels")
    made = {
        "name": re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "mine",
        "purpose": f"Removes {noise or 'the noise of pairs'} from {kind} like those in {clean.name}.",
        "data": (source,),
        "architecture": {
            "name": "unet",
            "channels": channels,
            "sigma_channel": noisy is None,
            **TIERS[tier],
        },
        "noise": noise,
        "patch": patch,
        "optimizer": "muon",
        "learning_rate": 1e-2,
        "minutes": MINUTES,
    }
    return Recipe.parse(made, what="the default recipe"), root


def _inside(folder: Path, root: Path) -> str:
    return folder.relative_to(root).as_posix()


def channels_and_patch(folder: Path) -> tuple[int, int]:
    """Look at the headers of all images: gray or colour, and how large a crop fits into each."""
    from ruis import dataset, formats

    headers = [formats.probe(path) for path in dataset.find(folder)]
    kinds = {(header.colour, header.channels - header.alpha) for header in headers}
    counts = {count for _, count in kinds}
    if {colour for colour, _ in kinds} <= {"gray", "rgb"}:
        channels = 3 if 3 in counts else 1
    elif len(counts) == 1:
        channels = counts.pop()
    else:
        found = ", ".join(f"{count} ({colour})" for colour, count in sorted(kinds))
        raise ConfigError(f"the images in {folder} have different channels: {found}.")
    sides = [min(header.rows, header.columns) for header in headers]
    smallest = min([side for side in sides if side >= SMALLEST_PATCH] or [max(sides)])
    patch = min(PATCH, smallest) // 8 * 8
    if patch == 0:
        raise EmptyDatasetError(f"the images in {folder} are smaller than 8 pixels.")
    return channels, patch


def _changed(recipe: Recipe, minutes: float | None, epochs: int | None, seed: int | None) -> Recipe:
    """Return the recipe with what the command line says instead."""
    if minutes is not None and epochs is not None:
        raise ConfigError("give --minutes or --epochs, not both.")
    settings: dict[str, Any] = {}
    if minutes is not None:
        settings = {"minutes": minutes, "epochs": None}
    if epochs is not None:
        settings = {"minutes": None, "epochs": epochs}
    if seed is not None:
        settings["seed"] = seed
    return recipe.changed(**settings) if settings else recipe


# -- what is told ---------------------------------------------------------------------------------


def _document(made: ModelFile, output: Path) -> dict[str, Any]:
    training = made.manifest.training
    return {
        "model": made.name,
        "output": str(output),
        "noise": made.manifest.noise,
        "minutes": training.minutes,
        "steps": training.steps,
        "best_epoch": training.best_epoch,
        "validation_psnr": training.validation_psnr,
        "sha256": made.sha256,
    }


def _show(made: ModelFile, output: Path) -> None:
    """Print the essentials of the card, and what to do next."""
    training, architecture = made.manifest.training, made.architecture
    say(f"{output}: {made.manifest.purpose}")
    say(
        f"  network     {architecture.name}, {architecture.kmac_per_pixel:.0f} kMAC per pixel, "
        f"{architecture.channels} channel{'s' * (architecture.channels > 1)}"
    )
    images = sum(used.images for used in made.manifest.data)
    say(f"  learnt      {made.manifest.noise}, from {images} images")
    say(
        f"  trained     {training.minutes:.1f} minutes, {training.steps} steps, "
        f"{training.megapixels:.0f} Mpx; epoch {training.best_epoch} was best"
    )
    if training.validation_psnr is not None:
        say(f"  validation  {training.validation_psnr:.2f} dB on images that were held out")
    say(f"Use it:  ruis denoise IMAGE --model {output}")
