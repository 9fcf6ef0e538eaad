import gzip
import io
import pickle
import re
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ruis.errors import CorruptImageError, EmptyDatasetError, ImageTooLargeError, RuisError
from ruis.mnist.stored import read_idx, read_npz

REUSED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
GOOD = {
    "x_train": np.arange(3 * 784, dtype=np.uint8).reshape(3, 28, 28),
    "y_train": np.array([7, 0, 255]),
    "x_test": np.zeros((2, 28, 28), np.uint8),
    "y_test": np.array([1, 9], np.uint8),
}


def same(read, expected):
    for ours, theirs in zip(read, expected, strict=True):
        assert ours.dtype == np.uint8
        np.testing.assert_array_equal(ours, theirs)


def npy_header(shape, dtype="|u1"):
    """The start of an NPY file that announces more than it holds."""
    file = io.BytesIO()
    header = {"shape": shape, "fortran_order": False, "descr": dtype}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()


def npz(path, *, packing=zipfile.ZIP_DEFLATED, **members):
    """Write GOOD with some members replaced: by an array, by bytes, or (None) by nothing."""
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, value in {**GOOD, **members}.items():
            if value is None:
                continue
            if not isinstance(value, bytes):
                file = io.BytesIO()
                np.save(file, value)
                value = file.getvalue()
            archive.writestr(f"{name}.npy", value)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_as_numpy_writes_it(save, tmp_path):
    save(tmp_path / "a.npz", **GOOD, more=np.zeros(3))
    same(read_npz(tmp_path / "a.npz"), GOOD.values())


def test_any_order_and_any_integers_for_labels(tmp_path):
    x = np.asfortranarray(GOOD["x_train"])
    path = npz(tmp_path / "a.npz", x_train=x, y_test=np.array([1, 9], ">i8"))
    same(read_npz(path), GOOD.values())


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"y_test": None}, "no array 'y_test', only x_test, x_train, y_train"),
        ({"x_train": np.zeros((3, 28, 28), "f4")}, "'x_train' holds float32; expected uint8"),
        ({"x_train": np.zeros((3, 28, 28), "u2")}, "'x_train' holds uint16; expected uint8"),
        ({"y_train": np.zeros(3)}, "'y_train' holds float64; expected integers"),
        ({"y_train": np.zeros(3, bool)}, "'y_train' holds bool"),
        ({"x_train": np.zeros((3, 784), "u1")}, r"'x_train' has the shape \(3, 784\); expected"),
        ({"x_test": np.zeros((2, 32, 32), "u1")}, r"shape \(2, 32, 32\); expected \(N, 28, 28\)"),
        ({"x_test": np.zeros((2, 28, 28, 1), "u1")}, "'x_test' has the shape"),
        ({"y_train": np.zeros((3, 10), int)}, r"'y_train' has the shape \(3, 10\); expected \(N,"),
        ({"y_train": np.zeros((), int)}, "'y_train' has the shape"),
        ({"x_test": np.zeros((0, 28, 28), "u1")}, "'x_test' is empty"),
        ({"y_train": np.zeros(4, int)}, "3 images have 4 labels in 'y_train'"),
        ({"y_test": np.array([-1, 3])}, "labels in 'y_test' run from -1 to 3"),
        ({"y_test": np.array([0, 256])}, "labels in 'y_test' run from 0 to 256"),
        ({"x_test": np.array([{}, None])}, "'x_test' holds object; expected uint8"),
        ({"x_test": npy_header((2, 28, 28)) + bytes(1567)}, "1568 bytes, and is truncated: 1567"),
        ({"x_test": npy_header((2, 28, 28)) + bytes(1569)}, "1568 bytes, and is too long"),
        ({"x_test": b""}, "broken NPZ file"),
        ({"x_test": b"\x93NUMPY\x02\x00" + bytes(8)}, "version .2, 0. of NPY"),
        ({"x_test": npy_header((-1, 28, 28))}, "'x_test' is empty"),
    ],
)
def test_what_is_wrong_with_an_npz_is_said_with_its_name(members, says, tmp_path):
    path = npz(tmp_path / "digits.npz", **members)
    with pytest.raises(CorruptImageError, match=f"^{re.escape(str(path))}: .*{says}"):
        read_npz(path)


