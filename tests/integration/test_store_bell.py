"""What one process rings for, the others hear; and nothing is wrong where nobody does."""

import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text

from jitbot.store.bell import Bell
from jitbot.store.engine import Database

WAIT_SECONDS = 30.0


class Ear:
    """What one process has heard."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.bell = Bell(self.database)
        self.heard: list[str] = []
        self.deaf = 0
        self._changed = threading.Condition()
        self.bell.start(heard=self._hear, deaf=self._was_deaf)

    def _hear(self, word: str) -> None:
        with self._changed:
            self.heard.append(word)
            self._changed.notify_all()

    def _was_deaf(self) -> None:
        with self._changed:
            self.deaf += 1
            self._changed.notify_all()

    def until(self, look: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(look, WAIT_SECONDS), self.heard

    def close(self) -> None:
        self.bell.stop()
        self.database.close()


def until_both_listen(one: Ear, other: Ear) -> None:
    """Ring until it is heard: who has only just begun to listen may have missed the first."""
    for ear, ringing in ((one, other), (other, one)):
        for _ in range(100):
            ringing.bell.ring("are you there")
            try:
                ear.until(lambda ear=ear: "are you there" in ear.heard)  # type: ignore[misc]
            except AssertionError:
                continue
            break


@pytest.fixture
def ears(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Ear, Ear]]:
    monkeypatch.setattr("tests.integration.test_store_bell.WAIT_SECONDS", 0.5)
    one, other = Ear(postgres_url), Ear(postgres_url)
    until_both_listen(one, other)
    monkeypatch.undo()
    yield one, other
    one.close()
    other.close()


@pytest.mark.postgres
def test_a_word_is_heard_by_the_other_process(ears: tuple[Ear, Ear]) -> None:
    one, other = ears
    one.bell.ring("request 12")
    other.until(lambda: "request 12" in other.heard)


@pytest.mark.postgres
def test_who_was_cut_off_hears_again_and_is_told_that_it_was_deaf(
    ears: tuple[Ear, Ear], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jitbot.store.bell.AGAIN_SECONDS", 0.05)
    one, other = ears
    with one.database.write() as connection:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
        connection.execute(text(cut))
    other.until(lambda: other.deaf == 1)
    one.bell.ring("request 13")
    other.until(lambda: "request 13" in other.heard)


def test_on_sqlite_there_is_nobody_to_tell(sqlite_url: str) -> None:
    ear = Ear(sqlite_url)
    ear.bell.ring("request 12")
    ear.close()
    assert ear.heard == []
