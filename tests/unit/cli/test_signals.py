"""Signals that are held back."""

import signal
import threading

import pytest

from ruis.cli.signals import held


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM])
def number(request):
    """A signal that raises `InterruptedError` for as long as a test takes."""

    def stop(number, frame):
        raise InterruptedError(number)

    before = signal.signal(request.param, stop)
    yield request.param
    signal.signal(request.param, before)


def test_what_came_in_a_block_is_raised_at_its_end(number):
    reached = []

    def work():
        with held():
            signal.raise_signal(number)
            reached.append("the end of the block")

    with pytest.raises(InterruptedError):
        work()
    assert reached


def test_it_comes_before_what_the_block_raises(number):
    def work():
        with held():
            signal.raise_signal(number)
            raise ImportError("initialization failed")

    with pytest.raises(InterruptedError):
        work()


def test_without_a_signal_nothing_changes(number):
    before = signal.getsignal(number)
    with held():
        assert signal.getsignal(number) is not before
    assert signal.getsignal(number) is before


def test_what_is_ignored_stays_ignored(number):
    signal.signal(number, signal.SIG_IGN)
    with held():
        signal.raise_signal(number)
        assert signal.getsignal(number) is signal.SIG_IGN


def test_a_thread_that_no_signal_reaches_goes_on(number):
    done = []

    def work():
        with held():
            done.append(signal.getsignal(number))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [signal.getsignal(number)]
