"""The facts of a past decision, as far as its record and the changed files tell them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from jitbot.model import (
    Attribute,
    FactCall,
    Facts,
    Kind,
    Known,
    Person,
    Policy,
    Request,
    Review,
    Span,
    Standing,
    Tally,
    UserId,
)
from jitbot.policy.attributes import NAME, SELECTOR, attribute_of
from jitbot.policy.known import asked_for, declared
from jitbot.policy.plain import restored
from jitbot.policy.wanted import counting, wanted

NOT_ON_RECORD = "it is not on record"


def recall(policy: Policy, request: Request, known: Known, reviews: Sequence[Review]) -> Facts:
    """Return what was known, for a decision by this policy; the rest is unread."""
    want, unread = wanted(policy, request.action, break_glass=request.break_glass), dict[str, str]()
    members: dict[str, frozenset[UserId]] = {}
    for selector in want.selectors:
        who = listed(selector, policy)
        told = _on_record(selector, policy, request, known, reviews) if who is None else who
        if told is not None:
            members[selector] = told
        if told is None or (who is None and selector in want.reviewers and selector not in known.members):
            unread[selector] = NOT_ON_RECORD
    people = _people(request, known, reviews)
    values = _values(want.facts, known, unread) | _attributes(want.attributes, known, unread)
    spans = _spans(want.calendars, known, unread)
    tally = _counted(policy, request.action, known)
    return Facts(known.at, members, people, values, unread, spans=spans, tally=tally, overdue=known.overdue)


def _values(calls: Sequence[FactCall], known: Known, unread: dict[str, str]) -> dict[str, Any]:
    """Return the facts that were asked for as they are now; the others are noted as unread."""
    values = {}
    for call in calls:
        name = f"facts.{call.name}"
        if name in known.values and known.asked.get(name) == asked_for(call):
            values[name] = restored(call.kind, known.values[name])
        else:
            unread[name] = NOT_ON_RECORD
    return values


def _attributes(attributes: Sequence[Attribute], known: Known, unread: dict[str, str]) -> dict[str, Any]:
    """Return the requester's attributes that come from where they came from then; the others are noted as unread."""
    values = {}
    for each in attributes:
        name = f"{NAME}{each.name}"
        if name in known.values and known.asked.get(name) == declared(each):
            values[name] = known.values[name]
        else:
            unread[name] = NOT_ON_RECORD
    return values


def _spans(calls: Sequence[FactCall], known: Known, unread: dict[str, str]) -> dict[str, tuple[Span, ...]]:
    """Return what the calendars of freezes said of that instant, where they are the same ones now."""
    found = {}
    for call in calls:
        name = f"freeze:{call.name}"
        if call.name in known.frozen and known.asked.get(name) == asked_for(call):
            found[call.name] = known.frozen[call.name]
        else:
            unread[name] = NOT_ON_RECORD
    return found


def listed(selector: str, policy: Policy) -> frozenset[UserId] | None:
    """Return whom a selector names where the files list them person by person; None where Slack or a rota says it."""
    kind, _, name = selector.partition(":")
    if kind == "user":
        return frozenset({UserId(name)})
    group = policy.groups.get(name) if kind == "group" else None
    if group is None or group.emails or group.usergroups or group.on_call or group.attributes:
        return None
    inner = [listed(f"group:{each}", policy) for each in group.groups]
    known = [who for who in inner if who is not None]
    return frozenset(group.users).union(*known) if len(known) == len(inner) else None


def _on_record(
    selector: str, policy: Policy, request: Request, known: Known, reviews: Sequence[Review]
) -> frozenset[UserId] | None:
    """Return whom a selector named then, as far as it was written down; None where nothing was."""
    if selector not in (*known.belongs, *known.others):
        return None
    if selector.startswith(SELECTOR):
        attribute, _ = attribute_of(policy, selector)
        if attribute is None or known.asked.get(f"{NAME}{attribute.name}") != declared(attribute):
            return None  # other people have it by now
    who = {review.reviewer for review in reviews if selector in review.selectors}
    who |= {each.delegator for review in reviews for each in review.on_behalf_of if selector in each.selectors}
    who |= {request.requester} if selector in known.belongs else set()
    return frozenset(who).union(known.members.get(selector, ()))


def _people(request: Request, known: Known, reviews: Sequence[Review]) -> Mapping[UserId, Person]:
    """Say who was there: the requester as recorded, and reviewers, whose reviews were taken then."""
    people = {user: Person(user, review.team, user) for review in reviews for user in review.people}
    if known.standing is not None:
        kind, user = known.kind or Kind.PERSON, request.requester
        people[user] = Person(user, request.team, user, Standing(known.standing), kind=kind)
    return people


def _counted(policy: Policy, action: str, known: Known) -> Tally | None:
    """Return what was counted, where it is what this policy has to count; a quota over another time is another one."""
    old, new = known.counting, counting(policy, action)
    lengths = ((new.cool_down, old.cool_down), (new.apart, old.apart))
    longer = any(wants is not None and (had is None or wants > had) for wants, had in lengths)
    if known.tally is None or longer or (new.grants and not old.grants):
        return None
    same = {rule for rule, per in new.quotas.items() if old.quotas.get(rule) == per}
    return replace(known.tally, used={rule: count for rule, count in known.tally.used.items() if rule in same})
