"""Waiting and broken glass beside what else changes who may approve: delegation, changes, limits, reload, replay."""

from datetime import timedelta

import pytest

from jitbot.model import Answer, DeliveryKind, State, UserId
from jitbot.policy.files.load import load
from jitbot.workbench.history import past_requests
from jitbot.workbench.rehearsal import Bench
from jitbot.workbench.replay import replay
from tests.town import ANN, BO, CY, DI, PEOPLE, Town

FLO = UserId("U0FLO")
POLICY = """
team: payments
channel: "#payments-oncall"
actions:
  admin:
    title: Administer the payments service
    runner: fake
    with: {what: admin, where: prod}
    risk: medium
    requesters: [group:engineering]
    timebox: {default: 30m, max: 4h}
    start_later: {max: 7d}
    start_within: 5m
    limits: {held: 1}
    rules:
      - name: one on call
        review: [{from: [group:oncall]}]
        remind_after: 50m
        escalate: [{after: 20m, to: [group:leads]}]
        lapse_after: 1h
        fallback: [group:leads]
"""
GUARDRAILS = """
break_glass: [{who: [group:engineering], max: 1h, review_within: 24h, tell: ["#security"]}]
guardrails: []
"""
GROUPS = PEOPLE.replace("oncall: [U0BO, U0CY]", 'oncall: ["@oncall"]').replace("leads: [U0CY, U0DI]", "leads: [U0CY]")
APART = "\nguardrails:\n  - {not_recently_approved_by: 1d}\n"


@pytest.fixture
def slow(town: Town) -> Town:
    """Give a town where Bo is on call for `admin`, Cy leads and is asked after 20 minutes, or where Bo could not."""
    town.files = {"payments.yml": POLICY, "people.yml": GROUPS, "guardrails.yml": GUARDRAILS}
    town.directory.usergroups["oncall"] = {BO}
    town.reload()
    assert not town.service.book.fault, town.service.book.fault
    return town


def wait(town: Town, minutes: int) -> None:
    town.forward(minutes=minutes, seconds=1)
    town.settle()


def delegate(town: Town, user: UserId, to: UserId) -> None:
    assert not town.do(DeliveryKind.DELEGATE, user, to=to, text="for 3d").refused


def break_glass(town: Town, user: UserId = ANN, **more: str) -> Answer:
    body = {"action": "admin", "params": {}, "reason": "INC-9 all is down", "ttl": "30m"} | more
    return town.do(DeliveryKind.ASK, user, **body, break_glass=True)


def test_who_was_asked_later_may_change_it_and_their_approval_counts(slow: Town) -> None:
    request = slow.ask(ANN, "admin")
    wait(slow, 21)
    assert not slow.approve_changed(CY, request, ttl="10m").refused
    changed = slow.see(request)
    assert (changed.state, changed.revision, changed.ttl) == (State.ACTIVE, 2, timedelta(minutes=10))


def test_a_change_that_needs_more_people_leaves_open_who_is_asked_and_reminds_anew(slow: Town) -> None:
    slow.edit("from: [group:oncall]}", "from: [group:oncall], count: 2}")
    request = slow.ask(ANN, "admin")
    wait(slow, 21)
    slow.approve_changed(CY, request, ttl="10m")
    changed = slow.see(request)
    assert changed.state is State.PENDING
    assert changed.lapses_at - slow.ledger.now() > timedelta(minutes=59)  # type: ignore[operator]
    wait(slow, 48)
    assert len(slow.said("call")) == 1, "who is asked by now was told, and the time until the reminder begins again"
    wait(slow, 2)
    assert len(slow.said("call")) == 2
    slow.approve(BO, request)
    assert slow.state(request) is State.ACTIVE


def test_a_stand_in_is_pinged_and_approves_in_the_place_of_whoever_is_asked_later(slow: Town) -> None:
    delegate(slow, CY, DI)
    request = slow.ask(ANN, "admin")
    assert "can't review" in slow.approve(DI, request).text
    wait(slow, 21)
    (call,) = slow.said("call")
    assert f"<@{DI}>" in call
    assert f"<@{CY}>" not in call
    slow.approve(DI, request)
    assert slow.state(request) is State.ACTIVE


def test_it_falls_back_where_the_only_one_is_kept_apart_from_whoever_asks(slow: Town) -> None:
    slow.write("guardrails.yml", APART)
    slow.write("people.yml", GROUPS.replace("engineering: [U0ANN", "engineering: [U0ANN, U0BO"))
    slow.edit("limits: {held: 1}", "limits: {held: 5}")
    slow.edit('oncall: ["@oncall"]', "oncall: [U0ANN]", "people.yml")
    slow.approve(ANN, slow.ask(BO, "admin"))
    slow.edit("oncall: [U0ANN]", "oncall: [U0BO]", "people.yml")
    request = slow.ask(ANN, "admin")
    assert "may not approve each other" in slow.approve(BO, request).text
    assert not slow.approve(CY, request).refused
    assert slow.state(request) is State.ACTIVE


