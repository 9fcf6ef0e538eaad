from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ruis import architectures, model_file
from ruis.errors import (
    ImageWriteError,
    ModelCorruptError,
    ModelFileError,
    ModelNotFoundError,
    ModelVersionError,
)
from ruis.manifest import DataUsed, Manifest, Score, Training

MEMBERS = ("manifest.json", "weights.safetensors", "README.md")


@pytest.fixture
def model(small_model):
    return small_model(widths=[2, 3])


@pytest.fixture
def saved(model, tmp_path) -> Path:
    model_file.save(tmp_path / "small.ruis", model.manifest, model.weights)
    return tmp_path / "small.ruis"


def members_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewrite(
    path: Path, members: dict[str, bytes], *, compression: int = zipfile.ZIP_STORED
) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def with_manifest(path: Path, **changes: Any) -> None:
    """Change the manifest; its own hash is nowhere, so the file is as consistent as before."""
    members = members_of(path)
    manifest = {**json.loads(members["manifest.json"]), **changes}
    rewrite(path, {**members, "manifest.json": json.dumps(manifest).encode()})


def with_weights(path: Path, weights: dict[str, np.ndarray] | bytes) -> None:
    """Replace the weights, with the right hash: what somebody who means harm would do."""
    from safetensors.numpy import save

    members = members_of(path)
    data = weights if isinstance(weights, bytes) else save(weights)
    manifest = json.loads(members["manifest.json"])
    manifest["sha256"]["weights.safetensors"] = hashlib.sha256(data).hexdigest()
    rewrite(
        path,
        {
            **members,
            "manifest.json": json.dumps(manifest).encode(),
            "weights.safetensors": data,
        },
    )


# -- save, then load ----------------------------------------------------------------------------


def test_what_is_saved_is_loaded(model, tmp_path):
    manifest = model.manifest.model_copy(
        update={
            "limits": ("not for X-rays",),
            "data": (DataUsed(name="BSDS500", terms="research", images=400),),
            "training": Training(seed=5, minutes=12.5, versions={"ruis": "0.1"}, recipe={"a": 1}),
            "scores": (Score(images="Set12", noise="g", psnr=30.1, ssim=0.8, noisy_psnr=20.2),),
        }
    )
    path = tmp_path / "small.ruis"
    returned = model_file.save(path, manifest, model.weights, half=False)
    loaded = model_file.load(path)
    assert loaded.manifest.model_copy(update={"sha256": {}}) == manifest
    assert loaded.architecture == model.architecture
    assert loaded.weights.keys() == model.weights.keys()
    for name, tensor in loaded.weights.items():
        assert tensor.dtype == np.float32
        assert np.array_equal(tensor, model.weights[name])
        assert np.array_equal(tensor, returned.weights[name])
    assert loaded.sha256 == hashlib.sha256(members_of(path)["weights.safetensors"]).hexdigest()
    for word in ("not for X-rays", "BSDS500", "400 images", "seed 5", "30.10", "20.20"):
        assert word in loaded.card


def test_half_floats_take_half_the_room_and_lose_little(model, tmp_path):
    whole = model_file.save(tmp_path / "a.ruis", model.manifest, model.weights, half=False)
    half = model_file.save(tmp_path / "b.ruis", model.manifest, model.weights)
    sizes = [
        len(members_of(tmp_path / name)["weights.safetensors"]) for name in ("a.ruis", "b.ruis")
    ]
    numbers = sum(tensor.size for tensor in model.weights.values())
    assert sizes[0] - sizes[1] == pytest.approx(2 * numbers, abs=20)
    for name, tensor in whole.weights.items():
        assert np.allclose(half.weights[name], tensor, rtol=5e-4, atol=1e-7)
        assert half.weights[name].dtype == np.float32


def test_the_same_model_gives_the_same_bytes(model, tmp_path):
    for name in ("a.ruis", "b.ruis"):
        model_file.save(tmp_path / name, model.manifest, model.weights)
    assert (tmp_path / "a.ruis").read_bytes() == (tmp_path / "b.ruis").read_bytes()


def test_members_are_stored_as_they_are(saved):
    with zipfile.ZipFile(saved) as archive:
        assert sorted(archive.namelist()) == sorted(MEMBERS)
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


def test_a_file_is_replaced_only_if_asked(model, saved):
    before = saved.read_bytes()
    with pytest.raises(ImageWriteError, match="exists already"):
        model_file.save(saved, model.manifest, model.weights)
    assert saved.read_bytes() == before
    model_file.save(saved, model.manifest, model.weights, overwrite=True, half=False)
    assert saved.read_bytes() != before


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_numbers_are_not_saved(model, tmp_path, bad):
    weights = {name: tensor.copy() for name, tensor in model.weights.items()}
    weights["tail/kernel"].flat[0] = bad
    with pytest.raises(ModelCorruptError, match=r"tail/kernel.*not numbers"):
        model_file.save(tmp_path / "small.ruis", model.manifest, weights)
    assert list(tmp_path.iterdir()) == []


