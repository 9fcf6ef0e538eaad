import threading
import time

import pytest

pytest.importorskip("fastapi", reason="the service needs the serve extra")

import numpy as np

from ruis import formats
from ruis.arrays import as_image
from ruis.errors import UnknownNameError
from ruis.web import denoising
from ruis.web.denoising import Denoisers, Turns, Wish, denoise
from ruis.web.pool import Stopped


def test_who_takes_turns_lets_those_who_wait_go_first():
    turns, order = Turns(), []
    turns.take()

    def small():
        turns.take()
        order.append("small")
        turns.give()

    thread = threading.Thread(target=small)
    thread.start()
    time.sleep(0.1)  # it waits now
    turns.give()
    turns.take()
    order.append("large")
    turns.give()
    thread.join()
    assert order == ["small", "large"]


@pytest.mark.parametrize("model", ["/etc/passwd", "gray.ruis", "", "phto"])
def test_only_models_that_ship_can_be_asked_for(model):
    with pytest.raises(UnknownNameError):
        Wish(model=model)


def test_work_stops_at_the_next_tile_and_the_network_is_free_again(monkeypatch, small_model):
    rng = np.random.default_rng(0)
    sent = formats.encode(as_image(rng.integers(0, 255, (300, 300), np.uint8))[0], "png")
    denoisers, told = Denoisers(), []
    made = denoising.Denoiser(small_model(), tile=64)
    denoisers._made["gray"] = made

    def tell(fraction):
        told.append(fraction)
        if len(told) == 3:
            raise Stopped

    limits = formats.Limits()
    with pytest.raises(Stopped):
        denoise(sent, Wish(model="gray"), limits, denoisers, tell)
    assert len(told) == 3
    told.clear()
    answer = denoise(sent, Wish(model="gray"), limits, denoisers, told.append)
    assert len(told) > 9
    assert told == sorted(told)
    wanted = made.denoise(formats.read_bytes(sent))
    assert answer.content == formats.encode(wanted, "png", strip_metadata=True)
