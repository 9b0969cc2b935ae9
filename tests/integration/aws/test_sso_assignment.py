"""An assignment of IAM Identity Center for a time: requests that take time, fail, land late, and who had it before."""

from datetime import UTC, datetime, timedelta

import pytest

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import HealthState
from jitbot.runners.aws.sso_assignment import SsoAssignment
from jitbot.runners.aws.sso_inputs import AssignmentInputs
from jitbot.testing.runners import ContractRun
from tests.aws.loopback import FAST, INSTANCE_ARN, SHORT, SLOW, AnAccount, a_permission_set, aws, aws_url

__all__ = ["aws", "aws_url"]


class Prod:
    """The permission set, and somebody who shall have it in the account of production."""

    def __init__(self, aws: AnAccount, length: str = "PT1H", **more: object) -> None:
        self.aws = aws
        self.sso = aws.admin("sso-admin")
        self.inputs = AssignmentInputs.model_validate(aws.inputs(**a_permission_set(aws, length), **more))
        self.runner = SsoAssignment(aws.site, FAST)
        self.run = ContractRun()

    @property
    def assigned(self) -> list[str]:
        arn = self.inputs.permission_set_arn
        words = {"InstanceArn": INSTANCE_ARN, "AccountId": self.inputs.to_account, "PermissionSetArn": arn}
        return [each["PrincipalId"] for each in self.sso.list_account_assignments(**words)["AccountAssignments"]]

    @property
    def tags(self) -> list[dict[str, str]]:
        arn = self.inputs.permission_set_arn
        return self.sso.list_tags_for_resource(InstanceArn=INSTANCE_ARN, ResourceArn=arn)["Tags"]

    def assign(self) -> None:
        """Assign it past jitbot, and wait until it is."""
        made = self.sso.create_account_assignment(**self.inputs.assignment)["AccountAssignmentCreationStatus"]
        words = {"AccountAssignmentCreationRequestId": made["RequestId"]}
        for _ in range(3):
            self.sso.describe_account_assignment_creation_status(InstanceArn=INSTANCE_ARN, **words)

    def start(self, seconds: float = 30):
        self.run.deadline = datetime.now(UTC) + timedelta(seconds=seconds)
        return self.runner.start(self.inputs, self.run)

    def undo(self, receipt=None) -> None:
        self.run.deadline = datetime.now(UTC) + timedelta(seconds=30)
        self.runner.undo(self.inputs, receipt, self.run)


def test_it_is_waited_for(aws) -> None:
    prod = Prod(aws)
    receipt = prod.start()
    assert prod.assigned == [prod.inputs.principal_id]
    assert len(aws.calls("DescribeAccountAssignmentCreationStatus")) == 2
    prod.undo(receipt)
    assert (prod.assigned, prod.tags) == ([], [])
    assert len(aws.calls("DescribeAccountAssignmentDeletionStatus")) == 2


@pytest.mark.parametrize("with_receipt", [True, False])
def test_who_had_it_before_keeps_it(aws, with_receipt) -> None:
    prod = Prod(aws)
    prod.assign()
    assert "stays so afterwards" in prod.runner.plan(prod.inputs).summary
    receipt = prod.start()
    prod.undo(receipt if with_receipt else None)
    assert (prod.assigned, prod.tags) == ([prod.inputs.principal_id], [])


def test_a_request_that_fails_leaves_nothing(aws) -> None:
    prod = Prod(aws)
    aws.script(sso="fails")
    with pytest.raises(RunnerRefused, match=r"The account is suspended\. Nothing was done"):
        prod.start()
    assert (prod.assigned, prod.tags) == ([], [])


@pytest.mark.long
def test_a_request_that_is_not_over_in_time_is_unsure(aws) -> None:
    prod = Prod(aws)
    aws.script(sso="hangs")
    prod.runner = SsoAssignment(aws.site, SLOW)
    with pytest.raises(RunnerUnsure, match="is still at its creation"):
        prod.start(seconds=SHORT)


def test_an_assignment_that_lands_after_its_worker_was_lost_is_waited_for_and_deleted(aws) -> None:
    prod = Prod(aws)
    aws.fault("CreateAccountAssignment", what="cut after")
    with pytest.raises(RunnerUnsure):
        prod.start()
    assert prod.assigned == []
    assert prod.runner.check(prod.inputs, None).state is HealthState.UNKNOWN
    prod.undo(None)
    assert (prod.assigned, prod.tags) == ([], [])
    assert len(aws.calls("DeleteAccountAssignment")) == 1


