"""One call on a worker, followed from the service until it is known what came of it.

What is observed is believed only while the queue is looked at without a gap: after a time in which the database was
away, a worker is silent because it could not be heard, and gets its time once more.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jitbot.errors import (
    NoWarrant,
    PoolUnavailable,
    RunnerCutOff,
    RunnerError,
    RunnerRefused,
    RunnerUnsure,
    StoreUnavailable,
    WorkerLost,
)
from jitbot.pools.asked import Asked, Seen
from jitbot.pools.calls import Answer, Call, CallState, Kind, Word
from jitbot.pools.trust import Trust
from jitbot.ports import Run
from jitbot.runners.guard import why_halted

log = logging.getLogger(__name__)

LOST_SECONDS = 20.0
"""After so long without a sign a worker is given up."""
WAKE_SECONDS = 5.0
"""How often workers are woken again for a call that nobody takes: a wake-up dies with the worker that has it."""
SHORTEST, LONGEST = 0.02, 0.5
"""How often it is looked, in seconds: often at first, for what takes a moment."""
MOST_ATTEMPTS = 3
"""A call that has cost so many workers is not given to another one."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds are waited for a worker to take a call, and for its answer; None is as long as it takes."""

    take: float | None = None
    answer: float | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """What is to be done, not only looked at: the run that it is for, and who signs for it once a worker has it.

    `permit` takes the key of that worker. It raises RunnerError where it may not have leave, and StoreUnavailable.
    """

    run: Run
    permit: Callable[[str], str]


