"""What a worker has granted, in a file of its own: it ends it on time, whoever else is gone by then."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from jitbot.model import Receipt
from jitbot.warrants.journal import Journal
from jitbot.warrants.warrant import Deed, Warrant

TIDY_AFTER = 200
"""After so many new records those of what has long ended are left out."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant. It is held from before its start was begun, since that may happen though nobody hears of it."""

    key: str
    runner: str
    inputs: Mapping[str, Any]
    ends_at: datetime
    lasts: float
    receipt: Mapping[str, Any] | None = None
    by_itself: bool = False
    """Whether this worker has ended it without being asked."""
    ended_at: datetime | None = None


_GRANT = TypeAdapter(Grant)


class Grants:
    """Keeps grants; each change is on disk before it is acted on. Safe for several threads."""

    def __init__(self, journal: Journal) -> None:
        """Read what is held. Raises: SettingsError."""
        self._journal = journal
        self._turn = threading.Lock()
        self._new = 0
        self._all = {grant.key: grant for grant in map(_read, journal.records())}

    def permitted(self, warrant: Warrant) -> None:
        """Keep what is about to be granted. Raises: OSError; then it must not be begun."""
        if warrant.deed is Deed.START and warrant.until is not None and warrant.lasts is not None:
            self._keep(Grant(warrant.key, warrant.runner, warrant.inputs, warrant.until, warrant.lasts))

    def knows(self, warrant: Warrant) -> bool:
        """Tell whether this worker has granted exactly what a warrant is about."""
        grant = self._all.get(warrant.key)
        return grant is not None and (grant.runner, dict(grant.inputs)) == (warrant.runner, dict(warrant.inputs))

    def holds(self, warrant: Warrant) -> bool:
        """Tell whether this worker holds exactly what a warrant is about."""
        return self.knows(warrant) and self._all[warrant.key].ended_at is None

    def started(self, key: str, receipt: Receipt, now: datetime) -> None:
        """Keep what a start came to: from now on it is held for its time, and no longer.

        That holds for one too that was over by then: it hung, and has landed behind its own undo.
        """
        grant = self._all.get(key)
        if grant is not None:
            ends_at = min(grant.ends_at, now + timedelta(seconds=grant.lasts))
            self._keep(replace(grant, receipt=dict(receipt.data), ends_at=ends_at, ended_at=None, by_itself=False))

    def based_on(self, key: str, earlier: Mapping[str, Any]) -> None:
        """Keep the receipt of an earlier grant of the same target: the last one to end undoes with it (ADR 0012)."""
        grant = self._all.get(key)
        if grant is not None:
            self._keep(replace(grant, receipt=dict(earlier)))

    def extended(self, key: str, until: datetime, receipt: Receipt) -> None:
        """Keep that a grant ends later."""
        grant = self._all.get(key)
        if grant is not None:
            self._keep(replace(grant, ends_at=until, receipt=dict(receipt.data) or grant.receipt))

    def ended(self, key: str, now: datetime, *, by_itself: bool = False) -> None:
        """Keep that a grant is over, or is none of this worker's business any more."""
        grant = self._all.get(key)
        if grant is not None and grant.ended_at is None:
            self._keep(replace(grant, ended_at=now, by_itself=by_itself))

    def held(self) -> Sequence[Grant]:
        """Return what is held, by its end."""
        with self._turn:
            return sorted((each for each in self._all.values() if each.ended_at is None), key=lambda each: each.ends_at)

    def of(self, key: str) -> Grant | None:
        """Return the grant of one run, ended or not; None where this worker knows none."""
        return self._all.get(key)

    def _keep(self, grant: Grant) -> None:
        with self._turn:
            self._journal.append(_GRANT.dump_python(grant, mode="json"))
            self._all[grant.key] = grant
            self._new += 1
            if self._new >= TIDY_AFTER:
                self._tidy(grant)

    def _tidy(self, newest: Grant) -> None:
        self._new = 0
        recently = sorted(self._all.values(), key=lambda each: each.ends_at)[-TIDY_AFTER:]
        self._all = {each.key: each for each in self._all.values() if each.ended_at is None or each in recently}
        self._all[newest.key] = newest
        self._journal.rewrite(_GRANT.dump_python(each, mode="json") for each in self._all.values())


def _read(record: Mapping[str, Any]) -> Grant:
    return _GRANT.validate_python(record)
