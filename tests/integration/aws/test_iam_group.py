"""A membership for a time in an IAM group: what goes wrong, and what survives it."""

from datetime import UTC, datetime

import pytest

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import HealthState
from jitbot.runners.aws.iam_group import GroupInputs, IamGroup
from jitbot.testing.runners import ContractRun
from tests.aws.loopback import FAST, AnAccount, a_group, aws, aws_url

__all__ = ["aws", "aws_url"]

LOOKS = ("iam:GetUser", "iam:GetGroup", "iam:ListGroupsForUser")


class Ops:
    """The group `ops`, and ann, who shall be in it."""

    def __init__(self, aws: AnAccount, *, member: bool = False, **more: object) -> None:
        self.aws = aws
        self.inputs = GroupInputs.model_validate(aws.inputs(**a_group(aws, member=member), **more))
        self.runner = IamGroup(aws.site, FAST)
        self.run = ContractRun()

    @property
    def members(self) -> list[str]:
        self.aws.free()
        return [user["UserName"] for user in self.aws.admin("iam").get_group(GroupName="ops")["Users"]]

    @property
    def tags(self) -> list[dict[str, str]]:
        self.aws.free()
        return self.aws.admin("iam").list_user_tags(UserName="ann")["Tags"]

    def start(self):
        return self.runner.start(self.inputs, self.run)

    def undo(self, receipt=None) -> None:
        self.runner.undo(self.inputs, receipt, self.run)


def test_who_was_in_the_group_stays_in_it(aws) -> None:
    ops = Ops(aws, member=True)
    assert "stays so afterwards" in ops.runner.plan(ops.inputs).summary
    receipt = ops.start()
    ops.undo(receipt)
    assert (ops.members, ops.tags) == (["ann"], [])


def test_who_was_in_the_group_stays_in_it_without_a_receipt(aws) -> None:
    ops = Ops(aws, member=True)
    ops.start()
    ops.undo(None)
    assert (ops.members, ops.tags) == (["ann"], [])


def test_a_plan_names_what_the_group_may_do(aws) -> None:
    ops = Ops(aws)
    plan = ops.runner.plan(ops.inputs)
    assert "+ ann is in the group ops, which has may-look" in plan.diff
    aws.admin("iam").delete_group_policy(GroupName="ops", PolicyName="may-look")
    assert ops.runner.plan(ops.inputs).fingerprint != plan.fingerprint


def test_a_worker_lost_after_the_mark_leaves_nothing_behind(aws) -> None:
    ops = Ops(aws)
    aws.fault("TagUser", what="cut after")
    with pytest.raises(RunnerUnsure, match="may have a new tag"):
        ops.start()
    assert [ops.members, len(ops.tags)] == [[], 1]
    assert ops.runner.check(ops.inputs, None).state is HealthState.ABSENT
    ops.undo(None)
    assert (ops.members, ops.tags) == ([], [])


def test_a_worker_lost_after_the_membership_still_takes_it_back(aws) -> None:
    ops = Ops(aws)
    aws.fault("AddUserToGroup", what="cut after")
    with pytest.raises(RunnerUnsure, match="may be in ops"):
        ops.start()
    assert ops.members == ["ann"]
    assert ops.runner.check(ops.inputs, None).state is HealthState.HEALTHY
    ops.undo(None)
    assert (ops.members, ops.tags) == ([], [])


def test_a_second_start_does_not_take_its_own_membership_for_an_old_one(aws) -> None:
    ops = Ops(aws)
    aws.fault("AddUserToGroup", what="cut after")
    with pytest.raises(RunnerUnsure):
        ops.start()
    receipt = ops.start()
    ops.undo(receipt)
    assert ops.members == []


def test_a_worker_lost_in_the_middle_of_the_undo_is_no_matter(aws) -> None:
    ops = Ops(aws)
    receipt = ops.start()
    aws.fault("RemoveUserFromGroup", what="cut after")
    with pytest.raises(RunnerUnsure):
        ops.undo(receipt)
    ops.undo(receipt)
    assert (ops.members, ops.tags) == ([], [])


@pytest.mark.parametrize("forged", [None, "run=jit-1-1 grant=1 held=yes", "nonsense"])
def test_nobody_keeps_a_membership_by_changing_the_tag(aws, forged) -> None:
    ops = Ops(aws)
    receipt = ops.start()
    [tag] = ops.tags
    aws.admin("iam").untag_user(UserName="ann", TagKeys=[tag["Key"]])
    if forged is not None:
        aws.admin("iam").tag_user(UserName="ann", Tags=[{**tag, "Value": forged}])
    ops.undo(receipt)
    assert (ops.members, ops.tags) == ([], [])


