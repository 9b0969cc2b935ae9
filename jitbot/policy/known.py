"""What a decision keeps of what was known, so that a changed policy can be tried on it later."""

import hashlib
import json
from datetime import datetime

from jitbot.model import Attribute, FactCall, Facts, Known, Policy, Request, Span
from jitbot.policy.attributes import NAME, SELECTOR, attribute_of
from jitbot.policy.plain import plain
from jitbot.policy.requirements import SHOWN_CANDIDATES as MOST
from jitbot.policy.requirements import could_review
from jitbot.policy.wanted import counting, reviewers, wanted


def known(policy: Policy, request: Request, facts: Facts) -> Known:
    """Return what was read for this decision, small enough to be kept with every one."""
    person = facts.people.get(request.requester)
    belongs: list[str] = []
    others: list[str] = []
    for selector, who in facts.members.items():
        (belongs if request.requester in who else others).append(selector)
    return Known(
        at=facts.now,
        kind=person.kind if person else None,
        standing=person.standing if person else None,
        belongs=tuple(sorted(belongs)),
        others=tuple(sorted(others)),
        members={
            selector: tuple(sorted(user for user in facts.members[selector] if could_review(user, facts)))[:MOST]
            for selector in reviewers(policy, request.action)
            if selector in facts.members
        },
        values={name: plain(value) for name, value in facts.values.items()},
        asked=_asked(policy, request.action, facts),
        tally=facts.tally,
        counting=counting(policy, request.action),
        overdue=facts.overdue,
        frozen={name: tuple(each for each in spans if _on(each, facts.now)) for name, spans in facts.spans.items()},
    )


def _asked(policy: Policy, action: str, facts: Facts) -> dict[str, str]:
    want = wanted(policy, action)
    calls = {f"facts.{call.name}": call for call in want.facts if f"facts.{call.name}" in facts.values}
    calls |= {f"freeze:{call.name}": call for call in want.calendars if call.name in facts.spans}
    had = {f"{NAME}{each.name}": declared(each) for each in want.attributes if f"{NAME}{each.name}" in facts.values}
    selecting = (attribute_of(policy, selector)[0] for selector in facts.members if selector.startswith(SELECTOR))
    had |= {f"{NAME}{each.name}": declared(each) for each in selecting if each is not None}
    return had | {name: asked_for(call) for name, call in calls.items()}


def _on(span: Span, at: datetime) -> bool:
    return span.start <= at < span.end


def asked_for(call: FactCall) -> str:
    """Say how a fact is asked for: its source and arguments, with the templates still in them."""
    return f"{call.source} {json.dumps(call.arguments, sort_keys=True, default=str)}"


def declared(attribute: Attribute) -> str:
    """Say where an attribute comes from: its source, and the digest of what the files give."""
    source = asked_for(attribute.source) if attribute.source is not None else "files"
    given = {who: [each.value, each.ends_at and each.ends_at.isoformat()] for who, each in attribute.given.items()}
    return f"{source} {hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:16]}"
