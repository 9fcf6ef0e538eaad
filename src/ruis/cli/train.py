"""`ruis train`: a recipe, or images, become a model file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ruis.cli import options
from ruis.cli.console import print_json, say, tell
from ruis.cli.outputs import check_new_file
from ruis.cli.progress import progress_line
from ruis.cli.quiet import load_keras_quietly
from ruis.cli.teller import Teller
from ruis.errors import ConfigError

if TYPE_CHECKING:
    from ruis.model_file import ModelFile
    from ruis.recipe import Recipe

__all__ = ["train"]


def train(
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE.ruis",
            help="The model file to write; needed, but for --dry-run.",
        ),
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Argument(
            metavar="RECIPE.toml", help="A complete recipe; see the folder recipes/, or RUN.run/."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="With a recipe: the folder that its data folders are in; default: where its run "
            "had it, or here.",
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
            metavar="DIR|FILE",
            help="Noisy images: with --clean their counterparts, files of the same names; else "
            "they are learnt from alone, a whole folder or a single image.",
        ),
    ] = None,
    second: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="With --noisy: other shots of the same scenes, of the same names."
        ),
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="How to learn: supervised, noise-to-noise, noise-to-void, "
            "neighbour-to-neighbour, zero-shot; default: what suits the images.",
        ),
    ] = None,
    mask: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="For noise-to-void: which pixels share their noise: point, horizontal:N, "
            "vertical:N, square:N; default: as measured.",
        ),
    ] = None,
    axes: options.Axes = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="NAME|FILE",
            help="Begin with the weights of a model, to refine it, or to grow: a recipe may ask for more blocks, wider levels, or other channels.",
        ),
    ] = None,
    tier: Annotated[
        Literal["fast", "base", "best"] | None,
        typer.Option(
            help="Without a recipe: the size of the network; default: by the images and the time."
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Train for so many minutes; default without a recipe: 30, and 5 with --from.",
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Train for so many epochs instead.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Of weights, crops and noise; default: 0."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done and why, and do nothing.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on where an earlier run of the same command stopped."),
    ] = False,
    tensorboard: Annotated[
        bool,
        typer.Option("--tensorboard", help="Also write curves for TensorBoard into the run."),
    ] = False,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Teach a network to remove your noise.

    ruis train --noisy shots/ --clean means/ -o mine.ruis             pairs
    ruis train --clean photos/ --noise gaussian:0..55/255 -o mine.ruis
    ruis train --noisy scans/ -o mine.ruis                            noisy images alone
    ruis train --noisy first/ --second second/ -o mine.ruis           two shots of each scene
    ruis train --noisy photo.png -o this-one.ruis                     a single image
    ruis train --from photo --noisy shots/ -o mine.ruis               refine a model
    ruis train recipes/gray-fast.toml --data data/ -o gray-fast.ruis

    What suits the images is found out, and said before it is done: --dry-run says it alone. The
    run keeps its recipe, history, previews, a report and a checkpoint of every epoch in mine.run/,
    beside the model; if it is stopped, the same command with --resume goes on from there.
    """
    if output is None:
        if not dry_run:
            raise ConfigError("say where the model goes: -o mine.ruis (or --dry-run).")
        output = Path("mine.ruis")
    else:
        check_new_file(output, "a model file", (".ruis",), overwrite=overwrite)
    folder = output.with_suffix(".run")
    asked: dict[str, Any] = {
        "clean": clean,
        "noisy": noisy,
        "second": second,
        "noise": noise,
        "objective": objective,
        "mask": mask,
        "axes": axes,
        "tier": tier,
    }
    from ruis.zoo import find

    begin = None if start is None else find(start)
    if recipe is not None:
        chosen, root = _read(recipe, data, asked, begin)
        chosen = _changed(chosen, minutes, epochs, seed)
        reasons: tuple[str, ...] = (chosen.purpose,) if chosen.purpose else ()
    else:
        from ruis.proposal import propose

        if data is not None:
            raise ConfigError("--data belongs to a recipe; without one, give --clean or --noisy.")
        plan = propose(
            **asked,
            start=begin,
            minutes=minutes,
            epochs=epochs,
            seed=seed or 0,
            name=output.stem,
        )
        chosen, root, reasons = plan.recipe, plan.data, plan.reasons
    _tell_plan(chosen, reasons, folder)
    if dry_run:
        if recipe is not None:  # what is proposed can be followed
            from ruis.train import check

            load_keras_quietly()
            check(chosen, root, begin)
        _show_recipe(chosen, json=json)
        return

    from ruis.run import publish
    from ruis.train import train as teach

    load_keras_quietly()
    with progress_line() as update:
        try:
            run = teach(
                chosen,
                root,
                folder,
                start=begin,
                resume=resume,
                tensorboard=tensorboard,
                progress=Teller(update),
                warn=lambda caution: tell(f"Note: {caution.text}."),
            )
        except KeyboardInterrupt:
            tell("The same command with --resume goes on after the last whole epoch.")
            raise
    made = publish(run, output, overwrite=overwrite)
    report = folder / "report.html"
    from ruis.cli.training_report import write_report

    write_report(report, run, made, output)
    if json:
        print_json(_document(made, output, report))
    else:
        _show(made, output, report)


