"""What holds for every policy: total, never looser for an error, a missing fact or a further guardrail."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jitbot.model import (
    Decision,
    Facts,
    Guardrail,
    Mark,
    Outcome,
    Parameter,
    ParameterType,
    Policy,
    Review,
    Rule,
    Standing,
    State,
    Truth,
    Verdict,
)
from jitbot.policy.decide import decide, eligible
from tests.unit.core.builders import (
    EVERYBODY,
    a_policy,
    a_request,
    a_review,
    condition,
    entry,
    facts,
    reviews_of,
)

MODERATE = settings(max_examples=120, deadline=None)
GROUPS = ("a", "b", "c")
STRICTNESS = {Outcome.ALLOW: 0, Outcome.REVIEW: 1, Outcome.DENY: 2}

users = st.sampled_from(EVERYBODY)
groups = st.sampled_from(GROUPS)
truths = st.sampled_from(Truth)
entries = st.builds(lambda one, two, count: entry(*{one, two}, count=count), groups, groups, st.integers(1, 2))
required = st.lists(st.lists(entries, min_size=1, max_size=2), min_size=1, max_size=2).map(
    lambda all_: reviews_of(*all_)
)
memberships = st.fixed_dictionaries({group: st.lists(users, unique=True) for group in GROUPS})


@st.composite
def rules(draw: st.DrawFn, outcomes: Sequence[Outcome] = tuple(Outcome)) -> Rule:
    number = draw(st.integers(0, 10_000))
    outcome = draw(st.sampled_from(outcomes))
    reviews = draw(required) if outcome is Outcome.REVIEW else None
    return Rule(f"rule {number}", outcome, condition(draw(truths), ["x"]), reviews, where=f"a.yml:{number}")


guardrails = rules(outcomes=(Outcome.DENY, Outcome.REVIEW)).map(Guardrail)


def named(some: list[Rule], more: list[Guardrail]) -> Policy:
    """Give each its own name, as loading demands."""
    own = [replace(rule, name=f"rule {number}") for number, rule in enumerate(some)]
    theirs = [Guardrail(replace(each.rule, name=f"guardrail {number}")) for number, each in enumerate(more)]
    return a_policy(*own, guardrails=theirs)


policies = st.builds(named, st.lists(rules(), max_size=4), st.lists(guardrails, max_size=2))
given_reviews = st.lists(
    st.builds(
        lambda who, some, verdict: a_review(who, *some, verdict=verdict),
        users,
        st.sets(groups),
        st.sampled_from([Verdict.APPROVE, Verdict.APPROVE, Verdict.DENY]),
    ),
    max_size=4,
    unique_by=lambda review: review.reviewer,
)


def strictness(decision: Decision) -> tuple[int, int]:
    return STRICTNESS[decision.outcome], sum(need.missing for need in decision.needs)


@MODERATE
@given(policies, given_reviews, memberships, st.sampled_from(State))
def test_the_order_of_the_reviews_changes_nothing(
    policy: Policy, reviews: list[Review], members: dict[str, Any], state: State
) -> None:
    request, read = a_request(state=state), facts(members)
    assume(sum(review.verdict is Verdict.DENY for review in reviews) < 2)
    found = {
        (strictness(decision), decision.rule, decision.denied_by)
        for order in permutations(reviews)
        for decision in [decide(policy, request, order, read)]
    }
    assert len(found) == 1


@MODERATE
@given(policies, guardrails, given_reviews, memberships)
def test_a_further_guardrail_never_lets_more_through(
    policy: Policy, more: Guardrail, reviews: list[Review], members: dict[str, Any]
) -> None:
    request, read = a_request(state=State.PENDING), facts(members)
    before = decide(policy, request, reviews, read)
    after = decide(replace(policy, guardrails=(*policy.guardrails, more)), request, reviews, read)
    assert STRICTNESS[after.outcome] >= STRICTNESS[before.outcome]


@MODERATE
@given(policies, given_reviews, memberships, st.integers(0, 3), truths)
def test_an_error_never_loosens_whatever_the_truth_would_be(
    policy: Policy, reviews: list[Review], members: dict[str, Any], index: int, truth: Truth
) -> None:
    listed = list(policy.actions["restart"].rules)
    assume(index < len(listed))
    request, read = a_request(state=State.PENDING), facts(members)

    def with_truth(truth: Truth) -> Outcome:
        changed = [*listed[:index], replace(listed[index], when=condition(truth)), *listed[index + 1 :]]
        return decide(a_policy(*changed, guardrails=policy.guardrails), request, reviews, read).outcome

    assert STRICTNESS[with_truth(Truth.ERROR)] >= STRICTNESS[with_truth(truth)]


@MODERATE
@given(policies, guardrails, given_reviews, memberships, truths)
def test_an_error_in_a_guardrail_never_loosens(
    policy: Policy, guard: Guardrail, reviews: list[Review], members: dict[str, Any], truth: Truth
) -> None:
    request, read = a_request(state=State.PENDING), facts(members)

    def with_truth(truth: Truth) -> Outcome:
        changed = replace(guard, rule=replace(guard.rule, when=condition(truth)))
        return decide(replace(policy, guardrails=(changed,)), request, reviews, read).outcome

    assert STRICTNESS[with_truth(Truth.ERROR)] >= STRICTNESS[with_truth(truth)]


@MODERATE
@given(policies, given_reviews, memberships, groups, st.sampled_from([State.PENDING, State.APPROVED]))
def test_a_group_that_cannot_be_read_never_loosens(
    policy: Policy, reviews: list[Review], members: dict[str, Any], lost: str, state: State
) -> None:
    request, read = a_request(state=state), facts(members)
    known = {name: who for name, who in read.members.items() if name != f"group:{lost}"}
    unread = replace(read, members=known, unread={f"group:{lost}": "no answer"})
    assert strictness(decide(policy, request, reviews, unread)) >= strictness(decide(policy, request, reviews, read))


@MODERATE
@given(policies, given_reviews, memberships, users, st.sampled_from(Standing))
def test_a_person_who_cannot_be_looked_up_never_loosens(
    policy: Policy, reviews: list[Review], members: dict[str, Any], lost: Any, standing: Standing
) -> None:
    request = a_request(state=State.PENDING)
    approvals = [review for review in reviews if review.verdict is Verdict.APPROVE]
    read = facts(members, {lost: standing})
    unknown = replace(read, people={user: person for user, person in read.people.items() if user != lost})
    less, more = decide(policy, request, approvals, unknown), decide(policy, request, approvals, read)
    assert STRICTNESS[less.outcome] >= STRICTNESS[more.outcome]


@MODERATE
@given(policies, given_reviews, memberships)
def test_nobody_counts_twice_within_one_requirement_and_who_asked_never(
    policy: Policy, reviews: list[Review], members: dict[str, Any]
) -> None:
    request = a_request(state=State.PENDING)
    decision = decide(policy, request, reviews, facts(members))
    for rule in {need.rule for need in decision.needs}:
        counted = [user for need in decision.needs if need.rule == rule for user in need.approved_by]
        assert len(counted) == len(set(counted))
        assert request.requester not in counted


@MODERATE
@given(policies, given_reviews, memberships)
def test_a_denial_by_somebody_eligible_always_wins(
    policy: Policy, reviews: list[Review], members: dict[str, Any]
) -> None:
    request = a_request(state=State.PENDING)
    decision = decide(policy, request, reviews, facts(members))
    denied = any(review.verdict is Verdict.DENY and review.selectors for review in reviews)
    assert decision.outcome is Outcome.DENY or not denied


odd = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.text(max_size=3), max_size=2)
odd_parameters = st.lists(
    st.builds(Parameter, st.sampled_from(["p", "q"]), st.sampled_from(ParameterType), st.just("P")), max_size=2
)
odd_facts = st.builds(
    lambda members, people, values, unread: Facts(facts().now, members, people, values, unread),
    st.dictionaries(st.sampled_from(["group:a", "group:everybody", "x"]), st.frozensets(users)),
    st.sampled_from([{}, facts().people, facts(standings=dict.fromkeys(EVERYBODY, Standing.GUEST)).people]),
    st.dictionaries(st.text(max_size=5), odd),
    st.dictionaries(st.sampled_from(["group:a", "group:everybody"]), st.just("no answer")),
)


@MODERATE
@given(policies, given_reviews, odd_facts, odd_parameters, st.dictionaries(st.sampled_from(["p", "q"]), odd), st.data())
def test_it_never_raises_and_always_says_why(
    policy: Policy,
    reviews: list[Review],
    read: Facts,
    parameters: list[Parameter],
    params: dict[str, Any],
    data: st.DataObject,
) -> None:
    action = replace(policy.actions["restart"], parameters=tuple(parameters))
    request = a_request(
        state=data.draw(st.sampled_from(State)),
        action=data.draw(st.sampled_from(["restart", "gone"])),
        requester=data.draw(users),
        beneficiary=data.draw(users),
        params=params,
    )
    decision = decide(replace(policy, actions={"restart": action}), request, reviews + reviews, read)
    assert decision.summary
    assert decision.tree.mark in (Mark.YES, Mark.OPEN, Mark.DENIED)
    for user in EVERYBODY:
        counts = eligible(policy, request, decision, read, user)
        assert not counts or user not in (request.requester, request.beneficiary)
