"""Windows and freezes: a closed calendar beats an allow, by the clock of its own zone, and silence opens nothing."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from jitbot.explain import explain
from jitbot.model import DeliveryKind, Request, Span, State
from tests.town import ANN, BO, CY, DI, PEOPLE, Town

BERLIN = ZoneInfo("Europe/Berlin")
ACTIONS = """
team: payments
channel: "#payments-oncall"
actions:
  restart:
    title: Restart a service
    runner: fake
    with: {what: api, where: prod}
    requesters: [group:engineering]
    rules:
      - {name: by night, when: "'night' in windows", allow: true}
      - {name: people, review: [{from: [group:oncall]}]}
  drain:
    title: Drain a node
    runner: fake
    with: {what: node, where: prod}
    requesters: [group:engineering]
    rules: [{name: free, allow: true}]
"""
WINDOWS = """
zone: Europe/Berlin
windows:
  night: {from: "22:00", until: "06:00"}
"""
GUARDRAILS = """
guardrails:
  - {name: change freeze, when: freeze.active, deny: Nothing changes now.}
"""


@pytest.fixture
def calm(town: Town) -> Town:
    """Give a town with a window by night, and a guardrail that refuses whatever falls into a freeze."""
    town.files = {
        "payments.yml": ACTIONS,
        "people.yml": PEOPLE,
        "windows.yml": WINDOWS,
        "guardrails.yml": GUARDRAILS,
    }
    town.service.book.reload()
    assert town.book.fault == ""
    return town


def go_to(town: Town, moment: str) -> None:
    """Move the clock to a time on the wall in Berlin."""
    wanted = datetime.fromisoformat(moment).replace(tzinfo=BERLIN)
    town.forward(seconds=(wanted - town.ledger.now()).total_seconds())


def freeze(town: Town, body: str) -> None:
    town.write("windows.yml", f"{WINDOWS}freezes:\n  {body}\n")
    assert town.book.fault == ""


def tree(town: Town, request: Request) -> str:
    decision = town.see(request).decision
    assert decision is not None
    return explain(decision, str)


@pytest.mark.parametrize("sunday", ["2031-03-30", "2031-10-26"], ids=["forward", "back"])
def test_a_window_from_22_to_6_admits_23_and_1_and_refuses_7_when_the_clocks_change(calm: Town, sunday: str) -> None:
    saturday = str(datetime.fromisoformat(sunday).date() - timedelta(days=1))
    for moment, state in (
        (f"{saturday} 21:30", State.PENDING),
        (f"{saturday} 23:00", State.SUCCEEDED),
        (f"{sunday} 01:00", State.SUCCEEDED),
        (f"{sunday} 05:30", State.SUCCEEDED),
        (f"{sunday} 07:00", State.PENDING),
    ):
        go_to(calm, moment)
        assert calm.state(calm.ask(ANN, "restart")) is state, moment


def test_a_closed_calendar_beats_an_allow_and_says_until_when(calm: Town) -> None:
    freeze(calm, "year-end: {from: 2031-12-19, until: 2032-01-03}")
    go_to(calm, "2031-12-24 12:00")
    request = calm.ask(ANN, "drain")
    assert calm.state(request) is State.DENIED
    assert calm.see(request).outcome == "Nothing changes now. It lasts until Sun 4 Jan 2032, 00:00 Europe/Berlin."
    assert "freeze.active is true (year-end)" in tree(calm, request)
    go_to(calm, "2032-01-04 00:00")
    assert calm.state(calm.ask(ANN, "drain")) is State.SUCCEEDED


def test_a_freeze_that_begins_after_the_approval_stops_the_run(calm: Town) -> None:
    freeze(calm, "launch: {from: 2031-12-01 12:00, until: 2031-12-02 12:00}")
    go_to(calm, "2031-12-01 11:59")
    request = calm.ask(ANN, "restart")
    key = calm.take_in(DeliveryKind.APPROVE, BO, request.id, revision=1)
    calm.service.intake.work(key)
    assert calm.state(request) is State.APPROVED
    go_to(calm, "2031-12-01 12:00")
    calm.settle()
    assert calm.state(request) is State.DENIED
    assert calm.runner.started == []


def test_whoever_may_pass_a_freeze_passes_and_the_record_says_by_what_right(calm: Town) -> None:
    freeze(calm, "launch: {from: 2031-12-01, until: 2031-12-02, except: [group:leads]}")
    go_to(calm, "2031-12-01 12:00")
    assert calm.state(calm.ask(ANN, "drain")) is State.DENIED
    request = calm.ask(DI, "drain")
    assert calm.state(request) is State.SUCCEEDED
    assert "freeze.active is false (group:leads may pass launch)" in tree(calm, request)


def test_a_freeze_of_one_action_leaves_the_others(calm: Town) -> None:
    freeze(calm, "launch: {from: 2031-12-01, until: 2031-12-02, applies_to: [restart]}")
    go_to(calm, "2031-12-01 23:00")
    assert calm.state(calm.ask(ANN, "restart")) is State.DENIED
    assert calm.state(calm.ask(ANN, "drain")) is State.SUCCEEDED


def test_a_calendar_of_another_system_freezes_too_and_is_read_anew(calm: Town) -> None:
    freeze(calm, "fair: {calendar: {source: fake, name: fair, as: spans}}")
    now = calm.ledger.now()
    calm.facts.values["fair"] = (Span(now - timedelta(hours=1), now + timedelta(hours=1), "Trade fair"),)
    assert calm.state(calm.ask(ANN, "drain")) is State.DENIED
    calm.forward(hours=2)
    assert calm.state(calm.ask(ANN, "drain")) is State.SUCCEEDED


def test_a_calendar_that_cannot_be_read_is_not_an_open_one(calm: Town) -> None:
    freeze(calm, "fair: {calendar: {source: fake, name: fair, as: spans}, except: [group:leads]}")
    calm.facts.down = True
    request = calm.ask(ANN, "drain")
    assert calm.state(request) is State.DENIED
    assert "freeze.active could not be read (the calendar of fair: fake: it does not answer)" in tree(calm, request)
    decision = calm.see(request).decision
    assert decision is not None and decision.unread == ("freeze.active",)
    assert calm.state(calm.ask(CY, "drain")) is State.SUCCEEDED, "a lead may pass whatever the calendar says"


def test_not_being_frozen_is_not_concluded_from_silence(calm: Town) -> None:
    calm.write("guardrails.yml", "guardrails: []")
    calm.edit("{name: free, allow: true}", "{when: '!freeze.active', allow: true}, {review: [{from: [group:oncall]}]}")
    freeze(calm, "fair: {calendar: {source: fake, name: fair, as: spans}}")
    calm.facts.values["fair"] = ()
    assert calm.state(calm.ask(ANN, "drain")) is State.SUCCEEDED
    calm.facts.down = True
    calm.forward(minutes=2)
    assert calm.state(calm.ask(ANN, "drain")) is State.PENDING


def test_nobody_passes_while_it_cannot_be_read_who_may(calm: Town) -> None:
    calm.directory.usergroups["sre"] = {DI}
    calm.write("people.yml", PEOPLE + '  sre: ["@sre"]\n')
    freeze(calm, "launch: {from: 2031-12-01, until: 2031-12-02, except: [group:sre]}")
    go_to(calm, "2031-12-01 12:00")
    assert calm.state(calm.ask(DI, "drain")) is State.SUCCEEDED
    del calm.directory.usergroups["sre"]
    request = calm.ask(DI, "drain")
    assert calm.state(request) is State.DENIED
    assert "whether whoever asks may pass launch could not be told: group:sre: there is no user group @sre" in tree(
        calm, request
    )
