"""`ruis mnist report`: the whole article as one page, every figure and number made here."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from ruis.cli import options
from ruis.cli.console import duration, print_json, say, tell, to_json
from ruis.cli.mnist.options import (
    DEFAULT_PRESET,
    Data,
    Epochs,
    Noise,
    PresetName,
    Seed,
    Settings,
    asked,
    check_extras,
    new_folder,
    write_figures,
)
from ruis.cli.progress import progress_line
from ruis.cli.quiet import load_keras_quietly
from ruis.cli.teller import Teller
from ruis.errors import ConfigError

__all__ = ["report"]

PARTS = ("lesson", "study", "dense", "hidden", "stacking", "anomaly")


def report(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FOLDER", help="The folder for the page.")
    ],
    language: Annotated[
        list[str] | None,
        typer.Option("--lang", metavar="en|nl", help="The language; twice for both; default: en."),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Few epochs: under two minutes with the package's digits."),
    ] = False,
    digit: Annotated[
        int, typer.Option(min=0, max=9, metavar="0..9", help="The digit to look at closely.")
    ] = 4,
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
    """Write the article as one page, with every figure and number computed here.

    ruis mnist report --quick -o article/
    ruis mnist report --data mnist.npz --lang en --lang nl -o article/

    The page needs no other file. Its figures are in FOLDER/figures, too, as PNG and SVG, and its
    numbers in FOLDER/numbers.json.
    """
    languages = list(dict.fromkeys(language or ["en"]))
    pages = [f"article.{one}.html" for one in languages]

    from ruis.mnist.texts import get

    texts = [get(one) for one in languages]
    order = asked(data, preset, epochs, noise, seed, settings, quickly=quick)
    if "filters" not in order.preset.architecture:
        raise ConfigError(f"the report is about filters, and the preset {preset!r} has none.")
    if not order.preset.denoise:
        raise ConfigError(f"the report ends in denoising, and {preset!r} has no epochs for that.")
    check_extras("sklearn")
    folder = new_folder(output, [*pages, "numbers.json", "figures"], overwrite=overwrite)
    load_keras_quietly()

    from ruis.mnist.report import Report, numbers
    from ruis.mnist.results import Amount, compute

    amount = Amount()
    if quick:
        amount = Amount(dense=8, stacking=4, study=3, shares=(1 / 4, 1 / 2, 1), anomaly=15)
    with progress_line() as update:
        results = compute(
            order.preset,
            order.digits,
            amount=amount,
            digit=digit,
            hidden=not quick,
            seed=seed,
            progress=lambda part: Teller(update, PARTS.index(part), len(PARTS), part),
        )
    command = shlex.join(["ruis", *sys.argv[1:]])
    for name, words in zip(pages, texts, strict=True):
        written = Report(results, words, command, quick=quick)
        _write(folder / name, written.html(), overwrite=overwrite)
        if words is texts[0]:
            (folder / "figures").mkdir(exist_ok=True)
            write_figures(written.figures, folder / "figures", overwrite=overwrite)
    found = numbers(results)
    _write(folder / "numbers.json", to_json(found), overwrite=overwrite)
    tell(f"made in {duration(results.seconds)}")
    if json:
        print_json({"pages": [str(folder / name) for name in pages], **found})
    else:
        for name in pages:
            say(f"Open it:  {folder / name}")


def _write(path: Path, text: str, *, overwrite: bool) -> None:
    from ruis.formats.atomic import new_file

    with new_file(path, overwrite=overwrite) as file:
        file.write(text.encode())
