"""`ruis mnist train`: a preset becomes a model file, with its curves."""

from __future__ import annotations

import csv
import io
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ruis.cli import options
from ruis.cli.console import duration, print_json, say, table, tell
from ruis.cli.mnist.options import (
    DEFAULT_PRESET,
    Asked,
    Data,
    Epochs,
    Noise,
    PresetName,
    Seed,
    Settings,
    asked,
    new_folder,
)
from ruis.cli.outputs import check_new_file
from ruis.cli.progress import progress_line
from ruis.cli.quiet import load_keras_quietly
from ruis.cli.teller import Teller

if TYPE_CHECKING:
    from ruis.mnist.lessons import Lesson

__all__ = ["taught", "train"]

FIGURES = ("loss", "psnr", "time", "reconstructed", "noisy", "denoised")


def train(
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE.ruis", help="The model file; default: PRESET.ruis."
        ),
    ] = None,
    data: Data = "package",
    preset: PresetName = DEFAULT_PRESET,
    epochs: Epochs = None,
    noise: Noise = None,
    seed: Seed = 0,
    settings: Settings = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Teach a network to reconstruct digits, then to denoise them.

    ruis mnist train --preset article-notebook --data mnist.npz -o digits.ruis

    Curves, figures and the history of all epochs go into the folder digits.figures. The last
    training images are held out to judge epochs by; the test images are looked at once, at the end
    of each phase.
    """
    path = output or Path(f"{preset}.ruis")
    check_new_file(path, "a model file", (".ruis",), overwrite=overwrite)
    names = ["history.csv", *(f"{name}.{kind}" for name in FIGURES for kind in ("png", "svg"))]
    order = asked(data, preset, epochs, noise, seed, settings)
    folder = new_folder(path.with_suffix(".figures"), names, overwrite=overwrite)
    try:
        lesson = taught(order)
    except KeyboardInterrupt:
        tell("Nothing of this training is kept: the model is written at its end.")
        with suppress(OSError):  # there may be figures of an earlier training in it
            folder.rmdir()
        raise
    lesson.save(path, overwrite=overwrite)
    _write(lesson, folder, overwrite=overwrite)
    if json:
        print_json(_document(lesson, path, order))
    else:
        _show(lesson, path, folder, order)


def taught(order: Asked) -> Lesson:
    """Teach what was asked for, and tell how it goes."""
    from ruis.mnist.lessons import teach

    load_keras_quietly()
    preset = order.preset
    tell(
        f"{preset.name}, {len(order.digits.x_train)} digits from {order.digits.source}: "
        f"{preset.reconstruct} epochs of reconstructing, {preset.denoise} of denoising"
    )
    with progress_line() as update:
        return teach(preset, order.digits, seed=order.seed, progress=Teller(update))


def _write(lesson: Lesson, folder: Path, *, overwrite: bool) -> None:
    from ruis import figures
    from ruis.formats.atomic import new_file
    from ruis.mnist import drawings
    from ruis.mnist.texts import get

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["phase", "epoch", "loss", "validation_loss", "validation_psnr", "seconds"])
    for phase, epochs in drawings.phases(lesson):
        for epoch in epochs:
            writer.writerow([phase, *asdict(epoch).values()])
    with new_file(folder / "history.csv", overwrite=overwrite) as file:
        file.write(text.getvalue().encode())
    for name, figure in drawings.of_lesson(lesson, get("en")).items():
        figures.save(figure, folder / name, overwrite=overwrite)


def _document(lesson: Lesson, path: Path, order: Asked) -> dict[str, Any]:
    def last(epochs: Any) -> dict[str, Any] | None:
        return asdict(epochs[-1]) if epochs else None

    return {
        "model": str(path),
        "preset": lesson.preset.model_dump(mode="json"),
        "data": order.digits.source,
        "seed": lesson.seed,
        "parameters": lesson.autoencoder.model.count_params(),
        "reconstructing": last(lesson.reconstructing),
        "denoising": last(lesson.denoising),
        "test": {
            "reconstruction": lesson.reconstruction and asdict(lesson.reconstruction),
            "denoised": lesson.denoised and asdict(lesson.denoised),
        },
        "seconds": lesson.seconds,
        "images_per_second": lesson.images_per_second,
    }


def _show(lesson: Lesson, path: Path, folder: Path, order: Asked) -> None:
    """Print how it went, and what to do next."""
    from ruis.mnist.drawings import phases
    from ruis.mnist.lessons import entropy

    say(f"{path}: {lesson.preset.name}, {lesson.autoencoder.model.count_params()} parameters")
    rows: list[tuple[str, ...]] = [
        ("phase", "epochs", "loss first", "last", "validation first", "last", "test dB", "SSIM")
    ]
    scores = (lesson.reconstruction, lesson.denoised)
    named = dict(zip(("reconstruct", "denoise"), scores, strict=True))
    for phase, epochs in phases(lesson):
        first, last, score = epochs[0], epochs[-1], named[phase]
        losses = (first.loss, last.loss, first.validation_loss, last.validation_loss)
        assert score is not None  # there is one for each phase
        found = (*(f"{loss:.4f}" for loss in losses), f"{score.psnr:.2f}", f"{score.ssim:.4f}")
        rows.append((phase, str(len(epochs)), *found))
    table(rows)
    if lesson.denoised:
        say(
            f"  noisy test digits have {lesson.denoised.noisy_psnr:.2f} dB, "
            f"SSIM {lesson.denoised.noisy_ssim:.4f}"
        )
    if lesson.preset.loss == "binary_crossentropy":
        floor = entropy(order.digits.x_test.astype("float64") / 255)
        say(f"  the loss cannot fall below {floor:.4f}, the entropy of gray test digits")
    say(f"  {duration(lesson.seconds)}, {lesson.images_per_second:.0f} images per second")
    say(f"Look at it:  {folder}{os.sep}   Use it:  ruis mnist denoise --model {path}")
