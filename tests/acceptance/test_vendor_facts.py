"""On call, and a planned change, read of their own systems: they decide, and when those are down they do not."""

from collections.abc import Callable, Iterator

import pytest

from jitbot.explain import explain
from jitbot.facts.registry import FactRegistry
from jitbot.model import State
from jitbot.outbound.site import EnvironmentSite
from tests.town import ANN, BO, CY, DI, PEOPLE, Town
from tests.vendors import pagerduty, servicenow
from tests.vendors.pagerduty import PagerDuty, Shift
from tests.vendors.server import Reply, listening
from tests.vendors.servicenow import ServiceNow

POLICY = """
team: payments
channel: "#payments-oncall"
actions:
  restart:
    title: Restart a service
    runner: fake
    with: {what: "{service}", where: prod}
    parameters:
      service: {type: choice, options: [api, worker]}
    requesters: [group:engineering]
    facts:
      planned:
        source: servicenow.change
        url: NOW
        in: "{request.reason}"
        status: Implement
        names: "{service}"
    rules:
      - {name: a planned change, when: "facts.planned && 'primary' in requester.on_call", allow: true}
      - {name: one on call, review: [{from: [oncall:primary]}]}
"""
ON_CALL = """
on_call:
  primary: {source: pagerduty.on_call, url: PAGER, schedule: PSCHED1}
"""
SECRETS = {"JITBOT_SECRET_PAGERDUTY": pagerduty.TOKEN, "JITBOT_SECRET_SERVICENOW": servicenow.BASIC}


@pytest.fixture
def pager() -> Iterator[PagerDuty]:
    with listening(PagerDuty()) as vendor:
        vendor.shifts = [Shift("bo@example.com"), Shift("cy@example.com")]
        yield vendor


@pytest.fixture
def now() -> Iterator[ServiceNow]:
    with listening(ServiceNow()) as vendor:
        vendor.change("CHG0000001", cmdb_ci=("api", "46c6f"))
        yield vendor


@pytest.fixture
def town(
    make_town: Callable[[], Town], pager: PagerDuty, now: ServiceNow, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Town]:
    """Give a town that has the real sources in the place of the fake one."""
    site = EnvironmentSite([pager.host, now.host], SECRETS)
    registry = FactRegistry(["pagerduty.on_call", "servicenow.change"], site)
    monkeypatch.setattr("tests.town.FakeSources", lambda source, **more: registry)
    town = make_town()
    town.directory.emails = {"bo@example.com": BO, "cy@example.com": CY}
    people = PEOPLE + ON_CALL.replace("PAGER", pager.url)
    town.files = {"payments.yml": POLICY.replace("NOW", now.url), "people.yml": people}
    town.service.book.reload()
    assert town.book.fault == ""
    yield town
    town.close()


def tree(town: Town, request: object) -> str:
    decision = town.see(request).decision  # type: ignore[arg-type]
    assert decision is not None
    return explain(decision, str)


def test_a_change_that_is_planned_runs_at_once_for_who_is_on_call(town: Town) -> None:
    assert town.state(town.ask(BO, "restart", service="api", reason="CHG0000001: leak")) is State.SUCCEEDED
    assert town.state(town.ask(ANN, "restart", service="api", reason="CHG0000001: leak")) is State.PENDING


@pytest.mark.parametrize(
    "reason", ["leak", "CHG0000002", "CHG0000001 and CHG0000002", "CHG0000002^ORnumber=CHG0000001"]
)
def test_a_reason_without_the_right_change_goes_to_people(town: Town, reason: str) -> None:
    request = town.ask(BO, "restart", service="api", reason=reason)
    assert town.state(request) is State.PENDING
    town.approve(CY, request)
    assert town.state(request) is State.SUCCEEDED


def test_a_change_of_another_service_does_not_help(town: Town) -> None:
    assert town.state(town.ask(BO, "restart", service="worker", reason="CHG0000001")) is State.PENDING


def test_a_ticket_system_that_is_down_is_named_and_people_decide(town: Town, now: ServiceNow) -> None:
    now.instead = Reply(b"<html>Your instance is hibernating</html>")
    request = town.ask(BO, "restart", service="api", reason="CHG0000001")
    assert town.state(request) is State.PENDING
    assert "facts.planned could not be read (servicenow.change: the answer is no JSON)" in tree(town, request)
    town.approve(CY, request)
    assert town.state(request) is State.SUCCEEDED


def test_a_pager_that_is_down_makes_nobody_and_everybody_neither_on_call(town: Town, pager: PagerDuty) -> None:
    pager.instead = Reply({"error": {}}, 500)
    request = town.ask(BO, "restart", service="api", reason="CHG0000001")
    assert town.state(request) is State.PENDING
    assert "who that is could not be read" in tree(town, request)
    decision = town.see(request).decision
    assert decision is not None and "oncall:primary" in decision.unread
    town.approve(DI, request)
    assert town.state(request) is State.PENDING
    pager.instead = None
    town.approve(CY, request)
    assert town.state(request) is State.SUCCEEDED
