"""How the images of a run are denoised: what decides the bytes of every output."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from ruis.record import Record

__all__ = ["MEMORY", "Settings"]

MEMORY = 400e6
"""Bytes for the tile of each worker. Fixed, not what is free at the moment: how an image is cut shall
not depend on what else a machine does."""


class Settings(Record):
    """How the images of a run are denoised; the same words as `ruis denoise`.

    Parameters
    ----------
    model : str
        "auto", "medium", "fast", a model that ships, or a model file.
    sigma : float, optional
        The standard deviation of the noise as a fraction of the data range; default: found.
    strength : float
        From 0 (nothing) to 1 (all).
    engine : str
        What runs the network.
    precision : {"auto", "f32", "bf16"}
        What it computes with; "auto" depends on the processor, so choose where machines differ.
    tile : int, optional
        The longest side of a tile in pixels.
    ensemble : bool
        Whether eight flips and turns are averaged.
    format : str, optional
        The ending of the outputs, without its dot; default: that of each input.
    strip_metadata : bool
        Whether EXIF, GPS and texts are left out.
    max_pixels : float
        Images of more pixels are refused.
    """

    model: str = "auto"
    sigma: float | None = Field(default=None, ge=0, le=1)
    strength: float = Field(default=1.0, ge=0, le=1)
    engine: str = "openvino"
    precision: Literal["auto", "f32", "bf16"] = "auto"
    tile: int | None = Field(default=None, ge=1)
    ensemble: bool = False
    format: str | None = None
    strip_metadata: bool = False
    max_pixels: float = Field(default=200e6, ge=1)

    @property
    def automatic(self) -> bool:
        """Whether the model is chosen for each image."""
        from ruis.zoo import AUTO

        return self.model in AUTO

    def absolute(self) -> Settings:
        """Return the same settings for any working folder."""
        path = Path(self.model)
        file = not self.automatic and path.suffix == ".ruis" and path.is_file()
        return self.model_copy(update={"model": str(path.absolute())}) if file else self

    def models(self) -> dict[str, str]:
        """Return the models that may be used: by the name to load, the hash of the weights.

        Raises
        ------
        ModelFileError
            If one cannot be used.
        ConfigError
            If an ensemble is asked of a model that cannot have one, or there is no such engine.
        """
        from ruis import zoo
        from ruis.engines import ENGINES
        from ruis.networks import check_ensemble

        _ = ENGINES[self.engine]  # else every image would meet the same
        names = sorted(zoo.SHIPPED) if self.automatic else [self.model]
        found = {name: zoo.find(name) for name in names}
        if self.ensemble and not self.automatic:  # what is chosen can have one
            check_ensemble(found[self.model])
        return {name: model.sha256 for name, model in found.items()}

    def identity(self) -> dict[str, Any]:
        """Return all that decides the bytes of an output beside its input."""
        import ruis

        return {"ruis": ruis.__version__, **self.model_dump(), "weights": self.models()}
