"""What is odd in an image: what a network that was taught on normal images cannot reproduce.

An autoencoder with a narrow code learns to draw what it has seen. Of an image with a scratch it
draws the surface without the scratch, and where the two differ, the image is odd. A network that
reproduces anything reproduces scratches as well: how well this works is decided by the network.

Source: M. Sakurada, T. Yairi, Anomaly detection using autoencoders with nonlinear dimensionality
reduction, 2014, doi:10.1145/2689746.2689747. The names of methods and attributes are those of
Y. Zhao, Z. Nasrullah, Z. Li, PyOD: a Python toolbox for scalable outlier detection, Journal of
Machine Learning Research 20(96), 2019.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, get_args, runtime_checkable

import numpy as np

from ruis import dataset, detector_file
from ruis.arrays import as_image
from ruis.denoiser import Denoiser
from ruis.detector_file import DetectorFile, ModelUsed, NormalScores, Score, Threshold
from ruis.errors import AxesError, ConfigError, EmptyDatasetError, ImageError, UnknownNameError
from ruis.image import Image, ImageInfo
from ruis.intensity import Intensity

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["AnomalyDetector", "Denoises", "Finding", "NormalScores", "Predicts", "Threshold"]

UNFITTED = "the detector is not fitted: call fit(normal_images) first."
FORGOTTEN = "the scores of the fitted images are not in the file: see normal_, or fit again."
BATCH = 32


@runtime_checkable
class Denoises(Protocol):
    """Reconstructs one image at a time, as a :class:`ruis.Denoiser` does."""

    def denoise(self, noisy: Any) -> Any:
        """Return an Image for an Image, of the same size."""


@runtime_checkable
class Predicts(Protocol):
    """Reconstructs batches, as an autoencoder does."""

    def predict(self, x: Any) -> Any:
        """Return a batch (N, H, W, C) in [0, 1] for one, float32."""


@dataclass(frozen=True, eq=False)
class Finding:
    """What was found in one image.

    Parameters
    ----------
    score : float
        How odd the image is.
    odd : bool
        Whether that is above the threshold.
    heat_map : numpy.ndarray
        Where it is odd, shape (H, W).
    """

    score: float
    odd: bool
    heat_map: NDArray[np.float32]


class AnomalyDetector:
    """Finds images that are unlike those it was fitted to, and shows where.

    Images are an array (N, H, W) or (N, H, W, C), one array (H, W), one Image, or any iterable of
    arrays and Images, which may differ in size. Integers use the whole range of their dtype,
    floats the range 0 to 1; alpha is left out. What is measured is the difference between an image
    and its reconstruction, as a fraction of that range.

    Parameters
    ----------
    reconstructor : Denoises or Predicts
        A :class:`ruis.Denoiser`, or anything with `predict` from a batch to a batch, taught on
        normal images.
    threshold : Threshold or str, default "quantile=0.99"
        The rule that turns normal scores into a threshold; see :class:`Threshold`.
    score : {"peak", "mse", "mae"}
        What one image's score is. "peak", the highest value of its heat map, finds small defects
        in large images, which a mean drowns. "mse", the mean squared error, is for images that
        are odd as a whole, or over a large part. "mae", the mean absolute error, is for the same
        where single bad pixels are normal.
    smoothing : float, default 2.0
        The standard deviation in pixels of the Gaussian that smooths heat maps; about the size of
        the smallest defect that matters.
    border : int, default 4
        Pixels along each edge, up to a quarter of the side, where heat maps stay 0: networks draw
        edges badly, also normal ones.

    Raises
    ------
    ConfigError
        If an argument makes no sense.

    Examples
    --------
    >>> import ruis
    >>> rng = np.random.default_rng(0)
    >>> normal = 0.5 + rng.normal(0, 0.01, (20, 32, 32)).astype(np.float32)
    >>> detector = AnomalyDetector(ruis.load("gray"), threshold="sd=6").fit(normal)
    >>> odd = normal[:2].copy()
    >>> odd[1, 8:16, 12:24] += rng.normal(0, 0.1, (8, 12))
    >>> detector.predict(odd).tolist()
    [0, 1]
    >>> row, column = np.unravel_index(detector.heat_map(odd[1]).argmax(), (32, 32))
    >>> bool(8 <= row < 16 and 12 <= column < 24)
    True
    """

    def __init__(
        self,
        reconstructor: Denoises | Predicts,
        *,
        threshold: Threshold | str = "quantile=0.99",
        score: Score = "peak",
        smoothing: float = 2.0,
        border: int = 4,
    ) -> None:
        given: Any = reconstructor
        if not isinstance(given, Denoises | Predicts):
            kind = type(given).__name__
            raise ConfigError(f"a {kind} has neither denoise nor predict; give ruis.load(...).")
        if score not in get_args(Score):
            raise UnknownNameError("score", str(score), get_args(Score))
        if not 0 <= smoothing <= 1000:
            raise ConfigError(f"smoothing is from 0 to 1000 pixels, not {smoothing}.")
        if not 0 <= border <= 1000:
            raise ConfigError(f"border is from 0 to 1000 pixels, not {border}.")
        self.reconstructor = reconstructor
        self.threshold = Threshold.read(threshold) if isinstance(threshold, str) else threshold
        self.score = score
        self.smoothing = smoothing
        self.border = border
        self._scores: NDArray[np.float64] | None = None
        self._fitted: tuple[float, NormalScores] | None = None

    def fit(self, normal: Any, y: None = None) -> Self:
        """Learn from normal images which scores are normal; the network learns nothing.

        Parameters
        ----------
        normal : array_like or iterable
            At least two images. Images that the network was taught on score a little too low.
        y : None
            Not used: there for the interface that scikit-learn and PyOD share.

        Returns
        -------
        AnomalyDetector
            This one.

        Raises
        ------
        EmptyDatasetError
            If there are fewer than two images.
        ImageError
            If an image cannot be used; the message names it.
        """
        measured = [(self._score(error), self._heat(error).max()) for error in self._errors(normal)]
        if len(measured) < 2:
            raise EmptyDatasetError(
                f"{len(measured)} images do not show what is normal; give two or more, better 50."
            )
        scores, peaks = np.array(measured, np.float64).T
        summary = NormalScores.of(scores, peaks)
        self._scores, self._fitted = scores, (self.threshold.of(scores), summary)
        return self

    def decision_function(self, images: Any) -> NDArray[np.float64]:
        """Return how odd each image is: shape (N,), higher is odder; no images give no scores."""
        return np.array([self._score(error) for error in self._errors(images)], np.float64)

    def predict(self, images: Any) -> NDArray[np.int64]:
        """Return 1 for each odd image, 0 for each normal one: shape (N,)."""
        threshold = self.threshold_  # unfitted use is an error before the work is done
        return (self.decision_function(images) > threshold).astype(np.int64)

    @property
    def threshold_(self) -> float:
        """The score above which an image is odd."""
        return self._known[0]

    @property
    def decision_scores_(self) -> NDArray[np.float64]:
        """The scores of the fitted images; a detector from a file has only :attr:`normal_`."""
        if self._scores is None:
            raise ConfigError(FORGOTTEN if self._fitted else UNFITTED)
        return self._scores

    @property
    def labels_(self) -> NDArray[np.int64]:
        """1 for each fitted image that is odd itself, 0 for the others."""
        return (self.decision_scores_ > self.threshold_).astype(np.int64)

    @property
    def normal_(self) -> NormalScores:
        """A summary of the scores of the fitted images."""
        return self._known[1]

    def heat_map(self, image: Any) -> NDArray[np.float32]:
        """Return where one image is odd: the local root mean square error, shape (H, W)."""
        (error,) = self._errors([image])
        return self._heat(error)

    def heat_maps(self, images: Any) -> NDArray[np.float32]:
        """Return the heat maps of images of one size, shape (N, H, W).

        Raises
        ------
        AxesError
            If the images differ in size; ask for one :meth:`heat_map` after the other.
        """
        maps = [self._heat(error) for error in self._errors(images)]
        sizes = {one.shape for one in maps}
        if len(sizes) > 1:
            raise AxesError(
                f"the images differ in size, {sorted(sizes)}: ask for heat_map(image) one by one."
            )
        return np.stack(maps) if maps else np.empty((0, 0, 0), np.float32)

    def examine(self, image: Any) -> Finding:
        """Return score, verdict and heat map of one image, reconstructed once."""
        threshold = self.threshold_
        (error,) = self._errors([image])
        score = self._score(error)
        return Finding(score, score > threshold, self._heat(error))

    def save(
        self, path: str | Path, *, model: str | Path | None = None, overwrite: bool = False
    ) -> None:
        """Write the detector as a small JSON file; the model stays in its own.

        Parameters
        ----------
        path : path
            Where to.
        model : str or path, optional
            The name of the shipped model, or the file of the model, that reconstructs. Default:
            the shipped model, if it is one.
        overwrite : bool, default False
            Whether a file that is there already is replaced.

        Raises
        ------
        ConfigError
            If the detector is not fitted, its reconstructor is no Denoiser, or `model` is another.
        ImageWriteError
            If the file exists already, or the disk refuses.
        """
        threshold, summary = self._known
        denoiser = self.reconstructor
        if not isinstance(denoiser, Denoiser):
            raise ConfigError(
                f"only a detector with a Denoiser can be kept, not with {type(denoiser).__name__}: "
                "save its network as a model file, and fit with ruis.load(FILE)."
            )
        used = ModelUsed.of(denoiser.model, denoiser.networks.precision, model, Path(path))
        content = DetectorFile(
            score=self.score,
            smoothing=self.smoothing,
            border=self.border,
            rule=self.threshold,
            threshold=threshold,
            normal=summary,
            model=used,
        )
        detector_file.save(path, content, overwrite=overwrite)

    @classmethod
    def load(
        cls, path: str | Path, *, engine: str = "openvino", threads: int | None = None
    ) -> AnomalyDetector:
        """Read a detector and its model.

        Parameters
        ----------
        path : path
            The JSON file.
        engine : str
            As for :class:`ruis.Denoiser`, like `threads`.
        threads : int, optional
            How many processors to use; default: all that this process may.

        Raises
        ------
        ModelNotFoundError
            If there is no such file, or its model is gone.
        ModelVersionError
            If it was written by a later version of ruis.
        ModelCorruptError
            If it is no detector, or its model is not the one that it was fitted with.
        """
        content = detector_file.load(path)
        model, precision = content.model.find(Path(path)), content.model.precision
        detector = cls(
            Denoiser(model, engine=engine, precision=precision, threads=threads),
            threshold=content.rule,
            score=content.score,
            smoothing=content.smoothing,
            border=content.border,
        )
        detector._fitted = content.threshold, content.normal
        return detector

    @property
    def _known(self) -> tuple[float, NormalScores]:
        if self._fitted is None:
            raise ConfigError(UNFITTED)
        return self._fitted

    def _score(self, error: NDArray[np.float32]) -> float:
        match self.score:
            case "peak":
                return float(self._heat(error).max())
            case "mse":
                return float(np.square(error, dtype=np.float64).mean())
            case "mae":
                return float(np.abs(error).mean(dtype=np.float64))

    def _heat(self, error: NDArray[np.float32]) -> NDArray[np.float32]:
        from scipy.ndimage import gaussian_filter

        local = gaussian_filter(np.square(error).mean(axis=2), self.smoothing)
        top, left = (min(self.border, side // 4) for side in local.shape)
        inside = np.s_[top : local.shape[0] - top, left : local.shape[1] - left]
        heat = np.zeros(local.shape, np.float32)
        heat[inside] = np.sqrt(np.maximum(local[inside], 0))
        return heat

    def _errors(self, images: Any) -> Iterator[NDArray[np.float32]]:
        """Yield, for each image, what its reconstruction lacks: shape (H, W, C)."""
        for batch in _batches(_units(images, getattr(self.reconstructor, "channels", None))):
            again = self._again(batch)
            if again.shape != batch.shape or not np.isfinite(again).all():
                raise ConfigError(
                    f"the reconstructor should keep the shape, and made {again.shape} of "
                    f"{batch.shape}, or values that are not numbers."
                )
            yield from batch - again

    def _again(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Reconstruct a batch."""
        if not isinstance(self.reconstructor, Denoises):
            return np.asarray(self.reconstructor.predict(batch), np.float32)
        channels = batch.shape[3]
        colour: Any = {1: "gray", 3: "rgb"}.get(channels, "channels")
        info = ImageInfo(batch.dtype, (0.0, 1.0), colour)
        return np.stack([self.reconstructor.denoise(Image(one, info)).pixels for one in batch])


