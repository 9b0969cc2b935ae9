"""Distinct humans: assign people to the entries of a requirement so that nobody's approval is wasted.

Kuhn's augmenting paths over a bipartite graph of people and places; small numbers, so no library.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

from jitbot.model import Entry, UserId

Proxies = Mapping[UserId, Mapping[UserId, frozenset[str]]]
"""Who approved for whom besides: reviewer -> the one stood in for -> the selectors which that one satisfied."""

MOST_WAYS = 4096
"""So many ways of counting stand-ins are tried: twelve of them on one request. Further ones count as themselves."""

Places = tuple[tuple[UserId, ...], ...]


def assign(entries: Sequence[Entry], people: Mapping[UserId, frozenset[str]]) -> tuple[tuple[UserId, ...], ...]:
    """Return who counts for each entry: a largest possible assignment, each person at most once.

    `people` maps each person to the selectors (as text) that they satisfy. Who comes first in `people` keeps
    their place, so the same reviews give the same answer whatever the order of the entries.
    """
    places = [index for index, entry in enumerate(entries) for _ in range(entry.count)]
    wanted = [{str(source) for source in entries[index].sources} for index in places]
    taken: dict[int, UserId] = {}
    for person in people:
        if len(taken) == len(places):
            break  # nobody who sits is ever unseated, only moved
        _seat(person, wanted, people, taken, set())
    return tuple(
        tuple(taken[place] for place, owner in enumerate(places) if owner == index and place in taken)
        for index in range(len(entries))
    )


def assign_with_stand_ins(
    entries: Sequence[Entry], people: Mapping[UserId, frozenset[str]], proxies: Proxies
) -> tuple[Places, dict[UserId, UserId]]:
    """Return who counts for each entry, and in whose place; a largest possible assignment again.

    Whoever counts for somebody takes both of them up: nobody is counted twice, by themselves or through others.
    Counting as oneself comes first, so a stand-in is used only where it helps.
    """
    wanted = sum(entry.count for entry in entries)
    best, stood_for = assign(entries, people), dict[UserId, UserId]()
    for roles in _ways(proxies):
        if sum(map(len, best)) == wanted:
            break
        taken = set(roles.values())
        voices = {user: selectors for user, selectors in people.items() if user not in taken}
        voices |= {user: proxies[user][other] for user, other in roles.items() if user in voices}
        filled = assign(entries, voices)
        if sum(map(len, filled)) > sum(map(len, best)):
            best, stood_for = filled, roles
    seated = {user for who in best for user in who}
    return best, {user: other for user, other in stood_for.items() if user in seated}


def _ways(proxies: Proxies) -> Iterator[dict[UserId, UserId]]:
    """Yield every way in which reviewers can count for others, no one of those for two."""
    room, some = MOST_WAYS, []
    for user, stood_for in proxies.items():
        room //= 1 + len(stood_for)
        some += [(user, (None, *stood_for))] if room else []
    users = [user for user, _ in some]
    for choice in product(*(choices for _, choices in some)):
        roles = {user: other for user, other in zip(users, choice, strict=True) if other is not None}
        if roles and len(set(roles.values())) == len(roles):
            yield roles


def can_be_met(entries: Sequence[Entry], people: Mapping[UserId, frozenset[str]], unread: Iterable[str]) -> bool:
    """Tell whether these people could meet every entry; a source that could not be read counts as able to."""
    unknown = set(unread)
    readable = [entry for entry in entries if not unknown & {str(source) for source in entry.sources}]
    filled = assign(readable, people)
    return all(len(who) == entry.count for who, entry in zip(filled, readable, strict=True))


def _seat(
    person: UserId,
    wanted: Sequence[set[str]],
    people: Mapping[UserId, frozenset[str]],
    taken: dict[int, UserId],
    tried: set[int],
) -> bool:
    for place, selectors in enumerate(wanted):
        if place in tried or people[person].isdisjoint(selectors):
            continue
        tried.add(place)
        if place not in taken or _seat(taken[place], wanted, people, taken, tried):
            taken[place] = person
            return True
    return False
