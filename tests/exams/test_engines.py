"""The exam that every engine takes; a new row in the table takes it too."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from ruis import architectures
from ruis.engines import ENGINES
from ruis.engines.base import Engine
from ruis.engines.ensemble import SelfEnsemble
from ruis.errors import (
    EngineError,
    EngineUnavailableError,
    ExportError,
    OutOfMemoryError,
    RuisError,
)

UNET = {"name": "unet", "widths": (4, 6), "blocks": 1}
COMMON_ACTIVATIONS = ["relu", "sigmoid", "tanh", "elu", "selu", "softplus", "linear"]


def engine_of(name: str, data: dict[str, Any], *, gain: float = 1.0, **settings: Any) -> Engine:
    architecture = architectures.parse(data)
    rng = np.random.default_rng(0)
    weights = {
        key: (gain * rng.normal(0, 1 / math.sqrt(math.prod(shape[:-1])), shape)).astype(np.float32)
        for key, shape in architecture.tensors.items()
    }
    return ENGINES.load(name)(architecture, weights, **settings)


def noise_of(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).random(shape, dtype=np.float32)


@pytest.fixture(params=list(ENGINES))
def engine(request) -> str:
    try:
        engine_of(request.param, UNET)
    except EngineUnavailableError as error:
        pytest.skip(str(error))
    return request.param


def test_batches_of_any_size_go_in_and_come_out(engine):
    made = engine_of(engine, UNET)
    for shape in ((1, 4, 4, 2), (3, 8, 12, 2), (1, 64, 4, 2), (2, 4, 64, 2), (1, 4, 4, 2)):
        batch = noise_of(*shape)
        before = batch.copy()
        result = made.run(batch)
        assert result.shape == (*shape[:3], 1)
        assert result.dtype == np.float32
        assert np.array_equal(batch, before)
        assert not np.shares_memory(result, batch)


def test_images_of_a_batch_do_not_know_each_other(engine):
    made = engine_of(engine, UNET)
    batch = noise_of(3, 16, 20, 2)
    together = made.run(batch)
    for index in range(3):
        alone = made.run(batch[index : index + 1])
        assert np.abs(alone[0] - together[index]).max() < 1e-6


def test_a_result_is_not_overwritten_by_the_next(engine):
    made = engine_of(engine, UNET)
    first = made.run(noise_of(1, 16, 16, 2))
    kept = first.copy()
    made.run(noise_of(1, 16, 16, 2) + 1)
    assert np.array_equal(first, kept)


def test_the_same_input_gives_the_same_output(engine):
    batch = noise_of(2, 32, 40, 2)
    made = engine_of(engine, UNET)
    first = made.run(batch)
    assert np.array_equal(first, made.run(batch))
    assert np.array_equal(first, engine_of(engine, UNET).run(batch))


def test_views_that_are_not_contiguous_are_taken(engine):
    made = engine_of(engine, UNET)
    batch = noise_of(1, 16, 20, 2)
    view = np.asfortranarray(batch)
    assert np.abs(made.run(view) - made.run(batch)).max() < 1e-6


@pytest.mark.parametrize("activation", COMMON_ACTIVATIONS)
def test_activations_are_those_of_keras(engine, activation):
    data = {
        "name": "convolutional-autoencoder",
        "filters": (4,),
        "activation": activation,
        "output_activation": activation,
    }
    batch = noise_of(1, 8, 12, 1) * 4 - 2
    expected = engine_of("keras", data).run(batch)
    assert np.abs(engine_of(engine, data).run(batch) - expected).max() < 1e-4


def test_an_activation_that_it_has_not_is_named(engine):
    data = {"name": "convolutional-autoencoder", "filters": (2,), "activation": "mish"}
    if engine == "keras":  # has them all
        assert np.isfinite(engine_of(engine, data).run(noise_of(1, 4, 4, 1))).all()
        return
    with pytest.raises((EngineError, ExportError), match=r"'mish'.*relu"):
        engine_of(engine, data).run(noise_of(1, 4, 4, 1))


def test_a_shape_that_the_network_cannot_take_is_an_error_of_ours(engine):
    made = engine_of(engine, UNET)
    wrong = (1, 8, 8, 3) if engine == "keras" else (1, 5, 7, 2)  # Keras' network takes any size
    with pytest.raises(EngineError, match=re.escape(str(wrong))):
        made.run(noise_of(*wrong))
    assert np.isfinite(made.run(noise_of(1, 8, 8, 2))).all()  # and it goes on


def test_bfloat16_keeps_the_residual_connection_exact(engine):
    if not ENGINES.load(engine).supports("bf16"):
        pytest.skip("this engine, or this machine, has no bfloat16")
    made = engine_of(engine, UNET, gain=0.0, precision="bf16")
    assert made.precision == "bf16"
    batch = noise_of(1, 16, 24, 2)
    assert np.array_equal(made.run(batch), batch[..., :1])


def test_bfloat16_is_near_float32(engine):
    if not ENGINES.load(engine).supports("bf16"):
        pytest.skip("this engine, or this machine, has no bfloat16")
    batch = noise_of(1, 32, 32, 2)
    exact = engine_of(engine, UNET).run(batch)
    rounded = engine_of(engine, UNET, precision="bf16").run(batch)
    assert 0 < np.abs(rounded - exact).max() < 0.05 * np.abs(exact).max()


def test_a_precision_that_it_has_not_becomes_float32(engine):
    made = engine_of(engine, UNET, precision="bf16")
    assert made.precision == ("bf16" if type(made).supports("bf16") else "f32")
    assert type(made).supports("f32")


def test_the_number_of_threads_does_not_change_the_result(engine):
    batch = noise_of(1, 64, 64, 2)
    one, two = (engine_of(engine, UNET, threads=number).run(batch) for number in (1, 2))
    assert np.abs(one - two).max() < 1e-5


def test_memory_that_runs_out_is_told_apart(engine, monkeypatch):
    made = engine_of(engine, UNET)

    def full(*_: Any, **__: Any) -> Any:
        raise MemoryError

    if engine == "openvino":
        monkeypatch.setattr(made, "_ready", full)
    elif engine == "keras":
        monkeypatch.setattr(made, "model", full)
    else:
        monkeypatch.setattr(made, "session", type("Session", (), {"run": full}))
    with pytest.raises(OutOfMemoryError, match=r"\(1, 8, 8, 2\)"):
        made.run(noise_of(1, 8, 8, 2))


def test_an_engine_without_its_package_says_what_to_install(engine):
    """In a process of its own, in which the package cannot be imported."""
    code = f"""
