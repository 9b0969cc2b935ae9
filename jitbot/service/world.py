"""What every use case is given: the ports, the policies in force, and nothing of any vendor."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from jitbot.errors import InvalidInput, RunnerError, RunnerRefused
from jitbot.model import Health, HealthState, Receipt, Request
from jitbot.ports import Catalog, Delegations, Directory, Inbox, Ledger, Queue, Runner, Sources, Trail
from jitbot.service.book import Book

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class World:
    """The ports of one jitbot process. `name` tells its claims from those of other processes."""

    ledger: Ledger
    inbox: Inbox
    trail: Trail
    delegations: Delegations
    directory: Directory
    catalog: Catalog
    sources: Sources
    queue: Queue
    book: Book
    name: str
    lease: timedelta = timedelta(seconds=20)
    """How long a claim lasts unless it is renewed; so long a lost worker's request waits for another."""

    def runner(self, request: Request) -> tuple[Runner, Any]:
        """Return what runs a request, and its typed inputs.

        Raises: RunnerRefused where it is not installed any more, InvalidInput where it takes other inputs now.
        """
        name = request.snapshot.runner
        try:
            return self.catalog.runner(name), self.catalog.inputs(name, request.snapshot.inputs)
        except KeyError:
            raise RunnerRefused(f"the runner {name} is not installed here any more") from None

    def health(self, request: Request) -> Health:
        """Return how what a request started is, as its runner's check sees it; UNKNOWN where that cannot be told."""
        receipt = None if request.receipt is None else Receipt(request.receipt)
        try:
            runner, inputs = self.runner(request)
            by_key = getattr(runner, "check_by_key", None) if receipt is None else None
            return by_key(inputs, request.run_key) if by_key else runner.check(inputs, receipt)
        except (RunnerError, InvalidInput) as error:
            log.warning("%s could not be checked: %s", request.name, error)
            return Health(HealthState.UNKNOWN, str(error))
