from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ruis import export
from ruis.engines.openvino import OpenVINOEngine
from ruis.errors import ImageWriteError, ParityError

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def session(path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.fixture
def model(small_model):
    return small_model()


@pytest.mark.parametrize("size", [(1, 4, 8), (2, 60, 44), (3, 128, 4)], ids=str)
def test_other_runtimes_run_it_at_any_size(model, tmp_path, size):
    path = tmp_path / "small.onnx"
    difference = export.onnx(model, path)
    assert 0 <= difference <= export.TOLERANCE
    batch = np.random.default_rng(0).random((*size, 2), dtype=np.float32)
    (result,) = session(path).run(None, {"noisy": batch})
    expected = OpenVINOEngine(model.architecture, model.weights).run(batch)
    assert result.shape == (*size, 1)
    assert np.abs(result - expected).max() < 1e-4


@pytest.mark.parametrize(
    "parameters",
    [
        {"name": "convolutional-autoencoder", "filters": (4, 3), "padding": "valid"},
        {"name": "convolutional-autoencoder", "filters": (4,), "bottleneck": 3, "size": (8, 6)},
    ],
    ids=["valid", "dense"],
)
def test_every_kind_of_network_is_written(small_model, tmp_path, parameters):
    assert export.onnx(small_model(**parameters), tmp_path / "a.onnx") < 1e-4
    (noisy,) = session(tmp_path / "a.onnx").get_inputs()
    assert noisy.name == "noisy"
    fixed = parameters.get("size", ("rows", "columns"))
    assert noisy.shape == ["batch", *fixed, 1]


def test_the_file_says_how_to_use_it(model, tmp_path):
    export.onnx(model, tmp_path / "a.onnx")
    loaded = onnx.load(tmp_path / "a.onnx")
    onnx.checker.check_model(loaded, full_check=True)
    properties = {one.key: one.value for one in loaded.metadata_props}
    assert properties["name"] == "small"
    assert properties["multiple"] == "4"
    assert properties["receptive_field"] == str(model.architecture.geometry.receptive_field)
    assert "sigma" in properties["input"]


def test_a_model_that_computes_something_else_is_not_kept(model, tmp_path, monkeypatch):
    weights = {name: tensor * np.float32(1.01) for name, tensor in model.weights.items()}
    tampered = dataclasses.replace(model, weights=weights)
    right = export.to_onnx
    monkeypatch.setattr(
        export,
        "to_onnx",
        lambda network, _, **settings: right(network, tampered.weights, **settings),
    )
    with pytest.raises(ParityError) as caught:
        export.onnx(model, tmp_path / "a.onnx")
    assert caught.value.difference > caught.value.tolerance == export.TOLERANCE
    assert list(tmp_path.iterdir()) == []


def test_a_difference_that_is_no_number_is_not_kept_either(model, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "_difference", lambda *_: float("nan"))
    with pytest.raises(ParityError):
        export.onnx(model, tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_only_if_asked(model, tmp_path):
    path = tmp_path / "a.onnx"
    path.write_bytes(b"mine")
    with pytest.raises(ImageWriteError):
        export.onnx(model, path)
    assert path.read_bytes() == b"mine"
    export.onnx(model, path, overwrite=True)
    assert len(path.read_bytes()) > 1000
