"""MNIST: from the package itself, from Keras, from an NPZ file or from the four IDX files.

The images of the whole set are 60,000 + 10,000 handwritten digits of 28x28 pixels; the package
holds the first 5,000 + 1,000 of them, so that nothing here needs a network.

Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-based learning applied to document
recognition, 1998, doi:10.1109/5.726791.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ruis.errors import ConfigError, EmptyDatasetError, UnknownNameError
from ruis.keras_backend import load_keras, patience
from ruis.mnist.stored import checked, read_idx, read_npz

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Digits", "Part", "hold_out", "load", "shuffled", "unit", "unshuffled"]

PACKAGE = "package"
SUBSET = Path(__file__).with_name("digits.npz")

KERAS = {
    "keras": "mnist",
    "keras.datasets": "mnist",
    "keras.datasets.mnist": "mnist",
    "keras.datasets.fashion_mnist": "fashion_mnist",
}

PATIENCE = 20.0  # seconds for which a download may be silent


class Part(NamedTuple):
    """Images and their labels.

    Parameters
    ----------
    x : numpy.ndarray
        Shape (N, 28, 28), uint8; 0 is the paper, 255 the ink.
    y : numpy.ndarray
        Shape (N,), uint8: which digit it is.
    """

    x: NDArray[np.uint8]
    y: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Digits:
    """The training set and the test set, in their stored order.

    Parameters
    ----------
    x_train : numpy.ndarray
        Shape (N, 28, 28), uint8; 0 is the paper, 255 the ink.
    y_train : numpy.ndarray
        Shape (N,), uint8: which digit it is.
    x_test : numpy.ndarray
        Shape (M, 28, 28), uint8.
    y_test : numpy.ndarray
        Shape (M,), uint8.
    source : str
        Where they come from: "package", "keras.datasets.mnist", or a path.
    """

    x_train: NDArray[np.uint8]
    y_train: NDArray[np.uint8]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.uint8]
    source: str

    def first(self, train: int, test: int | None = None) -> Digits:
        """Return the first images of both sets, or all where there are fewer.

        Parameters
        ----------
        train : int
            How many training images to keep.
        test : int, optional
            How many test images to keep; default: as many.

        Raises
        ------
        ConfigError
            If a count is below 1.

        Examples
        --------
        >>> few = load().first(600, 100)
        >>> few.x_train.shape, few.x_test.shape
        ((600, 28, 28), (100, 28, 28))
        """
        test = train if test is None else test
        if min(train, test) < 1:
            raise ConfigError(f"cannot keep {min(train, test)} images: ask for at least 1.")
        return Digits(
            self.x_train[:train],
            self.y_train[:train],
            self.x_test[:test],
            self.y_test[:test],
            self.source,
        )


def load(source: str | Path = PACKAGE) -> Digits:
    """Load MNIST, or digits (or clothes) stored like it.

    Parameters
    ----------
    source : str or path, default "package"
        "package": the first 5,000 training and the first 1,000 test images, which ship with ruis.
        "keras.datasets" (or "keras"), "keras.datasets.fashion_mnist": all 60,000 + 10,000, from
        Keras' cache or download. Otherwise an NPZ file with the arrays `x_train`, `y_train`,
        `x_test` and `y_test`, or a folder with the four IDX files, gzipped or not.

    Returns
    -------
    Digits
        Images (N, 28, 28) and labels (N,), all uint8.

    Raises
    ------
    UnknownNameError
        If the source is neither a known name nor looks like a path.
    EmptyDatasetError
        If nothing is there: no such file, an IDX file missing, no download possible.
    CorruptImageError
        If a file is damaged, or holds other names, shapes or dtypes than MNIST.
    ImageTooLargeError
        If a header announces more than a million images; nothing was decoded.
    EngineUnavailableError
        If Keras is asked for and not installed.

    Examples
    --------
    >>> digits = load()
    >>> digits.x_train.shape, digits.x_test.shape, digits.y_train[:10].tolist()
    ((5000, 28, 28), (1000, 28, 28), [5, 0, 4, 1, 9, 2, 1, 3, 1, 4])
    """
    if source == PACKAGE:
        return Digits(*read_npz(SUBSET), PACKAGE)
    if isinstance(source, str) and source in KERAS:
        return _keras(KERAS[source])
    path = Path(source)
    try:
        if path.is_dir():
            return Digits(*read_idx(path), str(path))
        if path.is_file():
            return Digits(*read_npz(path), str(path))
    except OSError as error:
        raise EmptyDatasetError(
            f"{error.filename or path} cannot be read: {error.strerror or error}."
        ) from error
    if isinstance(source, str) and path.name == source and path.suffix != ".npz":
        raise UnknownNameError("source of digits", source, [PACKAGE, *KERAS])
    raise EmptyDatasetError(
        f"{path} is neither an NPZ file nor a folder of IDX files; "
        f"{PACKAGE!r} names the digits that are always here."
    )


def _keras(name: str) -> Digits:
    """Load a data set of Keras from its cache, or let Keras download it."""
    what = f"keras.datasets.{name}"
    keras = load_keras(what)
    try:
        with patience(PATIENCE), _no_empty_folders(name), redirect_stdout(sys.stderr):
            (x_train, y_train), (x_test, y_test) = getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises bare exceptions, and what its files make NumPy raise
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise EmptyDatasetError(
            f"{what} cannot be had: {reason}. Without a network use the digits in the package "
            f"({PACKAGE!r}), an NPZ file, or a folder of IDX files."
        ) from error
    return Digits(*checked([x_train, y_train, x_test, y_test], what), what)


@contextmanager
def _no_empty_folders(name: str) -> Iterator[None]:
    """Take away the folders that Keras makes before a download, if nothing came to be in them."""
    cache = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "datasets"
    made = [folder for folder in (cache / name.replace("_", "-"), cache) if not folder.exists()]
    try:
        yield
    finally:
        for folder in made:
            with suppress(OSError):  # not made, or not empty
                folder.rmdir()


def unit(x: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Turn stored images into what a network takes: a channel axis, and values from 0 to 1.

    Parameters
    ----------
    x : numpy.ndarray
        Shape (N, rows, columns), uint8.

    Returns
    -------
    numpy.ndarray
        Shape (N, rows, columns, 1), float32: the value divided by 255.

    Raises
    ------
    ConfigError
        If the images have another dtype (then they were divided already) or shape.

    Examples
    --------
    >>> batch = unit(load().x_test)
    >>> batch.shape, batch.dtype.name, float(batch.min()), float(batch.max())
    ((1000, 28, 28, 1), 'float32', 0.0, 1.0)
    """
    if x.dtype != np.uint8 or x.ndim != 3:
        raise ConfigError(
            f"expected uint8 images (N, rows, columns), not {x.dtype} of the shape {x.shape}."
        )
    return x[..., None].astype(np.float32) / np.float32(255)


