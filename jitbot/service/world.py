"""What every use case is given: the ports, the policies in force, and nothing of any vendor."""

from dataclasses import dataclass
from datetime import timedelta

from jitbot.ports import Catalog, Directory, Inbox, Ledger, Queue, Trail
from jitbot.service.book import Book


@dataclass(frozen=True, slots=True)
class World:
    """The ports of one jitbot process. `name` tells its claims from those of other processes."""

    ledger: Ledger
    inbox: Inbox
    trail: Trail
    directory: Directory
    catalog: Catalog
    queue: Queue
    book: Book
    name: str
    lease: timedelta = timedelta(seconds=20)
    """How long a claim lasts unless it is renewed; so long a lost worker's request waits for another."""
