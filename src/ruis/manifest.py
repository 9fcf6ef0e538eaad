"""What a model says of itself: a record for programs, and from it a card for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from ruis.calibration import Calibration
from ruis.record import Record

if TYPE_CHECKING:
    from ruis.architectures.base import Architecture

__all__ = ["LONGEST_TEXT", "DataUsed", "Manifest", "Score", "Training", "card"]

LONGEST_TEXT = 10_000
"""Characters that a text in a model file may have."""

Text = Field(default="", max_length=LONGEST_TEXT)


class DataUsed(Record):
    """What a model learnt from, and on what terms.

    Parameters
    ----------
    name, terms : str
        Of the collection.
    images : int
        How many images of it were read, those held out for validation included.
    """

    name: str = Text
    terms: str = Text
    images: int = Field(default=0, ge=0)


class Training(Record):
    """How a model was taught.

    Parameters
    ----------
    recipe : dict
        The whole recipe.
    seed : int
        Of everything random.
    minutes : float
        Of training.
    steps : int
        Optimizer steps.
    megapixels : float
        Pixels learnt from, in millions.
    best_epoch : int
        The epoch whose weights these are.
    validation_psnr : float
        Of that epoch, on held-out training images, in dB.
    machine : str
        The processor.
    versions : dict of str to str
        Of ruis and of the libraries that trained.
    earlier : tuple of Training
        The trainings that gave the weights this one began with, the first one first.
    """

    recipe: dict[str, Any] = Field(default_factory=dict)
    seed: int = 0
    minutes: float = 0.0
    steps: int = 0
    megapixels: float = 0.0
    best_epoch: int = 0
    validation_psnr: float | None = None
    machine: str = Text
    versions: dict[str, str] = Field(default_factory=dict)
    earlier: tuple[Training, ...] = Field(default=(), max_length=100)


class Score(Record):
    """A figure with the command that made it.

    Parameters
    ----------
    images : str
        The test set.
    noise : str
        The noise on it.
    psnr, ssim, noisy_psnr : float
        Means over the images; PSNR in dB.
    command : str
        What to type to get the same.
    """

    images: str = Text
    noise: str = Text
    psnr: float
    ssim: float
    noisy_psnr: float
    command: str = Text


class Manifest(Record):
    """What a model file says of itself.

    Parameters
    ----------
    schema_version : int
        Of this record.
    name : str
        The model's name.
    purpose : str
        What it is for.
    architecture : dict
        Name and parameters, as our registry takes them.
    intensity : {"unit"}
        The rule by which stored values become model values: fractions of the data range.
    noise : str
        The noise that it learnt to remove.
    limits : tuple of str
        What it is not good for.
    data : tuple of DataUsed
        What it learnt from.
    training : Training
        How.
    scores : tuple of Score
        How well it does.
    calibration : Calibration, optional
        How far from the truth its results may be; schema 2.
    sha256 : dict of str to str
        The hash of every other member.
    """

    schema_version: Literal[1, 2] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=100)
    purpose: str = Text
    architecture: dict[str, Any]
    intensity: Literal["unit"] = "unit"
    noise: str = Text
    limits: tuple[str, ...] = ()
    data: tuple[DataUsed, ...] = ()
    training: Training = Training()
    scores: tuple[Score, ...] = ()
    calibration: Calibration | None = None
    sha256: dict[str, str] = Field(default_factory=dict)

    @property
    def trainings(self) -> tuple[Training, ...]:
        """All trainings that made the weights, the first one first, as a model that begins with them tells of them."""
        return (*self.training.earlier, self.training.model_copy(update={"earlier": ()}))


def card(manifest: Manifest, architecture: Architecture) -> str:
    """Write the model card."""
    geometry = architecture.geometry
    facts = [
        f"- Architecture: `{json.dumps(manifest.architecture)}`",
        (
            f"- {architecture.kmac_per_pixel:.0f} kMAC per pixel, receptive field "
            f"{geometry.receptive_field} pixels, sizes padded to multiples of {geometry.multiple}"
        ),
        f"- Channels: {architecture.channels}",
        f"- Sigma: {'blind, or obeyed when given' if architecture.takes_sigma else 'blind'}",
        f"- Noise learnt: `{manifest.noise}`",
    ]
    data = [f"- {used.name}: {used.images} images; {used.terms}" for used in manifest.data]
    trainings = manifest.trainings
    taught = [_taught(number, one) for number, one in enumerate(trainings, start=1)]
    scores = ["| images | noise | noisy | PSNR | SSIM | command |", "|---|---|---|---|---|---|"]
    scores += [
        f"| {s.images} | {s.noise} | {s.noisy_psnr:.2f} | {s.psnr:.2f} | {s.ssim:.4f} | "
        f"`{s.command}` |"
        for s in manifest.scores
    ]
    parts = [
        [f"# {manifest.name}", "", manifest.purpose],
        ["## What it is", "", *facts],
        ["## Limits", "", *(f"- {limit}" for limit in manifest.limits or ("none written down",))],
        ["## What it learnt from", "", *(data or ["- not written down"])],
        ["## How it was taught", "", *(line for one in taught for line in one)],
    ]
    if manifest.scores:
        parts.append(["## Scores", "", *scores])
    if manifest.calibration is not None:
        parts.append(["## How sure it is", "", _sure(manifest.calibration)])
    parts += [
        [f"## Recipe {number} of {len(trainings)}", "", *_recipe(one)]
        for number, one in enumerate(trainings, start=1)
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _sure(table: Calibration) -> str:
    """Write what the calibration promises."""
    text = (
        f"- `ruis denoise --uncertainty` gives intervals that hold {table.coverage:.0%} of the true "
        f"values, on average over images like the {table.images} with `{table.noise}` on which that "
        "was measured"
    )
    if table.left_out:
        text += (
            f"; of each of these images, by the others alone: {min(table.left_out):.0%} to "
            f"{max(table.left_out):.0%}"
        )
    return text


def _taught(number: int, training: Training) -> list[str]:
    """Write how a training went, in one item of a numbered list."""
    facts = (
        f"{number}. {training.minutes:.0f} minutes, {training.steps} steps, "
        f"{training.megapixels:.0f} megapixels, seed {training.seed}"
    )
    if training.validation_psnr is not None:
        facts += (
            f"; the weights of epoch {training.best_epoch}, which gave "
            f"{training.validation_psnr:.2f} dB on images held out of it"
        )
    share = training.recipe.get("finetuned_share", 1)
    if isinstance(share, float) and share < 1:
        facts += (
            f"; what came out is the mean of these, {share:.0%}, and of those that it began with"
        )
    versions = ", ".join(f"{name} {release}" for name, release in training.versions.items())
    indent = " " * len(f"{number}. ")
    return [facts, f"{indent}({training.machine}; {versions})"]


def _recipe(training: Training) -> list[str]:
    return ["```json", json.dumps(training.recipe, indent=2), "```"]
