"""`ruis models`: the models that have a name, the card of one, and models from and for others."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from ruis.cli import options
from ruis.cli.console import print_json, say, table, tell
from ruis.cli.progress import progress_line
from ruis.errors import ConfigError

if TYPE_CHECKING:
    from ruis.model_file import ModelFile

__all__ = ["app", "commands"]

SHOW = "show"


class _NameOrCommand(TyperGroup):
    """`ruis models gray` shows gray: what is no command is the name of a model."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is meant."""
        if args and args[0] not in self.commands:
            args = [SHOW, *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="models",
    cls=_NameOrCommand,
    rich_markup_mode=None,
    invoke_without_command=True,
    subcommand_metavar="[NAME|FILE | pull | push | remove] ...",
    help="List the models, show one; pull, push or remove some.\n\n"
    "ruis models\n"
    "ruis models gray\n"
    "ruis models gray --recipes gray-recipes\n"
    "ruis models mine.ruis --json\n"
    "ruis models pull hf:someone/film-grain\n"
    "ruis models push mine.ruis /mnt/models\n\n"
    "What was pulled lies in $RUIS_MODELS, by default ~/.local/share/ruis/models on Linux.",
)


@app.callback()
def models(ctx: typer.Context, json: options.Json = False, debug: options.Debug = False) -> None:
    """List the models that ship and those that were pulled."""
    if ctx.invoked_subcommand is None:
        _list(json=json)
    elif json:
        raise ConfigError("--json comes after the name or the command: ruis models gray --json.")


def show(
    name: Annotated[str, typer.Argument(metavar="NAME|FILE", help="Whose card to show.")],
    recipes: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Instead, write the recipes of all its trainings into this new folder.",
        ),
    ] = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Show the card of a model, or write down how to make it again.

    ruis models show gray
    ruis models gray --recipes gray-recipes
    """
    from ruis import zoo

    model = zoo.find(name)
    if recipes is not None:
        _write_recipes(model, recipes, json=json)
    elif json:
        print_json(_facts(model))
    else:
        say(model.card.rstrip())


def pull(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="hf:OWNER/NAME[@REVISION][/FILE.ruis], a URL, a .ruis file, or its folder.",
        ),
    ],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What to call it; default: its own name.")
    ] = None,
    sha256: Annotated[
        str | None, typer.Option(metavar="HASH", help="The SHA-256 that the file must have.")
    ] = None,
    unpinned: Annotated[
        bool, typer.Option("--unpinned", help="Take what a URL gives, without knowing its hash.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a model that was pulled under this name.")
    ] = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Fetch a model, verify it, and keep it under a name for --model.

    ruis models pull hf:someone/film-grain
    ruis models pull https://example.org/grain.ruis --sha256 HASH
    ruis models pull /mnt/models/grain.ruis --name grain2

    A model file holds numbers and no code, and is checked as a whole before it is kept. A URL may
    lead to another file tomorrow: it needs its hash, or --unpinned.
    """
    from ruis import sharing

    with progress_line() if not json else nullcontext() as update:
        pulled = sharing.pull(
            source,
            name=name,
            sha256=sha256,
            unpinned=unpinned,
            overwrite=overwrite,
            progress=_told(update, source),
        )
    if json:
        print_json(pulled.model_dump())
        return
    say(f"{pulled.source} -> {pulled.name}")
    tell(f"  sha256 {pulled.sha256}")
    tell(f"  use it: ruis denoise photo.jpg --model {pulled.name}")


def push(
    model: Annotated[str, typer.Argument(metavar="NAME|FILE", help="The model.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="hf:OWNER/NAME, or a folder.")],
    licence: Annotated[
        str | None,
        typer.Option("--license", metavar="ID", help="For the Hub: a licence, apache-2.0."),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="For the Hub: a new repository is only yours.")
    ] = False,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Put a model where others can pull it.

    ruis models push mine.ruis /mnt/models
    ruis models push mine.ruis hf:me/my-noise --license apache-2.0

    The Hub needs a token (hf auth login, or HF_TOKEN); its page becomes the model's card.
    """
    from ruis import sharing

    place = sharing.push(model, target, licence=licence, private=private, overwrite=overwrite)
    if json:
        print_json({"model": model, "place": place})
        return
    say(f"{model} -> {place}")
    tell(f"  others: ruis models pull {place}")


def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of a pulled model.")],
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Forget a model that was pulled, and take its file away.

    ruis models remove film-grain
    """
    from ruis.zoo import SHIPPED, store

    if name in SHIPPED:
        raise ConfigError(f"{name!r} ships with ruis, and goes when that goes.")
    store.remove(name)
    if json:
        print_json({"removed": name})
        return
    say(f"{name} was removed.")


commands: tuple[Callable[..., None], ...] = (show, pull, push, remove)


def _write_recipes(model: ModelFile, folder: Path, *, json: bool) -> None:
    """Write the recipes, and say what to type."""
    from ruis import lineage

    commands = lineage.write(model.manifest, folder)
    if json:
        print_json({"name": model.name, "folder": str(folder), "commands": commands})
        return
    said = "one training" if len(commands) == 1 else f"{len(commands)} trainings, one after another"
    tell(f"{model.name} was made by {said}; DATA is the folder that its data lie in:")
    for command in commands:
        say(command)


def _told(update: Callable[[float, str], None] | None, source: str) -> Any:
    """Return what tells a person how much was fetched."""
    if update is None:
        return None

    def tell_bytes(done: int, total: int) -> None:
        of = f" of {total / 1e6:.1f}" if total else ""
        update(done / total if total else 0.0, f"{source}: {done / 1e6:.1f}{of} MB")

    return tell_bytes


def _list(*, json: bool) -> None:
    """List what ships, then what was pulled."""
    from ruis import zoo
    from ruis.errors import ModelFileError
    from ruis.zoo import store

    shipped = [zoo.find(one) for one in sorted(zoo.SHIPPED)]
    pulled = []
    for name in store.names():
        try:
            pulled.append((store.record_of(name), zoo.find(name)))
        except ModelFileError as error:  # the others are still there
            tell(f"ruis: {error}")
    if json:
        facts = [_facts(model) for model in shipped]
        facts += [{**_facts(model), **record.model_dump()} for record, model in pulled]
        print_json({"models": facts})
        return
    if not shipped and not pulled:
        say("No model ships with this version; train one: ruis train --help")
        return
    rows: list[tuple[str, ...]] = [("name", "channels", "kMAC per pixel", "MB", "scores in dB")]
    rows += [_row(model.name, model) for model in shipped]
    rows += [_row(record.name, model) for record, model in pulled]
    table(rows)
    for model in (one for one in shipped if one.manifest.purpose):
        say(f"{model.name}: {model.manifest.purpose}")
    for record, model in pulled:
        say(f"{record.name}: {model.manifest.purpose or '-'} (pulled from {record.source})")
    say()
    say("The card of one: ruis models NAME")


def _size(model: ModelFile) -> float:
    """Return the size of the weights as they are stored, in megabytes."""
    return sum(tensor.size for tensor in model.weights.values()) * 2 / 1e6


def _row(name: str, model: ModelFile) -> tuple[str, ...]:
    scores = [f"{s.images} {s.noise}: {s.psnr:.2f}" for s in model.manifest.scores[:2]]
    architecture = model.architecture
    return (
        name,
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
        "weights_sha256": model.sha256,
    }
