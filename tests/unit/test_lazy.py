"""Arrays that are not in memory: Dask arrays, memory maps, and whatever turns into an array."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import ruis
from ruis.denoiser import Denoiser
from ruis.errors import AxesError, ConfigError, ImageError
from ruis.lazy import _joined

CHUNKS = {
    "one": (-1, -1),
    "uneven": ((100, 300, 30, 70), (200, 13, 100)),
    "smaller than the halo": (20, 33),
}


@pytest.fixture
def dask_array():
    return pytest.importorskip("dask.array", reason="lazy arrays need the dask extra")


@pytest.fixture
def exact(small_model):
    return Denoiser(small_model(), precision="f32")


def noise(*shape, dtype="float32"):
    noisy = np.random.default_rng(1).normal(0.5, 0.1, shape).clip(0, 1)
    if np.dtype(dtype).kind == "f":
        return noisy.astype(dtype)
    return np.rint(noisy * np.iinfo(dtype).max).astype(dtype)


@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS)
def test_a_dask_array_gives_what_memory_gives(dask_array, exact, chunks):
    noisy = noise(500, 313)
    found = exact.denoise(dask_array.from_array(noisy, chunks))
    assert (found.shape, found.dtype) == (noisy.shape, noisy.dtype)
    assert isinstance(found._meta, np.ndarray)
    assert np.abs(found.compute() - exact.denoise(noisy)).max() < 1e-5


@pytest.mark.parametrize("axis", [0, 1, 2, -3])
def test_a_dask_array_with_channels(dask_array, exact, axis):
    noisy = np.moveaxis(noise(200, 150, 5, dtype="uint16"), 2, axis)
    lazy = dask_array.from_array(noisy, chunks=(64, 2, 90))
    found = exact.denoise(lazy, channel_axis=axis).compute()
    expected = exact.denoise(noisy, channel_axis=axis)
    assert found.dtype == np.uint16
    assert np.abs(found.astype(int) - expected.astype(int)).max() <= 1


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_colours_stay_together_and_alpha_stays_as_it_is(dask_array, small_model, channels):
    model = small_model(channels=3 if channels > 2 else 1)
    denoiser = Denoiser(model, precision="f32")
    noisy = noise(150, 170, channels, dtype="uint8")
    found = denoiser.denoise(dask_array.from_array(noisy, chunks=(80, 64, 1))).compute()
    expected = denoiser.denoise(noisy)
    assert np.abs(found.astype(int) - expected.astype(int)).max() <= 1
    assert not np.array_equal(found[..., 0], noisy[..., 0])
    if channels % 2 == 0:
        assert np.array_equal(found[..., -1], noisy[..., -1])


def test_nothing_is_computed_before_it_is_asked_for(dask_array, small_model):
    seen = []

    def block(block_info=None):
        seen.append(block_info)
        return np.zeros((100, 100), np.float32)

    chunks, meta = ((100,) * 4, (100,) * 3), np.empty((0, 0), np.float32)
    lazy = dask_array.map_blocks(block, chunks=chunks, dtype=np.float32, meta=meta)
    found = Denoiser(small_model()).denoise(lazy, sigma=0.1)
    automatic = ruis.denoise(lazy)
    assert not seen
    found[:50, :50].compute()
    assert 0 < len(seen) < 12, "of a corner, not the whole array is computed"
    assert automatic.shape == found.shape


def test_a_lazy_result_goes_to_another_process(dask_array, exact):
    noisy = noise(130, 140)
    exact.denoise(noisy)  # a network that is prepared cannot go
    found = exact.denoise(dask_array.from_array(noisy, chunks=70))
    again = pickle.loads(pickle.dumps(found))
    assert np.abs(again.compute() - exact.denoise(noisy)).max() < 1e-5
    copy = pickle.loads(pickle.dumps(exact))
    assert np.array_equal(copy.denoise(noisy), exact.denoise(noisy))


def test_what_is_wrong_with_a_dask_array_is_said_at_once(dask_array, exact):
    with pytest.raises(AxesError, match="channel_axis"):
        exact.denoise(dask_array.zeros((3, 4, 5, 6)))
    with pytest.raises(ImageError, match="whole range"):
        exact.denoise(dask_array.zeros((5, 6), dtype="int64"))
    with pytest.raises(ConfigError, match="in memory"):
        exact.denoise(dask_array.zeros((5, 6)), out=np.zeros((5, 6)))


def test_a_dask_array_with_a_hole_is_refused_when_it_is_computed(dask_array, exact):
    noisy = noise(100, 100)
    noisy[70, 80] = np.nan
    with pytest.raises(ImageError, match="not numbers"):
        exact.denoise(dask_array.from_array(noisy, chunks=50)).compute()


def test_without_noise_a_dask_array_stays_as_it_is(dask_array, exact):
    noisy = noise(90, 80)
    found = exact.denoise(dask_array.from_array(noisy, chunks=30), strength=0).compute()
    assert np.array_equal(found, noisy)


def test_chunks_are_joined_at_multiples_and_cover_everything():
    rng = np.random.default_rng(0)
    for _ in range(200):
        chunks = tuple(int(n) for n in rng.integers(1, 200, rng.integers(1, 9)))
        joined = _joined(chunks, 64, 96)
        assert sum(joined) == sum(chunks)
        assert len(joined) == 1 or min(joined) >= 96
        assert not any(edge % 64 for edge in np.cumsum(joined)[:-1])


# -- memory maps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_memory_map_into_another(exact, tmp_path, dtype):
    noisy = np.memmap(tmp_path / "noisy", dtype, "w+", shape=(210, 190))
    noisy[:] = noise(210, 190, dtype=dtype)
    clean = np.memmap(tmp_path / "clean", dtype, "w+", shape=noisy.shape)
    assert exact.denoise(noisy, out=clean) is clean
    expected = exact.denoise(np.array(noisy))
    clean.flush()
    again = np.fromfile(tmp_path / "clean", dtype).reshape(noisy.shape)
    assert np.array_equal(again, expected)


def test_out_with_channels_first(exact):
    noisy, out = noise(4, 60, 70), np.zeros((4, 60, 70), np.float32)
    assert np.array_equal(
        exact.denoise(noisy, channel_axis=0, out=out), exact.denoise(noisy, channel_axis=0)
    )
    assert np.array_equal(out, exact.denoise(noisy, channel_axis=0))


def test_out_that_does_not_fit_is_refused(exact):
    noisy = noise(50, 60)
    fixed = np.zeros_like(noisy)
    fixed.flags.writeable = False
    for out in (noisy[::-1], np.zeros((60, 50), np.float32), np.zeros((50, 60)), fixed, [1]):
        with pytest.raises(ConfigError, match="out="):
            exact.denoise(noisy, out=out)
    image = ruis.Image(noisy[..., None], ruis.ImageInfo(noisy.dtype, (0, 1)))
    with pytest.raises(ConfigError, match="out="):
        exact.denoise(image, out=np.zeros_like(noisy))


def test_not_all_of_a_large_float_memory_map_is_in_memory_to_be_checked(exact, tmp_path):
    """Zeros in a sparse file, of which one value is not a number."""
    import tracemalloc

    noisy = np.memmap(tmp_path / "noisy", "float32", "w+", shape=(32768, 32768))
    noisy[100, 5] = np.inf
    tracemalloc.start()
    with pytest.raises(ImageError, match="1 values"):
        exact.denoise(noisy[:3000])
    assert tracemalloc.get_traced_memory()[1] < 60e6
    tracemalloc.stop()


class Holder:
    """Holds an array, as tensors of other libraries do."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array if dtype is None else self.array.astype(dtype)


