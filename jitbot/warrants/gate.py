"""The gate before each act: nobody starts, extends or undoes anything but by a warrant that holds, once.

One function for workers and for the service itself. What does not hold is refused before anything has happened, with a
sentence that goes to the requester and, since it is never an accident, to the operators.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast

from pydantic import BaseModel, ValidationError

from jitbot.errors import NoWarrant, RunnerRefused, Tampered
from jitbot.model import Receipt
from jitbot.ports import Permitted, Run
from jitbot.warrants.ceiling import Ceiling
from jitbot.warrants.signing import Vouching, verified
from jitbot.warrants.spent import Spent
from jitbot.warrants.warrant import Deed, Warrant, receipt_digest

OTHER_RUN = "is for another run, or for another end, than this"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody is about to do. `once` says that a run has no second one of these, whatever is signed."""

    deed: Deed
    runner: str
    inputs: BaseModel
    receipt: Receipt | None = None
    once: bool = False


class Granted(Protocol):
    """What this machine has granted, kept by itself."""

    def permitted(self, warrant: Warrant) -> None:
        """Keep what is about to be done. Raises: OSError; then it is not done."""

    def knows(self, warrant: Warrant) -> bool:
        """Tell whether exactly this was granted here: then it may be undone, however low the ceiling is by now."""

    def holds(self, warrant: Warrant) -> bool:
        """Tell whether exactly this is granted here now."""


class Gate:
    """Checks warrants for one process; `now` is the clock of whoever acts."""

    def __init__(
        self,
        *,
        verifier: Vouching,
        now: Callable[[], datetime],
        spent: Spent,
        ceiling: Ceiling | None = None,
        granted: Granted | None = None,
        pool: str = "",
        worker: str = "",
    ) -> None:
        """Stand for a worker of a pool, or for the service itself, where both are empty."""
        self._verifier, self._now, self._spent, self._ceiling = verifier, now, spent, ceiling
        self._granted, self._pool, self._worker = granted, pool, worker

    def begin(self, act: Wanted, run: Run) -> None:
        """Have the warrant for an act signed or handed over, check it, and spend it. Raises: RunnerRefused."""
        if not hasattr(run, "warrant"):
            raise NoWarrant("Nobody has signed for it. Nothing was done.")
        signed = cast(Permitted, run).warrant(act.deed.value, act.receipt, self._worker)
        try:
            warrant = verified(self._verifier, signed)
        except Tampered as error:
            raise NoWarrant(f"{error} Nothing was done.") from error
        why = self._why_not(warrant, act, run)
        if why:
            raise NoWarrant(f"The warrant {why}. Nothing was done.")
        known = self._granted is not None and self._granted.knows(warrant)
        if not (known and act.deed is Deed.UNDO):
            self.within(act.runner, act.inputs)
        self._spend(warrant, act)
        run.deadline = warrant.start_before  # whatever was said of it on the way

    def _spend(self, warrant: Warrant, act: Wanted) -> None:
        """Use a warrant up, and have what it grants kept, before anything is done. Raises: RunnerRefused."""
        granted = self._granted
        if act.deed is Deed.EXTEND and granted is not None and not granted.holds(warrant):
            raise RunnerRefused("This worker does not hold that grant, and only the one that does can end it later.")
        key = f"{act.deed.value} {warrant.key}" if act.once else warrant.number
        try:
            fresh = self._spent.spend(key, warrant.start_before, self._now())
            if fresh and granted is not None:
                granted.permitted(warrant)
        except OSError as error:
            why = f"this machine cannot keep that it was used ({error.strerror})"
            raise NoWarrant(f"The warrant cannot be acted on: {why}. Nothing was done.") from error
        if not fresh:
            raise NoWarrant("The warrant was used before: each permits one act. Nothing was done.")

    def within(self, runner: str, inputs: BaseModel) -> None:
        """See that a runner and its inputs keep within the ceiling of this machine. Raises: NoWarrant."""
        ceiling = self._ceiling
        if ceiling is None:
            return
        for _, why in ceiling.faults(runner, inputs.model_dump(mode="json", exclude_defaults=True)):
            raise NoWarrant(f"It goes beyond the ceiling of this machine: {why}. Nothing was done.")

    def _why_not(self, warrant: Warrant, act: Wanted, run: Run) -> str:
        """Say why a warrant does not permit an act; nothing where it does."""
        now, timed = self._now(), act.deed is not Deed.RELEASE  # which may be found late, and touches nothing
        late = f"held until {warrant.start_before:%H:%M:%S} UTC, and it is {now:%H:%M:%S} here"
        reasons = (
            (warrant.deed is not act.deed, f"permits to {warrant.deed}, not to {act.deed}"),
            (warrant.pool != self._pool, f"is for {_place(warrant.pool)}, and this is {_place(self._pool)}"),
            (warrant.worker != self._worker, "is for another worker"),
            ((warrant.key, warrant.until) != (run.key, run.until), OTHER_RUN),
            (warrant.runner != act.runner or not _same(warrant, act), "is for other inputs than these"),
            (warrant.receipt != receipt_digest(act.receipt), "is for another receipt than this"),
            (timed and now >= warrant.start_before, late),
            (timed and act.deed is not Deed.UNDO and _over(warrant, now), "is for a grant whose time is over"),
        )
        return next((why for wrong, why in reasons if wrong), "")


def _same(warrant: Warrant, act: Wanted) -> bool:
    """Tell whether these are the inputs that were signed, as the runner of this machine reads them."""
    try:
        return type(act.inputs).model_validate(dict(warrant.inputs)) == act.inputs
    except ValidationError:
        return False


def _over(warrant: Warrant, now: datetime) -> bool:
    return warrant.until is not None and now >= warrant.until


def _place(pool: str) -> str:
    return f"pool {pool}" if pool else "the service itself"
