"""Waiting: reminders, tiers of people asked later, the fallback, quiet approvers, and the lapse."""

from datetime import timedelta

import pytest

from jitbot.errors import Conflict
from jitbot.model import DeliveryKind, Request, Standing, State
from tests.town import ANN, BO, CY, DI, EVE, PEOPLE, Town

WAITING = """
team: payments
channel: "#payments-oncall"
actions:
  restart:
    title: Restart a service
    runner: fake
    with: {what: api, where: prod}
    requesters: [group:engineering]
    rules:
      - name: one on call
        review: [{from: [group:oncall], quiet: [group:quiet]}]
        remind_after: 10m
        escalate: [{after: 25m, to: [group:leads]}, {after: 40m, to: [user:U0EVE]}]
        lapse_after: 1h
"""
GROUPS = PEOPLE + "  quiet: [U0CY]\n  nobody: []\n"


@pytest.fixture
def slow(town: Town) -> Town:
    """Give a town whose rule waits: Bo is on call, Cy is too but quiet, Di leads from 25 minutes on, Eve from 40."""
    town.files = {"payments.yml": WAITING, "people.yml": GROUPS}
    town.service.book.reload()
    assert not town.service.book.fault
    return town


def calls(town: Town) -> list[str]:
    return town.said("call")


def at(town: Town, request: Request, minutes: float) -> None:
    """Be at so many minutes after the request began to wait, and work off what is due."""
    since = town.see(request).waits_since
    assert since is not None
    town.database.offset += since + timedelta(minutes=minutes, seconds=1) - town.ledger.now()
    town.settle()


def test_who_has_not_answered_is_reminded_once_in_each_span(slow: Town) -> None:
    request = slow.ask(ANN, "restart")
    at(slow, request, 9)
    assert calls(slow) == []
    at(slow, request, 10)
    at(slow, request, 11)
    assert len(calls(slow)) == 1
    assert "has waited for approval for 10 min" in calls(slow)[0]
    at(slow, request, 21)
    assert len(calls(slow)) == 2
    assert slow.kinds(request).count("reminded") == 2


def test_a_quiet_approver_is_not_pinged_and_may_approve(slow: Town) -> None:
    request = slow.ask(ANN, "restart")
    at(slow, request, 10)
    (call,) = calls(slow)
    assert f"<@{BO}>" in call
    assert f"<@{CY}>" not in call
    slow.approve(CY, request)
    assert slow.state(request) is State.SUCCEEDED


def test_nobody_is_reminded_of_what_is_decided(slow: Town) -> None:
    request = slow.ask(ANN, "restart")
    slow.deny(BO, request)
    slow.forward(minutes=30)
    slow.settle()
    assert calls(slow) == []


def test_a_tier_may_approve_only_from_its_time_on(slow: Town) -> None:
    request = slow.ask(ANN, "restart")
    at(slow, request, 24)
    assert "can't review" in slow.approve(DI, request).text
    at(slow, request, 26)
    assert slow.see(request).escalated_at is not None
    slow.approve(DI, request)
    assert slow.state(request) is State.SUCCEEDED


def test_a_tier_opens_at_the_click_though_the_clock_has_not_looked_yet(slow: Town) -> None:
    request = slow.ask(ANN, "restart")
    slow.forward(minutes=26)
    key = slow.take_in(DeliveryKind.APPROVE, DI, request.id, revision=1)
    answer = slow.service.intake.work(key)
    assert answer is not None
    assert not answer.refused
    assert slow.state(request) is State.APPROVED


def test_a_tier_is_pinged_once_and_takes_nobody_away(slow: Town) -> None:
    request = slow.ask(ANN, "restart")
    at(slow, request, 10)
    at(slow, request, 21)
    at(slow, request, 26)
    call = calls(slow)[-1]
    assert "Asked also from now on: leads." in call
    assert f"<@{DI}>" in call
    assert f"<@{BO}>" not in call
    assert f"<@{CY}>" not in call, "Cy leads, but was asked before and is quiet"
    at(slow, request, 27)
    assert slow.kinds(request).count("escalated") == 1
    slow.approve(BO, request)
    assert slow.state(request) is State.SUCCEEDED


def test_missed_looks_only_delay_and_say_everything_once(slow: Town) -> None:
    request = slow.ask(ANN, "restart")
    slow.restart()
    at(slow, request, 45)
    (call,) = calls(slow)
    assert "Asked also from now on: leads and <@U0EVE>." in call
    assert all(f"<@{user}>" in call for user in (BO, DI, EVE))
    slow.restart()
    at(slow, request, 46)
    assert len(calls(slow)) == 1
    at(slow, request, 56)
    assert len(calls(slow)) == 2, "the next reminder is ten minutes after the one that was late"


def test_of_two_processes_one_says_it(slow: Town) -> None:
    request = slow.ask(ANN, "restart")
    slow.forward(minutes=10, seconds=1)
    twin = slow.twin()
    for town in (slow, twin):
        town.service.sweep.attend(request.id)
    assert slow.kinds(request).count("reminded") == 1
    twin.close()


def test_a_request_that_was_taken_back_meanwhile_is_left_alone(slow: Town) -> None:
    request = slow.ask(ANN, "restart")
    slow.forward(minutes=10, seconds=1)
    claimed = slow.ledger.claim(request.id, slow.world.name, slow.world.lease)
    assert claimed is not None
    slow.withdraw(ANN, request)
    with pytest.raises(Conflict, match="is in other hands"):
        slow.service.sweep._next[State.PENDING](claimed)
    assert calls(slow) == []


def test_where_a_rule_no_longer_reminds_nothing_is_said(slow: Town) -> None:
    request = slow.ask(ANN, "restart")
    slow.edit("        remind_after: 10m\n", "")
    at(slow, request, 11)
    assert calls(slow) == []
    assert slow.kinds(request)[-1] == "looked"
    at(slow, request, 26)
    assert len(calls(slow)) == 1


