"""`ruis models`: what ships, and the card of one model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ruis.cli import options
from ruis.cli.console import print_json, say, table

if TYPE_CHECKING:
    from ruis.model_file import ModelFile

__all__ = ["models"]


def models(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME|FILE", help="Show the card of this model instead."),
    ] = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """List the models, or show the card of one.

    ruis models
    ruis models gray
    ruis models mine.ruis --json
    """
    from ruis import zoo

    if name is not None:
        model = zoo.find(name)
        if json:
            print_json(_facts(model))
        else:
            say(model.card.rstrip())
        return
    shipped = [zoo.find(one) for one in sorted(zoo.SHIPPED)]
    if json:
        print_json({"models": [_facts(model) for model in shipped]})
        return
    if not shipped:
        say("No model ships with this version; train one: ruis train --help")
        return
    rows: list[tuple[str, ...]] = [("name", "channels", "kMAC per pixel", "MB", "scores in dB")]
    rows += [_row(model) for model in shipped]
    table(rows)
    for model in (one for one in shipped if one.manifest.purpose):
        say(f"{model.name}: {model.manifest.purpose}")
    say()
    say("The card of one: ruis models NAME")


def _size(model: ModelFile) -> float:
    """Return the size of the weights as they are stored, in megabytes."""
    return sum(tensor.size for tensor in model.weights.values()) * 2 / 1e6


def _row(model: ModelFile) -> tuple[str, ...]:
    scores = [f"{s.images} {s.noise}: {s.psnr:.2f}" for s in model.manifest.scores[:2]]
    architecture = model.architecture
    return (
        model.name,
        str(architecture.channels),
        f"{architecture.kmac_per_pixel:.0f}",
        f"{_size(model):.1f}",
        "; ".join(scores) or "-",
    )


def _facts(model: ModelFile) -> dict[str, Any]:
    manifest, architecture = model.manifest, model.architecture
    return {
        "name": model.name,
        "purpose": manifest.purpose,
        "channels": architecture.channels,
        "takes_sigma": architecture.takes_sigma,
        "kmac_per_pixel": round(architecture.kmac_per_pixel, 1),
        "megabytes": round(_size(model), 2),
        "noise": manifest.noise,
        "limits": manifest.limits,
        "data": [used.model_dump() for used in manifest.data],
        "scores": [score.model_dump() for score in manifest.scores],
        "sha256": model.sha256,
    }
