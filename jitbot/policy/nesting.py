"""Groups within groups, as far as the files say."""

from collections.abc import Iterable, Mapping

from jitbot.model import Group, Selector


def with_nested(selectors: Iterable[Selector], groups: Mapping[str, Group]) -> set[Selector]:
    """Return selectors with everything that is nested in their groups; cycles, refused at load, do no harm."""
    found, waiting = set[Selector](), [*selectors]
    while waiting:
        each = waiting.pop()
        group = groups.get(each.name) if each.kind == "group" else None
        if each not in found and group is not None:
            waiting += group.nested
        found.add(each)
    return found
