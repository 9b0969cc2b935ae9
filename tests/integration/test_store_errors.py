"""No error of the database library escapes, and nothing is half written."""

import inspect
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import inspect as look

from jitbot.audit import GENESIS, Mark
from jitbot.errors import SettingsError, StoreUnavailable
from jitbot.model import Copy, Counting, Delivery, DeliveryKind, Outgoing, Past, RequestId, State, Topic, UserId
from jitbot.store.boxes import StoreInbox, StoreOutbox
from jitbot.store.columns import Instant
from jitbot.store.delegations import SignedDelegations
from jitbot.store.engine import Database
from jitbot.store.forgetting import StoreForgetting
from jitbot.store.heads import StoreHeads
from jitbot.store.history import StoreHistory
from jitbot.store.keys import open_key
from jitbot.store.ledger import StoreLedger
from jitbot.store.policy_sets import PolicySets
from jitbot.store.trail import StoreTrail
from jitbot.store.turns import StoreTurns
from jitbot.store.writer import FairLock
from tests.contract.conftest import LEASE, Store
from tests.unit.core.builders import NOW, a_request

PAST = Past(NOW, RequestId(1))
MESSAGE = Outgoing("k", Topic.CARD, RequestId(1), id=1)


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    """Give a store on a database that has no tables at all."""
    store = Store(database_url, tmp_path)
    yield store
    store.database.close()


def add(store: Store) -> None:
    with store.ledger.begin() as entry:
        entry.add(a_request(), by="U")


def heads_of(store: Store) -> StoreHeads:
    return StoreHeads(store.database, open_key(store.folder / "signing.key"), store.trail)


def forgetting_of(store: Store) -> StoreForgetting:
    return StoreForgetting(store.database, store.ledger, store.trail)


