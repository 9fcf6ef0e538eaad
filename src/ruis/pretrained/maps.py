"""From an image in [0, 1] to maps of what a network sees in it.

What each network wants of its pixels is done inside. The map of stride s is exactly 1/s of the
image; see `drawing.py` for how.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruis.errors import ConfigError
from ruis.keras_backend import load_keras
from ruis.pretrained.drawing import body
from ruis.pretrained.networks import find
from ruis.pretrained.weights import filled
from ruis.tiling import mirror_index

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["check_taps", "extend", "features", "look"]

SCALES: dict[str, tuple[list[float], list[float]]] = {  # red, green, blue: times, plus
    "signed": ([2.0] * 3, [-1.0] * 3),
    "standard": (
        [1 / 0.229, 1 / 0.224, 1 / 0.225],
        [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225],
    ),
    "blue-first": ([255.0] * 3, [-123.68, -116.779, -103.939]),
}


def features(
    network: str,
    taps: Sequence[int] = (2, 4, 8, 16, 32),
    *,
    weights: str | Path | None = None,
    channels: int = 3,
    trainable: bool = False,
    seed: int = 0,
    size: tuple[int | None, int | None] = (None, None),
) -> Any:
    """Build the part of a network that turns an image into maps of what is in it.

    Parameters
    ----------
    network : str
        A row of `NETWORKS`.
    taps : sequence of int
        The strides of the maps, from fine to coarse: some of 2, 4, 8, 16, 32, and 1 for the VGGs.
    weights : str or path, optional
        "imagenet": Keras fetches what was learnt from ImageNet, once, into its own folder. A file:
        the network's weights without its classifier, `.weights.h5` as Keras writes them or `.h5`
        as they are handed out. Default: none, He's initialisation.
    channels : {1, 3}
        Of the images; gray is shown to the network as RGB.
    trainable : bool, default False
        Whether the weights may change. If not, normalisations keep their statistics as well.
    seed : int
        Of the initial weights.
    size : tuple of int, optional
        The (rows, columns) of the images, where they are known before. Default: any.

    Returns
    -------
    keras.Model
        (batch, rows, columns, channels) in [0, 1] -> a map for each tap, (batch, rows / stride,
        columns / stride, features); see :func:`look`. Rows and columns are multiples of the last
        stride; see :func:`extend`.

    Raises
    ------
    UnknownNameError
        If there is no such network.
    ConfigError
        If a stride is none of the network's, or the file is of no kind that holds weights.
    ModelNotFoundError
        If there is no such file, or nothing can be fetched.
    ModelCorruptError
        If the file is damaged, or holds another network.
    EngineUnavailableError
        If Keras is not installed.

    Examples
    --------
    >>> network = features("mobilenet-v2", (2, 4), channels=1)
    >>> network.compute_output_shape((1, 64, 96, 1))
    [(1, 32, 48, 96), (1, 16, 24, 144)]
    """
    check_taps(network, taps)
    keras = load_keras()
    taps = tuple(taps)
    learnt = body(network, taps, seed, size) if weights is None else filled(network, taps, weights)
    learnt.trainable = trainable
    image = keras.Input((*size, channels), name="image")
    maps = learnt(_pixels(keras, image, find(network).pixels))
    return keras.Model(image, maps, name="features")


def look(network: Any, image: Any) -> list[Any]:
    """Return what a network of :func:`features` sees, as a list even where there is one tap.

    Parameters
    ----------
    network : keras.Model
        From :func:`features`.
    image : tensor
        (batch, rows, columns, channels) in [0, 1]; rows and columns are multiples.

    Returns
    -------
    list of tensor
        One map for each tap, from fine to coarse.
    """
    maps = network(image)
    return list(maps) if isinstance(maps, (list, tuple)) else [maps]


def check_taps(network: str, taps: Sequence[int]) -> None:
    """Refuse strides at which a network has no map.

    Raises
    ------
    UnknownNameError
        If there is no such network.
    ConfigError
        If a stride is none of the network's, or they are not in order.
    """
    known = find(network).taps
    if not taps or not set(taps) <= set(known) or sorted(set(taps)) != list(taps):
        raise ConfigError(
            f"the taps of {network} are strides out of {', '.join(map(str, known))}, each once and "
            f"from fine to coarse, not {', '.join(map(str, taps)) or 'none'}."
        )


def extend(image: Any, multiple: int) -> Any:
    """Continue images at their lower and right edges, mirrored, to a multiple.

    Parameters
    ----------
    image : tensor
        (batch, rows, columns, channels), of any size; sizes may be known at run time only.
    multiple : int
        What rows and columns become multiples of.

    Returns
    -------
    tensor
        The images, differentiable; the same tensor where nothing is missing.
    """
    ops = load_keras().ops
    for axis in (1, 2):
        length = ops.shape(image)[axis]
        if not isinstance(length, int):
            period = ops.maximum(2 * (length - 1), 1)
            positions = ops.arange(-(-length // multiple) * multiple) % period
            image = ops.take(image, ops.minimum(positions, period - positions), axis=axis)
        elif length % multiple:
            wanted = -(-length // multiple) * multiple
            image = ops.take(image, mirror_index(0, wanted, length), axis=axis)
    return image


def _pixels(keras: Any, image: Any, wanted: str) -> Any:
    """Show [0, 1], gray or RGB, as the network saw its photographs when it learnt."""
    if image.shape[-1] == 1:
        image = keras.layers.Concatenate(name="as_rgb")([image] * 3)
    times, plus = SCALES[wanted]
    image = keras.layers.Rescaling(times, plus, dtype="float32", name="pixels")(image)
    return keras.ops.flip(image, axis=-1) if wanted == "blue-first" else image
