"""Capacity, instances and database parameters in AWS: what goes wrong, and the way back."""

from datetime import UTC, datetime, timedelta

import pytest

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import HealthState
from jitbot.runners.aws.auto_scaling import AutoScaling
from jitbot.runners.aws.instance import Ec2Instance
from jitbot.runners.aws.rds_parameter import RdsParameter
from jitbot.testing.runners import ContractRun
from tests.aws.loopback import FAST, AnAccount, a_parameter_group, a_scaling_group, an_instance, aws, aws_url

__all__ = ["aws", "aws_url"]


class Doing:
    """One runner, told what to do."""

    def __init__(self, aws: AnAccount, runner, **more: object) -> None:
        self.runner = runner(aws.site, FAST)
        self.inputs = self.runner.Inputs.model_validate(aws.inputs(**more))
        self.run = ContractRun()

    def plan(self):
        return self.runner.plan(self.inputs)

    def start(self, seconds: float = 30):
        self.run.deadline = datetime.now(UTC) + timedelta(seconds=seconds)
        return self.runner.start(self.inputs, self.run)

    def check(self, receipt=None):
        return self.runner.check(self.inputs, receipt)

    def undo(self, receipt=None) -> None:
        self.run.deadline = datetime.now(UTC) + timedelta(seconds=30)
        self.runner.undo(self.inputs, receipt, self.run)


def scaling(aws: AnAccount, **more: object) -> Doing:
    return Doing(aws, AutoScaling, **a_scaling_group(aws), **{"desired": 4, **more})


def wanted(aws: AnAccount) -> int:
    aws.free()
    [group] = aws.admin("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert not group["Tags"]
    return group["DesiredCapacity"]


def test_capacity_is_waited_for(aws) -> None:
    doing = scaling(aws)
    assert doing.plan().diff.splitlines()[:2] == ["- 2 instances are wanted, 2 are in service", "+ 4 are wanted"]
    assert doing.start().summary == "4 instances are wanted"
    assert "web: 4 instances are in service" in doing.run.lines


@pytest.mark.parametrize("with_receipt", [True, False])
def test_capacity_goes_back_to_what_it_was_and_tells_what_it_had_become(aws, with_receipt) -> None:
    doing = scaling(aws)
    receipt = doing.start()
    aws.admin("autoscaling").set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=3)
    assert doing.check(receipt).state is HealthState.UNHEALTHY
    doing.undo(receipt if with_receipt else None)
    assert wanted(aws) == 2
    assert "web had come to 3 in the meantime, not by jitbot" in doing.run.lines


def test_another_run_does_not_undo_this_one(aws) -> None:
    doing = scaling(aws)
    doing.run.until = None
    receipt = doing.start()
    other = ContractRun("jit-2-1")
    other.until = None
    doing.runner.undo(doing.inputs, None, other)
    assert doing.check(receipt).state is HealthState.HEALTHY


def test_a_group_that_was_deleted_is_undone(aws) -> None:
    doing = scaling(aws)
    receipt = doing.start()
    aws.admin("autoscaling").delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
    assert doing.check(receipt).state is HealthState.ABSENT
    doing.undo(receipt)


def test_capacity_that_may_not_be_set_is_refused_and_leaves_no_mark(aws) -> None:
    doing = scaling(aws)
    aws.may("autoscaling:DescribeAutoScalingGroups", "autoscaling:CreateOrUpdateTags", "autoscaling:DeleteTags")
    doing = Doing(aws, AutoScaling, group="web", desired=4)
    with pytest.raises(RunnerRefused, match="autoscaling:SetDesiredCapacity"):
        doing.start()
    assert wanted(aws) == 2


def test_capacity_whose_answer_is_lost_is_unsure_and_undone(aws) -> None:
    doing = scaling(aws)
    aws.fault("SetDesiredCapacity", what="cut after")
    with pytest.raises(RunnerUnsure, match="may be told to have 4"):
        doing.start()
    doing.undo(None)
    assert wanted(aws) == 2


