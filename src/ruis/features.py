"""What a trained network looks at: its filters, and what each layer makes of an image.

A convolution slides each of its filters over what comes in, and writes at every place how well the
filter fits there; what comes out of one filter is a feature map. NumPy in, NumPy out.

Source: V. Dumoulin, F. Visin, A guide to convolution arithmetic for deep learning, 2016,
arXiv:1603.07285.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis.dataset import to_channels
from ruis.engines import ENGINES
from ruis.errors import (
    ChannelMismatchError,
    ConfigError,
    EngineError,
    ImageError,
    OutOfMemoryError,
    UnknownNameError,
)
from ruis.image import Image
from ruis.intensity import Intensity
from ruis.keras_backend import load_keras
from ruis.layers import same_padding
from ruis.model_file import ModelFile
from ruis.tiling import Geometry, plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.architectures.base import Architecture

__all__ = ["feature_maps", "filters", "match", "network", "shapes"]

WHAT = "Looking into a network"

TILES = 64
"""How many tiles a network of one fixed size sees at a time."""

FRAME = frozenset({"pad_to_multiple", "crop_as"})
"""Layers that let a network take any size; here sizes are multiples, and they change nothing."""


def network(model: ModelFile) -> Any:
    """Return a model as a network of Keras that has its weights.

    Parameters
    ----------
    model : ModelFile
        The model.

    Returns
    -------
    keras.Model
        (batch, rows, columns, input channels) float32 -> (batch, rows, columns, channels).

    Raises
    ------
    EngineUnavailableError
        If Keras is not installed.
    """
    load_keras(WHAT)
    return ENGINES.load("keras")(model.architecture, model.weights).model


def filters(model: Any, layer: str | None = None) -> dict[str, NDArray[np.float32]]:
    """Return the kernels of the convolutions, in the order of the network.

    Parameters
    ----------
    model : ModelFile or keras.Model
        The model.
    layer : str, optional
        The only layer that is wanted. Default: every convolution.

    Returns
    -------
    dict of str to numpy.ndarray
        Layer name -> float32 (height, width, channels in, filters). Of a transposed convolution it
        is what one value of each channel in paints, with the same axes. A layer of a network that
        is a layer itself is called "network/layer".

    Raises
    ------
    UnknownNameError
        If there is no convolution of this name.
    EngineUnavailableError
        If Keras is not installed.

    Examples
    --------
    >>> from ruis import architectures
    >>> small = architectures.parse({"name": "unet", "widths": [4], "blocks": 1})
    >>> {name: kernel.shape for name, kernel in filters(small.build()).items()}
    {'stem': (6, 6, 2, 4), 'down0_block0_first': (3, 3, 4, 4), 'down0_block0_second': (3, 3, 4, 4),
     'tail': (6, 6, 4, 1)}
    """
    keras = load_keras(WHAT)
    found = {}
    inside = _convolutions(network(model) if isinstance(model, ModelFile) else model)
    for name, one in inside.items():
        values = np.asarray(one.kernel.numpy(), np.float32)
        transposed = isinstance(one, keras.layers.Conv2DTranspose)
        found[name] = values.transpose(0, 1, 3, 2) if transposed else values
    if layer is not None and layer not in found:
        raise UnknownNameError("convolution", layer, found)
    return found if layer is None else {layer: found[layer]}


def feature_maps(
    model: Any,
    image: Any,
    *,
    layers: Collection[str] | None = None,
    sigma: float = 0.0,
    multiple: int | None = None,
) -> dict[str, NDArray[np.float32]]:
    """Return what every layer makes of an image.

    The image is continued at its lower and right edge, by mirroring, to a size that the network
    takes, and each map is cropped again in proportion: of a map of r rows that was made from R rows
    instead of H, the first ceil(r H / R) are kept. A network of one fixed size sees a larger image
    in tiles, and their maps are put side by side: a dense code becomes one pixel per tile.

    Parameters
    ----------
    model : ModelFile or keras.Model
        The model.
    image : Image or numpy.ndarray
        Shape (rows, columns, channels) or (rows, columns), float32 fractions of the data range; an
        Image of any dtype is turned into those, and into gray where the model is gray.
    layers : collection of str, optional
        The only layers that are wanted, to save memory. Default: all.
    sigma : float, default 0
        Of the noise, as a fraction of the data range, for a model that can be told; 0: unknown.
    multiple : int, optional
        What sizes must be multiples of, for a network of Keras that somebody else built; ours know.

    Returns
    -------
    dict of str to numpy.ndarray
        Layer name -> float32 (rows, columns, maps), in the order of the network. The units of a
        dense layer are maps of a single pixel; of a layer with several results the first is called
        "layer/0".

    Raises
    ------
    UnknownNameError
        If there is no such layer.
    ChannelMismatchError
        If the image has other channels than the model takes.
    ImageError
        If the image is empty, or holds values that are not numbers.
    EngineError
        If the network cannot be run on it; EngineUnavailableError if Keras is not installed.

    Examples
    --------
    >>> from ruis import architectures
    >>> small = architectures.parse(
    ...     {"name": "unet", "widths": [4], "blocks": 1, "sigma_channel": False}
    ... )
    >>> maps = feature_maps(small.build(), np.zeros((15, 20)))
    >>> maps["stem"].shape, maps["denoised"].shape
    ((8, 10, 4), (15, 20, 1))
    """
    taken = _Taken.of(model, multiple)
    keras = load_keras(WHAT)
    pixels = taken.read(image)
    if taken.takes_sigma:
        channel = np.full((*pixels.shape[:2], 1), sigma, np.float32)
        pixels = np.concatenate([pixels, channel], axis=2)
    outputs = _chosen(taken.net, layers)
    probe = keras.Model(taken.net.inputs[0], list(outputs.values()))
    rows, columns = pixels.shape[:2]
    cut = plan(rows, columns, taken.geometry, max(rows, columns) + taken.geometry.multiple)
    windows = np.stack([cut.read(pixels, tile) for tile in cut])
    batches = [_run(probe, windows[i : i + TILES]) for i in range(0, len(windows), TILES)]
    down, across = len(cut.row_spans), len(cut.column_spans)
    found = {}
    for place, name in enumerate(outputs):
        made = np.concatenate([batch[place] for batch in batches])
        tall, wide, count = made.shape[1:]
        joined = made.reshape(down, across, tall, wide, count).transpose(0, 2, 1, 3, 4)
        joined = joined.reshape(down * tall, across * wide, count)
        last_row = -(-joined.shape[0] * rows // (down * cut.shape[0]))
        last_column = -(-joined.shape[1] * columns // (across * cut.shape[1]))
        found[name] = joined[:last_row, :last_column]
    return found


def shapes(
    architecture: Architecture, size: tuple[int, int] | None = None
) -> list[tuple[str, tuple[int, int, int]]]:
    """Return the shape of what each layer makes, without running the network.

    Parameters
    ----------
    architecture : Architecture
        The network.
    size : tuple of int, optional
        The (rows, columns) of an image; rounded up to the geometry's multiple, as it is before it
        enters the network. A network of one fixed size has that, and needs none.

    Returns
    -------
    list of tuple
        (layer name, (rows, columns, channels)) in the order of the network, its input first; the
        units of a dense layer are (1, 1, units).

    Raises
    ------
    ConfigError
        If a size is needed and not given, or is not at least 1.
    EngineUnavailableError
        If Keras is not installed.

    Examples
    --------
    >>> from ruis import architectures
    >>> small = architectures.parse({"name": "unet", "widths": [4, 6], "blocks": 1})
    >>> shapes(small, (30, 32))[:3]
    [('noisy', (32, 32, 2)), ('stem', (16, 16, 4)), ('down0_block0_first', (16, 16, 4))]
    """
    keras = load_keras(WHAT)
    geometry = architecture.geometry
    if geometry.size is None:
        if size is None or min(size) < 1:
            raise ConfigError(
                f"the shapes depend on the image's: give (rows, columns), not {size}."
            )
        rows, columns = (-(-side // geometry.multiple) * geometry.multiple for side in size)
    else:
        rows, columns = geometry.size
    net = architecture.build()
    outputs = _outputs(net)
    probe = keras.Model(net.inputs[0], list(outputs.values()))
    entered = (1, rows, columns, architecture.input_channels)
    made = _list(probe.compute_output_shape(entered))
    inner = zip(outputs, map(_cube, made), strict=True)
    return [(net.inputs[0].name, _cube(entered)), *inner]


def match(image: NDArray[Any], kernel: NDArray[Any]) -> NDArray[np.float32]:
    """Say at every place of an image how well a feature fits there.

    It is the plain correlation that a convolution of a network computes: the image under the kernel
    is multiplied with it, value by value, and summed. Beyond the edges there are zeros.

    Parameters
    ----------
    image : numpy.ndarray
        Shape (rows, columns) or (rows, columns, channels), float.
    kernel : numpy.ndarray
        Shape (height, width) or (height, width, channels): the feature.

    Returns
    -------
    numpy.ndarray
        Shape (rows, columns), float32; high where the feature fits, negative where its opposite
        does.

    Raises
    ------
    ChannelMismatchError
        If image and kernel have different channels.

    Examples
    --------
    >>> image = np.array([[0, 0, 1, 1, 0]])
    >>> rising = np.array([[-1, 1, 0]])
    >>> match(image, rising).tolist()
    [[0.0, 0.0, 1.0, 0.0, -1.0]]
    """
    here = np.atleast_3d(np.asarray(image, np.float32))
    feature = np.atleast_3d(np.asarray(kernel, np.float32))
    if here.ndim != 3 or feature.ndim != 3 or here.shape[2] != feature.shape[2]:
        raise ChannelMismatchError(
            f"an image of shape {np.shape(image)} cannot be held against a kernel of shape "
            f"{np.shape(kernel)}: both need the same channels."
        )
    sides = [same_padding(length, 1) for length in feature.shape[:2]]
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(here, [*sides, (0, 0)]), feature.shape[:2], axis=(0, 1)
    )
    fits: NDArray[np.float32] = np.einsum("rcdhw,hwd->rc", windows, feature, optimize=True)
    return fits


# -- the network and its image ------------------------------------------------------------------


@dataclass(frozen=True)
class _Taken:
    """A network, and what it takes."""

    net: Any
    geometry: Geometry
    channels: int
    takes_sigma: bool

    @classmethod
    def of(cls, model: Any, multiple: int | None) -> _Taken:
        if isinstance(model, ModelFile):
            like = model.architecture
            return cls(network(model), like.geometry, like.channels, like.takes_sigma)
        _, rows, columns, channels = model.inputs[0].shape
        if rows and columns:
            return cls(model, Geometry(size=(rows, columns)), channels, takes_sigma=False)
        own = next((layer.multiple for layer in model.layers if layer.name in FRAME), 1)
        return cls(model, Geometry(multiple or own), channels, takes_sigma=False)

    def read(self, image: Any) -> NDArray[np.float32]:
        """Return the image's (rows, columns, channels) as fractions of its range."""
        if isinstance(image, Image):
            stored = to_channels(image, self.channels)
            pixels = Intensity(stored.dtype, image.info.data_range).to_unit(stored)
        else:
            pixels = np.asarray(image, np.float32)
            pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        if pixels.ndim != 3 or 0 in pixels.shape:
            raise ImageError(f"an image has rows, columns and channels, not {np.shape(image)}.")
        if pixels.shape[2] != self.channels:
            raise ChannelMismatchError(
                f"the model takes {self.channels} channels, and this image has {pixels.shape[2]}."
            )
        if not np.isfinite(pixels).all():
            raise ImageError("it holds values that are not numbers; replace them first.")
        return pixels


