"""Options that the commands of `ruis mnist` share, and what becomes of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ruis.cli.outputs import check_writable
from ruis.cli.quiet import load_keras_quietly
from ruis.errors import ConfigError, EngineUnavailableError, ImageWriteError

if TYPE_CHECKING:
    from ruis.mnist.data import Digits
    from ruis.mnist.presets import Preset

__all__ = [
    "DEFAULT_PRESET",
    "Asked",
    "Data",
    "Epochs",
    "Folder",
    "Model",
    "Noise",
    "PresetName",
    "Seed",
    "Settings",
    "asked",
    "check_extras",
    "check_new",
    "new_folder",
    "pictures",
    "write_figures",
]

Data = Annotated[
    str,
    typer.Option(
        metavar="package|keras.datasets|FILE.npz|DIR",
        help="The digits: the subset in the package, Keras' download, an .npz, or IDX files.",
    ),
]
DEFAULT_PRESET = "article-notebook"
PresetName = Annotated[
    str,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="article-notebook, article-figure, keras-blog, keras-io, tensorflow, dense, or "
        "detector.",
    ),
]
Epochs = Annotated[
    str | None,
    typer.Option(
        metavar="N|N,N", help="Epochs of both phases, or of reconstructing and of denoising."
    ),
]
Noise = Annotated[
    str | None, typer.Option(metavar="SPEC", help="The noise, such as gaussian:0.4+clip.")
]
Seed = Annotated[
    int, typer.Option(min=0, metavar="N", help="Of weights, order, noise and shuffled pixels.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Another number of the network or its training: filters=16,8,8, kernel=5, "
        "bottleneck=10, batch=64 ... As often as you like.",
    ),
]
Folder = Annotated[
    Path, typer.Option("-o", "--output", metavar="DIR", help="The folder for the figures.")
]
Model = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.ruis", help="A model that `ruis mnist train` wrote; else one is taught first."
    ),
]


@dataclass(frozen=True)
class Asked:
    """The digits and the preset that a command was asked for."""

    digits: Digits
    preset: Preset
    seed: int


def asked(
    data: str,
    preset: str,
    epochs: str | None,
    noise: str | None,
    seed: int,
    settings: Sequence[str] | None,
    *,
    quickly: bool = False,
) -> Asked:
    """Check everything, then load the digits; what is given goes before what is quick."""
    check_extras("matplotlib")
    from ruis.mnist.data import load
    from ruis.mnist.presets import get, quick
    from ruis.noise import parse

    chosen = quick(get(preset)) if quickly else get(preset)
    changes = dict(map(_setting, settings or ()))
    if epochs is not None:
        changes |= _epochs(epochs, chosen)
    if noise is not None:
        parse(noise)
        changes["noise"] = noise
    preset_ = chosen.with_settings(changes)
    if data.startswith("keras"):
        load_keras_quietly()
    return Asked(load(data), preset_, seed)


def check_extras(package: str) -> None:
    """Refuse work whose last step needs a package that is not there.

    Raises
    ------
    EngineUnavailableError
        If it is not installed.
    """
    if find_spec(package) is None:
        raise EngineUnavailableError("`ruis mnist`", "mnist")


def _epochs(text: str, preset: Preset) -> dict[str, int]:
    """Read "5" or "50,100"; a phase that the preset does not have stays away with one number."""
    try:
        numbers = [int(number) for number in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or min(numbers) < 0:
        raise ConfigError(f"--epochs is one number, or two such as 50,100; not {text!r}.")
    if len(numbers) == 2:
        return {"reconstruct": numbers[0], "denoise": numbers[1]}
    phases = ("reconstruct", "denoise")
    return {phase: numbers[0] for phase in phases if getattr(preset, phase)}


def _setting(text: str) -> tuple[str, Any]:
    """Read "kernel=5", "filters=16,8,8", "bottleneck=none", "bias=false", "pooling=none"."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set takes KEY=VALUE, such as filters=16,8,8; not {text!r}.")
    if key == "pooling":  # there, "none" is a word
        return key, value
    if "," in value:
        return key, [_value(part) for part in value.split(",") if part]
    return key, _value(value)


def _value(text: str) -> Any:
    words = {"none": None, "true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def new_folder(folder: Path, names: Sequence[str], *, overwrite: bool) -> Path:
    """Check a folder for results before work is spent on them, and make it."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"-o {folder}: it is a file; results go into a folder.")
    if not folder.parent.is_dir():
        raise ConfigError(f"-o {folder}: there is no folder {folder.parent}.")
    check_new(folder, names, overwrite=overwrite)
    check_writable(folder if folder.is_dir() else folder.parent, folder)
    folder.mkdir(exist_ok=True)
    return folder


def check_new(folder: Path, names: Sequence[str], *, overwrite: bool) -> None:
    """Refuse names that are taken, unless they may be replaced."""
    there = [name for name in names if os.path.lexists(folder / name)]
    if there and not overwrite:
        raise ImageWriteError(
            "exists already; --overwrite replaces it.", source=str(folder / there[0])
        )


def pictures(*names: str) -> list[str]:
    """Return the names of the files that figures of these names become."""
    return [f"{name}.{kind}" for name in names for kind in ("png", "svg")]


def write_figures(drawn: Mapping[str, Any], folder: Path, *, overwrite: bool) -> None:
    """Write figures as PNG and SVG."""
    from ruis import figures

    check_new(folder, pictures(*drawn), overwrite=overwrite)
    for name, figure in drawn.items():
        figures.save(figure, folder / name, overwrite=overwrite)
