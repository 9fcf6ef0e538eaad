"""`ruis mnist compare`, `study` and `anomaly`: what the article claims, measured."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ruis.cli import options
from ruis.cli.console import print_json, say, table
from ruis.cli.mnist.options import (
    DEFAULT_PRESET,
    Data,
    Epochs,
    Folder,
    Noise,
    PresetName,
    Seed,
    Settings,
    asked,
    check_extras,
    new_folder,
    pictures,
    write_figures,
)
from ruis.cli.progress import progress_line
from ruis.cli.quiet import load_keras_quietly
from ruis.cli.teller import Teller
from ruis.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ruis.mnist.experiments import Odd
    from ruis.study import Trial

__all__ = ["anomaly", "compare", "read_filters", "study", "tell_study"]

OneEpochs = Annotated[
    int, typer.Option("--epochs", min=1, metavar="N", help="Epochs of each network.")
]


def compare(
    output: Folder = Path("mnist-compared"),
    data: Data = "package",
    preset: PresetName = DEFAULT_PRESET,
    epochs: OneEpochs = 5,
    noise: Noise = None,
    seed: Seed = 0,
    settings: Settings = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Compare dense with convolutional, plain and shuffled, and the ways down of a preset.

    ruis mnist compare --data mnist.npz --epochs 10 -o compared/

    Dense and convolutional have a code of 32 numbers, about as many weights, and the same epochs of
    reconstructing; with --noise they denoise instead. Then the preset's network learns to denoise
    with each pooling, with strides, and with dropped borders.
    """
    order = asked(data, preset, None, noise, seed, settings)
    names = ("shuffled", "stacked", "stacked-psnr")
    folder = new_folder(output, pictures(*names), overwrite=overwrite)
    load_keras_quietly()

    from ruis.mnist import drawings
    from ruis.mnist.experiments import stacking, ways_down
    from ruis.mnist.texts import get

    with progress_line() as update:
        stacked = stacking(
            order.digits, noise=noise, epochs=epochs, seed=seed, progress=Teller(update, 0, 2)
        )
        trials: tuple[Trial, ...] = ()
        if "pooling" in order.preset.architecture:
            trials = ways_down(
                order.preset, order.digits, epochs=epochs, seed=seed, progress=Teller(update, 1, 2)
            )
    drawn = drawings.of_stacked(stacked, order.digits, seed, get("en"))
    write_figures(drawn, folder, overwrite=overwrite)
    if json:
        some = [
            {key: value for key, value in vars(one).items() if key != "examples"} for one in stacked
        ]
        print_json({"stacking": some, "ways_down": [asdict(trial) for trial in trials]})
        return
    say(f"a code of 32 numbers, {epochs} epochs, {noise or 'reconstructing'}, seed {seed}")
    rows: list[tuple[str, ...]] = [("network", "pixels", "weights", "PSNR dB", "SSIM", "seconds")]
    rows += [
        (
            one.network,
            "shuffled" if one.shuffled else "plain",
            str(one.parameters),
            f"{one.psnr:.2f}",
            f"{one.ssim:.4f}",
            f"{one.seconds:.0f}",
        )
        for one in stacked
    ]
    table(rows)
    if trials:
        say(f"{order.preset.name}, {epochs} epochs of denoising, images held out")
        _trials(trials)
    say(f"Look at them:  {folder}")


