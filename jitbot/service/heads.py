"""Send heads of the record to where this machine can only append, and tell operators where none arrives.

Each sink has a thread of its own while it is sent to, so that one that hangs holds up neither the others nor the clock.
A head that did not arrive is not sent again once there is a newer one: that covers everything before.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Thread

from jitbot.audit import Head
from jitbot.errors import JitbotError, SinkUnavailable, StoreUnavailable, Tampered
from jitbot.model import Arrival, Outgoing, Topic
from jitbot.ports import Entry, Heads, Ledger, Sink

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=10)
LATE = timedelta(minutes=25)
"""Two heads and a half: as late as this, the last one that arrived is an alarm."""
AT_FIRST = timedelta(minutes=1)
"""So long a process tries before it complains: it may be that none ran for an hour, and all is well again."""
CLOCK = "clock"


class _Lane:
    """One sink, and what is under way to it."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.arrived: Head | None = None
        self.error = ""
        self.thread: Thread | None = None

    def wants(self, head: Head) -> bool:
        return self.arrived is not head and (self.thread is None or not self.thread.is_alive())


class Sending:
    """Called often, in the process whose turn it is; signs a head every ten minutes, and once at the start."""

    def __init__(self, ledger: Ledger, heads: Heads, sinks: Sequence[Sink]) -> None:
        self._ledger = ledger
        self._heads = heads
        self._lanes = [_Lane(sink) for sink in sinks]
        self._head: Head | None = None
        self._begun: datetime | None = None
        self._fault = ""

    def tick(self) -> None:
        """Sign a head if it is time, send it to whom it has not reached, and look who has had none for long."""
        try:
            now = self._ledger.now()
            self._begun = self._begun or now
            if self._head is None or now >= self._head.at + EVERY:
                self._head = self._signed() or self._head
            if self._head is not None:
                self._send(self._head)
            self._look(now, complain=now - self._begun >= AT_FIRST)
        except StoreUnavailable as error:
            log.warning("heads of the record have to wait: %s", error)

    def wait(self, seconds: float) -> None:
        """Wait for what is under way, so long for each."""
        for lane in self._lanes:
            if lane.thread is not None:
                lane.thread.join(seconds)

    def _signed(self) -> Head | None:
        """Sign a head, unless the record does not hold: that is told, once for each fault, and none is sent."""
        try:
            head = self._heads.sign()
        except Tampered as error:
            if str(error) != self._fault:
                self._fault = str(error)
                text = f"The record was tampered with, so no head of it is signed: {error} Run: jitbot audit verify"
                with self._ledger.begin() as entry:
                    entry.say(Outgoing("alarm:head", Topic.ALARM, None, text))
            return None
        self._fault = ""
        return head

    def _send(self, head: Head) -> None:
        for lane in self._lanes:
            if lane.wants(head):
                lane.thread = Thread(target=self._put, args=(lane, head), name=f"head-{lane.sink.name}", daemon=True)
                lane.thread.start()

    def _put(self, lane: _Lane, head: Head) -> None:
        try:
            lane.sink.put(head)
        except SinkUnavailable as error:
            self._failed(lane, str(error))
            return
        try:
            with self._ledger.begin() as entry:
                before = entry.arrival(lane.sink.name)
                entry.arrived(Arrival(lane.sink.name, head.count, head.at))
                if before.alarmed_at is not None:
                    entry.record("head_again", CLOCK, sink=lane.sink.name)
                    text = f"Heads of the record arrive at {lane.sink.name} again."
                    entry.say(Outgoing(f"alarm:head:{lane.sink.name}", Topic.ALARM, None, text))
            lane.arrived, lane.error = head, ""
        except JitbotError as error:  # it is put there once more, which does no harm
            log.warning("that a head arrived at %s could not be written: %s", lane.sink.name, error)

    def _failed(self, lane: _Lane, error: str) -> None:
        log.warning("a head of the record did not arrive at %s: %s", lane.sink.name, error)
        if error == lane.error:
            return
        lane.error = error
        try:
            with self._ledger.begin() as entry:
                entry.arrived(replace(entry.arrival(lane.sink.name), error=error))
        except JitbotError as fault:
            log.warning("it could not be written either: %s", fault)

    def _look(self, now: datetime, *, complain: bool) -> None:
        known = self._heads.arrivals()
        for lane in self._lanes:
            arrival = known.get(lane.sink.name)
            if arrival is None or (complain and arrival.alarmed_at is None and now - arrival.at > LATE):
                with self._ledger.begin() as entry:
                    _tell(entry, entry.arrival(lane.sink.name))


def _tell(entry: Entry, arrival: Arrival) -> None:
    """Tell operators of a sink at which nothing arrives, once, unless another process has, or something did."""
    if arrival.alarmed_at is not None or entry.now - arrival.at <= LATE:
        return
    entry.arrived(replace(arrival, alarmed_at=entry.now))
    entry.record("head_missed", CLOCK, sink=arrival.sink)
    minutes = int((entry.now - arrival.at) / timedelta(minutes=1))
    why = arrival.error or "it does not answer, or none was signed"
    text = f"For {minutes} minutes no head of the record has arrived at {arrival.sink}: {why}. Run: jitbot doctor"
    entry.say(Outgoing(f"alarm:head:{arrival.sink}", Topic.ALARM, None, text))