def test_an_undo_does_not_end_while_a_creation_is_under_way(aws) -> None:
    prod = Prod(aws)
    aws.fault("CreateAccountAssignment", what="cut after")
    with pytest.raises(RunnerUnsure):
        prod.start()
    aws.script(sso="hangs")
    prod.runner = SsoAssignment(aws.site, SLOW)
    prod.run.deadline = datetime.now(UTC) + timedelta(seconds=SHORT)
    with pytest.raises(RunnerUnsure, match="still at a creation"):
        prod.runner.undo(prod.inputs, None, prod.run)
    assert len(prod.tags) == 1


def test_creations_for_other_people_are_not_waited_for(aws) -> None:
    prod = Prod(aws)
    receipt = prod.start()
    other = {**prod.inputs.assignment, "PrincipalId": "00000000-0000-0000-0000-000000000000"}
    prod.sso.create_account_assignment(**other)
    prod.undo(receipt)
    assert prod.assigned == []


def test_an_assignment_in_the_hands_of_another_request_is_tried_again(aws) -> None:
    prod = Prod(aws)
    aws.fault("CreateAccountAssignment", code="ConflictException")
    prod.start()
    assert len(aws.calls("CreateAccountAssignment")) == 2


def test_a_refused_creation_leaves_nothing(aws) -> None:
    prod = Prod(aws)
    aws.fault("CreateAccountAssignment", code="ServiceQuotaExceededException")
    with pytest.raises(RunnerRefused, match="ServiceQuotaExceededException"):
        prod.start()
    assert prod.tags == []


def test_a_deletion_that_fails_is_no_success(aws) -> None:
    prod = Prod(aws)
    receipt = prod.start()
    aws.script(sso="fails")
    with pytest.raises(RunnerUnsure, match="may still be assigned"):
        prod.undo(receipt)
    assert len(prod.tags) == 1


def test_nobody_keeps_it_by_taking_the_tag_away(aws) -> None:
    prod = Prod(aws)
    receipt = prod.start()
    [tag] = prod.tags
    words = {"InstanceArn": INSTANCE_ARN, "ResourceArn": prod.inputs.permission_set_arn}
    prod.sso.untag_resource(**words, TagKeys=[tag["Key"]])
    prod.undo(receipt)
    assert prod.assigned == []


def test_what_somebody_deleted_meanwhile_is_noticed_and_undone(aws) -> None:
    prod = Prod(aws)
    receipt = prod.start()
    prod.sso.delete_account_assignment(**prod.inputs.assignment)
    aws.script(sso="lands")
    assert prod.assigned  # the first of two looks, in which the deletion ends
    assert prod.runner.check(prod.inputs, receipt).state is HealthState.ABSENT
    prod.undo(receipt)
    assert prod.tags == []


@pytest.mark.parametrize("length", ["PT2H", "PT1H30M", "PT12H", "P1D"])
def test_sessions_that_would_outlive_the_end_by_too_much_are_refused(aws, length) -> None:
    prod = Prod(aws, length)
    with pytest.raises(RunnerRefused, match=f"may go on for {length}"):
        prod.runner.plan(prod.inputs)


def test_a_plan_says_how_long_a_session_may_go_on(aws) -> None:
    prod = Prod(aws, "PT1H30M", session_minutes=90)
    assert "may go on for PT1H30M" in prod.runner.plan(prod.inputs).diff


def test_a_plan_names_people_where_it_is_told_where_to_look(aws) -> None:
    store = aws.admin("identitystore")
    words = {"UserName": "ann", "DisplayName": "Ann", "Name": {"GivenName": "Ann", "FamilyName": "A"}}
    user = store.create_user(IdentityStoreId="d-1234567890", **words)["UserId"]
    prod = Prod(aws, identity_store="d-1234567890")
    prod.inputs = prod.inputs.model_copy(update={"principal_id": user})
    assert f"user ann ({user})" in prod.runner.plan(prod.inputs).summary


def test_everybody_who_has_it_is_listed_and_whose_it_is(aws) -> None:
    prod = Prod(aws)
    other = prod.inputs.model_copy(update={"principal_id": "b1b2c3d4-1111-2222-3333-444455556666"})
    mine, prod.inputs = prod.inputs, other
    prod.assign()
    prod.inputs = mine
    prod.start()
    found = {each.target: each.ours for each in prod.runner.privileges(prod.inputs)}
    assert found == {prod.runner.target(mine): True, prod.runner.target(other): False}


def test_what_jitbot_may_not_do_is_refused(aws) -> None:
    prod = Prod(aws)
    aws.may("sso:DescribePermissionSet", "sso:ListAccountAssignments", "sso:ListTagsForResource")
    prod.runner = SsoAssignment(aws.site, FAST)
    with pytest.raises(RunnerRefused, match="not authorized to perform: sso:TagResource"):
        prod.start()
    aws.free()
    assert (prod.assigned, prod.tags) == ([], [])