def _outputs(net: Any) -> dict[str, Any]:
    """Return what each layer makes, where that is a map or a row of units, and is made anew."""
    kinds = load_keras(WHAT).layers
    outputs: dict[str, Any] = {}
    for layer in net.layers:
        if isinstance(layer, kinds.InputLayer):
            continue
        # What it made when it was called last: a network inside knows its own tensors alone.
        made = layer._inbound_nodes[-1].output_tensors  # noqa: SLF001 - Keras has no public name
        same = isinstance(layer, kinds.Flatten) and layer.input.shape == made[0].shape
        if layer.name not in FRAME and not same:
            ends = [f"/{place}" for place in range(len(made))] if len(made) > 1 else [""]
            outputs |= {layer.name + end: one for end, one in zip(ends, made, strict=True)}
    return {name: made for name, made in outputs.items() if len(made.shape) in (2, 4)}


def _convolutions(net: Any, inside: str = "") -> dict[str, Any]:
    """Return the layers that have kernels of four axes, those of networks inside with a path."""
    found: dict[str, Any] = {}
    for layer in net.layers:
        if hasattr(layer, "layers"):
            found |= _convolutions(layer, f"{inside}{layer.name}/")
        elif len(getattr(getattr(layer, "kernel", None), "shape", ())) == 4:
            found[inside + layer.name] = layer
    return found


