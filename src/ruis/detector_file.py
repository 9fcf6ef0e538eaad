"""A fitted anomaly detector on disk: one small JSON file, which names its model and its hash.

The file holds numbers and names, and is checked against a strict schema; the model stays in its own
file, found by its name if it ships and else by its path relative to this one.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import numpy as np
from pydantic import Field, model_validator

from ruis import zoo
from ruis.errors import (
    ConfigError,
    ModelCorruptError,
    ModelNotFoundError,
    ModelVersionError,
    UnknownNameError,
)
from ruis.formats.atomic import new_file
from ruis.record import Record
from ruis.zoo.store import names as pulled_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.model_file import ModelFile

__all__ = ["DetectorFile", "ModelUsed", "NormalScores", "Score", "Threshold", "load", "save"]

Score = Literal["peak", "mse", "mae"]
Rule = Literal["quantile", "sd", "contamination"]

HIGHEST: dict[Rule, float] = {"quantile": 1, "sd": 1000, "contamination": 0.5}
"""The highest value that a rule of thresholds takes."""

SCHEMA = 1
LARGEST = 2**20
"""Bytes that the file may have at most."""

LEVELS = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)


class Threshold(Record):
    """The rule by which scores of normal images become the score above which an image is odd.

    Parameters
    ----------
    name : {"quantile", "sd", "contamination"}
        `quantile`: that quantile of the scores. `sd`: their mean and so many standard deviations.
        `contamination`: the share of the fitted images that are odd, as in PyOD; so many of them
        are above the threshold.
    value : float
        Above 0; up to 1 for a quantile, up to 0.5 for a contamination.

    Examples
    --------
    >>> Threshold.read("sd=2").of([1.0, 2.0, 3.0])
    3.632993161855452
    """

    name: Rule = "quantile"
    value: float = 0.99

    @classmethod
    def read(cls, text: str) -> Threshold:
        """Read "quantile=0.99", "sd=3" or "contamination=0.05".

        Raises
        ------
        UnknownNameError
            If there is no such rule.
        ConfigError
            If its value is missing or out of bounds.
        """
        name, _, value = text.partition("=")
        if name not in get_args(Rule):
            raise UnknownNameError("threshold rule", name, get_args(Rule))
        try:
            number = float(value)
        except ValueError:
            raise ConfigError(
                f"a threshold is quantile=0.99, sd=3 or contamination=0.05, not {text!r}."
            ) from None
        return cls.parse({"name": name, "value": number}, what="the threshold")

    @model_validator(mode="after")
    def _within_bounds(self) -> Self:
        high = HIGHEST[self.name]
        if not 0 < self.value <= high:
            raise ValueError(f"{self.name} takes a value above 0 and up to {high}")
        return self

    def of(self, scores: Any) -> float:
        """Return the threshold for the scores of normal images."""
        values = np.asarray(scores, np.float64)
        if self.name == "sd":
            return float(values.mean() + self.value * values.std())
        level = self.value if self.name == "quantile" else 1 - self.value
        return float(np.quantile(values, level))

    def __str__(self) -> str:
        return f"{self.name}={self.value:g}"


class NormalScores(Record):
    """A summary of the scores of the images that a detector was fitted to.

    Parameters
    ----------
    count : int
        How many images.
    mean, sd : float
        Of their scores.
    quantiles : dict of str to float
        From the lowest score, "0", to the highest, "1".
    heat : float
        The 0.99 quantile of the highest values of their heat maps: what is hot in a picture.
    """

    count: int = Field(ge=2)
    mean: float
    sd: float = Field(ge=0)
    quantiles: dict[str, float]
    heat: float = Field(ge=0)

    @classmethod
    def of(cls, scores: NDArray[np.float64], peaks: NDArray[np.float64]) -> NormalScores:
        """Sum up the scores, and the highest values of the heat maps, of normal images."""
        return cls(
            count=len(scores),
            mean=float(scores.mean()),
            sd=float(scores.std()),
            quantiles={f"{level:g}": float(np.quantile(scores, level)) for level in LEVELS},
            heat=float(np.quantile(peaks, 0.99)),
        )


class ModelUsed(Record):
    """The model that reconstructs.

    Parameters
    ----------
    name, sha256 : str
        The model's name (of one that was pulled, what it was called then), and the hash of its weights.
    path : str, optional
        Its file, relative to the folder of the detector's; None if it ships or was pulled.
    precision : {"auto", "f32", "bf16"}
        What the network computed with when the detector was fitted.
    """

    name: str
    sha256: str
    path: str | None = None
    precision: Literal["auto", "f32", "bf16"] = "f32"

    @classmethod
    def of(
        cls, model: ModelFile, precision: Any, file: str | Path | None, beside: Path
    ) -> ModelUsed:
        """Say how the detector's file `beside` finds a model: by `file`, or in what ships.

        Raises
        ------
        ConfigError
            If what is found there is another model.
        """
        name = model.name if file is None else str(file)
        if file is None and name not in zoo.SHIPPED:
            raise ConfigError(f"where is the file of the model {name!r}? Say model=FILE.")
        if zoo.find(name).sha256 != model.sha256:
            raise ConfigError(f"{name} is not the model that this detector was fitted with.")
        path = None
        if name in pulled_names():
            return cls(name=name, sha256=model.sha256, precision=precision)
        if name not in zoo.SHIPPED:
            path = Path(os.path.relpath(Path(name).resolve(), beside.parent.resolve())).as_posix()
        return cls(name=model.name, sha256=model.sha256, path=path, precision=precision)

    def find(self, beside: Path) -> ModelFile:
        """Load the model of the detector whose file is `beside`.

        Raises
        ------
        ModelNotFoundError
            If it is gone.
        ModelCorruptError
            If it is another one.
        """
        place = self.name if self.path is None else beside.parent / self.path
        try:
            model = zoo.find(place)
        except ModelNotFoundError as error:
            raise ModelNotFoundError(f"the model of {beside} is gone: {error}") from error
        if model.sha256 != self.sha256:
            raise ModelCorruptError(
                f"{place} is not the model that {beside} was fitted with (its hash is "
                f"{model.sha256[:12]}, not {self.sha256[:12]}): bring that one back, or fit again."
            )
        return model


class DetectorFile(Record):
    """What the file of a detector holds.

    Parameters
    ----------
    schema_version : int
        Of this record.
    score : {"peak", "mse", "mae"}
        What an image's score is.
    smoothing : float
        Of the heat maps: the standard deviation of a Gaussian, in pixels.
    border : int
        Pixels along each edge that heat maps leave out.
    rule : Threshold
        How the threshold was found.
    threshold : float
        The score above which an image is odd.
    normal : NormalScores
        What the threshold was found from.
    model : ModelUsed
        What reconstructs.
    """

    schema_version: Literal[1] = 1
    score: Score
    smoothing: float = Field(ge=0, le=1000)
    border: int = Field(ge=0, le=1000)
    rule: Threshold
    threshold: float
    normal: NormalScores
    model: ModelUsed


def save(path: str | Path, content: DetectorFile, *, overwrite: bool = False) -> None:
    """Write the file of a detector: whole, or not at all.

    Raises
    ------
    ImageWriteError
        If the file exists already, or the disk refuses.
    """
    with new_file(Path(path), overwrite=overwrite) as file:
        file.write(content.model_dump_json(indent=2).encode() + b"\n")


def load(path: str | Path) -> DetectorFile:
    """Read the file of a detector, and check it; its model is not touched.

    Raises
    ------
    ModelNotFoundError
        If there is no such file.
    ModelVersionError
        If it was written with a schema that this version does not know.
    ModelCorruptError
        If it is damaged, or no detector.
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST:
            raise ModelCorruptError(f"{path} is too large for the file of a detector.")
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ModelNotFoundError(
            f"there is no detector {path}; `ruis anomaly fit` makes one."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelCorruptError(f"{path} is no detector, or is damaged: {error}.") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > SCHEMA:
        raise ModelVersionError(
            f"{path} has schema {version}, and this version of ruis knows {SCHEMA}: upgrade ruis."
        )
    try:
        return DetectorFile.parse(content, what=f"the detector {path.name}")
    except ConfigError as error:
        raise ModelCorruptError(str(error)) from error
