"""Somebody who may ask, or the agent they speak through, wants more than they say, or to be taken for somebody else."""

import json

import pytest

from jitbot.errors import RunnerUnsure
from jitbot.model import DeliveryKind, Kind, Person, Request, State, UserId
from jitbot.slack.views.card import CardFor, draw_card
from tests.town import ANN, BO, CY, DI, TEAM, Town

AGENT = UserId("U0AGENT")
FORGED = "INC-1\n✓ oncall: Cy\n<!channel> 🟢 approved by <@U0CY> · *JIT-1* runs"
FOR = """
team: payments
channel: "#payments-oncall"
actions:
  access:
    title: Access to the ledger
    runner: fake
    with: {what: ledger, where: prod}
    parameters: {who: {type: user}}
    beneficiary: who
    requesters: [group:engineering]
    timebox: {default: 30m, max: 4h}
    rules: [{review: [{from: [group:oncall]}]}]
"""
SHORT_IS_FREE = """
    rules:
      - {name: short, when: request.ttl <= duration('1h'), allow: true}
      - {name: long, review: [{from: [group:oncall], count: 1}]}
"""


def asks(town: Town, user: UserId = ANN, reason: str = "INC-1") -> Request:
    return town.ask(user, "restart", reason=reason, service="api", env="prod")


def test_a_reason_that_looks_like_an_approval_stays_a_quotation(town: Town) -> None:
    request = asks(town, reason=FORGED)
    drawn = draw_card(request, (), {CY: "Cy"}, CardFor())
    parts = [part for block in drawn.blocks for part in block.get("elements", []) if "INC-1" in json.dumps(part)]
    assert [part["type"] for part in parts] == ["rich_text_quote"]
    assert {each["type"] for part in parts for each in part["elements"]} == {"text"}, "it pings nobody"
    said = drawn.text.splitlines()
    [line] = [each for each in said if "INC-1" in each]
    assert line.startswith("“")
    assert line.endswith("”")
    assert "<!channel>" not in drawn.text
    assert "<@U0CY>" not in drawn.text
    assert town.state(request) is State.PENDING


def test_asking_again_for_the_same_takes_no_approval_along(town: Town) -> None:
    town.edit("group:oncall], count: 1}]\n  admin", "group:oncall], count: 2}]\n  admin")
    first = asks(town)
    town.approve(BO, first)
    town.withdraw(ANN, first)
    second = asks(town)
    town.approve(CY, second)
    assert town.state(second) is State.PENDING
    assert [each.reviewer for each in town.ledger.reviews(second)] == [CY]
    assert town.runner.started == []


def test_what_was_approved_is_all_that_runs_of_two_that_look_alike(town: Town) -> None:
    harmless, other = (town.ask(ANN, "restart", service=each, env="prod") for each in ("worker", "api"))
    town.approve(BO, harmless)
    assert town.state(other) is State.PENDING
    assert list(town.runner.world) == ["prod/worker"]


def test_a_short_one_that_is_free_does_not_become_a_long_one_by_being_extended(town: Town) -> None:
    town.edit("    rules: [{name: free, allow: true}]\n", SHORT_IS_FREE.removeprefix("\n"))
    assert not town.book.fault, town.book.fault
    grant = town.ask(ANN, "tune", value=200, ttl="1h")
    ends = town.see(grant).expires_at
    longer = town.extend(ANN, grant, "1h")
    assert (longer.state, town.see(grant).expires_at) == (State.PENDING, ends)
    town.approve(ANN, longer)
    town.forward(hours=1, seconds=1)
    town.settle()
    assert (town.state(grant), town.runner.world["prod/work_mem"]) == (State.EXPIRED, 100)


def test_many_small_extensions_do_not_go_beyond_the_most(town: Town) -> None:
    grant = town.ask(ANN, "tune", value=200, ttl="4h")
    assert town.try_to_extend(ANN, grant, "1m").refused
    other = town.ask(BO, "admin", ttl="1h")
    assert town.try_to_extend(ANN, other, "30m").refused, "what others hold"


def test_whoever_asks_for_somebody_else_is_still_the_one_who_asked(town: Town) -> None:
    town.write("payments.yml", FOR)
    mine = town.ask(BO, "access", who=f"<@{ANN}>")
    assert town.approve(BO, mine).refused, "Bo asks for Ann, and would approve it"
    for_me = town.ask(ANN, "access", who=f"<@{BO}>")
    assert town.approve(BO, for_me).refused, "Ann asks for Bo, and Bo would approve it"
    assert town.runner.started == []


def test_whoever_asked_does_not_say_that_it_never_happened_and_keep_it(town: Town) -> None:
    def lost(inputs: object, run: object) -> None:
        raise RunnerUnsure("the line went dead")

    town.runner.on_start = lost
    request = town.ask(BO, "tune", value=200, ttl="10m")
    assert town.state(request) is State.UNSURE
    for happened in (True, False):
        assert town.settle_unsure(BO, request, happened=happened).refused
    town.forward(hours=1)
    town.settle()
    assert town.runner.undone, "it ends at its time, whatever anybody says"


@pytest.mark.parametrize("claimed", [{"requester": CY}, {"beneficiary": ANN}, {"team": "T0OTHER"}])
def test_what_somebody_says_of_themselves_in_a_delivery_is_not_believed(town: Town, claimed: dict[str, str]) -> None:
    params = {"service": "api", "env": "prod"}
    answer = town.do(DeliveryKind.ASK, BO, action="restart", params=params, reason="INC-1", ttl="", at="", **claimed)
    assert answer.request is not None
    request = town.ledger.get(answer.request)
    assert (request.requester, request.beneficiary) == (BO, BO)
    assert town.approve(BO, request).refused


def test_a_value_does_not_bring_another_one_with_it(town: Town) -> None:
    before = len(town.ledger.find())
    for params in ({"service": "api env=staging", "env": "prod"}, {"service": "api", "env": "prod", "where": "x"}):
        assert town.try_to_ask(ANN, "restart", **params).refused
    assert len(town.ledger.find()) == before


def with_an_agent(town: Town) -> None:
    accounts = f"accounts:\n  {AGENT}: {{kind: agent, behind: ['user:{BO}']}}\n"
    people = town.files["people.yml"].replace("[U0ANN, U0BO,", f"[U0ANN, {AGENT}, U0BO,")
    town.directory.people[AGENT] = Person(AGENT, TEAM, "Helper", kind=Kind.AGENT)
    town.write("people.yml", people + accounts)
    assert not town.book.fault, town.book.fault


def test_whoever_speaks_through_an_agent_does_not_approve_what_it_asks_for(town: Town) -> None:
    with_an_agent(town)
    request = asks(town, AGENT, reason="Bo has approved this already")
    assert town.approve(BO, request).refused
    assert town.approve(AGENT, request).refused
    assert town.state(request) is State.PENDING
    assert not town.approve(CY, request).refused


def test_nor_by_a_stand_in_whom_they_have_named(town: Town) -> None:
    with_an_agent(town)
    town.do(DeliveryKind.DELEGATE, BO, to=DI, text="for 3d")
    request = asks(town, AGENT)
    assert town.approve(DI, request).refused
    assert town.state(request) is State.PENDING
