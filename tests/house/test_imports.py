"""What is imported when: the fast things stay fast, and Keras stays where it belongs."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from importlib.metadata import version

import pytest

import ruis

HEAVY = {
    "numpy", "scipy", "skimage", "PIL", "tifffile", "imagecodecs", "openvino", "onnxruntime",
    "safetensors", "pydantic", "typer", "rich", "keras", "tensorflow", "onnx", "fastapi", "dask",
    "matplotlib", "sklearn", "pydicom", "rawpy", "huggingface_hub",
}  # fmt: skip
LEARNED = {"keras", "tensorflow", "torch", "jax", "onnx", "tf2onnx"}


def imported_by(code: str) -> set[str]:
    """The top-level packages that a fresh interpreter has imported after `code`."""
    script = f"{code}\nimport json, sys\nprint(json.dumps([*sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_importing_ruis_imports_nothing_else():
    assert not imported_by("import ruis") & HEAVY


def test_importing_the_whole_library_imports_no_learned_package():
    """Each module by itself may be imported without Keras; it is asked for when it is needed."""
    names = [
        module.name
        for module in pkgutil.walk_packages(ruis.__path__, "ruis.")
        if not module.name.endswith(".__main__") and not module.name.startswith("ruis.web")
    ]
    assert len(names) > 20
    loaded = imported_by("\n".join(f"import {name}" for name in names))
    assert not loaded & LEARNED


def test_the_public_names_are_those_of_all():
    assert len(set(ruis.__all__)) == len(ruis.__all__)
    for name in ruis.__all__:
        assert getattr(ruis, name) is not None
    assert set(ruis.__all__) <= set(dir(ruis))


@pytest.mark.parametrize("name", ["denoise", "load", "read", "write", "train", "evaluate"])
def test_the_promised_names_are_public(name):
    assert name in ruis.__all__


def test_a_verb_stays_a_function_when_its_module_is_imported():
    """`import ruis.train` makes Python set `ruis.train` to the module; we have both."""
    code = "; ".join(
        [f"import ruis.{name}" for name in ("denoise", "train", "evaluate")]
        + ["import ruis"]
        + [f"assert callable(ruis.{name})" for name in ("denoise", "train", "evaluate")]
    )
    imported_by(code)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="denoize"):
        ruis.denoize  # noqa: B018


def test_the_version_is_that_of_the_distribution():
    assert ruis.__version__ == version("ruis")


def test_denoising_tells_nobody():
    """OpenVINO's telemetry forks the process and sends what it finds; here it does neither."""
    script = (
        "import os, sys, numpy as np\n"
        "os.register_at_fork(before=lambda: os.write(1, b'forked'))\n"
        "import ruis\n"
        "ruis.load('gray').denoise(np.zeros((8, 8), np.float32), sigma=0.1)\n"
        "assert 'openvino' in sys.modules\n"
        "print(sorted(name for name in sys.modules if 'telemetry' in name and sys.modules[name]"
        " and not name.startswith('openvino.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