def _chosen(net: Any, layers: Collection[str] | None) -> dict[str, Any]:
    outputs = _outputs(net)
    for name in layers or ():
        if name not in outputs:
            raise UnknownNameError("layer", name, outputs)
    return {name: made for name, made in outputs.items() if layers is None or name in layers}


def _run(probe: Any, windows: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Run the network on windows of one shape; (windows, rows, columns, maps) of each layer."""
    to_numpy = load_keras(WHAT).ops.convert_to_numpy
    try:
        made = _list(probe(windows, training=False))
        arrays = [np.asarray(to_numpy(one), np.float32) for one in made]
    except MemoryError as error:
        raise OutOfMemoryError(f"no memory for {windows.shape}; ask for fewer layers.") from error
    except Exception as error:
        raise EngineError(
            f"the network cannot take {windows.shape}; if its sizes must be multiples of "
            f"something, say multiple=: {error}"
        ) from error
    return [one if one.ndim == 4 else one[:, None, None] for one in arrays]


def _list(made: Any) -> list[Any]:
    """Undo that Keras gives a single result by itself."""
    return list(made) if isinstance(made, list) else [made]


def _cube(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return (rows, columns, channels) of (batch, rows, columns, channels) or (batch, units)."""
    rows, columns, channels = shape[1:] if len(shape) == 4 else (1, 1, shape[1])
    return int(rows), int(columns), int(channels)
