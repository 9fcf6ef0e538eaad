"""A recipe: everything that decides what a training teaches, complete in one TOML file."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from ruis import objectives
from ruis.errors import ConfigError
from ruis.manifest import LONGEST_TEXT
from ruis.noise import parse as parse_noise
from ruis.record import Record
from ruis.stacks.base import check_axes

__all__ = ["LONGEST_NAME", "DataSource", "Recipe"]

LONGEST_NAME = 100
"""Characters of a model's name, as its manifest takes them."""


class DataSource(Record):
    """Where training images come from, and on what terms: the model card repeats it.

    Parameters
    ----------
    name : str
        The name of the collection.
    terms : str
        Its licence or conditions.
    folder : str, optional
        The folder of clean images, relative to the data folder given when training starts, or a
        file; none for objectives that need no clean images.
    noisy : str, optional
        The folder of noisy counterparts with the same names, where real pairs are learnt from; or
        of the noisy images that are learnt from alone.
    second : str, optional
        The folder of other noisy shots of the same scenes, with the same names.
    axes : str, optional
        What the axes of stacks are, for files that hold many pictures: "ZYX", "TCYX", "YXT". Y are rows
        and X columns, S samples that belong together, such as RGB; all others count pictures, each of
        which is learnt from.
    white : float, optional
        The stored value that counts as white, where images use a small part of what their dtype
        could hold, or floats go far beyond 1. Default: that of the dtype.
    exclude : tuple of str
        Names of files that are not to be learnt from, because something else is judged by them.
    weight : float
        How often a pixel of this collection is visited, against those of the others.
    """

    name: str = Field(max_length=LONGEST_TEXT)
    terms: str = Field(max_length=LONGEST_TEXT)
    folder: str | None = None
    noisy: str | None = None
    second: str | None = None
    axes: str | None = None
    white: float | None = None
    exclude: tuple[str, ...] = ()
    weight: float = Field(default=1.0, gt=0)

    @field_validator("axes")
    @classmethod
    def _known_axes(cls, axes: str | None) -> str | None:
        return axes and check_axes(axes, len(axes), "a stack")


