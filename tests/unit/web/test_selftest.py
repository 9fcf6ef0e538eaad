import asyncio

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the service needs the serve extra")

from ruis.denoiser import Denoiser
from ruis.engines import ENGINES
from ruis.errors import EngineError, EngineUnavailableError
from ruis.web import selftest
from ruis.web.denoising import Denoisers
from ruis.web.problems import Problem
from ruis.web.service import Service
from ruis.web.settings import Settings


@pytest.mark.parametrize("engine", sorted(ENGINES.own))
def test_every_engine_makes_the_golden_picture(engine):
    try:
        made = Denoiser(selftest.known_network(), precision="f32", engine=engine).denoise(
            selftest.picture(selftest.SIDE)
        )
    except EngineUnavailableError as error:
        pytest.skip(str(error))
    golden = np.frombuffer(selftest.GOLDEN, np.uint8).reshape(made.shape)
    assert np.abs(made.astype(int) - golden).max() <= 1
    assert golden.std() > 20
    assert np.abs(golden.astype(int) - selftest.picture(selftest.SIDE)).mean() > 10


def test_what_differs_is_found(monkeypatch):
    wrong = bytearray(selftest.GOLDEN)
    wrong[50] ^= 8
    monkeypatch.setattr(selftest, "GOLDEN", bytes(wrong))
    with pytest.raises(EngineError, match="differs by 8"):
        selftest.run(Denoisers(workers=1))


def test_a_model_that_is_not_what_shipped_is_found(monkeypatch):
    from ruis import zoo
    from ruis.errors import ModelCorruptError

    monkeypatch.setitem(zoo.SHIPPED, "gray", "0" * 64)
    with pytest.raises(ModelCorruptError):
        selftest.run(Denoisers(workers=1))


def test_a_service_whose_self_test_failed_does_not_say_that_it_is_starting(monkeypatch):
    service = Service(Settings())
    with pytest.raises(Problem, match="starting"):
        service._check_ready()
    monkeypatch.setattr(selftest, "GOLDEN", bytes(len(selftest.GOLDEN)))
    asyncio.run(service.prepare())
    with pytest.raises(Problem, match="self-test failed"):
        service._check_ready()
