"""Waiting, as pure functions: tiers only ever add people, the fallback counts as told, and looks are in time."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitbot.explain import explain
from jitbot.model import Decision, Entry, Outcome, Request, Review, Reviews, Rule, State, Tier, UserId, Waiting
from jitbot.policy.decide import decide, eligible
from jitbot.policy.waiting import MOST_REMINDERS, next_look, reminder_due, together, untold
from tests.unit.core.builders import (
    ANN,
    BO,
    CY,
    DI,
    EVE,
    NOW,
    a_policy,
    a_request,
    a_review,
    ask,
    entry,
    facts,
    selector,
)

MINUTE = timedelta(minutes=1)
GROUPS = {"oncall": [BO], "leads": [CY, DI], "managers": [EVE], "empty": []}
TIERS = (Tier(20 * MINUTE, (selector("leads"),)), Tier(40 * MINUTE, (selector("managers"),)))


def a_rule(*entries: Entry, **waiting: Any) -> Rule:
    return replace(ask(*(entries or (entry("oncall"),))), waiting=Waiting(**waiting))


def waiting_request(**changes: Any) -> Request:
    return a_request(**{"state": State.PENDING, "waits_since": NOW, "lapses_at": NOW + 60 * MINUTE} | changes)


def decided(rule: Rule, minutes: int = 0, reviews: Sequence[Review] = (), **more: Any) -> Decision:
    return decide(a_policy(rule), waiting_request(), reviews, facts(GROUPS, now=NOW + minutes * MINUTE, **more))


def may(rule: Rule, user: UserId, minutes: int = 0, **more: Any) -> tuple[str, ...]:
    known = facts(GROUPS, now=NOW + minutes * MINUTE, **more)
    policy, request = a_policy(rule), waiting_request()
    return eligible(policy, request, decide(policy, request, (), known), known, user)


@pytest.mark.parametrize(("minutes", "who"), [(19, [BO]), (20, [BO, CY, DI]), (40, [BO, CY, DI, EVE])])
def test_each_tier_adds_people_from_its_instant_on(minutes: int, who: list[UserId]) -> None:
    rule = a_rule(escalate=TIERS)
    assert [user for user in (ANN, BO, CY, DI, EVE) if may(rule, user, minutes)] == who
    assert decided(rule, minutes).needs[0].candidates == tuple(who)


def test_a_request_that_has_not_begun_to_wait_has_no_tier() -> None:
    request = waiting_request(waits_since=None)
    known = facts(GROUPS, now=NOW + 90 * MINUTE)
    assert decide(a_policy(a_rule(escalate=TIERS)), request, (), known).needs[0].candidates == (BO,)


def test_what_a_later_tier_can_approve_is_not_refused_as_hopeless() -> None:
    hopeless = a_rule(entry("empty"))
    in_time = a_rule(entry("empty"), escalate=TIERS)
    request = a_request(state=State.DECIDING)
    assert decide(a_policy(hopeless), request, (), facts(GROUPS)).outcome is Outcome.DENY
    assert decide(a_policy(in_time), request, (), facts(GROUPS)).outcome is Outcome.REVIEW


def test_the_tree_says_who_is_asked_also_and_who_will_be() -> None:
    tree = explain(decided(a_rule(escalate=TIERS), 25), str)
    assert "✓ or one of group:leads   asked also, since it has waited for 20m" in tree
    assert "· or one of group:managers   asked also once it has waited for 40m" in tree
    approved = explain(decided(a_rule(escalate=TIERS), 25, [a_review(BO, "oncall")]), str)
    assert "group:leads" in approved
    assert "managers" not in approved


def test_quiet_people_may_approve_and_are_named_apart() -> None:
    quiet = Entry((selector("oncall"),), quiet=(selector("leads"),))
    need = decided(a_rule(quiet)).needs[0]
    assert need.candidates == (BO, CY, DI)
    assert need.quiet == (CY, DI)
    assert may(a_rule(quiet), CY)


def test_the_fallback_may_approve_only_while_nobody_else_can() -> None:
    fallback = (selector("leads"),)
    assert not may(a_rule(fallback=fallback), CY)
    assert may(a_rule(entry("empty"), fallback=fallback), CY) == ("group:leads", "fallback:people/group:leads")
    assert not may(a_rule(entry("empty"), fallback=fallback), EVE)


def test_an_approval_by_the_fallback_stands_and_a_plain_one_of_theirs_does_not() -> None:
    rule = a_rule(fallback=(selector("leads"),))
    fell_back = a_review(CY, "leads", selectors=("group:leads", "fallback:people/group:leads"))
    assert decided(rule, reviews=[fell_back]).outcome is Outcome.ALLOW
    assert decided(rule, reviews=[a_review(CY, "leads")]).outcome is Outcome.REVIEW


def test_a_source_that_cannot_be_read_lets_the_fallback_count_and_is_still_named() -> None:
    rule = a_rule(entry("away"), fallback=(selector("leads"),))
    decision = decided(rule, unread={"group:away": "no answer"})
    assert decision.outcome is Outcome.REVIEW
    assert decision.needs[0].candidates == (CY, DI)
    assert not decision.needs[0].unread
    assert decision.unread == ("group:away",)
    without = decided(a_rule(entry("away")), unread={"group:away": "no answer"})
    assert without.needs[0].unread


def test_several_rules_wait_as_the_most_impatient_of_them() -> None:
    first = a_rule(remind_after=10 * MINUTE, escalate=TIERS)
    second = a_rule(remind_after=5 * MINUTE, lapse_after=30 * MINUTE, escalate=TIERS[:1])
    assert together([first, second]) == Waiting(5 * MINUTE, 30 * MINUTE, TIERS)
    assert together([]) == Waiting()


def test_the_next_look_is_the_earliest_thing_to_do() -> None:
    waiting = Waiting(15 * MINUTE, None, TIERS)
    request = waiting_request()
    assert next_look(waiting, request) == NOW + 15 * MINUTE
    reminded = replace(request, reminded_at=NOW + 15 * MINUTE, reminders=1)
    assert next_look(waiting, reminded) == NOW + 20 * MINUTE
    told = replace(reminded, escalated_at=NOW + 20 * MINUTE)
    assert next_look(waiting, told) == NOW + 30 * MINUTE
    tired = replace(told, reminders=MOST_REMINDERS)
    assert next_look(waiting, tired) == NOW + 40 * MINUTE
    assert next_look(Waiting(), tired) == NOW + 60 * MINUTE
    assert next_look(waiting, replace(tired, waits_since=None, lapses_at=None)) is None


def test_reminders_end_some_time() -> None:
    waiting = Waiting(15 * MINUTE)
    assert reminder_due(waiting, waiting_request(), NOW + 15 * MINUTE)
    assert not reminder_due(waiting, waiting_request(reminders=MOST_REMINDERS), NOW + 15 * MINUTE)
    assert not reminder_due(Waiting(), waiting_request(), NOW + 15 * MINUTE)


def test_only_what_has_opened_since_is_told() -> None:
    request = waiting_request()
    assert untold(TIERS, request, NOW + 45 * MINUTE) == TIERS
    assert untold(TIERS, replace(request, escalated_at=NOW + 21 * MINUTE), NOW + 45 * MINUTE) == TIERS[1:]
    assert untold(TIERS, replace(request, escalated_at=NOW + 45 * MINUTE), NOW + 50 * MINUTE) == ()


PEOPLE = st.lists(st.sampled_from([BO, CY, DI, EVE]), unique=True, max_size=4)


def reviews_by(people: Sequence[UserId]) -> list[Review]:
    return [a_review(user, *(name for name, members in GROUPS.items() if user in members)) for user in people]


@given(people=PEOPLE, minutes=st.integers(0, 60), count=st.integers(1, 3))
def test_time_never_takes_an_approval_away(people: list[UserId], minutes: int, count: int) -> None:
    rule = a_rule(entry("oncall"), entry("leads", count=count), escalate=TIERS)
    reviews = reviews_by(people)
    before, after = decided(rule, 0, reviews), decided(rule, minutes, reviews)
    assert sum(need.missing for need in after.needs) <= sum(need.missing for need in before.needs)


@given(people=PEOPLE, lost=st.sets(st.sampled_from(["oncall", "leads", "managers"])), minutes=st.integers(0, 60))
def test_nothing_unread_lets_anything_through_that_people_did_not_approve(
    people: list[UserId], lost: set[str], minutes: int
) -> None:
    """Unread sources may change who is asked (`fallback`), never how many have to approve."""
    rule = a_rule(entry("oncall"), entry("leads"), escalate=TIERS, fallback=(selector("managers"),))
    known = facts(GROUPS, now=NOW + minutes * MINUTE)
    members = {name: who for name, who in known.members.items() if name.removeprefix("group:") not in lost}
    unread = {f"group:{name}": "no answer" for name in lost}
    decision = decide(
        a_policy(rule), waiting_request(), reviews_by(people), replace(known, members=members, unread=unread)
    )
    if decision.outcome is Outcome.ALLOW:
        assert len(people) >= 2


def test_reviews_without_a_way_to_be_met_name_nobody() -> None:
    rule = replace(a_rule(fallback=(selector("leads"),)), reviews=Reviews(()))
    assert not may(rule, CY)
