"""What is asked again and again looks up what it wants: it never goes through a whole table, however long that is."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Connection

from jitbot.errors import Conflict, NotFound, Tampered
from jitbot.model import Became, Counting, Past, RequestId, State, UserId
from jitbot.store.delegations import SignedDelegations
from jitbot.store.history import StoreHistory
from jitbot.store.outputs import StoreOutputs
from jitbot.store.upgrade import ready
from tests.contract.conftest import Store
from tests.integration.test_store_errors import CALLS
from tests.unit.core.builders import NOW, a_request

GROWING = ("requests", "events", "inbox", "reviews", "copies", "outputs", "output_chunks", "outbox", "obligations")
LOOKS_THROUGH = {
    "ledger.find": "the newest of all requests, by their numbers, up to a limit",
    "trail.events": "pages through the whole record",
    "trail.settled": "goes back from the newest event to the time of one delivery, and no further",
    "trail.verify": "verifies the whole record",
    "ledger.resume": "the newest event, by its number",
    "outbox.parked": "`doctor` lists what was given up, which is little",
    "outbox.take_over": "what waits to be said is little, and it is taken over once",
}
"""What goes through a table on purpose, with why."""
SMALL = tuple(f"ix_events_{what}" for what in ("owed", "policies", "key", "forgotten", "halts", "members"))
"""Indexes over a few rows only, that may be gone through."""
ANN = UserId("U0ANN")
EVERYTHING = Counting(
    quotas={"r": timedelta(hours=1)}, grants=True, cool_down=timedelta(hours=1), apart=timedelta(days=30)
)


def count_of(became: Became, store: Store) -> int:
    return StoreHistory(store.database).count(Past(NOW, RequestId(1), became=became))


def asked(store: Store) -> object:
    with store.ledger.begin() as entry:
        return entry.asked(ANN, NOW, 30)


MORE: dict[str, Callable[[Store], object]] = {
    "find of a person": lambda store: store.ledger.find(requester=ANN),
    "find of what a person holds": lambda store: store.ledger.find(requester=ANN, states=[State.ACTIVE, State.RUNNING]),
    "find of what waits": lambda store: store.ledger.find(states=[State.PENDING]),
    "what somebody has asked": asked,
    "tally of everything": lambda store: store.ledger.tally(a_request(), EVERYTHING),
    "outputs of one": lambda store: StoreOutputs(store.database).of(RequestId(1)),
    "outputs to delete": lambda store: StoreOutputs(store.database).forget(NOW, 10),
    "latest about members": lambda store: store.trail.latest("members"),
    "latest about halts": lambda store: store.trail.latest("halts"),
    "delegations in force": lambda store: SignedDelegations(store.database, store.trail).standing(NOW),
}
MORE |= {f"history of what was {each.value}": partial(count_of, each) for each in Became}
ASKED = {name: call for name, call in (CALLS | MORE).items() if name not in LOOKS_THROUGH}


@pytest.fixture
def store(ready_url: str, tmp_path: Path) -> Iterator[Store]:
    store = Store(ready_url, tmp_path)
    with store.ledger.begin() as entry:
        entry.add(a_request(due_at=entry.now), by="U0ANN")
    yield store
    store.database.close()


@contextmanager
def plans() -> Iterator[list[str]]:
    """Collect the plan of everything that is sent within the `with` block."""
    found: list[str] = []

    def explain(connection: Connection, cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        if not re.match(r"\s*(SELECT|UPDATE|DELETE)", statement):
            return
        if connection.dialect.name == "sqlite":
            rows = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", values[0] if many else values)
            found.extend(str(row[-1]) for row in rows)
        else:
            with cursor.connection.cursor() as own:
                own.execute("SET enable_seqscan = off")  # the tables are nearly empty: is there any other way at all?
                own.execute(f"EXPLAIN {statement}", values[0] if many else values)
                found.extend(str(row[0]) for row in own.fetchall())
                own.execute("SET enable_seqscan = on")

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", explain)


@pytest.mark.parametrize("name", ASKED)
def test_it_never_goes_through_a_whole_table(store: Store, name: str) -> None:
    with plans() as found, suppress(Conflict, NotFound, Tampered):
        ASKED[name](store)
    whole = re.compile(rf"(?:SCAN|Seq Scan on) (?:{'|'.join(GROWING)})\b")
    assert [line for line in found if whole.search(line) and not line.endswith(SMALL)] == []


def test_what_waits_is_not_gone_through_to_see_that_all_of_it_is_decided_by_the_set_in_force(tmp_path: Path) -> None:
    """On SQLite, whose plans hang on the words of a query; Postgres chooses by what the tables hold."""
    url = f"sqlite:///{tmp_path}/jitbot.db"
    ready(url)
    store = Store(url, tmp_path)
    with plans() as found, closing(store.database):
        store.ledger.outdated("d", 100)
    assert sum("ix_requests_policy (state=? AND policy_digest" in line for line in found) == 2
