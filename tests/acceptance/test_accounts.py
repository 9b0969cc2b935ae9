"""Accounts that are no person's: they may ask, they never approve, and whoever stands behind one has asked with it."""

from collections.abc import Callable, Iterator

import pytest

from jitbot.errors import RunnerUnsure
from jitbot.model import DeliveryKind, Mark, Person, Reason, State, UserId
from jitbot.ports import Run
from tests.town import ANN, BO, CY, DI, PEOPLE, POLICY, TEAM, FakeInputs, Town

DEPLOY = UserId("U0DEPLOY")
MANY = PEOPLE.replace("engineering: [", "engineering: [U0DEPLOY, ").replace(
    "oncall: [U0BO, U0CY]", "oncall: [U0BO, U0CY, U0DEPLOY]"
)
ACCOUNTS = """
accounts:
  U0DEPLOY: {kind: service, behind: ["group:platform", "user:U0BO"]}
"""


@pytest.fixture
def town(make_town: Callable[[], Town]) -> Iterator[Town]:
    """Give a town with an account for deployments, behind which Bo and the platform team (Di) stand."""
    town = make_town()
    town.directory.people[DEPLOY] = Person(DEPLOY, TEAM, "Deploy", email="deploy@acme.example")
    town.directory.usergroups["platform"] = {DI}
    town.write("people.yml", MANY + "  platform: ['@platform']\n" + ACCOUNTS)
    assert not town.book.fault, town.book.fault
    yield town
    town.close()


def labels(reason: Reason) -> list[tuple[str, Mark]]:
    return [(reason.label, reason.mark), *(pair for child in reason.children for pair in labels(child))]


def test_whoever_stands_behind_it_does_not_approve_what_it_asks_for(town: Town) -> None:
    request = town.ask(DEPLOY, "restart", service="api", env="prod")
    [need] = town.see(request).decision.needs  # type: ignore[union-attr]
    assert need.candidates == (CY,)
    assert town.approve(BO, request).refused
    assert not town.approve(CY, request).refused
    assert town.state(request) is State.SUCCEEDED


def test_who_stands_behind_it_is_read_at_the_click(town: Town) -> None:
    request = town.ask(DEPLOY, "restart", service="api", env="prod")
    town.directory.usergroups["platform"] = {DI, CY}
    assert town.approve(CY, request).refused
    town.directory.usergroups["platform"] = {DI}
    assert not town.approve(CY, request).refused


def test_where_that_cannot_be_read_nobody_approves(town: Town) -> None:
    request = town.ask(DEPLOY, "restart", service="api", env="prod")
    del town.directory.usergroups["platform"]
    assert town.approve(CY, request).refused
    assert town.state(request) is State.PENDING
    refused = town.try_to_ask(DEPLOY, "restart", service="worker", env="prod")
    assert "Who stands behind whoever asks could not be read" in refused.text


def test_what_needs_nobody_runs_all_the_same(town: Town) -> None:
    del town.directory.usergroups["platform"]
    assert town.state(town.ask(DEPLOY, "restart", service="api", env="staging")) is State.SUCCEEDED


def test_it_never_approves_or_denies_itself(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    assert DEPLOY not in town.see(request).decision.needs[0].candidates  # type: ignore[union-attr]
    for click in (town.approve, town.deny):
        assert click(DEPLOY, request).refused
    assert town.state(request) is State.PENDING


def test_it_stands_in_for_nobody_and_nobody_for_it(town: Town) -> None:
    assert "is no person's account" in town.do(DeliveryKind.DELEGATE, BO, to=DEPLOY, text="for 3d").text
    assert "is no person's account" in town.do(DeliveryKind.DELEGATE, DEPLOY, to=BO, text="for 3d").text


def test_what_it_is_stands_in_conditions(town: Town) -> None:
    text = POLICY.replace(
        "when: params.env == 'staging'", "when: requester.kind == 'person' && params.env == 'staging'"
    )
    town.write("payments.yml", text)
    assert town.state(town.ask(ANN, "restart", service="api", env="staging")) is State.SUCCEEDED
    asked = town.ask(DEPLOY, "restart", service="worker", env="staging")
    assert asked.state is State.PENDING
    assert ("staging is self-serve", Mark.NO) in labels(asked.decision.tree)  # type: ignore[union-attr]


def test_it_is_offered_what_it_may_ask_for(town: Town) -> None:
    assert [each.name for each in town.service.queries.offered(DEPLOY)] == ["admin", "restart", "tune"]


def test_whoever_stands_behind_it_does_not_settle_or_review_afterwards_what_it_did(town: Town) -> None:
    def lose(inputs: FakeInputs, run: Run) -> None:
        raise RunnerUnsure("no answer")

    town.runner.on_start = lose
    unsure = town.ask(DEPLOY, "restart", service="api", env="prod")
    town.approve(CY, unsure)
    assert town.state(unsure) is State.UNSURE
    assert town.settle_unsure(BO, unsure, happened=True).refused
    del town.directory.usergroups["platform"]
    assert "could not be looked up just now" in town.settle_unsure(CY, unsure, happened=True).text
    town.directory.usergroups["platform"] = {DI}
    assert not town.settle_unsure(CY, unsure, happened=True).refused


def test_nor_does_anybody_behind_it_review_its_broken_glass(town: Town) -> None:
    who = "['user:U0DEPLOY', group:oncall]"
    glass = f"guardrails: []\nbreak_glass: [{{who: {who}, max: 1h, review_within: 24h, tell: ['#s']}}]\n"
    town.write("guardrails.yml", glass)
    body = {"action": "admin", "params": {}, "reason": "all is down", "ttl": "30m", "break_glass": True}
    answer = town.do(DeliveryKind.ASK, DEPLOY, **body)
    assert answer.request is not None
    said = {"accepted": True, "comment": "fine", "revision": 1}
    assert town.do(DeliveryKind.REVIEW_AFTER, BO, answer.request, **said).refused
    del town.directory.usergroups["platform"]
    assert "could not be read just now" in town.do(DeliveryKind.REVIEW_AFTER, CY, answer.request, **said).text
    town.directory.usergroups["platform"] = {DI}
    assert not town.do(DeliveryKind.REVIEW_AFTER, CY, answer.request, **said).refused


@pytest.mark.parametrize(
    ("accounts", "fault"),
    [
        ("deploy: {kind: service, behind: ['user:U0BO']}", "'deploy' is not a Slack id"),
        ("U0DEPLOY: {kind: person, behind: ['user:U0BO']}", "this can be service or agent, not 'person'"),
        ("U0DEPLOY: {kind: agent, behind: []}", "this is empty"),
        ("U0DEPLOY: {kind: agent}", "behind"),
        ("U0DEPLOY: {kind: agent, behind: ['group:platfrom']}", "Did you mean platform?"),
        ("U0DEPLOY: {kind: agent, behind: [bo]}", "names nobody"),
    ],
)
def test_an_account_that_is_written_wrongly_is_refused_at_load(town: Town, accounts: str, fault: str) -> None:
    town.write("people.yml", MANY + "  platform: ['@platform']\n" + f"accounts:\n  {accounts}\n")
    assert fault in town.book.fault
