"""What a worker holds by what it was asked: kept in its own file, and ended on time whoever else is gone."""

import logging
from collections.abc import Callable
from datetime import datetime

from jitbot.model import Receipt
from jitbot.pools.calls import Answer, Call, Kind, Word
from jitbot.pools.ender import Ender
from jitbot.pools.grants import Grants
from jitbot.ports import Catalog

log = logging.getLogger(__name__)


class Held:
    """A worker's grants and their ends. `catalog` has the runners themselves, without the gate before them."""

    def __init__(self, grants: Grants, catalog: Catalog, now: Callable[[], datetime]) -> None:
        self._grants, self._now = grants, now
        self._ender = Ender(grants, catalog, now)
        self.look = self._ender.look

    def about_to(self, call: Call, say: Callable[[str], None]) -> None:
        """Say what whoever asks for an undo does not know: that it was done at its time, while nobody could ask."""
        grant = self._grants.of(call.key) if call.kind is Kind.UNDO else None
        if grant is not None and grant.by_itself and grant.ended_at is not None:
            at = f"{grant.ended_at:%Y-%m-%d %H:%M:%S} UTC"
            say(f"The worker had ended this by itself at {at}, since nobody had asked for it.")

    def answered(self, call: Call, answer: Answer) -> None:
        """Keep what follows from an answer; one that cannot be kept is found out at the end, by one more undo."""
        try:
            self._follow(call, answer)
        except OSError:
            log.exception("what came of the call %s could not be kept here", call.id)

    def _follow(self, call: Call, answer: Answer) -> None:
        if answer.word is Word.DONE and call.kind is Kind.START:
            self._started(call.key, answer.value)
        elif answer.word is Word.DONE and call.kind is Kind.EXTEND and call.until is not None:
            self._grants.extended(call.key, call.until, answer.value)
        elif _over(call, answer):
            self._grants.ended(call.key, self._now())

    def _started(self, key: str, receipt: Receipt) -> None:
        self._grants.started(key, receipt, self._now())
        grant = self._grants.of(key)
        base = None if grant is None else self._ender.base(grant)
        if base is not None and base.receipt is not None:
            self._grants.based_on(key, base.receipt)


def _over(call: Call, answer: Answer) -> bool:
    """Tell whether nothing is held by a run any more: it was undone or let go, or its start did nothing."""
    if call.kind is Kind.START:
        return answer.word is Word.REFUSED
    return answer.word is Word.DONE and call.kind in (Kind.UNDO, Kind.RELEASE)
