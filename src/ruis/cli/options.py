"""Options that several commands share, so that they are called and explained the same."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import typer

from ruis.cli.failures import DEBUG
from ruis.errors import ConfigError

__all__ = [
    "Axes",
    "DataRange",
    "Debug",
    "EngineName",
    "Ensemble",
    "Json",
    "Overwrite",
    "PrecisionName",
    "Sigma",
    "Strength",
    "Tile",
    "narrow_range",
    "parse_data_range",
    "parse_sigma",
    "show_sigma",
]


def _remember_debug(ctx: typer.Context, asked: bool) -> None:
    if asked:
        ctx.meta[DEBUG] = True


Debug = Annotated[
    bool,
    typer.Option(
        "--debug",
        envvar="RUIS_DEBUG",
        show_envvar=False,
        callback=_remember_debug,
        help="Show where an error comes from (also: RUIS_DEBUG=1).",
    ),
]
DataRange = Annotated[
    str | None,
    typer.Option(
        metavar="WHITE|BLACK,WHITE",
        help="What is white, in stored values, where the file does not say: floats, counts.",
    ),
]
EngineName = Annotated[
    str, typer.Option(metavar="NAME", help="What runs the network: openvino, onnxruntime, keras.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace a file that is there already.")
]
PrecisionName = Annotated[
    Literal["auto", "f32", "bf16"],
    typer.Option(help="What it computes with; auto: bf16 where that is faster and as good."),
]
Ensemble = Annotated[
    bool,
    typer.Option(
        "--ensemble",
        help="Average over eight flips and turns of the image: eight times the work, 0.1 dB better.",
    ),
]
Sigma = Annotated[
    str,
    typer.Option(
        metavar="auto|X|X/255",
        help="Strength of the noise: its standard deviation, as a fraction of the data range. "
        "No more than that is removed; where the noise grows with the brightness, that is all it says.",
    ),
]
Strength = Annotated[
    float,
    typer.Option(
        min=0.0,
        max=1.0,
        metavar="0..1",
        show_default=False,
        help="How much of the noise goes: 0 nothing, 1 all (the default).",
    ),
]
Tile = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Longest side of a tile in pixels; less takes less memory."
    ),
]


Axes = Annotated[
    str | None,
    typer.Option(
        metavar="ZYX",
        help="What the axes of a stack are, where the file does not say so (.npy never does): Y rows, X "
        "columns, S samples such as RGB; all others count the images.",
    ),
]


def parse_sigma(text: str) -> float | None:
    """Read "auto", "0.1" or "25/255".

    Raises
    ------
    ConfigError
        If it is none of these, or not a fraction of the data range.
    """
    if text == "auto":
        return None
    above, slash, below = text.partition("/")
    try:
        sigma = float(above) / float(below) if slash else float(above)
    except (ValueError, ZeroDivisionError):
        raise ConfigError(f"--sigma is auto, 0.1 or 25/255, not {text!r}.") from None
    if not 0 <= sigma <= 1:
        hint = f"; did you mean {text}/255?" if 1 < sigma <= 255 and not slash else "."
        raise ConfigError(f"--sigma is a fraction of the data range, 0 to 1, not {text}{hint}")
    return sigma


def parse_data_range(text: str | None) -> tuple[float, float] | None:
    """Read "4095" or "-1024,3071"; None where nothing was said.

    Raises
    ------
    ConfigError
        If it is no range.
    """
    if text is None:
        return None
    black, comma, white = text.partition(",")
    try:
        low, high = (float(black), float(white)) if comma else (0.0, float(black))
    except ValueError:
        raise ConfigError(f"--data-range is 4095 or -1024,3071, not {text!r}.") from None
    if not -math.inf < low < high < math.inf:
        raise ConfigError(f"--data-range {text}: white must be above black.")
    return low, high


def narrow_range(used: tuple[float, float]) -> str:
    """Say that noise was counted by a range of which hardly anything is used, and how to change that."""
    black, white = used
    said = f"{black:g},{white:g}" if black else f"{white:g}"
    return (
        f"Note: hardly any clean value goes beyond {white:g}, and the noise was counted in fractions of "
        f"what the files can hold: --data-range {said} counts in fractions of what they use."
    )


def show_sigma(sigma: float) -> str:
    """Write a sigma in the unit that people know: 12.3/255."""
    return f"{sigma * 255:.1f}/255"
