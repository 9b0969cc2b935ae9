"""The database hangs, is read-only, full, locked or fails over: work waits for it, and goes on where it was."""

import os
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jitbot.clock.queue import WorkQueue
from jitbot.errors import StoreUnavailable, StoreUnsure
from jitbot.hurry import hurry
from jitbot.model import DeliveryKind, State
from jitbot.store import engine
from jitbot.store import postgres as pool
from jitbot.store.engine import Database
from tests.outages.server import Breakable
from tests.outages.test_results import wait_for
from tests.town import ANN, BO, Town


@pytest.mark.postgres
class TestAServerThatHangs:
    def test_is_given_up_on_and_its_connections_are_replaced(
        self, postgres: Breakable, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pool, "ANSWER_WITHIN", timedelta(seconds=0.5))
        database = Database(postgres.url("hangs"))
        with database.write() as connection:
            connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS t (n INTEGER)")
        began = time.monotonic()
        with pytest.raises(StoreUnavailable), database.write() as connection:
            connection.exec_driver_sql("INSERT INTO t VALUES (1)")
            postgres.freeze()
            connection.exec_driver_sql("INSERT INTO t VALUES (2)")
        assert time.monotonic() - began < 5
        with pytest.raises(StoreUnavailable), database.read():
            raise AssertionError("there can be no connection")
        postgres.thaw()
        with database.read() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar() == 0
        database.close()

    def test_does_not_tell_whether_it_has_committed(self, postgres: Breakable, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pool, "ANSWER_WITHIN", timedelta(seconds=0.5))
        database = Database(postgres.url("commits"))
        with pytest.raises(StoreUnsure), database.write() as connection:
            connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS t (n INTEGER)")
            postgres.freeze()
        postgres.thaw()
        database.close()

    def test_leaves_connections_for_whom_somebody_waits(
        self, postgres: Breakable, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        database = Database(postgres.url("busy"))
        let_go, held = threading.Event(), threading.Semaphore(0)

        def hold() -> None:
            with database.read():
                held.release()
                let_go.wait(20)

        with ThreadPoolExecutor(pool.MOST_CONNECTIONS) as threads:
            for _ in range(pool.MOST_CONNECTIONS):
                threads.submit(hold)
            for _ in range(pool.MOST_CONNECTIONS - pool.KEPT_FREE):
                assert held.acquire(timeout=20)
            with hurry(5), database.read() as connection:
                assert connection.exec_driver_sql("SELECT 1").scalar() == 1
            assert not held.acquire(timeout=0.01)
            let_go.set()
        database.close()

    def test_a_statement_that_the_server_works_on_for_too_long_is_ended_there(self, postgres: Breakable) -> None:
        database = Database(postgres.url("slow"))
        with database.read() as connection:
            limits = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in LIMITS]
        database.close()
        assert limits == ["9s", "5s"]

    def test_a_process_that_is_paused_between_two_rows_is_taken_for_one_that_rests(self, postgres: Breakable) -> None:
        database = Database(postgres.url("paused"))
        seen: list[object] = []

        def rows() -> Iterator[tuple[int]]:
            yield (1,)
            with database.read() as other:
                seen.append(other.exec_driver_sql(STATE, (held.info.backend_pid,)).scalar())
            yield (2,)

        with database.write() as connection:
            connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS t (n INTEGER)")
            held: Any = connection.connection.driver_connection
            held.cursor().executemany("INSERT INTO t VALUES (%s)", rows())
        database.close()
        assert seen == ["idle in transaction"]

    def test_a_connection_that_was_lost_has_those_that_rest_asked_whether_they_live(self, postgres: Breakable) -> None:
        database = Database(postgres.url("lost"))
        for _ in range(2):
            with database.write() as writing, database.read() as reading:
                assert [each.exec_driver_sql("SELECT 1").scalar() for each in (writing, reading)] == [1, 1]
            postgres.stop()
            postgres.start()
            with pytest.raises(StoreUnavailable), database.write() as connection:
                connection.exec_driver_sql("SELECT 1")
            with database.read() as connection:
                assert connection.exec_driver_sql("SELECT 1").scalar() == 1
            with database.write() as connection:
                assert connection.exec_driver_sql("SELECT 1").scalar() == 1
        database.close()


