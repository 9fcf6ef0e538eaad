import math
from types import SimpleNamespace

import pytest

from ruis.checkpoint import Epoch
from ruis.errors import DivergedError
from ruis.loop import Loop, learning_rate
from ruis.recipe import Recipe


def recipe(**settings):
    data = {
        "name": "a",
        "data": [{"name": "a", "terms": "", "folder": "a"}],
        "noise": "gaussian:0.1",
        "architecture": {"name": "unet"},
        "warmup_steps": 10,
        "learning_rate": 1.0,
        "steps_per_epoch": 4,
        **settings,
    }
    return Recipe.parse(data)


class Checkpoint:
    """The history alone."""

    def __init__(self):
        self.history = []
        self.seconds_done, self.steps_done = 0.0, 0

    @property
    def best(self):
        return max(self.history, key=lambda epoch: epoch.psnr)

    def save(self, model, epoch, judged=None):
        self.history.append(epoch)


def loop_of(settings, told=None):
    optimizer = SimpleNamespace(learning_rate=None, use_ema=False)
    model = SimpleNamespace(
        optimizer=optimizer, stop_training=False, variables=[], trainable_variables=[]
    )
    judge = SimpleNamespace(psnr=lambda run: 30.0)
    tell = (told if told is not None else []).append
    return Loop(recipe(**settings), Checkpoint(), judge, model, tell)


def test_the_rate_warms_up_then_falls_to_zero():
    one = recipe(epochs=1)
    assert learning_rate(one, 0, 0.0) == pytest.approx(0.1)
    assert learning_rate(one, 9, 0.0) == pytest.approx(1.0)
    assert learning_rate(one, 500, 0.5) == pytest.approx(0.5)
    assert learning_rate(one, 500, 1.0) == pytest.approx(0.0)
    assert learning_rate(one, 500, 7.0) == pytest.approx(0.0)


def test_a_budget_of_epochs_ends_with_its_last_step():
    loop = loop_of({"epochs": 1})
    loop.begin_epoch()
    for _ in range(3):
        loop.before_step()
        loop.after_step(1.0)
    assert not loop.model.stop_training
    loop.after_step(1.0)
    assert loop.model.stop_training


def test_a_budget_of_minutes_ends_with_the_clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("ruis.loop.time.perf_counter", lambda: now[0])
    loop = loop_of({"minutes": 1})
    loop.begin_epoch()
    now[0] = 59.0
    loop.after_step(1.0)
    assert not loop.model.stop_training
    now[0] = 61.0
    loop.after_step(1.0)
    assert loop.model.stop_training


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_the_training_at_its_step(loss):
    loop = loop_of({"epochs": 1})
    loop.begin_epoch()
    loop.after_step(1.0)
    with pytest.raises(DivergedError) as caught:
        loop.after_step(loss)
    assert caught.value.step == 1


def test_an_epoch_is_recorded_and_told(monkeypatch):
    told = []
    loop = loop_of({"epochs": 2}, told)
    loop.begin_epoch()
    for _ in range(4):
        loop.after_step(0.25)
    loop.end_epoch(1)
    (epoch,) = loop.checkpoint.history
    assert isinstance(epoch, Epoch)
    assert (epoch.epoch, epoch.step, epoch.loss, epoch.psnr) == (1, 4, 0.25, 30.0)
    assert (told[-1].stage, told[-1].fraction, told[-1].best_psnr) == ("validated", 0.5, 30.0)


def test_the_time_left_does_not_count_the_step_that_compiles(monkeypatch):
    now, told = [0.0], []
    monkeypatch.setattr("ruis.loop.time.perf_counter", lambda: now[0])
    loop = loop_of({"epochs": 1, "steps_per_epoch": 11}, told)
    loop.begin_epoch()
    for second in (20.0, 21.0, 22.0):
        now[0] = second
        loop.after_step(1.0)
    assert math.isnan(told[0].seconds_left)
    assert told[-1].seconds_left == pytest.approx(8.0)
