"""Small policies, requests, reviews and facts with defaults; a test names only what it is about."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from jitbot.model import (
    Action,
    Condition,
    Entry,
    Facts,
    Guardrail,
    Outcome,
    Person,
    Plan,
    Policy,
    Request,
    RequestId,
    Review,
    Reviews,
    Rule,
    Selector,
    Snapshot,
    Standing,
    State,
    Tested,
    Truth,
    UserId,
    Verdict,
)

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ANN, BO, CY, DI, EVE = (UserId(f"U0{name}") for name in ("ANN", "BO", "CY", "DI", "EVE"))
EVERYBODY = (ANN, BO, CY, DI, EVE)


def selector(name: str) -> Selector:
    return Selector("group", name)


def entry(*groups: str, count: int = 1) -> Entry:
    return Entry(tuple(selector(group) for group in groups), count)


def reviews_of(*alternatives: Sequence[Entry]) -> Reviews:
    return Reviews(tuple(tuple(entries) for entries in alternatives))


def condition(truth: Truth | Callable[[Mapping[str, Any]], Truth], missing: Sequence[str] = ()) -> Condition:
    def test(values: Mapping[str, Any]) -> Tested:
        found = truth if isinstance(truth, Truth) else truth(values)
        return Tested(found, {}, tuple(missing) if found is Truth.ERROR else (), "it failed")

    return Condition("as the test says", "a.yml:1", test)


def allow(name: str = "free", when: Condition | None = None) -> Rule:
    return Rule(name, Outcome.ALLOW, when, where=f"a.yml:{name}")


def deny(name: str = "never", when: Condition | None = None, message: str = "") -> Rule:
    return Rule(name, Outcome.DENY, when, message=message, where=f"a.yml:{name}")


def ask(*entries: Entry, name: str = "people", when: Condition | None = None) -> Rule:
    return Rule(name, Outcome.REVIEW, when, reviews_of(entries), where=f"a.yml:{name}")


def an_action(*rules: Rule, **changes: Any) -> Action:
    action = Action(
        name="restart",
        title="Restart",
        team="payments",
        channel="#payments",
        runner="fake",
        inputs={},
        parameters=(),
        requesters=(selector("everybody"),),
        rules=tuple(rules),
        where="a.yml:1",
    )
    return replace(action, **changes)


def a_policy(*rules: Rule, guardrails: Sequence[Guardrail] = (), **changes: Any) -> Policy:
    return Policy({"restart": an_action(*rules, **changes)}, tuple(guardrails), digest="digest")


def a_snapshot(**changes: Any) -> Snapshot:
    plan = Plan("restarts it", "as planned", undoable=True, targets=2)
    snapshot = Snapshot("Restart", "payments", "#payments", "fake", {}, "prod/api", timedelta(minutes=5), plan=plan)
    return replace(snapshot, **changes)


def a_request(**changes: Any) -> Request:
    request = Request(
        id=RequestId(1),
        revision=1,
        state=State.DECIDING,
        action="restart",
        requester=ANN,
        team="T0ACME",
        beneficiary=ANN,
        source="slack",
        params={},
        reason="INC-1",
        snapshot=a_snapshot(),
        digest="d",
        created_at=NOW,
    )
    return replace(request, **changes)


def a_review(reviewer: UserId, *groups: str, verdict: Verdict = Verdict.APPROVE, **changes: Any) -> Review:
    selectors = tuple(str(selector(group)) for group in groups)
    return replace(Review(reviewer, "T0ACME", verdict, NOW, 1, selectors, ""), **changes)


def a_person(user: UserId, standing: Standing = Standing.MEMBER) -> Person:
    return Person(user, "T0ACME", user[2:].title(), standing)


def facts(
    groups: Mapping[str, Sequence[UserId]] | None = None,
    standings: Mapping[UserId, Standing] | None = None,
    **changes: Any,
) -> Facts:
    """Return facts: everybody is a member of the workspace and of the group `everybody`."""
    members = {"everybody": EVERYBODY} | dict(groups or {})
    people = {user: a_person(user, (standings or {}).get(user, Standing.MEMBER)) for user in EVERYBODY}
    read = Facts(NOW, {f"group:{name}": frozenset(users) for name, users in members.items()}, people)
    return replace(read, **changes)
