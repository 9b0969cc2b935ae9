"""A decision keeps what was known: enough to decide again by other rules, and no more."""

from dataclasses import replace
from datetime import timedelta

from pydantic import TypeAdapter

from jitbot.model import Decision, FactCall, FactKind, Kind, Rule, Standing, Truth, UserId
from jitbot.policy.decide import decide
from jitbot.policy.requirements import SHOWN_CANDIDATES
from tests.unit.core.builders import ANN, BO, CY, DI, NOW, a_policy, a_request, allow, ask, condition, entry, facts

LENGTH = FactCall("length", "fake", {"of": "{x}"}, FactKind.DURATION)
SINCE = FactCall("since", "fake", {}, FactKind.INSTANT)
COUNT = FactCall("count", "fake", {}, FactKind.INTEGER)


def looking_at(*names: str) -> Rule:
    return allow("looks", replace(condition(Truth.FALSE), names=names))


def test_groups_are_kept_by_whether_the_requester_was_in_them() -> None:
    policy = a_policy(ask(entry("leads")))
    known = decide(policy, a_request(), (), facts({"leads": [BO, CY]})).known
    assert known is not None
    assert (known.belongs, known.others) == (("group:everybody",), ("group:leads",))
    assert (known.at, known.kind, known.standing) == (NOW, Kind.PERSON, Standing.MEMBER)


def test_members_are_kept_of_those_who_may_review_only_and_not_too_many() -> None:
    many = [UserId(f"U9{number:03}") for number in range(50)]
    policy = a_policy(ask(entry("leads"), entry("all")))
    read = facts({"leads": [BO, CY, DI], "all": many}, {DI: Standing.DEACTIVATED})
    known = decide(policy, a_request(), (), read).known
    assert known is not None
    assert known.members == {"group:leads": (BO, CY), "group:all": tuple(many[:SHOWN_CANDIDATES])}


def test_what_was_not_read_is_not_kept() -> None:
    read = facts({"leads": [BO]}, unread={"group:sre": "down"})
    known = decide(a_policy(ask(entry("leads"), entry("sre"))), a_request(), (), replace(read, people={})).known
    assert known is not None
    assert "group:sre" not in (*known.belongs, *known.others, *known.members)
    assert (known.kind, known.standing) == (None, None)


def test_facts_are_kept_plain_with_how_they_were_asked_for() -> None:
    policy = a_policy(looking_at("facts.length", "facts.since", "facts.count"), facts=(LENGTH, SINCE, COUNT))
    values = {"facts.length": timedelta(minutes=5), "facts.since": NOW}
    decision = decide(policy, a_request(), (), facts(values=values))
    assert decision.known is not None
    assert decision.known.values == {"facts.length": 300.0, "facts.since": NOW.isoformat()}
    assert decision.known.asked == {"facts.length": 'fake {"of": "{x}"}', "facts.since": "fake {}"}
    adapter = TypeAdapter(Decision)
    assert adapter.validate_python(adapter.dump_python(decision, mode="json")) == decision


def test_a_refusal_keeps_it_too() -> None:
    known = decide(a_policy(allow()), a_request(action="gone"), (), facts()).known
    assert known is not None
    assert decide(a_policy(allow()), a_request(requester=ANN), (), facts(people={})).known is not None
