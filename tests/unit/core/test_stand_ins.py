"""Standing in, as `decide` counts it: one hop, one human, nobody's approval wasted, and the order changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from jitbot.model import Delegation, DelegationId, Entry, Outcome, Review, StandIn, Standing, State, UserId, Verdict
from jitbot.policy.decide import decide, standing_in
from jitbot.policy.matching import MOST_WAYS, assign_with_stand_ins
from tests.unit.core.builders import (
    ANN,
    BO,
    CY,
    DI,
    EVE,
    EVERYBODY,
    NOW,
    a_policy,
    a_request,
    a_review,
    ask,
    entry,
    facts,
)

GROUPS = ("dba", "security", "leads")
TEXTS = tuple(f"group:{name}" for name in GROUPS)
MEMBERS = {"dba": [BO, CY], "security": [CY, DI], "leads": [DI, EVE]}

selector_sets = st.sets(st.sampled_from(TEXTS)).map(frozenset)
entries = st.lists(
    st.builds(
        lambda names, count: entry(*sorted(names), count=count),
        st.sets(st.sampled_from(GROUPS), min_size=1),
        st.integers(1, 2),
    ),
    min_size=1,
    max_size=3,
)


@st.composite
def voices(draw: st.DrawFn) -> tuple[dict[UserId, frozenset[str]], dict[UserId, dict[UserId, frozenset[str]]]]:
    people = draw(st.dictionaries(st.sampled_from(EVERYBODY), selector_sets, min_size=1, max_size=5))
    proxies = {}
    for user in people:
        others = draw(st.dictionaries(st.sampled_from(EVERYBODY), selector_sets, max_size=2))
        stood_for = {other: selectors for other, selectors in others.items() if other != user}
        if stood_for:
            proxies[user] = stood_for
    return people, proxies


def most(
    wanted: Sequence[Entry],
    people: Mapping[UserId, frozenset[str]],
    proxies: Mapping[UserId, Mapping[UserId, frozenset[str]]],
) -> int:
    """Count by brute force: each place is left free, or filled by somebody in some role, no human twice."""
    places = [{str(source) for source in each.sources} for each in wanted for _ in range(each.count)]
    roles = [(user, user, selectors) for user, selectors in people.items()]
    roles += [(user, other, selectors) for user, stood_for in proxies.items() for other, selectors in stood_for.items()]
    best = 0
    for choice in product(range(-1, len(roles)), repeat=len(places)):
        humans: list[UserId] = []
        for place, index in zip(places, choice, strict=True):
            if index < 0:
                continue
            user, other, selectors = roles[index]
            if selectors.isdisjoint(place):
                break
            humans += {user, other}
        else:
            if len(humans) == len(set(humans)):
                best = max(best, sum(index >= 0 for index in choice))
    return best


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(lambda names: entry(*sorted(names)), st.sets(st.sampled_from(GROUPS), min_size=1)),
        min_size=1,
        max_size=3,
    ),
    voices(),
)
def test_nobodys_approval_is_wasted_and_no_human_counts_twice(
    wanted: list[Entry],
    given_voices: tuple[dict[UserId, frozenset[str]], dict[UserId, dict[UserId, frozenset[str]]]],
) -> None:
    people, proxies = given_voices
    filled, stood_for = assign_with_stand_ins(wanted, people, proxies)
    seated = [user for who in filled for user in who]
    humans = seated + [stood_for[user] for user in seated if user in stood_for]
    assert len(humans) == len(set(humans)), "whoever is stood in for is taken up too"
    for each, who in zip(wanted, filled, strict=True):
        texts = {str(source) for source in each.sources}
        for user in who:
            selectors = proxies[user][stood_for[user]] if user in stood_for else people[user]
            assert not selectors.isdisjoint(texts)
    assert len(seated) == most(wanted, people, proxies)


@settings(max_examples=60, deadline=None)
@given(entries, voices(), st.randoms(use_true_random=False))
def test_no_order_of_the_same_approvals_changes_how_far_it_is(
    wanted: list[Entry],
    given_voices: tuple[dict[UserId, frozenset[str]], dict[UserId, dict[UserId, frozenset[str]]]],
    chance: object,
) -> None:
    people, proxies = given_voices
    order = list(people)
    chance.shuffle(order)  # type: ignore[attr-defined]
    first, _ = assign_with_stand_ins(wanted, people, proxies)
    second, _ = assign_with_stand_ins(
        wanted, {user: people[user] for user in order}, {user: proxies[user] for user in order if user in proxies}
    )
    assert sum(map(len, first)) == sum(map(len, second))


def test_more_stand_ins_than_can_be_tried_count_as_themselves() -> None:
    many = [UserId(f"U{number:03}") for number in range(30)]
    proxies = {user: {UserId(f"V{user}"): frozenset({"group:dba"})} for user in many}
    people = {user: frozenset[str]() for user in many}
    filled, _ = assign_with_stand_ins([entry("dba", count=20)], people, proxies)
    assert 0 < len(filled[0]) <= MOST_WAYS.bit_length()


def a_delegation(delegator: UserId, delegate: UserId, **changes: object) -> Delegation:
    values = {"created_at": NOW - timedelta(hours=1), "ends_at": NOW + timedelta(days=1), **changes}
    return Delegation(DelegationId(1), delegator, delegate, "T0ACME", **values)  # type: ignore[arg-type]


def test_whoever_stands_in_may_review_with_the_selectors_of_the_other() -> None:
    policy, request = a_policy(ask(entry("dba"), entry("leads"))), a_request()
    seen = facts(MEMBERS, delegations=(a_delegation(CY, EVE),))
    decision = decide(policy, request, (), seen)
    assert standing_in(policy, request, decision, seen, EVE) == (StandIn(CY, ("group:dba",)),)
    assert standing_in(policy, request, decision, seen, DI) == ()


def test_a_delegation_that_is_over_or_has_not_begun_or_was_ended_names_nobody() -> None:
    policy, request = a_policy(ask(entry("dba"))), a_request()
    for changes in ({"ends_at": NOW}, {"created_at": NOW + timedelta(seconds=1)}, {"ended_at": NOW}):
        seen = facts(MEMBERS, delegations=(a_delegation(CY, EVE, **changes),))
        decision = decide(policy, request, (), seen)
        assert standing_in(policy, request, decision, seen, EVE) == ()


def test_the_beneficiary_neither_delegates_nor_stands_in_for_that_request() -> None:
    policy, request = a_policy(ask(entry("dba"))), a_request(beneficiary=CY)
    for each in (a_delegation(CY, EVE), a_delegation(BO, CY), a_delegation(BO, ANN)):
        seen = facts(MEMBERS, delegations=(each,))
        decision = decide(policy, request, (), seen)
        assert standing_in(policy, request, decision, seen, each.delegate) == ()
        assert decision.needs[0].candidates == (BO,)


def test_a_guest_neither_stands_in_nor_is_stood_in_for() -> None:
    policy, request = a_policy(ask(entry("dba"))), a_request()
    for guest in (CY, EVE):
        seen = facts(MEMBERS, {guest: Standing.GUEST}, delegations=(a_delegation(CY, EVE),))
        decision = decide(policy, request, (), seen)
        assert standing_in(policy, request, decision, seen, EVE) == ()


def test_an_approval_for_the_requester_never_counts_whoever_wrote_it() -> None:
    policy, request = a_policy(ask(entry("dba"))), a_request(state=State.PENDING)
    forged = a_review(EVE, on_behalf_of=(StandIn(ANN, ("group:dba",)),))
    assert decide(policy, request, [forged], facts(MEMBERS)).outcome is Outcome.REVIEW


def test_a_denial_counts_in_the_place_of_the_other_unless_that_one_has_left() -> None:
    policy, request = a_policy(ask(entry("dba"))), a_request(state=State.PENDING)
    denial = a_review(EVE, verdict=Verdict.DENY, comment="no", on_behalf_of=(StandIn(CY, ("group:dba",)),))
    assert decide(policy, request, [denial], facts(MEMBERS)).outcome is Outcome.DENY
    left = facts(MEMBERS, {CY: Standing.DEACTIVATED})
    assert decide(policy, request, [denial], left).outcome is Outcome.REVIEW


def test_who_is_asked_is_the_stand_in_unless_they_count_already() -> None:
    policy, request = a_policy(ask(entry("dba", count=2))), a_request(state=State.PENDING)
    both = facts(MEMBERS, delegations=(a_delegation(BO, EVE), a_delegation(CY, EVE)))
    decision = decide(policy, request, (), both)
    assert (decision.needs[0].candidates, decision.needs[0].stand_ins) == ((EVE,), ((EVE, BO),))
    given_for = a_review(EVE, on_behalf_of=(StandIn(BO, ("group:dba",)), StandIn(CY, ("group:dba",))))
    decision = decide(policy, request, [given_for], both)
    assert decision.needs[0].approved_by == (EVE,)
    assert dict(decision.needs[0].stand_ins) == {EVE: BO}
    assert decision.needs[0].candidates == (CY,), "Eve cannot count for Cy as well"


def test_somebody_asked_in_their_own_right_is_not_said_to_stand_in() -> None:
    policy, request = a_policy(ask(entry("dba"))), a_request()
    decision = decide(policy, request, (), facts(MEMBERS, delegations=(a_delegation(BO, CY),)))
    assert (decision.needs[0].candidates, decision.needs[0].stand_ins) == ((CY,), ())


@st.composite
def reviews(draw: st.DrawFn) -> list[Review]:
    """Draw reviews by different people, some of them in the place of others, as clicks would have left them."""
    found = []
    for user in draw(st.lists(st.sampled_from(EVERYBODY), unique=True, max_size=5)):
        others = draw(st.lists(st.sampled_from(EVERYBODY), unique=True, max_size=2))
        found.append(
            a_review(
                user,
                *sorted(draw(st.sets(st.sampled_from(GROUPS)))),
                on_behalf_of=tuple(
                    StandIn(other, tuple(sorted(draw(selector_sets.filter(bool))))) for other in others if other != user
                ),
            )
        )
    return found


@settings(max_examples=80, deadline=None)
@given(entries, reviews(), st.randoms(use_true_random=False))
def test_no_order_of_the_same_reviews_changes_the_outcome(
    wanted: list[Entry], given_reviews: list[Review], chance: object
) -> None:
    policy, request, seen = a_policy(ask(*wanted)), a_request(state=State.PENDING), facts(MEMBERS)
    shuffled = list(given_reviews)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = (decide(policy, request, each, seen) for each in (given_reviews, shuffled))
    assert first.outcome is second.outcome
    assert sum(need.missing for need in first.needs) == sum(need.missing for need in second.needs)


@settings(max_examples=80, deadline=None)
@given(entries, reviews())
def test_whoever_counts_counts_once_and_the_requester_never(wanted: list[Entry], given_reviews: list[Review]) -> None:
    decision = decide(a_policy(ask(*wanted)), a_request(state=State.PENDING), given_reviews, facts(MEMBERS))
    counted = [user for need in decision.needs for user in need.approved_by]
    pairs = {pair for need in decision.needs for pair in need.stand_ins}
    humans = counted + [other for user, other in pairs if user in counted]
    assert len(humans) == len(set(humans))
    assert ANN not in humans


@settings(max_examples=80, deadline=None)
@given(entries, reviews(), st.sampled_from(EVERYBODY))
def test_somebody_who_cannot_be_looked_up_never_brings_a_request_further(
    wanted: list[Entry], given_reviews: list[Review], lost: UserId
) -> None:
    policy, request, seen = a_policy(ask(*wanted)), a_request(state=State.PENDING), facts(MEMBERS)
    fewer = replace(seen, people={user: person for user, person in seen.people.items() if user != lost})
    known, unknown = (decide(policy, request, given_reviews, each) for each in (seen, fewer))
    if lost != ANN:
        assert sum(need.missing for need in unknown.needs) >= sum(need.missing for need in known.needs)