def study(
    output: Folder = Path("mnist-study"),
    filters: Annotated[
        list[str] | None,
        typer.Option(metavar="N,N,N", help="Filters of a network to try; as often as you like."),
    ] = None,
    wanted: Annotated[
        float | None,
        typer.Option(
            metavar="DB", help="The PSNR to reach; default: half a dB below the best network."
        ),
    ] = None,
    data: Data = "package",
    preset: PresetName = DEFAULT_PRESET,
    epochs: OneEpochs = 5,
    noise: Noise = None,
    seed: Seed = 0,
    settings: Settings = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Find how few filters are enough: quality against time, the smallest network named.

    ruis mnist study --filters 4,2,2 --filters 8,4,4 --filters 16,8,8 --wanted 17 -o study/

    For other images than digits: ruis study.
    """
    order = asked(data, preset, None, noise, seed, settings)
    if "filters" not in order.preset.architecture:
        raise ConfigError(f"the preset {preset!r} has no filters to count.")
    grid = None if not filters else tuple(map(read_filters, filters))
    folder = new_folder(output, pictures("study"), overwrite=overwrite)
    load_keras_quietly()

    from ruis.mnist.experiments import FILTERS, filter_study

    with progress_line() as update:
        trials = filter_study(
            order.preset,
            order.digits,
            filters=grid or FILTERS,
            epochs=epochs,
            seed=seed,
            progress=Teller(update),
        )
    tell_study(trials, wanted, folder, overwrite=overwrite, json=json)


def read_filters(text: str) -> tuple[int, ...]:
    """Read "16,8,8"."""
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError:
        raise ConfigError(f"--filters takes numbers such as 16,8,8; not {text!r}.") from None


def tell_study(
    trials: tuple[Trial, ...], wanted: float | None, folder: Path, *, overwrite: bool, json: bool
) -> None:
    """Draw and print quality against time, and name the smallest network that suffices."""
    from ruis.mnist import drawings
    from ruis.mnist.texts import get
    from ruis.study import smallest

    aim = wanted if wanted is not None else max(trial.psnr for trial in trials) - 0.5
    found = smallest(trials, aim)
    drawn = drawings.of_trials(trials, aim, found.name if found else None, get("en"))
    write_figures({"study": drawn}, folder, overwrite=overwrite)
    if json:
        document = {"trials": [asdict(trial) for trial in trials], "wanted": aim}
        print_json({**document, "smallest": found.name if found else None})
        return
    _trials(trials)
    if found:
        say(
            f"The smallest that reaches {aim:.2f} dB: {found.name}, {found.parameters} weights, "
            f"{found.seconds:.0f} s."
        )
    else:
        say(f"None reaches {aim:.2f} dB.")
    say(f"Look at it:  {folder / 'study.png'}")


def _trials(trials: Sequence[Trial]) -> None:
    rows: list[tuple[str, ...]] = [("network", "weights", "kMAC/px", "seconds", "loss", "PSNR dB")]
    rows += [
        (
            trial.name,
            str(trial.parameters),
            f"{trial.kmac_per_pixel:.3f}",
            f"{trial.seconds:.0f}",
            f"{trial.loss:.4f}",
            f"{trial.psnr:.2f}",
        )
        for trial in trials
    ]
    table(rows)


def anomaly(
    output: Folder = Path("mnist-anomaly"),
    digit: Annotated[
        int | None,
        typer.Option(min=0, max=9, metavar="0..9", help="The normal digit; default: each in turn."),
    ] = None,
    data: Data = "package",
    preset: PresetName = "detector",
    epochs: Epochs = None,
    noise: Noise = None,
    seed: Seed = 0,
    settings: Settings = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Learn one digit, and find all others odd: AUROC beside PCA and an isolation forest.

    ruis mnist anomaly --digit 4 --data mnist.npz -o anomaly/

    The preset "detector" learns to give its digit back, through a code of 32 numbers (another:
    --set bottleneck=16). For other images than digits: ruis anomaly.
    """
    order = asked(data, preset, epochs, noise, seed, settings)
    if noise is not None and not order.preset.denoise:
        raise ConfigError(
            f"the preset {order.preset.name!r} learns to give digits back, without noise: leave out "
            "--noise, or let it denoise as well (--epochs 3,3)."
        )
    check_extras("sklearn")
    folder = new_folder(output, pictures("again", "heat", "scores"), overwrite=overwrite)
    load_keras_quietly()

    from ruis.mnist import drawings
    from ruis.mnist.results import oddities
    from ruis.mnist.texts import get

    chosen = list(range(10)) if digit is None else [digit]
    found = []
    with progress_line() as update:
        for place, normal in enumerate(chosen):
            teller = Teller(update, place, len(chosen), f"normal digit {normal}")
            found.append(oddities(order.preset, order.digits, normal, seed=seed, progress=teller))
    drawn = drawings.of_oddities(found[0], get("en"))
    write_figures(drawn, folder, overwrite=overwrite)
    figures = [one.odd for one in found]
    if json:
        print_json(
            {
                "preset": order.preset.model_dump(mode="json"),
                "seed": seed,
                "digits": [asdict(odd) for odd in figures],
            }
        )
        return
    _odd(figures)
    say(f"Look at them (normal digit {figures[0].digit}):  {folder}")


def _odd(figures: Sequence[Odd]) -> None:
    """Print AUROC by digit, the means last."""
    rows: list[tuple[str, ...]] = [("normal digit", "autoencoder", "PCA", "isolation forest")]

    def row(name: str, some: Sequence[Odd]) -> tuple[str, ...]:
        columns: list[list[float]] = [
            [odd.autoencoder for odd in some],
            [odd.pca for odd in some],
            [odd.isolation_forest for odd in some],
        ]
        return (name, *(f"{sum(column) / len(column):.3f}" for column in columns))

    rows += [row(str(odd.digit), [odd]) for odd in figures]
    if len(figures) > 1:
        rows.append(row("mean", figures))
    say("AUROC: 1 is perfect, 0.5 is guessing")
    table(rows, last_apart=len(figures) > 1)
