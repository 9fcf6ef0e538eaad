"""The exam of every export format: loaded in its own runtime, it computes what ours computes."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest

from ruis import architectures, model_file
from ruis.engines.openvino import OpenVINOEngine
from ruis.errors import ConfigError, ImageWriteError, ParityError, UnknownNameError
from ruis.export import EXPORTERS, TOLERANCE, export
from ruis.manifest import Manifest

NEEDS = {
    "onnx": ("onnx", "onnxruntime"),
    "openvino": ("openvino",),
    "litert": ("keras", "tensorflow", "ai_edge_litert"),
    "keras": ("keras", "tensorflow"),
    "bioimageio": ("onnx", "onnxruntime", "bioimageio.spec"),
}
NAMES = sorted(EXPORTERS.own)
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",  # of TensorFlow and Keras among themselves
    "ignore::ResourceWarning",
    "ignore::UserWarning",
)


@pytest.fixture(params=NAMES)
def exporter(request):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for package in NEEDS[request.param]:
            pytest.importorskip(package, reason=f"{request.param} needs {package}")
    return EXPORTERS.load(request.param)()


@pytest.fixture(params=["onnx", "openvino"])
def quick(request):
    """An exporter of one file and one of two, that take no seconds: for what all have in common."""
    pytest.importorskip("onnxruntime", reason="onnx needs onnxruntime")
    return EXPORTERS.load(request.param)()


@pytest.fixture(scope="module")
def model(small_model):
    """With weights as a model file gives them: 16-bit floats that became 32-bit ones."""
    made = small_model(gain=0.3)
    weights = {name: one.astype("f2").astype("f4") for name, one in made.weights.items()}
    return dataclasses.replace(made, weights=weights, card="# small\n")


def test_it_computes_the_same_and_every_file_is_there(exporter, model, tmp_path):
    path = tmp_path / f"small{exporter.suffix}"
    done = export(model, exporter.name, path)
    assert 0 <= done.difference <= TOLERANCE
    assert done.files[0] == path
    assert sorted(tmp_path.iterdir()) == sorted(done.files)
    channels = 1 if exporter.blind else 2
    batch = np.random.default_rng(1).random((1, 40, 24, channels), dtype=np.float32)
    told = np.concatenate([batch, np.zeros_like(batch)], -1) if exporter.blind else batch
    expected = OpenVINOEngine(model.architecture, model.weights).run(told)
    assert np.abs(expected - told[..., :1]).max() > 0.01, "a network that does something"
    assert np.abs(exporter.run(path, batch) - expected).max() < TOLERANCE


def test_a_network_with_dense_layers_is_exported_too(quick, tmp_path):
    network = {"name": "dense-autoencoder", "size": (28, 28), "hidden": (8,)}
    shapes, rng = architectures.parse(network).tensors, np.random.default_rng(0)
    weights = {name: rng.normal(0, 0.1, shape).astype("f4") for name, shape in shapes.items()}
    model_file.save(tmp_path / "a.ruis", Manifest(name="a", architecture=network), weights)
    done = export(model_file.load(tmp_path / "a.ruis"), quick.name, tmp_path / f"b{quick.suffix}")
    assert 0 <= done.difference <= TOLERANCE


def test_half_weights_are_half_the_size_and_as_good(exporter, model, tmp_path):
    paths = [tmp_path / f"{name}{exporter.suffix}" for name in ("half", "whole")]
    if not exporter.halves:
        with pytest.raises(ConfigError, match="half"):
            export(model, exporter.name, paths[0], half=True)
        assert not paths[0].exists()
        return
    half, whole = (export(model, exporter.name, p, half=p is paths[0]) for p in paths)
    sizes = [
        sum(f.stat().st_size for f in one.files if f.suffix != ".xml") for one in (half, whole)
    ]
    weights = sum(one.size for one in model.weights.values())
    assert sizes[1] - sizes[0] > weights  # LiteRT leaves the smallest tensors alone
    assert half.difference <= TOLERANCE


def test_a_model_that_computes_something_else_is_not_kept(quick, model, tmp_path, monkeypatch):
    def run(self, path, batch):
        return type(self).honest(self, path, batch) + np.float32(0.001)

    cls = type(quick)
    monkeypatch.setattr(cls, "honest", cls.run, raising=False)
    monkeypatch.setattr(cls, "run", run)
    with pytest.raises(ParityError) as caught:
        export(model, quick.name, tmp_path / f"a{quick.suffix}")
    assert caught.value.difference == pytest.approx(0.001, rel=0.1)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_only_if_asked(quick, model, tmp_path):
    path = tmp_path / f"a{quick.suffix}"
    path.write_bytes(b"mine")
    with pytest.raises(ImageWriteError):
        export(model, quick.name, path)
    assert path.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [path], "and nothing that belongs to it is left behind"
    export(model, quick.name, path, overwrite=True)
    assert path.stat().st_size > 1000


def test_the_ending_must_be_right(quick, model, tmp_path):
    with pytest.raises(ConfigError, match=quick.suffix):
        export(model, quick.name, tmp_path / "a.bin")


def test_an_unknown_format_names_the_near_one(model, tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'litert'"):
        export(model, "litrt", tmp_path / "a")