def hold_out(digits: Digits, count: int = 5000) -> tuple[Part, Part]:
    """Hold the last training images out, so that choices never touch the test set.

    Parameters
    ----------
    digits : Digits
        The images; only the training set is looked at.
    count : int, default 5000
        How many to hold out; never more than a fifth of the training set.

    Returns
    -------
    tuple of Part
        (for training, for validation), each (x, y) as stored.

    Raises
    ------
    ConfigError
        If the count is below 1.
    EmptyDatasetError
        If there are fewer than five training images.

    Examples
    --------
    >>> (x, y), validation = hold_out(load())
    >>> len(x), len(validation.x)
    (4000, 1000)
    """
    if count < 1:
        raise ConfigError(f"cannot hold {count} images out: ask for at least 1.")
    available = len(digits.x_train)
    if available < 5:
        raise EmptyDatasetError(
            f"{digits.source} has {available} training images: at least 5 are needed to hold "
            "one out."
        )
    kept = available - min(count, available // 5)
    x, y = digits.x_train, digits.y_train
    return Part(x[:kept], y[:kept]), Part(x[kept:], y[kept:])


def shuffled(x: NDArray[Any], seed: int) -> NDArray[Any]:
    """Move every pixel to another place, by one permutation that is the same for all images.

    No value is lost, only the neighbourhoods: what a network makes of its result tells how much
    that network relies on them.

    Parameters
    ----------
    x : numpy.ndarray
        Shape (N, rows, columns) or (N, rows, columns, channels), any dtype; not changed.
    seed : int
        Which permutation.

    Returns
    -------
    numpy.ndarray
        The same shape and dtype; :func:`unshuffled` undoes it.

    Raises
    ------
    ConfigError
        If the shape is another one, or the seed is negative.

    Examples
    --------
    >>> x = load().x_test
    >>> bool((unshuffled(shuffled(x, seed=1), seed=1) == x).all())
    True
    """
    return _reordered(x, _permutation(x, seed))


def unshuffled(x: NDArray[Any], seed: int) -> NDArray[Any]:
    """Move the pixels back to where they were before :func:`shuffled`.

    Parameters
    ----------
    x : numpy.ndarray
        What `shuffled` returned, or what a network made of it.
    seed : int
        The same seed.

    Returns
    -------
    numpy.ndarray
        The same shape and dtype.

    Raises
    ------
    ConfigError
        As for `shuffled`.

    Examples
    --------
    >>> x = np.arange(12).reshape(1, 3, 4)
    >>> shuffled(x, seed=0)[0].tolist() != x[0].tolist()
    True
    >>> unshuffled(shuffled(x, seed=0), seed=0)[0].tolist()
    [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    """
    return _reordered(x, np.argsort(_permutation(x, seed)))


def _permutation(x: NDArray[Any], seed: int) -> NDArray[np.intp]:
    if x.ndim not in {3, 4}:
        raise ConfigError(f"expected images (N, rows, columns[, channels]), not {x.shape}.")
    if seed < 0:
        raise ConfigError(f"a seed is 0 or more, not {seed}.")
    return np.random.default_rng(seed).permutation(x.shape[1] * x.shape[2])


def _reordered(x: NDArray[Any], order: NDArray[np.intp]) -> NDArray[Any]:
    pixels = x.reshape(len(x), x.shape[1] * x.shape[2], *x.shape[3:])
    return pixels[:, order].reshape(x.shape)
