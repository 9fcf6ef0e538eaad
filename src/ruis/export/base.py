"""What every export format is, and what its files say of the model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from ruis.model_file import ModelFile
    from ruis.tiling import Geometry

__all__ = ["Exporter", "keras_network", "properties"]


class Exporter(ABC):
    """One format. Instances hold nothing.

    Attributes
    ----------
    name : str
        Its row in the table.
    title : str
        Its name for people.
    suffix : str
        What the name of its file ends in.
    halves : bool
        Whether it can hold weights as 16-bit floats.
    blind : bool
        Whether its network takes the image alone, and is never told sigma.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    suffix: ClassVar[str]
    halves: ClassVar[bool] = False
    blind: ClassVar[bool] = False

    @abstractmethod
    def write(self, model: ModelFile, path: Path, *, half: bool) -> list[Path]:
        """Write the model, and return its files: `path` first, then those that belong to it.

        Raises
        ------
        ExportError
            If the format cannot hold the network.
        EngineUnavailableError
            If a package that is needed is not installed.
        """

    @abstractmethod
    def run(self, path: Path, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Load the file in its own runtime, and run it on (1, rows, columns, channels)."""

    def sizes(self, geometry: Geometry) -> list[tuple[int, int]]:
        """Return the (rows, columns) on which it is held against the original."""
        if geometry.size:
            return [geometry.size]
        return [
            (rows * geometry.multiple, cols * geometry.multiple) for rows, cols in ((8, 12), (5, 7))
        ]


def properties(model: ModelFile) -> dict[str, str]:
    """Return what a file says of the model to those who have only the file."""
    architecture = model.architecture
    sigma = "; the last channel is sigma, 0 where unknown" if architecture.takes_sigma else ""
    return {
        "name": model.name,
        "purpose": model.manifest.purpose,
        "input": f"float32 (batch, rows, columns, channels), fractions of the data range{sigma}",
        "multiple": str(architecture.geometry.multiple),
        "receptive_field": str(architecture.geometry.receptive_field),
        "weights_sha256": model.sha256,
    }


def keras_network(model: ModelFile) -> Any:
    """Return the network with its weights in Keras, of Keras' own layers alone.

    Its input's sides must be multiples of the geometry: what ruis puts around others, for training,
    are layers of its own, which nobody else could load.

    Raises
    ------
    EngineUnavailableError
        If Keras is not installed.
    """
    from ruis.architectures.keras_layers import KerasLayers
    from ruis.keras_backend import dtype_policy, load_keras

    keras = load_keras("Exporting to Keras or LiteRT")
    architecture = model.architecture
    rows, columns = architecture.geometry.size or (None, None)
    with dtype_policy(bfloat16=False):
        noisy = keras.Input((rows, columns, architecture.input_channels), name="noisy")
        denoised = architecture.connect(KerasLayers(0), noisy)
        network = keras.Model(noisy, denoised, name=architecture.name.replace("-", "_"))
    for variable in network.variables:
        variable.assign(model.weights[variable.path])
    return network
