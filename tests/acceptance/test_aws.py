"""Runners for AWS through the whole service: a membership that two hold, and one that was there before."""

import json
from collections.abc import Callable, Iterator

import pytest

from jitbot.model import State
from jitbot.runners.registry import Registry
from jitbot.service.reconciling import Kind, Reconciling
from tests.aws.loopback import AnAccount, a_group, aws, aws_url
from tests.town import ANN, BO, Town

__all__ = ["aws", "aws_url"]

POLICY = """
team: payments
channel: "#payments-oncall"
actions:
  ops:
    title: Membership in the IAM group ops
    runner: aws.iam_group
    with: {inputs}
    parameters:
      who: {{type: text}}
    requesters: [group:engineering]
    timebox: {{default: 30m, max: 4h}}
    rules: [{{name: free, allow: true}}]
"""


@pytest.fixture
def town(make_town: Callable[[], Town], aws: AnAccount, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    inputs = json.dumps(aws.inputs(group="ops", user="{who}"))
    registry = Registry(["aws.iam_group"], aws.site)
    monkeypatch.setattr("tests.town.OneRunner", lambda runner: registry)
    monkeypatch.setattr("tests.town.POLICY", POLICY.format(inputs=inputs))
    town = make_town()
    assert town.book.fault == ""
    yield town
    town.close()


def members(aws: AnAccount) -> list[str]:
    return [user["UserName"] for user in aws.admin("iam").get_group(GroupName="ops")["Users"]]


def wait(town: Town, **length: float) -> None:
    town.forward(**length)
    town.settle()


def test_a_membership_ends_with_the_last_of_two_who_hold_it(town: Town, aws: AnAccount) -> None:
    a_group(aws)
    first, second = town.ask(ANN, "ops", who="ann"), town.ask(BO, "ops", who="ann", ttl="2h")
    assert [town.state(first), town.state(second), members(aws)] == [State.ACTIVE, State.ACTIVE, ["ann"]]
    wait(town, minutes=36)
    assert [town.state(first), members(aws)] == [State.EXPIRED, ["ann"]]
    wait(town, hours=2)
    assert [town.state(second), members(aws)] == [State.EXPIRED, []]
    assert aws.admin("iam").list_user_tags(UserName="ann")["Tags"] == []


def test_a_membership_that_was_there_before_outlives_the_grant(town: Town, aws: AnAccount) -> None:
    a_group(aws, member=True)
    grant = town.ask(ANN, "ops", who="ann")
    wait(town, minutes=36)
    assert [town.state(grant), members(aws)] == [State.EXPIRED, ["ann"]]


def test_a_start_whose_answer_was_lost_is_found_to_have_happened_and_ends(town: Town, aws: AnAccount) -> None:
    a_group(aws)
    aws.fault("AddUserToGroup", what="cut after")
    grant = town.ask(ANN, "ops", who="ann")
    wait(town, seconds=40)
    assert [town.state(grant), members(aws)] == [State.ACTIVE, ["ann"]]
    wait(town, minutes=40)
    assert [town.state(grant), members(aws)] == [State.EXPIRED, []]


def test_a_membership_that_somebody_took_away_is_noticed(town: Town, aws: AnAccount) -> None:
    a_group(aws)
    iam = aws.admin("iam")
    iam.create_user(UserName="bo")
    iam.add_user_to_group(GroupName="ops", UserName="bo")
    town.ask(ANN, "ops", who="ann")
    reconciling = Reconciling(town.ledger, town.catalog, town.book.policy.actions)
    assert [(each.kind, each.target) for each in reconciling.look()] == [
        (Kind.FOREIGN, "aws:123456789012 group ops for bo")
    ]
    iam.remove_user_from_group(GroupName="ops", UserName="ann")
    assert Kind.MISSING in {each.kind for each in reconciling.look()}