import sys
sys.modules[{engine!r}] = None
sys.modules["onnxruntime"] = None if {engine!r} == "onnxruntime" else sys.modules.get("onnxruntime")
import numpy as np
from ruis import architectures
from ruis.engines import ENGINES
from ruis.errors import EngineUnavailableError
network = architectures.parse({UNET!r})
weights = {{name: np.zeros(shape, np.float32) for name, shape in network.tensors.items()}}
try:
    ENGINES.load({engine!r})(network, weights).run(np.zeros((1, 4, 4, 2), np.float32))
except EngineUnavailableError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install" in done.stdout
    assert engine.lower() in done.stdout.lower()


def test_an_engine_imports_no_package_of_another(engine):
    packages = {"openvino": "openvino", "onnxruntime": "onnxruntime", "keras": "keras"}
    others = [package for name, package in packages.items() if name != engine]
    code = f"""
import sys
import numpy as np
from ruis import architectures
from ruis.engines import ENGINES
network = architectures.parse({UNET!r})
weights = {{name: np.zeros(shape, np.float32) for name, shape in network.tensors.items()}}
ENGINES.load({engine!r})(network, weights).run(np.zeros((1, 4, 4, 2), np.float32))
print([name for name in {others!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_engine_error_is_one_of_ours():
    assert issubclass(EngineError, RuisError)
    assert issubclass(OutOfMemoryError, EngineError)


def test_a_shape_may_be_expected(engine):
    batch = noise_of(1, 64, 32, 2)
    made = engine_of(engine, UNET)
    made.expect(batch.shape)
    assert np.array_equal(made.run(batch), engine_of(engine, UNET).run(batch))


def test_openvino_compiles_what_is_expected_at_once(monkeypatch):
    made = engine_of("openvino", UNET)
    shapes = ((1, 512, 256, 2), (1, 256, 512, 2))
    SelfEnsemble(made).expect(shapes[0])
    monkeypatch.setattr(made, "_compile", pytest.fail)
    for shape in shapes:
        assert made.run(noise_of(*shape)).shape == (*shape[:3], 1)


def test_openvino_keeps_few_shapes_compiled(monkeypatch):
    from ruis.engines import openvino

    monkeypatch.setattr(openvino, "SMALL", 0)
    made = engine_of("openvino", UNET)
    shapes = [(1, 4 * count, 4, 2) for count in range(1, openvino.SHAPES_KEPT + 3)]
    for shape in shapes:
        made.run(noise_of(*shape))
    assert list(made.compiled) == shapes[-openvino.SHAPES_KEPT :]


def test_openvino_keeps_few_pixels_compiled(monkeypatch):
    from ruis.engines import openvino

    monkeypatch.setattr(openvino, "SMALL", 0)
    monkeypatch.setattr(openvino, "PIXELS_KEPT", 100)
    made = engine_of("openvino", UNET)
    kept = []
    for rows in (4, 8, 12, 4, 24, 32, 4):
        made.run(noise_of(1, rows, 4, 2))
        kept.append([key[1] for key in made.compiled])
    assert kept == [[4], [4, 8], [4, 8, 12], [8, 12, 4], [24], [32], [4]]


def test_small_shapes_share_one_compiled_network_and_give_the_same(monkeypatch):
    from ruis.engines import openvino

    shared = engine_of("openvino", UNET)
    batches = [noise_of(1, rows, columns, 2) for rows, columns in ((4, 8), (12, 4), (20, 24))]
    results = [shared.run(batch) for batch in batches]
    assert list(shared.compiled) == [(2,)]
    monkeypatch.setattr(openvino, "SMALL", 0)
    own = engine_of("openvino", UNET)
    for batch, result in zip(batches, results, strict=True):
        assert np.abs(own.run(batch) - result).max() < 1e-6
    assert len(own.compiled) == len(batches)