def test_a_pickle_is_not_even_looked_at(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was read",))

    data = npy_header((2,), "|O") + pickle.dumps(Trap())
    with pytest.raises(CorruptImageError, match="object"):
        read_npz(npz(tmp_path / "a.npz", x_test=data))


def peak(function):
    """Return the most memory that Python held meanwhile, in bytes."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("count", [1_000_001, 2**40, 10**30])
def test_a_header_beyond_the_limit_is_refused_before_anything_is_read(count, tmp_path):
    data = npy_header((count, 28, 28)) + bytes(50 * 2**20)
    path = npz(tmp_path / "a.npz", x_train=data)
    assert path.stat().st_size < 2**18

    def attempt():
        with pytest.raises(ImageTooLargeError, match=str(count)):
            read_npz(path)

    assert peak(attempt) < 2 * 2**20


def test_memory_follows_what_is_there_and_not_what_is_announced(tmp_path, idx_folder, to_idx):
    path = npz(tmp_path / "a.npz", x_train=npy_header((1_000_000, 28, 28)) + bytes(100))

    def attempt():
        with pytest.raises(CorruptImageError, match="truncated: 100"):
            read_npz(path)

    assert peak(attempt) < 4 * 2**20
    idx_folder(tmp_path / "idx")
    bomb = to_idx(np.zeros((6, 28, 28))) + bytes(60 * 2**20)
    (tmp_path / "idx" / "train-images-idx3-ubyte").write_bytes(gzip.compress(bomb))

    def explode():
        with pytest.raises(CorruptImageError, match="4704 bytes, and is too long"):
            read_idx(tmp_path / "idx")

    assert peak(explode) < 4 * 2**20


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_flipped_bit_of_the_pixels_is_found(packing, tmp_path):
    path = npz(tmp_path / "a.npz", packing=packing)
    data = bytearray(path.read_bytes())
    data[700] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptImageError, match=re.escape(str(path))):
        read_npz(path)


def mutants(data):
    """Some bytes of a file changed, or its end missing, or something more at its end."""
    edits = st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=4)

    def changed(edits, end, more):
        mutant = bytearray(data)
        for position, value in edits:
            mutant[position] = value
        return bytes(mutant[:end]) + more

    return st.builds(changed, edits, st.integers(0, len(data)) | st.none(), st.binary(max_size=4))


def arrays_or_our_error(read, path):
    try:
        arrays = read(path)
    except RuisError as error:
        message = str(error)
        assert str(path) in message
    else:
        assert [array.dtype for array in arrays] == [np.uint8] * 4


@REUSED
@given(data=st.data(), packing=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
def test_a_damaged_npz_gives_arrays_or_an_error_of_ours(data, packing, tmp_path):
    path = npz(tmp_path / "a.npz", packing=packing)
    path.write_bytes(data.draw(mutants(path.read_bytes())))
    arrays_or_our_error(read_npz, path)


@pytest.mark.parametrize("mark", ["-", "."])
@pytest.mark.parametrize("packed", [False, True])
def test_an_idx_folder_in_every_spelling(mark, packed, tmp_path, idx_folder):
    expected = idx_folder(tmp_path / "idx", mark=mark, packed=packed)
    same(read_idx(tmp_path / "idx"), expected)


@REUSED
@given(
    train=st.integers(1, 9), test=st.integers(1, 9), seed=st.integers(0, 99), packed=st.booleans()
)
def test_what_is_written_as_idx_is_read_again(train, test, seed, packed, tmp_path, to_idx):
    rng = np.random.default_rng(seed)
    expected = []
    for start, count in (("train", train), ("t10k", test)):
        images = rng.integers(0, 256, (count, 28, 28), np.uint8)
        labels = rng.integers(0, 256, count, np.uint8)
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            data = to_idx(array)
            path = tmp_path / f"{start}-{name}-ubyte"
            path.write_bytes(gzip.compress(data, 1) if packed else data)  # its content decides
            expected.append(array)
    same(read_idx(tmp_path), expected)


def test_a_missing_idx_file_is_named(tmp_path, idx_folder):
    idx_folder(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(EmptyDatasetError, match=f"{re.escape(str(tmp_path))} has no t10k-labels-"):
        read_idx(tmp_path)


IMAGES = bytes.fromhex("00000803 00000006 0000001c 0000001c")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "starts with nothing"),
        (IMAGES[:3], "starts with 00 00 08; expected 00 00 08 03"),
        (IMAGES[:9], "header ends after 9 bytes"),
        (bytes.fromhex("00000801 00000006") + bytes(6), "starts with 00 00 08 01; expected"),
        (bytes.fromhex("00000d03") + IMAGES[4:] + bytes(6 * 784 * 4), "00 00 0d 03; expected"),
        (IMAGES + bytes(6 * 784 - 1), "4704 bytes, and is truncated: 4703"),
        (IMAGES + bytes(6 * 784 + 1), "4704 bytes, and is too long"),
        (IMAGES[:12] + b"\0\0\0\x1d" + bytes(6 * 28 * 29), r"shape \(6, 28, 29\)"),
        (IMAGES[:4] + bytes(4) + IMAGES[8:], "is empty"),
        (IMAGES[:7] + b"\x05" + IMAGES[8:] + bytes(5 * 784), "5 images have 6 labels"),
        (gzip.compress(IMAGES + bytes(6 * 784), mtime=0)[:-8], "broken IDX file"),
        (
            gzip.compress(IMAGES + bytes(6 * 784), mtime=0)[:-8] + bytes(8),
            "broken IDX file: CRC check",
        ),
    ],
)
def test_what_is_wrong_with_an_idx_file_is_said_with_its_name(data, says, tmp_path, idx_folder):
    idx_folder(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(data)
    with pytest.raises(CorruptImageError, match=f"^{re.escape(str(tmp_path))}.*{says}"):
        read_idx(tmp_path)


def test_an_idx_header_beyond_the_limit_is_refused(tmp_path, idx_folder):
    idx_folder(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(IMAGES[:4] + b"\xff" * 4 + IMAGES[8:])
    with pytest.raises(ImageTooLargeError, match="announces 4294967295 entries"):
        read_idx(tmp_path)


@REUSED
@given(data=st.data(), packed=st.booleans(), labels=st.booleans())
def test_a_damaged_idx_file_gives_arrays_or_an_error_of_ours(
    data, packed, labels, tmp_path, idx_folder
):
    idx_folder(tmp_path)
    path = tmp_path / ("t10k-labels-idx1-ubyte" if labels else "t10k-images-idx3-ubyte")
    content = path.read_bytes()
    path.write_bytes(data.draw(mutants(gzip.compress(content, mtime=0) if packed else content)))
    arrays_or_our_error(read_idx, tmp_path)