STATE = "SELECT state FROM pg_stat_activity WHERE pid = %s"
LIMITS = ("statement_timeout", "idle_in_transaction_session_timeout")


@pytest.mark.postgres
def test_a_read_only_database_takes_nothing_in_and_everything_goes_on_when_it_is_writable_again(
    on_postgres: Town, postgres: Breakable
) -> None:
    town = on_postgres
    grant = town.ask(ANN, "tune", value=200)
    postgres.read_only(on=True)
    with pytest.raises(StoreUnavailable):
        town.take_in(DeliveryKind.DROP, ANN, grant.id)
    town.forward(minutes=31)
    for _ in range(3):
        town.service.sweep.tick()
    assert (town.see(grant).state, town.runner.undone) == (State.ACTIVE, [])
    postgres.read_only(on=False)
    town.settle()
    assert (town.state(grant), town.runner.undone) == (State.EXPIRED, ["jit-1-1"])


@pytest.mark.postgres
def test_it_becomes_read_only_when_a_runner_has_acted(on_postgres: Town, postgres: Breakable) -> None:
    town = on_postgres
    left = [1]

    def fail_over() -> None:
        if left:
            left.clear()
            postgres.read_only(on=True)
            threading.Timer(0.5, postgres.read_only, [False]).start()

    town.runner.after_start = fail_over
    grant = town.ask(ANN, "tune", value=200)
    assert (town.state(grant), town.runner.started) == (State.ACTIVE, ["jit-1-1"])


@pytest.mark.postgres
def test_connections_that_are_lost_again_and_again_under_load_lose_nothing(
    on_postgres: Town, postgres: Breakable
) -> None:
    """Real threads, as in the bot: what was taken in is done once, whatever became of it in between."""
    town = on_postgres
    queue = WorkQueue(6)
    sweep = town.service.sweep
    queue.start(request=sweep.attend, delivery=sweep.delivery, messages=lambda: None)
    town.world.queue.items = _Into(queue)  # type: ignore[attr-defined]
    keys: list[str] = []
    for number in range(18):
        try:
            keys.append(town.take_in(DeliveryKind.ASK, ANN, action="restart", params=PARAMS, reason=f"number {number}"))
        except StoreUnavailable:
            continue
        queue.delivery(keys[-1])
        if number % 3 == 0:
            postgres.lose_connections()
    assert len(keys) > 6

    def all_done() -> bool:
        town.forward(seconds=1)
        sweep.tick()
        sweep.renew()
        try:
            found = town.ledger.find(limit=100)
        except StoreUnavailable:
            return False
        return len(found) >= len(keys) and all(each.ended_at for each in found)

    wait_for(all_done)
    queue.stop()
    found = town.ledger.find(limit=100)
    assert {each.state for each in found} <= {State.SUCCEEDED}
    assert len(town.runner.started) == len(set(town.runner.started)) == len(found)
    assert len({each.reason for each in found}) == len(found) == len(keys)
    town.trail.verify()


PARAMS = {"service": "api", "env": "staging"}


class _Into:
    """Puts what a hand-worked queue is given into one with threads."""

    def __init__(self, queue: WorkQueue) -> None:
        self._queue = queue

    def append(self, item: tuple[str, int]) -> None:
        getattr(self._queue, item[0])(item[1])


