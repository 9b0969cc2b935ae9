"""What is kept, and for how long: after that it is gone, the record holds, and everything says so plainly."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from jitbot.errors import NotFound
from jitbot.model import Request, RequestId, State
from jitbot.service import keeping
from jitbot.store import tables
from tests.town import ANN, BO, CY, Town

GONE = "is long over. What was kept of it is deleted"


def ended(town: Town) -> Request:
    request = town.ask(ANN, "restart", reason="INC-7: my laptop was stolen", service="api", env="staging")
    assert town.state(request) is State.SUCCEEDED
    return request


def settle(town: Town, **later: float) -> None:
    town.forward(**later)
    town.settle()


def whole_database(town: Town) -> str:
    """Return all that any table holds, as text."""
    with town.database.read() as connection:
        tables_of = tables.metadata.tables.values()
        return "\n".join(str(row) for table in tables_of for row in connection.execute(select(table)))


def test_after_the_keeping_time_nothing_of_a_request_is_left_but_the_skeletons_of_its_events(town: Town) -> None:
    request = ended(town)
    settle(town, days=399)
    assert town.see(request).reason == "INC-7: my laptop was stolen"
    before = town.trail.verify()
    settle(town, days=2)
    assert "laptop" not in whole_database(town)
    assert town.trail.verify() == before + 1
    with pytest.raises(NotFound, match=GONE):
        town.see(request)
    told = town.trail.events(request.id)
    assert told and all(event.deleted and event.body == {} for event in told)


def test_whoever_asks_about_it_is_told_that_it_was_deleted(town: Town) -> None:
    request = ended(town)
    number = request.id
    settle(town, days=401)
    for answer in (town.withdraw(ANN, request), town.drop(ANN, request), town.try_to_extend(ANN, request)):
        assert GONE in answer.text
    with pytest.raises(NotFound, match=GONE):
        town.service.queries.status(ANN, number)
    with pytest.raises(NotFound, match="There is no request JIT-999"):
        town.service.queries.status(ANN, RequestId(999))


def test_what_is_open_and_what_is_held_is_never_touched_and_still_ends(town: Town) -> None:
    held = town.ask(ANN, "admin", ttl="30m")
    town.approve(BO, held)
    town.approve(CY, held)
    assert town.state(held) is State.ACTIVE
    with town.ledger.begin() as entry:
        end = entry.now + timedelta(days=1000)
        entry.amend(entry.get(held.id), "extended", "test", expires_at=end, due_at=end)
    settle(town, days=900)
    assert town.state(held) is State.ACTIVE
    assert town.trail.rebuild(held.id)
    settle(town, days=101)
    assert town.state(held) is State.EXPIRED
    assert town.runner.undone == [town.see(held).run_key]
    settle(town, days=402)
    with pytest.raises(NotFound, match=GONE):
        town.see(held)
    assert town.trail.verify()


def test_it_is_done_in_small_steps_and_goes_on_after_a_restart(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "EVENTS_AT_ONCE", 3)
    requests = [ended(town) for _ in range(4)]
    town.forward(days=401)
    town.service.sweep.chores()
    assert town.trail.verify()
    left = [each for each in requests if _there(town, each)]
    assert left
    town.restart()
    for _ in range(40):
        town.service.sweep.chores()
        town.trail.verify()
    assert not any(_there(town, each) for each in requests)


def _there(town: Town, request: Request) -> bool:
    with town.database.read() as connection:
        query = select(func.count()).where(tables.requests.c.id == request.id)
        return bool(connection.execute(query).scalar())


def test_it_is_stated_once_a_day_and_only_where_there_is_something(town: Town) -> None:
    def stated() -> int:
        return sum(event.kind == "forgotten" for event in town.trail.events(limit=1000))

    ended(town)
    for _ in range(3):
        settle(town, minutes=2)
    assert stated() == 0
    town.forward(days=401)
    for _ in range(5):
        settle(town, minutes=2)
    assert stated() == 1
    for _ in range(3):
        settle(town, days=1)
    assert stated() == 1


def test_what_was_tampered_with_is_left_as_it_is_and_operators_are_told(town: Town) -> None:
    request = ended(town)
    with town.database.write() as connection:
        own = (tables.events.c.request == request.id) & (tables.events.c.kind == "requested")
        connection.execute(update(tables.events).where(own).values(body='{"by":"U0EVE"}'))
    settle(town, days=401)
    settle(town, minutes=2)
    (text,) = [each for each in town.said("alarm") if "deleted" in each]
    assert text.startswith("What is old in the record is not deleted, since it was tampered with: Event ")
    assert _there(town, request)


def test_two_processes_at_it_do_not_get_in_each_others_way(town: Town) -> None:
    request = ended(town)
    town.forward(days=401)
    twin = town.twin()
    old = town.world.forgetting._old  # type: ignore[attr-defined]

    def the_other_is_faster(*arguments: object) -> object:
        found = old(*arguments)
        twin.service.sweep.chores()
        return found

    town.world.forgetting._old = the_other_is_faster  # type: ignore[attr-defined]
    town.service.sweep.chores()
    assert not _there(town, request)
    assert sum(event.kind == "forgotten" for event in town.trail.events(limit=1000)) == 1
    twin.close()


def test_deliveries_that_are_done_go_after_a_week(town: Town) -> None:
    ended(town)

    def deliveries() -> int:
        with town.database.read() as connection:
            return connection.execute(select(func.count()).select_from(tables.inbox)).scalar_one()

    settle(town, days=6)
    assert deliveries() == 1
    settle(town, days=2)
    assert deliveries() == 0
