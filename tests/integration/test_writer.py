"""SQLite's one writer: who waits for a turn shares a commit, and nobody returns before it is on disk."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from jitbot.errors import StoreUnavailable
from jitbot.store.engine import Database
from jitbot.store.writer import Writer

Work = Callable[[Connection], object]


def commits_take(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Have each commit be taken for one that took so long."""
    monkeypatch.setattr(Writer, "_commit_seconds", property(lambda _: seconds, lambda *_: None), raising=False)


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    commits_take(monkeypatch, 60)
    database = Database(f"sqlite:///{tmp_path}/jitbot.db")
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (n INTEGER PRIMARY KEY)")
        connection.exec_driver_sql("CREATE TABLE owes (n INTEGER REFERENCES t (n) DEFERRABLE INITIALLY DEFERRED)")
    yield database
    database.close()


def numbers(database: Database) -> list[int]:
    with database.read() as connection:
        return sorted(connection.exec_driver_sql("SELECT n FROM t").scalars())


def put(number: int) -> Work:
    return lambda connection: connection.exec_driver_sql(f"INSERT INTO t VALUES ({number})")


def say(statement: str) -> Work:
    return lambda connection: connection.exec_driver_sql(statement)


def together(database: Database, *works: Work, urgent: int | None = None) -> tuple[list[Future[list[int]]], int]:
    """Have transactions queue up behind one that is open; return what each saw afterwards, and how many commits."""
    commits: list[object] = []
    event.listen(database._engine, "commit", commits.append)

    def write(number: int, work: Work) -> list[int]:
        with database.write(urgent=number == urgent) as connection:
            work(connection)
        return numbers(database)

    assert database._writer is not None
    lock = database._writer._lock
    with ThreadPoolExecutor(len(works)) as pool, database.write() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (0)")
        asked = []
        for number, work in enumerate(works):
            asked.append(pool.submit(write, number, work))
            while len(lock._others) + len(lock._urgent) <= number:
                threading.Event().wait(0.001)
    return asked, len(commits)


def test_transactions_that_wait_share_one_commit_and_return_after_it(database: Database) -> None:
    asked, commits = together(database, put(1), put(2), put(3))
    assert commits == 1
    assert [each.result() for each in asked] == [[0, 1, 2, 3]] * 3


def test_one_that_fails_leaves_the_others_as_they_are(database: Database) -> None:
    def fail(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO t VALUES (7)")
        raise ZeroDivisionError

    (first, second, third), _ = together(database, put(1), fail, put(3))
    assert isinstance(second.exception(), ZeroDivisionError)
    assert first.result() == third.result() == numbers(database) == [0, 1, 3]


def test_the_first_one_that_fails_is_taken_back_alone(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (7)")
        raise ZeroDivisionError
    with database.write() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (8)")
    assert numbers(database) == [8]


def test_what_is_urgent_is_committed_while_others_still_wait(database: Database) -> None:
    (first, second), commits = together(database, put(1), put(2), urgent=1)
    assert commits == 2
    assert second.result() in ([0, 2], [0, 1, 2])
    assert first.result() == [0, 1, 2]


def test_no_more_than_a_few_wait_for_one_commit(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jitbot.store.writer.TOGETHER", 2)
    _, commits = together(database, put(1), put(2), put(3))
    assert commits == 2


def test_nobody_waits_for_longer_than_the_commit_takes(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    commits_take(monkeypatch, 0)
    _, commits = together(database, put(1), put(2))
    assert commits == 3


def test_how_long_a_commit_takes_is_what_the_last_one_took(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/jitbot.db")
    event.listen(database._engine, "commit", lambda _: threading.Event().wait(0.05))
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    assert database._writer is not None
    assert 0.05 <= database._writer._commit_seconds < 5
    database.close()


def test_a_commit_that_fails_is_told_to_all_who_waited_for_it(database: Database) -> None:
    with pytest.raises(StoreUnavailable, match="nothing of it is kept"):
        together(database, put(1), say("INSERT INTO owes VALUES (99)"))
    assert numbers(database) == []
    with database.write() as connection:
        put(5)(connection)
    assert numbers(database) == [5]


def test_the_connection_is_kept_until_a_commit_fails(database: Database) -> None:
    with database.write() as first:
        put(1)(first)
    with database.write() as second:
        put(2)(second)
    assert second is first
    with pytest.raises(StoreUnavailable), database.write() as connection:
        connection.exec_driver_sql("INSERT INTO owes VALUES (99)")
    with database.write() as third:
        put(3)(third)
    assert third is not first
    assert numbers(database) == [1, 2, 3]


def test_where_sqlite_gives_up_the_whole_transaction_nobody_is_told_that_theirs_was_kept(database: Database) -> None:
    with pytest.raises(StoreUnavailable, match="nothing of it is kept"):
        together(database, say("INSERT OR ROLLBACK INTO t VALUES (0)"), put(2))
    assert numbers(database) == [2]


def test_closing_commits_what_others_wait_for(database: Database) -> None:
    assert database._writer is not None
    lock, done = database._writer._lock, threading.Event()
    closing = threading.Thread(target=lambda: (database.close(), done.set()))
    with database.write() as connection:
        put(1)(connection)
        closing.start()
        while not lock.awaited():
            threading.Event().wait(0.001)
    assert done.wait(10)
    closing.join()
    assert numbers(database) == [1]
