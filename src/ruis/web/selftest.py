"""Can images be denoised here? Known pictures go through a known network, and through the models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruis import zoo
from ruis.arrays import as_image
from ruis.denoiser import Denoiser
from ruis.errors import EngineError
from ruis.web.denoising import Denoisers, Wish

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["GOLDEN", "SIDE", "known_network", "picture", "run"]

SIDE = 12
GOLDEN = bytes.fromhex(
    "142131503a1a1c5f437a32644950573d6e616794937bbc894d5a104b321d2c56335b3c65"
    "4f3a4d2755354d7e92877b612a5e122d253c1f603d6354784f2f603a5329375b9661a075"
    "466013362f3a035c5f98287b574f6b5757377085c373957b44463e640e280d91485f4a7a"
    "585351475f60518d9c9e9f9938522b67245a288b5c7c63717243767790797ea1b97aa194"
)
"""What the known network makes of the known picture, 12x12 values of 8 bits; processors may differ
in the last of them by rounding."""


def run(denoisers: Denoisers) -> None:
    """Denoise known pictures; also loads the models that are used most, and compiles them.

    Parameters
    ----------
    denoisers : Denoisers
        The service's.

    Raises
    ------
    EngineError
        If what comes out is not what it should be.
    ModelFileError
        If a model that ships is not what shipped.
    """
    import numpy as np

    made = Denoiser(known_network(), precision="f32").denoise(picture(SIDE))
    difference = np.abs(made.astype(int).ravel() - np.frombuffer(GOLDEN, np.uint8)).max()
    if difference > 1:
        raise EngineError(
            f"the known picture differs by {difference} of 255 from what it should be."
        )
    for name in sorted(zoo.SHIPPED):
        zoo.path_of(name)
    for channels in (1, 3):
        _judge(denoisers, zoo.suited(channels), channels)


def _judge(denoisers: Denoisers, name: str, channels: int) -> None:
    """Let a model that ships denoise a noisy picture: it must come closer to the clean one."""
    import numpy as np

    clean = _gradient(64)[..., None].repeat(channels, axis=2)
    noise = (_sequence(clean.size).reshape(clean.shape) - 0.5) * 60
    noisy = np.rint(clean + noise).astype(np.uint8)
    image, _ = as_image(noisy if channels > 1 else noisy[..., 0])
    made = denoisers.run(name, image, Wish(), None, lambda fraction: None).image.pixels
    before, after = ((one - clean).std() for one in (noisy.astype(float), made.astype(float)))
    if after > before / 2:
        raise EngineError(f"{name} leaves noise of {after:.1f} where there was {before:.1f}.")


def picture(side: int) -> NDArray[np.uint8]:
    """Return a gray picture that is the same everywhere: a ramp with an edge, and noise."""
    import numpy as np

    noise = (_sequence(side * side).reshape(side, side) - 0.5) * 60
    return np.rint(_gradient(side) + noise).astype(np.uint8)


def _gradient(side: int) -> NDArray[Any]:
    import numpy as np

    rows, columns = np.indices((side, side))
    return 60 + 60 * rows / side + 60 * (columns > side // 2)


def _sequence(count: int) -> NDArray[Any]:
    """Return numbers in 0..1 without order, from whole numbers alone: the same on every machine.

    Lehmer's generator, as in S. Park, K. Miller, "Random number generators: good ones are hard to
    find", Communications of the ACM, 1988, doi:10.1145/63039.63042.
    """
    import numpy as np

    numbers, last = [], 1
    for _ in range(count):
        last = last * 48271 % 2147483647
        numbers.append(last / 2147483647)
    return np.array(numbers)


def known_network() -> Any:
    """Return a small network with weights that are the same everywhere."""
    import numpy as np

    from ruis import architectures
    from ruis.manifest import Manifest
    from ruis.model_file import ModelFile

    description = {"name": "unet", "widths": (8, 8), "blocks": 1}
    architecture = architectures.parse(description)
    weights = {
        name: ((_sequence(int(np.prod(shape))) - 0.5) * 0.2).reshape(shape).astype(np.float32)
        for name, shape in architecture.tensors.items()
    }
    manifest = Manifest(name="self-test", architecture=description)
    return ModelFile(manifest, architecture, weights, "", "")
