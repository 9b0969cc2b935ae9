"""A worker of a pool: takes calls, has the runner do them, and says what came of them.

Each call runs in a thread of its own. A clerk, one more thread, writes down twice a second what is said, tells that
this worker is there, and looks which calls nobody wants any more. While the database is away the runs go on, and what
they come to is written when it is back.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from jitbot.errors import JitbotError
from jitbot.pools.calls import Answer
from jitbot.pools.doing import done, failed
from jitbot.pools.hand import Hand, NoneGiven
from jitbot.pools.held import Held
from jitbot.pools.taken import Hold, Taken
from jitbot.pools.wakeups import Wakeups
from jitbot.ports import Catalog

log = logging.getLogger(__name__)

CLERK_SECONDS = 0.5
TIDY_SECONDS = 3600.0
END_SECONDS = 1.0
"""How often it is looked what has to end."""
RETRY_SECONDS = 1.0
"""How soon is tried again what the database did not take."""
FRESH_SECONDS = 2.0
"""A worker that was longer at taking a call looks again whether it has it: it may have been stopped in between."""
LONG_SECONDS = 60.0
"""A call that takes longer does not count any more for how many are taken: one that hangs must not keep others out."""
STOP_SECONDS = 30.0
"""So long what is in hand may take when the worker is told to stop."""


class Worker:
    """Works in one pool until it is told to stop."""

    def __init__(self, *, taken: Taken, wakeups: Wakeups, catalog: Catalog, held: Held) -> None:
        """`catalog` has the runners behind the gate."""
        self._taken, self._wakeups, self._catalog, self._held = taken, wakeups, catalog, held
        self._turn, self._writing = threading.Lock(), threading.Lock()
        self._hands: dict[tuple[str, int], Hand | None] = {}
        """What is in hand, by call and attempt; None while it is being taken."""
        self._left = threading.Event()
        self._told = False
        self._tidied = 0.0

    def run(self, told: threading.Event) -> None:
        """Work until told to stop, then until what is in hand has ended, or its time is over."""
        clerk = threading.Thread(target=self._clerk, name="clerk", daemon=True)
        self._write_down()
        clerk.start()
        threading.Thread(target=self._end, name="ender", daemon=True).start()
        asyncio.run(self._listen(told))
        self._told = True
        end = time.monotonic() + STOP_SECONDS
        while self._in_hand() and time.monotonic() < end:
            time.sleep(0.05)
        self._left.set()
        clerk.join()
        left = self._in_hand()
        if left:
            log.warning("%s calls are left in the middle; the service will find out what became of them", left)
        else:
            self._safely(self._taken.leave)

    async def _listen(self, told: threading.Event) -> None:
        stop = asyncio.Event()
        waiting = asyncio.create_task(_passed_on(told, stop))
        while not told.is_set():
            try:
                await self._wakeups.listen(self._woken, stop)
            except OSError as error:
                log.warning("the queue does not answer, and is tried again: %s", error)
            except Exception:
                log.exception("the queue was lost, and is tried again")
            await asyncio.sleep(0 if stop.is_set() else RETRY_SECONDS)
        await waiting

    async def _woken(self, call: str, attempt: int) -> None:
        """Carry out a call in a thread, which nothing that happens to the queue can end."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def work() -> None:
            try:
                self.carry_out(call, attempt)
            finally:
                _in_loop(loop, done.set)

        threading.Thread(target=work, name=f"call {call}", daemon=True).start()
        with suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), LONG_SECONDS)

    def carry_out(self, call: str, attempt: int) -> None:
        """Take a call, if it is still to be had, and do it."""
        with self._turn:
            if (call, attempt) in self._hands:  # woken twice for the same
                return
            self._hands[call, attempt] = None
        hold = self._take(call, attempt)
        if hold is not None:
            hand = Hand(hold, self._taken.warrant)
            with self._turn:
                self._hands[call, attempt] = hand
            self._do(hand)
        with self._turn:  # not where something was thrown: what has begun is never put back
            del self._hands[call, attempt]

    def _do(self, hand: Hand) -> None:
        """Do what is in hand, keep what is held by it, and say what came of it."""
        call = hand.hold.call
        self._held.about_to(call, hand.log)
        try:
            answer = done(self._catalog, call, hand)
        except NoneGiven as error:
            log.warning("%s", error)
            self._safely(lambda: self._taken.give_back(call.id, hand.hold.attempt))
            return
        self._held.answered(call, answer)
        self._report(hand, answer)

    def _take(self, call: str, attempt: int) -> Hold | None:
        """Take a call; None where that did not succeed, or nobody knows whether it has."""
        began = time.monotonic()
        try:
            hold = self._taken.take(call, attempt)
            if hold is not None and time.monotonic() - began > FRESH_SECONDS and not self._taken.holds(hold):
                return None
        except JitbotError as error:
            log.warning("the call %s could not be taken: %s", call, error)
            return None
        return hold

    def _report(self, hand: Hand, answer: Answer) -> None:
        """Write down what came of a call, however long the database takes to be there."""
        with self._writing:  # what the clerk has of it is written before
            said = hand.take(last=True)
        while True:
            try:
                if not self._taken.answer(hand.hold, answer, said):
                    log.warning("the call %s was given to another worker meanwhile", hand.hold.call.id)
            except JitbotError as error:
                log.warning("what came of the call %s cannot be written yet: %s", hand.hold.call.id, error)
                time.sleep(RETRY_SECONDS)
            except Exception as error:
                log.exception("the answer to the call %s cannot be written", hand.hold.call.id)
                answer, said = failed(error), ()
                time.sleep(RETRY_SECONDS)
            else:
                return

    def _clerk(self) -> None:
        while not self._left.wait(CLERK_SECONDS):
            try:
                with self._writing:
                    self._write_down()
            except Exception:
                log.exception("something could not be written down, and is tried again")
            if time.monotonic() - self._tidied > TIDY_SECONDS:
                self._tidied = time.monotonic()
                self._safely(self._taken.tidy)

    def _write_down(self) -> None:
        with self._turn:
            busy = set(self._hands)
            hands = [hand for hand in self._hands.values() if hand is not None]
        said = [(hand, hand.take()) for hand in hands]
        try:
            held = self._taken.tell(self._catalog.names(), [(hand.hold, some) for hand, some in said])
            with self._turn:
                busy |= set(self._hands)
            for call, attempt in set(held) - busy:
                self._taken.give_back(call, attempt)
            for call, attempt in () if self._told else set(self._taken.addressed()) - busy:
                threading.Thread(target=self.carry_out, args=(call, attempt), name=f"call {call}", daemon=True).start()
        except JitbotError as error:
            log.warning("nothing can be written down just now: %s", error)
            for hand, some in said:
                hand.put_back(some)
            return
        for hand in hands:
            if held.get((hand.hold.call.id, hand.hold.attempt), True):  # stopped, or given to another worker
                hand.stop()

    def _end(self) -> None:
        """Look again and again what is due and was ended by nobody."""
        while not self._left.wait(END_SECONDS):
            try:
                self._held.look(self._in_hand_until)
            except Exception:
                log.exception("what is due could not be looked at, and is again in a moment")

    def _in_hand_until(self, key: str) -> datetime | None:
        with self._turn:
            return max((hand.deadline for hand in self._hands.values() if hand and hand.key == key), default=None)

    def _in_hand(self) -> int:
        with self._turn:
            return len(self._hands)

    def _safely(self, do: Callable[[], None]) -> None:
        try:
            do()
        except JitbotError as error:
            log.warning("%s", error)


async def _passed_on(told: threading.Event, stop: asyncio.Event) -> None:
    await asyncio.to_thread(told.wait)
    stop.set()


def _in_loop(loop: asyncio.AbstractEventLoop, do: Callable[[], None]) -> None:
    """Have a loop do something, unless it has ended by now."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(do)
