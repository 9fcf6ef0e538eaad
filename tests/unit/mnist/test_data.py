import hashlib
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ruis.errors import ConfigError, EmptyDatasetError, RuisError, UnknownNameError
from ruis.mnist.data import SUBSET, Digits, hold_out, load, shuffled, unit, unshuffled


@pytest.fixture(scope="module")
def digits():
    return load()


def of(train, test=1):
    x = np.arange(train, dtype=np.uint8)[:, None, None] * np.ones((1, 28, 28), np.uint8)
    return Digits(x, np.arange(train, dtype=np.uint8), x[:test], np.zeros(test, np.uint8), "here")


def test_the_package_has_digits_that_need_no_network(digits):
    assert digits.source == "package"
    assert digits.x_train.shape == (5000, 28, 28)
    assert digits.x_test.shape == (1000, 28, 28)
    assert {a.dtype for a in (digits.x_train, digits.y_train, digits.x_test, digits.y_test)} == {
        np.dtype(np.uint8)
    }
    assert digits.y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert digits.y_test[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(digits.y_train).min() > 400
    assert np.bincount(digits.y_test).min() > 80


def test_the_packages_file_is_small_and_the_one_that_its_card_describes():
    assert SUBSET.stat().st_size < 1_000_000
    card = SUBSET.with_name("DIGITS.md").read_text("utf-8")
    assert hashlib.sha256(SUBSET.read_bytes()).hexdigest() in card
    assert "Attribution-ShareAlike 3.0" in card


def test_the_package_has_the_first_digits_of_the_whole_set(digits, shared_data):
    whole = load(shared_data / "mnist" / "mnist.npz")
    assert whole.source.endswith("mnist.npz")
    assert (len(whole.x_train), len(whole.x_test)) == (60_000, 10_000)
    for name in ("x_train", "y_train", "x_test", "y_test"):
        ours = getattr(digits, name)
        np.testing.assert_array_equal(ours, getattr(whole, name)[: len(ours)])


def test_the_command_in_the_card_makes_the_file(shared_data, tmp_path):
    card = SUBSET.with_name("DIGITS.md").read_text("utf-8")
    code = re.search(r"```python\n(.*?)```", card, re.DOTALL)[1]
    (tmp_path / "mnist.npz").symlink_to(shared_data / "mnist" / "mnist.npz")
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, check=True)
    made, ours = load(tmp_path / "digits.npz"), load()
    np.testing.assert_array_equal(made.x_train, ours.x_train)
    np.testing.assert_array_equal(made.y_test, ours.y_test)


@pytest.mark.parametrize(("name", "near"), [("pakage", "package"), ("keras.dataset", "keras")])
def test_a_misspelt_source_is_told_the_near_one(name, near):
    with pytest.raises(UnknownNameError, match=f"Did you mean '{near}"):
        load(name)


@pytest.mark.parametrize(
    "source", ["nowhere/mnist.npz", "mnist.npz", "n" * 5000 + ".npz", "a\0.npz"]
)
def test_a_source_that_is_not_there_is_named(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EmptyDatasetError, match=re.escape(source[:20])):
        load(source)


def test_the_unit_has_a_channel_and_goes_from_0_to_1(digits):
    batch = unit(digits.x_test)
    assert batch.shape == (1000, 28, 28, 1)
    assert batch.dtype == np.float32
    assert (batch.min(), batch.max()) == (0.0, 1.0)
    np.testing.assert_array_equal(np.rint(batch[..., 0] * 255), digits.x_test)


@pytest.mark.parametrize("x", [np.zeros((2, 28, 28), np.float32), np.zeros((2, 28, 28, 1), "u1")])
def test_what_is_a_unit_already_is_refused(x):
    with pytest.raises(ConfigError, match=f"{x.dtype}.*{re.escape(str(x.shape))}"):
        unit(x)