def test_weights_of_another_network_are_not_saved(model, tmp_path, small_model):
    with pytest.raises(ModelCorruptError):
        model_file.save(tmp_path / "small.ruis", model.manifest, small_model().weights)
    assert list(tmp_path.iterdir()) == []


# -- every kind of damage -----------------------------------------------------------------------


def test_no_file_is_said_so(tmp_path):
    with pytest.raises(ModelNotFoundError, match=r"none\.ruis"):
        model_file.load(tmp_path / "none.ruis")
    with pytest.raises(ModelNotFoundError):
        model_file.load(tmp_path)


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"\x89PNG\r\n\x1a\n", b"x" * 1000], ids=["empty", "start", "png", "text"]
)
def test_what_is_no_zip_is_refused(tmp_path, data):
    (tmp_path / "a.ruis").write_bytes(data)
    with pytest.raises(ModelCorruptError, match="no model file"):
        model_file.load(tmp_path / "a.ruis")


@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.99])
def test_truncated_files_are_refused(saved, share):
    data = saved.read_bytes()
    saved.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ModelCorruptError):
        model_file.load(saved)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.data())
def test_a_damaged_byte_is_found_or_does_no_harm(saved, data):
    """No untyped error; and whatever is loaded still has the weights that were saved."""
    if not (original := saved.with_suffix(".original")).exists():
        original.write_bytes(saved.read_bytes())
    content = bytearray(original.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    saved.write_bytes(content)
    expected = model_file.load(original)
    try:
        found = model_file.load(saved)
    except ModelFileError:
        return
    assert found.architecture == expected.architecture
    assert all(
        np.array_equal(found.weights[name], expected.weights[name]) for name in found.weights
    )


def test_compressed_members_are_refused(saved):
    """A few kilobytes could become gigabytes."""
    rewrite(saved, members_of(saved), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelCorruptError, match="compressed"):
        model_file.load(saved)


@pytest.mark.parametrize("extra", ["model.onnx", "../../evil", "/etc/passwd", "config.pkl"])
def test_further_members_are_refused(saved, extra):
    rewrite(saved, {**members_of(saved), extra: b""})
    with pytest.raises(ModelCorruptError, match="should hold"):
        model_file.load(saved)


@pytest.mark.parametrize("gone", MEMBERS)
def test_missing_members_are_refused(saved, gone):
    members = members_of(saved)
    del members[gone]
    rewrite(saved, members)
    with pytest.raises(ModelCorruptError, match="should hold"):
        model_file.load(saved)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("twice", MEMBERS)
def test_members_that_are_there_twice_are_refused(saved, twice):
    with zipfile.ZipFile(saved, "a") as archive:
        archive.writestr(twice, b"{}")
    with pytest.raises(ModelCorruptError, match="should hold"):
        model_file.load(saved)


@pytest.mark.parametrize("name", MEMBERS)
def test_members_that_are_too_large_are_not_read(saved, name, monkeypatch):
    monkeypatch.setitem(model_file.LARGEST, name, 10)
    monkeypatch.setattr(zipfile.ZipFile, "read", _only(set(MEMBERS) - {name}))
    with pytest.raises(ModelCorruptError, match="too large"):
        model_file.load(saved)


def _only(allowed: set[str]) -> Any:
    read = zipfile.ZipFile.read

    def checked(self, info, pwd=None):
        assert info.filename in allowed
        return read(self, info, pwd)

    return checked


@pytest.mark.parametrize("name", ["weights.safetensors", "README.md"])
def test_members_that_do_not_match_their_hash_are_refused(saved, name):
    members = members_of(saved)
    members[name] = members[name][:-1] + b"\x01"
    rewrite(saved, members)
    with pytest.raises(ModelCorruptError, match=f"{name} does not match"):
        model_file.load(saved)


def test_a_manifest_without_hashes_is_refused(saved):
    with_manifest(saved, sha256={})
    with pytest.raises(ModelCorruptError, match="hash"):
        model_file.load(saved)


def test_a_newer_schema_asks_for_a_newer_ruis(saved):
    with_manifest(saved, schema_version=model_file.SCHEMA + 1)
    with pytest.raises(ModelVersionError, match="upgrade"):
        model_file.load(saved)


@pytest.mark.parametrize("version", [0, -1, "1", None, 1.5, [1]])
def test_a_schema_that_never_was_is_refused(saved, version):
    with_manifest(saved, schema_version=version)
    with pytest.raises(ModelCorruptError, match="schema_version"):
        model_file.load(saved)


@pytest.mark.parametrize(
    "manifest",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 50_000],
    ids=range(7),
)
def test_a_manifest_that_is_no_manifest_is_refused(saved, manifest):
    rewrite(saved, {**members_of(saved), "manifest.json": manifest})
    with pytest.raises(ModelCorruptError):
        model_file.load(saved)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("licence", "mine"),
        ("name", "../../evil"),
        ("name", "a" * 101),
        ("name", ""),
        ("purpose", "a" * 10_001),
        ("intensity", "log"),
        ("architecture", "unet"),
        ("architecture", {}),
        ("architecture", {"name": "os:system"}),
        ("architecture", {"name": "unett"}),
        ("architecture", {"name": 5}),
        ("architecture", {"name": "unet", "widths": [2, 3], "blocks": 1, "command": "rm"}),
        ("architecture", {"name": "unet", "widths": [2, 3], "blocks": 10**9}),
        ("architecture", {"name": "unet", "widths": [10**9, 3], "blocks": 1}),
        ("architecture", {"name": "unet", "widths": [2] * 10_000, "blocks": 1}),
        ("architecture", {"name": "unet", "widths": [], "blocks": 1}),
        ("architecture", {"name": "unet", "widths": [4096] * 4, "blocks": 8, "channels": 1024}),
        ("architecture", {"name": "convolutional-autoencoder", "filters": [1] * 8, "stride": 16}),
        ("architecture", {"name": "convolutional-autoencoder", "bottleneck": 65536, "size": [1024, 1024]}),
        ("architecture", {"name": "convolutional-autoencoder", "activation": "__import__"}),
        ("scores", [{"psnr": 1.0}]),
        ("training", {"seed": "x"}),
    ],
)  # fmt: skip
def test_a_manifest_that_says_something_else_is_refused(saved, key, value):
    with_manifest(saved, **{key: value})
    with pytest.raises(ModelCorruptError):
        model_file.load(saved)


