"""One of several noises, drawn anew for each image or patch."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self, final

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_validator

from ruis.noise import AnyNoise, NoiseModel, between, parse, read_number, written

__all__ = ["OneOf"]

Weight = Annotated[float, BeforeValidator(read_number), between(0)]


@final
class OneOf(NoiseModel):
    """A choice: each time, one of several noise models is drawn and added.

    Parameters
    ----------
    models : sequence of specs
        The noise models to choose from; anything that `ruis.noise.parse` takes.
    weights : sequence of float, optional
        How often each is chosen, in proportion. Default: equally often.

    Examples
    --------
    >>> str(OneOf(models=["gaussian:0.1", "jpeg:50"], weights=[3, 1]))
    '3*gaussian:sigma=0.1|1*jpeg:quality=50'
    """

    example: ClassVar[str] = "3*gaussian:0..55/255|jpeg:30..90"
    name: Literal["one-of"] = "one-of"
    models: Annotated[tuple[AnyNoise, ...], Field(min_length=1, max_length=64)]
    weights: tuple[Weight, ...] | None = None

    @classmethod
    def parse(cls, data: Any, *, what: str | None = None) -> Self:
        """Check `data` and build the model; an unknown name inside it is named as such."""
        if isinstance(data.get("models"), (list, tuple)):
            data = {**data, "models": [parse(model) for model in data["models"]]}
        return super().parse(data, what=what)

    @model_validator(mode="after")
    def _weights_fit(self) -> Self:
        if self.weights is not None:
            if len(self.weights) != len(self.models):
                raise ValueError(f"{len(self.models)} models need as many weights")
            if not sum(self.weights) > 0:
                raise ValueError("one weight at least must be above zero")
        return self

    def sample(self, rng: np.random.Generator) -> NoiseModel:
        """Return the chosen model, with its ranges drawn."""
        weights = np.asarray(self.weights or [1.0] * len(self.models))
        chosen = int(rng.choice(len(self.models), p=weights / weights.sum()))
        return self.models[chosen].sample(rng)

    def _add_fixed(
        self, clean: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        return self.sample(rng).add(clean, rng)

    def __str__(self) -> str:
        """Write the models with a bar between them, and their weights unless all are equal."""
        weights = self.weights or (1.0,) * len(self.models)
        equal = len(set(weights)) == 1
        return "|".join(
            ("" if equal else f"{written(weight)}*") + (f"({one})" if "|" in str(one) else str(one))
            for weight, one in zip(weights, self.models, strict=True)
        )
