"""Feeds that really come over the wire: a freeze and a rota kept in calendars of another system."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from jitbot.facts.registry import FactRegistry
from jitbot.model import State
from jitbot.outbound.site import EnvironmentSite
from tests.servers import AServer
from tests.town import ANN, BO, CY, PEOPLE, Town

POLICY = """
team: payments
channel: "#payments-oncall"
actions:
  drain:
    title: Drain a node
    runner: fake
    with: {what: node, where: prod}
    requesters: [group:engineering]
    rules:
      - {name: change freeze, when: freeze.active, deny: Nothing changes now.}
      - {name: on call, when: "'primary' in requester.on_call", allow: true}
      - {name: one on call, review: [{from: [oncall:primary]}]}
"""


def calendar(start: datetime, end: datetime, more: str) -> bytes:
    times = f"DTSTART:{start:%Y%m%dT%H%M%SZ}\r\nDTEND:{end:%Y%m%dT%H%M%SZ}\r\n"
    event = f"BEGIN:VEVENT\r\nUID:1\r\n{times}{more}\r\nEND:VEVENT\r\n"
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n{event}END:VCALENDAR\r\n".encode()


def serve(server: AServer, path: str, body: bytes) -> None:
    server.answers[path] = (200, {"Content-Type": "text/calendar"}, body)


@pytest.fixture
def fed(town: Town, a_server: Callable[[], AServer], monkeypatch: pytest.MonkeyPatch) -> tuple[Town, AServer]:
    """Give a town that asks a real server for its calendars; nothing is frozen, and Bo is on call."""
    server = a_server()
    registry = FactRegistry(["ical.events", "ical.on_call"], EnvironmentSite([server.host], {}))
    monkeypatch.setattr("tests.town.FakeSources", lambda source, **others: registry)
    town.files = {
        "payments.yml": POLICY,
        "people.yml": f"{PEOPLE}on_call:\n  primary: {{source: ical.on_call, url: {server.url}/rota.ics}}\n",
        "windows.yml": f"""
zone: Europe/Berlin
freezes:
  launches: {{calendar: {{source: ical.events, url: {server.url}/launches.ics}}}}
""",
    }
    town.restart()
    assert town.book.fault == ""
    now = town.ledger.now()
    town.directory.emails = {"bo@acme.example": BO, "cy@acme.example": CY}
    shift = "ATTENDEE;PARTSTAT=ACCEPTED:mailto:Bo@acme.example\r\nRRULE:FREQ=WEEKLY"
    serve(server, "/rota.ics", calendar(now - timedelta(days=7, hours=1), now - timedelta(days=6), shift))
    serve(server, "/launches.ics", calendar(now + timedelta(days=1), now + timedelta(days=2), "SUMMARY:Launch"))
    return town, server


def test_a_shift_and_a_freeze_in_calendars_decide(fed: tuple[Town, AServer]) -> None:
    town, _ = fed
    assert town.state(town.ask(BO, "drain")) is State.SUCCEEDED
    request = town.ask(ANN, "drain")
    assert town.state(request) is State.PENDING
    town.approve(BO, request)
    assert town.state(request) is State.SUCCEEDED
    town.forward(days=1, minutes=30)
    assert town.state(town.ask(BO, "drain")) is State.DENIED


def test_a_page_to_log_in_in_the_place_of_a_calendar_stops_what_it_would_freeze(fed: tuple[Town, AServer]) -> None:
    town, server = fed
    serve(server, "/launches.ics", b"<!doctype html><title>Log in</title>")
    request = town.ask(BO, "drain")
    assert town.state(request) is State.DENIED
    decision = town.see(request).decision
    assert decision is not None and decision.unread == ("freeze.active",)
