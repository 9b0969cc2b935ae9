"""Whoever came into a Slack user group less than a day ago does not review by it yet."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import delete, update

from jitbot.model import DeliveryKind, State
from jitbot.service import joining
from jitbot.store import tables
from tests import halting
from tests.town import ANN, BO, CY, DI, EVE, PEOPLE, Town

GROUPS = PEOPLE.replace("oncall: [U0BO, U0CY]", "oncall: ['@oncall', U0CY]")


@pytest.fixture
def town(make_town: Callable[[], Town]) -> Iterator[Town]:
    """Give a town in which Bo is on call by a user group, and Cy by the policy file."""
    town = make_town()
    town.directory.usergroups["oncall"] = {BO}
    town.write("people.yml", GROUPS)
    town.settle()
    yield town
    town.close()


def look(town: Town, **passed: float) -> None:
    """Let time pass, in which it is looked who has come and gone."""
    town.forward(**passed or {"seconds": 61})
    town.settle()


def try_to_approve(town: Town, user: str) -> str:
    """Ask for something anew and have somebody approve it; return what they are told."""
    request = town.ask(ANN, "restart", service="api", env="prod")
    answer = town.approve(user, request)  # type: ignore[arg-type]
    if not answer.refused:
        assert town.state(request) is State.SUCCEEDED
    return answer.text


def test_whoever_has_just_joined_does_not_approve_and_does_a_day_later(town: Town) -> None:
    town.directory.usergroups["oncall"] = {BO, EVE}
    assert "you joined the group that may less than a day ago" in try_to_approve(town, EVE), "before anybody looked"
    look(town)
    assert "you joined the group that may less than a day ago" in try_to_approve(town, EVE)
    look(town, hours=23, minutes=55)
    assert "less than a day ago" in try_to_approve(town, EVE)
    look(town, minutes=6)
    assert try_to_approve(town, EVE) == ""


def test_whoever_has_long_been_in_it_approves_and_so_does_whom_the_file_names(town: Town) -> None:
    for user in (BO, CY):
        assert try_to_approve(town, user) == ""


def test_whoever_left_and_comes_back_begins_anew(town: Town) -> None:
    town.directory.usergroups["oncall"] = {DI}
    look(town)
    town.directory.usergroups["oncall"] = {DI, BO}
    look(town)
    assert "less than a day ago" in try_to_approve(town, BO)


def test_whom_the_file_names_too_counts_at_once(town: Town) -> None:
    town.directory.usergroups["oncall"] = {BO, CY}
    look(town)
    assert try_to_approve(town, CY) == ""


def test_they_are_not_asked_and_what_only_they_could_approve_is_refused_at_once(town: Town) -> None:
    town.write("people.yml", GROUPS.replace("['@oncall', U0CY]", "['@oncall']"))
    town.directory.usergroups["oncall"] = {BO, EVE}
    look(town)
    request = town.ask(ANN, "restart", service="api", env="prod")
    assert town.see(request).decision.needs[0].candidates == (BO,)  # type: ignore[union-attr]
    town.directory.usergroups["oncall"] = {EVE}
    look(town)
    assert "Nobody can approve this" in town.try_to_ask(ANN, "restart", service="api", env="prod").text


def test_they_may_ask_at_once(town: Town) -> None:
    town.write("people.yml", GROUPS.replace("engineering: [U0ANN,", "engineering: ['@engineering', U0ANN,"))
    town.directory.usergroups["engineering"] = set()
    look(town)
    town.directory.usergroups["engineering"] = {EVE}
    look(town)
    assert town.state(town.ask(EVE, "restart", service="api", env="staging")) is State.SUCCEEDED


def test_it_is_known_after_a_restart_and_in_other_processes(town: Town) -> None:
    town.directory.usergroups["oncall"] = {BO, EVE}
    look(town)
    twin = town.twin()
    assert "less than a day ago" in try_to_approve(twin, EVE)
    twin.close()
    town.restart()
    assert "less than a day ago" in try_to_approve(town, EVE)
    assert try_to_approve(town, BO) == ""


def test_everybody_counts_who_is_in_a_group_when_it_is_named_for_the_first_time(town: Town) -> None:
    town.directory.usergroups["duty"] = {EVE}
    town.write("people.yml", GROUPS.replace("'@oncall'", "'@duty'"))
    assert try_to_approve(town, EVE) == ""
    look(town)
    assert try_to_approve(town, EVE) == ""


def test_a_group_that_cannot_be_read_is_as_it_was(town: Town) -> None:
    members = town.directory.usergroups.pop("oncall")
    look(town)
    town.directory.usergroups["oncall"] = members
    look(town)
    assert try_to_approve(town, BO) == ""


def test_a_group_too_large_to_be_kept_is_not_looked_at(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "MOST", 1)
    town.directory.usergroups["duty"] = {BO, EVE}
    town.write("people.yml", GROUPS.replace("'@oncall'", "'@duty'"))
    look(town)
    assert try_to_approve(town, EVE) == ""


def test_it_is_put_on_record_again_after_many_events(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "AFFIRMED_EVERY", 5)
    kinds = [event.kind for event in town.trail.events(limit=1000)]
    for _ in range(3):
        try_to_approve(town, BO)
    look(town)
    again = [event.kind for event in town.trail.events(limit=1000)]
    assert again.count("members") == kinds.count("members") + 1


@pytest.mark.parametrize("how", ["taken out", "emptied", "changed"])
def test_where_the_record_does_not_hold_nobody_reviews_by_a_user_group(town: Town, how: str) -> None:
    town.directory.usergroups["oncall"] = {BO, EVE}
    look(town)
    events = tables.events
    last = events.c.kind == "members"
    with town.database.write() as connection:
        if how == "taken out":
            connection.execute(delete(events).where(last, events.c.body.contains("U0EVE")))
        else:
            changed = {"body": None, "salt": None} if how == "emptied" else {"body": '{"groups":{}}'}
            connection.execute(update(events).where(last).values(**changed))
    town.restart()
    look(town)
    look(town)
    assert [each for each in town.said("alarm") if each.startswith("NOBODY REVIEWS BY A USER GROUP")]
    answer = town.try_to_ask(ANN, "restart", service="api", env="prod")
    if answer.request is None:
        assert "Which policies are in force cannot be told" in answer.text, "then nothing can be asked at all"
        return
    asked = town.ledger.get(answer.request)
    assert town.approve(EVE, asked).refused
    assert town.see(asked).decision.needs[0].candidates == (CY,)  # type: ignore[union-attr]


def test_whoever_has_just_joined_lifts_no_halt(town: Town) -> None:
    town.write("guardrails.yml", "guardrails: []\nmay_halt: [group:oncall]\nmay_lift: [group:oncall]\n")
    look(town)
    town.directory.usergroups["oncall"] = {BO, EVE}
    look(town)
    assert not halting.halt(town, by=EVE).refused, "stopping is easy"
    halting.lift(town, BO)
    assert "less than a day ago" in halting.lift(town, EVE).text
    assert not town.do(DeliveryKind.LIFT, CY, halt="H-1").refused


def test_whoever_has_just_joined_breaks_no_glass(town: Town) -> None:
    glass = "break_glass: [{who: [group:oncall], max: 1h, review_within: 24h, tell: ['#s']}]"
    town.write("guardrails.yml", f"guardrails: []\n{glass}\n")
    town.directory.usergroups["oncall"] = {BO, DI}
    look(town)
    body = {"action": "admin", "params": {}, "reason": "all is down", "ttl": "30m", "break_glass": True}
    assert town.do(DeliveryKind.ASK, DI, **body).refused
    assert not town.do(DeliveryKind.ASK, BO, **body).refused