# -- what is asked for ----------------------------------------------------------------------------


def _read(
    recipe: Path, data: Path | None, asked: dict[str, Any], begin: ModelFile | None
) -> tuple[Recipe, Path]:
    """Return a recipe, and the folder that its data folders are in."""
    from ruis.recipe import Recipe
    from ruis.run_folder import data_of, refined

    given = [f"--{name}" for name, value in asked.items() if value is not None]
    if given:
        raise ConfigError(
            f"a recipe says itself what to learn from, and how: leave out {', '.join(given)}, "
            "or the recipe."
        )
    if begin is None and refined(recipe.parent):
        raise ConfigError(
            f"the run of {recipe} refined a model, which its recipe is made for: give it with --from."
        )
    return Recipe.read(recipe), data or data_of(recipe.parent) or Path()


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


def _tell_plan(recipe: Recipe, reasons: tuple[str, ...], folder: Path) -> None:
    """Say what will be done, and why, before it is done."""
    tell(f"{recipe.name}: run folder {folder}{os.sep}")
    for reason in reasons:
        tell(f"  {reason}")


def _show_recipe(recipe: Recipe, *, json: bool) -> None:
    """Print what would be followed: as a recipe, it can be changed and used."""
    if json:
        print_json(recipe.model_dump(mode="json", exclude_none=True))
    else:
        say(recipe.to_toml().rstrip())


def _document(made: ModelFile, output: Path, report: Path) -> dict[str, Any]:
    training = made.manifest.training
    return {
        "model": made.name,
        "output": str(output),
        "report": str(report),
        "noise": made.manifest.noise,
        "minutes": training.minutes,
        "steps": training.steps,
        "best_epoch": training.best_epoch,
        "validation_psnr": training.validation_psnr,
        "weights_sha256": made.sha256,
    }


def _show(made: ModelFile, output: Path, report: Path) -> None:
    """Print the essentials of the card, and what to do next."""
    training, architecture = made.manifest.training, made.architecture
    say(f"{output}: {made.manifest.purpose}")
    say(
        f"  network     {architecture.name}, {architecture.kmac_per_pixel:.0f} kMAC per pixel, "
        f"{architecture.channels} channel{'s' * (architecture.channels > 1)}"
    )
    images = sum(used.images for used in made.manifest.data)
    say(f"  learnt      {made.manifest.noise}, from {images} image{'s' * (images != 1)}")
    say(
        f"  trained     {training.minutes:.1f} minutes, {training.steps} steps, "
        f"{training.megapixels:.0f} Mpx; epoch {training.best_epoch} was best"
    )
    if training.validation_psnr is not None:
        against = "" if _knows_clean(made) else " against noisy ones: good to compare epochs by"
        where = "the image itself" if images == 1 else "images held out"
        share = training.recipe.get("finetuned_share", 1.0)
        mean = (
            f", before {share:.0%} of it became a mean with what it began with" if share < 1 else ""
        )
        say(f"  validation  {training.validation_psnr:.2f} dB on {where}{against}{mean}")
    say(f"  report      {report}")
    say(f"Use it:  ruis denoise IMAGE --model {output}")


def _knows_clean(made: ModelFile) -> bool:
    """Say whether validation compared with clean images."""
    return bool(made.manifest.training.recipe.get("objective", "supervised") == "supervised")
