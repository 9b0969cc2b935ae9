"""Quotas, limits and people kept apart, as decided: what is not counted lets nothing through."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitbot.explain import explain
from jitbot.model import (
    Failure,
    Guardrail,
    Holder,
    Limits,
    Mark,
    Outcome,
    Policy,
    Quota,
    Rule,
    Standing,
    State,
    Tally,
    Truth,
    UserId,
)
from jitbot.policy.decide import decide, eligible
from jitbot.policy.wanted import counting
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
    allow,
    ask,
    condition,
    deny,
    entry,
    facts,
)

HOUR = timedelta(hours=1)
STRICTNESS = [Outcome.ALLOW, Outcome.REVIEW, Outcome.DENY]


def quota(at_most: int = 3, **more: Any) -> Rule:
    return replace(allow("so often", **more), quota=Quota(at_most, HOUR))


def used(times: int) -> Tally:
    return Tally(used={"so often": times})


PEOPLE = ask(entry("leads"))
LEADS = {"leads": [BO, CY]}


@pytest.mark.parametrize(
    ("times", "outcome"), [(0, Outcome.ALLOW), (2, Outcome.ALLOW), (3, Outcome.REVIEW), (9, Outcome.REVIEW)]
)
def test_a_used_up_quota_is_as_if_the_rule_did_not_match(times: int, outcome: Outcome) -> None:
    policy = a_policy(quota(), PEOPLE)
    decision = decide(policy, a_request(), (), facts(LEADS, tally=used(times)))
    assert decision.outcome is outcome
    words = f"used {times} of 3 in the last hour"
    assert words in explain(decision, str)


def test_a_quota_of_a_rule_that_does_not_match_is_not_shown() -> None:
    policy = a_policy(quota(when=condition(Truth.FALSE)), PEOPLE)
    assert "used" not in explain(decide(policy, a_request(), (), facts(LEADS, tally=used(3))), str)


@pytest.mark.parametrize("tally", [None, Tally()])
def test_a_quota_that_was_not_counted_is_used_up_and_said_to_be_unread(tally: Tally | None) -> None:
    policy = a_policy(quota(), PEOPLE)
    decision = decide(policy, a_request(), (), facts(LEADS, tally=tally))
    assert (decision.outcome, decision.unread) == (Outcome.REVIEW, ("counts",))
    assert decision.tree.children[1].mark is Mark.ERROR


def test_who_has_a_place_already_keeps_it() -> None:
    policy = a_policy(quota(), PEOPLE)
    decision = decide(policy, a_request(quota="so often"), (), facts(LEADS, tally=used(3)))
    assert decision.outcome is Outcome.ALLOW
    assert "has its place of 3 in the last hour" in explain(decision, str)


def test_a_place_of_one_rule_is_none_of_another() -> None:
    policy = a_policy(quota(), PEOPLE)
    assert decide(policy, a_request(quota="people"), (), facts(LEADS, tally=used(3))).outcome is Outcome.REVIEW


def test_a_used_up_quota_at_the_end_is_a_no() -> None:
    assert decide(a_policy(quota()), a_request(), (), facts(tally=used(3))).outcome is Outcome.DENY


@given(
    at_most=st.integers(1, 5),
    times=st.none() | st.integers(0, 8),
    truth=st.sampled_from(Truth),
    below=st.lists(st.sampled_from([allow("free"), deny(), PEOPLE]), max_size=1),
)
def test_a_quota_never_lets_more_through_than_the_rule_without_it_or_the_rules_below(
    at_most: int, times: int | None, truth: Truth, below: Sequence[Rule]
) -> None:
    read = facts(LEADS, tally=None if times is None else used(times))
    rule = quota(at_most, when=condition(truth))
    outcome = decide(a_policy(rule, *below), a_request(), (), read).outcome
    without = decide(a_policy(replace(rule, quota=None), *below), a_request(), (), read).outcome
    rest = decide(a_policy(*below), a_request(), (), read).outcome
    assert outcome in (without, rest)
    if times is None or times >= at_most:
        assert outcome is rest


# Limits


def holder(number: int, who: UserId = DI, **more: Any) -> Holder:
    return Holder(f"JIT-{number}", who, who, **more)


def limited(**limits: Any) -> Policy:
    return a_policy(allow(), limits=Limits(**limits))


def test_so_many_grants_may_be_held_and_the_refusal_names_them() -> None:
    holders = (holder(7, until=NOW + HOUR), holder(8, EVE))
    policy = limited(held=2)
    assert decide(policy, a_request(), (), facts(tally=Tally(holders=holders[:1]))).outcome is Outcome.ALLOW
    refusal = decide(policy, a_request(), (), facts(tally=Tally(holders=holders)))
    assert (refusal.outcome, refusal.unread) == (Outcome.DENY, ())
    assert refusal.summary == (
        "Restart may be held 2 times at the same time: <@U0DI> holds JIT-7 until 2026-11-23 10:00 UTC, <@U0EVE> holds "
        "JIT-8. Ask again when one has ended."
    )


def test_of_many_holders_some_are_named() -> None:
    tally = Tally(holders=tuple(holder(number) for number in range(1, 9)))
    assert "JIT-5, and 3 more." in decide(limited(held=8), a_request(), (), facts(tally=tally)).summary


@pytest.mark.parametrize(
    ("own", "outcome"),
    [
        (Holder("JIT-7", ANN, ANN), Outcome.DENY),
        (Holder("JIT-7", ANN, DI), Outcome.DENY),
        (Holder("JIT-7", DI, ANN), Outcome.DENY),
        (Holder("JIT-7", DI, DI), Outcome.ALLOW),
    ],
)
def test_one_person_may_hold_so_many_as_requester_or_as_beneficiary(own: Holder, outcome: Outcome) -> None:
    decision = decide(limited(held_by_one=1, held=5), a_request(), (), facts(tally=Tally(holders=(own,))))
    assert decision.outcome is outcome
    assert outcome is Outcome.ALLOW or "One person may hold 1 at a time" in decision.summary


def test_after_a_failed_run_the_target_is_left_alone_for_a_while() -> None:
    policy, failure = limited(cool_down=timedelta(minutes=15)), Failure("JIT-9", NOW - timedelta(minutes=14))
    refusal = decide(policy, a_request(), (), facts(tally=Tally(failure=failure)))
    assert refusal.outcome is Outcome.DENY
    assert refusal.summary.startswith(
        "JIT-9 failed on this target. 15m have to pass before the next try: until 2026-11-23 09:01"
    )
    over = replace(failure, at=NOW - timedelta(minutes=15))
    assert decide(policy, a_request(), (), facts(tally=Tally(failure=over))).outcome is Outcome.ALLOW
    assert decide(policy, a_request(), (), facts(tally=Tally())).outcome is Outcome.ALLOW
    assert decide(limited(held=1), a_request(), (), facts(tally=Tally(failure=failure))).outcome is Outcome.ALLOW


def test_limits_that_were_not_counted_refuse_for_now() -> None:
    decision = decide(limited(held=1), a_request(), (), facts())
    assert (decision.outcome, decision.unread) == (Outcome.DENY, ("counts",))
    assert "could not be counted" in decision.summary


FULL = Tally(holders=(holder(7),))


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"state": State.DECIDING}, Outcome.DENY),
        ({"state": State.PENDING}, Outcome.ALLOW),
        ({"state": State.APPROVED}, Outcome.DENY),
        ({"state": State.APPROVED, "starts_at": NOW + HOUR}, Outcome.ALLOW),
        ({"state": State.APPROVED, "starts_at": NOW}, Outcome.DENY),
    ],
)
def test_limits_are_judged_when_it_is_asked_and_when_it_is_to_start(changes: Any, outcome: Outcome) -> None:
    assert decide(limited(held=1), a_request(**changes), (), facts(tally=FULL)).outcome is outcome


# Kept apart


def apart(hours: int = 24, when: Any = None, applies_to: Sequence[str] = ()) -> Guardrail:
    return Guardrail(allow("not in turn", when), tuple(applies_to), timedelta(hours=hours))


def in_turn(user: UserId = BO, hours: float = 2) -> Tally:
    return Tally(approvals={user: (NOW - timedelta(hours=hours),)})


def test_whoever_was_approved_by_the_requester_lately_cannot_approve() -> None:
    policy, read = a_policy(PEOPLE, guardrails=[apart()]), facts(LEADS, tally=in_turn())
    decision = decide(policy, a_request(), (), read)
    assert (decision.outcome, decision.apart, decision.needs[0].candidates) == (Outcome.REVIEW, (BO,), (CY,))
    assert eligible(policy, a_request(), decision, read, BO) == ()
    assert eligible(policy, a_request(), decision, read, CY) == ("group:leads",)
    assert "not by <@U0BO>: the requester approved something of theirs in the last day" in explain(
        decision, lambda user: f"<@{user}>"
    )


def test_their_approval_counts_for_nothing_though_it_was_recorded() -> None:
    policy = a_policy(PEOPLE, guardrails=[apart()])
    reviews = [a_review(BO, "leads")]
    assert decide(policy, a_request(), reviews, facts(LEADS, tally=in_turn())).outcome is Outcome.REVIEW
    assert decide(policy, a_request(), reviews, facts(LEADS, tally=in_turn(hours=25))).outcome is Outcome.ALLOW


def test_an_approval_given_before_they_were_kept_apart_stands() -> None:
    policy = a_policy(PEOPLE, guardrails=[apart()])
    reviews = [a_review(BO, "leads", at=NOW - timedelta(hours=3))]
    assert decide(policy, a_request(), reviews, facts(LEADS, tally=in_turn())).outcome is Outcome.ALLOW


def test_nobody_else_who_could_approve_is_said_at_once() -> None:
    policy = a_policy(PEOPLE, guardrails=[apart()])
    decision = decide(policy, a_request(), (), facts({"leads": [BO]}, tally=in_turn()))
    assert decision.outcome is Outcome.DENY
    assert "besides you and those whose own requests you have approved lately" in decision.summary


@pytest.mark.parametrize(("truth", "kept"), [(Truth.TRUE, (BO,)), (Truth.FALSE, ()), (Truth.ERROR, (BO,))])
def test_a_guardrail_that_keeps_apart_looks_at_its_condition_and_an_error_keeps_apart(
    truth: Truth, kept: tuple[UserId, ...]
) -> None:
    policy = a_policy(PEOPLE, guardrails=[apart(when=condition(truth))])
    assert decide(policy, a_request(), (), facts(LEADS, tally=in_turn())).apart == kept


def test_of_several_times_the_longest_counts_and_other_actions_do_not() -> None:
    guardrails = [apart(1), apart(24), apart(2), apart(999, applies_to=["drain"])]
    policy = a_policy(PEOPLE, guardrails=guardrails)
    assert counting(policy, "restart").apart == timedelta(hours=24)
    assert decide(policy, a_request(), (), facts(LEADS, tally=in_turn(hours=23))).apart == (BO,)
    assert decide(policy, a_request(), (), facts(LEADS, tally=in_turn(hours=25))).apart == ()


def test_who_approved_whom_that_was_not_counted_lets_nobody_approve() -> None:
    policy = a_policy(PEOPLE, guardrails=[apart()])
    decision = decide(policy, a_request(), [a_review(BO, "leads")], facts(LEADS))
    assert (decision.outcome, decision.unread) == (Outcome.DENY, ("counts",))
    assert "could not be counted" in explain(decision, str)
    assert decide(a_policy(allow(), guardrails=[apart()]), a_request(), (), facts(LEADS)).outcome is Outcome.ALLOW


@given(
    st.permutations([a_review(BO, "leads"), a_review(CY, "leads"), a_review(DI, "leads")]),
    st.sampled_from([BO, CY, DI]),
)
def test_keeping_apart_never_lets_more_through_and_no_order_of_reviews_changes_it(reviews: Any, user: UserId) -> None:
    read = facts({"leads": [BO, CY, DI]}, tally=in_turn(user))
    free = a_policy(ask(entry("leads", count=3)))
    strict = replace(free, guardrails=(apart(),))
    for given_reviews in (reviews, reviews[:2], reviews[:1]):
        loose, kept = (decide(policy, a_request(state=State.PENDING), given_reviews, read) for policy in (free, strict))
        assert STRICTNESS.index(kept.outcome) >= STRICTNESS.index(loose.outcome)
    assert decide(strict, a_request(state=State.PENDING), reviews, read).outcome is Outcome.REVIEW


# For whom


@pytest.mark.parametrize("standing", [each for each in Standing if each is not Standing.MEMBER])
def test_nothing_is_asked_for_somebody_who_is_no_member(standing: Standing) -> None:
    decision = decide(a_policy(allow()), a_request(beneficiary=EVE), (), facts(standings={EVE: standing}))
    assert (decision.outcome, decision.unread) == (Outcome.DENY, ())
    assert f"cannot be asked for a {standing.value}" in decision.summary


def test_a_beneficiary_who_cannot_be_looked_up_is_unread() -> None:
    read = facts()
    people = {user: person for user, person in read.people.items() if user != EVE}
    decision = decide(a_policy(allow()), a_request(beneficiary=EVE), (), replace(read, people=people))
    assert (decision.outcome, decision.unread) == (Outcome.DENY, ("requester",))


def test_a_beneficiary_who_is_a_member_is_fine() -> None:
    assert decide(a_policy(allow()), a_request(beneficiary=EVE), (), facts()).outcome is Outcome.ALLOW


def test_what_is_counted_is_no_more_than_the_policy_looks_at() -> None:
    assert counting(a_policy(allow()), "restart") == counting(Policy(), "restart")
    both = a_policy(quota(), limits=Limits(held_by_one=1, cool_down=HOUR))
    found = counting(both, "restart")
    assert (found.quotas, found.grants, found.cool_down, found.apart) == ({"so often": HOUR}, True, HOUR, None)
    assert not counting(limited(cool_down=HOUR), "restart").grants
