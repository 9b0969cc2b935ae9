"""What the page on the runners for AWS says is true: its policies run, with just the rights that it names."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml

from jitbot.model import HealthState
from jitbot.policy.templates import fill
from jitbot.runners.aws.account import Account
from jitbot.runners.registry import Registry
from jitbot.testing.runners import ContractRun
from tests.aws import loopback
from tests.aws.loopback import ACCOUNT, SERVICES, AnAccount, aws, aws_url
from tests.contract.howto import ROOT, blocks

__all__ = ["aws", "aws_url"]

TEXT = (ROOT / "docs/reference/runners-aws.md").read_text(encoding="utf-8")
ACTIONS: Mapping[str, Any] = yaml.safe_load(blocks(TEXT, "yaml")[0])["actions"]
RUNNERS = {action["runner"]: name for name, action in ACTIONS.items()}
SELDOM = {"identitystore:DescribeGroup", "ec2:RebootInstances", "ssm:ListCommands"}
"""Rights for what the page's own actions do not do."""


def chapter(runner: str) -> str:
    return TEXT.partition(f"## `{runner}`")[2].partition("\n## ")[0]


def rights(runner: str) -> set[str]:
    [document] = blocks(chapter(runner), "json")
    return {action for statement in json.loads(document)["Statement"] for action in statement["Action"]}


def a_user(aws: AnAccount) -> str:
    store = aws.admin("identitystore")
    words = {"UserName": "ann", "DisplayName": "Ann", "Name": {"GivenName": "Ann", "FamilyName": "A"}}
    return store.create_user(IdentityStoreId="d-1234567890", **words)["UserId"]


def made(aws: AnAccount, runner: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Make what an action of the page speaks of; return what is typed, and which ids it has here."""
    if runner == "aws.ecs_deploy":
        loopback.a_service(aws)
        return {"revision": 1}, {}
    if runner == "aws.auto_scaling":
        loopback.a_scaling_group(aws)
        return {"instances": 4}, {}
    if runner == "aws.instance":
        return {}, loopback.an_instance(aws, stopped=True)
    if runner == "aws.ssm_command":
        return {"service": "orders"}, {"instances": loopback.a_document(aws)["instances"]}
    if runner == "aws.iam_group":
        loopback.a_group(aws)
        return {"user": "ann"}, {}
    if runner == "aws.sso_assignment":
        arn = loopback.a_permission_set(aws)["permission_set_arn"]
        return {"principal": a_user(aws)}, {"permission_set_arn": arn}
    loopback.a_parameter_group(aws)
    return {"seconds": "0.5"}, {}


def may_assume(aws: AnAccount, role: str, actions: set[str]) -> None:
    """Have jitbot's keys assume a role that may do just this."""
    iam = aws.admin("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/jitbot"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    allowed = {"Effect": "Allow", "Action": sorted(actions), "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName=role, PolicyName="jitbot", PolicyDocument=document)
    aws.may("sts:AssumeRole")


@pytest.mark.parametrize("name", sorted(RUNNERS))
def test_every_action_of_the_page_works_with_the_rights_that_the_page_names(name: str, aws: AnAccount) -> None:
    typed, here = made(aws, name)
    told = {**fill(ACTIONS[RUNNERS[name]]["with"], typed), **here, "endpoints": dict.fromkeys(SERVICES, aws.url)}
    may_assume(aws, told["role_arn"].rpartition("/")[2], rights(name))
    aws.forget_calls()
    registry = Registry([name], aws.site)
    runner, inputs, run = registry.runner(name), registry.inputs(name, told), ContractRun()
    plan = runner.plan(inputs)
    receipt = runner.start(inputs, run)
    assert runner.check(inputs, receipt).state is HealthState.HEALTHY
    lists: Callable[..., Any] = runner.privileges
    assert [each.target for each in lists(inputs) or ()] in ([], [runner.target(inputs)])
    if plan.undoable:
        runner.undo(inputs, receipt, run)
        assert runner.check(inputs, None).state is HealthState.ABSENT
    assert rights(name) - SELDOM == {call for call in aws.all_calls() if not call.startswith("sts:")}


def test_every_action_of_the_page_is_tried_here() -> None:
    assert len(ACTIONS) == len(RUNNERS) == 7


@pytest.mark.parametrize("name", sorted(RUNNERS))
def test_every_input_is_documented(name: str, aws: AnAccount) -> None:
    for field in Registry([name], aws.site).runner(name).Inputs.model_fields:
        way = TEXT.partition("## The way")[2].partition("\n## ")[0]
        assert f"`{field}`" in (way if field in Account.model_fields else chapter(name))
