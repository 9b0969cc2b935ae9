"""Ticks come, do not overlap, and end."""

import threading
from datetime import timedelta

from jitbot.clock.ticker import Ticker


def test_it_ticks_again_and_again_until_it_is_stopped() -> None:
    ticks, third = [], threading.Event()

    def tick() -> None:
        ticks.append(1)
        if len(ticks) == 3:
            third.set()

    ticker = Ticker()
    ticker.every(timedelta(seconds=0.02), tick)
    ticker.start()
    assert third.wait(10)
    ticker.stop()
    seen = len(ticks)
    assert not threading.Event().wait(0.08)
    assert len(ticks) == seen


def test_stopping_waits_for_the_call_in_hand() -> None:
    begun, ended = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        threading.Event().wait(0.1)
        ended.set()

    ticker = Ticker()
    ticker.every(timedelta(seconds=0.01), slow)
    ticker.start()
    assert begun.wait(10)
    ticker.stop()
    assert ended.is_set()


def test_a_call_that_hangs_makes_it_late_and_others_do_not() -> None:
    begun, end = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        end.wait(10)

    ticker = Ticker()
    assert ticker.late() == timedelta(0)
    ticker.every(timedelta(hours=1), lambda: None)
    assert ticker.late() == timedelta(0)
    ticker.every(timedelta(seconds=0.01), hang)
    ticker.start()
    assert begun.wait(10)
    assert not threading.Event().wait(0.05)
    assert ticker.late() >= timedelta(seconds=0.03)
    end.set()
    ticker.stop()
