from __future__ import annotations

import numpy as np
import pytest

from ruis.engines.openvino import OpenVINOEngine
from ruis.errors import ParityError
from ruis.export import TOLERANCE, export
from ruis.export.onnx import ONNX

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
    assert 0 <= export(model, "onnx", path).difference <= TOLERANCE
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
    done = export(small_model(**parameters), "onnx", tmp_path / "a.onnx")
    assert done.difference < 1e-4
    (noisy,) = session(tmp_path / "a.onnx").get_inputs()
    assert noisy.name == "noisy"
    fixed = parameters.get("size", ("rows", "columns"))
    assert noisy.shape == ["batch", *fixed, 1]


def test_the_file_says_how_to_use_it(model, tmp_path):
    export(model, "onnx", tmp_path / "a.onnx")
    loaded = onnx.load(tmp_path / "a.onnx")
    onnx.checker.check_model(loaded, full_check=True)
    properties = {one.key: one.value for one in loaded.metadata_props}
    assert properties["name"] == "small"
    assert properties["multiple"] == "4"
    assert properties["receptive_field"] == str(model.architecture.geometry.receptive_field)
    assert "sigma" in properties["input"]


def test_a_difference_that_is_no_number_is_not_kept_either(model, tmp_path, monkeypatch):
    honest = ONNX.run
    monkeypatch.setattr(ONNX, "run", lambda *given: honest(*given) * np.float32("nan"))
    with pytest.raises(ParityError):
        export(model, "onnx", tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def test_openvino_keeps_what_the_model_says_of_itself(model, tmp_path):
    export(model, "openvino", tmp_path / "a.xml")
    text = (tmp_path / "a.xml").read_text()
    assert "weights_sha256" in text
    assert 'names="noisy"' in text
