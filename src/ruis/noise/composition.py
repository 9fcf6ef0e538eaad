"""Several noises, one after the other."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal, Self, final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ruis.noise import AnyNoise, NoiseModel, parse

__all__ = ["Composition"]


@final
class Composition(NoiseModel):
    """Noises in the order in which they happen: each is added to the outcome of the one before.

    Parameters
    ----------
    models : sequence of specs
        The noise models, at least one, first things first; anything that `ruis.noise.parse` takes.

    Examples
    --------
    >>> str(Composition(models=["poisson:30", "jpeg:50"]))
    'poisson:peak=30+jpeg:quality=50'
    """

    example: ClassVar[str] = "poisson:peak=30+jpeg:quality=50"
    name: Literal["composition"] = "composition"
    models: Annotated[tuple[AnyNoise, ...], Field(min_length=1, max_length=64)]

    @classmethod
    def parse(cls, data: Any, *, what: str | None = None) -> Self:
        """Check `data` and build the model; an unknown name inside it is named as such."""
        if isinstance(data.get("models"), (list, tuple)):
            data = {**data, "models": [parse(model) for model in data["models"]]}
        return super().parse(data, what=what)

    def sample(self, rng: np.random.Generator) -> Composition:
        """Return the same models in the same order, each with its ranges drawn."""
        return self.model_copy(update={"models": tuple(one.sample(rng) for one in self.models)})

    def _add_fixed(
        self, clean: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        noisy = clean
        for model in self.models:
            noisy = model.add(noisy, rng)
        return noisy

    def sigma_map(self, clean: NDArray[np.float32]) -> NDArray[np.float32] | float | None:
        """Return the root of the summed variances, each at the clean values; None if one has none.

        It is exact where the noises are independent of the signal, and close where they are not.
        """
        variance: NDArray[np.float32] | float = 0.0
        for model in self.models:
            sigma = model.sigma_map(clean)
            if sigma is None:
                return None
            variance = variance + sigma * sigma
        return math.sqrt(variance) if isinstance(variance, float) else np.sqrt(variance)

    def __str__(self) -> str:
        """Write the models with a plus between them."""
        return "+".join(f"({one})" if "|" in str(one) else str(one) for one in self.models)