def _each(images: Any) -> Iterator[Any]:
    """Yield one image after the other, whatever they came in."""
    if not isinstance(images, np.ndarray):
        yield from [images] if isinstance(images, Image) else images
        return
    if images.ndim not in (2, 3, 4):
        raise AxesError(f"images are (N, H, W) or (N, H, W, C), not of shape {images.shape}.")
    if images.ndim == 3 and images.shape[2] <= 4 < images.shape[0]:
        raise AxesError(f"shape {images.shape} looks like one image with channels: give [image].")
    yield from images[None] if images.ndim == 2 else images


def _units(images: Any, channels: int | None) -> Iterator[NDArray[np.float32]]:
    """Yield each image as fractions of its range, float32 (H, W, C), alpha left out."""
    for place, given in enumerate(_each(images)):
        try:
            image = given if isinstance(given, Image) else as_image(given)[0]
            colour = channels == 3 and image.channels == 1  # as the training data was made
            stored = dataset.to_channels(image, 3 if colour else image.channels)
            unit = Intensity(image.info.dtype, image.info.data_range).to_unit(stored)
            if not np.isfinite(unit).all():
                raise ImageError("it holds values that are not numbers; replace them first.")
        except ImageError as error:
            name = given.info.source if isinstance(given, Image) else f"image {place}"
            raise type(error)(error.reason, source=name) from error
        yield unit


def _batches(units: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Stack neighbours of the same shape."""
    batch: list[NDArray[np.float32]] = []
    for unit in units:
        if batch and (len(batch) == BATCH or batch[0].shape != unit.shape):
            yield np.stack(batch)
            batch = []
        batch.append(unit)
    if batch:
        yield np.stack(batch)