def test_a_call_is_sent_once_if_it_changes_something_and_again_if_it_looks(aws) -> None:
    doing = scaling(aws)
    aws.fault("SetDesiredCapacity", code="ServiceUnavailable", status=503)
    aws.fault("DescribeAutoScalingGroups", code="ServiceUnavailable", status=503)
    aws.fault("DescribeAutoScalingGroups", what="cut before")
    with pytest.raises(RunnerUnsure):
        doing.start()
    assert len(aws.calls("SetDesiredCapacity")) == 1
    assert len(aws.calls("DescribeAutoScalingGroups")) == 3


def state(aws: AnAccount) -> str:
    aws.free()
    return aws.admin("ec2").describe_instances()["Reservations"][0]["Instances"][0]["State"]["Name"]


def test_an_instance_is_named_in_the_plan(aws) -> None:
    plan = Doing(aws, Ec2Instance, **an_instance(aws), verb="stop").plan()
    assert "(bastion)" in plan.summary
    assert "instance store volumes is lost" in plan.diff


@pytest.mark.parametrize(("verb", "stopped"), [("start", False), ("stop", True), ("reboot", True)])
def test_there_has_to_be_something_to_do(aws, verb, stopped) -> None:
    doing = Doing(aws, Ec2Instance, **an_instance(aws, stopped=stopped), verb=verb)
    with pytest.raises(RunnerRefused, match=f"nothing to {verb}"):
        doing.start()


def test_a_lost_answer_is_settled_by_the_check_and_undone_without_a_receipt(aws) -> None:
    doing = Doing(aws, Ec2Instance, **an_instance(aws), verb="stop")
    aws.fault("StopInstances", what="cut after")
    with pytest.raises(RunnerUnsure):
        doing.start()
    assert doing.check().state is HealthState.HEALTHY
    doing.undo(None)
    assert state(aws) == "running"


def test_a_call_that_never_came_through_is_found_absent(aws) -> None:
    doing = Doing(aws, Ec2Instance, **an_instance(aws), verb="stop")
    aws.fault("StopInstances", what="cut before")
    with pytest.raises(RunnerUnsure):
        doing.start()
    assert doing.check().state is HealthState.ABSENT


def test_a_reboot_whose_answer_is_lost_cannot_be_told(aws) -> None:
    doing = Doing(aws, Ec2Instance, **an_instance(aws), verb="reboot")
    aws.fault("RebootInstances", what="cut after")
    with pytest.raises(RunnerUnsure):
        doing.start()
    assert doing.check().state is HealthState.UNKNOWN
    with pytest.raises(RunnerRefused, match="cannot be taken back"):
        doing.undo()


def test_an_instance_of_a_scaling_group_is_not_stopped(aws) -> None:
    a_scaling_group(aws, desired=1)
    [found] = aws.admin("ec2").describe_instances()["Reservations"]
    doing = Doing(aws, Ec2Instance, instance=found["Instances"][0]["InstanceId"], verb="stop")
    with pytest.raises(RunnerRefused, match="Auto Scaling group web would terminate"):
        doing.plan()


def test_an_instance_that_may_not_be_stopped_is_refused_and_leaves_no_mark(aws) -> None:
    told = an_instance(aws)
    aws.may("ec2:DescribeInstances", "ec2:CreateTags", "ec2:DeleteTags")
    doing = Doing(aws, Ec2Instance, **told, verb="stop")
    with pytest.raises(RunnerRefused, match="ec2:StopInstances"):
        doing.start()
    aws.free()
    [tag] = aws.admin("ec2").describe_instances()["Reservations"][0]["Instances"][0]["Tags"]
    assert tag["Key"] == "Name"


def parameter(aws: AnAccount, **more: object) -> Doing:
    told = {**a_parameter_group(aws), "parameter": "max_connections", "value": "200", **more}
    return Doing(aws, RdsParameter, **told)


def value(aws: AnAccount, name: str = "max_connections") -> tuple[str | None, str]:
    aws.free()
    found = aws.admin("rds").describe_db_parameters(DBParameterGroupName="orders")["Parameters"]
    [one] = [each for each in found if each["ParameterName"] == name]
    return one.get("ParameterValue"), one["Source"]


