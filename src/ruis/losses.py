"""What training makes small: Keras' losses, PSNR, and what a trained network sees."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from ruis import pretrained
from ruis.errors import ConfigError, UnknownNameError
from ruis.keras_backend import load_keras
from ruis.record import Record

__all__ = ["CLIPPED", "PSNR_FLOOR", "Perceptual", "get"]

PSNR_FLOOR = 1e-5
"""A mean squared error of 50 dB is good enough: the loss "psnr" adds this to each crop's."""

CLIPPED = "clipped_mean_squared_error"
"""The name of the loss of images that have been clipped, as print has."""


class Perceptual(Record):
    """How far the denoised image is from the clean one in the eyes of a trained network.

    The mean over the taps of the mean squared distance of the two maps, each divided by the mean
    square of the clean image's map, so that every tap and every network weighs alike; and a share
    of the mean squared error of the pixels.

    Parameters
    ----------
    network : str
        A row of `ruis.pretrained.NETWORKS`.
    weights : str, optional
        "imagenet", the path of a file, or none for fresh weights; see
        :func:`ruis.pretrained.features`.
    taps : tuple of int
        The strides of the maps that are compared, from fine to coarse.
    pixel_share : float
        From 0, maps alone, to 1, pixels alone.
    seed : int
        Of fresh weights.

    References
    ----------
    J. Johnson, A. Alahi and L. Fei-Fei, Perceptual losses for real-time style transfer and
    super-resolution, 2016, doi:10.1007/978-3-319-46475-6_43.

    Examples
    --------
    >>> Perceptual(network="vgg16").taps
    (2, 4)
    """

    name: Literal["perceptual"] = "perceptual"
    network: str = "vgg16"
    weights: str | None = "imagenet"
    taps: tuple[int, ...] = (2, 4)
    pixel_share: float = Field(default=0.5, ge=0, le=1)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _known(self) -> Self:
        pretrained.check_taps(self.network, self.taps)
        return self

    def build(self) -> Any:
        """Fetch the network and return the loss.

        Returns
        -------
        keras.losses.Loss
            Of (clean, denoised), each (batch, rows, columns, 1 or 3 channels) in [0, 1], of any
            size.

        Raises
        ------
        ConfigError, ModelNotFoundError, ModelCorruptError
            If the network's weights cannot be had; see :func:`ruis.pretrained.features`.
        EngineUnavailableError
            If Keras is not installed.
        """
        network = pretrained.features(  # frozen: normalisations keep their statistics
            self.network, self.taps, weights=self.weights, channels=3, seed=self.seed
        )
        return _perceptual_loss()(network, self.taps[-1], self.pixel_share)


def get(spec: Any) -> Any:
    """Return the loss that a name, a mapping or a loss itself stands for.

    Parameters
    ----------
    spec : str, mapping, keras.losses.Loss or callable
        Keras' name of a loss; "psnr", the mean over crops of the PSNR in dB, negative, so that a
        crop with faint noise weighs as much as one with strong noise; "clipped_mean_squared_error",
        for which what goes beyond black or white is right where the clean image is black or white,
        as it will be clipped when it is stored; "perceptual:NETWORK" or `{"name": "perceptual", ...}` with the fields of :class:`Perceptual`; anything that can be
        called is passed through.

    Returns
    -------
    keras.losses.Loss or callable
        Of (clean, denoised).

    Raises
    ------
    UnknownNameError
        If there is no such loss, network or field; the error names the nearest.
    ConfigError
        If a field is out of bounds, or `spec` is nothing of the above.
    ModelNotFoundError, ModelCorruptError
        If a network's weights cannot be had.
    EngineUnavailableError
        If Keras is not installed.

    References
    ----------
    L. Chen, X. Lu, J. Zhang, X. Chu and C. Chen, HINet: Half instance normalization network for
    image restoration, 2021, doi:10.1109/CVPRW53098.2021.00027, for PSNR as a loss.

    Examples
    --------
    >>> get("mean_squared_error").__name__
    'mean_squared_error'
    """
    if isinstance(spec, Mapping):
        name = spec.get("name")
        if name == "perceptual":
            return Perceptual.parse(dict(spec), what="the perceptual loss").build()
        if isinstance(name, str) and set(spec) == {"name"}:
            return get(name)
        raise ConfigError(
            f"a loss given by its settings is the perceptual one, {{'name': 'perceptual', ...}}, "
            f"not {dict(spec)!r}."
        )
    if isinstance(spec, str):
        name, colon, network = spec.partition(":")
        if name == "perceptual":
            return get({"name": name, **({"network": network} if colon else {})})
        if spec == "psnr":
            return _psnr_loss()
        if spec == CLIPPED:
            return _clipped_loss()
        return _of_keras(spec)
    if callable(spec):
        return spec
    raise ConfigError(f"a loss is a name, a mapping or a function, not {spec!r}.")