def test_a_membership_that_was_taken_meanwhile_is_undone_all_the_same(aws) -> None:
    ops = Ops(aws)
    receipt = ops.start()
    aws.admin("iam").remove_user_from_group(GroupName="ops", UserName="ann")
    assert ops.runner.check(ops.inputs, receipt).state is HealthState.ABSENT
    ops.undo(receipt)
    assert ops.tags == []


def test_a_user_who_was_deleted_meanwhile_is_undone_all_the_same(aws) -> None:
    ops = Ops(aws)
    receipt = ops.start()
    aws.admin("iam").remove_user_from_group(GroupName="ops", UserName="ann")
    aws.admin("iam").delete_user(UserName="ann")
    ops.undo(receipt)
    ops.undo(None)
    assert aws.admin("iam").get_group(GroupName="ops")["Users"] == []


def test_a_membership_lost_and_given_again_by_jitbot_is_jitbots(aws) -> None:
    """The tag of a first attempt says that it was there; by the second it is gone, so what that one gives must end."""
    ops = Ops(aws, member=True)
    ops.start()
    aws.admin("iam").remove_user_from_group(GroupName="ops", UserName="ann")
    ops.undo(ops.start())
    assert ops.members == []


def test_two_grants_of_one_membership_end_together(aws) -> None:
    ops, second = Ops(aws), ContractRun("jit-2-1")
    before = ops.runner.plan(ops.inputs)
    receipt = ops.start()
    after = ops.runner.plan(ops.inputs)
    assert "in, by a grant that ends as well, the group" in after.diff
    assert (after.summary, after.fingerprint) == (before.summary, before.fingerprint)
    ops.runner.start(ops.inputs, second)
    ops.runner.undo(ops.inputs, receipt, second)
    assert (ops.members, ops.tags) == ([], [])


def test_what_jitbot_may_not_do_is_refused_and_leaves_nothing(aws) -> None:
    ops = Ops(aws)
    aws.may(*LOOKS, "iam:TagUser", "iam:UntagUser")
    ops.runner = IamGroup(aws.site, FAST)
    with pytest.raises(RunnerRefused, match=r"says AccessDenied: .* is not authorized to perform: iam:AddUserToGroup"):
        ops.start()
    assert (ops.members, ops.tags) == ([], [])


def test_where_the_mark_cannot_be_erased_it_is_unsure(aws) -> None:
    ops = Ops(aws)
    aws.may(*LOOKS, "iam:TagUser")
    ops.runner = IamGroup(aws.site, FAST)
    with pytest.raises(RunnerUnsure, match="still there"):
        ops.start()


def test_without_the_right_to_tag_nothing_is_given(aws) -> None:
    ops = Ops(aws)
    aws.may(*LOOKS, "iam:AddUserToGroup")
    ops.runner = IamGroup(aws.site, FAST)
    with pytest.raises(RunnerRefused, match="iam:TagUser"):
        ops.start()
    assert ops.members == []


def test_an_undo_that_is_not_allowed_is_no_success(aws) -> None:
    ops = Ops(aws)
    receipt = ops.start()
    aws.may(*LOOKS)
    ops.runner = IamGroup(aws.site, FAST)
    with pytest.raises(RunnerUnsure, match="may still be in ops"):
        ops.undo(receipt)
    assert ops.members == ["ann"]


def test_everybody_in_the_group_is_listed_and_whose_they_are(aws) -> None:
    ops = Ops(aws)
    aws.admin("iam").create_user(UserName="bo")
    aws.admin("iam").add_user_to_group(GroupName="ops", UserName="bo")
    ops.start()
    found = {each.holder: each for each in ops.runner.privileges(ops.inputs)}
    assert {name: each.ours for name, each in found.items()} == {"ann": True, "bo": False}
    assert found["bo"].target == ops.runner.target(ops.inputs.model_copy(update={"user": "bo"}))


def test_a_membership_for_good_is_no_grants_afterwards(aws) -> None:
    ops, grant = Ops(aws), ContractRun("jit-2-1")
    ops.run.until = None
    ops.start()
    assert [each.ours for each in ops.runner.privileges(ops.inputs)] == [False]
    assert "stays so afterwards" in ops.runner.plan(ops.inputs).summary
    receipt = ops.runner.start(ops.inputs, grant)
    ops.runner.undo(ops.inputs, receipt, grant)
    assert ops.members == ["ann"]


def test_time_that_is_over_is_a_refusal(aws) -> None:
    ops = Ops(aws)
    ops.run.deadline = datetime(2020, 1, 1, tzinfo=UTC)
    with pytest.raises(RunnerRefused, match="was over"):
        ops.start()
    assert ops.members == []