@given(train=st.integers(5, 40), count=st.integers(1, 60))
def test_the_last_images_are_held_out_and_no_image_is_lost(train, count):
    digits = of(train)
    (x, y), (x_held, y_held) = hold_out(digits, count)
    assert len(x_held) == min(count, train // 5)
    np.testing.assert_array_equal(np.concatenate([x, x_held]), digits.x_train)
    np.testing.assert_array_equal(np.concatenate([y, y_held]), digits.y_train)


def test_too_little_to_hold_out_is_said():
    with pytest.raises(EmptyDatasetError, match="here has 4 training images"):
        hold_out(of(4))
    with pytest.raises(ConfigError, match="cannot hold 0 images out"):
        hold_out(of(10), 0)


def test_the_first_of_both_sets(digits):
    few = digits.first(7)
    assert (len(few.x_train), len(few.y_train), len(few.x_test), len(few.y_test)) == (7, 7, 7, 7)
    np.testing.assert_array_equal(few.x_test, digits.x_test[:7])
    more = digits.first(12, 3)
    assert (len(more.x_train), len(more.x_test), more.source) == (12, 3, "package")
    assert len(digits.first(10**9).x_train) == 5000
    with pytest.raises(ConfigError, match="cannot keep 0 images"):
        digits.first(5, 0)


@given(
    x=st.integers(1, 7).flatmap(
        lambda side: st.sampled_from([(3, side, 5), (2, side, 4, 2)]).flatmap(
            lambda shape: arrays(np.uint8, shape)
        )
    ),
    seed=st.integers(0, 2**64),
)
def test_shuffling_keeps_every_value_and_can_be_undone(x, seed):
    moved = shuffled(x, seed)
    assert (moved.shape, moved.dtype) == (x.shape, x.dtype)
    np.testing.assert_array_equal(unshuffled(moved, seed), x)
    pixels = x.reshape(len(x), -1, *x.shape[3:])
    np.testing.assert_array_equal(np.sort(moved.reshape(pixels.shape), 1), np.sort(pixels, 1))


def test_shuffling_moves_every_image_alike_and_depends_on_the_seed():
    position = np.broadcast_to(np.arange(784).reshape(28, 28), (5, 28, 28))
    moved = shuffled(position, 1)
    assert (moved == moved[0]).all()
    assert (moved[0] == position[0]).mean() < 0.05
    assert (moved != shuffled(position, 2)).mean() > 0.9
    np.testing.assert_array_equal(moved, shuffled(position, 1))


def test_shuffling_refuses_what_is_no_batch():
    with pytest.raises(ConfigError, match=r"\(28, 28\)"):
        shuffled(np.zeros((28, 28)), 0)
    with pytest.raises(ConfigError, match="not -1"):
        shuffled(np.zeros((1, 28, 28)), -1)


THROUGH_KERAS = """
import json, os, shutil, socket, sys
from pathlib import Path
from ruis.errors import RuisError
from ruis.mnist.data import load

home, files = Path(os.environ["KERAS_HOME"]), Path(sys.argv[1])
cache = home / "datasets" / "fashion-mnist"

def attempt(source):
    try:
        digits = load(source)
        result = [digits.source, digits.x_train.shape, digits.y_test.tolist()]
    except RuisError as error:
        result = [type(error).__name__, str(error)]
    print(json.dumps([*result, sorted(path.name for path in home.rglob("*"))]))

attempt("keras.datasets")
attempt("keras.datasets.fashion_mnist")
shutil.copytree(files, cache)
attempt("keras.datasets.fashion_mnist")
damaged = cache / "t10k-images-idx3-ubyte.gz"
damaged.write_bytes(damaged.read_bytes()[:-12])
attempt("keras.datasets.fashion_mnist")
assert socket.getdefaulttimeout() is None
"""


@pytest.mark.slow
def test_keras_gives_what_it_has_and_fails_clearly_without_a_network(tmp_path, idx_folder):
    idx_folder(tmp_path / "files", packed=True)
    (tmp_path / "home").mkdir()
    refused = dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY"), "http://127.0.0.1:9")
    env = {**os.environ, **refused, "no_proxy": "", "KERAS_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", THROUGH_KERAS, str(tmp_path / "files")],
        env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    mnist, fashion, cached, damaged = (json.loads(line) for line in done.stdout.splitlines())
    for error, message, left in (mnist, fashion):
        assert error == "EmptyDatasetError"
        assert "cannot be had: URL fetch failure" in message
        assert "'package'" in message
        assert left == ["keras.json"]  # Keras' own settings
    assert cached[:3] == ["keras.datasets.fashion_mnist", [6, 28, 28], [0, 1, 2, 3]]
    assert damaged[0] == "EmptyDatasetError"
    assert "keras.datasets.fashion_mnist cannot be had" in damaged[1]
    assert "Downloading" in done.stderr


def test_every_failure_is_one_of_ours(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.npz").write_text("no zip")
    (tmp_path / "text").write_text("no zip")
    for name in ("empty", "text.npz", "text", "gone", "gone.npz", "\0"):
        with pytest.raises(RuisError, match=re.escape(name)):
            load(tmp_path / name)