class Following:
    """Asks for one call, or finds it asked for already, and waits for its answer."""

    def __init__(
        self, asked: Asked, trust: Trust, call: Call, patience: Patience, *, act: Act | None = None, again: bool = False
    ) -> None:
        """`again` says that another worker may begin it when one was lost; a look is no act."""
        self._asked, self._trust, self._call, self._patience = asked, trust, call, patience
        self._act, self._again = act, again
        self._run = None if act is None else act.run
        self._began = time.monotonic()
        self._woken = self._began
        self._read_to = 0
        self._told_to_stop = self._away = False
        self._silent: tuple[object, float] = (None, self._began)
        """The last sign of the worker, and since when it is the last one (monotonic seconds)."""

    def to_its_end(self) -> Any:
        """Return what the runner returned. Raises: RunnerRefused, RunnerUnsure, PoolUnavailable, WorkerLost."""
        wait, asked = SHORTEST, False
        while True:
            try:
                if not asked:
                    self._ask()
                    asked = True
                seen = self._seen()
                answer = self._follow(seen)
            except StoreUnavailable as error:
                self._unread(error)
            else:
                self._away = False
                if answer is not None:
                    return believed(answer)
                if seen.lines:  # there may be more at once
                    wait = SHORTEST
            time.sleep(wait)
            wait = min(wait * 1.5, LONGEST)

    def _ask(self) -> None:
        """Put the call up, or find it; where it is not known whether that was written, it is asked for again.

        What is halted is only found: it may have been begun before.
        """
        halted = self._halted()
        if halted and self._asked.look(self._call.id) is None:
            raise RunnerRefused(f"It was not given to a worker, so nothing was done: {halted}")
        if not self._asked.ask(self._call, self._patience.take):
            raise RunnerRefused(
                f"Pool {self._asked.pool} has a run {self._call.key} with other inputs, perhaps of another database. "
                "Nothing was done. Empty the pool's schema, if the ledger was restored or begun anew."
            )

    def _follow(self, seen: Seen) -> Answer | None:
        """Go on by what is seen; returns the answer once there is one."""
        for line in seen.lines:
            if self._run is not None:
                (self._run.result if line.result else self._run.log)(line.text)
        self._read_to = seen.read_to
        if seen.state is CallState.ANSWERED:
            return None if seen.lines else self._answer(seen)  # there may be more lines than one look returns
        if seen.state is CallState.LOST:
            raise self._lost(seen)
        if seen.state is CallState.WITHDRAWN:
            raise self._not_begun(
                seen, RunnerRefused("It was taken back before a worker had begun it; nothing was done.")
            )
        if seen.state is CallState.WAITING:
            self._wait(seen)
        else:
            self._watch(seen)
        return None

    def _wait(self, seen: Seen) -> None:
        """Nobody has taken it: take it back when it is too late or not wanted any more, else wake somebody again."""
        stopped = "it was stopped" if self._stopping() else self._halted()
        if (seen.too_late or stopped) and self._asked.withdraw(self._call.id):
            refused = RunnerRefused(f"No worker had begun it, so nothing was done: {stopped}.")
            raise self._not_begun(seen, refused if stopped else PoolUnavailable(self._nobody()))
        if time.monotonic() - self._woken > WAKE_SECONDS:
            self._woken = time.monotonic()
            self._asked.wake(self._call.id, seen.attempt)

    def _watch(self, seen: Seen) -> None:
        """A worker has it: sign for it, tell it to stop where that is wanted, and see that it is alive."""
        if self._act is not None and seen.warranted != seen.holder:
            self._permit(self._act, seen)
        if self._stopping() and not self._told_to_stop:
            self._asked.stop(self._call.id)
            self._told_to_stop = True
        now, sign = time.monotonic(), (seen.worker, seen.seen_at, seen.attempt)
        if sign != self._silent[0]:
            self._silent = (sign, now)
        elif now - self._silent[1] > LOST_SECONDS:
            self._give_up(seen)
        if self._patience.answer is not None and now - self._began > (self._patience.take or 0) + self._patience.answer:
            raise PoolUnavailable(f"{self._who(seen)} has not answered within {self._patience.answer:g} s.")

    def _permit(self, act: Act, seen: Seen) -> None:
        """Hand the worker a warrant of its own. Raises: NoWarrant, RunnerUnsure, where it may not have one."""
        try:
            if not self._trust.knows(seen.worker_key):
                raise NoWarrant(f"{self._who(seen)} has a key that JITBOT_POOL_KEYS does not list; nothing was done.")
            self._asked.permit(self._call.id, seen, act.permit(seen.worker_key))
        except RunnerError as error:
            if self._asked.turn_away(self._call.id, seen):
                raise self._not_begun(seen, error) from error

    def _give_up(self, seen: Seen) -> None:
        """Have another worker begin where that may be, else leave it lost: it may have happened."""
        self._silent = (None, time.monotonic())
        if self._again and seen.attempt < MOST_ATTEMPTS and not seen.too_late:
            if self._asked.again(self._call.id, seen):
                log.warning("%s is lost; the call %s is put up again", self._who(seen), self._call.id)
        elif self._asked.lose(self._call.id, seen):
            raise self._lost(seen)

    def _seen(self) -> Seen:
        seen = self._asked.look(self._call.id, self._read_to)
        if seen is None:  # somebody has emptied it
            raise RunnerUnsure(f"The call {self._call.id} is not in the queue of pool {self._asked.pool} any more.")
        return seen

    def _unread(self, error: StoreUnavailable) -> None:
        """Begin to observe anew; a look does not wait for a database that is away."""
        self._silent = (None, time.monotonic())
        if self._patience.answer is not None:
            raise PoolUnavailable(str(error)) from error
        if not self._away:
            log.warning("call %s is followed on: %s", self._call.id, error)
        self._away = True

    def _answer(self, seen: Seen) -> Answer:
        try:
            return self._trust.answer(self._call.id, self._call.kind, seen)
        except ValueError as error:
            if self._act is None:
                raise PoolUnavailable(f"{self._who(seen)} gave an answer that is none. {error}") from error
            raise RunnerUnsure(f"{self._who(seen)} gave an answer that is none: it may have happened.") from error

    def _lost(self, seen: Seen) -> RunnerError:
        if self._patience.answer is not None:
            return PoolUnavailable(f"{self._who(seen)} does not answer any more.")
        return WorkerLost(f"{self._who(seen)} was lost after it had begun.")

    def _not_begun(self, seen: Seen, error: RunnerError) -> RunnerError:
        """Return what to say of a call that was taken back; one that was put up again may have happened before."""
        if seen.attempt == 1:
            return error
        return WorkerLost("The worker that had begun it was lost, and no other one came.")

    def _stopping(self) -> bool:
        return self._run is not None and self._run.stopping()

    def _halted(self) -> str:
        return "" if self._run is None else why_halted(self._run)

    def _who(self, seen: Seen) -> str:
        return f"The worker {seen.worker} of pool {self._asked.pool}"

    def _nobody(self) -> str:
        within = "in time" if self._patience.take is None else f"within {self._patience.take:g} s"
        return f"No worker of pool {self._asked.pool} answered {within}; nothing was done."


def late_answer(asked: Asked, trust: Trust, start: str) -> Any:
    """Return what a start has come to, if it was answered by now; None if it was not. Raises: RunnerError."""
    try:
        seen = asked.look(start)
    except StoreUnavailable as error:
        raise RunnerUnsure(str(error)) from error
    if seen is None or seen.state is not CallState.ANSWERED:
        return None
    try:
        return believed(trust.answer(start, Kind.START, seen))
    except ValueError:
        return None


def believed(answer: Answer) -> Any:
    """Return what a runner returned, or raise what it raised."""
    if answer.word is Word.REFUSED:
        raise RunnerRefused(answer.said)
    if answer.word is Word.BARRED:
        raise NoWarrant(answer.said)
    if answer.word is Word.CUT_OFF:
        raise RunnerCutOff(answer.said)
    if answer.word is Word.UNSURE:
        raise RunnerUnsure(answer.said)
    return answer.value