def test_whatever_turns_into_an_array(exact):
    noisy = noise(60, 50, dtype="uint16")
    found = exact.denoise(Holder(noisy))
    assert np.array_equal(found, exact.denoise(noisy))
    assert np.array_equal(ruis.denoise(Holder(noisy)), ruis.denoise(noisy))


@pytest.mark.parametrize("shape", [(5, 70), (70, 5), (9, 9), (100, 300)])
def test_a_dask_array_smaller_than_a_halo(dask_array, exact, shape):
    noisy = noise(*shape)
    for chunks in (-1, 4):
        found = exact.denoise(dask_array.from_array(noisy, chunks)).compute()
        assert np.abs(found - exact.denoise(noisy)).max() < 1e-5


def test_what_lies_under_a_mask_reaches_no_network(exact):
    masked = np.ma.masked_greater(noise(20, 30), 0.7)
    with pytest.raises(ImageError, match="masked"):
        exact.denoise(masked)
    nothing = np.ma.masked_greater(noise(20, 30), 2)
    assert np.array_equal(exact.denoise(nothing), exact.denoise(noise(20, 30)))


def test_what_lies_under_a_mask_of_a_block_reaches_no_network(dask_array, exact):
    masked = np.ma.masked_greater(noise(20, 30), 0.7)
    lazy = exact.denoise(dask_array.from_array(masked, chunks=(10, 30)))
    with pytest.raises(ImageError, match="masked"):
        lazy.compute()


def test_a_dask_array_whose_shape_is_unknown_or_empty_is_refused_in_words(dask_array, exact):
    noisy = dask_array.from_array(noise(20, 30), chunks=(10, 30))
    with pytest.raises(AxesError, match="compute_chunk_sizes"):
        exact.denoise(noisy[noisy[:, 0] > 0.5])
    with pytest.raises(ImageError, match="empty"):
        exact.denoise(noisy[:0])


@pytest.mark.parametrize(
    ("array", "settings", "error", "said"),
    [
        ([[1, 2], [3]], {}, AxesError, "no array"),
        (noise(9, 9), {"data_range": "much"}, ConfigError, "data_range is what is white"),
        (noise(9, 9), {"data_range": (0, 1, 2)}, ConfigError, "data_range is what is white"),
        (noise(9, 9), {"sigma": "auto"}, ConfigError, "sigma is a number"),
        (noise(9, 9), {"strength": "half"}, ConfigError, "strength is a number"),
        (noise(9, 9), {"strength": None}, ConfigError, "strength is a number"),
        (noise(9, 9, 3), {"channel_axis": 1.0}, AxesError, "channel_axis=1.0"),
    ],
)
def test_what_is_no_number_is_refused_in_words(exact, array, settings, error, said):
    with pytest.raises(error, match=said):
        exact.denoise(array, **settings)


def test_a_range_in_an_array_is_one(exact):
    noisy = noise(20, 30, dtype="uint8")
    assert np.array_equal(exact.denoise(noisy, data_range=np.array([0, 255])), exact.denoise(noisy))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_integers_of_32_and_64_bits_are_denoised_as_those_of_16(exact, dtype):
    noisy = noise(60, 70, dtype="uint8")
    wide = exact.denoise(noisy.astype(dtype), data_range=None if dtype == "int32" else 2.0**63)
    narrow = exact.denoise(noisy.astype("uint16"))  # which cannot go below zero
    assert np.abs(np.maximum(wide, 0) - narrow.astype(dtype)).max() <= 1
