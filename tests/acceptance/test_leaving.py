"""Whoever leaves the company, or those who may ask, does not go on to hold what they were granted."""

from collections.abc import Callable, Iterator

import pytest

from jitbot.errors import DirectoryUnavailable
from jitbot.model import Request, Standing, State, UndoCause, UserId
from jitbot.service import leaving
from jitbot.service.leaving import Leaving
from tests.town import ANN, BO, CY, DI, PEOPLE, POLICY, Town


@pytest.fixture
def town(make_town: Callable[[], Town]) -> Iterator[Town]:
    town = make_town()
    yield town
    town.close()


@pytest.fixture
def grant(town: Town) -> Request:
    """Give what Ann holds, and nobody had to approve."""
    request = town.ask(ANN, "tune", value=200, ttl="4h")
    assert town.state(request) is State.ACTIVE
    return request


def minutes(town: Town, number: int) -> None:
    """Let minutes pass as they do, with looks all the time."""
    for _ in range(number):
        town.forward(seconds=61)
        town.settle()


def leave_engineering(town: Town, user: UserId = ANN) -> None:
    town.write("people.yml", PEOPLE.replace(f"{user}, ", ""))


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (Standing.DEACTIVATED, "has left"),
        (Standing.STRANGER, "belongs to another organisation now"),
        (Standing.GUEST, "is a guest now"),
        (Standing.BOT, "is a bot now"),
    ],
)
def test_what_somebody_holds_ends_when_they_are_not_of_the_workspace_any_more(
    town: Town, grant: Request, standing: Standing, said: str
) -> None:
    town.directory.set(ANN, standing)
    minutes(town, 4)
    ended = town.see(grant)
    assert (ended.state, ended.undo_cause) == (State.REVOKED, UndoCause.REQUESTER_GONE)
    assert ended.outcome == f"<@{ANN}> {said}"
    assert town.runner.world == {"prod/work_mem": 100}
    town.trail.verify()


def test_it_ends_when_they_may_not_ask_for_it_any_more(town: Town, grant: Request) -> None:
    other = town.ask(BO, "admin", ttl="4h")
    town.approve(CY, other)
    town.approve(DI, other)
    leave_engineering(town)
    minutes(town, 4)
    assert town.see(grant).outcome == f"<@{ANN}> may not ask for it any more: that is for engineering"
    assert (town.state(grant), town.state(other)) == (State.REVOKED, State.ACTIVE)


def test_it_ends_when_the_one_for_whom_it_was_asked_has_left(town: Town) -> None:
    text = POLICY.replace("    title: Tune a parameter\n", "    title: Tune a parameter\n    beneficiary: who\n")
    text = text.replace("      value: {type: integer", "      who: {type: user}\n      value: {type: integer")
    town.write("payments.yml", text)
    assert not town.book.fault, town.book.fault
    request = town.ask(ANN, "tune", value=200, ttl="4h", who=DI)
    town.directory.set(DI, Standing.DEACTIVATED)
    minutes(town, 4)
    assert town.see(request).outcome == f"<@{DI}> has left"


def test_one_look_is_not_enough(town: Town, grant: Request) -> None:
    town.directory.set(ANN, Standing.DEACTIVATED)
    town.forward(seconds=61)
    town.settle()
    town.directory.set(ANN, Standing.MEMBER)
    minutes(town, 4)
    town.directory.set(ANN, Standing.DEACTIVATED)
    town.forward(seconds=61)
    town.settle()
    assert town.state(grant) is State.ACTIVE


def test_who_cannot_be_looked_up_is_not_gone(town: Town, grant: Request) -> None:
    town.directory.down = True
    minutes(town, 5)
    assert town.state(grant) is State.ACTIVE


def test_a_group_that_cannot_be_read_takes_nothing_away(town: Town, grant: Request) -> None:
    town.write("people.yml", PEOPLE.replace("[U0ANN, U0BO, U0CY, U0DI]", "['@engineering']"))
    minutes(town, 5)
    assert town.state(grant) is State.ACTIVE

    def fails(handle: str) -> frozenset[UserId]:
        raise DirectoryUnavailable("Slack does not answer")

    town.directory.usergroup = fails  # type: ignore[method-assign]
    minutes(town, 5)
    assert town.state(grant) is State.ACTIVE


def test_the_end_of_a_shift_takes_nothing_away(town: Town) -> None:
    rota = "on_call:\n  primary: {source: fake, name: rota, as: people}\n"
    by_shift = PEOPLE.replace("engineering: [U0ANN, U0BO, U0CY, U0DI]", "engineering: ['oncall:primary']")
    town.facts.values["rota"] = frozenset({str(ANN)})
    town.write("people.yml", by_shift + rota)
    assert not town.book.fault, town.book.fault
    held = town.ask(ANN, "tune", value=200, ttl="4h")
    town.facts.values["rota"] = frozenset({str(BO)})
    minutes(town, 5)
    assert "Only engineering may ask" in town.try_to_ask(ANN, "tune", value=200).text
    assert town.state(held) is State.ACTIVE
    town.directory.set(ANN, Standing.DEACTIVATED)
    minutes(town, 4)
    assert town.state(held) is State.REVOKED


def test_an_action_that_is_not_defined_any_more_takes_nothing_away(town: Town, grant: Request) -> None:
    town.write("payments.yml", POLICY[: POLICY.index("  tune:")])
    leave_engineering(town)
    minutes(town, 5)
    assert town.state(grant) is State.ACTIVE


def test_all_that_is_held_is_gone_through_some_at_a_time(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "AT_ONCE", 2)
    held = [town.ask(user, "tune", value=200, ttl="4h") for user in (ANN, BO, CY, DI, ANN)]
    for user in (BO, DI):
        town.directory.set(user, Standing.DEACTIVATED)
    for _ in range(12):
        minutes(town, 1)
    states = [town.state(each) for each in held]
    assert states == [State.ACTIVE, State.REVOKED, State.ACTIVE, State.REVOKED, State.ACTIVE]


def test_one_that_ends_at_the_same_instant_is_left_to_that(town: Town, grant: Request) -> None:
    stale = town.see(grant)
    town.drop(ANN, grant)
    Leaving(town.world, town.service._facts)._end(stale, "has left")
    assert town.see(grant).undo_cause is UndoCause.DROP
