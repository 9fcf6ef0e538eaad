"""The IDX format, written: reading it is the product's, writing it only the tests'."""

from __future__ import annotations

import gzip

import numpy as np
import pytest


def idx_bytes(array):
    """Return the content of an IDX file of unsigned bytes."""
    magic = bytes((0, 0, 8, array.ndim))
    return magic + np.array(array.shape, ">u4").tobytes() + array.astype(np.uint8).tobytes()


def some_arrays(train=6, test=4):
    rng = np.random.default_rng(0)
    return {
        "train-images": rng.integers(0, 256, (train, 28, 28), np.uint8),
        "train-labels": np.arange(train, dtype=np.uint8),
        "t10k-images": rng.integers(0, 256, (test, 28, 28), np.uint8),
        "t10k-labels": np.arange(test, dtype=np.uint8),
    }


@pytest.fixture(scope="session")
def idx_folder():
    """Make a folder with the four files, and return their arrays in the order of MNIST's names."""

    def make(folder, *, mark="-", packed=False):
        folder.mkdir(exist_ok=True)
        content = some_arrays()
        for start, array in content.items():
            data = idx_bytes(array)
            name = f"{start}{mark}idx{array.ndim}-ubyte" + (".gz" if packed else "")
            (folder / name).write_bytes(gzip.compress(data) if packed else data)
        return list(content.values())

    return make


@pytest.fixture(scope="session")
def to_idx():
    """Return the function that turns an array into the bytes of an IDX file."""
    return idx_bytes