def _of_keras(name: str) -> Any:
    losses = load_keras().losses
    try:
        return losses.get(name)
    except (ValueError, TypeError, AttributeError, ImportError) as error:
        known = [n for n in dir(losses) if n == n.lower() and not n.startswith("_")]
        plain = {n for n in known if n not in {"get", "serialize", "deserialize"}}
        raise UnknownNameError("loss", name, plain | {"perceptual", "psnr", CLIPPED}) from error


def _psnr_loss() -> Any:
    ops = load_keras().ops

    def negative_psnr(clean: Any, denoised: Any) -> Any:
        error = _mean(ops, ops.square(clean - ops.cast(denoised, "float32")))
        return 10 * ops.log10(error + PSNR_FLOOR)

    return negative_psnr


def _clipped_loss() -> Any:
    ops = load_keras().ops

    def clipped_mean_squared_error(clean: Any, denoised: Any) -> Any:
        error = ops.cast(denoised, "float32") - clean
        # Not the error of clipped images: where the clean one is gray, what went too far must return.
        above = ops.logical_and(clean >= 1, error > 0)
        below = ops.logical_and(clean <= 0, error < 0)
        return _mean(ops, ops.square(ops.where(ops.logical_or(above, below), 0.0, error)))

    return clipped_mean_squared_error


@functools.cache
def _perceptual_loss() -> Any:
    keras = load_keras()
    ops = keras.ops

    base: Any = keras.losses.Loss

    class PerceptualLoss(base):
        """See :class:`Perceptual`."""

        def __init__(self, network: Any, multiple: int, pixel_share: float) -> None:
            super().__init__(name="perceptual", reduction="sum_over_batch_size", dtype="float32")
            self.network = network
            self.multiple = multiple
            self.pixel_share = pixel_share

        def call(self, clean: Any, denoised: Any) -> Any:
            """Return one number for each image: (batch,)."""
            distance = self.pixel_share * _mean(ops, ops.square(clean - denoised))
            if self.pixel_share == 1:
                return distance
            maps = zip(self._maps(clean), self._maps(denoised), strict=True)
            parts = [self._distance(*pair) for pair in maps]
            return distance + (1 - self.pixel_share) * sum(parts) / len(parts)

        def _maps(self, image: Any) -> Any:
            if image.shape[-1] == 1:
                image = ops.repeat(image, 3, axis=-1)
            return pretrained.look(self.network, pretrained.extend(image, self.multiple))

        def _distance(self, clean: Any, denoised: Any) -> Any:
            clean, denoised = ops.cast(clean, "float32"), ops.cast(denoised, "float32")
            clean = ops.stop_gradient(clean)
            scale = _mean(ops, ops.square(clean)) + keras.config.epsilon()
            return _mean(ops, ops.square(clean - denoised)) / scale

    return PerceptualLoss


def _mean(ops: Any, x: Any) -> Any:
    """Return the mean of each image of a batch."""
    return ops.mean(x, axis=(1, 2, 3))