class Recipe(Record):
    """One training, from data to model.

    Parameters
    ----------
    name : str
        The name of the model.
    purpose : str
        What the model is for, in one sentence for its card.
    limits : tuple of str
        What the model is not good for, for its card.
    data : tuple of DataSource
        The collections to learn from.
    architecture : mapping
        The network's parameters with the architecture's name.
    noise : str, mapping or list, optional
        The noise that is added to clean images; None where the data holds real pairs.
    validation_noise : str, mapping or list, optional
        The noise by which epochs are compared. Default: `noise`.
    validation_images : int
        How many images are held out of training for that.
    patch : int
        The side of a training crop, in pixels.
    batch : int
        Crops per optimizer step.
    zoom : float
        Crops are enlarged up to so many times, before noise is added: photographs that were made
        small are sharper than what comes out of a camera, pixel for pixel. 1 for none.
    zoom_least : float
        How many times those are enlarged at least.
    zoom_share : float
        The share of crops that are enlarged.
    compressed : float
        The share of crops that are compressed as JPEG, at a quality of 60 to 95, with their noise
        and without: what compression leaves of a scene is not noise, and a denoiser leaves it
        alone; what it makes of noise is, and looks unlike it.
    turned : bool
        Whether crops are turned by quarters and mirrored, each as often. Not for what is always
        upright, such as print: a network that need not read it lying down learns faster.
    steps_per_epoch : int
        Steps between two validations.
    minutes : float, optional
        Stop after so many minutes of training; the learning rate then falls with the clock, and
        no two trainings end in the same weights.
    epochs : int, optional
        Stop after so many epochs; the learning rate then falls with the steps. Give this or
        `minutes`.
    patience : int, optional
        Stop after so many epochs in which validation became no better. Only where validation tells
        which epoch is best: not for the objectives that learn from noisy images alone.
    optimizer : str or mapping
        Any Keras optimizer by name, or by name and settings, `{name = "adadelta", rho = 0.95}`; "muon" is Muon on the kernels of hidden convolutions and Adam
        at a tenth of its rate on the rest.
    learning_rate : float
        The peak of the learning rate, after the warm-up; then a cosine to zero.
    warmup_steps : int
        Steps in which the learning rate rises from zero.
    clip_norm : float
        The largest norm of the whole gradient.
    ema : float, optional
        Judge and keep an exponential moving average of the weights, of this momentum: 0.999 looks
        back about 1,000 steps, and never over more than a ninth of those that were taken. Default:
        the weights themselves.
    finetuned_share : float
        The share of what was learnt in the weights that come out; the others are those that the training
        began with, of a model of the same network. Below 1, the network forgets less of what it knew, and keeps
        most of what it learnt (M. Wortsman et al., Robust fine-tuning of zero-shot models, 2022, arXiv:2109.01903).
    objective : str or mapping
        What the network is asked for; a row of `ruis.objectives`, by name or with settings.
    loss : str or mapping
        Any Keras loss by name, or what else :func:`ruis.losses.get` takes. The objectives that
        learn from single noisy images have losses of their own.
    sigma_given : float
        The share of crops for which the network is told sigma, if it takes it; else it is blind.
    sigma_error : float, optional
        How far off the sigma is that the network is told: the standard deviation of its logarithm, 0.2
        for a fifth. With it, noise whose sigma no formula knows, such as a camera's, is told as the crop
        has it. Default: exactly what the noise model knows of sigma is told, and nothing else.
    precision : {"auto", "f32", "bf16"}
        What the convolutions compute with; auto takes bfloat16 where the processor has it.
    seed : int
        Of initial weights, crops and noise.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=LONGEST_NAME)
    purpose: str = Field(default="", max_length=LONGEST_TEXT)
    limits: tuple[str, ...] = ()
    data: tuple[DataSource, ...] = Field(min_length=1)
    architecture: dict[str, Any]
    noise: str | dict[str, Any] | list[Any] | None = None
    validation_noise: str | dict[str, Any] | list[Any] | None = None
    validation_images: int = Field(default=16, ge=1)
    patch: int = Field(default=96, ge=8)
    batch: int = Field(default=8, ge=1)
    zoom: float = Field(default=1.0, ge=1, le=8)
    zoom_least: float = Field(default=1.0, ge=1, le=8)
    zoom_share: float = Field(default=0.5, ge=0, le=1)
    compressed: float = Field(default=0.0, ge=0, le=1)
    turned: bool = True
    steps_per_epoch: int = Field(default=250, ge=1)
    minutes: float | None = Field(default=None, gt=0)
    epochs: int | None = Field(default=None, ge=1)
    patience: int | None = Field(default=None, ge=1)
    optimizer: str | dict[str, Any] = "adam"
    learning_rate: float = Field(default=1e-3, gt=0)
    warmup_steps: int = Field(default=100, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)
    ema: float | None = Field(default=None, gt=0, lt=1)
    finetuned_share: float = Field(default=1.0, gt=0, le=1)
    objective: str | dict[str, Any] = "supervised"
    loss: str | dict[str, Any] = "mean_squared_error"
    sigma_given: float = Field(default=0.5, ge=0, le=1)
    sigma_error: float | None = Field(default=None, ge=0, le=1)
    precision: Literal["auto", "f32", "bf16"] = "auto"
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.minutes is None) == (self.epochs is None):
            raise ValueError("a recipe needs either minutes or epochs, and not both")
        for spec in (self.noise, self.validation_noise):
            if spec is not None:
                parse_noise(spec)
        self._check_sources()
        self._check_objective()
        return self

    def _check_sources(self) -> None:
        """See that every data source has what the objective needs, and nothing that it ignores."""
        needs = objectives.parse(self.objective).needs
        pairs = any(source.noisy for source in self.data)
        if "clean" in needs and self.noise is None:
            needs = (*needs, "noisy")
        roles = {"clean": "folder", "noisy": "noisy", "second": "second"}
        for source in self.data:
            for role, key in roles.items():
                there = getattr(source, key) is not None
                if role in needs and not there:
                    why = "without noise" if (role, self.noise) == ("noisy", None) else "for that"
                    raise ValueError(
                        f"{why}, every data source needs a folder of {role} images: {key} = ..."
                    )
                if there and role not in needs and not (role == "noisy" and self.noise is not None):
                    raise ValueError(f"{self.objective_name} does not look at {key} = ...")
        if self.noise is not None and "clean" not in needs:
            raise ValueError(f"{self.objective_name} learns the noise that is there: none is added")
        if self.noise is not None and pairs:
            raise ValueError("with folders of noisy images there is no noise to add")
        if self.zoom > 1 and self.noise is None:
            raise ValueError("zoom is for clean images to which noise is added")
        if self.zoom_least > self.zoom:
            raise ValueError(f"zoom_least is {self.zoom_least:g}, more than zoom, {self.zoom:g}")
        if self.compressed and self.noise is None:
            raise ValueError("compressed is for clean images to which noise is added")
        if self.validation_noise is not None and self.noise is None:
            raise ValueError("validation_noise is for clean images to which noise is added")

    def _check_objective(self) -> None:
        """See that nothing is said that the objective would ignore."""
        objective = objectives.parse(self.objective)
        if self.patience is not None and not objective.stops_early:
            raise ValueError(
                f"patience is for objectives whose validation tells when to stop: {objective.name} learns "
                "to the end"
            )
        if objective.alone and self.loss != type(self).model_fields["loss"].default:
            raise ValueError(f"{objective.name} has a loss of its own: leave loss out")
        if objective.alone and self.sigma_error is not None:
            raise ValueError(f"sigma_error: {objective.name} knows no sigma to tell")

    @property
    def objective_name(self) -> str:
        """The name of the objective."""
        return objectives.parse(self.objective).name

    @classmethod
    def read(cls, path: str | Path) -> Recipe:
        """Read a recipe from a TOML file.

        Raises
        ------
        ConfigError
            If the file is not there, is no TOML, or has unknown or wrong keys.
        """
        path = Path(path)
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"cannot read the recipe {path}: {error.strerror}.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} is not a TOML file: {error}.") from error
        return cls.parse(data, what=f"recipe {path.name}")

    def changed(self, **settings: Any) -> Recipe:
        """Return the recipe with some settings replaced, checked again as a whole."""
        return Recipe.parse({**self.model_dump(), **settings}, what=f"recipe {self.name}")

    def to_toml(self) -> str:
        """Write the recipe as a TOML file that :meth:`read` reads again."""
        said = self.model_dump(mode="json", exclude_none=True)
        tables = {key: said.pop(key) for key in ("architecture", "data")}
        lines = [f"{key} = {_toml(value)}" for key, value in said.items()]
        lines += ["", "[architecture]"]
        lines += [f"{key} = {_toml(value)}" for key, value in tables["architecture"].items()]
        for source in tables["data"]:
            lines += ["", "[[data]]"]
            lines += [f"{key} = {_toml(value)}" for key, value in source.items()]
        return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    """Write a value of JSON in one line of TOML."""
    match value:
        case dict():
            inside = ", ".join(f"{_key(key)} = {_toml(one)}" for key, one in value.items())
            return f"{{ {inside} }}"
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml(key)
