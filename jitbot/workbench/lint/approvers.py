"""Reviews that nobody can give, or that hang on one person."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from jitbot.model import Action, Entry, Facts, Policy, Rule, Selector, UserId
from jitbot.policy.attributes import attribute_of, holders
from jitbot.policy.matching import can_be_met
from jitbot.policy.waiting import falls_back, in_time
from jitbot.policy.wanted import reviewing
from jitbot.policy.wording import listed
from jitbot.workbench.lint.advice import Advice, Topic
from jitbot.workbench.lint.conditions import rules_of


def approvers(policy: Policy, at: datetime) -> Iterator[Advice]:
    """Advise on who can ask and who can approve, as far as the files name everybody."""
    crowd = _Crowd(policy, at)
    for action in policy.actions.values():
        if crowd.everybody(action.requesters) == frozenset():
            who = listed([str(each) for each in action.requesters], "and")
            message = f"nobody may ask for this: {who} names nobody. Put people into it, or take the action out."
            yield Advice(action.where, Topic.NOBODY_MAY_ASK, message)
    for holder, rule in rules_of(policy):
        requesters = crowd.everybody(holder.requesters) if isinstance(holder, Action) else None
        yield from crowd.advice(rule, requesters)


class _Crowd:
    """Who is named by what. People are known where the files name them; whom a system names is left open."""

    def __init__(self, policy: Policy, at: datetime) -> None:
        self._policy = policy
        selectors = {who for _, rule in rules_of(policy) for who in reviewing([rule])}
        self._at = at
        self._found: dict[Selector, frozenset[UserId] | None] = {}
        known = {who: self._known(Selector(*who.split(":", 1))) for who in selectors}
        self._members = {who: people for who, people in known.items() if people is not None}
        self._open = known.keys() - self._members.keys()

    def advice(self, rule: Rule, requesters: Collection[UserId] | None) -> Iterator[Advice]:
        if rule.reviews is None or not rule.reviews.alternatives:
            return
        if not self._enough(rule) or (requesters and not any(self._enough(rule, who) for who in requesters)):
            message = (
                "nobody can ever meet these reviews: besides whoever asks, there are not enough different people. "
                "Ask for fewer, or put more people into the groups."
            )
            yield Advice(rule.where, Topic.NEVER_MET, message)
            return
        needed = sorted(who for who in self._scarce(rule) if not self._enough(rule, who))
        if needed:
            message = (
                f"nothing can be approved here without {listed(needed, 'and')}, who may be away, or ask themselves. "
                "Put more people into the group, or write a `fallback`."
            )
            yield Advice(rule.where, Topic.ONE_APPROVER, message)

    def everybody(self, selectors: Iterable[Selector]) -> frozenset[UserId] | None:
        """Return everybody whom these name, None where that is open."""
        found = [self._known(each) for each in selectors]
        return None if None in found else frozenset[UserId]().union(*(each for each in found if each))

    def _known(self, selector: Selector) -> frozenset[UserId] | None:
        if selector not in self._found:
            self._found[selector] = self._named(selector)
        return self._found[selector]

    def _named(self, selector: Selector) -> frozenset[UserId] | None:
        if selector.kind == "user":
            return frozenset({UserId(selector.name)})
        if selector.kind == "attribute":
            attribute, wanted = attribute_of(self._policy, str(selector))
            if attribute is None or attribute.source is not None:
                return None
            return frozenset(map(UserId, holders(attribute, wanted, {}, self._at)))
        group = self._policy.groups.get(selector.name) if selector.kind == "group" else None
        if group is None or group.usergroups:
            return None
        nested = self.everybody(group.nested)
        own = {*group.users, *(UserId(email.casefold()) for email in group.emails)}
        return None if nested is None else frozenset(own | nested)

    def _enough(self, rule: Rule, without: str = "") -> bool:
        """Tell whether the reviews could be met at all, in the end and with everybody at hand but one."""
        outside = frozenset({UserId(without)})
        facts = Facts(self._at, members=self._members)
        return any(
            can_be_met(wide, self._satisfying(wide, outside), self._open)
            for wide in ([self._widest(rule, entry, outside, facts) for entry in way] for way in _ways(rule))
        )

    def _widest(self, rule: Rule, entry: Entry, outside: Collection[UserId], facts: Facts) -> Entry:
        instead = rule.waiting.fallback if falls_back(rule, entry, outside, facts) else ()
        return in_time(rule, replace(entry, sources=(*entry.sources, *entry.quiet, *instead)))

    def _satisfying(self, entries: Iterable[Entry], outside: Collection[UserId]) -> dict[UserId, frozenset[str]]:
        names = {str(source) for entry in entries for source in entry.sources} & self._members.keys()
        people = {user for name in names for user in self._members[name]}.difference(outside)
        return {user: frozenset(name for name in names if user in self._members[name]) for user in sorted(people)}

    def _scarce(self, rule: Rule) -> set[UserId]:
        """Return those who could be indispensable: in an entry that names no more people than are wanted in all."""
        found = set[UserId]()
        for way in _ways(rule):
            for entry in way:
                named = self.everybody((*entry.sources, *entry.quiet)) or ()
                if len(named) <= sum(each.count for each in way):
                    found.update(named)
        return found


def _ways(rule: Rule) -> tuple[tuple[Entry, ...], ...]:
    return rule.reviews.alternatives if rule.reviews else ()
