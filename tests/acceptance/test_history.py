"""Conditions that look back: what this person did lately, with this action, and with this target."""

import pytest

from jitbot.errors import RunnerRefused
from jitbot.model import State
from tests.town import ANN, BO, CY, Town

LOOKING_BACK = """
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
      mine: {source: history.count, of: [requester, action], per: 1h}
      failed: {source: history.count, of: target, per: 1h, outcome: failed}
      rate: {source: history.success_rate, of: action, per: 7d, missing: 1}
    rules:
      - {name: it failed just now, when: facts.failed > 0, review: [{from: [group:oncall]}]}
      - {name: it mostly fails, when: facts.rate < 0.5, review: [{from: [group:oncall]}]}
      - {name: twice an hour, when: facts.mine < 2, allow: true}
"""


@pytest.fixture
def looking(town: Town) -> Town:
    town.write("payments.yml", LOOKING_BACK)
    assert town.book.fault == ""
    return town


def test_a_request_does_not_count_itself(looking: Town) -> None:
    states = [looking.state(looking.ask(ANN, "restart", service="api")) for _ in range(3)]
    assert states == [State.SUCCEEDED, State.SUCCEEDED, State.DENIED]


def test_others_and_later_hours_are_not_counted(looking: Town) -> None:
    for _ in range(3):
        looking.ask(ANN, "restart", service="api")
    assert looking.state(looking.ask(BO, "restart", service="api")) is State.SUCCEEDED
    looking.forward(hours=1, seconds=1)
    assert looking.state(looking.ask(ANN, "restart", service="api")) is State.SUCCEEDED


def test_what_failed_on_this_target_is_seen(looking: Town) -> None:
    def refuse(inputs: object, run: object) -> None:
        raise RunnerRefused("it is not there")

    looking.ask(BO, "restart", service="worker")
    looking.runner.on_start = refuse
    assert looking.state(looking.ask(ANN, "restart", service="api")) is State.FAILED
    looking.runner.on_start = lambda inputs, run: None
    assert looking.state(looking.ask(BO, "restart", service="api")) is State.PENDING
    assert looking.state(looking.ask(CY, "restart", service="worker")) is State.SUCCEEDED


def test_whoever_declares_what_is_filled_in_is_told(looking: Town) -> None:
    looking.edit("per: 1h}", "per: 1h, requester: U0BO}")
    assert "payments.yml:13:71: `requester` of history.count is filled in by itself; leave" in looking.book.fault