def test_a_stand_in_of_the_fallback_approves_and_it_stands_when_somebody_is_there_again(slow: Town) -> None:
    slow.directory.usergroups["oncall"] = set()
    slow.edit("leads: [U0CY]", "leads: [U0CY, U0EVE]", "people.yml")
    slow.edit("from: [group:oncall]}", "from: [group:oncall], count: 2}")
    delegate(slow, CY, DI)
    request = slow.ask(ANN, "admin", ttl="10m")
    slow.approve(DI, request)
    slow.directory.usergroups["oncall"] = {BO}
    slow.approve(BO, request)
    assert slow.state(request) is State.ACTIVE


def test_a_tier_that_comes_with_new_policies_opens_by_how_long_it_has_waited(slow: Town) -> None:
    request = slow.ask(ANN, "admin")
    wait(slow, 15)
    assert "can't review" in slow.approve(CY, request).text
    slow.edit("after: 20m", "after: 10m")
    slow.reload()
    assert len(slow.said("call")) == 1
    slow.approve(CY, request)
    assert slow.state(request) is State.ACTIVE


def test_a_planned_start_lapses_no_later_than_it_could_start(slow: Town) -> None:
    at = (slow.ledger.now() + timedelta(minutes=10)).isoformat(timespec="seconds")
    request = slow.see(slow.ask(ANN, "admin", at=at))
    assert request.lapses_at < request.created_at + timedelta(hours=1)  # type: ignore[operator]


def test_broken_glass_tells_the_stand_in_of_whoever_is_away(slow: Town) -> None:
    delegate(slow, BO, DI)
    assert not break_glass(slow).refused
    told = {each.to for each in slow.outbox.claim(1000, timedelta(0)) if "without approval" in each.text}
    assert told == {DI, "#security"}


def test_limits_hold_though_the_glass_is_broken(slow: Town) -> None:
    assert not break_glass(slow).refused
    assert "may be held only once at the same time: <@U0ANN> holds" in break_glass(slow).text


def test_what_is_planned_needs_no_broken_glass(slow: Town) -> None:
    at = (slow.ledger.now() + timedelta(hours=2)).isoformat(timespec="seconds")
    assert "runs at once. Leave the start empty" in break_glass(slow, at=at).text


def test_replay_knows_who_was_asked_later_on_whom_it_fell_back_and_what_was_broken(slow: Town) -> None:
    slow.edit("limits: {held: 1}", "limits: {held: 9}")
    later = slow.ask(ANN, "admin")
    wait(slow, 21)
    slow.approve(CY, later)
    slow.directory.usergroups["oncall"] = set()
    fell_back = slow.ask(ANN, "admin")
    slow.approve(CY, fell_back)
    slow.directory.usergroups["oncall"] = {BO}
    broken = break_glass(slow)
    assert [slow.state(each) for each in (later, fell_back)] == [State.ACTIVE, State.ACTIVE]

    def again(**changed: str) -> list[tuple[int, str]]:
        files = {**slow.files, **{f"{name}.yml": text for name, text in changed.items()}}
        bench = Bench(load(files, slow.catalog, slow.sources), slow.catalog, slow.sources)
        came = replay(past_requests(slow.trail, slow.ledger.now() - timedelta(days=1)), bench)
        assert (came.unsure, came.not_replayed) == ([], {})
        return [(change.request.id, change.new) for change in came.changes]

    assert again() == []
    without = slow.files["payments.yml"].replace("after: 20m", "after: 40m")
    assert [number for number, _ in again(payments=without)] == [later.id]
    nobody = slow.files["payments.yml"].replace("        fallback: [group:leads]\n", "")
    assert fell_back.id in [number for number, _ in again(payments=nobody)]
    assert [number for number, _ in again(guardrails="guardrails: []\n")] == [broken.request]


def test_replay_counts_whom_it_fell_back_on_though_the_rota_answers_again_by_the_next_review(slow: Town) -> None:
    slow.edit("[{from: [group:oncall]}]", "[{from: [group:oncall]}, {from: [group:engineering]}]")
    slow.directory.usergroups["oncall"] = set()
    request = slow.ask(ANN, "admin")
    slow.approve(CY, request)
    slow.directory.usergroups["oncall"] = {BO}
    slow.approve(DI, request)
    assert slow.state(request) is State.ACTIVE
    bench = Bench(load(slow.files, slow.catalog, slow.sources), slow.catalog, slow.sources)
    came = replay(past_requests(slow.trail, slow.ledger.now() - timedelta(days=1)), bench)
    assert (came.changes, came.unsure, came.not_replayed) == ([], [], {})
