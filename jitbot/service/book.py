"""The policies in force: the last good set, whatever the files say now.

Which set that is, the signed record says, and every process decides by that one. One process at a time looks at its
files: it puts them in force when it begins to look and when they have changed. The others follow. A bad edit never
replaces a good set. A bad set at the start of a process that looks leaves it *ends-only*: what runs still ends, is
undone and can be dropped, and new requests are refused with the file and line.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from jitbot.errors import PolicyError, Tampered, Unavailable
from jitbot.model import AuditEvent, Author, Changes, Identity, Policy
from jitbot.policy.changes import compare
from jitbot.policy.files.load import digest
from jitbot.ports import Ledger, PolicySets, Trail
from jitbot.service.announcing import IN_FORCE, Change, announce, say_again
from jitbot.service.halts import StandingHalts

Files = Mapping[str, str]
NONE_YET = "No policies are in force yet: a process with the role clock puts them in force."

AFFIRMED_EVERY = 10_000
"""After so many events it is put on record once more which set is in force."""


@dataclass(frozen=True, slots=True)
class Folder:
    """The policy files of this process.

    `read` gives their text and `load` checks it, both raising PolicyError; `rest` waits for a moment, so that files
    that are being written are noticed; `author` says who stands behind them.
    """

    read: Callable[[], Files]
    load: Callable[[Files], Policy]
    rest: Callable[[], None]
    author: Callable[[Files], Author]


class Book:
    """Holds the policies. `reload` is all that changes them."""

    def __init__(self, folder: Folder, sets: PolicySets, ledger: Ledger, trail: Trail, identity: Identity) -> None:
        """`identity` tells whose accounts a halt is about; it raises NotFound and DirectoryUnavailable."""
        self._folder = folder
        self._sets = sets
        self._ledger = ledger
        self._trail = trail
        self.halts = StandingHalts(ledger, trail, identity)
        """Which halts stand; every event that says which policies are in force vouches for the newest about them."""
        self._turn = threading.Lock()
        self._seen: Files | None = None
        self._policy: Policy | None = None
        self._event: AuditEvent | None = None
        """The newest event that says which set is in force."""
        self._began: AuditEvent | None = None
        self._wrong = ""
        """What is wrong with our own files as they are now."""
        self._lost = ""
        """Why the set in force could not be taken from another process."""
        self.change: Change | None = None
        """What this process has put in force and nobody has followed up yet."""

    @property
    def policy(self) -> Policy:
        """Return the set in force; empty while there is none."""
        return self._policy or Policy()

    @property
    def fault(self) -> str:
        """Return why the set in force, or the files as they are now, are not decided by here; empty when they are."""
        return self._lost or self._wrong

    @property
    def ends_only(self) -> bool:
        """Tell whether there is no good set at all."""
        return self._policy is None

    @property
    def none_yet(self) -> bool:
        """Tell whether nothing was ever in force, and others have to see to that."""
        return self._lost == NONE_YET

    @property
    def since(self) -> AuditEvent | None:
        """Return the event by which the present set came into force, as far as this process knows."""
        return self._began

    def for_new(self) -> Policy:
        """Return the set by which new requests are decided. Raises: Unavailable, with the file and line."""
        if self.none_yet:
            raise Unavailable(f"No new requests now. {NONE_YET}")
        if self._policy is None:
            raise Unavailable(f"No new requests now: the policies are broken.\n{self.fault}")
        return self._policy

    def reload(self) -> None:
        """Follow what is in force, and put our own files in force if they have changed. Raises: StoreUnavailable."""
        with self._turn:
            if self._followed(looks=True):
                try:
                    self._look()
                except PolicyError as error:
                    self._wrong = str(error)

    def follow(self) -> None:
        """Follow what is in force, without a look at the files. Raises: StoreUnavailable."""
        if self._turn.acquire(blocking=False):  # whoever has the turn is following just now
            try:
                self._followed(looks=False)
            finally:
                self._turn.release()

    def affirm(self) -> None:
        """Put on record once more which set is in force, after many other events. Raises: StoreUnavailable.

        Whoever starts verifies the record from the newest such event on, so that this is what keeps a start short.
        """
        with self._turn:
            known = self._event
            if known is None or self._policy is None or self._lost:
                return
            if self._trail.count() - known.seq < AFFIRMED_EVERY:
                return
            with suppress(Tampered), self._ledger.begin() as entry:
                entry.alone(IN_FORCE)
                if self._trail.latest(IN_FORCE, known.seq) is None:  # else another process was faster
                    say_again(entry, self._policy.digest, self.halts.vouched)
            self._followed(looks=False)

    def differ(self, old: str) -> Changes | None:
        """Return what differs between an older set and the one in force; None where the older one cannot be told."""
        return self._compared(old, self.policy)

    def _followed(self, *, looks: bool) -> bool:
        """Follow, and tell whether it is known at all which set is in force."""
        try:
            self._follow(looks=looks)
        except PolicyError as error:  # the set before could allow what the one in force does not
            self._policy = None
            self._lost = f"The policies that are in force cannot be used here.\n{error}"
        except Tampered as error:
            self._policy, self._seen = None, None
            self._lost = f"Which policies are in force cannot be told: {error}"
            return False
        return True

    def _follow(self, *, looks: bool) -> None:
        """Take what another process has put in force; at the start not where our own files will be looked at at once.

        Raises: PolicyError, Tampered.
        """
        event = self._trail.latest(IN_FORCE, self._event.seq if self._event else 0)
        if event is None:
            self._lost = "" if looks or self._event or self._policy else NONE_YET
            return
        started, wanted = self._event is None, str(event.body["digest"])
        if (started and looks) or wanted == self.policy.digest:
            self._note(event)
            return
        policy = self._folder.load(self._sets.files(wanted) or {})
        if policy.digest != wanted:
            raise Tampered(f"the files kept for the set {wanted[:12]} are others.")
        self._policy = policy
        self._note(event)

    def _look(self) -> None:
        """Put the files in force where they are others than before and at rest. Raises: PolicyError."""
        try:
            files = dict(self._folder.read())
        except PolicyError:
            self._seen = None
            raise
        if files == self._seen and not self._wrong:
            return
        if files != self._seen and self._event is not None and digest(files) != self._event.body["digest"]:
            self._folder.rest()
            if files != self._folder.read():
                return
        self._seen = files
        policy = self._folder.load(files)
        if policy.digest != self.policy.digest:
            self._seen = None  # until they are in force: the database may not answer
            self._put_in_force(policy, files)
        self._seen, self._wrong = files, ""

    def _put_in_force(self, policy: Policy, files: Files) -> None:
        """Have this set decide from now on, everywhere, and put on record who changed what."""
        self._sets.keep(policy.digest, files)
        author = self._folder.author(files)
        with self._ledger.begin() as entry:
            entry.alone(IN_FORCE)
            newer = self._trail.latest(IN_FORCE, self._event.seq if self._event else 0) or self._event
            before = str(newer.body["digest"]) if newer else ""
            if before != policy.digest:
                change = Change(policy.digest, before, author, self._since(before, policy))
                announce(entry, change, self.halts.vouched)
        if before != policy.digest:
            self.change = change
        self._policy, self._lost = policy, ""
        event = self._trail.latest(IN_FORCE, self._event.seq if self._event else 0)
        if event is not None and event.body["digest"] == policy.digest:  # else the next look follows somebody else's
            self._note(event)

    def _note(self, event: AuditEvent) -> None:
        """Remember the newest event that says what is in force; it may only say again what an older one said."""
        if self._began is None or self._began.body["digest"] != event.body["digest"]:
            self._began = event
        self._event, self._lost = event, ""

    def _since(self, before: str, policy: Policy) -> Changes:
        """Return what has changed since the set that was in force."""
        if before == self.policy.digest:
            return compare(self.policy, policy)
        return self._compared(before, policy) or compare(Policy(), policy)

    def _compared(self, old: str, policy: Policy) -> Changes | None:
        files = self._sets.files(old)
        try:
            return None if files is None else compare(self._folder.load(files), policy)
        except PolicyError:  # a runner of then is not installed any more
            return None
