"""Distinct humans: assign people to the entries of a requirement so that nobody's approval is wasted.

Kuhn's augmenting paths over a bipartite graph of people and places; small numbers, so no library.
"""

from collections.abc import Iterable, Mapping, Sequence

from jitbot.model import Entry, UserId


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
