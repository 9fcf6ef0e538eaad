"""The networks of one model, prepared when they are first needed: in two precisions, blind or told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ruis.choice import FAINT
from ruis.engines import ENGINES
from ruis.engines.ensemble import SelfEnsemble
from ruis.errors import ConfigError
from ruis.intensity import Intensity

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from ruis.architectures.base import Architecture
    from ruis.choice import Seen
    from ruis.engines.base import Engine, Precision
    from ruis.image import ImageInfo
    from ruis.model_file import ModelFile

__all__ = ["Networks", "check_ensemble"]


class Networks:
    """What an engine makes of a model.

    Parameters
    ----------
    model : ModelFile
        The model.
    engine : str
        A row of `ruis.engines`.
    precision : {"auto", "f32", "bf16"}
        What convolutions compute with; auto: by the noise of each image.
    threads : int, optional
        How many processors to use; default: all that this process may.
    ensemble : bool, default False
        Whether flips and turns are averaged.

    Raises
    ------
    UnknownNameError
        If there is no such engine.
    ConfigError
        If there is no such precision, or an ensemble is asked of a model that learnt upright images
        alone.
    """

    def __init__(
        self,
        model: ModelFile,
        engine: str = "openvino",
        *,
        precision: Literal["auto", "f32", "bf16"] = "auto",
        threads: int | None = None,
        ensemble: bool = False,
    ) -> None:
        if precision not in ("auto", "f32", "bf16"):
            raise ConfigError(f"precision is auto, f32 or bf16, not {precision!r}.")
        if ensemble:
            check_ensemble(model)
        self.model = model
        self.engine: type[Engine] = ENGINES.load(engine)
        self.precision = precision
        self.threads = threads
        self.ensemble = ensemble
        self._prepared: dict[tuple[Precision, bool], Engine] = {}

    def get(self, precision: Precision, *, told: bool) -> Engine:
        """Return what runs the network; where that is blind, without its channel for sigma.

        Parameters
        ----------
        precision : {"f32", "bf16"}
            What convolutions compute with.
        told : bool
            Whether the network is told sigma.
        """
        if (precision, told) not in self._prepared:
            architecture: Architecture = self.model.architecture
            weights: Mapping[str, NDArray[np.float32]] = self.model.weights
            if not told:
                architecture, weights = architecture.blinded(weights)
            engine = self.engine(architecture, weights, precision=precision, threads=self.threads)
            made = SelfEnsemble(engine) if self.ensemble else engine
            self._prepared.setdefault((precision, told), made)  # another thread may have been first
        return self._prepared[precision, told]

    @property
    def choosing(self) -> bool:
        """Whether the precision depends on what an image shows."""
        return self.precision == "auto" and self.engine.supports("bf16")

    @property
    def likely(self) -> Precision:
        """The precision that most images take."""
        return "bf16" if self.precision != "f32" and self.engine.supports("bf16") else "f32"

    def precision_for(self, info: ImageInfo, seen: Seen | None, sigma: float) -> Precision:
        """Choose by sigma in fractions of the brightest value: what bfloat16 rounds goes with it.

        Parameters
        ----------
        info : ImageInfo
            What the pixels mean.
        seen : Seen, optional
            What was seen of them, if anybody looked.
        sigma : float
            Their noise as a fraction of the data range.
        """
        if not self.engine.supports("bf16"):
            return "f32"
        if self.precision != "auto":
            return self.precision
        if seen is None:  # how bright it is is not known, unless nothing can be more than white
            visible = Intensity(info.dtype, info.data_range).bounded and sigma >= FAINT
        else:
            if info.dtype.itemsize == 1:  # what is fainter than one step of it cannot be kept
                sigma = max(sigma, seen.coarse)
            visible = sigma / max(1.0, seen.brightest) >= FAINT
        return "bf16" if visible else "f32"

    def release(self, keep: int = 0) -> None:
        """Give memory back; see :meth:`ruis.engines.base.Engine.release`.

        Parameters
        ----------
        keep : int, default 0
            Shapes of so many pixels together stay ready, in each precision.
        """
        for engine in self._prepared.values():
            engine.release(keep)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what cannot go to another process: prepared networks."""
        return {**self.__dict__, "_prepared": {}}


def check_ensemble(model: ModelFile) -> None:
    """Refuse to turn images for a model that did not learn from turned ones.

    Parameters
    ----------
    model : ModelFile
        Its recipe says from what it learnt.

    Raises
    ------
    ConfigError
        If it learnt from upright images alone, or does not say how it learnt.
    """
    recipe = model.manifest.training.recipe
    if "patch" not in recipe or not recipe.get("turned", True):
        raise ConfigError(
            f"the model {model.name!r} did not learn from turned images, and would spoil them: leave out "
            "the ensemble."
        )
