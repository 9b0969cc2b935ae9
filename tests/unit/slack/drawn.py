"""Requests, actions and decisions to draw."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jitbot.model import (
    Action,
    Decision,
    Mark,
    Need,
    Outcome,
    Parameter,
    ParameterType,
    Plan,
    Reason,
    Request,
    RequestId,
    Review,
    Selector,
    Snapshot,
    State,
    UserId,
    Verdict,
)

NOW = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
ANN, BO, CY = UserId("U0ANN"), UserId("U0BO"), UserId("U0CY")
NAMES = {ANN: "Ann", BO: "Bo", CY: "Cy"}


def make_decision(**changes: Any) -> Decision:
    need = Need("prod needs one", (Selector("group", "oncall"),), 1, (), (BO, CY))
    tree = Reason(Mark.OPEN, "ASK ONE PERSON", "prod needs one", "p.yml:3", (Reason(Mark.OPEN, "1 of group:oncall"),))
    decision = Decision(
        Outcome.REVIEW, "prod needs one", "“prod needs one” asks for approval.", tree, "p.yml:3", (need,)
    )
    return replace(decision, **changes)


def make_request(**changes: Any) -> Request:
    snapshot = Snapshot(
        title="Restart a service",
        team="payments",
        channel="#payments-oncall",
        runner="command",
        inputs={"argv": ["restart", "api"]},
        target="prod/api",
        time_limit=timedelta(minutes=5),
        plan=Plan("rolling restart of api: 6 pods, 2 at a time", "f", undoable=False),
    )
    request = Request(
        id=RequestId(1042),
        revision=2,
        state=State.PENDING,
        action="restart",
        requester=ANN,
        team="T0ACME",
        beneficiary=ANN,
        source="slack",
        params={"service": "api", "env": "prod"},
        reason="Checkout latency, INC-482",
        snapshot=snapshot,
        digest="d" * 64,
        created_at=NOW,
        decision=make_decision(),
        lapses_at=NOW + timedelta(hours=1),
        version=7,
    )
    changed = {name: changes.pop(name) for name in list(changes) if name in Snapshot.__dataclass_fields__}
    if changed:
        request = replace(request, snapshot=replace(snapshot, **changed))
    return replace(request, **changes)


def make_review(verdict: Verdict = Verdict.APPROVE, reviewer: UserId = BO, comment: str = "") -> Review:
    return Review(reviewer, "T0ACME", verdict, NOW, 2, ("group:oncall",), comment)


def make_action(*parameters: Parameter, **changes: Any) -> Action:
    given = parameters or (Parameter("service", ParameterType.CHOICE, "Service", options=("api", "worker")),)
    action = Action(
        name="restart",
        title="Restart a service",
        team="payments",
        channel="#payments-oncall",
        runner="command",
        inputs={},
        parameters=given,
        requesters=(),
        rules=(),
    )
    return replace(action, **changes)


@pytest.fixture
def request_of() -> Callable[..., Request]:
    return make_request


@pytest.fixture
def decision_of() -> Callable[..., Decision]:
    return make_decision


@pytest.fixture
def review_of() -> Callable[..., Review]:
    return make_review


@pytest.fixture
def action_of() -> Callable[..., Action]:
    return make_action
