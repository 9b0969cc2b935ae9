"""Which set is in force is put on record again now and then, so that a start has little of the record to verify."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import text

from jitbot.model import AuditEvent
from tests.acceptance.test_reloading import LEADS, ONE, change, events
from tests.town import ANN, Town

EVERY = 8


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand events would take a test too long."""
    monkeypatch.setattr("jitbot.service.book.AFFIRMED_EVERY", EVERY)


@pytest.fixture
def twin(town: Town) -> Iterator[Town]:
    twin = town.twin()
    yield twin
    twin.close()


def busy(town: Town) -> None:
    """Have more on record than is left without a word on the policies."""
    before = town.trail.count()
    while town.trail.count() < before + EVERY:
        town.ask(ANN, "restart", service="api", env="prod")


def said(town: Town) -> list[AuditEvent]:
    return events(town, "policies")


def test_after_much_else_it_is_on_record_once_more_which_set_is_in_force_and_nobody_is_told(town: Town) -> None:
    busy(town)
    town.reload()

    first, again = said(town)
    assert again.body["digest"] == again.body["before"] == first.body["digest"]
    assert town.said("news") == []
    town.reload()
    assert len(said(town)) == 2


def test_a_start_does_not_verify_again_what_lies_before(town: Town) -> None:
    busy(town)
    town.reload()
    again = said(town)[-1]

    def bend(seq: int) -> None:
        with town.database.write() as connection:
            connection.execute(text("UPDATE events SET kind = 'bent' WHERE seq = :seq"), {"seq": seq})

    def starts() -> bool:
        with closing(town.twin()) as started:
            return not started.book.ends_only

    bend(again.seq - 1)
    assert starts(), "`audit verify` finds that; a start does not look so far back"
    town.ask(ANN, "restart", service="api", env="prod")
    bend(again.seq + 1)
    assert not starts(), "a newer set could have been taken out"


def test_of_several_processes_one_says_so(town: Town, twin: Town) -> None:
    busy(town)
    town.book.affirm()
    twin.book.affirm()
    assert len(said(town)) == 2


def test_a_process_that_has_not_seen_the_newest_set_does_not_say_that_the_older_one_is_in_force(
    town: Town, twin: Town
) -> None:
    change(town, ONE, LEADS)
    busy(town)
    twin.book.affirm()
    assert said(town)[-1].body["digest"] == town.book.policy.digest == twin.book.policy.digest


def test_what_a_killed_process_left_undecided_is_decided_however_often_it_is_said_again(town: Town, twin: Town) -> None:
    asked = town.ask(ANN, "restart", service="api", env="prod")
    twin.files = {**twin.files, "payments.yml": twin.files["payments.yml"].replace(ONE, LEADS)}
    twin.book.reload()  # and dies
    town.reload()
    for _ in range(4):
        busy(town)
        town.forward(seconds=20)
        town.reload()
    assert town.ledger.get(asked.id).policy_digest == town.book.policy.digest
    assert said(town)[-1].at > town.book.since.at  # type: ignore[union-attr]  # there is one


def test_nothing_is_said_where_it_cannot_be_told_what_is_in_force(town: Town) -> None:
    busy(town)
    with town.database.write() as connection:
        connection.execute(text("DELETE FROM events WHERE kind = 'policies'"))
    town.book.affirm()
    assert said(town) == []
    assert "cannot be told" in town.book.fault
    town.book.affirm()
    assert said(town) == []
