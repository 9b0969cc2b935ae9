"""A store on each of the two databases."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from jitbot.audit import Verifier
from jitbot.model import Request
from jitbot.store.boxes import StoreInbox, StoreOutbox
from jitbot.store.engine import Database
from jitbot.store.keys import open_key
from jitbot.store.ledger import StoreLedger
from jitbot.store.trail import StoreTrail
from tests.unit.core.builders import a_request

LEASE = timedelta(seconds=20)


@dataclass
class Store:
    """Everything that is kept on one database; `forward` moves its clock."""

    url: str
    folder: Path
    database: Database = field(init=False)

    def __post_init__(self) -> None:
        keys = open_key(self.folder / "signing.key")
        self.database = Database(self.url)
        self.ledger = StoreLedger(self.database, keys)
        self.trail = StoreTrail(self.database, Verifier(keys.public))
        self.inbox = StoreInbox(self.database, keys, self.trail)
        self.outbox = StoreOutbox(self.database)

    def forward(self, **length: float) -> None:
        self.database.offset += timedelta(**length)

    def add(self, **changes: object) -> Request:
        with self.ledger.begin() as entry:
            return entry.add(a_request(**{"due_at": entry.now, **changes}), by="U0ANN")


@pytest.fixture
def store(ready_url: str, tmp_path: Path) -> Iterator[Store]:
    store = Store(ready_url, tmp_path)
    yield store
    store.database.close()