def test_a_plan_tells_the_default_and_who_uses_the_group(aws) -> None:
    plan = parameter(aws).plan()
    assert plan.diff.splitlines() == [
        "- max_connections = {DBInstanceClassMemory/12582880} by default",
        "+ max_connections = 200",
        "  allowed: 1-100000",
        "  orders-1 uses the group",
    ]


def test_a_parameter_that_was_at_its_default_is_reset(aws) -> None:
    doing = parameter(aws)
    receipt = doing.start()
    assert value(aws) == ("200", "user")
    doing.undo(receipt)
    assert value(aws) == ("{DBInstanceClassMemory/12582880}", "engine-default")
    assert len(aws.calls("ResetDBParameterGroup")) == 1


@pytest.mark.parametrize("with_receipt", [True, False])
def test_a_parameter_that_was_set_gets_its_value_back(aws, with_receipt) -> None:
    doing = parameter(aws)
    old = {
        "ParameterName": "max_connections",
        "ParameterValue": "{DBInstanceClassMemory/1}",
        "ApplyMethod": "immediate",
    }
    aws.admin("rds").modify_db_parameter_group(DBParameterGroupName="orders", Parameters=[old])
    receipt = doing.start()
    doing.undo(receipt if with_receipt else None)
    assert value(aws) == ("{DBInstanceClassMemory/1}", "user")


def test_a_parameter_that_needs_a_reboot_says_so_before_and_after(aws) -> None:
    doing = parameter(aws, parameter="performance_schema", value="1", reboot=True)
    plan = doing.plan()
    assert "(needs a reboot)" in plan.summary
    receipt = doing.start()
    assert receipt.summary == "performance_schema is 1 once the instances are rebooted"
    health = doing.check(receipt)
    assert health.state is HealthState.HEALTHY
    assert "these wait for a reboot: orders-1" in health.detail
    assert "orders-1 uses the group, and waits for a reboot already" in doing.plan().diff
    doing.undo(receipt)
    assert value(aws, "performance_schema") == ("0", "engine-default")


def test_a_parameter_that_needs_a_reboot_is_refused_unless_that_is_meant(aws) -> None:
    with pytest.raises(RunnerRefused, match="say `reboot: true`"):
        parameter(aws, parameter="performance_schema", value="1").plan()


def test_a_value_that_rds_does_not_take_is_refused_and_leaves_no_mark(aws) -> None:
    doing = parameter(aws, value="x")
    with pytest.raises(RunnerRefused, match="Invalid parameter value: x"):
        doing.start()
    assert doing.check().state is HealthState.ABSENT


def test_what_was_there_has_to_fit_into_a_tag(aws) -> None:
    doing = parameter(aws)
    old = {"ParameterName": "max_connections", "ParameterValue": "1" * 250, "ApplyMethod": "immediate"}
    aws.admin("rds").modify_db_parameter_group(DBParameterGroupName="orders", Parameters=[old])
    with pytest.raises(RunnerRefused, match="too long for the 256 characters of a tag"):
        doing.start()
    assert value(aws) == ("1" * 250, "user")


def test_a_lost_answer_is_undone_by_the_mark(aws) -> None:
    doing = parameter(aws)
    aws.fault("ModifyDBParameterGroup", what="cut after")
    with pytest.raises(RunnerUnsure, match="max_connections of orders may be set"):
        doing.start()
    assert doing.check().state is HealthState.HEALTHY
    doing.undo(None)
    assert value(aws) == ("{DBInstanceClassMemory/12582880}", "engine-default")


def test_what_it_had_become_meanwhile_is_told(aws) -> None:
    doing = parameter(aws)
    receipt = doing.start()
    other = {"ParameterName": "max_connections", "ParameterValue": "300", "ApplyMethod": "immediate"}
    aws.admin("rds").modify_db_parameter_group(DBParameterGroupName="orders", Parameters=[other])
    assert doing.check(receipt).state is HealthState.UNHEALTHY
    doing.undo(receipt)
    assert "max_connections had become 300 in the meantime, not by jitbot" in doing.run.lines