def mounted(disk: Path, megabytes: int) -> Iterator[Path]:
    """Mount a small disk."""
    disk.mkdir()
    size = f"size={megabytes}m,mode=777"
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", disk]).returncode != 0:
        pytest.skip("a small disk can be mounted by root only")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of two megabytes, for a file."""
    yield from mounted(tmp_path / "disk", 2)


@pytest.fixture
def small_space(postgres: Breakable) -> Iterator[Path]:
    """Mount a disk of sixteen megabytes below a Postgres, which keeps the log of what it writes elsewhere."""
    for disk in mounted(postgres.folder / "disk", 16):
        yield disk
        postgres.drop_space("small")


def test_a_full_disk_takes_nothing_in_and_loses_nothing(small_disk: Path, empty_file: Path) -> None:
    shutil.copy(empty_file, small_disk / "jitbot.db")
    fill_up(Town(f"sqlite:///{small_disk}/jitbot.db", small_disk), small_disk)


@pytest.mark.postgres
def test_a_server_whose_disk_is_full_takes_nothing_in_and_loses_nothing(
    small_space: Path, postgres: Breakable, tmp_path: Path
) -> None:
    fill_up(Town(postgres.url_in_space("small", small_space), tmp_path), small_space)


def fill_up(town: Town, disk: Path) -> None:
    """Fill the disk below a town after something was undone, and once more while people ask for things."""
    grant = town.ask(ANN, "tune", value=200)
    ballast = disk / "ballast"
    emptied = threading.Timer(0.5, ballast.unlink)

    def fill() -> None:
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(b"x" * 1024):
                pass

    def full() -> None:
        if not emptied.is_alive():
            fill()
            emptied.start()

    town.runner.after_undo = full
    town.drop(ANN, grant)
    emptied.join()  # where some pages were left, nothing waited for it
    assert (town.state(grant), town.runner.undone) == (State.REVOKED, ["jit-1-1"])
    fill()
    with pytest.raises(StoreUnavailable):
        for _ in range(1000):  # some pages may be left
            ask = {"action": "tune", "params": {"value": 200}, "reason": "x" * 2000}
            town.take_in(DeliveryKind.ASK, ANN, **ask)
    ballast.unlink()
    again = town.ask(BO, "tune", value=300)
    assert town.state(again) is State.ACTIVE
    town.trail.verify()
    town.close()


def test_a_disk_that_is_mounted_read_only_takes_nothing_in(small_disk: Path, empty_file: Path) -> None:
    shutil.copy(empty_file, small_disk / "jitbot.db")
    town = Town(f"sqlite:///{small_disk}/jitbot.db", small_disk)
    grant = town.ask(ANN, "tune", value=200)
    town.database.close()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    town.database = Database(town.url)
    with pytest.raises(StoreUnavailable):
        town._build()
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    town.database = Database(town.url)
    town._build()
    town.drop(ANN, grant)
    assert town.state(grant) is State.REVOKED
    town.close()


@pytest.fixture
def locked(on_file: Town, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Hold SQLite's write lock from elsewhere."""
    other = sqlite3.connect(tmp_path / "jitbot.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield other
    if other.in_transaction:
        other.execute("ROLLBACK")
    other.close()


def test_a_file_that_somebody_else_writes_to_for_long_keeps_no_acknowledgement_waiting(
    on_file: Town, locked: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "ACK_WITHIN", timedelta(seconds=0.3))
    town, begun = on_file, threading.Event()

    def write() -> None:
        begun.set()
        with pytest.raises(StoreUnavailable), town.database.write():
            raise AssertionError("it is locked")

    monkeypatch.setattr(engine, "BUSY_TIMEOUT", timedelta(seconds=1.5))
    worker = threading.Thread(target=write)
    worker.start()
    begun.wait(10)
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        town.take_in(DeliveryKind.ASK, ANN, action="tune", params={"value": 200}, reason="x")
    assert time.monotonic() - began < 1.2
    worker.join(20)
    locked.execute("ROLLBACK")
    assert town.state(town.ask(ANN, "tune", value=200)) is State.ACTIVE


def test_who_gave_up_waiting_for_the_one_writer_leaves_the_queue_in_order() -> None:
    from jitbot.store.writer import FairLock

    lock = FairLock()
    with lock.turn():
        for urgent in (True, False):
            with pytest.raises(StoreUnavailable), lock.turn(urgent=urgent, timeout=0.01):
                raise AssertionError("it is held")
    with lock.turn(timeout=0.01):
        pass


def test_a_commit_that_was_left_to_somebody_who_gave_up_waiting_is_made_all_the_same(on_file: Town) -> None:
    """Whoever is done leaves the commit to the next, who may have gone in that very instant."""
    database = on_file.database
    assert database._writer is not None
    database._writer._commit_seconds = 60  # so that the group is not long enough by itself
    lock = database._writer._lock
    awaited, lied = lock.awaited, []

    def somebody_waits() -> bool:
        lied.append(awaited())
        return True

    lock.awaited = somebody_waits  # type: ignore[method-assign]
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE kept (n INTEGER)")
    assert lied == [False]
    with sqlite3.connect(on_file.folder / "jitbot.db") as other:
        assert other.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    other.close()
    lock.awaited = awaited  # type: ignore[method-assign]