def test_a_rules_own_lapse_ends_it(slow: Town) -> None:
    request = slow.ask(ANN, "restart")
    at(slow, request, 59)
    assert slow.state(request) is State.PENDING
    at(slow, request, 60)
    assert slow.state(request) is State.LAPSED


def test_who_could_not_be_read_is_asked_as_soon_as_they_can_be(slow: Town) -> None:
    slow.edit("to: [group:leads]", "to: [group:sre]")
    slow.edit("  leads:", "  sre: ['@sre']\n  leads:", file="people.yml")
    assert not slow.service.book.fault
    request = slow.ask(ANN, "restart")
    at(slow, request, 26)
    assert "escalated" not in slow.kinds(request)
    slow.directory.usergroups["sre"] = {DI}
    slow.forward(seconds=20)
    slow.settle()
    assert f"<@{DI}>" in calls(slow)[-1]


def test_a_new_revision_waits_anew(slow: Town) -> None:
    request = slow.ask(ANN, "restart")
    at(slow, request, 26)
    slow.edit("runner: fake\n", "runner: fake\n    risk: high\n")
    slow.approve(BO, request)
    seen = slow.see(request)
    assert seen.revision == 2
    assert (seen.escalated_at, seen.reminded_at, seen.reminders) == (None, None, 0)
    assert "can't review" in slow.approve(DI, request).text


def test_a_request_that_policies_now_allow_is_let_through_at_the_next_look(slow: Town) -> None:
    request = slow.ask(ANN, "restart")
    slow.write("payments.yml", WAITING.split("      - name")[0] + "      - allow: true\n")
    at(slow, request, 10)
    assert slow.state(request) is State.SUCCEEDED


def test_a_request_that_policies_now_refuse_is_refused_at_the_next_look(slow: Town) -> None:
    request = slow.ask(ANN, "restart")
    slow.write("payments.yml", WAITING.split("      - name")[0] + "      - deny: Not any more.\n")
    at(slow, request, 10)
    assert slow.state(request) is State.DENIED


def test_without_its_action_a_request_waits_until_it_lapses(slow: Town) -> None:
    request = slow.ask(ANN, "restart")
    slow.write("payments.yml", WAITING.replace("  restart:", "  other:"))
    at(slow, request, 10)
    assert slow.state(request) is State.PENDING
    at(slow, request, 61)
    assert slow.state(request) is State.LAPSED


def test_what_cannot_be_read_at_a_look_denies_nothing(slow: Town) -> None:
    request = slow.ask(ANN, "restart")
    slow.directory.down = True
    at(slow, request, 10)
    assert slow.state(request) is State.PENDING
    slow.directory.down = False
    at(slow, request, 11)
    assert len(calls(slow)) == 1


def test_who_is_to_be_reminded_is_reminded_as_soon_as_it_can_be_read_who_that_is(slow: Town) -> None:
    slow.edit("oncall: [U0BO, U0CY]", "oncall: ['@oncall']", file="people.yml")
    slow.edit(", quiet: [group:quiet]", "")
    slow.directory.usergroups["oncall"] = {BO}
    request = slow.ask(ANN, "restart")
    del slow.directory.usergroups["oncall"]
    at(slow, request, 10)
    assert calls(slow) == []
    slow.directory.usergroups["oncall"] = {BO}
    at(slow, request, 11)
    assert f"<@{BO}>" in calls(slow)[0]


FALLBACK = """
      - name: one on call
        review: [{from: [group:empty]}]
        fallback: [group:leads]
"""


@pytest.fixture
def deserted(slow: Town) -> Town:
    """Give a town in which nobody is on call, and it falls back on the leads."""
    slow.edit("  nobody: []", "  empty: ['@oncall']", file="people.yml")
    slow.directory.usergroups["oncall"] = set()
    slow.write("payments.yml", WAITING.split("      - name")[0] + FALLBACK)
    assert not slow.service.book.fault
    return slow


def test_a_fallback_may_approve_where_nobody_else_could(deserted: Town) -> None:
    request = deserted.ask(ANN, "restart")
    deserted.approve(DI, request)
    assert deserted.state(request) is State.SUCCEEDED


def test_a_fallback_may_approve_where_the_source_cannot_be_read(deserted: Town) -> None:
    del deserted.directory.usergroups["oncall"]
    request = deserted.ask(ANN, "restart")
    deserted.approve(DI, request)
    assert deserted.state(request) is State.SUCCEEDED


def test_a_fallback_may_not_approve_where_somebody_else_can(deserted: Town) -> None:
    deserted.directory.usergroups["oncall"] = {BO}
    request = deserted.ask(ANN, "restart")
    assert "can't review" in deserted.approve(DI, request).text
    deserted.directory.set(BO, Standing.DEACTIVATED)
    assert not deserted.approve(DI, request).refused


def test_a_fallbacks_approval_stands_when_somebody_is_there_again(deserted: Town) -> None:
    deserted.edit("from: [group:empty]", "from: [group:empty], count: 2")
    request = deserted.ask(ANN, "restart")
    deserted.approve(DI, request)
    deserted.edit("empty: ['@oncall']", "empty: [U0BO]", file="people.yml")
    deserted.approve(BO, request)
    assert deserted.state(request) is State.SUCCEEDED


def test_what_was_said_of_the_time_is_under_the_signed_record(slow: Town) -> None:
    request = slow.ask(ANN, "restart")
    at(slow, request, 26)
    rebuilt, _ = slow.trail.rebuild(request.id)
    assert rebuilt.escalated_at == slow.see(request).escalated_at is not None