def test_huge_networks_are_refused_before_memory_is_taken(saved):
    import tracemalloc

    huge = {"name": "unet", "widths": [4096] * 4, "blocks": 8, "channels": 1024}
    with_manifest(saved, architecture=huge)
    tracemalloc.start()
    try:
        with pytest.raises(ModelCorruptError, match="not those of the network"):
            model_file.load(saved)
        assert tracemalloc.get_traced_memory()[1] < 30e6
    finally:
        tracemalloc.stop()
    assert (
        sum(np.prod(shape, dtype=float) for shape in architectures.parse(huge).tensors.values())
        > 1e10
    )


def test_a_missing_tensor_is_named(saved, model):
    weights = dict(model.weights)
    del weights["down1/kernel"]
    with_weights(saved, weights)
    with pytest.raises(ModelCorruptError, match="down1/kernel"):
        model_file.load(saved)


def test_a_further_tensor_is_named(saved, model):
    with_weights(saved, {**model.weights, "zebra": np.zeros(3, np.float32)})
    with pytest.raises(ModelCorruptError, match="zebra"):
        model_file.load(saved)


def _changed(tensor: np.ndarray, how: str) -> np.ndarray:
    match how:
        case "transposed":
            return np.ascontiguousarray(tensor.T)
        case "flat":
            return tensor.reshape(-1)
        case "nan" | "inf":
            other = tensor.copy()
            other.flat[-1] = float(how)
            return other
    return tensor.astype(how)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("transposed", "shape"),
        ("flat", "shape"),
        ("float64", "dtype"),
        ("int32", "dtype"),
        ("bool", "dtype"),
        ("complex64", "dtype|damaged"),
        ("nan", "not numbers"),
        ("inf", "not numbers"),
    ],
)
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_a_tensor_of_another_kind_is_refused(saved, model, how, says):
    name = "down1/kernel"
    with_weights(saved, {**model.weights, name: _changed(model.weights[name], how)})
    with pytest.raises(ModelCorruptError, match=says):
        model_file.load(saved)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{}",
        b'{"tail/kernel":{"dtype":"F32","shape":[99999999999],"data_offsets":[0,399999999996]}}',
        b'{"tail/kernel":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
        b'{"tail/kernel":{"dtype":"EVIL","shape":[1],"data_offsets":[0,4]}}',
        b"{" * 10_000,
    ],
    ids=range(6),
)
def test_weights_that_are_no_weights_are_refused(saved, header):
    with_weights(saved, len(header).to_bytes(8, "little") + header + b"\0" * 4)
    with pytest.raises(ModelCorruptError):
        model_file.load(saved)


def test_a_header_longer_than_the_file_is_refused(saved):
    with_weights(saved, (2**60).to_bytes(8, "little") + b"{}")
    with pytest.raises(ModelCorruptError):
        model_file.load(saved)


def test_loading_imports_no_learned_library(saved):
    import subprocess
    import sys

    code = (
        f"import sys; from ruis import model_file; model_file.load({str(saved)!r}); "
        "print([m for m in ('keras', 'tensorflow', 'onnx', 'openvino', 'pickle5') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_network_that_looks_very_far_is_refused(tmp_path):
    """Few weights, and no tile smaller than thousands of pixels: memory would go."""
    data = {"name": "unet", "widths": [1] * 6, "blocks": 32}
    shapes = architectures.parse(data).tensors
    weights = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    with pytest.raises(ModelCorruptError, match="pixels far"):
        model_file.save(tmp_path / "far.ruis", Manifest(name="far", architecture=data), weights)
    assert not list(tmp_path.iterdir())
