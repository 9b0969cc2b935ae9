"""One person with several accounts counts once: what they do is put together under the account that was seen first."""

from collections.abc import Iterable, Mapping

from jitbot.model import Facts, UserId

Selected = Mapping[UserId, frozenset[str]]
"""People, each with the selectors that they satisfy."""


def first_accounts(users: Iterable[UserId], facts: Facts) -> dict[UserId, UserId]:
    """Return for each account the first one of the same person."""
    first: dict[str, UserId] = {}
    return {user: first.setdefault(facts.identity(user), user) for user in users}


def one_each(people: Selected, first: Mapping[UserId, UserId]) -> dict[UserId, frozenset[str]]:
    """Return each person once, with what all their accounts satisfy."""
    found: dict[UserId, frozenset[str]] = {}
    for user, selectors in people.items():
        found[first[user]] = found.get(first[user], frozenset()) | selectors
    return found


def stood_for_once(
    proxies: Mapping[UserId, Selected], first: Mapping[UserId, UserId]
) -> dict[UserId, dict[UserId, frozenset[str]]]:
    """Return for whom each person approved besides, each of these once, and nobody for themselves."""
    found: dict[UserId, dict[UserId, frozenset[str]]] = {}
    for reviewer, others in proxies.items():
        own = one_each(others, first)
        own.pop(first[reviewer], None)
        if own:
            known = found.setdefault(first[reviewer], {})
            known |= {user: known.get(user, frozenset()) | selectors for user, selectors in own.items()}
    return found
