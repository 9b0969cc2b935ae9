"""Distinct humans: a largest possible assignment, the same as trying them all."""

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from jitbot.model import Entry, UserId
from jitbot.policy.matching import assign, can_be_met
from tests.unit.core.builders import BO, CY, DI, EVERYBODY, entry

GROUPS = ("a", "b", "c")
entries_of = st.lists(
    st.builds(entry, st.sampled_from(GROUPS), st.sampled_from(GROUPS), count=st.integers(1, 2)), min_size=1, max_size=3
)
people_of = st.dictionaries(
    st.sampled_from(EVERYBODY), st.frozensets(st.sampled_from([f"group:{name}" for name in GROUPS])), max_size=5
)


def most(entries: list[Entry], people: dict[UserId, frozenset[str]]) -> int:
    """Return how many places can be filled at once, by trying every order of everybody."""
    places = [each for each in entries for _ in range(each.count)]
    padded = [*people, *([None] * len(places))]
    return max(
        sum(
            who is not None and any(str(source) in people[who] for source in place.sources)
            for place, who in zip(places, order, strict=False)
        )
        for order in set(permutations(padded, len(places)))
    )


@settings(max_examples=60, deadline=None)
@given(entries_of, people_of)
def test_the_assignment_is_as_large_as_any(entries: list[Entry], people: dict[UserId, frozenset[str]]) -> None:
    filled = assign(entries, people)
    assert sum(map(len, filled)) == most(entries, people)


@settings(max_examples=100, deadline=None)
@given(entries_of, people_of)
def test_nobody_counts_twice_and_everybody_fits(entries: list[Entry], people: dict[UserId, frozenset[str]]) -> None:
    filled = assign(entries, people)
    used = [user for who in filled for user in who]
    assert len(used) == len(set(used))
    for each, who in zip(entries, filled, strict=True):
        assert len(who) <= each.count
        assert all(people[user] & {str(source) for source in each.sources} for user in who)


@settings(max_examples=60, deadline=None)
@given(entries_of, people_of)
def test_it_can_be_met_when_every_place_is_filled(entries: list[Entry], people: dict[UserId, frozenset[str]]) -> None:
    assert can_be_met(entries, people, ()) == (most(entries, people) == sum(each.count for each in entries))


def test_whoever_came_first_gives_way_when_another_place_will_do() -> None:
    both = frozenset({"group:dba", "group:security"})
    entries = [entry("dba"), entry("security")]
    assert assign(entries, {CY: both, BO: frozenset({"group:dba"})}) == ((BO,), (CY,))
    assert assign(entries, {BO: frozenset({"group:dba"}), CY: both}) == ((BO,), (CY,))


def test_three_in_a_chain_all_move_up() -> None:
    entries = [entry("a"), entry("b"), entry("c")]
    people = {
        BO: frozenset({"group:a", "group:b"}),
        CY: frozenset({"group:b", "group:c"}),
        DI: frozenset({"group:a"}),
    }
    assert assign(entries, people) == ((DI,), (BO,), (CY,))


def test_a_source_that_could_not_be_read_counts_as_able() -> None:
    assert can_be_met([entry("dba", "unread")], {}, ["group:unread"])
    assert not can_be_met([entry("dba"), entry("unread")], {}, ["group:unread"])