CALLS: dict[str, Callable[[Store], object]] = {
    "ledger.begin": add,
    "ledger.resume": lambda store: store.ledger.resume(),
    "ledger.get": lambda store: store.ledger.get(RequestId(1)),
    "ledger.reviews": lambda store: store.ledger.reviews(a_request()),
    "ledger.find": lambda store: store.ledger.find(),
    "ledger.behind": lambda store: store.ledger.behind(RequestId(0), [State.PENDING, State.APPROVED], 50),
    "ledger.last_on": lambda store: store.ledger.last_on("prod/api"),
    "ledger.tally": lambda store: store.ledger.tally(a_request(), Counting(grants=True)),
    "ledger.due": lambda store: store.ledger.due(1),
    "ledger.claim": lambda store: store.ledger.claim(RequestId(1), "me", LEASE),
    "ledger.outdated": lambda store: store.ledger.outdated("d", 1),
    "ledger.waits": lambda store: store.ledger.waits("restart", "r", 1),
    "ledger.owed": lambda store: store.ledger.owed(1),
    "ledger.overdue": lambda store: store.ledger.overdue(1),
    "ledger.renew": lambda store: store.ledger.renew(a_request(), LEASE),
    "inbox.put": lambda store: store.inbox.put(
        Delivery("k", DeliveryKind.DENY, a_request().requester, "T", {}, NOW), LEASE
    ),
    "inbox.get": lambda store: store.inbox.get("k"),
    "inbox.waiting": lambda store: store.inbox.waiting(1),
    "outbox.claim": lambda store: store.outbox.claim(1, LEASE),
    "outbox.done": lambda store: store.outbox.done(MESSAGE),
    "outbox.retry": lambda store: store.outbox.retry(MESSAGE, LEASE, "x"),
    "outbox.take_over": lambda store: store.outbox.take_over(),
    "turns.take": lambda store: StoreTurns(store.database).take("clock", "me", LEASE),
    "turns.leave": lambda store: StoreTurns(store.database).leave("clock", "me"),
    "outbox.park": lambda store: store.outbox.park(MESSAGE, "x"),
    "outbox.parked": lambda store: store.outbox.parked(),
    "outbox.copies": lambda store: store.outbox.copies(RequestId(1)),
    "outbox.keep": lambda store: store.outbox.keep(Copy(RequestId(1), "#a")),
    "trail.rebuild": lambda store: store.trail.rebuild(RequestId(1)),
    "trail.signed": lambda store: store.trail.signed(RequestId(1)),
    "trail.owing": lambda store: store.trail.owing(),
    "trail.latest": lambda store: store.trail.latest("policies"),
    "trail.follow": lambda store: list(store.trail.follow(0, GENESIS, ["delegated"])),
    "delegations.standing": lambda store: SignedDelegations(store.database, store.trail).standing(NOW),
    "delegations.of": lambda store: SignedDelegations(store.database, store.trail).of(UserId("U0BO"), NOW),
    "trail.told": lambda store: store.trail.told(RequestId(1), "output"),
    "trail.events": lambda store: store.trail.events(),
    "trail.count": lambda store: store.trail.count(),
    "trail.numbered": lambda store: store.trail.numbered(1),
    "trail.halted": lambda store: store.trail.halted(),
    "trail.verify": lambda store: store.trail.verify(),
    "trail.verify_from": lambda store: store.trail.verify_from(Mark()),
    "trail.hashes": lambda store: store.trail.hashes([1]),
    "trail.eras": lambda store: store.trail.eras(),
    "trail.verifier": lambda store: store.trail.verifier(),
    "trail.forgotten": lambda store: store.trail.forgotten(),
    "heads.sign": lambda store: heads_of(store).sign(),
    "heads.arrivals": lambda store: heads_of(store).arrivals(),
    "heads.verify": lambda store: heads_of(store).verify([]),
    "forgetting.messages": lambda store: forgetting_of(store).messages(NOW, 1),
    "forgetting.record": lambda store: forgetting_of(store).record(NOW, 1),
    "history.count": lambda store: StoreHistory(store.database).count(PAST),
    "history.last": lambda store: StoreHistory(store.database).last(PAST),
    "sets.files": lambda store: PolicySets(store.database).files("d"),
    "sets.keep": lambda store: PolicySets(store.database).keep("d", {}),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_database_that_does_not_do_what_it_should_is_unavailable(store: Store, name: str) -> None:
    with pytest.raises(StoreUnavailable, match="does not answer or refuses to write") as caught:
        CALLS[name](store)
    assert caught.value.__cause__ is not None


def test_every_method_that_touches_the_database_is_tried() -> None:
    ports = {
        "ledger": StoreLedger,
        "inbox": StoreInbox,
        "outbox": StoreOutbox,
        "trail": StoreTrail,
        "history": StoreHistory,
        "delegations": SignedDelegations,
        "sets": PolicySets,
        "turns": StoreTurns,
        "heads": StoreHeads,
        "forgetting": StoreForgetting,
    }
    methods = {
        f"{port}.{name}"
        for port, kind in ports.items()
        for name, _ in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }
    assert methods - {"ledger.now", "trail.signing"} == set(CALLS), "these two ask nobody"


def test_a_postgres_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    store = Store(f"postgresql+psycopg://me@/jitbot?host={tmp_path}", tmp_path)
    with pytest.raises(StoreUnavailable):
        store.ledger.now()
    store.database.close()


def test_a_connection_that_died_while_it_rested_is_replaced(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jitbot.store.postgres.REST_SECONDS", 0.0)
    database = store.database
    with database.write() as connection:
        pid = None if database.sqlite else connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    if pid is not None:
        other = Database(store.url)
        with other.read() as connection:
            connection.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 5000)")
        other.close()
    assert database.now()
    with database.write() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1


def test_a_database_in_memory_is_refused() -> None:
    for url in ("sqlite://", "sqlite:///:memory:"):
        with pytest.raises(SettingsError, match="would lose every grant"):
            Database(url)


def test_a_naive_instant_is_a_bug() -> None:
    with pytest.raises(ValueError, match="naive"):
        Instant().process_bind_param(datetime(2026, 1, 1), look_dialect())


def look_dialect() -> object:
    database = Database("sqlite:///unused.db")
    dialect = database._engine.dialect
    database.close()
    return dialect


def test_sqlite_is_opened_so_that_what_was_acknowledged_survives(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/jitbot.db")
    with database.write() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
        assert look(connection) is not None
    database.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_another_process_that_holds_the_file_makes_it_unavailable_not_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jitbot.store.engine.BUSY_TIMEOUT", timedelta(seconds=0.05))
    database = Database(f"sqlite:///{tmp_path}/jitbot.db")
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (n INTEGER)")
    other = sqlite3.connect(tmp_path / "jitbot.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable), database.write() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
    other.execute("ROLLBACK")
    other.close()
    with database.write() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar() == 0
    database.close()


def test_the_lock_is_handed_over_in_the_order_in_which_it_was_asked_for_and_to_the_urgent_first() -> None:
    lock, order = FairLock(), list[int]()
    threads: list[threading.Thread] = []

    def take(number: int, urgent: bool) -> None:
        with lock.turn(urgent=urgent):
            order.append(number)

    with lock.turn():
        for number in range(8):
            thread = threading.Thread(target=take, args=(number, number >= 6))
            thread.start()
            threads.append(thread)
            while len(lock._others) + len(lock._urgent) <= number:
                threading.Event().wait(0.001)
    for thread in threads:
        thread.join(10)
    assert order == [6, 7, 0, 1, 2, 3, 4, 5]


def test_the_lock_is_let_go_when_its_holder_fails() -> None:
    lock = FairLock()
    with pytest.raises(ZeroDivisionError), lock.turn():
        raise ZeroDivisionError
    with lock.turn():
        pass


def test_one_writer_at_a_time_and_none_loses(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/jitbot.db")
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (n INTEGER)")
        connection.exec_driver_sql("INSERT INTO t VALUES (0)")

    def add_one() -> None:
        for _ in range(10):
            with database.write() as connection:
                count = connection.exec_driver_sql("SELECT n FROM t").scalar_one()
                connection.exec_driver_sql(f"UPDATE t SET n = {count + 1}")

    threads = [threading.Thread(target=add_one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT n FROM t").scalar_one() == 60
    database.close()
