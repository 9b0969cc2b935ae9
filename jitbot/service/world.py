"""What every use case is given: the ports, the policies in force, and nothing of any vendor."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from jitbot.errors import Conflict, InvalidInput, RunnerError, RunnerRefused, StoreUnavailable
from jitbot.model import Allowance, Health, HealthState, Receipt, Request, State
from jitbot.ports import (
    Catalog,
    ChecksByKey,
    Delegations,
    Directory,
    Forgetting,
    Inbox,
    Ledger,
    Outputs,
    Queue,
    Runner,
    Sources,
    Trail,
)
from jitbot.service.book import Book
from jitbot.service.claims import Claims
from jitbot.service.drafting import runners_of
from jitbot.service.halts import StandingHalts
from jitbot.service.parts import looked_at, whole_health
from jitbot.service.results import Results
from jitbot.warrants.signing import Issuer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class World:
    """The ports of one jitbot process. `name` tells its claims from those of other processes."""

    ledger: Ledger
    inbox: Inbox
    trail: Trail
    outputs: Outputs
    delegations: Delegations
    directory: Directory
    catalog: Catalog
    sources: Sources
    queue: Queue
    book: Book
    forgetting: Forgetting
    warrants: Issuer
    name: str
    lease: timedelta = timedelta(seconds=20)
    """How long a claim lasts unless it is renewed; so long a lost worker's request waits for another."""
    keep_output: timedelta = timedelta(days=30)
    """How long output is kept after the end of its request."""
    redact: Callable[[str], str] = str
    """Takes out of a text what is a secret, or looks like one."""
    allowance: Allowance = field(default_factory=Allowance)
    """How much one person may ask for."""
    keep_messages: timedelta = timedelta(days=7)
    """How long what came in and is done is kept, and what could not be said."""
    keep_record: timedelta = timedelta(days=400)
    """How long requests are kept after their end, and what their events say."""
    results: Results = field(default_factory=Results)
    claims: Claims = field(default_factory=Claims)
    """What this process holds, by its own clock."""

    @property
    def halts(self) -> StandingHalts:
        """Which halts stand."""
        return self.book.halts

    def assure(self, request: Request, by: datetime | None = None) -> None:
        """See that a claim is still ours, as late as possible before an act, and that its time is not over.

        Costs nothing as long as our own clock is sure. After a pause only the database knows whether somebody else has
        claimed it meanwhile. A pause after this, inside the runner's own call, nobody can see. Raises: Conflict.
        """
        if self.claims.hold(request):
            return
        asked = self.claims.clock()
        try:
            ours = self.ledger.renew(request, self.lease)
        except StoreUnavailable as error:
            raise Conflict(f"nobody could tell whether others have taken over. {error}") from error
        if not ours:
            raise Conflict("this process was stopped for so long that others have taken over")
        self.claims.keep(request, asked + self.lease.total_seconds())
        if by is not None and self.ledger.now() >= by:
            raise Conflict("this process was stopped until the time for it was over")

    def runner(self, request: Request, part: int | None = None) -> tuple[Runner, Any]:
        """Return what runs a request, and its typed inputs; those of one of its parts where it has any.

        Raises: RunnerRefused where it is not installed any more, InvalidInput where it takes other inputs now.
        """
        return runner_of(self.catalog, request, part)

    def repeatable(self, request: Request) -> bool:
        """Tell whether the start of a request, or of any part of it, may be repeated; False where that is not known.

        In a pool it may be asked for again: a start is known there by its key, and is the same one.
        """
        if request.snapshot.pool:
            return True
        try:
            return self.runner(request, 0 if request.snapshot.parts else None)[0].repeatable
        except (RunnerError, InvalidInput):
            return False

    def health(self, request: Request) -> Health:
        """Return how what a request started is, as its runner's check sees it; UNKNOWN where that cannot be told."""
        return health_of(self.catalog, request)

    def part_health(self, request: Request, part: int) -> Health:
        """Return how one part is; UNKNOWN where that cannot be told."""
        return _part_health(self.catalog, request, part)


def runner_of(catalog: Catalog, request: Request, part: int | None = None) -> tuple[Runner, Any]:
    """Return what runs a request or one of its parts, and its typed inputs. Raises: RunnerRefused, InvalidInput."""
    name, inputs = request.snapshot.runner, request.snapshot.inputs
    if part is not None:
        inputs = inputs[request.snapshot.parts[part].name]
    catalog = runners_of(catalog, request.snapshot.pool)
    try:
        return catalog.runner(name), catalog.inputs(name, inputs)
    except KeyError:
        raise RunnerRefused(f"the runner {name} is not installed here any more") from None


def health_of(catalog: Catalog, request: Request) -> Health:
    """Return how what a request started is; of many targets, the worst of those that were begun."""
    if request.snapshot.parts:
        names = {each: request.snapshot.parts[each].name for each in looked_at(request)}
        return whole_health({name: _part_health(catalog, request, each) for each, name in names.items()})
    # Where the start never answered, a receipt is that of another holder of the target (ADR 0012): it vouches for that
    # one, and says nothing of this start.
    unanswered = request.state is State.UNSURE
    return _checked(catalog, request, None if unanswered else request.receipt)


def _part_health(catalog: Catalog, request: Request, part: int) -> Health:
    receipt = request.progress[part].receipt if request.progress else None
    return _checked(catalog, request, receipt, part)


def _checked(catalog: Catalog, request: Request, kept: Mapping[str, Any] | None, part: int | None = None) -> Health:
    try:
        runner, inputs = runner_of(catalog, request, part)
        if kept is None and hasattr(runner, "check_by_key"):
            return cast(ChecksByKey, runner).check_by_key(inputs, request.key_of(part))
        return runner.check(inputs, None if kept is None else Receipt(kept))
    except (RunnerError, InvalidInput) as error:
        log.warning("%s could not be checked: %s", request.name, error)
        return Health(HealthState.UNKNOWN, str(error))
