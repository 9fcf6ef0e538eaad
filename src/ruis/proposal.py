"""A look at someone's images -> a recipe that suits them, and why, in plain words."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruis import losses, objectives, zoo
from ruis.errors import AxesError, ConfigError
from ruis.noise import has_sigma
from ruis.noise import parse as parse_noise
from ruis.recipe import LONGEST_NAME, Recipe
from ruis.stacks.base import check_axes
from ruis.survey import look, printed

if TYPE_CHECKING:
    from ruis.model_file import ModelFile
    from ruis.survey import Seen

__all__ = ["TIERS", "Proposal", "propose"]

TIERS: dict[str, dict[str, Any]] = {
    "fast": {"widths": (32, 64, 128), "blocks": 1},
    "base": {"widths": (64, 128, 256), "blocks": 2},
    "best": {"widths": (96, 160, 256), "blocks": 3},
}
"""How large a U-Net is taught without a recipe: 26, 194 and 492 kMAC per pixel."""

MINUTES, REFINING_MINUTES = 30.0, 5.0
PEAK, NOISY_PEAK, REFINING_PEAK = 1e-2, 4e-3, 1e-3
"""The learning rate of Muon for a fresh network, for one that is compared with noisy images, whose
gradients are noisy as well, and for one that was taught before."""

SHORT = 10.0
"""Minutes below which a small network gets further than a large one."""

FEW_MEGAPIXELS = 2.0
"""Below this there is too little to learn from for a large network."""

UPRIGHT = (
    "The clean images are print, which is always upright: crops are not turned or mirrored. Paper is "
    "as white as white can be: nothing is too white there."
)

SINGLE_SHOTS = frozenset({"noise-to-void", "neighbour-to-neighbour"})
"""With these a small network was ahead of a large one, and by far, after the same half hour."""

PATIENCE = 20
ONE_IMAGE: dict[str, Any] = {"epochs": 20, "steps_per_epoch": 100, "batch": 1}
ONE_PATCH = 256
"""The side of the crops of a single image: four photographs gained 0.55 dB over crops of 96 pixels."""

ONE_NETWORK: dict[str, Any] = {"filters": [48, 48, 48], "last_kernel": 3}
"""For a single image: one layer more than the paper has, and a last kernel of 3 instead of 1."""

HIDDEN = 0.12
"""The share of pixels that noise-to-void hides at most."""


@dataclass(frozen=True)
class Proposal:
    """What will be done with someone's images.

    Parameters
    ----------
    recipe : Recipe
        How a network will be taught.
    data : Path
        The folder in which the recipe's data folders are.
    reasons : tuple of str
        What was chosen, and why, a sentence each.
    """

    recipe: Recipe
    data: Path
    reasons: tuple[str, ...]


def propose(
    *,
    clean: str | Path | None = None,
    noisy: str | Path | None = None,
    second: str | Path | None = None,
    noise: str | None = None,
    objective: str | None = None,
    mask: str | None = None,
    axes: str | None = None,
    start: ModelFile | str | Path | None = None,
    tier: str | None = None,
    minutes: float | None = None,
    epochs: int | None = None,
    seed: int = 0,
    name: str = "mine",
) -> Proposal:
    """Look at images, and propose how to teach a network with them.

    Parameters
    ----------
    clean : path, optional
        A folder of clean images, or a file.
    noisy : path, optional
        A folder of noisy images, or a file: counterparts of the clean ones, or alone.
    second : path, optional
        A folder of other noisy shots of the same scenes.
    noise : str, optional
        The noise to add to clean images, such as "gaussian:0..55/255".
    objective : str, optional
        How the network learns; a row of `ruis.objectives`. Default: by what there is.
    mask : str, optional
        For noise-to-void: which pixels share their noise. Default: as measured.
    axes : str, optional
        Of stacks: "ZYX", "TYX", "YXT".
    start : ModelFile, str or path, optional
        A model to refine, its name or its file.
    tier : {"fast", "base", "best"}, optional
        The size of the network. Default: by the images and the time.
    minutes, epochs : float, int, optional
        The budget, one of the two.
    seed : int
        Of everything random.
    name : str
        What the model will be called.

    Returns
    -------
    Proposal
        With its reasons.

    Raises
    ------
    ConfigError
        If this cannot be learnt from, or the images differ in kind.
    EmptyDatasetError
        If there are no images, or they are too small.
    ModelNotFoundError, ModelFileError
        If there is no such model to refine, or it cannot be used.

    Examples
    --------
    >>> plan = propose(noisy="shots", minutes=20)  # doctest: +SKIP
    >>> run = ruis.train(plan.recipe, plan.data, "shots.run")  # doctest: +SKIP
    """
    given = {"clean": clean, "noisy": noisy, "second": second}
    places = {role: Path(place).resolve() for role, place in given.items() if place is not None}
    axes = axes and axes.upper()
    _check(places, noise, minutes, epochs, axes)
    if isinstance(start, (str, Path)):
        start = zoo.find(start)
    # The other shots and the clean images have the sizes of the noisy ones, or training says so.
    first = places.get("noisy") or places["clean"]
    seen = look(first, axes)
    chosen, why = _objective(places, noise, seen, objective, mask, refining=start is not None)
    told = noise is not None and has_sigma(parse_noise(noise))
    upright = "clean" in places and printed(places["clean"], axes)
    simple = "print asks for no more" if upright else ""
    network, about = _network(chosen, seen, tier, minutes, start, simple, told=told)
    budget, long = _budget(chosen, minutes, epochs, refining=start is not None)
    root = Path(os.path.commonpath([place.parent for place in places.values()]))
    source = {
        "name": first.name,
        "terms": "the trainer's own",
        **{
            {"clean": "folder"}.get(role, role): place.relative_to(root).as_posix()
            for role, place in places.items()
        },
        "axes": axes,
        "white": seen.white,
    }
    kind = {1: "gray images", 3: "colour images"}.get(
        network["channels"], f"images of {network['channels']} channels"
    )
    removes = noise or ("the noise of pairs" if "clean" in places else "the noise")
    made = {
        "name": re.sub(r"[^a-z0-9]+", "-", name.lower())[:LONGEST_NAME].strip("-") or "mine",
        "purpose": f"Removes {removes} from {kind} like those in {first.name}.",
        "data": (source,),
        "architecture": network,
        "objective": chosen,
        "noise": noise,
        "patch": _patch(chosen, seen, start),
        "turned": not upright,
        "loss": losses.CLIPPED if upright else None,
        "seed": seed,
        **_settings(chosen, refining=start is not None),
        **budget,
    }
    recipe = Recipe.parse({key: value for key, value in made.items() if value is not None},
                          what="the proposed recipe")  # fmt: skip
    reasons = (_data(seen, places, noise), why, *((UPRIGHT,) if upright else ()), about, long)
    return Proposal(recipe, root, reasons)


def _check(
    places: dict[str, Path],
    noise: str | None,
    minutes: float | None,
    epochs: int | None,
    axes: str | None,
) -> None:
    """Refuse what says too little, or too much."""
    if not places.keys() & {"clean", "noisy"}:
        raise ConfigError(
            "what shall be learnt from? Give clean images and the noise to add, pairs of noisy "
            "and clean images, or noisy images alone."
        )
    if "clean" in places:
        if (noise is None) == ("noisy" not in places):
            raise ConfigError(
                "clean images need either noise to add or their noisy counterparts"
                + (", not both." if noise else ", such as --noise gaussian:0..55/255.")
            )
        if "second" in places:
            raise ConfigError("where clean images are known, second shots are of no use.")
    elif noise is not None:
        raise ConfigError("noise is added to clean images: give them, or leave the noise out.")
    if minutes is not None and epochs is not None:
        raise ConfigError("give --minutes or --epochs, not both.")
    if axes is not None:
        try:
            check_axes(axes, len(axes), "--axes")
        except AxesError as error:
            raise ConfigError(error.reason) from error
    if noise is not None:
        # What is wrong with it is said before the headers of a thousand files are read.
        parse_noise(noise)


# -- choosing -------------------------------------------------------------------------------------


def _objective(
    places: dict[str, Path],
    added: str | None,
    seen: Seen,
    asked: str | None,
    mask: str | None,
    *,
    refining: bool,
) -> tuple[str | dict[str, Any], str]:
    """Choose how to learn, and say why."""
    name = asked or _usual(places, seen, refining=refining)
    needs = objectives.parse(name).needs
    if mask is not None and name != "noise-to-void":
        if asked is not None:
            raise ConfigError(f"a mask belongs to noise-to-void, not to {name}.")
        name, needs = "noise-to-void", ("noisy",)
    missing = [role for role in needs if role not in places]
    if missing:
        raise ConfigError(f"{name} needs {' and '.join(missing)} images.")
    if "clean" in places and "clean" not in needs:
        raise ConfigError(f"{name} learns without clean images: leave out --clean.")
    assumes = objectives.parse(name).assumes
    if name == "supervised":
        what = f"noise is added anew to each crop ({added})" if added else "pairs show it"
        return name, f"It learns from clean images what noise is: {what}."
    if name == "noise-to-noise":
        return name, f"It learns from two shots of each scene. That asks for {assumes}."
    if name == "zero-shot":
        what = "this one image alone" if seen.planes == 1 else "these images alone"
        return name, f"It learns from {what}. That asks for {assumes}."
    if name == "neighbour-to-neighbour":
        return name, (
            "It learns from noisy images alone, by comparing neighbouring pixels. That asks for "
            f"{assumes}; the noise in these images looks like that."
            if seen.direction == "nowhere"
            else f"It learns from noisy images alone. That asks for {assumes}: BUT in these images "
            "neighbours share their noise, and it will stay."
        )
    return _void(seen, mask)


def _usual(places: dict[str, Path], seen: Seen, *, refining: bool) -> str:
    """Return the objective that suits what there is."""
    if "clean" in places:
        return "supervised"
    if "second" in places:
        return "noise-to-noise"
    if seen.direction != "nowhere":
        return "noise-to-void"
    if seen.planes == 1 and not refining:
        return "zero-shot"
    return "neighbour-to-neighbour"


def _void(seen: Seen, mask: str | None) -> tuple[dict[str, Any], str]:
    """Return noise-to-void with the mask that the noise needs, and say why."""
    reach = min(seen.reach, 3 if seen.direction == "everywhere" else 16)
    measured = {
        "nowhere": "point",
        "horizontal": f"horizontal:{reach}",
        "vertical": f"vertical:{reach}",
        "everywhere": f"square:{reach}",
    }[seen.direction]
    mask = mask or measured
    objectives.parse({"name": "noise-to-void", "mask": mask})
    kind, _, length = mask.partition(":")
    line = 2 * int(length or 0) + 1
    together = line**2 if kind == "square" else line
    cell = math.ceil(math.sqrt(together / HIDDEN))
    if cell > seen.patch:
        raise ConfigError(
            f"the mask {mask} hides a pixel in each {cell}x{cell}, and these images have no more than "
            f"{seen.patch} pixels a side: take a shorter mask, or larger images."
        )
    chosen = {"name": "noise-to-void", "mask": mask, "cell": min(cell, 64)}
    said = {
        "nowhere": "each pixel has noise of its own",
        "horizontal": f"pixels share their noise along rows, over {seen.reach} pixels",
        "vertical": f"pixels share their noise along columns, over {seen.reach} pixels",
        "everywhere": "neighbours share their noise in all directions, as after a camera's own "
        "processing or JPEG: hard to learn without clean images or second shots, and fine detail "
        "will go with it",
    }[seen.direction]
    return chosen, (
        "It learns from noisy images alone, by guessing hidden pixels from what is around them "
        f"(mask {mask}): {said}."
    )


def _network(
    chosen: str | dict[str, Any],
    seen: Seen,
    tier: str | None,
    minutes: float | None,
    start: ModelFile | None,
    simple: str,
    *,
    told: bool,
) -> tuple[dict[str, Any], str]:
    """Choose the network, and say why."""
    name = objectives.parse(chosen).name
    if start is not None:
        if tier is not None:
            raise ConfigError("a model that is refined has its size: leave out --tier.")
        have, want = seen.channels, start.architecture.channels
        if have != want and not (have in (1, 3) and want in (1, 3)):
            raise ConfigError(
                f"the model {start.name!r} takes {want} channels, and these images have {have}."
            )
        network = start.architecture.model_dump(mode="json")
        return network, f"It refines the model {start.name}, with a low learning rate."
    channels = seen.channels
    if name == "zero-shot" and tier is None:
        return {"name": "plain", "channels": channels, **ONE_NETWORK}, (
            "The network is small, so that it does not learn the noise by heart."
        )
    small = simple
    if minutes is not None and minutes < SHORT:
        small = "there is little time"
    elif seen.megapixels < FEW_MEGAPIXELS:
        small = f"there are only {seen.megapixels:.2g} megapixels to learn from"
    elif name in SINGLE_SHOTS:
        small = "noisy images teach a small one further in the same time"
    size = tier or ("fast" if small else "base")
    if size not in TIERS:
        raise ConfigError(f"there is no tier {size!r}; known: {', '.join(TIERS)}.")
    network = {"name": "unet", "channels": channels, "sigma_channel": told, **TIERS[size]}
    why = "as asked" if tier else small or f"{seen.megapixels:.3g} megapixels teach it well"
    return network, f"The network is a U-Net of the {size} kind ({why})."


def _budget(
    chosen: str | dict[str, Any], minutes: float | None, epochs: int | None, *, refining: bool
) -> tuple[dict[str, Any], str]:
    """Return how long to train, and say it."""
    objective = objectives.parse(chosen)
    settings: dict[str, Any] = {}
    if objective.name == "zero-shot":
        settings = dict(ONE_IMAGE)
        if minutes is None and epochs is None:
            steps = settings["epochs"] * settings["steps_per_epoch"]
            return settings, f"It trains for {steps} steps, which takes minutes."
        del settings["epochs"]
    if epochs is not None:
        return {**settings, "epochs": epochs}, f"It trains for {epochs} epochs."
    if minutes is None:
        minutes = REFINING_MINUTES if refining else MINUTES
    settings["minutes"] = minutes
    if "steps_per_epoch" not in settings and minutes < SHORT:
        settings["steps_per_epoch"] = 100
    said = f"It trains for {minutes:g} minutes"
    if objective.stops_early:
        settings["patience"] = PATIENCE
        return settings, f"{said}, or until held-out images say that it gets no better."
    return settings, f"{said}: without clean images nothing tells when it is best."


def _patch(chosen: str | dict[str, Any], seen: Seen, start: ModelFile | None) -> int:
    """Return the side of a crop; a network that is refined may ask for another than most."""
    patch = seen.patch
    if objectives.parse(chosen).name == "zero-shot":
        smallest = min(min(header.rows, header.columns) for header in seen.headers)
        patch = max(patch, min(ONE_PATCH, smallest) // 8 * 8)
    if start is None:
        return patch
    geometry = start.architecture.geometry
    return geometry.size[0] if geometry.size else _down(patch, geometry.multiple)


def _down(number: int, multiple: int) -> int:
    return max(number // multiple, 1) * multiple


def _settings(chosen: str | dict[str, Any], *, refining: bool) -> dict[str, Any]:
    """Return how the optimizer is set."""
    if objectives.parse(chosen).name == "zero-shot":
        return {"optimizer": "adam", "learning_rate": 1e-3, "warmup_steps": 10, "ema": 0.99}
    fresh = PEAK if objectives.parse(chosen).stops_early else NOISY_PEAK
    peak = REFINING_PEAK if refining else fresh
    return {"optimizer": "muon", "learning_rate": peak, "warmup_steps": 100, "ema": 0.995}


def _data(seen: Seen, places: dict[str, Path], added: str | None) -> str:
    """Say what there is to learn from."""
    kinds = {(header.dtype, header.rows, header.columns) for header in seen.headers}
    dtypes = sorted({dtype for dtype, _, _ in kinds})
    colours = {1: "gray", 3: "colour"}.get(seen.channels, f"{seen.channels} channels")
    count = seen.planes
    shots = "" if "second" not in places else ", two shots of each"
    pairs = "pairs of images" if "clean" in places and "noisy" in places else "images"
    what = "image" if count == 1 else pairs
    said = f"{count} {what}{shots}, {colours}, {'/'.join(map(str, dtypes))}, {seen.megapixels:.3g} megapixels"
    if seen.white is not None:
        said += f"; {seen.white:g} counts as white"
        said += "" if added is None else ", and the noise is a share of that"
    if added is None:
        said += f"; noise of sigma {255 * seen.sigma:.1f}/255 where it is quietest"
    return said + "."
