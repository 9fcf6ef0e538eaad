import threading

import pytest

pytest.importorskip("fastapi", reason="the service needs the serve extra")

import numpy as np

from ruis import formats
from ruis.arrays import as_image
from ruis.errors import UnknownNameError
from ruis.web import denoising
from ruis.web.denoising import Denoisers, Wish, denoise
from ruis.web.pool import Stopped


def test_who_is_alone_gets_all_processors_and_others_their_share(monkeypatch):
    made = []

    class Fake:
        """Notes how many processors it was made for, and holds the image until it is let go."""

        def __init__(self, model, *, threads):
            self.threads = threads
            made.append(threads)

        def run(self, noisy, **settings):
            begun.set()
            go_on.wait(10)
            return self.threads

    monkeypatch.setattr(denoising, "Denoiser", Fake)
    denoisers, begun, go_on = (
        Denoisers(workers=2, processors=4),
        threading.Event(),
        threading.Event(),
    )
    used = []

    def one():
        used.append(denoisers.run("gray", None, Wish(), None, lambda fraction: None))

    for _ in range(2):  # the second time, all are there already
        begun.clear()
        go_on.clear()
        first = threading.Thread(target=one)
        first.start()
        assert begun.wait(10)
        begun.clear()
        second = threading.Thread(target=one)
        second.start()
        assert begun.wait(10)
        go_on.set()
        first.join()
        second.join()
    assert sorted(used) == [2, 2, 4, 4]
    assert made == [4, 2]


def test_beyond_its_memory_nothing_is_kept(small_model):
    denoisers = Denoisers(workers=2, processors=2, most=1)
    image = as_image(np.zeros((9, 9), np.uint8))[0]
    denoisers._idle.put(("photo", 2), denoising.Denoiser(small_model()))
    for _ in range(2):
        made = denoisers.run("gray", image, Wish(), None, lambda fraction: None)
        assert made.image.pixels.shape == (9, 9, 1)
        assert denoisers._idle.take(("photo", 2)) is None
        assert denoisers._idle.take(("gray", 2)) is None


def test_a_model_that_cannot_be_loaded_leaves_nobody_behind(monkeypatch):
    denoisers = Denoisers(workers=2, processors=2)
    monkeypatch.setattr(denoising.zoo, "find", lambda name: 1 / 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            denoisers.run("gray", None, Wish(), None, lambda fraction: None)
    assert denoisers._working == 0


@pytest.mark.parametrize("model", ["/etc/passwd", "gray.ruis", "", "phto"])
def test_only_models_that_ship_can_be_asked_for(model):
    with pytest.raises(UnknownNameError):
        Wish(model=model)


def test_work_stops_at_the_next_tile_and_the_denoiser_is_free_again(small_model):
    rng = np.random.default_rng(0)
    sent = formats.encode(as_image(rng.integers(0, 255, (300, 300), np.uint8))[0], "png")
    denoisers, told = Denoisers(workers=2, processors=2), []
    made = denoising.Denoiser(small_model(), tile=64)
    denoisers._idle.put(("gray", 2), made)

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
