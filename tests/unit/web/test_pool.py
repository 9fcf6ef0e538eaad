import asyncio
import threading
import time

import pytest

pytest.importorskip("fastapi", reason="the service needs the serve extra")

from ruis.web.pool import Pool
from ruis.web.problems import Problem


def test_places_are_bounded_and_come_back():
    pool = Pool(workers=1, queue=1)
    held = [pool.enter(), pool.enter()]
    with pytest.raises(Problem) as caught:
        pool.enter()
    assert caught.value.kind.status == 429
    assert int(caught.value.headers["Retry-After"]) >= 1
    for place in held:
        place.release()
        place.release()
    assert pool.taken == 0
    pool.close()


def test_who_waits_longer_is_told_to():
    pool = Pool(workers=2, queue=8)
    pool.seconds = 3.0
    held = [pool.enter() for _ in range(10)]
    assert pool.retry_after == 15
    pool.seconds = 1e6
    assert pool.retry_after == 60
    assert held
    pool.close()


def test_a_place_is_given_back_when_the_work_ends_not_when_nobody_waits_any_more():
    async def scene():
        pool = Pool(workers=1, queue=1)
        begun, go_on = threading.Event(), threading.Event()

        def work(stop):
            begun.set()
            go_on.wait(10)
            return stop.is_set()

        task = asyncio.create_task(pool.run(pool.enter(), work))
        await asyncio.to_thread(begun.wait, 10)
        waiting = asyncio.create_task(pool.run(pool.enter(), lambda stop: "never"))
        await asyncio.sleep(0.05)
        waiting.cancel()  # it had not begun: its place is free at once
        await asyncio.sleep(0.05)
        assert pool.taken == 1
        task.cancel()
        await asyncio.sleep(0.05)
        assert pool.taken == 1
        go_on.set()
        until = time.monotonic() + 10
        while pool.taken and time.monotonic() < until:  # noqa: ASYNC110 - it has no event for this
            await asyncio.sleep(0.01)
        assert pool.taken == 0
        pool.close()

    asyncio.run(scene())
